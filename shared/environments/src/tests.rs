use rollout::{Colour, Seconds, Step, Strategy, Weight};

use super::*;

mod alerts;
mod blocks;

const FULL: &str = r#"environment:
  name: ace-flow-staging
  region: us-east-1
  stage: staging
  account: "123456789012"
rollout:
  canary:
    steps:
      - { weight: 10, bake: 5m }
      - weight: 25
        bake: 2m
      - { weight: 100, bake: 90s }
  judge:
    false_rollback_budget: 0.01
  guardrails: [High 5XX]
services:
  checkout:
    pipeline: p1
    strategy: canary
    route:
      rule: rule1
      load_balancer: lb
      blue: { target_group: blue-tg, endpoint: "http://blue.internal:8080" }
      green: { target_group: green-tg, endpoint: "https://green.internal" }
    rollout:
      readiness:
        attempts: 3
        smoke_tests:
          - { name: cart, path: /cart, contains: total }
          - { name: pay, path: /pay, method: POST, status: 405 }
      guardrails: []
  search:
    pipeline: p2
    strategy: blue-green
    route:
      rule: rule2
      load_balancer: lb
      blue: { target_group: b2, endpoint: "http://blue" }
      green: { target_group: g2, endpoint: "http://green" }
    rollout:
      blue_green: { monitor: 10m }
"#;

const LEAST: &str = r#"environment: { name: ace-flow-dev, region: us-east-1, stage: dev }
services:
  web:
    pipeline: web-pipeline
    strategy: canary
    route:
      rule: rule
      load_balancer: lb
      blue: { target_group: b, endpoint: "http://blue" }
      green: { target_group: g, endpoint: "http://green" }
"#;

fn read(text: &str) -> Environment {
    Environment::from_yaml(text).unwrap()
}

fn resolve(text: &str, service: &str, strategy: Option<Strategy>) -> Result<Plan, UnknownService> {
    let stack: EnvironmentName = "staging".parse().unwrap();
    read(text).plan(&stack, &service.parse().unwrap(), "v1".parse().unwrap(), strategy)
}

fn steps(plan: &Plan) -> Vec<(u8, u32)> {
    plan.steps.iter().map(|Step { weight, bake, .. }| (weight.percent(), bake.0)).collect()
}

#[test]
fn what_is_left_out_is_as_the_users_document_says() {
    let plan = resolve(LEAST, "web", None).unwrap();
    assert_eq!(steps(&plan), [(10, 300), (25, 120), (50, 120), (75, 120), (100, 120)]);
    assert_eq!((plan.readiness.attempts.get(), plan.readiness.interval), (30, Seconds(10)));
    assert_eq!(plan.readiness.path, "/health");
    assert_eq!((plan.strategy, plan.zombie_bound), (Strategy::Canary, ZOMBIE_BOUND));
    assert!(plan.guardrails.is_empty() && plan.readiness.smoke_tests.is_empty());
    let rules = read(LEAST).rollout;
    assert_eq!(rules, Rules::default());
    assert_eq!(rules.accept_events_for, Span::of(86_400));
    assert_eq!((plan.stop_the_line.rollbacks.get(), plan.stop_the_line.within), (3, Seconds(3600)));
    assert_eq!(plan.approvals.expires, Seconds(86_400));
    assert!(plan.steps.iter().all(|step| !step.approval), "nobody is asked unless the configuration says so");
    assert_eq!(steps(&resolve(LEAST, "web", Some(Strategy::BlueGreen)).unwrap()), [(100, 300)]);
}

#[test]
fn a_service_replaces_whole_parts_and_takes_the_rest_from_its_environment() {
    let checkout = resolve(FULL, "checkout", None).unwrap();
    assert_eq!(steps(&checkout), [(10, 300), (25, 120), (100, 90)]);
    assert_eq!((checkout.readiness.attempts.get(), checkout.readiness.interval), (3, Seconds(10)));
    assert_eq!(checkout.readiness.smoke_tests.len(), 2);
    assert_eq!(
        (checkout.readiness.smoke_tests[0].status, checkout.readiness.smoke_tests[1].status),
        (200, 405)
    );
    assert!(checkout.guardrails.is_empty());
    assert_eq!(checkout.route.arm(Colour::Green).endpoint, "https://green.internal");
    let search = resolve(FULL, "search", None).unwrap();
    assert_eq!((search.strategy, steps(&search)), (Strategy::BlueGreen, vec![(100, 600)]));
    assert_eq!(search.guardrails.iter().map(rollout::AlarmName::as_str).collect::<Vec<_>>(), ["High 5XX"]);
    let asked = resolve(FULL, "search", Some(Strategy::Canary)).unwrap();
    assert_eq!((asked.strategy, asked.steps.len()), (Strategy::Canary, 3));
    assert_eq!(asked.steps.get(rollout::StepIndex(2)).map(|step| step.weight), Some(Weight::FULL));
}

#[test]
fn a_step_may_need_an_approval_and_a_line_its_own_limit() {
    let text = FULL.replace("{ weight: 10, bake: 5m }", "{ weight: 10, bake: 5m, approval: true }").replace(
        "  guardrails: [High 5XX]",
        "  stop_the_line: { rollbacks: 5, within: 1d }\n  guardrails: [High 5XX]",
    );
    let text = format!("{text}promotion: {{ approvals: {{ expires: 90m }} }}\n");
    let plan = resolve(&text, "checkout", None).unwrap();
    let asked: Vec<bool> = plan.steps.iter().map(|step| step.approval).collect();
    assert_eq!(asked, [true, false, false]);
    assert_eq!(plan.approvals.expires, Seconds(5400));
    assert_eq!((plan.stop_the_line.rollbacks.get(), plan.stop_the_line.within), (5, Seconds(86_400)));
    let environment = read(&text);
    let stored = serde_json::to_string(&environment).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), environment);
    // What is not given comes from the defaults.
    let part = FULL.replace("  guardrails: [High 5XX]", "  stop_the_line: { rollbacks: 1 }");
    let plan = resolve(&part, "checkout", None).unwrap();
    assert_eq!((plan.stop_the_line.rollbacks.get(), plan.stop_the_line.within), (1, Seconds(3600)));
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    assert_eq!(
        resolve(FULL, "chekout", None).unwrap_err().to_string(),
        "service \"chekout\" is not in the configuration of environment ace-flow-staging: known services are \
         checkout, search; correct the name or add it under services"
    );
    let environment = read(FULL);
    assert_eq!(environment.service_of_pipeline("p2").unwrap().as_str(), "search");
    assert_eq!(
        environment.service_of_pipeline("p3").unwrap_err().to_string(),
        "pipeline \"p3\" is not in the configuration of environment ace-flow-staging: known pipelines are p1, p2; \
         correct the name or add it under services"
    );
    let empty = "environment: { name: dev, region: us-east-1, stage: dev }";
    assert_eq!(
        resolve(empty, "web", None).unwrap_err().to_string(),
        "service \"web\" is not in the configuration of environment dev: it has no services; add it under services"
    );
}

#[test]
fn a_configuration_survives_storage() {
    for text in [FULL, LEAST] {
        let environment = read(text);
        let stored = serde_json::to_string(&environment).unwrap();
        assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), environment);
    }
    // What is stored is checked again when it is read.
    let broken = serde_json::to_string(&read(FULL)).unwrap().replace("\"p2\"", "\"p1\"");
    let error = serde_json::from_str::<Environment>(&broken).unwrap_err().to_string();
    assert!(error.contains("the same pipeline \"p1\""), "{error}");
}

#[test]
fn a_mistake_is_told_with_its_place_and_its_remedy() {
    let cases = [
        // replace, by, line, column, says
        ("strategy: canary", "strategy: canarry", 19, 15, "expected one of canary, blue-green"),
        (
            "  stage:",
            "  stages:",
            4,
            3,
            "unknown field `stages`, expected one of name, region, stage, account",
        ),
        (
            "services:",
            "servces:",
            16,
            1,
            "unknown field `servces`, expected one of environment, rollout, services, promotion, freeze, notifications",
        ),
        ("    pipeline: p1\n", "", 24, 5, "field `pipeline` is missing: add it to this block"),
        (
            "pipeline: p1",
            "pipeline: p1\n    pipeline: p3",
            19,
            5,
            "`pipeline` is written twice in this block",
        ),
        ("weight: 25", "weight: lots", 10, 17, "not a whole number that fits here: write its digits"),
        ("weight: 25", "weight: -5", 10, 17, "not a whole number that fits here: write its digits"),
        ("attempts: 3", "attempts: many", 27, 19, "not a whole number that fits here: write its digits"),
        ("weight: 25", "weight: 101", 10, 17, "weight 101 is over 100: a weight is a percentage of requests"),
        ("weight: 25", "weight: 300", 10, 17, "weight 300 is over 100: a weight is a percentage of requests"),
        (
            "weight: 25",
            "weight: 5",
            9,
            7,
            "step 2 has weight 5 %, which does not rise above the 10 % before it",
        ),
        ("weight: 100", "weight: 90", 9, 7, "the last step has weight 90 %: end with a step of weight 100"),
        ("bake: 5m", "bake: 5 minutes", 9, 29, "is not a span of time: write a whole number and a unit"),
        ("bake: 2m", "bake: 120", 11, 15, "\"120\" is not a span of time: write a whole number and a unit"),
        ("budget: 0.01", "budget: 2", 14, 28, "write one percent as 0.01"),
        ("name: cart", "name: [cart", 29, 21, "mismatched bracket"),
        ("  search:", "  sea rch:", 32, 3, "service \"sea rch\" is not valid: use 1 to 48 characters"),
        (
            "pipeline: p2",
            "pipeline: p1",
            33,
            15,
            "services checkout and search have the same pipeline \"p1\"",
        ),
        ("rule: rule2", "rule: rule1", 36, 13, "give each service a listener rule of its own"),
        ("green-tg", "blue-tg", 24, 30, "service checkout has the same target group for blue and green"),
        ("\"123456789012\"", "\"12345\"", 5, 12, "write the twelve digits of the AWS account, in quotes"),
        (
            "\"https://green.internal\"",
            "green.internal",
            24,
            50,
            "services.checkout.route.green.endpoint is \"green.internal\": write a URL that begins with http://",
        ),
        ("\"http://blue\"", "\"http:///x\"", 38, 43, "services.search.route.blue.endpoint is \"http:///x\""),
        (
            "path: /pay",
            "path: pay",
            30,
            32,
            "services.checkout.rollout.readiness.smoke_tests[1].path is \"pay\": write a path that begins with '/'",
        ),
        (
            "  guardrails: [High 5XX]",
            "  stop_the_line: { rollbacks: 0 }",
            15,
            20,
            "integer `0`, expected a nonzero u32",
        ),
        (
            "weight: 25",
            "weight: 25\n        approval: maybe",
            11,
            19,
            "not true or false: write one of the two",
        ),
        (
            "  guardrails: [High 5XX]",
            "  readiness: { path: health }",
            15,
            22,
            "rollout.readiness.path is \"health\": write a path that begins with '/'",
        ),
    ];
    each_is_told(FULL, &cases);
}

/// Each case: what is replaced in the text, by what, the line and column that are named, and what is said.
fn each_is_told(text: &str, cases: &[(&str, &str, u32, u32, &str)]) {
    let mut wrong = Vec::new();
    for (from, to, line, column, says) in cases {
        assert!(text.contains(from), "{from}");
        let error = Environment::from_yaml(&text.replacen(from, to, 1)).unwrap_err().to_string();
        if !(error.starts_with(&format!("line {line} column {column}: ")) && error.contains(says)) {
            wrong.push(format!("{to} ({says}): {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cut_off_file_is_refused() {
    let cut = FULL.find("blue-tg, ").unwrap();
    let error = Environment::from_yaml(&FULL[..cut]).unwrap_err().to_string();
    assert!(error.starts_with("line 23 column "), "{error}");
    let error = Environment::from_yaml("").unwrap_err().to_string();
    assert!(error.contains("write at least the block `environment`"), "{error}");
}

#[test]
fn the_schema_is_that_of_the_file() {
    let schema = serde_json::to_value(Environment::schema()).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["environment"]));
    assert_eq!(schema["$defs"]["StepSettings"]["properties"]["bake"]["$ref"], "#/$defs/Span");
}

#[test]
fn a_rollout_keeps_its_lease_between_two_looks() {
    let with = |interval: &str| {
        let readiness = format!("  readiness: {{ interval: {interval} }}");
        Environment::from_yaml(&FULL.replacen("  guardrails: [High 5XX]", &readiness, 1))
    };
    let bound = rollout::LEASE.0 / 2;
    assert!(with(&format!("{}s", bound - 1)).is_ok());
    let error = with(&format!("{bound}s")).unwrap_err().to_string();
    let says = "line 15 column 26: rollout.readiness.interval is 15m: write less than 15m, half of the lease";
    assert!(error.starts_with(says) && error.ends_with("raise attempts"), "{error}");
}

/// The judge's own metrics, and where they come from.
#[test]
fn every_metric_of_the_judge_has_its_source() {
    const METRICS: &str = "    false_rollback_budget: 0.01
    metrics:
      - { name: orders, kind: counts, worse: lower }
      - { name: cards refused, kind: counts }
      - { name: p99, margin: 1.2 }
  metric_sources:
    orders: { namespace: Shop, metric: Orders, dimensions: { Service: checkout }, arm: { dimension: Colour } }
    cards refused: { namespace: Shop, metric: Refused, of: Cards, arm: { dimension: Host, value: { named: { blue: b, green: g } } } }
    p99: { namespace: AWS/ApplicationELB, metric: TargetResponseTime, statistic: p99, dimensions: { LoadBalancer: app/shop/1 }, arm: { dimension: TargetGroup, value: target_group } }
";
    let text = FULL.replacen("    false_rollback_budget: 0.01\n", METRICS, 1);
    let sources = resolve(&text, "checkout", None).unwrap().sources;
    let [rollout::Source::Counts { events, of: None }, refused, rollout::Source::Values(p99)] = &sources[..]
    else {
        panic!("{sources:?}")
    };
    assert_eq!((events.metric.as_str(), events.statistic.as_str()), ("Orders", "Sum"));
    assert_eq!(
        (p99.statistic.as_str(), p99.arm.value.of(Colour::Green, "targetgroup/g/1")),
        ("p99", "targetgroup/g/1".to_owned())
    );
    let rollout::Source::Counts { of: Some(cards), .. } = refused else { panic!("{refused:?}") };
    assert_eq!((cards.metric.as_str(), cards.arm.value.of(Colour::Blue, "")), ("Cards", "b".to_owned()));
    let stored = serde_json::to_string(&read(&text)).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), read(&text));

    for (from, to, says) in [
        (
            "    orders: {",
            "    order: {",
            "rollout.judge: the judge's metric \"orders\" has no source: add it under metric_sources",
        ),
        ("name: p99,", "name: orders,", "the judge's metric \"orders\" is there twice"),
        (
            "name: cards refused, kind: counts",
            "name: cards refused",
            "the judge compares values: write `kind: counts`",
        ),
        ("metric: Orders, ", "metrik: Orders, ", "unknown field `metrik`"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Environment::from_yaml(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(says), "{to}: {error}");
    }
    // A service that has its own judge needs sources for that one only.
    let own = text.replacen(
        "      guardrails: []",
        "      guardrails: []\n      judge: { metrics: [{ name: carts }] }",
        1,
    );
    let error = Environment::from_yaml(&own).unwrap_err().to_string();
    assert!(error.contains("services.checkout.rollout.judge: the judge's metric \"carts\""), "{error}");
}
