//! Everything that alert-router reaches, in memory, and everything that calls it, in virtual time: the same for the lab
//! that plays alarms through it (`alert-lab`) and for the bench of `engine`.
//!
//! [`Town`] is the world behind the ports. [`Hours`] is Lambda, EventBridge and Step Functions: it delivers events, calls
//! back at the times of timers, sweeps, and tries again what failed or was killed. Each call of a port lets whoever else
//! runs go on first, so that an invocation can be killed between any two of them ([`Hours::kill_before`]).

pub mod events;
mod hours;
mod memory;
mod ports;
mod rollouts;
#[cfg(test)]
mod tests;
mod town;
mod turn;

pub use hours::{Hours, Killed};
pub use town::{Counts, HOME, Outage, Received, Town};
