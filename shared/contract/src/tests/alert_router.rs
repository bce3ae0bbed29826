use alerting::Health;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::rollback::sns;
use crate::*;

mod alarms;

fn read(value: Value) -> Result<AlertRouter, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn heard(value: Value) -> Vec<Heard> {
    match read(value) {
        Ok(AlertRouter::Heard(heard)) => heard,
        other => panic!("{other:?}"),
    }
}

fn one(value: Value) -> Heard {
    let mut heard = heard(value);
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard.remove(0)
}

/// Why something was not understood, and what is shown of it.
fn malformed(value: Value) -> (String, String) {
    match one(value) {
        Heard::Malformed { why, excerpt } => (why, excerpt),
        other => panic!("{other:?}"),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn event(detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92", "detail-type": detail_type,
        "source": "aws.cloudwatch", "account": "123456789012", "time": "2026-01-02T03:04:06Z", "region": "us-east-1",
        "resources": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout 5xx"], "detail": detail,
    })
}

fn status(detail: &Value) -> Value {
    let mut event = event("Environment Status Changed", detail);
    event["source"] = json!("ace-flow");
    event
}

#[test]
fn a_status_is_read_and_its_time_is_the_events_if_it_has_none() {
    let whole = json!({
        "environment": "production", "service": "checkout", "status": "unhealthy", "previous": "healthy",
        "reason": "HTTP 503", "at": "2026-01-02T03:04:05.25Z",
        "metrics": { "response_time": 3200, "error_rate": 4.5, "requests": 0 },
    });
    let Heard::Status(read) = one(status(&whole)) else { panic!() };
    assert_eq!((read.environment.as_str(), read.service.unwrap().as_str()), ("production", "checkout"));
    assert_eq!((read.status, read.previous), (Health::Unhealthy, Some(Health::Healthy)));
    assert_eq!((read.at, read.reason.as_str()), (Some(time("2026-01-02T03:04:05.25Z")), "HTTP 503"));
    let metrics: Vec<(&str, f64)> =
        read.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(metrics, [("error_rate", 4.5), ("requests", 0.0), ("response_time", 3_200.0)]);

    let least =
        json!({ "environment": "production", "status": "healthy", "service": null, "previous": null });
    let Heard::Status(read) = one(status(&least)) else { panic!() };
    assert_eq!((read.service, read.previous, read.reason.as_str()), (None, None, ""));
    assert_eq!(read.at, Some(time("2026-01-02T03:04:06Z")), "when the event was sent");
    assert!(read.metrics.is_empty());
}

#[test]
fn a_status_that_cannot_be_read_says_where() {
    let with = |field: &str, value: Value| {
        let mut detail =
            json!({ "environment": "production", "status": "unhealthy", "at": "2026-01-02T03:04:05Z" });
        detail[field] = value;
        status(&detail)
    };
    for (event, says) in [
        (with("status", json!("sick")), "detail.status: unknown variant `sick`"),
        (with("status", json!(7)), "detail.status: "),
        (with("environment", json!("a b")), "detail.environment: "),
        (with("service", json!("")), "detail.service: "),
        (with("at", json!("yesterday")), "detail.at: "),
        (
            with("metrics", json!({ "response_time": "3200" })),
            "detail.metrics.response_time: invalid type: string",
        ),
        (with("metrics", json!([])), "detail.metrics: "),
        (with("color", json!("red")), "detail.color: unknown field `color`"),
        (status(&json!({ "status": "healthy" })), "detail: missing field `environment`"),
        (status(&Value::Null), "detail: "),
    ] {
        let (why, _) = malformed(event);
        assert!(why.starts_with(says), "{why}");
    }
    let mut timeless = status(&json!({ "environment": "production", "status": "healthy" }));
    timeless.as_object_mut().unwrap().remove("time");
    assert!(malformed(timeless).0.starts_with("time is missing"));
}

fn outcome() -> Value {
    let mut event = event(
        "Rollout Rolled Back",
        &json!({
            "id": "r-1.3", "rollout": "r-1", "environment": "staging", "service": "checkout", "version": "v2", "epoch": 4,
            "milestone": "rolled_back", "detail": "guardrail checkout 5xx", "weight": 0,
            "started_at": "2026-01-02T03:00:00Z", "at": "2026-01-02T03:04:05.75Z",
        }),
    );
    event["source"] = json!("ace-flow");
    event
}

#[test]
fn an_outcome_is_read_and_what_else_is_said_of_rollouts_is_nothing() {
    let Heard::Outcome(read) = one(outcome()) else { panic!() };
    assert_eq!((read.milestone.as_str(), read.epoch.0, read.weight.percent()), ("rolled_back", 4, 0));
    assert_eq!(read.at, time("2026-01-02T03:04:05.75Z"));
    // What it says more than alerts have to know is left alone.
    let mut more = outcome();
    more["detail"]["extra"] = json!({ "a": 1 });
    assert!(matches!(one(more), Heard::Outcome(_)));
    let mut asked = outcome();
    asked["detail-type"] = json!("Rollout Requested");
    asked["detail"] = json!({ "environment": "staging", "service": "checkout", "version": "v2" });
    assert_eq!(one(asked), Heard::Other { what: "Rollout Requested".to_owned() });
    assert_eq!(
        one(event("EC2 Instance State-change Notification", &json!({}))),
        Heard::Other { what: "EC2 Instance State-change Notification".to_owned() }
    );
}

#[test]
fn an_outcome_that_cannot_be_read_says_where() {
    for (field, value, says) in [
        ("weight", json!(101), "detail.weight: "),
        ("weight", json!("0"), "detail.weight: "),
        ("epoch", json!(-1), "detail.epoch: "),
        ("rollout", json!("a b"), "detail.rollout: "),
        ("at", json!(7), "detail.at: "),
        ("milestone", json!(7), "detail.milestone: "),
    ] {
        let mut event = outcome();
        event["detail"][field] = value;
        let (why, _) = malformed(event);
        assert!(why.starts_with(says), "{why}");
    }
    for field in
        ["rollout", "environment", "service", "version", "epoch", "detail", "weight", "started_at", "at"]
    {
        let mut event = outcome();
        event["detail"].as_object_mut().unwrap().remove(field);
        assert_eq!(malformed(event).0, format!("detail: missing field `{field}`"));
    }
}

fn trouble(field: &str, value: Value) -> Value {
    let mut detail = json!({
        "environment": "staging", "kind": "rds-cluster", "resource": "orders", "stuck": true,
        "reason": "tried 3 times", "at": "2026-01-02T03:04:05Z",
    });
    detail[field] = value;
    let mut event = event("Resource Trouble", &detail);
    event["source"] = json!("ace-flow");
    event
}

#[test]
fn a_resource_that_is_stuck_is_an_alarm_of_its_environment_until_it_is_not() {
    for (stuck, state) in [(true, "ALARM"), (false, "OK")] {
        let Heard::Alarm { change, addressed } = one(trouble("stuck", json!(stuck))) else { panic!() };
        assert!(!addressed, "everybody who listens hears of it");
        let AlarmChange { alarm, reason, metric } = *change;
        assert_eq!((alarm.name.as_str(), alarm.state.as_str()), ("cost: rds-cluster orders", state));
        assert_eq!((reason.as_str(), metric), ("tried 3 times", None));
        assert_eq!(alarm.dimensions, [("environment".to_owned(), "staging".to_owned())]);
        assert_eq!((alarm.changed_at, alarm.arn), (time("2026-01-02T03:04:05Z"), None));
    }
    for (field, value, says) in [
        ("environment", json!("a b"), "detail.environment: "),
        ("kind", json!("s3"), "detail.kind: unknown variant `s3`"),
        ("stuck", json!("yes"), "detail.stuck: "),
        ("at", json!("soon"), "detail.at: "),
        ("colour", json!("red"), "detail.colour: unknown field `colour`"),
    ] {
        let (why, _) = malformed(trouble(field, value));
        assert!(why.starts_with(says), "{why}");
    }
}

#[test]
fn what_is_nothing_that_is_known_is_malformed_and_a_huge_one_is_cut() {
    for (value, shown) in [
        (json!({}), "{}"),
        (json!({ "task_token": "a secret", "hello": ["world"] }), "{\"hello\": …, \"task_token\": …}"),
        (json!("text"), "a text"),
        (json!(7), "a number"),
        (Value::Null, "nothing"),
        (json!([1, 2]), "a list of 2"),
    ] {
        let (why, excerpt) = malformed(value);
        assert!(why.starts_with("it is no alarm, no event and no order"), "{why}");
        assert_eq!(excerpt, shown);
    }
    // Of several bytes each: it is cut between characters.
    let long = "ä".repeat(300_000);
    for event in [json!({ long.as_str(): 1 }), sns(&long), status(&json!({ "reason": long }))] {
        assert_eq!(malformed(event).1.chars().count(), 400);
    }
}

#[test]
fn a_timer_sends_what_it_was_asked_for() {
    for (of, key) in [
        (DueOf::Watch, "production/checkout"),
        (DueOf::Across, "Slow everywhere"),
        (DueOf::Group, "0123456789abcdef"),
    ] {
        let due = Due { of, key: key.to_owned(), at: time("2026-01-02T03:04:05.25Z") };
        assert_eq!(read(due.payload()), Ok(AlertRouter::Due(due)));
    }
    let due = |of: Value, key: Value, at: Value| json!({ "due": { "of": of, "key": key, "at": at } });
    let now = json!("2026-01-02T03:04:05Z");
    for (event, says) in [
        (due(json!("rule"), json!("x"), now.clone()), "due.of: unknown variant `rule`"),
        (due(json!("group"), json!(7), now.clone()), "due.key: invalid type"),
        (due(json!("group"), json!("x"), json!("soon")), "due.at: "),
        (json!({ "due": { "of": "group", "key": "x" } }), "due: missing field `at`"),
        (
            json!({ "due": { "of": "group", "key": "x", "at": now, "why": 1 } }),
            "due.why: unknown field `why`",
        ),
        (json!({ "due": "now" }), "due: "),
    ] {
        let error = read(event).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn orders_are_read() {
    assert_eq!(read(json!({ "sweep": {} })), Ok(AlertRouter::Sweep));
    assert_eq!(
        read(json!({ "acknowledge": { "group": "g1", "by": "ann", "reason": "I look" } })),
        Ok(AlertRouter::Acknowledge(Acknowledge {
            group: "g1".to_owned(),
            by: "ann".to_owned(),
            reason: "I look".to_owned()
        }))
    );
    let Ok(AlertRouter::Acknowledge(order)) = read(json!({ "acknowledge": { "group": "g1", "by": "ann" } }))
    else {
        panic!("a reason need not be given")
    };
    assert_eq!(order.reason, "");
    assert_eq!(
        read(json!({ "silence": {
            "alerts": "severity:low", "until": "2026-01-02T03:04:05+01:00", "by": "ann", "reason": "the move",
        } })),
        Ok(AlertRouter::Silence(SilenceOrder {
            alerts: "severity:low".to_owned(),
            until: time("2026-01-02T02:04:05Z"),
            by: "ann".to_owned(),
            reason: "the move".to_owned()
        }))
    );
    assert_eq!(
        read(json!({ "unsilence": { "silence": "0123456789ab", "by": "ann" } })),
        Ok(AlertRouter::Unsilence(Unsilence {
            silence: "0123456789ab".parse().unwrap(),
            by: "ann".to_owned()
        }))
    );
    assert_eq!(
        read(json!({ "try_channel": { "channel": "pager", "by": "ann" } })),
        Ok(AlertRouter::TryChannel(TryChannel { channel: "pager".parse().unwrap(), by: "ann".to_owned() }))
    );
}

/// Whoever gives an order is told what is wrong with it; nobody is woken for it.
#[test]
fn an_order_with_wrong_fields_is_refused_with_the_place() {
    for (event, says) in [
        (json!({ "sweep": { "all": true } }), "sweep: unknown field `all`"),
        (json!({ "acknowledge": { "group": "g1" } }), "acknowledge: missing field `by`"),
        (json!({ "acknowledge": { "group": 7, "by": "ann" } }), "acknowledge.group: invalid type"),
        (
            json!({ "acknowledge": { "group": "g1", "by": "ann", "for": "1h" } }),
            "acknowledge.for: unknown field `for`",
        ),
        (json!({ "acknowledge": [] }), "acknowledge: "),
        (
            json!({ "silence": { "alerts": "x", "until": "soon", "by": "a", "reason": "b" } }),
            "silence.until: ",
        ),
        // A time without its zone is nobody's.
        (
            json!({ "silence": { "alerts": "x", "until": "2026-12-01T06:00", "by": "a", "reason": "b" } }),
            "silence.until: ",
        ),
        (
            json!({ "silence": { "alerts": "x", "until": "2026-01-02T03:04:05Z", "by": "a" } }),
            "silence: missing field `reason`",
        ),
        (json!({ "unsilence": { "silence": "", "by": "a" } }), "unsilence.silence: "),
        (json!({ "unsilence": { "id": "x", "by": "a" } }), "unsilence.id: unknown field `id`"),
        (json!({ "try_channel": { "channel": "two words", "by": "a" } }), "try_channel.channel: "),
        (json!({ "try_channel": null }), "try_channel: "),
    ] {
        let error = read(event.clone()).unwrap_err();
        assert!(error.starts_with(says), "{event}: {error}");
    }
}

#[test]
fn a_reply_is_what_its_schema_says() {
    let reply = AlertRouterReply {
        result: AlertRouterResult::Routed,
        reason: "1 groups of alerts".to_owned(),
        groups: vec!["g1".to_owned()],
        delivered: 2,
        failed: 0,
    };
    let written = json!({
        "result": "routed", "reason": "1 groups of alerts", "groups": ["g1"], "delivered": 2, "failed": 0,
    });
    assert_eq!(serde_json::to_value(&reply).unwrap(), written);
    assert_eq!(serde_json::from_value::<AlertRouterReply>(written).unwrap(), reply);
}
