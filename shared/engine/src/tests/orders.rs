//! What a person orders: hold, resume, advance. Approvals have a file of their own.

use contract::{Command, ErrorName, Function, HealthCheckNext, PromoteStep, PromoteStepNext, Rollback};
use rollout::{Next, Order, Phase, StepIndex};

use super::machine::{
    advance, approval, back, baking, check, command, end_promoted, order, promote, promote_step, started,
};
use super::world::{CONFIGURATION, World, run};

fn sweep(world: &World) {
    back(world, Rollback::Sweep).unwrap();
}

#[test]
fn an_order_for_another_epoch_is_answered_and_changes_nothing() {
    let world = World::new();
    baking(&world);
    let before = world.snapshot();
    for given in [Order::Hold, Order::Resume, advance(&world), approval(&world)] {
        let command = Command {
            rollout_id: world.only_rollout().id,
            epoch: 7,
            order: given,
            by: "alice".to_owned(),
            reason: "now".to_owned(),
        };
        let reply = run(promote_step(&world).call(PromoteStep::Order(command))).unwrap().unwrap();
        assert_eq!((reply.next, reply.epoch), (PromoteStepNext::Wait, 1));
        assert!(
            reply.reason.starts_with("stale: the order is for epoch 7, rollout checkout-"),
            "{}",
            reply.reason
        );
    }
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_order_that_does_not_fit_says_why() {
    let world = World::new();
    baking(&world);
    let before = world.snapshot();
    let late = "ordered does not fit phase baking: it came twice, late or out of order; baking at 10 % (step 1 of 2)";
    for given in [Order::Resume, approval(&world)] {
        let reply = order(&world, given);
        assert_eq!((reply.next, reply.reason.as_str()), (PromoteStepNext::Wait, late));
    }
    assert_eq!(world.snapshot(), before);

    let world = World::new();
    end_promoted(&world);
    let before = world.snapshot();
    let reply = order(&world, Order::Hold);
    let ended = "the rollout has ended (promoted): ordered changes nothing; v2 is live on green";
    assert_eq!((reply.next, reply.reason.as_str()), (PromoteStepNext::Promoted, ended));
    assert_eq!(world.snapshot(), before);

    let unknown = Command {
        rollout_id: "checkout-unknown".parse().unwrap(),
        epoch: 1,
        order: Order::Hold,
        by: "alice".to_owned(),
        reason: "now".to_owned(),
    };
    let failure = run(promote_step(&world).call(PromoteStep::Order(unknown))).unwrap().unwrap_err();
    assert_eq!(failure.name, ErrorName::UnknownRollout);
}

#[test]
fn what_is_held_is_looked_at_and_takes_no_step_however_long() {
    let world = World::new();
    baking(&world);
    let reply = order(&world, Order::Hold);
    assert_eq!(reply.reason, "baking at 10 % (step 1 of 2); held by alice: release train");
    assert!(order(&world, Order::Hold).reason.contains("came twice"), "held already");
    // Longer than the lease and than the patience.
    for _ in 0..60 {
        let reply = check(&world);
        assert_eq!(reply.next, HealthCheckNext::Hold, "{}", reply.reason);
        assert_eq!(promote(&world).next, PromoteStepNext::Wait);
        sweep(&world);
    }
    let held = world.only_rollout();
    assert!(held.looks >= 50, "{} looks", held.looks);
    assert_eq!((held.phase.name(), world.green()), ("baking", 10));
    assert_eq!(order(&world, Order::Resume).reason, "baking at 10 % (step 1 of 2)");
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 100);
}

#[test]
fn a_bad_canary_is_rolled_back_held_or_not() {
    let world = World::new();
    baking(&world);
    order(&world, Order::Hold);
    world.with(|state| state.green_errors = 60);
    let mut looks = 0;
    while check(&world).next == HealthCheckNext::Hold {
        looks += 1;
    }
    assert!(looks < 5, "{looks}");
    let Phase::Restoring { cause, .. } = world.only_rollout().phase else { panic!("not rolled back") };
    assert_eq!(cause.name(), "verdict");
}

#[test]
fn a_hold_before_the_first_step_keeps_the_lease() {
    let world = World::new();
    started(&world);
    assert_eq!(order(&world, Order::Hold).next, PromoteStepNext::Wait);
    for _ in 0..60 {
        assert_eq!(check(&world).next, HealthCheckNext::Hold);
        assert_eq!(promote(&world).next, PromoteStepNext::Wait);
        sweep(&world);
    }
    let rollout = world.only_rollout();
    assert_eq!((&rollout.phase, world.green()), (&Phase::Cleared { next: Next::Step(StepIndex(0)) }, 0));
    assert!(rollout.version < 60, "{} records: a wait is not noted at every look", rollout.version);
    order(&world, Order::Resume);
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 10);
}

#[test]
fn a_hold_takes_back_what_was_cleared_and_not_taken() {
    let world = World::new();
    baking(&world);
    while check(&world).next != HealthCheckNext::Promote {}
    order(&world, Order::Hold);
    assert_eq!(check(&world).next, HealthCheckNext::Hold);
    assert_eq!(promote(&world).next, PromoteStepNext::Wait);
    assert_eq!((world.only_rollout().phase.name(), world.green()), ("baking", 10));
}

#[test]
fn an_advance_ends_the_wait_once_and_no_hold() {
    let world = World::new();
    baking(&world);
    order(&world, Order::Hold);
    let before = world.snapshot();
    let says = "held by alice: release train; nothing was changed, resume it first; baking at 10 % (step 1 of 2); held";
    let reply = order(&world, advance(&world));
    assert!(reply.reason.starts_with(says), "{}", reply.reason);
    assert_eq!((reply.next, world.snapshot()), (PromoteStepNext::Wait, before));
    order(&world, Order::Resume);
    order(&world, advance(&world));
    assert!(order(&world, advance(&world)).reason.contains("came twice"), "the second one is no second step");
    assert_eq!(world.green(), 10, "an order moves no traffic by itself");
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!(world.green(), 100);
}

/// Lambda calls a function again whose answer it lost: the same order arrives when the next step bakes.
#[test]
fn an_advance_that_comes_again_in_the_next_bake_changes_nothing() {
    let world =
        World::of(&CONFIGURATION.replacen("{ weight: 10,", "{ weight: 5, bake: 60s }, { weight: 10,", 1));
    started(&world);
    check(&world);
    promote(&world);
    let first = command(&world, advance(&world));
    run(promote_step(&world).call(first.clone())).unwrap().unwrap();
    assert_eq!(check(&world).next, HealthCheckNext::Promote);
    promote(&world);
    assert_eq!((world.green(), world.only_rollout().step()), (10, Some(StepIndex(1))));
    let before = world.snapshot();
    let again = run(promote_step(&world).call(first)).unwrap().unwrap();
    let says = "stale: the order is for step 1, the rollout is at step 2; nothing was changed; baking at 10 % (step 2 of 3)";
    assert_eq!((again.next, again.reason.as_str()), (PromoteStepNext::Wait, says));
    assert_eq!(world.snapshot(), before);
}
