//! Retry and Catch.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::support::{EPOCH, MACHINE_ARN, Reply, Script, one, parse, run, start, task};
use crate::{Event, Execution, Identity, Outcome, ScaledTimer, Timer, Transcript};

fn retry(retriers: &Value) -> Value {
    one(&task(&json!({ "Retry": retriers })))
}

fn errors(count: usize, error: &'static str) -> impl Iterator<Item = Reply> {
    std::iter::repeat_with(move || Reply::Err(error)).take(count)
}

#[tokio::test(start_paused = true)]
async fn retries_back_off_by_default() {
    let definition = retry(&json!([{ "ErrorEquals": ["E"] }]));
    let ran = run(&definition, json!({}), errors(4, "E")).await;
    assert_eq!(ran.delays(), [1.0, 2.0, 4.0]);
    assert_eq!((ran.error(), ran.calls.len(), ran.seconds()), ("E", 4, 7));
}

#[tokio::test(start_paused = true)]
async fn back_off_grows_by_its_rate_up_to_the_maximum() {
    let definition = retry(&json!([{ "ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 1.5,
        "MaxAttempts": 5, "MaxDelaySeconds": 5 }]));
    let ran = run(&definition, json!({}), errors(5, "E").chain([Reply::Ok(json!("well"))])).await;
    assert_eq!(ran.delays(), [2.0, 3.0, 4.5, 5.0, 5.0]);
    assert_eq!((ran.output(), ran.elapsed.as_millis()), (&json!("well"), 19_500));
}

#[tokio::test(start_paused = true)]
async fn no_attempts_means_no_retry() {
    let definition = retry(&json!([{ "ErrorEquals": ["States.ALL"], "MaxAttempts": 0 }]));
    let ran = run(&definition, json!({}), errors(1, "E")).await;
    assert_eq!((ran.calls.len(), ran.seconds()), (1, 0));
}

#[test]
fn a_delay_beyond_all_bounds_does_not_overflow() {
    let retrier = crate::recovery::Retrier {
        errors: Vec::new(),
        interval: Duration::from_secs(99_999_999),
        max_attempts: 99_999_999,
        backoff_rate: 1e300,
        max_delay: None,
        full_jitter: true,
    };
    assert_eq!(retrier.delay(99_999_999, 1.0), Duration::MAX);
    assert_eq!(retrier.delay(1, f64::NAN), Duration::from_secs(99_999_999));
    assert_eq!(retrier.delay(1, -1.0), Duration::ZERO);
}

/// The example of the Step Functions developer guide: errors A, B, C, B.
#[tokio::test(start_paused = true)]
async fn every_retrier_counts_for_itself() {
    let definition = one(&task(&json!({
        "Retry": [
            { "ErrorEquals": ["A", "B"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 2 },
            { "ErrorEquals": ["C"], "IntervalSeconds": 5 },
        ],
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }],
    })));
    let replies = ["A", "B", "C", "B"].map(Reply::Err);
    let ran = run(&definition, json!({ "in": 1 }), replies).await;
    assert_eq!(ran.delays(), [1.0, 2.0, 5.0]);
    assert_eq!(ran.states, ["T", "Caught"]);
    assert_eq!(*ran.output(), json!({ "Error": "B", "Cause": "cause of B" }));
}

#[tokio::test(start_paused = true)]
async fn a_used_up_retrier_hands_on_to_catch_and_not_to_the_next() {
    let definition = retry(&json!([
        { "ErrorEquals": ["E"], "MaxAttempts": 1 },
        { "ErrorEquals": ["States.ALL"], "MaxAttempts": 9 },
    ]));
    let ran = run(&definition, json!({}), errors(2, "E")).await;
    assert_eq!((ran.error(), ran.calls.len()), ("E", 2));
}

#[tokio::test(start_paused = true)]
async fn counters_begin_anew_with_each_visit() {
    let definition = json!({ "StartAt": "T", "States": {
        "T": { "Type": "Task", "Resource": super::support::FUNCTION, "Next": "Again",
            "Retry": [{ "ErrorEquals": ["E"], "MaxAttempts": 1 }] },
        "Again": { "Type": "Choice", "Default": "Done",
            "Choices": [{ "Variable": "$.again", "BooleanEquals": true, "Next": "T" }] },
        "Done": { "Type": "Succeed" },
    } });
    let ok = |again: bool| Reply::Ok(json!({ "again": again }));
    let ran = run(&definition, json!({}), [Reply::Err("E"), ok(true), Reply::Err("E"), ok(false)]).await;
    assert_eq!(ran.delays(), [1.0, 1.0]);
    assert_eq!(ran.states, ["T", "Again", "T", "Again", "Done"]);
}

#[tokio::test(start_paused = true)]
async fn the_retry_count_is_in_the_context() {
    let definition = one(&task(&json!({
        "Parameters": { "n.$": "$$.State.RetryCount" },
        "Retry": [{ "ErrorEquals": ["A"] }, { "ErrorEquals": ["B"] }],
    })));
    let ran = run(&definition, json!({}), [Reply::Err("A"), Reply::Err("B"), Reply::Ok(json!(1))]).await;
    assert_eq!(ran.calls, [json!({ "n": 0 }), json!({ "n": 1 }), json!({ "n": 2 })]);
    let attempts: Vec<u64> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TaskScheduled { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn catchers_are_tried_in_order() {
    let definition = json!({ "StartAt": "T", "States": {
        "T": task(&json!({ "Catch": [
            { "ErrorEquals": ["A"], "Next": "IsA" },
            { "ErrorEquals": ["B", "C"], "Next": "IsC", "ResultPath": "$.error" },
            { "ErrorEquals": ["States.ALL"], "Next": "Other" },
        ] })),
        "IsA": { "Type": "Succeed" }, "IsC": { "Type": "Succeed" }, "Other": { "Type": "Succeed" },
    } });
    let ran = run(&definition, json!({ "in": 1 }), [Reply::Err("C")]).await;
    assert_eq!(ran.states, ["T", "IsC"]);
    assert_eq!(*ran.output(), json!({ "in": 1, "error": { "Error": "C", "Cause": "cause of C" } }));
    assert!(ran.events.contains(&Event::Caught {
        catcher: 1,
        error: "C".to_owned(),
        next: "IsC".to_owned()
    }));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_no_catcher_takes_fails_the_execution() {
    let definition = one(&task(&json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "Caught" }] })));
    let ran = run(&definition, json!({}), [Reply::Err("B")]).await;
    let expected = Outcome::Failed {
        error: Some("B".to_owned()),
        cause: Some("cause of B".to_owned()),
        state: "T".to_owned(),
    };
    assert_eq!(ran.outcome, expected);
    assert!(!ran.events.iter().any(|event| matches!(event, Event::StateExited { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_catcher_whose_result_path_does_not_fit_fails_the_execution() {
    let catch =
        json!({ "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.a.b" }] });
    let ran = run(&one(&task(&catch)), json!({ "a": 1 }), [Reply::Err("E")]).await;
    assert_eq!(ran.error(), "States.ResultPathMatchFailure");
}

/// Which of the names takes the error.
async fn caught(name: &str, error: &'static str) -> bool {
    let definition = one(&task(&json!({ "Catch": [{ "ErrorEquals": [name], "Next": "Caught" }] })));
    run(&definition, json!({}), [Reply::Err(error)]).await.states.len() == 2
}

#[tokio::test(start_paused = true)]
async fn wildcards_take_what_aws_says() {
    for (name, error, taken) in [
        ("States.ALL", "E", true),
        ("States.ALL", "States.Timeout", true),
        ("States.ALL", "States.Runtime", false),
        ("States.ALL", "States.DataLimitExceeded", false),
        ("States.DataLimitExceeded", "States.DataLimitExceeded", true),
        ("States.TaskFailed", "E", true),
        ("States.TaskFailed", "Lambda.Unknown", true),
        ("States.TaskFailed", "States.TaskFailed", true),
        ("States.TaskFailed", "States.Timeout", false),
        ("States.TaskFailed", "States.HeartbeatTimeout", false),
        ("States.TaskFailed", "States.Runtime", false),
        ("States.TaskFailed", "States.DataLimitExceeded", false),
        ("States.Timeout", "States.Timeout", true),
        ("States.Timeout", "States.HeartbeatTimeout", true),
        ("States.Timeout", "E", false),
        ("States.HeartbeatTimeout", "States.HeartbeatTimeout", true),
        ("States.HeartbeatTimeout", "States.Timeout", false),
        ("E", "e", false),
    ] {
        assert_eq!(caught(name, error).await, taken, "{name} on {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_times_out_and_can_be_retried() {
    for timeout in [json!({ "TimeoutSeconds": 60 }), json!({ "TimeoutSecondsPath": "$.limit" })] {
        let retry = json!({ "Retry": [{ "ErrorEquals": ["States.Timeout"], "IntervalSeconds": 5 }] });
        let state = super::support::with(task(&timeout), &retry);
        let replies = [Reply::After(61, json!("late")), Reply::After(59, json!("well"))];
        let ran = run(&one(&state), json!({ "limit": 60 }), replies).await;
        assert_eq!((ran.output(), ran.seconds()), (&json!("well"), 60 + 5 + 59));
        assert!(
            ran.events
                .iter()
                .any(|event| matches!(event, Event::TaskTimedOut { error, .. } if error == "States.Timeout"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_runs_to_its_end() {
    let state = task(&json!({ "TimeoutSeconds": 1 }));
    let begun = start(&one(&state), json!({}), [Reply::After(10, json!("late"))]);
    let script = Arc::clone(&begun.script);
    assert_eq!(begun.end().await.error(), "States.Timeout");
    assert_eq!(*script.finished.lock().unwrap(), 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(*script.finished.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_function_is_an_unknown_error() {
    let definition = retry(&json!([{ "ErrorEquals": ["Lambda.Unknown"] }]));
    let ran = run(&definition, json!({}), [Reply::Panic, Reply::Ok(json!(1))]).await;
    assert_eq!((ran.output(), ran.calls.len()), (&json!(1), 2));
}

struct Jittered {
    inner: ScaledTimer,
    share: f64,
}

#[async_trait]
impl Timer for Jittered {
    fn now(&self) -> jiff::Timestamp {
        self.inner.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }

    fn jitter(&self) -> f64 {
        self.share
    }
}

#[tokio::test(start_paused = true)]
async fn full_jitter_waits_a_share_of_the_delay() {
    for (strategy, share, seconds) in
        [("FULL", 0.25, 3), ("NONE", 0.25, 12), ("FULL", 7.0, 12), ("FULL", 0.0, 0)]
    {
        let definition = retry(&json!([
            { "ErrorEquals": ["E"], "IntervalSeconds": 4, "MaxAttempts": 2, "JitterStrategy": strategy },
        ]));
        let inner = ScaledTimer::new(EPOCH.parse().unwrap(), NonZeroU32::MIN);
        let begun = tokio::time::Instant::now();
        let execution = Execution::start(
            Arc::new(parse(&definition)),
            Identity::new(MACHINE_ARN, "jitter").unwrap(),
            json!({}),
            Script::new(errors(3, "E")),
            Arc::new(Jittered { inner, share }),
            Arc::new(Transcript::new()),
        )
        .unwrap();
        assert!(matches!(execution.finished().await, Outcome::Failed { .. }));
        assert_eq!(begun.elapsed().as_secs(), seconds, "{strategy} {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_faster_clock_shortens_waits_and_shows_its_own_time() {
    let definition = one(&json!({ "Type": "Wait", "Seconds": 600, "End": true }));
    let transcript = Arc::new(Transcript::new());
    let begun = tokio::time::Instant::now();
    let execution = Execution::start(
        Arc::new(parse(&definition)),
        Identity::new(MACHINE_ARN, "fast").unwrap(),
        json!({}),
        Script::new([]),
        Arc::new(ScaledTimer::new(EPOCH.parse().unwrap(), NonZeroU32::new(60).unwrap())),
        Arc::clone(&transcript) as Arc<dyn crate::Observer>,
    )
    .unwrap();
    execution.finished().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    let events = transcript.events();
    let (first, last) = (events.first().unwrap().at, events.last().unwrap().at);
    assert_eq!(first.duration_until(last).as_secs(), 600);
}
