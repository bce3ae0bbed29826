//! A project whose environment `local` has alerts, and a receiver of its webhook.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use alerting::Credential;
use receivers::{Delivery, Receiver, Webhook};
use serde_json::Value;

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub const CONFIG: &str = ".ace-flow/environments/local/config.yml";
pub const SECRETS: &str = ".ace-flow/environments/local/secrets.yml";
/// What signs the webhook.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// A canary that is over soon.
const QUICK: &str = "rollout:\n  canary: { steps: [{ weight: 50, bake: 1m }, { weight: 100, bake: 1m }] }\n";

pub struct Project {
    pub folder: tempfile::TempDir,
}

/// A rollout that is played by another process.
pub struct Played {
    ace: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub seen: Vec<Value>,
}

impl Project {
    /// With these blocks below the configuration of the repository's own environment `local`.
    pub fn new(blocks: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        let config = std::fs::read_to_string(Path::new(ROOT).join(CONFIG)).unwrap();
        project.write(CONFIG, &format!("{}\n{blocks}", config.replace("rollout:\n", QUICK)));
        project
    }

    /// The same, and what signs its webhook.
    pub fn with_secret(blocks: &str) -> Self {
        let project = Self::new(blocks);
        project.write(SECRETS, &format!("secrets:\n  channels:\n    hook: \"{SECRET}\"\n"));
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ace"));
        let arguments = command.args(arguments).current_dir(self.folder.path());
        arguments.env("NO_COLOR", "1").env("USER", "tester").env_remove("ACE_ENVIRONMENT");
        command
    }

    /// The exit code, and what is printed to standard output and to standard error.
    pub fn ace(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        // Messages are wrapped to a terminal that is not there.
        let told = String::from_utf8(stderr).unwrap().replace('│', " ");
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        (status.code(), String::from_utf8(stdout).unwrap(), told)
    }

    /// The exit code and the lines, which are JSON.
    pub fn json(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let (code, printed, told) = self.ace(&[arguments, &["--output", "json"]].concat());
        let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}: {told}"));
        (code, printed.lines().map(line).collect())
    }

    /// An order, its exit code and what is said of it.
    pub fn order(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let (code, lines) = self.json(arguments);
        let answer = lines.iter().find(|line| line["kind"] == "answer");
        let answer = answer.unwrap_or_else(|| panic!("{arguments:?}: {lines:?}"));
        assert_eq!(answer["applied"], code == Some(0), "{answer}");
        (code, answer["says"].as_str().unwrap().to_owned())
    }

    /// The only group that is open.
    pub fn group(&self) -> Value {
        let (code, groups) = self.json(&["alerts", "list"]);
        assert_eq!((code, groups.len()), (Some(0), 1), "{groups:?}");
        groups[0].clone()
    }

    /// Plays a rollout of a service.
    pub fn play(&self, service: &str, version: &str, more: &[&str]) -> Played {
        let arguments = [
            &["implement", "--speed", "60", "--wait", "--by", "ann", "--output", "json"][..],
            &["--service", service, "--version", version],
            more,
        ];
        let mut command = self.command(&arguments.concat());
        let mut ace = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(ace.stdout.take().unwrap()).lines();
        Played { ace, lines, seen: Vec::new() }
    }

    /// Plays it to its end: the exit code and the lines.
    pub fn played(&self, version: &str, more: &[&str]) -> (Option<i32>, Vec<Value>) {
        self.play("checkout", version, more).end()
    }
}

impl Played {
    /// Waits for a line.
    pub fn until(&mut self, found: impl Fn(&Value) -> bool) -> Value {
        for line in self.lines.by_ref() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            self.seen.push(line.clone());
            if found(&line) {
                return line;
            }
        }
        panic!("it never came: {:#?}", self.seen);
    }

    pub fn end(mut self) -> (Option<i32>, Vec<Value>) {
        for line in self.lines.by_ref() {
            self.seen.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        (self.ace.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        drop(self.ace.kill());
        drop(self.ace.wait());
    }
}

/// A receiver of the webhook.
pub async fn receiver() -> Receiver<Webhook> {
    let secrets = [("primary".to_owned(), Credential::new(SECRET))];
    Receiver::start(Webhook::new(secrets)).await.unwrap()
}

/// What it got: of each message, what kind it is and its title.
pub fn got(receiver: &Receiver<Webhook>) -> Vec<(String, String)> {
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
    let told = |delivery: &Delivery| (text(&delivery.body, "kind"), text(&delivery.body, "title"));
    receiver.site(|site| site.deliveries().iter().map(told).collect())
}

/// What somebody was told, of the lines of a run.
pub fn told(lines: &[Value]) -> Vec<(String, bool, String)> {
    let told = lines.iter().filter(|line| line["kind"] == "told");
    let told = told.map(|line| {
        let (channel, title) = (line["channel"].as_str().unwrap(), line["title"].as_str().unwrap());
        (channel.to_owned(), line["delivered"].as_bool().unwrap(), title.to_owned())
    });
    told.collect()
}
