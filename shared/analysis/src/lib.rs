//! The canary judge: evidence and policy in, verdict out. Pure.
//!
//! [`judge()`] compares the canary with the baseline that served at the same time, minute by minute, by an exact
//! conditional test, and keeps the chance of blaming an equal version within the [`Policy`]'s budget for the whole
//! rollout, however often it looks. [`closed_minutes`] says which minutes may be shown to it.
//!
//! What it assumes: within a minute the requests of both arms fail independently of each other. Errors that come in
//! bursts which stick to one arm break that, and the budget with it.

mod evidence;
mod judge;
mod look;
mod number;
pub mod peers;
mod policy;
mod seconds;
mod tail;
mod verdict;
mod window;
mod words;

pub use evidence::{Arm, Evidence, EvidenceError, MAX_MINUTES, MAX_REQUESTS, Minute, Minutes, Reference};
pub use judge::judge;
pub use look::Look;
pub use number::{NumberError, Probability, Ratio};
pub use policy::Policy;
pub use seconds::Seconds;
pub use verdict::{Finding, Metric, NoData, Rate, Reason, SilentArm, Standard, Verdict};
pub use window::{Window, closed_minutes, next_closing};
