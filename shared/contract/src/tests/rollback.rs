use serde_json::{Value, json};

use crate::*;

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:rollout:1";

fn read(value: Value) -> Result<Rollback, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// An SNS event as Lambda delivers it.
pub(super) fn sns(message: &str) -> Value {
    json!({
        "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:guardrails:21be56ed-a058-49f5-8c98-aedd2564c486",
            "Sns": {
                "Type": "Notification",
                "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                "TopicArn": "arn:aws:sns:us-east-1:123456789012:guardrails",
                "Subject": "ALARM: \"checkout 5xx\" in US East (N. Virginia)",
                "Message": message,
                "Timestamp": "2026-01-02T03:04:06.123Z",
                "SignatureVersion": "1",
                "Signature": "EXAMPLE",
                "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
                "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
                "MessageAttributes": {},
            },
        }],
    })
}

pub(super) fn alarm(trigger: Option<Value>) -> Value {
    let mut message = json!({
        "AlarmName": "checkout 5xx",
        "AlarmDescription": null,
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0).",
        "StateChangeTime": "2026-01-02T03:04:05.678+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout 5xx",
        "OldStateValue": "OK",
        "OKActions": [],
        "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:guardrails"],
        "InsufficientDataActions": [],
    });
    if let Some(trigger) = trigger {
        message["Trigger"] = trigger;
    }
    message
}

#[test]
fn alarms_of_every_kind_are_read() {
    let metric = json!({
        "MetricName": "HTTPCode_Target_5XX_Count", "Namespace": "AWS/ApplicationELB", "StatisticType": "Statistic",
        "Statistic": "SUM", "Unit": null, "Dimensions": [{ "value": "targetgroup/green/1", "name": "TargetGroup" }],
        "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0,
        "TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": "",
    });
    let math = json!({
        "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0,
        "Metrics": [
            { "Expression": "100*errors/requests", "Id": "rate", "ReturnData": true },
            { "Id": "errors", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Sum", "Metric": {
                "MetricName": "HTTPCode_Target_5XX_Count", "Namespace": "AWS/ApplicationELB", "Dimensions": [
                    { "value": "app/shop/1", "name": "LoadBalancer" },
                    { "value": "targetgroup/green/1", "name": "TargetGroup" },
                ],
            } } },
            { "Id": "requests", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Sum", "Metric": {
                "MetricName": "RequestCount", "Namespace": "AWS/ApplicationELB",
                "Dimensions": [{ "Value": "checkout", "Name": "Service" }, { "Name": "cut" }],
            } } },
        ],
    });
    let anomaly = json!({
        "Period": 60, "EvaluationPeriods": 2, "ComparisonOperator": "GreaterThanUpperThreshold",
        "ThresholdMetricId": "band", "Metrics": [{ "Expression": "ANOMALY_DETECTION_BAND(m1, 2)", "Id": "band" }],
    });
    let composite = {
        let mut alarm = alarm(None);
        alarm["AlarmRule"] = json!("ALARM(\"a\") OR ALARM(\"b\")");
        alarm
    };
    let canary = ("TargetGroup", "targetgroup/green/1");
    for (message, dimensions) in [
        (alarm(Some(metric)), vec![canary]),
        (alarm(Some(math)), vec![("LoadBalancer", "app/shop/1"), canary, ("Service", "checkout")]),
        (alarm(Some(anomaly)), vec![]),
        (composite, vec![]),
    ] {
        let expected = Alarm {
            name: "checkout 5xx".to_owned(),
            state: "ALARM".to_owned(),
            changed_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            account: "123456789012".to_owned(),
            arn: Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout 5xx".to_owned()),
            dimensions: dimensions
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        assert_eq!(read(sns(&message.to_string())), Ok(Rollback::Alarms(vec![expected])));
    }
}

#[test]
fn several_records_and_states_that_are_not_alarms_are_read() {
    let mut ok = alarm(None);
    ok["NewStateValue"] = json!("SOMETHING_NEW");
    ok["StateChangeTime"] = json!("2026-01-02T03:04:05Z");
    ok.as_object_mut().unwrap().remove("AlarmArn");
    let mut event = sns(&alarm(None).to_string());
    let second = sns(&ok.to_string())["Records"][0].clone();
    event["Records"].as_array_mut().unwrap().push(second);
    let Ok(Rollback::Alarms(alarms)) = read(event) else { panic!("no alarms") };
    let states: Vec<&str> = alarms.iter().map(|alarm| alarm.state.as_str()).collect();
    assert_eq!(states, ["ALARM", "SOMETHING_NEW"]);
    assert_eq!(alarms[1].changed_at, "2026-01-02T03:04:05Z".parse().unwrap());
    assert_eq!(alarms[1].arn, None);
}

#[test]
fn what_is_no_alarm_is_refused_with_its_place() {
    let mut timeless = alarm(None);
    timeless["StateChangeTime"] = json!("now");
    let mut nameless = alarm(None);
    nameless.as_object_mut().unwrap().remove("AlarmName");
    let mut cut = sns("{}");
    cut["Records"][0]["Sns"].as_object_mut().unwrap().remove("Message");
    for (event, says) in [
        (sns("hello"), "Sns.Message is not the JSON of a CloudWatch alarm: "),
        (sns(&timeless.to_string()), "StateChangeTime is \"now\": "),
        (sns(&nameless.to_string()), "AlarmName is missing"),
        (cut, "Records[0].Sns: missing field `Message`"),
        (json!({ "Records": "none" }), "Records: invalid type: string \"none\""),
    ] {
        let error = read(event).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn an_execution_that_ended_wrongly_is_read() {
    let event = json!({
        "version": "0",
        "id": "315c1398-40ff-a850-213b-158f73e60175",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-02-26T19:42:21Z",
        "region": "us-east-1",
        "resources": [EXECUTION],
        "detail": {
            "executionArn": EXECUTION,
            "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:rollout",
            "name": "1",
            "status": "TIMED_OUT",
            "startDate": 1_551_225_146_847_i64,
            "stopDate": 1_551_225_151_881_i64,
            "input": "{}",
            "output": null,
            "inputDetails": { "included": true },
        },
    });
    let expected =
        Rollback::Watchdog { execution: EXECUTION.parse().unwrap(), status: "TIMED_OUT".to_owned() };
    assert_eq!(read(event.clone()), Ok(expected));
    let mut less = event;
    less["detail"].as_object_mut().unwrap().remove("executionArn");
    assert!(read(less).unwrap_err().starts_with("detail.executionArn is missing"));
}

#[test]
fn the_state_machines_own_call_is_read_with_and_without_an_error() {
    let reply = json!({
        "next": "roll_back", "wait_seconds": 1, "rollout_id": "checkout-1", "epoch": 3, "environment": "staging",
        "service": "checkout", "reason": "rolling back",
    });
    let execution = || EXECUTION.parse().unwrap();
    let call = |state: &Value| read(json!({ "execution_arn": EXECUTION, "state": state }));
    assert_eq!(
        call(&reply),
        Ok(Rollback::Execution {
            execution: execution(),
            rollout: Some("checkout-1".parse().unwrap()),
            error: None
        })
    );
    // Caught in a later state: the last reply and the error; caught in the first one: the event and the error.
    let cause = r#"{"errorType":"TransientError","errorMessage":"DynamoDB is not answering"}"#;
    let caught = CaughtError { error: "TransientError".to_owned(), cause: cause.to_owned() };
    let mut later = reply;
    later["error"] = json!({ "Error": "TransientError", "Cause": cause });
    let first = json!({ "detail-type": "x", "detail": {}, "error": later["error"] });
    for (state, rollout) in [(later, Some("checkout-1".parse().unwrap())), (first, None)] {
        assert_eq!(
            call(&state),
            Ok(Rollback::Execution { execution: execution(), rollout, error: Some(caught.clone()) })
        );
    }
    assert_eq!(caught.message(), "DynamoDB is not answering");
    let empty = json!({ "rollout_id": "", "error": { "Error": "States.Timeout" } });
    let Ok(Rollback::Execution { rollout: None, error: Some(timeout), .. }) = call(&empty) else { panic!() };
    assert_eq!((timeout.error.as_str(), timeout.message().as_str()), ("States.Timeout", ""));
    let plain = CaughtError { error: "States.Timeout".to_owned(), cause: "took 60 s".to_owned() };
    assert_eq!(plain.message(), "took 60 s");
    for (state, says) in [
        (json!({ "rollout_id": "a b" }), "state.rollout_id: rollout id \"a b\" is not valid"),
        (json!({ "error": "no" }), "state.error: "),
    ] {
        let error = call(&state).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
    assert!(read(json!({ "execution_arn": EXECUTION })).unwrap_err().starts_with("state is missing"));
    assert!(read(json!({})).unwrap_err().starts_with("execution_arn is missing"));
}

#[test]
fn a_persons_request_is_read() {
    let request =
        json!({ "roll_back": { "rollout_id": "checkout-1", "by": "alice", "reason": "wrong version" } });
    assert_eq!(
        read(request.clone()),
        Ok(Rollback::Requested {
            rollout: "checkout-1".parse().unwrap(),
            epoch: None,
            by: "alice".to_owned(),
            reason: "wrong version".to_owned()
        })
    );
    for (epoch, expected) in [
        (json!(3), Ok(Some(3))),
        (Value::Null, Ok(None)),
        (json!("3"), Err("roll_back.epoch is \"3\": write a number".to_owned())),
        (json!(-1), Err("roll_back.epoch is -1: write a number".to_owned())),
    ] {
        let mut with = request.clone();
        with["roll_back"]["epoch"] = epoch;
        let found = read(with).map(|read| match read {
            Rollback::Requested { epoch, .. } => epoch,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, expected);
    }
    for field in ["rollout_id", "by", "reason"] {
        let mut less = request.clone();
        less["roll_back"].as_object_mut().unwrap().remove(field);
        assert!(read(less).unwrap_err().starts_with(&format!("roll_back.{field} is missing")));
    }
}

#[test]
fn the_sweep_and_the_line_are_read() {
    assert_eq!(read(json!({ "sweep": {} })), Ok(Rollback::Sweep));
    let line = |order: &str| json!({ "line": { "order": order, "by": "ann", "reason": "incident 7" } });
    for (order, stop) in [("stop", true), ("resume", false)] {
        let expected = Rollback::Line { stop, by: "ann".to_owned(), reason: "incident 7".to_owned() };
        assert_eq!(read(line(order)), Ok(expected));
    }
    let says = "line.order is \"halt\": write \"stop\" or \"resume\"";
    assert_eq!(read(line("halt")), Err(says.to_owned()));
    for field in ["order", "by", "reason"] {
        let mut less = line("stop");
        less["line"].as_object_mut().unwrap().remove(field);
        assert!(read(less).unwrap_err().starts_with(&format!("line.{field} is missing")));
    }
}

#[test]
fn a_freeze_and_a_thaw_are_read() {
    let order = |order: &str, until: Value| json!({ "freeze": { "order": order, "until": until, "by": "ann", "reason": "sale" } });
    let expected = |order| Ok(Rollback::Freeze { order, by: "ann".to_owned(), reason: "sale".to_owned() });
    let until = Some("2026-12-01T06:00:00-05:00".parse().unwrap());
    let monday = json!("2026-12-01T06:00:00-05:00");
    assert_eq!(read(order("freeze", monday.clone())), expected(FreezeOrder::Freeze { until }));
    assert_eq!(read(order("freeze", Value::Null)), expected(FreezeOrder::Freeze { until: None }));
    assert_eq!(read(order("thaw", Value::Null)), expected(FreezeOrder::Thaw));
    let says = "freeze.until goes with the order \"freeze\": leave it out";
    assert_eq!(read(order("thaw", monday)), Err(says.to_owned()));
    let says = "freeze.order is \"melt\": write \"freeze\" or \"thaw\"";
    assert_eq!(read(order("melt", Value::Null)), Err(says.to_owned()));
    // A time without its zone is nobody's.
    for until in [json!("2026-12-01T06:00"), json!("monday"), json!(7)] {
        let error = read(order("freeze", until)).unwrap_err();
        assert!(error.starts_with("freeze.until is"), "{error}");
    }
    for field in ["order", "by", "reason"] {
        let mut less = order("freeze", Value::Null);
        less["freeze"].as_object_mut().unwrap().remove(field);
        assert!(read(less).unwrap_err().starts_with(&format!("freeze.{field} is missing")));
    }
}

#[test]
fn an_unhold_is_read() {
    let written =
        json!({ "unhold": { "service": "checkout", "version": "v2", "by": "ann", "reason": "mended" } });
    assert_eq!(
        read(written.clone()),
        Ok(Rollback::Unhold {
            service: "checkout".parse().unwrap(),
            version: "v2".parse().unwrap(),
            by: "ann".to_owned(),
            reason: "mended".to_owned(),
        })
    );
    for field in ["service", "version", "by", "reason"] {
        let mut less = written.clone();
        less["unhold"].as_object_mut().unwrap().remove(field);
        assert!(read(less).unwrap_err().starts_with(&format!("unhold.{field} is missing")));
    }
}
