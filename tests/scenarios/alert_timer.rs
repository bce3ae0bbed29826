//! `infra/alert-timer.asl.json` against alert-router, and what becomes of a timer that is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use asl::{Execution, Identity, Machine, Outcome, Resource, ScaledTimer, TaskError, Tasks, Transcript};
use async_trait::async_trait;
use contract::{Due, DueOf, ErrorName, Function};
use e2e::files;
use engine::AlertRouterFunction;
use engine::ports::{PortResult, Timers};
use serde_json::{Value, json};

use crate::alerts;
use crate::machine::kebab;
use crate::template::{lambdas, template};

fn file() -> Value {
    serde_json::from_str(&files::text("infra/alert-timer.asl.json")).unwrap()
}

fn task() -> Value {
    file()["States"]["AlertRouter"].clone()
}

fn names(rule: &Value) -> Vec<&str> {
    rule["ErrorEquals"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn it_waits_calls_and_ends() {
    let file = file();
    let kinds: BTreeMap<&str, &str> = file["States"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, state)| (name.as_str(), state["Type"].as_str().unwrap()))
        .collect();
    let expected = [("Wait", "Wait"), ("AlertRouter", "Task"), ("Done", "Succeed"), ("Lost", "Fail")];
    assert_eq!(kinds, BTreeMap::from(expected));
    let next = |state: &str| file["States"][state]["Next"].as_str().map(str::to_owned);
    assert_eq!(
        (file["StartAt"].as_str(), next("Wait"), next("AlertRouter")),
        (Some("Wait"), Some("AlertRouter".to_owned()), Some("Done".to_owned()))
    );
    let placeholder = file["States"]["AlertRouter"]["Resource"].as_str().unwrap();
    assert_eq!(kebab(placeholder.trim_matches(['$', '{', '}'])), AlertRouterFunction::NAME);
}

/// A Wait has no Catch: what it reads is in every input, and in the form that it takes.
#[test]
fn it_reads_what_a_timer_is_started_with() {
    let due = Due { of: DueOf::Group, key: "g1".to_owned(), at: "2026-01-02T03:04:05.25Z".parse().unwrap() };
    let input = due.payload();
    let file = file();
    let path = file["States"]["Wait"]["TimestampPath"].as_str().unwrap();
    let read = input.pointer(&path.trim_start_matches('$').replace('.', "/")).unwrap();
    // RFC 3339, with the letters T and Z ("Wait workflow state", AWS Step Functions Developer Guide).
    assert_eq!(read, "2026-01-02T03:04:05.25Z");
    assert_eq!(task()["Parameters"], json!({ "due.$": "$.due" }), "and nothing else goes on");
}

#[test]
fn it_has_its_function_pinned_and_more_patience_than_that() {
    let template = template();
    let machine = &template["Resources"]["AlertTimer"]["Properties"];
    assert_eq!(machine["DefinitionUri"], "alert-timer.asl.json");
    assert_eq!(machine["DefinitionSubstitutions"], json!({ "AlertRouter": "AlertRouterFunction.Version" }));
    let binary = &template["Resources"]["AlertRouterFunction"]["Metadata"]["BuildProperties"]["Binary"];
    assert_eq!(binary, AlertRouterFunction::NAME);
    // Who started it does not know its version: an old timer outlives a deployment.
    let variable = &template["Resources"]["AlertRouterFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(
        variable["ACE_ALERT_TIMER"].as_str().and_then(|arn| arn.rsplit_once(":stateMachine:")).unwrap().1,
        machine["Name"]
    );
    let task = task();
    let patience = task["TimeoutSeconds"].as_u64().unwrap();
    let timeout = lambdas()[AlertRouterFunction::NAME].timeout;
    assert!(patience > timeout, "it waits {patience} s, the function may take {timeout} s");
    // The longest silence is 90 days; what is further away is looked at by the sweep.
    assert!(file()["TimeoutSeconds"].as_u64().unwrap() > 90 * 24 * 3600);
}

/// As the other machine does: what the developer guide of Step Functions says to retry, what a function looks like that
/// is frozen or gone, and our own errors that may not come again.
#[test]
fn it_tries_again_what_may_work_in_a_moment() {
    let task = task();
    let rules = task["Retry"].as_array().unwrap();
    let rollout = crate::machine::tasks();
    let (_, rollback) = &rollout["Rollback"];
    let (_, start) = &rollout["StartDeploy"];
    for (index, rule) in rules.iter().enumerate() {
        assert_eq!(names(rule), names(&start["Retry"][index]), "the same errors");
        for key in ["IntervalSeconds", "BackoffRate"] {
            assert_eq!(rule[key], start["Retry"][index][key], "{key}");
        }
        let attempts = |rule: &Value| rule["MaxAttempts"].as_u64().unwrap();
        let between = attempts(&start["Retry"][index])..=attempts(&rollback["Retry"][index]);
        assert!(between.contains(&attempts(rule)), "{rule}");
        assert!(rule["MaxDelaySeconds"].as_u64().is_some_and(|most| most <= 60), "{rule}");
    }
    assert_eq!(rules.len(), 3);
    let ours: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    let retried: Vec<&str> = rules.iter().flat_map(names).filter(|name| ours.contains(name)).collect();
    assert_eq!(retried, ["TransientError", "ConflictError"]);
    let of_aws = ["Lambda.", "Runtime.", "Sandbox.", "States."];
    for name in rules.iter().chain(task["Catch"].as_array().unwrap()).flat_map(names) {
        let known = ours.contains(name) || of_aws.iter().any(|prefix| name.starts_with(prefix));
        assert!(known, "nothing ends with {name}");
    }
}

#[test]
fn whatever_else_happens_it_is_lost_and_somebody_hears_of_it() {
    let (file, task) = (file(), task());
    let [caught] = task["Catch"].as_array().unwrap().as_slice() else { panic!("{task}") };
    assert_eq!((names(caught), caught["Next"].as_str()), (vec!["States.ALL"], Some("Lost")));
    assert_eq!(file["States"]["Lost"]["Error"], "TimerLost");
    let template = template();
    let alarm = &template["Resources"]["AlertTimersFailed"]["Properties"];
    assert_eq!(
        (&alarm["Namespace"], &alarm["MetricName"]),
        (&json!("AWS/States"), &json!("ExecutionsFailed"))
    );
    assert_eq!(alarm["Dimensions"][0]["Value"], "AlertTimer");
    assert_eq!(alarm["AlarmActions"], json!(["OperationsTopic"]));
    // Who makes up for it; `template::the_schedule_sweeps` has what it sends.
    assert_eq!(
        template["Resources"]["AlertSweep"]["Properties"]["Target"]["Arn"],
        "AlertRouterFunction.Alias"
    );
}

/// Nothing can be called.
struct Unreachable;

#[async_trait]
impl Tasks for Unreachable {
    async fn invoke(&self, _: &Resource, _: Value) -> Result<Value, TaskError> {
        Err(TaskError::new("TransientError", "DynamoDB is not answering"))
    }
}

/// Timers as the state machine, in a time in which it can call nobody.
struct LostTimers {
    clock: ScaledTimer,
    started: Mutex<Vec<Execution>>,
}

#[async_trait]
impl Timers for LostTimers {
    async fn start(&self, due: &Due) -> PortResult<()> {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:alert-router:1".to_owned();
        let definition = files::text("infra/alert-timer.asl.json");
        let machine =
            Machine::parse(&definition, &BTreeMap::from([("AlertRouter".to_owned(), arn)])).unwrap();
        let mut started = self.started.lock().unwrap();
        let machine_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:alert-timer";
        let identity = Identity::new(machine_arn, &format!("timer-{}", started.len())).unwrap();
        let clock = Arc::new(self.clock.clone());
        let unseen = Arc::new(Transcript::new());
        let execution = Execution::start(
            Arc::new(machine),
            identity,
            due.payload(),
            Arc::new(Unreachable),
            clock,
            unseen,
        );
        started.push(execution.unwrap());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_lost_is_made_up_for_by_the_sweep() {
    let run = alerts::listening().await;
    let timers = Arc::new(LostTimers {
        clock: ScaledTimer::new(run.now(), NonZeroU32::MIN),
        started: Mutex::default(),
    });
    let mut ports = run.stack.ports().clone();
    ports.messages.as_mut().unwrap().timers = Arc::clone(&timers) as _;
    let call = async |sample: &str| ports.call("alert-router", files::event(sample)).await.unwrap().unwrap();
    run.until("7:09").await;
    call("alarm-event-metric").await;
    run.until("14:00").await;
    let executions = timers.started.lock().unwrap().drain(..).collect::<Vec<_>>();
    assert_eq!(executions.len(), 1);
    match executions[0].outcome() {
        Some(Outcome::Failed { error, state, .. }) => {
            assert_eq!((error.as_deref(), state.as_str()), (Some("TimerLost"), "Lost"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(alerts::told(&run), [] as [String; 0], "nobody was told");
    call("sweep").await;
    assert_eq!(alerts::told(&run), ["14:00 chat firing: Rings of production/checkout"]);
    call("sweep").await;
    assert_eq!(alerts::told(&run).len(), 1);
}
