//! `ace init` and `ace config` as a user runs them, in an empty folder.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

macro_rules! document {
    ($path:literal) => {
        include_str!(concat!("../../../shared/environments/tests/document/.ace-flow/", $path))
    };
}

struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One in which `ace init` was run.
    fn begun() -> Self {
        let project = Self::new();
        assert_eq!(project.ace(&["init"], &[]).0, Some(0));
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.0.path()).env("NO_COLOR", "1");
        command
    }

    /// The exit code, standard output, and standard error in one line.
    fn ace(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let mut command = self.command(env!("CARGO_BIN_EXE_ace"));
        let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap().replace('│', " ");
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), error)
    }

    fn told(&self, arguments: &[&str]) -> String {
        let (code, out, error) = self.ace(arguments, &[]);
        assert_eq!(code, Some(0), "{arguments:?}: {out}{error}");
        out
    }

    /// Every file below `.ace-flow` with its text.
    fn files(&self) -> BTreeSet<(PathBuf, String)> {
        let mut folders = vec![self.path(".ace-flow")];
        let mut found = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    found.insert((path.strip_prefix(self.0.path()).unwrap().to_owned(), text));
                }
            }
        }
        found
    }
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn event() -> String {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    project.join("events/codepipeline-succeeded-canary.json").display().to_string()
}

#[test]
fn the_tree_is_the_documents_key_for_key() {
    let project = Project::begun();
    for (path, document) in [
        ("environments/development/config.yml", document!("environments/development/config.yml")),
        ("environments/staging/config.yml", document!("environments/staging/config.yml")),
        ("environments/production/config.yml", document!("environments/production/config.yml")),
        ("environments/development/secrets.yml", document!("environments/development/secrets.yml")),
        ("templates/environment.template.yml", document!("templates/environment.template.yml")),
    ] {
        assert_eq!(yaml(&project.read(&format!(".ace-flow/{path}"))), yaml(document), "{path}");
    }
    let development = yaml(&project.read(".ace-flow/environments/development/secrets.yml"));
    let keys = |secrets: &Value| -> Vec<String> {
        let groups = secrets.get("secrets").and_then(Value::as_object).unwrap();
        groups
            .iter()
            .flat_map(|(group, entries)| {
                entries.as_object().unwrap().keys().map(move |key| format!("{group}.{key}"))
            })
            .collect()
    };
    for environment in ["local", "development", "staging", "production"] {
        assert!(project.path(&format!(".ace-flow/environments/{environment}/overrides")).is_dir());
    }
    for environment in ["staging", "production"] {
        let text = project.read(&format!(".ace-flow/environments/{environment}/secrets.yml"));
        let secrets = yaml(&text);
        assert_eq!(keys(&secrets), keys(&development), "{environment}");
        let own = format!("{{{{resolve:secretsmanager:ace-flow/{environment}/secrets:SecretString:");
        assert_eq!(text.matches(&own).count(), keys(&secrets).len());
    }
    for script in ["dev", "staging", "prod"] {
        let path = project.path(&format!(".ace-flow/scripts/deploy-{script}.sh"));
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o100, 0o100);
    }
    let secret = project.path(".ace-flow/environments/development/secrets.yml");
    assert_eq!(std::fs::metadata(secret).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn the_tree_is_accepted_and_an_event_can_be_played() {
    let project = Project::begun();
    let told = project.told(&["validate"]);
    assert!(told.ends_with("valid: development, local, production, staging; warnings: 3\n"), "{told}");
    assert_eq!(told.matches("nodejs18.x is deprecated").count(), 3, "{told}");
    // A shell has variables that the template asks for, too.
    let shell = [("AWS_REGION", "eu-west-1"), ("LOG_LEVEL", "debug"), ("STAGE", "x")];
    assert_eq!(project.ace(&["validate", "--environment", "local", "--strict"], &shell).0, Some(0));
    let told = project.told(&["run", &event(), "--speed", "120", "--rate", "100", "--output", "json"]);
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(last.get("ended").and_then(Value::as_str), Some("promoted"), "{last}");
    assert!(project.path(".ace-flow/state/local.redb").exists());
    assert_eq!(project.read(".ace-flow/.gitignore"), "/state\n");
}

#[test]
fn what_is_there_is_named_and_kept() {
    let project = Project::new();
    let own = ".ace-flow/environments/staging/config.yml";
    std::fs::create_dir_all(project.path(own).parent().unwrap()).unwrap();
    std::fs::write(project.path(own), "mine\n").unwrap();
    let (code, out, _) = project.ace(&["init", "--output", "json"], &[]);
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept: Vec<&str> = lines
        .iter()
        .filter(|line| line.get("written") == Some(&Value::Bool(false)))
        .filter_map(|line| line.get("path")?.as_str())
        .collect();
    assert_eq!((kept.as_slice(), lines.len()), ([own].as_slice(), 20));
    assert_eq!(project.read(own), "mine\n");
    let before = project.files();
    assert_eq!(before.len(), 20);
    let told = project.told(&["init"]);
    assert!(told.ends_with("files written: 0, kept: 20; `ace validate` checks them\n"), "{told}");
    assert!(told.contains(&format!("kept   {own}: it is there already")), "{told}");
    assert_eq!(project.files(), before);
    std::fs::remove_dir_all(project.path(".ace-flow/scripts")).unwrap();
    std::fs::write(project.path(".ace-flow/scripts"), "a file").unwrap();
    let (code, _, error) = project.ace(&["init"], &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot write .ace-flow/scripts/deploy-dev.sh"), "{error}");
}

/// The document's rules are what the example is for; as it is it is refused, and once it is filled in it is not.
#[test]
fn the_example_of_alerts_is_accepted_once_it_is_filled_in() {
    let project = Project::begun();
    let example = project.read(".ace-flow/templates/alerts.example.yml");
    let copy = project.path(".ace-flow/environments/production/overrides/alerts.yml");
    std::fs::write(&copy, &example).unwrap();
    let (code, out, _) = project.ace(&["validate"], &[]);
    assert_eq!(code, Some(1), "{out}");
    let written = example.lines().filter(|line| !line.trim_start().starts_with('#'));
    let open: Vec<usize> =
        written.enumerate().filter(|(_, line)| line.contains('<')).map(|(at, _)| at).collect();
    assert_eq!(open.len(), 4);
    assert_eq!(out.matches("is no e-mail address").count(), 2, "each channel's first is told: {out}");
    let filled = fill_in(&example);
    std::fs::write(&copy, &filled).unwrap();
    let told = project.told(&["validate"]);
    assert!(told.contains("valid: development, local, production, staging"), "{told}");
    let secrets = ["external_apis.pagerduty_key", "external_apis.slack_critical_webhook"];
    assert!(secrets.iter().all(|secret| told.contains(secret)), "what is still to be made is told: {told}");
    assert_eq!(told.matches("which secrets.yml does not have").count(), secrets.len(), "{told}");
    let show = |key: &str| project.told(&["config", "show", "--environment", "production", key]);
    for (index, (name, condition, severity, channels)) in DOCUMENT.iter().enumerate() {
        let rule = yaml(&show(&format!("alerts.rules[{index}]")));
        let channels: Vec<Value> = channels.iter().map(|channel| Value::from(*channel)).collect();
        let expected = serde_json::json!({ "name": name, "condition": condition, "severity": severity, "channels": channels });
        assert_eq!(rule, expected);
    }
    let origin =
        project.told(&["config", "show", "--environment", "production", "--origin", "alerts.fallback"]);
    assert!(origin.contains("overrides/alerts.yml:"), "{origin}");
    // What is offered in comments can be meant, too.
    let offered = filled.replace("  # ", "  ");
    let offered: String = offered
        .lines()
        .filter(|line| {
            !["token:", "channel:", "topic:", "Below", "In place"]
                .iter()
                .any(|begins| line.trim_start().starts_with(begins))
        })
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(&copy, &offered).unwrap();
    let told = project.told(&["validate"]);
    assert!(told.contains("valid: development, local, production, staging"), "{told}\n{offered}");
    assert_eq!(show("alerts.mute[0].name"), "nights\n");
    assert_eq!(show("alerts.rules[0].escalate[0].after"), "15m\n");
}

#[test]
fn the_example_of_costs_is_accepted_as_it_is_and_with_all_that_it_offers() {
    let project = Project::begun();
    let example = project.read(".ace-flow/templates/cost.example.yml");
    let copy = project.path(".ace-flow/environments/development/overrides/cost.yml");
    std::fs::write(&copy, &example).unwrap();
    let told = project.told(&["validate"]);
    assert!(told.ends_with("valid: development, local, production, staging; warnings: 3\n"), "{told}");
    let show = |key: &str| project.told(&["config", "show", "--environment", "development", key]);
    let plain: Vec<String> = ["lease", "resources"].map(|key| show(&format!("cost.{key}"))).into();
    let prices = example.split_once("names of services:\n").unwrap().1.replace('#', "");
    std::fs::write(project.path(".ace-flow/prices.json"), &prices).unwrap();
    std::fs::create_dir(project.path(".ace-flow/calendars")).unwrap();
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261006\nEND:VEVENT\nEND:VCALENDAR\n";
    std::fs::write(project.path(".ace-flow/calendars/germany.ics"), calendar).unwrap();
    // What is offered in comments can be meant, too; what it says holds anyway is what holds.
    let offered: String = example
        .replace("    # calendars:", "    calendars:")
        .replace("    start: 0 8", "    # start: 0 8")
        .replace("    stop: 0 18", "    # stop: 0 18")
        .replace("    # on:", "    on:")
        .lines()
        .map(|line| match line.strip_prefix("  # ") {
            Some(rest) if !rest.starts_with(['B', ' ', '#']) => format!("  {rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    for setting in [
        "\n  lease: 4h",
        "\n  resources: [",
        "\n  tags: {",
        "\n  other_types: []",
        "\n    on: [{",
        "\n    calendars: [",
    ] {
        assert!(offered.contains(setting), "{setting} is not in {offered}");
    }
    std::fs::write(&copy, &offered).unwrap();
    let told = project.told(&["validate"]);
    assert!(told.ends_with("valid: development, local, production, staging; warnings: 3\n"), "{told}");
    let offered: Vec<String> = ["lease", "resources"].map(|key| show(&format!("cost.{key}"))).into();
    assert_eq!(offered, plain);
    assert_eq!(show("cost.prices.source"), "our price list\n");
    // Production never goes off, wherever the block is from.
    let production = project.path(".ace-flow/environments/production/overrides/cost.yml");
    std::fs::write(production, example).unwrap();
    let (code, out, _) = project.ace(&["validate"], &[]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("is production, whose resources are never stopped")
            && out.contains("remedy: take the block out"),
        "{out}"
    );
}

fn fill_in(example: &str) -> String {
    let line = |line: &str| match (line.split_once('<'), line.rsplit_once('>')) {
        (Some((before, _)), Some((_, after))) if !line.trim_start().starts_with('#') => {
            format!("{before}team@example.com{after}\n")
        }
        _ => format!("{line}\n"),
    };
    example.lines().map(line).collect()
}

type DocumentRule = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// The document's rules.
const DOCUMENT: [DocumentRule; 4] = [
    (
        "Production Down",
        "environment:production AND status:unhealthy",
        "critical",
        &["pagerduty", "slack-critical"],
    ),
    (
        "Staging Deployment Failed",
        "environment:staging AND deployment:failed",
        "high",
        &["slack-dev", "email-dev-team"],
    ),
    ("Development Environment Issues", "environment:development AND status:unhealthy", "low", &["slack-dev"]),
    (
        "Cross-Environment Performance Degradation",
        "response_time > 2s AND affected_environments >= 2",
        "high",
        &["slack-critical", "email-sre"],
    ),
];

#[test]
fn the_scripts_deploy_as_the_documents_pipeline_does() {
    let project = Project::begun();
    let ace = project.path("ace");
    std::fs::write(&ace, "#!/bin/sh\necho \"$ACE_ENVIRONMENT: $*\" >> called\ntest \"$1\" != \"$REFUSES\"\n")
        .unwrap();
    std::fs::set_permissions(&ace, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |script: &str, refuses: &str| {
        let mut command = project.command(project.path(&format!(".ace-flow/scripts/deploy-{script}.sh")));
        command
            .env("ACE", &ace)
            .env("REFUSES", refuses)
            .current_dir("/")
            .arg("--wait")
            .status()
            .unwrap()
            .success()
    };
    assert!(run("dev", "") && run("staging", "") && run("prod", ""));
    let called = project.read("called");
    let expected = "development: validate --environment development\n\
                    development: implement --environment development --wait\n\
                    staging: validate --environment staging\n\
                    staging: implement --environment staging --wait\n\
                    production: validate --environment production --strict\n\
                    production: implement --environment production --strategy blue-green --wait\n";
    assert_eq!(called, expected);
    assert!(!run("prod", "validate"));
    assert_eq!(
        project.read("called"),
        format!("{expected}production: validate --environment production --strict\n")
    );
}

const VARIABLES: [&str; 19] = [
    "ENVIRONMENT_NAME=ace-flow-prod2",
    "AWS_REGION=eu-central-1",
    "STAGE=prod",
    "DB_INSTANCE_TYPE=r5.large",
    "DB_STORAGE_SIZE=100",
    "DB_BACKUP_RETENTION=30",
    "DB_MULTI_AZ=true",
    "LAMBDA_MEMORY=1024",
    "LAMBDA_TIMEOUT=60",
    "LAMBDA_RUNTIME=nodejs22.x",
    "S3_BUCKET_NAME=ace-flow-prod2-storage",
    "CDN_ENABLED=true",
    "S3_ENCRYPTION=aws:kms",
    "LOG_LEVEL=WARN",
    "METRICS_ENABLED=true",
    "ALERTS_ENABLED=true",
    "MFA_REQUIRED=true",
    "SESSION_TIMEOUT=900",
    "RATE_LIMITING=100",
];

fn from_template<'a>(name: &'a str, variables: &[&'a str]) -> Vec<&'a str> {
    let set = variables.iter().flat_map(|variable| ["--set", *variable]);
    ["init", "--from-template", name].into_iter().chain(set).collect()
}

#[test]
fn a_further_environment_is_made_from_the_templates() {
    let project = Project::begun();
    // One comes from the process's environment, and --set wins.
    let rest: Vec<&str> = VARIABLES.iter().filter(|set| !set.starts_with("STAGE=")).copied().collect();
    let shell = [("STAGE", "prod"), ("AWS_REGION", "us-east-1")];
    let (code, out, error) = project.ace(&from_template("production2", &rest), &shell);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("wrote  .ace-flow/environments/production2/config.yml"), "{out}");
    let config = project.read(".ace-flow/environments/production2/config.yml");
    let expected = yaml(document!("environments/production/config.yml"));
    let database = |config: &Value| config.get("database").cloned();
    assert_eq!(database(&yaml(&config)), database(&expected), "{config}");
    assert!(config.contains("region: \"eu-central-1\"") && config.contains("\n\nlambda:\n"), "{config}");
    let secrets = project.read(".ace-flow/environments/production2/secrets.yml");
    assert!(secrets.contains("ace-flow/production2/secrets:SecretString:auth.jwt_secret}}"), "{secrets}");
    assert!(project.path(".ace-flow/environments/production2/overrides").is_dir());
    assert!(project.told(&["validate"]).contains("production, production2, staging"));
    let before = project.files();
    let (code, out, _) = project.ace(&from_template("production2", &VARIABLES), &[]);
    assert_eq!((code, project.files() == before), (Some(0), true), "{out}");
    assert_eq!(out.matches("it is there already").count(), 3, "{out}");
}

#[test]
fn what_is_missing_or_wrong_is_told_at_once_and_nothing_is_written() {
    let project = Project::begun();
    let before = project.files();
    let (code, out, error) = project.ace(&from_template("production2", &["STAGE=prod"]), &[]);
    assert_eq!((code, out.matches("has no value").count()), (Some(1), 18), "{out}");
    assert!(error.contains("mistakes: 18") && error.contains("--set VARIABLE=VALUE"), "{error}");
    let (_, out, _) = project.ace(&[&from_template("x", &[])[..], &["--output", "json"]].concat(), &[]);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((first.get("line").and_then(Value::as_u64), out.lines().count()), (Some(6), 19), "{out}");
    let mut wrong = VARIABLES;
    for set in &mut wrong {
        *set = match *set {
            "DB_MULTI_AZ=true" => "DB_MULTI_AZ=false",
            "S3_BUCKET_NAME=ace-flow-prod2-storage" => "S3_BUCKET_NAME=ace-flow-prod-storage",
            "LAMBDA_MEMORY=1024" => "LAMBDA_MEMORY=1 GB",
            other => other,
        };
    }
    let (code, out, error) = project.ace(&from_template("production2", &wrong), &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("lambda.memory is \"1 GB\"") && error.contains("nothing was written"),
        "{out}{error}"
    );
    wrong
        .iter_mut()
        .filter(|set| set.starts_with("LAMBDA_MEMORY"))
        .for_each(|set| *set = "LAMBDA_MEMORY=128");
    let (code, out, _) = project.ace(&from_template("production2", &wrong), &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("production needs database.multi_az"), "{out}");
    wrong.iter_mut().filter(|set| set.starts_with("DB_MULTI_AZ")).for_each(|set| *set = "DB_MULTI_AZ=true");
    let (code, out, _) = project.ace(&from_template("production2", &wrong), &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("data isolation is broken"), "{out}");
    for name in ["..", ".x", "a/b", ""] {
        assert_eq!(project.ace(&from_template(name, &VARIABLES), &[]).0, Some(1), "{name}");
    }
    let (code, _, error) = project.ace(&["init", "--from-template", "x", "--set", "a-secret"], &[]);
    assert!(code == Some(1) && error.contains("VARIABLE=VALUE"), "{error}");
    assert_eq!(project.files(), before);
    let (code, _, error) = project.ace(&["init", "--from-template", "x", "--tree", "nowhere"], &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no template nowhere/templates/environment.template.yml"), "{error}");
}

#[test]
fn the_resolved_configuration_is_shown_with_who_set_it_and_without_secrets() {
    let project = Project::begun();
    let staging = ["config", "show", "--environment", "staging"];
    let show = |more: &[&str], variables: &[(&str, &str)]| {
        let (code, out, error) = project.ace(&[&staging, more].concat(), variables);
        assert_eq!(code, Some(0), "{out}{error}");
        assert!(!out.contains("resolve:secretsmanager"), "{out}");
        out
    };
    assert!(yaml(&show(&[], &[])).get("rollout").and_then(|rollout| rollout.get("canary")).is_some());
    assert!(show(&[], &[]).starts_with("environment:\n"));
    assert_eq!(show(&["lambda.timeout"], &[]), "60\n");
    assert_eq!(show(&["lambda.timeout"], &[("ACE__LAMBDA__TIMEOUT", "45")]), "45\n");
    assert_eq!(show(&["database.instance_type"], &[]), "t3.small\n");
    assert_eq!(show(&["rollout.canary.steps[0].weight"], &[]), "10\n");
    assert_eq!(
        yaml(&show(&["monitoring"], &[])),
        yaml("{log_level: INFO, metrics_enabled: true, alerts_enabled: true, detailed_monitoring: false}")
    );
    let overrides = project.path(".ace-flow/environments/staging/overrides/10-more.yml");
    std::fs::write(&overrides, "# more\nlambda:\n  memory: 768\n").unwrap();
    let origins = show(&["--origin", "lambda"], &[("ACE__LAMBDA__TIMEOUT", "45")]);
    let lines: Vec<String> =
        origins.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let folder = ".ace-flow/environments/staging";
    assert_eq!(
        lines,
        [
            format!("lambda.memory 768 {folder}/overrides/10-more.yml:3"),
            format!("lambda.runtime \"nodejs18.x\" {folder}/config.yml:16"),
            "lambda.timeout 45 environment variable ACE__LAMBDA__TIMEOUT".to_owned(),
        ]
    );
    let origins = show(&["--origin", "--output", "json"], &[]);
    let of = |key: &str| -> Value {
        let mut lines = origins.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line.get("key").and_then(Value::as_str) == Some(key)).unwrap()
    };
    assert_eq!(of("storage.backup_enabled").get("set_by").and_then(Value::as_str), Some("default"));
    assert_eq!(of("lambda.memory").get("line").and_then(Value::as_u64), Some(3));
    assert_eq!(of("rollout.judge.margin").get("file"), Some(&Value::Null));
    let whole: Value = serde_json::from_str(&show(&["--output", "json"], &[])).unwrap();
    assert_eq!(whole.pointer("/configuration/lambda/memory"), Some(&Value::from(768)));
    for environment in ["development", "local"] {
        for more in [&[][..], &["--origin"], &["--output", "json"], &["--origin", "--output", "json"]] {
            let shown = project.told(&[&["config", "show", "--environment", environment], more].concat());
            assert!(!shown.contains("dev_db_password") && !shown.contains("sk_test"), "{shown}");
        }
    }
    let (code, _, error) = project.ace(&[&staging[..], &["lambda.memmory"]].concat(), &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("did you mean lambda.memory?"), "{error}");
    std::fs::write(&overrides, "lambda:\n  memory: 1\n").unwrap();
    let (code, out, error) = project.ace(&staging, &[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("lambda.memory is 1") && error.contains("errors: 1"), "{out}{error}");
}

#[test]
fn the_schema_is_printed_as_it_is_kept() {
    let kept = include_str!("../../../shared/environments/environment.schema.json");
    assert_eq!(Project::new().told(&["config", "schema"]), kept);
}
