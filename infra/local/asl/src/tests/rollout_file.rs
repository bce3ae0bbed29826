//! The machine that all this is for.

use std::collections::BTreeMap;

use serde_json::json;

use super::support::{Reply, start_machine};
use crate::Machine;

const DEFINITION: &str = include_str!("../../../../rollout.asl.json");

fn machine() -> Machine {
    let functions = ["StartDeploy", "HealthCheck", "PromoteStep", "Rollback"];
    let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}:live");
    let substitutions: BTreeMap<String, String> =
        functions.into_iter().map(|name| (name.to_owned(), arn(name))).collect();
    Machine::parse(DEFINITION, &substitutions).unwrap()
}

#[test]
fn the_rollout_is_in_the_subset() {
    let machine = machine();
    assert_eq!(machine.start_at(), "StartDeploy");
    let functions: Vec<&str> = machine.functions().into_iter().collect();
    assert_eq!(functions, ["HealthCheck", "PromoteStep", "Rollback", "StartDeploy"]);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_event_ends_with_its_own_error() {
    let ran = start_machine(machine(), json!({}), [Reply::Err("InvalidInput")]).end().await;
    assert_eq!(ran.error(), "InvalidInput");
    assert_eq!(ran.states, ["StartDeploy", "Rejected"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_keeps_failing_leads_to_a_rollback() {
    let reply = |next: &str, wait: u32| {
        Reply::Ok(json!({ "next": next, "wait_seconds": wait, "rollout_id": "r", "epoch": 1 }))
    };
    let health = (0..4).map(|_| Reply::Err("TransientError"));
    let replies = std::iter::once(reply("started", 30))
        .chain(health)
        .chain([reply("settle", 90), reply("rolled_back", 0)]);
    let ran = start_machine(machine(), json!({ "detail": {} }), replies).end().await;
    ran.output();
    assert_eq!(
        ran.states,
        [
            "StartDeploy",
            "AfterStartDeploy",
            "Starting",
            "HealthCheck",
            "Rollback",
            "AfterRollback",
            "Settling",
            "Rollback",
            "AfterRollback",
            "RolledBack",
        ]
    );
    assert_eq!(ran.seconds(), 30 + 5 + 10 + 20 + 90);
}
