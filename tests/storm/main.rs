//! Each event of a rollout delivered ten times, shuffled and delayed: the pipeline's, every call of the state machine,
//! alarms, requests, the watchdog's, clean-ups. It is one rollout, with the weights of one execution, told once.
//!
//! And a crowd: many rollouts at once against the load balancer's API budget, and many rollbacks among them.
//!
//! 100 seeds are played, and 1,000 with `ACE_THOROUGH` set, as `tests/run` does; `ACE_STORM_SEEDS=<n>` plays so many, and `ACE_STORM_SEED=<seed>` plays one and tells it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod crowd;
mod elb;
mod forgetful;
mod generous;
mod scheduler;
mod seeds;
mod services;
mod storm;

use std::env;
use std::io::Write as _;
use std::panic::catch_unwind;
use std::time::Instant;

use jiff::SignedDuration;

use crate::crowd::{ROLLOUTS, crowd, percentile};
use crate::forgetful::forgetful;
use crate::generous::generous;
use crate::scheduler::Weather;
use crate::seeds::{storms, whole};
use crate::storm::COPIES;

/// Past the test harness, which keeps what passes to itself.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable} is {text:?}: {error}")))
}

fn play(weather: Weather, test: &str) {
    let began = Instant::now();
    let thorough = env::var_os("ACE_THOROUGH").is_some();
    let seeds = match number("ACE_STORM_SEED") {
        Some(seed) => {
            match seeds::storm(seed, weather, whole) {
                Ok(storm) => say(&storm.transcript),
                Err(failure) => panic!("{}", failure.report),
            }
            seed..seed + 1
        }
        None => 0..number("ACE_STORM_SEEDS").unwrap_or(if thorough { 1_000 } else { 100 }),
    };
    let count = seeds.end - seeds.start;
    let (invocations, failed) = storms(seeds, weather, whole);
    say(&format!(
        "storm, {weather:?}: {count} seeds, every event {COPIES} times, {invocations} invocations, {} failed, in {:.1} s",
        failed.len(),
        began.elapsed().as_secs_f64()
    ));
    for failure in failed.iter().take(3) {
        say(&format!(
            "\n{}\nseed {} alone: ACE_STORM_SEED={} cargo test -p e2e --test storm {test}",
            failure.report, failure.seed, failure.seed
        ));
    }
    let wrong: Vec<u64> = failed.iter().map(|failure| failure.seed).collect();
    assert!(wrong.is_empty(), "storms in which something was wrong: {wrong:?}");
}

#[test]
fn ten_deliveries_of_every_event_are_one_rollout() {
    play(Weather::Slow, "ten_deliveries");
}

#[test]
fn crashes_among_the_deliveries_change_nothing() {
    play(Weather::Foul, "crashes_among");
}

#[test]
fn a_seed_is_the_same_storm_each_time() {
    for seed in 0..6 {
        let transcript = || {
            seeds::storm(seed, Weather::Foul, whole)
                .map_or_else(|failed| failed.report, |storm| storm.transcript)
        };
        assert_eq!(transcript(), transcript(), "seed {seed}");
    }
}

/// The storm can fail.
#[test]
fn the_storm_notices_a_store_without_conditions() {
    let (_, failed) = storms(0..12, Weather::Slow, forgetful);
    assert!(failed.len() > 6, "{} of 12 storms failed", failed.len());
}

/// 200 rollouts of an account and region, of which so many are rolled back at once while others wait for their next step.
fn rolled_back_at_once(aborted: usize) {
    let began = Instant::now();
    let crowd = crowd(aborted, 1, whole);
    let took = &crowd.took;
    let decided = |percent| percentile(took.iter().map(|took| took.decided), percent).as_millis();
    let best = |percent| percentile(took.iter().map(|took| took.bound), percent).as_millis();
    let within =
        |seconds| took.iter().filter(|took| took.decided < SignedDuration::from_secs(seconds)).count();
    say(&format!(
        "crowd: {aborted} of {ROLLOUTS} aborted at once, {} steps waiting, tokens left {:?}: decision -> ModifyRule accepted \
         p50 {} ms, p99 {} ms, max {} ms (the bucket's bound {}, {}, {} ms); {} within 1 s, {} within 2 s; {:?}; {} steps \
         forward meanwhile; all ended in {:#}, {} invocations, in {:.1} s",
        crowd.waiting,
        crowd.left,
        decided(50),
        decided(99),
        decided(100),
        best(50),
        best(99),
        best(100),
        within(1),
        within(2),
        crowd.throttled,
        crowd.forward,
        crowd.lasted.round(jiff::Unit::Second).unwrap(),
        crowd.invocations,
        began.elapsed().as_secs_f64(),
    ));
    // What the bucket holds is taken at once, and nothing but its pace delays the rest.
    assert!(crowd.left.0 >= 17, "steps forward leave 17 tokens: {:?}", crowd.left);
    assert_eq!(crowd.forward, 0, "a step forward came before a rollback");
    for (number, took) in took.iter().enumerate() {
        let late = took.arrived - took.bound;
        assert!(late < SignedDuration::from_secs(4), "rollback {number}: {took:?}");
    }
    assert!(within(2) >= aborted.min(23), "{} within two seconds", within(2));
    if aborted <= 20 {
        assert_eq!(within(2), aborted, "throttled into its second second");
        assert_eq!(crowd.throttled.back_in_vain, 0);
    }
}

#[test]
fn as_many_rollbacks_as_the_bucket_holds_are_accepted_at_once() {
    rolled_back_at_once(20);
}

#[test]
fn fifty_rollbacks_at_once_wait_for_nothing_but_the_bucket() {
    rolled_back_at_once(50);
    if env::var_os("ACE_THOROUGH").is_some() {
        [10, 30, 40].into_iter().for_each(rolled_back_at_once);
    }
}

/// The crowd can fail.
#[test]
fn the_crowd_notices_a_budget_that_grants_everything() {
    catch_unwind(|| crowd(50, 1, generous)).err().unwrap();
}
