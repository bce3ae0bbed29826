//! Why a definition was refused.

use std::fmt;

use thiserror::Error;

use crate::path::PathError;

/// Where in a definition: a state, or the top level, and the field in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The state's name; none at the top level.
    pub state: Option<String>,
    /// The field with its way down, such as `Retry[0].MaxAttempts`; empty for the state itself.
    pub field: String,
}

impl Place {
    /// The top level of the definition.
    pub(crate) const fn top() -> Self {
        Self { state: None, field: String::new() }
    }

    /// A state itself.
    pub(crate) fn state(name: &str) -> Self {
        Self { state: Some(name.to_owned()), field: String::new() }
    }

    /// A member of the object at this place. A member of the top level's `States` is a state.
    pub(crate) fn member(&self, name: &str) -> Self {
        if self.state.is_none() && self.field == "States" {
            return Self::state(name);
        }
        let field = if self.field.is_empty() { name.to_owned() } else { format!("{}.{name}", self.field) };
        Self { state: self.state.clone(), field }
    }

    /// An element of the array at this place.
    pub(crate) fn element(&self, index: usize) -> Self {
        Self { state: self.state.clone(), field: format!("{}[{index}]", self.field) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Some(state) => write!(f, "state {state:?}")?,
            None => f.write_str("the top level")?,
        }
        if self.field.is_empty() { Ok(()) } else { write!(f, ", field {:?}", self.field) }
    }
}

/// Why [`Machine::parse`](crate::Machine::parse) refused a definition.
#[derive(Debug, Error)]
pub enum DefinitionError {
    /// The text is not JSON, or an object has the same key twice.
    #[error("the definition is not JSON with unique keys; correct it where the cause says")]
    Json(#[source] serde_json::Error),
    /// A field that the subset does not have.
    #[error("{place}: unknown field; remove it or correct its name")]
    UnknownField {
        /// The field.
        place: Place,
    },
    /// `JSONata` or workflow variables.
    #[error("{place}: JSONata and variables are outside the subset; use JSONPath fields")]
    Jsonata {
        /// The field.
        place: Place,
    },
    /// An intrinsic function such as `States.Format`.
    #[error("{place}: intrinsic functions are outside the subset; let a function compute the value")]
    Intrinsic {
        /// The field.
        place: Place,
    },
    /// A `Type` that is none of Task, Wait, Choice, Pass, Succeed and Fail.
    #[error(
        "{place}: state type {found:?} is outside the subset; use Task, Wait, Choice, Pass, Succeed or Fail"
    )]
    StateType {
        /// The field.
        place: Place,
        /// What stands there.
        found: String,
    },
    /// A field that has to be there.
    #[error("{place}: required and missing; add it")]
    Missing {
        /// The field.
        place: Place,
    },
    /// A `null`, which interpreters treat in different ways.
    #[error(
        "{place}: null is outside the subset, interpreters disagree about it; remove the field or give a path"
    )]
    Null {
        /// The field.
        place: Place,
    },
    /// A value of another JSON type or outside its range.
    #[error("{place}: expected {expected}")]
    Value {
        /// The field.
        place: Place,
        /// What may stand there.
        expected: String,
    },
    /// Two fields that exclude each other.
    #[error("{place}: cannot stand beside {other:?}; keep one of them")]
    Conflict {
        /// One of them.
        place: Place,
        /// The other one.
        other: String,
    },
    /// A path that is no reference path.
    #[error("{place}: {found:?} is no path of the subset")]
    Path {
        /// The field.
        place: Place,
        /// What stands there.
        found: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// `$$.Task.Token` where there is no token.
    #[error(
        "{place}: a task token exists only in the Parameters of a .waitForTaskToken task; remove the path"
    )]
    TokenOutsideTask {
        /// The field.
        place: Place,
    },
    /// A task that waits for a token that nobody gets.
    #[error("{place}: the payload does not hold $$.Task.Token, so nobody could answer; pass it on")]
    TokenNotPassed {
        /// The field.
        place: Place,
    },
    /// A resource that is neither a Lambda function nor one of the two Lambda integrations.
    #[error(
        "{place}: resource {found:?} is outside the subset; use a Lambda function ARN, \
         arn:aws:states:::lambda:invoke or arn:aws:states:::lambda:invoke.waitForTaskToken"
    )]
    Resource {
        /// The field.
        place: Place,
        /// What stands there.
        found: String,
    },
    /// `States.ALL` beside other names, or not in the last entry.
    #[error("{place}: States.ALL has to be alone and in the last entry; move it")]
    AllNotLast {
        /// The entry's `ErrorEquals`.
        place: Place,
    },
    /// A `States.` error that no task reports, or that nothing can retry or catch.
    #[error("{place}: {found:?} never matches anything; remove it")]
    NeverMatches {
        /// The name's place.
        place: Place,
        /// The name.
        found: String,
    },
    /// A `Next`, `Default` or `StartAt` that names no state.
    #[error("{place}: there is no state {target:?}; add it or correct the name")]
    Dangling {
        /// The field.
        place: Place,
        /// The name.
        target: String,
    },
    /// A state that no way leads to.
    #[error("{place}: cannot be reached from StartAt; lead a way to it or remove it")]
    Unreachable {
        /// The state.
        place: Place,
    },
    /// A `${Name}` without a value.
    #[error("{place}: no value for the placeholder ${{{name}}}; add it to the substitutions")]
    Placeholder {
        /// The field.
        place: Place,
        /// The placeholder's name.
        name: String,
    },
    /// A `${` that is no placeholder.
    #[error(
        "{place}: {found:?} holds a malformed placeholder; write ${{Name}} with letters, digits, _ and -"
    )]
    MalformedPlaceholder {
        /// The field.
        place: Place,
        /// The whole text.
        found: String,
    },
}
