//! What people do to the stack of an environment: start rollouts, step into them, and keep them from starting.

mod answer;
mod control;
mod error;
mod find;
pub(crate) mod follow;
mod implement;
mod link;
mod order;
mod publish;
mod request;
mod rollback;

use clap::{Args, Subcommand};

use crate::Ending;
use crate::arguments::OutputArgument;
use crate::backend::{Backend, Where};
use crate::error::AceError;

pub(crate) use answer::Told;
pub(crate) use error::OperatorError;

#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Validate and publish an environment's configuration, and roll a version of a service out.
    #[command(alias = "deploy")]
    Implement(implement::Implement),
    /// Validate and publish an environment's configuration, for the rollouts that start from now on, and its feature flags.
    Publish(publish::Publish),
    /// Let the step that waits for approval be taken, or make a link by which somebody else can.
    Approve(link::Approve),
    /// Refuse the step that waits for approval: the rollout is rolled back.
    Reject(order::Ordered),
    /// End the wait at the step that is under way: the order stands in for the evidence.
    Advance(order::OfStep),
    /// Take no further step; evidence and guardrails go on.
    Hold(order::Ordered),
    /// Go on after a hold.
    Resume(order::Ordered),
    /// Roll back what is under way.
    Abort(order::Ordered),
    /// Go back to the version before: an active rollout is aborted; of one that was promoted, the version that was live
    /// before is rolled out blue-green, through the same checks as any other.
    Rollback(rollback::Rollback),
    /// Let no rollout start for a while; those under way go on.
    Freeze(control::Freeze),
    /// End a freeze.
    Thaw(control::Thaw),
    /// Let no rollout start until a person resumes the line.
    StopTheLine(control::StopTheLine),
    /// Let rollouts start again after the line was stopped.
    ResumeLine(control::ResumeLine),
    /// Let a version come back that was rolled back for its own fault.
    Unhold(control::Unhold),
}

/// Which stack, who orders, and how the answer is shown.
#[derive(Debug, Args)]
pub(crate) struct Desk {
    #[command(flatten)]
    pub(crate) place: Where,
    /// Who orders, as it is recorded [default: the caller of AWS, or the user of this machine]
    #[arg(long, env = "ACE_BY", value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgument,
}

impl Desk {
    /// Who orders.
    pub(crate) fn by(&self, backend: &dyn Backend) -> String {
        self.by.clone().unwrap_or_else(|| backend.operator())
    }
}

/// Why, where nobody says so.
pub(crate) const NO_REASON: &str = "no reason given";

pub(crate) async fn operate(operation: Operation) -> Result<Ending, AceError> {
    use order::Wish;
    match operation {
        Operation::Implement(arguments) => Box::pin(implement::implement(arguments)).await,
        Operation::Publish(arguments) => publish::publish(arguments).await,
        Operation::Approve(arguments) => link::approve(arguments).await,
        Operation::Advance(arguments) => order::of_step(Wish::Advance, arguments).await,
        Operation::Reject(arguments) => order::order(Wish::Reject, arguments).await,
        Operation::Hold(arguments) => order::order(Wish::Hold, arguments).await,
        Operation::Resume(arguments) => order::order(Wish::Resume, arguments).await,
        Operation::Abort(arguments) => order::order(Wish::Abort, arguments).await,
        Operation::Rollback(arguments) => Box::pin(rollback::rollback(arguments)).await,
        Operation::Freeze(arguments) => control::freeze(arguments).await,
        Operation::Thaw(arguments) => control::thaw(arguments).await,
        Operation::StopTheLine(arguments) => control::stop(arguments).await,
        Operation::ResumeLine(arguments) => control::resume(arguments).await,
        Operation::Unhold(arguments) => control::unhold(arguments).await,
    }
}
