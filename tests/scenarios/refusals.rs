//! Events that start nothing.

use asl::Outcome;
use e2e::Run;
use e2e::files::event;
use rollout::Colour;
use serde_json::Value;

async fn untouched(run: &Run) {
    assert!(run.rollouts().await.is_empty(), "nothing was written");
    assert_eq!(run.target(&"checkout".parse().unwrap()).await, None);
    assert!(run.world.writes().is_empty());
    assert_eq!(run.world.version(Colour::Green), None);
}

async fn rejected(event: Value, error: &str, says: &str, golden: &str) {
    let run = Run::usual().await;
    let outcome = run.play("first", event).finished().await;
    let Outcome::Failed { error: found, cause, state } = outcome else { panic!("{outcome:?}") };
    assert_eq!((state.as_str(), found.as_deref()), ("Rejected", Some(error)));
    let cause = cause.unwrap();
    assert!(cause.contains(says), "{cause}");
    untouched(&run).await;
    run.golden(golden);
}

#[tokio::test(start_paused = true)]
async fn an_old_event_is_rejected() {
    let mut old = event("codepipeline-succeeded-canary");
    old["time"] = "2026-08-02T09:14:52Z".into();
    rejected(old, "InvalidInput", "older than the 1d", "rejected_old_event").await;
}

#[tokio::test(start_paused = true)]
async fn an_event_of_another_account_is_rejected() {
    let mut foreign = event("codepipeline-succeeded-canary");
    foreign["account"] = "999999999999".into();
    rejected(foreign, "InvalidInput", "account", "rejected_foreign_account").await;
}

#[tokio::test(start_paused = true)]
async fn an_event_of_another_region_is_rejected() {
    let mut foreign = event("codepipeline-succeeded-canary");
    foreign["region"] = "eu-central-1".into();
    rejected(foreign, "InvalidInput", "region", "rejected_foreign_region").await;
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_somebody_else_is_ignored() {
    let run = Run::usual().await;
    let mut foreign = event("codepipeline-succeeded-canary");
    foreign["detail"]["pipeline"] = "cart".into();
    let outcome = run.play("first", foreign).finished().await;
    let Outcome::Succeeded { state, output } = outcome else { panic!("{outcome:?}") };
    assert_eq!(state, "Ignored");
    assert!(output["reason"].as_str().unwrap().contains("known pipelines are catalog, checkout"));
    untouched(&run).await;
    run.golden("ignored_foreign_pipeline");
}

#[tokio::test(start_paused = true)]
async fn a_request_for_an_unknown_service_is_rejected() {
    let mut unknown = event("manual-request");
    unknown["detail"]["service"] = "cart".into();
    rejected(unknown, "UnknownService", "known services are catalog, checkout", "rejected_unknown_service")
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_event_without_what_it_needs_is_rejected_by_its_path() {
    for (pointer, path) in [
        ("/detail/execution-id", "detail.execution-id"),
        ("/detail/state", "detail.state"),
        ("/time", "time"),
        ("/detail-type", "detail-type"),
        ("/account", "account"),
    ] {
        let mut broken = event("codepipeline-succeeded-canary");
        *broken.pointer_mut(pointer).unwrap() = 7.into();
        let run = Run::usual().await;
        let outcome = run.play("first", broken).finished().await;
        let Outcome::Failed { error, cause, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.as_deref(), Some("InvalidInput"), "{path}");
        assert!(cause.unwrap().contains(path), "{path}");
        untouched(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sticky_rule_refuses() {
    let run = Run::usual().await;
    run.world.sticky(true);
    run.canary().await;
    assert_eq!(run.verified().await.only().phase.name(), "refused");
    assert!(run.world.writes().is_empty());
    run.golden("refused_sticky_rule");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_answered_and_changes_nothing() {
    let run = Run::usual().await;
    let first = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("2:03").await;
    let second = run.play("second", event("codepipeline-succeeded-canary"));
    let Outcome::Succeeded { state, output } = second.finished().await else { panic!("it failed") };
    assert_eq!(state, "Duplicate");
    assert_eq!(output["rollout_id"], run.rollouts().await[0].id.as_str());
    first.finished().await;
    let third = run.play("third", event("codepipeline-succeeded-canary")).finished().await;
    assert!(matches!(third, Outcome::Succeeded { state, .. } if state == "Duplicate"));
    run.verified().await.promoted(&run);
    run.golden("duplicate_event");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_held_refuses_another_rollout_and_keeps_the_answer() {
    let run = Run::usual().await;
    let first = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("2:03").await;
    let mut other = event("codepipeline-succeeded-canary");
    other["detail"]["execution-id"] = "9f0e1d2c-aaaa-4bbb-8ccc-0123456789ab".into();
    let refused = run.play("second", other.clone()).finished().await;
    let Outcome::Succeeded { state, output } = refused else { panic!("it failed") };
    assert_eq!(state, "Refused");
    assert!(output["reason"].as_str().unwrap().contains("holds service checkout"), "{output}");
    let again = run.play("third", other).finished().await;
    assert!(matches!(again, Outcome::Succeeded { state, .. } if state == "Duplicate"));
    first.finished().await;
    let verified = run.verified().await;
    let phases: Vec<_> = verified.rollouts.iter().map(|rollout| rollout.phase.name()).collect();
    assert_eq!(phases, ["promoted", "refused"]);
    run.golden("held_service");
}

#[tokio::test(start_paused = true)]
async fn events_that_ask_for_nothing_are_ignored() {
    let run = Run::usual().await;
    for name in [
        "codepipeline-superseded",
        "codepipeline-failed",
        "codepipeline-started",
        "codepipeline-stage-succeeded",
        "codepipeline-action-succeeded",
    ] {
        let outcome = run.play(name, event(name)).finished().await;
        assert!(matches!(outcome, Outcome::Succeeded { state, .. } if state == "Ignored"), "{name}");
    }
    untouched(&run).await;
    run.golden("ignored_events");
}
