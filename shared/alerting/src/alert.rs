use std::fmt;

use jiff::Timestamp;
use rollout::ServiceName;
use serde::{Deserialize, Serialize};

use crate::condition::{Picture, Seen};
use crate::names::{GroupId, RuleName};
use crate::policy::Label;
use crate::severity::Severity;
use crate::signal::Subject;

/// Which alert: a rule, and what it found wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertKey {
    /// The rule.
    pub rule: RuleName,
    /// What it is about; `None` for a rule that counts over environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// An alert's key in 16 hexadecimal digits: what a channel was told is remembered by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(String);

impl AlertKey {
    /// Its id.
    pub fn id(&self) -> AlertId {
        let labels = [Label::Rule, Label::Environment, Label::Service];
        let labels = labels.map(|label| (label.as_str(), self.value(label).unwrap_or_default()));
        AlertId(GroupId::of(labels).as_str().chars().take(16).collect())
    }

    /// What it has of a label, except for the severity.
    fn value(&self, label: Label) -> Option<&str> {
        let subject = self.subject.as_ref();
        match label {
            Label::Rule => Some(self.rule.as_str()),
            Label::Environment => subject.map(|subject| subject.environment.as_str()),
            Label::Service => subject.and_then(|subject| subject.service.as_ref()).map(ServiceName::as_str),
            Label::Severity => None,
        }
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{} of {subject}", self.rule),
            None => self.rule.fmt(f),
        }
    }
}

/// An alert: a rule that holds, or held, of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Which.
    pub key: AlertKey,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it fires.
    pub state: AlertState,
    /// When this state was decided. Of two states of an alert the one that was decided later counts, in whatever order
    /// they are heard of.
    pub decided: Timestamp,
    /// What of the condition holds, with what was seen.
    pub because: String,
    /// Whether it came and went so often that its end is told late.
    pub flapping: bool,
    /// Where a person can look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Whether an alert fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", deny_unknown_fields)]
pub enum AlertState {
    /// It does.
    Firing {
        /// Since when.
        since: Timestamp,
    },
    /// It did.
    Ended {
        /// Since when.
        since: Timestamp,
        /// Until when.
        at: Timestamp,
    },
}

impl Alert {
    /// Whether it fires.
    pub const fn is_firing(&self) -> bool {
        matches!(self.state, AlertState::Firing { .. })
    }

    /// When it began.
    pub const fn since(&self) -> Timestamp {
        match self.state {
            AlertState::Firing { since } | AlertState::Ended { since, .. } => since,
        }
    }

    /// When it ended, if it did.
    pub const fn ended(&self) -> Option<Timestamp> {
        match self.state {
            AlertState::Firing { .. } => None,
            AlertState::Ended { at, .. } => Some(at),
        }
    }

    /// What it has of a label; `None` where it has none.
    pub fn label(&self, label: Label) -> Option<&str> {
        match label {
            Label::Severity => Some(self.severity.as_str()),
            label => self.key.value(label),
        }
    }
}

/// An alert as silences, mutes and inhibitions see it: by its labels.
impl Picture for Alert {
    fn see(&self, field: &str) -> Seen<'_> {
        let label = [Label::Environment, Label::Service, Label::Rule, Label::Severity]
            .into_iter()
            .find(|label| label.as_str() == field);
        match label.and_then(|label| self.label(label)) {
            Some(value) => Seen::Text(value.into()),
            // What it does not have is known.
            None => Seen::Texts(Vec::new()),
        }
    }
}
