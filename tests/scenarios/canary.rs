//! Canaries that go as planned, and canaries that are bad at a step.

use e2e::{Fault, Rates, Run, Setup, configuration};
use rollout::Colour;

#[tokio::test(start_paused = true)]
async fn a_good_canary_is_promoted() {
    let run = Run::usual().await;
    run.canary().await;
    run.verified().await.promoted(&run);
    run.until("90:00").await;
    let verified = run.verified().await;
    assert_eq!(run.world.version(Colour::Blue), None, "the old colour is taken down");
    assert_eq!(verified.only().epoch.0, 1);
    run.golden("canary_happy");
}

/// Five percent of the canary's requests fail from this weight on.
async fn bad_from(weight: u8) {
    let run = Run::usual().await;
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: weight, rates });
    run.canary().await;
    run.verified().await.rolled_back(&run, "verdict");
    let highest = run.world.writes().iter().map(|write| write.percent).max();
    assert_eq!(highest, Some(weight), "no step is taken after the bad one");
    run.golden(&format!("canary_bad_from_{weight}"));
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_bad_at_10_percent_is_rolled_back() {
    bad_from(10).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_bad_at_25_percent_is_rolled_back() {
    bad_from(25).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_bad_at_50_percent_is_rolled_back() {
    bad_from(50).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_bad_at_75_percent_is_rolled_back() {
    bad_from(75).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_bad_at_100_percent_is_rolled_back() {
    bad_from(100).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_canary_is_rolled_back() {
    let configuration = configuration("  judge: { latency_objective_ms: 250 }\n");
    let run = Run::new(Setup { configuration, ..Setup::default() }).await;
    let rates = Rates { slow: 80_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 25, rates });
    run.canary().await;
    run.verified().await.rolled_back(&run, "verdict");
    run.golden("canary_slow");
}

/// A rollout after a promotion goes the other way: green is live, blue carries the new version.
#[tokio::test(start_paused = true)]
async fn the_next_rollout_goes_to_the_other_colour() {
    let run = Run::usual().await;
    run.canary().await;
    run.until("100:00").await;
    assert_eq!(run.world.version(Colour::Blue), None);
    let mut event = e2e::files::event("codepipeline-succeeded-canary");
    event["detail"]["execution-id"] = "9f0e1d2c-aaaa-4bbb-8ccc-0123456789ab".into();
    run.play("second", event).finished().await;
    let verified = run.verified().await;
    let second = &verified.rollouts[1];
    assert_eq!((second.canary, second.epoch.0), (Colour::Blue, 2));
    assert_eq!(second.baseline.as_ref().map(rollout::Version::as_str), Some("5b7f8a34"));
    assert_eq!(second.phase.name(), "promoted");
    assert_eq!(run.world.share(Colour::Blue), 100);
}

/// A team keeps the rule that it has.
#[tokio::test(start_paused = true)]
async fn another_tool_s_rule_judges_in_place_of_the_test() {
    let rule =
        "  judge: { rule: { alarm: { threshold: 4, datapoints_to_alarm: 1, evaluation_periods: 1 } } }\n";
    for (errors, percent) in [(30_000, 100), (60_000, 25)] {
        let run = Run::new(Setup { configuration: configuration(rule), ..Setup::default() }).await;
        let rates = Rates { errors, ..Rates::USUAL };
        run.world.fault(Fault { colour: Colour::Green, from: 25, rates });
        run.canary().await;
        let verified = run.verified().await;
        if percent == 100 {
            verified.promoted(&run)
        } else {
            verified.rolled_back(&run, "verdict")
        };
        assert_eq!(run.world.writes().iter().map(|write| write.percent).max(), Some(percent));
    }
}
