//! The store's two writes, as `ports::Store` documents them.

use rollout::{Barred, Effect, Lease, Phase, Rollout, ServiceName, Target, Version};

use super::world::State;
use crate::history::Record;
use crate::ports::{Begun, CommitError};

pub(super) fn begin(
    state: &mut State,
    rollout: &Rollout,
    record: &Record,
    expected: Option<&Target>,
) -> Begun {
    if let Some(existing) = state.rollouts.get(&rollout.id) {
        return Begun::Exists(Box::new(existing.clone()));
    }
    let service = &rollout.plan.service;
    if !matches!(rollout.phase, Phase::Refused { .. }) {
        let target = state.targets.get(service);
        let as_expected = match (target, expected) {
            (None, None) => true,
            (Some(target), Some(expected)) => {
                target.epoch == expected.epoch
                    && target.barred == expected.barred
                    && target.lease == Lease::Free
            }
            _ => false,
        };
        if let (false, Some(target)) = (as_expected, target) {
            return Begun::Busy(target.clone());
        }
        state.targets.insert(service.clone(), rollout.target());
    }
    state.by_execution.insert(rollout.execution.clone(), rollout.id.clone());
    state.history.insert(rollout.id.clone(), vec![record.clone()]);
    state.rollouts.insert(rollout.id.clone(), rollout.clone());
    Begun::Created
}

pub(super) fn lift_bar(state: &mut State, service: &ServiceName, version: &Version) -> bool {
    let Some(target) = state.targets.get_mut(service) else { return false };
    let bars = matches!(&target.barred, Barred::Version { version: barred, .. } if barred == version);
    if !bars || target.lease != Lease::Free {
        return false;
    }
    target.barred = Barred::Nothing;
    true
}

pub(super) fn commit(
    state: &mut State,
    before: &Rollout,
    after: &Rollout,
    record: &Record,
) -> Result<(), CommitError> {
    let conflict = || CommitError::Conflict { id: before.id.clone() };
    let stored = state.rollouts.get(&before.id).ok_or_else(conflict)?;
    let history = state.history.get_mut(&before.id).ok_or_else(conflict)?;
    let target = state.targets.get(&before.plan.service);
    if stored.version != before.version || history.len() as u64 + 1 != record.number {
        return Err(conflict());
    }
    if before.phase.is_terminal() {
        let takes_down = |pending: &rollout::Pending| {
            pending.id >= before.next_effect && matches!(pending.effect, Effect::TakeDown(_))
        };
        let free = target.is_some_and(|target| target.epoch == before.epoch && target.lease == Lease::Free);
        if after.pending.iter().any(takes_down) && !free {
            return Err(conflict());
        }
    } else {
        let held = target.is_some_and(|target| {
            target.epoch == before.epoch
                && matches!(&target.lease, Lease::Held { by, .. } if *by == before.id)
        });
        if !held {
            return Err(conflict());
        }
        state.targets.insert(before.plan.service.clone(), after.target());
    }
    history.push(record.clone());
    state.rollouts.insert(after.id.clone(), after.clone());
    Ok(())
}
