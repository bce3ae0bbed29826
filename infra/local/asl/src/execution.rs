//! A running execution and its handle.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::history::{History, Observer};
use crate::identity::Identity;
use crate::interpreter::Interpreter;
use crate::json::{MAX_DATA_BYTES, too_large};
use crate::machine::Machine;
use crate::ports::{TaskError, Tasks, Timer};
use crate::token::{TokenDesk, TokenError};

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// It reached a Succeed state or an `End`.
    Succeeded {
        /// The output of the last state.
        output: Value,
        /// The last state.
        state: String,
    },
    /// It reached a Fail state, or an error that nothing caught.
    Failed {
        /// The error's name; a Fail state may have none.
        error: Option<String>,
        /// What happened; a Fail state may have none.
        cause: Option<String>,
        /// The last state.
        state: String,
    },
    /// The machine's `TimeoutSeconds` passed. Nothing in the machine can catch it.
    TimedOut,
    /// It was stopped.
    Aborted {
        /// The error's name, as [`Execution::stop`] was told.
        error: Option<String>,
        /// Why, as [`Execution::stop`] was told.
        cause: Option<String>,
    },
}

/// Why an execution did not start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// The input is larger than [`MAX_DATA_BYTES`] (`InvalidExecutionInput` on AWS).
    #[error("the execution's input is larger than {MAX_DATA_BYTES} bytes; send a reference to the data")]
    InputTooLarge,
}

#[derive(Debug)]
struct Stop {
    error: Option<String>,
    cause: Option<String>,
}

/// The handle of an execution; clones are handles of the same one.
///
/// Dropping every handle does not stop the execution: as on AWS it runs to its end, which its [`Observer`]
/// sees, for as long as the tokio runtime lives. But then nobody can answer a task token any more, so a task
/// that waits for one ends by its timeout, or never when it has none. Call [`Execution::stop`] to end an
/// execution.
#[derive(Debug, Clone)]
pub struct Execution {
    identity: Identity,
    tokens: Arc<TokenDesk>,
    stop: mpsc::UnboundedSender<Stop>,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Execution {
    /// Starts the machine in a tokio task of its own. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`], and then nothing has started.
    pub fn start(
        machine: Arc<Machine>,
        identity: Identity,
        input: Value,
        tasks: Arc<dyn Tasks>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        if too_large(&input) {
            return Err(StartError::InputTooLarge);
        }
        let tokens = Arc::new(TokenDesk::new(identity.execution_arn()));
        let (stop, stops) = mpsc::unbounded_channel();
        let (ended, outcome) = watch::channel(None);
        let history = History::new(observer, Arc::clone(&timer));
        let interpreter = Interpreter {
            machine,
            identity: identity.clone(),
            input,
            started: timer.now(),
            tasks,
            timer,
            tokens: Arc::clone(&tokens),
        };
        tokio::spawn(drive(interpreter, history, stops, ended));
        Ok(Self { identity, tokens, stop, outcome })
    }

    /// The names and ARNs of the execution.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How the execution ended; none while it runs.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Waits for the end. When the execution is lost, because an [`Observer`] panicked or the runtime shut
    /// down, it counts as aborted with the error `Execution.Lost`.
    pub async fn finished(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| Outcome::Aborted {
            error: Some("Execution.Lost".to_owned()),
            cause: Some("the execution's task ended without an outcome".to_owned()),
        })
    }

    /// Ends the execution as aborted, as `StopExecution` does. A function that is being called runs to its
    /// end, and its reply is dropped. An execution that has ended is left as it is.
    pub fn stop(&self, error: Option<String>, cause: Option<String>) {
        // The receiver is gone only when the execution has ended.
        let _ended = self.stop.send(Stop { error, cause });
    }

    /// Answers a token with the task's output, as `SendTaskSuccess` does.
    ///
    /// # Errors
    /// [`TokenError`], and then nothing has changed.
    pub fn task_success(&self, token: &str, output: Value) -> Result<(), TokenError> {
        self.tokens.answer(token, Ok(output))
    }

    /// Fails the task of a token, as `SendTaskFailure` does.
    ///
    /// # Errors
    /// [`TokenError`], and then nothing has changed.
    pub fn task_failure(
        &self,
        token: &str,
        error: impl Into<String>,
        cause: impl Into<String>,
    ) -> Result<(), TokenError> {
        self.tokens.answer(token, Err(TaskError::new(error, cause)))
    }

    /// Says that the task of a token is alive, as `SendTaskHeartbeat` does: `HeartbeatSeconds` begins anew.
    ///
    /// # Errors
    /// [`TokenError`], and then nothing has changed.
    pub fn heartbeat(&self, token: &str) -> Result<(), TokenError> {
        self.tokens.heartbeat(token)
    }
}

async fn drive(
    interpreter: Interpreter,
    mut history: History,
    mut stops: mpsc::UnboundedReceiver<Stop>,
    ended: watch::Sender<Option<Outcome>>,
) {
    let outcome = tokio::select! {
        biased;
        Some(Stop { error, cause }) = stops.recv() => Outcome::Aborted { error, cause },
        () = sleep_or_never(&*interpreter.timer, interpreter.machine.timeout) => Outcome::TimedOut,
        outcome = interpreter.run(&mut history) => outcome,
    };
    interpreter.tokens.close();
    history.end(outcome.clone());
    ended.send_replace(Some(outcome));
}

/// Sleeps, or never returns when there is no limit.
pub(crate) async fn sleep_or_never(timer: &dyn Timer, limit: Option<std::time::Duration>) {
    match limit {
        Some(limit) => timer.sleep(limit).await,
        None => std::future::pending().await,
    }
}
