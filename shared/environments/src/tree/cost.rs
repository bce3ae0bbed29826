//! What a block `cost` names and other files have: calendars and prices. They become a part of it, so that whoever reads a
//! configuration that was published reads no files.

use cost::EXAMPLE_PRICES;
use schedule::Timed;

use super::isolation::Valid;
use super::mistake::{Notes, nearest};
use super::node::{self, Entry, Kind, Node, Origin, Value};
use super::rollouts::find;
use super::{File, Sources};
use crate::place::Place;

/// The longest calendar, in bytes: what is published is one item of a table, which holds 400 KB.
const LONGEST: usize = 64 << 10;
/// Where calendars are, as people know it.
const FOLDER: &str = ".ace-flow/calendars";

/// Puts the texts of calendars in the place of their names, and prices where there are none.
pub(super) fn inline(entries: &mut [Entry], sources: &Sources, notes: &mut Notes) {
    let Some(Value::Map(cost)) = value(entries, "cost") else { return };
    if let Some(Value::Map(schedule)) = value(cost, "schedule")
        && let Some(Value::List(calendars)) = value(schedule, "calendars")
    {
        for calendar in calendars {
            if let Some(inlined) = text(calendar, sources, notes) {
                *calendar = inlined;
            }
        }
    }
    if !cost.iter().any(|entry| entry.key == "prices") {
        let example = || File { name: "the example of prices".to_owned(), text: EXAMPLE_PRICES.to_owned() };
        let (file, kind) = match &sources.prices {
            Some(file) => (file.clone(), Kind::Plain),
            None => (example(), Kind::Defaults),
        };
        let Some(node) = node::read(&file, &sources.name, kind, notes) else { return };
        cost.push(Entry { key: "prices".to_owned(), at: Origin::of_file(&file, &sources.name), node });
    }
}

/// Notes a block of production, whatever it calls itself: its stage or its folder say so, too.
pub(super) fn production(name: &str, entries: &[Entry], notes: &mut Notes) {
    // `cost: null` is how production has none of a block that all share.
    let has_block = |entry: &&Entry| entry.key == "cost" && !matches!(entry.node.value, Value::Null);
    let Some(entry) = entries.iter().find(has_block) else { return };
    let at = &entry.at;
    if !notes.has_error_at(at) {
        notes.error(
            at,
            format!("{name} is production, whose resources are never stopped"),
            "take the block out; where all environments share it, write `cost: null` in this one",
        );
    }
}

/// Notes what calendars have beside holidays: events with times of the day, which are left out.
pub(super) fn check(environments: &[Valid], notes: &mut Notes) {
    for valid in environments {
        let Some(cost) = valid.resolved.rollouts.cost() else { continue };
        for (index, Timed { events, line }) in cost.plan().timed() {
            let place = Place::of(["cost", "schedule", "calendars"]).item(*index);
            let Some(at) = find(&valid.entries, &place) else { continue };
            // The text of one that was published has no lines of its own.
            let (at, name) = match at.line(*line) {
                Some(line) => (line, at.source.name.rsplit('/').next().unwrap_or_default().to_owned()),
                None => (at.clone(), place.to_string()),
            };
            let (event, have) = match events {
                1 => ("event", "has times and is no holiday"),
                _ => ("events", "have times and are no holidays"),
            };
            notes.warning(
                &at,
                format!("{events} {event} of {name} {have}: only all-day events count"),
                "leave what is no holiday out of the file, and make what is one an all-day event (DTSTART;VALUE=DATE:…)",
            );
        }
    }
}

fn value<'a>(entries: &'a mut [Entry], key: &str) -> Option<&'a mut Value> {
    entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node.value)
}

/// The text of the calendar that a value names; `None` where it is a text already, or there is none.
fn text(named: &Node, sources: &Sources, notes: &mut Notes) -> Option<Node> {
    let (Value::Text(name) | Value::Loose(name)) = &named.value else { return None };
    if name.contains('\n') {
        return None;
    }
    let Some(file) = sources.calendars.get(name) else {
        let known: Vec<&str> = sources.calendars.keys().map(String::as_str).collect();
        let remedy = match known.as_slice() {
            [] => format!("write the file {FOLDER}/{name}: an ICS file of holidays, as calendars export it"),
            known => nearest(name, known),
        };
        notes.error(&named.at, format!("there is no calendar {name:?} in {FOLDER}"), remedy);
        return None;
    };
    let at = Origin::of_calendar(file, &sources.name);
    if file.text.len() > LONGEST {
        let message = format!("the calendar has {} bytes, and {LONGEST} at most fit in", file.text.len());
        notes.error(&at, message, "export fewer years, or leave out what is no holiday");
    }
    Some(Node { value: Value::Text(file.text.clone()), at })
}
