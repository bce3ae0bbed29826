use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::history::Record;
use engine::ports::Published;
use environments::Environment;
use rollout::{Barred, Epoch, Event, Rollout, RuleSnapshot, Start, Target, decide};
use serde_json::{Map, Value, json};

use crate::item::Item;

pub(crate) fn environment() -> Environment {
    Environment::from_yaml(
        "environment: {name: staging, region: eu-west-1, stage: staging, account: '123456789012'}\n\
         rollout: {guardrails: [shop-5xx]}\n\
         services:\n  \
           shop:\n    \
             pipeline: shop\n    \
             strategy: canary\n    \
             route:\n      \
               rule: arn:rule\n      \
               load_balancer: arn:lb\n      \
               blue: {target_group: arn:blue, endpoint: 'http://blue'}\n      \
               green: {target_group: arn:green, endpoint: 'http://green'}\n",
    )
    .unwrap()
}

pub(crate) fn start(id: &str, target: Target) -> Start {
    let (environment_name, service) = ("staging".parse().unwrap(), "shop".parse().unwrap());
    let plan = environment().plan(&environment_name, &service, "v2".parse().unwrap(), None).unwrap();
    let execution = "arn:aws:states:eu-west-1:1:execution:ace:1".parse().unwrap();
    Start {
        id: id.parse().unwrap(),
        plan,
        target,
        rule: RuleSnapshot::default(),
        requested_by: "pipeline shop".to_owned(),
        overridden: None,
        execution,
        at: "2026-01-02T03:04:05.5Z".parse().unwrap(),
    }
}

pub(crate) fn untouched() -> Target {
    Target::untouched("staging".parse().unwrap(), "shop".parse().unwrap())
}

/// The same, free at another epoch, with a version that must not come back.
pub(crate) fn barred() -> Target {
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    let barred = Barred::Version { version: "v1".parse().unwrap(), since, why: "5 % errors".to_owned() };
    Target { epoch: Epoch(3), barred, ..untouched() }
}

/// The first published configuration.
pub(crate) fn published() -> Published {
    Published::first(environment(), "ann".to_owned(), "2026-01-02T03:00:00Z".parse().unwrap()).unwrap()
}

/// A rollout that begins, with its first record.
pub(crate) fn begun(id: &str) -> (Rollout, Record) {
    let rollout = Rollout::start(start(id, untouched()));
    let record = Record::new(&rollout, rollout.begun(), "");
    (rollout, record)
}

/// What an event makes of a rollout, with its record.
pub(crate) fn after(before: &Rollout, event: Event) -> (Rollout, Record) {
    let after = decide(before, &event).unwrap();
    let record = Record::new(&after, event, "");
    (after, record)
}

/// An attribute as DynamoDB's JSON writes it.
pub(crate) fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Ss(set) => json!({"SS": set}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        other => panic!("not written by this crate: {other:?}"),
    }
}

/// An item as DynamoDB's JSON writes it.
pub(crate) fn item(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>())
}

/// A cancelled transaction as DynamoDB answers it.
pub(crate) fn cancelled(reasons: &[(&str, Option<&Item>)]) -> (u16, String) {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|(code, old)| {
            let mut reason = HashMap::from([("Code", json!(code))]);
            if *code != "None" {
                reason.insert("Message", json!("said so"));
            }
            if let Some(old) = old {
                reason.insert("Item", item(old));
            }
            json!(reason)
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    (400, body.to_string())
}
