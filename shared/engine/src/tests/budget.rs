//! The load balancer's API budget: steps forward wait, rollbacks do not.

use contract::{ErrorName, Function, HealthCheckNext, PromoteStep, PromoteStepNext, Rollback, RollbackNext};
use rollout::{Bucket, Phase, Share};

use super::machine::{back, baking, check, order, promote, promote_step, rollback, started, turn};
use super::world::{Fault, World, run};

/// So many calls more than a full bucket leaves for steps forward were made.
fn overdrawn(world: &World, calls: u32) {
    world.with(|state| {
        let full = Bucket::full(state.now, Share::ALL);
        state.bucket = (0..3 + calls).fold(full, |bucket, _| bucket.spent(state.now, Share::ALL));
    });
}

fn cleared() -> World {
    let world = World::new();
    started(&world);
    check(&world);
    world.in_order();
    world
}

#[test]
fn a_step_forward_waits_for_the_budget() {
    let world = cleared();
    overdrawn(&world, 20);
    let before = world.only_rollout();
    let reply = promote(&world);
    assert_eq!(reply.next, PromoteStepNext::Wait);
    // 21 calls at 3 a second; then those who wait come back one after the other.
    assert!((7..15).contains(&reply.wait_seconds), "{}", reply.wait_seconds);
    assert_eq!(reply.reason, "the load balancer's API budget is spent: this step waits for it");
    assert_eq!((world.only_rollout(), world.green()), (before, 0));
    world.advance(reply.wait_seconds);
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    assert_eq!(promote(&world).next, PromoteStepNext::Wait);
    assert_eq!(world.green(), 10);
}

#[test]
fn only_what_writes_a_weight_takes_from_the_budget() {
    let world = cleared();
    order(&world, rollout::Order::Hold);
    promote(&world);
    assert!(!world.log().contains(&"forward"), "held");
    order(&world, rollout::Order::Resume);
    promote(&world);
    assert_eq!(world.log().iter().filter(|call| **call == "forward").count(), 1);
    promote(&world);
    while check(&world).next == HealthCheckNext::Wait {}
    promote(&world);
    assert_eq!(world.green(), 100);
    while check(&world).next == HealthCheckNext::Wait {}
    assert!(matches!(world.only_rollout().phase, Phase::Cleared { next: rollout::Next::Finish }));
    overdrawn(&world, 40);
    assert_eq!(promote(&world).next, PromoteStepNext::Promoted, "a promotion writes no weight");
}

#[test]
fn a_budget_that_cannot_be_asked_is_tried_again_and_nothing_is_done_without_it() {
    let world = cleared();
    let before = world.snapshot();
    world.fail(2, Fault::Refused);
    let failure = run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap().unwrap_err();
    assert_eq!((failure.name, world.log()), (ErrorName::TransientError, vec!["rollout", "forward"]));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_rollback_neither_waits_for_the_budget_nor_fails_with_it() {
    let ask = |world: &World| Rollback::Requested {
        rollout: world.only_rollout().id,
        epoch: None,
        by: "alice".to_owned(),
        reason: "no".to_owned(),
    };
    let world = World::new();
    baking(&world);
    overdrawn(&world, 40);
    world.in_order();
    let before = world.with(|state| state.bucket.milli_modify);
    assert_eq!(back(&world, ask(&world)).unwrap().next, RollbackNext::Settle);
    assert_eq!(world.green(), 0);
    assert_eq!(world.with(|state| state.bucket.milli_modify), before - 1_000, "it is told afterwards");
    let noted = world.log().iter().position(|call| *call == "spent").unwrap();

    let world = World::new();
    baking(&world);
    world.fail(u32::try_from(noted).unwrap() + 1, Fault::Refused);
    assert_eq!(back(&world, ask(&world)).unwrap().next, RollbackNext::Settle);
    assert!(world.happened());
    assert_eq!(world.log()[noted], "spent");
}

#[test]
fn a_rollback_that_is_throttled_tries_again_in_its_turn() {
    let world = World::new();
    baking(&world);
    overdrawn(&world, 26);
    let before = world.snapshot().now;
    // rollout, commit, restore.
    world.fail(3, Fault::Refused);
    let ask = Rollback::Requested {
        rollout: world.only_rollout().id,
        epoch: None,
        by: "alice".to_owned(),
        reason: "no".to_owned(),
    };
    assert_eq!(back(&world, ask).unwrap().next, RollbackNext::Settle);
    assert!(world.happened());
    assert_eq!(world.log()[..7], ["rollout", "commit", "restore", "spent", "rollout", "restore", "target"]);
    assert_eq!(world.green(), 0);
    let waited = world.snapshot().now.duration_since(before);
    assert_eq!(waited.as_secs(), 3, "9 calls are owed, its own is the tenth, and 3 come back each second");
    assert_eq!(world.log().iter().filter(|call| **call == "spent").count(), 1, "its turn is taken once");
}

#[test]
fn a_rollback_that_somebody_else_wrote_while_it_waited_does_not_write_it_again() {
    let world = World::new();
    baking(&world);
    let id = world.only_rollout().id;
    let ask =
        Rollback::Requested { rollout: id, epoch: None, by: "alice".to_owned(), reason: "no".to_owned() };
    world.fail(3, Fault::Refused);
    world.before_also(5, |world| {
        world.in_order();
        back(world, Rollback::Sweep).unwrap();
        world.advance(150);
        back(world, Rollback::Sweep).unwrap();
    });
    assert_eq!(back(&world, ask).unwrap().next, RollbackNext::Settle);
    let writes = world.log().iter().filter(|call| matches!(**call, "restore" | "set")).count();
    assert_eq!((writes, world.green()), (1, 0), "{:?}", world.log());
}

/// Its execution finds the weight of a rollback that could not tell what it wrote.
#[test]
fn a_weight_that_is_back_is_not_written_again() {
    let go_on = |world: &World| {
        world.in_order();
        let execution = "one".parse().unwrap();
        let rollout = Some(world.only_rollout().id);
        back(world, Rollback::Execution { execution, rollout, error: None }).unwrap().next
    };
    for (fault, writes) in [(Fault::KilledAfter, 0), (Fault::KilledBefore, 1)] {
        let world = World::new();
        baking(&world);
        let id = world.only_rollout().id;
        let (by, reason) = ("alice".to_owned(), "no".to_owned());
        // rollout, commit, restore.
        world.fail(3, fault);
        let killed = Rollback::Requested { rollout: id, epoch: None, by, reason };
        assert!(run(rollback(&world).call(killed)).is_none());
        assert!(matches!(world.only_rollout().phase, Phase::Restoring { .. }));
        assert_eq!(go_on(&world), RollbackNext::Settle);
        assert_eq!(world.log()[..3], ["rollout", "target", "read"]);
        assert_eq!(world.log().iter().filter(|call| **call == "restore").count(), writes, "{fault:?}");
        assert_eq!(world.log().iter().filter(|call| **call == "spent").count(), writes, "{fault:?}");
        assert_eq!((world.green(), world.only_rollout().phase.name()), (0, "settling"), "{fault:?}");
    }
}

/// A read that fails keeps no rollback from its write.
#[test]
fn a_weight_that_cannot_be_read_is_written() {
    let world = World::new();
    baking(&world);
    let (by, reason) = ("alice".to_owned(), "no".to_owned());
    let ask = Rollback::Requested { rollout: world.only_rollout().id, epoch: None, by, reason };
    world.fail(3, Fault::KilledBefore);
    assert!(run(rollback(&world).call(ask.clone())).is_none());
    // rollout, target, read.
    world.fail(3, Fault::Refused);
    assert_eq!(back(&world, ask).unwrap().next, RollbackNext::Settle);
    assert_eq!(
        (world.happened(), world.log()[..4].to_vec()),
        (true, vec!["rollout", "target", "read", "set"])
    );
    assert_eq!(world.green(), 0);
}

#[test]
fn a_look_at_the_load_balancer_waits_for_the_budget_and_the_guardrails_do_not() {
    let world = World::new();
    baking(&world);
    overdrawn(&world, 20);
    let before = world.only_rollout();
    world.in_order();
    let reply = check(&world);
    assert_eq!(reply.next, HealthCheckNext::Wait);
    assert!((4..12).contains(&reply.wait_seconds), "{}: 37 calls at 10 a second", reply.wait_seconds);
    assert_eq!((world.log(), world.only_rollout()), (vec!["rollout", "ask", "states"], before));

    world.with(|state| state.alarms.insert("High 5XX".to_owned(), crate::ports::AlarmState::Alarm));
    assert_eq!(check(&world).next, HealthCheckNext::RollBack);
}

#[test]
fn a_version_that_is_up_waits_for_the_budget_and_loses_no_attempt_by_it() {
    let world = World::new();
    started(&world);
    let before = world.only_rollout();
    // More often than the plan's five attempts.
    for _ in 0..6 {
        overdrawn(&world, 20);
        world.in_order();
        let reply = check(&world);
        assert_eq!(reply.next, HealthCheckNext::Wait);
        assert!(reply.wait_seconds > 0);
        assert_eq!(world.log(), ["rollout", "states", "probe", "ask"]);
        assert_eq!(world.only_rollout(), before);
    }
    world.with(|state| state.bucket = Bucket::full(state.now, Share::ALL));
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
}

#[test]
fn a_look_is_made_without_a_budget_that_cannot_be_asked() {
    let world = World::new();
    baking(&world);
    world.fail(2, Fault::Refused);
    assert_eq!(check(&world).next, HealthCheckNext::Wait);
    assert!(world.happened());
    assert_eq!(world.log()[..4], ["rollout", "ask", "states", "read"]);
}

#[test]
fn a_start_waits_within_the_function_and_then_goes_on() {
    let world = World::new();
    overdrawn(&world, 17);
    let before = world.snapshot().now;
    started(&world);
    assert!(world.log().iter().filter(|call| **call == "ask").count() > 1);
    let waited = world.snapshot().now.duration_since(before).as_secs();
    assert!((4..=20).contains(&waited), "{waited}");

    let world = World::new();
    overdrawn(&world, 500);
    started(&world);
    assert!(world.log().contains(&"admit"), "it does not wait for ever");
}
