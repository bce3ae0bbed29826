//! `infra/rollout.asl.json` against the functions: states, answers, error names.

use std::collections::{BTreeMap, BTreeSet};

use contract::{ErrorName, Function, HealthCheckNext, Next, PromoteStepNext, RollbackNext, StartDeployNext};
use e2e::files;
use engine::{
    AlertRouterFunction, ApproveFunction, CostOptimizerFunction, HealthCheckFunction, PromoteStepFunction,
    RollbackFunction, StartDeployFunction,
};
use serde_json::{Map, Value};

/// The states of the file, as written.
pub(crate) fn states() -> Map<String, Value> {
    let file: Value = serde_json::from_str(&files::text("infra/rollout.asl.json")).unwrap();
    file["States"].as_object().unwrap().clone()
}

/// The Task states with the placeholder of their function.
pub(crate) fn tasks() -> BTreeMap<String, (String, Value)> {
    let placeholder = |state: &Value| {
        let resource = state["Resource"].as_str().unwrap();
        resource.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap().to_owned()
    };
    states()
        .into_iter()
        .filter(|(_, state)| state["Type"] == "Task")
        .map(|(name, state)| (name, (placeholder(&state), state)))
        .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    list(value, key).iter().map(|text| text.as_str().unwrap()).collect()
}

/// `StartDeploy` as `start-deploy`.
pub(crate) fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// Those that the state machine calls.
const FUNCTIONS: [&str; 4] =
    [HealthCheckFunction::NAME, PromoteStepFunction::NAME, RollbackFunction::NAME, StartDeployFunction::NAME];

#[test]
fn tasks_functions_and_folders_are_the_same() {
    let called: Vec<String> = tasks().values().map(|(placeholder, _)| kebab(placeholder)).collect();
    assert_eq!(called, FUNCTIONS);
    // A person's browser calls approve; events, and a state machine of its own, alert-router; a schedule, cost-optimizer.
    let mut folders = FUNCTIONS.to_vec();
    folders.extend([AlertRouterFunction::NAME, ApproveFunction::NAME, CostOptimizerFunction::NAME]);
    folders.sort_unstable();
    assert_eq!(files::names("functions"), folders);
}

fn answers<N: Next>() -> BTreeSet<&'static str> {
    N::ALL.iter().map(|next| next.as_str()).collect()
}

#[test]
fn each_choice_knows_every_answer_of_the_function_before_it_and_no_other() {
    let states = states();
    let mut chosen = 0;
    for (name, (placeholder, task)) in tasks() {
        let all = match kebab(&placeholder).as_str() {
            StartDeployFunction::NAME => answers::<StartDeployNext>(),
            HealthCheckFunction::NAME => answers::<HealthCheckNext>(),
            PromoteStepFunction::NAME => answers::<PromoteStepNext>(),
            RollbackFunction::NAME => answers::<RollbackNext>(),
            other => panic!("{other} has no answers here"),
        };
        let choice = &states[task["Next"].as_str().unwrap()];
        assert_eq!(choice["Type"], "Choice", "after {name}");
        let known: BTreeSet<&str> =
            list(choice, "Choices").iter().map(|rule| rule["StringEquals"].as_str().unwrap()).collect();
        assert_eq!(known, all, "after {name}");
        assert_eq!(list(choice, "Choices").len(), all.len(), "after {name}: each once");
        for rule in list(choice, "Choices") {
            assert_eq!(rule["Variable"], "$.next", "after {name}");
        }
        let failed = if name == "Rollback" { "RollbackFailed" } else { "Rollback" };
        assert_eq!(choice["Default"], failed, "an answer that nobody knows, after {name}");
        chosen += 1;
    }
    let choices = states.values().filter(|state| state["Type"] == "Choice").count();
    assert_eq!(chosen, choices, "each Choice follows a Task");
}

/// The serialised form is what the Choice compares.
#[test]
fn an_answer_is_written_as_the_choice_compares_it() {
    fn check<N: Next + std::fmt::Debug>() {
        for next in N::ALL {
            assert_eq!(serde_json::to_value(next).unwrap(), next.as_str(), "{next:?}");
        }
    }
    check::<StartDeployNext>();
    check::<HealthCheckNext>();
    check::<PromoteStepNext>();
    check::<RollbackNext>();
}

#[test]
fn every_error_name_that_is_not_of_aws_is_ours() {
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let mut used = BTreeSet::new();
    for (task, (_, state)) in tasks() {
        for rule in list(&state, "Retry").iter().chain(list(&state, "Catch")) {
            for name in texts(rule, "ErrorEquals") {
                let of_aws = ["Lambda.", "Runtime.", "Sandbox.", "States."];
                let of_aws = of_aws.iter().any(|prefix| name.starts_with(prefix));
                assert!(of_aws || ours.contains(name), "{task} names {name}, which nothing ends with");
                used.insert(name.to_owned());
            }
        }
    }
    for name in ["ConflictError", "TransientError", "InvalidInput", "InvalidConfiguration", "UnknownService"]
    {
        assert!(used.contains(name), "{name} is named nowhere");
    }
}

/// What becomes of an error of a Task in the end: whether it is retried, and where it leads when that is used up.
fn fate<'a>(state: &'a Value, error: &str) -> (bool, Option<&'a str>) {
    let takes =
        |rule: &&Value| texts(rule, "ErrorEquals").iter().any(|name| *name == error || *name == "States.ALL");
    let retried = list(state, "Retry").iter().any(|rule| takes(&rule));
    let next = list(state, "Catch").iter().find(takes).map(|rule| rule["Next"].as_str().unwrap());
    (retried, next)
}

#[test]
fn every_error_name_is_retried_where_that_helps_and_ends_somewhere() {
    for (task, (_, state)) in tasks() {
        for name in ErrorName::ALL {
            let (retried, next) = fate(&state, name.as_str());
            let helps = matches!(name, ErrorName::ConflictError | ErrorName::TransientError);
            assert_eq!(retried, helps, "{task}: {name}");
            let nothing_written = matches!(
                name,
                ErrorName::InvalidInput | ErrorName::InvalidConfiguration | ErrorName::UnknownService
            );
            let expected = match task.as_str() {
                "Rollback" => "RollbackFailed",
                "StartDeploy" if nothing_written => "Rejected",
                _ => "Rollback",
            };
            assert_eq!(next, Some(expected), "{task}: {name}");
        }
        // The names that the developer guide of Step Functions says to retry, and what a function looks like that is
        // frozen or whose process is gone: the errorType of Lambda's answer.
        for name in [
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Sandbox.Timedout",
            "States.Timeout",
        ] {
            let expected = if task == "Rollback" { "RollbackFailed" } else { "Rollback" };
            assert_eq!(fate(&state, name), (true, Some(expected)), "{task}: {name}");
        }
    }
}

#[test]
fn whatever_is_not_foreseen_rolls_back() {
    for (task, (_, state)) in tasks() {
        let last = list(&state, "Catch").last().unwrap();
        assert_eq!(texts(last, "ErrorEquals"), ["States.ALL"], "{task}");
        assert_eq!(last["Next"], if task == "Rollback" { "RollbackFailed" } else { "Rollback" });
        assert_eq!(last["ResultPath"], "$.error", "{task}: rollback has to know the rollout and the error");
    }
}

/// A Wait has no Catch: what it reads has to be in every reply.
#[test]
fn waits_read_what_every_reply_has() {
    let waits: Vec<_> = states().into_iter().filter(|(_, state)| state["Type"] == "Wait").collect();
    assert!(!waits.is_empty());
    for (name, state) in waits {
        assert_eq!(state["SecondsPath"], "$.wait_seconds", "{name}");
    }
}

#[test]
fn every_state_is_reached_and_every_end_has_a_meaning() {
    let states = states();
    let mut reached = BTreeSet::from(["StartDeploy".to_owned()]);
    let mut queue = vec!["StartDeploy".to_owned()];
    while let Some(name) = queue.pop() {
        let state = states.get(&name).unwrap_or_else(|| panic!("there is no state {name}"));
        let rules = list(state, "Choices").iter().chain(list(state, "Catch"));
        let next = rules.map(|rule| &rule["Next"]).chain([&state["Next"], &state["Default"]]);
        for name in next.filter_map(Value::as_str) {
            if reached.insert(name.to_owned()) {
                queue.push(name.to_owned());
            }
        }
    }
    assert_eq!(reached, states.keys().cloned().collect());
    let ends: BTreeMap<&str, &str> = states
        .iter()
        .filter_map(|(name, state)| Some((name.as_str(), state["Type"].as_str()?)))
        .filter(|(_, kind)| matches!(*kind, "Succeed" | "Fail"))
        .collect();
    let good = ["Duplicate", "Ended", "Ignored", "NothingToRollBack", "Promoted", "Refused", "RolledBack"];
    let bad = ["NotStarted", "Rejected", "RollbackFailed"];
    let expected = good.map(|name| (name, "Succeed")).into_iter().chain(bad.map(|name| (name, "Fail")));
    assert_eq!(ends, expected.collect());
}
