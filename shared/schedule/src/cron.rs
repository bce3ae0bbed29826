//! Cron expressions, and when they fire in a zone.
//!
//! Two syntaxes. Five fields by themselves are Vixie cron's, `crontab(5)`: where both days are restricted, that is neither
//! field begins with a star, either is enough. Six fields, or five or six within `cron(…)`, are EventBridge Scheduler's
//! ("Schedule types on EventBridge Scheduler", User Guide): one of both days is `?`, 1 is Sunday, and a range may go over
//! the end, as in `20-2` of hours. Days of the week by numbers are let in only within `cron(…)`, where nobody takes them for
//! those of five fields. When either fires is as EventBridge Scheduler has it, the same page: a time that the
//! clock of the zone jumps over is left out, and one that it shows twice fires once, before the clock is set back. So a
//! step of minutes pauses in an hour that comes again.
//!
//! What that page leaves open: `15W` in a month is within the month, and a month without that day has none (31W);
//! names and letters may be small; what it does not name, as `L-3` or a step of days of the week, is refused.

mod days;
mod fields;
mod remedies;
mod sets;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::zone::Zone;
use days::Days;
use fields::{Problem, Reader};
use sets::{Bits, FIRST_YEAR, LAST_YEAR, Years, bits};

/// The longest expression, in characters.
const LENGTH: usize = 200;

/// A cron expression that fires on some day. In five fields 1 is Monday; in EventBridge Scheduler's six, which are written
/// within cron(…) or with the names of days, 1 is Sunday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["0 18 * * 1-5", "cron(0 18 ? * MON-FRI *)"]))]
pub struct Cron {
    text: String,
    times: Times,
}

/// What an expression means, however it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// A bit for each.
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    years: Years,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    Five,
    Six,
}

/// A field of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CronField {
    /// The first.
    Minute,
    /// The second.
    Hour,
    /// The third.
    DayOfMonth,
    /// The fourth.
    Month,
    /// The fifth.
    DayOfWeek,
    /// The sixth, of EventBridge Scheduler's.
    Year,
}

/// Why an expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// It is no list of five or six fields.
    #[error(
        "{text:?} has {found}: write minute, hour, day of month, month and day of week, like 0 18 * * 1-5, or with the year \
         EventBridge Scheduler's six, like cron(0 18 ? * MON-FRI *)"
    )]
    Fields {
        /// The expression, or how it begins.
        text: String,
        /// What it has instead.
        found: String,
    },
    /// A field cannot be read.
    #[error("in {text:?} the {field}: {found}: {remedy}")]
    Field {
        /// The expression.
        text: String,
        /// The field.
        field: CronField,
        /// What is wrong with it.
        found: String,
        /// What to do about it.
        remedy: String,
    },
    /// It has a field for seconds.
    #[error(
        "{text:?} has {count} fields, the first of them for seconds: leave the seconds out: write {instead}"
    )]
    Seconds {
        /// The expression.
        text: String,
        /// How many fields.
        count: usize,
        /// The same without it.
        instead: String,
    },
    /// No day is one of its days.
    #[error(
        "{text:?} never fires: no month and year that it names have such a day: write a day that they have"
    )]
    Never {
        /// The expression.
        text: String,
    },
}

impl TryFrom<String> for Cron {
    type Error = InvalidCron;

    fn try_from(text: String) -> Result<Self, InvalidCron> {
        let times = Times::read(&text)?;
        Ok(Self { text, times })
    }
}

impl std::str::FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        text.to_owned().try_into()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Times {
    fn read(text: &str) -> Result<Self, InvalidCron> {
        if text.chars().count() > LENGTH {
            let text = text.chars().take(20).chain(['…']).collect();
            return Err(InvalidCron::Fields { text, found: format!("more than {LENGTH} characters") });
        }
        let capitals = text.trim().to_ascii_uppercase();
        let expression = Expression::of(&capitals);
        let times = Self::of(&expression);
        let text = text.to_owned();
        let (better, wrong) = match times {
            Ok(times) if !times.has_days() => return Err(InvalidCron::Never { text }),
            Ok(times) => match remedies::ambiguous(&expression) {
                None => return Ok(times),
                Some(problem) => (None, Wrong::Field(problem)),
            },
            Err(Wrong::Field(problem)) if problem.field == CronField::DayOfWeek => {
                let ambiguous = remedies::ambiguous(&expression).map(remedies::Better::Field);
                let better = ambiguous.or_else(|| remedies::better(&expression, Some(&problem)));
                (better, Wrong::Field(problem))
            }
            Err(Wrong::Field(problem)) => {
                (remedies::better(&expression, Some(&problem)), Wrong::Field(problem))
            }
            Err(Wrong::Fields(found)) => (remedies::better(&expression, None), Wrong::Fields(found)),
        };
        Err(match (better, wrong) {
            (Some(remedies::Better::Seconds { instead }), _) => {
                InvalidCron::Seconds { text, count: expression.fields.len(), instead }
            }
            (Some(remedies::Better::Field(problem)), _) | (None, Wrong::Field(problem)) => {
                let Problem { field, found, remedy } = problem;
                InvalidCron::Field { text, field, found, remedy }
            }
            (None, Wrong::Fields(found)) => InvalidCron::Fields { text, found },
        })
    }

    fn of(expression: &Expression<'_>) -> Result<Self, Wrong> {
        let Expression { fields, bracketed } = expression;
        let field = |field, syntax, text: &str| Reader { field, syntax }.values(text);
        match fields.as_slice() {
            [minute, hour, day, month, weekday] if !bracketed => {
                let syntax = Syntax::Five;
                Ok(Self {
                    minutes: bits(&field(CronField::Minute, syntax, minute)?),
                    hours: bits(&field(CronField::Hour, syntax, hour)?),
                    days: Days::five(day, weekday)?,
                    months: bits(&field(CronField::Month, syntax, month)?),
                    years: Years::new(&field(CronField::Year, syntax, "*")?),
                })
            }
            [minute, hour, day, month, weekday, year @ ..] if year.len() < 2 => {
                let syntax = Syntax::Six;
                Ok(Self {
                    minutes: bits(&field(CronField::Minute, syntax, minute)?),
                    hours: bits(&field(CronField::Hour, syntax, hour)?),
                    days: Days::six(day, weekday)?,
                    months: bits(&field(CronField::Month, syntax, month)?),
                    years: Years::new(&field(CronField::Year, syntax, year.first().unwrap_or(&"*"))?),
                })
            }
            fields => {
                let plural = if fields.len() == 1 { "" } else { "s" };
                let within = if *bracketed { " in cron(…)" } else { "" };
                Err(Wrong::Fields(format!("{} field{plural}{within}", fields.len())))
            }
        }
    }
}

/// The fields of an expression, in capitals.
struct Expression<'a> {
    fields: Vec<&'a str>,
    /// Whether they are within `cron(…)`.
    bracketed: bool,
}

impl<'a> Expression<'a> {
    fn of(capitals: &'a str) -> Self {
        let bracketed = capitals.strip_prefix("CRON(").and_then(|rest| rest.strip_suffix(')'));
        let fields = bracketed.unwrap_or(capitals).split_whitespace().collect();
        Self { fields, bracketed: bracketed.is_some() }
    }
}

/// Why fields cannot be read.
enum Wrong {
    Fields(String),
    Field(Problem),
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self::Field(problem)
    }
}

/// When an expression fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Firing {
    pub(crate) at: Timestamp,
    /// What the clock shows then.
    pub(crate) wall: DateTime,
}

impl Cron {
    /// When it fires next after an instant; `None` if it does not any more. At most its years are looked through, of which
    /// there are 230.
    pub fn next(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        self.after(zone, zone.latest(after), |_| true).map(|firing| firing.at)
    }

    /// When it fired last, at an instant or before it; `None` if it had not yet.
    pub fn previous(&self, zone: &Zone, at: Timestamp) -> Option<Timestamp> {
        self.before(zone, zone.latest(at), |_| true).map(|firing| firing.at)
    }

    /// The times of a day at which it would fire if the clock of the zone did not jump over them.
    pub(crate) fn skipped(&self, zone: &Zone, date: Date) -> impl Iterator<Item = Time> {
        let is_its_own = self.times.dates(date, |day| day == date).next().is_some();
        let minutes = is_its_own.then(|| self.times.minutes(0)).into_iter().flatten();
        minutes
            .filter_map(move |minute| wall(date, minute))
            .filter(|wall| zone.first(*wall).is_none())
            .map(DateTime::time)
    }

    /// The days of the week that it names by numbers of EventBridge Scheduler's, by their names.
    pub(crate) fn named_days(&self) -> Option<String> {
        let capitals = self.text.trim().to_ascii_uppercase();
        let Expression { fields, bracketed } = Expression::of(&capitals);
        let days = fields.get(4).filter(|days| bracketed && remedies::has_numbers(days))?;
        remedies::named(days, Syntax::Six)
    }

    pub(crate) const fn times(&self) -> &Times {
        &self.times
    }

    /// The first firing later than a time on the clock, on a date that may be.
    pub(crate) fn after(&self, zone: &Zone, wall: DateTime, may: impl Fn(Date) -> bool) -> Option<Firing> {
        let today = wall.date();
        let passed = minute_of(wall);
        self.times.dates(today, may).find_map(|date| {
            let from = if date == today { passed + 1 } else { 0 };
            self.times.minutes(from).find_map(|minute| fires(zone, date, minute))
        })
    }

    /// The last firing at a time on the clock or earlier, on a date that may be.
    pub(crate) fn before(&self, zone: &Zone, wall: DateTime, may: impl Fn(Date) -> bool) -> Option<Firing> {
        let today = wall.date();
        let reached = minute_of(wall);
        self.times.dates_back(today, may).find_map(|date| {
            let to = if date == today { reached } else { 24 * 60 };
            self.times.minutes_back(to).find_map(|minute| fires(zone, date, minute))
        })
    }
}

fn minute_of(wall: DateTime) -> u16 {
    u16::try_from(i16::from(wall.hour()) * 60 + i16::from(wall.minute())).unwrap_or(0)
}

fn wall(date: Date, minute: u16) -> Option<DateTime> {
    let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    Some(date.to_datetime(time))
}

fn fires(zone: &Zone, date: Date, minute: u16) -> Option<Firing> {
    let wall = wall(date, minute)?;
    zone.first(wall).map(|at| Firing { at, wall })
}

impl Times {
    /// The last year that it names.
    pub(crate) fn last_year(&self) -> Option<i16> {
        self.years.between(FIRST_YEAR, LAST_YEAR).next_back()
    }

    /// The days on which it fires, if it does at one time of each.
    pub(crate) fn daily(&self) -> Option<(impl PartialEq + '_, u16)> {
        let Self { minutes, hours, days, months, years } = self;
        let minute = Bits(self.minutes).next()?;
        let hour = Bits(self.hours).next()?;
        (minutes.is_power_of_two() && hours.is_power_of_two())
            .then_some(((days, months, years), hour * 60 + minute))
    }

    /// Whether any month that it names has one of its days.
    fn has_days(&self) -> bool {
        let years = self.years.between(FIRST_YEAR, LAST_YEAR);
        let mut months = years.flat_map(move |year| Bits(self.months).map(move |month| (year, month)));
        months.any(|(year, month)| self.month(year, month).is_some_and(|(_, days)| days != 0))
    }

    fn month(&self, year: i16, month: u16) -> Option<(Date, u64)> {
        let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
        Some((first, self.days.of(first)))
    }

    fn dates(&self, from: Date, may: impl Fn(Date) -> bool) -> impl Iterator<Item = Date> {
        let years = self.years.between(from.year(), LAST_YEAR);
        years
            .flat_map(move |year| Bits(self.months).filter_map(move |month| self.month(year, month)))
            .filter(move |(first, _)| first.last_of_month() >= from)
            .flat_map(|(first, days)| Bits(days).filter_map(move |day| date(first, day)))
            .filter(move |date| *date >= from && may(*date))
    }

    fn dates_back(&self, to: Date, may: impl Fn(Date) -> bool) -> impl Iterator<Item = Date> {
        let years = self.years.between(FIRST_YEAR, to.year()).rev();
        years
            .flat_map(move |year| Bits(self.months).rev().filter_map(move |month| self.month(year, month)))
            .filter(move |(first, _)| *first <= to)
            .flat_map(|(first, days)| Bits(days).rev().filter_map(move |day| date(first, day)))
            .filter(move |date| *date <= to && may(*date))
    }

    fn minutes(&self, from: u16) -> impl Iterator<Item = u16> {
        Bits(self.hours)
            .filter(move |hour| *hour >= from / 60)
            .flat_map(|hour| Bits(self.minutes).map(move |minute| hour * 60 + minute))
            .filter(move |minute| *minute >= from)
    }

    fn minutes_back(&self, to: u16) -> impl Iterator<Item = u16> {
        Bits(self.hours)
            .rev()
            .filter(move |hour| *hour <= to / 60)
            .flat_map(|hour| Bits(self.minutes).rev().map(move |minute| hour * 60 + minute))
            .filter(move |minute| *minute <= to)
    }
}

fn date(first: Date, day: u16) -> Option<Date> {
    Date::new(first.year(), first.month(), i8::try_from(day).ok()?).ok()
}
