use super::node::{Entry, Node, Value};

/// Layers as one YAML text, a value a line.
pub(crate) fn written<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        self::entry(&mut text, entry, 0);
    }
    text
}

fn entry(text: &mut String, entry: &Entry, depth: usize) {
    value(text, &format!("{}:", key(&entry.key)), &entry.node, depth);
}

fn value(text: &mut String, before: &str, node: &Node, depth: usize) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            line(text, before, "", depth);
            for below in entries {
                entry(text, below, depth + 1);
            }
        }
        Value::List(items) if !items.is_empty() => {
            line(text, before, "", depth);
            for item in items {
                value(text, "-", item, depth + 1);
            }
        }
        leaf => line(text, before, &scalar(leaf), depth),
    }
}

fn line(text: &mut String, before: &str, scalar: &str, depth: usize) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(before);
    if !scalar.is_empty() {
        text.push(' ');
        text.push_str(scalar);
    }
    text.push('\n');
}

/// A value without parts as YAML that reads back as the same.
pub(crate) fn scalar(value: &Value) -> String {
    match value {
        Value::Map(_) => "{}".to_owned(),
        Value::List(_) => "[]".to_owned(),
        Value::Null | Value::Unfilled(_) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        // Its Debug keeps the point, so that it stays a float.
        Value::Float(value) => format!("{value:?}"),
        Value::Loose(value) if is_bare(value) => value.clone(),
        Value::Text(value) | Value::Loose(value) => quoted(value),
    }
}

/// Whether a text reads as a number or a flag without quotes, and as the same one.
fn is_bare(text: &str) -> bool {
    let number = text.parse::<f64>().is_ok_and(f64::is_finite) && !text.starts_with(['+', '.']);
    number || text.parse::<bool>().is_ok()
}

/// A key without quotes where it needs none.
fn key(key: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "nan"];
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.len() > 1
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        && !WORDS.contains(&key.to_ascii_lowercase().as_str());
    if plain { key.to_owned() } else { quoted(key) }
}

/// A text in double quotes, as JSON and YAML both read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
