use contract::{ErrorName, Failure, Function, Origin, Reply, StartDeployNext as Next, Trigger};
use rollout::{Lease, Phase, Seconds};

use super::machine::{baking, origin, pipeline, request, start_deploy, started};
use super::world::{State, World, at, run};
use crate::ports::AlarmState;

fn deploy(world: &World, trigger: Trigger, execution: &str) -> Result<Reply<Next>, Failure> {
    run(start_deploy(world).call(request(trigger, execution))).unwrap()
}

fn requested(service: &str, id: &str, origin: Origin) -> Trigger {
    Trigger::Requested {
        service: service.parse().unwrap(),
        version: "v3".parse().unwrap(),
        strategy: Some(rollout::Strategy::BlueGreen),
        by: "alice".to_owned(),
        lift_bar: false,
        overridden: None,
        request_id: id.to_owned(),
        origin,
    }
}

/// What may not change when nothing is done.
fn written(state: &State) -> (usize, usize, usize, usize, usize) {
    let records = state.history.values().map(Vec::len).sum();
    (state.rollouts.len(), records, state.targets.len(), state.published.len(), state.green.len())
}

#[test]
fn a_delivered_version_starts_a_rollout_that_holds_its_service() {
    let world = World::new();
    let reply = deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap();
    assert_eq!((reply.next, reply.epoch, reply.wait_seconds), (Next::Started, 1, 1));
    assert_eq!((reply.environment.as_str(), reply.service.as_str()), ("staging", "checkout"));
    let rollout = world.only_rollout();
    assert_eq!(rollout.id.as_str(), reply.rollout_id);
    assert_eq!(rollout.phase, Phase::Preparing { attempts: 0 });
    assert_eq!(rollout.plan.version.as_str(), "v2");
    assert!(rollout.pending.is_empty());
    let state = world.snapshot();
    assert_eq!(state.green_up, Some("v2".parse().unwrap()));
    assert_eq!(world.milestones(), ["started"]);
    let target = &state.targets[&"checkout".parse().unwrap()];
    assert!(matches!(&target.lease, Lease::Held { by, .. } if *by == rollout.id));
}

#[test]
fn an_event_told_again_finds_the_rollout_it_started() {
    let world = World::new();
    let first = deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap();
    let before = world.snapshot();
    // Its own execution, whose reply was lost.
    assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap(), first);
    // Another execution: the event was delivered twice.
    let again = deploy(&world, pipeline("1", "SUCCEEDED"), "two").unwrap();
    assert_eq!((again.next, &again.rollout_id), (Next::Duplicate, &first.rollout_id));
    assert!(again.reason.contains("was started by this event before"), "{}", again.reason);
    assert_eq!(world.snapshot(), before);
    // A retried stage succeeds again: that is a new attempt, and the service is held.
    let Trigger::Pipeline { pipeline, execution_id, state, origin, .. } = pipeline("1", "SUCCEEDED") else {
        panic!("no pipeline")
    };
    let retried = Trigger::Pipeline { pipeline, execution_id, attempt: 2, state, origin };
    let other = deploy(&world, retried, "three").unwrap();
    assert_eq!(other.next, Next::Refused);
    assert_ne!(other.rollout_id, first.rollout_id);
    assert!(other.reason.contains(&format!("rollout {} holds service checkout", first.rollout_id)));
}

#[test]
fn a_rollout_that_is_rolled_back_already_is_not_started_again() {
    let world = World::new();
    baking(&world);
    world.with(|state| state.alarm(AlarmState::Alarm));
    super::machine::check(&world);
    assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap().next, Next::RollBack);
    assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "two").unwrap().next, Next::Duplicate);
}

#[test]
fn a_refusal_is_remembered_and_holds_nothing() {
    type Change = fn(&mut State);
    let cases: [(Change, &str); 4] = [
        (|state| state.alarm(AlarmState::Alarm), "guardrail High 5XX is in ALARM: start again when it is OK"),
        (|state| state.alarms.clear(), "guardrail High 5XX does not exist: create the alarm"),
        (|state| state.admits = Err("the rule is sticky".to_owned()), "the rule is sticky"),
        (|state| state.blue_up = None, "the live colour blue could not take a rollback: no healthy target"),
    ];
    for (change, says) in cases {
        let world = World::new();
        let good = world.snapshot();
        world.with(change);
        let refused = deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap();
        assert_eq!(refused.next, Next::Refused);
        assert!(refused.reason.contains(says), "{}", refused.reason);
        assert!(world.with(|state| state.targets.is_empty() && state.published.is_empty()));
        // The event again, when all would be well: the answer stands.
        world.with(|state| {
            state.alarms = good.alarms;
            state.admits = good.admits;
            state.blue_up = good.blue_up;
        });
        assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap(), refused);
        let again = deploy(&world, pipeline("1", "SUCCEEDED"), "two").unwrap();
        assert_eq!(again.next, Next::Duplicate);
        assert!(again.reason.contains(says), "{}", again.reason);
        assert_eq!(deploy(&world, pipeline("2", "SUCCEEDED"), "three").unwrap().next, Next::Started);
    }
}

#[test]
fn what_asks_for_no_rollout_is_ignored_with_a_reason() {
    for state in ["STARTED", "FAILED", "STOPPED", "SUPERSEDED", "CANCELED", "RESUMED", "SOMETHING_NEW"] {
        let world = World::new();
        let before = world.snapshot();
        let reply = deploy(&world, pipeline("1", state), "one").unwrap();
        assert_eq!(reply.next, Next::Ignored);
        assert!(reply.reason.contains(&format!("is {state}: only SUCCEEDED starts a rollout")));
        assert_eq!(world.snapshot(), before);
    }
    let world = World::new();
    let unknown = match pipeline("1", "SUCCEEDED") {
        Trigger::Pipeline { execution_id, attempt, state, origin, .. } => {
            Trigger::Pipeline { pipeline: "other".to_owned(), execution_id, attempt, state, origin }
        }
        other => other,
    };
    let reply = deploy(&world, unknown, "one").unwrap();
    assert_eq!(reply.next, Next::Ignored);
    assert!(
        reply.reason.contains("known pipelines are checkout-pipeline, search-pipeline"),
        "{}",
        reply.reason
    );
    let kind = "CodePipeline Stage Execution State Change".to_owned();
    assert_eq!(deploy(&world, Trigger::Other { detail_type: kind }, "one").unwrap().next, Next::Ignored);
}

#[test]
fn what_is_not_ours_or_too_old_is_an_error_and_writes_nothing() {
    let foreign = Origin { account: "210987654321".to_owned(), ..origin() };
    let elsewhere = Origin { region: "eu-west-1".to_owned(), ..origin() };
    let old = Origin { time: at(-86_401), ..origin() };
    let of = |origin| match pipeline("1", "SUCCEEDED") {
        Trigger::Pipeline { pipeline, execution_id, attempt, state, .. } => {
            Trigger::Pipeline { pipeline, execution_id, attempt, state, origin }
        }
        other => other,
    };
    let input = ErrorName::InvalidInput;
    let cases = [
        (
            of(foreign.clone()),
            input,
            "account is \"210987654321\", but environment ace-flow-staging belongs to",
        ),
        (of(elsewhere), input, "region is \"eu-west-1\", but environment ace-flow-staging is in us-east-1"),
        (of(old.clone()), input, "older than the 1d of rollout.accept_events_for"),
        (requested("checkout", "r1", foreign), input, "account is"),
        (requested("checkout", "r1", old), input, "older than"),
        (
            requested("chekout", "r1", origin()),
            ErrorName::UnknownService,
            "known services are checkout, search",
        ),
    ];
    for (trigger, name, says) in cases {
        let world = World::new();
        let before = world.snapshot();
        let failure = deploy(&world, trigger, "one").unwrap_err();
        assert_eq!(failure.name, name);
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!(world.snapshot(), before);
    }
    let world = World::new();
    world.with(|state| state.configurations.clear());
    let failure = deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap_err();
    assert_eq!(failure.name, ErrorName::InvalidConfiguration);
    assert_eq!(written(&world.snapshot()), (0, 0, 0, 0, 1));
}

#[test]
fn an_event_just_within_the_limit_is_taken() {
    let world = World::new();
    let recent = Origin { time: at(-86_400), ..origin() };
    let reply = deploy(&world, requested("checkout", "r1", recent), "one").unwrap();
    assert_eq!(reply.next, Next::Started);
    let plan = world.only_rollout().plan;
    assert_eq!((plan.strategy, plan.version.as_str()), (rollout::Strategy::BlueGreen, "v3"));
    assert_eq!(plan.steps.iter().map(|step| step.bake).collect::<Vec<_>>(), [Seconds(300)]);
}

#[test]
fn two_events_for_one_service_at_the_same_moment_make_one_rollout() {
    let world = World::new();
    // The other one begins after this one has seen the service free.
    let calls = {
        let world = World::new();
        started(&world);
        world.calls()
    };
    let mut busy = 0;
    for call in 1..=calls {
        let world = World::new();
        world.before(call, |world| {
            let reply = deploy(world, pipeline("2", "SUCCEEDED"), "two").unwrap();
            assert!(matches!(reply.next, Next::Started | Next::Refused));
        });
        match deploy(&world, pipeline("1", "SUCCEEDED"), "one") {
            Ok(reply) => assert!(matches!(reply.next, Next::Started | Next::Refused)),
            Err(failure) => {
                assert_eq!(failure.name, ErrorName::ConflictError);
                busy += 1;
                assert_eq!(deploy(&world, pipeline("1", "SUCCEEDED"), "one").unwrap().next, Next::Refused);
            }
        }
        let active = |state: &mut State| {
            state.rollouts.values().filter(|rollout| !rollout.phase.is_terminal()).count()
        };
        assert_eq!(world.with(active), 1, "before call {call}");
    }
    assert!(busy > 0);
    assert_eq!(written(&world.snapshot()), (0, 0, 0, 0, 1));
}

#[test]
fn a_rollout_of_another_service_is_not_held_up() {
    let world = World::new();
    started(&world);
    assert_eq!(deploy(&world, requested("search", "r1", origin()), "two").unwrap().next, Next::Started);
}
