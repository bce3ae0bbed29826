use contract::HealthCheckNext as Next;
use rollout::{CleanUp, Phase, Probe, Rollout, Sight, StepIndex, Weight};

use super::machine::{baking, check, promote, started};
use super::world::{CONFIGURATION, World, at};
use crate::ports::AlarmState;

fn phase(world: &World) -> Phase {
    world.only_rollout().phase
}

fn put(world: &World, phase: Phase) {
    let before = world.only_rollout();
    let after = Rollout { phase, ..before };
    world.with(|state| {
        state.targets.insert(after.plan.service.clone(), after.target());
        state.rollouts.insert(after.id.clone(), after);
    });
}

#[test]
fn each_phase_has_its_answer() {
    let cause = || rollout::Cause::NeverReady("HTTP 503".to_owned());
    let ten = || Weight::try_from(10).unwrap();
    let cases = [
        (Phase::Cleared { next: rollout::Next::Finish }, Next::Promote),
        (Phase::Shifting { step: StepIndex(0), to: ten() }, Next::Promote),
        (Phase::Restoring { cause: cause(), since: at(0) }, Next::RollBack),
        (Phase::Settling { cause: cause(), since: at(0), restored_at: at(0) }, Next::RollBack),
        (Phase::RolledBack { cause: cause(), at: at(0) }, Next::Ended),
        (Phase::Promoted { at: at(0), clean_up: CleanUp::Done { at: at(0) } }, Next::Ended),
        (Phase::Refused { reason: "busy".to_owned(), at: at(0) }, Next::Ended),
    ];
    for (phase, next) in cases {
        let world = World::new();
        started(&world);
        put(&world, phase.clone());
        let before = world.only_rollout();
        assert_eq!(check(&world).next, next, "{phase:?}");
        assert_eq!(world.only_rollout(), before, "{phase:?} is not health-check's to change");
    }
}

#[test]
fn before_traffic_it_looks_as_often_as_the_plan_allows() {
    let world = World::new();
    started(&world);
    world.with(|state| state.probe = Probe::NotReady("HTTP 503".to_owned()));
    for attempts in 1..5 {
        let reply = check(&world);
        assert_eq!((reply.next, reply.wait_seconds), (Next::Wait, 10));
        assert_eq!(phase(&world), Phase::Preparing { attempts });
    }
    let reply = check(&world);
    assert_eq!(reply.next, Next::RollBack);
    assert!(reply.reason.contains("HTTP 503 (looked 5 times, 10 s apart)"), "{}", reply.reason);
}

fn describes(world: &World) -> usize {
    world.log().iter().filter(|call| **call == "healthy").count()
}

const SMOKE_TESTED: &str =
    "  readiness: { attempts: 30, smoke_tests: [{ name: start, path: / }] }\n  guardrails:";

#[test]
fn a_version_that_is_not_up_yet_costs_nothing_of_the_load_balancers_api() {
    let text = CONFIGURATION.replacen("  readiness: { attempts: 5 }\n", "", 1);
    let world = World::of(&text.replacen("  guardrails:", SMOKE_TESTED, 1));
    started(&world);
    world.with(|state| state.probe = Probe::NotReady("HTTP 503".to_owned()));
    world.in_order();
    for look in 1..=10 {
        assert_eq!(check(&world).next, Next::Wait);
        assert_eq!(phase(&world), Phase::Preparing { attempts: look });
    }
    assert_eq!(describes(&world), 0, "{:?}", world.log());
    assert!(!world.log().contains(&"ask"), "nor is its budget asked: {:?}", world.log());
    // It is up: one look at its targets, then the smoke tests.
    world.with(|state| state.probe = Probe::Ready);
    world.in_order();
    assert_eq!(check(&world).next, Next::Promote);
    let log = world.log();
    assert_eq!(log[..6], ["rollout", "states", "probe", "ask", "healthy", "probe"]);
    promote(&world);
    world.in_order();
    for _ in 0..3 {
        check(&world);
    }
    assert_eq!(describes(&world), 0, "in a bake none is made: {:?}", world.log());
}

#[test]
fn targets_that_the_load_balancer_holds_for_unhealthy_get_no_smoke_test() {
    let text = CONFIGURATION.replacen("  readiness: { attempts: 5 }\n", "", 1);
    let world = World::of(&text.replacen("  guardrails:", SMOKE_TESTED, 1));
    started(&world);
    world.with(|state| state.green_up = None);
    world.in_order();
    assert_eq!(check(&world).next, Next::Wait);
    assert_eq!(phase(&world), Phase::Preparing { attempts: 1 });
    assert_eq!(world.log()[2..5], ["probe", "ask", "healthy"]);
    assert_eq!(world.log().iter().filter(|call| **call == "probe").count(), 1);
}

#[test]
fn a_guardrail_ends_the_rollout_in_every_phase_that_is_watched() {
    for (alarm, says) in [
        (Some(AlarmState::Alarm), "alarm High 5XX is in ALARM"),
        (None, "MissingGuardrail: alarm High 5XX does not exist any more"),
    ] {
        for traffic in [false, true] {
            let world = World::new();
            if traffic {
                baking(&world);
            } else {
                started(&world);
            }
            world.with(|state| match &alarm {
                Some(alarm) => state.alarm(alarm.clone()),
                None => state.alarms.clear(),
            });
            let reply = check(&world);
            assert_eq!(reply.next, Next::RollBack);
            assert!(reply.reason.contains(says), "{}", reply.reason);
        }
    }
}

#[test]
fn guardrails_that_cannot_be_read_hold_the_rollout_and_end_it_in_time() {
    let world = World::new();
    baking(&world);
    let mut holds = 0;
    loop {
        world.fail(3, super::world::Fault::Refused);
        let reply = check(&world);
        if reply.next == Next::RollBack {
            assert!(reply.reason.contains("the guardrails cannot be read"), "{}", reply.reason);
            break;
        }
        assert_eq!((reply.next, reply.wait_seconds), (Next::Hold, 30));
        holds += 1;
    }
    assert_eq!(holds, 10, "5 minutes, every 30 s");
}

#[test]
fn an_unreadable_source_that_comes_back_is_forgotten() {
    let world = World::new();
    baking(&world);
    world.fail(3, super::world::Fault::Refused);
    assert_eq!(check(&world).next, Next::Hold);
    assert!(matches!(phase(&world), Phase::Baking { sight: Sight::LostSince(_), .. }));
    world.in_order();
    while matches!(phase(&world), Phase::Baking { .. }) {
        let next = check(&world).next;
        assert_ne!(next, Next::RollBack);
    }
    assert!(matches!(phase(&world), Phase::Cleared { .. }));
}

#[test]
fn nothing_is_judged_before_a_minute_has_closed() {
    let world = World::new();
    baking(&world);
    // Back to right after the shift: the first check came too early.
    let Phase::Baking { since, .. } = phase(&world) else { panic!("not baking") };
    world.with(|state| state.now = since);
    let before = world.only_rollout();
    assert_eq!(check(&world).next, Next::Wait);
    assert_eq!(world.only_rollout(), before);
}

#[test]
fn a_pass_after_the_bake_clears_the_next_step() {
    let world = World::new();
    baking(&world);
    let mut reply = check(&world);
    while reply.next == Next::Wait {
        reply = check(&world);
    }
    assert_eq!(reply.next, Next::Promote, "{}", reply.reason);
    assert_eq!(phase(&world), Phase::Cleared { next: rollout::Next::Step(StepIndex(1)) });
    promote(&world);
    assert_eq!(world.green(), 100);
}

#[test]
fn a_version_that_stops_being_healthy_beside_one_that_is_is_rolled_back() {
    let sick = || Probe::NotReady("HTTP 503".to_owned());
    let world = World::new();
    baking(&world);
    world.with(|state| (state.probe, state.blue_probe) = (sick(), sick()));
    assert_ne!(check(&world).next, Next::RollBack, "an outage of both does not blame the new one");
    world.with(|state| state.blue_probe = Probe::Ready);
    let reply = check(&world);
    assert_eq!((reply.next, world.only_rollout().epoch.0), (Next::RollBack, 2));
    assert!(reply.reason.contains("not healthy any more: HTTP 503"), "{}", reply.reason);
}

#[test]
fn one_lost_answer_under_traffic_is_no_rollback() {
    let world = World::new();
    baking(&world);
    let mut asked_twice = false;
    for call in 1..8 {
        let (now, before) = world.with(|state| (state.now, state.clone()));
        world.fail(call, super::world::Fault::Refused);
        let next = super::world::run(contract::Function::call(
            &super::machine::health_check(&world),
            super::machine::turn(&world),
        ));
        assert!(!world.only_rollout().phase.is_rollback(), "call {call}: {next:?}");
        asked_twice |= world.with(|state| state.now) == rollout::Seconds(5).after(now);
        world.with(|state| *state = before);
    }
    assert!(asked_twice);
}

#[test]
fn no_traffic_is_no_pass() {
    let world = World::new();
    baking(&world);
    world.with(|state| state.green.iter_mut().for_each(|(_, green)| *green = 0));
    // What the rule does and what the metrics show are two things; here only the metrics are silent.
    let mut waits = 0;
    loop {
        let now = world.with(|state| state.now);
        world.with(|state| state.green.push((now, 10)));
        let reply = check(&world);
        world.with(|state| state.green.truncate(state.green.len() - 1));
        match reply.next {
            Next::Wait => waits += 1,
            Next::RollBack => {
                assert!(reply.reason.contains("not enough evidence in time"), "{}", reply.reason);
                break;
            }
            other => panic!("{other:?}: {}", reply.reason),
        }
    }
    assert!(waits >= 9, "{waits} waits: ten minutes of patience, a look a minute");
}

#[test]
fn somebody_elses_change_freezes_until_it_is_undone() {
    let world = World::new();
    baking(&world);
    world.with(|state| state.foreign = Some("3 target groups".to_owned()));
    let reply = check(&world);
    assert_eq!((reply.next, reply.wait_seconds), (Next::Hold, 30));
    assert!(reply.reason.contains("3 target groups") && reply.reason.contains("put it back to 10 %"));
    assert_eq!(check(&world).next, Next::Hold);
    world.with(|state| state.foreign = None);
    assert_eq!(check(&world).next, Next::Wait);
    assert!(matches!(phase(&world), Phase::Baking { .. }));

    world.with(|state| state.foreign = Some("3 target groups".to_owned()));
    let mut holds = 0;
    while check(&world).next == Next::Hold {
        holds += 1;
    }
    assert_eq!(holds, 10, "5 minutes, every 30 s");
    let Phase::Restoring { cause, .. } = phase(&world) else { panic!("not rolled back") };
    assert_eq!(cause.name(), "foreign_change");
}
