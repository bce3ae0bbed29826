//! Scripted functions, and running a machine to its end.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Event, Execution, Identity, Machine, Outcome, Resource, ScaledTimer, TaskError, Tasks, Transcript,
};

pub(super) const EPOCH: &str = "2026-01-02T03:04:05.678Z";
pub(super) const MACHINE_ARN: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:rollout";
pub(super) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:health-check";
pub(super) const INVOKE: &str = "arn:aws:states:::lambda:invoke";
pub(super) const WAIT_FOR_TOKEN: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// What a function does when it is called next.
pub(super) enum Reply {
    Ok(Value),
    Err(&'static str),
    /// Replies after so many seconds.
    After(u64, Value),
    Panic,
}

/// Gives the replies in order and keeps what it was called with.
pub(super) struct Script {
    replies: Mutex<VecDeque<Reply>>,
    pub calls: Mutex<Vec<Value>>,
    pub finished: Mutex<u32>,
}

impl Script {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let replies = Mutex::new(replies.into_iter().collect());
        Arc::new(Self { replies, calls: Mutex::default(), finished: Mutex::default() })
    }
}

#[async_trait]
impl Tasks for Script {
    async fn invoke(&self, _: &Resource, payload: Value) -> Result<Value, TaskError> {
        self.calls.lock().unwrap().push(payload);
        let reply = self.replies.lock().unwrap().pop_front().expect("one more reply in the script");
        let result = match reply {
            Reply::Ok(value) => Ok(value),
            Reply::Err(error) => Err(TaskError::new(error, format!("cause of {error}"))),
            Reply::After(seconds, value) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(value)
            }
            Reply::Panic => panic!("as the script says"),
        };
        *self.finished.lock().unwrap() += 1;
        result
    }
}

/// A machine under way.
pub(super) struct Run {
    pub execution: Execution,
    pub transcript: Arc<Transcript>,
    pub script: Arc<Script>,
    begun: Instant,
}

/// A machine at its end.
pub(super) struct Ran {
    pub outcome: Outcome,
    pub events: Vec<Event>,
    pub states: Vec<String>,
    pub calls: Vec<Value>,
    pub elapsed: Duration,
}

pub(super) fn parse(definition: &Value) -> Machine {
    Machine::parse(&definition.to_string(), &BTreeMap::new()).unwrap()
}

pub(super) fn start(definition: &Value, input: Value, replies: impl IntoIterator<Item = Reply>) -> Run {
    start_machine(parse(definition), input, replies)
}

pub(super) fn start_machine(machine: Machine, input: Value, replies: impl IntoIterator<Item = Reply>) -> Run {
    let transcript = Arc::new(Transcript::new());
    let script = Script::new(replies);
    let timer = Arc::new(ScaledTimer::new(EPOCH.parse().unwrap(), NonZeroU32::MIN));
    let execution = Execution::start(
        Arc::new(machine),
        Identity::new(MACHINE_ARN, "run-1").unwrap(),
        input,
        Arc::clone(&script) as Arc<dyn Tasks>,
        timer,
        Arc::clone(&transcript) as Arc<dyn crate::Observer>,
    )
    .unwrap();
    Run { execution, transcript, script, begun: Instant::now() }
}

pub(super) async fn run(definition: &Value, input: Value, replies: impl IntoIterator<Item = Reply>) -> Ran {
    start(definition, input, replies).end().await
}

impl Run {
    pub(super) async fn end(self) -> Ran {
        let outcome = self.execution.finished().await;
        Ran {
            outcome,
            events: self.transcript.events().into_iter().map(|event| event.event).collect(),
            states: self.transcript.states_entered(),
            calls: self.script.calls.lock().unwrap().clone(),
            elapsed: self.begun.elapsed(),
        }
    }

    /// The token that a function was called with, once it was called.
    pub(super) async fn token(&self, call: usize) -> String {
        loop {
            if let Some(payload) = self.script.calls.lock().unwrap().get(call) {
                return payload["token"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Ran {
    pub(super) fn output(&self) -> &Value {
        match &self.outcome {
            Outcome::Succeeded { output, .. } => output,
            other => panic!("did not succeed: {other:?}"),
        }
    }

    pub(super) fn error(&self) -> &str {
        match &self.outcome {
            Outcome::Failed { error: Some(error), .. } => error,
            other => panic!("did not fail with an error: {other:?}"),
        }
    }

    pub(super) fn seconds(&self) -> u64 {
        self.elapsed.as_secs()
    }

    /// The delays before retries, in seconds.
    pub(super) fn delays(&self) -> Vec<f64> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::TaskRetried { delay, .. } => Some(delay.as_secs_f64()),
                _ => None,
            })
            .collect()
    }
}

/// A machine of one state, and of an end for its `Next` and its `Catch` when they name `After` and `Caught`.
pub(super) fn one(state: &Value) -> Value {
    let text = state.to_string();
    let mut states = json!({ "T": state });
    for name in ["After", "Caught"] {
        if text.contains(&format!("\"{name}\"")) {
            states[name] = json!({ "Type": "Succeed" });
        }
    }
    json!({ "StartAt": "T", "States": states })
}

/// A Task that calls the function and ends, with further fields.
pub(super) fn task(fields: &Value) -> Value {
    with(json!({ "Type": "Task", "Resource": FUNCTION, "End": true }), fields)
}

/// A Task that waits for a token, which it passes as `token`.
pub(super) fn token_task(fields: &Value) -> Value {
    let parameters = json!({ "FunctionName": "approve", "Payload": { "token.$": "$$.Task.Token" } });
    with(json!({ "Type": "Task", "Resource": WAIT_FOR_TOKEN, "Parameters": parameters, "End": true }), fields)
}

pub(super) fn with(mut state: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        state[name] = value.clone();
    }
    state
}
