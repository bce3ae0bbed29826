use rollout::Seconds;

use super::support::*;
use crate::group::Delivery;
use crate::*;

fn usual() -> Policy {
    policy(vec![
        rule("Down", "status:unhealthy", Severity::Critical, &["pager"]),
        rule("Noted", "status:degraded", Severity::Critical, &["mail"]),
    ])
}

fn later() -> Delivery {
    Delivery::Later { why: "429".to_owned(), retry_after: None }
}

fn refused() -> Delivery {
    Delivery::Refused { why: "no such key".to_owned() }
}

fn down(answers: &[(&str, Delivery)]) -> Played {
    let policy = usual();
    let first = alert(&policy, "Down", "production/shop", true, 0);
    let mut group = Played::new(policy, &first);
    group.answers = answers.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone())).collect();
    group.hear(&first, 0);
    group
}

#[test]
fn a_channel_that_cannot_be_told_is_stood_in_for_at_once() {
    for answer in [later(), refused()] {
        let mut group = down(&[("pager", answer.clone())]);
        assert_eq!(group.take(), [sent(0, "mail", "firing", "first", 1)], "{answer:?}");
        let instead = &group.notices[0].instead_of;
        let why = if answer == later() { "429" } else { "no such key" };
        assert_eq!(instead, &[("pager".parse().unwrap(), why.to_owned())]);
    }
}

#[test]
fn who_stands_in_is_stood_in_for_as_well() {
    let mut group = down(&[("pager", later()), ("mail", later())]);
    assert_eq!(group.take(), [sent(0, "chat", "firing", "first", 1)]);
    let mut group = down(&[("pager", later()), ("mail", later()), ("chat", refused())]);
    assert_eq!(group.take(), [sent(0, "last", "firing", "first", 1)]);
    let mut group = down(&[("pager", later()), ("mail", later()), ("chat", refused()), ("last", later())]);
    assert_eq!(group.take(), []);
    group.answers.clear();
    group.until(31);
    assert_eq!(group.take(), [sent(30, "pager", "firing", "first", 1)], "nothing is lost: it is tried again");
}

#[test]
fn a_channel_is_tried_again_at_longer_and_longer_intervals_until_it_has_it() {
    let mut group = down(&[("pager", later())]);
    group.take();
    let mut tries = Vec::new();
    while let Some(due) = group.group.due.map(second).filter(|due| *due < 3_600) {
        tries.push(due);
        group.look(due);
    }
    assert_eq!(tries, [30, 90, 210, 450, 930, 1_530, 2_130, 2_730, 3_330]);
    assert_eq!(group.take(), [], "who stands in is told once");
    group.answers.clear();
    group.look(4_000);
    assert_eq!(group.take(), [sent(4_000, "pager", "firing", "first", 1)]);
    let ended = alert(&group.policy, "Down", "production/shop", false, 5_000);
    group.hear(&ended, 5_000);
    let told = |channel| sent(5_000, channel, "resolved", "all ended", 0);
    assert_eq!(group.take(), [told("mail"), told("pager")]);
    assert!(group.group.is_closed());
}

#[test]
fn a_channel_that_asks_to_be_left_alone_is() {
    let asks = Delivery::Later { why: "429".to_owned(), retry_after: Some(Seconds(700)) };
    let group = down(&[("pager", asks)]);
    assert_eq!(group.group.due, Some(at(700)));
}

#[test]
fn what_a_person_has_to_mend_is_tried_again_every_hour() {
    let mut group = down(&[("pager", refused())]);
    assert_eq!(group.group.due, Some(at(3_600)));
    group.answers.clear();
    group.until(3_600);
    assert_eq!(group.take().last(), Some(&sent(3_600, "pager", "firing", "first", 1)));
}

#[test]
fn an_end_that_cannot_be_told_is_tried_until_it_is() {
    let mut group = down(&[]);
    group.take();
    group.answers = [("pager".to_owned(), later())].into();
    let ended = alert(&group.policy, "Down", "production/shop", false, 100);
    group.hear(&ended, 100);
    assert!(!group.group.is_closed());
    group.answers.clear();
    group.until(200);
    assert_eq!(group.take(), [sent(130, "pager", "resolved", "all ended", 0)]);
    assert!(group.group.is_closed());
}

#[test]
fn what_could_not_be_told_for_a_day_is_given_up_and_kept() {
    let mut group = down(&[("pager", later())]);
    group.take();
    group.until(25 * 3600);
    assert_eq!(group.given_up, 1);
    let due = group.group.due.map(second).unwrap();
    assert!(due > 25 * 3600, "it is not tried for ever: {due}");
}

#[test]
fn what_ended_before_it_could_be_told_is_told_to_nobody_any_more() {
    let mut group = down(&[("pager", later())]);
    group.take();
    let ended = alert(&group.policy, "Down", "production/shop", false, 20);
    group.hear(&ended, 20);
    assert_eq!(group.take(), [sent(20, "mail", "resolved", "all ended", 0)], "but to who knows of it");
    group.answers.clear();
    group.until(100_000);
    assert_eq!(group.take(), []);
    assert!(group.group.is_closed());
}

#[test]
fn who_stands_in_and_is_told_of_its_own_is_told_both_at_once() {
    let mut group = down(&[("pager", later())]);
    group.take();
    let noted = alert(&group.policy, "Noted", "production/shop", true, 10);
    group.hear(&noted, 10);
    assert_eq!(group.take(), []);
    group.until(300);
    assert_eq!(group.take(), [sent(300, "mail", "firing", "1 joined", 2)]);
}
