//! Sizes, the length of the history and the machine's timeout.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::{Value, json};

use super::support::{EPOCH, FUNCTION, MACHINE_ARN, Reply, Script, one, parse, run, start, task};
use crate::{
    Event, Execution, HistoryEvent, Identity, MAX_DATA_BYTES, MAX_HISTORY_EVENTS, Observer, Outcome,
    ScaledTimer, StartError, Transcript,
};

/// JSON text of exactly so many bytes.
fn sized(bytes: usize) -> Value {
    Value::String("x".repeat(bytes - 2))
}

#[tokio::test(start_paused = true)]
async fn an_input_over_the_limit_starts_nothing() {
    let begin = |input: Value| {
        Execution::start(
            Arc::new(parse(&one(&json!({ "Type": "Succeed" })))),
            Identity::new(MACHINE_ARN, "large").unwrap(),
            input,
            Script::new([]),
            Arc::new(ScaledTimer::new(EPOCH.parse().unwrap(), NonZeroU32::MIN)),
            Arc::new(Transcript::new()),
        )
    };
    assert_eq!(begin(sized(MAX_DATA_BYTES + 1)).err(), Some(StartError::InputTooLarge));
    assert!(matches!(begin(sized(MAX_DATA_BYTES)).unwrap().finished().await, Outcome::Succeeded { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_result_over_the_limit_fails_and_only_its_name_catches_it() {
    let state = |name: &str| one(&task(&json!({ "Catch": [{ "ErrorEquals": [name], "Next": "Caught" }] })));
    let over = || Reply::Ok(sized(MAX_DATA_BYTES + 1));
    assert_eq!(run(&state("States.ALL"), json!({}), [over()]).await.error(), "States.DataLimitExceeded");
    let ran = run(&state("States.DataLimitExceeded"), json!({}), [over()]).await;
    assert_eq!(ran.states, ["T", "Caught"]);
    let fits = run(&one(&task(&json!({}))), json!({}), [Reply::Ok(sized(MAX_DATA_BYTES))]).await;
    assert_eq!(*fits.output(), sized(MAX_DATA_BYTES));
}

#[tokio::test(start_paused = true)]
async fn a_payload_over_the_limit_is_not_sent() {
    let state = one(&task(&json!({ "Parameters": { "a.$": "$", "b.$": "$" } })));
    let ran = run(&state, sized(MAX_DATA_BYTES / 2), []).await;
    assert_eq!(ran.error(), "States.DataLimitExceeded");
    assert!(ran.calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_output_over_the_limit_fails() {
    let pass = json!({ "Type": "Pass", "Parameters": { "a.$": "$", "b.$": "$" }, "End": true });
    assert_eq!(run(&one(&pass), sized(MAX_DATA_BYTES / 2), []).await.error(), "States.DataLimitExceeded");

    // The error output has to fit beside the input.
    let catch = json!({ "Catch": [{ "ErrorEquals": ["E"], "Next": "Caught", "ResultPath": "$.error" }] });
    let input = json!({ "a": sized(MAX_DATA_BYTES - 20) });
    let ran = run(&one(&task(&catch)), input, [Reply::Err("E")]).await;
    assert_eq!(ran.error(), "States.DataLimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn the_history_ends_at_its_limit() {
    // Five events a turn: the limit is reached within an attempt, and neither Retry nor Catch may take that.
    let definition = json!({ "StartAt": "T", "States": {
        "T": { "Type": "Task", "Resource": FUNCTION, "Next": "T",
            "Retry": [{ "ErrorEquals": ["States.ALL"] }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }] },
        "Caught": { "Type": "Succeed" },
    } });
    let begun = start(&definition, json!({}), (0..5_000).map(|_| Reply::Ok(json!({}))));
    let transcript = Arc::clone(&begun.transcript);
    assert_eq!(begun.end().await.error(), "States.Runtime");
    let events = transcript.events();
    assert_eq!(events.last().map(|event| event.id), Some(MAX_HISTORY_EVENTS));
    assert_eq!(events.len() as u64, MAX_HISTORY_EVENTS);
}

#[tokio::test(start_paused = true)]
async fn the_machine_times_out_in_any_state_and_nothing_catches_it() {
    let states = json!({
        "W": { "Type": "Wait", "Seconds": 50, "Next": "T" },
        "T": { "Type": "Task", "Resource": FUNCTION, "End": true,
            "Retry": [{ "ErrorEquals": ["States.ALL"] }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }] },
        "Caught": { "Type": "Succeed" },
    });
    for (timeout, reached) in [(30, vec!["W"]), (60, vec!["W", "T"])] {
        let definition = json!({ "StartAt": "W", "TimeoutSeconds": timeout, "States": states });
        let ran = run(&definition, json!({}), [Reply::After(1000, json!(1))]).await;
        assert_eq!((&ran.outcome, ran.seconds()), (&Outcome::TimedOut, timeout));
        assert_eq!(ran.states, reached);
        assert_eq!(ran.events.last(), Some(&Event::Ended { outcome: Outcome::TimedOut }));
    }
    let definition = json!({ "StartAt": "W", "TimeoutSeconds": 60, "States": states });
    let ran = run(&definition, json!({}), [Reply::After(9, json!("in time"))]).await;
    assert_eq!(*ran.output(), "in time");
}

struct Broken;

impl Observer for Broken {
    fn record(&self, _: &HistoryEvent) {
        panic!("an observer that breaks its contract");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_execution_is_told() {
    let execution = Execution::start(
        Arc::new(parse(&one(&json!({ "Type": "Succeed" })))),
        Identity::new(MACHINE_ARN, "lost").unwrap(),
        json!({}),
        Script::new([]),
        Arc::new(ScaledTimer::new(EPOCH.parse().unwrap(), NonZeroU32::MIN)),
        Arc::new(Broken),
    )
    .unwrap();
    let outcome = execution.finished().await;
    assert!(matches!(outcome, Outcome::Aborted { error: Some(error), .. } if error == "Execution.Lost"));
}
