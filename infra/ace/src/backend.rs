//! What an operator needs of a stack, wherever it is: on AWS, in this process, or in another process of this machine.

mod alerts;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod aws_fault;
#[cfg(feature = "aws")]
mod aws_gates;
pub(crate) mod embedded;
mod error;
mod gates;
mod messenger;
mod place;
mod remote;
pub(crate) mod socket;
mod wire;

use async_trait::async_trait;
use engine::gates::GateState;
use engine::history::Record;
use engine::ports::Published;
use environments::Environment;
use feature_flags::Shelf;
use jiff::Timestamp;
use rollout::{Control, ExecutionArn, Rollout, RolloutId, ServiceName, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use alerts::{Glance, GroupSight, Sighted};
#[cfg(feature = "aws")]
pub(crate) use aws::clients;
pub(crate) use error::BackendError;
pub(crate) use gates::Wish;
pub(crate) use messenger::messenger;
pub(crate) use place::{At, Reached, Where, as_it_is, claim, is_here, reach, ready, shelf_beside, user};

/// The answer of a backend.
pub(crate) type BackendResult<T> = Result<T, BackendError>;

/// The stack of one environment.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    /// Where it is, as a person knows it.
    fn place(&self) -> String;

    /// Who gives orders, where nobody says so.
    fn operator(&self) -> String;

    /// The stack's time: the embedded one may run faster than the machine's.
    async fn now(&self) -> BackendResult<Timestamp>;

    /// How often it is asked for what is new, in milliseconds of real time.
    fn poll_millis(&self) -> u64;

    /// Starts an execution of the state machine with an event. The same name and event again is the same execution.
    async fn start(&self, name: &str, event: Value) -> BackendResult<ExecutionArn>;

    /// Where approval links lead: what stands before the path of one.
    async fn approval_url(&self) -> BackendResult<String>;

    /// What became of an execution.
    async fn execution(&self, execution: &ExecutionArn) -> BackendResult<Execution>;

    /// Calls a function with a payload, and gives its reply.
    async fn invoke(&self, function: Callee, payload: Value) -> BackendResult<Value>;

    /// Whether this is a stack for a configuration: of its account and region.
    fn fits(&self, configuration: &Environment) -> BackendResult<()>;

    /// The newest published configuration.
    async fn configuration(&self) -> BackendResult<Option<Published>>;

    /// Publishes a configuration, unless the newest one says the same.
    async fn publish(&self, configuration: &Environment, by: &str) -> BackendResult<Publication>;

    /// Where the environment's feature flags are.
    fn shelf(&self) -> Box<dyn Shelf>;

    /// Where each gate stands for a rollout that was not asked for yet, in the order of [`rollout::GateName::ALL`].
    async fn gates(&self, wish: &Wish) -> BackendResult<Vec<GateState>>;

    /// A service's target; `None` before its first rollout.
    async fn target(&self, service: &ServiceName) -> BackendResult<Option<Target>>;

    /// A rollout.
    async fn rollout(&self, id: &RolloutId) -> BackendResult<Option<Rollout>>;

    /// The rollouts that have not ended; an index, which may lag behind by a moment.
    async fn active(&self) -> BackendResult<Vec<Rollout>>;

    /// What holds for the whole environment.
    async fn control(&self) -> BackendResult<Control>;

    /// The records of a rollout, oldest first.
    async fn history(&self, id: &RolloutId) -> BackendResult<Vec<Record>>;

    /// The newest rollouts, newest first.
    async fn recent(&self, limit: usize) -> BackendResult<Vec<Rollout>>;

    /// What is known of alerts.
    async fn alerts(&self, glance: &Glance) -> BackendResult<Sighted>;
}

/// What came of publishing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publication {
    /// The newest configuration.
    pub(crate) published: Published,
    /// Whether it was published by this; otherwise it said the same already.
    pub(crate) is_new: bool,
}

impl From<engine::publish::Publication> for Publication {
    fn from(publication: engine::publish::Publication) -> Self {
        let is_new = matches!(publication, engine::publish::Publication::New(_));
        Self { published: publication.published().clone(), is_new }
    }
}

/// The functions that take orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Callee {
    /// hold, resume, advance, approve.
    PromoteStep,
    /// Rollbacks, the line, freezes, bars.
    Rollback,
    /// Approval links.
    Approve,
    /// Groups of alerts, silences, channels.
    AlertRouter,
}

impl Callee {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::PromoteStep => "promote-step",
            Self::Rollback => "rollback",
            Self::Approve => "approve",
            Self::AlertRouter => "alert-router",
        }
    }
}

/// What became of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Execution {
    /// It has not ended.
    Running,
    /// It ended with the last function's reply.
    Succeeded {
        /// The reply.
        output: Value,
    },
    /// It failed.
    Failed {
        /// The error's name.
        error: String,
        /// What it said.
        cause: String,
    },
    /// It was stopped, or took longer than it may.
    Cut {
        /// Why.
        reason: String,
    },
}
