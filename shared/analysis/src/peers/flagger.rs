use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, PeerMinute, Percent, Served, measurements};
use crate::Probability;

/// Flagger's checks of the metric `request-success-rate`: rolls back after `threshold` failed checks, which add up over
/// the whole rollout.
///
/// Follows "How it works" of its documentation and `advanceCanary` of `pkg/controller/scheduler.go`, which never sets the
/// counter back while the canary progresses. A check without traffic fails. Flagger also keeps the weight when a
/// check fails: see [`FlaggerChecks::halts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FlaggerChecks {
    /// `analysis.interval`: minutes from one check to the next.
    pub interval_minutes: NonZeroU32,
    /// `analysis.threshold`: how many failed checks roll back.
    pub threshold: NonZeroU32,
    /// `metrics[].thresholdRange.min`, but as a share: 0.99 for Flagger's 99.
    pub min_success_rate: Probability,
    /// `metrics[].interval`: minutes that a check looks back over.
    pub metric_interval_minutes: NonZeroU32,
}

impl Default for FlaggerChecks {
    /// The example of "How it works": every minute, 10 failed checks, 99 %.
    fn default() -> Self {
        Self {
            interval_minutes: NonZeroU32::MIN,
            threshold: NonZeroU32::MIN.saturating_add(9),
            min_success_rate: Probability::rounded(0.99),
            metric_interval_minutes: NonZeroU32::MIN,
        }
    }
}

impl FlaggerChecks {
    fn checks(&self, minutes: &[PeerMinute]) -> impl Iterator<Item = (usize, Served)> {
        measurements(
            minutes,
            self.interval_minutes.get() as usize,
            self.metric_interval_minutes.get() as usize,
        )
    }

    fn passes(&self, served: Served) -> bool {
        served.error_rate().is_some_and(|rate| 1.0 - rate >= self.min_success_rate.get())
    }

    /// Whether the last check failed, so that Flagger keeps the weight until the next one ("Halt advancement").
    pub fn halts(&self, minutes: &[PeerMinute]) -> bool {
        self.checks(minutes).last().is_some_and(|(_, served)| !self.passes(served))
    }

    /// Whether enough checks have failed.
    pub fn judge(&self, minutes: &[PeerMinute]) -> Outcome {
        let mut failed = 0u32;
        for (minute, served) in self.checks(minutes) {
            let rate = served.error_rate();
            failed += u32::from(!self.passes(served));
            if failed >= self.threshold.get() {
                let last = rate.map_or_else(
                    || "the canary had no traffic".into(),
                    |rate| format!("the canary failed {}", Percent(rate)),
                );
                let limit = Percent(self.min_success_rate.get());
                let sentence = format!(
                    "checks: {failed} checks found a success rate under {limit}; in the last one {last}"
                );
                return Outcome::Fail(Failure { minute, sentence });
            }
        }
        Outcome::KeepGoing
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::canary, *};

    #[test]
    fn failed_checks_add_up_over_the_rollout() {
        let rule = FlaggerChecks { threshold: NonZeroU32::new(3).unwrap(), ..FlaggerChecks::default() };
        let (good, bad, idle) = ((100, 1), (100, 2), (0, 0));
        assert_eq!(rule.judge(&canary(&[bad, good, good, bad, good])), Outcome::KeepGoing);
        let Outcome::Fail(failure) = rule.judge(&canary(&[bad, good, idle, good, bad, good])) else {
            panic!("goes on")
        };
        assert_eq!(failure.minute, 4);
        assert_eq!(
            failure.to_string(),
            "checks: 3 checks found a success rate under 99.0 %; in the last one the canary failed 2.0 %"
        );
    }

    #[test]
    fn the_weight_is_kept_while_the_last_check_failed() {
        let rule = FlaggerChecks::default();
        let (good, bad, idle) = ((100, 1), (100, 2), (0, 0));
        let halts =
            [&[good, bad][..], &[good, idle], &[bad, good], &[]].map(|minutes| rule.halts(&canary(minutes)));
        assert_eq!(halts, [true, true, false, false]);
    }

    #[test]
    fn a_check_looks_back_over_the_metrics_interval() {
        let two = NonZeroU32::new(2).unwrap();
        let rule = FlaggerChecks {
            threshold: NonZeroU32::MIN,
            metric_interval_minutes: two,
            ..FlaggerChecks::default()
        };
        assert_eq!(rule.judge(&canary(&[(100, 0), (100, 2), (100, 0)])), Outcome::KeepGoing);
        assert!(matches!(
            rule.judge(&canary(&[(100, 1), (100, 2)])),
            Outcome::Fail(Failure { minute: 1, .. })
        ));
    }

    #[test]
    fn the_example_of_its_documentation_is_the_default() {
        let rule = FlaggerChecks::default();
        assert_eq!(rule.judge(&canary(&[(100, 2); 9])), Outcome::KeepGoing);
        assert!(matches!(rule.judge(&canary(&[(100, 2); 10])), Outcome::Fail(Failure { minute: 9, .. })));
    }
}
