//! On which days of a month an expression fires.

use jiff::civil::Date;

use super::fields::{Problem, Reader, number};
use super::sets::bits;
use super::{CronField, Syntax};

/// Bits 1 to 31.
const MONTH: u64 = 0xffff_fffe;
/// Bits 0 to 6, Sunday first.
const WEEK: u64 = 0x7f;
/// The first bits of five weeks.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// These days of the month, if they are these days of the week as well.
    Both { month: u64, week: u64 },
    /// These days of the month, and these days of the week.
    Either { month: u64, week: u64 },
    /// The last day of the month.
    Last,
    /// The last day of the month that is no Saturday or Sunday.
    LastWorkday,
    /// The day nearest to this one, in the same month, that is no Saturday or Sunday; months that do not have it have none.
    Nearest(u16),
    /// The last of this day of the week.
    LastOf(u16),
    /// So many-th of this day of the week.
    Nth { week: u16, nth: u16 },
}

impl Days {
    /// Vixie's five fields: where neither field begins with a star, either is enough.
    pub(super) fn five(of_month: &str, of_week: &str) -> Result<Self, Problem> {
        let month = bits(&Reader { field: CronField::DayOfMonth, syntax: Syntax::Five }.values(of_month)?);
        let week = bits(&Reader { field: CronField::DayOfWeek, syntax: Syntax::Five }.values(of_week)?);
        let week = (week | week >> 7) & WEEK;
        let either = !of_month.starts_with('*') && !of_week.starts_with('*');
        Ok(match either {
            true if month == MONTH || week == WEEK => Self::Both { month: MONTH, week: WEEK },
            true => Self::Either { month, week },
            false => Self::Both { month, week },
        })
    }

    /// EventBridge Scheduler's six fields: one of both is `?`.
    pub(super) fn six(of_month: &str, of_week: &str) -> Result<Self, Problem> {
        let month = Reader { field: CronField::DayOfMonth, syntax: Syntax::Six };
        let week = Reader { field: CronField::DayOfWeek, syntax: Syntax::Six };
        match (of_month, of_week) {
            ("?", "?") => {
                Err(week.problem("it is ? and the day of month too", "write * for one of the two, or days"))
            }
            ("?", days) => Self::of_week(week, days),
            (days, "?") => Self::of_month(month, days),
            ("*", _) => Err(month.problem("it is * beside a day of week", "write ?")),
            (_, "*") => Err(week.problem("it is * beside a day of month", "write ?")),
            _ => Err(week.problem(
                "days of both the month and the week are named, which EventBridge Scheduler does not have",
                "write ? for one of the two, and a second expression if both are meant",
            )),
        }
    }

    fn of_month(reader: Reader, text: &str) -> Result<Self, Problem> {
        match text {
            "L" => return Ok(Self::Last),
            "LW" => return Ok(Self::LastWorkday),
            _ => {}
        }
        if let Some(day) = text.strip_suffix('W')
            && let Ok(day) = reader.value(day)
        {
            return Ok(Self::Nearest(day));
        }
        if text.contains(['L', 'W']) {
            let remedy = "write L, LW or one day with W, like 15W, alone";
            return Err(reader.problem(format!("{text:?} is no day of it"), remedy));
        }
        Ok(Self::Both { month: bits(&reader.values(text)?), week: WEEK })
    }

    fn of_week(reader: Reader, text: &str) -> Result<Self, Problem> {
        // Its numbers begin with 1.
        if let Some((day, nth)) = text.split_once('#') {
            return match (reader.value(day), number(nth)) {
                (Ok(day), Some(nth @ 1..=5)) => Ok(Self::Nth { week: day - 1, nth }),
                (Err(problem), _) if !text.contains(',') => Err(problem),
                _ => Err(reader.problem(
                    format!("{text:?} is no day of it"),
                    "write one day and which of the month it is, 1 to 5, like MON#2, alone",
                )),
            };
        }
        if text == "L" {
            return Ok(Self::Both { month: MONTH, week: bits(&[6]) });
        }
        if let Some(day) = text.strip_suffix('L') {
            return match reader.value(day) {
                Ok(day) => Ok(Self::LastOf(day - 1)),
                Err(problem) if !text.contains([',', '-', '/']) => Err(problem),
                Err(_) => Err(reader
                    .problem(format!("{text:?} is no day of it"), "write one day with L, like FRIL, alone")),
            };
        }
        Ok(Self::Both { month: MONTH, week: bits(&reader.values(text)?) >> 1 })
    }

    /// The days of a month, a bit for each from 1.
    pub(super) fn of(self, first: Date) -> u64 {
        let length = u16::try_from(first.days_in_month()).unwrap_or(0);
        let begins = u16::try_from(first.weekday().to_sunday_zero_offset()).unwrap_or(0);
        let weekday = |day: u16| (begins + day - 1) % 7;
        let all = MONTH & ((2 << length) - 1);
        // A week from the weekday of the first on, and four more.
        let weekdays = |week: u64| {
            let turned = (week >> begins | week << (7 - begins)) & WEEK;
            ((turned * WEEKS) << 1) & all
        };
        match self {
            Self::Both { month, week: WEEK } => month & all,
            Self::Both { month, week } => month & weekdays(week),
            Self::Either { month, week } => month & all | weekdays(week),
            Self::Last => 1 << length,
            Self::LastWorkday => {
                1 << match weekday(length) {
                    0 => length - 2,
                    6 => length - 1,
                    _ => length,
                }
            }
            Self::Nearest(day) if day > length => 0,
            Self::Nearest(day) => {
                1 << match weekday(day) {
                    0 if day == length => day - 2,
                    0 => day + 1,
                    6 if day == 1 => day + 2,
                    6 => day - 1,
                    _ => day,
                }
            }
            Self::LastOf(week) => 1 << (length - (weekday(length) + 7 - week) % 7),
            Self::Nth { week, nth } => (1 << (1 + (week + 7 - begins) % 7 + 7 * (nth - 1))) & all,
        }
    }
}
