//! What Prometheus sends, and when (its `rules/manager.go` and `notifier/notifier.go`): an alert when it begins and when it
//! ends, and again every minute, while it fires and for a quarter of an hour after its end.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::scenario::{Alarm, Help, Script, Span, Time, s};

/// `--rules.alert.resend-delay`.
const RESEND: Time = s(60);
/// An alert that is not sent again ends by itself after four times that.
const LASTS: Time = s(4 * 60);
/// How long the end of an alert is sent again.
const RETENTION: Time = s(15 * 60);
/// `keep_firing_for`, where the rule has it.
const KEEP_FIRING: Time = s(10 * 60);
/// A rollback may help for so long: alert-router's `after_rollback`.
const MAY_HELP: Time = s(5 * 60);

/// The alert that an inhibition silences a service with whose rollback may help.
pub const ROLLBACK: &str = "RollbackMayHelp";

/// One alert of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// When it arrives.
    pub at: Time,
    pub labels: Value,
    pub starts: Time,
    pub ends: Time,
}

/// Everything that is sent in a scenario, in the order in which it arrives.
pub fn sends(script: &Script, help: Help) -> Vec<Send> {
    let mut alerts: Vec<(Value, Vec<Span>)> = script
        .alarms
        .iter()
        .map(|alarm| {
            (labels(alarm), if help == Help::KeepFiring { kept(&alarm.spans) } else { alarm.spans.clone() })
        })
        .collect();
    if let (Some(rollback), Help::RollbackAlert) = (&script.rollback, help) {
        let labels = json!({
            "alertname": ROLLBACK, "severity": "none", "environment": "production", "service": rollback.service,
        });
        alerts.push((labels, vec![Span { begin: rollback.begun, end: rollback.done + MAY_HELP }]));
    }
    let mut sends: Vec<Send> = Vec::new();
    for (labels, spans) in alerts {
        for (place, span) in spans.iter().enumerate() {
            let next = spans.get(place + 1).map_or(script.horizon, |next| next.begin);
            let mut at = span.begin;
            while at < span.end {
                sends.push(Send { at, labels: labels.clone(), starts: span.begin, ends: at + LASTS });
                at += RESEND;
            }
            let mut at = span.end;
            while at < next.min(span.end + RETENTION) {
                sends.push(Send { at, labels: labels.clone(), starts: span.begin, ends: span.end });
                at += RESEND;
            }
        }
    }
    if let Some((most, seed)) = script.twice {
        let mut dice = Dice::new(seed);
        let once = std::mem::take(&mut sends);
        for send in once {
            for _ in 0..2 {
                sends.push(Send { at: send.at + dice.below(most), ..send.clone() });
            }
        }
    }
    sends.sort_by_key(|send| send.at);
    sends
}

fn labels(alarm: &Alarm) -> Value {
    let mut labels = json!({
        "alertname": alarm.name, "severity": alarm.kind.severity(), "environment": alarm.environment,
    });
    if let (Some(service), Some(labels)) = (&alarm.service, labels.as_object_mut()) {
        labels.insert("service".to_owned(), json!(service));
    }
    labels
}

/// What is left of the ends where an alert has to stay away for a while.
fn kept(spans: &[Span]) -> Vec<Span> {
    let mut kept: Vec<Span> = Vec::new();
    for span in spans {
        let end = span.end + KEEP_FIRING;
        match kept.last_mut().filter(|last| span.begin <= last.end) {
            Some(last) => last.end = end,
            None => kept.push(Span { begin: span.begin, end }),
        }
    }
    kept
}
