//! Traffic weights and targets on Application Load Balancers.
//!
//! [`ElbTraffic`] writes the weights of a service's dedicated listener rule, and [`TargetGroups`] looks at the machines
//! behind its two target groups. `ModifyRule` replaces a rule's whole action list and has no precondition
//! (Elastic Load Balancing API Reference, `ModifyRule`), so that a write is: read the rule, change the weights of its
//! forward action and nothing else, write it all back. A rollback leaves the first of these out: what the rule was when
//! the rollout was admitted is kept with the rollout, and written back in one call. Who may write is the engine's fence
//! to decide.

mod fault;
mod fleet;
mod rule;
#[cfg(test)]
mod samples;
mod snapshot;
mod traffic;

pub use fleet::TargetGroups;
pub use traffic::ElbTraffic;
