use super::support::*;
use crate::group::RolloutStanding as Standing;
use crate::*;

fn usual() -> Policy {
    policy(vec![
        rule("Down", "status:unhealthy", Severity::Critical, &["pager", "chat"]),
        rule("Failed", "deployment:failed", Severity::Critical, &["pager"]),
    ])
}

fn down(standing: Standing, since: i64, now: i64) -> Played {
    let policy = usual();
    let first = alert(&policy, "Down", "production/shop", true, since);
    let mut group = Played::new(policy, &first);
    group.rollouts = vec![rollout_sight(standing)];
    group.hear(&first, now);
    group
}

#[test]
fn what_a_rollout_answers_already_pages_nobody() {
    let mut group = down(Standing::RollingBack { since: at(100) }, 95, 101);
    assert_eq!(group.take(), [sent(101, "chat", "folded", "r-1 answers", 1)]);
    assert_eq!(group.notices[0].rollout.as_ref().unwrap().id, rollout_id());
    group.rollouts = vec![rollout_sight(Standing::RolledBack { at: at(160) })];
    group.until(300);
    let ended = alert(&group.policy, "Down", "production/shop", false, 300);
    group.hear(&ended, 300);
    assert_eq!(group.take(), [sent(300, "chat", "resolved", "all ended", 0)]);
}

#[test]
fn what_a_rollout_may_answer_waits_for_it_and_pages_if_it_does_not() {
    let mut group = down(Standing::Running, 100, 100);
    assert_eq!(group.take(), [sent(100, "chat", "firing", "first", 1)]);
    group.until(189);
    assert_eq!(group.take(), []);
    group.until(190);
    assert_eq!(group.take(), [sent(190, "pager", "firing", "first", 1)]);
}

#[test]
fn a_rollout_that_begins_to_answer_is_said_in_the_thread() {
    let mut group = down(Standing::Running, 100, 100);
    group.take();
    group.rollouts = vec![rollout_sight(Standing::RollingBack { since: at(120) })];
    group.look(121);
    assert_eq!(group.take(), [sent(121, "chat", "folded", "r-1 answers", 1)]);
    group.look(122);
    assert_eq!(group.take(), []);
}

#[test]
fn what_a_rollback_did_not_end_pages() {
    let mut group = down(Standing::RollingBack { since: at(100) }, 95, 101);
    group.take();
    group.rollouts = vec![rollout_sight(Standing::RolledBack { at: at(160) })];
    group.look(161);
    group.until(459);
    assert_eq!(group.take(), []);
    group.until(460);
    let told = |channel| sent(460, channel, "firing", "r-1 did not help", 1);
    assert_eq!(group.take(), [told("chat"), told("pager")]);
}

#[test]
fn a_rollback_that_takes_too_long_answers_nothing_any_more() {
    let mut group = down(Standing::RollingBack { since: at(100) }, 95, 101);
    group.take();
    group.until(100 + 15 * 60);
    let told = |channel| sent(1_000, channel, "firing", "r-1 did not help", 1);
    assert_eq!(group.take(), [told("chat"), told("pager")]);
}

#[test]
fn what_began_before_the_rollout_is_not_its_to_answer() {
    let mut group = down(Standing::Running, -10, 5);
    assert_eq!(group.take().len(), 2);
}

#[test]
fn what_begins_after_a_rollback_is_not_its_to_answer() {
    let mut group = down(Standing::RolledBack { at: at(160) }, 170, 171);
    assert_eq!(group.take().len(), 2);
}

#[test]
fn a_promoted_rollout_answers_nothing() {
    let mut group = down(Standing::Running, 100, 100);
    group.take();
    group.rollouts = vec![rollout_sight(Standing::Promoted)];
    group.look(110);
    assert_eq!(group.take(), [sent(110, "pager", "firing", "first", 1)]);
}

#[test]
fn an_alert_about_the_deployment_itself_is_told() {
    let policy = usual();
    let failed = alert(&policy, "Failed", "production/shop", true, 100);
    let mut group = Played::new(policy, &failed);
    group.rollouts = vec![rollout_sight(Standing::RollingBack { since: at(100) })];
    group.hear(&failed, 100);
    assert_eq!(group.take(), [sent(100, "pager", "firing", "first", 1)]);
}
