//! promote-step: takes what was cleared, and cleans up after a promotion.

use analysis::Evidence;
use async_trait::async_trait;
use contract::{CleanUpDue, Command, Failure, Function, PromoteStep, PromoteStepNext as Next, Reply};
use jiff::Timestamp;
use rollout::{
    CleanUp, Effect, EnvironmentName, Event, Hold, Lease, Need, OldTraffic, Phase, Rollout, RolloutId,
    Seconds,
};

use crate::allowance::Allowance;
use crate::failures;
use crate::fence::{Written, taken_since, write_weight};
use crate::ledger::{Ledger, Recorded};
use crate::outbox::{Hands, perform};
use crate::ports::{Budget, CleanUpSchedule, Clock, Fleet, Meter, Metrics, Notifier, Store, Traffic, Wanted};
use crate::reply::{about, without_rollout};
use crate::sweep::{Tally, UNTOUCHED};
use crate::window::minutes_before;

/// A clean-up that is due for so long was forgotten: its reminder is lost, or was delivered in vain. Longer than Lambda
/// tries an invocation again, which takes three minutes and its attempts; should the reminder come all the same, it
/// finds that its look was taken.
const FORGOTTEN: Seconds = Seconds(15 * 60);

/// The function.
pub struct PromoteStepFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// The old colour's traffic.
    pub metrics: &'a dyn Metrics,
    /// Takes the old colour down.
    pub fleet: &'a dyn Fleet,
    /// Publishes.
    pub notifier: &'a dyn Notifier,
    /// Reminds of the clean-up.
    pub schedule: &'a dyn CleanUpSchedule,
    /// The load balancer's API budget.
    pub budget: &'a dyn Budget,
    /// Counts.
    pub meter: &'a dyn Meter,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Function for PromoteStepFunction<'_> {
    const NAME: &'static str = "promote-step";
    type Request = PromoteStep;
    type Reply = Reply<Next>;

    async fn call(&self, request: PromoteStep) -> Result<Reply<Next>, Failure> {
        let ledger = Ledger { store: self.store, clock: self.clock };
        let rollout = match request {
            PromoteStep::Advance(turn) => {
                let rollout = ledger.load(&turn.rollout_id).await?;
                let wait = self.budget_wait(&rollout).await?;
                if wait > Seconds(0) {
                    let reason = "the load balancer's API budget is spent: this step waits for it".to_owned();
                    return Ok(Reply { wait_seconds: wait.0, reason, ..self.answer(&rollout) });
                }
                self.advance(ledger, rollout).await?
            }
            PromoteStep::CleanUp(CleanUpDue { rollout_id, attempt }) => {
                self.clean_up(ledger, ledger.load(&rollout_id).await?, attempt).await?
            }
            PromoteStep::Order(command) => return self.order(ledger, command).await,
            PromoteStep::Sweep => return self.sweep(ledger).await,
        };
        let rollout = perform(ledger, self.hands(), rollout).await?;
        Ok(self.answer(&rollout))
    }
}

impl PromoteStepFunction<'_> {
    fn answer(&self, rollout: &Rollout) -> Reply<Next> {
        let next = match &rollout.phase {
            Phase::Preparing { .. }
            | Phase::Cleared { .. }
            | Phase::Awaiting { .. }
            | Phase::Shifting { .. }
            | Phase::Baking { .. }
            | Phase::Frozen { .. } => Next::Wait,
            Phase::Promoted { .. } => Next::Promoted,
            Phase::Restoring { .. } | Phase::Settling { .. } => Next::RollBack,
            Phase::RolledBack { .. } | Phase::Refused { .. } => Next::Ended,
        };
        about(rollout, next, rollout.wait(self.clock.now()))
    }

    /// A person's order: decided like any event. One that is stale or does not fit is answered, and changes nothing.
    async fn order(&self, ledger: Ledger<'_>, command: Command) -> Result<Reply<Next>, Failure> {
        let rollout = ledger.load(&command.rollout_id).await?;
        let Command { epoch, order, by, reason: why, .. } = command;
        if rollout.epoch.0 != epoch {
            let reason = format!(
                "stale: the order is for epoch {epoch}, rollout {} is at epoch {}; nothing was changed",
                rollout.id, rollout.epoch
            );
            return Ok(Reply { reason, ..self.answer(&rollout) });
        }
        let at = self.clock.now();
        match ledger.record(rollout, Event::Ordered { order, by, why, at }).await? {
            Recorded::Applied(rollout) => Ok(self.answer(&rollout)),
            Recorded::Rejected(rollout, rejected) => {
                let reason = format!("{rejected}; {}", crate::reply::describe(&rollout));
                Ok(Reply { reason, ..self.answer(&rollout) })
            }
        }
    }

    fn hands(&self) -> Hands<'_> {
        Hands {
            notifier: Some(self.notifier),
            meter: Some(self.meter),
            fleet: Some(self.fleet),
            schedule: Some(self.schedule),
        }
    }

    /// How long a step forward has to wait for the load balancer's API; rollbacks never do.
    async fn budget_wait(&self, rollout: &Rollout) -> Result<Seconds, Failure> {
        let moves = match &rollout.phase {
            Phase::Cleared { next: rollout::Next::Step(_) } => rollout.hold == Hold::None,
            phase => matches!(phase, Phase::Shifting { .. }),
        };
        if !moves {
            return Ok(Seconds(0));
        }
        let allowance = Allowance { budget: self.budget, clock: self.clock };
        allowance.wait(&rollout.plan.environment, &rollout.id, Need::Step).await.map_err(failures::port)
    }

    async fn advance(&self, ledger: Ledger<'_>, rollout: Rollout) -> Result<Rollout, Failure> {
        let rollout = match rollout.phase {
            Phase::Cleared { .. } if rollout.hold == Hold::None => {
                ledger.record(rollout, Event::Advance { at: self.clock.now() }).await?.rollout()
            }
            _ => rollout,
        };
        let Phase::Shifting { to, .. } = rollout.phase else { return Ok(rollout) };
        match write_weight(self.store, self.traffic, &rollout, to).await? {
            Written::Held(observed) => {
                let at = self.clock.now();
                Ok(ledger.record(rollout, Event::WeightRead { observed, at }).await?.rollout())
            }
            Written::Lost => ledger.load(&rollout.id).await,
        }
    }

    /// Finishes what promoted rollouts still owe: effects that could not be performed, old colours that were forgotten.
    async fn sweep(&self, ledger: Ledger<'_>) -> Result<Reply<Next>, Failure> {
        let owing = self.store.owing(&self.environment).await.map_err(failures::port)?;
        let mut tally = Tally::new(owing.len());
        for rollout in owing {
            let now = self.clock.now();
            let left = !rollout.pending.is_empty() && UNTOUCHED.after(rollout.updated_at) <= now;
            if left || forgotten(&rollout, now).is_some() {
                tally.note(self.finish(ledger, &rollout.id).await);
            }
        }
        let reason = tally.told("promoted rollouts")?;
        Ok(without_rollout(&self.environment, "", Next::Ended, reason))
    }

    /// A look at an old colour that fails does not keep the rest from being done.
    async fn finish(&self, ledger: Ledger<'_>, id: &RolloutId) -> Result<(), Failure> {
        // The list may lag behind.
        let rollout = ledger.load(id).await?;
        let (rollout, looked) = match forgotten(&rollout, self.clock.now()) {
            None => (rollout, Ok(())),
            Some(attempt) => match self.clean_up(ledger, rollout.clone(), attempt).await {
                Ok(looked) => (looked, Ok(())),
                Err(failure) => (rollout, Err(failure)),
            },
        };
        perform(ledger, self.hands(), rollout).await?;
        looked
    }

    async fn clean_up(&self, ledger: Ledger<'_>, rollout: Rollout, attempt: u32) -> Result<Rollout, Failure> {
        let scheduled = matches!(
            &rollout.phase,
            Phase::Promoted { clean_up: CleanUp::Scheduled { attempt: next, .. }, .. } if *next == attempt
        );
        if !scheduled {
            return Ok(rollout);
        }
        let traffic = match taken_since(self.store, &rollout).await? {
            Some(target) => OldTraffic::Reused(match target.lease {
                Lease::Held { by, .. } => format!("rollout {by} has taken it since"),
                Lease::Free => "a later rollout has used it since".to_owned(),
            }),
            None => self.old_traffic(&rollout).await,
        };
        let event = Event::CleanUpDue { attempt, traffic, at: self.clock.now() };
        Ok(ledger.record(rollout, event).await?.rollout())
    }

    async fn old_traffic(&self, rollout: &Rollout) -> OldTraffic {
        let rules = &rollout.plan.clean_up;
        let span = Seconds(rules.quiet_minutes.saturating_mul(60));
        let now = self.clock.now();
        let delayed = now.checked_sub(rollout.plan.evidence.metric_delay.duration()).unwrap_or(now);
        let window = minutes_before(delayed, span);
        match self.metrics.minutes(&rollout.plan.route, rollout.canary, window, Wanted::default()).await {
            Evidence::Minutes(minutes) => {
                match minutes.iter().map(|minute| minute.baseline().requests()).sum() {
                    0 => OldTraffic::Quiet,
                    requests => OldTraffic::Requests(requests),
                }
            }
            Evidence::SourceDown { reason } => OldTraffic::Unknown(reason),
        }
    }
}

/// The look at the old colour that nobody will take: it is long due, or due and no reminder of it was made.
fn forgotten(rollout: &Rollout, now: Timestamp) -> Option<u32> {
    let Phase::Promoted { clean_up: CleanUp::Scheduled { at, attempt }, .. } = &rollout.phase else {
        return None;
    };
    let reminded =
        !rollout.pending.iter().any(|pending| matches!(pending.effect, Effect::ScheduleCleanUp { .. }));
    let patience = if reminded { FORGOTTEN } else { Seconds(0) };
    (patience.after(*at) <= now).then_some(*attempt)
}
