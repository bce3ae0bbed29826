//! The scenarios. In those with an end, it comes 50, 150 and 250 s after a look of Alertmanager's group at its alerts, in three
//! runs: an end is told at the next look, five minutes after the last one.

use crate::scenario::{Alarm, Crash, Expected, Help, Kind, Rollback, Scenario, Script, Span, Time, s};

/// How long after a look of a group something ends.
fn phase(run: u32) -> Time {
    s(50 + 100 * i64::from(run % 3))
}

pub const ALL: [Scenario; 12] = [
    Scenario {
        key: "one",
        what: "one critical alarm, 21 to 24 min",
        factor: 12,
        ways: &[Help::None],
        script: one,
    },
    Scenario {
        key: "storm",
        what: "storm: 200 services × 50 alarms within a minute, 16 to 19 min",
        factor: 40,
        ways: &[Help::None],
        script: storm,
    },
    Scenario {
        key: "flapping",
        what: "an alarm that comes or goes every 40 s for 30 min",
        factor: 18,
        ways: &[Help::None, Help::KeepFiring],
        script: flapping,
    },
    Scenario {
        key: "cause",
        what: "an environment down, 20 services' symptoms 5 s before and 10 s after",
        factor: 12,
        ways: &[Help::None],
        script: cause,
    },
    Scenario {
        key: "late",
        what: "20 alarms, each delivered twice, up to 60 s late and out of order",
        factor: 12,
        ways: &[Help::None],
        script: late,
    },
    Scenario {
        key: "outage",
        what: "the pager answers 503 for 10 to 13 min",
        factor: 10,
        ways: &[Help::None],
        script: outage,
    },
    Scenario {
        key: "helps",
        what: "a rollback that helps after 3 min",
        factor: 10,
        ways: &[Help::None, Help::RollbackAlert],
        script: |_| rolled_back(s(240 + 182)),
    },
    Scenario {
        key: "does-not",
        what: "a rollback that does not help",
        factor: 12,
        ways: &[Help::None, Help::RollbackAlert],
        script: |run| rolled_back(s(240 + 30 + 1_200) + phase(run)),
    },
    Scenario {
        key: "killed-before",
        what: "killed between the alarm and its first message",
        factor: 12,
        ways: &[Help::None],
        script: |run| killed(run, Crash::BeforeTelling),
    },
    Scenario {
        key: "killed-after",
        what: "killed after the first message",
        factor: 12,
        ways: &[Help::None],
        script: |run| killed(run, Crash::AfterTelling),
    },
    Scenario {
        key: "long",
        what: "an alarm of 13 h, reminders every 4 h",
        factor: 300,
        ways: &[Help::None],
        script: long,
    },
    Scenario {
        key: "across",
        what: "two slow environments, told as one",
        factor: 1,
        ways: &[],
        script: |_| across(),
    },
];

fn one(run: u32) -> Script {
    let end = s(1_200) + phase(run);
    let alarm = Alarm::of(Kind::Critical, "5xx", "checkout", &[(s(0), end)]);
    Script::of(vec![alarm], end + s(330))
}

/// Two alarms of a service ring right after each other, of all services in turn.
fn storm(run: u32) -> Script {
    const ALARMS: i32 = 10_000;
    const SERVICES: i32 = 200;
    let alarm = |number: i32| {
        let offset = s(60) * number / ALARMS;
        let (service, of) = ((number / 2) % SERVICES, 2 * (number / 2 / SERVICES) + number % 2);
        let span = (offset, s(930) + phase(run) + offset);
        Alarm::of(Kind::High, &format!("{service:03}-{of:02}"), &format!("service-{service:03}"), &[span])
    };
    Script::of((0..ALARMS).map(alarm).collect(), s(930 + 60 + 330) + phase(run))
}

fn flapping(run: u32) -> Script {
    // The first time is longer, so that runs differ in how the alarm stands when somebody looks.
    let first = s(40) + phase(run) / 10;
    let mut spans = vec![(s(0), first)];
    let mut begin = first + s(40);
    while begin + s(40) <= s(1_800) {
        spans.push((begin, begin + s(40)));
        begin += s(80);
    }
    Script::of(vec![Alarm::of(Kind::High, "latency", "checkout", &spans)], s(2_820))
}

/// The symptoms end 20 s after their cause.
fn cause(run: u32) -> Script {
    let end = s(10 + 1_200) + phase(run);
    let symptom = |number: i64| {
        let begin = if number < 10 { s(5) } else { s(20) };
        Alarm::of(Kind::High, "5xx", &format!("service-{number:02}"), &[(begin, end + s(20))])
    };
    let mut alarms: Vec<Alarm> = (0..20).map(symptom).collect();
    alarms.push(Alarm::whole(Kind::Down, "EnvironmentDown", "production", (s(10), end)));
    let mut script = Script::of(alarms, end + s(330));
    script.expected.retain(|expected| expected.unit == "production");
    script
}

/// Half of the alarms end and ring again 30 s later: what is told of that can come in another order.
fn late(run: u32) -> Script {
    let alarm = |number: i64| {
        let begin = s(20 * number);
        let length = s(200 + 50 * (number % 8));
        let spans = if number % 2 == 0 {
            vec![(begin, begin + s(100)), (begin + s(130), begin + s(130) + length)]
        } else {
            vec![(begin, begin + length)]
        };
        Alarm::of(Kind::High, "5xx", &format!("service-{number:02}"), &spans)
    };
    let script = Script::of((0..20).map(alarm).collect(), s(400 + 130 + 550 + 60 + 330));
    Script { twice: Some((s(60), u64::from(run))), ..script }
}

fn outage(run: u32) -> Script {
    let end = s(930) + phase(run);
    let alarm = Alarm::of(Kind::Paged, "5xx", "checkout", &[(s(0), end)]);
    let outage = Span { begin: s(0), end: s(550) + phase(run) };
    Script { outage: Some(outage), ..Script::of(vec![alarm], end + s(330)) }
}

/// The alarm rings four minutes after the rollout began, which goes back 2 s later and is back within a minute.
fn rolled_back(end: Time) -> Script {
    let alarm = Alarm::of(Kind::High, "5xx", "checkout", &[(s(240), end)]);
    let rollback = Rollback { service: "checkout", started: s(0), begun: s(242), done: s(300) };
    Script { rollback: Some(rollback), ..Script::of(vec![alarm], end + s(420)) }
}

fn killed(run: u32, crash: Crash) -> Script {
    let end = s(30 + 900) + phase(run);
    let alarm = Alarm::of(Kind::High, "5xx", "checkout", &[(s(0), end)]);
    Script { crash: Some(crash), ..Script::of(vec![alarm], end + s(330)) }
}

fn long(run: u32) -> Script {
    let end = s(13 * 3_600) + phase(run);
    let alarm = Alarm::of(Kind::High, "disk", "checkout", &[(s(0), end)]);
    Script::of(vec![alarm], end + s(330))
}

fn across() -> Script {
    let slow = |environment, begin| Alarm::whole(Kind::Slow, "Slow", environment, (s(begin), s(900)));
    let script = Script::of(vec![slow("production", 0), slow("staging", 60)], s(1_260));
    let everywhere = Expected {
        unit: EVERYWHERE.to_owned(),
        begin: s(60),
        end: s(900),
        alarms: script.alarms.iter().map(|alarm| alarm.name.clone()).collect(),
    };
    Script { expected: vec![everywhere], ..script }
}

/// The unit of what is about no environment of its own.
pub const EVERYWHERE: &str = "everywhere";
