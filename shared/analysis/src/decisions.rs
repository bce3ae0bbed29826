//! The decision loop on bare counts of one kind of event: what a rollout does with a verdict, without the rollout. It is
//! what `ace judge --stdio` plays.

use crate::judge::SUSPECT;
use crate::sequential::{Sequence, Settings, Tally};
use crate::{History, Policy};

/// What to do after a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on with the plan.
    Continue,
    /// Stay at this step for another minute.
    Hold,
    /// Roll back.
    RollBack,
}

/// How one rollout is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The false-rollback budget, the margin and the data minutes with a baseline beside the canary.
    pub settings: Settings,
    /// The minutes of each step, as planned.
    pub bakes: Vec<u32>,
    /// So many minutes at most a rollout stays at a step because it is suspect.
    pub suspect_minutes: u32,
    /// Whether any step has a baseline beside the canary. Without one the version is held against what was usual before.
    pub beside: bool,
}

impl Rules {
    /// The standard policy on the plan of the seed: 10 % for five minutes, then 25, 50, 75 and 100 % for two each.
    pub fn standard() -> Self {
        Self {
            settings: Settings { budget: 0.01, margin: 1.0, planned: 11 },
            bakes: vec![5, 2, 2, 2, 2],
            suspect_minutes: 5,
            beside: true,
        }
    }

    /// What a policy says of errors, on a plan of these minutes of each step, of which so many have a baseline beside
    /// the canary.
    pub fn of(policy: &Policy, bakes: Vec<u32>, minutes_beside: u32) -> Self {
        let beside = minutes_beside > 0;
        let planned = if beside {
            minutes_beside
        } else {
            bakes.iter().fold(0_u32, |sum, bake| sum.saturating_add(*bake))
        };
        let budget = policy.false_rollback_budget.get() * policy.shares().errors;
        Self {
            settings: Settings { budget, margin: policy.margin.get(), planned },
            bakes,
            suspect_minutes: policy.suspect_minutes,
            beside,
        }
    }
}

/// One rollout under way.
#[derive(Clone, Debug)]
pub struct Decisions {
    rules: Rules,
    sequence: Sequence,
    step: usize,
    minutes: u32,
    held: u32,
}

impl Decisions {
    /// A rollout that has not begun.
    pub fn new(rules: Rules, history: Option<&History>) -> Self {
        let sequence = if rules.beside {
            Sequence::new(rules.settings, history)
        } else {
            Sequence::before_and_after(rules.settings, history)
        };
        Self { rules, sequence, step: 0, minutes: 0, held: 0 }
    }

    /// After one more closed minute, in which this step (from 0) was in force.
    pub fn after(&mut self, step: usize, canary: Tally, baseline: Tally) -> Action {
        if step != self.step {
            self.step = step;
            self.minutes = 0;
        }
        self.minutes += 1;
        let reading = self.sequence.add(canary, baseline);
        if reading.crossed {
            return Action::RollBack;
        }
        let due = self.rules.bakes.get(step).is_some_and(|bake| self.minutes >= *bake);
        let last = step + 1 >= self.rules.bakes.len();
        if reading.p <= SUSPECT && self.held < self.rules.suspect_minutes && !last {
            // Only a minute beyond the bake is one that was waited.
            self.held += u32::from(due);
            return Action::Hold;
        }
        Action::Continue
    }
}
