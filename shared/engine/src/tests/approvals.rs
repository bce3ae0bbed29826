//! Steps that a person has to approve.

use contract::{Alarm, HealthCheckNext, PromoteStepNext, Rollback, RollbackNext};
use rollout::{Barred, Order, Phase, Probe};

use super::machine::{End, approval, back, baking, check, execute, order, pipeline, promote, request};
use super::world::{Fault, World, at};
use crate::ports::AlarmState;

/// Baked at 10 %, and waiting for an approval of 100 %.
fn awaiting() -> World {
    let world = World::with_approval();
    baking(&world);
    while check(&world).next == HealthCheckNext::Wait {}
    assert!(matches!(world.only_rollout().phase, Phase::Awaiting { .. }));
    assert_eq!(world.milestones(), ["started", "reached", "awaiting_approval"]);
    world
}

#[test]
fn nothing_is_promoted_until_it_is_approved() {
    let world = awaiting();
    for _ in 0..90 {
        let reply = check(&world);
        assert_eq!(reply.next, HealthCheckNext::Hold);
        assert!([60, 300].contains(&reply.wait_seconds), "{}", reply.wait_seconds);
        assert_eq!(reply.reason, "waiting for a person to approve step 2 of 2");
        assert_eq!(promote(&world).next, PromoteStepNext::Wait);
        back(&world, Rollback::Sweep).unwrap();
        if world.with(|state| state.now) > at(6_900) {
            break;
        }
    }
    assert_eq!((world.green(), world.only_rollout().phase.name()), (10, "awaiting_approval"));
    order(&world, approval(&world));
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 100);
}

#[test]
fn an_approval_that_does_not_come_rolls_back_and_blames_nobody() {
    let world = awaiting();
    let since = world.only_rollout().updated_at;
    while check(&world).next == HealthCheckNext::Hold {}
    let Phase::Restoring { cause, since: until } = world.only_rollout().phase else {
        panic!("not rolled back")
    };
    assert_eq!(cause.name(), "not_approved");
    let waited = until.duration_since(since).as_secs();
    assert!((7_200 - 60..7_200 + 60).contains(&waited), "{waited}");
    world.with(|state| {
        let target = state.targets.values().next().unwrap();
        assert_eq!((&target.barred, &state.control.rollbacks), (&Barred::Nothing, &vec![]));
    });
}

#[test]
fn an_approval_lifts_nobodys_hold() {
    let world = awaiting();
    order(&world, Order::Hold);
    let reply = order(&world, approval(&world));
    assert_eq!(reply.reason, "step 2 of 2 is approved by alice; held by alice: release train");
    // Longer than an approval is waited for.
    let late = at(20_000);
    while world.with(|state| state.now) < late {
        assert_eq!(check(&world).next, HealthCheckNext::Hold);
        assert_eq!(promote(&world).next, PromoteStepNext::Wait);
        back(&world, Rollback::Sweep).unwrap();
    }
    assert_eq!(world.green(), 10);
    order(&world, Order::Resume);
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 100);
}

#[test]
fn what_waits_unguarded_is_rolled_back_in_time() {
    let world = awaiting();
    // Lost for a moment, and back. The rollout is loaded, and the API budget asked for the rule's read; then the guardrails.
    world.fail(3, Fault::Refused);
    assert_eq!((check(&world).wait_seconds, world.happened()), (30, true));
    world.in_order();
    assert_eq!(check(&world).wait_seconds, 60);
    let mut holds = 0;
    loop {
        world.fail(3, Fault::Refused);
        let reply = check(&world);
        assert!(world.happened());
        if reply.next == HealthCheckNext::RollBack {
            assert!(reply.reason.contains("the guardrails cannot be read"), "{}", reply.reason);
            break;
        }
        assert_eq!((reply.next, reply.wait_seconds), (HealthCheckNext::Hold, 30));
        holds += 1;
    }
    assert_eq!(holds, 10, "5 minutes, every 30 s");
    let Phase::Restoring { cause, .. } = world.only_rollout().phase else { panic!("not rolled back") };
    assert_eq!((cause.name(), cause.blames_the_version()), ("blind", false));
}

#[test]
fn what_waits_is_guarded() {
    let sick = || Probe::NotReady("HTTP 503".to_owned());
    let world = awaiting();
    world.with(|state| state.alarm(AlarmState::Alarm));
    let reply = check(&world);
    assert_eq!(reply.next, HealthCheckNext::RollBack);
    assert!(reply.reason.contains("alarm High 5XX is in ALARM"), "{}", reply.reason);

    let world = awaiting();
    world.with(|state| state.probe = sick());
    let reply = check(&world);
    assert_eq!(reply.next, HealthCheckNext::RollBack);
    assert!(reply.reason.contains("not healthy any more: HTTP 503"), "{}", reply.reason);

    let world = awaiting();
    let alarm = Alarm {
        name: "High 5XX".to_owned(),
        state: "ALARM".to_owned(),
        changed_at: at(900),
        account: "123456789012".to_owned(),
        arn: None,
        dimensions: Vec::new(),
    };
    assert_eq!(back(&world, Rollback::Alarms(vec![alarm])).unwrap().next, RollbackNext::Settle);
    assert_eq!(world.green(), 0);
    let reply = order(&world, approval(&world));
    assert_eq!(reply.next, PromoteStepNext::RollBack);
    assert!(reply.reason.starts_with("ordered does not fit phase settling"), "{}", reply.reason);
}

#[test]
fn a_rule_that_somebody_changes_meanwhile_freezes_and_is_baked_anew() {
    let world = awaiting();
    world.with(|state| state.foreign = Some("3 target groups".to_owned()));
    assert_eq!(check(&world).next, HealthCheckNext::Hold);
    assert_eq!(world.only_rollout().phase.name(), "frozen");
    assert!(order(&world, approval(&world)).reason.contains("does not fit phase frozen"));
    world.with(|state| state.foreign = None);
    assert_eq!(check(&world).next, HealthCheckNext::Wait);
    while check(&world).next == HealthCheckNext::Wait {}
    assert_eq!((world.only_rollout().phase.name(), world.green()), ("awaiting_approval", 10));
}

#[test]
fn an_execution_goes_through_with_an_approval_and_back_without() {
    let world = World::with_approval();
    world.with(|state| state.approves = true);
    assert_eq!(execute(&world, &request(pipeline("1", "SUCCEEDED"), "one")), End::Promoted);
    let world = World::with_approval();
    assert_eq!(execute(&world, &request(pipeline("1", "SUCCEEDED"), "one")), End::RolledBack);
    assert_eq!(
        world.milestones(),
        ["started", "reached", "awaiting_approval", "rolling_back", "rolled_back"]
    );
}
