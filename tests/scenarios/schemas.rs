//! The JSON Schemas of `shared/contract/schemas/`: they are what the types say, and what really is sent fits them.
//!
//! After a change of a type that is meant, `UPDATE_SCHEMAS=1 cargo test -p e2e schemas` writes them anew.

use std::collections::BTreeMap;
use std::fs;

use asl::Event;
use e2e::{Fault, Rates, Run, files};
use jsonschema::Validator;
use local_stack::Update;
use rollout::Colour;
use serde_json::{Value, json};

const FOLDER: &str = "shared/contract/schemas";

pub(crate) fn validator(name: &str) -> Validator {
    let schemas: BTreeMap<_, _> = contract::schemas().into_iter().collect();
    let schema = schemas.get(name).unwrap_or_else(|| panic!("there is no schema {name}"));
    jsonschema::validator_for(schema.as_value()).unwrap()
}

pub(crate) fn fits(name: &str, validator: &Validator, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{value:#}");
}

#[test]
fn the_schemas_that_are_kept_are_what_the_types_say() {
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    let mut expected = Vec::new();
    for (name, schema) in contract::schemas() {
        let text = serde_json::to_string_pretty(schema.as_value()).unwrap() + "\n";
        let path = format!("{FOLDER}/{name}.json");
        if update {
            fs::create_dir_all(files::root().join(FOLDER)).unwrap();
            fs::write(files::root().join(&path), &text).unwrap();
        }
        assert!(
            files::text(&path) == text,
            "{path} is not what the types say; UPDATE_SCHEMAS=1 cargo test -p e2e schemas writes it anew"
        );
        expected.push(format!("{name}.json"));
    }
    expected.sort();
    assert_eq!(files::names(FOLDER), expected, "nothing else is there");
}

/// What the functions were sent and what they answered, by their name.
async fn messages(run: &Run) -> Vec<(String, Value, Value)> {
    run.canary().await;
    let mut called = Vec::new();
    let mut messages = Vec::new();
    for update in run.journal.updates() {
        let Update::Machine(step) = update else { continue };
        match step.event {
            Event::TaskScheduled { resource, payload, .. } => {
                called.push((resource.function_name().to_owned(), payload));
            }
            Event::TaskSucceeded { output } => {
                let (function, payload) = called.pop().unwrap();
                messages.push((function, payload, output));
            }
            _ => {}
        }
    }
    messages
}

#[tokio::test(start_paused = true)]
async fn what_is_really_sent_fits() {
    let good = Run::usual().await;
    let bad = Run::usual().await;
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    bad.world.fault(Fault { colour: Colour::Green, from: 25, rates });
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (function, request, reply) in messages(&good).await.into_iter().chain(messages(&bad).await) {
        let name = format!("{function}.reply");
        fits(&name, &validator(&name), &reply);
        if matches!(function.as_str(), "health-check" | "promote-step") {
            let name = format!("{function}.request");
            fits(&name, &validator(&name), &request);
        }
        *seen.entry(function).or_default() += 1;
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    let clean_up = files::event("clean-up");
    fits("clean-up", &validator("promote-step.clean-up"), &clean_up["clean_up"]);
    let sweep = files::event("sweep");
    fits("sweep", &validator("promote-step.sweep"), &sweep["sweep"]);
    assert!(!validator("promote-step.sweep").is_valid(&json!({ "all": true })));
    let command = validator("promote-step.command");
    for name in ["order-hold", "order-advance", "order-approve"] {
        let mut order = files::event(name);
        fits(name, &command, &order["command"]);
        order["command"].as_object_mut().unwrap().remove("step");
        assert_eq!(command.is_valid(&order["command"]), name == "order-hold", "{name} without a step");
    }
}

#[test]
fn the_configuration_of_this_machine_fits() {
    let text = files::text(".ace-flow/environments/local/config.yml");
    let configuration: Value = serde_saphyr::from_str(&text).unwrap();
    fits("local", &validator("configuration"), &configuration);
    let published = serde_json::to_value(e2e::configuration("")).unwrap();
    fits("published", &validator("configuration"), &published);
}

#[test]
fn what_is_wrong_does_not_fit() {
    let reply = validator("health-check.reply");
    let good = json!({
        "next": "wait", "wait_seconds": 10, "rollout_id": "checkout-1", "epoch": 1,
        "environment": "production", "service": "checkout", "reason": "",
    });
    fits("a reply", &reply, &good);
    for (field, value) in [("next", json!("go")), ("wait_seconds", json!(-1)), ("extra", json!(1))] {
        let mut wrong = good.clone();
        wrong[field] = value;
        assert!(!reply.is_valid(&wrong), "{field}");
    }
    for field in ["next", "wait_seconds", "rollout_id", "epoch", "environment", "service", "reason"] {
        let mut wrong = good.clone();
        wrong.as_object_mut().unwrap().remove(field);
        assert!(!reply.is_valid(&wrong), "without {field}");
    }
    let configuration = validator("configuration");
    let mut wrong = serde_json::to_value(e2e::configuration("")).unwrap();
    wrong["rollout"]["canary"]["steps"][0]["weight"] = 101.into();
    assert!(!configuration.is_valid(&wrong), "a weight over 100");
}
