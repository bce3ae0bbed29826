//! rollback: whatever happened, back to the live colour. It never waits for the execution.

use async_trait::async_trait;
use contract::{Alarm, ErrorName, Failure, Function, Reply, Rollback, RollbackNext as Next};
use rollout::{
    Cause, EnvironmentName, Event, ExecutionArn, Lease, Phase, Rollout, RolloutId, Seconds, ServiceName,
};

use crate::failures;
use crate::fence::{Written, write_weight};
use crate::ledger::Ledger;
use crate::outbox::{Hands, perform};
use crate::ports::{Clock, Meter, Notifier, Store, Traffic};
use crate::reply::{about, without_rollout};

/// How often weight 0 is written in one invocation while something else keeps overwriting it.
const WRITES: usize = 3;

/// The function.
pub struct RollbackFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// Publishes.
    pub notifier: &'a dyn Notifier,
    /// Counts.
    pub meter: &'a dyn Meter,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Function for RollbackFunction<'_> {
    const NAME: &'static str = "rollback";
    type Request = Rollback;
    type Reply = Reply<Next>;

    async fn call(&self, request: Rollback) -> Result<Reply<Next>, Failure> {
        match request {
            Rollback::Execution { execution, rollout, error } => {
                let id = match rollout {
                    Some(id) => Some(id),
                    None => self.driven_by(&execution).await?,
                };
                let cause = match error {
                    Some(caught) => Cause::Failure { detail: caught.message(), error: caught.error },
                    None => Cause::Failure {
                        error: "UnknownAnswer".to_owned(),
                        detail: "the state machine was given an answer that it does not know".to_owned(),
                    },
                };
                self.roll_back_or_nothing(id, cause).await
            }
            Rollback::Watchdog { execution, status } => self.watchdog(&execution, &status).await,
            Rollback::Alarms(alarms) => self.alarms(&alarms).await,
            Rollback::Requested { rollout, by, reason } => {
                self.roll_back_or_nothing(Some(rollout), Cause::Requested { by, reason }).await
            }
        }
    }
}

impl RollbackFunction<'_> {
    const fn ledger(&self) -> Ledger<'_> {
        Ledger { store: self.store, clock: self.clock }
    }

    fn nothing(&self, service: &str, reason: impl Into<String>) -> Reply<Next> {
        without_rollout(&self.environment, service, Next::Nothing, reason.into())
    }

    async fn driven_by(&self, execution: &ExecutionArn) -> Result<Option<RolloutId>, Failure> {
        self.store.rollout_of(execution).await.map_err(failures::port)
    }

    async fn roll_back_or_nothing(
        &self,
        id: Option<RolloutId>,
        cause: Cause,
    ) -> Result<Reply<Next>, Failure> {
        match id {
            Some(id) => self.roll_back(&id, cause).await,
            None => Ok(self.nothing("", "the execution had not started a rollout")),
        }
    }

    /// One step back: decides if nobody has, writes weight 0, or verifies it.
    async fn roll_back(&self, id: &RolloutId, cause: Cause) -> Result<Reply<Next>, Failure> {
        let ledger = self.ledger();
        let mut rollout = ledger.load(id).await?;
        if !rollout.phase.is_terminal() && !rollout.phase.is_rollback() {
            rollout = ledger.record(rollout, Event::Abort { cause, at: self.clock.now() }).await?.rollout();
        }
        if let Phase::Settling { .. } = rollout.phase {
            // The time before the read: a read that took long must not count as one after the zombie bound.
            let at = self.clock.now();
            let observed =
                self.traffic.read(&rollout.plan.route, rollout.canary).await.map_err(failures::port)?;
            rollout = ledger.record(rollout, Event::WeightRead { observed, at }).await?.rollout();
        }
        for _ in 0..WRITES {
            if !matches!(rollout.phase, Phase::Restoring { .. }) {
                break;
            }
            rollout = match write_weight(self.store, self.traffic, &rollout, rollout.desired_weight()).await?
            {
                Written::Held(observed) => ledger
                    .record(rollout, Event::WeightRead { observed, at: self.clock.now() })
                    .await?
                    .rollout(),
                Written::Lost => ledger.load(id).await?,
            };
        }
        let hands =
            Hands { notifier: Some(self.notifier), meter: Some(self.meter), fleet: None, schedule: None };
        let rollout = perform(ledger, hands, rollout).await?;
        Ok(self.answer(&rollout))
    }

    fn answer(&self, rollout: &Rollout) -> Reply<Next> {
        let next = match &rollout.phase {
            Phase::RolledBack { .. } => Next::RolledBack,
            Phase::Promoted { .. } | Phase::Refused { .. } => Next::Nothing,
            Phase::Preparing { .. }
            | Phase::Cleared { .. }
            | Phase::Shifting { .. }
            | Phase::Baking { .. }
            | Phase::Frozen { .. }
            | Phase::Restoring { .. }
            | Phase::Settling { .. } => Next::Settle,
        };
        about(rollout, next, rollout.wait(self.clock.now()))
    }

    /// Nobody will call again for an execution that is gone: the zombie bound is waited for here.
    async fn watchdog(&self, execution: &ExecutionArn, status: &str) -> Result<Reply<Next>, Failure> {
        let Some(id) = self.driven_by(execution).await? else {
            return Ok(self.nothing("", format!("execution {execution} had not started a rollout")));
        };
        let cause = || Cause::Failure {
            error: format!("Execution{status}"),
            detail: format!("execution {execution} ended {status}"),
        };
        let reply = self.roll_back(&id, cause()).await?;
        if reply.next != Next::Settle {
            return Ok(reply);
        }
        self.clock.pause(Seconds(reply.wait_seconds)).await;
        let reply = self.roll_back(&id, cause()).await?;
        if reply.next == Next::Settle {
            // An error is what makes Lambda deliver the event again.
            return Err(Failure::new(
                ErrorName::TransientError,
                format!("rollout {id} could not be verified at weight 0 yet; the watchdog is tried again"),
            ));
        }
        Ok(reply)
    }

    /// Alarms roll back the active rollouts whose guardrail they are; the executions verify and finish. One rollout
    /// that cannot be rolled back does not keep the others from it.
    async fn alarms(&self, alarms: &[Alarm]) -> Result<Reply<Next>, Failure> {
        let configuration = self.store.configuration(&self.environment).await.map_err(failures::port)?;
        let mut answer = self.nothing("", "no alarm of an active rollout");
        let mut failed = None;
        let Some(configuration) = configuration else { return Ok(answer) };
        for alarm in alarms.iter().filter(|alarm| alarm.state == "ALARM") {
            if configuration.environment.account.as_ref().is_some_and(|ours| *ours != alarm.account) {
                tracing::warn!(alarm = alarm.name, account = alarm.account, "an alarm of a foreign account");
                continue;
            }
            for service in configuration.services().keys() {
                match self.alarm(alarm, service).await {
                    Ok(Some(reply)) if answer.next == Next::Nothing => answer = reply,
                    Ok(_) => {}
                    Err(failure) => failed = failed.or(Some(failure)),
                }
            }
        }
        failed.map_or(Ok(answer), Err)
    }

    async fn alarm(&self, alarm: &Alarm, service: &ServiceName) -> Result<Option<Reply<Next>>, Failure> {
        let target = self.store.target(&self.environment, service).await.map_err(failures::port)?;
        let Some(Lease::Held { by, .. }) = target.map(|target| target.lease) else { return Ok(None) };
        let rollout = self.ledger().load(&by).await?;
        let guards = rollout.plan.guardrails.iter().find(|guardrail| guardrail.as_str() == alarm.name);
        let Some(guardrail) = guards else { return Ok(None) };
        if alarm.changed_at < rollout.started_at {
            let reason =
                format!("alarm {guardrail} changed at {}, before rollout {by} began", alarm.changed_at);
            return Ok(Some(self.nothing(service.as_str(), reason)));
        }
        self.roll_back(&by, Cause::Guardrail(guardrail.clone())).await.map(Some)
    }
}
