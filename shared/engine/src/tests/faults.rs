//! A whole rollout with one call gone wrong, for every call and every way to go wrong, ends as the undisturbed one.

use contract::{Alarm, Rollback};
use rollout::{Barred, CleanUp, Lease, Phase, Probe, Version};

use super::machine::{End, baking, clean_up, execute, pipeline, request, rollback, task};
use super::world::{FAULTS, State, World};
use crate::history::first_break;

/// What counts at the end; the history of the way there may differ.
#[derive(Debug, PartialEq)]
struct Outcome {
    end: End,
    phase: &'static str,
    cleaned: bool,
    epoch: u64,
    green: u8,
    live: rollout::Colour,
    free: bool,
    up: (Option<Version>, Option<Version>),
    milestones: Vec<String>,
    unfinished: usize,
    /// How many rollbacks count against the line, and whether the version may come back.
    counted: usize,
    barred: bool,
}

fn outcome(end: End, state: &State) -> Outcome {
    let (rollout, target) = (state.rollouts.values().next().unwrap(), state.targets.values().next().unwrap());
    let records = &state.history[&rollout.id];
    assert_eq!(first_break(records), None);
    assert_eq!(records.last().unwrap().hash, rollout.head);
    assert_eq!(rollout::invariants(rollout), Ok(()));
    Outcome {
        end,
        phase: rollout.phase.name(),
        cleaned: matches!(rollout.phase, Phase::Promoted { clean_up: CleanUp::Done { .. }, .. }),
        epoch: target.epoch.0,
        green: state.green.last().unwrap().1,
        live: target.live,
        free: target.lease == Lease::Free,
        up: (state.blue_up.clone(), state.green_up.clone()),
        milestones: state.published.iter().map(|outcome| outcome.milestone.clone()).collect(),
        unfinished: rollout.pending.len(),
        counted: state.control.rollbacks.len(),
        barred: target.barred != Barred::Nothing,
    }
}

fn play(world: &World) -> Outcome {
    let end = execute(world, &request(pipeline("1", "SUCCEEDED"), "one"));
    clean_up(world);
    outcome(end, &world.snapshot())
}

/// A baking rollout whose execution is gone: nothing but SNS and the schedule still know of it.
fn abandoned() -> World {
    let world = World::new();
    baking(&world);
    world.in_order();
    world
}

fn rounds(world: &World, requests: &[Rollback]) -> Outcome {
    for _ in 0..4 {
        for request in requests {
            task(world, 4, &rollback(world), request).unwrap();
        }
        world.advance(300);
    }
    outcome(End::RolledBack, &world.snapshot())
}

fn swept(world: &World) -> Outcome {
    world.advance(31 * 60);
    rounds(world, &[Rollback::Sweep])
}

fn alarmed(world: &World) -> Outcome {
    let alarm = Alarm {
        name: "High 5XX".to_owned(),
        state: "ALARM".to_owned(),
        changed_at: super::world::at(100),
        account: "123456789012".to_owned(),
        arn: Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:it".to_owned()),
        dimensions: Vec::new(),
    };
    rounds(world, &[Rollback::Alarms(vec![alarm]), Rollback::Sweep])
}

fn sweep(make: fn() -> World, expected: &Outcome) {
    sweep_over(make, play, expected, &[]);
}

/// Every call of a way, wrong in every way. The way has to make these calls, so that none of them goes untested.
fn sweep_over(make: fn() -> World, play: fn(&World) -> Outcome, expected: &Outcome, calls_made: &[&str]) {
    let undisturbed = make();
    assert_eq!(play(&undisturbed), *expected);
    let calls = undisturbed.calls();
    assert!(calls > 12, "{calls}");
    for call in calls_made {
        assert!(undisturbed.log().contains(call), "{call} is not made");
    }
    for fault in FAULTS {
        for call in 1..=calls {
            let world = make();
            world.fail(call, fault);
            let disturbed = play(&world);
            assert!(world.happened(), "{fault:?} at call {call}");
            assert_eq!(disturbed, *expected, "{fault:?} at call {call} of {calls}");
        }
    }
}

fn v(version: &str) -> Version {
    version.parse().unwrap()
}

#[test]
fn a_good_version_is_promoted_and_the_old_colour_taken_down() {
    let expected = Outcome {
        end: End::Promoted,
        phase: "promoted",
        cleaned: true,
        epoch: 1,
        green: 100,
        live: rollout::Colour::Green,
        free: true,
        up: (None, Some(v("v2"))),
        milestones: ["started", "reached", "reached", "promoted"].map(str::to_owned).to_vec(),
        unfinished: 0,
        counted: 0,
        barred: false,
    };
    sweep_over(World::new, play, &expected, &["control", "admit", "forward", "set", "schedule", "take_down"]);

    let make = || {
        let world = World::with_approval();
        world.with(|state| state.approves = true);
        world
    };
    let milestones = ["started", "reached", "awaiting_approval", "reached", "promoted"];
    sweep(make, &Outcome { milestones: milestones.map(str::to_owned).to_vec(), ..expected });
}

fn back() -> Outcome {
    Outcome {
        end: End::RolledBack,
        phase: "rolled_back",
        cleaned: false,
        epoch: 2,
        green: 0,
        live: rollout::Colour::Blue,
        free: true,
        up: (Some(v("v1")), Some(v("v2"))),
        milestones: ["started", "reached", "rolling_back", "rolled_back"].map(str::to_owned).to_vec(),
        unfinished: 0,
        counted: 1,
        barred: true,
    }
}

#[test]
fn a_bad_version_is_rolled_back() {
    let make = || {
        let world = World::new();
        world.with(|state| state.green_errors = 60);
        world
    };
    sweep_over(make, play, &back(), &["set", "spent", "control", "set_control"]);
}

#[test]
fn a_rollout_that_nothing_drives_is_swept() {
    let expected = Outcome { counted: 0, barred: false, ..back() };
    sweep_over(abandoned, swept, &expected, &["active", "restore", "spent"]);
}

#[test]
fn an_alarm_is_obeyed_and_what_it_leaves_is_finished_by_the_sweep() {
    sweep_over(abandoned, alarmed, &back(), &["active", "restore", "spent", "set_control"]);
}

#[test]
fn an_approval_that_does_not_come_rolls_back() {
    let milestones = ["started", "reached", "awaiting_approval", "rolling_back", "rolled_back"];
    let milestones = milestones.map(str::to_owned).to_vec();
    sweep(World::with_approval, &Outcome { milestones, counted: 0, barred: false, ..back() });
}

#[test]
fn a_version_that_fails_its_smoke_tests_gets_no_traffic() {
    let make = || {
        let world = World::new();
        world.with(|state| state.probe = Probe::SmokeTestFailed("cart: HTTP 500".to_owned()));
        world
    };
    let milestones = ["started", "rolling_back", "rolled_back"].map(str::to_owned).to_vec();
    let undisturbed = make();
    assert_eq!(play(&undisturbed), Outcome { milestones, ..back() });
    assert!(undisturbed.with(|state| state.green.iter().all(|(_, green)| *green == 0)));
    sweep(make, &Outcome { milestones: undisturbed.milestones(), ..back() });
}
