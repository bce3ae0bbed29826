//! Where things stand in a configuration file, and how its mistakes are told: line, column, remedy.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter, Spanned};

use crate::invalid::InvalidConfiguration;
use crate::scalar::mark;

/// What the reader found wrong, with the lines around it.
pub(crate) fn told(error: &Error) -> String {
    let text = error.render_with_formatter(&Remedies);
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
}

struct Remedies;

impl MessageFormatter for Remedies {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => {
                "not a whole number that fits here: write its digits, without quotes, sign or unit".into()
            }
            Error::InvalidScalar { ty, .. } if *ty == "boolean" => {
                "not true or false: write one of the two, without quotes".into()
            }
            Error::SerdeMissingField { field, .. } => {
                format!("field `{field}` is missing: add it to this block").into()
            }
            Error::Eof { .. } => {
                "the file is empty or cut off: write at least the block `environment`".into()
            }
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("`{key}` is written twice in this block: leave one of the two out").into()
            }
            other => DefaultMessageFormatter.format_message(other),
        }
    }
}

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Key(String),
    Item(usize),
}

/// The way to a value, from the top of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<Part>);

impl Place {
    pub(crate) fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(|key| Part::Key(key.to_owned())).collect())
    }

    #[must_use]
    pub(crate) fn key(&self, key: &str) -> Self {
        Self(self.0.iter().cloned().chain([Part::Key(key.to_owned())]).collect())
    }

    #[must_use]
    pub(crate) fn item(&self, index: usize) -> Self {
        Self(self.0.iter().cloned().chain([Part::Item(index)]).collect())
    }

    #[must_use]
    pub(crate) fn then(&self, parts: Vec<Part>) -> Self {
        Self(self.0.iter().cloned().chain(parts).collect())
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Where the value is in this file; `None` if it is not there.
    fn find(&self, text: &str) -> Option<Location> {
        let root: Node = serde_saphyr::from_str(text).ok()?;
        let mut node = &root;
        let mut found = None;
        for part in &self.0 {
            let next = match (node, part) {
                (Node::Map(entries), Part::Key(key)) => {
                    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)?
                }
                (Node::List(items), Part::Item(index)) => items.get(*index)?,
                _ => return None,
            };
            found = Some(next.referenced);
            node = &next.value;
        }
        found
    }
}

/// A mistake with its line and column, from 1, in this file; as it is where what it is about is not there.
pub(crate) fn placed(invalid: InvalidConfiguration, text: &str) -> InvalidConfiguration {
    let Some(place) = invalid.place() else { return invalid };
    let Some(at) = place.find(text) else { return invalid };
    let (line, column) = (at.line(), at.column());
    let begins = at.span().byte_offset().and_then(|begins| text.get(usize::try_from(begins).ok()?..));
    let within = invalid.condition().and_then(|error| {
        let mark = mark(begins?, error.text(), error.into())?;
        Some((error, column + u64::try_from(mark.columns).ok()?))
    });
    InvalidConfiguration::Syntax(match within {
        Some((error, column)) => {
            format!("line {line} column {column}: {place}: {}: {}", error.found(), error.remedy())
        }
        None => format!("line {line} column {column}: {invalid}"),
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Key(key) if index == 0 => f.write_str(key)?,
                Part::Key(key) => write!(f, ".{key}")?,
                Part::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// A file's shape with its positions; values that hold nothing are only positions.
enum Node {
    Map(Vec<(String, Spanned<Self>)>),
    List(Vec<Spanned<Self>>),
    Leaf,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }
}
