use super::support::*;
use crate::group::Ordered;
use crate::*;

fn escalating() -> Policy {
    let mut down = rule("Down", "status:unhealthy", Severity::Critical, &["pager"]);
    down.escalations = vec![
        Escalation { after: Seconds(900), channels: vec!["mail".parse().unwrap()] },
        Escalation { after: Seconds(1_800), channels: vec!["chat".parse().unwrap()] },
    ];
    policy(vec![down, rule("Slow", "response_time > 2s", Severity::High, &["pager"])])
}

use rollout::Seconds;

fn down() -> Played {
    let policy = escalating();
    let first = alert(&policy, "Down", "production/shop", true, 0);
    let mut group = Played::new(policy, &first);
    group.hear(&first, 0);
    assert_eq!(group.take().len(), 1);
    group
}

fn acknowledged(group: &mut Played, now: i64) -> Result<(), String> {
    match group.group.acknowledge("ann", "I look", at(now)) {
        Ordered::Applied(next) => {
            group.group = *next;
            group.look(now);
            Ok(())
        }
        Ordered::Refused(why) => Err(why),
    }
}

#[test]
fn what_nobody_takes_goes_further_up() {
    let mut group = down();
    group.until(2_000);
    assert_eq!(
        group.take(),
        [
            sent(900, "mail", "firing", "not acknowledged for 15 min", 1),
            sent(1_800, "chat", "firing", "not acknowledged for 30 min", 1),
        ]
    );
    let ended = alert(&group.policy, "Down", "production/shop", false, 3_000);
    group.hear(&ended, 3_000);
    assert_eq!(group.take().len(), 3, "whoever was told is told the end");
}

#[test]
fn what_is_taken_goes_no_further_and_is_not_said_again() {
    let mut group = down();
    acknowledged(&mut group, 600).unwrap();
    assert_eq!(group.take(), [sent(600, "pager", "acknowledged", "acknowledged", 1)]);
    group.until(24 * 3600);
    assert_eq!(group.take(), []);
    assert_eq!(acknowledged(&mut group, 700).unwrap_err(), format!("ann acknowledged it at {}", at(600)));
    let ended = alert(&group.policy, "Down", "production/shop", false, 90_000);
    group.hear(&ended, 90_000);
    assert_eq!(group.take(), [sent(90_000, "pager", "resolved", "all ended", 0)]);
    assert_eq!(acknowledged(&mut group, 90_001).unwrap_err(), "nothing of it fires any more");
    let again = alert(&group.policy, "Down", "production/shop", true, 91_000);
    group.hear(&again, 91_000);
    group.until(91_900);
    assert_eq!(group.take().len(), 2, "another one is nobody's yet");
}

#[test]
fn what_is_worse_than_what_was_taken_is_not_taken() {
    let policy = escalating();
    let slow = alert(&policy, "Slow", "production/shop", true, 0);
    let mut group = Played::new(policy, &slow);
    group.hear(&slow, 0);
    group.until(30);
    acknowledged(&mut group, 60).unwrap();
    group.take();
    let down = alert(&group.policy, "Down", "production/shop", true, 100);
    group.hear(&down, 100);
    assert_eq!(group.take(), [sent(100, "pager", "firing", "1 joined", 2)]);
    group.until(1_000);
    assert_eq!(group.take(), [sent(930, "mail", "firing", "not acknowledged for 15 min", 1)]);
}
