use contract::{ErrorName, Rollback, RollbackNext as Next};

use super::machine::{back as call, baking, end_promoted, started};
use super::world::World;

fn watchdog(execution: &str) -> Rollback {
    Rollback::Watchdog { execution: execution.parse().unwrap(), status: "ABORTED".to_owned() }
}

/// The waits before Lambda's second and third attempt of an asynchronous invocation.
const RETRIES: [u32; 2] = [60, 120];

#[test]
fn the_watchdog_turns_a_lost_rollout_round_at_once_and_verifies_it_when_lambda_tries_again() {
    let world = World::new();
    baking(&world);
    let began = world.with(|state| state.now);
    let failure = call(&world, watchdog("one")).unwrap_err();
    assert_eq!((failure.name, world.green()), (ErrorName::TransientError, 0));
    let id = world.only_rollout().id;
    assert_eq!(
        failure.message,
        format!(
            "rollout {id} is rolling back: ExecutionABORTED: execution one ended ABORTED, and is verified in 35 s: this \
             error makes Lambda deliver the event again"
        )
    );
    assert_eq!(
        world.with(|state| state.now),
        began,
        "it does not wait: it must not outlive the zombie bound"
    );
    world.advance(RETRIES[0]);
    let reply = call(&world, watchdog("one")).unwrap();
    assert_eq!((reply.next, world.green()), (Next::RolledBack, 0));
    assert_eq!(reply.reason, "rolled back: ExecutionABORTED: execution one ended ABORTED");
    let before = world.snapshot();
    assert_eq!(call(&world, watchdog("one")).unwrap().next, Next::RolledBack);
    assert_eq!(world.snapshot(), before);
}

/// Both of Lambda's waits are longer than the bound of every plan, so that one attempt after the write is enough.
#[test]
fn lambda_waits_longer_than_the_zombie_bound() {
    assert!(RETRIES.iter().all(|wait| *wait > environments::ZOMBIE_BOUND.0));
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
fn a_weight_that_comes_back_costs_the_watchdog_one_attempt_more() {
    // A writer that died gives the canary traffic again, before one of the calls.
    let zombie = |world: &World| {
        world.with(|state| {
            let now = state.now;
            state.green.push((now, 10));
        });
    };
    let (mut second, mut third) = (0, 0);
    for call_number in 1..20 {
        let world = World::new();
        baking(&world);
        call(&world, watchdog("one")).unwrap_err();
        world.advance(RETRIES[0]);
        world.before(call_number, zombie);
        match call(&world, watchdog("one")) {
            Ok(reply) => {
                assert_eq!(reply.next, Next::RolledBack);
                second += 1;
            }
            Err(failure) => {
                assert_eq!((failure.name, world.green()), (ErrorName::TransientError, 0));
                world.in_order();
                world.advance(RETRIES[1]);
                assert_eq!(call(&world, watchdog("one")).unwrap().next, Next::RolledBack);
                third += 1;
            }
        }
        assert_eq!(world.only_rollout().phase.name(), "rolled_back");
    }
    assert!(second > 0 && third > 0, "{second} {third}");
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
    let before = world.snapshot();
    let reply = call(&world, from(None, true)).unwrap();
    let says = "no rollout was started, and none will be: Lambda.Unknown: out of memory";
    assert_eq!((reply.next, reply.reason.as_str()), (Next::NotStarted, says));
    assert_eq!(world.snapshot(), before);
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
fn a_request_for_another_epoch_or_a_finished_rollout_changes_nothing() {
    let ask = |world: &World, epoch| Rollback::Requested {
        rollout: world.only_rollout().id,
        epoch,
        by: "alice".to_owned(),
        reason: "wrong version".to_owned(),
    };
    let world = World::new();
    baking(&world);
    let before = world.snapshot();
    let reply = call(&world, ask(&world, Some(7))).unwrap();
    assert_eq!(reply.next, Next::Nothing);
    assert!(
        reply.reason.starts_with("stale: the order is for epoch 7, rollout checkout-"),
        "{}",
        reply.reason
    );
    assert!(reply.reason.ends_with("is at epoch 1; nothing was changed"), "{}", reply.reason);
    assert_eq!(world.snapshot(), before);
    world.in_order();
    assert_eq!(call(&world, ask(&world, Some(1))).unwrap().next, Next::Settle);
    assert_eq!(world.log()[..3], ["rollout", "commit", "restore"], "nothing before the traffic is back");
    assert_eq!(call(&world, ask(&world, Some(1))).unwrap().next, Next::Nothing, "told twice, it is stale");

    let world = World::new();
    end_promoted(&world);
    let before = world.snapshot();
    let reply = call(&world, ask(&world, None)).unwrap();
    assert_eq!((reply.next, reply.reason.as_str()), (Next::Nothing, "v2 is live on green"));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_rule_that_cannot_be_restored_as_it_was_is_changed_as_it_is() {
    let world = World::new();
    baking(&world);
    world.with(|state| state.restore_refused = true);
    world.in_order();
    call(&world, watchdog("one")).unwrap_err();
    assert_eq!((world.only_rollout().phase.name(), world.green()), ("settling", 0));
    let log = world.log();
    let refused = log.iter().position(|call| *call == "restore").unwrap();
    assert_eq!(log[refused..][..6], ["restore", "rollout", "set", "spent", "target", "read"]);
    assert!(world.with(|state| state.restored.is_empty()));
}

#[test]
fn a_rule_is_restored_with_what_its_admission_saw() {
    let world = World::new();
    baking(&world);
    world.with(|state| state.admits = Ok(rollout::RuleSnapshot("changed since".to_owned())));
    call(&world, watchdog("one")).unwrap_err();
    let restored = world.with(|state| state.restored.clone());
    assert_eq!(restored, [rollout::RuleSnapshot("its other actions".to_owned())]);
}
