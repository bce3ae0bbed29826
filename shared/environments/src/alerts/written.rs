//! The block `alerts` as it is written.

use std::collections::BTreeMap;

use alerting::{ChannelName, Flapping, Grouping, Label, RolloutRules, RuleName, Severity};
use rollout::{EnvironmentName, Seconds};
use schedule::{Day, Moment, WrittenWindow, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric::WrittenMetric;
use crate::span::Span;

const fn span(Seconds(seconds): Seconds) -> Span {
    Span::of(seconds)
}

/// The block as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Alerts")]
pub(crate) struct WrittenAlerts {
    /// The environments whose signals are routed here, as their folders are called; without it, this one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environments: Option<Vec<EnvironmentName>>,
    /// The channel that stands in for those that cannot be told and have no `fallback` of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fallback: Option<ChannelName>,
    /// What the alerts of one message have in common.
    pub(super) group_by: Vec<Label>,
    /// How long the first message of a group waits for further alerts; not that of a critical one.
    pub(super) group_wait: Span,
    /// The least time between two messages about what has joined a group or ended in it.
    pub(super) group_interval: Span,
    /// How often people are reminded of what goes on.
    pub(super) repeat_interval: Span,
    /// What to look for, and who is told.
    pub(super) rules: Vec<WrittenRule>,
    /// Which alerts are not told of while others fire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) inhibitions: Vec<WrittenInhibition>,
    /// When some alerts are not told of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mute: Vec<WrittenMute>,
    /// When an alert comes and goes too often.
    pub(super) flapping: FlappingSettings,
    /// How much of an alert is left to the rollout of its service.
    pub(super) rollouts: RolloutSettings,
    /// Further fields of conditions, and where CloudWatch has them; of those that are built in, where it has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metrics: BTreeMap<String, WrittenMetric>,
}

impl Default for WrittenAlerts {
    fn default() -> Self {
        let Grouping { by, wait, interval, repeat } = Grouping::default();
        Self {
            environments: None,
            fallback: None,
            group_by: by,
            group_wait: span(wait),
            group_interval: span(interval),
            repeat_interval: span(repeat),
            rules: Vec::new(),
            inhibitions: Vec::new(),
            mute: Vec::new(),
            flapping: FlappingSettings::default(),
            rollouts: RolloutSettings::default(),
            metrics: BTreeMap::new(),
        }
    }
}

impl WrittenAlerts {
    /// Whether nothing is written that is not so anyway.
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Something to look for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "AlertRule")]
pub(super) struct WrittenRule {
    /// What people are told.
    pub(super) name: RuleName,
    /// What has to hold, and for how long.
    #[schemars(extend("examples" = [
        "environment:production AND status:unhealthy",
        "response_time > 2s AND affected_environments >= 2"
    ]))]
    pub(super) condition: String,
    /// How much it matters.
    pub(super) severity: Severity,
    /// Who is told; at least one.
    #[schemars(extend("minItems" = 1))]
    pub(super) channels: Vec<ChannelName>,
    /// How long its first message waits for further alerts of its group, in place of the block's `group_wait`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group_wait: Option<Span>,
    /// How often people are reminded, in place of the block's `repeat_interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) repeat_interval: Option<Span>,
    /// Who is told if nobody acknowledges it, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) escalate: Vec<WrittenEscalation>,
    /// Whether its end is told.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub(super) send_resolved: bool,
    /// Where people read what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) runbook: Option<String>,
    /// A title of its own, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Who is told if nobody acknowledges an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Escalation")]
pub(super) struct WrittenEscalation {
    /// How long after the first message.
    pub(super) after: Span,
    /// Who; at least one.
    #[schemars(extend("minItems" = 1))]
    pub(super) channels: Vec<ChannelName>,
}

/// While some alerts fire, others are not told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Inhibition")]
pub(super) struct WrittenInhibition {
    /// The alerts that silence others: a condition over environment, service, rule and severity.
    #[serde(rename = "while")]
    #[schemars(extend("examples" = ["rule:\"Production Down\""]))]
    pub(super) source: String,
    /// The alerts that are silenced: a condition over the same.
    #[schemars(extend("examples" = ["severity:(low, medium, high)"]))]
    pub(super) silence: String,
    /// What both have in common.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) equal: Vec<Label>,
}

/// A time in which some alerts are not told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Mute")]
pub(super) struct WrittenMute {
    /// What people are told that holds.
    name: String,
    /// The days on which it begins, every week; without them it is once, from a date to a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<Vec<Day>>,
    /// When it begins: a date and time, or with `days` a time of the day.
    from: Moment,
    /// When it ends; with `days` on the next day where it is not later than `from`.
    to: Moment,
    /// Whose clock is meant.
    zone: Zone,
    /// Which alerts: a condition over environment, service, rule and severity; without it, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["severity:low"]))]
    pub(super) alerts: Option<String>,
}

impl WrittenMute {
    /// When it holds.
    pub(super) fn window(&self) -> WrittenWindow {
        WrittenWindow::new(self.name.clone(), self.days.clone(), self.from, self.to, self.zone.clone())
    }
}

/// When an alert comes and goes too often: its end is told only after it has stayed away for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Flapping")]
pub(super) struct FlappingSettings {
    /// So many beginnings
    #[schemars(range(min = 2))]
    pub(super) changes: u32,
    /// within so long
    pub(super) within: Span,
    /// make it stay until it was away for so long.
    pub(super) stable: Span,
}

impl Default for FlappingSettings {
    fn default() -> Self {
        let Flapping { changes, within, stable } = Flapping::default();
        Self { changes, within: span(within), stable: span(stable) }
    }
}

impl FlappingSettings {
    /// The same, as it decides.
    pub(super) const fn rules(self) -> Flapping {
        Flapping { changes: self.changes, within: self.within.seconds(), stable: self.stable.seconds() }
    }
}

/// How much of an alert is left to the rollout of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "AlertsOfRollouts")]
pub(super) struct RolloutSettings {
    /// An alert that begins during a rollout does not page for so long: the rollout may answer it.
    pub(super) grace: Span,
    /// After a rollback, an alert that it should have ended pages once so long has passed.
    pub(super) after_rollback: Span,
    /// A rollback that takes longer than this answers nothing any more.
    pub(super) at_most: Span,
}

impl Default for RolloutSettings {
    fn default() -> Self {
        let RolloutRules { grace, after_rollback, at_most } = RolloutRules::default();
        Self { grace: span(grace), after_rollback: span(after_rollback), at_most: span(at_most) }
    }
}

impl RolloutSettings {
    /// The same, as it decides.
    pub(super) const fn rules(self) -> RolloutRules {
        RolloutRules {
            grace: self.grace.seconds(),
            after_rollback: self.after_rollback.seconds(),
            at_most: self.at_most.seconds(),
        }
    }
}
