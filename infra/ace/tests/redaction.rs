//! Secrets that are planted wherever an environment on one machine has any are nowhere in what `ace` produces; and a
//! leak is caught.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test a panic is a failed test")]

#[path = "../../../tests/emulators/markers.rs"]
mod markers;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::markers::{Markers, Produced};

const EVENT: &str = include_str!("../../../events/codepipeline-succeeded-blue-green.json");
const REQUEST: &str = include_str!("../../../events/manual-request.json");
const LOCAL: &str = include_str!("../../../.ace-flow/environments/local/config.yml");

struct Bench {
    folder: tempfile::TempDir,
    markers: Markers,
    variables: Vec<(String, String)>,
    /// Everything that was printed.
    produced: Vec<Produced>,
}

impl Bench {
    /// A tree with secrets in its files, an event with a task token, and variables with secrets.
    fn new() -> Self {
        let mut bench = Self {
            folder: tempfile::tempdir().unwrap(),
            markers: Markers::default(),
            variables: Vec::new(),
            produced: Vec::new(),
        };
        for name in ["local", "development"] {
            let mut plant = |place: &str| bench.markers.plant(&format!("{place} of {name}"));
            let (password, dsn) = (plant("the password"), plant("the DSN"));
            let (webhook, header) = (plant("the webhook"), plant("the Authorization header"));
            let secrets = format!(
                "secrets:\n  database:\n    password: \"{password}\"\n    connection_string: \"postgresql://user:{dsn}@{name}-db:5432/aceflow\"\n  external_apis:\n    slack_webhook: \"https://hooks.example.com/services/{webhook}\"\n    header: \"Bearer {header}\"\n"
            );
            let config = LOCAL
                .replace("stage: local", if name == "local" { "stage: local" } else { "stage: dev" })
                .replace("name: ace-flow-local", &format!("name: ace-flow-{name}"));
            let folder = bench.path(&format!(".ace-flow/environments/{name}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("config.yml"), config).unwrap();
            std::fs::write(folder.join("secrets.yml"), secrets).unwrap();
        }
        let token = bench.markers.plant("the task token of the event");
        let event =
            EVENT.replacen("\"detail\": {", &format!("\"detail\": {{ \"taskToken\": \"{token}\","), 1);
        assert_ne!(event, EVENT);
        std::fs::write(bench.path("event.json"), event).unwrap();
        for name in [
            "ACE__SECRETS__DATABASE__PASSWORD",
            "ACE__DATABASE__STORAGE",
            "ACE__FEATURES__DEBUG_MODE",
            "ACE__ENVIRONMENT__REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ] {
            let marker = bench.markers.plant(&format!("variable {name}"));
            bench.variables.push((name.to_owned(), marker));
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&mut self, arguments: &[&str], input: &str, variables: bool) -> Option<i32> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ace"));
        let given = |(name, _): &&(String, String)| variables || !name.starts_with("ACE__");
        command.envs(self.variables.iter().filter(given).cloned());
        let mut ace = command
            .args(arguments)
            .envs([("RUST_LOG", "trace"), ("LOG_LEVEL", "trace"), ("RUST_BACKTRACE", "full")])
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(ace.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = ace.wait_with_output().unwrap();
        self.produced.push((format!("standard output of {}", arguments[..2].join(" ")), output.stdout));
        self.produced.push((format!("standard error of {}", arguments[..2].join(" ")), output.stderr));
        output.status.code()
    }

    fn roll_out(&mut self, event: &str, more: &[&str], input: &str) -> String {
        let run = ["run", event, "--speed", "60", "--output", "json", "--store", "store/local.redb"];
        let arguments = [&run[..], more].concat();
        assert_eq!(self.run(&arguments, input, true), Some(1), "settings that cannot be: {}", self.last());
        let code = self.run(&arguments, input, false);
        assert!(code.is_some_and(|code| code == 0 || code == 2), "{code:?}: {}", self.last());
        let summary = self.produced.iter().rev().find(|(source, _)| source.starts_with("standard output"));
        let text = String::from_utf8_lossy(&summary.unwrap().1).into_owned();
        let summary = text.lines().find(|line| line.contains("\"kind\":\"summary\"")).ok_or(&text).unwrap();
        let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
        summary["rollout"].as_str().unwrap().to_owned()
    }

    fn last(&self) -> String {
        let last = self.produced.iter().rev().take(2);
        let told =
            |(source, bytes): &(String, Vec<u8>)| format!("{source}: {}", String::from_utf8_lossy(bytes));
        last.map(told).collect::<Vec<_>>().join("\n")
    }

    /// What lies on the disk: the store, and what is not an environment's own file or its protected copy.
    fn files(&mut self) {
        let mut folders = vec![self.path("store"), self.path(".ace-flow/state")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !is_a_files_own_history(&path) {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    self.produced.push((format!("file {name}"), std::fs::read(&path).unwrap()));
                }
            }
        }
    }
}

/// The previous values of a secrets.yml, which stay beside it on the same machine.
fn is_a_files_own_history(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().contains(".secrets.AWS")
}

#[test]
fn no_secret_is_in_anything_that_a_machine_s_environments_produce() {
    let mut bench = Bench::new();
    let typed = bench.markers.plant("a value that was typed");
    let rotated = bench.markers.plant("a value that was rotated to");
    let broken = bench.markers.plant("a value that does not work");
    let argument = bench.markers.plant("a value as an argument");
    let edited = bench.markers.plant("a value from an editor");
    let editor = bench.path("editor");
    std::fs::write(&editor, format!("printf %s {edited} > \"$1\"\n")).unwrap();
    bench.variables.push(("EDITOR".to_owned(), format!("sh {}", editor.display())));

    for environment in ["local", "development"] {
        let file = ["--environment", environment, "--embedded"];
        let at = |arguments: &[&'static str]| -> Vec<String> {
            arguments.iter().copied().chain(file).map(str::to_owned).collect()
        };
        let commands: Vec<(Vec<String>, &str, i32)> = vec![
            (at(&["secrets", "get"]), "", 0),
            (at(&["secrets", "get", "--output", "json"]), "", 0),
            (at(&["secrets", "get", "database.password"]), "", 0),
            (at(&["secrets", "set", "database.password"]), &typed, 0),
            (at(&["secrets", "set", "database.password", "--output", "json"]), &typed, 0),
            (at(&["secrets", "set", "typed"]), &typed, 1),
            (at(&["secrets", "set", "database.password.below"]), &typed, 1),
            (at(&["secrets", "set", "auth.edited", "--editor"]), "", 0),
            (at(&["secrets", "rotate", "database.password"]), "", 0),
            (
                at(&["secrets", "rotate", "database.password", "--stdin", "--verify", "cat; cat >&2"]),
                &rotated,
                0,
            ),
            (
                at(&["secrets", "rotate", "database.password", "--stdin", "--verify", "cat >&2; false"]),
                &broken,
                1,
            ),
            (at(&["secrets", "rotate", "database.password", "--stdin"]), &rotated, 1),
            (at(&["secrets", "rotate", "database.password", "--rollback"]), "", 0),
            (at(&["secrets", "get", "--stage", "previous"]), "", 0),
            (at(&["secrets", "diff", "--against", "local"]), "", 1),
            (at(&["secrets", "diff", "--against", "local", "--output", "json"]), "", 1),
        ];
        for (arguments, input, code) in commands {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ended = bench.run(&arguments, input, true);
            assert_eq!(ended, Some(code), "{arguments:?}: {}", bench.last());
        }
        let assignment = format!("database.password={argument}");
        let option = format!("--value={argument}");
        for arguments in [
            &["secrets", "set", "database.password", &argument][..],
            &["secrets", "set", &assignment],
            &["secrets", "set", "database.password", &option],
            &["secrets", "rotate", "database.password", &argument],
            &["secrets", "get", &assignment],
        ] {
            assert_eq!(bench.run(&[arguments, &file].concat(), "", true), Some(1), "{}", bench.last());
        }
    }
    // Secrets in the file that are mistakes, too.
    for (environment, code) in [("local", Some(1)), ("development", Some(1))] {
        for format in ["human", "json", "github"] {
            let validate = ["validate", "--environment", environment, "--format", format];
            assert_eq!(bench.run(&validate, "", true), code, "{}", bench.last());
        }
        assert_eq!(bench.run(&["features", "--environment", environment, "--embedded"], "", true), Some(1));
        let publish = ["features", "--environment", environment, "--embedded", "--publish"];
        assert_eq!(bench.run(&publish, "", false), Some(0), "{}", bench.last());
    }
    let misplaced = std::fs::read_to_string(bench.path(".ace-flow/environments/local/secrets.yml")).unwrap();
    std::fs::create_dir_all(bench.path(".ace-flow/environments/production")).unwrap();
    std::fs::write(bench.path(".ace-flow/environments/production/config.yml"), LOCAL).unwrap();
    for text in [misplaced.clone(), misplaced.replace(": \"", ": [\""), misplaced.replace("\"\n", "\n")] {
        std::fs::write(bench.path(".ace-flow/environments/production/secrets.yml"), text).unwrap();
        assert_eq!(bench.run(&["validate", "--format", "human"], "", false), Some(1), "{}", bench.last());
    }

    let rollout = bench.roll_out("event.json", &[], "hold for lunch\nresume enough\n");
    let failed = bench.roll_out("event.json", &["--fault", "errors:50%"], "");
    for rollout in [&rollout, &failed] {
        for output in ["human", "json"] {
            let history = ["history", rollout, "--output", output, "--store", "store/local.redb"];
            assert_eq!(bench.run(&history, "", true), Some(0), "{}", bench.last());
        }
    }
    assert_eq!(bench.run(&["status", "--store", "store/local.redb"], "", true), Some(0));
    bench.files();
    assert!(bench.produced.iter().any(|(source, bytes)| source == "file local.redb" && !bytes.is_empty()));
    bench.markers.assert_absent(&bench.produced);
}

/// The same search finds a secret that is shown, one in a version, which is kept with the rollout,
/// and one in each disguise.
#[test]
fn a_secret_that_leaks_is_caught() {
    let mut bench = Bench::new();
    let leak = bench.markers.plant("a version");
    bench.run(&["secrets", "get", "database.password", "--reveal", "--environment", "local"], "", false);
    // What a rollout is asked for with is kept with it.
    let request = REQUEST.replace("\"production\"", "\"local\"").replace("2026-08-03.2", &leak);
    let request = request.replace("checkout", "catalog");
    std::fs::write(bench.path("request.json"), request).unwrap();
    let rollout = bench.roll_out("request.json", &[], "");
    bench.run(&["history", &rollout, "--store", "store/local.redb"], "", false);
    bench.files();
    let found = bench.markers.found(&bench.produced);
    let has = |place: &str, source: &str| {
        assert!(
            found.iter().any(|leak| leak.starts_with(place) && leak.contains(source)),
            "{place} is not found in {source}: {found:#?}"
        );
    };
    has("the password of local", "standard output of secrets get");
    has("a version", "standard output of history");
    has("a version", "file local.redb");

    let marker = bench.markers.plant("a disguise");
    let hashed = std::process::Command::new("sh")
        .args(["-c", &format!("printf %s {marker} | sha256sum; printf %s 'x {marker} y' | base64; printf %s 'xy {marker} y' | base64; printf %s {marker} | base64")])
        .output()
        .unwrap();
    for line in String::from_utf8(hashed.stdout).unwrap().lines() {
        let produced = [("a line".to_owned(), line.as_bytes().to_vec())];
        assert_eq!(bench.markers.found(&produced).len(), 1, "{line}");
    }
    assert!(std::panic::catch_unwind(|| bench.markers.assert_absent(&bench.produced)).is_err());
}
