//! rollback: whatever happened, back to the live colour. It never waits for the execution.

use async_trait::async_trait;
use contract::{Alarm, CaughtError, ErrorName, Failure, Function, Reply, Rollback, RollbackNext as Next};
use rollout::{
    Cause, EnvironmentName, Event, ExecutionArn, Lease, Observed, Phase, Rollout, RolloutId, Seconds, Weight,
};

use crate::alarms::{Answers, claimed, first_concern, is_tagged, obeyed};
use crate::allowance::late;
use crate::failures;
use crate::fence::{Back, Written, confirm, holds, take_back};
use crate::ledger::{Ledger, Recorded};
use crate::outbox::{Hands, perform};
use crate::ports::{AlarmTags, Budget, Clock, Meter, Notifier, PortError, Store, Traffic};
use crate::reply::{about, without_rollout};
use crate::sweep::{Tally, UNTOUCHED};

/// How often weight 0 is written in one invocation while something else keeps overwriting it.
const WRITES: usize = 3;

/// A write that is throttled is tried again in its turn for so long, counted from the first one: fifty rollbacks at once
/// have theirs within ten seconds. With the calls around it this is less than the zombie bound, as any write has to be
/// (`tests/model`).
const PATIENCE: Seconds = Seconds(12);

/// The function.
pub struct RollbackFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// What alarms are tagged with.
    pub tags: &'a dyn AlarmTags,
    /// The load balancer's API budget.
    pub budget: &'a dyn Budget,
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
                self.execution(&execution, rollout, error).await
            }
            Rollback::Watchdog { execution, status } => self.watchdog(&execution, &status).await,
            Rollback::Alarms(alarms) => Box::pin(self.alarms(&alarms)).await,
            Rollback::Sweep => self.sweep().await,
            Rollback::Line { stop, by, reason } => self.line(stop, by, reason).await,
            Rollback::Freeze { order, by, reason } => self.freeze(order, by, reason).await,
            Rollback::Unhold { service, version, by, reason } => {
                self.unhold(&service, version, by, reason).await
            }
            Rollback::Requested { rollout, epoch, by, reason } => {
                self.requested(&rollout, epoch, by, reason).await
            }
        }
    }
}

impl RollbackFunction<'_> {
    pub(crate) const fn ledger(&self) -> Ledger<'_> {
        Ledger { store: self.store, clock: self.clock }
    }

    pub(crate) fn nothing(&self, service: &str, reason: impl Into<String>) -> Reply<Next> {
        without_rollout(&self.environment, service, Next::Nothing, reason.into())
    }

    async fn driven_by(&self, execution: &ExecutionArn) -> Result<Option<RolloutId>, Failure> {
        self.store.rollout_of(execution).await.map_err(failures::port)
    }

    /// The state machine's own way back: from an answer that says so, or from an error.
    async fn execution(
        &self,
        execution: &ExecutionArn,
        rollout: Option<RolloutId>,
        error: Option<CaughtError>,
    ) -> Result<Reply<Next>, Failure> {
        let cause = match error {
            Some(caught) => Cause::Failure { detail: caught.message(), error: caught.error },
            None => Cause::Failure {
                error: "UnknownAnswer".to_owned(),
                detail: "the state machine was given an answer that it does not know".to_owned(),
            },
        };
        let id = match rollout {
            Some(id) => Some(id),
            None => self.driven_by(execution).await?,
        };
        let Some(id) = id else {
            let reason = format!("no rollout was started, and none will be: {cause}");
            return Ok(Reply { next: Next::NotStarted, ..self.nothing("", reason) });
        };
        self.roll_back(self.ledger().load(&id).await?, cause).await
    }

    async fn requested(
        &self,
        id: &RolloutId,
        epoch: Option<u64>,
        by: String,
        reason: String,
    ) -> Result<Reply<Next>, Failure> {
        let rollout = self.ledger().load(id).await?;
        if let Some(epoch) = epoch.filter(|epoch| *epoch != rollout.epoch.0) {
            let reason = format!(
                "stale: the order is for epoch {epoch}, rollout {id} is at epoch {}; nothing was changed",
                rollout.epoch
            );
            return Ok(Reply { next: Next::Nothing, reason, ..self.answer(&rollout) });
        }
        self.roll_back(rollout, Cause::Requested { by, reason }).await
    }

    /// One step back: decides if nobody has, writes weight 0, or verifies it. Between the decision and the write there
    /// is no other call.
    async fn roll_back(&self, rollout: Rollout, cause: Cause) -> Result<Reply<Next>, Failure> {
        // It holds several rollouts, and everything here waits for it.
        Box::pin(self.step_back(rollout, cause)).await
    }

    async fn step_back(&self, rollout: Rollout, cause: Cause) -> Result<Reply<Next>, Failure> {
        let ledger = self.ledger();
        let mut rollout = rollout;
        let mut unread = true;
        if !rollout.phase.is_terminal() && !rollout.phase.is_rollback() {
            match ledger.record(rollout, Event::Abort { cause, at: self.clock.now() }).await? {
                Recorded::Applied(decided) => {
                    let written = self.write(&decided, Back::Restored).await?;
                    unread = matches!(written, Written::Lost);
                    rollout = self.read_back(decided, written).await?;
                }
                Recorded::Rejected(found, _) => rollout = found,
            }
        } else {
            rollout = self.verify(rollout).await?;
        }
        for _ in 0..WRITES {
            if !matches!(rollout.phase, Phase::Restoring { .. }) {
                break;
            }
            let written = if !holds(self.store, &rollout).await? {
                Written::Lost
            } else if std::mem::take(&mut unread) {
                self.write_unless_back(&rollout).await?
            } else {
                self.write(&rollout, Back::Kept).await?
            };
            rollout = self.read_back(rollout, written).await?;
        }
        self.finish(rollout).await
    }

    /// Somebody may have written weight 0 before, and only could not tell: then no write is made, which another rollback
    /// may wait for. It is one read all the same: what is there is kept by a read too, and restored without.
    async fn write_unless_back(&self, rollout: &Rollout) -> Result<Written, Failure> {
        match self.traffic.read(&rollout.plan.route, rollout.canary).await {
            Ok(back @ Observed::Weight(Weight::ZERO)) => Ok(Written::Held(back)),
            Ok(Observed::Weight(_)) => self.write(rollout, Back::Restored).await,
            Ok(Observed::Foreign(_)) | Err(_) => self.write(rollout, Back::Kept).await,
        }
    }

    /// Reads a weight 0 that settles once more. Writes nothing.
    async fn verify(&self, rollout: Rollout) -> Result<Rollout, Failure> {
        let Phase::Settling { .. } = rollout.phase else { return Ok(rollout) };
        // The time before the read: a read that took long must not count as one after the zombie bound.
        let at = self.clock.now();
        let observed =
            self.traffic.read(&rollout.plan.route, rollout.canary).await.map_err(failures::port)?;
        Ok(self.ledger().record(rollout, Event::WeightRead { observed, at }).await?.rollout())
    }

    /// Tells what is to be told, and answers.
    async fn finish(&self, rollout: Rollout) -> Result<Reply<Next>, Failure> {
        let hands =
            Hands { notifier: Some(self.notifier), meter: Some(self.meter), fleet: None, schedule: None };
        let rollout = perform(self.ledger(), hands, rollout).await?;
        Ok(self.answer(&rollout))
    }

    async fn read_back(&self, rollout: Rollout, written: Written) -> Result<Rollout, Failure> {
        match written {
            Written::Held(observed) => {
                let at = self.clock.now();
                Ok(self.ledger().record(rollout, Event::WeightRead { observed, at }).await?.rollout())
            }
            Written::Lost => self.ledger().load(&rollout.id).await,
        }
    }

    /// Writes weight 0; the epoch has just been asserted. It tries at once. Only when the load balancer does not take the
    /// call, it asks the budget for its turn, waits for it here, and tries again: a state machine's retry, or Lambda's,
    /// would come later and know of no turn.
    async fn write(&self, rollout: &Rollout, how: Back) -> Result<Written, Failure> {
        let give_up = PATIENCE.after(self.clock.now());
        let (mut how, mut told) = (how, false);
        loop {
            match take_back(self.traffic, rollout, how).await {
                Ok(()) => break,
                // The rule of then may not fit any more: what is there now is read and kept.
                Err(PortError::Permanent { .. }) if how == Back::Restored => how = Back::Kept,
                Err(error @ PortError::Permanent { .. }) => return Err(failures::port(error)),
                Err(error @ PortError::Transient { .. }) => {
                    let left = Seconds::until(self.clock.now(), give_up);
                    if left == Seconds(0) {
                        return Err(failures::port(error));
                    }
                    // A turn is taken once; whoever is throttled in it comes back each second.
                    let wait = if told { Seconds(0) } else { self.spent().await };
                    told = true;
                    self.clock.pause(wait.max(Seconds(1)).min(left)).await;
                }
            }
            // Meanwhile somebody else may have written it, whose call need not be made again. While this is what is
            // stored, so is its epoch.
            if self.ledger().load(&rollout.id).await?.version != rollout.version {
                return Ok(Written::Lost);
            }
        }
        if !told {
            self.spent().await;
        }
        // A write that is not read back would be made again by whoever looks next, with a call that another rollback
        // waits for; and to read it back is less urgent than that rollback.
        loop {
            match confirm(self.store, self.traffic, rollout).await {
                Err(failure) if failure.name == ErrorName::TransientError && self.clock.now() < give_up => {
                    self.clock.pause(Seconds(1 + late(&rollout.id, self.clock.now()))).await;
                }
                confirmed => return confirmed,
            }
        }
    }

    /// Tells the budget of a write, and asks when its turn is. A rollback does not fail with the budget.
    async fn spent(&self) -> Seconds {
        self.budget.spent(&self.environment, self.clock.now()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a write of a rollback is missing in the API budget");
            Seconds(0)
        })
    }

    fn answer(&self, rollout: &Rollout) -> Reply<Next> {
        let next = match &rollout.phase {
            Phase::RolledBack { .. } => Next::RolledBack,
            Phase::Promoted { .. } | Phase::Refused { .. } => Next::Nothing,
            Phase::Preparing { .. }
            | Phase::Cleared { .. }
            | Phase::Awaiting { .. }
            | Phase::Shifting { .. }
            | Phase::Baking { .. }
            | Phase::Frozen { .. }
            | Phase::Restoring { .. }
            | Phase::Settling { .. } => Next::Settle,
        };
        about(rollout, next, rollout.wait(self.clock.now()))
    }

    /// Nobody calls for an execution that is gone, and no function may live so long that it could wait for the zombie
    /// bound and still write (tests/model, `long_lived_rollback`). So what is not verified yet is an error: Lambda
    /// delivers the event again one minute later, and two minutes after that (AWS Lambda Developer Guide, "How Lambda
    /// handles errors and retries with asynchronous invocation"), both longer than the zombie bound. The first call
    /// writes, the second one verifies, the third is to spare; after them there is the sweep.
    async fn watchdog(&self, execution: &ExecutionArn, status: &str) -> Result<Reply<Next>, Failure> {
        let Some(id) = self.driven_by(execution).await? else {
            return Ok(self.nothing("", format!("execution {execution} had not started a rollout")));
        };
        let cause = Cause::Failure {
            error: format!("Execution{status}"),
            detail: format!("execution {execution} ended {status}"),
        };
        let reply = self.roll_back(self.ledger().load(&id).await?, cause).await?;
        if reply.next == Next::Settle {
            return Err(Failure::new(
                ErrorName::TransientError,
                format!(
                    "rollout {id} is {}, and is verified in {} s: this error makes Lambda deliver the event again",
                    reply.reason, reply.wait_seconds
                ),
            ));
        }
        Ok(reply)
    }

    /// Alarms roll back every active rollout that they are about; the executions verify and finish. One rollout that
    /// cannot be rolled back does not keep the others from it, and neither do tags that cannot be read: they are asked
    /// for last, and only for alarms that nothing in their message assigns to an active rollout.
    async fn alarms(&self, alarms: &[Alarm]) -> Result<Reply<Next>, Failure> {
        let ringing: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.state == "ALARM").collect();
        let mut answers = Answers { answer: self.nothing("", "no alarm of an active rollout"), failed: None };
        if ringing.is_empty() {
            return answers.end();
        }
        let mut active = self.store.active(&self.environment).await.map_err(failures::port)?;
        active.retain(|rollout| !rollout.phase.is_terminal());
        let unclaimed: Vec<&Alarm> =
            ringing.iter().copied().filter(|alarm| !claimed(alarm, &active)).collect();
        let mut left = Vec::new();
        for rollout in active {
            match first_concern(&ringing, &rollout) {
                Some(Ok(cause)) => answers.add(self.roll_back(rollout, cause).await),
                Some(Err(why)) => {
                    answers.add(Ok(self.nothing(rollout.plan.service.as_str(), why)));
                    left.push(rollout);
                }
                None => left.push(rollout),
            }
        }
        for alarm in unclaimed {
            self.tagged_alarm(alarm, &mut left, &mut answers).await;
        }
        answers.end()
    }

    /// Rolls back what an alarm is about by its tags.
    async fn tagged_alarm(&self, alarm: &Alarm, active: &mut Vec<Rollout>, answers: &mut Answers) {
        let Some(arn) = &alarm.arn else { return };
        if !active.iter().any(|rollout| obeyed(alarm, rollout).is_ok()) {
            return;
        }
        let tags = match self.tags.of(arn).await {
            Ok(tags) => tags,
            Err(error) => {
                let what = format!("the tags of alarm {} cannot be read: {error}", alarm.name);
                // Whatever it was: an error is what makes Lambda deliver the alarm again.
                return answers.add(Err(Failure::new(ErrorName::TransientError, what)));
            }
        };
        let (meant, rest) = std::mem::take(active)
            .into_iter()
            .partition(|rollout| is_tagged(&tags, &self.environment, &rollout.plan.service));
        *active = rest;
        for rollout in meant {
            match obeyed(alarm, &rollout) {
                Ok(cause) => answers.add(self.roll_back(rollout, cause).await),
                Err(why) => {
                    answers.add(Ok(self.nothing(rollout.plan.service.as_str(), why)));
                    active.push(rollout);
                }
            }
        }
    }

    /// Rolls back what nothing drives any more, and finishes rollbacks that were left half done. What was promoted is
    /// promote-step's, which has the hands for it.
    async fn sweep(&self) -> Result<Reply<Next>, Failure> {
        let active = self.store.active(&self.environment).await.map_err(failures::port)?;
        let mut tally = Tally::new(active.len());
        for rollout in active {
            let now = self.clock.now();
            let overdue = if rollout.phase.is_rollback() || rollout.phase.is_terminal() {
                UNTOUCHED.after(rollout.updated_at) <= now
            } else {
                matches!(rollout.target().lease, Lease::Held { until, .. } if until <= now)
            };
            if !overdue {
                continue;
            }
            let detail = format!("nothing has driven rollout {} since {}", rollout.id, rollout.updated_at);
            let cause = Cause::Failure { error: "LeaseExpired".to_owned(), detail };
            tally.note(self.roll_back(rollout, cause).await);
        }
        Ok(self.nothing("", tally.told("rollouts")?))
    }
}
