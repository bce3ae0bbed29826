//! What a command makes of the layers of an environment's configuration.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const LOCAL: &str = include_str!("../../../.ace-flow/environments/local/config.yml");
const DEVELOPMENT: &str =
    include_str!("../../../shared/environments/tests/document/.ace-flow/environments/development/config.yml");

struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The exit code, standard output and standard error, in one line.
    fn ace(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ace"))
            .args(arguments)
            .envs(variables.iter().copied())
            .env("NO_COLOR", "1")
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap().replace('│', " ");
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), error)
    }

    /// The steps' weights and the judge's minimum, as `ace plan` has them.
    fn planned(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<u64>, u64) {
        let plan = ["plan", "--service", "checkout", "--output", "json"];
        let (code, out, error) = self.ace(&[&plan, arguments].concat(), variables);
        assert_eq!(code, Some(0), "{error}");
        let told: Value = serde_json::from_str(&out).unwrap();
        let steps = told.pointer("/plan/steps").and_then(Value::as_array).unwrap();
        let weights = steps.iter().map(|step| step.get("weight").and_then(Value::as_u64).unwrap()).collect();
        (weights, told.pointer("/policy/minimum_requests").and_then(Value::as_u64).unwrap())
    }
}

fn services(of: &str) -> String {
    let (_, services) = LOCAL.split_once("services:\n").unwrap();
    format!("services:\n{}", services.replace("local", of))
}

#[test]
fn a_command_reads_every_layer_and_the_later_one_wins() {
    let project = Project::new();
    let local = ".ace-flow/environments/local";
    project.write(&format!("{local}/config.yml"), LOCAL);
    assert_eq!(project.planned(&[], &[]), (vec![10, 25, 50, 75, 100], 50));
    let steps = "rollout:\n  canary: { steps: [{ weight: 20, bake: 2m }, { weight: 100, bake: 2m }] }\n";
    project.write(&format!("{local}/overrides/10-steps.yml"), steps);
    project
        .write(&format!("{local}/overrides/20-judge.yml"), "rollout: { judge: { minimum_requests: 60 } }\n");
    assert_eq!(project.planned(&[], &[]), (vec![20, 100], 60));
    let variable = [("ACE__ROLLOUT__JUDGE__MINIMUM_REQUESTS", "70")];
    assert_eq!(project.planned(&[], &variable), (vec![20, 100], 70));
    let template = "rollout:\n  judge:\n    minimum_requests: 10\n    minimum_minutes: ${MINUTES:-3}\n\
                    database:\n  storage: ${STORAGE}\n";
    project.write(".ace-flow/templates/environment.template.yml", template);
    assert_eq!(project.planned(&[], &[]), (vec![20, 100], 60));
    let (code, out, error) = project.ace(&["plan", "--service", "checkout"], &[("MINUTES", "7")]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("60 requests to the canary and 7 closed minutes"), "{out}");
    let database = "database: { instance_type: t3.micro }\n";
    project.write(&format!("{local}/overrides/30-database.yml"), database);
    let (code, _, error) = project.ace(&["plan", "--service", "checkout"], &[]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("environment.template.yml:6:") && error.contains("give STORAGE a value"),
        "{error}"
    );
}

#[test]
fn a_refused_configuration_is_told_as_validate_tells_it_and_another_environments_mistakes_are_not() {
    let project = Project::new();
    let broken = LOCAL.replace("readiness:", "readyness:").replace("settle: 5s", "setle: 5s");
    project.write(".ace-flow/environments/local/config.yml", &broken);
    let (_, told, _) = project.ace(&["validate", "--environment", "local"], &[]);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for command in [vec!["plan", "--service", "checkout"], vec!["run", "event.json"]] {
        let (code, out, error) = project.ace(&command, &[]);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(error.starts_with(&told), "{error}\nis not\n{told}");
        assert!(error.contains("errors: 2"), "{error}");
    }
    project.write(".ace-flow/environments/local/config.yml", LOCAL);
    project.write(".ace-flow/environments/broken/config.yml", "database: [");
    project.write(".ace-flow/environments/empty/readme", "nothing yet");
    assert_eq!(project.planned(&[], &[]).1, 50);
    project.write(".ace-flow/environments/other/config.yml", &LOCAL.replace("stage: local", "stage: other"));
    let (code, _, error) = project.ace(&["plan", "--service", "checkout"], &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("also environment.name of environment other"), "{error}");
}

#[test]
fn a_file_that_is_named_is_all_there_is_and_may_have_every_section() {
    let project = Project::new();
    let text = format!("{DEVELOPMENT}\n{}", services("development"));
    let file = project.write("elsewhere.yml", &text);
    project.write(".ace-flow/environments/development/config.yml", "not: this\n");
    let named = ["--environment", "development", "--config", file.to_str().unwrap()];
    assert_eq!(project.planned(&named, &[("ACE__ROLLOUT__JUDGE__MINIMUM_REQUESTS", "7")]).1, 50);
    let broken = project.write("broken.yml", &text.replace("storage: 20", "storage: 2"));
    let named = ["plan", "--service", "checkout", "--environment", "development", "--config"];
    let (code, _, error) = project.ace(&[&named[..], &[broken.to_str().unwrap()]].concat(), &[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("database.storage is 2") && error.contains("broken.yml:9:12"), "{error}");
}
