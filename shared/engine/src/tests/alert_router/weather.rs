//! Alarms that come twice, late and out of order, invocations that are interleaved and killed between any two calls, a
//! channel that is down: whoever has to know is told, exactly once where a channel can tell messages apart.

use std::collections::{BTreeMap, BTreeSet};

use alerting::NoticeKind;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::world::at;
use super::town::*;

/// When the last thing changes.
const CHANGES: i64 = 1_800;
/// When everything is over that was begun: the last retry of a call, the longest rest of a channel.
const END: i64 = 3 * 3600;

/// A sequence of numbers that a seed determines (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// How many of a hundred turns kill an invocation.
    kills: u64,
    /// How many of a hundred events come twice or more.
    duplicates: u64,
    /// The longest that an event is late, in seconds.
    late: u64,
    /// Whether the pager takes nothing until this second.
    pager_down_until: i64,
}

/// What subjects are said to be, over time.
struct Script {
    events: Vec<(i64, Value)>,
    /// Which alarms ring in the end, and which environments are down.
    ringing: BTreeSet<String>,
    down: BTreeSet<String>,
}

fn script(dice: &mut Dice) -> Script {
    let (mut events, mut ringing, mut down) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let environments = ["development", "staging", "production"];
    for _ in 0..3 + dice.below(12) {
        let second = i64::try_from(dice.below(CHANGES.unsigned_abs())).unwrap();
        if dice.percent(60) {
            let name = format!("alarm {}", dice.below(3));
            let rings = dice.percent(60);
            events.push((second, alarm(&name, if rings { "ALARM" } else { "OK" }, second)));
            let last = ringing.entry(name).or_insert((i64::MIN, false));
            // Of two at the same second the worse counts.
            *last = (*last).max((second, rings));
        } else {
            let environment = environments[usize::try_from(dice.below(3)).unwrap()];
            let bad = dice.percent(60);
            let health = if bad { "unhealthy" } else { "healthy" };
            events.push((second, status(environment, health, &json!({}), second)));
            let last = down.entry(environment.to_owned()).or_insert((i64::MIN, false));
            *last = (*last).max((second, bad));
        }
    }
    let over = |last: BTreeMap<String, (i64, bool)>| {
        last.into_iter().filter(|(_, (_, holds))| *holds).map(|(name, _)| name).collect()
    };
    Script { events, ringing: over(ringing), down: over(down) }
}

/// Lambda, EventBridge and Step Functions: events are delivered at least once, late, and again when an invocation dies.
struct Delivery<'a> {
    town: &'a Town,
    dice: Dice,
    weather: Weather,
    queue: BTreeMap<(Timestamp, u64), (Value, u32)>,
    running: Vec<Running<'a>>,
    count: u64,
    killed: u32,
}

impl Delivery<'_> {
    fn push(&mut self, at: Timestamp, event: Value, attempt: u32) {
        self.count += 1;
        self.queue.insert((at, self.count), (event, attempt));
    }

    fn play(&mut self, script: &Script) {
        for (second, event) in &script.events {
            let copies = if self.dice.percent(self.weather.duplicates) { 1 + self.dice.below(3) } else { 1 };
            for _ in 0..copies {
                let late = i64::try_from(self.dice.below(self.weather.late + 1)).unwrap();
                self.push(at(second + late), event.clone(), 1);
            }
        }
        let mut sweep = at(300);
        loop {
            self.run_dry();
            let next = [self.queue.keys().next().map(|(at, _)| *at), self.town.next_timer(), Some(sweep)];
            let next = next.into_iter().flatten().min().unwrap();
            if next > at(END) {
                return;
            }
            self.town.pass(next);
            if self.town.now() >= at(self.weather.pager_down_until) {
                self.town.with(|state| state.moods.clear());
            }
            while let Some(event) = self.town.timer(next) {
                self.begin(event, 1);
            }
            while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= next) {
                let (event, attempt) = first.remove();
                self.begin(event, attempt);
            }
            if sweep <= next {
                sweep = next + SignedDuration::from_secs(300);
                self.begin(json!({ "sweep": {} }), 3);
            }
        }
    }

    fn begin(&mut self, event: Value, attempt: u32) {
        self.running.push(self.town.start(event, attempt));
    }

    /// Runs whatever runs until all of it has ended or waits for the time to pass, which it does by seconds then.
    fn run_dry(&mut self) {
        let mut turns = 0_u32;
        while !self.running.is_empty() {
            turns += 1;
            if turns.is_multiple_of(400) {
                self.town.pass(self.town.now() + SignedDuration::from_secs(1));
            }
            let bound = u64::try_from(self.running.len()).unwrap();
            let chosen = usize::try_from(self.dice.below(bound)).unwrap();
            if self.town.now() < at(CHANGES) && self.dice.percent(self.weather.kills) {
                let dead = self.running.swap_remove(chosen);
                self.killed += 1;
                self.again(dead.event, dead.attempt);
                continue;
            }
            match self.running[chosen].go_on() {
                None => {}
                Some(Ok(_)) => drop(self.running.swap_remove(chosen)),
                Some(Err(_)) => {
                    let failed = self.running.swap_remove(chosen);
                    self.again(failed.event, failed.attempt);
                }
            }
        }
    }

    /// Lambda tries an asynchronous call again after one minute and two minutes more. Then it is a dead letter, which a
    /// person replays once the weather is better.
    fn again(&mut self, event: Value, attempt: u32) {
        let at = match attempt {
            1 => self.town.now() + SignedDuration::from_secs(60),
            2 => self.town.now() + SignedDuration::from_secs(120),
            _ => self.town.now().max(at(CHANGES)) + SignedDuration::from_secs(600),
        };
        self.push(at, event, attempt + 1);
    }
}

/// What a channel believes in the end: of which group what fires.
fn beliefs(town: &Town, channel: &str) -> BTreeSet<String> {
    let mut last = BTreeMap::new();
    for got in town.with(|state| state.got.clone()).into_iter().filter(|got| got.channel == channel) {
        last.insert(got.notice.group.to_string(), got.notice);
    }
    let firing = last.into_values().filter(|notice| notice.kind != NoticeKind::Resolved);
    firing
        .flat_map(|notice| notice.alerts)
        .filter(|alert| alert.firing)
        .map(|alert| format!("{} of {}", alert.rule, alert.subject.unwrap()))
        .collect()
}

fn verify(town: &Town, script: &Script) -> Result<(), TestCaseError> {
    // Nothing lasts in Rings longer than its alarms do, nothing in Down longer than the status.
    let mut rings: BTreeSet<String> = BTreeSet::new();
    if !script.ringing.is_empty() {
        rings.insert("Rings of staging/checkout".to_owned());
    }
    let down: BTreeSet<String> =
        script.down.iter().map(|environment| format!("Down of {environment}")).collect();
    let chat: BTreeSet<String> = rings.union(&down).cloned().collect();
    prop_assert_eq!(beliefs(town, "chat"), chat, "what fires is told, and what has ended too");
    prop_assert_eq!(beliefs(town, "pager"), down);
    // Whoever can tell messages apart has each once, and no two say the same within the shortest interval.
    let mut last: BTreeMap<(String, String), (Timestamp, String)> = BTreeMap::new();
    for got in town.with(|state| state.got.clone()) {
        let firing: Vec<_> = got.notice.alerts.iter().filter(|alert| alert.firing).collect();
        let says = format!(
            "{:?} {:?}",
            got.notice.kind,
            firing.iter().map(|alert| (&alert.rule, &alert.subject, alert.since)).collect::<Vec<_>>()
        );
        let line = (got.channel.clone(), got.notice.group.to_string());
        if let Some((at, said)) = last.insert(line, (got.at, says.clone())) {
            prop_assert!(
                said != says || got.at.duration_since(at) >= SignedDuration::from_hours(4),
                "told twice: {} at {}",
                says,
                got.at
            );
        }
    }
    Ok(())
}

fn play(seed: u64, weather: Weather) -> Result<(Town, u32), TestCaseError> {
    let mut dice = Dice::new(seed);
    let script = script(&mut dice);
    let town = Town::new();
    if weather.pager_down_until > 0 {
        town.with(|state| state.moods.insert("pager".to_owned(), Mood::Down));
    }
    let killed = {
        let (queue, running) = (BTreeMap::new(), Vec::new());
        let mut delivery = Delivery { town: &town, dice, weather, queue, running, count: 0, killed: 0 };
        delivery.play(&script);
        delivery.killed
    };
    verify(&town, &script)?;
    Ok((town, killed))
}

fn cases() -> ProptestConfig {
    let thorough = std::env::var_os("ACE_THOROUGH").is_some();
    ProptestConfig { cases: if thorough { 2_000 } else { 200 }, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn in_fair_weather_each_message_comes_once(seed in any::<u64>()) {
        let weather = Weather { kills: 0, duplicates: 0, late: 0, pager_down_until: 0 };
        let (town, _) = play(seed, weather)?;
        prop_assert!(town.with(|state| state.got.iter().all(|got| got.times == 1)));
    }

    #[test]
    fn twice_late_and_out_of_order_each_message_comes_once(seed in any::<u64>()) {
        let weather = Weather { kills: 0, duplicates: 50, late: 600, pager_down_until: 0 };
        let (town, _) = play(seed, weather)?;
        prop_assert!(town.with(|state| state.got.iter().all(|got| got.times == 1)));
    }

    #[test]
    fn whatever_is_killed_between_any_two_calls_nothing_is_lost_and_nothing_is_told_twice(seed in any::<u64>()) {
        let weather = Weather { kills: 4, duplicates: 30, late: 300, pager_down_until: 0 };
        let (town, killed) = play(seed, weather)?;
        // A channel that cannot tell messages apart would have got one twice for an invocation that was killed between
        // the channel's answer and its record.
        let again: u32 = town.with(|state| state.got.iter().map(|got| got.times - 1).sum());
        prop_assert!(again <= killed * 4, "{} again, {} killed", again, killed);
    }

    #[test]
    fn a_channel_that_is_down_loses_nothing(seed in any::<u64>(), down in 60..5_400_i64) {
        let weather = Weather { kills: 0, duplicates: 30, late: 300, pager_down_until: down };
        let (town, _) = play(seed, weather)?;
        // What the pager could not be told for a quarter of an hour, who stands in for it was told.
        let got = town.with(|state| state.got.clone());
        let is_down = |got: &Got| {
            got.notice.alerts.iter().any(|alert| alert.rule.as_str() == "Down" && alert.firing)
        };
        for told in got.iter().filter(|got| got.channel == "chat" && is_down(got)) {
            let soon = told.at + SignedDuration::from_secs(900);
            let same = |other: &&Got| other.notice.group == told.notice.group && told.at <= other.at;
            let ended = got.iter().filter(same).any(|other| other.channel == "chat" && other.at < soon && !is_down(other));
            let mailed = got.iter().filter(same).any(|other| other.channel == "mail" && other.at <= soon)
                || got.iter().any(|other| other.channel == "mail" && other.notice.group == told.notice.group && is_down(other));
            prop_assert!(ended || soon > at(down) || mailed, "nobody was told at {}", told.at);
        }
    }
}
