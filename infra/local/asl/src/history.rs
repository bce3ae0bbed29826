//! What happened in an execution.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::execution::Outcome;
use crate::json::MAX_HISTORY_EVENTS;
use crate::ports::{TaskError, Timer};
use crate::resource::Resource;

/// The type of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum StateKind {
    /// Calls a function.
    Task,
    /// Waits.
    Wait,
    /// Branches.
    Choice,
    /// Passes or makes data.
    Pass,
    /// Ends the execution well.
    Succeed,
    /// Fails the execution.
    Fail,
}

/// One thing that happened. All but [`Event::TaskRetried`] and [`Event::Caught`] are events of
/// `GetExecutionHistory`, whose names there also tell the state's type or the resource's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The execution began.
    ExecutionStarted {
        /// Its input.
        input: Value,
    },
    /// A state was entered (AWS: `TaskStateEntered`, `WaitStateEntered`, ...).
    StateEntered {
        /// The state.
        name: String,
        /// Its type.
        kind: StateKind,
        /// Its input, before `InputPath`.
        input: Value,
    },
    /// A call is due (AWS: `TaskScheduled`, `LambdaFunctionScheduled`).
    TaskScheduled {
        /// What is called.
        resource: Resource,
        /// The attempt in this visit of the state, 1 for the first.
        attempt: u64,
        /// What it is called with.
        payload: Value,
    },
    /// The call began.
    TaskStarted,
    /// The call returned and its token is waited for.
    TaskSubmitted {
        /// What the call returned.
        output: Value,
    },
    /// The task has its result.
    TaskSucceeded {
        /// The result, before `ResultSelector`.
        output: Value,
    },
    /// The task failed.
    TaskFailed {
        /// The error's name.
        error: String,
        /// What happened.
        cause: String,
    },
    /// The task had no result, or no heartbeat, in time.
    TaskTimedOut {
        /// `States.Timeout` or `States.HeartbeatTimeout`.
        error: String,
        /// Which limit was passed.
        cause: String,
    },
    /// A retrier took the error; the next attempt follows after the delay. Not an event on AWS.
    TaskRetried {
        /// The index in the state's `Retry`.
        retrier: usize,
        /// The retries of this retrier in this visit, this one included.
        retry: u64,
        /// How long until the next attempt, in seconds when serialised.
        #[serde(rename = "delay_seconds", serialize_with = "seconds")]
        delay: Duration,
    },
    /// A catcher took the error. Not an event on AWS.
    Caught {
        /// The index in the state's `Catch`.
        catcher: usize,
        /// The error's name.
        error: String,
        /// The state that follows.
        next: String,
    },
    /// A state was left (AWS: `TaskStateExited`, ...).
    StateExited {
        /// The state.
        name: String,
        /// Its output.
        output: Value,
    },
    /// The execution ended (AWS: `ExecutionSucceeded`, `ExecutionFailed`, ...).
    Ended {
        /// How.
        outcome: Outcome,
    },
}

fn seconds<S: Serializer>(delay: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(delay.as_secs_f64())
}

/// An [`Event`], when it happened, and how far the history is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEvent {
    /// The id the event has on AWS, from 1; for the two kinds that AWS does not have, the id of the event
    /// before.
    pub id: u64,
    /// When, by the execution's [`Timer`].
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// Gets the history as it happens.
pub trait Observer: Send + Sync {
    /// Takes one event. It is called between steps of the execution, so it has to return soon and must not
    /// panic.
    fn record(&self, event: &HistoryEvent);
}

/// Collects the history.
#[derive(Debug, Default)]
pub struct Transcript(Mutex<Vec<HistoryEvent>>);

impl Transcript {
    /// An empty transcript.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happened so far.
    pub fn events(&self) -> Vec<HistoryEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The states entered so far, in order: what is compared with another interpreter's history.
    pub fn states_entered(&self) -> Vec<String> {
        self.events()
            .into_iter()
            .filter_map(|event| match event.event {
                Event::StateEntered { name, .. } => Some(name),
                _ => None,
            })
            .collect()
    }
}

impl Observer for Transcript {
    fn record(&self, event: &HistoryEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}

/// Numbers the events and holds the limit.
pub(crate) struct History {
    observer: Arc<dyn Observer>,
    timer: Arc<dyn Timer>,
    last: u64,
}

impl History {
    pub(crate) fn new(observer: Arc<dyn Observer>, timer: Arc<dyn Timer>) -> Self {
        Self { observer, timer, last: 0 }
    }

    /// # Errors
    /// `States.Runtime` when only the ending event has room left.
    pub(crate) fn record(&mut self, event: Event) -> Result<(), TaskError> {
        let on_aws = !matches!(event, Event::TaskRetried { .. } | Event::Caught { .. });
        if on_aws {
            if self.last.saturating_add(1) >= MAX_HISTORY_EVENTS {
                return Err(TaskError::new(
                    "States.Runtime",
                    format!(
                        "the execution reached the maximum number of history events ({MAX_HISTORY_EVENTS})"
                    ),
                ));
            }
            self.last = self.last.saturating_add(1);
        }
        self.emit(event);
        Ok(())
    }

    pub(crate) fn end(mut self, outcome: Outcome) {
        self.last = self.last.saturating_add(1);
        self.emit(Event::Ended { outcome });
    }

    fn emit(&self, event: Event) {
        self.observer.record(&HistoryEvent { id: self.last, at: self.timer.now(), event });
    }
}
