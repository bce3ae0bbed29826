//! Alerts of the embedded stack: told to a real receiver, listed, taken, silenced.

use serde_json::{Value, json};

use crate::project::{Project, SECRETS, got, receiver, told};

const FAULT: [&str; 2] = ["--fault", "errors:60%"];

/// A webhook at this address, and rules about rollouts.
fn blocks(url: &str, rule: &str) -> String {
    format!(
        r#"notifications:
  hook: {{ kind: webhook, secret: channels.hook, url: "{url}", key_id: primary }}
  chat: {{ kind: slack, secret: channels.chat, fallback: hook }}
alerts:
  rules:
    - {{ name: Failed, condition: "deployment:failed", severity: high, channels: [hook], title: "{{{{ rule }}}}: {{{{ service }}}}{{% if rollout %}} {{{{ rollout.version }}}}{{% endif %}}" {rule} }}
"#
    )
}

fn firing(title: &str) -> (String, String) {
    ("firing".to_owned(), title.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_rollout_is_told_taken_and_its_end_is_told() {
    let receiver = receiver().await;
    let project = Project::with_secret(&blocks(&receiver.url("/"), ""));
    let (code, _, error) = project.ace(&["alerts", "list"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("nothing was rolled out here yet"), "{error}");

    let (code, lines) = project.played("v2", &FAULT);
    assert_eq!(code, Some(2), "{lines:#?}");
    let title = "Failed: checkout v2";
    assert_eq!(told(&lines), [("hook".to_owned(), true, title.to_owned())]);
    assert_eq!(got(&receiver), [firing(title)]);

    // Listed, with who knows of it.
    let group = project.group();
    let id = group["group"].as_str().unwrap().to_owned();
    assert_eq!(
        (&group["severity"], &group["title"], &group["firing"]),
        (&json!("high"), &json!("local/checkout"), &json!(true))
    );
    assert_eq!(
        (&group["channels"][0]["channel"], &group["channels"][0]["alerts"]),
        (&json!("hook"), &json!(1))
    );
    assert_eq!((&group["acknowledged"], &group["held"]), (&Value::Null, &json!([])));
    let (_, printed, _) = project.ace(&["alerts", "list"]);
    for part in [
        &format!("{}  HIGH local/checkout", &id[..8]),
        "● Failed: deployment is failed (v2: ",
        "✓ hook was told of 1 alert at ",
    ] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
    let (code, printed, _) = project.ace(&["alerts", "show", &id[..4]]);
    assert_eq!(code, Some(0));
    for part in [&*id, "● Failed of local/checkout HIGH since", "service checkout"] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
    let (code, printed, _) = project.ace(&["alerts", "explain", "checkout", "--rule", "Failed"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("✓ deployment:failed (failed)"), "{printed}");

    // Taken by its first digits; whoever was told of it is told so, once.
    assert_eq!(
        project.order(&["alerts", "ack", &id[..6], "--reason", "I look", "--by", "bob"]),
        (Some(0), format!("bob has group {id}; messages sent: 1"))
    );
    let (code, says) = project.order(&["alerts", "ack", &id, "--by", "eve"]);
    assert_eq!(code, Some(1));
    assert!(says.starts_with("bob acknowledged it at "), "{says}");
    let (code, _, error) = project.ace(&["alerts", "ack", "0123456789", "--by", "eve"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no group of alerts of environment local begins with 0123456789"), "{error}");
    assert_eq!(got(&receiver).last().unwrap().0, "acknowledged");
    assert_eq!(project.group()["acknowledged"]["by"], "bob");

    // The next version begins: the alert ends, and that is told.
    let (code, lines) = project.played("v3", &[]);
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(got(&receiver).last().unwrap().0, "resolved");
    assert_eq!(got(&receiver).len(), 3, "{:?}", got(&receiver));
    let (_, groups) = project.json(&["alerts", "list"]);
    assert_eq!(groups, [] as [Value; 0]);
    let (_, groups) = project.json(&["alerts", "list", "--all"]);
    assert_eq!((groups.len(), &groups[0]["open"], &groups[0]["group"]), (1, &json!(false), &json!(id)));
    let (code, says) = project.order(&["alerts", "try", "hook"]);
    assert_eq!((code, says.as_str()), (Some(0), "channel hook took a test and its end"));
    assert_eq!(got(&receiver).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_silenced_is_told_once_the_silence_ends() {
    let receiver = receiver().await;
    let project = Project::with_secret(&blocks(&receiver.url("/"), ""));
    project.ace(&["publish"]);
    let (code, says) = project.order(&[
        "alerts",
        "silence",
        "service:checkout AND severity <= high",
        "--for",
        "8h",
        "--reason",
        "known",
        "--by",
        "ann",
    ]);
    assert_eq!(code, Some(0), "{says}");
    let (code, _, error) =
        project.ace(&["alerts", "silence", "servce:checkout", "--for", "8h", "--reason", "x"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("unknown field `servce`") && error.contains("write `service`"), "{error}");
    let (code, _, error) = project.ace(&["alerts", "silence", "service:checkout", "--reason", "x"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("--until") && error.contains("--for"), "{error}");
    let (code, _, error) = project.ace(&[
        "alerts",
        "silence",
        "service:checkout",
        "--until",
        "2020-01-01T00:00Z",
        "--reason",
        "x",
    ]);
    assert_eq!(code, Some(1));
    assert!(error.contains("2020-01-01T00:00:00Z is over"), "{error}");

    let (code, lines) = project.played("v2", &FAULT);
    assert_eq!((code, told(&lines), got(&receiver)), (Some(2), vec![], vec![]));
    let group = project.group();
    assert_eq!((&group["held"][0]["by"]["held"], &group["channels"]), (&json!("silenced"), &json!([])));
    let (_, silences) = project.json(&["alerts", "silences"]);
    assert_eq!(
        (silences.len(), &silences[0]["by"], &silences[0]["reason"]),
        (1, &json!("ann"), &json!("known"))
    );
    let id = silences[0]["id"].as_str().unwrap();
    let (code, says) = project.order(&["alerts", "unsilence", &id[..5], "--by", "bob"]);
    assert_eq!((code, says), (Some(0), format!("bob ended silence {id}; messages sent: 1")));
    assert_eq!(got(&receiver), [firing("Failed: checkout v2")]);
    let (_, silences) = project.json(&["alerts", "silences"]);
    assert_eq!(silences, [] as [Value; 0]);
    let (_, silences) = project.json(&["alerts", "silences", "--all"]);
    assert_eq!((silences.len(), &silences[0]["holds"]), (1, &json!(false)));
    let (code, _, error) = project.ace(&["alerts", "unsilence", id]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no silence of environment local that holds begins with"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_told_in_time_is_told_by_the_next_run() {
    let receiver = receiver().await;
    let project = Project::with_secret(&blocks(&receiver.url("/"), ", group_wait: 6m"));
    let (code, lines) = project.played("v2", &FAULT);
    assert_eq!((code, told(&lines), got(&receiver)), (Some(2), vec![], vec![]));
    let (_, printed, _) = project.ace(&["alerts", "list"]);
    assert!(printed.contains("! nobody was told yet"), "{printed}");
    let (code, lines) = project.play("catalog", "v3", &[]).end();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(told(&lines), [("hook".to_owned(), true, "Failed: checkout v2".to_owned())]);
    assert_eq!(got(&receiver), [firing("Failed: checkout v2")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stack_takes_orders_about_its_alerts() {
    let receiver = receiver().await;
    let rule = ", group_wait: 0s }\n    - { name: Runs, condition: \"deployment:running\", severity: critical, channels: [hook, chat]";
    let project = Project::with_secret(&blocks(&receiver.url("/"), rule));
    let mut played = project.play("checkout", "v2", &[]);
    let failed = played.until(|line| line["kind"] == "told" && line["channel"] == "chat");
    assert_eq!(failed["delivered"], false);
    let why = failed["why"].as_str().unwrap();
    assert!(
        why.contains(SECRETS)
            && why
                .contains("has no channels.chat; set it: ace secrets set channels.chat --environment local"),
        "{why}"
    );
    let shown = played.until(|line| line["kind"] == "told" && line["channel"] == "hook");
    assert_eq!((&shown["delivered"], &shown["severity"]), (&json!(true), &json!("critical")));
    let group = project.group();
    let chat =
        group["channels"].as_array().unwrap().iter().find(|line| line["channel"] == "chat").unwrap().clone();
    assert_eq!((&chat["stand_in"], chat["failing"].as_str()), (&json!("hook"), Some(why)));
    let (code, says) =
        project.order(&["alerts", "ack", group["group"].as_str().unwrap(), "--reason", "mine"]);
    assert_eq!(code, Some(0), "{says}");
    let acknowledged =
        played.until(|line| line["kind"] == "told" && line["message"]["kind"] == "acknowledged");
    assert_eq!(
        (&acknowledged["channel"], &acknowledged["message"]["by"]),
        (&json!("hook"), &json!("tester"))
    );
    let (code, lines) = played.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(got(&receiver).last().unwrap().0, "resolved");
}
