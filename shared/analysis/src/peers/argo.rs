use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, PeerMinute, Percent, measurements};
use crate::Probability;

/// What a measurement is when the canary served nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoTraffic {
    /// The query has no result, `result[0]` cannot be evaluated: an error, which `consecutive_error_limit` counts. What
    /// Prometheus does when a series does not exist.
    #[default]
    Error,
    /// The query gives NaN, and only a success condition is set: a failure.
    Failed,
    /// NaN, with both conditions set: inconclusive, which pauses the rollout.
    Inconclusive,
    /// NaN, with a success condition that starts with `isNaN(result) ||`.
    Successful,
}

/// Argo Rollouts' analysis of a success rate: `successCondition: result[0] >= success_rate`, in the background of the
/// whole rollout.
///
/// Follows "Analysis & Progressive Delivery" of its documentation and `assessMetricFailureInconclusiveOrError` of
/// `analysis/analysis.go`: a run fails when there are *more* failures than `failureLimit`, and is in error when there
/// are more errors in a row than `consecutiveErrorLimit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArgoAnalysis {
    /// The least share of requests that must not fail.
    pub success_rate: Probability,
    /// Minutes from one measurement to the next, and what each one looks back over.
    pub interval_minutes: NonZeroU32,
    /// How many measurements may fail; `None` is Argo's -1, any number.
    pub failure_limit: Option<u32>,
    /// How many measurements in a row may be errors.
    pub consecutive_error_limit: u32,
    /// How many measurements may be inconclusive.
    pub inconclusive_limit: u32,
    /// What a measurement without traffic is.
    pub no_traffic: NoTraffic,
}

impl Default for ArgoAnalysis {
    /// The first example of the documentation (95 %, failureLimit 3), once a minute.
    fn default() -> Self {
        Self {
            success_rate: Probability::rounded(0.95),
            interval_minutes: NonZeroU32::MIN,
            failure_limit: Some(3),
            consecutive_error_limit: 4,
            inconclusive_limit: 0,
            no_traffic: NoTraffic::Error,
        }
    }
}

impl ArgoAnalysis {
    /// What the analysis has come to.
    pub fn judge(&self, minutes: &[PeerMinute]) -> Outcome {
        let interval = self.interval_minutes.get() as usize;
        let (mut failed, mut inconclusive, mut errors) = (0u32, 0u32, 0u32);
        for (minute, served) in measurements(minutes, interval, interval) {
            let rate = served.error_rate();
            let mut in_error = false;
            match (rate, self.no_traffic) {
                (Some(rate), _) => failed += u32::from(1.0 - rate < self.success_rate.get()),
                (None, NoTraffic::Error) => in_error = true,
                (None, NoTraffic::Failed) => failed += 1,
                (None, NoTraffic::Inconclusive) => inconclusive += 1,
                (None, NoTraffic::Successful) => {}
            }
            errors = if in_error { errors + 1 } else { 0 };

            let say = |sentence: String| Failure { minute, sentence };
            if errors > self.consecutive_error_limit {
                return Outcome::Fail(say(format!(
                    "analysis: {errors} measurements in a row found no data, more than the limit of {}",
                    self.consecutive_error_limit
                )));
            }
            if let Some(limit) = self.failure_limit.filter(|limit| failed > *limit) {
                let last =
                    rate.map_or_else(|| "had no traffic".into(), |rate| format!("failed {}", Percent(rate)));
                return Outcome::Fail(say(format!(
                    "analysis: {failed} measurements were under a success rate of {}, more than the limit of {limit}; the last one {last}",
                    Percent(self.success_rate.get())
                )));
            }
            if inconclusive > self.inconclusive_limit {
                return Outcome::Pause(say(format!(
                    "analysis: {inconclusive} measurements were inconclusive, more than the limit of {}",
                    self.inconclusive_limit
                )));
            }
        }
        Outcome::KeepGoing
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::canary, *};

    #[test]
    fn it_fails_at_one_more_failure_than_the_limit_wherever_they_are() {
        let rule = ArgoAnalysis::default();
        let bad = (100, 6);
        let three = canary(&[bad, (100, 5), bad, (100, 0), bad, (100, 0)]);
        assert_eq!(rule.judge(&three), Outcome::KeepGoing);
        let Outcome::Fail(failure) = rule.judge(&[three, canary(&[bad])].concat()) else { panic!("goes on") };
        assert_eq!(failure.minute, 6);
        assert_eq!(
            failure.to_string(),
            "analysis: 4 measurements were under a success rate of 95.0 %, more than the limit of 3; the last one failed 6.0 %"
        );
        let endless = ArgoAnalysis { failure_limit: None, ..rule };
        assert_eq!(endless.judge(&canary(&[bad; 50])), Outcome::KeepGoing);
    }

    #[test]
    fn five_errors_in_a_row_are_one_too_many() {
        let rule = ArgoAnalysis::default();
        let (idle, good) = ((0, 0), (10, 0));
        assert_eq!(rule.judge(&canary(&[idle, idle, idle, idle, good, idle, idle])), Outcome::KeepGoing);
        assert!(matches!(
            rule.judge(&canary(&[good, idle, idle, idle, idle, idle])),
            Outcome::Fail(Failure { minute: 5, .. })
        ));
    }

    #[test]
    fn no_traffic_is_what_the_conditions_make_of_it() {
        let one = canary(&[(10, 0), (0, 0)]);
        let rule =
            |no_traffic| ArgoAnalysis { no_traffic, failure_limit: Some(0), ..ArgoAnalysis::default() };
        assert_eq!(rule(NoTraffic::Error).judge(&one), Outcome::KeepGoing);
        assert_eq!(rule(NoTraffic::Successful).judge(&one), Outcome::KeepGoing);
        assert!(matches!(rule(NoTraffic::Failed).judge(&one), Outcome::Fail(_)));
        assert!(matches!(rule(NoTraffic::Inconclusive).judge(&one), Outcome::Pause(_)));
    }

    #[test]
    fn a_measurement_looks_back_over_its_interval() {
        let interval_minutes = NonZeroU32::new(5).unwrap();
        let rule = ArgoAnalysis { interval_minutes, failure_limit: Some(0), ..ArgoAnalysis::default() };
        // 20 of 500 and 30 of 500: the second interval fails, at its end.
        let minutes = canary(&[(100, 20), (100, 0), (100, 0), (100, 0), (100, 0), (100, 30)]);
        assert_eq!(rule.judge(&minutes), Outcome::KeepGoing);
        let more = [minutes, canary(&[(100, 0); 4])].concat();
        assert!(matches!(rule.judge(&more), Outcome::Fail(Failure { minute: 9, .. })));
    }
}
