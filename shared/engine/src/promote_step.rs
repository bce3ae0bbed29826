//! promote-step: takes what was cleared, and cleans up after a promotion.

use analysis::Evidence;
use async_trait::async_trait;
use contract::{CleanUpDue, Command, Failure, Function, PromoteStep, PromoteStepNext as Next, Reply};
use rollout::{CleanUp, Event, Hold, Lease, Need, OldTraffic, Phase, Rollout, Seconds};

use crate::allowance::Allowance;
use crate::failures;
use crate::fence::{Written, taken_since, write_weight};
use crate::ledger::{Ledger, Recorded};
use crate::outbox::{Hands, perform};
use crate::ports::{Budget, CleanUpSchedule, Clock, Fleet, Meter, Metrics, Notifier, Store, Traffic};
use crate::reply::about;
use crate::window::minutes_before;

/// The function.
pub struct PromoteStepFunction<'a> {
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
            PromoteStep::CleanUp(due) => self.clean_up(ledger, &due).await?,
            PromoteStep::Order(command) => return self.order(ledger, command).await,
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

    async fn clean_up(&self, ledger: Ledger<'_>, due: &CleanUpDue) -> Result<Rollout, Failure> {
        let rollout = ledger.load(&due.rollout_id).await?;
        let scheduled = matches!(
            &rollout.phase,
            Phase::Promoted { clean_up: CleanUp::Scheduled { attempt, .. }, .. } if *attempt == due.attempt
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
        let event = Event::CleanUpDue { attempt: due.attempt, traffic, at: self.clock.now() };
        Ok(ledger.record(rollout, event).await?.rollout())
    }

    async fn old_traffic(&self, rollout: &Rollout) -> OldTraffic {
        let rules = &rollout.plan.clean_up;
        let span = Seconds(rules.quiet_minutes.saturating_mul(60));
        let now = self.clock.now();
        let delayed = now.checked_sub(rollout.plan.evidence.metric_delay.duration()).unwrap_or(now);
        let window = minutes_before(delayed, span);
        match self.metrics.minutes(&rollout.plan.route, rollout.canary, window, None).await {
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
