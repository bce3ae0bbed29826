//! Blue-green rollouts, and what becomes of the old colour.

use e2e::files::event;
use e2e::{Fault, Rates, Run, Setup, configuration};
use engine::ports::{Metrics as _, Traffic as _, Wanted};
use rollout::{CleanUp, Colour, Phase};

async fn blue_green(run: &Run) {
    run.play("first", event("codepipeline-succeeded-blue-green")).finished().await;
}

#[tokio::test(start_paused = true)]
async fn a_good_version_gets_everything_at_once_and_the_old_colour_goes() {
    let run = Run::usual().await;
    blue_green(&run).await;
    run.verified().await.promoted(&run);
    assert_eq!(run.world.version(Colour::Blue).as_deref(), Some("v1"), "kept warm");
    run.until("90:00").await;
    let verified = run.verified().await;
    let Phase::Promoted { clean_up: CleanUp::Done { .. }, .. } = &verified.only().phase else {
        panic!("{:?}", verified.only().phase)
    };
    assert_eq!(run.world.version(Colour::Blue), None);
    run.golden("blue_green_happy");
}

#[tokio::test(start_paused = true)]
async fn a_bad_version_is_switched_back() {
    let run = Run::usual().await;
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 100, rates });
    blue_green(&run).await;
    run.verified().await.rolled_back(&run, "verdict");
    run.golden("blue_green_bad");
}

/// Somebody sends requests to the old colour again, and never stops: it is not ours to take down.
#[tokio::test(start_paused = true)]
async fn an_old_colour_with_requests_is_kept() {
    let configuration = configuration("  clean_up: { after: 10m, quiet_minutes: 5, attempts: 3 }\n");
    let run = Run::new(Setup { configuration, ..Setup::default() }).await;
    blue_green(&run).await;
    run.until("10:03").await;
    run.world.meddle(Colour::Blue, 5);
    run.until("60:00").await;
    run.world.meddle(Colour::Blue, 0);
    let verified = run.verified().await;
    let Phase::Promoted { clean_up: CleanUp::Kept { reason }, .. } = &verified.only().phase else {
        panic!("{:?}", verified.only().phase)
    };
    assert!(reason.contains("requests"), "{reason}");
    assert_eq!(run.world.version(Colour::Blue).as_deref(), Some("v1"));
    run.golden("clean_up_kept");
}

#[tokio::test(start_paused = true)]
async fn an_old_colour_that_cannot_be_seen_is_looked_at_again() {
    let run = Run::usual().await;
    blue_green(&run).await;
    run.until("60:00").await;
    run.world.source_down(true);
    run.until("100:00").await;
    assert_eq!(run.world.version(Colour::Blue).as_deref(), Some("v1"), "unseen is not quiet");
    run.world.source_down(false);
    run.until("180:00").await;
    run.verified().await.promoted(&run);
    assert_eq!(run.world.version(Colour::Blue), None);
}

/// The colour is in use again: a clean-up of the rollout before must not touch it.
#[tokio::test(start_paused = true)]
async fn a_clean_up_that_comes_too_late_leaves_the_colour_alone() {
    let run = Run::usual().await;
    blue_green(&run).await;
    run.until("64:00").await;
    let mut next = event("codepipeline-succeeded-blue-green");
    next["detail"]["execution-id"] = "0a1b2c3d-0000-4000-8000-000000000000".into();
    let execution = run.play("second", next);
    run.until("66:30").await;
    let first = run.rollouts().await[0].clone();
    assert_ne!(run.world.version(Colour::Blue).as_deref(), None, "blue is in use: {:?}", first.phase);
    execution.finished().await;
    run.until("180:00").await;
    let verified = run.verified().await;
    assert_eq!(verified.rollouts[1].phase.name(), "promoted");
    assert_eq!(run.world.share(Colour::Blue), 100);
    assert!(run.world.version(Colour::Blue).is_some());
    run.golden("clean_up_too_late");
}

/// The world itself: what it says about the rule is what was written.
#[tokio::test(start_paused = true)]
async fn the_world_answers_as_it_was_written() {
    let run = Run::usual().await;
    let route = configuration("").services().values().next().unwrap().route.clone();
    run.world.set(&route, Colour::Green, 25.try_into().unwrap()).await.unwrap();
    let seen = run.world.read(&route, Colour::Blue).await.unwrap();
    assert_eq!(seen, rollout::Observed::Weight(75.try_into().unwrap()));
    run.until("5:00").await;
    let window = analysis::closed_minutes(
        run.now() - jiff::SignedDuration::from_mins(3),
        run.now(),
        rollout::Seconds(0),
    );
    let analysis::Evidence::Minutes(minutes) = run
        .world
        .minutes(&route, Colour::Green, window, Wanted { slow_over_ms: Some(250), further: &[] })
        .await
    else {
        panic!("the source is down")
    };
    assert!(minutes.iter().all(|minute| minute.canary().requests() == 1_500));
    assert_eq!(run.world.violations().len(), 1, "green has requests and is not up");
}
