use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::float;
use crate::peers::Tool;
use crate::words::{Chance, Count, Percent};
use crate::{Effect, Key, Probability, Ratio};

/// The judge's answer on one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Enough was seen and nothing speaks against the canary. The finding is the one that came nearest to failing.
    Pass(Basis),
    /// Enough was seen, and it looks bad without being surely so: better seen a little longer than with more traffic.
    Suspect(Box<Finding>),
    /// The canary is worse than the policy allows. The finding is the one that is furthest over its threshold.
    Fail(Basis),
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
            Self::Suspect(_) => "suspect",
            Self::Fail(_) => "fail",
            Self::Inconclusive { .. } => "inconclusive",
            Self::NoData { .. } => "no_data",
        }
    }

    /// The verdict on a source that cannot be read.
    pub const fn blind(reason: String) -> Self {
        Self::NoData { kind: NoData::SourceDown { reason } }
    }

    /// Whether the canary is surely within the margin, so that the bake need not be waited for.
    pub fn is_sure(&self) -> bool {
        matches!(self, Self::Pass(Basis::Test(finding)) if finding.sure)
    }

    /// Whether protection is lost: a source of evidence cannot be seen.
    pub const fn is_blind(&self) -> bool {
        matches!(self, Self::NoData { kind: NoData::SourceDown { .. } })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(basis) => {
                f.write_str("nothing speaks against it: ")?;
                match basis {
                    Basis::Test(finding) => finding.comparison(f),
                    Basis::Rule(ruling) => ruling.fmt(f),
                }
            }
            Self::Suspect(finding) => {
                f.write_str("suspect: ")?;
                finding.fmt(f)
            }
            Self::Fail(Basis::Test(finding)) => finding.fmt(f),
            Self::Fail(Basis::Rule(ruling)) => ruling.fmt(f),
            Self::Inconclusive { reason } => reason.fmt(f),
            Self::NoData { kind } => kind.fmt(f),
        }
    }
}

/// What a pass or a failure rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A test of this judge.
    Test(Box<Finding>),
    /// Another tool's rule, which the policy has in place of this judge's tests.
    Rule(Ruling),
}

impl From<Finding> for Basis {
    fn from(finding: Finding) -> Self {
        Self::Test(Box::new(finding))
    }
}

/// What another tool's rule said. Such rules have no statistic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ruling {
    /// Whose rule it is.
    pub tool: Tool,
    /// What it said, for a person.
    pub sentence: String,
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
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
    /// Another tool's rule stops for a person, or keeps the weight.
    Halted(Ruling),
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
            Self::Halted(ruling) => ruling.fmt(f),
        }
    }
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests that failed.
    Errors,
    /// Requests slower than the objective.
    SlowRequests {
        /// The policy's latency objective in milliseconds.
        objective_ms: u32,
    },
    /// One of the policy's further metrics.
    Further {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors => f.write_str("errors"),
            Self::SlowRequests { objective_ms } => write!(f, "requests over {objective_ms} ms"),
            Self::Further { name } => f.write_str(name),
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
        /// What the old version had before the rollout, where that is known.
        usual: Option<Rate>,
        /// The policy's margin.
        margin: Ratio,
        /// Which of the two has spoken.
        key: Key,
    },
    /// The policy's greatest error rate.
    MaxErrorRate {
        /// The limit.
        allowed: Probability,
    },
}

/// One test of the canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was counted.
    pub metric: Metric,
    /// What the canary had, in the minutes that could be used.
    pub canary: Rate,
    /// What it was held against.
    pub standard: Standard,
    /// How many times as bad the canary is; nothing where there were no events to tell.
    pub effect: Option<Effect>,
    /// The statistic: at most this is the chance that a canary within the standard would have looked so bad by now, at
    /// this minute or an earlier one. At least 1e-100.
    pub p_value: Probability,
    /// The canary fails when the statistic is at or under this.
    pub threshold: Probability,
    /// Whether the canary is surely better than the margin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sure: bool,
}

impl Finding {
    /// The name of the test as it is stored and counted.
    pub const fn name(&self) -> &'static str {
        match (&self.metric, self.standard) {
            (_, Standard::MaxErrorRate { .. }) => "max_error_rate",
            (Metric::Errors, Standard::Baseline { .. }) => "errors",
            (Metric::SlowRequests { .. }, Standard::Baseline { .. }) => "slow_requests",
            (Metric::Further { .. }, Standard::Baseline { .. }) => "further",
        }
    }
}

impl Finding {
    /// What was compared with what.
    fn comparison(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.metric {
            Metric::Errors => write!(f, "canary fails {} requests", self.canary)?,
            Metric::SlowRequests { objective_ms } => {
                write!(f, "canary takes over {objective_ms} ms for {} requests", self.canary)?;
            }
            Metric::Further { name } => write!(f, "canary has bad {name} in {}", self.canary)?,
        }
        match self.standard {
            Standard::Baseline { seen, usual: Some(usual), .. } if seen.requests == 0 => {
                write!(f, " against {usual} before")
            }
            Standard::Baseline { seen, usual: Some(usual), key: Key::Historical, .. } => {
                write!(f, " against {seen} and {usual} before")
            }
            Standard::Baseline { seen, .. } => write!(f, " against {seen}"),
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
        write!(f, " is below {}", Chance(self.p_value.get()))
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
        let seen = Rate::of(66, 16_560);
        let baseline = Standard::Baseline { seen, usual: None, margin: Ratio::ONE, key: Key::Concurrent };
        let finding = Finding {
            metric: Metric::Errors,
            canary: Rate::of(38, 1_840),
            standard: baseline,
            effect: None,
            p_value: Probability::new(1.0 / 4_010.0).unwrap(),
            threshold: Probability::new(0.000_7).unwrap(),
            sure: false,
        };
        assert_eq!(
            finding.to_string(),
            "canary fails 2.1 % (1.5..2.8) of 1,840 requests against 0.4 % (0.31..0.51) of 16,560; the chance of this \
             from an equal version is below 1 in 4,000"
        );
        let usual = Some(Rate::of(1_000, 250_000));
        let slow = Finding {
            metric: Metric::SlowRequests { objective_ms: 300 },
            standard: Standard::Baseline {
                seen,
                usual,
                margin: Ratio::new(1.2).unwrap(),
                key: Key::Historical,
            },
            p_value: Probability::new(0.3).unwrap(),
            ..finding.clone()
        };
        assert_eq!(
            Verdict::Pass(slow.clone().into()).to_string(),
            "nothing speaks against it: canary takes over 300 ms for 2.1 % (1.5..2.8) of 1,840 requests against 0.4 % \
             (0.31..0.51) of 16,560 and 0.4 % (0.38..0.43) of 250,000 before"
        );
        assert!(
            slow.to_string().ends_with("; the chance of this from a version 1.2 times as bad is below 30 %")
        );
        let before =
            Standard::Baseline { seen: Rate::of(0, 0), usual, margin: Ratio::ONE, key: Key::Historical };
        assert!(
            Finding { standard: before, ..finding.clone() }
                .to_string()
                .contains("of 1,840 requests against 0.4 % (0.38..0.43) of 250,000 before; the chance")
        );
        let limit = Standard::MaxErrorRate { allowed: Probability::HUNDREDTH };
        assert_eq!(
            Finding { standard: limit, ..finding }.to_string(),
            "canary fails 2.1 % (1.5..2.8) of 1,840 requests against a limit of 1 %; the chance of this from a version \
             within it is below 1 in 4,000"
        );
    }
}
