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
