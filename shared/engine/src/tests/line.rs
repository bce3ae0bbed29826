//! What a rollback leaves behind: a version that must not come back, and a line that stops.

use contract::{Function, Reply, Rollback, StartDeployNext as Next, Trigger};
use rollout::{Barred, Line, Version};

use super::machine::{End, asked, back, execute, request, rollback, start_deploy, task};
use super::world::{FAULTS, World, run};

fn stops_after_two() -> World {
    let world = World::with_rules("  stop_the_line: { rollbacks: 2, within: 1h }");
    world.with(|state| state.green_errors = 60);
    world
}

fn fails(world: &World, service: &str, version: &str) {
    let begin = request(asked(service, version, version), version);
    assert_eq!(execute(world, &begin), End::RolledBack);
}

fn start(world: &World, service: &str, version: &str, lift: bool) -> Reply<Next> {
    let trigger = match asked(service, version, &format!("{version}-again-{lift}")) {
        Trigger::Requested { service, version, strategy, by, overridden, request_id, origin, .. } => {
            let lift_bar = lift;
            Trigger::Requested { service, version, strategy, by, lift_bar, overridden, request_id, origin }
        }
        other => other,
    };
    run(start_deploy(world).call(request(trigger, &format!("{version}-again-{lift}")))).unwrap().unwrap()
}

fn line(stop: bool, by: &str) -> Rollback {
    Rollback::Line { stop, by: by.to_owned(), reason: "incident 7".to_owned() }
}

fn stops_told(world: &World) -> usize {
    world.milestones().iter().filter(|milestone| *milestone == "line_stopped").count()
}

#[test]
fn so_many_rollbacks_stop_the_line_until_a_person_resumes_it() {
    let world = stops_after_two();
    fails(&world, "checkout", "v2");
    assert_eq!((world.with(|state| state.control.line.clone()), stops_told(&world)), (Line::Running, 0));
    fails(&world, "search", "v3");
    let Line::Stopped { by, why, .. } = world.with(|state| state.control.line.clone()) else {
        panic!("it runs")
    };
    assert!(by.starts_with("search-") && why == "2 rollbacks within 60 min", "{by}: {why}");
    assert_eq!(stops_told(&world), 1);
    let told =
        world.with(|state| state.published.iter().find(|o| o.milestone == "line_stopped").cloned()).unwrap();
    assert_eq!((told.service.as_str(), told.detail.as_str()), ("search", "2 rollbacks within 60 min"));

    world.with(|state| state.green_errors = 0);
    let refused = start(&world, "checkout", "v4", false);
    assert_eq!(refused.next, Next::Refused);
    let says = &refused.reason;
    assert!(says.contains("the line of environment staging was stopped at 20"), "{says}");
    assert!(
        says.contains("by search-") && says.contains("(2 rollbacks within 60 min): resume it first"),
        "{says}"
    );

    let resumed = back(&world, line(false, "ann")).unwrap();
    assert_eq!(resumed.reason, "the line of environment staging runs");
    assert!(world.with(|state| state.control.rollbacks.is_empty()));
    assert_eq!(start(&world, "checkout", "v5", false).next, Next::Started);
}

#[test]
fn a_line_that_stands_already_is_not_told_again_by_the_next_rollback() {
    let world = World::with_rules("  stop_the_line: { rollbacks: 1, within: 1h }");
    super::machine::two_services(&world);
    let alarm = contract::Alarm {
        name: "High 5XX".to_owned(),
        state: "ALARM".to_owned(),
        changed_at: super::world::at(100),
        account: "123456789012".to_owned(),
        arn: None,
        dimensions: Vec::new(),
    };
    back(&world, Rollback::Alarms(vec![alarm.clone()])).unwrap();
    world.advance(36);
    back(&world, Rollback::Alarms(vec![alarm])).unwrap();
    let told = world.milestones();
    assert_eq!(told.iter().filter(|milestone| *milestone == "rolled_back").count(), 2);
    assert_eq!(stops_told(&world), 1, "{told:?}");
    let Line::Stopped { why, .. } = world.with(|state| state.control.line.clone()) else { panic!("it runs") };
    assert_eq!(why, "1 rollbacks within 60 min");
}

#[test]
fn a_person_stops_and_resumes_the_line_and_twice_is_once() {
    let world = World::new();
    let says = back(&world, line(true, "ann")).unwrap().reason;
    assert!(
        says.starts_with("the line of environment staging was stopped at ")
            && says.ends_with(" by ann: incident 7"),
        "{says}"
    );
    world.advance(60);
    assert_eq!(back(&world, line(true, "bob")).unwrap().reason, says, "the first reason stays");
    let refused = start(&world, "checkout", "v2", false);
    assert_eq!(refused.next, Next::Refused);
    assert!(refused.reason.contains("by ann (incident 7): resume it first"), "{}", refused.reason);
    for _ in 0..2 {
        assert_eq!(back(&world, line(false, "bob")).unwrap().reason, "the line of environment staging runs");
    }
    assert_eq!(world.with(|state| state.control.version), 2);
    assert_eq!(start(&world, "checkout", "v3", false).next, Next::Started);
}

#[test]
fn a_line_that_others_change_at_the_same_time_is_changed_after_them() {
    let world = World::new();
    // Between the read and the write.
    world.before(2, |world| {
        world.with(|state| state.control.version += 1);
    });
    back(&world, line(true, "ann")).unwrap();
    assert!(matches!(world.with(|state| state.control.line.clone()), Line::Stopped { .. }));
    assert_eq!(world.log(), ["control", "set_control", "control", "set_control"]);
}

#[test]
fn a_stop_is_told_once_whatever_call_goes_wrong() {
    // The second rollback, from its decision on.
    let ready = || {
        let world = stops_after_two();
        fails(&world, "checkout", "v2");
        let begin = request(asked("search", "v3", "v3"), "two");
        run(start_deploy(&world).call(begin)).unwrap().unwrap();
        world.in_order();
        world
    };
    let alarm = contract::Alarm {
        name: "High 5XX".to_owned(),
        state: "ALARM".to_owned(),
        changed_at: super::world::at(80_000),
        account: "123456789012".to_owned(),
        arn: None,
        dimensions: Vec::new(),
    };
    let play = |world: &World| {
        let mut waits = 0;
        loop {
            let request = Rollback::Alarms(vec![alarm.clone()]);
            task(world, 4, &rollback(world), &request).unwrap();
            task(world, 4, &rollback(world), &Rollback::Sweep).unwrap();
            if world.with(|state| state.rollouts.values().all(rollout::Rollout::is_at_rest)) {
                return;
            }
            world.advance(300);
            waits += 1;
            assert!(waits < 6);
        }
    };
    let undisturbed = ready();
    play(&undisturbed);
    let calls = undisturbed.calls();
    assert!(undisturbed.log().contains(&"active") && undisturbed.log().contains(&"set_control"));
    for fault in FAULTS {
        for call in 1..=calls {
            let world = ready();
            world.fail(call, fault);
            play(&world);
            let at_last = (stops_told(&world), world.with(|state| state.control.rollbacks.len()));
            assert_eq!(at_last, (1, 2), "{fault:?} at call {call} of {calls}");
        }
    }
}

#[test]
fn a_version_that_was_rolled_back_does_not_come_back_by_itself() {
    let world = World::new();
    world.with(|state| state.green_errors = 60);
    fails(&world, "checkout", "v2");
    let Barred::Version { version, why, .. } =
        world.with(|state| state.targets.values().next().unwrap().barred.clone())
    else {
        panic!("not barred")
    };
    assert_eq!(version, "v2".parse::<Version>().unwrap());
    assert!(why.contains("canary fails"), "{why}");
    let refused = start(&world, "checkout", "v2", false);
    assert_eq!(refused.next, Next::Refused);
    assert!(refused.reason.starts_with("refused: version v2 was rolled back before ("), "{}", refused.reason);
    assert!(
        refused.reason.ends_with("roll out another one, or ask for this one with lift_bar"),
        "{}",
        refused.reason
    );
    assert_eq!(start(&world, "search", "v2", false).next, Next::Started, "another service's version");
    assert_eq!(start(&world, "checkout", "v2", true).next, Next::Started, "a person wants it");
}

#[test]
fn another_version_may_start_and_its_promotion_lifts_the_bar() {
    let world = World::new();
    world.with(|state| state.green_errors = 60);
    fails(&world, "checkout", "v2");
    world.with(|state| state.green_errors = 0);
    assert_eq!(execute(&world, &request(asked("checkout", "v3", "r3"), "three")), End::Promoted);
    let barred = world.with(|state| state.targets.values().next().unwrap().barred.clone());
    assert_eq!(barred, Barred::Nothing);
}

#[test]
fn a_rollback_that_a_person_asked_for_bars_nothing() {
    let world = World::new();
    super::machine::baking(&world);
    for _ in 0..2 {
        let ask = Rollback::Requested {
            rollout: world.only_rollout().id,
            epoch: None,
            by: "alice".to_owned(),
            reason: "wrong day".to_owned(),
        };
        back(&world, ask).unwrap();
        world.advance(36);
    }
    assert_eq!(world.only_rollout().phase.name(), "rolled_back");
    assert_eq!(world.with(|state| state.control.rollbacks.len()), 0);
    assert_eq!(start(&world, "checkout", "v2", false).next, Next::Started);
}
