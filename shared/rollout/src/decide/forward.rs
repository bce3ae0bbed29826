//! The way forward: ready, cleared, shifted, and what somebody else does to the rule meanwhile.

use jiff::Timestamp;

use super::back::roll_back;
use super::{Rejected, not_now};
use crate::event::{Cause, Effect, Event, Milestone, Probe};
use crate::names::Weight;
use crate::phase::{Approval, CleanUp, Next, Observed, Phase, Sight};
use crate::plan::StepIndex;
use crate::rollout::Rollout;

pub(super) fn probed(rollout: &Rollout, attempts: u32, probe: &Probe, at: Timestamp) -> Rollout {
    let attempts = attempts.saturating_add(1);
    match probe {
        Probe::Ready => cleared(rollout, Next::Step(StepIndex(0)), at),
        Probe::SmokeTestFailed(reason) => roll_back(rollout, Cause::SmokeTestFailed(reason.clone()), at),
        Probe::NotReady(reason) if attempts >= rollout.plan.readiness.attempts.get() => {
            let reason =
                format!("{reason} (looked {attempts} times, {} apart)", rollout.plan.readiness.interval);
            roll_back(rollout, Cause::NeverReady(reason), at)
        }
        Probe::NotReady(_) => rollout.to(Phase::Preparing { attempts }, at),
    }
}

/// What the evidence clears; a step that needs an approval waits for it first.
pub(super) fn cleared(rollout: &Rollout, next: Next, at: Timestamp) -> Rollout {
    if let Next::Step(step) = next
        && rollout.plan.steps.get(step).is_some_and(|step| step.approval)
    {
        return awaiting(rollout, step, at);
    }
    rollout.to(Phase::Cleared { next }, at)
}

/// Waits for a person to approve a step.
pub(super) fn awaiting(rollout: &Rollout, step: StepIndex, at: Timestamp) -> Rollout {
    let approval = Approval::Asked;
    let mut awaiting = rollout.to(Phase::Awaiting { step, since: at, approval, sight: Sight::Clear }, at);
    let weight = rollout.plan.steps.get(step).map_or(Weight::FULL, |step| step.weight);
    awaiting.ask(Effect::Publish(Milestone::Awaiting(weight)));
    awaiting
}

pub(super) fn advance(rollout: &Rollout, next: Next, at: Timestamp) -> Rollout {
    let step = match next {
        Next::Step(index) => rollout.plan.steps.get(index).map(|step| (index, step.weight)),
        Next::Finish => None,
    };
    match step {
        Some((step, to)) => {
            let mut shifting = rollout.to(Phase::Shifting { step, to }, at);
            shifting.ask(Effect::SetWeight(to));
            shifting
        }
        None => promote(rollout, at),
    }
}

pub(super) fn promote(rollout: &Rollout, at: Timestamp) -> Rollout {
    let due = rollout.plan.clean_up.after.after(at);
    let clean_up = CleanUp::Scheduled { at: due, attempt: 1 };
    let mut promoted = rollout.to(Phase::Promoted { at, clean_up }, at);
    // It has all traffic, so it is up; and later the colour may carry another version.
    promoted.pending.retain(|pending| !matches!(pending.effect, Effect::BringUp(_)));
    promoted.ask(Effect::ScheduleCleanUp { at: due, attempt: 1 });
    promoted.ask(Effect::Publish(Milestone::Promoted));
    promoted
}

pub(super) fn shifted(
    rollout: &Rollout,
    step: StepIndex,
    to: Weight,
    observed: &Observed,
    at: Timestamp,
) -> Rollout {
    if *observed != Observed::Weight(to) {
        return freeze(rollout, step, observed, at);
    }
    let mut baking = bake(rollout, step, at);
    baking.ask(Effect::Publish(Milestone::Reached(to)));
    baking
}

pub(super) fn bake(rollout: &Rollout, step: StepIndex, at: Timestamp) -> Rollout {
    let phase = Phase::Baking { step, since: at, judged_until: at, sight: Sight::Clear };
    without_weight_writes(rollout.to(phase, at))
}

pub(super) fn freeze(rollout: &Rollout, step: StepIndex, observed: &Observed, at: Timestamp) -> Rollout {
    let phase = Phase::Frozen { step, found: observed.clone(), since: at };
    let mut frozen = without_weight_writes(rollout.to(phase, at));
    frozen.ask(Effect::Publish(Milestone::Frozen(observed.to_string())));
    frozen
}

pub(super) fn without_weight_writes(mut rollout: Rollout) -> Rollout {
    rollout.pending.retain(|pending| !matches!(pending.effect, Effect::SetWeight(_)));
    rollout
}

pub(super) fn found_while_baking(
    rollout: &Rollout,
    step: StepIndex,
    observed: &Observed,
    at: Timestamp,
    event: &Event,
) -> Result<Rollout, Rejected> {
    if *observed == Observed::Weight(rollout.desired_weight()) {
        return Err(not_now(rollout, event));
    }
    Ok(freeze(rollout, step, observed, at))
}

pub(super) fn thaw(
    rollout: &Rollout,
    step: StepIndex,
    found: &Observed,
    since: Timestamp,
    observed: &Observed,
    at: Timestamp,
) -> Rollout {
    if *observed == Observed::Weight(rollout.desired_weight()) {
        // The minutes under a foreign weight are no evidence: the bake begins anew.
        return bake(rollout, step, at);
    }
    if at >= rollout.plan.evidence.frozen.after(since) {
        return roll_back(rollout, Cause::ForeignChange(found.to_string()), at);
    }
    rollout.to(Phase::Frozen { step, found: observed.clone(), since }, at)
}
