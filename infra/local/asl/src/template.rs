//! Payload templates and what their paths read from.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::definition_error::{DefinitionError, Place};
use crate::identity::Identity;
use crate::path::{ContextPath, ValuePath};
use crate::ports::TaskError;
use crate::recovery::runtime_error;

/// Whether `$$.Task.Token` exists where a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Plain,
    WithToken,
}

/// The context object of one attempt of one state.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub identity: &'a Identity,
    pub execution_input: &'a Value,
    pub started: Timestamp,
    pub state: &'a str,
    pub entered: Timestamp,
    pub retry_count: u64,
    pub token: Option<&'a str>,
}

impl Context<'_> {
    fn read(&self, path: &ContextPath) -> Option<Value> {
        Some(match path {
            ContextPath::ExecutionId => self.identity.execution_arn().into(),
            ContextPath::ExecutionName => self.identity.name().into(),
            ContextPath::ExecutionStartTime => rfc3339(self.started),
            ContextPath::ExecutionInput(path) => path.get(self.execution_input)?.clone(),
            ContextPath::StateName => self.state.into(),
            ContextPath::StateEnteredTime => rfc3339(self.entered),
            ContextPath::StateRetryCount => self.retry_count.into(),
            ContextPath::StateMachineId => self.identity.machine_arn().into(),
            ContextPath::StateMachineName => self.identity.machine_name().into(),
            ContextPath::TaskToken => self.token?.into(),
        })
    }
}

fn rfc3339(time: Timestamp) -> Value {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into()
}

impl ValuePath {
    /// The value at the path, none when it selects nothing.
    pub(crate) fn find(&self, input: &Value, context: &Context<'_>) -> Option<Value> {
        match self {
            Self::Input(path) => path.get(input).cloned(),
            Self::Context(path) => context.read(path),
        }
    }

    /// The value at the path. `field` is the field of the definition that holds the path.
    ///
    /// # Errors
    /// `States.Runtime` when the path selects nothing.
    pub(crate) fn read(&self, field: &str, input: &Value, context: &Context<'_>) -> Result<Value, TaskError> {
        self.find(input, context).ok_or_else(|| {
            runtime_error(context.state, &format!("the path {self} of the field {field:?} selects nothing"))
        })
    }

    pub(crate) fn parse_at(text: &str, place: Place, scope: Scope) -> Result<Self, DefinitionError> {
        match Self::parse(text) {
            Ok(Self::Context(ContextPath::TaskToken)) if scope == Scope::Plain => {
                Err(DefinitionError::TokenOutsideTask { place })
            }
            Ok(path) => Ok(path),
            Err(_) if text.starts_with("States.") => Err(DefinitionError::Intrinsic { place }),
            Err(source) => Err(DefinitionError::Path { place, found: text.to_owned(), source }),
        }
    }
}

/// JSON in which a member whose name ends in `.$` is replaced by what its path selects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    Literal(Value),
    Path { field: String, path: ValuePath },
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

impl Template {
    /// The whole input.
    pub(crate) fn input() -> Self {
        Self::Path { field: String::new(), path: ValuePath::root() }
    }

    pub(crate) fn parse(value: Value, place: &Place, scope: Scope) -> Result<Self, DefinitionError> {
        match value {
            Value::Object(members) => Self::parse_object(members, place, scope).map(Self::Object),
            Value::Array(elements) => elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| Self::parse(element, &place.element(index), scope))
                .collect::<Result<_, _>>()
                .map(Self::Array),
            literal => Ok(Self::Literal(literal)),
        }
    }

    /// A member's value whose name ends in `.$`.
    pub(crate) fn parse_path(value: &Value, place: Place, scope: Scope) -> Result<Self, DefinitionError> {
        let Some(text) = value.as_str() else {
            return Err(DefinitionError::Value {
                place,
                expected: "a path, as the name ends in .$".to_owned(),
            });
        };
        let field = place.field.clone();
        ValuePath::parse_at(text, place, scope).map(|path| Self::Path { field, path })
    }

    fn parse_object(
        members: Map<String, Value>,
        place: &Place,
        scope: Scope,
    ) -> Result<Vec<(String, Self)>, DefinitionError> {
        let mut templates: Vec<(String, Self)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            let here = place.member(&key);
            let (name, template) = match key.strip_suffix(".$") {
                Some(name) => (name.to_owned(), Self::parse_path(&value, here.clone(), scope)?),
                None => (key.clone(), Self::parse(value, &here, scope)?),
            };
            if templates.iter().any(|(other, _)| *other == name) {
                return Err(DefinitionError::Conflict { place: here, other: name });
            }
            templates.push((name, template));
        }
        Ok(templates)
    }

    pub(crate) fn holds_token(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Path { path, .. } => *path == ValuePath::Context(ContextPath::TaskToken),
            Self::Object(members) => members.iter().any(|(_, member)| member.holds_token()),
            Self::Array(elements) => elements.iter().any(Self::holds_token),
        }
    }

    /// # Errors
    /// `States.Runtime` when a path selects nothing.
    pub(crate) fn fill(&self, input: &Value, context: &Context<'_>) -> Result<Value, TaskError> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Path { field, path } => path.read(field, input, context)?,
            Self::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, member)| Ok((name.clone(), member.fill(input, context)?)))
                    .collect::<Result<_, TaskError>>()?,
            ),
            Self::Array(elements) => Value::Array(
                elements.iter().map(|element| element.fill(input, context)).collect::<Result<_, _>>()?,
            ),
        })
    }
}
