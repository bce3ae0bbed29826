use std::fmt;

use jiff::civil::Date;

use crate::ics::InvalidCalendar;
use crate::state::State;
use crate::window::{Day, InvalidWindow};
use crate::zone::Zone;

/// One step on the way to a value of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a block.
    Key(&'static str),
    /// A place in a list, from 0.
    Item(usize),
}

/// What is wrong with a plan, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", path(.steps))]
pub struct Mistake {
    /// The way to what is to blame, from the top of the plan; empty where something is missing there.
    pub steps: Vec<Step>,
    /// What is wrong.
    pub why: InvalidPlan,
}

fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        if !path.is_empty() && matches!(step, Step::Key(_)) {
            path.push('.');
        }
        path.push_str(&step.to_string());
    }
    if !path.is_empty() {
        path.push_str(": ");
    }
    path
}

/// Why a plan was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// Nothing says when.
    #[error(
        "nothing says when resources are on: write their hours as `on`, or cron expressions as `start` and `stop`, or \
         `always: on`"
    )]
    NoHours,
    /// More than one thing says when.
    #[error("`{second}` is there beside `{first}`: leave one of the two out")]
    TwoHours {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// What is started is never stopped, or the other way round.
    #[error("there is no `{missing}` to it: write both, or `always: {always}`")]
    HalfAPair {
        /// What is missing.
        missing: &'static str,
        /// What would be the same.
        always: State,
    },
    /// No window at all.
    #[error(
        "there are no hours: write some, like {{ days: [monday], from: \"08:00\", to: \"18:00\" }}, or `always: off`"
    )]
    NoWindows,
    /// It would never begin.
    #[error("there is no day: write at least one, like friday")]
    NoDays,
    /// A day is named twice.
    #[error("{0} is there twice: leave one of the two out")]
    DayTwice(Day),
    /// Two windows hold at one time.
    #[error(
        "the hours overlap with those of item {other} of the list on a {day}: let one end where the other begins"
    )]
    Overlap {
        /// The place of the other, from 0.
        other: usize,
        /// A day on which they do.
        day: Day,
    },
    /// The windows leave nothing out.
    #[error("the hours are the whole week: write `always: on` instead")]
    WholeWeek,
    /// A window.
    #[error(transparent)]
    Window(#[from] InvalidWindow),
    /// An expression is there twice.
    #[error("{0} is there already: leave one of the two out")]
    CronTwice(String),
    /// It would start and stop at once.
    #[error("{0} starts and stops at the same times: write a stop that comes later than its start")]
    Same(String),
    /// Whatever starts is stopped at once.
    #[error(
        "a stop comes at the time of every start, so that nothing is ever on: write stops that come later"
    )]
    NeverOn,
    /// It never fires in its zone.
    #[error("the clock of {zone} jumps over every time of {cron}: write one that it shows")]
    Skipped {
        /// The expression.
        cron: String,
        /// Whose clock.
        zone: Zone,
    },
    /// It stops before it starts, on each of its days.
    #[error(
        "on each of its days {stop} comes before {start}, so that resources would be on over night and off by day: swap the \
         two, or, if that is meant, write the hours as `on`, which may go over midnight"
    )]
    Inverted {
        /// The expression that starts.
        start: String,
        /// The one that stops.
        stop: String,
    },
    /// What starts is not stopped any more.
    #[error("no stop comes after a start: write one that does")]
    NeverOff,
    /// Stops end before starts do.
    #[error("stops end with the year {stops}, and starts go on until {starts}: let the stops go on as long")]
    StopsEnd {
        /// The last year of the stops.
        stops: i16,
        /// The last year of the starts.
        starts: i16,
    },
    /// A holiday is there twice.
    #[error("{0} is there twice: leave one of the two out")]
    HolidayTwice(Date),
    /// A calendar file.
    #[error(transparent)]
    Calendar(#[from] InvalidCalendar),
    /// Holidays that change nothing.
    #[error(
        "with `always` nothing begins that a holiday could stop: leave it out, or write a one-off window under `once`"
    )]
    NoUse,
    /// Two one-off windows hold at one time.
    #[error("the window overlaps with {0:?}: let one end where the other begins")]
    OnceOverlap(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Item(index) => write!(f, "[{index}]"),
        }
    }
}
