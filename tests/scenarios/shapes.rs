//! Steps that the configuration makes of those that are written: a ramp, and something held back.

use e2e::{Fault, Rates, Run, Setup, configuration};
use rollout::Colour;

async fn shaped(per_minute: u32) -> Run {
    let configuration = configuration("  canary: { hold_back: 5, micro_ramp: true }\n");
    Run::new(Setup { configuration, per_minute, ..Setup::default() }).await
}

fn weights(run: &Run) -> Vec<u8> {
    run.world.writes().iter().map(|write| write.percent).collect()
}

#[tokio::test(start_paused = true)]
async fn the_last_step_leaves_a_baseline_and_the_rest_follows_at_once() {
    let run = shaped(6_000).await;
    run.canary().await;
    let full = run.world.writes().last().unwrap().at;
    assert_eq!(weights(&run), [1, 5, 10, 25, 50, 75, 95, 100]);
    let rollout = run.verified().await.only().clone();
    let rollout::Phase::Promoted { at, .. } = rollout.phase else { panic!("{:?}", rollout.phase) };
    assert!(at <= rollout::Seconds(5).after(full), "no minute is waited for: {full} {at}");
    run.golden("canary_ramp_and_hold_back");
}

/// Three requests a minute at 1 %: the ramp has no minimum of requests, the first step has.
#[tokio::test(start_paused = true)]
async fn a_ramp_that_sees_too_little_does_not_end_a_rollout() {
    let run = shaped(300).await;
    run.canary().await;
    run.verified().await.promoted(&run);
    assert_eq!(weights(&run), [1, 5, 10, 25, 50, 75, 95, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_version_ends_in_the_ramp() {
    let run = shaped(60_000).await;
    let rates = Rates { errors: 1_000_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 1, rates });
    run.canary().await;
    run.verified().await.rolled_back(&run, "verdict");
    assert_eq!(weights(&run).iter().max(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn what_is_bad_at_full_load_is_found_beside_what_is_held_back() {
    let run = shaped(6_000).await;
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 95, rates });
    run.canary().await;
    run.verified().await.rolled_back(&run, "verdict");
    assert_eq!(weights(&run).iter().max(), Some(&95));
}
