use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Probability, Ratio};

/// What the judge tolerates and what it needs to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The chance that a version as good as the baseline is rolled back, over the whole rollout; above 0, at most 0.5.
    /// Shared by all looks (see [`Look`](crate::Look)) and all metrics: errors 5 parts, the latency objective 2, the
    /// greatest error rate 3, of those that are in use.
    #[serde(deserialize_with = "budget")]
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 0.5))]
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
    /// The greatest error rate of the canary, whatever the baseline's: above it a step never passes, and fails once a
    /// rate within it is no longer credible.
    pub max_error_rate: Option<Probability>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            false_rollback_budget: Probability::HUNDREDTH,
            margin: Ratio::ONE,
            minimum_requests: 50,
            minimum_minutes: 1,
            latency_objective_ms: None,
            max_error_rate: None,
        }
    }
}

fn budget<'de, D: Deserializer<'de>>(from: D) -> Result<Probability, D::Error> {
    let value = f64::deserialize(from)?;
    if value > 0.0 && value <= 0.5 {
        Probability::new(value).map_err(D::Error::custom)
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
}

impl Policy {
    pub(crate) fn shares(&self) -> Shares {
        let slow = if self.latency_objective_ms.is_some() { 2.0 } else { 0.0 };
        let max_error_rate = if self.max_error_rate.is_some() { 3.0 } else { 0.0 };
        let all = 5.0 + slow + max_error_rate;
        Shares { errors: 5.0 / all, slow: slow / all, max_error_rate: max_error_rate / all }
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
                let shares = Policy { latency_objective_ms, max_error_rate, ..Policy::default() }.shares();
                assert!((shares.errors + shares.slow + shares.max_error_rate - 1.0).abs() < 1e-12);
                assert_eq!(shares.slow > 0.0, latency_objective_ms.is_some());
                assert_eq!(shares.max_error_rate > 0.0, max_error_rate.is_some());
            }
        }
    }
}
