use super::node::{Entry, Node, Origin, Value};

/// Layers written as one YAML text, a value a line, which knows where each line came from.
pub(crate) struct Text {
    text: String,
    origins: Vec<Origin>,
}

impl Text {
    pub(crate) fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut text = Self { text: String::new(), origins: Vec::new() };
        for entry in entries {
            text.entry(entry, 0);
        }
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where a line, from 1, came from.
    pub(crate) fn origin(&self, line: u64) -> Option<&Origin> {
        self.origins.get(usize::try_from(line.checked_sub(1)?).ok()?)
    }

    fn entry(&mut self, entry: &Entry, depth: usize) {
        let key = format!("{}:", quoted(&entry.key));
        let at = match entry.node.value {
            Value::Map(_) | Value::List(_) | Value::Null => &entry.at,
            _ => &entry.node.at,
        };
        self.value(&key, &entry.node, at, depth);
    }

    fn value(&mut self, before: &str, node: &Node, at: &Origin, depth: usize) {
        let scalar = match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                self.line(before, "", at, depth);
                for entry in entries {
                    self.entry(entry, depth + 1);
                }
                return;
            }
            Value::List(items) if !items.is_empty() => {
                self.line(before, "", at, depth);
                for item in items {
                    self.value("-", item, &item.at, depth + 1);
                }
                return;
            }
            Value::Map(_) => "{}".to_owned(),
            Value::List(_) => "[]".to_owned(),
            Value::Null | Value::Unfilled(_) => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            // Its Debug keeps the point, so that it stays a float.
            Value::Float(value) => format!("{value:?}"),
            Value::Loose(value) if value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok() => {
                value.clone()
            }
            Value::Text(value) | Value::Loose(value) => quoted(value),
        };
        self.line(before, &scalar, at, depth);
    }

    fn line(&mut self, before: &str, scalar: &str, at: &Origin, depth: usize) {
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(before);
        if !scalar.is_empty() {
            self.text.push(' ');
            self.text.push_str(scalar);
        }
        self.text.push('\n');
        self.origins.push(at.clone());
    }
}

/// A text in double quotes, as JSON and YAML both read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
