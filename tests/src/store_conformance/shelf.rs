//! Rollouts to store.

use std::sync::Arc;

use engine::history::Record;
use engine::ports::{Begun, CommitError, Store};
use jiff::{SignedDuration, Timestamp};
use rollout::{
    Cause, EffectId, EnvironmentName, Event, Lease, Observed, Plan, Probe, Rollout, RuleSnapshot, Start,
    StepIndex, Strategy, Target, Weight, decide,
};

/// A part of a store: one environment, with rollouts of the service checkout.
pub struct Shelf {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The environment.
    pub environment: EnvironmentName,
}

/// A rollout of a shelf, as it is stored.
pub(super) struct Kept {
    pub rollout: Rollout,
    pub record: Record,
}

impl Shelf {
    /// An environment of a store.
    pub fn new(store: Arc<dyn Store>, environment: &str) -> Self {
        Self { store, environment: environment.parse().unwrap() }
    }

    pub(super) fn start() -> Timestamp {
        "2026-08-03T09:15:00Z".parse().unwrap()
    }

    pub(super) fn plan(&self, service: &str, version: &str) -> Plan {
        crate::run::configuration("")
            .plan(
                &self.environment,
                &service.parse().unwrap(),
                version.parse().unwrap(),
                Some(Strategy::Canary),
            )
            .unwrap()
    }

    /// The target as a rollout that starts sees it.
    pub(super) async fn seen(&self) -> Option<Target> {
        self.store.target(&self.environment, &"checkout".parse().unwrap()).await.unwrap()
    }

    pub(super) fn begun(&self, name: &str, target: Option<&Target>, at: Timestamp) -> Kept {
        let plan = self.plan("checkout", "v2");
        let untouched = Target::untouched(self.environment.clone(), plan.service.clone());
        let mut rollout = Rollout::start(self.beginning(name, plan, target.unwrap_or(&untouched), at));
        let record = Record::new(&rollout, rollout.begun(), "");
        rollout.head.clone_from(&record.hash);
        Kept { rollout, record }
    }

    pub(super) fn refused(&self, name: &str, target: Option<&Target>, at: Timestamp) -> Kept {
        let plan = self.plan("checkout", "v2");
        let untouched = Target::untouched(self.environment.clone(), plan.service.clone());
        let reason = "a guardrail is red".to_owned();
        let start = self.beginning(name, plan, target.unwrap_or(&untouched), at);
        let mut rollout = Rollout::refuse(start, reason);
        let record = Record::new(&rollout, rollout.begun(), "");
        rollout.head.clone_from(&record.hash);
        Kept { rollout, record }
    }

    fn beginning(&self, name: &str, plan: Plan, target: &Target, at: Timestamp) -> Start {
        let id = format!("{}-{name}", self.environment);
        Start {
            execution: format!("arn:aws:states:us-east-1:123456789012:execution:rollout:{id}")
                .parse()
                .unwrap(),
            id: id.parse().unwrap(),
            plan,
            target: target.clone(),
            requested_by: "pipeline prüft".to_owned(),
            overridden: None,
            rule: RuleSnapshot("{\"actions\":[\"prüft\"]}".to_owned()),
            at,
        }
    }

    /// Stores a rollout that takes the service.
    pub(super) async fn begin(&self, name: &str, at: Timestamp) -> Rollout {
        let seen = self.seen().await;
        let kept = self.begun(name, seen.as_ref(), at);
        let begun = self.store.begin(&kept.rollout, &kept.record, seen.as_ref()).await.unwrap();
        assert_eq!(begun, Begun::Created, "{name}");
        kept.rollout
    }

    /// What an event makes of a rollout, not yet stored.
    pub(super) fn decided(before: &Rollout, event: Event) -> Kept {
        let mut rollout = decide(before, &event).unwrap();
        let record = Record::new(&rollout, event, &before.head);
        rollout.head.clone_from(&record.hash);
        Kept { rollout, record }
    }

    pub(super) async fn try_commit(&self, before: &Rollout, after: &Kept) -> Result<(), CommitError> {
        self.store.commit(before, &after.rollout, &after.record).await
    }

    /// Decides and stores.
    pub(super) async fn commit(&self, before: &Rollout, event: Event) -> Rollout {
        let after = Self::decided(before, event);
        self.try_commit(before, &after).await.unwrap();
        after.rollout
    }

    /// Stores what an event makes of a rollout and has to fail, changing nothing.
    pub(super) async fn conflicts(&self, before: &Rollout, after: &Kept, why: &str) {
        let id = &before.id;
        let stored = self.store.rollout(id).await.unwrap();
        let (target, history) = (self.seen().await, self.store.history(id).await.unwrap());
        let result = self.try_commit(before, after).await;
        assert!(matches!(result, Err(CommitError::Conflict { .. })), "{why}: {result:?}");
        assert_eq!(self.store.rollout(id).await.unwrap(), stored, "{why}");
        assert_eq!(self.seen().await, target, "{why}");
        assert_eq!(self.store.history(id).await.unwrap(), history, "{why}");
    }

    pub(super) fn abort(at: Timestamp) -> Event {
        let cause = Cause::Requested { by: "dana".to_owned(), reason: "wrong tax".to_owned() };
        Event::Abort { cause, at }
    }

    /// Rolls a rollout back to its end, which frees the service.
    pub(super) async fn roll_back(&self, before: &Rollout, at: Timestamp) -> Rollout {
        let observed = Observed::Weight(Weight::ZERO);
        let after = self.commit(before, Self::abort(at)).await;
        let after = self.commit(&after, Event::WeightRead { observed: observed.clone(), at }).await;
        let later = at + SignedDuration::from_mins(5);
        let done = self.commit(&after, Event::WeightRead { observed, at: later }).await;
        assert_eq!(done.phase.name(), "rolled_back");
        assert_eq!(self.seen().await.unwrap().lease, Lease::Free);
        done
    }

    /// Promotes a rollout, step after step, which frees the service.
    pub(super) async fn promote(&self, before: &Rollout) -> Rollout {
        let mut at = before.updated_at;
        let mut now = self.commit(before, Event::Probed { probe: Probe::Ready, at }).await;
        for (index, step) in (0..).map(StepIndex).zip(&before.plan.steps) {
            now = self.commit(&now, Event::Advance { at }).await;
            let observed = Observed::Weight(step.weight);
            now = self.commit(&now, Event::WeightRead { observed, at }).await;
            at += SignedDuration::from_hours(1);
            now = self
                .commit(
                    &now,
                    Event::Judged {
                        step: index,
                        verdict: passed(),
                        seen: analysis::Minutes::default(),
                        history: None,
                        until: at,
                        at,
                    },
                )
                .await;
        }
        now = self.commit(&now, Event::Advance { at }).await;
        assert_eq!(now.phase.name(), "promoted");
        now
    }

    /// The event that acknowledges everything which is pending.
    pub(super) fn performed(rollout: &Rollout, at: Timestamp) -> Event {
        let effects: Vec<EffectId> = rollout.pending.iter().map(|pending| pending.id).collect();
        Event::Performed { effects, at }
    }
}

/// A verdict of the judge on even counts.
fn passed() -> analysis::Verdict {
    let arm = |requests| analysis::Arm::new(requests, 0, None).unwrap();
    let minute = analysis::Minute::new(Shelf::start(), arm(1_000), arm(9_000)).unwrap();
    let minutes = analysis::Minutes::new(vec![minute]).unwrap();
    let course = analysis::Course::default().followed_by(0, &minutes).unwrap();
    let (policy, history) = (analysis::Policy::default(), analysis::Histories::default());
    let case = analysis::Case {
        policy: &policy,
        planned: 1,
        beside: true,
        history: &history,
        course: &course,
        step: 0,
    };
    let verdict = analysis::judge(&case);
    assert_eq!(verdict.name(), "pass");
    verdict
}
