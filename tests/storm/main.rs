//! Each event of a rollout delivered ten times, shuffled and delayed: the pipeline's, every call of the state machine,
//! alarms, requests, the watchdog's, clean-ups. It is one rollout, with the weights of one execution, told once.
//!
//! 100 seeds are played, and 1,000 with `ACE_THOROUGH` set, as `tests/run` does; `ACE_STORM_SEEDS=<n>` plays so many, and `ACE_STORM_SEED=<seed>` plays one and tells it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod forgetful;
mod scheduler;
mod seeds;
mod storm;

use std::env;
use std::io::Write as _;
use std::time::Instant;

use crate::forgetful::forgetful;
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
