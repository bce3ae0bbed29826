use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::peers::Peer;
use crate::{Probability, Ratio};

/// What the judge tolerates and what it needs to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "PolicySettings")]
pub struct Policy {
    /// The chance that a version as good as the baseline is rolled back, over the whole rollout; above 0, at most 0.5.
    /// Shared by all minutes, however many, and by all metrics: errors 5 parts, the latency objective 2, the greatest
    /// error rate 2, all further metrics together 3, of those that are in use.
    pub false_rollback_budget: Probability,
    /// How many times the baseline's rate of errors (or of slow requests) the canary may have: 1 is as good as the
    /// baseline. Raise it when the two sets of targets differ for good.
    pub margin: Ratio,
    /// A step passes only with this many requests to the canary that could be compared. A failure does not wait for it.
    pub minimum_requests: u64,
    /// A step passes only with this many closed minutes in which the canary served requests. A failure does not wait
    /// for it.
    pub minimum_minutes: u32,
    /// Requests that take longer than this many milliseconds are slow; the share of slow requests is compared like that
    /// of errors. Without it latency is not judged.
    pub latency_objective_ms: Option<u32>,
    /// So many of the canary's first minutes say nothing of latency: new targets are slow while they are cold.
    pub cold_minutes: u32,
    /// The greatest error rate of the canary, whatever the baseline's: above it a step never passes, and fails once a
    /// rate within it is no longer credible.
    pub max_error_rate: Option<Probability>,
    /// So many minutes of a rollout, at most, a step waits beyond its bake because the canary looks bad without being
    /// surely so.
    pub suspect_minutes: u32,
    /// Whether a step ends before its bake when the canary is surely within the margin.
    pub early_promotion: bool,
    /// What to do when a bake is over and too little was seen.
    pub too_little_traffic: TooLittleTraffic,
    /// Further metrics, each compared with the baseline's.
    pub metrics: Vec<FurtherMetric>,
    /// Another tool's rule on the minutes' errors, in place of all tests of this judge: of the policy only
    /// `minimum_requests`, `minimum_minutes` and `too_little_traffic` hold beside it, and no budget does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Box<Peer>>,
}

/// What to do when a bake is over and too little was seen to say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TooLittleTraffic {
    /// Wait for more, as long as the plan's patience lasts; then roll back.
    #[default]
    Extend,
    /// Wait for a person's approval.
    Ask,
    /// Roll back at once.
    RollBack,
}

/// A metric of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FurtherMetric {
    /// What it is called in verdicts.
    pub name: String,
    /// What is compared.
    #[serde(default)]
    pub kind: Kind,
    /// Which way is bad.
    #[serde(default)]
    pub worse: Direction,
    /// How many times the baseline's it may be; without it, the policy's margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Ratio>,
}

/// What is compared of a further metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Each minute's value, by its sign: in how many minutes the canary's is worse.
    #[default]
    Values,
    /// Events among things that could have been one, like errors among requests.
    Counts,
}

/// Which way of a metric is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is worse, as with failures.
    #[default]
    Higher,
    /// Less is worse, as with orders.
    Lower,
}

/// Where a policy starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Few requests a minute: a greater budget, and less to be seen before a step passes.
    LowTraffic,
    /// One false rollback in a hundred rollouts.
    #[default]
    Standard,
    /// A fleet with many rollouts a day: one false rollback in a thousand, and more to be seen.
    Cautious,
}

impl Preset {
    fn policy(self) -> Policy {
        let (false_rollback_budget, minimum_requests, minimum_minutes) = match self {
            Self::LowTraffic => (Probability::HUNDREDTH.times(2), 10, 1),
            Self::Standard => (Probability::HUNDREDTH, 50, 1),
            Self::Cautious => (Probability::THOUSANDTH, 200, 2),
        };
        Policy {
            false_rollback_budget,
            margin: Ratio::ONE,
            minimum_requests,
            minimum_minutes,
            latency_objective_ms: None,
            cold_minutes: 2,
            max_error_rate: None,
            suspect_minutes: 5,
            early_promotion: false,
            too_little_traffic: TooLittleTraffic::Extend,
            metrics: Vec::new(),
            rule: None,
        }
    }
}

/// A policy as it is written: a preset, and what differs from it.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename = "Policy")]
struct PolicySettings {
    /// Where the other settings start from.
    preset: Preset,
    /// The chance that a version as good as the baseline is rolled back, over the whole rollout.
    #[serde(deserialize_with = "budget")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 0.5))]
    false_rollback_budget: Option<Probability>,
    /// How many times the baseline's rate the canary may have.
    margin: Option<Ratio>,
    /// A step passes only with this many requests to the canary.
    minimum_requests: Option<u64>,
    /// A step passes only with this many minutes in which the canary served requests.
    minimum_minutes: Option<u32>,
    /// Requests that take longer are slow.
    latency_objective_ms: Option<u32>,
    /// So many first minutes say nothing of latency.
    cold_minutes: Option<u32>,
    /// The greatest error rate of the canary, whatever the baseline's.
    max_error_rate: Option<Probability>,
    /// So many minutes a rollout waits because the canary looks bad.
    suspect_minutes: Option<u32>,
    /// Whether a step may end before its bake.
    early_promotion: Option<bool>,
    /// What to do when a bake is over and too little was seen.
    too_little_traffic: Option<TooLittleTraffic>,
    /// Further metrics.
    metrics: Vec<FurtherMetric>,
    /// Another tool's rule, in place of all tests of this judge.
    rule: Option<Box<Peer>>,
}

impl From<PolicySettings> for Policy {
    fn from(set: PolicySettings) -> Self {
        let preset = set.preset.policy();
        Self {
            false_rollback_budget: set.false_rollback_budget.unwrap_or(preset.false_rollback_budget),
            margin: set.margin.unwrap_or(preset.margin),
            minimum_requests: set.minimum_requests.unwrap_or(preset.minimum_requests),
            minimum_minutes: set.minimum_minutes.unwrap_or(preset.minimum_minutes),
            latency_objective_ms: set.latency_objective_ms,
            cold_minutes: set.cold_minutes.unwrap_or(preset.cold_minutes),
            max_error_rate: set.max_error_rate,
            suspect_minutes: set.suspect_minutes.unwrap_or(preset.suspect_minutes),
            early_promotion: set.early_promotion.unwrap_or(preset.early_promotion),
            too_little_traffic: set.too_little_traffic.unwrap_or(preset.too_little_traffic),
            metrics: set.metrics,
            rule: set.rule,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Preset::Standard.policy()
    }
}

fn budget<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Probability>, D::Error> {
    let value = f64::deserialize(from)?;
    if value > 0.0 && value <= 0.5 {
        Probability::new(value).map(Some).map_err(D::Error::custom)
    } else {
        Err(D::Error::custom(format!(
            "false_rollback_budget {value} is not above 0 and at most 0.5: write one percent as 0.01"
        )))
    }
}

/// The parts of the budget that the metrics in use get; they add up to 1.
pub(crate) struct Shares {
    pub(crate) errors: f64,
    pub(crate) slow: f64,
    pub(crate) max_error_rate: f64,
    /// Of each further metric.
    pub(crate) further: f64,
}

impl Policy {
    pub(crate) fn shares(&self) -> Shares {
        let slow = if self.latency_objective_ms.is_some() { 2.0 } else { 0.0 };
        let max_error_rate = if self.max_error_rate.is_some() { 2.0 } else { 0.0 };
        let further = if self.metrics.is_empty() { 0.0 } else { 3.0 };
        let all = 5.0 + slow + max_error_rate + further;
        let each = crate::number::float(self.metrics.len().max(1) as u64);
        Shares {
            errors: 5.0 / all,
            slow: slow / all,
            max_error_rate: max_error_rate / all,
            further: further / all / each,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_default() {
        assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), Policy::default());
        let text = serde_json::to_string(&Policy::default()).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), Policy::default());
    }

    #[test]
    fn a_preset_is_where_the_rest_starts_from() {
        let read = |text| serde_json::from_str::<Policy>(text).unwrap();
        let cautious = read(r#"{"preset": "cautious", "minimum_minutes": 4}"#);
        assert_eq!(cautious.false_rollback_budget, Probability::THOUSANDTH);
        assert_eq!((cautious.minimum_requests, cautious.minimum_minutes), (200, 4));
        assert!(
            read(r#"{"preset": "low-traffic"}"#).false_rollback_budget
                > Policy::default().false_rollback_budget
        );
        assert_eq!(read(r#"{"preset": "standard"}"#), Policy::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, says) in [
            (r#"{"false_rollback_budget": 1}"#, "write one percent as 0.01"),
            (r#"{"false_rollback_budget": 0}"#, "not above 0"),
            (r#"{"margin": 0.2}"#, "write a margin of 20 % as 1.2"),
            (r#"{"max_error_rate": 5}"#, "write one percent as 0.01"),
            (r#"{"minimum_requests": -1}"#, "invalid value"),
            (r#"{"minimum_request": 1}"#, "unknown field"),
        ] {
            let refused = serde_json::from_str::<Policy>(text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn the_schema_states_the_ranges() {
        let schema = serde_json::to_value(schemars::schema_for!(Policy)).unwrap();
        let budget = &schema["properties"]["false_rollback_budget"];
        assert_eq!((&budget["exclusiveMinimum"], &budget["maximum"]), (&0.into(), &0.5.into()), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["$defs"]["Ratio"]["minimum"], 1, "{schema}");
    }

    #[test]
    fn the_metrics_in_use_share_the_whole_budget() {
        for latency_objective_ms in [None, Some(300)] {
            for max_error_rate in [None, Some(Probability::HUNDREDTH)] {
                for further in [0, 1, 4] {
                    let metric = FurtherMetric {
                        name: "orders".into(),
                        kind: Kind::Values,
                        worse: Direction::Lower,
                        margin: None,
                    };
                    let metrics = vec![metric; further];
                    let policy =
                        Policy { latency_objective_ms, max_error_rate, metrics, ..Policy::default() };
                    let shares = policy.shares();
                    let all = shares.errors
                        + shares.slow
                        + shares.max_error_rate
                        + shares.further * crate::number::float(further as u64);
                    assert!((all - 1.0).abs() < 1e-12);
                    assert_eq!(shares.slow > 0.0, latency_objective_ms.is_some());
                    assert_eq!(shares.max_error_rate > 0.0, max_error_rate.is_some());
                }
            }
        }
    }
}
