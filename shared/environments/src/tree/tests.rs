mod alerts;
mod broken;
mod cost;
mod filled;
mod mutations;
mod promotion;
mod schema;

use super::*;

macro_rules! document {
    ($path:literal) => {
        include_str!(concat!("../../tests/document/.ace-flow/", $path))
    };
}

const DEVELOPMENT: &str = document!("environments/development/config.yml");
const STAGING: &str = document!("environments/staging/config.yml");
const PRODUCTION: &str = document!("environments/production/config.yml");
const SECRETS: &str = document!("environments/development/secrets.yml");
const TEMPLATE: &str = document!("templates/environment.template.yml");
const LOCAL: &str = include_str!("../../../../.ace-flow/environments/local/config.yml");

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned() }
}

fn sources(name: &str, text: &str) -> Sources {
    Sources::new(name.to_owned(), file(&format!("{name}/config.yml"), text))
}

fn document() -> Vec<Sources> {
    let mut development = sources("development", DEVELOPMENT);
    development.secrets = Some(file("development/secrets.yml", SECRETS));
    let others = [("local", LOCAL), ("staging", STAGING), ("production", PRODUCTION)];
    [development].into_iter().chain(others.map(|(name, text)| sources(name, text))).collect()
}

fn one(sources: Sources) -> Resolved {
    check(&[sources], Strictness::Lenient).unwrap().environments.remove(0)
}

fn json(yaml: &str) -> serde_json::Value {
    serde_saphyr::from_str(yaml).unwrap()
}

/// Whether every value of `part` is in `whole`.
fn holds(whole: &serde_json::Value, part: &serde_json::Value) -> bool {
    match part.as_object() {
        Some(part) => part.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| holds(whole, value))),
        None => whole == part,
    }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_documents_tree_is_accepted_with_its_warnings() {
    let accepted = check(&document(), Strictness::Lenient).unwrap();
    let kinds: Vec<Kind> = accepted.environments.iter().map(|environment| environment.kind).collect();
    assert_eq!(kinds, [Kind::Development, Kind::Local, Kind::Staging, Kind::Production]);
    let warnings: Vec<String> = accepted.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n\n"));
    let refused = check(&document(), Strictness::Strict).unwrap_err();
    assert_eq!(refused.mistakes.len(), accepted.warnings.len());
    assert!(refused.mistakes.iter().all(|mistake| mistake.severity == Severity::Error));
}

#[test]
fn the_documents_files_mean_what_they_say_and_round_trip() {
    for (name, text) in [("development", DEVELOPMENT), ("staging", STAGING), ("production", PRODUCTION)] {
        let read = one(sources(name, text));
        assert!(holds(&serde_json::to_value(&read.sections).unwrap(), &json(text)), "{name}");
        assert!(holds(&json(read.to_yaml()), &json(text)), "{name}");
        let again = one(sources(name, read.to_yaml()));
        assert_eq!((&again.sections, &again.rollouts), (&read.sections, &read.rollouts));
        let typed = serde_saphyr::to_string(&read.sections).unwrap();
        assert_eq!(one(sources(name, &typed)).sections, read.sections);
    }
    let read = one(sources("local", LOCAL));
    assert_eq!(read.rollouts, Environment::from_yaml(LOCAL).unwrap());
    assert_eq!(one(sources("local", read.to_yaml())).rollouts, read.rollouts);
}

#[test]
fn the_documents_secrets_are_read_and_shown_nowhere() {
    let accepted = check(&document(), Strictness::Lenient).unwrap();
    let secrets = &accepted.environments[0].secrets;
    assert_eq!(secrets.len(), 9);
    let Secret::Value(password) = &secrets["database.password"] else { panic!("a value was written") };
    assert_eq!(password.reveal(), "dev_db_password");
    let values =
        ["dev_db_password", "sk_test", "SG.dev_key", "hooks.slack", "dev_jwt", "dev_oauth", "dev@sentry"];
    let mut production = sources("production", PRODUCTION);
    production.secrets = Some(file("production/secrets.yml", SECRETS));
    let refused = check(&[production.clone()], Strictness::Lenient).unwrap_err();
    assert_eq!(refused.mistakes.iter().filter(|mistake| mistake.file.ends_with("secrets.yml")).count(), 9);
    let broken = SECRETS.replace("\"dev_db_password\"", "\"dev_db_password");
    production.secrets = Some(file("production/secrets.yml", &broken));
    let unreadable = check(&[production], Strictness::Lenient).unwrap_err();
    for shown in [format!("{accepted:?}"), format!("{refused} {refused:?}"), format!("{unreadable:?}")] {
        assert!(values.iter().all(|value| !shown.contains(value)), "{shown}");
    }
}

#[test]
fn a_template_is_filled_or_every_missing_variable_is_told() {
    let empty = Sources {
        template: Some(file("environment.template.yml", TEMPLATE)),
        ..sources(
            "production2",
            "{database: {}, lambda: {}, storage: {}, monitoring: {}, security: {}, features: {}}",
        )
    };
    let refused = check(std::slice::from_ref(&empty), Strictness::Lenient).unwrap_err();
    assert_eq!(refused.mistakes.len(), TEMPLATE.matches("${").count());
    assert!(refused.mistakes.iter().all(|mistake| mistake.message.contains("has no value")), "{refused}");
    let variables = variables(&[
        ("ENVIRONMENT_NAME", "ace-flow-2"),
        ("AWS_REGION", "eu-central-1"),
        ("STAGE", "prod"),
        ("DB_INSTANCE_TYPE", "r5.large"),
        ("DB_STORAGE_SIZE", "100"),
        ("DB_BACKUP_RETENTION", "30"),
        ("DB_MULTI_AZ", "true"),
        ("LAMBDA_MEMORY", "1024"),
        ("LAMBDA_TIMEOUT", "60"),
        ("LAMBDA_RUNTIME", "nodejs22.x"),
        ("S3_BUCKET_NAME", "ace-flow-2-storage"),
        ("CDN_ENABLED", "true"),
        ("S3_ENCRYPTION", "aws:kms"),
        ("LOG_LEVEL", "WARN"),
        ("METRICS_ENABLED", "true"),
        ("ALERTS_ENABLED", "true"),
        ("MFA_REQUIRED", "true"),
        ("SESSION_TIMEOUT", "900"),
        ("RATE_LIMITING", "100"),
    ]);
    let filled = one(Sources { variables: variables.clone(), ..empty.clone() });
    assert_eq!(filled.kind, Kind::Production);
    assert_eq!(filled.sections.database.as_ref().unwrap().storage, 100);
    assert_eq!(one(sources("production2", filled.to_yaml())).sections, filled.sections);
    let mut injected = variables;
    injected.insert("STAGE".to_owned(), "prod\nsecurity: {mfa_required: false}".to_owned());
    let refused = check(&[Sources { variables: injected, ..empty }], Strictness::Lenient).unwrap_err();
    assert_eq!(refused.mistakes.len(), 1, "{refused}");
    assert_eq!(
        refused.mistakes[0].line,
        TEMPLATE.lines().position(|l| l.contains("STAGE")).unwrap() as u64 + 1
    );
}

#[test]
fn variables_have_defaults_messages_and_an_escape() {
    let template = "environment:\n  name: ${NAME:-ace}-${STAGE}\n  region: ${REGION:?which one}\n  stage: ${STAGE}\n  \
                    account: \"${ACCOUNT}\"\nfeatures:\n  on: ${ON:-true}\n";
    let with = |pairs: &[(&str, &str)]| Sources {
        template: Some(file("t", template)),
        variables: variables(pairs),
        ..sources("x", "")
    };
    let filled =
        one(with(&[("STAGE", "qa"), ("REGION", "us-east-1"), ("ACCOUNT", "123456789012"), ("NAME", "")]));
    assert_eq!(filled.sections.environment.name, "ace-qa");
    assert_eq!(filled.sections.environment.account.as_deref(), Some("123456789012"));
    assert!(filled.sections.features["on"]);
    let refused = check(&[with(&[("STAGE", "qa")])], Strictness::Lenient).unwrap_err().to_string();
    assert!(refused.contains("REGION has no value: which one") && refused.contains("ACCOUNT"), "{refused}");
    for (wrong, told) in
        [("${", "begins no variable"), ("$X", "begins no variable"), ("${X-1}", "no variable")]
    {
        let template = format!("environment:\n  name: {wrong:?}\n  region: us-east-1\n  stage: dev\n");
        let sources = Sources { template: Some(file("t", &template)), ..sources("x", "") };
        let refused = check(&[sources], Strictness::Lenient).unwrap_err();
        assert_eq!((refused.mistakes.len(), refused.mistakes[0].line), (1, 2), "{refused}");
        assert!(refused.mistakes[0].message.contains(told), "{refused}");
    }
    let mut out = mistake::Notes::default();
    let mut node =
        node::read(&file("t", "price: $$5 and ${A}\n"), "x", SourceKind::Template, &mut out).unwrap();
    template::fill(&mut node, &variables(&[("A", "$B")]), &mut out);
    let node::Value::Map(entries) = &node.value else { panic!("a block was written") };
    assert_eq!(entries[0].node.value.shown(), "$5 and $B");
}

#[test]
fn later_layers_win_and_each_value_knows_who_set_it() {
    let mut sources = sources("development", DEVELOPMENT);
    sources.template = Some(file("template", "lambda:\n  memory: 128\n  provisioned_concurrency: 3\n"));
    sources.overrides = vec![
        file("overrides/20-more.yml", "database:\n  storage: 30\n"),
        file("overrides/10-some.yml", "# first\ndatabase: {storage: 25, backup_retention: 2}\n"),
        file("overrides/30-none.yml", "# nothing yet\n"),
    ];
    sources.settings = variables(&[
        ("ACE__LAMBDA__TIMEOUT", "45"),
        ("ACE__ENVIRONMENT__ACCOUNT", "123456789012"),
        ("ACE__FEATURES__NEW_CHECKOUT", "true"),
        ("ACE_ENVIRONMENT", "development"),
    ]);
    let read = one(sources);
    let (database, lambda) = (read.sections.database.unwrap(), read.sections.lambda.unwrap());
    assert_eq!((database.storage, database.backup_retention), (30, 2));
    assert_eq!((lambda.memory, lambda.timeout, lambda.provisioned_concurrency), (256, 45, Some(3)));
    assert_eq!(read.rollouts.environment.account.as_deref(), Some("123456789012"));
    assert!(read.sections.features["new_checkout"]);
    let set = |key: &str| {
        let SetBy { value, file, line, .. } = &read.origins[key];
        format!("{value} {file}:{line}")
    };
    assert_eq!(set("database.storage"), "30 overrides/20-more.yml:2");
    assert_eq!(set("database.backup_retention"), "2 overrides/10-some.yml:2");
    assert_eq!(set("database.instance_type"), "\"t3.micro\" development/config.yml:8");
    assert_eq!(set("lambda.provisioned_concurrency"), "3 template:3");
    assert_eq!(set("lambda.timeout"), "45 environment variable ACE__LAMBDA__TIMEOUT:1");
    assert_eq!(set("security.waf_enabled").split(':').next(), Some("false defaults"));
}

#[test]
fn nothing_may_be_shared_between_environments() {
    let secret = |name: &str, text: &str| Some(file(&format!("{name}/secrets.yml"), text));
    let told = |change: &dyn Fn(&mut [Sources])| {
        let mut tree = document();
        change(&mut tree);
        let refused = check(&tree, Strictness::Lenient).unwrap_err();
        let errors = refused.mistakes.into_iter().filter(|mistake| mistake.severity == Severity::Error);
        errors.map(|mistake| mistake.to_string()).collect::<Vec<_>>()
    };
    let add = |sources: &mut Sources, under: &str, line: &str| {
        sources.config.text = sources.config.text.replace(under, &format!("{under}{line}"));
    };
    let reference = "secrets:\n  database:\n    password: \"{{resolve:secretsmanager:ace-flow/shared:SecretString:p}}\"\n";
    let bucket = told(&|tree| {
        tree[3].config.text = PRODUCTION.replace("ace-flow-prod-storage", "ace-flow-staging-storage");
    });
    let table = told(&|tree| {
        tree.iter_mut().skip(2).for_each(|sources| add(sources, "\nstorage:\n", "  table_name: orders\n"));
    });
    let database = told(&|tree| {
        tree.iter_mut().skip(2).for_each(|sources| add(sources, "\ndatabase:\n", "  identifier: main\n"));
    });
    let secrets = told(&|tree| {
        tree[2].secrets = secret("staging", reference);
        tree[3].secrets = secret("production", reference);
    });
    let connection = told(&|tree| {
        let text = "secrets:\n  db:\n    url: \"postgresql://other:word@dev-db:5432/aceflow\"\n";
        tree[1].secrets = secret("local", text);
    });
    let all = [bucket, table, database, secrets, connection];
    assert!(all.iter().all(|told| told.len() == 1), "{all:#?}");
    insta::assert_snapshot!(all.concat().join("\n\n"));
    let mut tree = document();
    tree[1].secrets = secret("local", "secrets:\n  auth:\n    jwt_secret: dev_jwt_secret_key\n");
    let accepted = check(&tree, Strictness::Lenient).unwrap();
    let same = accepted.warnings.iter().filter(|warning| warning.message.contains("has the same value"));
    assert_eq!(same.map(|warning| warning.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let mut tree = document();
    tree[0].config.text = DEVELOPMENT.replace("storage: 20", "storage: 2").replace("memory", "memmory");
    tree[1].config.text = LOCAL.replace("pipeline: checkout", "pipe_line: checkout");
    tree[2].config.text = format!("{STAGING}\"");
    tree[3].config.text = PRODUCTION.replace("multi_az: true", "multi_az: maybe");
    let refused = check(&tree, Strictness::Lenient).unwrap_err();
    insta::assert_snapshot!(refused);
}

/// A secret in a variable that is none of the settings, or not of their kind, and one in a file, is shown nowhere.
#[test]
fn values_of_variables_and_of_secrets_are_in_no_message_and_no_debug() {
    const VALUE: &str = "yellow-bird-7411";
    let file = |name: &str, text: String| File { name: name.to_owned(), text };
    let config = "environment: { name: shop, region: us-east-1, stage: dev }\n";
    for setting in [
        "ACE__SECRETS__DATABASE__PASSWORD",
        "ACE__STORAGE__CDN_ENABLED",
        "ACE__FEATURES__DEBUG_MODE",
        "ACE__ENVIRONMENT__REGION",
        "ACE__ENVIRONMENT__ACCOUNT",
        "ACE__ROLLOUT__CLEAN_UP__AFTER",
        "ACE__ROLLOUT__CANARY",
        "ACE__ROLLOUT__JUDGE__MINIMUM_REQUESTS",
        "ACE__SERVICES__CHECKOUT__STRATEGY",
    ] {
        let mut sources = Sources::new("development".to_owned(), file("config.yml", config.to_owned()));
        sources.settings.insert(setting.to_owned(), VALUE.to_owned());
        let secrets = format!("secrets:\n  a:\n    b: \"{VALUE}\"\n");
        sources.secrets = Some(file("secrets.yml", secrets));
        let refused = check(&[sources.clone()], Strictness::Lenient).unwrap_err();
        let told = format!("{sources:?}{sources:#?}{refused}{refused:?}");
        assert!(!told.contains("yellow"), "{setting}: {told}");
        assert!(refused.to_string().contains(setting), "{refused}");
        let valid =
            Sources { secrets: Some(file("s", format!("secrets: {{ a: {{ b: {VALUE} }} }}"))), ..sources };
        let valid = Sources { settings: std::collections::BTreeMap::new(), ..valid };
        let valid = secrets_of(valid.secrets.as_ref().unwrap(), Kind::Development).unwrap();
        assert!(!format!("{valid:?}").contains("yellow"));
    }
}
