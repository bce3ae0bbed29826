//! The body of a webhook: JSON of a schema of our own.
//!
//! The schema is `shared/alert-message/webhook.schema.json`. Within a [`VERSION`] fields and words are only added: a
//! receiver passes over those that it does not know. How a request is signed is in [`signature`](crate::signature).

use std::collections::BTreeMap;

use alerting::{AlertView, Notice, NoticeKind, Reason, RolloutView, Severity};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use crate::message::{Line, Message, alerts, why};
use crate::plain::short;
use crate::template::Wording;

/// The version of the schema.
pub const VERSION: u32 = 1;
/// The longest text of others, in characters.
const LONGEST: usize = 1_000;

/// The body of a webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ACE-Flow webhook, version 1")]
pub struct Body {
    /// The version of this schema: 1. Within it fields and words are only added.
    pub version: u32,
    /// The notice: the same for every attempt at the same message, and for no other one. Also in the header
    /// Idempotency-Key.
    pub id: String,
    /// The group of alerts: the same for all messages about it.
    pub group: String,
    /// What it is: firing, folded (a rollout answers it, nobody has to act), acknowledged, resolved.
    pub kind: Kind,
    /// Why it is sent now.
    pub reason: Why,
    /// The greatest severity of what fires; of what is resolved, the greatest that it had.
    pub severity: Severity,
    /// One line that says it, of at most 120 characters.
    pub title: String,
    /// The facts in words, a line each.
    pub text: Vec<String>,
    /// What the alerts have in common, by label.
    pub labels: BTreeMap<String, String>,
    /// The alerts, those that fire first; at most 20.
    pub alerts: Vec<Alert>,
    /// How many alerts it is about: those that fire, and once nothing does, all.
    pub alert_count: usize,
    /// How many alerts are not in the list.
    pub more: usize,
    /// The rollout that the service had.
    pub rollout: Option<Rollout>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// The channels that could not be told and for which this one stands in.
    pub instead_of: Vec<InsteadOf>,
    /// Where a person can look further.
    pub links: Vec<Link>,
    /// When the first alert began.
    pub since: Timestamp,
    /// When this was decided.
    pub at: Timestamp,
}

/// What a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something fires.
    Firing,
    /// Something fires, and a rollout answers it: nobody has to act.
    Folded,
    /// A person has taken it.
    Acknowledged,
    /// Nothing fires any more.
    Resolved,
}

/// Why a notice is sent now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// In a word.
    pub because: Because,
    /// In a sentence, where there is more to say.
    pub text: Option<String>,
    /// How many alerts joined or ended.
    pub alerts: Option<usize>,
    /// For how many seconds nobody has acknowledged it.
    pub seconds: Option<u32>,
    /// The rollout that answers it, or did not end it.
    pub rollout: Option<String>,
}

/// Why a notice is sent now, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The channel has not been told of the group.
    First,
    /// Alerts have joined.
    Joined,
    /// Some alerts have ended, and others go on.
    SomeEnded,
    /// It goes on.
    Reminder,
    /// Nobody has acknowledged it.
    NotAcknowledged,
    /// The rollout that was to answer it did not end it.
    RolloutDidNotHelp,
    /// A rollout answers it.
    RolloutAnswers,
    /// A person acknowledged it.
    Acknowledged,
    /// All of it has ended.
    AllEnded,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// The rule.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The environment; none where the rule counts over environments.
    pub environment: Option<String>,
    /// The service; none of an environment as a whole.
    pub service: Option<String>,
    /// Whether it fires.
    pub firing: bool,
    /// When it began.
    pub since: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What of its condition holds, with the values that were seen.
    pub because: String,
    /// Whether it comes and goes.
    pub flapping: bool,
    /// What to do about it: words, or an address.
    pub runbook: Option<String>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// A rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// The rollout.
    pub id: String,
    /// Its service.
    pub service: String,
    /// The version that it rolls out.
    pub version: String,
    /// Where it stands, in words.
    pub phase: String,
    /// Which step it is at, from 1.
    pub step: Option<u16>,
    /// How many steps there are.
    pub steps: Option<u16>,
    /// The share of the requests that the new version was to have, in percent.
    pub weight_percent: u8,
    /// What the judge said last, in words.
    pub verdict: Option<String>,
    /// Where a person can look at it.
    pub link: Option<String>,
}

/// A channel that could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InsteadOf {
    /// The channel.
    pub channel: String,
    /// Why it could not be told.
    pub why: String,
}

/// Where a person can look further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// What is there.
    pub name: String,
    /// The address.
    pub url: String,
}

/// The schema of the body.
pub fn schema() -> Schema {
    schema_for!(Body)
}

impl Body {
    /// What a notice says, as a webhook gets it.
    pub fn new(notice: &Notice, wording: Wording<'_>) -> Self {
        let message = Message::new(notice, wording);
        let (kind, acknowledged_by) = match &notice.kind {
            NoticeKind::Firing => (Kind::Firing, None),
            NoticeKind::Folded => (Kind::Folded, None),
            NoticeKind::Acknowledged { by } => (Kind::Acknowledged, Some(text(by))),
            NoticeKind::Resolved => (Kind::Resolved, None),
        };
        let instead_of = notice.instead_of.iter();
        Self {
            version: VERSION,
            id: notice.id.clone(),
            group: notice.group.to_string(),
            kind,
            reason: reason(notice),
            severity: notice.severity,
            title: message.title,
            text: message.lines.iter().map(Line::to_string).collect(),
            labels: notice.labels.iter().map(|(label, value)| (label.clone(), text(value))).collect(),
            alerts: notice.alerts.iter().map(alert).collect(),
            alert_count: alerts(notice),
            more: notice.more,
            rollout: notice.rollout.as_ref().map(rollout),
            acknowledged_by,
            instead_of: instead_of
                .map(|(channel, why)| InsteadOf { channel: channel.to_string(), why: text(why) })
                .collect(),
            links: message.links.into_iter().map(|link| Link { name: link.name, url: link.url }).collect(),
            since: notice.since,
            at: notice.at,
        }
    }
}

fn text(of_others: &str) -> String {
    short(of_others, LONGEST)
}

fn reason(notice: &Notice) -> Why {
    let mut reason =
        Why { because: Because::First, text: why(notice), alerts: None, seconds: None, rollout: None };
    reason.because = match &notice.reason {
        Reason::First => Because::First,
        Reason::Joined { alerts } => {
            reason.alerts = Some(*alerts);
            Because::Joined
        }
        Reason::SomeEnded { alerts } => {
            reason.alerts = Some(*alerts);
            Because::SomeEnded
        }
        Reason::Reminder => Because::Reminder,
        Reason::NotAcknowledged { seconds } => {
            reason.seconds = Some(*seconds);
            Because::NotAcknowledged
        }
        Reason::RolloutDidNotHelp { rollout } => {
            reason.rollout = Some(rollout.to_string());
            Because::RolloutDidNotHelp
        }
        Reason::RolloutAnswers { rollout } => {
            reason.rollout = Some(rollout.to_string());
            Because::RolloutAnswers
        }
        Reason::Acknowledged => Because::Acknowledged,
        Reason::AllEnded => Because::AllEnded,
    };
    reason
}

fn alert(alert: &AlertView) -> Alert {
    let subject = alert.subject.as_ref();
    Alert {
        rule: alert.rule.to_string(),
        severity: alert.severity,
        environment: subject.map(|subject| subject.environment.to_string()),
        service: subject.and_then(|subject| subject.service.as_ref()).map(ToString::to_string),
        firing: alert.firing,
        since: alert.since,
        ended: alert.ended,
        because: text(&alert.because),
        flapping: alert.flapping,
        runbook: alert.runbook.as_deref().map(text),
        link: alert.link.as_deref().map(text),
    }
}

fn rollout(rollout: &RolloutView) -> Rollout {
    Rollout {
        id: rollout.id.to_string(),
        service: rollout.service.to_string(),
        version: rollout.version.to_string(),
        phase: text(&rollout.phase),
        step: rollout.step.map(|(step, _)| step),
        steps: rollout.step.map(|(_, steps)| steps),
        weight_percent: rollout.weight.percent(),
        verdict: rollout.verdict.as_deref().map(text),
        link: rollout.link.as_deref().map(text),
    }
}
