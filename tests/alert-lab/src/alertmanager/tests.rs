use serde_json::json;

use super::inbox::Inbox;
use super::prometheus::{ROLLBACK, sends};
use super::settings::yaml;
use crate::scenario::{Alarm, Channel, Help, Kind, Rollback, Script, s};
use receivers::{Request, Site};

fn script(spans: &[(i64, i64)]) -> Script {
    let spans: Vec<_> = spans.iter().map(|(begin, end)| (s(*begin), s(*end))).collect();
    Script::of(vec![Alarm::of(Kind::High, "5xx", "checkout", &spans)], s(1_400))
}

/// When something is sent, and whether it has ended then.
fn sent(script: &Script, help: Help) -> Vec<(i64, bool)> {
    sends(script, help).iter().map(|send| (send.at.as_secs(), send.ends <= send.at)).collect()
}

#[test]
fn an_alert_is_sent_again_every_minute_and_its_end_for_a_quarter_of_an_hour() {
    let sent = sent(&script(&[(0, 130)]), Help::None);
    assert_eq!(sent[..4], [(0, false), (60, false), (120, false), (130, true)]);
    assert_eq!((sent.len(), sent.last()), (3 + 15, Some(&(130 + 14 * 60, true))));
    let again = self::sent(&script(&[(0, 130), (200, 210)]), Help::None);
    assert_eq!(again[3..7], [(130, true), (190, true), (200, false), (210, true)]);
    let first = &sends(&script(&[(0, 130)]), Help::None)[0];
    assert_eq!((first.starts, first.ends), (s(0), s(240)), "one that is not sent again ends by itself");
    assert_eq!(
        first.labels,
        json!({ "alertname": "high-5xx", "severity": "high", "environment": "production", "service": "checkout" })
    );
}

#[test]
fn keep_firing_for_joins_what_comes_again_within_ten_minutes() {
    let sent = sent(&script(&[(0, 40), (80, 120)]), Help::KeepFiring);
    assert_eq!(sent.iter().find(|(_, ended)| *ended), Some(&(720, true)));
}

#[test]
fn a_rollback_is_an_alert_while_it_may_help() {
    let rollback = Rollback { service: "checkout", started: s(0), begun: s(10), done: s(60) };
    let script = Script { rollback: Some(rollback), ..script(&[(5, 600)]) };
    let sends = sends(&script, Help::RollbackAlert);
    let rollback: Vec<_> = sends.iter().filter(|send| send.labels["alertname"] == ROLLBACK).collect();
    assert_eq!(rollback[0].at, s(10));
    let end = rollback.iter().find(|send| send.ends <= send.at).map(|send| send.at);
    assert_eq!(end, Some(s(360)));
}

#[test]
fn what_comes_twice_is_late_up_to_the_most() {
    let once = sends(&script(&[(0, 130)]), Help::None);
    let twice = sends(&Script { twice: Some((s(60), 1)), ..script(&[(0, 130)]) }, Help::None);
    assert_eq!(twice.len(), 2 * once.len());
    assert!(twice.is_sorted_by_key(|send| send.at));
    let late = |send: &&super::prometheus::Send| send.at - (send.ends - s(240));
    assert!(twice.iter().filter(|send| send.ends > s(130)).all(|send| (s(0)..s(60)).contains(&late(&send))));
}

#[test]
fn all_times_are_divided() {
    let yaml = yaml("http://127.0.0.1:1/", "http://127.0.0.1:2/", 12, Help::RollbackAlert);
    for line in ["group_wait: 2500ms", "group_interval: 25000ms", "repeat_interval: 1200000ms"] {
        assert!(yaml.contains(line), "{yaml}");
    }
    assert!(yaml.contains(ROLLBACK));
    assert!(!self::yaml("", "", 1, Help::None).contains(ROLLBACK));
}

#[test]
fn a_message_is_read() {
    let body = json!({
        "version": "4", "status": "firing", "receiver": "chat", "groupKey": "{}:{}",
        "groupLabels": { "environment": "production", "service": "checkout" },
        "alerts": [
            { "status": "firing", "labels": { "alertname": "a" }, "startsAt": "2026-01-02T03:04:05Z" },
            { "status": "resolved", "labels": { "alertname": "b" }, "startsAt": "2026-01-02T03:04:06Z" },
        ],
    });
    let mut inbox = Inbox::default();
    let request = |body: String| Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: vec![],
        body,
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    assert_eq!(inbox.handle(&request(body.to_string())).status, 200);
    let told = inbox.told(Channel::Chat, |_| s(7)).unwrap();
    assert_eq!((told[0].unit.as_str(), told[0].firing, told[0].at), ("production/checkout", true, s(7)));
    assert_eq!(told[0].names.iter().collect::<Vec<_>>(), ["a"]);
    assert_eq!(told[0].says, "firing: a since 2026-01-02T03:04:05Z, ended: b since 2026-01-02T03:04:06Z");
    inbox.handle(&request("nonsense".to_owned()));
    assert!(inbox.told(Channel::Chat, |_| s(7)).unwrap_err().contains("no message"));
}
