mod mann_whitney;

use mann_whitney::{Interval, mann_whitney, spread};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, PeerMinute, Served};
use crate::{Probability, Ratio};

/// Which changes of the error rate fail a canary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More errors. Kayenta's own default is `either`; canary configurations set this for errors.
    #[default]
    Increase,
    /// Fewer errors.
    Decrease,
    /// More or fewer.
    Either,
}

/// What becomes of a minute without requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NanStrategy {
    /// It is left out; Kayenta's default. An arm of which nothing remains fails the analysis.
    #[default]
    Remove,
    /// It counts as an error rate of zero.
    Replace,
}

/// Which minutes an analysis sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lookback {
    /// All since the rollout began ("growing").
    #[default]
    Growing,
    /// Those of the step that is in force.
    Step,
}

/// Why score thresholds were refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "scores pass {pass} and marginal {marginal} are not 0 <= marginal <= pass <= 100: write, say, 95 and 75"
)]
pub struct ScoresError {
    /// The least score that passes.
    pub pass: f64,
    /// The least score that does not fail.
    pub marginal: f64,
}

/// Score thresholds, 0 to 100; one metric scores 100 or 0. The default is that of Spinnaker's guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawScores", into = "RawScores")]
#[schemars(with = "RawScores")]
pub struct Scores(RawScores);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename = "Scores")]
struct RawScores {
    /// The least score at which the canary passes.
    #[schemars(extend("minimum" = 0, "maximum" = 100))]
    pass: f64,
    /// The least score at which an analysis before the last one lets the canary go on.
    #[schemars(extend("minimum" = 0, "maximum" = 100))]
    marginal: f64,
}

impl Default for RawScores {
    fn default() -> Self {
        Self { pass: 95.0, marginal: 75.0 }
    }
}

impl TryFrom<RawScores> for Scores {
    type Error = ScoresError;

    fn try_from(raw: RawScores) -> Result<Self, ScoresError> {
        let RawScores { pass, marginal } = raw;
        if 0.0 <= marginal && marginal <= pass && pass <= 100.0 {
            Ok(Self(raw))
        } else {
            Err(ScoresError { pass, marginal })
        }
    }
}

impl From<Scores> for RawScores {
    fn from(scores: Scores) -> Self {
        scores.0
    }
}

/// Kayenta's `NetflixACAJudge` on the error rate of each minute, in percent.
///
/// Follows `NetflixACAJudge.scala`, `MannWhitneyClassifier.scala`, `MannWhitney.scala`, `BrentSolver.java` and
/// `WeightedSumScorer.scala` of spinnaker/kayenta: an interval for the shift between both arms' minutes by the normal
/// approximation of the Mann-Whitney test, with ties and continuity corrected; the metric fails when the whole
/// interval lies further than `tolerance` times the estimated shift (Hodges and Lehmann) from zero.
///
/// Give it minutes enough: where there are too few for the confidence (at 98 %, fewer than five against five) its root
/// finder answers with the least difference between the arms, so that already two minutes which exceed the
/// baseline's two fail, which of equal versions one in six does. Spinnaker's guide wants 50.
///
/// One thing differs: where every minute of each arm is the same, Kayenta adds random noise of 1e-5 of the value, here
/// it is spread evenly over as much, so that the same minutes have the same outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kayenta {
    /// The confidence of the interval; 0.98 cannot be changed in Kayenta.
    #[serde(deserialize_with = "confidence")]
    #[schemars(extend("minimum" = 0.5, "maximum" = 0.999_999))]
    pub confidence: Probability,
    /// The part of the estimated shift that the interval must exceed; 0.25 cannot be changed in Kayenta.
    pub tolerance: Probability,
    /// `direction`.
    pub direction: Direction,
    /// `nanStrategy`.
    pub nan_strategy: NanStrategy,
    /// `effectSize.allowedIncrease`: how many times the baseline's mean a rise has to reach to count.
    pub allowed_increase: Ratio,
    /// `scoreThresholds`.
    pub scores: Scores,
    /// `lookbackMins` and the canary stage's analysis type.
    pub lookback: Lookback,
}

impl Eq for Scores {}

impl Default for Kayenta {
    fn default() -> Self {
        Self {
            confidence: Probability::rounded(0.98),
            tolerance: Probability::rounded(0.25),
            direction: Direction::default(),
            nan_strategy: NanStrategy::default(),
            allowed_increase: Ratio::ONE,
            scores: Scores::default(),
            lookback: Lookback::default(),
        }
    }
}

fn confidence<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Probability, D::Error> {
    let value = f64::deserialize(from)?;
    if (0.5..=0.999_999).contains(&value) {
        Probability::new(value).map_err(serde::de::Error::custom)
    } else {
        let message = format!("confidence {value} is not between 0.5 and 0.999999: write 98 percent as 0.98");
        Err(serde::de::Error::custom(message))
    }
}

/// What Kayenta calls a metric.
enum Classification {
    Pass,
    High(Interval),
    Low(Interval),
    NoData,
}

impl Kayenta {
    /// One analysis, at the end of the last of `minutes`. Kayenta analyses at the end of each interval of its canary
    /// stage, so ask at the end of a step, or every so many minutes.
    pub fn judge(&self, minutes: &[PeerMinute]) -> Outcome {
        let Some(last) = minutes.last() else { return Outcome::KeepGoing };
        let seen = |minute: &&PeerMinute| self.lookback == Lookback::Growing || minute.step == last.step;
        let rates = |arm: fn(&PeerMinute) -> Served| -> Vec<f64> {
            minutes.iter().filter(seen).filter_map(|minute| self.percent(arm(minute))).collect()
        };
        let canary = rates(|minute| minute.canary);
        let baseline = rates(|minute| minute.baseline);

        let classification = self.classify(&canary, &baseline);
        let score = if matches!(classification, Classification::Pass) { 100.0 } else { 0.0 };
        if score >= self.scores.0.marginal {
            return Outcome::KeepGoing;
        }
        let confidence = self.confidence.get() * 100.0;
        let counts = format!("{} minutes against {}", canary.len(), baseline.len());
        let shifted = |Interval { lower, upper, .. }: Interval, word: &str| {
            format!(
                "canary analysis: the error rate is {word}, by {lower:.3} to {upper:.3} percentage points with {confidence} % confidence ({counts}); score 0"
            )
        };
        let sentence = match classification {
            Classification::High(interval) => shifted(interval, "high"),
            Classification::Low(interval) => shifted(interval, "low"),
            _ => format!("canary analysis: an arm has no data ({counts}); score 0"),
        };
        Outcome::Fail(Failure { minute: minutes.len() - 1, sentence })
    }

    fn percent(&self, served: Served) -> Option<f64> {
        let rate = served.error_rate().map(|rate| rate * 100.0);
        match self.nan_strategy {
            NanStrategy::Remove => rate,
            NanStrategy::Replace => Some(rate.unwrap_or(0.0)),
        }
    }

    fn classify(&self, experiment: &[f64], control: &[f64]) -> Classification {
        if experiment.is_empty() || control.is_empty() {
            return Classification::NoData;
        }
        if sorted(experiment) == sorted(control)
            || (is_constant(experiment) && experiment.first() == control.first() && is_constant(control))
        {
            return Classification::Pass;
        }
        let interval = if is_constant(experiment) && is_constant(control) {
            mann_whitney(&spread(experiment), &spread(control), self.confidence.get())
        } else {
            mann_whitney(experiment, control, self.confidence.get())
        };
        let bound = self.tolerance.get() * interval.estimate.abs();
        let effect = mean(experiment) / mean(control);
        let no_effect = mean(experiment) <= 0.0 || mean(control) <= 0.0;
        let (rises, falls) = match self.direction {
            Direction::Increase => (true, false),
            Direction::Decrease => (false, true),
            Direction::Either => (true, true),
        };
        if rises && interval.lower > bound && (no_effect || effect >= self.allowed_increase.get()) {
            Classification::High(interval)
        } else if falls && interval.upper < -bound && (no_effect || effect <= 1.0) {
            Classification::Low(interval)
        } else {
            Classification::Pass
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}

#[expect(clippy::cast_precision_loss, reason = "a rollout has far fewer than 2^53 minutes")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(step: u32, arms: &[(u64, u64)]) -> Vec<PeerMinute> {
        let arm = |errors| Served { requests: 1000, errors };
        arms.iter().map(|(c, b)| PeerMinute { step, canary: arm(*c), baseline: arm(*b) }).collect()
    }

    fn fails(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Fail(_))
    }

    #[test]
    fn five_clear_minutes_against_five_fail() {
        let outcome =
            Kayenta::default().judge(&minutes(0, &[(50, 10), (51, 9), (52, 11), (53, 12), (54, 8)]));
        let Outcome::Fail(failure) = outcome else { panic!("goes on") };
        assert_eq!(
            failure.to_string(),
            "canary analysis: the error rate is high, by 3.800 to 4.600 percentage points with 98 % confidence (5 minutes against 5); score 0"
        );
    }

    /// As in Kayenta: a confidence that cannot be reached is not asked for.
    #[test]
    fn two_minutes_that_do_not_overlap_fail_and_one_does_not() {
        let kayenta = Kayenta::default();
        assert!(fails(&kayenta.judge(&minutes(0, &[(20, 10), (21, 11)]))));
        assert!(!fails(&kayenta.judge(&minutes(0, &[(20, 10), (10, 11)]))));
        // Less than a quarter of the estimated shift apart.
        assert!(!fails(&kayenta.judge(&minutes(0, &[(12, 11), (40, 9)]))));
    }

    #[test]
    fn a_step_is_judged_alone_when_asked() {
        let bad = minutes(0, &[(50, 10), (51, 9), (52, 11), (53, 12), (54, 8)].repeat(3));
        let all = [bad, minutes(1, &[(10, 10), (9, 11)])].concat();
        assert!(fails(&Kayenta::default().judge(&all)));
        assert!(!fails(&Kayenta { lookback: Lookback::Step, ..Kayenta::default() }.judge(&all)));
    }

    #[test]
    fn fewer_errors_fail_only_where_either_direction_does() {
        let better = minutes(0, &[(10, 50), (9, 51), (11, 52), (12, 53), (8, 54)]);
        assert!(!fails(&Kayenta::default().judge(&better)));
        assert!(fails(&Kayenta { direction: Direction::Either, ..Kayenta::default() }.judge(&better)));
    }

    #[test]
    fn a_dead_canary_of_constant_minutes_fails_and_equal_ones_do_not() {
        let kayenta = Kayenta::default();
        assert!(fails(&kayenta.judge(&minutes(0, &[(1000, 0); 5]))));
        assert!(fails(&kayenta.judge(&minutes(0, &[(1000, 10); 5]))));
        assert!(!fails(&kayenta.judge(&minutes(0, &[(10, 10); 5]))));
        assert!(!fails(&kayenta.judge(&minutes(0, &[(10, 12), (12, 10)]))));
    }

    #[test]
    fn an_arm_without_data_scores_zero_unless_it_is_replaced() {
        let idle =
            vec![PeerMinute { baseline: Served { requests: 9, errors: 1 }, ..PeerMinute::default() }; 6];
        assert!(fails(&Kayenta::default().judge(&idle)));
        assert!(!fails(&Kayenta { nan_strategy: NanStrategy::Replace, ..Kayenta::default() }.judge(&idle)));
    }

    #[test]
    fn a_rise_under_the_allowed_increase_passes() {
        let twice = minutes(0, &[(20, 10), (21, 9), (22, 11), (23, 12), (24, 8)]);
        assert!(fails(&Kayenta::default().judge(&twice)));
        let allowed_increase = Ratio::new(3.0).unwrap();
        assert!(!fails(&Kayenta { allowed_increase, ..Kayenta::default() }.judge(&twice)));
    }

    #[test]
    fn thresholds_that_cannot_be_are_refused() {
        for (text, says) in [
            (r#"{"scores": {"pass": 50}}"#, "marginal <= pass"),
            (r#"{"confidence": 98}"#, "write 98 percent as 0.98"),
            (r#"{"tolerance": 25}"#, "not between 0 and 1"),
        ] {
            let refused = serde_json::from_str::<Kayenta>(text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
