use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cron::Cron;
use crate::holidays::Holiday;
use crate::hours::WeeklyHours;
use crate::once::OneOff;
use crate::overrides::Override;
use crate::state::State;
use crate::window::{Day, Moment};

/// Why a resource is to be on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "because", deny_unknown_fields)]
pub enum Reason {
    /// A person said so for some time.
    Override {
        /// What they asked for.
        state: State,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Until when it holds, if no newer one comes.
        until: Timestamp,
    },
    /// A one-off window of the configuration.
    OneOff {
        /// What it asks for.
        state: State,
        /// Its name.
        name: String,
    },
    /// A window of every week.
    Window {
        /// The days on which it begins.
        days: Vec<Day>,
        /// When.
        from: Moment,
        /// When it ends.
        to: Moment,
    },
    /// None of the windows holds.
    Outside,
    /// A cron expression started it.
    Start {
        /// The expression.
        cron: Cron,
    },
    /// A cron expression stopped it.
    Stop {
        /// The expression.
        cron: Cron,
    },
    /// No cron expression has fired yet: it is left on.
    NotYet,
    /// What would have begun did not, on a holiday.
    Holiday {
        /// The date, and its name where it has one.
        day: Holiday,
    },
    /// The plan has nothing else.
    Always,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Override { state, by, reason, .. } => write!(f, "{by} wants it {state}: {reason}"),
            Self::OneOff { state, name } => write!(f, "{state} once: {name}"),
            Self::Window { days, from, to } => {
                f.write_str("in the hours ")?;
                for (index, day) in days.iter().enumerate() {
                    write!(f, "{}{day}", if index == 0 { "" } else { ", " })?;
                }
                write!(f, " {} to {}", short(from), short(to))
            }
            Self::Outside => f.write_str("outside its hours"),
            Self::Start { cron } => write!(f, "started by {}", told(cron)),
            Self::Stop { cron } => write!(f, "stopped by {}", told(cron)),
            Self::NotYet => f.write_str("nothing has stopped it yet"),
            Self::Holiday { day } => write!(f, "nothing begins on the holiday {day}"),
            Self::Always => f.write_str("always so"),
        }
    }
}

/// An expression, with the names of days that it has numbers of which 1 is Sunday for.
pub(crate) fn told(cron: &Cron) -> String {
    cron.named_days().map_or_else(|| cron.to_string(), |days| format!("{cron} ({days})"))
}

/// A time without seconds that are none.
fn short(moment: &Moment) -> String {
    let text = moment.to_string();
    text.strip_suffix(":00").map_or(text.clone(), str::to_owned)
}

/// The same as long as it is not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    Override(&'a Override),
    OneOff(&'a OneOff),
    Window(&'a WeeklyHours),
    Outside,
    Start(&'a Cron),
    Stop(&'a Cron),
    NotYet,
    Holiday(Holiday),
    Always,
}

impl From<Cause<'_>> for Reason {
    fn from(cause: Cause<'_>) -> Self {
        match cause {
            Cause::Override(over) => Self::Override {
                state: over.state(),
                by: over.by().to_owned(),
                reason: over.reason().to_owned(),
                until: over.until(),
            },
            Cause::OneOff(once) => Self::OneOff { state: once.state, name: once.name.clone() },
            Cause::Window(hours) => Self::Window {
                days: hours.days.clone(),
                from: Moment::Daily(hours.from),
                to: Moment::Daily(hours.to),
            },
            Cause::Outside => Self::Outside,
            Cause::Start(cron) => Self::Start { cron: cron.clone() },
            Cause::Stop(cron) => Self::Stop { cron: cron.clone() },
            Cause::NotYet => Self::NotYet,
            Cause::Holiday(day) => Self::Holiday { day },
            Cause::Always => Self::Always,
        }
    }
}
