//! The load balancer's API budget: steps forward wait, rollbacks do not.

use contract::{ErrorName, Function, HealthCheckNext, PromoteStep, PromoteStepNext, Rollback, RollbackNext};
use rollout::{Bucket, Phase};

use super::machine::{back, baking, check, order, promote, promote_step, started, turn};
use super::world::{Fault, World, run};

/// So many calls more than a full bucket leaves for steps forward were made.
fn overdrawn(world: &World, calls: u32) {
    world.with(|state| {
        state.bucket = (0..10 + calls).fold(Bucket::full(state.now), |bucket, _| bucket.spent(state.now));
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
    assert_eq!((reply.next, reply.wait_seconds), (PromoteStepNext::Wait, 7), "21 calls at 3 a second");
    assert_eq!(reply.reason, "the load balancer's API budget is spent: this step waits for it");
    assert_eq!((world.only_rollout(), world.green()), (before, 0));
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
    let before = world.with(|state| state.bucket.milli_tokens);
    assert_eq!(back(&world, ask(&world)).unwrap().next, RollbackNext::Settle);
    assert_eq!(world.green(), 0);
    assert_eq!(world.with(|state| state.bucket.milli_tokens), before - 1_000, "it is told afterwards");
    let noted = world.log().iter().position(|call| *call == "spent").unwrap();

    let world = World::new();
    baking(&world);
    world.fail(u32::try_from(noted).unwrap() + 1, Fault::Refused);
    assert_eq!(back(&world, ask(&world)).unwrap().next, RollbackNext::Settle);
    assert!(world.happened());
    assert_eq!(world.log()[noted], "spent");
}
