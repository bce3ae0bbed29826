//! A schedule day by day.

use jiff::Timestamp;
use jiff::civil::Date;
use schedule::{Holiday, Override, Plan, Reason, Skipped, Span, State, skipped, week};
use serde_json::{Value, json};

use super::times::{clock, hours};

/// A day of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    date: Date,
    /// How long it really is, in seconds.
    length: i64,
    /// How long resources are on, in seconds.
    on: i64,
    /// From when to when they are, as the clock shows it.
    times: Vec<(String, String)>,
    /// What is out of the ordinary.
    notes: Vec<String>,
    /// The starts and stops that do not happen, since the clock jumps over their times.
    skipped: Vec<Skipped>,
}

/// The days of a plan from a date on, seven at most. `named` are overrides of some resources, which are told beside.
pub(super) fn days(
    plan: &Plan,
    all: &[&Override],
    named: &[&Override],
    from: Date,
    count: usize,
) -> Vec<Day> {
    let spans = week(plan, all, from);
    let dates = std::iter::successors(Some(from), |date| date.tomorrow().ok());
    dates.take(count.min(7)).filter_map(|date| day(plan, &spans, named, date)).collect()
}

fn day(plan: &Plan, spans: &[Span], named: &[&Override], date: Date) -> Option<Day> {
    let zone = plan.zone();
    let (begin, end) = zone.day(date)?;
    let mut day = Day {
        date,
        length: end.duration_since(begin).as_secs(),
        on: 0,
        times: Vec::new(),
        notes: Vec::new(),
        skipped: skipped(plan, date),
    };
    if day.length == 0 {
        day.notes.push("the clock leaves this day out".to_owned());
        day.notes.extend(day.skipped.iter().map(ToString::to_string));
        return Some(day);
    }
    let shown = |at: Timestamp| {
        if at >= end { "24:00".to_owned() } else { clock(zone.wall(at.max(begin))) }
    };
    let when = |from: Timestamp, to: Timestamp| {
        if from <= begin && to >= end { String::new() } else { format!(" {} to {}", shown(from), shown(to)) }
    };
    if let Some(Holiday { name, .. }) = plan.holiday(date) {
        day.notes.push(name.map_or_else(|| "holiday".to_owned(), |name| format!("holiday: {name}")));
    }
    let mut last = None;
    for span in spans.iter().filter(|span| span.from < end && span.to > begin) {
        let (from, to) = (span.from.max(begin), span.to.min(end));
        if span.state == State::On {
            day.on += to.duration_since(from).as_secs();
            match day.times.last_mut().filter(|_| last == Some(from)) {
                Some(before) => before.1 = shown(to),
                None => day.times.push((shown(from), shown(to))),
            }
            last = Some(to);
        }
        let when = when(from, to);
        match &span.reason {
            Reason::OneOff { state, name } => day.notes.push(format!("{state}{when}: {name}")),
            Reason::Override { state, by, reason, .. } => {
                day.notes.push(format!("everything {state}{when} ({by}: {reason})"));
            }
            _ => {}
        }
    }
    for over in named.iter().filter(|over| over.from() < end && over.until() > begin) {
        let when = when(over.from(), over.until());
        let (resources, state) = (over.resources(), over.state());
        day.notes.push(format!("{resources} {state}{when} ({}: {})", over.by(), over.reason()));
    }
    if day.length != 24 * 3_600 {
        let change = if day.length < 24 * 3_600 { "forward" } else { "back" };
        day.notes.push(format!("the clock is set {change}: the day has {}", hours(day.length)));
    }
    day.notes.extend(day.skipped.iter().map(ToString::to_string));
    Some(day)
}

impl Day {
    /// As a line for people, and what is out of the ordinary in further ones.
    pub(super) fn lines(&self) -> Vec<String> {
        let times: Vec<String> = self.times.iter().map(|(from, to)| format!("{from} to {to}")).collect();
        let on = if self.length == 0 {
            "is left out".to_owned()
        } else if self.on == self.length {
            "on all day".to_owned()
        } else if self.on == 0 {
            "off all day".to_owned()
        } else {
            format!("on {}", times.join(" and "))
        };
        let mut lines = vec![format!("{}  {on}", self.date.strftime("%a %Y-%m-%d"))];
        lines.extend(self.notes.iter().map(|note| format!("                {note}")));
        lines
    }

    /// The same for programs.
    pub(super) fn entry(&self) -> Value {
        let Self { date, length, on, times, notes, skipped } = self;
        let times: Vec<Value> = times.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
        json!({
            "kind": "day", "date": date, "length_seconds": length, "on_seconds": on, "on": times, "notes": notes,
            "skipped": skipped.iter().map(Self::skipped).collect::<Vec<_>>(),
        })
    }

    fn skipped(skipped: &Skipped) -> Value {
        let Skipped { state, cron, times } = skipped;
        let times: Vec<String> = times.iter().map(|time| time.strftime("%H:%M").to_string()).collect();
        json!({ "state": state, "cron": cron, "times": times })
    }
}

/// How long resources are on and off in these days.
pub(super) fn sum(days: &[Day]) -> String {
    let (on, length) = days.iter().fold((0, 0), |(on, length), day| (on + day.on, length + day.length));
    format!("on for {} of {}, off for {}", hours(on), hours(length), hours(length - on))
}
