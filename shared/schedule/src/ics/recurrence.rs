//! Which days a rule names (RFC 5545, 3.3.10), as far as holidays need it: `FREQ=YEARLY`, by months, their days, and
//! their days of the week.

use jiff::civil::{Date, DateTime, Time};

use super::lines::{Line, excerpt};
use super::when::When;
use super::{InvalidCalendar, LAST_YEAR, Why};
use crate::zone::Zone;

#[derive(Debug)]
pub(super) struct Rule {
    interval: usize,
    count: Option<usize>,
    /// On the clock of the event.
    until: Option<DateTime>,
    months: Option<Vec<i8>>,
    /// From the first, or where negative from the last.
    month_days: Option<Vec<i8>>,
    /// So many-th, from the end where negative, or each where 0, of a day of the week, Sunday being 0.
    weekdays: Option<Vec<(i8, i8)>>,
}

const WEEKDAYS: [&str; 7] = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

impl Rule {
    /// The rule of an event that begins at a time.
    pub(super) fn read(line: &Line, start: &When, own: &Zone) -> Result<Self, InvalidCalendar> {
        let mut rule =
            Self { interval: 1, count: None, until: None, months: None, month_days: None, weekdays: None };
        let mut yearly = false;
        for part in line.value.trim().split(';') {
            let refuse = |remedy| line.refuse(Why::Rule { part: excerpt(part), remedy });
            let (key, value) = part.split_once('=').ok_or_else(|| refuse("write KEY=VALUE"))?;
            let value = value.to_ascii_uppercase();
            match key.to_ascii_uppercase().as_str() {
                "FREQ" if value == "YEARLY" => yearly = true,
                "FREQ" => return Err(refuse("write FREQ=YEARLY, or an event for each time")),
                "INTERVAL" => {
                    rule.interval = positive(&value).ok_or_else(|| refuse("write a number from 1"))?;
                }
                "COUNT" => {
                    rule.count = Some(positive(&value).ok_or_else(|| refuse("write a number from 1"))?);
                }
                "UNTIL" => {
                    let until = When::read(line, &value, own)?;
                    rule.until = Some(match &until {
                        When::Date(date) => date.to_datetime(Time::MAX),
                        When::At(..) => until.beside(start),
                    });
                }
                "BYMONTH" => {
                    let months = list(&value, |month| number(month).filter(|month| (1..=12).contains(month)));
                    rule.months = Some(months.ok_or_else(|| refuse("write months, 1 to 12"))?);
                }
                "BYMONTHDAY" => {
                    let days = list(&value, |day| number(day).filter(|day| (1..=31).contains(&day.abs())));
                    rule.month_days = Some(days.ok_or_else(|| refuse("write days, 1 to 31 or -31 to -1"))?);
                }
                "BYDAY" => {
                    let days = list(&value, weekday);
                    rule.weekdays =
                        Some(days.ok_or_else(|| refuse("write days of the week, like MO, 4TH or -1MO"))?);
                }
                // The day on which a week begins matters to weeks alone.
                "WKST" => {}
                _ => return Err(refuse("leave it out, or write an event for each time")),
            }
        }
        let remedy = if !yearly {
            "write FREQ=YEARLY"
        } else if rule.count.is_some() && rule.until.is_some() {
            "leave COUNT or UNTIL out"
        } else if rule.months.is_none()
            && rule.weekdays.iter().flatten().any(|(nth, _)| *nth != 0 || rule.month_days.is_none())
        {
            "add BYMONTH, in which BYDAY counts"
        } else {
            return Ok(rule);
        };
        Err(line.refuse(Why::Rule { part: excerpt(&line.value), remedy }))
    }

    /// The dates on which it begins, the event's own first.
    pub(super) fn dates(&self, start: DateTime) -> impl Iterator<Item = Date> {
        let own = start.date();
        let until = self.until.unwrap_or(DateTime::MAX);
        (own.year()..=LAST_YEAR)
            .step_by(self.interval)
            .flat_map(move |year| self.of_year(year, own))
            .filter(move |date| *date > own)
            .take_while(move |date| date.to_datetime(start.time()) <= until)
            .take(self.count.map_or(usize::MAX, |count| count - 1))
    }

    fn of_year(&self, year: i16, own: Date) -> impl Iterator<Item = Date> {
        (1..=12)
            .filter(move |month| match (&self.months, &self.month_days) {
                (Some(months), _) => months.contains(month),
                (None, Some(_)) => true,
                (None, None) => *month == own.month(),
            })
            .flat_map(move |month| (1..=31).filter_map(move |day| Date::new(year, month, day).ok()))
            .filter(move |date| self.is_day(*date, own))
    }

    fn is_day(&self, date: Date, own: Date) -> bool {
        let back = date.day() - date.days_in_month() - 1;
        let of_month =
            self.month_days.as_ref().map(|days| days.contains(&date.day()) || days.contains(&back));
        let of_week = self.weekdays.as_ref().map(|weekdays| {
            weekdays.iter().any(|(nth, weekday)| {
                let counts = *nth == 0 || *nth == (date.day() + 6) / 7 || *nth == -((-back + 6) / 7);
                counts && *weekday == date.weekday().to_sunday_zero_offset()
            })
        });
        match (of_month, of_week) {
            (None, None) => date.day() == own.day(),
            (of_month, of_week) => of_month.unwrap_or(true) && of_week.unwrap_or(true),
        }
    }
}

fn list<T>(value: &str, each: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(each).collect()
}

fn number(text: &str) -> Option<i8> {
    text.parse().ok()
}

fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

fn weekday(text: &str) -> Option<(i8, i8)> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth = if nth.is_empty() { 0 } else { number(nth).filter(|nth| (1..=5).contains(&nth.abs()))? };
    let (_, weekday) = WEEKDAYS.iter().zip(0..).find(|(name, _)| **name == day)?;
    Some((nth, weekday))
}
