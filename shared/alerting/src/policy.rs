//! What a team wants to be told, of what, and how: the configuration, checked.

use std::collections::{BTreeMap, BTreeSet};

use rollout::{EnvironmentName, Seconds};
use schedule::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::{Condition, Field};
use crate::metric::MetricSource;
use crate::names::{ChannelName, RuleName};
use crate::severity::Severity;

/// Everything that decides who is told of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The environments whose signals count.
    pub environments: Vec<EnvironmentName>,
    /// What to look for, in the order of the configuration.
    pub rules: Vec<Rule>,
    /// How alerts come together.
    pub grouping: Grouping,
    /// Which alerts are not told of while others fire.
    pub inhibitions: Vec<Inhibition>,
    /// When some are not told of at all.
    pub mutes: Vec<Mute>,
    /// When an alert comes and goes too often.
    pub flapping: Flapping,
    /// How much of an alarm is left to a rollout.
    pub rollouts: RolloutRules,
    /// The channels, as far as deciding has to know them.
    pub channels: BTreeMap<ChannelName, ChannelTraits>,
    /// The channel that stands in for one that cannot be told and has none of its own.
    pub fallback: Option<ChannelName>,
    /// The channel of the stack itself, which is asked when every other one has failed.
    pub last_resort: Option<ChannelName>,
    /// Fields beside those that are built in.
    pub metrics: Vec<Field>,
    /// Where CloudWatch has fields, by their names.
    pub sources: BTreeMap<String, MetricSource>,
}

impl Policy {
    /// The rule of this name.
    pub fn rule(&self, name: &RuleName) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == *name)
    }

    /// How long the first message about an alert of this severity, and of this rule if there is one, waits for further
    /// alerts of its group.
    pub fn wait(&self, severity: Severity, rule: Option<&Rule>) -> Seconds {
        let usual = match severity {
            Severity::Critical => Seconds(0),
            _ => self.grouping.wait,
        };
        rule.and_then(|rule| rule.wait).unwrap_or(usual)
    }

    /// Who stands in for a channel that cannot be told: the first of its fallbacks, and theirs, then of the fallback of
    /// all, then of the last resort, that is not failing itself.
    pub(crate) fn stand_in(
        &self,
        channel: &ChannelName,
        failing: &BTreeSet<ChannelName>,
    ) -> Option<ChannelName> {
        let mut tried = BTreeSet::from([channel]);
        let own = |of: &ChannelName| self.channels.get(of).and_then(|traits| traits.fallback.as_ref());
        for start in [own(channel), self.fallback.as_ref(), self.last_resort.as_ref()] {
            let mut next = start;
            while let Some(candidate) = next.filter(|candidate| tried.insert(candidate)) {
                if !failing.contains(candidate) {
                    return Some(candidate.clone());
                }
                next = own(candidate);
            }
        }
        None
    }

    /// For what is not told to anybody, so that it may come and go.
    pub(crate) const fn never_flapping(&self) -> Flapping {
        Flapping { changes: u32::MAX, ..self.flapping }
    }
}

/// Something to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What people are told.
    pub name: RuleName,
    /// What has to hold, and for how long.
    pub condition: Condition,
    /// How much it matters.
    pub severity: Severity,
    /// Who is told.
    pub channels: Vec<ChannelName>,
    /// How long its first message waits for further alerts of its group; as the severity has it, if it is not said.
    pub wait: Option<Seconds>,
    /// How often people are reminded, where it is not as [`Grouping::repeat`] has it.
    pub repeat: Option<Seconds>,
    /// Who is told if nobody acknowledges it.
    pub escalations: Vec<Escalation>,
    /// Whether its end is told.
    pub tells_end: bool,
    /// What to do about it.
    pub runbook: Option<String>,
    /// A title of its own, a template.
    pub title: Option<String>,
    /// An alert of this rule is an event more than a state: it ends by itself, so long after it was last heard of.
    pub ends_after: Option<Seconds>,
}

/// Who is told if nobody acknowledges an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// How long after the first message.
    pub after: Seconds,
    /// Who.
    pub channels: Vec<ChannelName>,
}

/// How alerts come together, as in Prometheus's Alertmanager (`group_by`, `group_wait`, `group_interval`,
/// `repeat_interval`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// What the alerts of a group have in common.
    pub by: Vec<Label>,
    /// How long the first message of a group waits for further alerts; not that of a critical one.
    pub wait: Seconds,
    /// The least time between two messages about what has joined or ended.
    pub interval: Seconds,
    /// How often people are reminded of what goes on.
    pub repeat: Seconds,
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            by: vec![Label::Environment, Label::Service],
            wait: Seconds(30),
            interval: Seconds(5 * 60),
            repeat: Seconds(4 * 3600),
        }
    }
}

/// What an alert can be grouped and matched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The environment; of a rule that counts over environments there is none.
    Environment,
    /// The service; of an environment as a whole there is none.
    Service,
    /// The rule.
    Rule,
    /// The severity.
    Severity,
}

impl Label {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Service => "service",
            Self::Rule => "rule",
            Self::Severity => "severity",
        }
    }
}

/// While a source fires, its targets are not told of: a production that is down silences its symptoms.
#[derive(Clone, Debug, PartialEq)]
pub struct Inhibition {
    /// The alerts that silence others, over the fields of [`Vocabulary::labels`](crate::Vocabulary::labels).
    pub source: Condition,
    /// The alerts that are silenced. An alert that is a source as well is none of its own targets.
    pub target: Condition,
    /// What both have in common.
    pub equal: Vec<Label>,
}

/// A time in which some alerts are not told of.
#[derive(Clone, Debug, PartialEq)]
pub struct Mute {
    /// When.
    pub window: Window,
    /// Which alerts, over the fields of [`Vocabulary::labels`](crate::Vocabulary::labels); all of them without it.
    pub alerts: Option<Condition>,
}

/// When an alert comes and goes too often: its end is told only after it has stayed away for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flapping {
    /// So many beginnings
    pub changes: u32,
    /// within so long
    pub within: Seconds,
    /// make it stay until it was away for so long.
    pub stable: Seconds,
}

impl Default for Flapping {
    fn default() -> Self {
        Self { changes: 4, within: Seconds(30 * 60), stable: Seconds(10 * 60) }
    }
}

/// How much of an alert is left to the rollout of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutRules {
    /// An alert that begins during a rollout does not page for so long: the rollout may answer it.
    pub grace: Seconds,
    /// After a rollback, an alert that it should have ended pages once so long has passed.
    pub after_rollback: Seconds,
    /// A rollback that takes longer than this answers nothing any more.
    pub at_most: Seconds,
}

impl Default for RolloutRules {
    fn default() -> Self {
        Self { grace: Seconds(90), after_rollback: Seconds(5 * 60), at_most: Seconds(15 * 60) }
    }
}

/// A channel, as far as deciding has to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelTraits {
    /// Whether a message there gets somebody out of bed: it is not sent for what a rollout answers.
    pub pages: bool,
    /// Who stands in for it.
    pub fallback: Option<ChannelName>,
}
