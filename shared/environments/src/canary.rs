//! The steps of a canary: as they are written, and as they are taken.

use rollout::{InvalidHoldBack, InvalidSteps, Seconds, Step, Steps, Weight};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::span::Span;

/// The steps of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenCanary", into = "WrittenCanary")]
#[schemars(with = "WrittenCanary")]
pub struct CanaryRules {
    written: WrittenCanary,
    steps: Steps,
}

/// The steps of a canary as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "CanaryRules")]
struct WrittenCanary {
    /// Rising weights, the last one 100.
    #[serde(default = "seed", deserialize_with = "rising")]
    steps: Vec<StepSettings>,
    /// The percentage of requests that stays on the old version in the last judged step, so that the new one is still
    /// compared with something: the step of 100 becomes one of 100 - `hold_back` with its bake, and then 100 at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    hold_back: Option<u8>,
    /// Whether the first step begins with 1 % and 5 % for a minute each, taken from its bake (of which a minute is left
    /// at the least), where its weight is above 5: a version that fails every request costs a fraction. These minutes
    /// need no minimum of requests to pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    micro_ramp: bool,
}

/// One step as it is written in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepSettings {
    #[serde(deserialize_with = "percent")]
    weight: Weight,
    bake: Span,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    approval: bool,
}

/// A weight, refused with the number that was written, however great.
fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weight, D::Error> {
    let percent = u64::deserialize(deserializer)?;
    u8::try_from(percent).ok().and_then(|percent| Weight::try_from(percent).ok()).ok_or_else(|| {
        D::Error::custom(format!(
            "weight {percent} is over 100: a weight is a percentage of requests from 0 to 100"
        ))
    })
}

fn as_written(steps: &[StepSettings]) -> Result<Steps, InvalidSteps> {
    let step = |step: &StepSettings| Step {
        weight: step.weight,
        bake: step.bake.seconds(),
        approval: step.approval,
        ramp: false,
    };
    steps.iter().map(step).collect::<Vec<_>>().try_into()
}

/// Steps, refused where they are written.
fn rising<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StepSettings>, D::Error> {
    let steps = Vec::deserialize(deserializer)?;
    as_written(&steps).map_err(D::Error::custom)?;
    Ok(steps)
}

/// The user's document: 10 % for 5 minutes, then 25, 50, 75, 100 with 2 minutes each.
fn seed() -> Vec<StepSettings> {
    let step = |(weight, bake)| {
        Some(StepSettings { weight: Weight::try_from(weight).ok()?, bake: Span::of(bake), approval: false })
    };
    [(10, 300), (25, 120), (50, 120), (75, 120), (100, 120)].into_iter().filter_map(step).collect()
}

impl Default for CanaryRules {
    fn default() -> Self {
        let written = WrittenCanary { steps: seed(), hold_back: None, micro_ramp: false };
        let steps = written.resolve().unwrap_or_else(|_| Steps::at_once(Seconds(300)));
        Self { written, steps }
    }
}

impl CanaryRules {
    /// The steps as they are taken.
    pub const fn steps(&self) -> &Steps {
        &self.steps
    }
}

impl TryFrom<WrittenCanary> for CanaryRules {
    type Error = InvalidHoldBack;

    fn try_from(written: WrittenCanary) -> Result<Self, InvalidHoldBack> {
        written.resolve().map(|steps| Self { written, steps })
    }
}

impl From<CanaryRules> for WrittenCanary {
    fn from(rules: CanaryRules) -> Self {
        rules.written
    }
}

impl WrittenCanary {
    fn resolve(&self) -> Result<Steps, InvalidHoldBack> {
        let mut steps = as_written(&self.steps)?;
        if let Some(percent) = self.hold_back {
            steps = steps.held_back(percent)?;
        }
        if self.micro_ramp {
            steps = steps.ramped()?;
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CanaryRules, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Weight, bake, and a letter for approval and ramp.
    fn taken(text: &str) -> Vec<(u8, u32, &'static str)> {
        let told = |step: &Step| match (step.approval, step.ramp) {
            (false, false) => "",
            (true, false) => "a",
            (false, true) => "r",
            (true, true) => "ar",
        };
        read(text)
            .unwrap()
            .steps()
            .iter()
            .map(|step| (step.weight.percent(), step.bake.0, told(step)))
            .collect()
    }

    #[test]
    fn what_is_held_back_stays_in_the_last_judged_step() {
        let text = r#"{"hold_back": 5, "steps": [{"weight": 10, "bake": "5m"}, {"weight": 100, "bake": "2m", "approval": true}]}"#;
        assert_eq!(taken(text), [(10, 300, ""), (95, 120, "a"), (100, 0, "")]);
        assert_eq!(taken(r#"{"hold_back": 5}"#)[3..], [(75, 120, ""), (95, 120, ""), (100, 0, "")]);
        for (text, says) in [
            (
                r#"{"hold_back": 25}"#,
                "hold_back 25 makes the last judged step one of 75 %, which does not rise above the 75",
            ),
            (r#"{"hold_back": 30}"#, "hold less back, or leave that step out"),
            (r#"{"hold_back": 0}"#, "hold_back is 0: write the percentage"),
            (r#"{"hold_back": 51}"#, "from 1 to 50"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn a_ramp_is_taken_from_the_first_bake_where_the_first_weight_is_above_it() {
        let with = |first: &str| {
            taken(&format!(r#"{{"micro_ramp": true, "steps": [{first}, {{"weight": 100, "bake": "2m"}}]}}"#))
        };
        assert_eq!(
            with(r#"{"weight": 10, "bake": "5m", "approval": true}"#),
            [(1, 60, "ar"), (5, 60, "r"), (10, 180, ""), (100, 120, "")]
        );
        for (bake, left) in [("2m", 60), ("90s", 60), ("30s", 30), ("150s", 60)] {
            assert_eq!(with(&format!(r#"{{"weight": 6, "bake": "{bake}"}}"#))[2], (6, left, ""), "{bake}");
        }
        assert_eq!(with(r#"{"weight": 5, "bake": "5m"}"#), [(5, 300, ""), (100, 120, "")]);
    }

    #[test]
    fn both_can_be_had_and_come_back_as_they_were_written() {
        let text = r#"{"steps":[{"weight":100,"bake":"5m"}],"hold_back":10,"micro_ramp":true}"#;
        assert_eq!(taken(text), [(1, 60, "r"), (5, 60, "r"), (90, 180, ""), (100, 0, "")]);
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        assert_eq!(read("{}").unwrap(), CanaryRules::default());
    }
}
