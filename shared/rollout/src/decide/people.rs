//! What people order, and waits for them.

use analysis::Seconds;
use jiff::Timestamp;

use super::back::roll_back;
use super::{Rejected, not_now, refused};
use crate::event::{Cause, Event, Order};
use crate::names::Version;
use crate::phase::{Approval, Next, Phase, Sight};
use crate::rollout::{Barred, Hold, Rollout};

/// How often a wait for a person is recorded: well within the [lease](crate::LEASE), and less often than it is
/// looked at.
const SIGN_OF_LIFE: Seconds = Seconds(10 * 60);

/// Waiting for a person changes nothing for a long time; without a sign of life the lease would run out meanwhile.
pub(super) fn sign_of_life(rollout: &Rollout, at: Timestamp, event: &Event) -> Result<Rollout, Rejected> {
    if at < SIGN_OF_LIFE.after(rollout.updated_at) {
        return Err(not_now(rollout, event));
    }
    Ok(rollout.to(rollout.phase.clone(), at))
}

/// The guardrails of what waits can be read.
pub(super) fn watched(
    rollout: &Rollout,
    before: Sight,
    at: Timestamp,
    event: &Event,
) -> Result<Rollout, Rejected> {
    match before {
        Sight::Clear => sign_of_life(rollout, at, event),
        Sight::LostSince(_) => Ok(with_sight(rollout, Sight::Clear, at)),
    }
}

/// Nothing guards what waits under traffic: that has a deadline, as it has in a bake.
pub(super) fn unguarded(
    rollout: &Rollout,
    before: Sight,
    reason: &str,
    at: Timestamp,
    event: &Event,
) -> Result<Rollout, Rejected> {
    match before {
        Sight::Clear => Ok(with_sight(rollout, Sight::LostSince(at), at)),
        Sight::LostSince(since) if at >= rollout.plan.evidence.blind.after(since) => {
            Ok(roll_back(rollout, Cause::Blind(reason.to_owned()), at))
        }
        Sight::LostSince(_) => sign_of_life(rollout, at, event),
    }
}

pub(super) fn with_sight(rollout: &Rollout, seen: Sight, at: Timestamp) -> Rollout {
    let mut next = rollout.to(rollout.phase.clone(), at);
    if let Phase::Awaiting { sight, .. } = &mut next.phase {
        *sight = seen;
    }
    next
}

/// A person's order.
///
/// Nobody's hold ends but by a resume. An approval that is given meanwhile is kept: who approves has looked at the step,
/// not at the hold, and would otherwise have to come again before the approval expires. An advance is refused: it says
/// "go on now", which is what the hold forbids. An advance to a step that needs an approval is one, and is refused to those
/// who may not approve.
pub(super) fn ordered(
    rollout: &Rollout,
    order: Order,
    (by, why): (&str, &str),
    at: Timestamp,
    event: &Event,
) -> Result<Rollout, Rejected> {
    if rollout.phase.is_terminal() || rollout.phase.is_rollback() {
        return Err(refused(rollout, event));
    }
    if let (Order::Advance { step: asked } | Order::Approve { step: asked }, Some(now)) =
        (order, rollout.step())
        && asked != now
    {
        return Err(Rejected::Stale { asked, now });
    }
    if approves(rollout, order) {
        rollout.plan.approvals.permit(&rollout.requested_by, by)?;
    }
    let cleared = |next| Ok(rollout.to(Phase::Cleared { next }, at));
    match (order, &rollout.hold, &rollout.phase) {
        (Order::Hold, Hold::None, phase) => {
            let mut held = rollout.to(when_held(rollout, phase, at), at);
            held.hold = Hold::By { who: by.to_owned(), why: why.to_owned(), since: at };
            Ok(held)
        }
        (Order::Resume, Hold::By { .. }, phase) => {
            let phase = match phase {
                Phase::Awaiting { step, approval: Approval::Given { .. }, .. } => {
                    Phase::Cleared { next: Next::Step(*step) }
                }
                other => other.clone(),
            };
            Ok(Rollout { hold: Hold::None, ..rollout.to(phase, at) })
        }
        (Order::Advance { .. }, Hold::By { who, why, .. }, Phase::Baking { .. } | Phase::Awaiting { .. }) => {
            Err(Rejected::Held { who: who.clone(), why: why.clone() })
        }
        (Order::Advance { .. }, Hold::None, Phase::Baking { step, .. }) => cleared(rollout.after(*step)),
        (Order::Advance { .. } | Order::Approve { .. }, Hold::None, Phase::Awaiting { step, .. }) => {
            cleared(Next::Step(*step))
        }
        (
            Order::Approve { .. },
            Hold::By { .. },
            Phase::Awaiting { step, since, approval: Approval::Asked, sight },
        ) => {
            let approval = Approval::Given { by: by.to_owned(), at };
            let phase = Phase::Awaiting { step: *step, since: *since, approval, sight: *sight };
            Ok(rollout.to(phase, at))
        }
        _ => Err(not_now(rollout, event)),
    }
}

/// Whether an order stands in for the approval of a step that needs one.
fn approves(rollout: &Rollout, order: Order) -> bool {
    match (order, &rollout.phase) {
        (Order::Advance { .. } | Order::Approve { .. }, Phase::Awaiting { .. }) => true,
        (Order::Advance { .. }, Phase::Baking { step, .. }) => match rollout.after(*step) {
            Next::Step(next) => rollout.plan.steps.get(next).is_some_and(|step| step.approval),
            Next::Finish => false,
        },
        _ => false,
    }
}

/// A person lets the version come back that was barred when this rollout began, which keeps it barred until it ends. It is
/// no sign of life: whoever drives the rollout has not been heard of.
pub(super) fn bar_lifted(rollout: &Rollout, lifted: &Version, event: &Event) -> Result<Rollout, Rejected> {
    match &rollout.barred {
        Barred::Version { version, .. } if version == lifted && !rollout.phase.is_terminal() => {
            Ok(Rollout { barred: Barred::Nothing, ..rollout.to(rollout.phase.clone(), rollout.updated_at) })
        }
        Barred::Version { .. } | Barred::Nothing => Err(refused(rollout, event)),
    }
}

/// What was cleared and not taken is watched again when it is held: a hold ends no evidence.
pub(super) fn when_held(rollout: &Rollout, phase: &Phase, at: Timestamp) -> Phase {
    let again = match phase {
        Phase::Cleared { next } => rollout.before(*next),
        _ => None,
    };
    again.map_or_else(
        || phase.clone(),
        |step| Phase::Baking { step, since: at, judged_until: at, sight: Sight::Clear },
    )
}
