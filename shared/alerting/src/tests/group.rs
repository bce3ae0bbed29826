use super::support::*;
use crate::group::{Delivery, MAX_MEMBERS};
use crate::*;

fn usual() -> Policy {
    policy(vec![
        rule("Down", "status:unhealthy", Severity::Critical, &["pager", "chat"]),
        rule("Slow", "response_time > 2s", Severity::High, &["chat"]),
        rule("Full", "memory > 90%", Severity::High, &["chat"]),
        rule("Busy", "cpu > 90%", Severity::Low, &["mail"]),
    ])
}

fn played(policy: Policy) -> Played {
    let first = alert(&policy, "Down", "production/shop", true, 0);
    Played::new(policy, &first)
}

impl Played {
    fn fires(&mut self, rule: &str, now: i64) {
        let alert = alert(&self.policy, rule, "production/shop", true, now);
        self.hear(&alert, now);
    }

    fn ends(&mut self, rule: &str, now: i64) {
        let alert = alert(&self.policy, rule, "production/shop", false, now);
        self.hear(&alert, now);
    }
}

#[test]
fn what_is_critical_is_told_at_once_and_its_end_too() {
    let mut group = played(usual());
    group.fires("Down", 0);
    assert_eq!(group.take(), [sent(0, "chat", "firing", "first", 1), sent(0, "pager", "firing", "first", 1)]);
    assert_eq!(group.writes, 2, "what is claimed, and what came of it");
    group.ends("Down", 90);
    assert_eq!(
        group.take(),
        [sent(90, "chat", "resolved", "all ended", 0), sent(90, "pager", "resolved", "all ended", 0)]
    );
    assert!(group.group.is_closed() && group.group.due.is_none());
}

#[test]
fn what_is_less_waits_for_others_of_its_group() {
    let mut group = played(usual());
    group.fires("Slow", 0);
    assert_eq!((group.take(), group.group.due), (vec![], Some(at(30))));
    group.fires("Full", 20);
    group.until(30);
    assert_eq!(group.take(), [sent(30, "chat", "firing", "first", 2)]);
}

#[test]
fn what_ended_before_it_was_told_is_never_told() {
    let mut group = played(usual());
    group.fires("Slow", 0);
    group.ends("Slow", 20);
    group.until(100_000);
    assert_eq!(group.take(), []);
    assert!(group.group.is_closed());
}

#[test]
fn what_joins_and_what_ends_is_told_at_most_once_an_interval() {
    let mut group = played(usual());
    group.fires("Slow", 0);
    group.until(30);
    group.take();
    group.fires("Full", 60);
    group.ends("Slow", 120);
    group.until(330);
    assert_eq!(group.take(), [sent(330, "chat", "firing", "1 joined", 1)]);
    group.fires("Slow", 340);
    group.until(630);
    assert_eq!(group.take(), [sent(630, "chat", "firing", "1 joined", 2)]);
    group.ends("Slow", 640);
    group.until(930);
    assert_eq!(group.take(), [sent(930, "chat", "firing", "1 ended", 1)]);
}

#[test]
fn what_is_worse_than_what_was_told_does_not_wait() {
    let mut group = played(usual());
    group.fires("Slow", 0);
    group.until(30);
    group.take();
    group.fires("Down", 60);
    assert_eq!(
        group.take(),
        [sent(60, "chat", "firing", "1 joined", 2), sent(60, "pager", "firing", "first", 1)]
    );
}

#[test]
fn what_goes_on_is_said_again_after_the_repeat_interval() {
    let mut group = played(usual());
    group.fires("Down", 0);
    group.take();
    group.until(4 * 3600 - 1);
    assert_eq!(group.take(), []);
    group.until(8 * 3600);
    let both =
        |now| [sent(now, "chat", "firing", "reminder", 1), sent(now, "pager", "firing", "reminder", 1)];
    assert_eq!(group.take(), [both(4 * 3600), both(8 * 3600)].concat());
}

#[test]
fn the_same_alert_again_changes_nothing() {
    let mut group = played(usual());
    group.fires("Down", 0);
    let writes = group.writes;
    group.take();
    for now in 1..100 {
        let again = alert(&group.policy, "Down", "production/shop", true, 0);
        group.hear(&again, now);
    }
    assert_eq!((group.take(), group.writes), (vec![], writes));
}

#[test]
fn an_older_state_of_an_alert_does_not_bring_it_back() {
    let mut group = played(usual());
    group.fires("Down", 0);
    group.ends("Down", 90);
    group.take();
    let older = alert(&group.policy, "Down", "production/shop", true, 0);
    group.hear(&older, 100);
    assert_eq!(group.take(), []);
    group.fires("Down", 200);
    assert_eq!(group.take().len(), 2, "a later one does");
}

#[test]
fn each_channel_is_told_of_its_own_alerts_alone() {
    let mut group = played(usual());
    group.fires("Busy", 0);
    group.fires("Slow", 0);
    group.until(30);
    assert_eq!(
        group.take(),
        [sent(30, "chat", "firing", "first", 1), sent(30, "mail", "firing", "first", 1)]
    );
    group.ends("Busy", 40);
    assert_eq!(group.take(), [sent(40, "mail", "resolved", "all ended", 0)]);
}

#[test]
fn an_end_that_is_not_wanted_is_not_told() {
    let mut policy = usual();
    policy.rules[0].tells_end = false;
    let mut group = played(policy);
    group.fires("Down", 0);
    group.take();
    group.ends("Down", 90);
    assert_eq!(group.take(), []);
    assert!(group.group.is_closed());
}

#[test]
fn a_message_that_somebody_took_and_did_not_live_to_send_is_sent_by_the_next_one() {
    let mut group = played(usual());
    let first = alert(&group.policy, "Down", "production/shop", true, 0);
    let mut taken = group.group.clone();
    taken.hear(&first, at(0));
    let plan = taken.plan(&group.policy, group::Sight::default(), at(0));
    assert_eq!(plan.sends.len(), 2);
    let notices: Vec<Notice> = plan.sends.iter().map(|send| send.notice.clone()).collect();
    group.group = plan.group.after(&group.group, at(0)).unwrap();
    // Whoever comes too early finds it taken.
    group.hear(&first, 10);
    group.look(44);
    assert_eq!((group.take(), group.group.due), (vec![], Some(at(45))));
    let plan = group.group.plan(&group.policy, group::Sight::default(), at(45));
    assert!(plan.sends.iter().all(|send| send.uncertain));
    assert_eq!(
        plan.sends.iter().map(|send| send.notice.clone()).collect::<Vec<_>>(),
        notices,
        "to the letter"
    );
    group.until(45);
    assert_eq!(group.take().len(), 2);
    group.until(4 * 3600);
    assert_eq!(group.take(), []);
}

#[test]
fn what_joins_while_messages_are_on_their_way_is_not_lost() {
    let mut group = played(usual());
    let first = alert(&group.policy, "Down", "production/shop", true, 0);
    let mut taken = group.group.clone();
    taken.hear(&first, at(0));
    let plan = taken.plan(&group.policy, group::Sight::default(), at(0));
    group.group = plan.group.clone().after(&group.group, at(0)).unwrap();
    group.fires("Slow", 2);
    let deliveries =
        plan.sends.into_iter().map(|send| (send.channel, Delivery::Done { thread: None })).collect();
    let given = group::Given { planned: plan.at, deliveries };
    group.group = group.group.record(&given, &group.policy, at(3)).unwrap();
    assert_eq!(group.group.record(&given, &group.policy, at(4)), None, "once");
    group.look(3);
    assert_eq!(group.group.due, Some(at(303)));
    group.until(303);
    assert_eq!(group.take(), [sent(303, "chat", "firing", "1 joined", 2)]);
}

#[test]
fn messages_have_names_of_their_own_and_one_group() {
    let mut group = played(usual());
    group.fires("Down", 0);
    group.ends("Down", 0);
    group.fires("Down", 1);
    group.until(5 * 3600);
    let ids: std::collections::BTreeSet<&str> =
        group.notices.iter().map(|notice| notice.id.as_str()).collect();
    assert_eq!(ids.len(), group.notices.len());
    assert!(group.notices.iter().all(|notice| notice.group == group.group.id));
}

#[test]
fn a_group_is_bounded_and_says_how_much_more_there_is() {
    let mut policy = usual();
    policy.grouping.by = vec![Label::Environment];
    let first = alert(&policy, "Slow", "production/s0", true, 0);
    let mut group = Played::new(policy, &first);
    for number in 0..600 {
        let alert = alert(&group.policy, "Slow", &format!("production/s{number}"), true, 0);
        group.hear(&alert, 0);
    }
    group.until(30);
    let notice = group.notices.pop().unwrap();
    assert_eq!((notice.alerts.len(), notice.more), (Notice::MAX_ALERTS, 580));
    assert!(serde_json::to_string(&group.group).unwrap().len() < 350_000);
}

#[test]
fn messages_are_attached_to_what_the_channel_named_until_the_end() {
    let mut group = played(usual());
    let (policy, first) = (group.policy.clone(), alert(&group.policy, "Down", "production/shop", true, 0));
    group.hear(&first, 0);
    let ended = alert(&policy, "Down", "production/shop", false, 60);
    let mut next = group.group.clone();
    next.hear(&ended, at(60));
    let plan = next.plan(&policy, group::Sight::default(), at(60));
    assert_eq!(plan.sends[0].thread.as_deref(), Some("thread of chat"));
    group.hear(&ended, 60);
    let again = alert(&policy, "Down", "production/shop", true, 90);
    let mut next = group.group.clone();
    next.hear(&again, at(90));
    let plan = next.plan(&policy, group::Sight::default(), at(90));
    assert_eq!(plan.sends[0].thread, None, "a new one begins a thread of its own");
}

#[test]
fn an_alert_that_belongs_elsewhere_now_has_ended_here() {
    let mut group = played(usual());
    group.fires("Down", 0);
    group.take();
    let firing: Vec<Alert> = group.group.alerts().cloned().collect();
    let mut next = group.group.clone();
    next.moved_out(&firing[0], at(50));
    group.group = next;
    group.look(50);
    assert_eq!(group.take().len(), 2);
    assert!(group.group.is_closed());
}

#[test]
fn what_is_stored_reads_back_as_the_same() {
    let mut group = played(usual());
    group.fires("Down", 0);
    group.fires("Slow", 1);
    let stored = serde_json::to_string(&group.group).unwrap();
    assert_eq!(serde_json::from_str::<Group>(&stored).unwrap(), group.group);
}

/// A group has to fit into one item of DynamoDB, whatever its alerts say.
#[test]
fn in_a_large_group_each_alert_is_explained_in_short() {
    let policy = policy(vec![rule("Down", "status:unhealthy", Severity::High, &["chat"])]);
    let mut alert = alert(&policy, "Down", "production", true, 0);
    alert.because = "ü".repeat(600);
    let mut group = Group::of(&alert, &policy);
    for number in 0..=MAX_MEMBERS {
        alert.key.rule = format!("Down {number}").parse().unwrap();
        group.hear(&alert, at(0));
    }
    let lengths: Vec<usize> = group.alerts().map(|alert| alert.because.len()).collect();
    assert_eq!(lengths.len(), MAX_MEMBERS);
    assert_eq!(lengths.iter().filter(|length| **length == 1_200).count(), 51, "{lengths:?}");
    assert_eq!(lengths.iter().filter(|length| **length == 120).count(), MAX_MEMBERS - 51, "{lengths:?}");
    group.explain(&alert);
    let first = alert.key.rule.to_string();
    assert_eq!(first, format!("Down {MAX_MEMBERS}"), "the last one was not taken in");
    alert.key.rule = "Down 0".parse().unwrap();
    group.explain(&alert);
    let explained = group.alerts().find(|one| one.key.rule == alert.key.rule).unwrap();
    assert_eq!(explained.because.len(), 120, "what is explained anew is in short as well");
}
