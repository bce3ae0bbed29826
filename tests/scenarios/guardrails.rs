//! Alarms that are named in the plan.

use contract::ErrorName;
use e2e::files::event;
use e2e::{Run, Setup, alarm_event, configuration};
use rollout::{Cause, Colour, Phase};
use serde_json::Value;

const ALARM: &str = "checkout-production-5xx";

async fn guarded() -> Run {
    let configuration = configuration(&format!("  guardrails: [{ALARM}]\n"));
    Run::new(Setup { configuration, ..Setup::default() }).await
}

async fn guarded_and_quiet() -> Run {
    let run = guarded().await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    run
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_that_turns_red_in_a_bake_is_seen_by_the_next_look() {
    let run = guarded_and_quiet().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.alarms.set(ALARM.parse().unwrap(), true);
    run.note(format!("alarm {ALARM} is in ALARM, and SNS tells nobody"));
    execution.finished().await;
    run.verified().await.rolled_back(&run, "guardrail");
    run.golden("guardrail_in_bake");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rolls_back_without_waiting_for_the_execution() {
    let run = guarded_and_quiet().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    let reply = run.ring(ALARM).await.unwrap();
    assert_eq!(reply["next"], "settle");
    assert_eq!(run.world.share(Colour::Green), 0, "at once");
    run.until("3:08").await;
    let again = run.call("rollback", alarm_event(ALARM, "ALARM", run.now())).await.unwrap();
    assert_eq!(again["next"], "settle", "delivered twice, it changes nothing");
    execution.finished().await;
    run.verified().await.rolled_back(&run, "guardrail");
    run.golden("alarm_in_bake");
}

#[tokio::test(start_paused = true)]
async fn alarms_that_are_nobodys_business_change_nothing() {
    let run = guarded_and_quiet().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    let before = Run::now(&run).checked_sub(jiff::SignedDuration::from_hours(1)).unwrap();
    for payload in [
        alarm_event("somebody-elses", "ALARM", run.now()),
        alarm_event(ALARM, "OK", run.now()),
        alarm_event(ALARM, "INSUFFICIENT_DATA", run.now()),
        alarm_event(ALARM, "ALARM", before),
    ] {
        assert_eq!(run.call("rollback", payload).await.unwrap()["next"], "nothing");
    }
    execution.finished().await;
    run.verified().await.promoted(&run);
}

/// One alarm that both services have as a guardrail.
#[tokio::test(start_paused = true)]
async fn an_alarm_that_hits_two_services_rolls_both_back() {
    let configuration = configuration(&format!("  guardrails: [{ALARM}]\n"));
    let run = Run::new(Setup { configuration, two_services: true, ..Setup::default() }).await;
    run.alarms.set(ALARM.parse().unwrap(), false);
    let checkout = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("1:01").await;
    let catalog = run.play("second", event("codepipeline-succeeded-blue-green"));
    run.until("3:05").await;
    assert_eq!(run.ring(ALARM).await.unwrap()["next"], "settle");
    assert_eq!(run.world.share(Colour::Green), 0);
    checkout.finished().await;
    catalog.finished().await;
    let causes: Vec<_> = run.verified().await.rollouts.into_iter().map(|rollout| rollout.phase).collect();
    assert_eq!(causes.len(), 2);
    for phase in causes {
        assert!(matches!(&phase, Phase::RolledBack { cause: Cause::Guardrail(_), .. }), "{phase:?}");
    }
    run.golden("alarm_hits_two_services");
}

async fn refused(run: &Run, golden: &str) -> String {
    run.canary().await;
    let verified = run.verified().await;
    assert_eq!(verified.only().phase.name(), "refused");
    assert!(run.world.writes().is_empty());
    assert_eq!(run.world.version(Colour::Green), None, "nothing was brought up");
    assert_eq!(run.target(&"checkout".parse().unwrap()).await, None, "no lease was taken");
    run.golden(golden);
    engine::describe(verified.only())
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_that_is_red_at_the_start_refuses() {
    let run = guarded().await;
    run.alarms.set(ALARM.parse().unwrap(), true);
    let reason = refused(&run, "guardrail_red_at_start").await;
    assert!(reason.contains("start again when it is OK"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_guardrail_that_is_missing_at_the_start_refuses() {
    let run = guarded().await;
    let reason = refused(&run, "guardrail_missing_at_start").await;
    assert!(reason.contains("create the alarm"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_alarm_is_an_error_with_a_name() {
    let run = guarded_and_quiet().await;
    let mut event = alarm_event(ALARM, "ALARM", run.now());
    event["Records"][0]["Sns"]["Message"] = Value::from("hello");
    let failure = run.call("rollback", event).await.unwrap_err();
    assert_eq!(failure.name, ErrorName::InvalidInput);
    assert!(failure.message.contains("Sns.Message"), "{failure}");
}

/// The guardrail of the plan is another one: what the composite alarm is about stands in its tags alone.
#[tokio::test(start_paused = true)]
async fn a_composite_alarm_rolls_back_by_its_tag() {
    let run = guarded_and_quiet().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("7:09").await;
    let nobodys = run.call("rollback", event("sns-alarm-composite")).await.unwrap();
    assert_eq!(nobodys["next"], "nothing");
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout-production-guardrail";
    run.alarms.tag(arn, "ace-flow:service", "checkout");
    assert_eq!(run.call("rollback", event("sns-alarm-composite")).await.unwrap()["next"], "settle");
    assert_eq!(run.world.share(Colour::Green), 0, "at once");
    execution.finished().await;
    run.verified().await.rolled_back(&run, "guardrail");
}
