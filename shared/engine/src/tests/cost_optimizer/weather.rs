//! Invocations that are interleaved and killed between any two calls, ticks that are lost, calls that fail, people, AWS and
//! rollouts: in the end everything is as it should be, and nothing is stopped while a rollout is active.

use std::collections::BTreeMap;

use cost::model::Thing;
use cost::{Kind, State};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::borough::{Borough, Running};

/// A Monday.
const BEGIN: &str = "2026-11-02T00:00:00Z";
/// When nothing goes wrong any more, in minutes.
const CALM: i64 = 6 * 24 * 60;

fn check(seed: u64) {
    let begin: Timestamp = BEGIN.parse().unwrap();
    let kinds = [
        (Kind::Database, "orders"),
        (Kind::Cluster, "aurora"),
        (Kind::Cache, "sessions"),
        (Kind::Instance, "bastion"),
        (Kind::Group, "web"),
        (Kind::Service, "api"),
    ];
    let borough = Borough::new(kinds.map(|(kind, name)| Thing::new(kind, name, begin)).into());
    borough.pass_to(BEGIN);
    borough.with(|state| (state.dice, state.fails) = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, 4));
    let below = |bound| borough.with(|state| state.below(bound));
    let mut running: BTreeMap<u64, Running<'_>> = BTreeMap::new();
    let mut next = 0;
    let mut rollout_until = None;
    for minute in 0..CALM {
        borough.minutes(1);
        let now = borough.town.now();
        if below(1_500) == 0 {
            rollout_until = Some(minute + 45);
            borough.rollout(true);
        }
        if rollout_until == Some(minute) {
            borough.rollout(false);
        }
        let whom = usize::try_from(below(6 * 2_000)).unwrap();
        borough.with(|state| {
            // The size that somebody takes away before anybody has looked is known to nobody.
            let records = &state.account.records;
            let is_known = |thing: &Thing| {
                !thing.kind.turns_round()
                    || records.get(&thing.arn()).is_some_and(|record| record.shape.is_some())
            };
            if let Some(thing) = state.account.things.get_mut(whom).filter(|thing| is_known(thing)) {
                thing.by_hand(now);
            }
        });
        if minute % 5 == 0 && below(100) >= 5 {
            for _ in 0..=u64::from(below(100) < 10) {
                running.insert(next, borough.start(json!({ "tick": {} })));
                next += 1;
            }
        }
        // As many turns as it takes most of them to end; who is not done goes on in the next minute.
        for _ in 0..60 {
            let Some(turn) = running.keys().nth(usize::try_from(below(3)).unwrap()).copied() else {
                continue;
            };
            let killed = below(1_000) < 3;
            if killed || running.get_mut(&turn).and_then(Running::go_on).is_some() {
                running.remove(&turn);
            }
        }
    }
    drop(running);
    assert_eq!(borough.with(|state| state.broken.clone()), Vec::<String>::new());
    borough.rollout(false);
    borough.with(|state| state.fails = 0);
    // The longest lease, and then a night and a day: the weekend ends at the eighth day.
    for minute in CALM..CALM + 3 * 24 * 60 {
        borough.minutes(1);
        if minute % 5 == 0 {
            borough.tick().unwrap();
        }
        let hour = (minute / 60 + 1) % 24;
        let is_weekday = (minute + 60) / 1440 % 7 < 5;
        if minute < CALM + 6 * 60 || matches!(hour, 5..8 | 18) {
            continue;
        }
        let on = is_weekday && (8..18).contains(&hour);
        borough.with(|state| {
            for thing in &state.account.things {
                let woken = thing.woken.is_some_and(|woken| {
                    borough.town.now().duration_since(woken) < SignedDuration::from_mins(15)
                });
                let expected = match (on, thing.kind) {
                    (true, _) => State::Running,
                    (false, Kind::Cache) => State::Gone,
                    (false, _) => State::Stopped,
                };
                assert!(
                    woken || thing.state == expected,
                    "{} at {minute}: {:?}",
                    thing.name,
                    state.account.records
                );
                assert!(!on || thing.shape == thing.made, "{}", thing.name);
            }
        });
    }
    let told = borough.with(|state| state.told.clone());
    let last: BTreeMap<&str, bool> = told.iter().map(|told| (told.resource.as_str(), told.stuck)).collect();
    assert!(!last.values().any(|stuck| *stuck), "an alert is open: {last:?}");
}

/// How many histories are played: as many as `ACE_SEEDS` says, a fair number with `ACE_THOROUGH`, or a few.
fn seeds() -> u32 {
    let given = std::env::var_os("ACE_SEEDS").and_then(|number| number.to_str()?.parse().ok());
    given.unwrap_or(if std::env::var_os("ACE_THOROUGH").is_some() { 100 } else { 12 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(seeds()))]

    #[test]
    fn everything_comes_to_what_is_wanted(seed in any::<u64>()) {
        check(seed);
    }
}
