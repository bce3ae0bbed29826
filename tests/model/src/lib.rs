//! The rollback protocol (`Rollback that cannot be lost`), model-checked.
//!
//! Nothing of the protocol is written down here a second time: [`machine`] runs the real functions of crate `engine`, with
//! the real `rollout::decide` inside, from one call of a port to the next. The checker chooses what happens between any two
//! calls: another function's call, a crash, a write of the rule that lands late, a delivery too many, a minute. What is
//! modelled is the world around the functions: the store's transactions ([`store`]), the rule, the state machine's
//! executions, the watchdog and the sweep ([`step`]).
//!
//! Time is relative ([`time`]): now is always the same instant, the past moves away from it, and what is longer ago than every
//! duration of the plan is all the same. So there are finitely many states, and the checker sees each of them.

pub mod action;
pub mod call;
pub mod check;
pub mod machine;
pub mod progress;
mod script;
pub mod setting;
pub mod snapshot;
pub mod state;
pub mod step;
pub mod store;
pub mod time;
pub mod worlds;

pub use check::{Checked, Protocol, check};
pub use progress::{Progress, progress};
pub use setting::{Broken, Faults, Setting, Steps, Ticks};
