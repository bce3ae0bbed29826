use serde::Serialize;
use serde_json::{Value, json};

use crate::exchange::{Reply, Request, Site};

/// PagerDuty's Events API v2: `POST /v2/enqueue`.
#[derive(Debug, Default)]
pub struct Pagerduty {
    incidents: Vec<Incident>,
}

/// How an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody is called.
    Triggered,
    /// Somebody has it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// What the events of one key have become. After its end the same key opens another one.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// The integration that it came by.
    pub routing_key: String,
    /// The key.
    pub dedup_key: String,
    /// How it is.
    pub status: Status,
    /// Its events, oldest first.
    pub events: Vec<Value>,
}

impl Pagerduty {
    /// The incidents, oldest first.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    fn apply(&mut self, event: &Value, dedup_key: &str) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let open = self.incidents.iter_mut().find(|incident| {
            incident.routing_key == text("routing_key")
                && incident.dedup_key == dedup_key
                && incident.status != Status::Resolved
        });
        match (open, text("event_action")) {
            (Some(incident), action) => {
                incident.events.push(event.clone());
                match action {
                    "acknowledge" => incident.status = Status::Acknowledged,
                    "resolve" => incident.status = Status::Resolved,
                    // One that somebody has stays so.
                    _ => {}
                }
            }
            (None, "trigger") => self.incidents.push(Incident {
                routing_key: text("routing_key").to_owned(),
                dedup_key: dedup_key.to_owned(),
                status: Status::Triggered,
                events: vec![event.clone()],
            }),
            // What is acknowledged or resolved and not open is dropped.
            (None, _) => {}
        }
    }
}

impl Site for Pagerduty {
    fn handle(&mut self, request: &Request) -> Reply {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/v2/enqueue") {
            return Reply::text(404, "not found");
        }
        let event = request.json();
        let errors = errors(&event);
        if !errors.is_empty() {
            let told =
                json!({ "status": "invalid event", "message": "Event object is invalid", "errors": errors });
            return Reply::json(400, &told);
        }
        let made = format!("made-{}", self.incidents.len() + 1);
        let dedup_key = event.get("dedup_key").and_then(Value::as_str).unwrap_or(&made).to_owned();
        self.apply(&event, &dedup_key);
        Reply::json(
            202,
            &json!({ "status": "success", "message": "Event processed", "dedup_key": dedup_key }),
        )
    }

    fn state(&self) -> Value {
        json!({ "incidents": self.incidents })
    }

    fn forget(&mut self) {
        self.incidents.clear();
    }
}

fn errors(event: &Value) -> Vec<String> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let length = |pointer: &str| text(pointer).map(|text| text.chars().count());
    let mut errors = Vec::new();
    let mut check = |is_right: bool, what: &str| {
        if !is_right {
            errors.push(what.to_owned());
        }
    };
    check(event.is_object(), "JSON parse error");
    check(
        length("/routing_key") == Some(32),
        "Length of 'routing_key' is incorrect (should be 32 characters)",
    );
    let action = text("/event_action").unwrap_or_default();
    check(matches!(action, "trigger" | "acknowledge" | "resolve"), "'event_action' is invalid");
    check(length("/dedup_key").unwrap_or(0) <= 255, "'dedup_key' is too long");
    if action == "trigger" {
        let summary = length("/payload/summary").unwrap_or(0);
        check((1..=1024).contains(&summary), "'payload.summary' is missing, blank or too long");
        check(
            length("/payload/source").is_some_and(|length| length > 0),
            "'payload.source' is missing or blank",
        );
        let severity = text("/payload/severity").unwrap_or_default();
        check(
            matches!(severity, "critical" | "error" | "warning" | "info"),
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        );
    } else {
        check(text("/dedup_key").is_some(), "'dedup_key' is missing or blank");
    }
    errors
}
