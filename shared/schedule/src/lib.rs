//! Time as people plan with it, in their zone: windows, and what they say of an instant; cron expressions; and whether a
//! resource is to be on or off, why, and when that changes next. Everything is exact across every change of a zone's
//! clock, from the time zone database that is built in: a pure crate reads no files, and time is an argument.
//!
//! What is desired of a resource ([`desired`](desired())) is what the first of these says:
//!
//! | Who | Says something | Where the clock jumps over a time | Where it shows a time twice |
//! |---|---|---|---|
//! | an [`Override`], the newest | from an instant to before another | | |
//! | a one-off window, `once` | from a date and time to before another | begins or ends at the jump | begins at the first, ends at the second |
//! | hours, `on` | always: on in a window that did not begin on a holiday | the same | the same |
//! | or expressions, `start` and `stop` | always: what fired last, not counting starts on a holiday; of both at once the stop; on before the first | does not fire | fires at the first |
//! | or `always` | always | | |
mod cron;
mod crons;
mod desired;
mod holidays;
mod hours;
mod ics;
mod invalid;
mod once;
mod overrides;
mod plan;
mod reason;
mod skipped;
mod standing;
mod state;
mod window;
mod zone;

pub use cron::{Cron, CronField, InvalidCron};
pub use crons::Crons;
pub use desired::{Desired, Span, Voice, desired, explain, week};
pub use holidays::{Holiday, InvalidHoliday};
pub use ics::{Calendar, InvalidCalendar, Timed, Why as CalendarMistake};
pub use invalid::{InvalidPlan, Mistake, Step};
pub use once::WrittenOneOff;
pub use overrides::{InvalidOverride, Override, WrittenOverride};
pub use plan::{Plan, WrittenHours, WrittenPlan};
pub use reason::Reason;
pub use skipped::{Skipped, skipped};
pub use standing::{Standing, standing};
pub use state::State;
pub use window::{Day, InvalidMoment, InvalidWindow, Moment, Window, WrittenWindow};
pub use zone::{InvalidZone, Zone};

#[cfg(test)]
mod tests;
