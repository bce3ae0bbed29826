//! What a channel is told.

use jiff::Timestamp;
use rollout::{RolloutId, ServiceName, Version, Weight};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{ChannelName, GroupId, RuleName};
use crate::severity::Severity;
use crate::signal::Subject;

/// One message to one channel about one group. It is stored before it is sent, so that whoever sends it again says the
/// same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The same for every attempt at the same message, and for no other one: group, channel and a number that counts up.
    pub id: String,
    /// The group: the same for all messages about it, for channels that keep one thing open for each.
    pub group: GroupId,
    /// What the group's alerts have in common, in the order of the configuration: label and value.
    pub labels: Vec<(String, String)>,
    /// What it is for the channel.
    pub kind: NoticeKind,
    /// Why it is sent now.
    pub reason: Reason,
    /// The greatest severity among its alerts that fire; of a resolved group, the greatest that it had.
    pub severity: Severity,
    /// Its alerts, those that fire first, then by severity and name; at most [`MAX_ALERTS`](Self::MAX_ALERTS).
    pub alerts: Vec<AlertView>,
    /// How many more there are.
    pub more: usize,
    /// The rollout that its service had when this was decided.
    pub rollout: Option<RolloutView>,
    /// Channels that could not be told and for which this one stands in, each with why.
    pub instead_of: Vec<(ChannelName, String)>,
    /// When the first of its alerts began.
    pub since: Timestamp,
    /// When this was decided.
    pub at: Timestamp,
}

impl Notice {
    /// The longest list of alerts in one message.
    pub const MAX_ALERTS: usize = 20;

    /// Whether nothing of the group fires any more.
    pub const fn is_resolved(&self) -> bool {
        matches!(self.kind, NoticeKind::Resolved)
    }
}

/// What a message is for a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum NoticeKind {
    /// Something fires.
    Firing,
    /// Something fires, and a rollout answers it already: nobody has to act. Channels that page do not get it.
    Folded,
    /// A person has taken it.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// Nothing fires any more.
    Resolved,
}

/// Why a message is sent now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "because", deny_unknown_fields)]
pub enum Reason {
    /// The channel has not been told of the group.
    First,
    /// Alerts have joined since it was told.
    Joined {
        /// How many.
        alerts: usize,
    },
    /// Some of its alerts have ended, and others go on.
    SomeEnded {
        /// How many.
        alerts: usize,
    },
    /// It goes on, and it is time to say so again.
    Reminder,
    /// Nobody has acknowledged it.
    NotAcknowledged {
        /// For how many seconds.
        seconds: u32,
    },
    /// The rollout that was to answer it did not end it.
    RolloutDidNotHelp {
        /// The rollout.
        rollout: RolloutId,
    },
    /// A rollout answers it.
    RolloutAnswers {
        /// The rollout.
        rollout: RolloutId,
    },
    /// A person acknowledged it.
    Acknowledged,
    /// All of it has ended.
    AllEnded,
}

/// An alert as a message shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertView {
    /// The rule.
    pub rule: RuleName,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about; `None` where the rule counts over environments.
    pub subject: Option<Subject>,
    /// Whether it fires.
    pub firing: bool,
    /// When it began.
    pub since: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What of the condition holds, with the values that were seen: `status is critical (HTTP 503)`.
    pub because: String,
    /// Whether it came and went so often that its end is told late.
    pub flapping: bool,
    /// What to do about it, as the rule has it.
    pub runbook: Option<String>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// A rollout as a message shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RolloutView {
    /// The rollout.
    pub id: RolloutId,
    /// Its service.
    pub service: ServiceName,
    /// The version that it rolls out.
    pub version: Version,
    /// Where it stands, in words.
    pub phase: String,
    /// Which step it is at, from 1, and how many there are.
    pub step: Option<(u16, u16)>,
    /// The share of the requests that the new version was to have.
    pub weight: Weight,
    /// What the judge said last, in words.
    pub verdict: Option<String>,
    /// Where a person can look at it.
    pub link: Option<String>,
}
