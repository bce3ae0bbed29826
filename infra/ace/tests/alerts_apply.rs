//! `ace alerts apply`, as far as it goes without AWS.

#![expect(clippy::unwrap_used, reason = "in a test a panic is a failed test")]

use std::path::Path;
use std::process::{Command, Output};

const CONFIGURATION: &str = r#"
environment: { name: staging, region: eu-west-1, stage: stage }
notifications: { people: { kind: webhook, url: "https://people.example.com", secret: a.b } }
alerts:
  rules: [{ name: Down, condition: "status:unhealthy", severity: high, channels: [people] }]
"#;

fn apply(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ace"))
        .args(["alerts", "apply"])
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("ACE_ENVIRONMENT")
        // With AWS built in, there is none to be found either.
        .env_remove("AWS_REGION")
        .env_remove("AWS_DEFAULT_REGION")
        .output()
        .unwrap()
}

#[test]
fn what_cannot_be_applied_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good.yml"), CONFIGURATION).unwrap();
    let wrong = CONFIGURATION.replace("unhealthy", "unhealty");
    std::fs::write(folder.path().join("wrong.yml"), wrong).unwrap();
    let on_aws =
        if cfg!(feature = "aws") { "AWS_REGION is not set" } else { "build ace with `--features aws`" };
    for (arguments, told) in [
        (&["--environment", "staging", "--config", "good.yml", "--dry-run"][..], on_aws),
        (&["--environment", "local", "--config", "good.yml"], "here alerts are routed without alarms"),
        (&["--environment", "staging", "--config", "wrong.yml"], "write `unhealthy`"),
        (&["--environment", "staging", "--config", "good.yml", "--topic", "people"], "--topic"),
        (&["--environment", "staging"], "cannot read"),
        (&["--config", "good.yml"], "--environment"),
    ] {
        let output = apply(folder.path(), arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        // miette breaks lines.
        let words = error.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(words.contains(told), "{arguments:?}: {error}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
    }
}
