//! What is heard: an alarm that changed, a status, a rollout that got on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rollout::{EnvironmentName, Epoch, RolloutId, ServiceName, Version, Weight};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::RuleName;
use crate::severity::{Deployment, Health};

/// What a signal is about: a service of an environment, or the environment as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service; without one it is the environment as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
}

impl Subject {
    /// An environment as a whole.
    pub const fn environment(environment: EnvironmentName) -> Self {
        Self { environment, service: None }
    }

    /// A service of an environment.
    pub const fn service(environment: EnvironmentName, service: ServiceName) -> Self {
        Self { environment, service: Some(service) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}/{service}", self.environment),
            None => self.environment.fmt(f),
        }
    }
}

/// A text that names no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names nothing that alerts are about: write an environment, or environment/service")]
pub struct InvalidSubject(String);

/// As it is displayed: `production`, or `production/checkout`.
impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let read = || {
            Some(match text.split_once('/') {
                None => Self::environment(text.parse().ok()?),
                Some((environment, service)) => {
                    Self::service(environment.parse().ok()?, service.parse().ok()?)
                }
            })
        };
        read().ok_or_else(|| InvalidSubject(text.to_owned()))
    }
}

/// Something that was heard of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What it is about.
    pub subject: Subject,
    /// When it happened where it happened. Of two signals about the same thing the later one counts, in whatever order
    /// they come.
    pub at: Timestamp,
    /// What.
    pub news: News,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// An alarm changed its state.
    Alarm(AlarmNews),
    /// Somebody looked at the subject.
    Status(StatusNews),
    /// A rollout got on.
    Deployment(DeploymentNews),
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// In ALARM.
    Alarm,
    /// OK.
    Ok,
    /// There is not enough data to tell.
    InsufficientData,
}

/// An alarm that changed its state.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmNews {
    /// Its name: one alarm of a subject is told from another by it.
    pub name: String,
    /// What it is now.
    pub state: AlarmState,
    /// Why, in the words of who watches.
    pub reason: String,
    /// The namespace of its metric; a composite alarm has none.
    pub namespace: Option<String>,
    /// Its metric.
    pub metric: Option<String>,
    /// The values that it tells of fields, in their units ([`Field`](crate::Field)).
    pub measures: BTreeMap<String, f64>,
    /// The rule that it was made for by `ace alerts apply`: while it is in ALARM, the rule's condition holds of the
    /// subject, whatever else is known.
    pub rule: Option<RuleName>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// What somebody found who looked at the subject.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusNews {
    /// How it is.
    pub status: Health,
    /// Why.
    pub reason: String,
    /// What was measured, in the units of the fields ([`Field`](crate::Field)). What is not among them is not known any more.
    pub measures: BTreeMap<String, f64>,
}

/// A rollout that got on.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentNews {
    /// How it goes.
    pub state: Deployment,
    /// The rollout.
    pub rollout: RolloutId,
    /// Its epoch: of two signals of the same instant the one of the higher epoch is the later.
    pub epoch: Epoch,
    /// The version that is rolled out.
    pub version: Version,
    /// What a person wants to know about it.
    pub detail: String,
    /// The share of the requests that the new version was to have.
    pub weight: Weight,
    /// When the rollout began.
    pub started: Timestamp,
}
