//! What holds after every run, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use analysis::Verdict;
use engine::history::{Record, first_break};
use engine::replay::rejudge;
use jiff::Timestamp;
use local_stack::Update;
use rollout::{Effect, Event, Lease, Order, Pending, Phase, Probe, Rollout, Weight, invariants};

use crate::run::Run;
use crate::world::{World, Write};

/// The rollouts of a run that ended as it should.
pub struct Verified {
    /// The rollouts, oldest first.
    pub rollouts: Vec<Rollout>,
}

impl Verified {
    /// The one rollout of the run.
    pub fn only(&self) -> &Rollout {
        match self.rollouts.as_slice() {
            [rollout] => rollout,
            others => panic!("{} rollouts", others.len()),
        }
    }

    /// The only rollout was promoted: the rule, the target and the phase say the same.
    pub fn promoted(&self, run: &Run) -> &Self {
        let rollout = self.only();
        assert!(matches!(rollout.phase, Phase::Promoted { .. }), "{:?}", rollout.phase);
        assert_eq!(run.world.share(rollout.canary), 100);
        assert_eq!(run.world.version(rollout.canary).as_deref(), Some(rollout.plan.version.as_str()));
        self
    }

    /// The only rollout was rolled back for a cause of this name.
    pub fn rolled_back(&self, run: &Run, cause: &str) -> &Self {
        let rollout = self.only();
        let Phase::RolledBack { cause: found, .. } = &rollout.phase else { panic!("{:?}", rollout.phase) };
        assert_eq!(found.name(), cause, "{found}");
        assert_eq!(run.world.share(rollout.canary), 0);
        self
    }
}

/// What a run may do that others must not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allow {
    /// A writer of weights outlives its rollout's epoch.
    pub late_writes: bool,
    /// A function dies between publishing a milestone and acknowledging it.
    pub told_again: bool,
}

impl Run {
    /// Asserts what holds after every run in which no function dies half way, and gives the rollouts.
    pub async fn verified(&self) -> Verified {
        self.verified_but(Allow::default()).await
    }

    /// Asserts what holds after every run, with exceptions.
    pub async fn verified_but(&self, allow: Allow) -> Verified {
        for (name, world) in self.town.worlds() {
            assert_eq!(world.violations(), Vec::<String>::new(), "{name}");
        }
        self.told_once(allow);
        for update in self.journal.updates() {
            if let Update::Stored { rollout, record, .. } = update {
                assert_eq!(invariants(&rollout), Ok(()), "after record {}", record.number);
            }
        }
        let rollouts = self.rollouts().await;
        for rollout in &rollouts {
            let history = self.history(rollout).await;
            assert_eq!(first_break(&history), None, "the history of {} is broken", rollout.id);
            assert_eq!(history.len() as u64, rollout.version);
            if let Err(other) = rejudge(&rollout.plan, &history) {
                panic!("{}: {other}", rollout.id);
            }
            assert_eq!(history.last().map(|record| &record.hash), Some(&rollout.head));
            assert!(rollout.phase.is_terminal(), "{} is {:?}", rollout.id, rollout.phase);
            assert_eq!(rollout.pending, [], "not done");
            raised_by_passes_or_orders_only(&rollout.plan.steps, &history);
            self.weights_follow_the_plan(rollout, &history, allow);
            if let Some(target) = self.target(&rollout.plan.service).await {
                assert_eq!(target.lease, Lease::Free);
                assert_eq!(target.canary_weight, Weight::ZERO);
                assert_eq!(
                    self.world_of(rollout).share(target.live),
                    100,
                    "the live colour has all requests"
                );
            }
        }
        Verified { rollouts }
    }

    fn world_of(&self, rollout: &Rollout) -> &World {
        self.town.of(rollout.plan.service.as_str())
    }

    /// Each milestone that was decided is published under one id, and once. One that was published and not acknowledged
    /// is published again, under its id and word by word.
    fn told_once(&self, allow: Allow) {
        let published: Vec<_> = self.journal.updates().into_iter().filter_map(published).collect();
        let ids: BTreeSet<_> = published.iter().map(|outcome| outcome.id.clone()).collect();
        let milestones: BTreeSet<_> = published
            .iter()
            .map(|outcome| (outcome.rollout.clone(), outcome.milestone.clone(), outcome.detail.clone()))
            .collect();
        assert_eq!(milestones.len(), ids.len(), "a milestone has two ids, or an id two milestones");
        let mut first = BTreeMap::new();
        for outcome in &published {
            let known = first.entry(&outcome.id).or_insert(outcome);
            assert_eq!(*known, outcome, "it was told again, and differently");
        }
        assert!(allow.told_again || ids.len() == published.len(), "a milestone was published twice");
        // That the line stopped is told by whoever counts the rollback, and is not in any plan.
        let of_rollouts = published.iter().filter(|outcome| outcome.milestone != "line_stopped");
        let ids: BTreeSet<_> = of_rollouts.map(|outcome| outcome.id.clone()).collect();
        assert_eq!(ids, self.decided(), "the milestones that were published, and those that were decided");
    }

    /// The ids of all milestones that any stored state had in its outbox.
    fn decided(&self) -> BTreeSet<String> {
        let mut decided = BTreeSet::new();
        for update in self.journal.updates() {
            let Update::Stored { rollout, .. } = update else { continue };
            let publish = |pending: &&Pending| matches!(pending.effect, Effect::Publish(_));
            let ids = rollout.pending.iter().filter(publish);
            decided.extend(ids.map(|pending| format!("{}.{}", rollout.id, pending.id.0)));
        }
        decided
    }

    /// Asserts that a rollout's weights are those of one execution: the steps of its plan in order, each once however
    /// often it was written, and after a rollback nothing at the end.
    pub fn weights_of_one_execution(&self, rollout: &Rollout) {
        let writes = self.world.writes();
        let own = writes.iter().filter(|write| !write.foreign && write.colour == rollout.canary);
        let mut changes: Vec<u8> = own.map(|write| write.percent).collect();
        changes.dedup();
        let planned: Vec<u8> = rollout.plan.steps.iter().map(|step| step.weight.percent()).collect();
        if matches!(rollout.phase, Phase::Promoted { .. }) {
            assert_eq!(changes, planned, "the weights of one execution");
            return;
        }
        assert!(changes.last().is_none_or(|last| *last == 0), "the last weight stands: {changes:?}");
        let distinct: BTreeSet<u8> = changes.iter().copied().filter(|percent| *percent > 0).collect();
        let steps: BTreeSet<u8> = planned.iter().copied().take(distinct.len()).collect();
        assert_eq!(distinct, steps, "the first steps of {planned:?}, in {changes:?}");
    }

    fn weights_follow_the_plan(&self, rollout: &Rollout, history: &[Record], allow: Allow) {
        let turned =
            history.iter().find(|record| record.phase == "restoring").map(|record| record.event.at());
        let ended = ended(rollout);
        let writes: Vec<_> = self
            .world_of(rollout)
            .writes()
            .into_iter()
            .filter(|write| !write.foreign && write.colour == rollout.canary)
            .filter(|write| write.at >= rollout.started_at && write.at <= ended)
            .collect();
        let (forward, back): (Vec<Write>, Vec<Write>) =
            writes.into_iter().partition(|write| turned.is_none_or(|turned| write.at < turned));
        let forward: Vec<u8> = forward.iter().map(|write| write.percent).collect();
        assert!(forward.is_sorted(), "the weight fell before any rollback: {forward:?}");
        let planned: Vec<u8> = rollout.plan.steps.iter().map(|step| step.weight.percent()).collect();
        assert!(forward.iter().all(|weight| planned.contains(weight)), "{forward:?} of {planned:?}");
        if matches!(rollout.phase, Phase::Promoted { .. }) {
            let mut taken = forward;
            taken.dedup();
            assert_eq!(taken, planned, "every step was taken");
        }
        assert!(
            allow.late_writes || back.iter().all(|write| write.percent == 0),
            "written after the rollback was decided: {back:?}"
        );
    }
}

fn published(update: Update) -> Option<engine::outcome::Outcome> {
    match update {
        Update::Published(outcome) => Some(*outcome),
        Update::Machine(_) | Update::Stored { .. } | Update::Told { .. } | Update::GivenUp { .. } => None,
    }
}

fn ended(rollout: &Rollout) -> Timestamp {
    match &rollout.phase {
        Phase::Promoted { at, .. } | Phase::RolledBack { at, .. } | Phase::Refused { at, .. } => *at,
        _ => Timestamp::MAX,
    }
}

/// Every move forward follows what cleared it: ready before the first, a pass or a person's order before each other
/// one. What is acknowledged, and what a hold waits for, may come between: the approval of a rollout that was held clears
/// it when it is resumed. A ramp may have seen too little to pass.
fn raised_by_passes_or_orders_only(steps: &rollout::Steps, history: &[Record]) {
    for (index, record) in history.iter().enumerate() {
        if !matches!(record.event, Event::Advance { .. }) {
            continue;
        }
        let between = |record: &&Record| match record.event {
            Event::Performed { .. } => true,
            Event::Waited { .. }
            | Event::Unguarded { .. }
            | Event::BarLifted { .. }
            | Event::Ordered { order: Order::Hold | Order::Resume, .. } => {
                matches!(&*record.phase, "cleared" | "awaiting_approval")
            }
            _ => false,
        };
        let before = history[..index].iter().rev().find(|record| !between(record));
        let cleared = before.is_some_and(|record| record.phase == "cleared");
        match before.map(|record| &record.event) {
            Some(Event::Ordered { order: Order::Advance { .. } | Order::Approve { .. }, .. }) => {}
            Some(
                Event::Probed { probe: Probe::Ready, .. }
                | Event::Judged { verdict: Verdict::Pass(_) | Verdict::Suspect(_), .. },
            ) if cleared => {}
            Some(Event::Judged {
                step,
                verdict: Verdict::Inconclusive { .. } | Verdict::NoData { .. },
                ..
            }) if cleared && steps.get(*step).is_some_and(|step| step.ramp) => {}
            other => panic!("record {} advanced after {other:?}", record.number),
        }
    }
}
