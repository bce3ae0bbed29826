//! Writers of weights that lost their epoch.

use contract::{Function, PromoteStep, PromoteStepNext, Rollback, RollbackNext};
use rollout::{Lease, Phase, Weight};

use super::machine::{baking, check, promote_step, rollback, started, turn};
use super::world::{Fault, World, run};
use crate::fence::{Written, write_weight};

fn ask(world: &World) -> RollbackNext {
    let request = Rollback::Requested {
        rollout: world.only_rollout().id,
        epoch: None,
        by: "alice".to_owned(),
        reason: "wrong version".to_owned(),
    };
    run(rollback(world).call(request)).unwrap().unwrap().next
}

/// Started, healthy, and cleared for the first step.
fn cleared() -> World {
    let world = World::new();
    started(&world);
    check(&world);
    assert!(matches!(world.only_rollout().phase, Phase::Cleared { .. }));
    world.in_order();
    world
}

fn calls_of_promote_step() -> u32 {
    let world = cleared();
    run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap().unwrap();
    assert_eq!(world.green(), 10);
    world.calls()
}

#[test]
fn a_rollback_between_any_two_calls_of_promote_step_leaves_weight_0() {
    let calls = calls_of_promote_step();
    for call in 1..=calls {
        let world = cleared();
        world.before(call, |world| assert_eq!(ask(world), RollbackNext::Settle));
        let reply = run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap().unwrap();
        assert!(world.happened());
        assert_eq!(reply.next, PromoteStepNext::RollBack, "before call {call}");
        assert_eq!(world.green(), 0, "before call {call}: {:?}", world.snapshot().green);
        let rollout = world.only_rollout();
        assert_eq!((rollout.epoch.0, rollout.desired_weight()), (2, Weight::ZERO));
    }
}

#[test]
fn a_writer_whose_epoch_is_over_writes_nothing() {
    let world = cleared();
    let stale = world.only_rollout();
    assert_eq!(ask(&world), RollbackNext::Settle);
    let before = world.snapshot();
    let written = run(write_weight(&world, &world, &stale, Weight::FULL)).unwrap().unwrap();
    assert!(matches!(written, Written::Lost));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_writer_that_dies_after_the_rollback_is_found_out_by_the_verification() {
    let mut zombies = 0;
    for call in 1..=calls_of_promote_step() {
        // It dies right after a call; the rollback ran before that same call.
        let world = cleared();
        world.before(call, move |world| {
            assert_eq!(ask(world), RollbackNext::Settle);
            world.fail(1, Fault::KilledAfter);
        });
        let killed = run(promote_step(&world).call(PromoteStep::Advance(turn(&world))));
        world.in_order();
        if killed.is_none() && world.green() == 10 {
            zombies += 1;
        }
        for _ in 0..4 {
            world.advance(36);
            ask(&world);
        }
        let rollout = world.only_rollout();
        assert_eq!((rollout.phase.name(), world.green()), ("rolled_back", 0), "call {call}");
    }
    assert_eq!(zombies, 1, "exactly the write itself leaves a zombie's weight");
}

#[test]
fn a_stale_writer_restores_the_weights_of_the_rollout_that_came_after() {
    // While the writer is between its check and its write, its rollout is rolled back and verified, and the next one
    // holds the service at its own weight.
    let world = cleared();
    let mut seen = false;
    for call in 1..=calls_of_promote_step() {
        let world = cleared();
        world.before(call, |world| {
            world.with(|state| {
                let target = state.targets.values_mut().next().unwrap();
                target.epoch = target.epoch.next().next();
                target.canary_weight = Weight::try_from(25).unwrap();
                target.lease = Lease::Held { by: "checkout-next".parse().unwrap(), until: state.now };
                let now = state.now;
                state.green.push((now, 25));
            });
        });
        let _ = run(promote_step(&world).call(PromoteStep::Advance(turn(&world))));
        assert_eq!(world.green(), 25, "before call {call}");
        seen |= world.with(|state| state.green.iter().any(|(_, green)| *green == 10));
    }
    assert!(seen, "no writer was late");
    assert_eq!(world.green(), 0);
}

#[test]
fn the_rollback_of_a_baking_rollout_is_verified_only_after_the_zombie_bound() {
    let world = World::new();
    baking(&world);
    assert_eq!(ask(&world), RollbackNext::Settle);
    assert_eq!(world.green(), 0);
    for _ in 0..34 {
        world.advance(1);
        assert_eq!(ask(&world), RollbackNext::Settle);
    }
    world.advance(1);
    assert_eq!(ask(&world), RollbackNext::RolledBack);
    assert_eq!(ask(&world), RollbackNext::RolledBack);
    assert_eq!(world.milestones(), ["started", "reached", "rolling_back", "rolled_back"]);
}

#[test]
fn a_read_that_began_before_the_zombie_bound_does_not_count() {
    let world = World::new();
    baking(&world);
    ask(&world);
    world.advance(30);
    world.with(|state| state.slow_read = rollout::Seconds(20));
    assert_eq!(ask(&world), RollbackNext::Settle);
    assert_eq!(ask(&world), RollbackNext::RolledBack);
}

#[test]
fn a_weight_that_comes_back_while_settling_is_put_right() {
    let world = World::new();
    baking(&world);
    ask(&world);
    world.advance(36);
    world.with(|state| {
        let now = state.now;
        state.green.push((now, 10));
    });
    assert_eq!(ask(&world), RollbackNext::Settle);
    assert_eq!(world.green(), 0);
    world.advance(36);
    assert_eq!(ask(&world), RollbackNext::RolledBack);
}
