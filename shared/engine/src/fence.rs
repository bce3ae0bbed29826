//! Writing weights. ELB has no conditional write, so the fence is ours: assert the epoch, write, read the epoch again;
//! whoever finds it moved puts the new epoch's weights back.

use contract::{ErrorName, Failure};
use rollout::{Colour, Lease, Observed, Rollout, Target, Version, Weight};

use crate::failures;
use crate::ports::{Fleet, PortResult, Store, Traffic};

/// How often a writer that lost its epoch puts the new weights back before it leaves that to whoever keeps moving it.
const REPAIRS: usize = 4;

/// What came of writing a weight.
pub enum Written {
    /// The epoch held; this is what the rule does now.
    Held(Observed),
    /// The epoch moved before or during the write; the weights of the new epoch are in place.
    Lost,
}

/// Gives the rollout's canary this weight, fenced by the rollout's epoch.
///
/// # Errors
/// The store's and the load balancer's.
pub async fn write_weight(
    store: &dyn Store,
    traffic: &dyn Traffic,
    rollout: &Rollout,
    weight: Weight,
) -> Result<Written, Failure> {
    let route = &rollout.plan.route;
    if !holds(store, rollout).await? {
        return Ok(Written::Lost);
    }
    traffic.set(route, rollout.canary, weight).await.map_err(failures::port)?;
    confirm(store, traffic, rollout).await
}

/// Whether the rollout's epoch is still the service's.
///
/// # Errors
/// The store's.
pub async fn holds(store: &dyn Store, rollout: &Rollout) -> Result<bool, Failure> {
    Ok(current(store, rollout).await?.epoch == rollout.epoch)
}

/// How a rollback writes weight 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// The rule becomes what it was at the rollout's admission, so nothing is read first.
    Restored,
    /// What is there now is read and kept, except for the weights.
    Kept,
}

/// Takes all traffic from the rollout's canary. Whoever calls it has asserted the epoch, and [confirms](confirm) then.
///
/// # Errors
/// The load balancer's.
pub async fn take_back(traffic: &dyn Traffic, rollout: &Rollout, how: Back) -> PortResult<()> {
    let route = &rollout.plan.route;
    match how {
        Back::Restored => traffic.restore(route, rollout.canary, &rollout.rule).await,
        Back::Kept => traffic.set(route, rollout.canary, Weight::ZERO).await,
    }
}

/// After a write: puts the weights of the epoch right if it moved, and reads the rule if it did not.
///
/// # Errors
/// The store's and the load balancer's.
pub async fn confirm(
    store: &dyn Store,
    traffic: &dyn Traffic,
    rollout: &Rollout,
) -> Result<Written, Failure> {
    let route = &rollout.plan.route;
    let mut written = rollout.epoch;
    for _ in 0..REPAIRS {
        let now = current(store, rollout).await?;
        if now.epoch == written {
            break;
        }
        traffic.set(route, now.live.other(), now.canary_weight).await.map_err(failures::port)?;
        written = now.epoch;
    }
    if written != rollout.epoch {
        return Ok(Written::Lost);
    }
    traffic.read(route, rollout.canary).await.map(Written::Held).map_err(failures::port)
}

/// Takes an old colour down, unless a later rollout has taken the service since; if one does in between, its version
/// is brought up again.
///
/// # Errors
/// The store's and the fleet's.
pub async fn take_down(
    store: &dyn Store,
    fleet: &dyn Fleet,
    rollout: &Rollout,
    colour: Colour,
) -> Result<(), Failure> {
    if taken_since(store, rollout).await?.is_some() {
        return Ok(());
    }
    let route = &rollout.plan.route;
    fleet.take_down(route, colour).await.map_err(failures::port)?;
    let Some(target) = taken_since(store, rollout).await? else { return Ok(()) };
    match version_on(store, &target, colour).await? {
        Some(version) => fleet.bring_up(route, colour, &version).await.map_err(failures::port),
        None => Ok(()),
    }
}

/// The service, if it is not as an ended rollout left it: a later one began.
pub(crate) async fn taken_since(store: &dyn Store, rollout: &Rollout) -> Result<Option<Target>, Failure> {
    let target = current(store, rollout).await?;
    let untouched = target.epoch == rollout.epoch && target.lease == Lease::Free;
    Ok(if untouched { None } else { Some(target) })
}

async fn version_on(store: &dyn Store, target: &Target, colour: Colour) -> Result<Option<Version>, Failure> {
    if target.live == colour {
        return Ok(target.stable.clone());
    }
    let Lease::Held { by, .. } = &target.lease else { return Ok(None) };
    Ok(store.rollout(by).await.map_err(failures::port)?.map(|later| later.plan.version))
}

async fn current(store: &dyn Store, rollout: &Rollout) -> Result<Target, Failure> {
    let plan = &rollout.plan;
    store.target(&plan.environment, &plan.service).await.map_err(failures::port)?.ok_or_else(|| {
        Failure::new(
            ErrorName::PermanentError,
            format!(
                "service {} of rollout {} has no target item: restore it from the backup",
                plan.service, rollout.id
            ),
        )
    })
}
