//! Broken configurations, one mistake each: the file, what is replaced by what, and the line that is to blame.

use std::fmt::Write as _;

use super::*;

const LAMBDA: &str = "lambda:
  memory: 1024
  timeout: 60
  runtime: \"nodejs18.x\"
  provisioned_concurrency: 10
";

const BROKEN: [(&str, &str, &str, u64); 66] = [
    ("production", "environment:\n", "enviroment:\n", 2),
    ("production", "  name: \"ace-flow-prod\"\n", "", 2),
    ("production", "\"ace-flow-prod\"", "\"ace flow prod\"", 3),
    ("production", "us-east-1", "us-east", 4),
    ("production", "stage: \"prod\"", "stage: \"dev\"", 5),
    ("production", "stage: \"prod\"", "stage: \"prod\"\n  account: 123456789012", 6),
    ("production", "stage: \"prod\"", "stage: \"prod\"\n  stage: \"dev\"", 6),
    ("production", "database:\n", "databse:\n", 7),
    ("production", "r5.large", "large", 8),
    ("production", "storage: 100", "storage: \"100\"", 9),
    ("production", "storage: 100", "storage: 19", 9),
    ("production", "storage: 100", "storage: 100GB", 9),
    ("production", "storage: 100", "storage: 99999999999999999999999", 9),
    ("production", "storage: 100", "storage: ${DB_STORAGE_SIZE}", 9),
    ("production", "storage: 100", "storage:", 9),
    ("production", "backup_retention: 30", "backup_retention: 36", 10),
    ("production", "backup_retention: 30", "backup_retention: 6", 10),
    ("production", "  backup_retention: 30\n", "", 7),
    ("production", "multi_az: true", "multi_az: false", 11),
    ("production", "multi_az: true", "multi_az: maybe", 11),
    ("production", "multi_az", "mutli_az", 11),
    ("production", "memory: 1024", "memory: 64", 14),
    ("production", "timeout: 60", "timeout: 901", 15),
    ("production", "timeout: 60", "timeout: [60]", 15),
    ("production", "nodejs18.x", "Node 18", 16),
    ("production", "provisioned_concurrency: 10", "provisioned_concurrency: 0", 17),
    ("production", "provisioned_concurrency", "provisioned_concurency", 17),
    ("production", "ace-flow-prod-storage", "Ace_Flow", 20),
    ("production", "cdn_enabled: true", "cdn_enabled: 1", 21),
    ("production", "aws:kms", "aws-kms", 22),
    ("production", "WARN", "WARNING", 26),
    ("production", "alerts_enabled: true", "alerts_enabled: false", 28),
    ("production", "mfa_required: true", "mfa_required: false", 32),
    ("production", "  mfa_required: true\n", "", 31),
    ("production", "session_timeout: 900", "session_timeout: 15m", 33),
    ("production", "rate_limiting: 100", "rate_limiting: -100", 34),
    ("production", "debug_mode: false", "debug_mode: \"off\"", 38),
    ("production", "debug_mode", "Debug-Mode", 38),
    ("production", "features:\n", "features: [\n", 39),
    ("production", LAMBDA, "lambda: 3\n", 13),
    ("local", "minimum_requests: 50", "minimum_requests: many", 10),
    ("local", "strategy: canary", "strategy: canari", 26),
    ("local", "    pipeline: catalog\n", "", 33),
    ("local", "http://blue.catalog", "blue.catalog", 39),
    ("local", "judge:\n", "jugde:\n", 9),
    ("local", "minimum_requests: 50", "minimum_request: 50", 10),
    ("local", "settle: 5s", "settle: 5", 13),
    ("local", "pipeline: catalog\n", "pipeline: checkout\n", 25),
    ("local", "path: /\n", "path: start\n", 18),
    ("local", "settle: 5s", "settle: 5m30s", 13),
    ("local", "after: 2m", "after: [2m]", 20),
    ("local", "quiet_minutes: 1", "quiet_minutes: -1", 21),
    ("local", "rule: local/catalog", "rule: local/checkout", 28),
    ("local", "target_group: checkout-green", "target_group: checkout-blue", 31),
    ("local", "\"http://green.checkout.localhost\"", "8080", 31),
    ("local", "  checkout:\n", "  check out:\n", 24),
    ("local", "    pipeline: checkout\n", "    pipeline: [checkout]\n", 25),
    ("local", "rollout:\n", "rollout:\n  canary: { steps: [{ weight: 10, bake: 5m }] }\n", 9),
    ("local", "rollout:\n", "rollout:\n  canary: { steps: [] }\n", 9),
    ("local", "rollout:\n", "rollout:\n  canary: { hold_back: 60 }\n", 9),
    ("local", "rollout:\n", "rollout:\n  guardrails: High 5XX\n", 9),
    ("local", "rollout:\n", "rollout:\n  stop_the_line: { rollbacks: 0 }\n", 9),
    ("local", "    latency_objective_ms: 250\n", "    metrics: [{ name: orders }]\n", 9),
    ("local", "    smoke_tests:\n", "    interval: 20m\n    smoke_tests:\n", 16),
    ("local", "\nrollout:", "\nfeature: {}\nrollout:", 8),
    ("local", "  clean_up:\n    after: 2m\n    quiet_minutes: 1\n", "  clean_up: 2m\n", 19),
];

#[test]
fn each_broken_configuration_is_refused_at_its_line_with_a_remedy() {
    let mut told = String::new();
    for (name, from, to, line) in BROKEN {
        let text = if name == "local" { LOCAL } else { PRODUCTION };
        assert!(text.contains(from), "{from:?} is not in {name}");
        let refused = check(&[sources(name, &text.replacen(from, to, 1))], Strictness::Lenient).unwrap_err();
        let errors: Vec<&Mistake> =
            refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
        writeln!(told, "--- {name}: {from:?} -> {to:?}").unwrap();
        for error in &errors {
            assert!(!error.remedy.is_empty(), "{error}");
            writeln!(told, "{error}\n").unwrap();
        }
        let lines: Vec<u64> = errors.iter().map(|error| error.line).collect();
        if lines != [line] {
            writeln!(told, "EXPECTED LINE {line}, GOT {lines:?}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
    assert!(!told.contains("EXPECTED LINE"), "{told}");
}

const SECRETS_OF_STAGING: [(&str, u64); 6] = [
    ("secrets:\n  database:\n    password: \"canary-value\"\n", 3),
    ("secrets:\n  database:\n    password: 1234\n", 3),
    ("secrets:\n  database: canary-value\n", 2),
    ("secret:\n  database: {}\n", 1),
    ("secrets:\n  database:\n    password: \"\"\n", 3),
    ("secrets:\n  database:\n    password: 'canary-value\n", 3),
];

#[test]
fn each_broken_file_of_secrets_is_refused_without_its_values() {
    let mut told = String::new();
    for (text, line) in SECRETS_OF_STAGING {
        let secrets = Some(file("staging/secrets.yml", text));
        let refused =
            check(&[Sources { secrets, ..sources("staging", STAGING) }], Strictness::Lenient).unwrap_err();
        let errors: Vec<&Mistake> =
            refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
        assert_eq!(errors.len(), 1, "{refused}");
        assert_eq!((errors[0].line, errors[0].file.as_str()), (line, "staging/secrets.yml"), "{refused}");
        assert!(!format!("{refused:?}").contains("canary-value"), "{refused}");
        writeln!(told, "{}\n", errors[0]).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn production_needs_a_guardrail_for_each_service() {
    let services = LOCAL.split_once("services:").map(|(_, services)| format!("services:{services}")).unwrap();
    let text = format!("{PRODUCTION}\n{services}");
    let refused = check(&[sources("production", &text)], Strictness::Lenient).unwrap_err();
    let errors = refused.mistakes.iter().filter(|mistake| mistake.message.contains("has no guardrail"));
    assert_eq!(errors.count(), 2, "{refused}");
    let text = format!("{text}\nrollout:\n  guardrails: [Production Down]\n");
    assert_eq!(one(sources("production", &text)).rollouts.services().len(), 2);
}

/// What is laid over or under production, and what is to blame: the end of the file's name, and the line.
struct Layered {
    template: &'static str,
    overrides: &'static str,
    setting: (&'static str, &'static str),
    blame: (&'static str, u64),
}

const fn layered(
    template: &'static str,
    overrides: &'static str,
    setting: (&'static str, &'static str),
    blame: (&'static str, u64),
) -> Layered {
    Layered { template, overrides, setting, blame }
}

const NONE: (&str, &str) = ("", "");

const LAYERS: [Layered; 14] = [
    layered("", "database: [\n", NONE, ("10.yml", 1)),
    layered("", "# more\ndatabase:\n  storrage: 30\n", NONE, ("10.yml", 3)),
    layered("", "- database\n", NONE, ("10.yml", 1)),
    layered("", "\ndatabase: { multi_az: false }\n", NONE, ("10.yml", 2)),
    layered("", "environment:\n  stage: staging\n", NONE, ("10.yml", 2)),
    layered("", "rollout:\n  evidence: { settle: soon }\n", NONE, ("10.yml", 2)),
    layered("", "", ("ACE__DATABASE__STORAGE", "much"), ("variable ACE__DATABASE__STORAGE", 1)),
    layered("", "", ("ACE__DATABASE__STORRAGE", "30"), ("variable ACE__DATABASE__STORRAGE", 1)),
    layered("", "", ("ACE__DATABASE__", "30"), ("variable ACE__DATABASE__", 1)),
    layered("", "", ("ACE__ROLLOUT__GUARDRAILS", "Slow"), ("variable ACE__ROLLOUT__GUARDRAILS", 1)),
    layered("database:\n  identifier: ${DB}\n", "", NONE, ("e.template.yml", 2)),
    layered("database:\n  identifier: ${DB:?name it}\n", "", NONE, ("e.template.yml", 2)),
    layered("database:\n  identifier: ${DB\n", "", NONE, ("e.template.yml", 2)),
    layered("storage:\n  table_name: ${T:-a b}\n", "", NONE, ("e.template.yml", 2)),
];

#[test]
fn each_broken_layer_is_blamed_at_its_line_with_a_remedy() {
    let mut told = String::new();
    for Layered { template, overrides, setting, blame } in LAYERS {
        let (name, value) = setting;
        let mut sources = sources("production", PRODUCTION);
        sources.template = (!template.is_empty()).then(|| file("e.template.yml", template));
        sources.overrides = if overrides.is_empty() { Vec::new() } else { vec![file("10.yml", overrides)] };
        sources.settings = if name.is_empty() { BTreeMap::new() } else { variables(&[(name, value)]) };
        let refused = check(&[sources], Strictness::Lenient).unwrap_err();
        let errors: Vec<&Mistake> =
            refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
        writeln!(told, "--- {template:?} {overrides:?} {name} {value}").unwrap();
        for error in &errors {
            writeln!(told, "{error}\n").unwrap();
        }
        let (file, line) = blame;
        assert_eq!(errors.len(), 1, "{refused}");
        assert!(errors[0].file.ends_with(file) && errors[0].line == line, "{file}:{line} is not {refused}");
        assert!(!errors[0].remedy.is_empty() && errors[0].environment == "production");
    }
    insta::assert_snapshot!(told);
}

// One mistake each.
const _: () = assert!(BROKEN.len() + SECRETS_OF_STAGING.len() + LAYERS.len() >= 60);
