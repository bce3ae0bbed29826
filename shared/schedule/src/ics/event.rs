//! One event: the days that it takes.

use jiff::SignedDuration;
use jiff::civil::{Date, Time};

use super::lines::Line;
use super::recurrence::Rule;
use super::when::{When, duration};
use super::{InvalidCalendar, Why};
use crate::zone::{Edge, Zone};

/// In seconds, as a clock shows it.
const DAY: i64 = 24 * 3_600;
/// The longest event.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: Option<String>,
    start: When,
    /// As its clock shows it: a day is one of 24 hours.
    length: SignedDuration,
    rule: Option<Rule>,
    except: Vec<When>,
}

/// What an event is.
#[derive(Debug)]
pub(super) enum Read {
    /// One of whole days.
    AllDay(Box<Event>),
    /// One at times of the day.
    Timed,
    /// One that does not take place.
    Cancelled,
}

impl Read {
    /// Reads the properties of an event that begins at a line.
    pub(super) fn event(begin: usize, lines: &[Line], own: &Zone) -> Result<Self, InvalidCalendar> {
        let only = |name: &'static str| {
            let mut named = lines.iter().filter(|line| line.name == name);
            match (named.next(), named.next()) {
                (_, Some(second)) => Err(second.refuse(Why::Twice(name))),
                (first, None) => Ok(first),
            }
        };
        let Some(from) = only("DTSTART")? else {
            return Err(InvalidCalendar { line: begin, why: Why::NoStart });
        };
        let cancelled =
            only("STATUS")?.is_some_and(|line| line.value.trim().eq_ignore_ascii_case("CANCELLED"));
        let timed = if cancelled { Self::Cancelled } else { Self::Timed };
        // Of a meeting nothing else needs to be understood, as its series or its zone.
        if When::time(from).is_some_and(|time| time != Time::midnight()) {
            return Ok(timed);
        }
        let start = When::read(from, &from.value, own)?;
        let length = length(&start, only("DTEND")?, only("DURATION")?, own)?;
        if matches!(start, When::At(..)) && (length.is_zero() || length.as_secs() % DAY != 0) {
            return Ok(timed);
        }
        for line in lines {
            let remedy = match line.name.as_str() {
                "RDATE" => "write an event for each of its dates",
                "EXRULE" => "write the dates that it leaves out as EXDATE",
                "RECURRENCE-ID" => {
                    "write it as an event of its own, and its old date as EXDATE of the series"
                }
                _ => continue,
            };
            return Err(line.refuse(Why::Unknown { name: line.name.clone(), remedy }));
        }
        let rule = only("RRULE")?.map(|line| Rule::read(line, &start, own)).transpose()?;
        let mut except = Vec::new();
        for line in lines.iter().filter(|line| line.name == "EXDATE") {
            except.extend(When::list(line, own)?);
        }
        let name = only("SUMMARY")?.map(|line| plain(&line.value)).filter(|name| !name.is_empty());
        let event = Event { name, start, length, rule, except };
        Ok(if cancelled { Self::Cancelled } else { Self::AllDay(Box::new(event)) })
    }
}

impl Event {
    /// The dates of its own clock on which it lasts.
    pub(super) fn dates(&self) -> impl Iterator<Item = Date> {
        let first = self.start.wall();
        let more = self.rule.iter().flat_map(move |rule| rule.dates(first));
        std::iter::once(first.date())
            .chain(more)
            .map(|date| self.start.on(date))
            .filter(|start| !self.except.iter().any(|except| is_same(start, except)))
            .filter_map(|start| self.span(&start))
            .flat_map(|(first, last)| {
                first.series(jiff::Span::new().days(1)).take_while(move |date| *date <= last)
            })
    }

    /// The first and the last.
    fn span(&self, start: &When) -> Option<(Date, Date)> {
        let end = start.wall().checked_add(self.length).ok()?;
        Some((start.wall().date(), end.date().yesterday().ok()?))
    }
}

/// Whether an exception is about a time.
fn is_same(start: &When, except: &When) -> bool {
    match (start, except) {
        (When::At(..), When::At(..)) => start.instant(Edge::Begin) == except.instant(Edge::Begin),
        _ => start.wall().date() == except.beside(start).date(),
    }
}

fn length(
    start: &When,
    end: Option<&Line>,
    lasts: Option<&Line>,
    own: &Zone,
) -> Result<SignedDuration, InvalidCalendar> {
    let (line, length) = match (end, lasts, start) {
        (Some(_), Some(lasts), _) => return Err(lasts.refuse(Why::BothEnds)),
        (None, None, When::Date(_)) => return Ok(SignedDuration::from_hours(24)),
        (None, None, When::At(..)) => return Ok(SignedDuration::ZERO),
        (Some(line), None, _) => {
            let end = When::read(line, &line.value, own)?;
            if matches!(end, When::Date(_)) != matches!(start, When::Date(_)) {
                return Err(line.refuse(Why::OtherKind));
            }
            (line, end.beside(start).duration_since(start.wall()))
        }
        (None, Some(line), _) => {
            let length = duration(&line.value).filter(|length| match start {
                When::Date(_) => length.as_secs() % DAY == 0,
                When::At(..) => true,
            });
            (line, length.ok_or_else(|| line.refuse(Why::Duration(line.value.clone())))?)
        }
    };
    if length <= SignedDuration::ZERO {
        Err(line.refuse(Why::Empty))
    } else if length > LONGEST {
        Err(line.refuse(Why::TooLong))
    } else {
        Ok(length)
    }
}

/// A text without its escapes (RFC 5545, 3.3.11), on one line.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n' | 'N') | None => ' ',
                Some(c) => c,
            },
            c if c.is_control() => ' ',
            c => c,
        });
    }
    plain.trim().to_owned()
}
