//! The sweep of promote-step: what promoted rollouts still owe.

use contract::{CleanUpDue, ErrorName, Failure, Function, PromoteStep, PromoteStepNext, Rollback};
use rollout::{CleanUp, Effect, Lease, Phase, Rollout, Seconds, Version};

use super::machine::{asked, back, end_promoted, execute, promote_step, request, two_services};
use super::world::{FAULTS, Fault, World, run};

/// The time between two sweeps, as infra/template.yaml schedules them.
const PERIOD: u32 = 300;

fn sweep(world: &World) -> Result<String, Failure> {
    let reply = run(promote_step(world).call(PromoteStep::Sweep)).unwrap()?;
    assert_eq!((reply.next, reply.rollout_id.as_str()), (PromoteStepNext::Ended, ""));
    Ok(reply.reason)
}

fn owed(world: &World) -> Vec<&'static str> {
    let name = |effect: &Effect| match effect {
        Effect::ScheduleCleanUp { .. } => "schedule_clean_up",
        Effect::TakeDown(_) => "take_down",
        Effect::Publish(_) => "publish",
        other => panic!("{other:?}"),
    };
    world.only_rollout().pending.iter().map(|pending| name(&pending.effect)).collect()
}

fn clean_up(world: &World) -> CleanUp {
    match world.only_rollout().phase {
        Phase::Promoted { clean_up, .. } => clean_up,
        other => panic!("{other:?}"),
    }
}

fn due(world: &World) -> Seconds {
    let CleanUp::Scheduled { at, .. } = clean_up(world) else { panic!("{:?}", clean_up(world)) };
    Seconds::until(world.with(|state| state.now), at)
}

/// Promoted, and the reminder of its clean-up and the news of it are still in the outbox.
fn unheard() -> World {
    let world = World::new();
    end_promoted(&world);
    world.with(|state| {
        let rollout = state.rollouts.values_mut().next().unwrap();
        let Phase::Promoted { clean_up: CleanUp::Scheduled { at, attempt }, .. } = rollout.phase else {
            panic!("{:?}", rollout.phase)
        };
        let decided = rollout::Decided { at, weight: rollout.desired_weight(), epoch: rollout.epoch };
        let first = rollout.next_effect.0;
        let effects =
            [Effect::ScheduleCleanUp { at, attempt }, Effect::Publish(rollout::Milestone::Promoted)];
        rollout.pending = (first..)
            .map(rollout::EffectId)
            .zip(effects)
            .map(|(id, effect)| rollout::Pending { id, effect, decided })
            .collect();
        rollout.next_effect = rollout::EffectId(first + 2);
        state.scheduled.clear();
        state.published.clear();
    });
    world.in_order();
    world
}

#[test]
fn what_a_promotion_could_not_do_is_done_by_the_next_sweep() {
    let world = unheard();
    assert_eq!(sweep(&world).unwrap(), "1 promoted rollouts are not at rest, 0 of them were overdue");
    assert_eq!(owed(&world), ["schedule_clean_up", "publish"], "somebody may be at it");
    world.advance(PERIOD);
    assert_eq!(sweep(&world).unwrap(), "1 promoted rollouts are not at rest, 1 of them were overdue");
    assert_eq!((owed(&world), world.milestones()), (vec![], vec!["promoted".to_owned()]));
    assert_eq!(world.with(|state| state.scheduled.len()), 1);
    assert_eq!(sweep(&world).unwrap(), "1 promoted rollouts are not at rest, 0 of them were overdue");
    super::machine::clean_up(&world);
    assert_eq!(sweep(&world).unwrap(), "0 promoted rollouts are not at rest, 0 of them were overdue");
}

#[test]
fn rollback_leaves_to_promote_step_what_was_promoted() {
    let world = unheard();
    world.advance(24 * 3600);
    let before = world.snapshot();
    let reply = back(&world, Rollback::Sweep).unwrap();
    assert_eq!(reply.reason, "0 rollouts are not at rest, 0 of them were overdue");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn an_old_colour_that_nobody_was_reminded_of_is_looked_at_when_it_is_long_due() {
    let world = World::new();
    end_promoted(&world);
    world.advance(due(&world).0 + 15 * 60 - 1);
    let before = world.snapshot();
    sweep(&world).unwrap();
    assert_eq!(world.snapshot(), before, "the reminder may still come");
    world.advance(1);
    assert_eq!(sweep(&world).unwrap(), "1 promoted rollouts are not at rest, 1 of them were overdue");
    assert!(matches!(clean_up(&world), CleanUp::Done { .. }));
    assert_eq!((owed(&world), world.with(|state| state.blue_up.clone())), (vec![], None));
    // The reminder comes all the same.
    let (rollout_id, attempt, _) = world.with(|state| state.scheduled.pop()).unwrap();
    let before = world.snapshot();
    run(promote_step(&world).call(PromoteStep::CleanUp(CleanUpDue { rollout_id, attempt })))
        .unwrap()
        .unwrap();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn one_whose_reminder_was_never_made_is_looked_at_as_soon_as_it_is_due() {
    let world = unheard();
    // A client still reaches blue, whatever the rule says: it is looked at once more.
    world.with(|state| {
        state.green.iter_mut().filter(|(_, green)| *green == 100).for_each(|(_, green)| *green = 99);
    });
    world.advance(due(&world).0);
    sweep(&world).unwrap();
    assert!(matches!(clean_up(&world), CleanUp::Scheduled { attempt: 2, .. }));
    let scheduled: Vec<u32> = world.with(|state| state.scheduled.iter().map(|(_, look, _)| *look).collect());
    assert_eq!((scheduled, owed(&world)), (vec![2], vec![]), "of the look that was taken nobody is reminded");
    world.advance(due(&world).0 + 15 * 60);
    sweep(&world).unwrap();
    assert!(matches!(clean_up(&world), CleanUp::Kept { .. }));
    assert_eq!(world.milestones().last().map(String::as_str), Some("old_colour_kept"));
    assert!(world.only_rollout().is_at_rest());
}

fn promoted_twice() -> World {
    let world = World::new();
    end_promoted(&world);
    let second = request(asked("search", "v3", "r1"), "two");
    execute(&world, &second);
    world.with(|state| {
        assert!(state.rollouts.values().all(|rollout| rollout.phase.name() == "promoted"));
        assert_eq!(state.rollouts.len(), 2);
    });
    world.advance(2 * 3600);
    world.in_order();
    world
}

fn at_rest(world: &World) -> usize {
    world.with(|state| state.rollouts.values().filter(|rollout| rollout.is_at_rest()).count())
}

#[test]
fn one_that_cannot_be_finished_does_not_keep_the_others_from_it() {
    let undisturbed = promoted_twice();
    sweep(&undisturbed).unwrap();
    assert_eq!(at_rest(&undisturbed), 2);
    for fault in FAULTS {
        for call in 2..=undisturbed.calls() {
            let world = promoted_twice();
            world.fail(call, fault);
            let swept = run(promote_step(&world).call(PromoteStep::Sweep));
            assert!(world.happened(), "{fault:?} at call {call}");
            if fault == Fault::Refused {
                assert!(at_rest(&world) >= 1, "call {call}: {swept:?}");
            }
            world.in_order();
            for _ in 0..20 {
                world.advance(PERIOD);
                sweep(&world).unwrap();
            }
            assert_eq!(at_rest(&world), 2, "{fault:?} at call {call}");
        }
    }
}

#[test]
fn an_old_colour_whose_traffic_cannot_be_told_does_not_keep_the_news_back() {
    let world = unheard();
    world.advance(due(&world).0);
    let lease = world.with(|state| state.targets.values_mut().next().unwrap().lease.clone());
    assert_eq!(lease, Lease::Free);
    let (service, target) = world.with(|state| state.targets.pop_first()).unwrap();
    assert_eq!(sweep(&world).unwrap_err().name, ErrorName::PermanentError);
    assert_eq!((owed(&world), world.milestones()), (vec![], vec!["promoted".to_owned()]));
    world.with(|state| state.targets.insert(service, target));
    world.advance(PERIOD + 15 * 60);
    sweep(&world).unwrap();
    assert!(world.only_rollout().is_at_rest());
}

#[test]
fn what_is_under_way_or_was_rolled_back_is_not_promote_steps() {
    let world = World::new();
    two_services(&world);
    world.advance(24 * 3600);
    let before = world.snapshot();
    assert_eq!(sweep(&world).unwrap(), "0 promoted rollouts are not at rest, 0 of them were overdue");
    assert_eq!(world.snapshot(), before);
}

/// A colour that a later rollout has taken is neither taken down nor brought up by the one before.
#[test]
fn a_later_rollout_keeps_its_colour() {
    let world = World::new();
    end_promoted(&world);
    let second = request(asked("checkout", "v3", "r1"), "two");
    assert_eq!(execute(&world, &second), super::machine::End::Promoted);
    world.advance(2 * 3600);
    sweep(&world).unwrap();
    let v3: Version = "v3".parse().unwrap();
    assert_eq!(world.with(|state| (state.blue_up.clone(), state.green_up.clone())), (Some(v3), None));
    let kept = |rollout: &Rollout| matches!(&rollout.phase, Phase::Promoted { clean_up: CleanUp::Kept { reason }, .. } if reason.contains("later rollout"));
    assert_eq!(world.with(|state| state.rollouts.values().filter(|rollout| kept(rollout)).count()), 1);
    assert_eq!(at_rest(&world), 2);
}
