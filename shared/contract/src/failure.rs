use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The names of the errors that functions end with. Retry and Catch in `infra/rollout.asl.json` match these strings,
/// so they are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ErrorName {
    /// The input is wrong; nothing was written.
    InvalidInput,
    /// The environment has no valid configuration; nothing was written.
    InvalidConfiguration,
    /// The configuration has no such service or pipeline; nothing was written.
    UnknownService,
    /// There is no such rollout.
    UnknownRollout,
    /// Something else wrote at the same time, again and again.
    ConflictError,
    /// A service did not answer; it may in a moment.
    TransientError,
    /// A service refuses until somebody changes something.
    PermanentError,
}

impl ErrorName {
    /// Every name.
    pub const ALL: [Self; 7] = [
        Self::InvalidInput,
        Self::InvalidConfiguration,
        Self::UnknownService,
        Self::UnknownRollout,
        Self::ConflictError,
        Self::TransientError,
        Self::PermanentError,
    ];

    /// The name as Step Functions sees it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::InvalidConfiguration => "InvalidConfiguration",
            Self::UnknownService => "UnknownService",
            Self::UnknownRollout => "UnknownRollout",
            Self::ConflictError => "ConflictError",
            Self::TransientError => "TransientError",
            Self::PermanentError => "PermanentError",
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a function fails: a stable name, and a message that says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The name that Retry and Catch match.
    pub name: ErrorName,
    /// What happened and what to change; never a secret.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }
}
