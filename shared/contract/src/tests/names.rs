use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::*;

#[test]
fn every_error_name_reads_as_it_is_written() {
    for name in ErrorName::ALL {
        let stored = serde_json::to_value(name).unwrap();
        assert_eq!(stored, json!(name.as_str()));
        assert_eq!(serde_json::from_value::<ErrorName>(stored).unwrap(), name);
        assert_eq!(name.to_string(), name.as_str());
    }
    let distinct: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    assert_eq!(distinct.len(), ErrorName::ALL.len());
    let failure = Failure::new(ErrorName::UnknownService, "service x is not known");
    assert_eq!(failure.to_string(), "service x is not known");
}

#[test]
fn the_state_machine_knows_every_error_it_retries_or_catches_by_name() {
    let machine = include_str!("../../../../infra/rollout.asl.json");
    let machine: Value = serde_json::from_str(machine).unwrap();
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let mut named = BTreeSet::new();
    for state in machine["States"].as_object().unwrap().values() {
        let rules = ["Retry", "Catch"].into_iter().filter_map(|kind| state[kind].as_array()).flatten();
        for error in rules.flat_map(|rule| rule["ErrorEquals"].as_array().unwrap()) {
            let error = error.as_str().unwrap();
            if !["Lambda.", "Runtime.", "Sandbox.", "States."].iter().any(|prefix| error.starts_with(prefix))
            {
                assert!(ours.contains(error), "{error} is the name of no error");
                named.insert(error);
            }
        }
    }
    assert!(named.contains("TransientError") && named.contains("ConflictError"), "{named:?}");
}

fn branches(machine: &Value, choice: &str) -> BTreeSet<String> {
    machine["States"][choice]["Choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| choice["StringEquals"].as_str().unwrap().to_owned())
        .collect()
}

fn answers<N: Next>() -> BTreeSet<String> {
    N::ALL
        .iter()
        .map(|next| {
            assert_eq!(serde_json::to_value(next).unwrap(), json!(next.as_str()));
            next.as_str().to_owned()
        })
        .collect()
}

#[test]
fn the_state_machine_branches_on_every_answer_and_on_nothing_else() {
    let machine: Value = serde_json::from_str(include_str!("../../../../infra/rollout.asl.json")).unwrap();
    assert_eq!(branches(&machine, "AfterStartDeploy"), answers::<StartDeployNext>());
    assert_eq!(branches(&machine, "AfterHealthCheck"), answers::<HealthCheckNext>());
    assert_eq!(branches(&machine, "AfterPromoteStep"), answers::<PromoteStepNext>());
    assert_eq!(branches(&machine, "AfterRollback"), answers::<RollbackNext>());
}

#[test]
fn a_reply_writes_every_field_even_where_it_has_nothing_to_say() {
    let reply = Reply {
        next: StartDeployNext::Ignored,
        wait_seconds: 0,
        rollout_id: String::new(),
        epoch: 0,
        environment: String::new(),
        service: String::new(),
        reason: String::new(),
    };
    let written = serde_json::to_value(&reply).unwrap();
    assert_eq!(
        written,
        json!({
            "next": "ignored", "wait_seconds": 0, "rollout_id": "", "epoch": 0, "environment": "", "service": "",
            "reason": "",
        })
    );
    assert_eq!(serde_json::from_value::<Reply<StartDeployNext>>(written.clone()).unwrap(), reply);
    for field in written.as_object().unwrap().keys() {
        let mut less = written.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<Reply<StartDeployNext>>(less).is_err(), "{field} may be missing");
    }
}

#[test]
fn schemas_name_every_file_once_and_are_closed() {
    let schemas = schemas();
    let names: BTreeSet<&str> = schemas.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), schemas.len());
    for (name, schema) in schemas {
        let schema = serde_json::to_value(schema).unwrap();
        // A type that is one of several is closed when each of them is.
        let kinds = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema]);
        assert!(kinds.iter().all(|kind| kind["additionalProperties"] == false), "{name}");
    }
}
