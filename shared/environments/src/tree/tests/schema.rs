//! The schema for editors: it is what the types say, and refuses nothing that is accepted.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

use super::*;

static SCHEMA: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(super::super::schema().as_value()).unwrap());

/// Why the schema refuses a file.
pub(super) fn refused(file: &Json) -> Vec<String> {
    SCHEMA.iter_errors(file).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn is_accepted(file: &Json) -> bool {
    check(&[sources("qa", &file.to_string())], Strictness::Lenient).is_ok()
}

#[test]
fn the_schema_that_is_kept_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("environment.schema.json");
    let text = serde_json::to_string_pretty(super::super::schema().as_value()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    assert!(
        kept == text,
        "environment.schema.json is not what the types say; UPDATE_SCHEMAS=1 cargo test -p environments writes it anew"
    );
}

#[test]
fn the_schema_is_one_and_knows_every_block() {
    let schema = super::super::schema();
    assert!(jsonschema::meta::is_valid(schema.as_value()));
    let properties = schema.get("properties").and_then(Json::as_object).unwrap();
    for name in sections::SECTIONS.into_iter().chain(["rollout", "services"]) {
        assert!(properties.contains_key(name), "{name}");
    }
    let own = Environment::schema();
    for name in own.get("properties").and_then(Json::as_object).unwrap().keys() {
        assert!(properties.contains_key(name), "{name}");
    }
    let text = schema.as_value().to_string();
    for reference in text.split("\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schema.pointer(&format!("/$defs/{name}")).is_some(), "{name} is not there");
    }
}

#[test]
fn the_documents_files_fit() {
    for text in [DEVELOPMENT, STAGING, PRODUCTION, LOCAL] {
        assert_eq!(refused(&json(text)), Vec::<String>::new());
    }
    for text in [DEVELOPMENT, STAGING, PRODUCTION] {
        let resolved = one(sources("qa", &text.replace("prod", "qa"))).to_yaml().to_owned();
        assert_eq!(refused(&json(&resolved)), Vec::<String>::new(), "{resolved}");
    }
}

/// Values around the edge of each setting, of the kinds that there are.
fn values() -> Vec<Json> {
    let texts = [
        "",
        "a",
        "ab",
        "abc",
        "ace-flow",
        "-a",
        "a-",
        "a..b",
        "a.b",
        "us-east-1",
        "us-east",
        "eu-west-10",
        "t3.micro",
        "db.t3",
        "large",
        "nodejs22.x",
        "Node 18",
        "AES256",
        "aws:kms",
        "aes256",
        "INFO",
        "info",
        "123456789012",
        "12345678901",
        "true",
        "5",
        "new_flag",
        "${X}",
        "é",
    ];
    let numbers =
        [-1_i64, 0, 1, 19, 20, 35, 36, 59, 60, 127, 128, 900, 901, 10_240, 10_241, 43_200, 43_201, 65_536];
    let more = [100_000_i64, 100_001, 2_000_000_000, 2_000_000_001];
    let long = ["a".repeat(63), "a".repeat(64), "a".repeat(255), "a".repeat(256)];
    let mut all: Vec<Json> = texts.iter().map(|text| json!(text)).collect();
    all.extend(long.iter().map(|text| json!(text)));
    all.extend(numbers.into_iter().chain(more).map(|number| json!(number)));
    all.extend([
        json!(20.0),
        json!(20.5),
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!([1]),
        json!({}),
    ]);
    all
}

fn settings() -> Vec<(String, String)> {
    let whole = super::super::schema();
    let mut found =
        vec![("features".to_owned(), "new_flag".to_owned()), ("features".to_owned(), "Bad".to_owned())];
    for section in sections::SECTIONS {
        let reference = whole.pointer(&format!("/properties/{section}/$ref")).and_then(Json::as_str);
        let Some(reference) = reference else { continue };
        let block = whole.pointer(reference.trim_start_matches('#')).unwrap();
        let keys = block["properties"].as_object().unwrap().keys();
        found.extend(keys.map(|key| (section.to_owned(), key.clone())));
        found.push((section.to_owned(), "unknown".to_owned()));
    }
    found
}

/// Every place in a value.
fn pointers(value: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Json::Object(map) => {
            for (key, below) in map {
                pointers(below, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Json::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                pointers(below, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Everything that the blocks of rollouts can say, somewhere.
const ROLLOUTS: &str = r#"
environment: { name: ace-flow-qa, region: us-east-1, stage: qa, account: "123456789012" }
rollout:
  canary: { steps: [{ weight: 10, bake: 5m, approval: true }, { weight: 100, bake: 2m }], hold_back: 5, micro_ramp: true }
  blue_green: { monitor: 10m }
  readiness:
    attempts: 3
    interval: 10s
    path: /health
    smoke_tests: [{ name: cart, path: /cart, method: POST, status: 405, contains: total }]
  judge:
    preset: cautious
    false_rollback_budget: 0.01
    margin: 1.5
    minimum_requests: 60
    minimum_minutes: 2
    latency_objective_ms: 250
    cold_minutes: 1
    max_error_rate: 0.1
    suspect_minutes: 3
    early_promotion: true
    too_little_traffic: ask
    metrics: [{ name: orders, kind: counts, worse: lower, margin: 1.2 }]
  metric_sources:
    orders:
      namespace: Shop
      metric: Orders
      dimensions: { Service: checkout }
      arm: { dimension: Colour, value: { named: { blue: b, green: g } } }
      of: Visits
      statistic: Sum
  evidence: { settle: 5s, metric_delay: 1m, patience: 10m, blind: 5m, frozen: 30m }
  guardrails: [High 5XX]
  clean_up: { after: 1h, quiet_minutes: 5, attempts: 24 }
  stop_the_line: { rollbacks: 3, within: 1h }
  accept_events_for: 24h
services:
  checkout:
    pipeline: checkout
    strategy: canary
    route:
      rule: rule
      load_balancer: lb
      blue: { target_group: b, endpoint: "http://blue" }
      green: { target_group: g, endpoint: "http://green" }
    rollout:
      judge: { rule: { alarm: { threshold: 2, treat_missing_data: breaching } } }
      guardrails: []
"#;

fn more() -> Vec<Json> {
    let texts =
        ["canary", "5m", "5", "-5m", "http://x", "/p", "POST", "post", "extend", "breaching", "1e400"];
    let numbers =
        [json!(101), json!(256), json!(1e10), json!(-0.5), json!(1e300), json!(u64::MAX), json!(0.5)];
    let blocks = [
        json!({ "weight": 100, "bake": "5m" }),
        json!({ "canary": null }),
        json!([{}]),
        json!(["a"]),
        json!([null]),
    ];
    let all = texts.iter().map(|text| json!(text)).chain(numbers).chain(blocks);
    values().into_iter().chain(all).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn of_the_sections_schema_and_checker_refuse_the_same(
        changes in prop::collection::vec((select(settings()), prop::option::of(select(values()))), 0..4),
        left_out in prop::option::of(select(sections::SECTIONS.to_vec())),
    ) {
        let mut file = json(&PRODUCTION.replace("stage: \"prod\"", "stage: \"qa\""));
        for ((section, key), value) in changes {
            let section = file[&section].as_object_mut().unwrap();
            match value {
                Some(value) => section.insert(key, value),
                None => section.remove(&key),
            };
        }
        if let Some(section) = left_out {
            file.as_object_mut().unwrap().remove(section);
        }
        let refused = refused(&file);
        prop_assert_eq!(refused.is_empty(), is_accepted(&file), "{:?} {:#}", refused, file);
    }

    #[test]
    fn of_the_rollouts_nothing_is_accepted_that_the_schema_refuses(
        changes in prop::collection::vec((any::<Index>(), select(more()), any::<bool>()), 1..3),
    ) {
        let mut file = json(&format!("{ROLLOUTS}{}", super::alerts::ALERTING.replace("production]", "qa]")));
        prop_assert!(refused(&file).is_empty() && is_accepted(&file), "{:?}", refused(&file));
        for (at, value, remove) in changes {
            let mut places = Vec::new();
            pointers(&file, "", &mut places);
            let place = &places[at.index(places.len())];
            match place.rsplit_once('/') {
                Some((above, key)) if remove && file.pointer(above).is_some_and(Json::is_object) => {
                    file.pointer_mut(above).and_then(Json::as_object_mut).unwrap().remove(key);
                }
                _ => *file.pointer_mut(place).unwrap() = value,
            }
        }
        let refused = refused(&file);
        prop_assert!(refused.is_empty() || !is_accepted(&file), "{:?} was accepted: {:#}", refused, file);
    }
}
