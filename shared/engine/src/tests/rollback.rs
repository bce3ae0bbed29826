use contract::{Alarm, ErrorName, Failure, Function, Reply, Rollback, RollbackNext as Next};
use rollout::{Phase, Seconds};

use super::machine::{baking, end_promoted, request, rollback, start_deploy, started};
use super::world::{Fault, World, at, run};

fn call(world: &World, request: Rollback) -> Result<Reply<Next>, Failure> {
    run(rollback(world).call(request)).unwrap()
}

fn watchdog(execution: &str) -> Rollback {
    Rollback::Watchdog { execution: execution.parse().unwrap(), status: "ABORTED".to_owned() }
}

fn alarm(name: &str) -> Alarm {
    Alarm {
        name: name.to_owned(),
        state: "ALARM".to_owned(),
        changed_at: at(100),
        account: "123456789012".to_owned(),
    }
}

#[test]
fn the_watchdog_rolls_back_and_verifies_what_a_lost_execution_left() {
    let world = World::new();
    baking(&world);
    let reply = call(&world, watchdog("one")).unwrap();
    assert_eq!((reply.next, world.green()), (Next::RolledBack, 0));
    assert_eq!(reply.reason, "rolled back: ExecutionABORTED: execution one ended ABORTED");
    let before = world.snapshot();
    assert_eq!(call(&world, watchdog("one")).unwrap().next, Next::RolledBack);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn the_watchdog_has_nothing_to_do_for_an_execution_without_a_rollout_or_with_a_promoted_one() {
    let world = World::new();
    assert_eq!(call(&world, watchdog("two")).unwrap().next, Next::Nothing);
    end_promoted(&world);
    assert_eq!(call(&world, watchdog("one")).unwrap().next, Next::Nothing);
    assert_eq!(world.green(), 100);
}

#[test]
fn a_watchdog_that_cannot_verify_asks_to_be_called_again() {
    // The weight comes back before one of its calls.
    let zombie = |world: &World| {
        world.with(|state| {
            let now = state.now;
            state.green.push((now, 10));
        });
    };
    let mut failures = 0;
    for call_number in 1..20 {
        let world = World::new();
        baking(&world);
        world.before(call_number, zombie);
        match call(&world, watchdog("one")) {
            Ok(reply) => assert_eq!(reply.next, Next::RolledBack),
            Err(failure) => {
                assert_eq!(failure.name, ErrorName::TransientError);
                failures += 1;
                world.in_order();
                assert_eq!(call(&world, watchdog("one")).unwrap().next, Next::RolledBack);
            }
        }
        if world.happened() {
            assert_eq!(
                world.with(|state| state.rollouts.values().next().unwrap().phase.name()),
                "rolled_back"
            );
        }
    }
    assert!(failures > 0);
}

#[test]
fn an_alarm_rolls_back_the_active_rollout_it_guards_and_its_second_delivery_does_nothing_new() {
    let world = World::new();
    baking(&world);
    let reply = call(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    assert_eq!((reply.next, world.green()), (Next::Settle, 0));
    let Phase::Settling { cause, .. } = world.only_rollout().phase else { panic!("not settling") };
    assert_eq!(cause.name(), "guardrail");
    let (epoch, version) = (world.only_rollout().epoch, world.only_rollout().version);
    assert_eq!(call(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap().next, Next::Settle);
    assert_eq!((world.only_rollout().epoch, world.only_rollout().version), (epoch, version));
}

#[test]
fn alarms_that_are_not_about_the_rollout_change_nothing() {
    let earlier = Alarm { changed_at: at(-1), ..alarm("High 5XX") };
    let fine = Alarm { state: "OK".to_owned(), ..alarm("High 5XX") };
    let foreign = Alarm { account: "210987654321".to_owned(), ..alarm("High 5XX") };
    for (alarms, says) in [
        (vec![earlier.clone()], "before rollout checkout-"),
        (vec![fine], "no alarm of an active rollout"),
        (vec![foreign], "no alarm of an active rollout"),
        (vec![alarm("Other")], "no alarm of an active rollout"),
        (vec![], "no alarm of an active rollout"),
    ] {
        let world = World::new();
        baking(&world);
        let before = world.snapshot();
        let reply = call(&world, Rollback::Alarms(alarms)).unwrap();
        assert_eq!(reply.next, Next::Nothing);
        assert!(reply.reason.contains(says), "{}", reply.reason);
        assert_eq!(world.snapshot(), before);
    }
    let world = World::new();
    baking(&world);
    let reply = call(&world, Rollback::Alarms(vec![earlier, alarm("High 5XX")])).unwrap();
    assert_eq!(reply.next, Next::Settle);
}

#[test]
fn one_service_that_cannot_be_rolled_back_does_not_keep_the_others_from_it() {
    let both = || {
        let world = World::new();
        baking(&world);
        let trigger = contract::Trigger::Requested {
            service: "search".parse().unwrap(),
            version: "v3".parse().unwrap(),
            strategy: None,
            by: "alice".to_owned(),
            request_id: "r1".to_owned(),
            origin: super::machine::origin(),
        };
        run(start_deploy(&world).call(request(trigger, "two"))).unwrap().unwrap();
        world.in_order();
        world
    };
    let backs = |world: &World| {
        world.with(|state| state.rollouts.values().filter(|rollout| rollout.phase.is_rollback()).count())
    };
    let world = both();
    call(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    assert_eq!(backs(&world), 2);
    let calls = world.calls();
    for number in 2..=calls {
        let world = both();
        world.fail(number, Fault::Refused);
        let result = call(&world, Rollback::Alarms(vec![alarm("High 5XX")]));
        assert!(backs(&world) >= 1, "call {number}");
        // Lambda delivers an event again whose handler failed.
        if let Err(failure) = result {
            assert_eq!(failure.name, ErrorName::TransientError);
            call(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
        }
        assert_eq!(backs(&world), 2, "call {number}");
    }
}

#[test]
fn an_execution_rolls_back_what_it_started_even_if_it_never_heard_the_answer() {
    let from = |rollout: Option<&str>, error: bool| Rollback::Execution {
        execution: "one".parse().unwrap(),
        rollout: rollout.map(|id| id.parse().unwrap()),
        error: error.then(|| contract::CaughtError {
            error: "Lambda.Unknown".to_owned(),
            cause: r#"{"errorMessage":"out of memory"}"#.to_owned(),
        }),
    };
    let world = World::new();
    assert_eq!(call(&world, from(None, true)).unwrap().next, Next::Nothing);
    started(&world);
    let reply = call(&world, from(None, true)).unwrap();
    assert_eq!(
        (reply.next, reply.reason.as_str()),
        (Next::Settle, "rolling back: Lambda.Unknown: out of memory")
    );
    assert_eq!(reply.wait_seconds, 35);

    let world = World::new();
    baking(&world);
    let id = world.only_rollout().id;
    let reply = call(&world, from(Some(id.as_str()), false)).unwrap();
    assert!(reply.reason.contains("UnknownAnswer"), "{}", reply.reason);
    let failure = call(&world, from(Some("checkout-unknown"), false)).unwrap_err();
    assert_eq!(failure.name, ErrorName::UnknownRollout);
}

#[test]
fn a_rollback_waits_out_the_whole_zombie_bound_in_the_watchdog() {
    let world = World::new();
    baking(&world);
    let before = world.with(|state| state.now);
    call(&world, watchdog("one")).unwrap();
    assert_eq!(world.with(|state| state.now), Seconds(35).after(before));
}
