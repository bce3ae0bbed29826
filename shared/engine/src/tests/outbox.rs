use contract::{ErrorName, Function, PromoteStep, Rollback, RollbackNext};
use rollout::Phase;

use super::machine::{End, execute, pipeline, promote_step, request, rollback, started, turn};
use super::world::{World, run};
use crate::ports::Measure;

#[test]
fn those_who_want_to_know_do_not_hold_a_rollout_up_and_hear_all_of_it_in_order_later() {
    let world = World::new();
    world.with(|state| state.deaf = true);
    started(&world);
    super::machine::check(&world);
    super::machine::promote(&world);
    assert_eq!((world.green(), world.milestones().len(), world.only_rollout().pending.len()), (10, 0, 2));
    world.with(|state| state.deaf = false);
    run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap().unwrap();
    assert_eq!(world.milestones(), ["started", "reached"]);
    assert!(world.only_rollout().pending.is_empty());
}

/// Told when the rollout is elsewhere already, and again after an answer was lost: the same facts each time.
#[test]
fn what_is_told_late_or_again_is_told_as_it_was_decided() {
    let prompt = World::new();
    started(&prompt);
    super::machine::check(&prompt);
    super::machine::promote(&prompt);
    let told = prompt.with(|state| state.published.clone());
    let facts: Vec<_> =
        told.iter().map(|outcome| (&*outcome.milestone, outcome.weight, outcome.epoch.0)).collect();
    assert_eq!(facts, [("started", 0, 1), ("reached", 10, 1)]);

    let late = World::new();
    late.with(|state| state.deaf = true);
    started(&late);
    super::machine::check(&late);
    super::machine::promote(&late);
    late.advance(500);
    late.with(|state| state.alarm(crate::ports::AlarmState::Alarm));
    super::machine::check(&late);
    assert!(late.only_rollout().phase.is_rollback() && late.only_rollout().epoch.0 == 2);
    late.with(|state| state.deaf = false);
    let request = Rollback::Execution {
        execution: late.only_rollout().execution,
        rollout: Some(late.only_rollout().id),
        error: None,
    };
    run(rollback(&late).call(request)).unwrap().unwrap();
    let all = late.with(|state| state.published.clone());
    assert_eq!(all[..2], told);
    let back = &all[2];
    assert_eq!((&*back.milestone, back.weight, back.epoch.0), ("rolling_back", 0, 2));
}

#[test]
fn what_comes_later_is_not_told_before_what_failed_to_be_told() {
    let mut partly = 0;
    for call in 1..8 {
        let world = World::new();
        world.with(|state| state.deaf = true);
        started(&world);
        super::machine::check(&world);
        super::machine::promote(&world);
        world.with(|state| state.deaf = false);
        world.fail(call, super::world::Fault::Refused);
        let _ = run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap();
        partly += u32::from(world.milestones() != ["started", "reached"]);
        world.in_order();
        run(promote_step(&world).call(PromoteStep::Advance(turn(&world)))).unwrap().unwrap();
        assert_eq!(world.milestones(), ["started", "reached"], "call {call}");
    }
    assert!(partly >= 2, "{partly}");
}

#[test]
fn a_rollback_reaches_its_end_unheard_and_then_asks_to_be_called_until_it_is_heard() {
    let world = World::new();
    started(&world);
    world.with(|state| state.deaf = true);
    let ask = || {
        let request = Rollback::Requested {
            rollout: world.only_rollout().id,
            epoch: None,
            by: "alice".to_owned(),
            reason: "no".to_owned(),
        };
        run(rollback(&world).call(request)).unwrap()
    };
    assert_eq!(ask().unwrap().next, RollbackNext::Settle);
    world.advance(36);
    assert_eq!(ask().unwrap_err().name, ErrorName::TransientError);
    assert!(matches!(world.only_rollout().phase, Phase::RolledBack { .. }));
    assert_eq!(ask().unwrap_err().name, ErrorName::TransientError);
    world.with(|state| state.deaf = false);
    assert_eq!(ask().unwrap().next, RollbackNext::RolledBack);
    assert_eq!(world.milestones(), ["started", "rolling_back", "rolled_back"]);
}

#[test]
fn what_is_published_is_counted() {
    let world = World::new();
    assert_eq!(execute(&world, &request(pipeline("1", "SUCCEEDED"), "one")), End::Promoted);
    let measures = world.with(|state| state.measures.clone());
    let count = |wanted: fn(&Measure) -> bool| measures.iter().filter(|measure| wanted(measure)).count();
    assert_eq!(count(|measure| *measure == Measure::Started), 1);
    assert_eq!(count(|measure| *measure == Measure::Promoted), 1);
    assert_eq!(count(|measure| *measure == Measure::RolledBack), 0);
    assert_eq!(count(|measure| matches!(measure, Measure::Lasted(span) if span.is_positive())), 1);
    let latencies: Vec<_> = measures
        .iter()
        .filter_map(|measure| match measure {
            Measure::DecidedAfter(span) => Some(span.as_secs()),
            _ => None,
        })
        .collect();
    assert!(latencies.len() >= 2 && latencies.iter().all(|after| (60..180).contains(after)), "{latencies:?}");
}

#[test]
fn an_outcome_says_what_happened() {
    let world = World::new();
    execute(&world, &request(pipeline("1", "SUCCEEDED"), "one"));
    let outcomes = world.with(|state| state.published.clone());
    let told: Vec<(&str, &str, u8)> = outcomes
        .iter()
        .map(|outcome| (outcome.milestone.as_str(), outcome.detail.as_str(), outcome.weight))
        .collect();
    assert_eq!(
        told,
        [
            ("started", "v2 begins on green", 0),
            ("reached", "10 % of the requests go to v2", 10),
            ("reached", "100 % of the requests go to v2", 100),
            ("promoted", "v2 is live on green", 100),
        ]
    );
    for outcome in outcomes {
        let stored = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<crate::outcome::Outcome>(&stored).unwrap(), outcome);
    }
}
