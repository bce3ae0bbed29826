//! What it costs to route an alarm: whole, from its event to the message, over ports in memory and without any waiting, by
//! services and by rules; and its pure parts. `items/s` are alarms that changed their state. What grows by how much is
//! printed at the end.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends when its input is wrong, and prints"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use alert_town::{Hours, Town, events};
use alerting::group::{Delivery, Given, Sight};
use alerting::{
    AlarmNews, AlarmState, Alert, AlertKey, AlertState, Group, News, Policy, Severity, Signal, Subject, Watch,
};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use engine::AlertRouterFunction;
use environments::Environment;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
    growth();
}

/// The alarms of each service.
const ALARMS: usize = 2;

/// So many services have alarms, and so many rules look at each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    services: usize,
    rules: usize,
    /// Whether alerts can be silenced by those of other groups.
    inhibited: bool,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { services, rules, inhibited } = self;
        write!(f, "{services} services, {rules} rules{}", if *inhibited { ", inhibited" } else { "" })
    }
}

const fn size(services: usize, rules: usize) -> Size {
    Size { services, rules, inhibited: false }
}

const SIZES: [Size; 9] = [
    size(1, 1),
    size(200, 1),
    size(1_000, 1),
    size(1, 100),
    size(200, 100),
    size(1_000, 100),
    size(1, 1_000),
    size(200, 1_000),
    size(1_000, 1_000),
];

const INHIBITED: [Size; 3] = [
    Size { services: 1, rules: 1, inhibited: true },
    Size { services: 200, rules: 1, inhibited: true },
    Size { services: 1_000, rules: 1, inhibited: true },
];

/// The first rule is about every alarm; all others look, and find nothing. Short times keep the configuration from being
/// read again between any two alarms, and everything that comes and goes from flapping.
fn configuration(size: Size) -> String {
    let mut text = r#"notifications:
  chat: { kind: slack, token: monitoring.slack, channel: C0123ABCD }
alerts:
  environments: [production]
  group_wait: 1s
  group_interval: 1s
  flapping: { changes: 1000, within: 1m, stable: 1m }
  rules:
    - { name: Alarms, condition: "alarm:high-*", severity: high, channels: [chat] }
"#
    .to_owned();
    for number in 1..size.rules {
        let condition = match number % 4 {
            0 => format!("service:other-{number} AND status:unhealthy"),
            1 => format!("alarm:other-{number}-* AND NOT alarm:high-*"),
            2 => "environment:production AND error_rate > 5% AND requests > 100 for 2m clear after 10m"
                .to_owned(),
            _ => {
                format!("environment:(staging, production) AND service:other-{number} AND deployment:failed")
            }
        };
        writeln!(
            text,
            "    - {{ name: Rule {number}, condition: \"{condition}\", severity: low, channels: [chat] }}"
        )
        .unwrap();
    }
    if size.inhibited {
        text.push_str("  inhibitions: [{ while: 'severity:critical', silence: 'severity:high', equal: [environment] }]\n");
    }
    text
}

fn start() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

fn town(size: Size) -> Town {
    Town::new(
        "development".parse().unwrap(),
        &format!("{}{}", alert_town::HOME, configuration(size)),
        start(),
    )
    .unwrap()
}

const SECOND: SignedDuration = SignedDuration::from_secs(1);
/// One alarm comes after the other, and so do timers, which are to the millisecond: a crowd of invocations is a crowd of
/// functions, each with a processor of its own.
const APART: SignedDuration = SignedDuration::from_millis(1);

/// How long all alarms take to change their states, and the timers of that to come.
fn half(size: Size) -> SignedDuration {
    APART * i32::try_from(ALARMS * size.services).unwrap() + SECOND * 2
}

/// Every alarm rings, somebody is told, and every alarm ends, again and again: the events, and when each is delivered.
fn events(size: Size, rounds: usize, begin: Timestamp) -> Vec<(Timestamp, Value)> {
    let mut events = Vec::new();
    let mut begin = begin;
    for _ in 0..rounds {
        for state in ["ALARM", "OK"] {
            for number in 0..ALARMS * size.services {
                let service = format!("service-{}", number % size.services);
                let alarm = format!("high-{}", number / size.services);
                let at = begin + APART * i32::try_from(number).unwrap();
                events.push((at, events::alarm(&alarm, state, ("production", &service), at)));
            }
            begin += half(size);
        }
    }
    events
}

fn play(town: &Town, router: &AlertRouterFunction<'_>, size: Size, events: Vec<(Timestamp, Value)>) {
    let end = events.last().unwrap().0 + SECOND;
    let messages = events.len() / ALARMS;
    let mut hours = Hours::new(town, router);
    for (at, event) in events {
        hours.deliver(at, event);
    }
    hours.until(end);
    assert!(hours.lost().is_empty() && town.is_at_rest());
    assert_eq!(town.received().len(), messages, "{size}: a beginning and an end of each group");
    town.forget();
}

/// The shortest time of an alarm that was measured.
static TIMES: Mutex<BTreeMap<Size, Duration>> = Mutex::new(BTreeMap::new());

fn routed(bencher: Bencher<'_, '_>, size: Size) {
    let town = town(size);
    let router = town.router();
    let rounds = (100 / size.services).max(1);
    let mut begin = start() + SECOND;
    let mut next = || {
        let events = events(size, rounds, begin);
        begin += half(size) * 2 * i32::try_from(rounds).unwrap();
        events
    };
    let first = next();
    let alarms = first.len();
    play(&town, &router, size, first);
    bencher.counter(ItemsCount::new(alarms)).with_inputs(next).bench_local_values(|events| {
        let started = Instant::now();
        play(&town, &router, size, events);
        let each = started.elapsed() / u32::try_from(alarms).unwrap();
        let mut shortest = TIMES.lock().unwrap();
        let known = shortest.get(&size).copied().unwrap_or(each);
        shortest.insert(size, each.min(known));
    });
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn alarms_routed(bencher: Bencher<'_, '_>, size: Size) {
    routed(bencher, size);
}

#[divan::bench(args = INHIBITED, sample_count = 3, sample_size = 1)]
fn alarms_routed_that_others_may_silence(bencher: Bencher<'_, '_>, size: Size) {
    routed(bencher, size);
}

/// One alarm alone while all services ring: `max alloc` is what an invocation holds at most.
#[divan::bench(args = SIZES, sample_count = 50, sample_size = 1)]
fn one_alarm_of_many(bencher: Bencher<'_, '_>, size: Size) {
    let town = town(size);
    let router = town.router();
    let mut hours = Hours::new(&town, &router);
    let begin = start() + SignedDuration::from_secs(1);
    for number in 0..size.services {
        let about = ("production", format!("service-{number}"));
        hours.deliver(begin, events::alarm("high-0", "ALARM", (about.0, &about.1), begin));
    }
    hours.until(begin + SignedDuration::from_secs(2));
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(|| {
            number += 1;
            let at = begin + SignedDuration::from_millis(2_000 + number);
            let state = if number % 2 == 1 { "ALARM" } else { "OK" };
            (at, events::alarm("high-1", state, ("production", "service-0"), at))
        })
        .bench_local_values(|(at, event)| {
            hours.deliver(at, event);
            hours.until(at);
        });
}

/// What a function does once a minute, and when it starts.
#[divan::bench(args = [1, 100, 1_000], sample_count = 20)]
fn configuration_read(bencher: Bencher<'_, '_>, rules: usize) {
    let environment = Environment::from_yaml(&configuration(size(1, rules))).unwrap();
    let home = "development".parse().unwrap();
    bencher.bench_local(|| black_box(&environment).clone().alerts(&home));
}

fn policy(rules: usize) -> Policy {
    let environment = Environment::from_yaml(&configuration(size(1, rules))).unwrap();
    environment.alerts(&"development".parse().unwrap())
}

fn subject(service: usize) -> Subject {
    let service = format!("service-{service}").parse().unwrap();
    Subject::service("production".parse().unwrap(), service)
}

fn rings(number: usize, at: Timestamp) -> Signal {
    let news = AlarmNews {
        name: format!("high-{number}"),
        state: AlarmState::Alarm,
        reason: "threshold crossed".to_owned(),
        namespace: Some("AWS/ApplicationELB".to_owned()),
        metric: Some("HTTPCode_Target_5XX_Count".to_owned()),
        measures: BTreeMap::new(),
        rule: None,
        link: None,
    };
    Signal { subject: subject(0), at, news: News::Alarm(news) }
}

fn heard(bencher: Bencher<'_, '_>, rules: usize, alarms: usize) {
    let (policy, later) = (policy(rules), start() + SignedDuration::from_secs(1));
    let watch = (0..alarms).fold(Watch::new(subject(0)), |watch, number| {
        watch.hear(&rings(number, start()), &policy, start()).unwrap()
    });
    let signal = rings(alarms, later);
    bencher.bench_local(|| black_box(&watch).hear(black_box(&signal), &policy, later).is_some());
}

#[divan::bench(args = [1, 100, 1_000])]
fn watch_hears_by_rules(bencher: Bencher<'_, '_>, rules: usize) {
    heard(bencher, rules, 1);
}

#[divan::bench(args = [1, 50, 199])]
fn watch_hears_by_alarms_known(bencher: Bencher<'_, '_>, alarms: usize) {
    heard(bencher, 10, alarms);
}

fn group(members: usize, policy: &Policy) -> Group {
    let alert = |number: usize| Alert {
        key: AlertKey { rule: "Alarms".parse().unwrap(), subject: Some(subject(number)) },
        severity: Severity::High,
        state: AlertState::Firing { since: start() },
        decided: start(),
        because: "alarm is high-0 (high-0: threshold crossed)".to_owned(),
        flapping: false,
        link: None,
    };
    let mut group = Group::of(&alert(0), policy);
    for number in 0..members {
        group.hear(&alert(number), start());
    }
    assert_eq!(group.alerts().count(), members);
    group
}

/// The first message of a group.
#[divan::bench(args = [1, 50, 500])]
fn plan_of_a_first_message(bencher: Bencher<'_, '_>, members: usize) {
    let policy = policy(10);
    let (group, now) = (group(members, &policy), start() + SignedDuration::from_secs(1));
    assert_eq!(group.plan(&policy, Sight::default(), now).sends.len(), 1);
    bencher.bench_local(|| black_box(&group).plan(&policy, Sight::default(), now));
}

/// A look at a group of which everybody knows.
#[divan::bench(args = [1, 50, 500])]
fn plan_of_nothing(bencher: Bencher<'_, '_>, members: usize) {
    let policy = policy(10);
    let (group, now) = (group(members, &policy), start() + SignedDuration::from_secs(1));
    let plan = group.plan(&policy, Sight::default(), now);
    let done = plan.sends.iter().map(|send| (send.channel.clone(), Delivery::Done { thread: None }));
    let given = Given { planned: plan.at, deliveries: done.collect() };
    let group = plan.group.record(&given, &policy, now).unwrap();
    assert!(group.plan(&policy, Sight::default(), now).sends.is_empty());
    bencher.bench_local(|| black_box(&group).plan(&policy, Sight::default(), now));
}

/// How much longer an alarm takes than with one service, or with one rule.
fn growth() {
    let times = TIMES.lock().unwrap();
    if times.is_empty() {
        return;
    }
    println!("\nan alarm, shortest time, and as a multiple of the one with 1 service, and with 1 rule");
    for (size, time) in &*times {
        let times_of = |other: Size| {
            times.get(&other).map_or("-".to_owned(), |other| format!("{:.1}", time.div_duration_f64(*other)))
        };
        let micros = time.as_secs_f64() * 1e6;
        let (by_services, by_rules) =
            (times_of(Size { services: 1, ..*size }), times_of(Size { rules: 1, ..*size }));
        println!("{:32} {micros:9.1} µs  × {by_services:>5}  × {by_rules:>5}", size.to_string());
    }
}
