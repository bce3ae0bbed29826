//! Orders of people on the waits of a rollout: hold, resume, advance, approve.

use asl::Outcome;
use e2e::files::event;
use e2e::{Fault, Rates, Run, Setup, configuration};
use local_stack::Update;
use rollout::Colour;

const ALARM: &str = "checkout-production-5xx";

#[tokio::test(start_paused = true)]
async fn a_rollout_is_held_in_a_bake_and_resumed() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.order("hold").await.unwrap();
    run.until("9:03").await;
    assert_eq!(run.world.share(Colour::Green), 10, "the bake was over at 5:11");
    run.order("resume").await.unwrap();
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("held_and_resumed");
}

/// Longer than the lease: whoever is held is still driven.
#[tokio::test(start_paused = true)]
async fn a_hold_over_the_day_survives_every_sweep() {
    for at in ["0:05", "3:03"] {
        let run = Run::usual().await;
        let execution = run.play("first", event("codepipeline-succeeded-canary"));
        run.until(at).await;
        run.order("hold").await.unwrap();
        for minutes in (5..480).step_by(5) {
            run.until(&format!("{minutes}:00")).await;
            assert_eq!(
                run.sweep().await.unwrap()["reason"],
                "1 rollouts are not at rest, 0 of them were overdue"
            );
        }
        run.order("resume").await.unwrap();
        execution.finished().await;
        run.verified().await.promoted(&run);
    }
}

/// The limits of an execution are its seven days and its 25,000 history events: the days come first.
#[tokio::test(start_paused = true)]
async fn a_hold_lasts_as_long_as_its_execution_may() {
    for (at, held) in [("0:05", true), ("3:03", true), ("8:03", false)] {
        let run = if held { Run::usual().await } else { asked_for("8d").await };
        let execution = run.play("first", event("codepipeline-succeeded-canary"));
        run.until(at).await;
        if held {
            run.order("hold").await.unwrap();
        }
        run.until("10079:00").await;
        let last = run.journal.updates().into_iter().rev().find_map(|update| match update {
            Update::Machine(step) => Some(step.id),
            _ => None,
        });
        let last = last.unwrap();
        assert!((18_000..20_000).contains(&last), "{last} events");
        assert_eq!(execution.outcome(), None, "held at {at}");
        assert_eq!(execution.finished().await, Outcome::TimedOut);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_canary_is_rolled_back_while_it_is_held() {
    let run = Run::usual().await;
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 10, rates });
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("0:30").await;
    run.order("hold").await.unwrap();
    execution.finished().await;
    run.verified().await.rolled_back(&run, "verdict");
}

#[tokio::test(start_paused = true)]
async fn a_bake_is_cut_short_by_an_order() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("1:03").await;
    run.order("advance").await.unwrap();
    run.until("1:30").await;
    assert_eq!(run.world.share(Colour::Green), 25, "the next look takes the step");
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("advanced");
}

/// The order for the first step is delivered again in the second, and in the third.
#[tokio::test(start_paused = true)]
async fn an_order_that_comes_again_later_is_stale() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("1:03").await;
    assert_eq!(run.call("promote-step", event("order-advance")).await.unwrap()["next"], "wait");
    for (at, share, step) in [("1:30", 25, 2), ("5:00", 50, 3)] {
        run.until(at).await;
        assert_eq!(run.world.share(Colour::Green), share);
        let before = run.rollouts().await;
        let again = run.call("promote-step", event("order-advance")).await.unwrap();
        let says =
            format!("stale: the order is for step 1, the rollout is at step {step}; nothing was changed");
        assert!(again["reason"].as_str().unwrap().starts_with(&says), "{again}");
        assert_eq!(run.rollouts().await, before);
    }
    execution.finished().await;
    run.verified().await.promoted(&run);
}

async fn asked() -> Run {
    asked_for("10m").await
}

async fn asked_for(expires: &str) -> Run {
    let rules = format!(
        "  guardrails: [{ALARM}]\n  canary:\n    steps:\n      - {{ weight: 10, bake: 5m }}\n      \
         - {{ weight: 100, bake: 2m, approval: true }}\n\
         promotion: {{ approvals: {{ expires: {expires} }} }}\n"
    );
    let run = Run::new(Setup { configuration: configuration(&rules), ..Setup::default() }).await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    run
}

#[tokio::test(start_paused = true)]
async fn an_approval_lets_the_step_be_taken() {
    let run = asked().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    assert_eq!(run.world.share(Colour::Green), 10);
    run.order("approve").await.unwrap();
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("approved");
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_what_somebody_holds_waits_for_the_resume() {
    let run = asked().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    run.order("hold").await.unwrap();
    let reason = run.order("approve").await.unwrap()["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "step 2 of 2 is approved by dana; held by dana: tax table");
    run.until("30:03").await;
    assert_eq!(run.world.share(Colour::Green), 10, "the approval would have expired at 17:00");
    run.order("resume").await.unwrap();
    execution.finished().await;
    run.verified().await.promoted(&run);
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_does_not_come_rolls_back() {
    let run = asked().await;
    run.canary().await;
    run.verified().await.rolled_back(&run, "not_approved");
    run.golden("not_approved");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_wins_over_an_approval() {
    let run = asked().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("8:03").await;
    let before = run.rollouts().await[0].epoch;
    assert_eq!(run.ring(ALARM).await.unwrap()["next"], "settle");
    assert_eq!(run.world.share(Colour::Green), 0);
    // The person still sees the epoch from before.
    let id = run.rollouts().await[0].id.clone();
    let command = serde_json::json!({
        "rollout_id": id, "epoch": before, "order": "approve", "step": 2, "by": "dana", "reason": "looks fine",
    });
    let reply = run.call("promote-step", serde_json::json!({ "command": command })).await.unwrap();
    assert!(reply["reason"].as_str().unwrap().starts_with("stale: "), "{reply}");
    execution.finished().await;
    run.verified().await.rolled_back(&run, "guardrail");
    run.golden("alarm_in_approval");
}
