//! Paths, templates, Choice, Wait, Pass, Fail, and how Lambda functions are called.

use serde_json::{Value, json};

use super::support::{EPOCH, FUNCTION, INVOKE, MACHINE_ARN, Reply, one, run, task, with};
use crate::{Event, Outcome, ResourceKind, StateKind};

#[tokio::test(start_paused = true)]
async fn a_task_passes_data_through_every_path() {
    let state = task(&json!({
        "InputPath": "$.in",
        "Parameters": { "fixed": [1, { "deep.$": "$.x[1]" }], "all.$": "$" },
        "ResultSelector": { "kept.$": "$.reply.a", "note": "n" },
        "ResultPath": "$.out.result",
        "OutputPath": "$.out",
    }));
    let input = json!({ "in": { "x": [1, 2] }, "out": { "old": true } });
    let ran = run(&one(&state), input, [Reply::Ok(json!({ "reply": { "a": 7 } }))]).await;
    assert_eq!(ran.calls, [json!({ "fixed": [1, { "deep": 2 }], "all": { "x": [1, 2] } })]);
    assert_eq!(*ran.output(), json!({ "old": true, "result": { "kept": 7, "note": "n" } }));
}

#[tokio::test(start_paused = true)]
async fn a_task_without_paths_replaces_its_input() {
    let ran = run(&one(&task(&json!({}))), json!({ "a": 1 }), [Reply::Ok(json!([2]))]).await;
    assert_eq!(ran.calls, [json!({ "a": 1 })]);
    assert_eq!(ran.outcome, Outcome::Succeeded { output: json!([2]), state: "T".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn the_integration_wraps_the_reply() {
    for (function, version) in
        [("check", "$LATEST"), (&format!("{FUNCTION}:7"), "7"), ("check:live", "$LATEST")]
    {
        let parameters = json!({ "FunctionName": function, "Payload": { "a.$": "$.a" } });
        let state = task(&json!({ "Resource": INVOKE, "Parameters": parameters }));
        let ran = run(&one(&state), json!({ "a": 1, "b": 2 }), [Reply::Ok(json!("done"))]).await;
        assert_eq!(ran.calls, [json!({ "a": 1 })]);
        let output = json!({ "Payload": "done", "StatusCode": 200, "ExecutedVersion": version });
        assert_eq!(*ran.output(), output);
        assert!(ran.events.iter().any(|event| matches!(event,
            Event::TaskScheduled { resource, .. }
                if resource.kind() == ResourceKind::Invoke && resource.function() == function)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_payload_may_be_a_path() {
    let parameters = json!({ "FunctionName": "check", "Payload.$": "$.a" });
    let state = task(&json!({ "Resource": INVOKE, "Parameters": parameters }));
    let ran = run(&one(&state), json!({ "a": [1] }), [Reply::Ok(json!(null))]).await;
    assert_eq!(ran.calls, [json!([1])]);
}

#[tokio::test(start_paused = true)]
async fn the_context_tells_execution_machine_and_state() {
    let definition = json!({ "StartAt": "W", "States": {
        "W": { "Type": "Wait", "Seconds": 10, "Next": "P" },
        "P": { "Type": "Pass", "End": true, "Parameters": {
            "id.$": "$$.Execution.Id", "name.$": "$$.Execution.Name", "start.$": "$$.Execution.StartTime",
            "input.$": "$$.Execution.Input", "deep.$": "$$.Execution.Input.a[0]",
            "state.$": "$$.State.Name", "entered.$": "$$.State.EnteredTime", "retries.$": "$$.State.RetryCount",
            "machine.$": "$$.StateMachine.Id", "machine_name.$": "$$.StateMachine.Name",
        } },
    } });
    let ran = run(&definition, json!({ "a": [5] }), []).await;
    assert_eq!(
        *ran.output(),
        json!({
            "id": "arn:aws:states:eu-west-1:123456789012:execution:rollout:run-1", "name": "run-1",
            "start": EPOCH, "input": { "a": [5] }, "deep": 5,
            "state": "P", "entered": "2026-01-02T03:04:15.678Z", "retries": 0,
            "machine": MACHINE_ARN, "machine_name": "rollout",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_path_fails_the_execution_and_is_not_caught() {
    let catch = json!({ "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }],
        "Retry": [{ "ErrorEquals": ["States.ALL"] }] });
    for field in [
        json!({ "InputPath": "$.missing" }),
        json!({ "Parameters": { "a.$": "$.missing" } }),
        json!({ "TimeoutSecondsPath": "$.missing" }),
        json!({ "TimeoutSecondsPath": "$.zero" }),
    ] {
        let ran = run(&one(&task(&with(field.clone(), &catch))), json!({ "zero": 0 }), []).await;
        assert_eq!(ran.error(), "States.Runtime", "{field}");
        assert_eq!(ran.states, ["T"]);
        assert!(ran.calls.is_empty());
    }
    for field in [json!({ "ResultSelector": { "a.$": "$.missing" } }), json!({ "OutputPath": "$.missing" })] {
        let ran = run(&one(&task(&with(field.clone(), &catch))), json!({}), [Reply::Ok(json!({}))]).await;
        assert_eq!(ran.error(), "States.Runtime", "{field}");
        assert_eq!(ran.calls.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_path_that_does_not_fit_can_be_caught() {
    let state = task(&json!({ "ResultPath": "$.a.b" }));
    let ran = run(&one(&state), json!({ "a": "text" }), [Reply::Ok(json!(1))]).await;
    assert_eq!(ran.error(), "States.ResultPathMatchFailure");

    let caught = with(
        state,
        &json!({ "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.e" }] }),
    );
    let ran = run(&one(&caught), json!({ "a": "text" }), [Reply::Ok(json!(1))]).await;
    assert_eq!(ran.output()["e"]["Error"], "States.ResultPathMatchFailure");
    assert_eq!(ran.output()["a"], "text");
}

/// Whether a Choice of the rule takes its branch.
async fn takes(mut rule: Value, input: Value) -> bool {
    rule["Next"] = json!("Caught");
    let state = json!({ "Type": "Choice", "Choices": [rule], "Default": "After" });
    let ran = run(&one(&state), input, []).await;
    ran.output();
    ran.states[1] == "Caught"
}

#[tokio::test(start_paused = true)]
async fn choice_tests_compare_within_a_type() {
    let input =
        json!({ "s": "a", "b": true, "n": 10, "f": 9.5, "null": null, "big": 9_007_199_254_740_993_u64 });
    for (variable, test, bound, holds) in [
        ("$.s", "StringEquals", json!("a"), true),
        ("$.s", "StringEquals", json!("A"), false),
        ("$.n", "StringEquals", json!("10"), false),
        ("$.b", "BooleanEquals", json!(true), true),
        ("$.b", "BooleanEquals", json!(false), false),
        ("$.s", "BooleanEquals", json!(false), false),
        ("$.n", "NumericEquals", json!(10.0), true),
        ("$.n", "NumericEquals", json!(11), false),
        ("$.s", "NumericEquals", json!(0), false),
        ("$.big", "NumericEquals", json!(9_007_199_254_740_992_u64), false),
        ("$.n", "NumericGreaterThan", json!(9.9), true),
        ("$.n", "NumericGreaterThan", json!(10), false),
        ("$.n", "NumericGreaterThanEquals", json!(10), true),
        ("$.n", "NumericGreaterThanEquals", json!(11), false),
        ("$.f", "NumericLessThan", json!(10), true),
        ("$.f", "NumericLessThan", json!(9.5), false),
        ("$.f", "NumericLessThanEquals", json!(9.5), true),
        ("$.f", "NumericLessThanEquals", json!(9), false),
        ("$.null", "IsPresent", json!(true), true),
        ("$.missing", "IsPresent", json!(true), false),
        ("$.missing", "IsPresent", json!(false), true),
        ("$$.Execution.Name", "StringEquals", json!("run-1"), true),
    ] {
        let rule = json!({ "Variable": variable, test: bound });
        assert_eq!(takes(rule.clone(), input.clone()).await, holds, "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn choice_rules_combine_and_stop_early() {
    let yes = json!({ "Variable": "$.a", "IsPresent": true });
    let no = json!({ "Not": yes });
    let fails = json!({ "Variable": "$.missing", "StringEquals": "x" });
    let input = json!({ "a": 1 });
    for (rule, holds) in [
        (json!({ "And": [yes, yes] }), true),
        (json!({ "And": [no, fails] }), false),
        (json!({ "Or": [yes, fails] }), true),
        (json!({ "Or": [no, no] }), false),
        (json!({ "Not": { "And": [yes, no] } }), true),
    ] {
        assert_eq!(takes(rule.clone(), input.clone()).await, holds, "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_choice_takes_its_first_rule_that_holds() {
    let rule = |next: &str| json!({ "Variable": "$.a", "IsPresent": true, "Next": next });
    let state = json!({ "Type": "Choice", "Choices": [rule("Caught"), rule("After")] });
    let ran = run(&one(&state), json!({ "a": 1 }), []).await;
    assert_eq!(ran.states, ["T", "Caught"]);
}

#[tokio::test(start_paused = true)]
async fn a_choice_without_match_or_variable_fails() {
    let rule = json!({ "Variable": "$.a", "StringEquals": "x", "Next": "After" });
    let state = json!({ "Type": "Choice", "Choices": [rule] });
    let ran = run(&one(&state), json!({ "a": "y" }), []).await;
    assert_eq!(ran.error(), "States.Runtime");
    let ran = run(&one(&with(state, &json!({ "Default": "After" }))), json!({}), []).await;
    assert_eq!(ran.error(), "States.Runtime");
    assert_eq!(ran.states, ["T"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_lasts_as_long_as_it_says() {
    let input = json!({ "s": 90, "t": "2026-01-02T04:04:45.678+01:00", "past": "2020-01-01T00:00:00Z" });
    for (field, value, seconds) in [
        ("Seconds", json!(30), 30),
        ("Seconds", json!(0), 0),
        ("SecondsPath", json!("$.s"), 90),
        ("Timestamp", json!("2026-01-02T03:05:05.678Z"), 60),
        ("TimestampPath", json!("$.t"), 40),
        ("TimestampPath", json!("$.past"), 0),
    ] {
        let ran = run(&one(&json!({ "Type": "Wait", field: value, "End": true })), input.clone(), []).await;
        assert_eq!((ran.seconds(), ran.output()), (seconds, &input), "{field} {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_what_is_no_time_fails() {
    for (field, input) in [
        ("SecondsPath", json!({})),
        ("SecondsPath", json!({ "x": -1 })),
        ("SecondsPath", json!({ "x": 1.5 })),
        ("SecondsPath", json!({ "x": "30" })),
        ("TimestampPath", json!({ "x": "tomorrow" })),
    ] {
        let ran = run(&one(&json!({ "Type": "Wait", field: "$.x", "End": true })), input.clone(), []).await;
        assert_eq!(ran.error(), "States.Runtime", "{field} {input}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_makes_data() {
    for (fields, output) in [
        (json!({}), json!({ "a": { "b": 1 } })),
        (json!({ "Result": null }), json!(null)),
        (json!({ "Result": { "x.$": "$.a" } }), json!({ "x.$": "$.a" })),
        (json!({ "Parameters": { "x.$": "$.a.b" } }), json!({ "x": 1 })),
        (
            json!({ "Parameters": { "x.$": "$.a.b" }, "ResultPath": "$.a.c" }),
            json!({ "a": { "b": 1, "c": { "x": 1 } } }),
        ),
        (
            json!({ "InputPath": "$.a", "ResultPath": "$.copy" }),
            json!({ "a": { "b": 1 }, "copy": { "b": 1 } }),
        ),
    ] {
        let state = with(json!({ "Type": "Pass", "End": true }), &fields);
        let ran = run(&one(&state), json!({ "a": { "b": 1 } }), []).await;
        assert_eq!(*ran.output(), output, "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_succeed_applies_its_paths() {
    let state = json!({ "Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b" });
    assert_eq!(*run(&one(&state), json!({ "a": { "b": 1 } }), []).await.output(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fail_tells_error_and_cause() {
    let input = json!({ "error": { "Error": "E2", "Cause": "C2" }, "n": 1 });
    for (fields, error, cause) in [
        (json!({}), None, None),
        (json!({ "Error": "E1", "Cause": "C1" }), Some("E1"), Some("C1")),
        (json!({ "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause" }), Some("E2"), Some("C2")),
        (json!({ "Error": "E1", "CausePath": "$$.State.Name" }), Some("E1"), Some("T")),
    ] {
        let ran = run(&one(&with(json!({ "Type": "Fail" }), &fields)), input.clone(), []).await;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let expected = Outcome::Failed { error: owned(error), cause: owned(cause), state: "T".to_owned() };
        assert_eq!(ran.outcome, expected, "{fields}");
    }
    let ran = run(&one(&json!({ "Type": "Fail", "ErrorPath": "$.n" })), input, []).await;
    assert_eq!(ran.error(), "States.Runtime");
}

#[tokio::test(start_paused = true)]
async fn the_history_has_the_ids_of_aws() {
    let definition = json!({ "StartAt": "T", "States": {
        "T": task(&json!({ "End": true, "Retry": [{ "ErrorEquals": ["Transient"] }] })),
    } });
    let begun =
        super::support::start(&definition, json!(1), [Reply::Err("Transient"), Reply::After(2, json!(2))]);
    let transcript = begun.transcript.clone();
    begun.end().await;
    let history: Vec<(u64, String, i64)> = transcript
        .events()
        .into_iter()
        .map(|event| {
            let kind = serde_json::to_value(&event.event).unwrap()["type"].as_str().unwrap().to_owned();
            let epoch: jiff::Timestamp = EPOCH.parse().unwrap();
            (event.id, kind, epoch.duration_until(event.at).as_secs())
        })
        .collect();
    let expected = [
        (1, "ExecutionStarted", 0),
        (2, "StateEntered", 0),
        (3, "TaskScheduled", 0),
        (4, "TaskStarted", 0),
        (5, "TaskFailed", 0),
        (5, "TaskRetried", 0),
        (6, "TaskScheduled", 1),
        (7, "TaskStarted", 1),
        (8, "TaskSucceeded", 3),
        (9, "StateExited", 3),
        (10, "Ended", 3),
    ];
    assert_eq!(history, expected.map(|(id, kind, seconds)| (id, kind.to_owned(), seconds)));
    assert!(transcript.events().iter().any(|event| matches!(&event.event,
        Event::StateEntered { kind: StateKind::Task, input, .. } if *input == json!(1))));
}
