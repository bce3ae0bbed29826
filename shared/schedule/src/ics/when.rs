//! Dates, times and durations as calendar files write them (RFC 5545, 3.3).

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::lines::{Line, excerpt};
use super::{InvalidCalendar, Why};
use crate::zone::{Edge, Zone};

/// A date, or a time on somebody's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    Date(Date),
    At(DateTime, Zone),
}

impl When {
    /// The values of a property: a list.
    pub(super) fn list(line: &Line, own: &Zone) -> Result<Vec<Self>, InvalidCalendar> {
        line.value.split(',').map(|value| Self::read(line, value, own)).collect()
    }

    /// One value of a property; a time without a zone is one of `own`.
    pub(super) fn read(line: &Line, value: &str, own: &Zone) -> Result<Self, InvalidCalendar> {
        let value = value.trim();
        let kind = line.parameter("VALUE").map(str::to_ascii_uppercase);
        let refuse = || line.refuse(Why::Time(excerpt(value)));
        let when = match (value.split_once('T'), kind.as_deref()) {
            (None, None | Some("DATE")) => Self::Date(date(value).ok_or_else(refuse)?),
            (Some((day, time)), None | Some("DATE-TIME")) => {
                let day = date(day).ok_or_else(refuse)?;
                let (time, utc) = time.strip_suffix('Z').map_or((time, false), |time| (time, true));
                let wall = day.to_datetime(clock(time).ok_or_else(refuse)?);
                let named = if utc { Some("UTC") } else { line.parameter("TZID") };
                let zone = named.map(|name| Zone::try_from(name.to_owned())).transpose();
                Self::At(
                    wall,
                    zone.map_err(|why| line.refuse(Why::Zone(why)))?.unwrap_or_else(|| own.clone()),
                )
            }
            _ => return Err(refuse()),
        };
        Ok(when)
    }

    /// The time of the day of a property that has one, in whichever zone; `None` of a date, and of what is neither.
    pub(super) fn time(line: &Line) -> Option<Time> {
        let kind = line.parameter("VALUE");
        let (day, time) = line.value.trim().split_once('T')?;
        let is_time = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("DATE-TIME")) && date(day).is_some();
        clock(time.strip_suffix('Z').unwrap_or(time)).filter(|_| is_time)
    }

    /// What its clock shows; midnight of a date.
    pub(super) fn wall(&self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(Time::midnight()),
            Self::At(wall, _) => *wall,
        }
    }

    /// The same on another day of its clock.
    pub(super) fn on(&self, date: Date) -> Self {
        match self {
            Self::Date(_) => Self::Date(date),
            Self::At(wall, zone) => Self::At(date.to_datetime(wall.time()), zone.clone()),
        }
    }

    pub(super) fn instant(&self, edge: Edge) -> Option<Timestamp> {
        match self {
            Self::Date(_) => None,
            Self::At(wall, zone) => zone.instant(*wall, edge),
        }
    }

    /// What the clock of another one shows then; of a date, its midnight.
    pub(super) fn beside(&self, other: &Self) -> DateTime {
        match (self.instant(Edge::Begin), other) {
            (Some(at), Self::At(_, zone)) => zone.wall(at),
            _ => self.wall(),
        }
    }
}

fn digits(text: &str, length: usize) -> Option<&str> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn date(text: &str) -> Option<Date> {
    let text = digits(text, 8)?;
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn clock(text: &str) -> Option<Time> {
    let text = digits(text, 6)?;
    let (hour, rest) = text.split_at_checked(2)?;
    let (minute, second) = rest.split_at_checked(2)?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, 0).ok()
}

/// A duration like `P1D`, `P1W` or `PT8H30M`.
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let mut rest = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let (mut seconds, mut in_time, mut parts) = (0_i64, false, 0);
    while !rest.is_empty() {
        if let (false, Some(after)) = (in_time, rest.strip_prefix('T')) {
            (rest, in_time) = (after, true);
            continue;
        }
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let mut unit = after.chars();
        let size = match (unit.next()?, in_time) {
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        seconds = number.parse::<i64>().ok()?.checked_mul(size)?.checked_add(seconds)?;
        (rest, parts) = (unit.as_str(), parts + 1);
    }
    (parts > 0).then(|| SignedDuration::from_secs(seconds))
}
