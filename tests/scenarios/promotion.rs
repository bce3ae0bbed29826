//! What a version needs before it is rolled out: a promotion in the environment below, a soak there, no freeze.

use std::sync::Arc;

use asl::Outcome;
use e2e::files::event;
use e2e::{Fault, Rates, Run, Setup, configuration};
use engine::ports::Store;
use local_stack::EmbeddedStore;
use rollout::{Colour, Event, GateName};
use serde_json::{Value, json};

/// Staging and, above it, production with these blocks in its configuration: two stacks on one store, at one time.
async fn two(blocks: &str) -> (Run, Run) {
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
    let staging = Setup { environment: "staging".parse().unwrap(), ..Setup::default() };
    let production = Setup { configuration: configuration(blocks), ..Setup::default() };
    let below = Run::on(Arc::clone(&store), staging).await;
    (below, Run::on(store, production).await)
}

fn after_staging(soak: &str) -> String {
    format!("promotion: {{ after: staging, soak: {{ {soak} }} }}\n")
}

/// The canary's event, from another execution of the pipeline; its version is the beginning of the execution's id.
fn of(execution: &str) -> Value {
    let mut event = event("codepipeline-succeeded-canary");
    event["detail"]["execution-id"] = execution.into();
    event
}

/// A request of a person for a version, past these gates.
fn past(version: &str, gates: &[&str]) -> Value {
    let mut request = event("manual-request");
    request["detail"]["service"] = "checkout".into();
    request["detail"]["version"] = version.into();
    request["detail"]["override"] = json!({ "gates": gates, "reason": "the tax table is wrong" });
    request
}

async fn ends(run: &Run, name: &str, event: Value) -> (String, String) {
    match run.play(name, event).finished().await {
        Outcome::Succeeded { state, output } => {
            (state, output["reason"].as_str().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

async fn promoted_below(below: &Run, execution: &str) {
    assert_eq!(ends(below, execution, of(execution)).await.0, "Promoted");
}

fn bad(run: &Run, colour: Colour) {
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour, from: 10, rates });
}

async fn phases(run: &Run) -> Vec<&'static str> {
    run.verified().await.rollouts.iter().map(|rollout| rollout.phase.name()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_version_goes_up_once_it_was_promoted_and_soaked_below() {
    let (staging, production) = two(&after_staging("time: 1h, requests: 1000")).await;
    let (state, reason) = ends(&production, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    assert!(
        reason.contains("version 11111111 was not promoted in environment staging: promote it there first")
    );
    promoted_below(&staging, "11111111-0000").await;
    let (state, reason) = ends(&production, "second", of("11111111-0001")).await;
    assert_eq!(state, "Refused");
    assert!(
        reason.contains("version 11111111 serves in environment staging since 2026-08-03T09:"),
        "{reason}"
    );
    assert!(reason.contains("and has to for 1h: start it at 2026-08-03T10:"), "{reason}");
    production.until("80:00").await;
    // The same event again: the answer to it stands, though the gate is open by now.
    let (state, again) = ends(&production, "third", of("11111111-0001")).await;
    assert_eq!(state, "Duplicate");
    assert!(again.contains(&reason), "{again}");
    assert_eq!(ends(&production, "fourth", of("11111111-0002")).await.0, "Promoted");
    assert_eq!(phases(&production).await, ["refused", "refused", "promoted"]);
    let verified = production.verified().await;
    let history = production.history(&verified.rollouts[1]).await;
    assert!(
        matches!(&history[..], [only] if matches!(&only.event, Event::Refused { reason: why, .. } if reason == format!("refused: {why}")))
    );
    production.golden("promotion_after_a_soak");
}

/// On one machine what was served is what the rollout below counted of it.
#[tokio::test(start_paused = true)]
async fn a_soak_counts_requests() {
    let (staging, production) = two(&after_staging("requests: 1000000")).await;
    promoted_below(&staging, "11111111-0000").await;
    let counted: u64 =
        staging.rollouts().await[0].course.iter().map(|counted| counted.1.canary().requests()).sum();
    assert!((1000..1_000_000).contains(&counted), "{counted}");
    let (state, reason) = ends(&production, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    let missing = 1_000_000 - counted;
    let says = format!(
        "has served {counted} of the 1000000 requests that it has to in environment staging, {missing} are"
    );
    assert!(reason.contains(&says), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_person_overrides_the_promotion_with_a_reason_that_stays() {
    let (_staging, production) = two(&after_staging("time: 1h")).await;
    let request = past("2026-08-03.2", &["promotion"]);
    assert_eq!(ends(&production, "first", request.clone()).await.0, "Promoted");
    let verified = production.verified().await;
    let rollout = verified.promoted(&production).only();
    let overridden = rollout.overridden.as_ref().unwrap();
    assert_eq!(overridden.gates, [GateName::Promotion]);
    assert_eq!(
        (overridden.by.as_str(), overridden.why.as_str()),
        ("dana@example.com", "the tax table is wrong")
    );
    let first = production.history(rollout).await[0].event.clone();
    assert!(matches!(first, Event::Started { overridden: Some(found), .. } if found == *overridden));
    let (state, reason) = ends(&production, "second", request).await;
    assert_eq!(state, "Duplicate", "{reason}");
    production.golden("promotion_overridden");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_rolled_back_below_after_its_promotion_does_not_go_up() {
    let (staging, production) = two(&after_staging("time: 30m")).await;
    promoted_below(&staging, "11111111-0000").await;
    staging.until("120:00").await;
    // Its pipeline runs again, and now it fails: blue's turn.
    bad(&staging, Colour::Blue);
    assert_eq!(ends(&staging, "second", of("11111111-0001")).await.0, "RolledBack");
    let (state, reason) = ends(&production, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    assert!(
        reason.contains("version 11111111 was rolled back in environment staging at 2026-08-03T11:"),
        "{reason}"
    );
    assert_eq!(phases(&production).await, ["refused"]);
    assert_eq!(phases(&staging).await, ["promoted", "rolled_back"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_replaced_below_goes_up_if_it_was_soaked_until_then() {
    let (staging, production) = two(&after_staging("time: 1h")).await;
    promoted_below(&staging, "11111111-0000").await;
    staging.until("90:00").await;
    promoted_below(&staging, "22222222-0000").await;
    staging.until("125:00").await;
    promoted_below(&staging, "33333333-0000").await;
    let (state, reason) = ends(&production, "short", of("22222222-0000")).await;
    assert_eq!(state, "Refused");
    assert!(
        reason.contains("until another one was promoted, and has to for 1h: promote it there again"),
        "{reason}"
    );
    assert_eq!(ends(&production, "long", of("11111111-0000")).await.0, "Promoted");
    let (state, reason) = ends(&production, "new", of("33333333-0000")).await;
    assert_eq!(
        (state.as_str(), reason.contains("33333333 serves in environment staging since")),
        ("Refused", true)
    );
    assert_eq!(phases(&production).await, ["refused", "promoted", "refused"]);
}

/// The run begins on a Monday at 11:15:07 in Berlin.
#[tokio::test(start_paused = true)]
async fn nothing_starts_in_a_freeze_window_and_everything_after_it() {
    let window =
        "freeze:\n  - { name: lunch, days: [monday], from: 11:00, to: 11:45, zone: Europe/Berlin }\n";
    let run = Run::new(Setup { configuration: configuration(window), ..Setup::default() }).await;
    let (state, reason) = ends(&run, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    let says =
        "environment production is frozen until 2026-08-03T09:45:00Z by its configuration (lunch): start it";
    assert!(reason.contains(says), "{reason}");
    run.until("5:00").await;
    let hotfix = past("hotfix", &["freeze"]);
    assert_eq!(ends(&run, "second", hotfix).await.0, "Promoted");
    run.until("29:52").await;
    assert_eq!(ends(&run, "third", of("22222222-0000")).await.0, "Refused");
    run.until("29:53").await;
    assert_eq!(ends(&run, "fourth", of("33333333-0000")).await.0, "Promoted");
    assert_eq!(phases(&run).await, ["refused", "promoted", "refused", "promoted"]);
    run.golden("freeze_window");
}

#[tokio::test(start_paused = true)]
async fn every_gate_that_is_closed_is_told_at_once() {
    let blocks = format!(
        "{}freeze:\n  - {{ name: lunch, days: [monday], from: 11:00, to: 11:45, zone: Europe/Berlin }}\n",
        after_staging("time: 1h")
    );
    let (_staging, production) = two(&blocks).await;
    production.world.sticky(true);
    let stop = json!({ "line": { "order": "stop", "by": "dana", "reason": "incident" } });
    production.call("rollback", stop).await.unwrap();
    let (state, reason) = ends(&production, "first", of("11111111-0000")).await;
    assert_eq!(state, "Refused");
    let parts = [
        "the line of environment production was stopped",
        "; environment production is frozen until",
        "; version 11111111 was not promoted in environment staging",
        "; the rule has stickiness",
    ];
    for part in parts {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    // Who overrides both is still told of the rest.
    let (state, reason) = ends(&production, "second", past("11111111", &["promotion", "freeze"])).await;
    assert_eq!(state, "Refused");
    assert!(reason.contains(parts[0]) && reason.contains(parts[3]), "{reason}");
    assert!(!reason.contains("frozen") && !reason.contains("not promoted"), "{reason}");
    production.golden("every_closed_gate");
}
