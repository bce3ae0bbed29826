//! What an execution needs from outside.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::resource::Resource;

/// An error of a task or a state: the error output `{"Error", "Cause"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[error("{error}: {cause}")]
pub struct TaskError {
    /// The error's name, which `Retry` and `Catch` match: a Lambda function's `errorType`, or `Lambda.*`,
    /// `States.*`.
    pub error: String,
    /// What happened: for a Lambda function the JSON text of its error reply.
    pub cause: String,
}

impl TaskError {
    /// An error with its name and what happened.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }
}

/// The functions that Tasks call.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Calls the function and gives its reply.
    ///
    /// It runs in a tokio task of its own: as on AWS, a call whose state timed out, or whose execution was
    /// stopped, runs to its end and its reply is dropped. A panic in it becomes the error `Lambda.Unknown`,
    /// unless the build aborts on panics.
    ///
    /// # Errors
    /// What the function answered instead, or why it could not be called.
    async fn invoke(&self, resource: &Resource, payload: Value) -> Result<Value, TaskError>;
}

/// The clock of an execution.
#[async_trait]
pub trait Timer: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// Returns after the duration of this clock. Dropping the future must be safe.
    async fn sleep(&self, duration: Duration);

    /// The share, 0 to 1, of a back-off's delay to wait under `"JitterStrategy": "FULL"`, where AWS draws it
    /// at random. The default waits the whole delay, so that runs repeat; values outside the range are
    /// clamped.
    fn jitter(&self) -> f64 {
        1.0
    }
}
