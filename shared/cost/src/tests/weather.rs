//! Ticks that are lost, doubled and killed, calls that fail, people and AWS that start and stop things: in the end everything
//! is as it should be, nothing is stopped while that has to wait, and nothing that was written is lost.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rollout::Seconds;

use crate::decide::{Act, Decision, Standing, Wish};
use crate::model::{Account, Thing};
use crate::plan::{Moment, Subject, plan};
use crate::record::Power;
use crate::resource::{Kind, State};

const TICK: i64 = 5;
const LEASE: Seconds = Seconds(4 * 3600);
/// When nothing goes wrong any more, in minutes.
const CALM: i64 = 12 * 24 * 60;

/// A sequence of numbers that a seed determines (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn monday() -> Timestamp {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

fn at(minute: i64) -> Timestamp {
    monday() + SignedDuration::from_mins(minute)
}

/// On from eight to six on weekdays.
fn wish(minute: i64) -> Wish {
    let is_on = |minute: i64| minute / 1440 % 7 < 5 && (8..18).contains(&(minute / 60 % 24));
    let now = is_on(minute);
    let until = (minute / 60 + 1..minute / 60 + 200)
        .map(|hour| hour * 60)
        .find(|minute| is_on(*minute) != now)
        .map(at);
    let power = if now { Power::On } else { Power::Off };
    Wish { power, why: "the hours".to_owned(), until, start_by: None }
}

struct World {
    account: Account,
    dice: Dice,
    rollout_until: i64,
    /// How many of a hundred times something goes wrong.
    weather: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let things: Vec<Thing> = [
            (Kind::Database, "orders"),
            (Kind::Cluster, "aurora"),
            (Kind::Cache, "sessions"),
            (Kind::Instance, "bastion"),
            (Kind::Group, "web"),
            (Kind::Service, "api"),
        ]
        .into_iter()
        .map(|(kind, name)| Thing::new(kind, name, at(0)))
        .collect();
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self {
            account: Account { now: at(0), things, records: BTreeMap::new() },
            dice,
            rollout_until: 0,
            weather: 10,
        }
    }

    fn decide(&self, minute: i64) -> Vec<Decision> {
        let subjects = self.account.things.iter().map(|thing| Subject {
            record: self.account.record(thing),
            seen: thing.seen(),
            wish: wish(minute),
            woken: false,
        });
        plan(subjects.collect(), &self.moment(minute), at(minute))
    }

    fn moment(&self, minute: i64) -> Moment {
        Moment {
            stops_wait: (minute < self.rollout_until).then(|| "a rollout is active".to_owned()),
            lease: LEASE,
            other_types: vec!["m6g.large".to_owned()],
            snapshot: format!("ace-{minute}"),
            tick: Seconds(300),
            unseen: BTreeMap::new(),
        }
    }

    fn carry_out(&mut self, decisions: Vec<Decision>, minute: i64) {
        for mut decision in decisions {
            if self.dice.percent(self.weather / 3) {
                return; // Killed.
            }
            if self.account.records.get(&decision.record.arn) != Some(&decision.record) {
                let Some(version) = self.account.remember(&decision) else { continue };
                decision.record.version = version;
            }
            if self.dice.percent(self.weather / 3) {
                return; // Killed between what was written and what was meant.
            }
            if matches!(decision.act, Act::Stop | Act::Delete(_) | Act::Snapshot(_)) {
                assert!(minute >= self.rollout_until, "stopped during a rollout");
            }
            let fails = decision.act != Act::Nothing && self.dice.percent(self.weather);
            let lost = decision.act != Act::Nothing && self.dice.percent(self.weather / 3);
            let thing = self.account.thing(&decision.record.arn);
            let done = if fails { Err(("Throttling", false)) } else { thing.take(&decision.act, at(minute)) };
            // It was done, and the answer is lost.
            let done = if lost { Err(("timed out", false)) } else { done };
            if let Err((why, capacity)) = done {
                decision.record.failed(why.to_owned(), capacity, at(minute));
                self.account.remember(&decision);
            }
        }
    }

    fn minute(&mut self, minute: i64) {
        for thing in &mut self.account.things {
            thing.passes(at(minute));
        }
        if self.weather > 0 {
            if self.dice.below(2_000) == 0 {
                self.rollout_until = minute + 40;
            }
            for index in 0..self.account.things.len() {
                let scarce = self.dice.below(3_000);
                // The size that somebody takes away before anybody has looked is known to nobody.
                let thing = &self.account.things[index];
                let is_known = !thing.kind.turns_round() || self.account.record(thing).shape.is_some();
                let thing = &mut self.account.things[index];
                match scarce {
                    0 if is_known => {
                        thing.by_hand(at(minute));
                    }
                    1 => thing.scarce = !thing.scarce,
                    2 => thing.takes = SignedDuration::from_mins(1 + (minute % 20)),
                    _ => {}
                }
            }
        }
        if minute % TICK != 0 || self.dice.percent(self.weather) {
            return;
        }
        let decisions = self.decide(minute);
        let again = self.dice.percent(self.weather).then(|| decisions.clone());
        self.carry_out(decisions, minute);
        if let Some(again) = again {
            self.carry_out(again, minute);
        }
    }

    /// Nothing goes wrong any more.
    fn calm(&mut self) {
        self.weather = 0;
        for thing in &mut self.account.things {
            thing.scarce = false;
            thing.takes = SignedDuration::from_mins(4);
        }
    }
}

fn check(seed: u64) {
    let mut world = World::new(seed);
    for minute in 0..CALM {
        world.minute(minute);
    }
    world.calm();
    // After two ticks each is asked, waits for one that is, or is left as somebody wanted it for no longer than a lease.
    for minute in CALM..=CALM + 2 * TICK {
        world.minute(minute);
    }
    for decision in world.decide(CALM + 2 * TICK) {
        if let Standing::Cannot(why) | Standing::Fails { why, .. } = &decision.standing {
            panic!("{}: {why}", decision.record.name);
        }
    }
    // The longest backoff, three tiers of starts and the longest lease later, and through a night, a day and a weekend:
    let settled = CALM + 6 * 60;
    for minute in CALM + 2 * TICK + 1..CALM + 9 * 24 * 60 {
        world.minute(minute);
        let hour = minute / 60 % 24;
        // Ready at eight, and off an hour after six and until three hours before eight.
        if minute < settled || matches!(hour, 5..8 | 18) {
            continue;
        }
        let power = wish(minute).power;
        for thing in &world.account.things {
            // AWS has started it: it is stopped again by the next ticks.
            if thing
                .woken
                .is_some_and(|woken| at(minute).duration_since(woken) < SignedDuration::from_mins(15))
            {
                continue;
            }
            let expected = match (power, thing.kind) {
                (Power::On, _) => State::Running,
                (Power::Off, Kind::Cache) => State::Gone,
                (Power::Off, _) => State::Stopped,
            };
            assert_eq!(
                thing.state,
                expected,
                "{} at minute {minute} ({:?})",
                thing.name,
                world.account.record(thing)
            );
            if power == Power::On {
                assert_eq!(thing.shape, thing.made, "{} has another shape", thing.name);
            }
        }
    }
}

/// How many histories are played: as many as `ACE_SEEDS` says, a fair number with `ACE_THOROUGH`, or a few.
fn seeds() -> u32 {
    let given = std::env::var_os("ACE_SEEDS").and_then(|number| number.to_str()?.parse().ok());
    given.unwrap_or(if std::env::var_os("ACE_THOROUGH").is_some() { 200 } else { 40 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(seeds()))]

    #[test]
    fn everything_comes_to_what_is_wanted(seed in any::<u64>()) {
        check(seed);
    }
}
