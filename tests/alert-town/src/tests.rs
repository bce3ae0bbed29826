use alerting::NoticeKind;
use jiff::{SignedDuration, Timestamp};

use crate::{HOME, Hours, Outage, Town, events};

const CONFIGURATION: &str = r#"notifications:
  chat: { kind: slack, token: monitoring.slack, channel: C0123ABCD }
alerts:
  environments: [production]
  rules:
    - { name: Rings, condition: "alarm:*", severity: high, channels: [chat] }
"#;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

fn town() -> Town {
    Town::new("development".parse().unwrap(), &format!("{HOME}{CONFIGURATION}"), at(0)).unwrap()
}

const ABOUT: (&str, &str) = ("production", "checkout");

/// When something was told: whether it was the end.
fn told(town: &Town) -> Vec<(i64, bool)> {
    let received = town.received();
    let told = received.iter().map(|one| (one.at, one.notice.kind == NoticeKind::Resolved));
    told.map(|(time, end)| (time.as_second() - at(0).as_second(), end)).collect()
}

#[test]
fn an_event_and_its_timer_lead_to_a_message() {
    let town = town();
    let router = town.router();
    let mut hours = Hours::new(&town, &router);
    hours.deliver(at(5), events::alarm("5xx", "ALARM", ABOUT, at(5)));
    hours.deliver(at(90), events::alarm("5xx", "OK", ABOUT, at(90)));
    hours.until(at(34));
    assert_eq!((told(&town), town.next_timer()), (vec![], Some(at(35))));
    hours.until(at(200));
    assert_eq!(told(&town), [(35, false), (90, true)]);
    assert!(town.is_at_rest() && hours.lost().is_empty());
    assert_eq!(town.now(), at(200));
}

#[test]
fn what_was_killed_comes_again_after_a_minute_and_each_call_can_be_the_last() {
    let mut killed = Vec::new();
    for call in 1.. {
        let town = town();
        let router = town.router();
        let mut hours = Hours::new(&town, &router).kill_before(call);
        hours.deliver(at(0), events::alarm("5xx", "ALARM", ABOUT, at(0)));
        hours.until(at(120));
        let Some(killing) = hours.killed() else { break };
        killed.push(killing.messages);
        // By its timer, or what comes again of it, when whoever claimed the message is known to be dead too; by the event
        // that comes again, or the timer that this starts.
        let first = told(&town)[0].0;
        assert!([30, 35, 75, 60, 90].contains(&first), "killed before call {call}, told at {first}");
    }
    assert!(killed.len() > 10 && killed.is_sorted(), "{killed:?}");
    assert_eq!((killed.first(), killed.last()), (Some(&0), Some(&1)), "before the message, and after it");
}

#[test]
fn a_channel_that_is_out_takes_nothing_and_is_tried_within_the_invocation() {
    let town = town();
    town.out(Outage { channel: "chat".parse().unwrap(), from: at(0), until: at(32) });
    let router = town.router();
    let mut hours = Hours::new(&town, &router);
    hours.deliver(at(0), events::alarm("5xx", "ALARM", ABOUT, at(0)));
    hours.until(at(60));
    assert_eq!(told(&town), [(33, false)], "after one second, and two more");
}

#[test]
fn a_lost_timer_is_found_by_the_sweep() {
    let town = town();
    let router = town.router();
    let mut hours = Hours::new(&town, &router).swept_from(at(300));
    hours.deliver(at(0), events::alarm("5xx", "ALARM", ABOUT, at(0)));
    hours.until(at(1));
    assert!(town.timer(at(60)).is_some());
    hours.until(at(400));
    assert_eq!(told(&town), [(300, false)]);
}

#[test]
fn a_rollout_of_another_environment_is_heard_of() {
    let town = town();
    let router = town.router();
    let mut hours = Hours::new(&town, &router);
    for (milestone, time) in [("started", 0), ("rolling_back", 12)] {
        hours.deliver(at(time), events::rollout(milestone, ABOUT, at(0), at(time)));
    }
    hours.deliver(at(10), events::alarm("5xx", "ALARM", ABOUT, at(10)));
    hours.until(at(60));
    let received = town.received();
    assert_eq!(received[0].notice.kind, NoticeKind::Folded);
    assert_eq!(received[0].at.duration_since(at(0)), SignedDuration::from_secs(40));
}
