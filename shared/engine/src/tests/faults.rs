//! A whole rollout with one call gone wrong, for every call and every way to go wrong, ends as the undisturbed one.

use rollout::{CleanUp, Lease, Phase, Probe, Version};

use super::machine::{End, clean_up, execute, pipeline, request};
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
    }
}

fn play(world: &World) -> Outcome {
    let end = execute(world, &request(pipeline("1", "SUCCEEDED"), "one"));
    clean_up(world);
    outcome(end, &world.snapshot())
}

/// The most of a fault's weight that may be left anywhere: none.
fn sweep(make: fn() -> World, expected: &Outcome) {
    let undisturbed = make();
    assert_eq!(play(&undisturbed), *expected);
    let calls = undisturbed.calls();
    assert!(calls > 25, "{calls}");
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
    };
    sweep(World::new, &expected);
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
    }
}

#[test]
fn a_bad_version_is_rolled_back() {
    let make = || {
        let world = World::new();
        world.with(|state| state.green_errors = 60);
        world
    };
    sweep(make, &back());
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
