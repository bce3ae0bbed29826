use rollout::{GateName, Overridden};
use serde_json::{Value, json};

use crate::*;

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:rollout:1";

fn pipeline_event() -> Value {
    json!({
        "version": "0",
        "id": "017f1f3d-1b5a-4d26-9e3f-a1f0c7e9c001",
        "detail-type": "CodePipeline Pipeline Execution State Change",
        "source": "aws.codepipeline",
        "account": "123456789012",
        "time": "2026-03-01T10:15:30Z",
        "region": "us-east-1",
        "resources": ["arn:aws:codepipeline:us-east-1:123456789012:checkout-pipeline"],
        "detail": {
            "pipeline": "checkout-pipeline",
            "execution-id": "12345678-1234-5678-abcd-12345678abcd",
            "execution-trigger": { "trigger-type": "Webhook", "trigger-detail": "main" },
            "state": "SUCCEEDED",
            "version": 6.0,
            "pipeline-execution-attempt": 1.0,
        },
    })
}

fn requested_event() -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Rollout Requested",
        "source": "ace-flow",
        "account": "123456789012",
        "time": "2026-03-01T10:15:30Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "environment": "staging",
            "service": "checkout",
            "version": "sha256:0f1e",
            "strategy": "blue-green",
            "requested_by": "alice",
        },
    })
}

fn read(event: Value) -> Result<Trigger, String> {
    let mut input = json!({ "execution_arn": EXECUTION });
    input["event"] = event;
    serde_json::from_value::<StartDeploy>(input).map(|start| start.trigger).map_err(|error| error.to_string())
}

fn without(mut event: Value, pointer: &str) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    event
}

fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
    event
}

fn origin() -> Origin {
    Origin {
        account: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        time: "2026-03-01T10:15:30Z".parse().unwrap(),
    }
}

#[test]
fn a_pipeline_event_is_read_as_it_is_delivered() {
    assert_eq!(
        read(pipeline_event()),
        Ok(Trigger::Pipeline {
            pipeline: "checkout-pipeline".to_owned(),
            execution_id: "12345678-1234-5678-abcd-12345678abcd".to_owned(),
            attempt: 1,
            state: "SUCCEEDED".to_owned(),
            origin: origin(),
        })
    );
}

#[test]
fn an_attempt_is_a_number_or_a_text_and_1_where_there_is_none() {
    let attempt =
        |value: Value| match read(with(pipeline_event(), "/detail/pipeline-execution-attempt", value))? {
            Trigger::Pipeline { attempt, .. } => Ok(attempt),
            other => Err(format!("{other:?}")),
        };
    for (value, expected) in [
        (json!(2), 2),
        (json!(2.0), 2),
        (json!("2"), 2),
        (json!("2.0"), 2),
        (json!(null), 1),
        (json!(12), 12),
    ] {
        assert_eq!(attempt(value.clone()), Ok(expected), "{value}");
    }
    for value in [json!(0), json!(-1), json!(1.5), json!("two"), json!([2]), json!(true)] {
        let says =
            format!("detail.pipeline-execution-attempt is {value}: it should be a whole number from 1");
        assert_eq!(attempt(value), Err(says));
    }
    let older = without(pipeline_event(), "/detail/pipeline-execution-attempt");
    assert!(matches!(read(older), Ok(Trigger::Pipeline { attempt: 1, .. })));
}

#[test]
fn every_state_is_read_known_or_not() {
    for state in ["STARTED", "FAILED", "SUPERSEDED", "CANCELED", "ABANDONED", "SOMETHING_NEW"] {
        let event = with(pipeline_event(), "/detail/state", json!(state));
        assert!(matches!(read(event), Ok(Trigger::Pipeline { state: read, .. }) if read == state));
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_with_its_path() {
    for path in
        ["detail-type", "account", "region", "time", "detail/pipeline", "detail/execution-id", "detail/state"]
    {
        let error = read(without(pipeline_event(), &format!("/{path}"))).unwrap_err();
        let dotted = path.replace('/', ".");
        assert_eq!(error, format!("{dotted} is missing: send the whole event as it was delivered"));
    }
    for path in ["id", "detail/service", "detail/version", "detail/requested_by"] {
        let error = read(without(requested_event(), &format!("/{path}"))).unwrap_err();
        assert!(error.starts_with(&format!("{} is missing", path.replace('/', "."))), "{error}");
    }
    let cases = [
        (with(pipeline_event(), "/time", json!("yesterday")), "time is \"yesterday\": "),
        (with(pipeline_event(), "/detail/state", json!(7)), "detail.state is not a text"),
        (
            with(requested_event(), "/detail/service", json!("a b")),
            "detail.service is \"a b\": service \"a b\" is not valid",
        ),
        (
            with(requested_event(), "/detail/strategy", json!("canarry")),
            "detail.strategy is \"canarry\": write \"canary\" or \"blue-green\", or leave it out",
        ),
    ];
    for (event, says) in cases {
        let error = read(event).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
    let no_execution =
        serde_json::from_value::<StartDeploy>(json!({ "event": pipeline_event() })).unwrap_err();
    assert!(no_execution.to_string().starts_with("execution_arn is missing"), "{no_execution}");
    let no_event = serde_json::from_value::<StartDeploy>(json!({ "execution_arn": EXECUTION })).unwrap_err();
    assert!(no_event.to_string().starts_with("event is missing"), "{no_event}");
}

#[test]
fn a_request_is_read() {
    let expected = |strategy, lift_bar| Trigger::Requested {
        service: "checkout".parse().unwrap(),
        version: "sha256:0f1e".parse().unwrap(),
        strategy,
        by: "alice".to_owned(),
        lift_bar,
        overridden: None,
        request_id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718".to_owned(),
        origin: origin(),
    };
    assert_eq!(read(requested_event()), Ok(expected(Some(rollout::Strategy::BlueGreen), false)));
    assert_eq!(read(without(requested_event(), "/detail/strategy")), Ok(expected(None, false)));
    assert_eq!(read(with(requested_event(), "/detail/strategy", Value::Null)), Ok(expected(None, false)));
    let strategy = Some(rollout::Strategy::BlueGreen);
    for (lift, expected) in [
        (json!(true), Ok(expected(strategy, true))),
        (json!(false), Ok(expected(strategy, false))),
        (Value::Null, Ok(expected(strategy, false))),
        (json!("yes"), Err("detail.lift_bar is \"yes\": write true or false".to_owned())),
    ] {
        assert_eq!(read(with(requested_event(), "/detail/lift_bar", lift)), expected);
    }
}

#[test]
fn an_override_names_gates_and_a_reason() {
    let with_override = |written: Value| match read(with(requested_event(), "/detail/override", written))? {
        Trigger::Requested { overridden, .. } => Ok(overridden),
        other => Err(format!("{other:?}")),
    };
    let overridden = |gates: &[GateName]| {
        Overridden::new(gates.to_vec(), "alice".to_owned(), "hot fix".to_owned()).unwrap()
    };
    for (gates, expected) in [
        (json!(["freeze"]), vec![GateName::Freeze]),
        (json!(["promotion", "freeze"]), vec![GateName::Promotion, GateName::Freeze]),
    ] {
        let found = with_override(json!({ "gates": gates, "reason": "hot fix" }));
        assert_eq!(found, Ok(Some(overridden(&expected))));
    }
    assert_eq!(with_override(Value::Null), Ok(None));
    for (written, says) in [
        (json!({ "gates": ["freeze"] }), "detail.override.reason is missing"),
        (json!({ "reason": "hot fix" }), "detail.override.gates is missing"),
        (json!("freeze"), "detail.override.gates is missing"),
        (json!({ "gates": ["freeze"], "reason": " " }), "detail.override: the reason is empty"),
        (json!({ "gates": [], "reason": "hot fix" }), "detail.override: no gate is named"),
        (
            json!({ "gates": ["frieze"], "reason": "hot fix" }),
            "detail.override.gates is [\"frieze\"]: write a list of",
        ),
        (
            json!({ "gates": "freeze", "reason": "hot fix" }),
            "detail.override.gates is \"freeze\": write a list",
        ),
        (
            json!({ "gates": ["guardrails"], "reason": "hot fix" }),
            "detail.override: gate guardrails cannot be overridden",
        ),
        (
            json!({ "gates": ["freeze"], "reason": "hot fix", "by": "bob" }),
            "detail.override.by is unknown: an override has gates and a reason",
        ),
    ] {
        let error = with_override(written).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn events_about_less_than_an_execution_are_told_apart() {
    for kind in ["CodePipeline Stage Execution State Change", "CodePipeline Action Execution State Change"] {
        let event = with(pipeline_event(), "/detail-type", json!(kind));
        assert_eq!(read(event), Ok(Trigger::Other { detail_type: kind.to_owned() }));
    }
}
