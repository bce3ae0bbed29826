use std::num::{NonZeroU16, NonZeroU32};

use analysis::{Policy, Seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admission::{Approvals, Configured};
use crate::control::StopRules;
use crate::names::{AlarmName, Colour, EnvironmentName, ServiceName, Version, Weight};
use crate::source::Source;

/// How traffic moves to the new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// By rising steps.
    Canary,
    /// All at once, after the checks.
    BlueGreen,
}

/// One step: the weight and how long it has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The canary's share of requests.
    pub weight: Weight,
    /// The least time under observation at this weight, counted from the read-back of the weight.
    pub bake: Seconds,
    /// Whether a person has to approve before this weight is set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// Whether it only leads up to the next step: it passes without the policy's minimums, once a minute was looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ramp: bool,
}

/// What a step has to see, beside the end of its bake, before traffic rises where nothing speaks against the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// As much as the policy asks for.
    Evidence,
    /// A closed minute, whatever is in it: a part of a ramp.
    AMinute,
    /// Nothing: the steps before have shown it.
    Nothing,
}

/// The steps of a plan: at least one, rising, the last one 100 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Step>", into = "Vec<Step>")]
pub struct Steps(Vec<Step>);

/// Why a list of steps was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSteps {
    /// There is none.
    #[error("there are no steps: give at least one, ending at weight 100")]
    Empty,
    /// A step does not raise the weight.
    #[error(
        "step {number} has weight {weight}, which does not rise above the {before} before it: \
         order the steps by rising weight, starting above 0"
    )]
    NotRising {
        /// Counted from 1.
        number: usize,
        /// The weight of this step.
        weight: Weight,
        /// The weight before it.
        before: Weight,
    },
    /// The last step leaves traffic on the old version.
    #[error("the last step has weight {0}: end with a step of weight 100")]
    NotFull(Weight),
}

impl TryFrom<Vec<Step>> for Steps {
    type Error = InvalidSteps;

    fn try_from(steps: Vec<Step>) -> Result<Self, InvalidSteps> {
        let mut before = Weight::ZERO;
        for (index, step) in steps.iter().enumerate() {
            if step.weight <= before {
                return Err(InvalidSteps::NotRising { number: index + 1, weight: step.weight, before });
            }
            before = step.weight;
        }
        match steps.last() {
            None => Err(InvalidSteps::Empty),
            Some(last) if last.weight != Weight::FULL => Err(InvalidSteps::NotFull(last.weight)),
            Some(_) => Ok(Self(steps)),
        }
    }
}

impl From<Steps> for Vec<Step> {
    fn from(steps: Steps) -> Self {
        steps.0
    }
}

/// The place of a step in its plan, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepIndex(pub u16);

impl StepIndex {
    /// The step of this number, as people count.
    pub const fn numbered(number: NonZeroU16) -> Self {
        Self(number.get() - 1)
    }

    /// The step's number as people count, from 1.
    pub const fn number(self) -> u16 {
        self.0.saturating_add(1)
    }
}

impl Steps {
    /// The one step of a blue-green rollout: all traffic at once, watched for `monitor`.
    pub fn at_once(monitor: Seconds) -> Self {
        Self(vec![Step { weight: Weight::FULL, bake: monitor, approval: false, ramp: false }])
    }

    /// The step at `index`, if the plan has it.
    pub fn get(&self, index: StepIndex) -> Option<&Step> {
        self.0.get(usize::from(index.0))
    }

    /// What the step at `index` has to see. The last step needs nothing when it has no bake and one before it has.
    pub fn needs(&self, index: StepIndex) -> Needs {
        match self.get(index) {
            Some(step) if step.ramp => Needs::AMinute,
            Some(_) if self.judged_with(index) != index => Needs::Nothing,
            _ => Needs::Evidence,
        }
    }

    /// The step whose minutes and minimums tell of the step at `index`: itself, or where that has nothing to see the last
    /// one before it that has.
    pub fn judged_with(&self, index: StepIndex) -> StepIndex {
        let at = usize::from(index.0);
        let is_formality =
            at + 1 == self.0.len() && self.get(index).is_some_and(|step| step.bake == Seconds(0));
        let judged = self.0.iter().take(at).rposition(|step| step.bake > Seconds(0) && !step.ramp);
        match judged.and_then(|at| u16::try_from(at).ok()) {
            Some(judged) if is_formality => StepIndex(judged),
            _ => index,
        }
    }

    /// How many steps there are.
    #[expect(clippy::len_without_is_empty, reason = "steps are never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The steps in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Step> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Steps {
    type Item = &'a Step;
    type IntoIter = std::slice::Iter<'a, Step>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Where one colour of the service lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// The ARN of the colour's target group.
    pub target_group: String,
    /// The base URL at which this colour alone answers, for health checks and smoke tests.
    pub endpoint: String,
}

/// Where the service's traffic is divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The ARN of the dedicated listener rule (never the default rule).
    pub rule: String,
    /// The ARN of the load balancer, for its metrics.
    pub load_balancer: String,
    /// The blue target group.
    pub blue: Arm,
    /// The green target group.
    pub green: Arm,
}

impl Route {
    /// The arm of a colour.
    pub fn arm(&self, colour: Colour) -> &Arm {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

/// How the new version shows that it can take traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    /// How often to look before giving up.
    pub attempts: NonZeroU32,
    /// The time between two looks.
    pub interval: Seconds,
    /// The path of the health check, which must answer `{"status": "healthy"}`.
    pub path: String,
    /// What else must work before any traffic, once healthy.
    pub smoke_tests: Vec<SmokeTest>,
}

/// One request that must be answered as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmokeTest {
    /// What the test is called in reports.
    pub name: String,
    /// The HTTP method.
    #[serde(default)]
    pub method: Method,
    /// The path, appended to the colour's endpoint.
    pub path: String,
    /// The status code that has to come back.
    #[serde(default = "SmokeTest::ok")]
    pub status: u16,
    /// A text that the body has to contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

impl SmokeTest {
    const fn ok() -> u16 {
        200
    }
}

/// The method of a smoke test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    #[default]
    Get,
    /// Read the head only.
    Head,
    /// Send without a body.
    Post,
}

/// When evidence counts, and how long to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRules {
    /// Not counted after a shift: an ALB does not apply a new weight at once.
    pub settle: Seconds,
    /// How late a minute's metrics may arrive.
    pub metric_delay: Seconds,
    /// How much longer than its bake a step may wait for enough evidence.
    pub patience: Seconds,
    /// How long the source of evidence may be out of reach under traffic.
    pub blind: Seconds,
    /// How long a change of the rule by somebody else may freeze the rollout.
    pub frozen: Seconds,
}

/// When the old colour is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanUpRules {
    /// How long the old colour stays warm after the promotion, and how long until another look.
    pub after: Seconds,
    /// The closed minutes that must have shown no request.
    pub quiet_minutes: u32,
    /// How often to look before leaving the old colour to a person.
    pub attempts: NonZeroU32,
}

/// Everything a rollout will do, resolved when it starts and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The version that is rolled out.
    pub version: Version,
    /// How traffic moves.
    pub strategy: Strategy,
    /// The steps.
    pub steps: Steps,
    /// Where traffic is divided.
    pub route: Route,
    /// The checks before traffic.
    pub readiness: Readiness,
    /// What the judge tolerates.
    pub judge: Policy,
    /// Where the judge's further metrics come from, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// When evidence counts.
    pub evidence: EvidenceRules,
    /// Alarms that end the rollout in every phase.
    pub guardrails: Vec<AlarmName>,
    /// When the old colour goes.
    pub clean_up: CleanUpRules,
    /// When rollbacks stop the environment's line.
    pub stop_the_line: StopRules,
    /// Who may approve a step that asks for it, and how long that is waited for.
    pub approvals: Approvals,
    /// The longest that a writer which died may still change the rule: the function's timeout and a margin.
    pub zombie_bound: Seconds,
    /// What it was made from.
    pub configuration: Configured,
}

impl Plan {
    /// Whether a step has the old version beside the new one.
    pub fn is_beside(&self) -> bool {
        self.steps.iter().any(|step| step.weight < Weight::FULL)
    }

    /// The data minutes that the judge will have: of the steps with the old version beside the new one, or of all where
    /// there is none.
    pub fn planned_minutes(&self) -> u32 {
        let counts = |step: &&Step| step.weight < Weight::FULL || !self.is_beside();
        self.steps.iter().filter(counts).map(|step| step.bake.0 / 60).fold(0, u32::saturating_add).max(1)
    }
}
