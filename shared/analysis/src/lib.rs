//! The canary judge: evidence and policy in, verdict out. Pure.
//!
//! [`judge()`] follows a whole rollout, minute by minute, by group-sequential tests that compare the canary with the
//! baseline that served at the same time and with what was usual before, and keeps the chance of blaming an equal
//! version within the [`Policy`]'s budget for the whole rollout, however often it looks. [`closed_minutes`] says which
//! minutes may be shown to it.
//!
//! What it assumes: within a minute the requests of both arms fail independently of each other, or depend on each other
//! no more than the [`History`]'s split over zones shows.

mod course;
pub mod decisions;
mod effect;
mod evidence;
mod histories;
mod history;
mod judge;
mod limit;
mod number;
pub mod peers;
mod policy;
mod ruled;
mod seconds;
pub mod sequential;
mod spending;
mod verdict;
mod window;
mod words;

pub use course::{Counted, Course, LONGEST_COURSE};
pub use effect::Effect;
pub use evidence::{Arm, Evidence, EvidenceError, MAX_MINUTES, MAX_REQUESTS, Minute, Minutes, Sample};
pub use histories::{Histories, UnequalZones};
pub use history::{History, Split};
pub use judge::{Case, judge};
pub use number::{NumberError, Probability, Ratio};
pub use policy::{Direction, FurtherMetric, Kind, Policy, Preset, TooLittleTraffic};
pub use seconds::Seconds;
pub use sequential::Key;
pub use verdict::{Basis, Finding, Metric, NoData, Rate, Reason, Ruling, SilentArm, Standard, Verdict};
pub use window::{Window, closed_minutes, next_closing};
