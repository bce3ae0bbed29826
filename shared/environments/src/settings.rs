use std::collections::BTreeMap;
use std::num::NonZeroU32;

use analysis::Policy;
use rollout::{AlarmName, Route, SmokeTest, Strategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canary::CanaryRules;
use crate::sources::MetricSource;
use crate::span::Span;

/// Which environment this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// The AWS region, like `us-east-1`.
    pub region: String,
    /// The stage, like `dev` or `prod`.
    pub stage: String,
    /// The AWS account, twelve digits; events of another one are refused. Without it every account is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A service that can be rolled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The `CodePipeline` whose success starts a rollout of this service.
    pub pipeline: String,
    /// Where its traffic is divided.
    pub route: Route,
    /// How its traffic moves.
    pub strategy: Strategy,
    /// Its own settings; what is left out comes from the environment's `rollout`.
    #[serde(default)]
    pub rollout: Overrides,
}

/// How rollouts go, unless a service says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The steps of a canary.
    pub canary: CanaryRules,
    /// The switch of a blue-green rollout.
    pub blue_green: BlueGreenRules,
    /// The checks before traffic.
    pub readiness: ReadinessRules,
    /// What the judge tolerates.
    pub judge: Policy,
    /// Where each of the judge's `metrics` comes from, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metric_sources: BTreeMap<String, MetricSource>,
    /// When evidence counts.
    pub evidence: EvidenceSettings,
    /// Alarms that end a rollout in every phase.
    pub guardrails: Vec<AlarmName>,
    /// When the old colour goes.
    pub clean_up: CleanUpSettings,
    /// When too many rollbacks stop the environment's line.
    pub stop_the_line: StopTheLine,
    /// Events older than this are refused: a replayed archive must not deploy.
    pub accept_events_for: Span,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            canary: CanaryRules::default(),
            blue_green: BlueGreenRules::default(),
            readiness: ReadinessRules::default(),
            judge: Policy::default(),
            metric_sources: BTreeMap::new(),
            evidence: EvidenceSettings::default(),
            guardrails: Vec::new(),
            clean_up: CleanUpSettings::default(),
            stop_the_line: StopTheLine::default(),
            accept_events_for: Span::of(24 * 3600),
        }
    }
}

/// When too many rollbacks stop the environment's line: no rollout starts until a person says so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopTheLine {
    /// After so many rollbacks that blame a version.
    pub rollbacks: NonZeroU32,
    /// Within so long.
    pub within: Span,
}

impl StopTheLine {
    /// The rules as the core has them.
    pub const fn rules(self) -> rollout::StopRules {
        rollout::StopRules { rollbacks: self.rollbacks, within: self.within.seconds() }
    }
}

/// What one service does differently. Each part replaces the environment's part as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// The steps of a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRules>,
    /// The switch of a blue-green rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenRules>,
    /// The checks before traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessRules>,
    /// What the judge tolerates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Policy>,
    /// Where each of the judge's `metrics` comes from, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_sources: Option<BTreeMap<String, MetricSource>>,
    /// When evidence counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceSettings>,
    /// Alarms that end a rollout in every phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Vec<AlarmName>>,
    /// When the old colour goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<CleanUpSettings>,
}

/// The switch of a blue-green rollout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlueGreenRules {
    /// How long the new version is watched after the switch.
    pub monitor: Span,
}

/// The checks before traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReadinessRules {
    /// How often to look before giving up.
    pub attempts: NonZeroU32,
    /// The time between two looks; under 15 minutes, half of the lease that a rollout loses without a sign of life.
    pub interval: Span,
    /// The path of the health check.
    pub path: String,
    /// What else must work before any traffic.
    pub smoke_tests: Vec<SmokeTest>,
}

/// When evidence counts, and how long to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceSettings {
    /// Not counted after a shift: an ALB does not apply a new weight at once.
    pub settle: Span,
    /// How late a minute's metrics may arrive.
    pub metric_delay: Span,
    /// How much longer than its bake a step may wait for enough evidence.
    pub patience: Span,
    /// How long the source of evidence may be out of reach under traffic.
    pub blind: Span,
    /// How long a change of the rule by somebody else may freeze the rollout.
    pub frozen: Span,
}

/// When the old colour is taken down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CleanUpSettings {
    /// How long the old colour stays warm, and how long until another look.
    pub after: Span,
    /// The closed minutes that must have shown no request.
    pub quiet_minutes: u32,
    /// How often to look before leaving the old colour to a person.
    pub attempts: NonZeroU32,
}

mod defaults {
    use super::{
        BlueGreenRules, CleanUpSettings, EvidenceSettings, NonZeroU32, ReadinessRules, Span, StopTheLine,
    };

    const fn times(count: u32) -> NonZeroU32 {
        match NonZeroU32::new(count) {
            Some(count) => count,
            None => NonZeroU32::MIN,
        }
    }

    impl Default for BlueGreenRules {
        fn default() -> Self {
            Self { monitor: Span::of(300) }
        }
    }

    impl Default for ReadinessRules {
        /// The user's document: 30 attempts, 10 seconds apart, `GET <endpoint>/health`.
        fn default() -> Self {
            Self {
                attempts: times(30),
                interval: Span::of(10),
                path: "/health".to_owned(),
                smoke_tests: Vec::new(),
            }
        }
    }

    impl Default for EvidenceSettings {
        fn default() -> Self {
            Self {
                settle: Span::of(30),
                metric_delay: Span::of(60),
                patience: Span::of(600),
                blind: Span::of(300),
                frozen: Span::of(1800),
            }
        }
    }

    impl Default for StopTheLine {
        fn default() -> Self {
            Self { rollbacks: times(3), within: Span::of(3600) }
        }
    }

    impl Default for CleanUpSettings {
        fn default() -> Self {
            Self { after: Span::of(3600), quiet_minutes: 5, attempts: times(24) }
        }
    }
}
