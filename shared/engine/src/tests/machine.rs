//! The way of one execution, as `infra/rollout.asl.json` goes it: the functions, their retries, where errors lead.

use contract::*;
use rollout::{EnvironmentName, Order, Phase, RolloutId, StepIndex};

use super::world::{State, World, at, run};
use crate::{HealthCheckFunction, PromoteStepFunction, RollbackFunction, StartDeployFunction};

/// How an execution ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Promoted,
    RolledBack,
    Nothing,
    NotStarted,
    Ended,
    Duplicate,
    Ignored,
    Refused,
    Rejected(ErrorName),
    RollbackFailed,
}

pub(super) fn environment() -> EnvironmentName {
    "staging".parse().unwrap()
}

pub(super) fn start_deploy(world: &World) -> StartDeployFunction<'_> {
    StartDeployFunction {
        environment: environment(),
        store: world,
        traffic: world,
        alarms: world,
        revisions: world,
        fleet: world,
        notifier: world,
        budget: world,
        meter: world,
        clock: world,
    }
}

pub(super) fn health_check(world: &World) -> HealthCheckFunction<'_> {
    HealthCheckFunction {
        store: world,
        traffic: world,
        fleet: world,
        metrics: world,
        alarms: world,
        prober: world,
        notifier: world,
        budget: world,
        meter: world,
        clock: world,
    }
}

pub(super) fn promote_step(world: &World) -> PromoteStepFunction<'_> {
    PromoteStepFunction {
        environment: environment(),
        store: world,
        traffic: world,
        metrics: world,
        fleet: world,
        notifier: world,
        schedule: world,
        budget: world,
        meter: world,
        clock: world,
    }
}

pub(super) fn rollback(world: &World) -> RollbackFunction<'_> {
    RollbackFunction {
        environment: environment(),
        store: world,
        traffic: world,
        tags: world,
        budget: world,
        notifier: world,
        meter: world,
        clock: world,
    }
}

pub(super) fn origin() -> Origin {
    Origin { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), time: at(0) }
}

pub(super) fn pipeline(execution_id: &str, state: &str) -> Trigger {
    Trigger::Pipeline {
        pipeline: "checkout-pipeline".to_owned(),
        execution_id: execution_id.to_owned(),
        attempt: 1,
        state: state.to_owned(),
        origin: origin(),
    }
}

/// A person asks for a version of a service.
pub(super) fn asked(service: &str, version: &str, id: &str) -> Trigger {
    Trigger::Requested {
        service: service.parse().unwrap(),
        version: version.parse().unwrap(),
        strategy: None,
        by: "alice".to_owned(),
        lift_bar: false,
        overridden: None,
        request_id: id.to_owned(),
        origin: origin(),
    }
}

pub(super) fn request(trigger: Trigger, execution: &str) -> StartDeploy {
    StartDeploy { trigger, execution: execution.parse().unwrap() }
}

/// Starts the rollout of pipeline execution 1, which execution `one` drives.
pub(super) fn started(world: &World) -> Reply<StartDeployNext> {
    let start = request(pipeline("1", "SUCCEEDED"), "one");
    let reply = run(start_deploy(world).call(start)).unwrap().unwrap();
    assert_eq!(reply.next, StartDeployNext::Started, "{reply:?}");
    world.advance(reply.wait_seconds);
    reply
}

pub(super) fn turn(world: &World) -> Turn {
    let rollout = world.only_rollout();
    Turn { rollout_id: rollout.id, epoch: rollout.epoch.0, execution_arn: rollout.execution }
}

pub(super) fn check(world: &World) -> Reply<HealthCheckNext> {
    let reply = run(health_check(world).call(turn(world))).unwrap().unwrap();
    world.advance(reply.wait_seconds);
    reply
}

pub(super) fn promote(world: &World) -> Reply<PromoteStepNext> {
    let reply = run(promote_step(world).call(PromoteStep::Advance(turn(world)))).unwrap().unwrap();
    world.advance(reply.wait_seconds);
    reply
}

/// Started, healthy, and baking at the first step's weight.
pub(super) fn baking(world: &World) {
    started(world);
    assert_eq!(check(world).next, HealthCheckNext::Promote);
    assert_eq!(promote(world).next, PromoteStepNext::Wait);
    assert_eq!(world.green(), 10);
}

/// Two rollouts are active: checkout bakes, search has begun.
pub(super) fn two_services(world: &World) {
    baking(world);
    let begin = request(asked("search", "v3", "r1"), "two");
    assert_eq!(run(start_deploy(world).call(begin)).unwrap().unwrap().next, StartDeployNext::Started);
    world.in_order();
}

pub(super) fn command(world: &World, order: Order) -> PromoteStep {
    let rollout = world.only_rollout();
    PromoteStep::Order(Command {
        rollout_id: rollout.id,
        epoch: rollout.epoch.0,
        order,
        by: "alice".to_owned(),
        reason: "release train".to_owned(),
    })
}

fn step(world: &World) -> StepIndex {
    world.only_rollout().step().unwrap_or(StepIndex(0))
}

/// The order to end the wait at the step that the rollout is at.
pub(super) fn advance(world: &World) -> Order {
    Order::Advance { step: step(world) }
}

/// The approval of the step that the rollout is at.
pub(super) fn approval(world: &World) -> Order {
    Order::Approve { step: step(world) }
}

/// A person orders something.
pub(super) fn order(world: &World, order: Order) -> Reply<PromoteStepNext> {
    run(promote_step(world).call(command(world, order))).unwrap().unwrap()
}

pub(super) fn back(world: &World, request: Rollback) -> Result<Reply<RollbackNext>, Failure> {
    run(rollback(world).call(request)).unwrap()
}

/// A task with the machine's retries; a killed function is one that timed out.
pub(super) fn task<F: Function>(
    world: &World,
    attempts: u32,
    function: &F,
    request: &F::Request,
) -> Result<F::Reply, ErrorName>
where
    F::Request: Clone,
{
    for _ in 0..attempts {
        match run(function.call(request.clone())) {
            Some(Ok(reply)) => return Ok(reply),
            None => world.advance(35),
            Some(Err(failure)) => match failure.name {
                ErrorName::TransientError | ErrorName::ConflictError => world.advance(5),
                other => return Err(other),
            },
        }
    }
    Err(ErrorName::TransientError)
}

pub(super) fn execute(world: &World, start: &StartDeploy) -> End {
    let execution = start.execution.clone();
    let back = |rollout: Option<RolloutId>| roll_back(world, &execution.to_string(), rollout);
    let reply = match task(world, 4, &start_deploy(world), start) {
        Ok(reply) => reply,
        Err(
            name @ (ErrorName::InvalidInput | ErrorName::InvalidConfiguration | ErrorName::UnknownService),
        ) => return End::Rejected(name),
        Err(_) => return back(None),
    };
    match reply.next {
        StartDeployNext::Duplicate => return End::Duplicate,
        StartDeployNext::Ignored => return End::Ignored,
        StartDeployNext::Refused => return End::Refused,
        StartDeployNext::Started | StartDeployNext::RollBack => {}
    }
    let id: RolloutId = reply.rollout_id.parse().unwrap();
    let turn = Turn { rollout_id: id.clone(), epoch: reply.epoch, execution_arn: execution.clone() };
    let mut wait = reply.wait_seconds;
    for _ in 0..500 {
        world.advance(wait);
        let Ok(reply) = task(world, 4, &health_check(world), &turn) else { return back(Some(id)) };
        wait = reply.wait_seconds;
        match reply.next {
            HealthCheckNext::Hold if world.with(|state| state.approves && awaits(state, &id)) => {
                task(world, 4, &promote_step(world), &command(world, approval(world))).unwrap();
                continue;
            }
            HealthCheckNext::Wait | HealthCheckNext::Hold => continue,
            HealthCheckNext::RollBack => return back(Some(id)),
            HealthCheckNext::Ended => return End::Ended,
            HealthCheckNext::Promote => {}
        }
        let step = PromoteStep::Advance(turn.clone());
        let Ok(reply) = task(world, 4, &promote_step(world), &step) else { return back(Some(id)) };
        wait = reply.wait_seconds;
        match reply.next {
            PromoteStepNext::Wait => {}
            PromoteStepNext::Promoted => return End::Promoted,
            PromoteStepNext::RollBack => return back(Some(id)),
            PromoteStepNext::Ended => return End::Ended,
        }
    }
    panic!("the execution does not end: {:?}", world.only_rollout().phase)
}

fn awaits(state: &State, id: &RolloutId) -> bool {
    matches!(state.rollouts[id].phase, Phase::Awaiting { .. })
}

fn roll_back(world: &World, execution: &str, rollout: Option<RolloutId>) -> End {
    let error = CaughtError { error: "TransientError".to_owned(), cause: "throttled".to_owned() };
    let request = Rollback::Execution { execution: execution.parse().unwrap(), rollout, error: Some(error) };
    for _ in 0..100 {
        let Ok(reply) = task(world, 21, &rollback(world), &request) else { return End::RollbackFailed };
        match reply.next {
            RollbackNext::Settle => world.advance(reply.wait_seconds),
            RollbackNext::RolledBack => return End::RolledBack,
            RollbackNext::Nothing => return End::Nothing,
            RollbackNext::NotStarted => return End::NotStarted,
        }
    }
    panic!("the rollback does not end: {:?}", world.only_rollout().phase)
}

/// Every clean-up that was scheduled, when it is due, retried as Lambda retries an asynchronous call.
pub(super) fn clean_up(world: &World) {
    for _ in 0..10 {
        let Some((rollout_id, attempt, due)) = world.with(|state| state.scheduled.pop()) else { return };
        world.with(|state| state.now = state.now.max(due));
        let request = PromoteStep::CleanUp(CleanUpDue { rollout_id, attempt });
        task(world, 3, &promote_step(world), &request).unwrap();
    }
    panic!("the clean-up does not end");
}

/// A rollout that went well to its end.
pub(super) fn end_promoted(world: &World) {
    assert_eq!(execute(world, &request(pipeline("1", "SUCCEEDED"), "one")), End::Promoted);
}
