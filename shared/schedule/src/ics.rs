//! Holidays from a calendar file (ICS, RFC 5545): its all-day events. Small and strict: what it does not understand of them
//! it refuses, since a holiday that is left out starts what nobody needs. An event with times of the day is a meeting and no
//! holiday; it is counted, and may be anything.

mod event;
mod lines;
mod recurrence;
mod when;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::holidays::Holiday;
use crate::zone::{InvalidZone, Zone};
use event::Read;
use lines::{Line, lines};

/// The first year of which holidays are kept.
const FIRST_YEAR: i16 = 1970;
/// The last year for which what comes every year is spelled out.
const LAST_YEAR: i16 = 2099;
/// The most dates of one file.
const MOST: usize = 20_000;

/// Why a calendar file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in line {line} of the calendar {why}")]
pub struct InvalidCalendar {
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: Why,
}

/// What is wrong with a line of a calendar file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is something else.
    #[error("there is no BEGIN:VCALENDAR: write the text of an ICS file")]
    NoCalendar,
    /// Nothing would be a holiday.
    #[error("the calendar ends without an event: export one with holidays, or leave it out")]
    NoEvent,
    /// Nothing would be a holiday, either.
    #[error(
        "all events have times of the day, and only all-day events are holidays: export one with holidays, or leave it out"
    )]
    OnlyTimes,
    /// It is no property.
    #[error("{0:?} is no property: write NAME:VALUE, and a space before what continues the line before it")]
    Line(String),
    /// Components do not end in the order in which they began.
    #[error("END:{0} ends what did not begin: export the file again")]
    End(String),
    /// The file stops within a component.
    #[error("BEGIN:{0} has no end: the file is cut off, export it again")]
    CutOff(String),
    /// An event begins at no time.
    #[error("an event has no DTSTART: add one, like DTSTART;VALUE=DATE:20261225")]
    NoStart,
    /// A property is there twice.
    #[error("{0} is there a second time: leave one of the two out")]
    Twice(&'static str),
    /// Neither a date nor a time.
    #[error("{0:?} is no date or time: write 20261225, 20261225T180000 or 20261225T170000Z")]
    Time(String),
    /// A time zone of nobody's.
    #[error("TZID {0}")]
    Zone(InvalidZone),
    /// A date and a time.
    #[error("DTEND is a date and DTSTART a time, or the other way round: write both alike")]
    OtherKind,
    /// Two ends.
    #[error("DURATION is there beside DTEND: leave one of the two out")]
    BothEnds,
    /// No duration.
    #[error("{0:?} is no duration: write one like P1D, or PT8H of an event that begins at a time")]
    Duration(String),
    /// It ends before it begins.
    #[error("an event ends when it begins or before: write a later end; DTEND is the day after the last one")]
    Empty,
    /// Hardly a holiday.
    #[error("an event lasts longer than a year: write a shorter one")]
    TooLong,
    /// A rule that is not understood.
    #[error("{part:?} is not understood of a rule: {remedy}")]
    Rule {
        /// Its part.
        part: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A property that says which days are meant, and is not understood.
    #[error("{name} is not understood: {remedy}")]
    Unknown {
        /// Its name.
        name: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// More than anybody has.
    #[error("an event brings the calendar over {MOST} dates: export fewer years, or fewer events")]
    TooMany,
}

/// What a calendar file has for a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Its holidays in order, each date once and by the name of its first event.
    pub holidays: Vec<Holiday>,
    /// What is none of them for its times.
    pub timed: Option<Timed>,
}

/// Events that are no holidays, since they have times of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// How many; a series is one.
    pub events: usize,
    /// The line in which the first of them begins, from 1.
    pub line: usize,
}

impl Calendar {
    /// Reads a calendar file for a plan in a zone.
    ///
    /// An all-day event takes its dates; so does one from midnight to midnight of its own clock, as which some programs write
    /// them. One that was cancelled takes none. What comes every year is spelled out to the end of 2099.
    pub fn read(text: &str, zone: &Zone) -> Result<Self, InvalidCalendar> {
        let mut found = Found::default();
        let mut last = 1;
        let mut events = 0_usize;
        let mut open: Vec<(usize, String)> = Vec::new();
        let mut event: Vec<Line> = Vec::new();
        for line in lines(text) {
            let line = line?;
            last = line.number;
            let component = line.value.trim().to_ascii_uppercase();
            if line.name == "BEGIN" {
                if open.is_empty() && component != "VCALENDAR" {
                    return Err(line.refuse(Why::NoCalendar));
                }
                open.push((line.number, component));
            } else if line.name == "END" {
                let Some((begin, _)) = open.pop().filter(|(_, begun)| *begun == component) else {
                    return Err(line.refuse(Why::End(component)));
                };
                if component != "VEVENT" || open.len() != 1 {
                    continue;
                }
                events += 1;
                found.add(begin, Read::event(begin, &event, zone)?)?;
                event.clear();
            } else {
                match open.as_slice() {
                    [] => return Err(line.refuse(Why::NoCalendar)),
                    [_, (_, name)] if name == "VEVENT" => event.push(line),
                    // What is said of the calendar, its zones, its alarms.
                    _ => {}
                }
            }
        }
        if let Some((line, name)) = open.pop() {
            return Err(InvalidCalendar { line, why: Why::CutOff(name) });
        }
        if events == 0 {
            let why = if text.trim().is_empty() { Why::NoCalendar } else { Why::NoEvent };
            return Err(InvalidCalendar { line: last, why });
        }
        let Found { dates, timed, .. } = found;
        match timed {
            Some(Timed { events: all, line }) if all == events => {
                Err(InvalidCalendar { line, why: Why::OnlyTimes })
            }
            timed => {
                let holidays = dates.into_iter().map(|(date, name)| Holiday { date, name }).collect();
                Ok(Self { holidays, timed })
            }
        }
    }
}

#[derive(Default)]
struct Found {
    dates: BTreeMap<Date, Option<String>>,
    /// How many dates there were, also those that were there already.
    produced: usize,
    timed: Option<Timed>,
}

impl Found {
    /// Adds an event that begins at a line.
    fn add(&mut self, begin: usize, read: Read) -> Result<(), InvalidCalendar> {
        match read {
            Read::Cancelled => {}
            Read::Timed => self.timed.get_or_insert(Timed { events: 0, line: begin }).events += 1,
            Read::AllDay(event) => {
                for date in event.dates().filter(|date| date.year() >= FIRST_YEAR) {
                    self.produced += 1;
                    if self.produced > MOST {
                        return Err(InvalidCalendar { line: begin, why: Why::TooMany });
                    }
                    self.dates.entry(date).or_insert_with(|| event.name.clone());
                }
            }
        }
        Ok(())
    }
}
