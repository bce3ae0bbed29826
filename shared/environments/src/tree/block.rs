use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Kind, Node, Origin, Value};
use super::rule::Rule;

/// A block being read: the keys that are asked for are the ones it knows.
pub(crate) struct Block<'a> {
    path: String,
    at: &'a Origin,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Block<'a> {
    pub(crate) fn of(entry: &'a Entry, path: String, notes: &mut Notes) -> Option<Self> {
        match &entry.node.value {
            Value::Map(entries) => Some(Self { path, at: &entry.at, entries, known: Vec::new() }),
            Value::Unfilled(_) => None,
            other => {
                let remedy = format!("write its settings below `{}:`, indented by two spaces", entry.key);
                notes.error(&entry.at, format!("{path} is {}, not a block", other.shown()), remedy);
                None
            }
        }
    }

    /// A setting that may be left out.
    pub(crate) fn optional<R: Rule>(
        &mut self,
        key: &'static str,
        rule: R,
        notes: &mut Notes,
    ) -> Option<R::Of> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let Node { value, at } = &entry.node;
        if let Some(read) = rule.read(value) {
            return Some(read);
        }
        let (path, remedy) = (&self.path, format!("write {}", rule.what()));
        match value {
            Value::Unfilled(_) => {}
            Value::Text(text) if text.contains("${") && at.source.kind != Kind::Template => {
                let message = format!("{path}.{key} is {text:?}: variables are filled in templates only");
                notes.error(at, message, remedy);
            }
            Value::Null | Value::Map(_) | Value::List(_) => {
                notes.error(&entry.at, format!("{path}.{key} is {}", value.shown()), remedy);
            }
            _ => notes.error(at, format!("{path}.{key} is {}", value.shown()), remedy),
        }
        None
    }

    /// A setting that has to be there.
    pub(crate) fn required<R: Rule>(
        &mut self,
        key: &'static str,
        rule: R,
        notes: &mut Notes,
    ) -> Option<R::Of> {
        if !self.entries.iter().any(|entry| entry.key == key || is_slip(&entry.key, key)) {
            notes.error(
                self.at,
                format!("{}.{key} is missing", self.path),
                format!("add `{key}:` with {}", rule.what()),
            );
        }
        self.optional(key, rule, notes)
    }

    /// Notes every key that was not asked for.
    pub(crate) fn close(self, notes: &mut Notes) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let message = format!("unknown key `{}` in {}", entry.key, self.path);
            notes.error(&entry.at, message, nearest(&entry.key, &self.known));
        }
    }
}
