use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Longest content of a secret, in bytes (Secrets Manager API Reference, `PutSecretValue`, `SecretString`).
pub const MAX_BYTES: usize = 65_536;

/// Longest key, in bytes, all its parts together.
const MAX_KEY: usize = 256;

/// Where a value stands in the secret's JSON, its objects' keys with dots between: `database.password`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A text that is no key. It is not repeated: who mixes up key and value has typed a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no key: use parts of letters, digits, '_' and '-' with dots between, for example database.password"
)]
pub struct InvalidKey;

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn holds(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.len() <= MAX_KEY && text.split('.').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKey)
        }
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a secret's content is of no use. It names places, never what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not JSON.
    #[error("it is not JSON at line {line}, column {column}: write an object of keys and texts")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1; 0 at a line's very beginning.
        column: usize,
    },
    /// It is JSON, and not an object.
    #[error("it is {found}: write an object of keys and texts")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// A value is neither a text nor an object.
    #[error("{key} is {found}: write it as a text, in quotes")]
    NotText {
        /// Where it stands.
        key: Key,
        /// What it is.
        found: &'static str,
    },
    /// A key has characters that no key has, or is too long. It is not repeated, see [`InvalidKey`].
    #[error(
        "a key {} is not made of letters, digits, '_' and '-', or is longer than 256 with those above it: rename it",
        above.as_ref().map_or_else(|| "at the top".to_owned(), |key| format!("below {key}"))
    )]
    KeyOutOfShape {
        /// The key of the object that it stands in; `None` at the top.
        above: Option<Key>,
    },
    /// It is a binary secret.
    #[error("it is binary: write it as a text that is a JSON object")]
    Binary,
    /// It is longer than Secrets Manager takes.
    #[error("it has {bytes} bytes: Secrets Manager takes {MAX_BYTES}, divide it or shorten it")]
    TooLong {
        /// As JSON.
        bytes: usize,
    },
}

/// A key that cannot stand beside another: one of both would have to be a text and an object at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} cannot stand beside {present}: remove {present} first, or choose another key")]
pub struct KeyClash {
    key: Key,
    present: Key,
}

/// How a key differs between two secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the later one has it.
    Added,
    /// Only the earlier one has it.
    Removed,
    /// Both have it, with different values.
    Changed,
}

/// The values of a secret by their keys. `Debug` shows the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<Key, Secret>);

/// The nested form, borrowed, so that writing makes no copy that is not overwritten.
#[derive(Serialize)]
#[serde(untagged)]
enum Node<'a> {
    Text(&'a str),
    Object(BTreeMap<&'a str, Node<'a>>),
}

impl Values {
    /// The values in a JSON object of texts and of objects of such (`{"database": {"password": "..."}}`).
    pub fn from_json(text: &str) -> Result<Self, Problem> {
        let json: Value = serde_json::from_str(text)
            // Its message may repeat a part of the text.
            .map_err(|error| Problem::NotJson { line: error.line(), column: error.column() })?;
        let mut values = Self::default();
        match json {
            Value::Object(_) => values.collect(None, json)?,
            other => return Err(Problem::NotAnObject { found: kind(&other) }),
        }
        Ok(values)
    }

    /// Texts are moved, so that each is overwritten when its [`Secret`] is dropped.
    fn collect(&mut self, key: Option<Key>, json: Value) -> Result<(), Problem> {
        match (key, json) {
            (above, Value::Object(object)) => {
                for (part, below) in object {
                    let key = above.as_ref().map_or_else(|| part.clone(), |above| format!("{above}.{part}"));
                    let key = Some(key).filter(|_| is_part(&part)).and_then(|key| key.parse().ok());
                    let key = key.ok_or_else(|| Problem::KeyOutOfShape { above: above.clone() })?;
                    self.collect(Some(key), below)?;
                }
                Ok(())
            }
            (Some(key), Value::String(text)) => {
                self.0.insert(key, Secret::new(text));
                Ok(())
            }
            (Some(key), other) => Err(Problem::NotText { key, found: kind(&other) }),
            (None, other) => Err(Problem::NotAnObject { found: kind(&other) }),
        }
    }

    /// The nested JSON object, at most [`MAX_BYTES`] long.
    pub fn to_json(&self) -> Result<Zeroizing<String>, Problem> {
        let mut root = BTreeMap::new();
        for (key, secret) in &self.0 {
            plant(&mut root, key.as_str(), secret.expose());
        }
        // Long enough from the start: a buffer that grows leaves copies behind.
        let mut json = Zeroizing::new(Vec::with_capacity(2 * MAX_BYTES));
        serde_json::to_writer(&mut *json, &Node::Object(root))
            .map_err(|error| Problem::NotJson { line: error.line(), column: error.column() })?;
        if json.len() > MAX_BYTES {
            return Err(Problem::TooLong { bytes: json.len() });
        }
        // Zeroizing's memory is given back on any path: the bytes move into the text or are dropped here.
        String::from_utf8(std::mem::take(&mut *json))
            .map(Zeroizing::new)
            .map_err(|_| Problem::NotJson { line: 1, column: 0 })
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key)
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Sets a value, and hands back the one that was there.
    pub fn set(&mut self, key: Key, value: Secret) -> Result<Option<Secret>, KeyClash> {
        match self.0.keys().find(|present| present.holds(&key) || key.holds(present)) {
            Some(present) => Err(KeyClash { present: present.clone(), key }),
            None => Ok(self.0.insert(key, value)),
        }
    }

    /// Removes a value, and hands it back.
    pub fn remove(&mut self, key: &str) -> Option<Secret> {
        self.0.remove(key)
    }

    /// The keys that differ from an earlier content, sorted; no values.
    pub fn changes_since(&self, earlier: &Self) -> BTreeMap<Key, Change> {
        let removed = earlier.0.keys().filter(|key| !self.0.contains_key(*key));
        let removed = removed.map(|key| (key.clone(), Change::Removed));
        let here = self.0.iter().filter_map(|(key, value)| {
            let change = match earlier.0.get(key) {
                None => Change::Added,
                Some(before) if before != value => Change::Changed,
                Some(_) => return None,
            };
            Some((key.clone(), change))
        });
        removed.chain(here).collect()
    }
}

fn plant<'a>(object: &mut BTreeMap<&'a str, Node<'a>>, key: &'a str, text: &'a str) {
    match key.split_once('.') {
        None => {
            object.insert(key, Node::Text(text));
        }
        Some((part, rest)) => {
            let below = object.entry(part).or_insert_with(|| Node::Object(BTreeMap::new()));
            // No key holds another one: see `set`.
            if let Node::Object(below) = below {
                plant(below, rest, text);
            }
        }
    }
}

const fn kind(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
