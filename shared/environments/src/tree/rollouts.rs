//! The blocks that [`crate::Environment`] knows (services, rollout and what it gains), read from the layers.

use serde_json::Value as Json;

use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Node, Origin, Value};
use super::sections::SECTIONS;
use super::write::Text;
use crate::{Environment, Written, place};

/// Notes every unknown key of the file's top and of the blocks of rollouts, and what is missing there.
pub(crate) fn unknown_keys(entries: &[Entry], notes: &mut Notes) {
    let schema = Environment::schema();
    let root = schema.as_value();
    let properties = root.get("properties").and_then(Json::as_object);
    let known: Vec<&str> = SECTIONS
        .into_iter()
        .chain(properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)))
        .collect();
    for entry in entries {
        if SECTIONS.contains(&entry.key.as_str()) {
            continue;
        }
        match properties.and_then(|properties| properties.get(&entry.key)) {
            Some(schema) => walk(&entry.node, &entry.at, &[schema], root, &entry.key, notes),
            None => {
                notes.error(&entry.at, format!("unknown key `{}`", entry.key), nearest(&entry.key, &known));
            }
        }
    }
}

/// Everything that a schema may mean: references and alternatives resolved.
fn meanings<'s>(schema: &'s Json, root: &'s Json, depth: u8, found: &mut Vec<&'s Json>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(name) = schema.get("$ref").and_then(Json::as_str)
        && let Some(target) = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        meanings(target, root, depth, found);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for schema in schema.get(key).and_then(Json::as_array).into_iter().flatten() {
            meanings(schema, root, depth, found);
        }
    }
    found.push(schema);
}

fn walk(node: &Node, at: &Origin, schemas: &[&Json], root: &Json, path: &str, notes: &mut Notes) {
    let mut all = Vec::new();
    for schema in schemas {
        meanings(schema, root, 16, &mut all);
    }
    match &node.value {
        Value::List(items) => {
            let of: Vec<&Json> = all.iter().filter_map(|schema| schema.get("items")).collect();
            for item in items {
                walk(item, &item.at, &of, root, path, notes);
            }
        }
        Value::Map(entries) => {
            let properties = || all.iter().filter_map(|schema| schema.get("properties")?.as_object());
            let known: Vec<&str> =
                properties().flat_map(|properties| properties.keys().map(String::as_str)).collect();
            let named: Vec<&Json> = all
                .iter()
                .flat_map(|schema| {
                    let patterns = schema.get("patternProperties").and_then(Json::as_object);
                    let further = schema.get("additionalProperties").filter(|further| further.is_object());
                    patterns.into_iter().flat_map(|patterns| patterns.values()).chain(further)
                })
                .collect();
            missing(entries, at, &all, path, notes);
            for entry in entries {
                let own: Vec<&Json> =
                    properties().filter_map(|properties| properties.get(&entry.key)).collect();
                let path = format!("{path}.{}", entry.key);
                if !own.is_empty() {
                    walk(&entry.node, &entry.at, &own, root, &path, notes);
                } else if !named.is_empty() {
                    walk(&entry.node, &entry.at, &named, root, &path, notes);
                } else if !known.is_empty() {
                    let above = path.rsplit_once('.').map_or("", |(above, _)| above);
                    let message = format!("unknown key `{}` in {above}", entry.key);
                    notes.error(&entry.at, message, nearest(&entry.key, &known));
                }
            }
        }
        _ => {}
    }
}

/// Notes what a block has to have and has not, where there is only one thing that it can be.
fn missing(entries: &[Entry], at: &Origin, schemas: &[&Json], path: &str, notes: &mut Notes) {
    let mut blocks = schemas.iter().filter(|schema| schema.get("properties").is_some());
    let (Some(block), None) = (blocks.next(), blocks.next()) else { return };
    for key in block.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
        if !entries.iter().any(|entry| entry.key == key || is_slip(&entry.key, key)) {
            notes.error(at, format!("{path}.{key} is missing"), format!("add `{key}:` to this block"));
        }
    }
}

/// Reads the blocks of rollouts; the first mistake is noted where it stands.
pub(crate) fn rollouts(entries: &[Entry], notes: &mut Notes) -> Option<Environment> {
    let own = |entry: &&Entry| {
        let key = entry.key.as_str();
        key == "environment" || !SECTIONS.contains(&key)
    };
    let text = Text::of(entries.iter().filter(own));
    let start = entries.first().map(|entry| &entry.at)?;
    let at = |line: Option<u64>| -> &Origin { line.and_then(|line| text.origin(line)).unwrap_or(start) };
    let written: Written = match serde_saphyr::from_str(text.as_str()) {
        Ok(written) => written,
        Err(error) => {
            let line = error.location().map(|location| location.line());
            let (message, remedy) = parted(without_place(&place::told(error.without_snippet())));
            notes.error(at(line), message, remedy);
            return None;
        }
    };
    match Environment::try_from(written) {
        Ok(environment) => Some(environment),
        Err(invalid) => {
            let line = invalid.place().and_then(|place| place.find(text.as_str())).map(|(line, _)| line);
            let (message, remedy) = parted(&invalid.to_string());
            notes.error(at(line), message, remedy);
            None
        }
    }
}

/// A message of [`crate::InvalidConfiguration`] in its two parts: what is wrong, and the remedy.
fn parted(told: &str) -> (String, String) {
    const REMEDIES: [&str; 6] = ["write ", "give ", "add ", "leave ", "raise ", "a "];
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

/// A message without the place that the reader appends, which is one in the text of [`Text`].
fn without_place(told: &str) -> &str {
    told.rsplit_once(" at line ").map_or(told, |(message, _)| message)
}
