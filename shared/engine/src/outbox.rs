//! Performing what a committed decision asked for. An effect that was performed and not acknowledged is performed
//! again: each is absolute, or told apart by its id.

use contract::Failure;
use rollout::{CleanUp, Effect, EffectId, Event, Milestone, Pending, Phase, Rollout};

use crate::failures;
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::ports::{CleanUpSchedule, Fleet, Measure, Meter, Notifier};

/// What a function can perform besides moving traffic. An effect without its port stays in the outbox for a function
/// that has it.
#[derive(Clone, Copy, Default)]
pub struct Hands<'a> {
    /// Publishes.
    pub notifier: Option<&'a dyn Notifier>,
    /// Counts what was published.
    pub meter: Option<&'a dyn Meter>,
    /// Brings colours up and takes them down.
    pub fleet: Option<&'a dyn Fleet>,
    /// Schedules clean-ups.
    pub schedule: Option<&'a dyn CleanUpSchedule>,
}

/// Performs what is pending as far as these hands reach, and acknowledges it in one commit. Weights are not written
/// here: that needs the [fence](crate::fence).
///
/// # Errors
/// The first port that fails; what was performed before it is performed again next time.
pub async fn perform(ledger: Ledger<'_>, hands: Hands<'_>, rollout: Rollout) -> Result<Rollout, Failure> {
    let mut done: Vec<EffectId> = Vec::new();
    for pending in &rollout.pending {
        if attempt(hands, &rollout, pending).await? {
            done.push(pending.id);
        }
    }
    if done.is_empty() {
        return Ok(rollout);
    }
    let at = ledger.clock.now();
    Ok(ledger.record(rollout, Event::Performed { effects: done, at }).await?.rollout())
}

async fn attempt(hands: Hands<'_>, rollout: &Rollout, pending: &Pending) -> Result<bool, Failure> {
    let route = &rollout.plan.route;
    let result = match (&pending.effect, hands) {
        (Effect::Publish(milestone), Hands { notifier: Some(notifier), .. }) => {
            let published = notifier.publish(&Outcome::new(rollout, pending.id, milestone)).await;
            if published.is_ok() {
                count(hands, rollout, milestone);
            }
            published
        }
        (Effect::BringUp(colour), Hands { fleet: Some(fleet), .. }) => {
            fleet.bring_up(route, *colour, &rollout.plan.version).await
        }
        (Effect::TakeDown(colour), Hands { fleet: Some(fleet), .. }) => fleet.take_down(route, *colour).await,
        (Effect::ScheduleCleanUp { at, attempt }, Hands { schedule: Some(schedule), .. }) => {
            schedule.schedule(&rollout.id, *attempt, *at).await
        }
        _ => return Ok(false),
    };
    result.map(|()| true).map_err(failures::port)
}

fn count(hands: Hands<'_>, rollout: &Rollout, milestone: &Milestone) {
    let Some(meter) = hands.meter else { return };
    let lasted = |at: jiff::Timestamp| at.duration_since(rollout.started_at);
    let measures: &[Measure] = match (milestone, &rollout.phase) {
        (Milestone::Started, _) => &[Measure::Started],
        (Milestone::Promoted, Phase::Promoted { at, clean_up: CleanUp::Scheduled { .. } }) => {
            &[Measure::Promoted, Measure::Lasted(lasted(*at))]
        }
        (Milestone::RolledBack(_), Phase::RolledBack { at, .. }) => {
            &[Measure::RolledBack, Measure::Lasted(lasted(*at))]
        }
        _ => &[],
    };
    for measure in measures {
        meter.measure(&rollout.plan.environment, &rollout.plan.service, *measure);
    }
}
