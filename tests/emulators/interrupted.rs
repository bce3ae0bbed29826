//! Rollouts that are interrupted at their worst moments: a function's process that is killed, an execution that is
//! stopped. They go on, or back, by themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::ended_event;
use rollout::{Cause, Colour, Phase, Rollout};
use serde_json::json;

use crate::executions::Execution;
use crate::passage::Writer::{Answered, Killed};
use crate::rollouts::{assert_history, assert_promoted, assert_target, first_bake, the_rollout};
use crate::world::World;

/// What Step Functions calls a function whose process ended without an answer.
const DIED: &str = "Runtime.ExitError";

/// How often Lambda delivers an asynchronous event again whose function answered an error (the stack's
/// `MaximumRetryAttempts`).
const REDELIVERIES: usize = 2;

/// How long after the zombie bound an event is delivered again. A function that waited for the bound itself is done
/// by then.
const GRACE: Duration = Duration::from_secs(10);

/// promote-step is killed in every step right after its `ModifyRule`, before it can read back or record anything. The
/// state machine takes each step again, which writes the same weight again, and the rollout is promoted.
pub async fn steps_killed_after_their_writes_are_taken_again(world: Arc<World>) {
    let route = &world.service("killed").route;
    world.passage.kill_at(route, 25).await;
    world.passage.kill_at(route, 100).await;
    let execution = assert_promoted(&world, "killed", &["started", "reached", "reached", "promoted"]).await;
    let written = world.written("killed").await;
    assert_eq!(written, [(25, Killed), (25, Answered), (100, Killed), (100, Answered)]);
    assert_eq!(deaths(&execution), 2, "{:?}", execution.task_errors);
    assert_eq!(world.deliveries("killed", "promoted"), 1);
}

/// An alarm rings when a killed promote-step has left its weight on the rule and no record of it. Whether the alarm
/// comes before or after the step is taken again, it ends at weight 0.
pub async fn a_killed_step_and_an_alarm_end_at_weight_0(world: Arc<World>) {
    world.passage.kill_at(&world.service("struck").route, 25).await;
    let id = format!("{}-struck", world.run);
    world.put_event(&world.pipeline("struck"), &id, "SUCCEEDED", 1).await;
    let arn = world.executions(&id, 1).await.remove(0);
    world
        .eventually("the step is killed", async || {
            (world.written("struck").await.first() == Some(&(25, Killed))).then_some(())
        })
        .await;
    world.ring("struck").await;

    let ended = world.end_of(&arn).await;
    assert_eq!((ended.status.as_str(), ended.state()), ("SUCCEEDED", "RolledBack"));
    assert_eq!(deaths(&ended), 1, "{:?}", ended.task_errors);
    let rollout = the_rollout(&world, "struck").await;
    let guarded = matches!(&rollout.phase, Phase::RolledBack { cause: Cause::Guardrail(alarm), .. } if alarm.as_str() == world.alarm("struck"));
    assert!(guarded, "{:#?}", rollout.phase);
    assert_rolled_back(&world, &rollout).await;
    let written = world.written("struck").await;
    assert_eq!(written.last(), Some(&(0, Answered)), "{written:?}");
    // Nothing but the step's own weight, and weight 0 from the rollback on.
    let rolled_back_at = written.iter().position(|(weight, _)| *weight == 0).unwrap();
    assert!(written[..rolled_back_at].iter().all(|(weight, _)| *weight == 25), "{written:?}");
}

/// Somebody stops the execution while the canary has traffic. The rule on the status of executions, as the template
/// has it and with the event as the emulator sends it, has rollback take the traffic away; nothing else is left that
/// could. What the emulator does not do is Lambda's delivering an asynchronous event again after an error, so the test
/// delivers it, as often as Lambda does but sooner: once the zombie bound is over, before which nothing can be verified.
pub async fn an_execution_stopped_from_outside_is_rolled_back(world: Arc<World>) {
    let (arn, baking) = first_bake(&world, "stopped").await;
    let stop = json!({ "executionArn": arn, "error": "BreakGlass", "cause": "the test says so" });
    world.aws.json("states", "AWSStepFunctions.StopExecution", &stop).await;
    world
        .eventually("all traffic is on blue", async || {
            (world.service("stopped").weights(&world.aws).await == (100, 0)).then_some(())
        })
        .await;
    let execution = Execution::read(&world.aws, &arn).await;
    assert_eq!((execution.status.as_str(), execution.state()), ("ABORTED", "Baking"));

    let at_rest = async || {
        let rollout = the_rollout(&world, "stopped").await;
        rollout.phase.is_terminal() && rollout.pending.is_empty()
    };
    for _ in 0..REDELIVERIES {
        let useful = Instant::now() + Duration::from_secs(baking.plan.zombie_bound.0.into()) + GRACE;
        let done = world.eventually("the rollout ends, or its event is delivered again", async || {
            let done = at_rest().await;
            (done || Instant::now() >= useful).then_some(done)
        });
        if done.await {
            break;
        }
        let path = format!("/2015-03-31/functions/{}/invocations", world.stack.rollback);
        world.aws.rest("lambda", "POST", &path, &ended_event(&arn, "ABORTED")).await;
    }
    let rollout = the_rollout(&world, "stopped").await;
    let aborted = matches!(&rollout.phase, Phase::RolledBack { cause: Cause::Failure { error, .. }, .. } if error == "ExecutionABORTED");
    assert!(aborted, "{:#?}", rollout.phase);
    assert!(rollout.epoch > baking.epoch);
    assert_rolled_back(&world, &rollout).await;
    assert_eq!(world.written("stopped").await, [(25, Answered), (0, Answered)]);
}

/// All traffic is on blue, the service is free, and it was told once.
async fn assert_rolled_back(world: &World, rollout: &Rollout) {
    let service = rollout.plan.service.as_str();
    assert_eq!(world.service(service).weights(&world.aws).await, (100, 0));
    assert_eq!(rollout.pending, []);
    assert_target(world, service, Colour::Blue, None).await;
    assert_history(world, rollout, "rolled_back").await;
    // Whether the first step was reached is not the same in all tests.
    let wanted = ["started", "rolling_back", "rolled_back"];
    let mut told = world.milestones_with(service, &wanted).await;
    told.retain(|milestone| milestone != "reached");
    assert_eq!(told, wanted);
    for milestone in wanted {
        assert_eq!(world.deliveries(service, milestone), 1, "{milestone}");
    }
}

fn deaths(execution: &Execution) -> usize {
    execution.task_errors.iter().filter(|error| *error == DIED).count()
}
