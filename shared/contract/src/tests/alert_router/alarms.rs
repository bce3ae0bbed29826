//! Alarms, as SNS and EventBridge deliver them.

use serde_json::{Value, json};

use super::super::rollback::{alarm as sns_alarm, sns};
use super::{event, heard, malformed, one, time};
use crate::*;

fn change(value: Value) -> AlarmChange {
    match one(value) {
        Heard::Alarm { change, .. } => *change,
        other => panic!("{other:?}"),
    }
}

fn metric(id: &str, name: &str, dimensions: &Value) -> Value {
    json!({ "id": id, "returnData": true, "metricStat": {
        "metric": { "namespace": "AWS/ApplicationELB", "name": name, "dimensions": dimensions },
        "period": 60, "stat": "Sum",
    } })
}

/// "CloudWatch Alarm State Change" of an alarm on these metrics.
fn state_change(metrics: &Value) -> Value {
    event(
        "CloudWatch Alarm State Change",
        &json!({
            "alarmName": "checkout 5xx",
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: 2 out of the last 2 datapoints [41.0 (02/01/26 03:02:00), 38.0 (02/01/26 03:01:00)] \
                           were greater than the threshold (10.0).",
                "timestamp": "2026-01-02T03:04:05.678+0000",
            },
            "previousState": { "value": "OK", "timestamp": "2026-01-01T00:00:00.000+0000" },
            "configuration": { "metrics": metrics },
        }),
    )
}

#[test]
fn an_alarm_of_sns_is_read_with_its_reason_and_its_metric() {
    let trigger = json!({
        "MetricName": "HTTPCode_Target_5XX_Count", "Namespace": "AWS/ApplicationELB", "Statistic": "SUM",
        "Dimensions": [{ "value": "targetgroup/green/1", "name": "TargetGroup" }],
    });
    let Heard::Alarm { change, addressed } = one(sns(&sns_alarm(Some(trigger)).to_string())) else {
        panic!()
    };
    assert!(addressed, "somebody sent it to a topic of the stack");
    assert_eq!(change.alarm.changed_at, time("2026-01-02T03:04:05.678Z"));
    assert_eq!(change.reason, "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0).");
    let metric = AlarmMetric {
        namespace: "AWS/ApplicationELB".to_owned(),
        name: "HTTPCode_Target_5XX_Count".to_owned(),
        statistic: "SUM".to_owned(),
        datapoint: Some(12.0),
    };
    assert_eq!(change.metric, Some(metric));
    let percentile = json!({ "MetricName": "Latency", "Namespace": "Shop", "ExtendedStatistic": "p99" });
    let change = self::change(sns(&sns_alarm(Some(percentile)).to_string()));
    assert_eq!(change.metric.unwrap().statistic, "p99");
    assert_eq!(self::change(sns(&sns_alarm(None).to_string())).metric, None, "of a composite alarm");
}

#[test]
fn a_record_that_cannot_be_read_does_not_keep_the_others_from_being_heard() {
    let mut timeless = sns_alarm(None);
    timeless["StateChangeTime"] = json!("now");
    let mut event = sns(&sns_alarm(None).to_string());
    for message in ["hello", &timeless.to_string(), &sns_alarm(None).to_string()] {
        let record = sns(message)["Records"][0].clone();
        event["Records"].as_array_mut().unwrap().push(record);
    }
    let heard = heard(event);
    assert_eq!(heard.len(), 4);
    for (index, says) in
        [(1, "Sns.Message is not the JSON of a CloudWatch alarm: "), (2, "StateChangeTime is \"now\": ")]
    {
        let Heard::Malformed { why, excerpt } = &heard[index] else { panic!("{heard:?}") };
        assert!(why.starts_with(says), "{why}");
        assert_eq!(excerpt == "hello", index == 1, "what is shown is the message: {excerpt}");
    }
    for index in [0, 3] {
        assert!(matches!(heard[index], Heard::Alarm { addressed: true, .. }), "{heard:?}");
    }
}

#[test]
fn what_sns_does_not_deliver_is_malformed_as_a_whole() {
    for (event, says) in [
        (json!({ "Records": "none" }), "Records: invalid type: string \"none\""),
        (json!({ "Records": null }), "Records: invalid type: null"),
        (json!({ "Records": [{ "Sns": {} }] }), "Records[0].Sns: missing field"),
    ] {
        let (why, excerpt) = malformed(event.clone());
        assert!(why.starts_with(says), "{why}");
        assert_eq!(excerpt, event.to_string());
    }
    assert_eq!(heard(json!({ "Records": [] })), []);
}

#[test]
fn an_alarm_of_event_bridge_is_read_whatever_it_is_made_of() {
    let target_group = json!({ "TargetGroup": "targetgroup/green/1", "LoadBalancer": "app/shop/1" });
    let band = json!({ "id": "band", "expression": "ANOMALY_DETECTION_BAND(m1, 2)", "returnData": true });
    let rate =
        json!({ "id": "rate", "expression": "errors / requests", "label": "rate", "returnData": true });
    let dimensions = [("LoadBalancer", "app/shop/1"), ("TargetGroup", "targetgroup/green/1")];
    let errors = metric("errors", "HTTPCode_Target_5XX_Count", &target_group);
    for (what, metrics, has_metric, expected) in [
        ("one metric", json!([errors.clone()]), true, dimensions.to_vec()),
        (
            "metric math",
            json!([
                rate,
                errors.clone(),
                metric("requests", "RequestCount", &json!({ "Service": "checkout" }))
            ]),
            false,
            [&dimensions[..], &[("Service", "checkout")]].concat(),
        ),
        ("an anomaly band", json!([errors, band]), false, dimensions.to_vec()),
        (
            "a query",
            json!([{ "id": "q", "expression": "SELECT SUM(x) FROM y", "period": 60 }]),
            false,
            vec![],
        ),
        ("a composite alarm", Value::Null, false, vec![]),
    ] {
        let Heard::Alarm { change, addressed } = one(state_change(&metrics)) else { panic!("{what}") };
        assert!(!addressed, "everybody who listens hears of it");
        let alarm = Alarm {
            name: "checkout 5xx".to_owned(),
            state: "ALARM".to_owned(),
            changed_at: time("2026-01-02T03:04:05.678Z"),
            account: "123456789012".to_owned(),
            arn: Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout 5xx".to_owned()),
            dimensions: expected
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        assert_eq!(change.alarm, alarm, "{what}");
        assert_eq!(
            change.metric.as_ref().and_then(|metric| metric.datapoint),
            has_metric.then_some(41.0),
            "{what}"
        );
        assert!(change.reason.starts_with("Threshold Crossed"), "{what}");
    }
}

/// `StateReason` lists datapoints from the newest on, `StateReasonData` from the oldest on (`describe-alarms` of the AWS
/// CLI: `[0.0 (14:02:00), 1.0 (14:01:00)]` beside `"startDate":"…14:01:00…","recentDatapoints":[1.0,0.0]`).
#[test]
fn the_newest_datapoint_is_the_one_that_counts() {
    let datapoint = |data: Option<&str>, reason: &str| {
        let mut event = state_change(&json!([metric("m1", "HTTPCode_Target_5XX_Count", &json!({}))]));
        event["detail"]["state"]["reason"] = json!(reason);
        if let Some(data) = data {
            event["detail"]["state"]["reasonData"] = json!(data);
        }
        change(event).metric.unwrap().datapoint
    };
    let reason = "Threshold Crossed: 2 datapoints [0.5 (09/01/23 14:02:00), 1.5 (09/01/23 14:01:00)] were …";
    let data = r#"{"version":"1.0","period":60,"recentDatapoints":[1.5,0.5],"threshold":42.0}"#;
    assert_eq!(datapoint(Some(data), reason), Some(0.5));
    assert_eq!(datapoint(None, reason), Some(0.5));
    for useless in ["{", "{}", r#"{"recentDatapoints":[]}"#, r#"{"recentDatapoints":"many"}"#] {
        assert_eq!(datapoint(Some(useless), reason), Some(0.5), "{useless}");
    }
    for (reason, expected) in [
        ("Threshold Crossed: 1 datapoint [1.0E-4 (09/01/23 14:02:00)] was …", Some(1.0e-4)),
        (
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].",
            None,
        ),
        ("Unchecked: Initial alarm creation", None),
        ("", None),
    ] {
        assert_eq!(datapoint(None, reason), expected, "{reason}");
    }
}

#[test]
fn a_deleted_alarm_is_ok_and_other_changes_of_its_configuration_are_nothing() {
    let changed = |operation: &Value| {
        event(
            "CloudWatch Alarm Configuration Change",
            &json!({
                "alarmName": "checkout 5xx", "operation": operation,
                "state": { "value": "ALARM", "timestamp": "2026-01-01T00:00:00.000+0000" },
                "configuration": { "metrics": [metric("m1", "RequestCount", &json!({ "Service": "checkout" }))] },
            }),
        )
    };
    let gone = change(changed(&json!("delete")));
    assert_eq!((gone.alarm.state.as_str(), gone.reason.as_str()), ("OK", "the alarm was deleted"));
    assert_eq!(
        gone.alarm.changed_at,
        time("2026-01-02T03:04:06Z"),
        "when it was deleted, not when it last rang"
    );
    assert_eq!(gone.alarm.dimensions, [("Service".to_owned(), "checkout".to_owned())]);
    for other in [json!("create"), json!("update"), json!(1), Value::Null] {
        let heard = one(changed(&other));
        assert_eq!(
            heard,
            Heard::Other { what: "CloudWatch Alarm Configuration Change".to_owned() },
            "{other}"
        );
    }
    let mut timeless = changed(&json!("delete"));
    timeless["time"] = json!("yesterday");
    assert!(malformed(timeless).0.starts_with("time is \"yesterday\": "));
}

#[test]
fn what_an_event_lacks_is_named() {
    let alarm = || state_change(&json!([]));
    let without = |pointer: &str| {
        let mut event = alarm();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field);
        event
    };
    for (pointer, says) in [
        ("/detail/alarmName", "detail.alarmName is missing: "),
        ("/detail/state/value", "detail.state.value is missing: "),
        ("/detail/state/timestamp", "detail.state.timestamp is missing: "),
        ("/detail/state", "detail.state.value is missing: "),
        ("/account", "account is missing: "),
        ("/detail", "detail.state.value is missing: "),
    ] {
        let (why, excerpt) = malformed(without(pointer));
        assert!(why.starts_with(says), "{pointer}: {why}");
        assert!(excerpt.starts_with('{'), "{excerpt}");
    }
    for pointer in ["/resources", "/detail/state/reason", "/detail/configuration", "/detail/previousState"] {
        assert!(matches!(one(without(pointer)), Heard::Alarm { .. }), "{pointer} need not be there");
    }
    let mut number = alarm();
    number["detail"]["alarmName"] = json!(7);
    assert_eq!(malformed(number).0, "detail.alarmName is not a text");
    let mut kind = alarm();
    kind["detail-type"] = json!(7);
    assert_eq!(malformed(kind).0, "detail-type is not a text");
}
