use std::collections::BTreeMap;

use super::mistake::Notes;
use super::node::{Entry, Kind, Node, Origin, Value, read};
use super::template::{fill, is_unfilled, note_unfilled};
use super::{File, Sources};

pub(crate) const DEFAULTS: &str = include_str!("defaults.yml");
const PREFIX: &str = "ACE__";

/// The layers of an environment laid over each other: defaults < template < config.yml < overrides, by name <
/// `ACE__A__B`. `None` if a file cannot be read or there is nothing.
///
/// A template is for every environment, so that it may say more than one of them has use for: a block of it whose
/// variables have no values stays away where the environment does not write that block itself.
pub(crate) fn merged(sources: &Sources, notes: &mut Notes) -> Option<Vec<Entry>> {
    let mut written = Vec::new();
    let mut layers = Vec::new();
    let mut complete = true;
    if let Some(template) = &sources.template {
        match read(template, &sources.name, Kind::Template, notes) {
            Some(mut node) => {
                fill(&mut node, &sources.variables, notes);
                complete &= lay_node(&mut written, node, notes);
            }
            None => complete = false,
        }
    }
    let mut overrides: Vec<&File> = sources.overrides.iter().collect();
    overrides.sort_by(|a, b| a.name.cmp(&b.name));
    for file in [&sources.config].into_iter().chain(overrides) {
        match read(file, &sources.name, Kind::Plain, notes) {
            Some(node) => layers.push(node),
            None => complete = false,
        }
    }
    let mut own = Vec::new();
    for node in layers {
        complete &= lay_node(&mut own, node, notes);
    }
    for (name, value) in &sources.settings {
        if let Some(path) = name.strip_prefix(PREFIX) {
            complete &= variable(&mut own, &sources.name, (name, path, value), notes);
        }
    }
    written.retain(|entry: &Entry| {
        entry.key == "environment" || own.iter().any(|own| own.key == entry.key) || !is_unfilled(&entry.node)
    });
    lay(&mut written, own);
    for entry in &written {
        note_unfilled(&entry.node, notes);
    }
    let defaults = File { name: "defaults".to_owned(), text: DEFAULTS.to_owned() };
    let defaults = match read(&defaults, &sources.name, Kind::Defaults, notes).map(|node| node.value) {
        Some(Value::Map(entries)) => entries,
        _ => Vec::new(),
    };
    let mut all: Vec<Entry> =
        defaults.into_iter().filter(|default| written.iter().any(|entry| entry.key == default.key)).collect();
    lay(&mut all, written);
    complete.then_some(all)
}

/// Lays a file's blocks over others; false, and noted, if it has something else.
fn lay_node(under: &mut Vec<Entry>, node: Node, notes: &mut Notes) -> bool {
    match node.value {
        Value::Map(entries) => lay(under, entries),
        Value::Null => {}
        other => {
            notes.error(
                &node.at,
                format!("the file is {}, not blocks of settings", other.shown()),
                "begin with a block, like `environment:`",
            );
            return false;
        }
    }
    true
}

fn variable(
    written: &mut Vec<Entry>,
    environment: &str,
    (name, path, value): (&str, &str, &str),
    notes: &mut Notes,
) -> bool {
    let at = Origin::variable(name, value, environment);
    let keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
    if keys.iter().any(String::is_empty) {
        notes.error(
            &at,
            format!("{name} names no setting"),
            "write the keys with two underscores between them, like ACE__DATABASE__STORAGE",
        );
        return false;
    }
    let leaf = Node { value: Value::Loose(value.to_owned()), at: at.clone() };
    let node = keys.into_iter().rev().fold(leaf, |node, key| {
        let entry = Entry { key, at: at.clone(), node };
        Node { value: Value::Map(vec![entry]), at: at.clone() }
    });
    if let Value::Map(entries) = node.value {
        lay(written, entries);
    }
    true
}

/// Lays entries over others: blocks are joined, everything else is replaced.
fn lay(under: &mut Vec<Entry>, over: Vec<Entry>) {
    for entry in over {
        let Some(old) = under.iter_mut().find(|old| old.key == entry.key) else {
            under.push(entry);
            continue;
        };
        old.at = entry.at;
        match (&mut old.node.value, entry.node.value) {
            (Value::Map(below), Value::Map(above)) => {
                old.node.at = entry.node.at;
                lay(below, above);
            }
            (_, value) => old.node = Node { value, at: entry.node.at },
        }
    }
}

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBy {
    /// The value as it is shown.
    pub value: String,
    /// The file, `defaults`, or `environment variable ACE__A__B`.
    pub file: String,
    /// Its line there, from 1.
    pub line: u64,
    /// Which layer that is.
    pub layer: Layer,
}

/// What an environment's configuration is laid together from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What is built in.
    Default,
    /// The template.
    Template,
    /// config.yml or one of the overrides.
    File,
    /// A variable `ACE__A__B` of the process's environment.
    Variable,
}

/// Each value by its dotted key, and who set it.
pub(crate) fn provenance(entries: &[Entry]) -> BTreeMap<String, SetBy> {
    let mut found = BTreeMap::new();
    for entry in entries {
        descend(&entry.key, &entry.node, &mut found);
    }
    found
}

fn descend(path: &str, node: &Node, found: &mut BTreeMap<String, SetBy>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                descend(&format!("{path}.{}", entry.key), &entry.node, found);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                descend(&format!("{path}[{index}]"), item, found);
            }
        }
        leaf => {
            let (file, line) = (node.at.source.name.clone(), node.at.line);
            let layer = match node.at.source.kind {
                Kind::Defaults => Layer::Default,
                Kind::Template => Layer::Template,
                Kind::Variable => Layer::Variable,
                Kind::Plain | Kind::Secret | Kind::Calendar => Layer::File,
            };
            found.insert(path.to_owned(), SetBy { value: leaf.shown(), file, line, layer });
        }
    }
}
