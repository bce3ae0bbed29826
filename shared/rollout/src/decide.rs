use analysis::{Seconds, Verdict};
use jiff::Timestamp;

use crate::event::{Cause, Effect, EffectId, Event, Milestone, OldTraffic, Order, Probe};
use crate::names::Weight;
use crate::phase::{Approval, CleanUp, Next, Observed, Phase, Sight};
use crate::plan::{Step, StepIndex};
use crate::rollout::{Hold, Rollout};

/// How often a wait for a person is recorded: well within the [lease](crate::LEASE), and far less often than it is
/// looked at.
const SIGN_OF_LIFE: Seconds = Seconds(10 * 60);

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
                if *approval == Approval::Asked && *at >= rollout.plan.approval_expires.after(*since) =>
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
            Event::Judged { verdict, until, at } => {
                let look = Look { step: *step, since: *since, judged_until: *judged_until, sight: *sight };
                judged(rollout, &look, verdict, *until, *at).ok_or_else(|| not_now(rollout, event))
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

/// Waiting for a person changes nothing for a long time; without a sign of life the lease would run out meanwhile.
fn sign_of_life(rollout: &Rollout, at: Timestamp, event: &Event) -> Result<Rollout, Rejected> {
    if at < SIGN_OF_LIFE.after(rollout.updated_at) {
        return Err(not_now(rollout, event));
    }
    Ok(rollout.to(rollout.phase.clone(), at))
}

/// The guardrails of what waits can be read.
fn watched(rollout: &Rollout, before: Sight, at: Timestamp, event: &Event) -> Result<Rollout, Rejected> {
    match before {
        Sight::Clear => sign_of_life(rollout, at, event),
        Sight::LostSince(_) => Ok(with_sight(rollout, Sight::Clear, at)),
    }
}

/// Nothing guards what waits under traffic: that has a deadline, as it has in a bake.
fn unguarded(
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

fn with_sight(rollout: &Rollout, seen: Sight, at: Timestamp) -> Rollout {
    let mut next = rollout.to(rollout.phase.clone(), at);
    if let Phase::Awaiting { sight, .. } = &mut next.phase {
        *sight = seen;
    }
    next
}

fn acknowledge(rollout: &Rollout, done: &[EffectId], event: &Event) -> Result<Rollout, Rejected> {
    if !rollout.pending.iter().any(|pending| done.contains(&pending.id)) {
        return Err(not_now(rollout, event));
    }
    let mut next = rollout.to(rollout.phase.clone(), event.at());
    next.pending.retain(|pending| !done.contains(&pending.id));
    Ok(next)
}

fn abort(rollout: &Rollout, cause: &Cause, at: Timestamp, event: &Event) -> Result<Rollout, Rejected> {
    if rollout.phase.is_terminal() || rollout.phase.is_rollback() {
        return Err(refused(rollout, event));
    }
    Ok(roll_back(rollout, cause.clone(), at))
}

/// A person's order.
///
/// Nobody's hold ends but by a resume. An approval that is given meanwhile is kept: who approves has looked at the step,
/// not at the hold, and would otherwise have to come again before the approval expires. An advance is refused: it says
/// "go on now", which is what the hold forbids.
fn ordered(
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
fn when_held(rollout: &Rollout, phase: &Phase, at: Timestamp) -> Phase {
    let again = match phase {
        Phase::Cleared { next } => rollout.before(*next),
        _ => None,
    };
    again.map_or_else(
        || phase.clone(),
        |step| Phase::Baking { step, since: at, judged_until: at, sight: Sight::Clear },
    )
}

fn roll_back(rollout: &Rollout, cause: Cause, at: Timestamp) -> Rollout {
    let mut next = rollout.to(Phase::Restoring { cause: cause.clone(), since: at }, at);
    next.epoch = rollout.epoch.next();
    // What was asked for on the way forward must not be done any more.
    next.pending.retain(|pending| matches!(pending.effect, Effect::Publish(_)));
    next.ask(Effect::SetWeight(Weight::ZERO));
    next.ask(Effect::Publish(Milestone::RollingBack(cause)));
    next
}

fn probed(rollout: &Rollout, attempts: u32, probe: &Probe, at: Timestamp) -> Rollout {
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
fn cleared(rollout: &Rollout, next: Next, at: Timestamp) -> Rollout {
    if let Next::Step(step) = next
        && let Some(Step { approval: true, weight, .. }) = rollout.plan.steps.get(step)
    {
        let approval = Approval::Asked;
        let mut awaiting = rollout.to(Phase::Awaiting { step, since: at, approval, sight: Sight::Clear }, at);
        awaiting.ask(Effect::Publish(Milestone::Awaiting(*weight)));
        return awaiting;
    }
    rollout.to(Phase::Cleared { next }, at)
}

fn advance(rollout: &Rollout, next: Next, at: Timestamp) -> Rollout {
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

fn promote(rollout: &Rollout, at: Timestamp) -> Rollout {
    let due = rollout.plan.clean_up.after.after(at);
    let clean_up = CleanUp::Scheduled { at: due, attempt: 1 };
    let mut promoted = rollout.to(Phase::Promoted { at, clean_up }, at);
    promoted.ask(Effect::ScheduleCleanUp { at: due, attempt: 1 });
    promoted.ask(Effect::Publish(Milestone::Promoted));
    promoted
}

fn shifted(rollout: &Rollout, step: StepIndex, to: Weight, observed: &Observed, at: Timestamp) -> Rollout {
    if *observed != Observed::Weight(to) {
        return freeze(rollout, step, observed, at);
    }
    let mut baking = bake(rollout, step, at);
    baking.ask(Effect::Publish(Milestone::Reached(to)));
    baking
}

fn bake(rollout: &Rollout, step: StepIndex, at: Timestamp) -> Rollout {
    let phase = Phase::Baking { step, since: at, judged_until: at, sight: Sight::Clear };
    without_weight_writes(rollout.to(phase, at))
}

fn freeze(rollout: &Rollout, step: StepIndex, observed: &Observed, at: Timestamp) -> Rollout {
    let phase = Phase::Frozen { step, found: observed.clone(), since: at };
    let mut frozen = without_weight_writes(rollout.to(phase, at));
    frozen.ask(Effect::Publish(Milestone::Frozen(observed.to_string())));
    frozen
}

fn without_weight_writes(mut rollout: Rollout) -> Rollout {
    rollout.pending.retain(|pending| !matches!(pending.effect, Effect::SetWeight(_)));
    rollout
}

fn found_while_baking(
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

fn thaw(
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

struct Look {
    step: StepIndex,
    since: Timestamp,
    judged_until: Timestamp,
    sight: Sight,
}

fn judged(
    rollout: &Rollout,
    look: &Look,
    verdict: &Verdict,
    until: Timestamp,
    at: Timestamp,
) -> Option<Rollout> {
    let bake_ends = rollout.bake_ends(look.step, look.since);
    let baked = at >= bake_ends;
    let out_of_patience = at >= rollout.patience_ends(look.step, look.since);
    let free = rollout.hold == Hold::None;
    let news = until > look.judged_until || verdict.is_blind();
    // At the end of a bake, or of the patience, there may be nothing newer than the look before: it counts if it
    // settles the step, and is a repetition otherwise.
    let settles = match verdict {
        Verdict::Fail(_) => true,
        Verdict::Pass(_) => baked && free,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => out_of_patience,
    };
    if !(news || settles && until == look.judged_until) {
        return None;
    }
    if let Verdict::Fail(_) = verdict {
        return Some(roll_back(rollout, Cause::Verdict(verdict.clone()), at));
    }
    if verdict.is_blind() {
        let since = match look.sight {
            Sight::LostSince(since) => since,
            Sight::Clear => at,
        };
        if at >= rollout.plan.evidence.blind.after(since) {
            return Some(roll_back(rollout, Cause::Blind(verdict.to_string()), at));
        }
        return Some(rollout.to(look.onward(Sight::LostSince(since), look.judged_until), at));
    }
    let mut next = match verdict {
        Verdict::Pass(_) if baked && free => cleared(rollout, rollout.after(look.step), at),
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } if out_of_patience => {
            return Some(roll_back(rollout, Cause::NotEnoughEvidence(verdict.to_string()), at));
        }
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::Inconclusive { .. } | Verdict::NoData { .. } => {
            rollout.to(look.onward(Sight::Clear, until), at)
        }
    };
    next.looks = rollout.looks.saturating_add(1);
    Some(next)
}

impl Look {
    const fn onward(&self, sight: Sight, judged_until: Timestamp) -> Phase {
        Phase::Baking { step: self.step, since: self.since, judged_until, sight }
    }
}

fn restored(
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

fn settled(
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

fn clean_up(
    rollout: &Rollout,
    promoted_at: Timestamp,
    attempt: u32,
    traffic: &OldTraffic,
    at: Timestamp,
) -> Rollout {
    let to = |clean_up| rollout.to(Phase::Promoted { at: promoted_at, clean_up }, at);
    let busy = match traffic {
        OldTraffic::Quiet => {
            let mut done = to(CleanUp::Done { at });
            done.ask(Effect::TakeDown(rollout.canary.other()));
            return done;
        }
        OldTraffic::Reused(reason) => return to(CleanUp::Kept { reason: reason.clone() }),
        OldTraffic::Requests(requests) => format!("it still served {requests} requests"),
        OldTraffic::Unknown(reason) => format!("its traffic could not be read: {reason}"),
    };
    if attempt >= rollout.plan.clean_up.attempts.get() {
        let mut kept = to(CleanUp::Kept { reason: busy.clone() });
        kept.ask(Effect::Publish(Milestone::OldColourKept(busy)));
        return kept;
    }
    let attempt = attempt.saturating_add(1);
    let due = rollout.plan.clean_up.after.after(at);
    let mut later = to(CleanUp::Scheduled { at: due, attempt });
    later.ask(Effect::ScheduleCleanUp { at: due, attempt });
    later
}
