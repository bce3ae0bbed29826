use std::str::FromStr;

use rollout::{InvalidHoldBack, InvalidSteps, Seconds, Steps, Weight};
use serde::Serialize;

/// The longest plan in minutes: a day.
const LONGEST: u32 = 1_440;

/// One step: how much of the traffic the new version has, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Percent, 1 to 100.
    pub weight: u8,
    /// The bake in minutes, at least 1.
    pub minutes: u32,
    /// Whether it only leads up to the next step: it needs no minimum of requests, but a minute that is known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ramp: bool,
}

impl Step {
    /// A step that is judged.
    pub const fn new(weight: u8, minutes: u32) -> Self {
        Self { weight, minutes, ramp: false }
    }
}

/// How a rollout goes, minute by minute: rising steps, the last of which may keep some traffic on the old version
/// (`hold_back`), and how late the minutes are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    steps: Vec<Step>,
    /// Minutes until the counts of a minute are known, 1 at least.
    delay: u32,
    /// Minutes that a step waits for enough to be seen.
    patience: u32,
}

/// Why a plan was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a step.
    #[error("{text:?} is no step: write steps as WEIGHT:MINUTES, such as 10:5,25:2,50:2,75:2,100:2")]
    NotAStep {
        /// What was written.
        text: String,
    },
    /// No steps.
    #[error("there are no steps: write at least one, such as 100:5")]
    Empty,
    /// A weight that does not rise.
    #[error("step {number} has weight {weight} after {before}: let weights rise, from 1 to 100")]
    NotRising {
        /// The step, from 1.
        number: usize,
        /// Its weight.
        weight: u8,
        /// The one before.
        before: u8,
    },
    /// A step of no time.
    #[error("step {number} has no minutes: give it one at least")]
    NoTime {
        /// The step, from 1.
        number: usize,
    },
    /// A plan of more than a day.
    #[error("the steps take {minutes} minutes: a plan that can be foreseen has {LONGEST} at most")]
    TooLong {
        /// All of them.
        minutes: u64,
    },
    /// Steps that a rollout cannot have.
    #[error(transparent)]
    Steps(#[from] InvalidSteps),
    /// Nothing can be held back.
    #[error(transparent)]
    HoldBack(#[from] InvalidHoldBack),
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let step = |part: &str| {
            let (weight, minutes) = part.trim().split_once(':')?;
            Some(Step::new(weight.trim().parse().ok()?, minutes.trim().parse().ok()?))
        };
        let read = |part: &str| step(part).ok_or_else(|| PlanError::NotAStep { text: part.to_owned() });
        Self::new(text.split(',').map(read).collect::<Result<_, _>>()?)
    }
}

impl Plan {
    /// These steps, with metrics that are a minute late, and a patience of ten minutes.
    pub fn new(steps: Vec<Step>) -> Result<Self, PlanError> {
        let mut before = 0;
        for (number, step) in (1..).zip(&steps) {
            if step.weight <= before || step.weight > 100 {
                return Err(PlanError::NotRising { number, weight: step.weight, before });
            }
            if step.minutes == 0 {
                return Err(PlanError::NoTime { number });
            }
            before = step.weight;
        }
        if steps.is_empty() {
            return Err(PlanError::Empty);
        }
        let minutes = steps.iter().map(|step| u64::from(step.minutes)).sum();
        if minutes > u64::from(LONGEST) {
            return Err(PlanError::TooLong { minutes });
        }
        Ok(Self { steps, delay: 1, patience: 10 })
    }

    /// The steps of a rollout, each bake in whole minutes. A last step that has nothing to see is none of them.
    pub fn of(steps: &Steps) -> Result<Self, PlanError> {
        Self::new(judged(steps))
    }

    /// The same with minutes that are known so many minutes after they end, 1 at least.
    #[must_use]
    pub fn with_delay(self, minutes: u32) -> Self {
        Self { delay: minutes.clamp(1, 60), ..self }
    }

    /// The same with steps that wait so many minutes for enough to be seen.
    #[must_use]
    pub fn with_patience(self, minutes: u32) -> Self {
        Self { patience: minutes.min(LONGEST), ..self }
    }

    /// The same with a micro-ramp, as a rollout has it ([`Steps::ramped`]).
    pub fn with_micro_ramp(self) -> Result<Self, PlanError> {
        let steps = self.as_taken()?.ramped()?;
        Ok(Self { steps: Self::of(&steps)?.steps, ..self })
    }

    /// The same with so many percent of the traffic on the old version in the last step, as a rollout has it
    /// ([`Steps::held_back`]). Nothing changes where the last step leaves some already.
    pub fn with_hold_back(self, percent: u8) -> Result<Self, PlanError> {
        if self.steps.last().is_none_or(|last| last.weight < 100) {
            return Ok(self);
        }
        let steps = self.as_taken()?.held_back(percent)?;
        Ok(Self { steps: Self::of(&steps)?.steps, ..self })
    }

    /// The steps as a rollout takes them: up to 100 %.
    fn as_taken(&self) -> Result<Steps, InvalidSteps> {
        let step = |step: &Step| {
            let weight = Weight::try_from(step.weight).unwrap_or(Weight::FULL);
            let bake = Seconds(step.minutes.saturating_mul(60));
            rollout::Step { weight, bake, approval: false, ramp: step.ramp }
        };
        let full = (self.steps.last().is_some_and(|last| last.weight < 100)).then_some(rollout::Step {
            weight: Weight::FULL,
            bake: Seconds(0),
            approval: false,
            ramp: false,
        });
        self.steps.iter().map(step).chain(full).collect::<Vec<_>>().try_into()
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// All minutes of the steps.
    pub fn minutes(&self) -> u32 {
        self.steps.iter().map(|step| step.minutes).sum()
    }

    /// Minutes until a minute is known.
    pub const fn delay(&self) -> u32 {
        self.delay
    }

    /// Minutes that a step waits for enough to be seen.
    pub const fn patience(&self) -> u32 {
        self.patience
    }

    /// The minutes in which the old version serves as well.
    pub fn minutes_beside(&self) -> u32 {
        self.steps.iter().filter(|step| step.weight < 100).map(|step| step.minutes).sum()
    }

    /// Whether the first step leads up to another.
    pub(crate) fn is_ramped(&self) -> bool {
        self.steps.first().is_some_and(|step| step.ramp)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Vec<Step>)) -> Option<Self> {
        let mut steps = self.steps.clone();
        change(&mut steps);
        Self::new(steps)
            .ok()
            .map(|plan| Self { steps: plan.steps, ..self.clone() })
            .filter(|plan| plan != self)
    }
}

fn judged(steps: &Steps) -> Vec<Step> {
    let is_formality = |place| {
        u16::try_from(place)
            .is_ok_and(|place| steps.needs(rollout::StepIndex(place)) == rollout::Needs::Nothing)
    };
    let step = |step: &rollout::Step| Step {
        weight: step.weight.percent(),
        minutes: step.bake.0.div_ceil(60).max(1),
        ramp: step.ramp,
    };
    steps
        .iter()
        .enumerate()
        .filter(|(place, _)| !is_formality(*place))
        .map(|(_, taken)| step(taken))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_written_as_weights_and_minutes() {
        let plan: Plan = "10:5, 25:2,50:2,75:2,100:2".parse().unwrap();
        assert_eq!((plan.minutes(), plan.minutes_beside(), plan.steps().len()), (13, 11, 5));
        for (text, says) in [
            ("10", "WEIGHT:MINUTES"),
            ("", "WEIGHT:MINUTES"),
            ("10:5,10:2", "step 2 has weight 10 after 10"),
            ("101:5", "from 1 to 100"),
            ("0:5", "from 1 to 100"),
            ("10:0", "step 1 has no minutes"),
            ("10:-1", "WEIGHT:MINUTES"),
            ("10:1440,20:1", "1441 minutes"),
        ] {
            let refused = text.parse::<Plan>().unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn a_micro_ramp_begins_small_and_a_hold_back_leaves_some() {
        let told =
            |plan: &Plan| plan.steps().iter().map(|step| (step.weight, step.minutes)).collect::<Vec<_>>();
        let plan: Plan = "10:5,100:2".parse().unwrap();
        let ramp = plan.clone().with_micro_ramp().unwrap();
        assert_eq!(told(&ramp), [(1, 1), (5, 1), (10, 3), (100, 2)]);
        assert!(ramp.is_ramped() && !plan.is_ramped() && ramp.minutes() == plan.minutes());
        let held = plan.clone().with_hold_back(5).unwrap();
        assert_eq!((told(&held), held.minutes_beside()), (vec![(10, 5), (95, 2)], 7));
        assert_eq!(held.clone().with_hold_back(5).unwrap(), held);
        assert_eq!(told(&held.with_micro_ramp().unwrap()), [(1, 1), (5, 1), (10, 3), (95, 2)]);
        let refused = "97:5,100:2".parse::<Plan>().unwrap().with_hold_back(5).unwrap_err();
        assert!(refused.to_string().contains("hold less back"), "{refused}");
        assert!(plan.with_hold_back(0).unwrap_err().to_string().contains("from 1 to 50"));
    }
}
