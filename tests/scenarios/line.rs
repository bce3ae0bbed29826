//! What rollbacks leave behind for the rollouts after them.

use asl::Outcome;
use e2e::files::event;
use e2e::{Fault, Rates, Run, Setup, configuration};
use rollout::Colour;
use serde_json::{Value, json};

fn bad(run: &Run) {
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 10, rates });
}

fn good_again(run: &Run) {
    run.world.fault(Fault { colour: Colour::Green, from: u8::MAX, rates: Rates::USUAL });
    run.world.outage(Rates::USUAL);
}

/// The canary's event, from another execution of the pipeline; its version is the beginning of the execution's id.
fn of(execution: &str) -> Value {
    let mut event = event("codepipeline-succeeded-canary");
    event["detail"]["execution-id"] = execution.into();
    event
}

async fn ends(run: &Run, name: &str, event: Value) -> (String, Value) {
    match run.play(name, event).finished().await {
        Outcome::Succeeded { state, output } => (state, output["reason"].clone()),
        other => panic!("{other:?}"),
    }
}

async fn phases(run: &Run) -> Vec<&'static str> {
    run.verified().await.rollouts.iter().map(|rollout| rollout.phase.name()).collect()
}

#[tokio::test(start_paused = true)]
async fn two_rollbacks_stop_the_line_and_a_person_resumes_it() {
    let configuration = configuration("  stop_the_line: { rollbacks: 2, within: 2h }\n");
    let run = Run::new(Setup { configuration, ..Setup::default() }).await;
    bad(&run);
    assert_eq!(ends(&run, "first", of("11111111-0000")).await.0, "RolledBack");
    assert_eq!(ends(&run, "second", of("22222222-0000")).await.0, "RolledBack");
    good_again(&run);
    run.until("10:00").await;
    let (state, reason) = ends(&run, "third", of("33333333-0000")).await;
    assert_eq!(state, "Refused");
    assert!(reason.as_str().unwrap().contains("(2 rollbacks within 120 min): resume it first"), "{reason}");
    run.until("15:00").await;
    let resume = json!({ "line": { "order": "resume", "by": "dana", "reason": "found it" } });
    run.call("rollback", resume).await.unwrap();
    assert_eq!(ends(&run, "fourth", of("44444444-0000")).await.0, "Promoted");
    assert_eq!(phases(&run).await, ["rolled_back", "rolled_back", "refused", "promoted"]);
    run.golden("line_stopped_and_resumed");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_rolled_back_comes_back_only_when_a_person_wants_it() {
    let run = Run::usual().await;
    bad(&run);
    assert_eq!(ends(&run, "first", of("11111111-0000")).await.0, "RolledBack");
    good_again(&run);
    run.until("5:00").await;
    // A pipeline that is run again with the same revision.
    let (state, reason) = ends(&run, "second", of("11111111-0001")).await;
    assert_eq!(state, "Refused");
    assert!(reason.as_str().unwrap().contains("version 11111111 was rolled back before ("), "{reason}");
    run.until("8:00").await;
    let mut request = event("manual-request");
    request["detail"]["service"] = "checkout".into();
    request["detail"]["version"] = "11111111".into();
    request["detail"]["lift_bar"] = true.into();
    assert_eq!(ends(&run, "third", request).await.0, "Promoted");
    assert_eq!(phases(&run).await, ["rolled_back", "refused", "promoted"]);
    run.golden("barred_version");
}

fn frozen(until: &str) -> Value {
    let mut freeze = event("freeze");
    freeze["freeze"]["until"] = until.into();
    freeze
}

/// The request of the sample for another service's version, without its override if that is not wanted.
fn hot_fix(overrides: bool) -> Value {
    let mut request = event("manual-request-override");
    if !overrides {
        request["id"] = "0d4c1b2a-0000-4000-8000-000000000001".into();
        request["detail"].as_object_mut().unwrap().remove("override");
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_freeze_refuses_what_is_not_overridden_and_ends_by_itself() {
    let run = Run::usual().await;
    run.call("rollback", frozen("2026-08-03T10:15:07Z")).await.unwrap();
    let (state, reason) = ends(&run, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    assert_eq!(
        reason,
        "refused: environment production is frozen until 2026-08-03T10:15:07Z by dana@example.com since \
         2026-08-03T09:15:07Z: the week of the sale: start it afterwards, thaw the environment, or override freeze with \
         a reason"
    );
    run.until("1:00").await;
    assert_eq!(ends(&run, "second", hot_fix(false)).await.0, "Refused");
    run.until("2:00").await;
    assert_eq!(ends(&run, "third", hot_fix(true)).await.0, "Promoted");
    run.until("59:59").await;
    assert_eq!(ends(&run, "fourth", of("22222222-0000")).await.0, "Refused");
    run.until("60:00").await;
    assert_eq!(ends(&run, "fifth", of("33333333-0000")).await.0, "Promoted");
    assert_eq!(phases(&run).await, ["refused", "refused", "promoted", "refused", "promoted"]);
    run.golden("frozen_and_overridden");
}

#[tokio::test(start_paused = true)]
async fn a_bar_is_lifted_while_another_version_is_rolled_out() {
    let run = Run::usual().await;
    bad(&run);
    assert_eq!(ends(&run, "first", of("11111111-0000")).await.0, "RolledBack");
    good_again(&run);
    run.until("5:00").await;
    let second = run.play("second", of("22222222-0000"));
    run.until("7:00").await;
    let mut unhold = event("unhold");
    unhold["unhold"]["version"] = "11111111".into();
    run.note("dana lifts the bar");
    for says in
        ["version 11111111 of service checkout may come back", "no version of service checkout is barred"]
    {
        let reply = run.call("rollback", unhold.clone()).await.unwrap();
        assert!(reply["reason"].as_str().unwrap().starts_with(says), "{reply}");
    }
    run.until("9:00").await;
    let id = run.rollouts().await[1].id.clone();
    let request = json!({ "rollout_id": id, "by": "dana", "reason": "the first one after all" });
    run.call("rollback", json!({ "roll_back": request })).await.unwrap();
    second.finished().await;
    run.until("15:00").await;
    assert_eq!(ends(&run, "third", of("11111111-0001")).await.0, "Promoted");
    assert_eq!(phases(&run).await, ["rolled_back", "rolled_back", "promoted"]);
    run.golden("unheld");
}
