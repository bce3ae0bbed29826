//! What processes of this machine say to each other: one JSON object a line, a question and its answer.

use contract::Failure;
use environments::Environment;
use rollout::{EnvironmentName, ExecutionArn, RolloutId, ServiceName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BackendError, Callee, Glance, Wish};

/// The longest line, in bytes: the largest that is sent is a rollout's history.
pub(super) const LONGEST: u64 = 16 << 20;

/// A question about an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub(super) environment: EnvironmentName,
    pub(super) ask: Ask,
}

/// What is asked: the methods of [`Backend`](super::Backend).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ask {
    Now,
    Start { name: String, event: Value },
    Execution { execution: ExecutionArn },
    Invoke { function: Callee, payload: Value },
    ApprovalUrl,
    Configuration,
    Publish { configuration: Box<Environment>, by: String },
    Gates { wish: Box<Wish> },
    Target { service: ServiceName },
    Rollout { id: RolloutId },
    Active,
    Control,
    History { id: RolloutId },
    Recent { limit: usize },
    Alerts { glance: Box<Glance> },
    Costs,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Answer {
    /// What was asked for.
    Ok(Value),
    /// The function's failure.
    Failed { function: Callee, name: contract::ErrorName, message: String },
    /// Anything else that keeps it from being done. `ours`: whether the mistake is not the asker's.
    Refused { message: String, ours: bool },
}

impl From<BackendError> for Answer {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Function { callee, failure } => {
                Self::Failed { function: callee, name: failure.name, message: failure.message }
            }
            other => Self::Refused { message: told(&other), ours: other.is_ours() },
        }
    }
}

impl From<Answer> for Result<Value, BackendError> {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Ok(value) => Ok(value),
            Answer::Failed { function, name, message } => {
                Err(BackendError::Function { callee: function, failure: Failure::new(name, message) })
            }
            Answer::Refused { message, ours } => Err(BackendError::Remote { message, ours }),
        }
    }
}

/// An error with its remedy, in one line.
fn told(error: &BackendError) -> String {
    use miette::Diagnostic as _;
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use contract::ErrorName;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_of_a_function_arrives_as_it_was() {
        let failure = Failure::new(ErrorName::UnknownRollout, "there is no rollout x");
        let error = BackendError::Function { callee: Callee::Rollback, failure: failure.clone() };
        let line = serde_json::to_string(&Answer::from(error)).unwrap();
        let answer: Answer = serde_json::from_str(&line).unwrap();
        match Result::from(answer) {
            Err(BackendError::Function { callee: Callee::Rollback, failure: arrived }) => {
                assert_eq!(arrived, failure);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_error_arrives_with_its_remedy_and_whose_it_is() {
        let answer = Answer::from(BackendError::NothingPlays);
        match Result::from(answer) {
            Err(error @ BackendError::Remote { .. }) => {
                assert!(error.to_string().contains("`ace run` and `ace implement` do"), "{error}");
                assert!(!error.is_ours());
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_says_what_it_does_not_know() {
        let asked = json!({ "environment": "local", "ask": { "recent": { "limit": 3 } } });
        assert_eq!(serde_json::from_value::<Question>(asked).unwrap().ask, Ask::Recent { limit: 3 });
        for wrong in [
            json!({ "environment": "local" }),
            json!({ "environment": "local", "ask": "everything" }),
            json!({ "environment": "local", "ask": { "recent": { "limit": -1 } } }),
            json!({ "environment": "local", "ask": "now", "also": 1 }),
            json!({ "environment": "a b", "ask": "now" }),
        ] {
            assert!(serde_json::from_value::<Question>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
