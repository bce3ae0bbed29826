//! What the functions say to each other and to the outside: requests, replies, error names, schemas.

mod alarm;
mod alert_router;
mod approve;
mod command;
mod cost_optimizer;
mod failure;
mod reply;
mod request;
mod rollback;
mod schemas;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use alarm::{Alarm, AlarmChange, AlarmMetric};
pub use alert_router::{
    Acknowledge, AlertRouter, AlertRouterReply, AlertRouterResult, Due, DueOf, EnvironmentStatus, Heard,
    RolloutOutcome, SilenceOrder, TryChannel, Unsilence,
};
pub use approve::{
    Approve, ApproveReply, Body, HttpRequest, HttpResponse, LinkMade, LinkReply, LinkWanted, MAX_BODY,
};
pub use command::Command;
pub use cost_optimizer::{
    CostOptimizer, CostOptimizerReply, CostOptimizerResult, EndOverride, ResourceTrouble,
};
pub use failure::{ErrorName, Failure};
pub use reply::{HealthCheckNext, Next, PromoteStepNext, Reply, RollbackNext, StartDeployNext};
pub use request::{CleanUpDue, Origin, PromoteStep, StartDeploy, Sweep, Trigger, Turn};
pub use rollback::{CaughtError, FreezeOrder, Rollback};
pub use schemas::schemas;

/// A function: one request in, one reply out. The Lambda host and the embedded stack both run these.
#[async_trait]
pub trait Function: Send + Sync {
    /// The function's name, as in `functions/`.
    const NAME: &'static str;
    /// What it is given.
    type Request: DeserializeOwned + Send + 'static;
    /// What it answers.
    type Reply: Serialize + Send;

    /// Handles one request.
    async fn call(&self, request: Self::Request) -> Result<Self::Reply, Failure>;
}

/// Runs a function on a JSON payload.
///
/// # Errors
/// The function's own failure, or [`ErrorName::InvalidInput`] when the payload is not a request.
pub async fn invoke<F: Function>(
    function: &F,
    payload: serde_json::Value,
) -> Result<serde_json::Value, Failure> {
    let request = serde_json::from_value(payload)
        .map_err(|error| Failure::new(ErrorName::InvalidInput, error.to_string()))?;
    let reply = function.call(request).await?;
    serde_json::to_value(reply).map_err(|error| Failure::new(ErrorName::PermanentError, error.to_string()))
}

#[cfg(test)]
mod tests;
