mod back;
mod clean_up;
mod forward;
mod judged;
mod people;

use self::back::{abort, restored, roll_back, settled};
use self::clean_up::clean_up;
use self::forward::{advance, found_while_baking, probed, shifted, thaw};
use self::judged::{Found, Look, judged};
use self::people::{bar_lifted, ordered, sign_of_life, unguarded, watched};
use crate::admission::MayNotApprove;
use crate::event::{Cause, EffectId, Event, Probe};
use crate::phase::{Approval, CleanUp, Phase};
use crate::plan::StepIndex;
use crate::rollout::{Hold, Rollout};

/// Why an event changes nothing. It is data: answered and logged, never a crash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The rollout has ended.
    #[error("the rollout has ended ({phase}): {event} changes nothing")]
    Ended {
        /// The phase.
        phase: &'static str,
        /// The event.
        event: &'static str,
    },
    /// The event does not fit the phase: it came twice, late or out of order.
    #[error("{event} does not fit phase {phase}: it came twice, late or out of order")]
    NotNow {
        /// The phase.
        phase: &'static str,
        /// The event.
        event: &'static str,
    },
    /// A person's order is for a step that the rollout is not at.
    #[error(
        "stale: the order is for step {}, the rollout is at step {}; nothing was changed",
        asked.number(),
        now.number()
    )]
    Stale {
        /// The step that was ordered about.
        asked: StepIndex,
        /// The step that the rollout is at.
        now: StepIndex,
    },
    /// A person holds the rollout: only a resume lets it go on.
    #[error("held by {who}: {why}; nothing was changed, resume it first")]
    Held {
        /// Who holds it.
        who: String,
        /// Why.
        why: String,
    },
    /// Whoever approves is not who the plan wants.
    #[error(transparent)]
    MayNotApprove(#[from] MayNotApprove),
}

/// The one place where a rollout changes: the state and an event in, the next state out, with the effects it asks
/// for in [`Rollout::pending`].
///
/// # Errors
/// [`Rejected`] when the event changes nothing.
pub fn decide(rollout: &Rollout, event: &Event) -> Result<Rollout, Rejected> {
    if let Event::Performed { effects, .. } = event {
        return acknowledge(rollout, effects, event);
    }
    if let Event::Abort { cause, at } = event {
        return abort(rollout, cause, *at, event);
    }
    if let Event::Ordered { order, by, why, at } = event {
        return ordered(rollout, *order, (by, why), *at, event);
    }
    if let Event::BarLifted { version, .. } = event {
        return bar_lifted(rollout, version, event);
    }
    match &rollout.phase {
        Phase::Preparing { attempts } => match event {
            // The same look told twice is one attempt.
            Event::Probed { probe: Probe::NotReady(_), at } if *attempts > 0 && *at <= rollout.updated_at => {
                Err(not_now(rollout, event))
            }
            Event::Probed { probe, at } => Ok(probed(rollout, *attempts, probe, *at)),
            other => Err(not_now(rollout, other)),
        },
        Phase::Cleared { next } => match event {
            Event::Advance { at } if rollout.hold == Hold::None => Ok(advance(rollout, *next, *at)),
            Event::Waited { at } if rollout.hold != Hold::None => sign_of_life(rollout, *at, event),
            other => Err(not_now(rollout, other)),
        },
        Phase::Awaiting { step, since, approval, sight } => match event {
            Event::Waited { at } | Event::Unguarded { at, .. }
                if *approval == Approval::Asked && *at >= rollout.plan.approvals.expires.after(*since) =>
            {
                Ok(roll_back(rollout, Cause::NotApproved, *at))
            }
            Event::Waited { at } => watched(rollout, *sight, *at, event),
            Event::Unguarded { reason, at } if step.0 > 0 => unguarded(rollout, *sight, reason, *at, event),
            Event::WeightRead { observed, at } => match step.0.checked_sub(1) {
                Some(before) => found_while_baking(rollout, StepIndex(before), observed, *at, event),
                None => Err(not_now(rollout, event)),
            },
            other => Err(not_now(rollout, other)),
        },
        Phase::Shifting { step, to } => match event {
            Event::WeightRead { observed, at } => Ok(shifted(rollout, *step, *to, observed, *at)),
            other => Err(not_now(rollout, other)),
        },
        Phase::Baking { step, since, judged_until, sight } => match event {
            Event::Judged { step: judged_step, verdict, seen, history, until, at } if judged_step == step => {
                let look = Look { step: *step, since: *since, judged_until: *judged_until, sight: *sight };
                let found =
                    Found { verdict, seen, history: history.as_deref().copied(), until: *until, at: *at };
                judged(rollout, &look, &found).ok_or_else(|| not_now(rollout, event))
            }
            Event::WeightRead { observed, at } => found_while_baking(rollout, *step, observed, *at, event),
            other => Err(not_now(rollout, other)),
        },
        Phase::Frozen { step, found, since } => match event {
            // What was read before the change was found, or found it, says nothing new about it.
            Event::WeightRead { observed, at } if at > since => {
                Ok(thaw(rollout, *step, found, *since, observed, *at))
            }
            other => Err(not_now(rollout, other)),
        },
        Phase::Restoring { cause, since } => match event {
            Event::WeightRead { observed, at } => Ok(restored(rollout, cause, *since, observed, *at)),
            other => Err(not_now(rollout, other)),
        },
        Phase::Settling { cause, since, restored_at } => match event {
            Event::WeightRead { observed, at } => {
                settled(rollout, cause, *since, *restored_at, observed, *at)
                    .ok_or_else(|| not_now(rollout, event))
            }
            other => Err(not_now(rollout, other)),
        },
        Phase::Promoted { at, clean_up: CleanUp::Scheduled { attempt, .. } } => match event {
            Event::CleanUpDue { attempt: due, traffic, at: now } if due == attempt => {
                Ok(clean_up(rollout, *at, *attempt, traffic, *now))
            }
            other => Err(ended(rollout, other)),
        },
        Phase::Promoted { .. } | Phase::RolledBack { .. } | Phase::Refused { .. } => {
            Err(ended(rollout, event))
        }
    }
}

fn not_now(rollout: &Rollout, event: &Event) -> Rejected {
    Rejected::NotNow { phase: rollout.phase.name(), event: event.name() }
}

fn ended(rollout: &Rollout, event: &Event) -> Rejected {
    Rejected::Ended { phase: rollout.phase.name(), event: event.name() }
}

fn refused(rollout: &Rollout, event: &Event) -> Rejected {
    if rollout.phase.is_terminal() { ended(rollout, event) } else { not_now(rollout, event) }
}

fn acknowledge(rollout: &Rollout, done: &[EffectId], event: &Event) -> Result<Rollout, Rejected> {
    if !rollout.pending.iter().any(|pending| done.contains(&pending.id)) {
        return Err(not_now(rollout, event));
    }
    let mut next = rollout.to(rollout.phase.clone(), event.at());
    next.pending.retain(|pending| !done.contains(&pending.id));
    Ok(next)
}
