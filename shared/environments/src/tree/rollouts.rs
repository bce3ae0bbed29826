//! The blocks that [`crate::Environment`] knows (services, rollout and what it gains), read from the layers.

use std::sync::LazyLock;

use serde::Deserialize as _;
use serde::de::value::MapDeserializer;

use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Node, Origin, Value};
use super::sections::SECTIONS;
use super::shapes::{Shape, Shapes};
use super::typed::{Typed, Wrong};
use crate::place::{Part, Place};
use crate::settings::Identity;
use crate::{Environment, InvalidConfiguration, Written};

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::of(Environment::schema().as_value()));

/// Notes every unknown key of the file's top and of the blocks of rollouts, and what is missing there.
pub(crate) fn unknown_keys(entries: &[Entry], notes: &mut Notes) {
    let fields = &SHAPES.root().fields;
    for entry in entries.iter().filter(|entry| !SECTIONS.contains(&entry.key.as_str())) {
        if let Some(shape) = fields.get(&entry.key) {
            walk(&entry.node, &entry.at, SHAPES.get(*shape), &mut entry.key.clone(), notes);
        } else {
            let known: Vec<&str> = SECTIONS.into_iter().chain(fields.keys().map(String::as_str)).collect();
            notes.error(&entry.at, format!("unknown key `{}`", entry.key), nearest(&entry.key, &known));
        }
    }
}

fn walk(node: &Node, at: &Origin, shape: &Shape, path: &mut String, notes: &mut Notes) {
    match &node.value {
        Value::List(items) => {
            let Some(of) = shape.items else { return };
            for item in items {
                walk(item, &item.at, SHAPES.get(of), path, notes);
            }
        }
        Value::Map(entries) => {
            for key in &shape.required {
                if !entries.iter().any(|entry| entry.key == *key || is_slip(&entry.key, key)) {
                    notes.error(
                        at,
                        format!("{path}.{key} is missing"),
                        format!("add `{key}:` to this block"),
                    );
                }
            }
            for entry in entries {
                if let Some(below) = shape.fields.get(&entry.key).copied().or(shape.named) {
                    let above = path.len();
                    path.push('.');
                    path.push_str(&entry.key);
                    walk(&entry.node, &entry.at, SHAPES.get(below), path, notes);
                    path.truncate(above);
                } else if !shape.fields.is_empty() {
                    let known: Vec<&str> = shape.fields.keys().map(String::as_str).collect();
                    let message = format!("unknown key `{}` in {path}", entry.key);
                    notes.error(&entry.at, message, nearest(&entry.key, &known));
                }
            }
        }
        _ => {}
    }
}

/// So many mistakes of values are told at once; the blocks are read again for each.
const MOST: usize = 50;

/// Reads the blocks of rollouts. A mistake is noted where it stands, and the part that it is in is left out to find those
/// of the other parts.
pub(crate) fn rollouts(entries: &[Entry], notes: &mut Notes) -> Option<Environment> {
    let start = entries.first().map(|entry| &entry.at)?;
    // The sections' reader has told what is wrong with it.
    let identity = entries.iter().find(|entry| entry.key == "environment");
    if notes.has_errors() && identity.is_none_or(|entry| Identity::deserialize(Typed::of(entry)).is_err()) {
        return None;
    }
    let written = match read(entries) {
        Ok(written) => written,
        Err(first) => {
            all_wrong(entries, first, start, notes);
            return None;
        }
    };
    match Environment::read(written) {
        Ok(environment) => Some(environment),
        Err(mistakes) => {
            for invalid in mistakes {
                let at = invalid.place().and_then(|place| find(entries, &place));
                note(at.unwrap_or(start), &invalid, &invalid.to_string(), notes);
            }
            None
        }
    }
}

/// Notes what is wrong with a value that could be read, as `told`; in a condition, at the character that is to blame.
fn note(at: &Origin, invalid: &InvalidConfiguration, told: &str, notes: &mut Notes) {
    if let Some((error, part)) =
        invalid.condition().and_then(|error| Some((error, at.part(error.text(), error.into())?)))
    {
        let place = told.split(": ").next().unwrap_or_default();
        notes.error(&part, format!("{place}: {}", error.found()), error.remedy());
        return;
    }
    if let Some(wrong) = invalid.calendar() {
        // A calendar has lines of its own; of one that is not there that has been told.
        if let Some(line) = at.line(wrong.line) {
            let (message, remedy) = parted(&wrong.why.to_string());
            notes.error(&line, format!("the calendar cannot be read: {message}"), remedy);
            return;
        }
        if notes.has_error_at(at) {
            return;
        }
    }
    let (message, remedy) = parted(told);
    notes.error(at, message, remedy);
}

fn read(entries: &[Entry]) -> Result<Written, Wrong> {
    let own = entries.iter().filter(|entry| SHAPES.root().fields.contains_key(&entry.key));
    Written::deserialize(MapDeserializer::new(own.map(|entry| (entry.key.as_str(), Typed::of(entry)))))
}

fn all_wrong(entries: &[Entry], first: Wrong, start: &Origin, notes: &mut Notes) {
    let mut left = entries.to_vec();
    let mut next = Some(first);
    for _ in 0..MOST {
        let Some(Wrong { told, at }) = next else { return };
        let at = at.as_ref().unwrap_or(start);
        if !told.is_empty() && !notes.has_error_at(at) {
            let (message, remedy) = parted(&told);
            notes.error(at, named(entries, at, &message).unwrap_or(message), remedy);
        }
        if !leave_out(&mut left, at) {
            return;
        }
        next = match read(&left) {
            Ok(written) => return rest(entries, &left, written, start, notes),
            Err(next) => Some(next),
        };
    }
}

/// Notes what is wrong with the alerts once what could not be read is left out, if nothing is that they speak of.
fn rest(entries: &[Entry], left: &[Entry], written: Written, start: &Origin, notes: &mut Notes) {
    let is_whole = |keys: &[&str]| values(entries, keys) == values(left, keys);
    if !is_whole(&["notifications"]) || !is_whole(&["alerts", "metrics"]) {
        return;
    }
    for invalid in Environment::read(written).err().into_iter().flatten() {
        let InvalidConfiguration::Alerts { place, source } = &invalid else { continue };
        let at = find(left, place).unwrap_or(start);
        // What was left out before it counts where it is written.
        let place = path(entries, at).unwrap_or_else(|| place.to_string());
        note(at, &invalid, &format!("{place}: {source}"), notes);
    }
}

/// How many values there are below keys.
fn values(entries: &[Entry], keys: &[&str]) -> usize {
    fn all(node: &Node) -> usize {
        match &node.value {
            Value::Map(entries) => 1 + entries.iter().map(|entry| all(&entry.node)).sum::<usize>(),
            Value::List(items) => 1 + items.iter().map(all).sum::<usize>(),
            _ => 1,
        }
    }
    let Some((key, rest)) = keys.split_first() else {
        return entries.iter().map(|entry| all(&entry.node)).sum();
    };
    match entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.node.value) {
        Some(Value::Map(below)) => values(below, rest),
        Some(_) => 1,
        None => 0,
    }
}

/// A message that does not say what it is about, with its key.
fn named(entries: &[Entry], at: &Origin, message: &str) -> Option<String> {
    let path = path(entries, at)?;
    ["this is ", "not "].iter().find_map(|begins| {
        let rest = message.strip_prefix(begins)?;
        let not = if *begins == "not " { "not " } else { "" };
        Some(format!("{path} is {not}{rest}"))
    })
}

/// Takes out the part that a place is in: a service, a freeze window, a channel, a rule of alerts, a block of `rollout`, or
/// all of `promotion`, whose parts depend on each other, or of `cost`, if it is its schedule. False where nothing can be left out.
fn leave_out(entries: &mut Vec<Entry>, at: &Origin) -> bool {
    let Some(place) = entries.iter().position(|entry| is_in(entry, at)) else {
        return false;
    };
    let Some(entry) = entries.get_mut(place).filter(|entry| entry.key != "environment") else { return false };
    let is_part = match (entry.key.as_str(), &mut entry.node.value) {
        ("promotion", _) => false,
        // There is none without a schedule.
        ("cost", Value::Map(parts)) if parts.iter().any(|part| part.key == "schedule" && is_in(part, at)) => {
            false
        }
        ("alerts", Value::Map(parts)) => {
            let part = parts.iter_mut().find(|part| is_in(part, at));
            part.is_some_and(|part| take_out(&mut part.node, at)) || take_out(&mut entry.node, at)
        }
        _ => take_out(&mut entry.node, at),
    };
    if !is_part {
        entries.remove(place);
    }
    true
}

fn is_in(entry: &Entry, at: &Origin) -> bool {
    entry.at.is(at) || entry.node.at.is(at) || below(&entry.node, at).is_some()
}

/// Takes the setting or the item out of a block or a list that a place is in; false where it is in none.
fn take_out(node: &mut Node, at: &Origin) -> bool {
    match &mut node.value {
        Value::Map(parts) => {
            let before = parts.len();
            parts.retain(|part| !is_in(part, at));
            before != parts.len()
        }
        Value::List(items) => {
            let before = items.len();
            items.retain(|item| !(item.at.is(at) || below(item, at).is_some()));
            before != items.len()
        }
        _ => false,
    }
}

/// Where a value was written; for one that was not, what it would be in.
pub(crate) fn find<'a>(entries: &'a [Entry], place: &Place) -> Option<&'a Origin> {
    let mut entries = entries;
    let mut items: &[Node] = &[];
    let mut found = None;
    for part in place.parts() {
        let node = match part {
            Part::Key(key) => {
                let Some(entry) = entries.iter().find(|entry| entry.key == *key) else { break };
                found = Some(Typed::of(entry).place());
                &entry.node
            }
            Part::Item(index) => {
                let Some(item) = items.get(*index) else { break };
                found = Some(&item.at);
                item
            }
        };
        (entries, items) = match &node.value {
            Value::Map(entries) => (entries.as_slice(), &[][..]),
            Value::List(items) => (&[][..], items.as_slice()),
            _ => (&[][..], &[][..]),
        };
    }
    found
}

/// The dotted key of what stands somewhere; of several, as where a variable made them all, the longest.
fn path(entries: &[Entry], at: &Origin) -> Option<String> {
    entries.iter().find_map(|entry| {
        let here = || (entry.at.is(at) || entry.node.at.is(at)).then(String::new);
        Some(format!("{}{}", entry.key, below(&entry.node, at).or_else(here)?))
    })
}

fn below(node: &Node, at: &Origin) -> Option<String> {
    match &node.value {
        Value::Map(entries) => path(entries, at).map(|path| format!(".{path}")),
        Value::List(items) => items.iter().enumerate().find_map(|(index, item)| {
            let rest = if item.at.is(at) { Some(String::new()) } else { below(item, at) };
            Some(format!("[{index}]{}", rest?))
        }),
        _ => None,
    }
}

/// A message in its two parts: what is wrong, and the remedy.
fn parted(told: &str) -> (String, String) {
    const REMEDIES: [&str; 15] = [
        "write ",
        "let ",
        "swap ",
        "take ",
        "export ",
        "give ",
        "add ",
        "leave ",
        "raise ",
        "use ",
        "end ",
        "order ",
        "hold ",
        "did you mean ",
        "a ",
    ];
    if let Some((what, expected)) = told.split_once(", expected ") {
        return (what.to_owned(), format!("write {expected}"));
    }
    told.match_indices(": ")
        .map(|(at, colon)| (told.get(..at), told.get(at + colon.len()..)))
        .find_map(|(what, remedy)| {
            let remedy = remedy.filter(|remedy| REMEDIES.iter().any(|verb| remedy.starts_with(verb)))?;
            Some((what?.to_owned(), remedy.to_owned()))
        })
        .unwrap_or_else(|| (told.to_owned(), "correct this value".to_owned()))
}
