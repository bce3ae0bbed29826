//! Time as people plan with it, in their zone: windows, and what they say of an instant; cron expressions; and holidays. Everything is exact across every change of a zone's
//! clock, from the time zone database that is built in: a pure crate reads no files, and time is an argument.
mod cron;
mod holidays;
mod ics;
mod standing;
mod window;
mod zone;

pub use cron::{Cron, CronField, InvalidCron};
pub use holidays::{Holiday, InvalidHoliday};
pub use ics::{InvalidCalendar, Why as CalendarMistake, holidays};
pub use standing::{Standing, standing};
pub use window::{Day, InvalidMoment, InvalidWindow, Moment, Window, WrittenWindow};
pub use zone::{InvalidZone, Zone};

#[cfg(test)]
mod tests;
