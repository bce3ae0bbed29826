//! `ace bootstrap` as a user runs it, with a `sam` that writes down how it was called.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const SAM: &str = r#"#!/bin/sh
[ "$1" = --version ] && exit 0
{ printf '%s:' "${PWD##*/}"; printf ' <%s>' "$@"; echo; } >> "$SAM_LOG"
case "$1" in
build)
    echo "sam says build"
    exit "${SAM_BUILD:-0}"
    ;;
deploy)
    echo "sam says deploy"
    [ -n "$SAM_KILLED" ] && kill -KILL $$
    [ -n "$SAM_ANSWERS" ] && echo "$SAM_ANSWERS" >> samconfig.toml
    exit "${SAM_DEPLOY:-0}"
    ;;
list)
    printf '%s' "$SAM_OUTPUTS"
    exit "${SAM_LIST:-0}"
    ;;
esac
"#;

const LISTED: &str =
    r#"[{"OutputKey": "Table", "OutputValue": "ace-flow-qa-Table-1A", "Description": "rollouts"}]"#;

const SAMCONFIG: &str = "version = 0.1\n[qa.deploy.parameters]\nstack_name = \"ace-flow-qa\"\nregion = \"eu-west-1\"\n\
                         parameter_overrides = \"Environment=qa Architecture=x86_64\"\n";

struct Bench {
    folder: tempfile::TempDir,
}

struct Ended {
    code: Option<i32>,
    out: String,
    /// Standard error, without the breaks that fit its lines to the terminal.
    told: String,
}

fn unwrapped(text: &str) -> String {
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

impl Bench {
    /// A project, and a PATH with nothing but the tools that are needed.
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["bin", "project/infra", "project/services/checkout"] {
            std::fs::create_dir_all(bench.path(folder)).unwrap();
        }
        std::fs::write(bench.path("project/infra/template.yaml"), "Resources: {}\n").unwrap();
        std::fs::write(bench.path("project/infra/samconfig.toml"), SAMCONFIG).unwrap();
        bench.tool("sam", SAM);
        for name in ["cargo", "cargo-lambda", "zig"] {
            bench.tool(name, "#!/bin/sh\n");
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn bootstrap(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_ace"))
            .arg("bootstrap")
            .args(arguments)
            .env("PATH", self.path("bin"))
            .env("SAM_LOG", self.path("log"))
            .env("SAM_OUTPUTS", LISTED)
            .env("NO_COLOR", "1")
            .envs(settings.iter().copied())
            .current_dir(self.path("project/services/checkout"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ended {
            code: output.status.code(),
            out: text(&output.stdout),
            told: unwrapped(&text(&output.stderr)),
        }
    }

    /// How sam was called, a line each.
    fn called(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

const BUILD: &str = "infra: <build> <--parameter-overrides> <Environment=qa Architecture=x86_64>";
const DEPLOY: &str = "infra: <deploy> <--config-env> <qa>";
const OUTPUTS: &str =
    "infra: <list> <stack-outputs> <--output> <json> <--stack-name> <ace-flow-qa> <--region> <eu-west-1>";

#[test]
fn a_stack_is_built_deployed_and_its_outputs_lead_to_the_next_step() {
    let bench = Bench::new();
    let Ended { code, out, told } = bench.bootstrap(&["--environment", "qa"], &[]);
    assert_eq!(code, Some(0), "{out}{told}");
    assert_eq!(bench.called(), [BUILD, DEPLOY, OUTPUTS]);
    let shown = out.find("sam deploy --config-env qa\n").unwrap();
    assert!(shown < out.find("sam says deploy").unwrap(), "it is shown before it runs: {out}");
    assert!(out.contains("Table  ace-flow-qa-Table-1A\n"), "{out}");
    assert!(out.contains("ace publish --environment qa --table ace-flow-qa-Table-1A\n"), "{out}");
}

#[test]
fn for_a_program_standard_output_is_data_alone() {
    let bench = Bench::new();
    let Ended { code, out, told } = bench.bootstrap(&["--environment", "qa", "--output", "json"], &[]);
    assert_eq!(code, Some(0), "{told}");
    let told_of: Value = serde_json::from_str(&out).unwrap();
    let wanted = serde_json::json!({
        "environment": "qa", "stack": "ace-flow-qa", "outputs": { "Table": "ace-flow-qa-Table-1A" },
    });
    assert_eq!(told_of, wanted);
    assert!(told.contains("sam says build") && told.contains("sam says deploy"), "{told}");
}

#[test]
fn a_dry_run_shows_the_commands_and_runs_nothing() {
    let bench = Bench::new();
    std::fs::remove_dir_all(bench.path("bin")).unwrap();
    let Ended { code, out, told } = bench.bootstrap(&["--environment", "qa", "--dry-run"], &[]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(bench.called(), [""; 0]);
    let commands: Vec<&str> = out.lines().filter_map(|line| Some(line.split_once("&& ")?.1)).collect();
    assert_eq!(
        commands,
        [
            "sam build --parameter-overrides 'Environment=qa Architecture=x86_64'",
            "sam deploy --config-env qa",
            "sam list stack-outputs --output json --stack-name ace-flow-qa --region eu-west-1",
        ]
    );
}

#[test]
fn what_is_not_installed_is_told_at_once_with_its_remedy_before_anything_runs() {
    let bench = Bench::new();
    for name in ["sam", "zig"] {
        std::fs::remove_file(bench.path("bin").join(name)).unwrap();
    }
    bench.tool("cargo-lambda", "#!/bin/sh\nexit 1\n");
    let Ended { code, told, .. } = bench.bootstrap(&["--environment", "qa"], &[]);
    assert_eq!((code, bench.called()), (Some(1), vec![]));
    assert!(told.contains("not installed, or broken: sam, cargo-lambda, zig"), "{told}");
    for remedy in ["pip install aws-sam-cli", "pip install cargo-lambda==1.9.2", "pip install ziglang"] {
        assert!(told.contains(remedy), "{remedy}: {told}");
    }
}

#[test]
fn zig_may_be_a_module_of_python() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("bin/zig")).unwrap();
    bench.tool("python3", "#!/bin/sh\n[ \"$*\" = '-m ziglang version' ]\n");
    assert_eq!(bench.bootstrap(&["--environment", "qa"], &[]).code, Some(0));
}

#[test]
fn a_step_that_fails_is_the_last_one() {
    for (setting, called, told) in [
        (
            ("SAM_BUILD", "3"),
            vec![BUILD],
            "&& sam build --parameter-overrides 'Environment=qa Architecture=x86_64'` failed with exit code 3",
        ),
        (("SAM_DEPLOY", "1"), vec![BUILD, DEPLOY], "&& sam deploy --config-env qa` failed with exit code 1"),
    ] {
        let bench = Bench::new();
        let ended = bench.bootstrap(&["--environment", "qa"], &[setting]);
        assert_eq!(ended.code, Some(1));
        assert_eq!(bench.called(), called);
        assert!(ended.told.contains(told), "{}", ended.told);
        assert!(!ended.out.contains("next:"), "{}", ended.out);
    }
}

#[test]
fn what_cannot_be_told_has_an_exit_code_of_its_own() {
    for (setting, told) in [
        (("SAM_KILLED", "yes"), "ended by a signal"),
        (("SAM_LIST", "1"), "its outputs cannot be read"),
        (("SAM_OUTPUTS", "no stack"), "no list of outputs"),
    ] {
        let bench = Bench::new();
        let ended = bench.bootstrap(&["--environment", "qa"], &[setting]);
        assert_eq!(ended.code, Some(3), "{}", ended.told);
        assert!(ended.told.contains(told), "{}", ended.told);
    }
}

#[test]
fn an_environment_without_a_section_needs_to_be_guided() {
    let bench = Bench::new();
    let Ended { code, told, .. } = bench.bootstrap(&["--environment", "qb"], &[]);
    assert_eq!((code, bench.called()), (Some(1), vec![]));
    assert!(told.contains("qb.deploy.parameters") && told.contains("--guided"), "{told}");

    let answers = [("SAM_ANSWERS", "[qb.deploy.parameters]\nstack_name = 'mine'")];
    let Ended { code, out, told } = bench.bootstrap(&["--environment", "qb", "--guided"], &answers);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(
        bench.called(),
        [
            "infra: <build>",
            "infra: <deploy> <--config-env> <qb> <--guided>",
            "infra: <list> <stack-outputs> <--output> <json> <--stack-name> <mine>",
        ]
    );
    assert!(out.contains("mine is deployed"), "{out}");
}

#[test]
fn the_folder_of_the_template_is_found_or_named() {
    let bench = Bench::new();
    std::fs::rename(bench.path("project/infra"), bench.path("project/cloud")).unwrap();
    let lost = bench.bootstrap(&["--environment", "qa"], &[]);
    assert_eq!(lost.code, Some(1));
    assert!(
        lost.told.contains("there is no template.yaml in") && lost.told.contains("--infra"),
        "{}",
        lost.told
    );
    let named = bench.bootstrap(&["--environment", "qa", "--infra", "../../cloud"], &[]);
    assert_eq!(named.code, Some(0), "{}", named.told);
    assert_eq!(bench.called()[1], DEPLOY.replace("infra", "cloud"));

    std::fs::write(bench.path("project/cloud/samconfig.toml"), "[qa\n").unwrap();
    let broken = bench.bootstrap(&["--environment", "qa", "--infra", "../../cloud"], &[]);
    assert_eq!(broken.code, Some(1));
    assert!(broken.told.contains("it is not TOML"), "{}", broken.told);
}
