//! The rules by which other deployment tools judge a canary, as they document and implement them.
//!
//! They are here so that a team can keep its rule when it moves, and compare it with this crate's own judge on the same
//! minutes. Each rule is a configuration and a pure function of the minutes of the rollout so far.
//!
//! | rule | whose |
//! |---|---|
//! | [`Alarm`] | CodeDeploy and ECS, which roll back when a CloudWatch alarm goes off |
//! | [`ArgoAnalysis`] | Argo Rollouts: `failureLimit`, `consecutiveErrorLimit` |
//! | [`FlaggerChecks`] | Flagger: `threshold` failed checks of the success rate |
//! | [`Kayenta`] | Spinnaker: `NetflixACAJudge`, a Mann-Whitney test of the minutes' error rates |

mod alarm;
mod argo;
mod flagger;
mod kayenta;

use std::fmt;

pub use alarm::{Alarm, AlarmError, AlarmMetric, Comparison, TreatMissingData};
pub use argo::{ArgoAnalysis, NoTraffic};
pub use flagger::FlaggerChecks;
pub use kayenta::{Direction, Kayenta, Lookback, NanStrategy, Scores, ScoresError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one arm served in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
}

impl Served {
    /// The share of errors, 0 to 1; none without requests. More errors than requests count as all.
    fn error_rate(self) -> Option<f64> {
        let rate = crate::number::float(self.errors) / crate::number::float(self.requests);
        (self.requests > 0).then(|| rate.min(1.0))
    }
}

impl std::iter::Sum for Served {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            requests: sum.requests.saturating_add(one.requests),
            errors: sum.errors.saturating_add(one.errors),
        })
    }
}

/// One closed minute of a rollout. A minute in which an arm served nothing has no requests; none is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerMinute {
    /// The step that was in force, the first is 0.
    pub step: u32,
    /// What the canary served.
    pub canary: Served,
    /// What the baseline served.
    pub baseline: Served,
}

/// What a peer's rule says about the minutes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing against going on.
    KeepGoing,
    /// The rule cannot tell, and its tool stops for a person.
    Pause(Failure),
    /// The tool rolls back.
    Fail(Failure),
}

/// Why a peer's rule does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The minute that decided, the first is 0.
    pub minute: usize,
    /// A sentence for a person.
    pub sentence: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// One of the peers' rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A CloudWatch alarm.
    Alarm(Alarm),
    /// Argo Rollouts' analysis.
    Argo(ArgoAnalysis),
    /// Flagger's checks.
    Flagger(FlaggerChecks),
    /// Kayenta's judge.
    Kayenta(Kayenta),
}

/// The tools whose rules these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// A CloudWatch alarm.
    Alarm,
    /// Argo Rollouts.
    Argo,
    /// Flagger.
    Flagger,
    /// Kayenta.
    Kayenta,
}

impl Tool {
    /// What is said of a rule that lets the canary go on.
    pub(crate) const fn content(self) -> &'static str {
        match self {
            Self::Alarm => "alarm: it has not gone off",
            Self::Argo => "analysis: no limit was exceeded",
            Self::Flagger => "checks: fewer than the threshold failed, and the last one did not",
            Self::Kayenta => "analysis: the canary's score is not below the marginal one",
        }
    }
}

impl Peer {
    /// Whose rule it is.
    pub const fn tool(&self) -> Tool {
        match self {
            Self::Alarm(_) => Tool::Alarm,
            Self::Argo(_) => Tool::Argo,
            Self::Flagger(_) => Tool::Flagger,
            Self::Kayenta(_) => Tool::Kayenta,
        }
    }

    /// What the rule says at the end of the last of `minutes`, which are those of the rollout from its start.
    pub fn judge(&self, minutes: &[PeerMinute]) -> Outcome {
        match self {
            Self::Alarm(rule) => rule.judge(minutes),
            Self::Argo(rule) => rule.judge(minutes),
            Self::Flagger(rule) => rule.judge(minutes),
            Self::Kayenta(rule) => rule.judge(minutes),
        }
    }
}

/// A rate in percent, for sentences.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0 >= 0.001 || self.0 == 0.0 { 1 } else { 3 };
        write!(f, "{:.digits$} %", self.0 * 100.0)
    }
}

/// Each run of `interval` minutes that is complete: the last minute's index, and what the canary served in the last
/// `lookback` minutes.
fn measurements(
    minutes: &[PeerMinute],
    interval: usize,
    lookback: usize,
) -> impl Iterator<Item = (usize, Served)> + '_ {
    (interval.max(1)..=minutes.len()).step_by(interval.max(1)).map(move |end| {
        let from = end.saturating_sub(lookback.max(1));
        let served = minutes.iter().take(end).skip(from).map(|minute| minute.canary).sum();
        (end - 1, served)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes of one step in which the canary served these requests and errors.
    pub(super) fn canary(minutes: &[(u64, u64)]) -> Vec<PeerMinute> {
        minutes
            .iter()
            .map(|(requests, errors)| PeerMinute {
                canary: Served { requests: *requests, errors: *errors },
                ..PeerMinute::default()
            })
            .collect()
    }

    #[test]
    fn a_rule_is_named_by_its_tool() {
        let peer: Peer = serde_json::from_str(r#"{"flagger": {"threshold": 5}}"#).unwrap();
        let Peer::Flagger(rule) = &peer else { panic!("{peer:?}") };
        assert_eq!(rule.threshold.get(), 5);
        assert_eq!(peer.judge(&canary(&[(100, 50); 4])), Outcome::KeepGoing);
        assert!(matches!(peer.judge(&canary(&[(100, 50); 5])), Outcome::Fail(Failure { minute: 4, .. })));
        assert!(serde_json::from_str::<Peer>(r#"{"argo": {"failure_limits": 3}}"#).is_err());
        for name in ["alarm", "argo", "flagger", "kayenta"] {
            let peer: Peer = serde_json::from_str(&format!(r#"{{"{name}": {{}}}}"#)).unwrap();
            let text = serde_json::to_string(&peer).unwrap();
            assert_eq!(serde_json::from_str::<Peer>(&text).unwrap(), peer, "{text}");
        }
    }

    #[test]
    fn nothing_is_said_about_nothing() {
        for name in ["alarm", "argo", "flagger", "kayenta"] {
            let peer: Peer = serde_json::from_str(&format!(r#"{{"{name}": {{}}}}"#)).unwrap();
            assert_eq!(peer.judge(&[]), Outcome::KeepGoing, "{name}");
        }
    }
}
