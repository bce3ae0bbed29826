//! When a plan has its resources on by itself, before one-off windows and overrides.

mod pair;
mod weekly;

use jiff::Timestamp;

use crate::holidays::Holidays;
use crate::reason::Cause;
use crate::state::State;
use crate::zone::Zone;

pub(crate) use pair::Pair;
pub(crate) use weekly::{Overlap, Weekly, WeeklyHours};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hours {
    Always(State),
    Weekly(Weekly),
    Pair(Pair),
}

/// What holds around an instant, with one cause: from an instant, `None` where it always was, to before another, `None`
/// where nothing comes after it.
#[derive(Clone, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) state: State,
    pub(crate) cause: Cause<'a>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Piece<'_> {
    /// Ends it where something else may hold: within `from` to `until`, which do not contain the instant.
    pub(crate) fn clip(&mut self, at: Timestamp, from: Timestamp, until: Timestamp) {
        if from > at {
            self.until = Some(self.until.map_or(from, |own| own.min(from)));
        } else {
            self.from = self.from.max(Some(until));
        }
    }
}

impl Hours {
    pub(crate) fn at<'a>(&'a self, zone: &Zone, holidays: &Holidays, at: Timestamp) -> Piece<'a> {
        match self {
            Self::Always(state) => Piece { state: *state, cause: Cause::Always, from: None, until: None },
            Self::Weekly(weekly) => weekly.at(zone, holidays, at),
            Self::Pair(pair) => pair.at(zone, holidays, at),
        }
    }
}
