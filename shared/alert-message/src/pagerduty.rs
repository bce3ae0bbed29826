//! PagerDuty's Events API v2 ("Send an Alert Event", "Events API v2 Overview" and its OpenAPI document).
//!
//! The dedup key is the group's id: one incident for each group on each service of PagerDuty, however often an event is
//! sent. PagerDuty drops what is acknowledged or resolved that it does not know as open.

use std::fmt;

use alerting::{AlertView, Credential, Notice, NoticeKind, Severity};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::message::{Message, alerts, subject, why};
use crate::plain::{cut, short};
use crate::template::Wording;

/// Where events go, unless the account is in the European service region.
pub const ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";
/// Where events of accounts in the European service region go.
pub const ENDPOINT_EU: &str = "https://events.eu.pagerduty.com/v2/enqueue";
/// The longest summary, in characters.
const MAX_SUMMARY: usize = 1_024;
/// The longest text of others in the details, in characters: all of them stay far below the 512 KB of an event.
const LONGEST_DETAIL: usize = 1_000;

/// An event as it is sent, with the routing key in it. Debug shows nothing, and memory is overwritten when it is
/// dropped.
pub struct Event(Zeroizing<Vec<u8>>);

impl Event {
    /// The JSON: a secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Event(…)")
    }
}

/// What is sent beside the routing key.
#[derive(Serialize)]
struct Keyless<'a> {
    event_action: &'static str,
    dedup_key: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    trigger: Option<Trigger<'a>>,
}

#[derive(Serialize)]
struct Trigger<'a> {
    client: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<&'a str>,
    links: Vec<Value>,
    payload: Payload,
}

#[derive(Serialize)]
struct Payload {
    summary: String,
    source: String,
    severity: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    custom_details: Map<String, Value>,
}

/// The event that a notice is for PagerDuty. `None` for what a rollout answers: nobody has to act, so nobody is paged.
///
/// # Errors
/// None that can happen: all of it is text and numbers.
pub fn event(
    notice: &Notice,
    wording: Wording<'_>,
    routing_key: &Credential,
) -> Result<Option<Event>, serde_json::Error> {
    let message = Message::new(notice, wording);
    let (event_action, trigger) = match &notice.kind {
        NoticeKind::Folded => return Ok(None),
        NoticeKind::Firing => ("trigger", Some(trigger(notice, &message))),
        NoticeKind::Acknowledged { .. } => ("acknowledge", None),
        NoticeKind::Resolved => ("resolve", None),
    };
    let keyless = Keyless { event_action, dedup_key: notice.group.as_str(), trigger };
    with_key(&keyless, routing_key).map(Some)
}

/// The key goes into the final bytes alone, which are allocated once.
fn with_key(keyless: &Keyless<'_>, routing_key: &Credential) -> Result<Event, serde_json::Error> {
    let rest = serde_json::to_string(keyless)?;
    // Each byte of a text has at most six in JSON.
    let most = rest.len() + 6 * routing_key.expose().len() + 32;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    bytes.extend_from_slice(b"{\"routing_key\":");
    serde_json::to_writer(&mut *bytes, routing_key.expose())?;
    bytes.push(b',');
    bytes.extend_from_slice(rest.trim_start_matches('{').as_bytes());
    Ok(Event(bytes))
}

fn trigger<'a>(notice: &'a Notice, message: &'a Message) -> Trigger<'a> {
    let first = notice.alerts.first();
    let place = first.and_then(|alert| alert.subject.as_ref());
    let label = |name: &str| {
        let found = notice.labels.iter().find(|(label, value)| label == name && !value.is_empty());
        found.map(|(_, value)| short(value, LONGEST_DETAIL))
    };
    let environment = place.map(|subject| subject.environment.to_string()).or_else(|| label("environment"));
    let service = place.and_then(|subject| subject.service.as_ref()).map(ToString::to_string);
    let service = service.or_else(|| label("service"));
    let source = match (&environment, &service) {
        (Some(environment), Some(service)) => format!("{environment}/{service}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "ace-flow".to_owned(),
    };
    let links = message.links.iter().map(|link| json!({ "href": link.url, "text": link.name }));
    Trigger {
        client: "ACE-Flow",
        client_url: message.links.iter().find(|link| link.name == "Rollout").map(|link| link.url.as_str()),
        links: links.collect(),
        payload: Payload {
            summary: cut(&message.title, MAX_SUMMARY),
            source,
            severity: severity(notice.severity),
            timestamp: notice.at.to_string(),
            component: service,
            group: environment,
            class: first.map(|alert| short(alert.rule.as_str(), LONGEST_DETAIL)),
            custom_details: details(notice, message),
        },
    }
}

/// As PagerDuty has it. What is for some day pages no one harder than what is for whoever looks.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "info",
    }
}

fn details(notice: &Notice, message: &Message) -> Map<String, Value> {
    let mut details = Map::new();
    let mut add = |name: &str, value: Value| details.insert(name.to_owned(), value);
    add("text", message.text().into());
    add("severity", notice.severity.as_str().into());
    add("since", notice.since.to_string().into());
    add("alerts", notice.alerts.iter().map(alert).collect());
    add("alert_count", alerts(notice).into());
    add("labels", notice.labels.iter().map(|(label, value)| (label.clone(), detail(value))).collect());
    add("notice", detail(&notice.id));
    if let Some(why) = why(notice) {
        add("reason", why.into());
    }
    if let Some(rollout) = &notice.rollout {
        let mut view = json!({
            "id": rollout.id,
            "service": rollout.service,
            "version": rollout.version,
            "phase": detail(&rollout.phase),
            "weight_percent": rollout.weight,
        });
        if let (Some(view), Some((step, steps))) = (view.as_object_mut(), rollout.step) {
            view.insert("step".to_owned(), format!("{step} of {steps}").into());
        }
        if let (Some(view), Some(verdict)) = (view.as_object_mut(), &rollout.verdict) {
            view.insert("verdict".to_owned(), detail(verdict));
        }
        add("rollout", view);
    }
    if !notice.instead_of.is_empty() {
        let others = notice.instead_of.iter().map(|(channel, why)| (channel.to_string(), detail(why)));
        add("instead_of", others.collect());
    }
    details
}

fn detail(text: &str) -> Value {
    short(text, LONGEST_DETAIL).into()
}

fn alert(alert: &AlertView) -> Value {
    json!({
        "rule": detail(alert.rule.as_str()),
        "severity": alert.severity,
        "subject": subject(alert),
        "firing": alert.firing,
        "since": alert.since,
        "ended": alert.ended,
        "because": detail(&alert.because),
        "flapping": alert.flapping,
    })
}
