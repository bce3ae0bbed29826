//! `ace alerts test`: events, played in virtual time.

use std::path::Path;

use serde_json::{Value, json};

use crate::project::{Project, ROOT};

const ALERTS: &str = r#"notifications:
  pager: { kind: pagerduty, secret: channels.pager }
  chat: { kind: slack, secret: channels.chat }
  mail: { kind: email, from: a@example.com, to: [b@example.com] }
  hook: { kind: webhook, secret: channels.hook, url: "http://127.0.0.1:9/" }
alerts:
  environments: [local, production]
  rules:
    - { name: Rings, condition: "alarm:*", severity: high, channels: [chat] }
    - { name: Down, condition: "status:unhealthy", severity: critical, channels: [pager, chat], escalate: [{ after: 15m, channels: [mail] }] }
    - { name: Slow, condition: "response_time > 2s for 5m clear after 10m", severity: low, channels: [mail] }
    - { name: Failed, condition: "environment:local AND deployment:failed", severity: high, channels: [hook], title: "{{ rule }} ({{ service }})" }
    - { name: Slow everywhere, condition: "response_time > 2s AND affected_environments >= 2", severity: medium, channels: [chat] }
  inhibitions:
    - { while: "rule:Down", silence: "rule:Rings", equal: [environment] }
  mute:
    - { name: night, days: [monday], from: "22:00", to: "06:00", zone: Europe/Berlin, alerts: "severity:low" }
"#;

fn event(detail_type: &str, time: &str, detail: &Value) -> String {
    json!({
        "version": "0", "id": "1", "detail-type": detail_type, "source": "ace-flow", "account": "123456789012", "time": time,
        "region": "us-east-1", "resources": [], "detail": detail,
    })
    .to_string()
}

/// What somebody found who looked at an environment, or at `environment/service`.
fn status(of: &str, status: &str, response_time: u32, time: &str) -> String {
    let (environment, service) = of.split_once('/').map_or((of, None), |(of, service)| (of, Some(service)));
    let detail = json!({
        "environment": environment, "service": service, "status": status, "reason": "HTTP 503",
        "metrics": { "response_time": response_time },
    });
    event("Environment Status Changed", time, &detail)
}

fn outcome(milestone: &str, time: &str) -> String {
    let detail = json!({
        "id": "o-1", "rollout": "checkout-5d201bea55da0056", "environment": "local", "service": "checkout",
        "version": "v2", "epoch": 2, "milestone": milestone, "detail": "5 % of the requests fail", "weight": 25,
        "started_at": "2026-08-03T09:50:00Z", "at": time,
    });
    event(&format!("Rollout {milestone}"), time, &detail)
}

/// When, to whom, and what, of the messages.
fn told(lines: &[Value]) -> Vec<(i64, String, String)> {
    let told = lines.iter().filter(|line| line["kind"] == "told");
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    told.map(|line| (line["after_seconds"].as_i64().unwrap(), text(line, "channel"), text(line, "title")))
        .collect()
}

fn sent(at: i64, channel: &str, title: &str) -> (i64, String, String) {
    (at, channel.to_owned(), title.to_owned())
}

/// Whether each rule holds.
fn holds(lines: &[Value]) -> Vec<(String, Value)> {
    let rules = lines.iter().filter(|line| line["kind"] == "rule");
    rules.map(|line| (line["rule"].as_str().unwrap().to_owned(), line["holds"].clone())).collect()
}

#[test]
fn each_sample_event_is_one_that_a_rule_holds_of_or_it_is_told_why_not() {
    let project = Project::new(ALERTS);
    let mut alarms = 0;
    for sample in std::fs::read_dir(Path::new(ROOT).join("events")).unwrap() {
        let path = sample.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        let path = path.display().to_string();
        let (code, lines) = project.json(&["alerts", "test", "--event", &path]);
        let has = |kind: &str| lines.iter().any(|line| line["kind"] == kind);
        if let Some(message) = file.pointer("/Records/0/Sns/Message") {
            let message: Value = serde_json::from_str(message.as_str().unwrap()).unwrap();
            let rings = message["NewStateValue"] == "ALARM";
            assert_eq!(code, Some(if rings { 0 } else { 2 }), "{path}: {lines:?}");
            assert_eq!((has("heard"), has("told")), (true, rings), "{path}: {lines:?}");
            let expected = json!(rings);
            assert!(holds(&lines).contains(&("Rings".to_owned(), expected)), "{path}: {lines:?}");
            alarms += 1;
        } else if file.get("detail-type").is_some() {
            assert!(matches!(code, Some(0 | 2)), "{path}: {code:?}: {lines:?}");
            assert_ne!(has("heard"), has("ignored"), "{path}: {lines:?}");
        } else {
            // An order, or what a function is called with.
            let (code, printed, told) = project.ace(&["alerts", "test", "--event", &path]);
            assert_eq!((code, printed.as_str()), (Some(1), ""), "{path}");
            assert!(told.contains("is no event that alerts are about"), "{path}: {told}");
        }
    }
    assert!(alarms >= 6, "{alarms}");
}

#[test]
fn a_status_is_told_escalated_repeated_and_ended_in_virtual_time() {
    let project = Project::new(ALERTS);
    let file =
        project.write("down.json", &status("production/checkout", "critical", 300, "2026-08-03T10:00:00Z"));
    let (code, lines) = project.json(&["alerts", "test", "--event", &file]);
    assert_eq!(code, Some(0), "{lines:?}");
    let title = "Down: production/checkout";
    let (fires, ended) = (format!("[CRITICAL] {title}"), format!("[RESOLVED] {title}"));
    let told = told(&lines);
    assert_eq!(
        told[..5],
        [
            sent(0, "chat", &fires),
            sent(0, "pager", &fires),
            sent(900, "mail", &fires),
            sent(14_400, "chat", &fires),
            sent(14_400, "pager", &fires)
        ]
    );
    let end: Vec<&str> = told[5..]
        .iter()
        .map(|(_, channel, title)| (title == &ended, channel.as_str()))
        .map(|(ended, channel)| {
            assert!(ended);
            channel
        })
        .collect();
    assert_eq!(end, ["chat", "mail", "pager"]);
    let expected =
        [("Rings", json!(false)), ("Down", json!(true)), ("Slow", json!(false)), ("Failed", json!(false))];
    for (rule, holds_so) in expected {
        assert!(holds(&lines).contains(&(rule.to_owned(), holds_so)), "{rule}: {lines:?}");
    }
    // For people: each part with what was seen.
    let (_, printed, _) = project.ace(&["alerts", "test", "--event", &file]);
    for part in [
        "production/checkout is critical (HTTP 503), 2026-08-03 10:00:00Z",
        "✓ status:unhealthy (critical)",
        "✗ environment:local (production)",
        "? deployment:failed (not known)",
        "✗ response_time > 2s (300 ms)",
        "     15:00  mail             [CRITICAL] Down: production/checkout (nobody has acknowledged it for 15m)",
        "   4:00:00  pager            [CRITICAL] Down: production/checkout (a reminder, every 4h)",
        "and if it ends at 4:05:01:",
    ] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
}

#[test]
fn what_was_heard_before_counts_and_what_is_held_says_by_what() {
    let project = Project::new(ALERTS);
    let down = project.write("down.json", &status("local", "unhealthy", 300, "2026-08-03T09:20:00Z"));
    let alarm = format!("{ROOT}/events/sns-alarm-metric.json");
    // The alarm rings at 09:22:14, while the environment is down.
    let (code, lines) = project.json(&["alerts", "test", "--event", &alarm, "--given", &down]);
    assert_eq!(code, Some(0), "{lines:?}");
    let held = lines.iter().find(|line| line["kind"] == "held").unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!((&held["alert"]["rule"], &held["by"]["held"]), (&json!("Rings"), &json!("inhibited")));
    let told = told(&lines);
    assert_eq!(told[0], sent(-134, "chat", "[CRITICAL] Down: local"), "{told:?}");
    assert!(!told.iter().any(|(.., title)| title.contains("Rings")), "{told:?}");

    // Monday, at ten in the evening in Berlin: what is of low severity waits until six.
    let slow =
        project.write("slow.json", &status("local/checkout", "healthy", 3_200, "2026-08-03T20:00:00Z"));
    let (code, lines) = project.json(&["alerts", "test", "--event", &slow]);
    assert_eq!(code, Some(0), "{lines:?}");
    let held = lines.iter().find(|line| line["kind"] == "held").unwrap();
    assert_eq!((&held["by"]["held"], &held["by"]["windows"]), (&json!("muted"), &json!(["night"])));
    assert_eq!(self::told(&lines)[0], sent(8 * 3_600, "mail", "[LOW] Slow: local/checkout"));
    let slow_rule = lines.iter().find(|line| line["rule"] == "Slow").unwrap();
    assert_eq!(
        slow_rule["progress"],
        json!({ "state": "pending", "since": "2026-08-03T20:00:00Z", "due": "2026-08-03T20:05:00Z" })
    );

    // At another time it is told five minutes and the group's wait later, and its end once it has stayed away.
    let (_, lines) = project.json(&["alerts", "test", "--event", &slow, "--at", "2026-08-04T10:00:00Z"]);
    let told = self::told(&lines);
    assert_eq!(told[0].0, 30, "it has held since the day before: {told:?}");
    let (_, _, error) = project.ace(&["alerts", "test", "--event", &slow, "--at", "2026-08-01T10:00:00Z"]);
    assert!(error.contains("is before the event"), "{error}");
}

#[test]
fn environments_are_counted_over_what_was_given() {
    let project = Project::new(ALERTS);
    let first = project.write("one.json", &status("production", "healthy", 2_500, "2026-08-04T10:00:00Z"));
    let second = project.write("two.json", &status("local", "healthy", 2_600, "2026-08-04T10:01:00Z"));
    let (code, printed, _) = project.ace(&["alerts", "test", "--event", &second, "--given", &first]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("✓ affected_environments >= 2 (2: local, production)"), "{printed}");
    assert!(printed.contains("      0:30  chat             [MEDIUM] Slow everywhere"), "{printed}");
    let (code, printed, _) = project.ace(&["alerts", "test", "--event", &first]);
    assert_eq!(code, Some(0), "it is slow, for one");
    assert!(printed.contains("✗ affected_environments >= 2 (1: production)"), "{printed}");
}

#[test]
fn messages_are_shown_as_each_kind_of_channel_gets_them() {
    let project = Project::new(ALERTS);
    let failed = project.write("failed.json", &outcome("rolling_back", "2026-08-04T10:00:00Z"));
    let shown = |kind: &str| {
        let (code, lines) = project.json(&["alerts", "test", "--event", &failed, "--show", kind]);
        assert_eq!(code, Some(0), "{lines:?}");
        let messages: Vec<Value> = lines.into_iter().filter(|line| line["kind"] == "message").collect();
        assert!(!messages.is_empty(), "{kind}");
        messages
    };
    let webhook = shown("webhook");
    assert_eq!(webhook[0]["channel"], "hook");
    assert_eq!(webhook[0]["body"]["title"], "Failed (checkout)", "in the words of the rule");
    assert_eq!(webhook.last().unwrap()["body"]["kind"], "resolved");
    // No channel of these kinds is told: one message as it would be.
    let slack = shown("slack");
    assert_eq!(slack.len(), 1);
    assert_eq!(slack[0]["body"]["blocks"][0]["text"]["text"], "Failed (checkout)");
    let pagerduty = shown("pagerduty");
    assert_eq!(
        (&pagerduty[0]["body"]["event_action"], &pagerduty[0]["body"]["routing_key"]),
        (&json!("trigger"), &json!("<routing key>"))
    );
    assert_eq!(shown("email")[0]["body"]["subject"], "Failed (checkout)");
    let (_, printed, _) = project.ace(&["alerts", "test", "--event", &failed, "--show", "text"]);
    assert!(printed.contains("deployment is rolling_back (v2: 5 % of the requests fail)"), "{printed}");
}

#[test]
fn what_nobody_routes_is_told_so_and_so_is_a_file_that_is_none() {
    let project = Project::new(ALERTS);
    let other = project.write("other.json", &status("staging", "critical", 300, "2026-08-04T10:00:00Z"));
    let (code, printed, _) = project.ace(&["alerts", "test", "--event", &other]);
    assert_eq!(code, Some(2));
    assert!(
        printed.contains("environment staging is not routed here: add it to alerts.environments"),
        "{printed}"
    );
    let healthy = project.write("well.json", &status("production", "healthy", 300, "2026-08-04T10:00:00Z"));
    let (code, lines) = project.json(&["alerts", "test", "--event", &healthy]);
    assert_eq!((code, told(&lines)), (Some(2), vec![]), "{lines:?}");
    // Tags stand in for what CloudWatch would be asked.
    let composite = json!({
        "alarmName": "any", "state": { "value": "ALARM", "reason": "two", "timestamp": "2026-08-04T10:00:00Z" },
        "configuration": { "alarmRule": "ALARM(a)" },
    });
    let mut composite: Value =
        serde_json::from_str(&event("CloudWatch Alarm State Change", "2026-08-04T10:00:00Z", &composite))
            .unwrap();
    composite["resources"] = json!(["arn:aws:cloudwatch:us-east-1:123456789012:alarm:any"]);
    let composite = project.write("composite.json", &composite.to_string());
    let (code, printed, _) = project.ace(&["alerts", "test", "--event", &composite]);
    assert_eq!(code, Some(2));
    assert!(printed.contains("give it the tag ace-flow:environment"), "{printed}");
    let tagged = ["--tag", "ace-flow:environment=production", "--tag", "ace-flow:service=checkout"];
    let (code, lines) = project.json(&[&["alerts", "test", "--event", &composite][..], &tagged].concat());
    assert_eq!((code, &lines[0]["subject"]), (Some(0), &json!("production/checkout")));
    for (name, text, why) in [
        ("none.json", "[", "is not JSON"),
        (
            "status.json",
            &event("Environment Status Changed", "2026-08-04T10:00:00Z", &json!({ "status": "ill" })),
            "unknown variant",
        ),
    ] {
        let path = project.write(name, text);
        let (code, _, told) = project.ace(&["alerts", "test", "--event", &path]);
        assert_eq!(code, Some(1));
        assert!(told.contains(why), "{told}");
    }
    let (code, _, told) = project.ace(&["alerts", "test", "--event", "nothing.json"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("cannot read nothing.json"), "{told}");
}
