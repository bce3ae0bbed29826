//! Task tokens, their timeouts, and what a handle does.

use std::time::Duration;

use serde_json::json;

use super::support::{Reply, one, start, token_task};
use crate::{Event, MAX_DATA_BYTES, Outcome, TokenError, execution_of};

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_the_token_is_the_output() {
    let begun = start(
        &one(&token_task(&json!({ "ResultPath": "$.approval" }))),
        json!({ "a": 1 }),
        [Reply::Ok(json!("asked"))],
    );
    let token = begun.token(0).await;
    assert_eq!(execution_of(&token), Some(begun.execution.identity().execution_arn()));
    sleep(3600).await;
    assert_eq!(begun.execution.outcome(), None);
    begun.execution.task_success(&token, json!({ "by": "me" })).unwrap();
    let ran = begun.end().await;
    assert_eq!(*ran.output(), json!({ "a": 1, "approval": { "by": "me" } }));
    let submitted = json!({ "Payload": "asked", "StatusCode": 200, "ExecutedVersion": "$LATEST" });
    assert!(ran.events.contains(&Event::TaskSubmitted { output: submitted }));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_before_the_call_returns() {
    let begun = start(&one(&token_task(&json!({}))), json!({}), [Reply::After(60, json!("asked"))]);
    let token = begun.token(0).await;
    begun.execution.task_success(&token, json!("early")).unwrap();
    let ran = begun.end().await;
    assert_eq!((ran.output(), ran.seconds()), (&json!("early"), 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_token_is_an_error_like_any_other() {
    let catch = json!({ "Catch": [{ "ErrorEquals": ["Denied"], "Next": "Caught" }] });
    let begun = start(&one(&token_task(&catch)), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    begun.execution.task_failure(&token, "Denied", "not today").unwrap();
    assert_eq!(*begun.end().await.output(), json!({ "Error": "Denied", "Cause": "not today" }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_fails_the_task() {
    let begun = start(&one(&token_task(&json!({}))), json!({}), [Reply::Err("E")]);
    let token = begun.token(0).await;
    let execution = begun.execution.clone();
    assert_eq!(begun.end().await.error(), "E");
    assert_eq!(execution.task_success(&token, json!(1)), Err(TokenError::Over));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_own_token() {
    let retry = json!({ "Retry": [{ "ErrorEquals": ["E"] }] });
    let begun = start(&one(&token_task(&retry)), json!({}), [Reply::Ok(json!(1)), Reply::Ok(json!(1))]);
    let first = begun.token(0).await;
    begun.execution.task_failure(&first, "E", "again").unwrap();
    let second = begun.token(1).await;
    assert_ne!(first, second);
    assert_eq!(begun.execution.task_success(&first, json!(1)), Err(TokenError::Over));
    begun.execution.task_success(&second, json!(2)).unwrap();
    assert_eq!(*begun.end().await.output(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_answer_counts() {
    let begun = start(&one(&token_task(&json!({}))), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    begun.execution.task_success(&token, json!(1)).unwrap();
    assert_eq!(begun.execution.task_success(&token, json!(2)), Err(TokenError::Over));
    assert_eq!(begun.execution.task_failure(&token, "E", "C"), Err(TokenError::Over));
    assert_eq!(begun.execution.heartbeat(&token), Err(TokenError::Over));
    assert_eq!(*begun.end().await.output(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_others_are_refused() {
    let begun = start(&one(&token_task(&json!({}))), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    let arn = begun.execution.identity().execution_arn();
    for wrong in
        ["", "token", &format!("{token}0"), &format!("{arn}#0"), &format!("{arn}#2"), &format!("{arn}x#1")]
    {
        assert_eq!(begun.execution.task_success(wrong, json!(1)), Err(TokenError::Unknown), "{wrong}");
    }
    assert_eq!(execution_of("token"), None);
    begun.execution.task_success(&token, json!(1)).unwrap();
    begun.end().await.output();
}

#[tokio::test(start_paused = true)]
async fn an_output_over_the_limit_is_refused_and_the_task_waits_on() {
    let begun = start(&one(&token_task(&json!({}))), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    let large = json!("x".repeat(MAX_DATA_BYTES));
    assert_eq!(begun.execution.task_success(&token, large), Err(TokenError::OutputTooLarge));
    begun.execution.task_success(&token, json!("small")).unwrap();
    assert_eq!(*begun.end().await.output(), "small");
}

#[tokio::test(start_paused = true)]
async fn a_token_nobody_answers_times_out() {
    let catch =
        json!({ "TimeoutSeconds": 300, "Catch": [{ "ErrorEquals": ["States.Timeout"], "Next": "Caught" }] });
    let begun = start(&one(&token_task(&catch)), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    let execution = begun.execution.clone();
    let ran = begun.end().await;
    assert_eq!((ran.output()["Error"].as_str(), ran.seconds()), (Some("States.Timeout"), 300));
    assert_eq!(execution.task_success(&token, json!(1)), Err(TokenError::Over));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_a_task_alive() {
    let fields = json!({ "TimeoutSeconds": 100, "HeartbeatSeconds": 10 });
    let begun = start(&one(&token_task(&fields)), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    for _ in 0..3 {
        sleep(9).await;
        begun.execution.heartbeat(&token).unwrap();
    }
    let ran = begun.end().await;
    assert_eq!((ran.error(), ran.seconds()), ("States.HeartbeatTimeout", 37));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_do_not_put_off_the_timeout() {
    let fields = json!({ "TimeoutSeconds": 25, "HeartbeatSeconds": 10 });
    let begun = start(&one(&token_task(&fields)), json!({}), [Reply::Ok(json!(1))]);
    let token = begun.token(0).await;
    for _ in 0..2 {
        sleep(9).await;
        begun.execution.heartbeat(&token).unwrap();
    }
    let ran = begun.end().await;
    assert_eq!((ran.error(), ran.seconds()), ("States.Timeout", 25));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_is_aborted() {
    let begun = start(&one(&json!({ "Type": "Wait", "Seconds": 600, "End": true })), json!({}), []);
    sleep(5).await;
    begun.execution.stop(Some("Stopped".to_owned()), None);
    let execution = begun.execution.clone();
    let ran = begun.end().await;
    let aborted = Outcome::Aborted { error: Some("Stopped".to_owned()), cause: None };
    assert_eq!((&ran.outcome, ran.seconds()), (&aborted, 5));
    assert_eq!(ran.events.last(), Some(&Event::Ended { outcome: aborted.clone() }));

    execution.stop(Some("Again".to_owned()), None);
    sleep(1).await;
    assert_eq!(execution.outcome(), Some(aborted));
}

#[tokio::test(start_paused = true)]
async fn without_handles_an_execution_runs_to_its_end() {
    let begun = start(&one(&json!({ "Type": "Wait", "Seconds": 600, "End": true })), json!({}), []);
    let transcript = begun.transcript.clone();
    drop(begun);
    sleep(601).await;
    assert!(matches!(
        transcript.events().last().unwrap().event,
        Event::Ended { outcome: Outcome::Succeeded { .. } }
    ));
}
