//! Events in the shapes in which EventBridge delivers them.

use jiff::Timestamp;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

fn event(source: &str, what: &str, at: Timestamp, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "00000000-0000-0000-0000-000000000000", "detail-type": what, "source": source,
        "account": ACCOUNT, "time": at.to_string(), "region": REGION, "resources": [], "detail": detail,
    })
}

/// An alarm of a service changed its state: ALARM or OK. Its dimensions say what it is about.
pub fn alarm(name: &str, state: &str, (environment, service): (&str, &str), at: Timestamp) -> Value {
    let mut event = event(
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        at,
        &json!({
            "alarmName": name,
            "state": { "value": state, "reason": "threshold crossed", "timestamp": at.to_string() },
            "configuration": { "metrics": [{ "id": "m", "returnData": true, "metricStat": {
                "stat": "Sum", "period": 60,
                "metric": {
                    "namespace": "AWS/ApplicationELB", "name": "HTTPCode_Target_5XX_Count",
                    "dimensions": { "Environment": environment, "Service": service },
                },
            } }] },
        }),
    );
    if let Some(resources) = event.get_mut("resources") {
        *resources = json!([format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}")]);
    }
    event
}

/// An environment as a whole was looked at.
pub fn status(environment: &str, status: &str, metrics: &Value, at: Timestamp) -> Value {
    let detail = json!({
        "environment": environment, "status": status, "reason": "HTTP 503", "at": at.to_string(), "metrics": metrics,
    });
    event("ace-flow", "Environment Status Changed", at, &detail)
}

/// A rollout of a service reached a milestone: `started`, `rolling_back`, `rolled_back`, `promoted`.
pub fn rollout(
    milestone: &str,
    (environment, service): (&str, &str),
    started: Timestamp,
    at: Timestamp,
) -> Value {
    // A rollback is the second epoch.
    let epoch = if milestone.starts_with("roll") { 2 } else { 1 };
    let id = format!("{service}-0123456789abcdef");
    let detail = json!({
        "id": format!("{id}.{milestone}"), "rollout": id, "environment": environment, "service": service,
        "version": "v2", "epoch": epoch, "milestone": milestone, "detail": format!("it is {milestone}"),
        "weight": if epoch == 1 { 10 } else { 0 }, "started_at": started.to_string(), "at": at.to_string(),
    });
    event("ace-flow", &format!("Rollout {milestone}"), at, &detail)
}
