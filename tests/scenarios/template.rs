//! `infra/template.yaml` against the state machine, the functions and the samples.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{PERIOD, SWEPT_BY, files};
use environments::ZOMBIE_BOUND;
use local_stack::ASYNCHRONOUS_RETRIES;
use serde_json::{Map, Value, json};

use crate::costs;
use crate::machine::{kebab, tasks};
use crate::patterns::matches;

pub(crate) fn template() -> Value {
    serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap()
}

pub(crate) struct Lambda {
    pub(crate) timeout: u64,
    policies: Vec<String>,
    variables: BTreeSet<String>,
}

fn keys(variables: &Value) -> BTreeSet<String> {
    variables.as_object().map(Map::keys).into_iter().flatten().cloned().collect()
}

/// The functions of the template by the name of their binary; what Globals gives is left out of the variables.
pub(crate) fn lambdas() -> BTreeMap<String, Lambda> {
    let template = template();
    let shared = &template["Globals"]["Function"];
    let functions = template["Resources"].as_object().unwrap().values();
    functions
        .filter(|resource| resource["Type"] == "AWS::Serverless::Function")
        .map(|resource| {
            let own = &resource["Properties"];
            let timeout = own.get("Timeout").unwrap_or(&shared["Timeout"]).as_u64().unwrap();
            let policies = own["Policies"].as_array().unwrap().iter();
            let lambda = Lambda {
                timeout,
                policies: policies.filter_map(|policy| Some(policy.as_str()?.to_owned())).collect(),
                variables: keys(&own["Environment"]["Variables"]),
            };
            (resource["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned(), lambda)
        })
        .collect()
}

#[test]
fn the_template_has_each_function_and_gives_it_to_the_state_machine() {
    let built: Vec<String> = lambdas().into_keys().collect();
    assert_eq!(built, files::names("functions"));
    let template = template();
    let machine = &template["Resources"]["RolloutStateMachine"]["Properties"];
    let substitutions = machine["DefinitionSubstitutions"].as_object().unwrap();
    let wanted: BTreeSet<String> = tasks().into_values().map(|(placeholder, _)| placeholder).collect();
    assert_eq!(substitutions.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    for (placeholder, reference) in substitutions {
        let logical = reference.as_str().unwrap().strip_suffix(".Version").expect("a pinned version");
        let resource = &template["Resources"][logical];
        assert_eq!(resource["Metadata"]["BuildProperties"]["Binary"], kebab(placeholder), "{placeholder}");
    }
}

/// A Task that gives up before its function does would start a second one beside the first.
#[test]
fn a_task_waits_longer_than_its_function_can_take() {
    let lambdas = lambdas();
    for (task, (placeholder, state)) in tasks() {
        let patience = state["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("{task} has no limit"));
        let timeout = lambdas[&kebab(&placeholder)].timeout;
        assert!(patience > timeout, "{task} waits {patience} s, its function may take {timeout} s");
    }
}

/// Whoever writes weights may still be writing for as long as its timeout: the verification comes later. That holds for
/// rollback as well (tests/model, `long_lived_rollback`).
#[test]
fn the_zombie_bound_outlasts_every_writer_of_weights() {
    let bound = u64::from(ZOMBIE_BOUND.0);
    let mut writers = Vec::new();
    for (name, lambda) in lambdas() {
        if lambda.policies.iter().any(|policy| policy == "TrafficPolicy") {
            assert!(
                bound > lambda.timeout,
                "{name} may write for {} s, the bound is {bound} s",
                lambda.timeout
            );
            writers.push(name);
        }
    }
    assert_eq!(writers, ["promote-step", "rollback"]);
}

/// The watchdog's first call sets weight 0 and fails, the second one verifies; without a third, one fault would send the
/// event to the dead letters. Lambda tries again twice at most (`MaximumRetryAttempts`, AWS Lambda API Reference).
#[test]
fn the_watchdog_is_called_again_as_often_as_lambda_does() {
    let template = template();
    let attempts = &template["Globals"]["Function"]["EventInvokeConfig"]["MaximumRetryAttempts"];
    assert_eq!(attempts.as_u64(), Some(ASYNCHRONOUS_RETRIES.len() as u64));
    assert!(template["Resources"]["RollbackFunction"]["Properties"].get("EventInvokeConfig").is_none());
    assert!(ASYNCHRONOUS_RETRIES.iter().all(|wait| *wait > ZOMBIE_BOUND));
    let alarm = &template["Resources"]["RollbackErrors"]["Properties"];
    let minute = (alarm["Period"].as_u64(), alarm["Threshold"].as_u64());
    assert_eq!(minute, (Some(60), Some(1)), "a minute in which anything failed");
    assert!(alarm["DatapointsToAlarm"].as_u64() > Some(1), "an ordinary watchdog has one such minute");
}

/// The `ACE_` names that occur as text in a function's sources.
fn read_by(function: &str) -> BTreeSet<String> {
    let folder = format!("functions/{function}/src");
    let mut names = BTreeSet::new();
    for file in files::names(&folder) {
        let text = files::text(&format!("{folder}/{file}"));
        let quoted = text.split('"').skip(1).step_by(2);
        names.extend(quoted.filter(|text| text.starts_with("ACE_")).map(str::to_owned));
    }
    names
}

#[test]
fn every_variable_that_is_read_is_set_and_every_one_that_is_set_is_read() {
    let template = template();
    let shared = keys(&template["Globals"]["Function"]["Environment"]["Variables"]);
    let mut read_by_any = BTreeSet::new();
    for (name, lambda) in lambdas() {
        let read = read_by(&name);
        let set = &shared | &lambda.variables;
        assert_eq!(&read - &set, BTreeSet::new(), "{name} reads what the template does not set");
        assert_eq!(&lambda.variables - &read, BTreeSet::new(), "{name} does not read what the template sets");
        read_by_any.extend(read);
    }
    let ours: BTreeSet<String> = shared.into_iter().filter(|name| name.starts_with("ACE_")).collect();
    assert_eq!(&ours - &read_by_any, BTreeSet::new(), "Globals sets what no function reads");
}

/// The rules of the template, each with its pattern for the environment of the samples.
fn rules() -> BTreeMap<String, Value> {
    fn resolved(value: Value) -> Value {
        match value {
            Value::String(text) => json!(match text.as_str() {
                "Environment" => "production",
                "PipelinePattern" => "*",
                "RolloutStateMachine" => {
                    "arn:aws:states:us-east-1:123456789012:stateMachine:ace-flow-production-rollout"
                }
                text => text,
            }),
            Value::Array(values) => values.into_iter().map(resolved).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, resolved(value))).collect()
            }
            other => other,
        }
    }
    let template = template();
    let resources = template["Resources"].as_object().unwrap().values();
    let events = resources.filter_map(|resource| resource["Properties"]["Events"].as_object()).flatten();
    let rules = events.filter(|(_, event)| event["Type"] == "EventBridgeRule");
    rules.map(|(name, rule)| (name.clone(), resolved(rule["Properties"]["Pattern"].clone()))).collect()
}

/// The rules that an event reaches.
fn reached(event: &Value) -> Vec<String> {
    rules().into_iter().filter(|(_, pattern)| matches(pattern, event)).map(|(name, _)| name).collect()
}

#[test]
fn the_samples_reach_whom_they_are_for() {
    let names: Vec<String> = rules().into_keys().collect();
    assert_eq!(names, ["Outcomes", "Pipeline", "Request", "Signals", "Watchdog", "Woken"]);
    let mut seen = BTreeSet::new();
    for file in files::names("events") {
        let sample = file.strip_suffix(".json").unwrap();
        let event = files::event(sample);
        let expected: &[&str] = match sample {
            "codepipeline-started" | "codepipeline-stage-succeeded" | "codepipeline-action-succeeded" => &[],
            _ if sample.starts_with("codepipeline-") => &["Pipeline"],
            _ if sample.starts_with("manual-request") => &["Request"],
            "watchdog" => &["Watchdog"],
            _ if ["alarm-event-", "status-", "trouble-"].iter().any(|kind| sample.starts_with(kind)) => {
                &["Signals"]
            }
            _ if sample.starts_with("rds-") => &["Woken"],
            _ if sample.starts_with("outcome-") => &["Outcomes"],
            // What no rule of EventBridge delivers.
            _ => &[],
        };
        assert_eq!(reached(&event), expected, "{sample}");
        seen.extend(expected);
    }
    assert_eq!(seen, names.iter().map(String::as_str).collect(), "each rule has a sample");
}

#[test]
fn what_is_nobodys_reaches_nobody() {
    let with = |sample: &str, pointer: &str, value: &str| {
        let mut event = files::event(sample);
        *event.pointer_mut(pointer).unwrap() = value.into();
        event
    };
    for (status, matched) in
        [("FAILED", true), ("TIMED_OUT", true), ("ABORTED", true), ("SUCCEEDED", false), ("RUNNING", false)]
    {
        assert_eq!(!reached(&with("watchdog", "/detail/status", status)).is_empty(), matched, "{status}");
    }
    for event in [
        with(
            "watchdog",
            "/detail/stateMachineArn",
            "arn:aws:states:us-east-1:123456789012:stateMachine:other",
        ),
        // The timers' own failures are an alarm of the stack.
        with(
            "watchdog",
            "/detail/stateMachineArn",
            "arn:aws:states:us-east-1:123456789012:stateMachine:ace-flow-production-alert-timer",
        ),
        with("manual-request", "/detail/environment", "staging"),
        with("alarm-event-deleted", "/detail/operation", "create"),
        with("alarm-event-deleted", "/detail/operation", "update"),
        with("alarm-event-metric", "/source", "somebody.else"),
        with("alarm-event-metric", "/detail-type", "CloudWatch Alarm Contributor State Change"),
        with("status-unhealthy", "/source", "somebody.else"),
        with("outcome-promoted", "/source", "somebody.else"),
        with("trouble-stuck", "/source", "somebody.else"),
        // A database that is started, stopped or backed up as somebody wants it.
        with("rds-woken", "/detail/EventID", "RDS-EVENT-0088"),
        with("rds-cluster-woken", "/detail/EventID", "RDS-EVENT-0150"),
        with("rds-woken", "/source", "somebody.else"),
    ] {
        assert_eq!(reached(&event), [] as [&str; 0], "{event}");
    }
    // The configuration says whose alarms and statuses count, whatever the environment of the stack.
    assert_eq!(reached(&with("status-unhealthy", "/detail/environment", "staging")), ["Signals"]);
}

/// Each function with a sweep has a schedule, which sends the sample, as often as the tests of everything else assume;
/// its role may call that function and no other, and the function may read the list that it sweeps.
#[test]
fn the_schedule_sweeps() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let schedules = resources.values().filter(|resource| resource["Type"] == "AWS::Scheduler::Schedule");
    // There: it is no sweep.
    let schedules = schedules.filter(|schedule| schedule["Properties"]["Name"] != costs::TICK_NAME);
    let mut swept = BTreeSet::new();
    for schedule in schedules {
        let schedule = &schedule["Properties"];
        assert_eq!(schedule["ScheduleExpression"], format!("rate({} minutes)", PERIOD.0 / 60));
        let target = &schedule["Target"];
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        assert_eq!(input, files::event("sweep"));
        let alias = target["Arn"].as_str().unwrap();
        let function = &resources[alias.strip_suffix(".Alias").expect("an alias")];
        let role =
            &resources[target["RoleArn"].as_str().unwrap().strip_suffix(".Arn").unwrap()]["Properties"];
        let may = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap();
        let invoke: Vec<&Value> = may.iter().filter(|one| one["Action"] == "lambda:InvokeFunction").collect();
        assert_eq!((invoke.len(), invoke[0]["Resource"].as_str()), (1, Some(alias)));
        let policies = function["Properties"]["Policies"].as_array().unwrap().iter();
        let lists = policies.filter_map(|policy| policy["Statement"].as_array()).flatten().filter(|one| {
            one["Action"] == "dynamodb:Query" && one["Resource"] == "${Table.Arn}/index/active"
        });
        assert_eq!(lists.count(), 1, "{alias}");
        swept.insert(function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned());
    }
    let all = SWEPT_BY.into_iter().chain(["alert-router"]);
    assert_eq!(swept, all.map(str::to_owned).collect());
}

/// So many attempts, and so many seconds, after which a way in gives up on an event.
fn bounded(policy: &Value) -> bool {
    let (attempts, age) = (&policy["MaximumRetryAttempts"], &policy["MaximumEventAgeInSeconds"]);
    attempts.as_u64().is_some_and(|attempts| attempts <= 185) && age.as_u64().is_some_and(|age| age <= 3600)
}

/// Whatever calls a function or the state machine gives an event up after bounded attempts, leaves it in a queue, and
/// somebody is told that one is there.
#[test]
fn every_way_in_ends_among_the_dead_letters() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let queue = |arn: &Value| arn.as_str().and_then(|arn| arn.strip_suffix(".Arn")).map(str::to_owned);
    let mut ways = Vec::new();
    for (name, resource) in resources {
        let own = &resource["Properties"];
        assert!(own.get("EventInvokeConfig").is_none(), "{name} has retries of its own");
        for (event, source) in own["Events"].as_object().into_iter().flatten() {
            let properties = &source["Properties"];
            let arn = match source["Type"].as_str().unwrap() {
                // SNS gives up by itself, after 100,015 attempts in 23 days; a policy can be set for HTTP alone
                // ("Amazon SNS message delivery retries").
                "SNS" => &properties["RedrivePolicy"]["deadLetterTargetArn"],
                "EventBridgeRule" => {
                    assert!(bounded(&properties["RetryPolicy"]), "{name}.{event}");
                    &properties["DeadLetterConfig"]["Arn"]
                }
                other => panic!("{name}.{event}: {other} is a way in that this test does not know"),
            };
            ways.push((format!("{name}.{event}"), queue(arn)));
        }
        if resource["Type"] == "AWS::Scheduler::Schedule" {
            assert!(bounded(&own["Target"]["RetryPolicy"]), "{name}");
            ways.push((name.clone(), queue(&own["Target"]["DeadLetterConfig"]["Arn"])));
        }
    }
    let of_all = &template["Globals"]["Function"]["EventInvokeConfig"];
    assert!(bounded(of_all));
    assert_eq!(of_all["DestinationConfig"]["OnFailure"]["Type"], "SQS");
    ways.push(("Lambda".to_owned(), queue(&of_all["DestinationConfig"]["OnFailure"]["Destination"])));
    assert!(ways.len() > 6, "{ways:?}");
    let watched: BTreeSet<&str> = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm")
        .filter(|resource| {
            resource["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
                && resource["Properties"]["AlarmActions"]
                    .as_array()
                    .is_some_and(|actions| !actions.is_empty())
        })
        .filter_map(|alarm| {
            alarm["Properties"]["Dimensions"][0]["Value"].as_str()?.strip_suffix(".QueueName")
        })
        .collect();
    for (way, queue) in ways {
        let queue = queue.unwrap_or_else(|| panic!("{way} has no dead letters"));
        assert_eq!(resources[&queue]["Type"], "AWS::SQS::Queue", "{way}");
        assert!(watched.contains(queue.as_str()), "nobody hears of the dead letters of {way} in {queue}");
    }
}
