//! Days on which nothing begins.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A day on which nothing begins, as it is written: its date, and after a space what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend(
    "pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}( .+)?$",
    "examples" = ["2026-12-25", "2026-12-25 Christmas Day"]
))]
pub struct Holiday {
    /// Its date, in the zone of its plan.
    pub date: Date,
    /// What it is called.
    pub name: Option<String>,
}

/// A text that is no holiday.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no holiday: write its date, and its name if you like, as in 2026-12-25 Christmas Day")]
pub struct InvalidHoliday(String);

impl TryFrom<String> for Holiday {
    type Error = InvalidHoliday;

    fn try_from(text: String) -> Result<Self, InvalidHoliday> {
        let (date, name) = match text.split_once(' ') {
            Some((date, name)) => (date, Some(name.trim())),
            None => (text.as_str(), None),
        };
        let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match date.parse() {
            Ok(date) if is_date && name != Some("") => Ok(Self { date, name: name.map(str::to_owned) }),
            _ => Err(InvalidHoliday(text)),
        }
    }
}

impl From<Holiday> for String {
    fn from(holiday: Holiday) -> Self {
        holiday.to_string()
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.date),
            None => self.date.fmt(f),
        }
    }
}

/// The holidays of a plan, each date once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holidays(BTreeMap<Date, Option<String>>);

impl Holidays {
    /// What is there already stays.
    pub(crate) fn add(&mut self, holiday: Holiday) {
        self.0.entry(holiday.date).or_insert(holiday.name);
    }

    pub(crate) fn contains(&self, date: Date) -> bool {
        self.0.contains_key(&date)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, date: Date) -> Holiday {
        Holiday { date, name: self.0.get(&date).cloned().flatten() }
    }
}
