use std::str::FromStr;

use serde::Serialize;

/// The longest plan in minutes: a day, after which the judge counts no more.
const LONGEST: u32 = 1_440;

/// The weights of the first minutes of a plan with a micro ramp, in percent.
const RAMP: [u8; 2] = [1, 5];

/// One step: how much of the traffic the new version has, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Percent, 1 to 100.
    pub weight: u8,
    /// The bake in minutes, at least 1.
    pub minutes: u32,
}

/// How a rollout goes, minute by minute: rising steps, the last of which may keep some traffic on the old version
/// (`hold_back`), and how late the minutes are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    steps: Vec<Step>,
    micro_ramp: bool,
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
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let step = |part: &str| {
            let (weight, minutes) = part.trim().split_once(':')?;
            Some(Step { weight: weight.trim().parse().ok()?, minutes: minutes.trim().parse().ok()? })
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
        Ok(Self { steps, micro_ramp: false, delay: 1, patience: 10 })
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

    /// The same with a first step that begins with a minute of 1 % and one of 5 %, so that a version which fails every
    /// request does it to few.
    #[must_use]
    pub fn with_micro_ramp(self, micro_ramp: bool) -> Self {
        Self { micro_ramp, ..self }
    }

    /// The same with so much of the traffic on the old version in the last step, so that there is something to compare
    /// the new one with. Nothing changes where the step before has as much already.
    #[must_use]
    pub fn with_hold_back(self, percent: u8) -> Self {
        let mut steps = self.steps.clone();
        let before = steps.iter().rev().nth(1).map_or(0, |step| step.weight);
        if let Some(last) = steps.last_mut() {
            let most = 100_u8.saturating_sub(percent).max(before.saturating_add(1));
            last.weight = last.weight.min(most);
        }
        Self { steps, ..self }
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the first step begins with two minutes of less weight.
    pub const fn is_micro_ramp(&self) -> bool {
        self.micro_ramp
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

    /// The weight in percent in a minute of a step, both from 0.
    pub(crate) fn weight(&self, step: usize, minute: u32) -> u8 {
        let weight = self.steps.get(step).map_or(100, |step| step.weight);
        let ramp = usize::try_from(minute).ok().and_then(|minute| RAMP.get(minute));
        match ramp {
            Some(ramp) if self.micro_ramp && step == 0 => weight.min(*ramp),
            _ => weight,
        }
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
        let plan: Plan = "10:5,100:2".parse().unwrap();
        let ramp = plan.clone().with_micro_ramp(true);
        assert_eq!([0, 1, 2, 4].map(|minute| ramp.weight(0, minute)), [1, 5, 10, 10]);
        assert_eq!((ramp.weight(1, 0), plan.weight(0, 0)), (100, 10));
        let held = plan.with_hold_back(5);
        assert_eq!((held.weight(1, 0), held.minutes_beside()), (95, 7));
        assert_eq!("97:5,100:2".parse::<Plan>().unwrap().with_hold_back(5).weight(1, 0), 98);
    }
}
