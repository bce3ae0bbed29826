//! A scenario through alert-router, in virtual time.

use std::collections::BTreeSet;

use alert_town::{Hours, Killed, Outage, Received, Town, events};
use alerting::{ChannelName, Notice, NoticeKind};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::scenario::{Alarm, Channel, Crash, Kind, Script, Time, s};
use crate::scenarios::EVERYWHERE;
use crate::told::{Figures, Told};

/// How the system is called in the table.
pub const SYSTEM: &str = "alert-router";

/// The stack's own environment; alarms are about others.
const HOME: &str = "development";

/// Grouping, intervals, flapping and what is left to rollouts are the defaults.
const CONFIGURATION: &str = r#"notifications:
  pager: { kind: pagerduty, secret: monitoring.pager, fallback: mail }
  chat: { kind: slack, token: monitoring.slack, channel: C0123ABCD }
  mail: { kind: email, topic: "arn:aws:sns:us-east-1:123456789012:mail" }
alerts:
  environments: [development, staging, production]
  rules:
    - { name: Environment down, condition: "status:unhealthy", severity: critical, channels: [pager, chat] }
    - { name: Critical alarms, condition: "alarm:critical-*", severity: critical, channels: [pager, chat] }
    - { name: Alarms, condition: "alarm:high-*", severity: high, channels: [pager, chat] }
    - { name: Paged alarms, condition: "alarm:paged-*", severity: high, channels: [pager] }
    - { name: Slow, condition: "response_time > 2s AND affected_environments >= 2", severity: high, channels: [chat] }
  inhibitions:
    - { while: 'rule:"Environment down"', silence: "severity:high", equal: [environment] }
"#;

fn start() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap_or_default()
}

fn at(time: Time) -> Timestamp {
    start() + time
}

/// What happens, as events, with when each is delivered.
fn deliveries(script: &Script) -> Vec<(Time, Value)> {
    let mut events: Vec<(Time, Value)> = Vec::new();
    for alarm in &script.alarms {
        for span in &alarm.spans {
            events.push((span.begin, event(alarm, true, span.begin)));
            events.push((span.end, event(alarm, false, span.end)));
        }
    }
    if let Some(rollback) = &script.rollback {
        let about = ("production", rollback.service);
        for (milestone, time) in
            [("started", rollback.started), ("rolling_back", rollback.begun), ("rolled_back", rollback.done)]
        {
            events.push((time, events::rollout(milestone, about, at(rollback.started), at(time))));
        }
    }
    let Some((most, seed)) = script.twice else { return events };
    let mut dice = Dice::new(seed);
    let mut twice = Vec::new();
    for (time, event) in events {
        for _ in 0..2 {
            twice.push((time + dice.below(most), event.clone()));
        }
    }
    twice
}

fn event(alarm: &Alarm, begins: bool, time: Time) -> Value {
    match (&alarm.service, alarm.kind) {
        (Some(service), _) => {
            let state = if begins { "ALARM" } else { "OK" };
            events::alarm(&alarm.name, state, (alarm.environment, service), at(time))
        }
        (None, Kind::Slow) => {
            let metrics = json!({ "response_time": if begins { 2_500 } else { 200 } });
            events::status(alarm.environment, "healthy", &metrics, at(time))
        }
        (None, _) => {
            let status = if begins { "unhealthy" } else { "healthy" };
            events::status(alarm.environment, status, &json!({}), at(time))
        }
    }
}

/// What channels were told, and the invocation that was killed, if the one of this call was to be.
fn played(script: &Script, kill_before: Option<u64>) -> Result<(Vec<Told>, Option<Killed>), String> {
    let home = HOME.parse().map_err(|error| format!("environment {HOME}: {error}"))?;
    let town = Town::new(home, &format!("{}{CONFIGURATION}", alert_town::HOME), start())
        .map_err(|error| error.to_string())?;
    if let Some(outage) = script.outage {
        let channel: ChannelName =
            Channel::Pager.as_str().parse().map_err(|error| format!("pager: {error}"))?;
        town.out(Outage { channel, from: at(outage.begin), until: at(outage.end) });
    }
    let router = town.router();
    let mut hours = Hours::new(&town, &router).swept_from(at(s(150)));
    if let Some(call) = kill_before {
        hours = hours.kill_before(call);
    }
    for (time, event) in deliveries(script) {
        hours.deliver(at(time), event);
    }
    hours.until(at(script.horizon));
    if let Some(failure) = hours.lost().first() {
        return Err(format!("alert-router gave up: {failure}"));
    }
    let told = town.received().iter().map(|received| told(received, script)).collect::<Result<_, _>>()?;
    Ok((told, hours.killed()))
}

/// The messages of a run in which nothing is killed.
pub fn messages(script: &Script) -> Result<Vec<Told>, String> {
    played(script, None).map(|(told, _)| told)
}

/// The figures of a run: where something is killed, of as many runs as there are calls to be killed before.
pub fn play(script: &Script) -> Result<Vec<Figures>, String> {
    let Some(crash) = script.crash else {
        return Ok(vec![Figures::of(script, &messages(script)?)]);
    };
    let mut all = Vec::new();
    for call in 1.. {
        let (told, killed) = played(script, Some(call))?;
        let Some(killed) = killed else { break };
        let when = if killed.messages == 0 { Crash::BeforeTelling } else { Crash::AfterTelling };
        if when == crash {
            all.push(Figures::of(script, &told));
        }
    }
    Ok(all)
}

fn told(received: &Received, script: &Script) -> Result<Told, String> {
    let notice = &received.notice;
    let channel = Channel::ALL.into_iter().find(|channel| channel.as_str() == received.channel.as_str());
    let channel = channel.ok_or_else(|| format!("nobody knows channel {}", received.channel))?;
    let labels: Vec<&str> =
        notice.labels.iter().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect();
    let unit = if labels.is_empty() { EVERYWHERE.to_owned() } else { labels.join("/") };
    Ok(Told {
        at: received.at.duration_since(start()),
        channel,
        firing: !notice.is_resolved(),
        says: says(notice),
        names: named(notice, &unit, script),
        unit,
        again: received.again,
    })
}

fn says(notice: &Notice) -> String {
    let kind = match notice.kind {
        NoticeKind::Firing => "firing",
        NoticeKind::Folded => "a rollback answers",
        NoticeKind::Acknowledged { .. } => "acknowledged",
        NoticeKind::Resolved => "resolved",
    };
    let alerts = notice.alerts.iter().map(|alert| {
        let since = alert.since.duration_since(start()).as_secs_f64();
        format!("{}{} since {since:.0} s", if alert.firing { "" } else { "ended: " }, alert.rule)
    });
    let instead = notice.instead_of.iter().map(|(channel, _)| format!("instead of {channel}"));
    format!("{kind}: {}", alerts.chain(instead).collect::<Vec<_>>().join(", "))
}

/// The alarms that a message names; that an environment is down or slow is all that there is to say of it.
fn named(notice: &Notice, unit: &str, script: &Script) -> BTreeSet<String> {
    let firing: Vec<&str> =
        notice.alerts.iter().filter(|alert| alert.firing).map(|alert| alert.because.as_str()).collect();
    let about = script.alarms.iter().filter(|alarm| alarm.unit() == unit || unit == EVERYWHERE);
    about
        .filter(|alarm| {
            !firing.is_empty()
                && (alarm.service.is_none() || firing.iter().any(|because| because.contains(&alarm.name)))
        })
        .map(|alarm| alarm.name.clone())
        .collect()
}
