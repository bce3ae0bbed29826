//! Functions that go wrong, between the state machine and the functions.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use asl::{Resource, TaskError, Tasks};
use async_trait::async_trait;
use engine::outcome::Outcome;
use engine::ports::{Notifier, PortError, PortResult};
use local_stack::Ports;
use serde_json::Value;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It ends with this error, and nothing is done.
    Error(&'static str),
    /// It does everything and its reply is lost: the process died at the very end.
    LostReply,
    /// It never ends, and nothing is done.
    Hangs,
}

/// Some calls of a function that go wrong.
#[derive(Clone, Debug)]
pub struct Interference {
    /// The function's name.
    pub function: &'static str,
    /// Which calls by the state machine, from 1.
    pub calls: RangeInclusive<u32>,
    /// How.
    pub wrong: Wrong,
}

/// The topic of the outcomes, which may be out of reach.
pub(crate) struct Topic {
    pub(crate) inner: Arc<dyn Notifier>,
    pub(crate) down: Arc<AtomicBool>,
}

#[async_trait]
impl Notifier for Topic {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        if self.down.load(Ordering::Relaxed) {
            return Err(PortError::Transient { service: "SNS", detail: "no answer".to_owned() });
        }
        self.inner.publish(outcome).await
    }
}

/// The functions, with what goes wrong.
pub(crate) struct UnreliableTasks {
    pub(crate) ports: Ports,
    pub(crate) interferences: Vec<Interference>,
    pub(crate) calls: Mutex<BTreeMap<String, u32>>,
}

#[async_trait]
impl Tasks for UnreliableTasks {
    async fn invoke(&self, resource: &Resource, payload: Value) -> Result<Value, TaskError> {
        let name = resource.function_name();
        let call = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let call = calls.entry(name.to_owned()).or_default();
            *call += 1;
            *call
        };
        let hit = |one: &&Interference| one.function == name && one.calls.contains(&call);
        match self.interferences.iter().find(hit).map(|one| one.wrong) {
            None => self.ports.invoke(resource, payload).await,
            Some(Wrong::Error(error)) => Err(TaskError::new(error, "injected by the test")),
            Some(Wrong::Hangs) => std::future::pending().await,
            Some(Wrong::LostReply) => {
                self.ports.invoke(resource, payload).await?;
                Err(TaskError::new("Lambda.Unknown", "the process ended before it had answered"))
            }
        }
    }
}
