//! health-check: what the rollout looks like now, before and with traffic.

use analysis::{Case, Evidence, Histories, Minutes, Verdict, Window, closed_minutes, judge};
use async_trait::async_trait;
use contract::{Failure, Function, HealthCheckNext as Next, Reply, Turn};
use jiff::Timestamp;
use rollout::{
    Cause, Colour, Event, Hold, Need, Needs, Observed, Phase, Probe, Rollout, Seconds, Sight, StepIndex,
};

use crate::allowance::Allowance;
use crate::failures;
use crate::ledger::{Ledger, Recorded};
use crate::outbox::{Hands, perform};
use crate::ports::{
    AlarmState, Alarms, Budget, Clock, Fleet, Measure, Meter, Metrics, Notifier, PortError, Prober, Store,
    Traffic, Wanted,
};
use crate::reply::about;
use crate::window::minutes_before;

/// How far back the old version's minutes before the first shift tell what is usual: six hours.
const USUAL: Seconds = Seconds(6 * 60 * 60);

/// A version under traffic is unhealthy when two looks say so, this far apart.
const SECOND_LOOK: Seconds = Seconds(5);

/// The function.
pub struct HealthCheckFunction<'a> {
    /// Where rollouts are stored.
    pub store: &'a dyn Store,
    /// The rules that divide traffic.
    pub traffic: &'a dyn Traffic,
    /// Whether targets are healthy.
    pub fleet: &'a dyn Fleet,
    /// The evidence.
    pub metrics: &'a dyn Metrics,
    /// The guardrails.
    pub alarms: &'a dyn Alarms,
    /// Looks at the new version.
    pub prober: &'a dyn Prober,
    /// Publishes.
    pub notifier: &'a dyn Notifier,
    /// The load balancer's API budget.
    pub budget: &'a dyn Budget,
    /// Counts.
    pub meter: &'a dyn Meter,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Function for HealthCheckFunction<'_> {
    const NAME: &'static str = "health-check";
    type Request = Turn;
    type Reply = Reply<Next>;

    async fn call(&self, turn: Turn) -> Result<Reply<Next>, Failure> {
        let ledger = Ledger { store: self.store, clock: self.clock };
        let rollout = ledger.load(&turn.rollout_id).await?;
        let (rollout, held_off) = if matches!(rollout.phase, Phase::Preparing { .. }) {
            self.prepare(ledger, rollout).await?
        } else {
            match self.budget_wait(&rollout).await {
                Seconds(0) => (self.look(ledger, rollout).await?, Seconds(0)),
                wait => (self.guard(ledger, rollout).await?.0, wait),
            }
        };
        let rollout = self.tell(ledger, rollout).await?;
        let next = match &rollout.phase {
            Phase::Preparing { .. } | Phase::Baking { .. } | Phase::Cleared { .. }
                if rollout.hold != Hold::None =>
            {
                Next::Hold
            }
            Phase::Preparing { .. } | Phase::Baking { sight: Sight::Clear, .. } => Next::Wait,
            Phase::Baking { sight: Sight::LostSince(_), .. }
            | Phase::Frozen { .. }
            | Phase::Awaiting { .. } => Next::Hold,
            // A shift that was asked for and not confirmed is promote-step's to finish.
            Phase::Cleared { .. } | Phase::Shifting { .. } => Next::Promote,
            Phase::Restoring { .. } | Phase::Settling { .. } => Next::RollBack,
            Phase::RolledBack { .. } | Phase::Promoted { .. } | Phase::Refused { .. } => Next::Ended,
        };
        let wait = if held_off > Seconds(0) { held_off } else { rollout.wait(self.clock.now()) };
        Ok(about(&rollout, next, wait))
    }
}

impl HealthCheckFunction<'_> {
    /// What was found is told at once, unless it is a rollback: that moves traffic first and tells then.
    async fn tell(&self, ledger: Ledger<'_>, rollout: Rollout) -> Result<Rollout, Failure> {
        if rollout.phase.is_rollback() || rollout.phase.is_terminal() {
            return Ok(rollout);
        }
        let hands = Hands { notifier: Some(self.notifier), meter: Some(self.meter), ..Hands::default() };
        perform(ledger, hands, rollout).await
    }

    /// How long a look under traffic has to wait for the load balancer's API: it reads the rule.
    async fn budget_wait(&self, rollout: &Rollout) -> Seconds {
        match &rollout.phase {
            Phase::Baking { .. } | Phase::Frozen { .. } => self.allowed(rollout).await,
            Phase::Awaiting { step, .. } if *step > StepIndex(0) => self.allowed(rollout).await,
            _ => Seconds(0),
        }
    }

    async fn allowed(&self, rollout: &Rollout) -> Seconds {
        let allowance = Allowance { budget: self.budget, clock: self.clock };
        allowance.wait_if_told(&rollout.plan.environment, &rollout.id, Need::Look).await
    }

    /// Aborts if a guardrail says so; otherwise whether the guardrails could be read.
    async fn guard(
        &self,
        ledger: Ledger<'_>,
        rollout: Rollout,
    ) -> Result<(Rollout, Result<(), PortError>), Failure> {
        match self.guardrails(&rollout).await {
            Ok(Some(cause)) => {
                let at = self.clock.now();
                Ok((ledger.record(rollout, Event::Abort { cause, at }).await?.rollout(), Ok(())))
            }
            Ok(None) => Ok((rollout, Ok(()))),
            Err(error) => Ok((rollout, Err(error))),
        }
    }

    /// A look before traffic, and how long it has to wait for the load balancer's API. One that waits is none of the
    /// plan's attempts: the version is up, and nothing speaks against it.
    async fn prepare(&self, ledger: Ledger<'_>, rollout: Rollout) -> Result<(Rollout, Seconds), Failure> {
        let (rollout, alarms) = self.guard(ledger, rollout).await?;
        if !matches!(rollout.phase, Phase::Preparing { .. }) {
            return Ok((rollout, Seconds(0)));
        }
        let probe = match alarms {
            Ok(()) => match self.probe(&rollout).await {
                Ok(probe) => probe,
                Err(wait) => return Ok((rollout, wait)),
            },
            Err(error) => Probe::NotReady(error.to_string()),
        };
        let at = self.clock.now();
        let recorded = ledger.record(rollout, Event::Probed { probe, at }).await?;
        Ok((recorded.rollout(), Seconds(0)))
    }

    async fn look(&self, ledger: Ledger<'_>, rollout: Rollout) -> Result<Rollout, Failure> {
        let asked_for = matches!(rollout.phase, Phase::Shifting { .. });
        if asked_for || rollout.phase.is_rollback() || rollout.phase.is_terminal() {
            return Ok(rollout);
        }
        let (rollout, alarms) = self.guard(ledger, rollout).await?;
        match rollout.phase.clone() {
            Phase::Baking { step, since, judged_until, .. } => {
                let observed = self.observe(&rollout).await?;
                if observed != Observed::Weight(rollout.desired_weight()) {
                    let at = self.clock.now();
                    return Ok(ledger.record(rollout, Event::WeightRead { observed, at }).await?.rollout());
                }
                if let Some(cause) = self.unhealthy(&rollout).await {
                    let at = self.clock.now();
                    return Ok(ledger.record(rollout, Event::Abort { cause, at }).await?.rollout());
                }
                self.judge(ledger, rollout, step, since, judged_until, alarms).await
            }
            Phase::Awaiting { step, .. } => self.wait(ledger, rollout, step, alarms).await,
            // Held before the first step: nothing has traffic, and the lease must not run out.
            Phase::Cleared { .. } if rollout.hold != Hold::None => {
                let at = self.clock.now();
                Ok(ledger.record(rollout, Event::Waited { at }).await?.rollout())
            }
            Phase::Frozen { .. } => {
                let observed = self.observe(&rollout).await?;
                let at = self.clock.now();
                Ok(ledger.record(rollout, Event::WeightRead { observed, at }).await?.rollout())
            }
            _ => Ok(rollout),
        }
    }

    /// While a person is asked, what is under traffic is watched all the same.
    async fn wait(
        &self,
        ledger: Ledger<'_>,
        rollout: Rollout,
        step: StepIndex,
        alarms: Result<(), PortError>,
    ) -> Result<Rollout, Failure> {
        let mut unguarded = None;
        if step > StepIndex(0) {
            let observed = self.observe(&rollout).await?;
            let at = self.clock.now();
            if observed != Observed::Weight(rollout.desired_weight()) {
                return Ok(ledger.record(rollout, Event::WeightRead { observed, at }).await?.rollout());
            }
            if let Some(cause) = self.unhealthy(&rollout).await {
                return Ok(ledger.record(rollout, Event::Abort { cause, at }).await?.rollout());
            }
            unguarded = alarms.err().map(|error| format!("the guardrails cannot be read: {error}"));
        }
        let at = self.clock.now();
        let event = match unguarded {
            Some(reason) => Event::Unguarded { reason, at },
            None => Event::Waited { at },
        };
        Ok(ledger.record(rollout, event).await?.rollout())
    }

    async fn guardrails(&self, rollout: &Rollout) -> Result<Option<Cause>, PortError> {
        let guardrails = &rollout.plan.guardrails;
        if guardrails.is_empty() {
            return Ok(None);
        }
        let states = self.alarms.states(guardrails).await?;
        Ok(guardrails.iter().zip(states).find_map(|(alarm, state)| match state {
            AlarmState::Quiet => None,
            AlarmState::Alarm => Some(Cause::Guardrail(alarm.clone())),
            AlarmState::Missing => Some(Cause::Failure {
                error: "MissingGuardrail".to_owned(),
                detail: format!("alarm {alarm} does not exist any more, so nothing guards the rollout"),
            }),
        }))
    }

    /// Looks at the new version before traffic: first at the version itself, then, once it says healthy, at what the
    /// load balancer thinks of its targets, and at last by the smoke tests.
    ///
    /// The load balancer's Describe calls come out of one bucket for all rollouts of an account and region (40, 10 more
    /// each second; aws-facts of the project: "ALB", API budget), so a version that is still starting costs none of
    /// them, and one that is up waits for them. In a bake no target's health is asked for at all: health under traffic
    /// is one `GetMetricData` for both target groups, and requests to the versions themselves.
    ///
    /// # Errors
    /// How long to wait for the load balancer's API.
    async fn probe(&self, rollout: &Rollout) -> Result<Probe, Seconds> {
        let plan = &rollout.plan;
        let up = self.health(rollout, rollout.canary).await;
        if up != Probe::Ready {
            return Ok(up);
        }
        let wait = self.allowed(rollout).await;
        if wait > Seconds(0) {
            return Err(wait);
        }
        Ok(match self.fleet.healthy(&plan.route, rollout.canary).await {
            Ok(Ok(())) if plan.readiness.smoke_tests.is_empty() => up,
            Ok(Ok(())) => {
                let endpoint = &plan.route.arm(rollout.canary).endpoint;
                self.prober.probe(endpoint, &plan.readiness.path, &plan.readiness.smoke_tests).await
            }
            Ok(Err(reason)) => Probe::NotReady(reason),
            Err(error) => Probe::NotReady(error.to_string()),
        })
    }

    /// Under traffic one answer that is lost must not end a rollout, and an outage of both versions must not blame the
    /// new one.
    async fn unhealthy(&self, rollout: &Rollout) -> Option<Cause> {
        let Probe::NotReady(_) = self.health(rollout, rollout.canary).await else { return None };
        self.clock.pause(SECOND_LOOK).await;
        let Probe::NotReady(reason) = self.health(rollout, rollout.canary).await else { return None };
        match self.health(rollout, rollout.canary.other()).await {
            Probe::NotReady(_) => None,
            Probe::Ready | Probe::SmokeTestFailed(_) => Some(Cause::Unhealthy(reason)),
        }
    }

    async fn health(&self, rollout: &Rollout, colour: Colour) -> Probe {
        let plan = &rollout.plan;
        self.prober.probe(&plan.route.arm(colour).endpoint, &plan.readiness.path, &[]).await
    }

    async fn observe(&self, rollout: &Rollout) -> Result<Observed, Failure> {
        self.traffic.read(&rollout.plan.route, rollout.canary).await.map_err(failures::port)
    }

    async fn judge(
        &self,
        ledger: Ledger<'_>,
        rollout: Rollout,
        step: StepIndex,
        since: Timestamp,
        judged_until: Timestamp,
        alarms: Result<(), PortError>,
    ) -> Result<Rollout, Failure> {
        let now = self.clock.now();
        let window = closed_minutes(rollout.evidence_since(since), now, rollout.plan.evidence.metric_delay);
        let seen = !window.is_empty();
        let until = if seen { window.end.max(judged_until) } else { judged_until };
        let enough = seen || rollout.plan.steps.needs(step) == Needs::Nothing;
        let due =
            now >= rollout.patience_ends(step, since) || enough && now >= rollout.bake_ends(step, since);
        if until == judged_until && !due && alarms.is_ok() {
            return Ok(rollout);
        }
        let Found { verdict, seen: minutes, history } = match alarms {
            Ok(()) => self.judged(&rollout, step, (since, judged_until), window).await,
            Err(error) => Found::nothing(format!("the guardrails cannot be read: {error}")),
        };
        tracing::info!(rollout.id = %rollout.id, step.index = step.number(), verdict = %verdict, "judged");
        let (environment, service) = (rollout.plan.environment.clone(), rollout.plan.service.clone());
        let event =
            Event::Judged { step, verdict, seen: minutes, history: history.map(Box::new), until, at: now };
        let recorded = ledger.record(rollout, event).await?;
        if let Recorded::Applied(_) = &recorded
            && seen
        {
            let after = self.clock.now().duration_since(window.end);
            self.meter.measure(&environment, &service, Measure::DecidedAfter(after));
        }
        Ok(recorded.rollout())
    }

    /// Reads what is new, and what was usual before where that is not known yet, and judges the whole course with it.
    async fn judged(
        &self,
        rollout: &Rollout,
        step: StepIndex,
        (since, judged_until): (Timestamp, Timestamp),
        window: Window,
    ) -> Found {
        let plan = &rollout.plan;
        let history = match rollout.history {
            Some(_) => None,
            None => match self.history(rollout, since).await {
                Ok(history) => Some(history),
                Err(reason) => return Found::nothing(reason),
            },
        };
        // What was seen first stands: only later minutes are asked for.
        let first = if judged_until > since { window.first.max(judged_until) } else { window.first };
        let window = Window { first, end: window.end.max(first) };
        let wanted = Wanted { slow_over_ms: plan.judge.latency_objective_ms, further: &plan.sources };
        let seen = match self.metrics.minutes(&plan.route, rollout.canary, window, wanted).await {
            Evidence::Minutes(seen) => seen,
            Evidence::SourceDown { reason } => return Found { history, ..Found::nothing(reason) },
        };
        let verdict = match rollout.course.followed_by(step.0, &seen) {
            Ok(course) => judge(&Case {
                policy: &plan.judge,
                planned: plan.planned_minutes(),
                beside: plan.is_beside(),
                history: &rollout.history.or(history).unwrap_or_default(),
                course: &course,
                step: plan.steps.judged_with(step).0,
            }),
            Err(error) => Verdict::blind(error.to_string()),
        };
        Found { verdict, seen, history }
    }

    /// What the old version did before the first shift.
    async fn history(&self, rollout: &Rollout, since: Timestamp) -> Result<Histories, String> {
        let (plan, live) = (&rollout.plan, rollout.canary.other());
        let before = minutes_before(since, USUAL);
        self.metrics.history(&plan.route, live, before, plan.judge.latency_objective_ms).await
    }
}

/// What a look has found.
struct Found {
    verdict: Verdict,
    seen: Minutes,
    history: Option<Histories>,
}

impl Found {
    fn nothing(reason: String) -> Self {
        Self { verdict: Verdict::blind(reason), seen: Minutes::default(), history: None }
    }
}
