//! Secrets that are planted wherever an environment on one machine has any are nowhere in what `ace` produces; and a
//! leak is caught.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a test a panic is a failed test")]

#[path = "../../../tests/emulators/markers.rs"]
mod markers;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::markers::{Markers, Produced};

const EVENT: &str = include_str!("../../../events/codepipeline-succeeded-blue-green.json");
const REQUEST: &str = include_str!("../../../events/manual-request.json");
const LOCAL: &str = include_str!("../../../.ace-flow/environments/local/config.yml");

/// Channels that lead to a receiver of which nobody would want one, and a rule that tells all of them.
const ALERTS: &str = r#"
notifications:
  hook: { kind: webhook, secret: channels.hook, url: "http://127.0.0.1:PORT/hook" }
  chat: { kind: slack, secret: channels.slack_webhook }
  bot: { kind: slack, token: channels.slack_token, channel: C0123ABCD }
  pager: { kind: pagerduty, secret: channels.pager, endpoint: "http://127.0.0.1:PORT/v2/enqueue" }
alerts:
  rules:
    - { name: Failed, condition: "deployment:failed", severity: critical, channels: [hook, chat, bot, pager] }
cost:
  schedule: { zone: Europe/Berlin, start: 0 8 * * 1-5, stop: 0 18 * * 1-5 }
"#;

/// A receiver that refuses everything, and repeats all that it was sent in its answer.
fn repeating() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut chunk = [0; 16 * 1024];
            // A request is shorter than what is read at once, or its rest follows within moments.
            drop(client.set_read_timeout(Some(std::time::Duration::from_millis(200))));
            while let Ok(read @ 1..) = client.read(&mut chunk) {
                request.extend_from_slice(&chunk[..read]);
            }
            let said = String::from_utf8_lossy(&request).into_owned();
            let body = serde_json::json!({ "ok": false, "error": said, "message": said, "errors": [said], "needed": said });
            let body = body.to_string();
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n";
            drop(write!(client, "{head}content-length: {}\r\n\r\n{body}", body.len()));
        }
    });
    port
}

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
        let port = repeating();
        bench.variables.push(("ACE_SLACK_API".to_owned(), format!("http://127.0.0.1:{port}/api")));
        for name in ["local", "development"] {
            let mut plant = |place: &str| bench.markers.plant(&format!("{place} of {name}"));
            let (password, dsn) = (plant("the password"), plant("the DSN"));
            let (webhook, header) = (plant("the webhook"), plant("the Authorization header"));
            let hook =
                format!("{}{}", plant("what signs a webhook"), plant("the rest of what signs a webhook"));
            let (slack, token, pager) =
                (plant("Slack's webhook"), plant("Slack's token"), plant("PagerDuty's routing key"));
            let channels = format!(
                "  channels:\n    hook: \"{hook}\"\n    slack_webhook: \"http://127.0.0.1:{port}/services/{slack}\"\n    slack_token: \"xoxb-{token}\"\n    pager: \"{pager}\"\n"
            );
            let secrets = format!(
                "secrets:\n  database:\n    password: \"{password}\"\n    connection_string: \"postgresql://user:{dsn}@{name}-db:5432/aceflow\"\n  external_apis:\n    slack_webhook: \"https://hooks.example.com/services/{webhook}\"\n    header: \"Bearer {header}\"\n{channels}"
            );
            let config = LOCAL
                .replace("stage: local", if name == "local" { "stage: local" } else { "stage: dev" })
                .replace("name: ace-flow-local", &format!("name: ace-flow-{name}"))
                + &ALERTS.replace("PORT", &port.to_string());
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
            "ACE__COST__SCHEDULE__ZONE",
            "ACE__COST__LEASE",
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
    alerts(&mut bench);
    schedules(&mut bench);
    bench.files();
    assert!(bench.produced.iter().any(|(source, bytes)| source == "file local.redb" && !bytes.is_empty()));
    bench.markers.assert_absent(&bench.produced);
}

/// What is done with the alert of the rollout that failed, of which nobody could be told.
fn alerts(bench: &mut Bench) {
    let output =
        |bench: &Bench| String::from_utf8(bench.produced[bench.produced.len() - 2].1.clone()).unwrap();
    for (environment, more) in [("local", &[][..]), ("development", &["--embedded"][..])] {
        let place = [&["--environment", environment, "--store", "store/local.redb"][..], more].concat();
        assert_eq!(bench.run(&[&["publish"][..], &place].concat(), "", false), Some(0), "{}", bench.last());
        let json = [&place[..], &["--output", "json"]].concat();
        for channel in ["hook", "chat", "bot", "pager"] {
            for place in [&place, &json] {
                let code = bench.run(&[&["alerts", "try", channel][..], place].concat(), "", false);
                assert_eq!(code, Some(1), "{channel} refuses everything: {}", bench.last());
                assert!(output(bench).contains("400"), "{channel} was asked: {}", bench.last());
            }
        }
        for place in [&place, &json] {
            for command in [&["alerts", "list"][..], &["alerts", "silences"]] {
                let code = bench.run(&[command, place].concat(), "", false);
                assert_eq!(code, Some(0), "{command:?}: {}", bench.last());
            }
        }
    }
    let at = ["--store", "store/local.redb"];
    assert_eq!(bench.run(&[&["alerts", "list", "--output", "json"][..], &at].concat(), "", false), Some(0));
    let listed = output(bench);
    let group: serde_json::Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let failing = group["channels"].as_array().unwrap().iter().filter(|line| !line["failing"].is_null());
    assert_eq!(failing.count(), 4, "{group}");
    let id = group["group"].as_str().unwrap();
    for (command, code) in [
        (vec!["alerts", "show", id], 0),
        (vec!["alerts", "explain", "catalog"], 0),
        (vec!["alerts", "ack", id], 0),
        (vec!["alerts", "silence", "service:catalog", "--for", "1h", "--reason", "it is a test"], 0),
    ] {
        let ended = bench.run(&[&command[..], &at].concat(), "", false);
        assert_eq!(ended, Some(code), "{command:?}: {}", bench.last());
    }
    std::fs::write(bench.path("status.json"), STATUS).unwrap();
    for show in ["slack", "pagerduty", "email", "webhook", "text"] {
        let test = ["alerts", "test", "--event", "status.json", "--show", show];
        assert_eq!(bench.run(&test, "", false), Some(2), "{}", bench.last());
    }
    assert_eq!(bench.run(&["alerts", "check"], "", false), Some(1), "production's file has secrets");
}

/// What is seen of schedules that are published, and of files that cannot be read.
fn schedules(bench: &mut Bench) {
    for (environment, more) in [("local", &[][..]), ("development", &["--embedded"][..])] {
        let place = [&["--environment", environment, "--store", "store/local.redb"][..], more].concat();
        for output in [&[][..], &["--output", "json"]] {
            let kept = ["schedule", "override", "rds:*", "--on", "--for", "1h", "--because", "it is a test"];
            let commands = [
                (&kept[..], 0, 0),
                (&["schedule", "show", "--week"], 0, 0),
                (&["schedule", "next"], 0, 0),
                (&["schedule", "explain", "rds:orders"], 0, 0),
                (&["savings"], 0, 0),
                (&["schedule", "show", "--files"], 0, 1),
                (&["config", "show", "cost"], 0, 1),
            ];
            for (command, code, with_variables) in commands {
                let is_config = command[0] == "config";
                let place = if is_config { &place[..2] } else { &place[..] };
                for (variables, code) in [(false, code), (true, with_variables)] {
                    let ended = bench.run(&[command, place, output].concat(), "", variables);
                    assert_eq!(ended, Some(code), "{command:?}: {}", bench.last());
                }
            }
        }
    }
}

const STATUS: &str = r#"{
  "detail-type": "Environment Status Changed", "source": "ace-flow", "time": "2026-08-03T10:00:00Z",
  "detail": { "environment": "local", "status": "critical", "reason": "HTTP 503" }
}"#;

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
