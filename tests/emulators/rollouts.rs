//! Whole rollouts: the compiled bootstraps, the state machine's file, and an event on the bus.

use std::sync::Arc;

use engine::history::first_break;
use rollout::{Cause, Colour, Lease, Phase, Rollout, StepIndex, Version};
use serde_json::{Value, json};

use crate::executions::Execution;
use crate::local::version_of;
use crate::passage::Writer;
use crate::world::World;

/// A rollout from its event to the end of its execution.
async fn roll_out(world: &World, service: &str) -> (Execution, Rollout) {
    let id = format!("{}-{service}", world.run);
    world.put_event(&world.pipeline(service), &id, "SUCCEEDED", 1).await;
    let execution = world.executions(&id, 1).await.remove(0);
    let ended = world.end_of(&execution).await;
    let rollout = the_rollout(world, service).await;
    assert_eq!(rollout.execution.as_str(), execution);
    assert_eq!(rollout.plan.version.as_str(), version_of(&id));
    (ended, rollout)
}

/// The only rollout of a service.
pub async fn the_rollout(world: &World, service: &str) -> Rollout {
    let mut rollouts = world.rollouts(service).await;
    assert_eq!(rollouts.len(), 1, "{rollouts:#?}");
    rollouts.remove(0)
}

/// Rolls out until the first step bakes: the execution and the rollout.
pub async fn first_bake(world: &World, service: &str) -> (String, Rollout) {
    let id = format!("{}-{service}", world.run);
    world.put_event(&world.pipeline(service), &id, "SUCCEEDED", 1).await;
    let arn = world.executions(&id, 1).await.remove(0);
    world
        .eventually("the first step bakes", async || {
            let execution = Execution::read(&world.aws, &arn).await;
            assert!(!execution.ended(), "{execution:#?}");
            // The execution waits in the same state for the load balancer's API budget, which all services share.
            let rollout = world.rollouts(service).await.pop()?;
            let bakes = matches!(rollout.phase, Phase::Baking { step: StepIndex(0), .. });
            (bakes && execution.state() == "Baking").then_some(())
        })
        .await;
    assert_eq!(world.service(service).weights(&world.aws).await, (75, 25));
    let baking = the_rollout(world, service).await;
    assert!(matches!(baking.phase, Phase::Baking { step: StepIndex(0), .. }), "{:#?}", baking.phase);
    (arn, baking)
}

/// The history is whole and ends in this phase.
pub async fn assert_history(world: &World, rollout: &Rollout, phase: &str) {
    let records = world.store.history(&rollout.id).await.unwrap();
    assert_eq!(first_break(&records), None, "{records:#?}");
    let last = records.last().unwrap();
    assert_eq!((last.number, &last.hash, last.phase.as_str()), (rollout.version, &rollout.head, phase));
}

/// The service is free again, and this is live.
pub async fn assert_target(world: &World, service: &str, live: Colour, stable: Option<&str>) {
    let target = world.target(service).await.unwrap();
    assert_eq!((target.live, target.lease), (live, Lease::Free));
    assert_eq!(target.stable.as_ref().map(Version::as_str), stable);
}

/// A rollout of this service gets all traffic. Its execution.
pub async fn assert_promoted(world: &World, service: &str, milestones: &[&str]) -> Execution {
    let (execution, rollout) = roll_out(world, service).await;
    assert_eq!((execution.status.as_str(), execution.state()), ("SUCCEEDED", "Promoted"), "{rollout:#?}");
    assert!(matches!(rollout.phase, Phase::Promoted { .. }), "{:#?}", rollout.phase);
    assert_eq!(rollout.pending, []);
    assert_eq!(world.service(service).weights(&world.aws).await, (0, 100));
    assert_target(world, service, Colour::Green, Some(rollout.plan.version.as_str())).await;
    assert_history(world, &rollout, "promoted").await;
    assert_eq!(world.milestones(service, milestones.len()).await, milestones);
    assert_clean_up_is_scheduled(world, &rollout).await;
    execution
}

async fn assert_clean_up_is_scheduled(world: &World, rollout: &Rollout) {
    let path = format!("/schedules?ScheduleGroup={}", world.stack.clean_up_group);
    let listed = world.aws.rest("scheduler", "GET", &path, &Value::Null).await;
    let mut found = 0;
    for schedule in listed["Schedules"].as_array().unwrap() {
        let name = schedule["Name"].as_str().unwrap();
        let path = format!("/schedules/{name}?groupName={}", world.stack.clean_up_group);
        let schedule = world.aws.rest("scheduler", "GET", &path, &Value::Null).await;
        let input: Value = serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
        if input == json!({ "clean_up": { "rollout_id": rollout.id, "attempt": 1 } }) {
            assert!(
                schedule["Target"]["Arn"].as_str().unwrap().ends_with("-promote-step:live"),
                "{schedule}"
            );
            found += 1;
        }
    }
    assert_eq!(found, 1, "{listed}");
}

/// A canary that is as good as what is live gets all traffic.
pub async fn a_good_canary_is_promoted(world: Arc<World>) {
    assert_promoted(&world, "good", &["started", "reached", "reached", "promoted"]).await;
    assert_eq!(world.written("good").await, [(25, Writer::Answered), (100, Writer::Answered)]);
}

/// A blue-green rollout gets all traffic at once.
pub async fn a_good_blue_green_rollout_is_promoted(world: Arc<World>) {
    assert_promoted(&world, "switch", &["started", "reached", "promoted"]).await;
}

/// A canary whose targets answer 5XX is rolled back by the judge.
pub async fn a_bad_canary_is_rolled_back(world: Arc<World>) {
    let (execution, rollout) = roll_out(&world, "bad").await;
    assert_eq!((execution.status.as_str(), execution.state()), ("SUCCEEDED", "RolledBack"), "{rollout:#?}");
    let failed = matches!(&rollout.phase, Phase::RolledBack { cause: Cause::Verdict(_), .. });
    assert!(failed, "{:#?}", rollout.phase);
    assert_eq!(world.service("bad").weights(&world.aws).await, (100, 0));
    assert_target(&world, "bad", Colour::Blue, None).await;
    assert_history(&world, &rollout, "rolled_back").await;
    let milestones = world.milestones("bad", 4).await;
    assert_eq!(milestones, ["started", "reached", "rolling_back", "rolled_back"]);
}

/// An alarm rolls back through SNS while the execution still bakes, and the execution finishes it.
pub async fn an_alarm_rolls_back_at_once(world: Arc<World>) {
    let (arn, baking) = first_bake(&world, "alarm").await;
    world.ring("alarm").await;
    world
        .eventually("all traffic is on blue", async || {
            (world.service("alarm").weights(&world.aws).await == (100, 0)).then_some(())
        })
        .await;
    let execution = Execution::read(&world.aws, &arn).await;
    assert_eq!(execution.state(), "Baking", "the execution had no part in it");

    let ended = world.end_of(&arn).await;
    assert_eq!((ended.status.as_str(), ended.state()), ("SUCCEEDED", "RolledBack"));
    let rollout = the_rollout(&world, "alarm").await;
    let guarded = matches!(&rollout.phase, Phase::RolledBack { cause: Cause::Guardrail(alarm), .. } if alarm.as_str() == world.alarm("alarm"));
    assert!(guarded, "{:#?}", rollout.phase);
    assert!(rollout.epoch > baking.epoch);
    assert_target(&world, "alarm", Colour::Blue, None).await;
    assert_history(&world, &rollout, "rolled_back").await;
    let milestones = world.milestones("alarm", 4).await;
    assert_eq!(milestones, ["started", "reached", "rolling_back", "rolled_back"]);
}

/// An event that is delivered twice starts two executions and one rollout.
pub async fn an_event_delivered_twice_is_one_rollout(world: Arc<World>) {
    let id = format!("{}-twice", world.run);
    world.put_event(&world.pipeline("twice"), &id, "SUCCEEDED", 2).await;
    let executions = world.executions(&id, 2).await;
    assert_eq!(executions.len(), 2);
    let duplicate = world
        .eventually("one of two executions ends", async || {
            for arn in &executions {
                let execution = Execution::read(&world.aws, arn).await;
                if execution.ended() {
                    return Some(execution);
                }
            }
            None
        })
        .await;
    assert_eq!((duplicate.status.as_str(), duplicate.state()), ("SUCCEEDED", "Duplicate"));
    let rollout = the_rollout(&world, "twice").await;
    assert_eq!(duplicate.output["rollout_id"], rollout.id.as_str());
    let driver = executions.iter().find(|arn| **arn != duplicate.arn).unwrap();
    assert_eq!(rollout.execution.as_str(), driver);
    assert!(!Execution::read(&world.aws, driver).await.ended());
}

/// A pipeline that failed rolls nothing out.
pub async fn a_failed_pipeline_is_ignored(world: Arc<World>) {
    let id = format!("{}-failed", world.run);
    world.put_event(&world.pipeline("failed"), &id, "FAILED", 1).await;
    let execution = world.executions(&id, 1).await.remove(0);
    let ended = world.end_of(&execution).await;
    assert_eq!((ended.status.as_str(), ended.state()), ("SUCCEEDED", "Ignored"));
    assert!(ended.output["reason"].as_str().unwrap().contains("FAILED"), "{}", ended.output);
    assert_nothing_is_written(&world, "failed", &execution).await;
}

/// A pipeline that no service has is somebody else's.
pub async fn an_unknown_pipeline_is_ignored(world: Arc<World>) {
    let id = format!("{}-unknown", world.run);
    world.put_event(&world.pipeline("unknown"), &id, "SUCCEEDED", 1).await;
    let execution = world.executions(&id, 1).await.remove(0);
    let ended = world.end_of(&execution).await;
    assert_eq!((ended.status.as_str(), ended.state()), ("SUCCEEDED", "Ignored"));
    assert!(ended.output["reason"].as_str().unwrap().contains("known pipelines are"), "{}", ended.output);
    assert_nothing_is_written(&world, "unknown", &execution).await;
}

/// A request for a service that is not there is rejected, and the remedy is said.
pub async fn a_request_for_an_unknown_service_is_rejected(world: Arc<World>) {
    world.request("unknown", "v2").await;
    let execution = world.requested_executions("unknown", 1).await.remove(0);
    let ended = world.end_of(&execution).await;
    assert_eq!((ended.status.as_str(), ended.state()), ("FAILED", "Rejected"));
    assert_eq!(ended.error, "UnknownService");
    assert!(ended.cause.contains("known services are"), "{}", ended.cause);
    assert_nothing_is_written(&world, "unknown", &execution).await;
}

async fn assert_nothing_is_written(world: &World, service: &str, execution: &str) {
    assert_eq!(world.store.rollout_of(&execution.parse().unwrap()).await.unwrap(), None);
    assert_eq!(world.target(service).await, None);
    assert_eq!(world.rollouts(service).await, []);
}
