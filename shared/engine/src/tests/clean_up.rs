use contract::{CleanUpDue, Function, PromoteStep, PromoteStepNext};
use rollout::{CleanUp, Phase, Version};

use super::machine::{clean_up, end_promoted, pipeline, promote_step, request, start_deploy};
use super::world::{Fault, World, run};

fn state_of(world: &World) -> CleanUp {
    let promoted = world.with(|state| {
        state.rollouts.values().find_map(|rollout| match &rollout.phase {
            Phase::Promoted { clean_up, .. } => Some(clean_up.clone()),
            _ => None,
        })
    });
    promoted.expect("no promoted rollout")
}

fn due(world: &World) -> PromoteStep {
    let (rollout_id, attempt, at) = world.with(|state| state.scheduled.last().unwrap().clone());
    world.with(|state| state.now = state.now.max(at));
    PromoteStep::CleanUp(CleanUpDue { rollout_id, attempt })
}

fn next_rollout(world: &World) {
    let time = world.with(|state| state.now);
    let trigger = match pipeline("2", "SUCCEEDED") {
        contract::Trigger::Pipeline { pipeline, execution_id, attempt, state, origin } => {
            let origin = contract::Origin { time, ..origin };
            contract::Trigger::Pipeline { pipeline, execution_id, attempt, state, origin }
        }
        other => other,
    };
    let reply = run(start_deploy(world).call(request(trigger, "two"))).unwrap().unwrap();
    assert_eq!(reply.next, contract::StartDeployNext::Started, "{}", reply.reason);
}

fn v(version: &str) -> Version {
    version.parse().unwrap()
}

#[test]
fn a_quiet_old_colour_is_taken_down_once() {
    let world = World::new();
    end_promoted(&world);
    let request = due(&world);
    let reply = run(promote_step(&world).call(request.clone())).unwrap().unwrap();
    assert_eq!(reply.next, PromoteStepNext::Promoted);
    assert!(matches!(state_of(&world), CleanUp::Done { .. }));
    assert_eq!(world.with(|state| state.blue_up.clone()), None);
    let before = world.snapshot();
    run(promote_step(&world).call(request)).unwrap().unwrap();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_old_colour_that_still_serves_is_looked_at_again_and_then_kept() {
    let world = World::new();
    end_promoted(&world);
    // A client still reaches blue, whatever the rule says.
    world.with(|state| {
        state.green.iter_mut().filter(|(_, green)| *green == 100).for_each(|(_, green)| *green = 99);
    });
    let first = due(&world);
    run(promote_step(&world).call(first.clone())).unwrap().unwrap();
    assert!(matches!(state_of(&world), CleanUp::Scheduled { attempt: 2, .. }));
    let before = world.snapshot();
    run(promote_step(&world).call(first)).unwrap().unwrap();
    assert_eq!(world.snapshot(), before, "the first look again is no second look");
    let second = due(&world);
    run(promote_step(&world).call(second)).unwrap().unwrap();
    assert_eq!(state_of(&world), CleanUp::Kept { reason: "it still served 60 requests".to_owned() });
    assert_eq!(world.with(|state| state.blue_up.clone()), Some(v("v1")));
    assert_eq!(world.milestones().last().map(String::as_str), Some("old_colour_kept"));
}

#[test]
fn metrics_that_cannot_be_read_are_not_taken_for_quiet() {
    let world = World::new();
    end_promoted(&world);
    let request = due(&world);
    for call in 1..6 {
        world.fail(call, Fault::Refused);
        let _ = run(promote_step(&world).call(request.clone())).unwrap();
        if let CleanUp::Scheduled { attempt: 2, .. } = state_of(&world) {
            assert_eq!(world.with(|state| state.blue_up.clone()), Some(v("v1")));
            return;
        }
    }
    panic!("the metrics were never asked: {:?}", state_of(&world));
}

#[test]
fn a_colour_that_a_later_rollout_has_taken_is_left_alone() {
    let world = World::new();
    end_promoted(&world);
    let request = due(&world);
    next_rollout(&world);
    run(promote_step(&world).call(request)).unwrap().unwrap();
    let CleanUp::Kept { reason } = state_of(&world) else { panic!("{:?}", state_of(&world)) };
    assert!(reason.starts_with("rollout checkout-") && reason.ends_with("has taken it since"), "{reason}");
    assert_eq!(world.with(|state| state.blue_up.clone()), Some(v("v2")));
}

#[test]
fn a_rollout_that_begins_between_any_two_calls_of_a_clean_up_keeps_its_colour() {
    let calls = {
        let world = World::new();
        end_promoted(&world);
        world.in_order();
        let request = due(&world);
        run(promote_step(&world).call(request)).unwrap().unwrap();
        world.calls()
    };
    for call in 1..=calls {
        let world = World::new();
        end_promoted(&world);
        let request = due(&world);
        world.before(call, next_rollout);
        let first = run(promote_step(&world).call(request.clone())).unwrap();
        assert!(world.happened());
        if first.is_err() {
            run(promote_step(&world).call(request)).unwrap().unwrap();
        }
        assert_eq!(world.with(|state| state.blue_up.clone()), Some(v("v2")), "before call {call}");
    }
}

#[test]
fn a_clean_up_that_died_before_the_take_down_does_not_take_down_what_came_after() {
    let calls = {
        let world = World::new();
        end_promoted(&world);
        world.in_order();
        let request = due(&world);
        run(promote_step(&world).call(request)).unwrap().unwrap();
        world.calls()
    };
    for call in 1..=calls {
        let world = World::new();
        end_promoted(&world);
        let request = due(&world);
        world.fail(call, Fault::KilledAfter);
        assert!(run(promote_step(&world).call(request.clone())).is_none());
        next_rollout(&world);
        let downs = world.with(|state| state.downs);
        run(promote_step(&world).call(request)).unwrap().unwrap();
        assert_eq!(world.with(|state| state.blue_up.clone()), Some(v("v2")), "killed after call {call}");
        assert_eq!(world.with(|state| state.downs), downs, "not even for a moment: killed after call {call}");
    }
}

#[test]
fn the_schedule_leads_to_the_end_of_every_clean_up() {
    let world = World::new();
    end_promoted(&world);
    clean_up(&world);
    assert!(world.only_rollout().pending.is_empty());
    assert!(matches!(state_of(&world), CleanUp::Done { .. }));
}
