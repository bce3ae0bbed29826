use crate::event::{Effect, EffectId};
use crate::names::{Colour, Epoch, Weight};
use crate::phase::{Approval, CleanUp, Next, Phase};
use crate::plan::StepIndex;
use crate::rollout::{Hold, Lease, Rollout};
use analysis::TooLittleTraffic;

/// What is wrong with a rollout that [`decide`](crate::decide) can never have led to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The phase is at a step that the plan does not have.
    #[error("phase {phase} is at step {}, but the plan has {steps}", step.number())]
    NoSuchStep {
        /// The phase.
        phase: &'static str,
        /// The step.
        step: StepIndex,
        /// How many there are.
        steps: usize,
    },
    /// An approval is waited for that the plan does not ask for.
    #[error("step {} needs no approval", step.number())]
    NoApproval {
        /// The step.
        step: StepIndex,
    },
    /// A step was approved, and nothing keeps it from being taken.
    #[error("step {} is approved and still waits", step.number())]
    IdleApproval {
        /// The step.
        step: StepIndex,
    },
    /// The weight that is asked for is not the step's.
    #[error("step {} asks for {asked}, but the plan gives it {planned}", step.number())]
    WrongWeight {
        /// The step.
        step: StepIndex,
        /// What the phase asks for.
        asked: Weight,
        /// What the plan says.
        planned: Weight,
    },
    /// A weight is to be written that is not wanted.
    #[error("weight {pending} is pending, but {desired} is wanted")]
    PendingWeight {
        /// What would be written.
        pending: Weight,
        /// What is wanted.
        desired: Weight,
    },
    /// More than one weight is to be written.
    #[error("{0} writes of weights are pending: the last one replaces those before it")]
    ManyPendingWeights(usize),
    /// An effect has a number that was never given, or the outbox is out of order.
    #[error("effect {} is out of order: the next one is {}", id.0, next.0)]
    EffectOrder {
        /// The effect.
        id: EffectId,
        /// The next number.
        next: EffectId,
    },
    /// An effect is pending that this phase has no use for.
    #[error("effect {effect} is pending in phase {phase}, which must not do that")]
    StrayEffect {
        /// The phase.
        phase: &'static str,
        /// What the effect does.
        effect: &'static str,
    },
    /// A colour is to be brought up or taken down that the rollout has no right to.
    #[error("the {0} colour is to be brought up or taken down, and is the wrong one")]
    WrongColour(Colour),
    /// The time of one thing is before that of another which it followed.
    #[error("phase {0} holds times out of order")]
    TimesOutOfOrder(&'static str),
    /// More was tried than the plan allows, or less than once.
    #[error("attempt {attempt} in phase {phase}, where the plan allows {allowed}")]
    Attempts {
        /// The phase.
        phase: &'static str,
        /// The attempt.
        attempt: u32,
        /// The most.
        allowed: u32,
    },
    /// The counters disagree: decisions, looks, epoch.
    #[error("version {version}, {looks} looks and epoch {epoch} cannot be together")]
    Counters {
        /// Decisions.
        version: u64,
        /// Looks.
        looks: u32,
        /// The fencing number.
        epoch: Epoch,
    },
    /// The target that the rollout leaves is not what its phase says.
    #[error("the target of phase {0} has the wrong live colour, weight or lease")]
    Target(&'static str),
}

/// Whether a rollout is one that [`decide`](crate::decide) can lead to, as far as the state alone tells.
///
/// # Errors
/// The first [`Violation`].
pub fn invariants(rollout: &Rollout) -> Result<(), Violation> {
    counters(rollout)?;
    phase(rollout)?;
    outbox(rollout)?;
    target(rollout)
}

fn counters(rollout: &Rollout) -> Result<(), Violation> {
    let (version, looks, epoch) = (rollout.version, rollout.looks, rollout.epoch);
    let refused = matches!(rollout.phase, Phase::Refused { .. });
    if u64::from(looks) < version && (refused || epoch > Epoch(0)) {
        return Ok(());
    }
    Err(Violation::Counters { version, looks, epoch })
}

fn phase(rollout: &Rollout) -> Result<(), Violation> {
    let name = rollout.phase.name();
    let times = |ordered: bool| if ordered { Ok(()) } else { Err(Violation::TimesOutOfOrder(name)) };
    match &rollout.phase {
        Phase::Preparing { attempts } => {
            let allowed = rollout.plan.readiness.attempts.get();
            if *attempts < allowed {
                return Ok(());
            }
            Err(Violation::Attempts { phase: name, attempt: *attempts, allowed })
        }
        Phase::Awaiting { step: index, approval, .. } => match rollout.plan.steps.get(*index) {
            Some(step) if step.approval || rollout.plan.judge.too_little_traffic == TooLittleTraffic::Ask => {
                match (approval, &rollout.hold) {
                    (Approval::Given { .. }, Hold::None) => Err(Violation::IdleApproval { step: *index }),
                    _ => Ok(()),
                }
            }
            _ => planned(rollout, *index).and(Err(Violation::NoApproval { step: *index })),
        },
        Phase::Cleared { next: Next::Step(step) } | Phase::Frozen { step, .. } => {
            planned(rollout, *step).map(|_| ())
        }
        Phase::Shifting { step, to } => {
            let planned = planned(rollout, *step)?;
            if planned == *to {
                return Ok(());
            }
            Err(Violation::WrongWeight { step: *step, asked: *to, planned })
        }
        Phase::Baking { step, since, judged_until, .. } => {
            planned(rollout, *step)?;
            times(since <= judged_until)
        }
        Phase::Settling { since, restored_at, .. } => times(since <= restored_at),
        Phase::Promoted { clean_up: CleanUp::Scheduled { attempt, .. }, .. } => {
            let allowed = rollout.plan.clean_up.attempts.get();
            if (1..=allowed).contains(attempt) {
                return Ok(());
            }
            Err(Violation::Attempts { phase: name, attempt: *attempt, allowed })
        }
        Phase::Promoted { clean_up: CleanUp::Done { .. } | CleanUp::Kept { .. }, .. }
        | Phase::Cleared { next: Next::Finish }
        | Phase::Restoring { .. }
        | Phase::RolledBack { .. }
        | Phase::Refused { .. } => Ok(()),
    }
}

fn planned(rollout: &Rollout, step: StepIndex) -> Result<Weight, Violation> {
    rollout.plan.steps.get(step).map(|step| step.weight).ok_or_else(|| Violation::NoSuchStep {
        phase: rollout.phase.name(),
        step,
        steps: rollout.plan.steps.len(),
    })
}

fn outbox(rollout: &Rollout) -> Result<(), Violation> {
    let mut least = EffectId(0);
    let mut weights = 0;
    for pending in &rollout.pending {
        if pending.id < least || pending.id >= rollout.next_effect {
            return Err(Violation::EffectOrder { id: pending.id, next: rollout.next_effect });
        }
        least = EffectId(pending.id.0.saturating_add(1));
        effect(rollout, &pending.effect)?;
        if let Effect::SetWeight(_) = pending.effect {
            weights += 1;
        }
    }
    if weights > 1 { Err(Violation::ManyPendingWeights(weights)) } else { Ok(()) }
}

fn effect(rollout: &Rollout, effect: &Effect) -> Result<(), Violation> {
    let stray = |effect| Err(Violation::StrayEffect { phase: rollout.phase.name(), effect });
    let may = |right: bool, effect| if right { Ok(()) } else { stray(effect) };
    let is =
        |colour: Colour, right| if colour == right { Ok(()) } else { Err(Violation::WrongColour(colour)) };
    match effect {
        Effect::SetWeight(pending) => {
            let writes = matches!(rollout.phase, Phase::Shifting { .. } | Phase::Restoring { .. });
            may(writes, "set_weight")?;
            let desired = rollout.desired_weight();
            if *pending == desired {
                return Ok(());
            }
            Err(Violation::PendingWeight { pending: *pending, desired })
        }
        Effect::BringUp(colour) => {
            let forward = !rollout.phase.is_rollback() && !rollout.phase.is_terminal();
            may(forward, "bring_up")?;
            is(*colour, rollout.canary)
        }
        Effect::TakeDown(colour) => {
            let done = matches!(rollout.phase, Phase::Promoted { clean_up: CleanUp::Done { .. }, .. });
            may(done, "take_down")?;
            is(*colour, rollout.canary.other())
        }
        Effect::ScheduleCleanUp { attempt, .. } => {
            let due = matches!(
                &rollout.phase,
                Phase::Promoted { clean_up: CleanUp::Scheduled { attempt: next, .. }, .. } if next == attempt
            );
            may(due, "schedule_clean_up")
        }
        Effect::CountRollback => may(matches!(rollout.phase, Phase::RolledBack { .. }), "count_rollback"),
        Effect::Publish(_) => may(!matches!(rollout.phase, Phase::Refused { .. }), "publish"),
    }
}

fn target(rollout: &Rollout) -> Result<(), Violation> {
    let target = rollout.target();
    let promoted = matches!(rollout.phase, Phase::Promoted { .. });
    let live = if promoted { rollout.canary } else { rollout.canary.other() };
    let weight = if promoted { Weight::ZERO } else { rollout.desired_weight() };
    let held = matches!(&target.lease, Lease::Held { by, .. } if *by == rollout.id);
    let backwards = rollout.phase.is_rollback() && weight != Weight::ZERO;
    if target.live == live
        && target.canary_weight == weight
        && target.epoch == rollout.epoch
        && held != rollout.phase.is_terminal()
        && !backwards
    {
        Ok(())
    } else {
        Err(Violation::Target(rollout.phase.name()))
    }
}
