//! How a command ended, and a rollout: as people are told, and as the exit code says it.

use std::process::ExitCode;

use rollout::{Phase, Rollout};
use serde_json::Value;

use crate::backend::Execution;
use crate::error::{AceError, Reason};
use crate::inputs::message;
use crate::words::Tone;

/// How a command ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The new version is live; or the command has nothing to say about a rollout's end, and did what it was asked.
    Good,
    /// The rollout was rolled back.
    RolledBack,
    /// Neither: nothing was rolled out, or it could not be told.
    Unknown,
    /// The stack refused an order, or it was stale.
    Refused,
    /// No rule of alerts holds.
    NoRule,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Good => 0,
            Ending::RolledBack | Ending::NoRule => 2,
            Ending::Unknown => 3,
            Ending::Refused => 1,
        })
    }
}

/// The errors of start-deploy that write nothing (`infra/rollout.asl.json`, the state Rejected).
const REJECTED: [&str; 3] = ["InvalidInput", "InvalidConfiguration", "UnknownService"];

/// An end.
pub(crate) struct End {
    pub(crate) ending: Ending,
    /// In a word.
    pub(crate) name: String,
    /// Why.
    pub(crate) reason: String,
    pub(crate) tone: Tone,
}

/// What an execution came to, and the rollout that it drove, if any.
pub(crate) fn end(execution: Option<&Execution>, rollout: Option<&Rollout>) -> Result<End, AceError> {
    if let Some(Execution::Failed { error, cause }) = execution
        && REJECTED.contains(&error.as_str())
        && rollout.is_none()
    {
        return Err(AceError::Rejected { name: error.clone(), source: Reason(message(cause)) });
    }
    // An execution that ends well while the rollout goes on was another one's: the event was delivered before.
    let is_other = matches!(execution, Some(Execution::Succeeded { .. }));
    if let Some(rollout) = rollout.filter(|rollout| rollout.phase.is_terminal() || !is_other) {
        let (ending, tone) = match rollout.phase {
            Phase::Promoted { .. } => (Ending::Good, Tone::Good),
            Phase::RolledBack { .. } => (Ending::RolledBack, Tone::Bad),
            _ => (Ending::Unknown, Tone::Warning),
        };
        let name = rollout.phase.name().replace('_', " ");
        return Ok(End { ending, name, reason: cause(rollout), tone });
    }
    let (name, reason) = match execution {
        Some(Execution::Succeeded { output }) => (text(output, "next"), text(output, "reason")),
        Some(Execution::Failed { error, cause }) => {
            ("failed".to_owned(), format!("{error}: {}", message(cause)))
        }
        Some(Execution::Cut { reason }) => ("stopped".to_owned(), reason.clone()),
        Some(Execution::Running) | None => ("stopped".to_owned(), "no rollout had begun".to_owned()),
    };
    Ok(End { ending: Ending::Unknown, name, reason, tone: Tone::Warning })
}

/// Why a rollout ended as it did.
fn cause(rollout: &Rollout) -> String {
    match &rollout.phase {
        Phase::RolledBack { cause, .. } => cause.to_string(),
        Phase::Refused { reason, .. } => reason.clone(),
        _ => engine::describe(rollout),
    }
}

fn text(output: &Value, field: &str) -> String {
    output.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
