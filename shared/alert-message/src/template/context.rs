use alerting::{AlertView, Notice, NoticeKind, Reason, RolloutView};
use minijinja::value::Value;
use rollout::ServiceName;

use crate::message::{Line, Message, alerts, mark, subject};
use crate::plain::{between, instant, short};

/// The longest text of others that a template gets, in characters.
const LONGEST: usize = 500;

/// Something that a template can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it has after a dot; of a list, each of its elements.
    pub fields: &'static [&'static str],
}

const fn variable(name: &'static str, about: &'static str) -> Variable {
    Variable { name, about, fields: &[] }
}

/// Everything that a template can name.
pub const VARIABLES: &[Variable] = &[
    variable("title", "the title that is built in"),
    variable("text", "the facts that are built in, a line each"),
    variable("mark", "CRITICAL, HIGH, … of what fires; RESOLVED, ACKNOWLEDGED, rollout answers"),
    variable("kind", "firing, folded, acknowledged or resolved"),
    variable(
        "reason",
        "why it is told now: first, joined, some_ended, reminder, not_acknowledged, rollout_did_not_help, rollout_answers, \
         acknowledged, all_ended",
    ),
    variable("severity", "the greatest: info, low, medium, high, critical"),
    variable("rule", "the first alert's rule"),
    variable("subject", "what the first alert is about: production/checkout"),
    variable("environment", "the environment, or nothing"),
    variable("service", "the service, or nothing"),
    variable("because", "why the first alert fires"),
    variable("count", "how many alerts it is about"),
    variable("more", "how many of them are not in alerts"),
    Variable {
        name: "labels",
        about: "what the alerts have in common: those labels that they are grouped by",
        fields: &["environment", "service", "rule", "severity"],
    },
    Variable {
        name: "alerts",
        about: "the alerts, those that fire first",
        fields: &[
            "rule",
            "severity",
            "subject",
            "environment",
            "service",
            "firing",
            "since",
            "ended",
            "because",
            "flapping",
            "runbook",
            "link",
        ],
    },
    Variable {
        name: "rollout",
        about: "the rollout of the service; none where there is none",
        fields: &["id", "service", "version", "phase", "step", "steps", "weight", "verdict", "link"],
    },
    variable("acknowledged_by", "who acknowledged it, or nothing"),
    variable(
        "unacknowledged_minutes",
        "for how many minutes nobody has, where that is why it is told; 0 otherwise",
    ),
    Variable {
        name: "instead_of",
        about: "the channels that could not be told and for which this one stands in",
        fields: &["channel", "why"],
    },
    variable("since", "when the first alert began"),
    variable("at", "when this was decided"),
    variable("lasting", "the time between both: 1 h 5 min"),
    variable("id", "the message's"),
    variable("group", "the group of alerts"),
];

/// What a template can name, of a notice.
pub(super) fn of(notice: &Notice, message: &Message) -> Value {
    let first = notice.alerts.first();
    let (acknowledged_by, kind) = match &notice.kind {
        NoticeKind::Firing => (None, "firing"),
        NoticeKind::Folded => (None, "folded"),
        NoticeKind::Acknowledged { by } => (Some(by.as_str()), "acknowledged"),
        NoticeKind::Resolved => (None, "resolved"),
    };
    let unacknowledged = match &notice.reason {
        Reason::NotAcknowledged { seconds } => seconds / 60,
        _ => 0,
    };
    let lines: Vec<String> = message.lines.iter().map(Line::to_string).collect();
    Value::from_pairs([
        ("title", Value::from(message.title.as_str())),
        ("text", Value::from(lines.join("\n"))),
        ("mark", Value::from(mark(notice))),
        ("kind", Value::from(kind)),
        ("reason", Value::from(reason(&notice.reason))),
        ("severity", Value::from(notice.severity.as_str())),
        ("rule", text(first.map(|alert| alert.rule.as_str()))),
        ("subject", Value::from(first.map(subject).unwrap_or_default())),
        ("environment", Value::from(place(notice).0)),
        ("service", Value::from(place(notice).1)),
        ("because", text(first.map(|alert| alert.because.as_str()))),
        ("count", Value::from(alerts(notice))),
        ("more", Value::from(notice.more)),
        ("labels", labels(notice)),
        ("alerts", notice.alerts.iter().map(alert).collect()),
        ("rollout", notice.rollout.as_ref().map_or_else(|| Value::from(()), rollout)),
        ("acknowledged_by", text(acknowledged_by)),
        ("unacknowledged_minutes", Value::from(unacknowledged)),
        ("instead_of", notice.instead_of.iter().map(instead_of).collect()),
        ("since", Value::from(instant(notice.since))),
        ("at", Value::from(instant(notice.at))),
        ("lasting", Value::from(between(notice.since, notice.at))),
        ("id", text(Some(&notice.id))),
        ("group", Value::from(notice.group.as_str())),
    ])
}

fn labels(notice: &Notice) -> Value {
    Value::from_pairs(notice.labels.iter().map(|(label, value)| (label.as_str(), text(Some(value)))))
}

fn text(text: Option<&str>) -> Value {
    Value::from(text.map(|text| short(text, LONGEST)).unwrap_or_default())
}

/// Environment and service, as the first alert or else the labels have them.
fn place(notice: &Notice) -> (String, String) {
    if let Some(subject) = notice.alerts.first().and_then(|alert| alert.subject.as_ref()) {
        let service = subject.service.as_ref().map(ToString::to_string).unwrap_or_default();
        return (subject.environment.to_string(), service);
    }
    let label = |name: &str| {
        let found = notice.labels.iter().find(|(label, _)| label == name);
        found.map(|(_, value)| short(value, LONGEST)).unwrap_or_default()
    };
    (label("environment"), label("service"))
}

fn reason(reason: &Reason) -> &'static str {
    match reason {
        Reason::First => "first",
        Reason::Joined { .. } => "joined",
        Reason::SomeEnded { .. } => "some_ended",
        Reason::Reminder => "reminder",
        Reason::NotAcknowledged { .. } => "not_acknowledged",
        Reason::RolloutDidNotHelp { .. } => "rollout_did_not_help",
        Reason::RolloutAnswers { .. } => "rollout_answers",
        Reason::Acknowledged => "acknowledged",
        Reason::AllEnded => "all_ended",
    }
}

fn alert(alert: &AlertView) -> Value {
    let environment = alert.subject.as_ref().map(|subject| subject.environment.as_str());
    let service = alert.subject.as_ref().and_then(|subject| subject.service.as_ref());
    Value::from_pairs([
        ("rule", text(Some(alert.rule.as_str()))),
        ("severity", Value::from(alert.severity.as_str())),
        ("subject", Value::from(subject(alert))),
        ("environment", text(environment)),
        ("service", text(service.map(ServiceName::as_str))),
        ("firing", Value::from(alert.firing)),
        ("since", Value::from(instant(alert.since))),
        ("ended", Value::from(alert.ended.map(instant).unwrap_or_default())),
        ("because", text(Some(&alert.because))),
        ("flapping", Value::from(alert.flapping)),
        ("runbook", text(alert.runbook.as_deref())),
        ("link", text(alert.link.as_deref())),
    ])
}

fn rollout(rollout: &RolloutView) -> Value {
    let (step, steps) = rollout.step.unwrap_or_default();
    Value::from_pairs([
        ("id", Value::from(rollout.id.as_str())),
        ("service", Value::from(rollout.service.as_str())),
        ("version", text(Some(rollout.version.as_str()))),
        ("phase", text(Some(&rollout.phase))),
        ("step", Value::from(step)),
        ("steps", Value::from(steps)),
        ("weight", Value::from(rollout.weight.percent())),
        ("verdict", text(rollout.verdict.as_deref())),
        ("link", text(rollout.link.as_deref())),
    ])
}

fn instead_of((channel, why): &(alerting::ChannelName, String)) -> Value {
    Value::from_pairs([("channel", Value::from(channel.as_str())), ("why", text(Some(why)))])
}
