//! Reference paths into JSON and the paths into the context object.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

/// Why a text is no path of the subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// It does not start with `$`.
    #[error("a path starts with $")]
    NoRoot,
    /// A wildcard, filter, slice or recursive descent, or a character that needs `['...']`.
    #[error("after $ come only .name, [index] and ['name'], without wildcards, filters or slices")]
    NotAReference,
    /// `$$` where a path into the input has to stand.
    #[error("a context path cannot stand here")]
    Context,
    /// A context path that the subset does not have.
    #[error(
        "the context has $$.Execution.Id, .Name, .StartTime, .Input, $$.State.Name, .EnteredTime, .RetryCount, \
         $$.StateMachine.Id, .Name and $$.Task.Token"
    )]
    UnknownContext,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

/// A reference path: `$`, `$.a.b`, `$.a[0]`, `$['a b']`. It selects at most one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPath(Vec<Segment>);

/// A [`RefPath`] could not be set: the value in its way is no object, or an array without that index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InTheWay;

impl RefPath {
    /// The whole value, `$`.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`] for whatever is not in the subset.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.starts_with("$$") {
            return Err(PathError::Context);
        }
        let mut rest = text.strip_prefix('$').ok_or(PathError::NoRoot)?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let (segment, after) = segment(rest).ok_or(PathError::NotAReference)?;
            segments.push(segment);
            rest = after;
        }
        Ok(Self(segments))
    }

    /// The value the path selects; none when it selects nothing.
    pub fn get<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, segment| match segment {
            Segment::Key(key) => value.as_object()?.get(key),
            Segment::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// `root` with `new` at the path. Missing objects are created; a missing array index is not.
    pub(crate) fn set(&self, mut root: Value, new: Value) -> Result<Value, InTheWay> {
        let mut slot = &mut root;
        for segment in &self.0 {
            slot = match (segment, slot) {
                (Segment::Key(key), Value::Object(members)) => {
                    members.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()))
                }
                (Segment::Index(index), Value::Array(elements)) => {
                    elements.get_mut(*index).ok_or(InTheWay)?
                }
                _ => return Err(InTheWay),
            };
        }
        *slot = new;
        Ok(root)
    }
}

impl fmt::Display for RefPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if !key.is_empty() && key.chars().all(is_plain) => write!(f, ".{key}")?,
                Segment::Key(key) => write!(f, "['{}']", key.replace('\\', r"\\").replace('\'', r"\'"))?,
            }
        }
        Ok(())
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn segment(rest: &str) -> Option<(Segment, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        return (!name.is_empty()).then(|| (Segment::Key(name.to_owned()), after));
    }
    if let Some(rest) = rest.strip_prefix("['") {
        return quoted(rest);
    }
    let (digits, after) = rest.strip_prefix('[')?.split_once(']')?;
    // `usize::from_str` would also take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Segment::Index(digits.parse().ok()?), after))
}

fn quoted(rest: &str) -> Option<(Segment, &str)> {
    let mut name = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '\'' => return Some((Segment::Key(name), chars.as_str().strip_prefix(']')?)),
            '\\' => name.push(chars.next().filter(|c| matches!(c, '\'' | '\\'))?),
            c => name.push(c),
        }
    }
}

/// A path into the context object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextPath {
    /// `$$.Execution.Id`, the execution's ARN.
    ExecutionId,
    /// `$$.Execution.Name`.
    ExecutionName,
    /// `$$.Execution.StartTime`, RFC 3339 with milliseconds.
    ExecutionStartTime,
    /// `$$.Execution.Input`, or a value in it.
    ExecutionInput(RefPath),
    /// `$$.State.Name`.
    StateName,
    /// `$$.State.EnteredTime`, RFC 3339 with milliseconds.
    StateEnteredTime,
    /// `$$.State.RetryCount`, 0 in the first attempt.
    StateRetryCount,
    /// `$$.StateMachine.Id`, the machine's ARN.
    StateMachineId,
    /// `$$.StateMachine.Name`.
    StateMachineName,
    /// `$$.Task.Token`.
    TaskToken,
}

impl ContextPath {
    fn parse(text: &str) -> Result<Self, PathError> {
        match text {
            "$$.Execution.Id" => Ok(Self::ExecutionId),
            "$$.Execution.Name" => Ok(Self::ExecutionName),
            "$$.Execution.StartTime" => Ok(Self::ExecutionStartTime),
            "$$.State.Name" => Ok(Self::StateName),
            "$$.State.EnteredTime" => Ok(Self::StateEnteredTime),
            "$$.State.RetryCount" => Ok(Self::StateRetryCount),
            "$$.StateMachine.Id" => Ok(Self::StateMachineId),
            "$$.StateMachine.Name" => Ok(Self::StateMachineName),
            "$$.Task.Token" => Ok(Self::TaskToken),
            _ => {
                let inner = text.strip_prefix("$$.Execution.Input").ok_or(PathError::UnknownContext)?;
                RefPath::parse(&format!("${inner}")).map(Self::ExecutionInput)
            }
        }
    }
}

impl fmt::Display for ContextPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExecutionId => "$$.Execution.Id",
            Self::ExecutionName => "$$.Execution.Name",
            Self::ExecutionStartTime => "$$.Execution.StartTime",
            Self::ExecutionInput(path) => {
                let inner = path.to_string();
                return write!(f, "$$.Execution.Input{}", inner.trim_start_matches('$'));
            }
            Self::StateName => "$$.State.Name",
            Self::StateEnteredTime => "$$.State.EnteredTime",
            Self::StateRetryCount => "$$.State.RetryCount",
            Self::StateMachineId => "$$.StateMachine.Id",
            Self::StateMachineName => "$$.StateMachine.Name",
            Self::TaskToken => "$$.Task.Token",
        })
    }
}

/// A path into a state's input or into the context object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValuePath {
    /// `$...`
    Input(RefPath),
    /// `$$...`
    Context(ContextPath),
}

impl ValuePath {
    /// The whole input, `$`.
    pub const fn root() -> Self {
        Self::Input(RefPath::root())
    }

    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`] for whatever is not in the subset.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.starts_with("$$") {
            ContextPath::parse(text).map(Self::Context)
        } else {
            RefPath::parse(text).map(Self::Input)
        }
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(path) => path.fmt(f),
            Self::Context(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The path of a value in the document, found by turning as the choices say until they or the document
    /// end.
    fn walk(document: &Value, choices: &[usize]) -> RefPath {
        let mut segments = Vec::new();
        let mut value = document;
        for choice in choices {
            match value {
                Value::Object(members) if !members.is_empty() => {
                    let (key, member) = members.iter().nth(choice % members.len()).unwrap();
                    segments.push(Segment::Key(key.clone()));
                    value = member;
                }
                Value::Array(elements) if !elements.is_empty() => {
                    let index = choice % elements.len();
                    segments.push(Segment::Index(index));
                    value = &elements[index];
                }
                _ => break,
            }
        }
        RefPath(segments)
    }

    proptest! {
        #[test]
        fn a_path_reads_back_what_it_set(
            document in documents(),
            choices in prop::collection::vec(0_usize..8, 0..5),
            new in documents(),
        ) {
            let path = walk(&document, &choices);
            let old = path.get(&document).cloned().unwrap();
            let changed = path.set(document.clone(), new.clone()).unwrap();
            prop_assert_eq!(path.get(&changed), Some(&new));
            // Nothing else has changed.
            prop_assert_eq!(path.set(changed, old).unwrap(), document);
        }

        #[test]
        fn missing_objects_are_created(keys in prop::collection::vec(".{0,4}", 1..5), new in documents()) {
            let path = RefPath(keys.into_iter().map(Segment::Key).collect());
            let created = path.set(json!({}), new.clone()).unwrap();
            prop_assert_eq!(path.get(&created), Some(&new));
        }

        #[test]
        fn a_path_is_read_as_it_is_shown(
            document in documents(),
            choices in prop::collection::vec(0_usize..8, 0..5),
        ) {
            let path = walk(&document, &choices);
            prop_assert_eq!(RefPath::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn any_text_is_read_or_refused(text in r"\$?[$.\[\]'a0*?\\]{0,8}") {
            if let Ok(path) = ValuePath::parse(&text) {
                prop_assert_eq!(ValuePath::parse(&path.to_string()), Ok(path));
            }
        }
    }

    #[test]
    fn what_stands_in_the_way_is_not_replaced() {
        for (path, document) in [
            ("$.a.b", json!({"a": "text"})),
            ("$.a.b", json!({"a": null})),
            ("$.a", json!([1])),
            ("$[0]", json!({})),
            ("$.a[1]", json!({"a": [0]})),
        ] {
            assert_eq!(RefPath::parse(path).unwrap().set(document, json!(1)), Err(InTheWay), "{path}");
        }
    }

    #[test]
    fn what_is_no_reference_path_is_refused() {
        for text in [
            "$.",
            "$..a",
            "$.*",
            "$[*]",
            "$[-1]",
            "$[+1]",
            "$[]",
            "$[0:2]",
            "$[?(@.a)]",
            "$a",
            "$.a b",
            "$['a",
            "$['a'",
        ] {
            assert_eq!(ValuePath::parse(text), Err(PathError::NotAReference), "{text}");
        }
        assert_eq!(ValuePath::parse("a.b"), Err(PathError::NoRoot));
        assert_eq!(ValuePath::parse("$$"), Err(PathError::UnknownContext));
        assert_eq!(ValuePath::parse("$$.Execution.RoleArn"), Err(PathError::UnknownContext));
        assert_eq!(RefPath::parse("$$.State.Name"), Err(PathError::Context));
    }
}
