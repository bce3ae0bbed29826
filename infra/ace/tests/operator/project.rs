//! A project on this machine, and the processes that play in it.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

pub const CONFIG: &str = ".ace-flow/environments/local/config.yml";

/// A project of its own.
pub struct Project {
    pub folder: tempfile::TempDir,
}

/// A rollout that is played by another process.
pub struct Played {
    pub ace: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
    pub seen: Vec<Value>,
}

impl Project {
    pub fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(CONFIG);
        let config = project.path(CONFIG);
        std::fs::create_dir_all(config.parent().unwrap()).unwrap();
        std::fs::copy(source, config).unwrap();
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path(".ace-flow/state/local.redb.sock")
    }

    /// The configuration with something else in it.
    pub fn configure(&self, from: &str, to: &str) {
        let config = std::fs::read_to_string(self.path(CONFIG)).unwrap();
        let changed = config.replace(from, to);
        assert_ne!(config, changed);
        std::fs::write(self.path(CONFIG), changed).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ace"));
        command
            .args(arguments)
            .args(["--output", "json"])
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env("USER", "tester")
            .env_remove("ACE_ENVIRONMENT");
        command
    }

    pub fn ace(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The exit code, and whether the stack did it, and what it says.
    pub fn order(&self, arguments: &[&str]) -> (Option<i32>, bool, String) {
        let output = self.ace(arguments);
        let lines = lines(&output);
        let answer = lines.iter().find(|line| line["kind"] == "answer");
        let answer = answer.unwrap_or_else(|| panic!("{arguments:?}: {}", told(&output)));
        let says = answer["says"].as_str().unwrap().to_owned();
        (output.status.code(), answer["applied"].as_bool().unwrap(), says)
    }

    pub fn done(&self, arguments: &[&str], says: &str) {
        let (code, applied, said) = self.order(arguments);
        assert!(said.contains(says), "{arguments:?} does not say {says:?}: {said}");
        assert_eq!((code, applied), (Some(0), true), "{arguments:?}: {said}");
    }

    pub fn refused(&self, arguments: &[&str], says: &str) {
        let (code, applied, said) = self.order(arguments);
        assert!(said.contains(says), "{arguments:?} does not say {says:?}: {said}");
        assert_eq!((code, applied), (Some(1), false), "{arguments:?}: {said}");
    }

    /// A mistake of whoever typed it.
    pub fn mistaken(&self, arguments: &[&str], says: &str) {
        let output = self.ace(arguments);
        let error = told(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?} does not say {says:?}: {error}");
    }

    pub fn play(&self, arguments: &[&str]) -> Played {
        let mut command = self.command(arguments);
        let mut ace = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(ace.stdout.take().unwrap()).lines();
        Played { ace, lines, seen: Vec::new() }
    }

    /// The newest rollout, as `ace status` has it.
    pub fn newest(&self) -> Value {
        let status = self.ace(&["status"]);
        let newest = lines(&status).into_iter().find(|line| line["kind"] == "rollout");
        newest.unwrap_or_else(|| panic!("{}", told(&status)))
    }
}

impl Played {
    /// Waits until the rollout is in this phase at this step.
    pub fn until(&mut self, phase: &str) {
        for line in self.lines.by_ref() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let found = line["kind"] == "decision" && line["phase"] == phase;
            self.seen.push(line);
            if found {
                return;
            }
        }
        panic!("never {phase}: {:#?}", self.seen);
    }

    /// The exit code and the summary.
    pub fn end(mut self) -> (Option<i32>, Value) {
        for line in self.lines.by_ref() {
            self.seen.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        let code = self.ace.wait().unwrap().code();
        let summary = self.seen.iter().find(|line| line["kind"] == "summary");
        (code, summary.unwrap_or_else(|| panic!("{:#?}", self.seen)).clone())
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        drop(self.ace.kill());
        drop(self.ace.wait());
    }
}

pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What went to both streams, unwrapped.
pub fn told(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&both).replace('│', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub const CANARY: [&str; 9] =
    ["implement", "--service", "checkout", "--version", "v2", "--speed", "60", "--wait", "--by=ann"];
