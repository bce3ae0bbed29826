use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::zone::{Edge, Zone};

/// A window of time that is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    name: String,
    zone: Zone,
    when: When,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum When {
    Once {
        from: DateTime,
        to: DateTime,
    },
    /// Begins on each of these days; ends on the next one where `to` is not later.
    Weekly {
        days: Vec<Day>,
        from: Time,
        to: Time,
    },
}

/// A window as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Window")]
pub struct WrittenWindow {
    /// What people are told that holds.
    name: String,
    /// The days on which it begins, every week; without them it is once, from a date to a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<Vec<Day>>,
    /// When it begins: a date and time, or with `days` a time of the day.
    from: Moment,
    /// When it ends; with `days` on the next day where it is not later than `from`.
    to: Moment,
    /// Whose clock is meant.
    zone: Zone,
}

impl WrittenWindow {
    /// One that is written as a part of something else.
    pub const fn new(name: String, days: Option<Vec<Day>>, from: Moment, to: Moment, zone: Zone) -> Self {
        Self { name, days, from, to, zone }
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    pub(crate) const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    pub(crate) fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        })
    }
}

/// When a window begins or ends, as a clock on the wall shows it: `2026-11-27T00:00`, or `18:00` of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend(
    "pattern" = "^([0-9]{4}-[0-9]{2}-[0-9]{2}T)?[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
    "examples" = ["2026-11-27T00:00", "18:00"]
))]
pub enum Moment {
    /// Of a date.
    At(DateTime),
    /// Of whatever day.
    Daily(Time),
}

/// A text that is neither a date with a time nor a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time: write a date and time like 2026-11-27T00:00, or with `days` a time of the day like \"18:00\""
)]
pub struct InvalidMoment(String);

impl TryFrom<String> for Moment {
    type Error = InvalidMoment;

    fn try_from(text: String) -> Result<Self, InvalidMoment> {
        // An offset or a zone in the text would be passed over, so that only the shape without one is read.
        let is_time = |time: &str| {
            matches!(time.len(), 5 | 8) && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
        };
        match text.split_once('T') {
            None if is_time(&text) => text.parse().map(Self::Daily).ok(),
            Some((date, time)) if date.len() == 10 && is_time(time) => text.parse().map(Self::At).ok(),
            _ => None,
        }
        .ok_or(InvalidMoment(text))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Daily(time) => time.fmt(f),
        }
    }
}

/// Why a window was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// People could not be told which window holds.
    #[error("the window has no name: give it one, people are told it")]
    NoName,
    /// Two windows have one name.
    #[error("two windows are called {0:?}: give each a name of its own")]
    Twice(String),
    /// It would never begin.
    #[error("there is no day: write at least one, like friday, or leave `days` out and write dates")]
    NoDays,
    /// A time of the day where a date is needed.
    #[error("{0} is a time of the day: write a date and time like 2026-11-27T00:00, or add `days`")]
    NeedsDate(Moment),
    /// The same of a window that has no days.
    #[error("{0} is a time of the day, and the window is once: write a date and time like 2026-11-27T00:00")]
    NotDaily(Moment),
    /// A date where a time of the day is needed.
    #[error("{0} has a date, and the window begins on its `days`: write a time of the day like \"18:00\"")]
    NeedsTime(Moment),
    /// It ends before it begins.
    #[error("the window ends at {to} and begins at {from}: write a `to` that is later than its `from`")]
    Empty {
        /// When it begins.
        from: Moment,
        /// When it ends.
        to: Moment,
    },
    /// It lies in an hour that there is not.
    #[error("the clock of {zone} jumps over the whole window: write times that it shows")]
    Skipped {
        /// Whose clock.
        zone: Zone,
    },
}

impl TryFrom<WrittenWindow> for Window {
    /// The key that is to blame, and why.
    type Error = (&'static str, InvalidWindow);

    fn try_from(written: WrittenWindow) -> Result<Self, Self::Error> {
        let WrittenWindow { name, days, from, to, zone } = written;
        if name.trim().is_empty() {
            return Err(("name", InvalidWindow::NoName));
        }
        let when = match (days, from, to) {
            (None, Moment::At(begin), Moment::At(end)) => {
                if begin >= end {
                    return Err(("to", InvalidWindow::Empty { from, to }));
                }
                if zone.instant(begin, Edge::Begin) >= zone.instant(end, Edge::End) {
                    return Err(("to", InvalidWindow::Skipped { zone }));
                }
                When::Once { from: begin, to: end }
            }
            (Some(days), Moment::Daily(from), Moment::Daily(to)) => {
                if days.is_empty() {
                    return Err(("days", InvalidWindow::NoDays));
                }
                When::Weekly { days, from, to }
            }
            (None, Moment::Daily(_), _) => return Err(("from", InvalidWindow::NeedsDate(from))),
            (None, Moment::At(_), Moment::Daily(_)) => return Err(("to", InvalidWindow::NeedsDate(to))),
            (Some(_), Moment::At(_), _) => return Err(("from", InvalidWindow::NeedsTime(from))),
            (Some(_), Moment::Daily(_), Moment::At(_)) => return Err(("to", InvalidWindow::NeedsTime(to))),
        };
        Ok(Self { name, zone, when })
    }
}

impl From<Window> for WrittenWindow {
    fn from(valid: Window) -> Self {
        let Window { name, zone, when } = valid;
        match when {
            When::Once { from, to } => {
                Self { name, days: None, from: Moment::At(from), to: Moment::At(to), zone }
            }
            When::Weekly { days, from, to } => {
                Self { name, days: Some(days), from: Moment::Daily(from), to: Moment::Daily(to), zone }
            }
        }
    }
}

impl Window {
    /// What people are told that holds.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the window ends that holds now; `None` where none does.
    pub(crate) fn open_at(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Once { from, to } => self.end(*from, *to, now),
            When::Weekly { days, from, to } => {
                // What holds now began today or the day before; a day of its zone can be missing between them.
                let today = self.zone.wall(now).date();
                let before = [Some(today), today.yesterday().ok()];
                let earlier = today.yesterday().and_then(Date::yesterday).ok();
                before
                    .into_iter()
                    .chain([earlier])
                    .flatten()
                    .filter(|date| days.contains(&Day::of(*date)))
                    .filter_map(|date| {
                        let end = if to > from { date } else { date.tomorrow().ok()? };
                        self.end(date.to_datetime(*from), end.to_datetime(*to), now)
                    })
                    .max()
            }
        }
    }

    /// The end of what lasts from one time to another on the wall, if it holds now.
    fn end(&self, from: DateTime, to: DateTime, now: Timestamp) -> Option<Timestamp> {
        let begin = self.zone.instant(from, Edge::Begin)?;
        let end = self.zone.instant(to, Edge::End)?;
        (begin <= now && now < end).then_some(end)
    }
}
