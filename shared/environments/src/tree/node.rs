use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, Location, MessageFormatter, Spanned};

use super::File;
use super::mistake::{Mistake, Notes, Severity};
use crate::scalar::{Extent, mark};

/// Where text came from.
pub(crate) struct Source {
    pub(crate) name: String,
    environment: String,
    text: String,
    /// Where each line begins; counted when the first of many mistakes is told.
    lines: OnceLock<Vec<usize>>,
    pub(crate) kind: Kind,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What is built in.
    Defaults,
    /// A template, filled.
    Template,
    /// A file.
    Plain,
    /// A file whose lines are never shown.
    Secret,
    /// A calendar, whose lines a value of a file is.
    Calendar,
    /// An environment variable.
    Variable,
}

impl Source {
    fn of(file: &File, environment: &str, kind: Kind) -> Arc<Self> {
        let (name, text, environment) = (file.name.clone(), file.text.clone(), environment.to_owned());
        Arc::new(Self { name, environment, text, lines: OnceLock::new(), kind })
    }

    /// Where a line begins, from 0.
    fn begin(&self, number: usize) -> Option<usize> {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect()
        });
        lines.get(number).copied()
    }

    /// A line, from 0, without its end.
    fn line(&self, number: usize) -> Option<&str> {
        let rest = self.text.get(self.begin(number)?..).filter(|rest| !rest.is_empty())?;
        rest.split('\n').next().map(str::trim_end)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A place in a source.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) source: Arc<Source>,
    pub(crate) line: u64,
    pub(crate) column: u64,
    offset: usize,
    length: usize,
}

impl Origin {
    fn new(source: &Arc<Source>, at: Location) -> Self {
        let bytes = |number: Option<u64>| usize::try_from(number.unwrap_or(0)).unwrap_or(0);
        Self {
            source: Arc::clone(source),
            line: at.line().max(1),
            column: at.column().max(1),
            offset: bytes(at.span().byte_offset()),
            length: bytes(at.span().byte_len()).max(1),
        }
    }

    fn start(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), line: 1, column: 1, offset: 0, length: 1 }
    }

    /// The beginning of a file.
    pub(crate) fn of_file(file: &File, environment: &str) -> Self {
        Self::start(&Source::of(file, environment, Kind::Plain))
    }

    /// The beginning of a calendar.
    pub(crate) fn of_calendar(file: &File, environment: &str) -> Self {
        Self::start(&Source::of(file, environment, Kind::Calendar))
    }

    /// The place of a variable, which has no lines.
    pub(crate) fn variable(name: &str, value: &str, environment: &str) -> Self {
        let file = File { name: format!("environment variable {name}"), text: value.to_owned() };
        Self::start(&Source::of(&file, environment, Kind::Variable))
    }

    /// Whether both are one place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.offset == other.offset && self.line == other.line
    }

    /// A line of a file of lines, such as a calendar, from 1; `None` of any other.
    pub(crate) fn line(&self, line: usize) -> Option<Self> {
        if self.source.kind != Kind::Calendar {
            return None;
        }
        let number = line.saturating_sub(1);
        let length = self.source.line(number).map_or(1, |text| text.len().max(1));
        let (source, offset) = (Arc::clone(&self.source), self.source.begin(number).unwrap_or_default());
        Some(Self { source, line: u64::try_from(line).ok()?.max(1), column: 1, offset, length })
    }

    /// The bytes of the source that are meant.
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.length
    }

    /// The part of the text that stands here; `None` where it is not to be found in the file.
    pub(crate) fn part(&self, text: &str, extent: Extent) -> Option<Self> {
        if matches!(self.source.kind, Kind::Variable | Kind::Calendar) {
            return None;
        }
        let mark = mark(self.source.text.get(self.offset..)?, text, extent)?;
        Some(Self {
            source: Arc::clone(&self.source),
            line: self.line,
            column: self.column + u64::try_from(mark.columns).ok()?,
            offset: self.offset + mark.bytes,
            length: mark.length,
        })
    }

    /// Whether a quoted text stands here.
    pub(crate) fn is_quoted(&self) -> bool {
        matches!(self.source.text.as_bytes().get(self.offset), Some(b'"' | b'\''))
    }

    pub(crate) fn mistake(&self, severity: Severity, message: String, remedy: String) -> Mistake {
        let line = usize::try_from(self.line - 1).unwrap_or(usize::MAX);
        let excerpt = match self.source.kind {
            Kind::Secret | Kind::Variable => None,
            Kind::Defaults | Kind::Template | Kind::Plain | Kind::Calendar => {
                self.source.line(line).map(str::to_owned)
            }
        };
        let Self { line, column, offset, length, .. } = *self;
        let (file, environment) = (self.source.name.clone(), self.source.environment.clone());
        let (message, remedy) = (self.without_value(message), self.without_value(remedy));
        Mistake { severity, environment, file, line, column, offset, length, excerpt, message, remedy }
    }
}

impl Origin {
    /// A text that does not repeat a variable's value, which may be a secret in the wrong place. What is too short to
    /// be one stays.
    fn without_value(&self, text: String) -> String {
        const SHORT: usize = 5;
        if self.source.kind != Kind::Variable || self.source.text.len() < SHORT {
            return text;
        }
        let value = &self.source.text;
        text.replace(&format!("{value:?}"), "not as it has to be").replace(value, "not as it has to be")
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Origin,
}

/// A key, where it stands, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Origin,
    pub(crate) node: Node,
}

/// What can be written.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A text without quotes that came from outside: its field says whether it is a number.
    Loose(String),
    /// A template's value that could not be filled: for each variable without a value, what is wrong and the remedy.
    /// It matters only where no layer above sets the value.
    Unfilled(Vec<(String, String)>),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

impl Value {
    /// The value as messages show it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => "empty".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => format!("{value:?}"),
            Self::Loose(value) => value.clone(),
            Self::Unfilled(_) => "not filled in".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a block".to_owned(),
        }
    }
}

/// Reads a file; a mistake of its syntax is noted.
pub(crate) fn read(file: &File, environment: &str, kind: Kind, notes: &mut Notes) -> Option<Node> {
    let source = Source::of(file, environment, kind);
    // Comments are not kept, and what is shown of a mistake's lines is shown here.
    let options = serde_saphyr::options! { emit_comments: false, with_snippet: false };
    let error = match serde_saphyr::from_str_with_options::<Spanned<Raw>>(&file.text, options) {
        Ok(raw) => return Some(raw.value.placed(&source, raw.referenced)),
        Err(error) => error,
    };
    let at = error.location().map_or_else(|| Origin::start(&source), |at| Origin::new(&source, at));
    if let serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } = error.without_snippet() {
        notes.error(&at, format!("`{key}` is written twice in this block"), "leave one of the two out");
        return None;
    }
    let what = match kind {
        // The reader's message may quote what stands there.
        Kind::Secret => "the line cannot be read".into(),
        _ => DefaultMessageFormatter.format_message(error.without_snippet()),
    };
    notes.error(
        &at,
        format!("not YAML: {what}"),
        "correct the indentation, quotes or brackets of this line or the one above",
    );
    None
}

enum Raw {
    Value(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl Raw {
    fn placed(self, source: &Arc<Source>, at: Location) -> Node {
        let value = match self {
            Self::Value(value) => value,
            Self::List(items) => Value::List(
                items.into_iter().map(|item| item.value.placed(source, item.referenced)).collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        at: Origin::new(source, key.referenced),
                        key: key.value,
                        node: value.value.placed(source, value.referenced),
                    })
                    .collect(),
            ),
        };
        Node { value, at: Origin::new(source, at) }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shape)
    }
}

struct Shape;

impl<'de> Visitor<'de> for Shape {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block, a list, a text, a number, true or false")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Integer(value.into())))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Integer(value)))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Raw, E> {
        i128::try_from(value)
            .map(|value| Raw::Value(Value::Integer(value)))
            .map_err(|_| E::custom("the number is too great"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Text(value.to_owned())))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Raw, E> {
        Err(E::custom("bytes are not a setting"))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Value(Value::Null))
    }
}
