use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::float;
use crate::words::{Chance, Count, Percent};
use crate::{Probability, Ratio};

/// The judge's answer on one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Enough was seen and nothing speaks against the canary. The finding is the one that came nearest to failing.
    Pass(Finding),
    /// The canary is worse than the policy allows. The finding is the one that is furthest over its threshold.
    Fail(Finding),
    /// Nothing speaks against the canary, but not enough was seen to say so.
    Inconclusive {
        /// What is missing.
        reason: Reason,
    },
    /// There is nothing to judge.
    NoData {
        /// Which of the things that look alike it is.
        kind: NoData,
    },
}

impl Verdict {
    /// The verdict's name as it is stored and counted.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::Inconclusive { .. } => "inconclusive",
            Self::NoData { .. } => "no_data",
        }
    }

    /// Whether protection is lost: a source of evidence cannot be seen.
    pub const fn is_blind(&self) -> bool {
        matches!(self, Self::NoData { kind: NoData::SourceDown { .. } })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(finding) => {
                f.write_str("nothing speaks against it: ")?;
                finding.comparison(f)
            }
            Self::Fail(finding) => finding.fmt(f),
            Self::Inconclusive { reason } => reason.fmt(f),
            Self::NoData { kind } => kind.fmt(f),
        }
    }
}

/// Why nothing can be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The source answers, and there were no requests.
    NoRequests {
        /// To whom.
        arm: SilentArm,
    },
    /// A source of evidence is out of reach: protection is lost.
    SourceDown {
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Display for NoData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRequests { arm: SilentArm::Canary } => {
                f.write_str("the canary received no requests, but the baseline did")
            }
            Self::NoRequests { arm: SilentArm::Both } => f.write_str("the service received no requests"),
            Self::SourceDown { reason } => write!(f, "the evidence cannot be read: {reason}"),
        }
    }
}

/// Who received no requests. A silent baseline is no lack of data: see [`Reason::NothingToCompare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SilentArm {
    /// The canary alone: the weight may not have reached it.
    Canary,
    /// The whole service.
    Both,
}

/// What is missing for a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The policy's minimum of closed minutes is not reached.
    TooFewMinutes {
        /// Minutes in which the canary served requests.
        seen: u32,
        /// The minimum.
        needed: u32,
    },
    /// The policy's minimum of requests is not reached.
    TooFewRequests {
        /// Requests to the canary that could be compared.
        seen: u64,
        /// The minimum.
        needed: u64,
    },
    /// No baseline beside the canary, none from earlier steps, and no absolute limit.
    NothingToCompare {
        /// What cannot be compared.
        metric: Metric,
    },
    /// So little traffic that a canary which fails every request, beside a baseline that fails none, would not be
    /// found out.
    NotTestable {
        /// What cannot be tested.
        metric: Metric,
    },
    /// The canary's error rate is above the greatest allowed, by too little to be sure.
    AboveMaxErrorRate {
        /// What was seen.
        seen: Rate,
        /// The greatest allowed.
        allowed: Probability,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewMinutes { seen, needed } => {
                write!(f, "not enough evidence: {seen} of {needed} minutes with requests to the canary")
            }
            Self::TooFewRequests { seen, needed } => write!(
                f,
                "not enough evidence: {} of {} requests to the canary that could be compared",
                Count(*seen),
                Count(*needed)
            ),
            Self::NothingToCompare { metric } => write!(
                f,
                "nothing to compare the canary's {metric} with: the baseline received no requests; keep some traffic on \
                 it or set max_error_rate"
            ),
            Self::NotTestable { metric } => write!(
                f,
                "not testable at this traffic: the canary's {metric} could not be told from a clean baseline's even if \
                 every request were affected"
            ),
            Self::AboveMaxErrorRate { seen, allowed } => write!(
                f,
                "canary fails {seen} requests, above the limit of {} % but not surely so",
                Percent(allowed.get())
            ),
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests that failed.
    Errors,
    /// Requests slower than the objective.
    SlowRequests {
        /// The policy's latency objective in milliseconds.
        objective_ms: u32,
    },
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors => f.write_str("errors"),
            Self::SlowRequests { objective_ms } => write!(f, "requests over {objective_ms} ms"),
        }
    }
}

/// What the canary was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standard {
    /// The baseline, of which the canary may have `margin` times the rate.
    Baseline {
        /// What the baseline had in the compared minutes.
        seen: Rate,
        /// How many of its requests are from earlier steps, not beside the canary.
        earlier_requests: u64,
        /// The policy's margin.
        margin: Ratio,
    },
    /// The policy's greatest error rate.
    MaxErrorRate {
        /// The limit.
        allowed: Probability,
    },
}

/// One test of the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was counted.
    pub metric: Metric,
    /// What the canary had, in the minutes that could be used.
    pub canary: Rate,
    /// What it was held against.
    pub standard: Standard,
    /// The chance that a canary within the standard has as many, or more. At least 1e-100.
    pub p_value: Probability,
    /// The p-value at or under which this look fails the canary.
    pub threshold: Probability,
}

impl Finding {
    /// The name of the test as it is stored and counted.
    pub const fn name(&self) -> &'static str {
        match (self.metric, self.standard) {
            (_, Standard::MaxErrorRate { .. }) => "max_error_rate",
            (Metric::Errors, Standard::Baseline { .. }) => "errors",
            (Metric::SlowRequests { .. }, Standard::Baseline { .. }) => "slow_requests",
        }
    }

    /// Whether the p-value is at or under the threshold.
    pub fn is_failure(&self) -> bool {
        self.p_value <= self.threshold
    }
}

impl Finding {
    /// What was compared with what.
    fn comparison(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.metric {
            Metric::Errors => write!(f, "canary fails {} requests", self.canary)?,
            Metric::SlowRequests { objective_ms } => {
                write!(f, "canary takes over {objective_ms} ms for {} requests", self.canary)?;
            }
        }
        match self.standard {
            Standard::Baseline { seen, earlier_requests, .. } => {
                write!(f, " against {seen}")?;
                if earlier_requests > 0 {
                    write!(f, " ({} of them in earlier steps)", Count(earlier_requests))?;
                }
                Ok(())
            }
            Standard::MaxErrorRate { allowed } => {
                write!(f, " against a limit of {} %", Percent(allowed.get()))
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.comparison(f)?;
        f.write_str("; the chance of this from ")?;
        match self.standard {
            Standard::Baseline { margin: Ratio::ONE, .. } => f.write_str("an equal version")?,
            Standard::Baseline { margin, .. } => write!(f, "a version {margin} times as bad")?,
            Standard::MaxErrorRate { .. } => f.write_str("a version within it")?,
        }
        write!(f, " is {}", Chance(self.p_value.get()))
    }
}

/// Events among requests, with the 95 % confidence bounds of their rate (Wilson's score interval, 1927). The bounds
/// are there to be read; no verdict depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Errors or slow requests.
    pub events: u64,
    /// Requests.
    pub requests: u64,
    /// Events by requests.
    pub rate: Probability,
    /// The lower bound.
    pub low: Probability,
    /// The upper bound.
    pub high: Probability,
}

impl Rate {
    /// The rate of `events` among `requests`; without requests it is 0, and may be anything.
    pub fn of(events: u64, requests: u64) -> Self {
        /// The 97.5 % point of the normal law.
        const Z: f64 = 1.959_963_984_540_054;
        if requests == 0 {
            return Self {
                events,
                requests,
                rate: Probability::ZERO,
                low: Probability::ZERO,
                high: Probability::ONE,
            };
        }
        let n = float(requests);
        let rate = float(events) / n;
        let centre = rate + Z * Z / (2.0 * n);
        let half = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Self {
            events,
            requests,
            rate: Probability::rounded(rate),
            low: if events == 0 { Probability::ZERO } else { Probability::rounded((centre - half) / scale) },
            high: if events == requests {
                Probability::ONE
            } else {
                Probability::rounded((centre + half) / scale)
            },
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rate, low, high] = [self.rate, self.low, self.high].map(|share| Percent(share.get()));
        write!(f, "{rate} % ({low}..{high}) of {}", Count(self.requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_wilsons() {
        // scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
        for (events, requests, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889_26),
            (1, 10, 0.017_876_213_095_072_896, 0.404_150_026_795_238_5),
            (38, 1_840, 0.015_083_085_920_555_777, 0.028_218_608_180_497_835),
            (10, 10, 0.722_467_200_137_110_9, 1.0),
        ] {
            let rate = Rate::of(events, requests);
            assert!((rate.low.get() - low).abs() < 1e-9, "{rate:?}");
            assert!((rate.high.get() - high).abs() < 1e-9, "{rate:?}");
        }
        assert_eq!(Rate::of(0, 0).high, Probability::ONE);
    }

    #[test]
    fn findings_read_as_one_sentence() {
        let baseline =
            Standard::Baseline { seen: Rate::of(66, 16_560), earlier_requests: 0, margin: Ratio::ONE };
        let finding = Finding {
            metric: Metric::Errors,
            canary: Rate::of(38, 1_840),
            standard: baseline,
            p_value: Probability::new(1.0 / 4_010.0).unwrap(),
            threshold: Probability::new(0.000_7).unwrap(),
        };
        assert_eq!(
            finding.to_string(),
            "canary fails 2.1 % (1.5..2.8) of 1,840 requests against 0.4 % (0.31..0.51) of 16,560; the chance of this \
             from an equal version is 1 in 4,000"
        );
        let slow = Finding {
            metric: Metric::SlowRequests { objective_ms: 300 },
            standard: Standard::Baseline {
                seen: Rate::of(66, 16_560),
                earlier_requests: 16_560,
                margin: Ratio::new(1.2).unwrap(),
            },
            p_value: Probability::new(0.3).unwrap(),
            ..finding
        };
        assert_eq!(
            Verdict::Pass(slow).to_string(),
            "nothing speaks against it: canary takes over 300 ms for 2.1 % (1.5..2.8) of 1,840 requests against 0.4 % \
             (0.31..0.51) of 16,560 (16,560 of them in earlier steps)"
        );
        assert!(slow.to_string().ends_with("; the chance of this from a version 1.2 times as bad is 30 %"));
        let limit = Standard::MaxErrorRate { allowed: Probability::HUNDREDTH };
        assert_eq!(
            Finding { standard: limit, ..finding }.to_string(),
            "canary fails 2.1 % (1.5..2.8) of 1,840 requests against a limit of 1 %; the chance of this from a version \
             within it is 1 in 4,000"
        );
    }
}
