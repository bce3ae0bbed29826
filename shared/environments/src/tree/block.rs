use std::fmt::Display;
use std::ops::RangeInclusive;

use super::mistake::{Notes, is_slip, nearest};
use super::node::{Entry, Kind, Node, Origin, Value};

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
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        what: &str,
        convert: impl Fn(&Value) -> Option<T>,
        notes: &mut Notes,
    ) -> Option<T> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let Node { value, at } = &entry.node;
        if let Some(converted) = convert(value) {
            return Some(converted);
        }
        let path = &self.path;
        match value {
            Value::Unfilled(_) => {}
            Value::Text(text) if text.contains("${") && at.source.kind != Kind::Template => notes.error(
                at,
                format!("{path}.{key} is {text:?}: variables are filled in templates only"),
                format!("write {what}"),
            ),
            Value::Null => {
                notes.error(&entry.at, format!("{path}.{key} is empty"), format!("write {what}"));
            }
            Value::Map(_) | Value::List(_) => {
                notes.error(&entry.at, format!("{path}.{key} is {}", value.shown()), format!("write {what}"));
            }
            _ => notes.error(at, format!("{path}.{key} is {}", value.shown()), format!("write {what}")),
        }
        None
    }

    /// A setting that has to be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        what: &str,
        convert: impl Fn(&Value) -> Option<T>,
        notes: &mut Notes,
    ) -> Option<T> {
        if !self.entries.iter().any(|entry| entry.key == key || is_slip(&entry.key, key)) {
            notes.error(
                self.at,
                format!("{}.{key} is missing", self.path),
                format!("add `{key}:` with {what}"),
            );
        }
        self.optional(key, what, convert, notes)
    }

    /// Notes every key that was not asked for.
    pub(crate) fn close(self, notes: &mut Notes) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let message = format!("unknown key `{}` in {}", entry.key, self.path);
            notes.error(&entry.at, message, nearest(&entry.key, &self.known));
        }
    }
}

/// A whole number of a range.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&Value) -> Option<T>
where
    T: TryFrom<i128> + PartialOrd,
{
    move |value| {
        let number = match value {
            Value::Integer(number) => *number,
            Value::Loose(text) => text.parse().ok()?,
            _ => return None,
        };
        T::try_from(number).ok().filter(|number| range.contains(number))
    }
}

/// What a whole number of a range is called in messages.
pub(crate) fn number(unit: &str, range: &RangeInclusive<impl Display>) -> String {
    format!("a whole number of {unit} from {} to {}, without quotes", range.start(), range.end())
}

/// True or false.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Loose(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text that a check accepts.
pub(crate) fn text(check: impl Fn(&str) -> bool) -> impl Fn(&Value) -> Option<String> {
    move |value| match value {
        Value::Text(text) | Value::Loose(text) if check(text) => Some(text.clone()),
        _ => None,
    }
}
