//! One field of an expression: which values it names.

use std::fmt;

use super::{CronField, Syntax};

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) field: CronField,
    pub(super) found: String,
    pub(super) remedy: String,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
            Self::Year => "year",
        })
    }
}

/// How a field of a syntax is written.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) field: CronField,
    pub(super) syntax: Syntax,
}

impl Reader {
    fn bounds(self) -> (u16, u16) {
        match (self.field, self.syntax) {
            (CronField::Minute, _) => (0, 59),
            (CronField::Hour, _) => (0, 23),
            (CronField::DayOfMonth, _) => (1, 31),
            (CronField::Month, _) => (1, 12),
            (CronField::DayOfWeek, Syntax::Five) => (0, 7),
            (CronField::DayOfWeek, Syntax::Six) => (1, 7),
            (CronField::Year, _) => (1970, 2199),
        }
    }

    /// The names of values, and the value of the first.
    fn names(self) -> (&'static [&'static str], u16) {
        match self.field {
            CronField::Month => (&MONTHS, 1),
            CronField::DayOfWeek => (&WEEKDAYS, self.bounds().0),
            _ => (&[], 0),
        }
    }

    pub(super) fn problem(self, found: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem { field: self.field, found: found.into(), remedy: remedy.into() }
    }

    fn allowed(self) -> String {
        let (least, most) = self.bounds();
        match (self.field, self.syntax) {
            (CronField::Month, _) => "1 to 12 or JAN to DEC".to_owned(),
            (CronField::DayOfWeek, Syntax::Five) => {
                "0 to 7, where 0 and 7 are Sunday, or SUN to SAT".to_owned()
            }
            (CronField::DayOfWeek, Syntax::Six) => "1 to 7, where 1 is Sunday, or SUN to SAT".to_owned(),
            _ => format!("{least} to {most}"),
        }
    }

    /// The values that a field in capitals names: a list of values, ranges and steps.
    pub(super) fn values(self, text: &str) -> Result<Vec<u16>, Problem> {
        let mut values = Vec::new();
        for item in text.split(',') {
            self.item(item, &mut values)?;
        }
        Ok(values)
    }

    fn item(self, item: &str, values: &mut Vec<u16>) -> Result<(), Problem> {
        let (least, most) = self.bounds();
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => self.range(from, to)?,
            None => {
                let value = self.value(range)?;
                match (step, self.syntax) {
                    (None, _) => (value, value),
                    (Some(_), Syntax::Six) => (value, most),
                    (Some(step), Syntax::Five) => {
                        let remedy = format!("write {range}-{most}/{step}");
                        return Err(self.problem(format!("{item} has no range to step through"), remedy));
                    }
                }
            }
        };
        // A range that goes over the end begins again with the lowest value.
        let size = most - least + 1;
        let span = (to + size - from) % size;
        let step = step.map_or(Ok(1), |step| self.step(step, item, span))?;
        values.extend(
            (0..=span).step_by(usize::from(step)).map(|offset| least + (from - least + offset) % size),
        );
        Ok(())
    }

    fn range(self, from: &str, to: &str) -> Result<(u16, u16), Problem> {
        let (lowest, highest) = self.bounds();
        let (first, mut last) = (self.value(from)?, self.value(to)?);
        // Of the days that five fields name, Sunday is the first and the last.
        if matches!((self.field, self.syntax), (CronField::DayOfWeek, Syntax::Five))
            && to == "SUN"
            && first > 0
        {
            last = highest;
        }
        if first <= last {
            return Ok((first, last));
        }
        let found = format!("{from}-{to} ends before it begins");
        match (self.field, self.syntax) {
            (CronField::Year, _) => Err(self.problem(found, format!("write {to}-{from}"))),
            (_, Syntax::Six) => Ok((first, last)),
            (_, Syntax::Five) => {
                let part = |from: String, to: String| if from == to { from } else { format!("{from}-{to}") };
                let end = if first == highest { from.to_owned() } else { highest.to_string() };
                let begin = if last == lowest { to.to_owned() } else { lowest.to_string() };
                let (before, after) = (part(from.to_owned(), end), part(begin, to.to_owned()));
                Err(self.problem(found, format!("write {before},{after}")))
            }
        }
    }

    fn step(self, step: &str, item: &str, span: u16) -> Result<u16, Problem> {
        if matches!((self.field, self.syntax), (CronField::DayOfWeek, Syntax::Six)) {
            let found = format!("{item} is a step, which EventBridge Scheduler does not have here");
            return Err(self.problem(found, "write the days, like MON,WED,FRI"));
        }
        match number(step) {
            Some(step) if (1..=span).contains(&step) => Ok(step),
            _ => {
                let remedy = match span {
                    0 => "leave the step out".to_owned(),
                    _ => format!("write a step of 1 to {span}"),
                };
                let found = format!("{step:?} is no step within {}", item.split('/').next().unwrap_or(item));
                Err(self.problem(found, remedy))
            }
        }
    }

    /// One number or name.
    pub(super) fn value(self, text: &str) -> Result<u16, Problem> {
        let (least, most) = self.bounds();
        let (names, base) = self.names();
        let by_name = || names.iter().zip(base..).find(|(name, _)| **name == text).map(|(_, value)| value);
        if let Some(value) = number(text).filter(|value| (least..=most).contains(value)).or_else(by_name) {
            return Ok(value);
        }
        let found = match text {
            "" => "a value is missing".to_owned(),
            text => format!("{text:?} is no value of it"),
        };
        let remedy = match (text, self.syntax) {
            ("?", _) => "write *".to_owned(),
            (text, Syntax::Five) if names.is_empty() && text.contains(['L', 'W']) || text.contains('#') => {
                format!(
                    "write {}; L, W and # are of EventBridge Scheduler's six fields, like cron(0 18 LW * ? *)",
                    self.allowed()
                )
            }
            _ => format!("write {}", self.allowed()),
        };
        Err(self.problem(found, remedy))
    }
}

/// Digits alone, without a sign.
pub(super) fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
