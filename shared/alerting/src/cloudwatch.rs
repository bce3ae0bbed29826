//! The alarms of CloudWatch for the rules of a policy: which there have to be, what differs from those that there are, and
//! in which order that is mended. What becomes an alarm, and what does not and why, is in `cloudwatch.md`.

mod alarm;
mod application;
mod describe;
mod difference;
mod formula;
mod left_out;
mod literal;
mod wanted;

#[cfg(test)]
mod tests;

pub use alarm::{AlarmSpec, Existing, MetricAlarm, Operator, Watches, tags};
pub use application::{Application, Failed, Step};
pub use difference::{Changes, Conflict, Deletion, Difference, Update, diff};
pub use left_out::{Gap, LeftOut, Reason};
pub use wanted::{AlarmSet, Plan, Services, Without, wanted};
