//! Performing what a committed decision asked for. An effect that was performed and not acknowledged is performed
//! again: each is absolute, or told apart by its id.

use contract::{ErrorName, Failure};
use rollout::{Control, Effect, EffectId, EnvironmentName, Event, Line, Milestone, Pending, Phase, Rollout};

use crate::failures;
use crate::fence::take_down;
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::ports::{CleanUpSchedule, Fleet, Measure, Meter, Notifier, Store};

/// How often a change of the control is made anew because somebody else came first.
const CHANGES: usize = 8;

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
/// What cannot be published on the way is left for the next function that can, in order: those who want to know must
/// not stop a rollout, least of all one on its way back. After the end there is no next function, so it is an error.
///
/// # Errors
/// The first port that fails, after everything else was done and acknowledged.
pub async fn perform(ledger: Ledger<'_>, hands: Hands<'_>, rollout: Rollout) -> Result<Rollout, Failure> {
    let mut done: Vec<EffectId> = Vec::new();
    let mut failed = None;
    let mut silent = false;
    for pending in &rollout.pending {
        let publishes = matches!(pending.effect, Effect::Publish(_));
        if publishes && silent {
            continue;
        }
        match attempt(ledger, hands, &rollout, pending).await {
            Ok(true) => done.push(pending.id),
            Ok(false) => {}
            Err(error) if publishes && !rollout.phase.is_terminal() => {
                tracing::warn!(rollout.id = %rollout.id, %error, "not published now, left in the outbox");
                silent = true;
            }
            Err(error) => {
                silent |= publishes;
                failed = failed.or(Some(error));
            }
        }
    }
    let rollout = if done.is_empty() {
        rollout
    } else {
        let at = ledger.clock.now();
        ledger.record(rollout, Event::Performed { effects: done, at }).await?.rollout()
    };
    failed.map_or(Ok(rollout), Err)
}

async fn attempt(
    ledger: Ledger<'_>,
    hands: Hands<'_>,
    rollout: &Rollout,
    pending: &Pending,
) -> Result<bool, Failure> {
    let route = &rollout.plan.route;
    let result = match (&pending.effect, hands) {
        (Effect::Publish(milestone), Hands { notifier: Some(notifier), .. }) => {
            let published = notifier.publish(&Outcome::new(rollout, pending, milestone)).await;
            if published.is_ok() {
                count(hands, rollout, milestone);
            }
            published
        }
        (Effect::BringUp(colour), Hands { fleet: Some(fleet), .. }) => {
            fleet.bring_up(route, *colour, &rollout.plan.version).await
        }
        (Effect::TakeDown(colour), Hands { fleet: Some(fleet), .. }) => {
            return take_down(ledger.store, fleet, rollout, *colour).await.map(|()| true);
        }
        (Effect::CountRollback, Hands { notifier: Some(notifier), .. }) => {
            return count_rollback(ledger, notifier, rollout, pending).await.map(|()| true);
        }
        (Effect::ScheduleCleanUp { at, attempt }, Hands { schedule: Some(schedule), .. }) => {
            schedule.schedule(&rollout.id, *attempt, *at).await
        }
        _ => return Ok(false),
    };
    result.map(|()| true).map_err(failures::port)
}

/// Counts a rollback against its environment, and tells if it was the one that stopped the line.
async fn count_rollback(
    ledger: Ledger<'_>,
    notifier: &dyn Notifier,
    rollout: &Rollout,
    pending: &Pending,
) -> Result<(), Failure> {
    let (environment, rules) = (&rollout.plan.environment, rollout.plan.stop_the_line);
    let control = change_control(ledger.store, environment, |control| {
        control.rolled_back(&rollout.id, pending.decided.at, rules)
    })
    .await?;
    match control.line {
        Line::Stopped { by, why, .. } if by == rollout.id.as_str() => {
            notifier.publish(&Outcome::line_stopped(rollout, pending, why)).await.map_err(failures::port)
        }
        Line::Stopped { .. } | Line::Running => Ok(()),
    }
}

/// Changes an environment's control, again when somebody else changed it at the same time.
pub(crate) async fn change_control(
    store: &dyn Store,
    environment: &EnvironmentName,
    change: impl Fn(&Control) -> Control + Send + Sync,
) -> Result<Control, Failure> {
    for _ in 0..CHANGES {
        let before = store.control(environment).await.map_err(failures::port)?;
        let after = change(&before);
        if after == before || store.set_control(environment, &after).await.map_err(failures::port)? {
            return Ok(after);
        }
    }
    Err(Failure::new(
        ErrorName::ConflictError,
        format!("the control of environment {environment} keeps changing; it is tried again"),
    ))
}

fn count(hands: Hands<'_>, rollout: &Rollout, milestone: &Milestone) {
    let Some(meter) = hands.meter else { return };
    let lasted = |at: jiff::Timestamp| at.duration_since(rollout.started_at);
    let measures: &[Measure] = match (milestone, &rollout.phase) {
        (Milestone::Started, _) => &[Measure::Started],
        (Milestone::Promoted, Phase::Promoted { at, .. }) => {
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
