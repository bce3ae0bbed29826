//! The policy gates, one by one and together.

use contract::{ErrorName, Failure, Function, Reply, StartDeployNext as Next, Trigger};
use rollout::*;

use super::machine::{environment, origin, pipeline, request, start_deploy};
use super::world::{CONFIGURATION, Fault, State, World, at, run};
use crate::below::{Ended, Ending, Seen, Serving, Stay};
use crate::gates::{Findings, GateState, Gates, Question, Standing};
use crate::ports::{AlarmState, PortError};

const SOAK: &str = "promotion: { after: development, soak: { time: 2h, requests: 1000 } }\n";

fn world(blocks: &str) -> World {
    World::of(&format!("{CONFIGURATION}{blocks}"))
}

fn serving(colour: Colour) -> Serving {
    Serving { colour, target_group: "tg".to_owned(), load_balancer: "lb".to_owned() }
}

fn promoted(id: &str, version: &str, second: i64) -> Ended {
    let ending = Ending::Promoted(serving(Colour::Green));
    Ended { rollout: id.parse().unwrap(), version: version.parse().unwrap(), at: at(second), ending }
}

fn rolled_back(id: &str, version: &str, second: i64, blames_the_version: bool) -> Ended {
    let ending = Ending::RolledBack { why: "5 % errors".to_owned(), blames_the_version };
    Ended { ending, ..promoted(id, version, second) }
}

fn override_of(gates: &[GateName]) -> Overridden {
    Overridden::new(gates.to_vec(), "ann".to_owned(), "hot fix".to_owned()).unwrap()
}

/// What the gates say of version v2 of checkout.
fn asked(world: &World, overridden: Option<&Overridden>) -> Findings {
    let configuration = world.with(|state| state.configurations.last().unwrap().configuration.clone());
    let service: ServiceName = "checkout".parse().unwrap();
    let plan = configuration.plan(&environment(), &service, "v2".parse().unwrap(), None).unwrap();
    let target = world
        .with(|state| state.targets.get(&service).cloned())
        .unwrap_or_else(|| Target::untouched(environment(), service));
    let gates =
        Gates { store: world, below: world, served: world, traffic: world, fleet: world, alarms: world };
    let now = world.with(|state| state.now);
    let question = Question {
        configuration: &configuration,
        plan: &plan,
        target: &target,
        lift_bar: false,
        overridden,
        now,
    };
    run(gates.evaluate(&question)).unwrap()
}

/// The only closed gate: its reason, and when it passes.
fn closed(world: &World, gate: GateName) -> (String, Option<i64>) {
    let findings = asked(world, None);
    let closed: Vec<&GateState> = findings.closed().collect();
    let [GateState { gate: found, standing: Standing::Closed { reason, passes } }] = &closed[..] else {
        panic!("{findings:?}")
    };
    assert_eq!(*found, gate, "{reason}");
    assert_eq!(findings.refusal().as_ref(), Some(reason));
    let passes = passes.map(|passes| passes.duration_since(at(0)).as_secs());
    (reason.clone(), passes)
}

fn assert_open(world: &World) {
    let findings = asked(world, None);
    assert_eq!((findings.refusal(), &findings.unknown), (None, &Vec::new()));
    assert!(findings.rule.is_some());
    let gates: Vec<GateName> = findings.states.iter().map(|state| state.gate).collect();
    assert_eq!(gates, GateName::ALL);
}

#[test]
fn every_closed_gate_is_told_and_what_each_of_them_asks_for() {
    let world = world(&format!(
        "{SOAK}freeze: [{{ name: always, days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], \
         from: 00:00, to: 00:00, zone: UTC }}]\n"
    ));
    let service: ServiceName = "checkout".parse().unwrap();
    world.with(|state| {
        state.control = state.control.stopped("dana".to_owned(), "incident".to_owned(), at(0));
        state.control = state.control.frozen(Some(at(60)), "dana".to_owned(), "sale".to_owned(), at(0));
        state.admits = Err("the rule is sticky: turn it off".to_owned());
        state.alarm(AlarmState::Alarm);
        state.blue_up = None;
        let lease = Lease::Held { by: "checkout-1".parse().unwrap(), until: at(60) };
        let why = "5 % errors".to_owned();
        let barred = Barred::Version { version: "v2".parse().unwrap(), since: at(0), why };
        let target = Target { lease, barred, ..Target::untouched(environment(), service.clone()) };
        state.targets.insert(service, target);
    });
    let findings = asked(&world, None);
    let gates: Vec<GateName> = findings.closed().map(|state| state.gate).collect();
    assert_eq!(gates, GateName::ALL);
    let refusal = findings.refusal().unwrap();
    for says in [
        "rollout checkout-1 holds service checkout",
        "; the line of environment staging was stopped",
        "; environment staging is frozen until 2026-05-28T20:27:40Z by dana",
        "; environment staging is frozen for more than a year by its configuration (always): start it afterwards, or",
        "; version v2 was rolled back before (5 % errors)",
        "; version v2 was not promoted in environment development: promote it there first, or override",
        "; the rule is sticky: turn it off; the live colour blue could not take a rollback",
        "; guardrail High 5XX is in ALARM",
    ] {
        assert!(refusal.contains(says), "{says}: {refusal}");
    }
    let freeze = findings.states.iter().find(|state| state.gate == GateName::Freeze).unwrap();
    assert!(matches!(freeze.standing, Standing::Closed { passes: None, .. }), "the window has no end");
    let both = override_of(&[GateName::Freeze, GateName::Promotion]);
    let gates: Vec<GateName> = asked(&world, Some(&both)).states.iter().map(|state| state.gate).collect();
    assert_eq!(gates.len(), 6);
    assert!(!gates.contains(&GateName::Freeze) && !gates.contains(&GateName::Promotion));
}

#[test]
fn a_freeze_passes_when_the_last_of_its_windows_and_of_people_ends() {
    // The world begins at 2026-05-28T20:26:40Z, a Thursday.
    let night =
        "freeze:\n  - { name: night, days: [thursday], from: 22:00, to: 06:00, zone: Europe/Berlin }\n";
    let world = world(night);
    let (reason, passes) = closed(&world, GateName::Freeze);
    assert_eq!(
        reason,
        "environment staging is frozen until 2026-05-29T04:00:00Z by its configuration (night): start it \
         afterwards, or override freeze with a reason"
    );
    assert_eq!(passes, Some(27_200));
    let person = |until: Option<i64>| {
        world.with(|state| {
            let until = until.map(at);
            state.control = Control::default().frozen(until, "dana".to_owned(), "sale".to_owned(), at(0));
        });
        closed(&world, GateName::Freeze).1
    };
    assert_eq!(person(Some(60)), Some(27_200));
    assert_eq!(person(Some(90_000)), Some(90_000));
    assert_eq!(person(None), None);
    world.with(|state| state.control = Control::default());
    world.advance(27_199);
    assert_eq!(closed(&world, GateName::Freeze).1, Some(27_200));
    world.advance(1);
    assert_open(&world);
}

#[test]
fn a_version_comes_only_after_it_was_promoted_and_soaked_below() {
    let world = world(SOAK);
    let (reason, passes) = closed(&world, GateName::Promotion);
    assert!(
        reason.contains("was not promoted in environment development: promote it there first"),
        "{reason}"
    );
    assert_eq!(passes, None);
    world.with(|state| state.below = vec![promoted("b-1", "v2", -60), promoted("b-0", "v1", -9000)]);
    let (reason, passes) = closed(&world, GateName::Promotion);
    assert!(reason.contains("and has to for 2h: start it at 2026-05-28T22:25:40Z or later"), "{reason}");
    assert_eq!(passes, Some(7140));
    world.advance(7139);
    assert_eq!(closed(&world, GateName::Promotion).1, Some(7140));
    world.advance(1);
    world.with(|state| state.served = [("b-1".parse().unwrap(), 999)].into());
    let (reason, passes) = closed(&world, GateName::Promotion);
    assert!(
        reason.contains("999 of the 1000 requests") && reason.contains("1 are missing: start it when"),
        "{reason}"
    );
    assert_eq!(passes, None);
    world.with(|state| state.served = [("b-1".parse().unwrap(), 1000)].into());
    assert_open(&world);
}

#[test]
fn what_was_replaced_below_counts_for_as_long_as_it_served() {
    let world = world(SOAK);
    // v2 served for 7200 seconds, and v3 has since.
    let ends = |lasted: i64| vec![promoted("b-2", "v3", -100), promoted("b-1", "v2", -100 - lasted)];
    world.with(|state| {
        state.below = ends(7199);
        state.served = [("b-1".parse().unwrap(), 5000), ("b-2".parse().unwrap(), 5000)].into();
    });
    let (reason, passes) = closed(&world, GateName::Promotion);
    assert!(
        reason.contains(
            "for 7199 s, until another one was promoted, and has to for 2h: promote it there again"
        )
    );
    assert_eq!(passes, None, "time alone does not open it");
    world.with(|state| state.below = ends(7200));
    assert_open(&world);
    world.with(|state| state.served.clear());
    let (reason, _) = closed(&world, GateName::Promotion);
    assert!(reason.contains("1000 are missing: promote it there again"), "{reason}");
    // It is back since a minute, and was soaked before: each stay counts for itself.
    world.with(|state| {
        state.below.push(promoted("b-3", "v2", -60));
        state.served = [("b-1".parse().unwrap(), 1000)].into();
    });
    assert_open(&world);
    world.with(|state| {
        state.below =
            vec![promoted("b-3", "v2", -60), promoted("b-2", "v3", -100), promoted("b-1", "v2", -200)];
    });
    assert_eq!(closed(&world, GateName::Promotion).1, Some(7140));
}

#[test]
fn a_version_that_was_found_bad_below_has_to_be_promoted_there_again() {
    let bad = |id, second| rolled_back(id, "v2", second, true);
    let version: Version = "v2".parse().unwrap();
    let stays = |ended: Vec<Ended>| match Seen::of(&version, ended) {
        Seen::Promoted(stays) => stays.into_iter().map(|stay| stay.rollout.to_string()).collect(),
        Seen::RolledBack { rollout, .. } => vec![format!("bad {rollout}")],
        Seen::Never => Vec::new(),
    };
    assert_eq!(stays(vec![bad("b-1", 0)]), ["bad b-1"]);
    assert_eq!(stays(vec![promoted("b-1", "v2", 0), bad("b-2", 9)]), ["bad b-2"]);
    assert_eq!(stays(vec![promoted("b-2", "v2", 9), bad("b-1", 5), promoted("b-0", "v2", 0)]), ["b-2"]);
    assert_eq!(stays(vec![promoted("b-1", "v2", 0), rolled_back("b-2", "v2", 9, false)]), ["b-1"]);
    assert_eq!(stays(vec![promoted("b-1", "v2", 0), rolled_back("b-2", "v3", 9, true)]), ["b-1"]);
    assert_eq!(stays(vec![rolled_back("b-2", "v2", 9, false), promoted("b-1", "v3", 0)]), [""; 0]);
    // Taken back: the version before it serves again.
    let mut taken_back = vec![promoted("b-3", "v1", 9), promoted("b-2", "v2", 5), promoted("b-1", "v1", 0)];
    assert_eq!(stays(taken_back.clone()), ["bad b-3"]);
    taken_back.push(promoted("b-4", "v2", 20));
    assert_eq!(stays(taken_back), ["b-4"]);
    let world = world(SOAK);
    world.with(|state| {
        state.below = vec![promoted("b-1", "v2", -9000), bad("b-2", -50)];
        state.served = [("b-1".parse().unwrap(), 5000)].into();
    });
    let (reason, passes) = closed(&world, GateName::Promotion);
    assert!(
        reason.contains("v2 was rolled back in environment development at 2026-05-28T20:25:50Z by rollout b-2 (5 % errors): promote"),
        "{reason}"
    );
    assert_eq!(passes, None);
}

#[test]
fn how_a_rollout_ended_is_read_from_its_state() {
    let world = World::new();
    super::machine::baking(&world);
    let rollout = world.only_rollout();
    assert_eq!(Ended::of(&rollout), None);
    let with = |phase| Ended::of(&Rollout { phase, ..rollout.clone() }).map(|ended| (ended.at, ended.ending));
    let serving = Serving {
        colour: Colour::Green,
        target_group: "green-tg".to_owned(),
        load_balancer: "lb".to_owned(),
    };
    let clean_up = CleanUp::Done { at: at(9) };
    assert_eq!(with(Phase::Promoted { at: at(5), clean_up }), Some((at(5), Ending::Promoted(serving))));
    let back = |cause: Cause| match with(Phase::RolledBack { cause, at: at(7) }) {
        Some((_, Ending::RolledBack { blames_the_version, .. })) => blames_the_version,
        other => panic!("{other:?}"),
    };
    assert!(back(Cause::NeverReady("503".to_owned())));
    assert!(!back(Cause::Requested { by: "ann".to_owned(), reason: "not today".to_owned() }));
    assert_eq!(with(Phase::Refused { reason: String::new(), at: at(7) }), None);
    let stay = Stay {
        rollout: rollout.id,
        since: at(5),
        until: None,
        serving: Serving { colour: Colour::Blue, target_group: String::new(), load_balancer: String::new() },
    };
    assert_eq!((stay.end(at(9)), stay.lasted(at(9)).as_secs()), (at(9), 4));
}

fn wanted(overridden: Option<Overridden>, id: &str) -> Trigger {
    Trigger::Requested {
        service: "checkout".parse().unwrap(),
        version: "v2".parse().unwrap(),
        strategy: None,
        by: "ann".to_owned(),
        lift_bar: false,
        overridden,
        request_id: id.to_owned(),
        origin: origin(),
    }
}

fn deploy(world: &World, trigger: Trigger, execution: &str) -> Result<Reply<Next>, Failure> {
    run(start_deploy(world).call(request(trigger, execution))).unwrap()
}

#[test]
fn an_overridden_gate_is_not_asked_and_who_did_so_stays_in_the_history() {
    let world = world(SOAK);
    assert_eq!(deploy(&world, wanted(None, "r1"), "one").unwrap().next, Next::Refused);
    // The reason to override may be that the environment below cannot be asked.
    let overridden = override_of(&[GateName::Promotion]);
    world.in_order();
    let reply = deploy(&world, wanted(Some(overridden.clone()), "r2"), "two").unwrap();
    assert_eq!(reply.next, Next::Started, "{}", reply.reason);
    assert!(!world.log().contains(&"ended"), "{:?}", world.log());
    let history = world.with(|state| state.history[&reply.rollout_id.parse().unwrap()].clone());
    assert!(matches!(
        &history[0].event,
        Event::Started { by, overridden: Some(found), .. } if by == "ann" && *found == overridden
    ));
}

/// The answer to an event is one, however often it comes and whatever has become of the gates.
#[test]
fn a_refusal_by_a_gate_stands_for_its_event() {
    let world = world(SOAK);
    let first = deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap();
    assert_eq!(first.next, Next::Refused);
    world.with(|state| {
        state.below = vec![promoted("b-1", "v2", -9000)];
        state.served = [("b-1".parse().unwrap(), 5000)].into();
    });
    assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap(), first);
    let again = deploy(&world, pipeline("1", "SUCCEEDED"), "two").unwrap();
    assert_eq!(again.next, Next::Duplicate);
    assert!(again.reason.contains("was not promoted in environment development"), "{}", again.reason);
    assert_eq!(deploy(&world, pipeline("2", "SUCCEEDED"), "three").unwrap().next, Next::Started);
}

/// Nobody is refused for good because something could not be asked, unless a gate before it is closed.
#[test]
fn what_cannot_be_asked_is_an_error_and_no_refusal() {
    type Change = fn(&mut State);
    let before: [(Change, bool); 2] = [
        (|_| {}, false),
        (|state| state.control = state.control.stopped("d".to_owned(), "i".to_owned(), at(0)), true),
    ];
    for (change, refused) in before {
        for call in ["ended", "requests", "admit", "healthy", "states"] {
            let fresh = || {
                let world = world(SOAK);
                world.with(|state| {
                    state.below = vec![promoted("b-1", "v2", -9000)];
                    state.served = [("b-1".parse().unwrap(), 5000)].into();
                    change(state);
                });
                world
            };
            let log = {
                let world = fresh();
                deploy(&world, wanted(None, "r1"), "one").unwrap();
                world.log()
            };
            let number = log.iter().position(|name| *name == call).unwrap() + 1;
            let world = fresh();
            world.fail(u32::try_from(number).unwrap(), Fault::Refused);
            let answer = deploy(&world, wanted(None, "r1"), "one");
            match answer {
                Ok(reply) => {
                    assert!(refused && reply.next == Next::Refused, "{call}: {}", reply.reason);
                    assert!(reply.reason.contains("the line of environment"), "{call}: {}", reply.reason);
                }
                Err(failure) => {
                    assert!(!refused && failure.name == ErrorName::TransientError, "{call}: {failure}");
                    assert!(world.with(|state| state.rollouts.is_empty()));
                }
            }
        }
    }
    let itself = world("promotion: { after: staging }\n");
    let Findings { unknown, states, .. } = asked(&itself, None);
    let [(GateName::Promotion, PortError::Permanent { detail, .. })] = &unknown[..] else {
        panic!("{unknown:?}")
    };
    assert!(detail.contains("this environment itself"), "{detail}");
    // The others are told all the same.
    let unknown = |state: &GateState| matches!(state.standing, Standing::Unknown { .. });
    let asked: Vec<(GateName, bool)> = states.iter().map(|state| (state.gate, unknown(state))).collect();
    assert_eq!(asked, GateName::ALL.map(|gate| (gate, gate == GateName::Promotion)));
}
