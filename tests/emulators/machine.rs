//! The embedded interpreter against another one: the same file and the same answers, the same way through the states.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use asl::{Event, Identity, Machine, Outcome, Resource, ScaledTimer, TaskError, Tasks, Transcript};
use async_trait::async_trait;
use contract::{ErrorName, Failure};
use jiff::Timestamp;
use local_stack::DEFINITION;
use serde_json::{Value, json};

use crate::executions::Execution;
use crate::local::Script;
use crate::world::World;

/// The embedded interpreter's clock runs this much faster.
const SPEED: u32 = 1_000;

struct ScriptedTasks(Mutex<Script>);

#[async_trait]
impl Tasks for ScriptedTasks {
    async fn invoke(&self, _: &Resource, _: Value) -> Result<Value, TaskError> {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        answer.expect("the script is long enough").map_err(|failure| {
            let cause = json!({ "errorType": failure.name.as_str(), "errorMessage": failure.message });
            TaskError::new(failure.name.as_str(), cause.to_string())
        })
    }
}

type Answer = Result<Value, Failure>;

#[expect(clippy::unnecessary_wraps, reason = "an answer stands among failures in a script")]
fn reply(next: &str, wait_seconds: u32) -> Answer {
    let reply = json!({
        "next": next, "wait_seconds": wait_seconds, "rollout_id": "shop-1", "epoch": 1,
        "environment": "staging", "service": "shop", "reason": "scripted",
    });
    Ok(reply)
}

fn failure(name: ErrorName) -> Answer {
    Err(Failure::new(name, "scripted"))
}

/// All steps of a canary, and every kind of wait.
pub async fn the_way_of_a_promoted_rollout(world: Arc<World>) {
    let script = [
        reply("started", 1),
        reply("wait", 2),
        reply("hold", 1),
        reply("promote", 0),
        reply("wait", 1),
        reply("promote", 0),
        reply("promoted", 0),
    ];
    same_way(&world, "promoted", script.into(), "Promoted").await;
}

/// An error that a retrier takes twice.
pub async fn the_way_of_a_retry_that_succeeds(world: Arc<World>) {
    let script = [
        failure(ErrorName::ConflictError),
        failure(ErrorName::ConflictError),
        reply("started", 1),
        failure(ErrorName::TransientError),
        reply("ended", 0),
    ];
    same_way(&world, "retried", script.into(), "Ended").await;
}

/// More errors than a retrier takes, and the catcher behind it.
pub async fn the_way_of_retries_that_end(world: Arc<World>) {
    let conflict = || failure(ErrorName::ConflictError);
    let script = [
        reply("started", 1),
        conflict(),
        conflict(),
        conflict(),
        conflict(),
        reply("settle", 1),
        reply("rolled_back", 0),
    ];
    same_way(&world, "retries-end", script.into(), "RolledBack").await;
}

/// An error that only a catcher takes, and a rollback that settles.
pub async fn the_way_of_a_caught_error(world: Arc<World>) {
    let script = [
        reply("started", 1),
        reply("promote", 0),
        failure(ErrorName::PermanentError),
        reply("settle", 2),
        reply("rolled_back", 0),
    ];
    same_way(&world, "caught", script.into(), "RolledBack").await;
}

/// An answer that no choice knows.
pub async fn the_way_of_an_unknown_answer(world: Arc<World>) {
    let script = [reply("started", 1), reply("perhaps", 0), reply("nothing", 0)];
    same_way(&world, "unknown", script.into(), "NothingToRollBack").await;
}

/// A Fail state whose error comes from the data, and one whose error is fixed.
pub async fn the_ways_that_fail(world: Arc<World>) {
    let refused = [failure(ErrorName::InvalidInput)];
    same_way(&world, "rejected", refused.into(), "Rejected").await;
    let lost = [reply("roll_back", 0), failure(ErrorName::PermanentError)];
    same_way(&world, "lost", lost.into(), "RollbackFailed").await;
}

/// Runs a script through both interpreters.
async fn same_way(world: &World, name: &str, script: Script, ends_in: &str) {
    let input = json!({ "id": name, "detail": { "pipeline": "shop" } });
    let identity = Identity::new(&world.stack.scripted_machine, &format!("{name}-{}", world.run)).unwrap();
    let ours = embedded(world, &identity, &input, script.clone()).await;
    let theirs = emulated(world, &identity, &input, script).await;
    assert_eq!(ours.last().map(|(state, _)| state.as_str()), Some(ends_in), "{ours:#?}");
    let (theirs, ended) = theirs;
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "visit {index}");
    }
    assert_eq!(ours.len() - 1, theirs.len(), "{ours:#?}\n{theirs:#?}");
    assert_eq!(ours.last(), Some(&ended), "how it ended");
}

type Visits = Vec<(String, Value)>;

/// The states entered with their inputs, and at the end the last one once more with how it ended.
async fn embedded(world: &World, identity: &Identity, input: &Value, script: Script) -> Visits {
    let function = &world.stack.scripted_function;
    let functions: BTreeMap<_, _> = ["StartDeploy", "HealthCheck", "PromoteStep", "Rollback"]
        .map(|placeholder| (placeholder.to_owned(), function.clone()))
        .into();
    let machine = Arc::new(Machine::parse(DEFINITION, &functions).unwrap());
    let transcript = Arc::new(Transcript::new());
    let timer = ScaledTimer::new(Timestamp::now(), NonZeroU32::new(SPEED).unwrap());
    let execution = asl::Execution::start(
        machine,
        identity.clone(),
        input.clone(),
        Arc::new(ScriptedTasks(Mutex::new(script))),
        Arc::new(timer),
        Arc::clone(&transcript) as _,
    );
    let ended = match execution.unwrap().finished().await {
        Outcome::Succeeded { output, state } => (state, output),
        Outcome::Failed { error, cause, state } => {
            (state, failed(&error.unwrap_or_default(), &cause.unwrap_or_default()))
        }
        other => panic!("{other:?}"),
    };
    let entered = transcript.events().into_iter().filter_map(|event| match event.event {
        Event::StateEntered { name, input, .. } => Some((name, comparable(input))),
        _ => None,
    });
    entered.chain([ended]).collect()
}

async fn emulated(
    world: &World,
    identity: &Identity,
    input: &Value,
    script: Script,
) -> (Visits, (String, Value)) {
    world.local.script(identity.execution_arn(), script);
    let start = json!({ "stateMachineArn": identity.machine_arn(), "name": identity.name(), "input": input.to_string() });
    let started = world.aws.json("states", "AWSStepFunctions.StartExecution", &start).await;
    assert_eq!(started["executionArn"], identity.execution_arn());
    let ended = world
        .eventually("the scripted execution ends", async || {
            Some(Execution::read(&world.aws, identity.execution_arn()).await).filter(Execution::ended)
        })
        .await;
    let end =
        if ended.status == "SUCCEEDED" { ended.output.clone() } else { failed(&ended.error, &ended.cause) };
    let state = ended.state().to_owned();
    (
        ended.entered.into_iter().map(|(name, input)| (name, comparable(input))).collect(),
        (state, comparable(end)),
    )
}

/// An error reply may tell more than type and message, as AWS's does.
fn comparable(mut input: Value) -> Value {
    if let Some(cause) = input.pointer_mut("/error/Cause") {
        *cause = told(cause.as_str().unwrap_or_default());
    }
    input
}

fn failed(error: &str, cause: &str) -> Value {
    json!({ "error": error, "cause": told(cause) })
}

fn told(cause: &str) -> Value {
    match serde_json::from_str::<Value>(cause) {
        Ok(reply) => json!([reply["errorType"], reply["errorMessage"]]),
        Err(_) => cause.into(),
    }
}
