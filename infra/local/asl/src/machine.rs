//! A parsed machine: what cannot be run cannot be built.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::choice::Rule;
use crate::definition_error::DefinitionError;
use crate::history::StateKind;
use crate::path::{RefPath, ValuePath};
use crate::recovery::{Catcher, Retrier};
use crate::resource::Resource;
use crate::template::Template;

/// A state machine in the subset: every state can be reached, every `Next` leads to a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub(crate) start_at: String,
    pub(crate) states: BTreeMap<String, State>,
    pub(crate) timeout: Option<Duration>,
}

impl Machine {
    /// Reads a definition.
    ///
    /// `substitutions` are the values of the `${Name}` placeholders, as SAM's `DefinitionSubstitutions`. They
    /// are put into JSON strings only, so that a value cannot change the structure; unused ones are no error.
    ///
    /// # Errors
    /// [`DefinitionError`] names the state and the field of whatever is outside the subset.
    pub fn parse(
        definition: &str,
        substitutions: &BTreeMap<String, String>,
    ) -> Result<Self, DefinitionError> {
        crate::parse::machine(definition, substitutions)
    }

    /// The name of the first state.
    pub fn start_at(&self) -> &str {
        &self.start_at
    }

    /// The names of all states.
    pub fn state_names(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }

    /// The plain names of the functions that the machine calls.
    pub fn functions(&self) -> BTreeSet<&str> {
        self.states
            .values()
            .filter_map(|state| match state {
                State::Task(task) => Some(task.resource.function_name()),
                _ => None,
            })
            .collect()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Task(Box<Task>),
    Wait(Wait),
    Choice(Choice),
    Pass(Pass),
    Succeed(Io),
    Fail(Fail),
}

impl State {
    pub(crate) fn kind(&self) -> StateKind {
        match self {
            Self::Task(_) => StateKind::Task,
            Self::Wait(_) => StateKind::Wait,
            Self::Choice(_) => StateKind::Choice,
            Self::Pass(_) => StateKind::Pass,
            Self::Succeed(_) => StateKind::Succeed,
            Self::Fail(_) => StateKind::Fail,
        }
    }

    /// Every state that may follow, with the field that says so.
    pub(crate) fn targets(&self) -> Vec<(String, &str)> {
        match self {
            Self::Task(task) => {
                let catches = task.catch.iter().enumerate();
                catches
                    .map(|(index, catcher)| (format!("Catch[{index}].Next"), catcher.next.as_str()))
                    .chain(task.then.target())
                    .collect()
            }
            Self::Wait(wait) => wait.then.target().into_iter().collect(),
            Self::Pass(pass) => pass.then.target().into_iter().collect(),
            Self::Choice(choice) => {
                let branches = choice.branches.iter().enumerate();
                branches
                    .map(|(index, branch)| (format!("Choices[{index}].Next"), branch.next.as_str()))
                    .chain(choice.default.as_deref().map(|next| ("Default".to_owned(), next)))
                    .collect()
            }
            Self::Succeed(_) | Self::Fail(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transition {
    Next(String),
    End,
}

impl Transition {
    fn target(&self) -> Option<(String, &str)> {
        match self {
            Self::Next(next) => Some(("Next".to_owned(), next)),
            Self::End => None,
        }
    }
}

/// `InputPath` and `OutputPath`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Io {
    pub input: ValuePath,
    pub output: ValuePath,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub io: Io,
    pub resource: Resource,
    pub payload: Template,
    pub result_selector: Option<Template>,
    pub result_path: RefPath,
    pub timeout: Option<Limit>,
    pub heartbeat: Option<Duration>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    pub then: Transition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    Fixed(Duration),
    Path(ValuePath),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wait {
    pub io: Io,
    pub until: Until,
    pub then: Transition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Until {
    Seconds(Duration),
    SecondsPath(ValuePath),
    Timestamp(Timestamp),
    TimestampPath(ValuePath),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    pub io: Io,
    pub branches: Vec<Branch>,
    pub default: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Branch {
    pub rule: Rule,
    pub next: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pass {
    pub io: Io,
    pub parameters: Option<Template>,
    pub result: Option<Value>,
    pub result_path: RefPath,
    pub then: Transition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fail {
    pub error: Option<Text>,
    pub cause: Option<Text>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Fixed(String),
    Path(ValuePath),
}
