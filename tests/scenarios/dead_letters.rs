//! Input that no function can use: an answer or an error with a name, nothing changed, nothing tried for ever.

use std::sync::Arc;

use async_trait::async_trait;
use contract::{ErrorName, Failure};
use e2e::files::event;
use e2e::{Call, Fate, Gate, Lambda, Run, Wiring, alarm_event, once};
use local_stack::ASYNCHRONOUS_RETRIES;
use serde_json::{Value, json};

/// Everything goes well.
struct Clear;

#[async_trait]
impl Gate for Clear {
    async fn meet(&self, _: &Call) -> Fate {
        Fate::Through
    }
}

/// Everything that a function could change.
async fn all(run: &Run) -> String {
    let rollouts = run.rollouts().await;
    let mut histories = Vec::new();
    for rollout in &rollouts {
        histories.push(run.history(rollout).await);
    }
    let target = run.target(&"checkout".parse().unwrap()).await;
    format!("{rollouts:#?} {histories:#?} {target:#?} {:#?}", run.world.writes())
}

/// A message that is JSON, and no alarm's.
fn malformed(run: &Run) -> Value {
    let mut event = alarm_event("any", "ALARM", run.now());
    event["Records"][0]["Sns"]["Message"] = r#"{"AlarmName":"any"}"#.into();
    event
}

fn roll_back(id: &str, epoch: u64) -> Value {
    json!({ "roll_back": { "rollout_id": id, "epoch": epoch, "by": "dana", "reason": "wrong tax" } })
}

fn command(id: &str, epoch: u64, order: &str, step: u64) -> Value {
    json!({ "command": {
        "rollout_id": id, "epoch": epoch, "order": order, "step": step, "by": "dana", "reason": "wrong tax",
    } })
}

/// What a function answers to input that it can do nothing with.
enum Answer {
    Reply(&'static str),
    Error(ErrorName),
}
use Answer::{Error, Reply};

fn check(what: &str, answer: Result<Value, Failure>, expected: &Answer) {
    match (answer, expected) {
        (Ok(reply), Reply(says)) => {
            assert!(reply["next"].is_string(), "{what}: {reply}");
            assert!(reply["reason"].as_str().unwrap().contains(says), "{what}: {reply}");
        }
        (Err(failure), Error(name)) => assert_eq!(failure.name, *name, "{what}: {failure}"),
        (answer, _) => panic!("{what}: {answer:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn input_that_is_no_use_is_answered_and_changes_nothing() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    let rollout = run.rollouts().await.remove(0);
    let (id, epoch) = (rollout.id.as_str(), rollout.epoch.0);
    let before = all(&run).await;
    for (what, function, payload, expected) in [
        (
            "an unknown alarm",
            "rollback",
            alarm_event("somebody-elses", "ALARM", run.now()),
            Reply("no alarm of an active rollout"),
        ),
        ("a malformed message", "rollback", malformed(&run), Error(ErrorName::InvalidInput)),
        ("no event at all", "rollback", json!("hello"), Error(ErrorName::InvalidInput)),
        ("an abort that is stale", "rollback", roll_back(id, epoch + 1), Reply("stale")),
        ("an abort of nothing", "rollback", roll_back("checkout-0", epoch), Error(ErrorName::UnknownRollout)),
        ("an order that is stale", "promote-step", command(id, epoch + 1, "hold", 1), Reply("stale")),
        ("an advance of another step", "promote-step", command(id, epoch, "advance", 3), Reply("stale")),
        (
            "an order for nothing",
            "promote-step",
            command("checkout-0", epoch, "hold", 1),
            Error(ErrorName::UnknownRollout),
        ),
        (
            "an order that does not exist",
            "promote-step",
            command(id, epoch, "explode", 1),
            Error(ErrorName::InvalidInput),
        ),
    ] {
        check(what, run.call(function, payload).await, &expected);
        assert_eq!(all(&run).await, before, "{what} changed something");
    }

    execution.finished().await;
    let after = all(&run).await;
    for (what, function, payload, expected) in [
        ("an abort of what is live", "rollback", roll_back(id, epoch), Reply("is live on green")),
        ("a hold of what is live", "promote-step", command(id, epoch, "hold", 1), Reply("is live on green")),
        (
            "its alarm, too late",
            "rollback",
            alarm_event("somebody-elses", "ALARM", run.now()),
            Reply("no alarm of an active rollout"),
        ),
    ] {
        check(what, run.call(function, payload).await, &expected);
        assert_eq!(all(&run).await, after, "{what} changed something");
    }
    run.verified().await.promoted(&run);
}

/// As the template configures Lambda (`template::every_way_in_ends_among_the_dead_letters`).
#[tokio::test(start_paused = true)]
async fn what_no_attempt_can_use_is_a_dead_letter() {
    let attempts = ASYNCHRONOUS_RETRIES.len() as u64 + 1;
    for (function, payload, invocations, says) in [
        ("rollback", Value::Null, attempts, Some("InvalidInput")),
        ("rollback", json!("hello"), attempts, Some("InvalidInput")),
        ("promote-step", json!({ "clean_up": {} }), attempts, Some("InvalidInput")),
        ("rollback", roll_back("checkout-0", 1), attempts, Some("UnknownRollout")),
        (
            "rollback",
            alarm_event("somebody-elses", "ALARM", "2026-08-03T09:15:07Z".parse().unwrap()),
            1,
            None,
        ),
    ] {
        let run = Run::usual().await;
        let payload = if payload.is_null() { malformed(&run) } else { payload };
        let before = all(&run).await;
        let ports = run.stack.ports().clone();
        let lambda = Lambda::over(ports, Arc::new(Clear), Box::new(once), Wiring::WHOLE.unswept());
        lambda.deliver(function, &payload);
        lambda.settled().await;
        assert_eq!(lambda.invocations(), invocations, "{payload}");
        match (lambda.dead_letters().as_slice(), says) {
            ([], None) => {}
            ([letter], Some(says)) => assert!(letter.contains(says), "{letter}"),
            (letters, _) => panic!("{payload}: {letters:?}"),
        }
        assert_eq!(all(&run).await, before, "{payload}");
    }
}
