//! Evidence that is missing, late, shared or disturbed.

use analysis::Sample;
use e2e::files::event;
use e2e::{Rates, Run, Setup, configuration};
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

const ORDERS: &str = "  judge: { metrics: [{ name: orders, kind: counts, worse: lower }] }
  metric_sources:
    orders: { namespace: Shop, metric: Orders, arm: { dimension: Colour } }
";

async fn with_orders(canary: Option<u64>) -> Run {
    let run = Run::new(Setup { configuration: configuration(ORDERS), ..Setup::default() }).await;
    if let Some(events) = canary {
        run.world.samples(Colour::Green, vec![Sample::Count { events, of: 100 }]);
        run.world.samples(Colour::Blue, vec![Sample::Count { events: 200, of: 400 }]);
    }
    run.canary().await;
    run
}

/// No request fails, and customers order less.
#[tokio::test(start_paused = true)]
async fn a_metric_of_the_user_s_own_rolls_back() {
    let run = with_orders(Some(20)).await;
    run.verified().await.rolled_back(&run, "verdict");
    assert_eq!(run.world.writes().iter().map(|write| write.percent).max(), Some(10));
    let run = with_orders(Some(50)).await;
    run.verified().await.promoted(&run);
}

#[tokio::test(start_paused = true)]
async fn a_metric_that_is_asked_for_and_not_there_promotes_nothing() {
    let run = with_orders(None).await;
    run.verified().await.rolled_back(&run, "not_enough_evidence");
}
