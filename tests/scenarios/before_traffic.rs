//! Rollouts that never get traffic.

use e2e::{Readiness, Run};
use rollout::Colour;

async fn never_gets_traffic(readiness: Readiness, cause: &str, golden: &str) -> Run {
    let run = Run::usual().await;
    run.world.readiness(readiness);
    run.canary().await;
    run.verified().await.rolled_back(&run, cause);
    assert!(run.world.writes().iter().all(|write| write.percent == 0));
    assert_eq!(run.world.served(Colour::Green), (0, 0));
    run.golden(golden);
    run
}

#[tokio::test(start_paused = true)]
async fn targets_that_never_get_healthy_get_no_traffic() {
    let run = never_gets_traffic(Readiness::NeverHealthy, "never_ready", "never_healthy").await;
    let history = run.history(&run.rollouts().await[0]).await;
    let looks = history.iter().filter(|record| record.event.name() == "probed").count();
    assert_eq!(looks, 30, "the attempts of the user's document");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_says_healthy_gets_no_traffic() {
    never_gets_traffic(Readiness::NeverReady, "never_ready", "never_ready").await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_smoke_test_ends_the_rollout_at_once() {
    let run = never_gets_traffic(Readiness::FailsSmokeTest, "smoke_test_failed", "smoke_test_fails").await;
    let history = run.history(&run.rollouts().await[0]).await;
    assert_eq!(history.iter().filter(|record| record.event.name() == "probed").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_counts() {
    let run = Run::usual().await;
    run.world.readiness(Readiness::FromLook(30));
    run.canary().await;
    run.verified().await.promoted(&run);
}
