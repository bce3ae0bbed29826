//! The sweep: what nothing drives any more is rolled back and finished.

use contract::{ErrorName, Rollback, RollbackNext as Next};
use rollout::{Phase, Seconds};

use super::machine::{back, baking, check, started, two_services};
use super::world::{Fault, World};

/// The time between two sweeps, as infra/template.yaml schedules them.
const PERIOD: u32 = 300;

fn sweep(world: &World) -> String {
    let reply = back(world, Rollback::Sweep).unwrap();
    assert_eq!(reply.next, Next::Nothing);
    reply.reason
}

fn phases(world: &World) -> Vec<&'static str> {
    world.with(|state| state.rollouts.values().map(|rollout| rollout.phase.name()).collect())
}

#[test]
fn an_expired_lease_is_rolled_back_at_once_and_verified_by_the_next_sweep() {
    let world = World::new();
    baking(&world);
    // A call takes a while: the next sweep begins less than a period after the last change.
    world.with(|state| state.slow_read = Seconds(2));
    world.advance(30 * 60);
    assert_eq!(sweep(&world), "1 rollouts are not at rest, 1 of them were overdue");
    assert_eq!((phases(&world), world.green()), (vec!["settling"], 0));
    world.advance(PERIOD - 2);
    assert_eq!(sweep(&world), "1 rollouts are not at rest, 1 of them were overdue");
    let Phase::RolledBack { cause, .. } = world.only_rollout().phase else { panic!("not rolled back") };
    let says = cause.to_string();
    assert!(says.starts_with("LeaseExpired: nothing has driven rollout checkout-"), "{says}");
    world.advance(PERIOD);
    assert_eq!(sweep(&world), "0 rollouts are not at rest, 0 of them were overdue");
    assert_eq!(world.milestones(), ["started", "reached", "rolling_back", "rolled_back"]);
}

#[test]
fn what_is_driven_is_left_alone() {
    let world = World::new();
    baking(&world);
    let since = world.only_rollout().updated_at;
    let expires = Seconds(30 * 60).after(since);
    world.with(|state| state.now = expires - jiff::SignedDuration::from_secs(1));
    let before = world.snapshot();
    assert_eq!(sweep(&world), "1 rollouts are not at rest, 0 of them were overdue");
    assert_eq!(world.snapshot(), before);
    world.advance(1);
    sweep(&world);
    assert_eq!(world.green(), 0, "the very instant");
}

#[test]
fn a_rollback_that_its_execution_still_drives_is_left_alone() {
    let world = World::new();
    baking(&world);
    world.advance(31 * 60);
    sweep(&world);
    let before = world.snapshot();
    world.with(|state| state.now = Seconds(119).after(state.now));
    assert_eq!(sweep(&world), "1 rollouts are not at rest, 0 of them were overdue");
    assert_eq!(world.snapshot().rollouts, before.rollouts);
}

#[test]
fn what_an_ended_rollout_could_not_tell_is_told_later() {
    let world = World::new();
    baking(&world);
    world.with(|state| {
        state.green_errors = 60;
        state.deaf = true;
    });
    while !world.only_rollout().phase.is_rollback() {
        check(&world);
    }
    let ask = || Rollback::Requested {
        rollout: world.only_rollout().id,
        epoch: None,
        by: "alice".to_owned(),
        reason: "no".to_owned(),
    };
    let _ = back(&world, ask());
    world.advance(36);
    assert_eq!(back(&world, ask()).unwrap_err().name, ErrorName::TransientError);
    assert_eq!(
        (phases(&world), world.milestones()),
        (vec!["rolled_back"], vec!["started".into(), "reached".into()])
    );
    world.advance(PERIOD);
    assert_eq!(back(&world, Rollback::Sweep).unwrap_err().name, ErrorName::TransientError, "still unheard");
    world.with(|state| state.deaf = false);
    world.advance(PERIOD);
    assert_eq!(sweep(&world), "1 rollouts are not at rest, 1 of them were overdue");
    assert_eq!(world.milestones(), ["started", "reached", "rolling_back", "rolled_back"]);
    assert_eq!(world.with(|state| state.control.rollbacks.len()), 1, "and it is counted once");
    assert!(world.only_rollout().is_at_rest());
}

#[test]
fn one_that_cannot_be_rolled_back_does_not_keep_the_others_from_it() {
    let lost = || {
        let world = World::new();
        two_services(&world);
        world.advance(31 * 60);
        world
    };
    let undisturbed = lost();
    sweep(&undisturbed);
    assert_eq!(phases(&undisturbed), ["settling", "settling"]);
    for call in 2..=undisturbed.calls() {
        let world = lost();
        world.fail(call, Fault::Refused);
        let result = back(&world, Rollback::Sweep);
        let back_already = phases(&world).iter().filter(|phase| **phase == "settling").count();
        assert!(back_already >= 1, "call {call}: {result:?}");
        world.in_order();
        for _ in 0..2 {
            world.advance(PERIOD);
            sweep(&world);
        }
        assert_eq!(phases(&world), ["rolled_back", "rolled_back"], "call {call}");
        assert_eq!(world.green(), 0);
    }
}

#[test]
fn a_rollout_that_died_at_its_very_start_is_found_too() {
    let world = World::new();
    started(&world);
    world.advance(31 * 60);
    for _ in 0..2 {
        sweep(&world);
        world.advance(PERIOD);
    }
    assert_eq!((phases(&world), world.green()), (vec!["rolled_back"], 0));
}
