//! `ace secrets` and `ace features` as a user runs them, on an environment's files: what they print, how they exit.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

const LOCAL: &str = include_str!("../../../.ace-flow/environments/local/config.yml");
const SECRETS: &str = "# ours\nsecrets:\n  database:\n    password: \"one-password\" # theirs\n  auth:\n    jwt: \"one-token\"\n";

struct Bench(tempfile::TempDir);

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Bench {
    /// Environments local and development, each with a secrets.yml.
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        for (name, stage, secrets) in [
            ("local", "local", SECRETS.to_owned()),
            ("development", "dev", SECRETS.replace("one-token", "another-token")),
            ("staging", "staging", String::new()),
        ] {
            let folder = bench.path(&format!(".ace-flow/environments/{name}"));
            std::fs::create_dir_all(&folder).unwrap();
            let config = LOCAL
                .replace("stage: local", &format!("stage: {stage}"))
                .replace("name: ace-flow-local", &format!("name: ace-flow-{name}"));
            std::fs::write(
                folder.join("config.yml"),
                config + "\nfeatures: { debug_mode: true, new: false }\n",
            )
            .unwrap();
            if !secrets.is_empty() {
                std::fs::write(folder.join("secrets.yml"), secrets).unwrap();
            }
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ace(&self, arguments: &[&str], input: &str) -> Said {
        self.with(arguments, input, &[])
    }

    fn with(&self, arguments: &[&str], input: &str, variables: &[(&str, &str)]) -> Said {
        let mut ace = Command::new(env!("CARGO_BIN_EXE_ace"))
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that refuses its arguments does not read on.
        drop(ace.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = ace.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }

    fn good(&self, arguments: &[&str], input: &str) -> String {
        let said = self.ace(arguments, input);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}{}", said.out, said.error);
        said.out
    }

    fn secrets(&self, environment: &str) -> String {
        std::fs::read_to_string(self.path(&format!(".ace-flow/environments/{environment}/secrets.yml")))
            .unwrap()
    }
}

fn flat(text: &str) -> String {
    text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_value_as_an_argument_is_refused_with_the_reason_and_not_repeated() {
    let bench = Bench::new();
    let local = ["--environment", "local"];
    for (arguments, says) in [
        (&["secrets", "set", "database.password", "hush-hush"][..], "list of processes"),
        (&["secrets", "set", "database.password", "--value", "hush-hush"], "list of processes"),
        (&["secrets", "set", "database.password", "--value=hush-hush"], "list of processes"),
        (&["secrets", "set", "database.password", "--value", "-hush-hush"], "list of processes"),
        (&["secrets", "set", "database.password=hush-hush"], "this is no key"),
        (&["secrets", "rotate", "database.password", "hush-hush"], "list of processes"),
        (&["secrets", "rotate", "database.password", "--value=hush-hush"], "list of processes"),
        (&["secrets", "get", "database.password=hush-hush"], "this is no key"),
        (&["secrets", "set", "database.password", "--password=hush-hush"], "unexpected argument"),
        (&["secrets", "set", "database.password", "--password", "hush-hush"], "unexpected argument"),
    ] {
        let said = bench.ace(&[arguments, &local].concat(), "from stdin");
        assert_eq!(said.code, Some(1), "{arguments:?}: {}", said.error);
        assert!(flat(&said.error).contains(says), "{arguments:?}: {}", said.error);
        assert!(!said.error.contains("hush") && !said.out.contains("hush"), "{arguments:?}: {}", said.error);
    }
    assert_eq!(bench.secrets("local"), SECRETS);
}

#[test]
fn what_is_set_is_shown_by_its_length_and_fingerprint_and_only_revealed_when_asked() {
    let bench = Bench::new();
    let set =
        bench.good(&["secrets", "set", "database.password", "--environment", "local"], "two-password\n");
    assert!(set.starts_with("set: database.password in ") && !set.contains("two-password"), "{set}");
    assert_eq!(
        bench.secrets("local"),
        SECRETS.replace("\"one-password\" # theirs", "\"two-password\""),
        "the rest of the file stays"
    );
    let mode =
        bench.path(".ace-flow/environments/local/secrets.yml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again =
        bench.good(&["secrets", "set", "database.password", "--environment", "local"], "two-password");
    assert!(again.starts_with("unchanged"), "{again}");

    let shown = bench.good(&["secrets", "get", "--environment", "local"], "");
    assert!(shown.contains("database.password      12  ") && shown.contains("auth.jwt"), "{shown}");
    assert!(!shown.contains("two-password") && !shown.contains("one-token"), "{shown}");
    let reveal = ["secrets", "get", "database.password", "--reveal", "--environment", "local"];
    assert_eq!(bench.good(&reveal, ""), "two-password\n");
    assert_eq!(bench.good(&[&reveal[..], &["--stage", "previous"]].concat(), ""), "one-password\n");
    let all = bench.ace(&["secrets", "get", "--reveal", "--environment", "local"], "");
    assert_eq!(all.code, Some(1), "one key at a time");
    let lines = bench.good(&["secrets", "get", "--environment", "local", "--output", "json"], "");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["key"], &lines[1]["length"]), (&"database.password".into(), &12.into()));
    let fingerprint = lines[1]["fingerprint"].as_str().unwrap();
    assert!(
        fingerprint.len() == 8 && set.contains(fingerprint) && shown.contains(fingerprint),
        "{set}{shown}"
    );
    let none = bench.ace(&["secrets", "get", "no.such", "--environment", "local"], "");
    assert!(
        none.code == Some(1) && flat(&none.error).contains("there is no secret no.such"),
        "{}",
        none.error
    );
}

#[test]
fn a_value_is_edited_in_a_private_file() {
    let bench = Bench::new();
    let editor = bench.path("editor");
    std::fs::write(&editor, "#!/bin/sh\ntr a-z A-Z < \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"\n").unwrap();
    let arguments = ["secrets", "set", "auth.jwt", "--editor", "--environment", "local"];
    let with = |editor: &str| {
        let runtime = bench.0.path().join("runtime");
        std::fs::create_dir_all(&runtime).unwrap();
        let said =
            bench.with(&arguments, "", &[("EDITOR", editor), ("XDG_RUNTIME_DIR", runtime.to_str().unwrap())]);
        assert_eq!(std::fs::read_dir(&runtime).unwrap().count(), 0, "nothing is left");
        said
    };
    let said = with(&format!("sh {}", editor.display()));
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_eq!(
        bench.good(&["secrets", "get", "auth.jwt", "--reveal", "--environment", "local"], ""),
        "ONE-TOKEN\n"
    );
    for failing in ["false", "no-such-editor", ""] {
        assert_eq!(with(failing).code, Some(1), "{failing:?}");
    }
    assert!(bench.secrets("local").contains("ONE-TOKEN"));
}

#[test]
fn a_rotation_makes_a_new_value_and_goes_back() {
    let bench = Bench::new();
    let local = ["--environment", "local"];
    let rotate = |more: &[&str]| bench.ace(&[&["secrets", "rotate"], more, &local].concat(), "typed-value\n");
    let get = || bench.good(&[&["secrets", "get", "auth.jwt", "--reveal"], &local[..]].concat(), "");
    let said = rotate(&["auth.jwt", "--length", "40", "--alphabet", "hex"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let made = get();
    assert!(made.trim_end().len() == 40 && made.trim_end().chars().all(|c| c.is_ascii_hexdigit()), "{made}");
    assert!(!said.out.contains(made.trim_end()), "{}", said.out);
    let refused = rotate(&["auth.jwt", "--stdin", "--verify", "cat >&2; exit 3"]);
    assert_eq!(refused.code, Some(1));
    assert!(flat(&refused.error).contains("does not work (exit status: 3)"), "{}", refused.error);
    assert!(!refused.error.contains("typed-value"), "{}", refused.error);
    assert_eq!(get(), made);
    assert_eq!(rotate(&["auth.jwt", "--stdin", "--verify", "grep -q typed-value"]).code, Some(0));
    assert_eq!(get(), "typed-value\n");
    assert_eq!(rotate(&["auth.jwt", "--rollback"]).code, Some(0));
    assert_eq!(get(), made);
    let none = rotate(&["--abandon"]);
    assert!(none.code == Some(1) && flat(&none.error).contains("no rotation of"), "{}", none.error);
    assert_eq!(rotate(&["auth.jwt", "--length", "8"]).code, Some(1), "too short to be a secret");
}

#[test]
fn the_same_value_in_two_environments_is_told_and_not_shown() {
    let bench = Bench::new();
    let diff = ["secrets", "diff", "--environment", "development", "--embedded", "--against", "local"];
    let said = bench.ace(&diff, "");
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.error);
    assert!(said.out.contains("shared") && said.out.contains("database.password"), "{}", said.out);
    assert!(
        flat(&said.error).contains("0 missing, 1 with the same value in two environments"),
        "{}",
        said.error
    );
    assert!(!said.out.contains("one-password") && !said.out.contains("auth.jwt"), "{}", said.out);
    bench.good(&["secrets", "rotate", "database.password", "--environment", "local"], "");
    assert_eq!(bench.good(&diff, ""), "");
    bench.good(&["secrets", "set", "auth.more", "--environment", "local"], "x");
    let said = bench.ace(&[&diff[..], &["--output", "json"]].concat(), "");
    let line: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&line["key"], &line["finding"]), (&"auth.more".into(), &"missing here".into()));
    let staging = bench.ace(&["secrets", "get", "--environment", "staging", "--embedded"], "");
    assert!(staging.code == Some(1) && flat(&staging.error).contains("only local and development may"));
}

#[test]
fn the_first_secret_goes_into_the_file_that_init_writes() {
    let bench = Bench::new();
    let file = bench.path(".ace-flow/environments/local/secrets.yml");
    std::fs::remove_file(&file).unwrap();
    bench.good(&["init"], "");
    bench.good(&["secrets", "set", "database.password", "--environment", "local"], "tulip\n");
    let text = bench.secrets("local");
    assert!(text.ends_with("secrets:\n  database:\n    password: \"tulip\"\n"), "{text}");
    std::fs::write(&file, "secrets:\n  api: {} # none yet\n").unwrap();
    bench.good(&["secrets", "set", "api.key", "--environment", "local"], "rose\n");
    assert_eq!(bench.secrets("local"), "secrets:\n  api: # none yet\n    key: \"rose\"\n");
}

#[test]
fn a_whole_file_is_set_at_once() {
    let bench = Bench::new();
    let file = ".ace-flow/environments/development/secrets.yml";
    bench.good(&["secrets", "set", "--from-file", file, "--environment", "local"], "");
    let token = bench.good(&["secrets", "get", "auth.jwt", "--reveal", "--environment", "local"], "");
    assert_eq!(token, "another-token\n");
    let broken = bench.path("broken.yml");
    std::fs::write(&broken, "secrets:\n  database:\n    password: [hush-hush]\n").unwrap();
    let said =
        bench.ace(&["secrets", "set", "--from-file", broken.to_str().unwrap(), "--environment", "local"], "");
    assert!(said.code == Some(1) && flat(&said.error).contains("broken.yml:3:"), "{}", said.error);
    assert!(!said.error.contains("hush"), "{}", said.error);
}

#[test]
fn features_are_published_beside_the_store_once() {
    let bench = Bench::new();
    let features = ["features", "--environment", "local"];
    let shown = bench.good(&features, "");
    assert!(shown.contains("debug_mode  on          -") && shown.contains("not published"), "{shown}");
    let published = bench.good(&[&features[..], &["--publish"]].concat(), "");
    assert!(
        published.starts_with("2 feature flags published as version 1: debug_mode added, new added"),
        "{published}"
    );
    let file = std::fs::read_to_string(bench.path(".ace-flow/state/local.features.json")).unwrap();
    let document: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(document["flags"], serde_json::json!({"debug_mode": true, "new": false}));
    let again = bench.good(&[&features[..], &["--publish", "--output", "json"]].concat(), "");
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&again["published"], &again["version"]), (&false.into(), &1.into()));
    let overridden = [("ACE__FEATURES__NEW", "true")];
    let said = bench.with(&features, "", &overridden);
    assert!(said.out.contains("new         on          off        differs"), "{}{}", said.out, said.error);
    let said = bench.with(&[&features[..], &["--publish"]].concat(), "", &overridden);
    assert!(said.out.contains("2 feature flags published as version 2: new changed"), "{}", said.out);
}
