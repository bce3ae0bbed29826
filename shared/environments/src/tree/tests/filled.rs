//! A further environment from templates, and a configuration as it is shown.

use super::*;

const TEMPLATE: &str = r#"# The name is the stack's.
environment:
  name: ${NAME} # filled
  region: "${REGION:-us-east-1}"
  stage: ${STAGE:?which stage is it}
  account: "${ACCOUNT}"
database:
  instance_type: ${CLASS}
  storage: ${STORAGE}
features:
  on: ${ON:-true} # a flag
"#;

fn templates(config: &str, secrets: &str) -> Templates {
    Templates { config: file("e.template.yml", config), secrets: Some(file("s.template.yml", secrets)) }
}

#[test]
fn values_take_the_place_of_variables_and_all_else_stays() {
    let secrets = "secrets:\n  db:\n    password: '${PASSWORD}' # here\n    price: $$5\n";
    let variables = variables(&[
        ("NAME", "ace-qa"),
        ("STAGE", "qa"),
        ("ACCOUNT", "123456789012"),
        ("CLASS", "t3.micro"),
        ("STORAGE", "20"),
        ("PASSWORD", "a \"b\": #c"),
    ]);
    let filled = fill(&templates(TEMPLATE, secrets), "qa", &variables).unwrap();
    insta::assert_snapshot!(format!("{}---\n{}", filled.config, filled.secrets.unwrap()));
    let read = one(sources("qa", &filled.config));
    assert_eq!(read.sections.environment.account.as_deref(), Some("123456789012"));
    assert_eq!(read.sections.database.unwrap().storage, 20);
}

#[test]
fn every_missing_variable_of_all_templates_is_told_and_no_value_of_a_secret() {
    let secrets =
        "secrets:\n  db:\n    password: ${PASSWORD:?ask the owner}\n    other: canary-value ${MORE}\n";
    let refused = fill(&templates(TEMPLATE, secrets), "qa", &variables(&[("REGION", "x")])).unwrap_err();
    let told: Vec<(&str, u64)> =
        refused.mistakes.iter().map(|mistake| (mistake.file.as_str(), mistake.line)).collect();
    let (e, s) = ("e.template.yml", "s.template.yml");
    assert_eq!(told, [(e, 3), (e, 5), (e, 6), (e, 8), (e, 9), (s, 3), (s, 4)], "{refused}");
    let all = refused.to_string();
    for words in ["which stage is it", "ask the owner", "give ACCOUNT a value", "MORE"] {
        assert!(all.contains(words), "{all}");
    }
    assert!(!all.contains("canary-value"), "{all}");
    let broken = fill(&templates("a: [", "secrets: {}"), "qa", &BTreeMap::new()).unwrap_err();
    assert!(broken.mistakes[0].message.starts_with("not YAML"), "{broken}");
}

#[test]
fn a_value_that_cannot_be_replaced_where_it_stands_is_written_anew() {
    let config = "environment:\n  name: >-\n    ace-\n    ${NAME}\n  region: us-east-1\n  stage: qa\n";
    let filled = fill(&templates(config, "secrets: {}\n"), "qa", &variables(&[("NAME", "x y: z")])).unwrap();
    assert_eq!(json(&filled.config)["environment"]["name"], "ace- x y: z", "{}", filled.config);
    let text = "features:\n  a_flag: ${LONG}\n".replace("features", "environment");
    let value = "line one\nline: two".to_owned();
    let filled = fill(&templates(&text, "{}"), "qa", &variables(&[("LONG", &value)])).unwrap();
    assert_eq!(json(&filled.config)["environment"]["a_flag"], value.as_str(), "{}", filled.config);
}

#[test]
fn the_documents_template_makes_what_the_document_has() {
    let document = json(PRODUCTION);
    let mut values = Vec::new();
    for line in super::TEMPLATE.lines().filter(|line| line.contains("${")) {
        let (key, variable) = line.trim().split_once(": ").unwrap();
        let variable = variable.trim_start_matches("${").trim_end_matches('}');
        let mut sections = document.as_object().unwrap().values();
        let value = match (variable, sections.find_map(|section| section.get(key))) {
            ("STAGE", _) => "prod".to_owned(),
            (_, Some(serde_json::Value::String(text))) => text.clone(),
            (_, value) => value.unwrap().to_string(),
        };
        values.push((variable.to_owned(), value));
    }
    let templates = Templates { config: file("t", super::TEMPLATE), secrets: None };
    let filled = fill(&templates, "production2", &values.into_iter().collect()).unwrap();
    assert!(holds(&document, &json(&filled.config)), "{}", filled.config);
    assert!(filled.config.starts_with("# .ace-flow") || filled.config.starts_with("environment:"));
}

#[test]
fn every_value_is_shown_with_who_set_it() {
    let mut sources =
        sources("local", &LOCAL.replace("    minimum_requests: 50\n", "    preset: cautious\n"));
    sources.overrides = vec![file("overrides/10.yml", "rollout:\n  evidence: { settle: 60s }\n")];
    sources.template = Some(file("t", "rollout: { clean_up: { attempts: 3 } }\n"));
    sources.settings = variables(&[("ACE__ROLLOUT__EVIDENCE__BLIND", "2m")]);
    sources.secrets = Some(file("secrets.yml", "secrets:\n  db:\n    password: canary-value\n"));
    let settings = one(sources).settings();
    let told = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        let place = setting.set_by.as_ref().map_or("default".to_owned(), SetBy::place);
        format!("{} {place}", setting.value)
    };
    assert_eq!(told("environment.stage"), "\"local\" local/config.yml:5");
    assert_eq!(told("rollout.evidence.settle"), "\"1m\" overrides/10.yml:2");
    assert_eq!(told("rollout.evidence.blind"), "\"2m\" environment variable ACE__ROLLOUT__EVIDENCE__BLIND");
    assert_eq!(told("rollout.evidence.frozen"), "\"30m\" default");
    assert_eq!(told("rollout.clean_up.attempts"), "3 t:1");
    assert_eq!(told("rollout.judge.preset"), "\"cautious\" local/config.yml:10");
    assert_eq!(told("rollout.judge.minimum_requests"), "200 local/config.yml:10");
    assert_eq!(told("rollout.judge.latency_objective_ms"), "250 local/config.yml:11");
    assert_eq!(told("rollout.canary.steps[0].weight"), "10 default");
    assert_eq!(told("services.catalog.strategy"), "\"blue-green\" local/config.yml:35");
    assert!(!format!("{settings:?}").contains("canary-value"));
    let shown = one(super::sources("development", DEVELOPMENT)).settings();
    let backup = shown.iter().find(|setting| setting.key == "storage.backup_enabled").unwrap();
    assert_eq!(backup.set_by.as_ref().unwrap().place(), "default");
}
