//! Evidence that is missing, late, shared or disturbed.

use e2e::files::event;
use e2e::{Rates, Run};
use rollout::Colour;

#[tokio::test(start_paused = true)]
async fn without_traffic_nothing_is_promoted() {
    let run = Run::usual().await;
    run.world.per_minute(0);
    run.canary().await;
    run.verified().await.rolled_back(&run, "not_enough_evidence");
    assert_eq!(run.world.writes().iter().map(|write| write.percent).max(), Some(10));
    run.golden("no_traffic");
}

#[tokio::test(start_paused = true)]
async fn traffic_that_comes_back_is_waited_for() {
    let run = Run::usual().await;
    run.world.per_minute(0);
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("9:03").await;
    run.world.per_minute(6_000);
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("traffic_comes_back");
}

#[tokio::test(start_paused = true)]
async fn a_source_out_of_reach_for_long_rolls_back() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.world.source_down(true);
    execution.finished().await;
    run.verified().await.rolled_back(&run, "blind");
    run.golden("metrics_down_for_long");
}

#[tokio::test(start_paused = true)]
async fn a_source_out_of_reach_for_a_moment_is_waited_for() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.world.source_down(true);
    run.until("6:33").await;
    run.world.source_down(false);
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("metrics_down_for_a_moment");
}

/// What both versions share says nothing about the new one.
#[tokio::test(start_paused = true)]
async fn an_outage_of_both_versions_does_not_blame_the_canary() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("2:03").await;
    run.world.outage(Rates { errors: 200_000, slow: 500_000 });
    run.until("4:03").await;
    run.world.outage(Rates::USUAL);
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("shared_outage");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_weight_freezes_until_it_is_undone() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.world.meddle(Colour::Green, 40);
    run.until("9:03").await;
    run.world.meddle(Colour::Green, 10);
    execution.finished().await;
    run.verified().await.promoted(&run);
    run.golden("foreign_weight_undone");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_weight_that_stays_rolls_back() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.world.meddle(Colour::Green, 40);
    execution.finished().await;
    run.verified().await.rolled_back(&run, "foreign_change");
    run.golden("foreign_weight_stays");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_target_group_is_replaced_by_the_rollback() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:03").await;
    run.world.meddle_with(Some("a third target group, checkout-debug, gets 5 %"));
    execution.finished().await;
    run.verified().await.rolled_back(&run, "foreign_change");
    run.golden("foreign_target_group");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_stops_being_healthy_under_traffic_is_rolled_back() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("6:03").await;
    run.world.sick(Colour::Green, u32::MAX);
    execution.finished().await;
    run.verified().await.rolled_back(&run, "unhealthy");
    run.golden("unhealthy_under_traffic");
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_is_lost_is_no_illness() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("6:03").await;
    run.world.sick(Colour::Green, 1);
    execution.finished().await;
    run.verified().await.promoted(&run);
}

/// What both versions share says nothing about the new one.
#[tokio::test(start_paused = true)]
async fn an_illness_of_both_versions_does_not_blame_the_canary() {
    let run = Run::usual().await;
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("6:03").await;
    run.world.sick(Colour::Green, 4);
    run.world.sick(Colour::Blue, 4);
    execution.finished().await;
    run.verified().await.promoted(&run);
}
