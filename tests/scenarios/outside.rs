//! What people and AWS do to an execution from outside.

use std::sync::Arc;

use contract::ErrorName;
use e2e::files::event;
use e2e::{Run, Setup};
use engine::ports::Store;
use local_stack::EmbeddedStore;
use rollout::{Colour, Seconds};
use serde_json::{Value, json};

pub(crate) fn ended(execution_arn: &str, status: &str) -> Value {
    let mut watchdog = event("watchdog");
    watchdog["detail"]["executionArn"] = execution_arn.into();
    watchdog["detail"]["status"] = status.into();
    watchdog
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_is_rolled_back_by_the_watchdog() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    execution.stop(None, None);
    execution.finished().await;
    assert_ne!(run.world.share(Colour::Green), 0, "stopping alone moves no traffic");
    run.until("8:05").await;
    let arn = execution.identity().execution_arn().to_owned();
    let first = run.call("rollback", ended(&arn, "ABORTED")).await.unwrap_err();
    assert_eq!((first.name, run.world.share(Colour::Green)), (ErrorName::TransientError, 0), "{first}");
    run.until("9:05").await;
    let reply = run.call("rollback", ended(&arn, "ABORTED")).await.unwrap();
    assert_eq!(reply["next"], "rolled_back", "Lambda's next attempt");
    let again = run.call("rollback", ended(&arn, "ABORTED")).await.unwrap();
    assert_eq!(again["next"], "rolled_back", "delivered twice, it changes nothing");
    run.verified().await.rolled_back(&run, "failure");
    run.golden("execution_stopped");
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_leaves_a_promoted_rollout_alone() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    execution.finished().await;
    let arn = execution.identity().execution_arn().to_owned();
    assert_eq!(run.call("rollback", ended(&arn, "FAILED")).await.unwrap()["next"], "nothing");
    let unknown = ended("arn:aws:states:us-east-1:123456789012:execution:rollout:other", "FAILED");
    assert_eq!(run.call("rollback", unknown).await.unwrap()["next"], "nothing");
    run.verified().await.promoted(&run);
}

#[tokio::test(start_paused = true)]
async fn a_person_can_ask_for_a_rollback_at_every_step() {
    for at in ["0:05", "0:30", "6:30", "9:30", "13:30", "15:30"] {
        let run = Run::usual().await;
        let execution = run.play("first", event("codepipeline-succeeded-canary"));
        run.until(at).await;
        let id = run.rollouts().await[0].id.clone();
        let request = json!({ "roll_back": { "rollout_id": id, "by": "dana", "reason": "wrong tax" } });
        assert_eq!(run.call("rollback", request).await.unwrap()["next"], "settle", "at {at}");
        assert_eq!(run.world.share(Colour::Green), 0, "at {at}");
        execution.finished().await;
        run.verified().await.rolled_back(&run, "requested");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_left_behind_is_mended() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    execution.stop(None, None);
    execution.finished().await;
    let mended = run.stack.mend(&e2e::configuration("")).await.unwrap();
    assert_eq!(mended.len(), 1);
    run.verified().await.rolled_back(&run, "failure");
    assert_eq!(run.stack.mend(&e2e::configuration("")).await.unwrap(), []);
}

/// The reminder of the clean-up was a timer of the process that promoted the rollout.
#[tokio::test(start_paused = true)]
async fn the_clean_up_that_an_earlier_process_was_to_be_reminded_of_is_made_up_for() {
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
    let run = Run::on(Arc::clone(&store), Setup::default()).await;
    run.canary().await;
    let id = run.rollouts().await.remove(0).id;
    drop(run);
    let owed = async || !store.rollout(&id).await.unwrap().unwrap().is_at_rest();
    for (hours, left) in [(1, true), (3, false)] {
        let setup = Setup::default();
        let run =
            Run::on(Arc::clone(&store), Setup { start: Seconds(hours * 3600).after(setup.start), ..setup })
                .await;
        run.world.meddle(Colour::Green, 100);
        run.until("10:00").await;
        assert!(owed().await);
        assert_eq!(run.stack.mend(&e2e::configuration("")).await.unwrap(), []);
        assert_eq!(
            (owed().await, run.world.version(Colour::Blue).is_some()),
            (left, left),
            "after {hours} h"
        );
    }
}

/// No watchdog event comes: it was lost, or the rule is off.
#[tokio::test(start_paused = true)]
async fn a_stopped_execution_that_nobody_heard_of_is_found_by_the_sweep() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    execution.stop(None, None);
    execution.finished().await;
    let mut exposed = None;
    for minutes in (10..60).step_by(5) {
        run.until(&format!("{minutes}:00")).await;
        run.sweep().await.unwrap();
        if run.world.share(Colour::Green) == 0 {
            exposed = exposed.or(Some(minutes));
        }
    }
    assert_eq!(exposed, Some(40), "the lease of 30 minutes, and the next sweep");
    run.verified().await.rolled_back(&run, "failure");
    run.golden("swept");
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_finished_rollout_or_another_epoch_is_answered() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("7:09").await;
    let id = run.rollouts().await[0].id.clone();
    let ask = |epoch: u64| json!({ "roll_back": { "rollout_id": id, "epoch": epoch, "by": "dana", "reason": "wrong tax" } });
    let stale = run.call("rollback", ask(7)).await.unwrap();
    assert_eq!(stale["next"], "nothing");
    assert!(stale["reason"].as_str().unwrap().starts_with("stale: the order is for epoch 7"), "{stale}");
    execution.finished().await;
    assert_eq!(run.call("rollback", ask(1)).await.unwrap()["next"], "nothing");
    let unknown = json!({ "roll_back": { "rollout_id": "checkout-0", "by": "dana", "reason": "wrong tax" } });
    assert_eq!(run.call("rollback", unknown).await.unwrap_err().name, ErrorName::UnknownRollout);
    run.verified().await.promoted(&run);
}
