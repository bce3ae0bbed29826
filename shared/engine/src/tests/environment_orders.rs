//! What people order of an environment or a service: freeze, thaw, unhold; and what they have a rollout pass.

use contract::{FreezeOrder, Function, Reply, Rollback, RollbackNext, StartDeployNext as Next, Trigger};
use jiff::Timestamp;
use rollout::{Barred, Event, Freeze, GateName, Hold, Lease, Order, Overridden, Phase, Rollout};

use super::machine::{
    End, approval, asked, back, baking, check, command, execute, order, pipeline, promote, request, rollback,
    start_deploy, task,
};
use super::world::{FAULTS, World, at, run};
use crate::history::first_break;

fn freeze(until: Option<Timestamp>) -> Rollback {
    ordered(FreezeOrder::Freeze { until }, "ann")
}

fn ordered(order: FreezeOrder, by: &str) -> Rollback {
    Rollback::Freeze { order, by: by.to_owned(), reason: "black friday".to_owned() }
}

fn start(world: &World, id: &str, gates: &[GateName]) -> Reply<Next> {
    let overridden = (!gates.is_empty())
        .then(|| Overridden::new(gates.to_vec(), "dana".to_owned(), "hot fix".to_owned()).unwrap());
    let trigger = match asked("checkout", "v2", id) {
        Trigger::Requested { service, version, strategy, by, lift_bar, request_id, origin, .. } => {
            Trigger::Requested { service, version, strategy, by, lift_bar, overridden, request_id, origin }
        }
        other => other,
    };
    run(start_deploy(world).call(request(trigger, id))).unwrap().unwrap()
}

fn says(world: &World, order: Rollback) -> String {
    let reply = back(world, order).unwrap();
    assert_eq!(reply.next, RollbackNext::Nothing);
    reply.reason
}

#[test]
fn nothing_starts_under_a_freeze_and_everything_after_it() {
    let world = World::new();
    let told = says(&world, freeze(Some(at(600))));
    assert_eq!(
        told,
        format!("environment staging is frozen until {} by ann since {}: black friday", at(600), at(0))
    );
    let refused = start(&world, "r1", &[]);
    assert_eq!(refused.next, Next::Refused);
    let expected = format!(
        "refused: environment staging is frozen until {} by ann since {}: black friday: start it afterwards, thaw the \
         environment, or override freeze with a reason",
        at(600),
        at(0)
    );
    assert_eq!(refused.reason, expected);
    assert_eq!(start(&world, "r1", &[]).next, Next::Refused, "the same event again has the same answer");
    world.advance(599);
    assert_eq!(start(&world, "r2", &[]).next, Next::Refused);
    world.advance(1);
    assert_eq!(start(&world, "r3", &[]).next, Next::Started, "without anybody having to thaw it");
}

#[test]
fn a_freeze_without_an_end_is_thawed_and_each_order_twice_is_once() {
    let world = World::new();
    let frozen = says(&world, freeze(None));
    assert!(frozen.contains("is frozen until it is thawed by ann since"), "{frozen}");
    world.advance(7 * 86_400);
    assert_eq!(says(&world, freeze(None)), frozen, "it is not newer for being told again");
    assert_eq!(world.with(|state| state.control.version), 1);
    // Later than any event may be taken: the freeze is what is asked first.
    world.with(|state| state.now = at(3_600));
    assert_eq!(start(&world, "r1", &[]).next, Next::Refused);
    for _ in 0..2 {
        assert_eq!(says(&world, ordered(FreezeOrder::Thaw, "bob")), "environment staging is not frozen");
    }
    assert_eq!(world.with(|state| state.control.version), 2);
    assert_eq!(start(&world, "r2", &[]).next, Next::Started);
}

#[test]
fn a_freeze_that_is_over_already_changes_nothing() {
    let world = World::new();
    for until in [at(0), at(-1)] {
        let told = says(&world, freeze(Some(until)));
        assert!(told.ends_with("name a later time; nothing was changed"), "{told}");
    }
    assert_eq!(world.with(|state| state.control.clone()), rollout::Control::default());
}

#[test]
fn a_freeze_stops_no_rollout_that_runs() {
    let world = World::new();
    baking(&world);
    says(&world, freeze(None));
    while check(&world).next != contract::HealthCheckNext::Promote {}
    promote(&world);
    assert_eq!(world.green(), 100);
}

#[test]
fn a_freeze_and_the_line_do_not_undo_each_other() {
    let world = World::new();
    let line = |stop| Rollback::Line { stop, by: "bob".to_owned(), reason: "incident 7".to_owned() };
    says(&world, line(true));
    says(&world, freeze(None));
    says(&world, line(false));
    assert!(matches!(world.with(|state| state.control.freeze.clone()), Freeze::Until { until: None, .. }));
    assert_eq!(start(&world, "r1", &[]).next, Next::Refused);
    says(&world, line(true));
    says(&world, ordered(FreezeOrder::Thaw, "ann"));
    let refused = start(&world, "r2", &[]);
    assert!(refused.reason.contains("the line of environment staging was stopped"), "{}", refused.reason);
}

#[test]
fn a_freeze_is_passed_with_a_reason_that_is_kept() {
    let world = World::new();
    says(&world, freeze(None));
    assert_eq!(start(&world, "r1", &[GateName::Promotion]).next, Next::Refused, "another gate");
    assert_eq!(start(&world, "r2", &[GateName::Freeze]).next, Next::Started);
    let started = |rollout: &&Rollout| matches!(rollout.phase, Phase::Preparing { .. });
    let rollout = world.with(|state| state.rollouts.values().find(started).cloned()).unwrap();
    let overridden = rollout.overridden.clone().unwrap();
    assert_eq!(overridden.to_string(), "freeze overridden by dana: hot fix");
    let first = world.with(|state| state.history[&rollout.id][0].clone());
    let by = "alice".to_owned();
    assert_eq!(first.event, Event::Started { by, overridden: Some(overridden), at: rollout.started_at });
    assert_eq!(first_break(&[first]), None);
}

#[test]
fn a_stopped_line_has_no_exception() {
    let world = World::new();
    says(&world, Rollback::Line { stop: true, by: "bob".to_owned(), reason: "incident 7".to_owned() });
    assert_eq!(start(&world, "r1", &[GateName::Freeze, GateName::Promotion]).next, Next::Refused);
}

#[test]
fn who_asked_for_a_rollout_is_kept_with_it() {
    let world = World::new();
    assert_eq!(start(&world, "r1", &[]).next, Next::Started);
    assert_eq!(world.only_rollout().requested_by, "alice");
    let world = World::new();
    let begin = request(pipeline("1", "SUCCEEDED"), "one");
    run(start_deploy(&world).call(begin)).unwrap().unwrap();
    assert_eq!(world.only_rollout().requested_by, "pipeline checkout-pipeline");
    assert_eq!(world.only_rollout().overridden, None);
}

/// With rules for approvals, as if they had been in the configuration.
fn awaiting(approvers: &[&str], not_the_starter: bool) -> World {
    let world = World::with_approval();
    assert_eq!(start(&world, "r1", &[]).next, Next::Started);
    world.with(|state| {
        let rollout = state.rollouts.values_mut().next().unwrap();
        rollout.plan.approvals.approvers = approvers.iter().map(|&name| name.to_owned()).collect();
        rollout.plan.approvals.not_the_starter = not_the_starter;
    });
    world.advance(1);
    check(&world);
    promote(&world);
    while world.only_rollout().phase.name() != "awaiting_approval" {
        check(&world);
    }
    world
}

#[test]
fn an_approval_of_who_may_not_approve_changes_nothing() {
    // `alice` asks for the rollout and gives the orders of these tests.
    for (approvers, not_the_starter, says) in [
        (
            &["bob", "carol"][..],
            false,
            "alice is not an approver; nothing was changed: one of bob, carol has to approve",
        ),
        (
            &[][..],
            true,
            "alice asked for this rollout and may not approve it (not_the_starter); nothing was changed",
        ),
        (&["alice", "bob"][..], true, "alice asked for this rollout and may not approve it"),
    ] {
        let world = awaiting(approvers, not_the_starter);
        let before = world.only_rollout();
        for wish in [approval(&world), super::machine::advance(&world)] {
            let reply = order(&world, wish);
            assert_eq!(reply.next, contract::PromoteStepNext::Wait);
            assert!(reply.reason.starts_with(says), "{}", reply.reason);
            assert!(
                reply.reason.ends_with("waiting for a person to approve step 2 of 2"),
                "{}",
                reply.reason
            );
        }
        assert_eq!(world.only_rollout(), before);
        assert_eq!(
            order(&world, Order::Hold).reason.split_once("; ").unwrap().1,
            "held by alice: release train"
        );
    }
    let world = awaiting(&["bob", "alice"], false);
    order(&world, approval(&world));
    assert_eq!(world.only_rollout().phase.name(), "cleared");
    let world = awaiting(&["bob"], true);
    let contract::PromoteStep::Order(by_alice) = command(&world, approval(&world)) else {
        panic!("no order")
    };
    let by_bob = contract::Command { by: "Bob".to_owned(), ..by_alice };
    let function = super::machine::promote_step(&world);
    run(function.call(contract::PromoteStep::Order(by_bob))).unwrap().unwrap();
    assert_eq!((world.only_rollout().phase.name(), &world.only_rollout().hold), ("cleared", &Hold::None));
}

fn unhold(version: &str) -> Rollback {
    Rollback::Unhold {
        service: "checkout".parse().unwrap(),
        version: version.parse().unwrap(),
        by: "ann".to_owned(),
        reason: "it was the network".to_owned(),
    }
}

/// Version v2 of checkout was rolled back for its own fault.
fn barred() -> World {
    let world = World::new();
    world.with(|state| state.green_errors = 60);
    assert_eq!(execute(&world, &request(asked("checkout", "v2", "r0"), "zero")), End::RolledBack);
    world.with(|state| state.green_errors = 0);
    assert!(bar(&world) != Barred::Nothing);
    world.in_order();
    world
}

/// The same, and another version of it bakes.
fn barred_and_baking() -> World {
    let world = barred();
    let begin = request(asked("checkout", "v3", "r3"), "three");
    assert_eq!(run(start_deploy(&world).call(begin)).unwrap().unwrap().next, Next::Started);
    world.in_order();
    world
}

fn bar(world: &World) -> Barred {
    world.with(|state| state.targets.values().next().unwrap().barred.clone())
}

fn running(world: &World) -> Option<Rollout> {
    world.with(|state| state.rollouts.values().find(|rollout| !rollout.phase.is_terminal()).cloned())
}

#[test]
fn a_version_comes_back_when_its_bar_is_lifted() {
    let world = barred();
    assert_eq!(start(&world, "r1", &[]).next, Next::Refused);
    let before = world.with(|state| state.targets.values().next().cloned().unwrap());
    let told = says(&world, unhold("v9"));
    assert!(told.starts_with("version v9 of service checkout is not barred, version v2 is ("), "{told}");
    assert!(told.ends_with("; nothing was changed"), "{told}");
    assert_eq!(world.with(|state| state.targets.values().next().cloned().unwrap()), before);
    let told = says(&world, unhold("v2"));
    assert_eq!(told, "version v2 of service checkout may come back: ann: it was the network");
    let lifted = rollout::Target { barred: Barred::Nothing, ..before };
    assert_eq!(world.with(|state| state.targets.values().next().cloned().unwrap()), lifted);
    let told = says(&world, unhold("v2"));
    assert_eq!(told, "no version of service checkout is barred; nothing was changed", "once");
    assert_eq!(start(&world, "r2", &[]).next, Next::Started);
}

#[test]
fn a_service_that_never_had_a_rollout_has_no_bar() {
    let told = says(&World::new(), unhold("v2"));
    assert_eq!(told, "no version of service checkout is barred; nothing was changed");
}

#[test]
fn a_bar_that_is_lifted_while_a_rollout_runs_stays_lifted_and_is_in_its_history() {
    let world = barred_and_baking();
    let before = running(&world).unwrap();
    says(&world, unhold("v2"));
    let after = running(&world).unwrap();
    assert_eq!(
        (after.epoch, &after.phase, after.updated_at),
        (before.epoch, &before.phase, before.updated_at)
    );
    world.with(|state| {
        let target = state.targets.values().next().unwrap();
        assert_eq!((&target.barred, target.epoch), (&Barred::Nothing, before.epoch));
        assert!(matches!(&target.lease, Lease::Held { by, .. } if *by == before.id));
        let records = &state.history[&before.id];
        assert!(matches!(&records.last().unwrap().event, Event::BarLifted { by, .. } if by == "ann"));
        assert_eq!(first_break(records), None);
    });
    let told = says(&world, unhold("v2"));
    assert_eq!(told, "no version of service checkout is barred; nothing was changed", "once");
    // A person ends the rollout, which bars nothing new.
    let ask = Rollback::Requested {
        rollout: before.id,
        epoch: None,
        by: "alice".to_owned(),
        reason: "wrong day".to_owned(),
    };
    for _ in 0..2 {
        back(&world, ask.clone()).unwrap();
        world.advance(36);
    }
    assert_eq!((running(&world), bar(&world)), (None, Barred::Nothing));
    assert_eq!(start(&world, "r2", &[]).next, Next::Started);
}

/// Each call of an order that is answered late, twice or never, and the order is given again.
#[test]
fn a_bar_is_lifted_once_whatever_call_goes_wrong() {
    for make in [barred, barred_and_baking] {
        let undisturbed = make();
        says(&undisturbed, unhold("v2"));
        let calls = undisturbed.calls();
        assert!(calls > 1);
        let (state, lifts) = (undisturbed.snapshot(), lifts(&undisturbed));
        for fault in FAULTS {
            for call in 1..=calls {
                let world = make();
                world.fail(call, fault);
                task(&world, 4, &rollback(&world), &unhold("v2")).unwrap();
                assert!(world.happened(), "{fault:?} at call {call}");
                let now = world.snapshot();
                assert_eq!(
                    (&now.targets, self::lifts(&world)),
                    (&state.targets, lifts),
                    "{fault:?} at call {call}"
                );
            }
        }
    }
}

fn lifts(world: &World) -> usize {
    let is_lift = |record: &&crate::history::Record| matches!(record.event, Event::BarLifted { .. });
    world.with(|state| state.history.values().flatten().filter(is_lift).count())
}

/// Whatever begins or ends at the same time, the order counts: for the service, or for the rollout that has taken it.
#[test]
fn a_bar_is_lifted_while_rollouts_begin_and_end() {
    let begins = |world: &World| {
        let begin = request(asked("checkout", "v3", "r3"), "three");
        // Not through the ports: the calls of the order are counted.
        let quiet = World::new();
        quiet.with(|state| *state = world.snapshot());
        assert_eq!(run(start_deploy(&quiet).call(begin)).unwrap().unwrap().next, Next::Started);
        world.with(|state| *state = quiet.snapshot());
    };
    // Between the look at the free service and the write.
    let world = barred();
    world.before(2, begins);
    says(&world, unhold("v2"));
    assert_eq!(world.log(), ["target", "lift_bar", "target", "rollout", "commit"]);
    assert_eq!((bar(&world), running(&world).unwrap().barred), (Barred::Nothing, Barred::Nothing));
    // Between the start's look at the service and its beginning.
    let world = barred();
    let begin = request(asked("checkout", "v3", "r3"), "three");
    let calls = {
        let undisturbed = barred();
        run(start_deploy(&undisturbed).call(begin.clone())).unwrap().unwrap();
        u32::try_from(undisturbed.log().iter().position(|call| *call == "begin").unwrap() + 1).unwrap()
    };
    world.before(calls, |world| {
        world.with(|state| {
            let target = state.targets.values_mut().next().unwrap();
            target.barred = Barred::Nothing;
        });
    });
    let failure = run(start_deploy(&world).call(begin.clone())).unwrap().unwrap_err();
    assert_eq!(failure.name, contract::ErrorName::ConflictError);
    assert_eq!(run(start_deploy(&world).call(begin)).unwrap().unwrap().next, Next::Started);
    assert_eq!((bar(&world), running(&world).unwrap().barred), (Barred::Nothing, Barred::Nothing));
}

#[test]
fn a_freeze_is_told_once_whatever_call_goes_wrong() {
    for fault in FAULTS {
        for call in 1..=2 {
            let world = World::new();
            world.fail(call, fault);
            task(&world, 4, &rollback(&world), &freeze(Some(at(86_400)))).unwrap();
            assert!(world.happened());
            let control = world.with(|state| state.control.clone());
            assert_eq!(control.version, 1, "{fault:?} at call {call}");
            assert!(control.freeze.holds_at(at(86_399)));
        }
    }
}
