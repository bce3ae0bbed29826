//! What people order, and waits for them.

use analysis::Seconds;
use jiff::Timestamp;

use super::back::roll_back;
use super::{Rejected, not_now, refused};
use crate::event::{Cause, Event, Order};
use crate::phase::{Approval, Next, Phase, Sight};
use crate::rollout::{Hold, Rollout};

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
/// "go on now", which is what the hold forbids.
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
