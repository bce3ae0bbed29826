use std::collections::BTreeMap;

use super::mistake::Notes;
use super::node::{Node, Origin, Value};

/// Fills the variables of a template's values, after its structure is read: no value can change it. `${NAME}`,
/// `${NAME:-default}` and `${NAME:?message}` are understood, `$$` is a dollar. A value whose variables are missing stays
/// unfilled; [`note_unfilled`] notes them.
pub(crate) fn fill(node: &mut Node, variables: &BTreeMap<String, String>, notes: &mut Notes) {
    match &mut node.value {
        Value::Map(entries) => {
            for entry in entries {
                fill(&mut entry.node, variables, notes);
            }
        }
        Value::List(items) => {
            for item in items {
                fill(item, variables, notes);
            }
        }
        Value::Text(text) if text.contains('$') => {
            node.value = match filled(text, variables, &node.at, notes) {
                Ok(text) if node.at.is_quoted() => Value::Text(text),
                Ok(text) => Value::Loose(text),
                Err(missing) => Value::Unfilled(missing),
            };
        }
        _ => {}
    }
}

/// Whether a variable's value is missing below.
pub(crate) fn is_unfilled(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().any(|entry| is_unfilled(&entry.node)),
        Value::List(items) => items.iter().any(is_unfilled),
        Value::Unfilled(_) => true,
        _ => false,
    }
}

/// Notes every missing variable below.
pub(crate) fn note_unfilled(node: &Node, notes: &mut Notes) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| note_unfilled(&entry.node, notes)),
        Value::List(items) => items.iter().for_each(|item| note_unfilled(item, notes)),
        Value::Unfilled(missing) => {
            for (message, remedy) in missing {
                notes.error(&node.at, message, remedy);
            }
        }
        _ => {}
    }
}

fn filled(
    text: &str,
    variables: &BTreeMap<String, String>,
    at: &Origin,
    notes: &mut Notes,
) -> Result<String, Vec<(String, String)>> {
    let (mut out, mut rest, mut missing) = (String::new(), text, Vec::new());
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((inner, after)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) else {
            notes.error(
                at,
                "a dollar begins no variable",
                "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar",
            );
            return Err(Vec::new());
        };
        match value(inner, variables) {
            Ok(value) => out.push_str(&value),
            Err(what) => missing.push(what),
        }
        rest = after;
    }
    out.push_str(rest);
    if missing.is_empty() { Ok(out) } else { Err(missing) }
}

/// A variable's value, or what is wrong and the remedy. As in a shell, an empty value counts as none where a
/// default or a message is given.
fn value(inner: &str, variables: &BTreeMap<String, String>) -> Result<String, (String, String)> {
    let (name, otherwise) = inner.split_at(inner.find(':').unwrap_or(inner.len()));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let set = variables.get(name);
    let full = set.filter(|value| !value.is_empty());
    if is_name && otherwise.is_empty() {
        return set.cloned().ok_or_else(|| {
            (
                format!("variable {name} has no value"),
                format!(
                    "give {name} a value, write the setting into the environment's file, or a default into the template: \
                     ${{{name}:-default}}"
                ),
            )
        });
    }
    if let Some(default) = otherwise.strip_prefix(":-").filter(|_| is_name) {
        return Ok(full.map_or(default, String::as_str).to_owned());
    }
    if let Some(message) = otherwise.strip_prefix(":?").filter(|_| is_name) {
        let message = if message.is_empty() { "the template asks for it" } else { message };
        return full.cloned().ok_or_else(|| {
            (format!("variable {name} has no value: {message}"), format!("give {name} a value"))
        });
    }
    Err((
        format!("${{{inner}}} is no variable"),
        "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a name has letters, digits and _".to_owned(),
    ))
}
