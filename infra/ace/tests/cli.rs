//! The command as a user runs it: what it prints, how it exits, what it writes.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use redb::{Database, TableDefinition};
use serde_json::Value;

struct Bench {
    folder: tempfile::TempDir,
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("state/local.redb")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn ace(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ace"))
            .args(arguments)
            .arg("--store")
            .arg(self.store())
            .current_dir(project())
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }

    /// Changes a record behind the store's back, or removes it.
    fn tamper(&self, id: &str, number: u64, change: impl Fn(&str) -> Option<String>) {
        let records: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("records");
        let database = Database::open(self.store()).unwrap();
        let write = database.begin_write().unwrap();
        {
            let mut table = write.open_table(records).unwrap();
            let record = table.remove((id, number)).unwrap().unwrap().value().to_vec();
            let text = String::from_utf8(record).unwrap();
            if let Some(changed) = change(&text) {
                assert_ne!(changed, text);
                table.insert((id, number), changed.as_bytes()).unwrap();
            }
        }
        write.commit().unwrap();
    }

    /// `ace history` sees it, as text and as JSON, and its exit code says so.
    fn finds(&self, id: &str, says: &str) {
        for output in ["human", "json"] {
            let found = self.ace(&["history", id, "--output", output]);
            let error = String::from_utf8_lossy(&found.stderr);
            assert_eq!((found.status.code(), error.contains(says)), (Some(3), true), "{output}: {error}");
            assert!(!String::from_utf8_lossy(&found.stdout).contains("intact"));
        }
    }

    fn refused(&self, arguments: &[&str], says: &[&str]) {
        let output = self.ace(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        // A long message is wrapped, with a bar in front of each line.
        let flat = error.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        for words in says {
            assert!(flat.contains(words), "{arguments:?} does not say {words:?}: {flat}");
        }
        let rollouts = self.ace(&["status", "--output", "json"]);
        assert!(
            rollouts.stdout.is_empty(),
            "{arguments:?} wrote {}",
            String::from_utf8_lossy(&rollouts.stdout)
        );
    }
}

const CANARY: &str = "events/codepipeline-succeeded-canary.json";

fn sample() -> String {
    std::fs::read_to_string(project().join(CANARY)).unwrap()
}

fn config() -> String {
    std::fs::read_to_string(project().join(".ace-flow/environments/local/config.yml")).unwrap()
}

#[test]
fn a_bad_event_is_refused_with_its_place_and_the_remedy_and_nothing_is_written() {
    let bench = Bench::new();
    let event = |name, text: &str| bench.file(name, text);
    let truncated = event("truncated.json", &sample()[..200]);
    bench.refused(&["run", &truncated], &["is not JSON", "truncated.json:7", "samples are in events/"]);
    let foreign = event("foreign.json", &sample().replace("123456789012", "999999999999"));
    bench.refused(&["run", &foreign], &["InvalidInput", "999999999999", "belongs to account 123456789012"]);
    let unknown = event("unknown.json", &sample().replace("\"checkout\"", "\"cart\""));
    bench.refused(
        &["run", &unknown],
        &["\"cart\"", "known pipelines are catalog, checkout", "add it under services"],
    );
    let untimely = event("untimely.json", &sample().replace("\"time\"", "\"tme\""));
    bench.refused(&["run", &untimely, "--exact"], &["time is missing"]);
    bench.refused(&["run", CANARY, "--exact"], &["InvalidInput", "older than the 1d", "send a new request"]);
    bench
        .refused(&["run", "nothing-here.json"], &["cannot read nothing-here.json", "samples are in events/"]);
    bench.refused(
        &["run", "events/sns-alarm-metric.json"],
        &["not an event that starts a rollout", "detail-type"],
    );
}

#[test]
fn a_bad_configuration_is_refused_with_its_place_and_the_remedy_and_nothing_is_written() {
    let bench = Bench::new();
    for (name, from, to, says) in [
        ("key", "quiet_minutes: 1", "quiet_minute: 1", ["key.yml:21:5", "did you mean `quiet_minutes`"]),
        ("type", "minimum_requests: 50", "minimum_requests: many", ["type.yml:10:23", "write its digits"]),
        (
            "weight",
            "rollout:",
            "rollout:\n  canary: { steps: [{ weight: 101, bake: 5m }] }",
            ["weight.yml:9:", "0 to 100"],
        ),
        (
            "rise",
            "rollout:",
            "rollout:\n  canary: { steps: [{ weight: 50, bake: 5m }, { weight: 20, bake: 5m }] }",
            ["rise.yml:9:", "order the steps by rising weight"],
        ),
        ("strategy", "strategy: canary", "strategy: canry", ["strategy.yml:26:", "blue-green"]),
    ] {
        let broken = config().replace(from, to);
        assert_ne!(broken, config());
        let file = bench.file(&format!("{name}.yml"), &broken);
        bench.refused(&["run", CANARY, "--config", &file], &[&file[file.len() - 8..], says[0], says[1]]);
    }
}

#[test]
fn a_mistake_in_usage_is_refused() {
    let bench = Bench::new();
    bench.refused(&["run", CANARY, "--fault", "errors:500%"], &["errors:5%"]);
    bench.refused(&["run", CANARY, "--canary", "http://127.0.0.1:1"], &["--baseline"]);
    bench.refused(&["run", CANARY, "--baseline", "https://a", "--canary", "http://b"], &["http://"]);
    bench.refused(&["history", "no-such-rollout"], &["--store"]);
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_bad_canary_is_rolled_back_and_its_history_can_be_read_afterwards() {
    let bench = Bench::new();
    let run = ["run", CANARY, "--speed", "60", "--fault", "errors:50%", "--deliver", "2", "--output", "json"];
    let output = bench.ace(&run);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = lines(&output);
    let summary = lines.iter().find(|line| line["kind"] == "summary").unwrap();
    assert_eq!(summary["ended"], "rolled back");
    assert_eq!(summary["canary_weight"], 0, "as the proxy had it");
    assert!(summary["failed"].as_u64().unwrap() > 0);
    let duplicates = lines.iter().filter(|line| line["state"] == "Duplicate").count();
    assert_eq!(duplicates, 1, "one of two deliveries");

    let id = summary["rollout"].as_str().unwrap();
    let history = bench.ace(&["history", id]);
    let text = String::from_utf8_lossy(&history.stdout).into_owned();
    assert_eq!(history.status.code(), Some(0));
    assert!(text.contains("roll back") || text.contains("fail:"), "{text}");
    assert!(text.contains("intact"), "{text}");
    let status = String::from_utf8_lossy(&bench.ace(&["status"]).stdout).into_owned();
    assert!(status.contains(id) && status.contains("rolled back"), "{status}");

    // The newest record goes, then one in the middle says something else.
    let newest = text.lines().rev().find_map(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let newest = newest.unwrap();
    let whole = std::fs::read(bench.store()).unwrap();
    bench.tamper(id, newest, |_| None);
    bench.finds(id, "the newest records are not there: the history was cut off");
    std::fs::write(bench.store(), whole).unwrap();
    bench.tamper(id, 3, |record| Some(record.replacen("\"weight\":", "\"weight\":1", 1)));
    bench.finds(id, "record 3 does not follow from the one before it: it was altered");
}

#[test]
fn a_person_holds_and_aborts_by_typing() {
    let bench = Bench::new();
    let mut ace = Command::new(env!("CARGO_BIN_EXE_ace"))
        .args(["run", CANARY, "--speed", "30", "--output", "json", "--store"])
        .arg(bench.store())
        .current_dir(project())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = ace.stdin.take().unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(ace.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = line["text"].as_str().unwrap_or_default().to_owned();
        match (line["kind"].as_str(), line["phase"].as_str()) {
            (Some("decision"), Some("baking")) if seen.is_empty() => {
                writeln!(keys, "hold lunch\nnonsense\nabort not today").unwrap();
                seen.push("asked".to_owned());
            }
            (Some("answer" | "summary"), _) => {
                seen.push(format!("{text}{}", line["reason"].as_str().unwrap_or("")));
            }
            _ => {}
        }
    }
    assert_eq!(ace.wait().unwrap().code(), Some(2));
    let seen = seen.join("\n");
    for words in ["held by the terminal: lunch", "type hold, resume", "asked for by the terminal: not today"]
    {
        assert!(seen.contains(words), "{words:?} in {seen}");
    }
}

#[test]
fn an_event_that_starts_nothing_says_so() {
    let bench = Bench::new();
    for (event, says) in [("failed", "FAILED"), ("superseded", "SUPERSEDED"), ("stage-succeeded", "Stage")] {
        let output = bench.ace(&["run", &format!("events/codepipeline-{event}.json")]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("ignored") && text.contains(says), "{text}");
    }
}
