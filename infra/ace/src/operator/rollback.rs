//! `ace rollback`: back to the version before.

use clap::Args;
use rollout::{Phase, Rollout, RolloutId, ServiceName, Strategy, Target};

use super::find::under_way;
use super::order::{Given, Wish};
use super::request::Request;
use super::{Desk, OperatorError};
use crate::Ending;
use crate::arguments::{Output, Scene};
use crate::backend::{Backend, ready};
use crate::error::AceError;

/// How many of the newest rollouts are searched for the one that is live.
const SEARCHED: usize = 100;

/// Back to the version before.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The rollout [default: the one that is under way, or else the one that was promoted last]
    pub(crate) rollout: Option<RolloutId>,
    /// Of this service.
    #[arg(long, value_name = "NAME", conflicts_with = "rollout")]
    pub(crate) service: Option<ServiceName>,
    /// Why; it is kept in the history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Follow a rollout that is started until it has ended.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) scene: Scene,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

pub(super) async fn rollback(arguments: Rollback) -> Result<Ending, AceError> {
    let request = {
        let backend = ready(&arguments.desk.place).await?;
        let found = found(&*backend, &arguments).await?;
        let by = arguments.desk.by(&*backend);
        if !found.phase.is_terminal() {
            let (reason, epoch) = (arguments.reason, found.epoch.0);
            let given = Given { wish: Wish::Abort, by, reason, epoch };
            let told = given.to(&*backend, &found, None).await?;
            return Ok(told.show(arguments.desk.output.output));
        }
        let target = backend.target(&found.plan.service).await?;
        back(&found, target.as_ref(), by, &arguments.reason)?
        // The store is let go: on this machine the rollout is played over it.
    };
    if arguments.desk.output.output == Output::Human {
        println!(
            "{} goes back to {}: a blue-green rollout of it, through the same checks as any other",
            request.service, request.version
        );
    }
    request.roll_out(&arguments.desk, None, &arguments.scene, arguments.wait).await
}

/// The rollout that is meant.
async fn found(backend: &dyn Backend, arguments: &Rollback) -> Result<Rollout, AceError> {
    let environment = &arguments.desk.place.environment;
    if arguments.rollout.is_some() {
        return super::find::find(backend, environment, arguments.rollout.as_ref()).await;
    }
    let meant =
        |rollout: &Rollout| arguments.service.as_ref().is_none_or(|service| *service == rollout.plan.service);
    if under_way(backend).await?.iter().any(meant) {
        let mut active = under_way(backend).await?;
        active.retain(meant);
        let only = if let [only] = active.as_slice() { Some(only.id.clone()) } else { None };
        return super::find::find(backend, environment, only.as_ref()).await;
    }
    let promoted = backend
        .recent(SEARCHED)
        .await?
        .into_iter()
        .find(|rollout| meant(rollout) && matches!(rollout.phase, Phase::Promoted { .. }));
    promoted.ok_or_else(|| OperatorError::NothingPromoted { environment: environment.clone() }.into())
}

/// The request for the version before a promoted rollout, if that rollout is what is live.
fn back(
    rollout: &Rollout,
    target: Option<&Target>,
    by: String,
    reason: &str,
) -> Result<Request, OperatorError> {
    let live = target.and_then(|target| target.stable.as_ref());
    let is_live = matches!(rollout.phase, Phase::Promoted { .. }) && live == Some(&rollout.plan.version);
    if !is_live {
        return Err(OperatorError::NotLive { id: rollout.id.clone(), now: engine::describe(rollout) });
    }
    let (service, version) = (rollout.plan.service.clone(), rollout.plan.version.clone());
    let Some(before) = rollout.baseline.clone() else {
        return Err(OperatorError::NothingBefore { service, version });
    };
    Ok(Request {
        service,
        version: before,
        strategy: Some(Strategy::BlueGreen),
        lift_bar: false,
        overridden: Vec::new(),
        by: Some(by),
        reason: Some(format!("rollback of {version}: {reason}")),
        id: None,
    })
}
