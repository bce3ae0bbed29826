//! A project whose environment `local` has a schedule.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub const CONFIG: &str = ".ace-flow/environments/local/config.yml";
pub const STORE: &str = ".ace-flow/state/local.redb";
/// The hours of an office in Berlin.
pub const HOURS: &str = "\
cost:
  schedule:
    zone: Europe/Berlin
    start: 0 8 * * 1-5
    stop: 0 18 * * 1-5
";

pub struct Project {
    folder: tempfile::TempDir,
}

/// A rollout that another process plays.
pub struct Playing(Child);

impl Project {
    /// With these blocks below the configuration of the repository's own environment `local`.
    pub fn new(blocks: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let config = std::fs::read_to_string(Path::new(ROOT).join(CONFIG)).unwrap();
        project.write(CONFIG, &format!("{config}\n{blocks}"));
        project
    }

    /// One whose configuration is published.
    pub fn published(blocks: &str) -> Self {
        let project = Self::new(blocks);
        let (code, _, told) = project.ace(&["publish", "--by", "ann"]);
        assert_eq!(code, Some(0), "{told}");
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The line of the configuration that has this in it, from 1.
    pub fn line_of(&self, part: &str) -> usize {
        let config = std::fs::read_to_string(self.path(CONFIG)).unwrap();
        config.lines().position(|line| line.contains(part)).unwrap() + 1
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ace"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("NO_COLOR", "1").env("USER", "tester").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env_remove("ACE_ENVIRONMENT");
        command
    }

    /// The exit code, and what is printed to standard output and, in one line, to standard error.
    pub fn ace(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let told = String::from_utf8(stderr).unwrap().replace('│', " ");
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        (status.code(), String::from_utf8(stdout).unwrap(), told)
    }

    /// What is printed of something that succeeds.
    pub fn told(&self, arguments: &[&str]) -> String {
        let (code, printed, told) = self.ace(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {printed}{told}");
        printed
    }

    /// The lines of something that succeeds, which are JSON.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let printed = self.told(&[arguments, &["--output", "json"]].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What is said of something that is refused.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let (code, printed, told) = self.ace(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {printed}{told}");
        format!("{printed}{told}")
    }

    /// An order, whether it was carried out, and what is said of it.
    pub fn order(&self, arguments: &[&str]) -> Value {
        let (code, printed, told) = self.ace(&[arguments, &["--output", "json"]].concat());
        let answer: Value =
            serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{arguments:?}: {printed}{told}"));
        assert_eq!(answer["applied"], code == Some(0), "{answer}");
        answer
    }

    /// Plays a rollout of a service, and waits until it has begun.
    pub fn playing(&self) -> Playing {
        let arguments = ["implement", "--service", "checkout", "--version", "v2", "--speed", "1", "--wait"];
        let mut command = self.command(&[&arguments[..], &["--output", "json"]].concat());
        let mut ace = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(ace.stdout.take().unwrap()).lines();
        let begun = lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"rollout\""));
        assert!(begun, "no rollout has begun");
        // What it goes on to print is not waited for.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Playing(ace)
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
