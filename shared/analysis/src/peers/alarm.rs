use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, PeerMinute, Percent, Served};
use crate::number::float;

/// Data points that CloudWatch fetches beyond the evaluation periods, in case some are missing: its documentation shows
/// a range of 5 for 3 evaluation periods, and does not promise a number.
const SPARE: usize = 2;

/// What the alarm watches; a period is a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmMetric {
    /// Errors in percent of requests, as by the metric math `100 * FILL(errors, 0) / requests`. A minute without
    /// requests has no data point.
    #[default]
    ErrorPercent,
    /// The number of errors. Load balancers publish it only when it is not zero, so a minute without errors has no data
    /// point.
    ErrorCount,
}

/// When a data point breaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `GreaterThanThreshold`.
    #[default]
    GreaterThan,
    /// `GreaterThanOrEqualToThreshold`.
    AtLeast,
}

/// What a missing data point counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TreatMissingData {
    /// As nothing; CloudWatch's default.
    #[default]
    Missing,
    /// The alarm keeps its state.
    Ignore,
    /// As a bad one.
    Breaching,
    /// As a good one; what AWS recommends for metrics that exist only when there are errors.
    NotBreaching,
}

/// Why an alarm was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AlarmError {
    /// M of N with M above N, or 0.
    #[error(
        "datapoints_to_alarm {to_alarm} of evaluation_periods {periods}: write at least 1, and no more than the periods"
    )]
    Counts {
        /// M.
        to_alarm: u32,
        /// N.
        periods: u32,
    },
    /// More periods than a day has.
    #[error("evaluation_periods {0} are longer than a day, which CloudWatch refuses: write at most 1440")]
    TooLong(u32),
    /// Not a number.
    #[error("threshold {0} is not a number of 0 or more")]
    Threshold(f64),
}

/// A CloudWatch alarm on the canary's errors: M of the last N minutes breach. CodeDeploy and ECS roll back when an alarm
/// of the deployment goes off.
///
/// Follows "Evaluating an alarm", "How alarm state is evaluated when data is missing" and "Avoiding premature
/// transitions to alarm state" of the CloudWatch User Guide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawAlarm", into = "RawAlarm")]
#[schemars(with = "RawAlarm")]
pub struct Alarm(RawAlarm);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename = "Alarm")]
struct RawAlarm {
    /// What it watches.
    metric: AlarmMetric,
    /// The limit, in percent or errors a minute.
    #[schemars(extend("minimum" = 0))]
    threshold: f64,
    /// When a minute breaches.
    comparison: Comparison,
    /// N: minutes that are looked at.
    #[schemars(extend("minimum" = 1, "maximum" = 1440))]
    evaluation_periods: u32,
    /// M: breaching minutes among them that set it off.
    #[schemars(extend("minimum" = 1, "maximum" = 1440))]
    datapoints_to_alarm: u32,
    /// What a minute without data counts as.
    treat_missing_data: TreatMissingData,
}

// The threshold is a number.
impl Eq for RawAlarm {}

impl Default for RawAlarm {
    fn default() -> Self {
        Self {
            metric: AlarmMetric::ErrorPercent,
            threshold: 1.0,
            comparison: Comparison::GreaterThan,
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            treat_missing_data: TreatMissingData::Missing,
        }
    }
}

impl TryFrom<RawAlarm> for Alarm {
    type Error = AlarmError;

    fn try_from(raw: RawAlarm) -> Result<Self, AlarmError> {
        let (to_alarm, periods) = (raw.datapoints_to_alarm, raw.evaluation_periods);
        if to_alarm == 0 || to_alarm > periods {
            return Err(AlarmError::Counts { to_alarm, periods });
        }
        if periods > 1440 {
            return Err(AlarmError::TooLong(periods));
        }
        if raw.threshold.is_finite() && raw.threshold >= 0.0 {
            Ok(Self(raw))
        } else {
            Err(AlarmError::Threshold(raw.threshold))
        }
    }
}

impl From<Alarm> for RawAlarm {
    fn from(alarm: Alarm) -> Self {
        alarm.0
    }
}

/// One data point: whether it breaches, if there is one.
type Point = Option<bool>;

impl Alarm {
    /// An alarm that goes off when `datapoints_to_alarm` of `evaluation_periods` minutes breach.
    pub fn new(
        metric: AlarmMetric,
        comparison: Comparison,
        threshold: f64,
        (datapoints_to_alarm, evaluation_periods): (u32, u32),
        treat_missing_data: TreatMissingData,
    ) -> Result<Self, AlarmError> {
        RawAlarm {
            metric,
            threshold,
            comparison,
            evaluation_periods,
            datapoints_to_alarm,
            treat_missing_data,
        }
        .try_into()
    }

    /// Whether the alarm has gone off in any of the minutes; it starts as OK.
    pub fn judge(&self, minutes: &[PeerMinute]) -> Outcome {
        let points: Vec<Point> = minutes.iter().map(|minute| self.point(minute.canary)).collect();
        for (minute, served) in minutes.iter().enumerate() {
            if self.is_alarm(points.get(..=minute).unwrap_or_default()) {
                return Outcome::Fail(self.failure(minute, served.canary));
            }
        }
        Outcome::KeepGoing
    }

    fn failure(&self, minute: usize, last: Served) -> Failure {
        let RawAlarm { metric, threshold, comparison, evaluation_periods, datapoints_to_alarm, .. } = &self.0;
        let over = match comparison {
            Comparison::GreaterThan => "above",
            Comparison::AtLeast => "at or above",
        };
        let (limit, now) = match metric {
            AlarmMetric::ErrorPercent => {
                let now =
                    last.error_rate().map_or_else(|| "no requests".into(), |rate| Percent(rate).to_string());
                (format!("{threshold} % errors"), now)
            }
            AlarmMetric::ErrorCount => (format!("{threshold} errors"), format!("{} errors", last.errors)),
        };
        let sentence = format!(
            "alarm: {datapoints_to_alarm} of the last {evaluation_periods} minutes were {over} {limit}; the last one had {now}"
        );
        Failure { minute, sentence }
    }

    fn point(&self, served: Served) -> Point {
        let value = match self.0.metric {
            AlarmMetric::ErrorPercent => served.error_rate()? * 100.0,
            AlarmMetric::ErrorCount if served.errors == 0 => return None,
            AlarmMetric::ErrorCount => float(served.errors),
        };
        Some(match self.0.comparison {
            Comparison::GreaterThan => value > self.0.threshold,
            Comparison::AtLeast => value >= self.0.threshold,
        })
    }

    /// Whether these data points, the last is the most recent, turn an alarm that is not on into one that is.
    fn is_alarm(&self, points: &[Point]) -> bool {
        let periods = self.0.evaluation_periods as usize;
        let to_alarm = self.0.datapoints_to_alarm as usize;
        let range = || points.iter().rev().take(periods.saturating_add(SPARE));
        let real: Vec<bool> = range().filter_map(|point| *point).take(periods).collect();
        let breaching = real.iter().filter(|breaches| **breaches).count();
        if breaching >= to_alarm {
            return true;
        }
        let missing = periods - real.len();
        match self.0.treat_missing_data {
            TreatMissingData::NotBreaching | TreatMissingData::Ignore => false,
            TreatMissingData::Breaching => breaching + missing >= to_alarm,
            TreatMissingData::Missing => {
                // "Premature alarm state": nothing but breaching points, and the oldest is old enough.
                let oldest = range().rposition(|point| *point == Some(true)).map_or(0, |age| age + 1);
                missing > 0 && breaching == real.len() && oldest >= to_alarm
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::canary, *};

    fn alarm(of: (u32, u32), missing: TreatMissingData) -> Alarm {
        Alarm::new(AlarmMetric::ErrorPercent, Comparison::GreaterThan, 1.0, of, missing).unwrap()
    }

    fn points(text: &str) -> Vec<Point> {
        text.split(' ')
            .map(|point| match point {
                "X" => Some(true),
                "0" => Some(false),
                _ => None,
            })
            .collect()
    }

    /// The tables of the CloudWatch User Guide, row by row: missing, ignore, breaching, notBreaching. "Retain current
    /// state" is no alarm, when there was none.
    #[test]
    fn missing_data_counts_as_the_user_guide_says() {
        use TreatMissingData::{Breaching, Ignore, Missing, NotBreaching};
        let rows = [
            ((3, 3), "0 - X - X", [false, false, false, false]),
            ((3, 3), "0 - - - -", [false, false, false, false]),
            ((3, 3), "- - - - -", [false, false, true, false]),
            ((3, 3), "0 X X - X", [true, true, true, true]),
            ((3, 3), "- - X - -", [true, false, true, false]),
            ((2, 3), "0 - X - X", [true, true, true, true]),
            ((2, 3), "0 0 X 0 X", [true, true, true, true]),
            ((2, 3), "0 - X - -", [false, false, true, false]),
            ((2, 3), "- - - - 0", [false, false, true, false]),
            ((2, 3), "- - - X -", [true, false, true, false]),
            // "Avoiding premature transitions to alarm state".
            ((3, 3), "- - - - X", [false, false, true, false]),
            ((3, 3), "- - - X -", [false, false, true, false]),
        ];
        for (of, text, expected) in rows {
            let got = [Missing, Ignore, Breaching, NotBreaching]
                .map(|missing| alarm(of, missing).is_alarm(&points(text)));
            assert_eq!(got, expected, "{of:?} {text}");
        }
    }

    #[test]
    fn two_of_three_minutes_set_it_off_and_it_stays_off_the_rails() {
        let rule = Alarm::default();
        assert_eq!(rule.judge(&canary(&[(100, 2), (100, 1), (100, 1), (100, 2)])), Outcome::KeepGoing);
        let Outcome::Fail(failure) = rule.judge(&canary(&[(100, 2), (100, 1), (100, 2), (100, 0), (100, 0)]))
        else {
            panic!("no alarm")
        };
        assert_eq!(failure.minute, 2);
        assert_eq!(
            failure.to_string(),
            "alarm: 2 of the last 3 minutes were above 1 % errors; the last one had 2.0 %"
        );
    }

    #[test]
    fn a_count_of_zero_is_a_missing_point() {
        let count =
            |missing| Alarm::new(AlarmMetric::ErrorCount, Comparison::AtLeast, 1.0, (2, 2), missing).unwrap();
        let once = canary(&[(100, 1), (100, 0), (100, 0)]);
        assert_eq!(count(TreatMissingData::NotBreaching).judge(&once), Outcome::KeepGoing);
        assert!(matches!(
            count(TreatMissingData::Missing).judge(&once),
            Outcome::Fail(Failure { minute: 1, .. })
        ));
        let twice = canary(&[(100, 1), (100, 3)]);
        assert!(matches!(count(TreatMissingData::NotBreaching).judge(&twice), Outcome::Fail(_)));
    }

    #[test]
    fn alarms_that_cannot_be_are_refused() {
        for (text, says) in [
            (r#"{"datapoints_to_alarm": 4}"#, "4 of evaluation_periods 3"),
            (r#"{"datapoints_to_alarm": 0}"#, "at least 1"),
            (r#"{"evaluation_periods": 2000}"#, "longer than a day"),
            (r#"{"threshold": -1}"#, "0 or more"),
            (r#"{"periods": 3}"#, "unknown field"),
        ] {
            let refused = serde_json::from_str::<Alarm>(text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
