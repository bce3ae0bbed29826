//! The way back, from the decision to its verification.

use jiff::Timestamp;

use super::forward::without_weight_writes;
use super::{Rejected, refused};
use crate::event::{Cause, Effect, Event, Milestone};
use crate::names::Weight;
use crate::phase::{Observed, Phase};
use crate::rollout::Rollout;

pub(super) fn abort(
    rollout: &Rollout,
    cause: &Cause,
    at: Timestamp,
    event: &Event,
) -> Result<Rollout, Rejected> {
    if rollout.phase.is_terminal() || rollout.phase.is_rollback() {
        return Err(refused(rollout, event));
    }
    Ok(roll_back(rollout, cause.clone(), at))
}

pub(super) fn roll_back(rollout: &Rollout, cause: Cause, at: Timestamp) -> Rollout {
    let mut next = rollout.to(Phase::Restoring { cause: cause.clone(), since: at }, at);
    next.epoch = rollout.epoch.next();
    // What was asked for on the way forward must not be done any more.
    next.pending.retain(|pending| matches!(pending.effect, Effect::Publish(_)));
    next.ask(Effect::SetWeight(Weight::ZERO));
    next.ask(Effect::Publish(Milestone::RollingBack(cause)));
    next
}

pub(super) fn restored(
    rollout: &Rollout,
    cause: &Cause,
    since: Timestamp,
    observed: &Observed,
    at: Timestamp,
) -> Rollout {
    if *observed != Observed::Weight(Weight::ZERO) {
        let mut again = without_weight_writes(rollout.to(rollout.phase.clone(), at));
        again.ask(Effect::SetWeight(Weight::ZERO));
        return again;
    }
    // A weight that was read before the rollback was decided may still be followed by a write of the old epoch.
    let phase = Phase::Settling { cause: cause.clone(), since, restored_at: at.max(since) };
    without_weight_writes(rollout.to(phase, at))
}

pub(super) fn settled(
    rollout: &Rollout,
    cause: &Cause,
    since: Timestamp,
    restored_at: Timestamp,
    observed: &Observed,
    at: Timestamp,
) -> Option<Rollout> {
    if *observed != Observed::Weight(Weight::ZERO) {
        let mut again = rollout.to(Phase::Restoring { cause: cause.clone(), since }, at);
        again.ask(Effect::SetWeight(Weight::ZERO));
        return Some(again);
    }
    if at < rollout.plan.zombie_bound.after(restored_at) {
        return None;
    }
    let mut done = rollout.to(Phase::RolledBack { cause: cause.clone(), at }, at);
    if cause.blames_the_version() {
        done.ask(Effect::CountRollback);
    }
    done.ask(Effect::Publish(Milestone::RolledBack(cause.clone())));
    Some(done)
}
