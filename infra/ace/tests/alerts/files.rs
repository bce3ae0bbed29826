//! `ace alerts check`, and what else refuses alerts that cannot be meant.

use serde_json::{Value, json};

use crate::project::{CONFIG, Project, ROOT};

const BROKEN: &str = r#"notifications:
  hook: { kind: webhook, secret: channels.hook, url: "http://127.0.0.1:9/" }
alerts:
  rules:
    - { name: Misspelt, condition: "deployment:failed", severity: high, channels: [hook], title: "{{ servce }} is down" }
    - { name: Nobody, condition: "deployment:failed", severity: high, channels: [hok] }
    - { name: Unread, condition: "environment:local AND respone_time > 2s", severity: high, channels: [hook] }
"#;

/// The line of the configuration that has this in it, from 1.
fn line_of(project: &Project, part: &str) -> usize {
    let config = std::fs::read_to_string(project.path(CONFIG)).unwrap();
    config.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn every_mistake_is_told_at_once_where_it_stands_and_nothing_is_done_with_it() {
    let project = Project::new(BROKEN);
    let expected = [
        ("Misspelt", "alerts.rules[0].title: \"servce\" is unknown", "did you mean \"service\"?"),
        ("Nobody", "channel hok is not under notifications", "did you mean `hook`?"),
        ("Unread", "unknown field `respone_time`", "write `response_time`"),
    ];
    for command in [
        &["alerts", "check"][..],
        &["validate"],
        &["publish"],
        &["implement", "--service", "checkout", "--version", "v2"],
        &["alerts", "test", "--event", "event.json"],
    ] {
        let (code, printed, told) = project.ace(command);
        assert_eq!(code, Some(1), "{command:?}: {printed}{told}");
        let all = format!("{} {told}", printed.split_whitespace().collect::<Vec<_>>().join(" "));
        for (rule, message, remedy) in expected {
            let place = format!("{CONFIG}:{}:", line_of(&project, rule));
            for part in [message, remedy, &place] {
                assert!(all.contains(part), "{command:?} does not tell {part:?}: {all}");
            }
        }
    }
    assert!(!project.path(".ace-flow/state/local.redb").exists(), "nothing was published");
    let (code, lines) = project.json(&["alerts", "check"]);
    assert_eq!((code, lines.len()), (Some(1), 3), "{lines:?}");
    for (line, (rule, message, _)) in lines.iter().zip(expected) {
        assert_eq!((&line["kind"], &line["line"]), (&json!("mistake"), &json!(line_of(&project, rule))));
        assert!(line["message"].as_str().unwrap().contains(message), "{line}");
    }
}

#[test]
fn the_documents_rules_are_told_as_they_are_meant() {
    let project = Project::new("");
    let (code, ..) = project.ace(&["init"]);
    assert_eq!(code, Some(0));
    let example = std::fs::read_to_string(project.path(".ace-flow/templates/alerts.example.yml")).unwrap();
    let filled = example.lines().map(|line| match (line.find('<'), line.find('>')) {
        (Some(begin), Some(end)) if begin < end && !line.trim_start().starts_with('#') => {
            format!("{}someone@example.com{}", &line[..begin], &line[end + 1..])
        }
        _ => line.to_owned(),
    });
    let filled = filled.collect::<Vec<_>>().join("\n");
    project.write(".ace-flow/environments/production/overrides/alerts.yml", &filled);
    let (code, lines) = project.json(&["alerts", "check", "--environment", "production"]);
    assert_eq!(code, Some(0), "{lines:?}");
    let rules: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "rule").collect();
    let names: Vec<&str> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Production Down",
            "Staging Deployment Failed",
            "Development Environment Issues",
            "Cross-Environment Performance Degradation"
        ]
    );
    assert_eq!(rules[0]["environments"], json!(["production"]));
    assert_eq!((&rules[0]["wait_seconds"], &rules[1]["wait_seconds"]), (&json!(0), &json!(30)));
    assert_eq!(rules[3]["environments"], json!(["development", "staging", "production"]));
    assert_eq!(rules[3]["condition"], "response_time > 2s AND affected_environments >= 2");
    // For people, and of every environment.
    let (code, printed, told) = project.ace(&["alerts", "check"]);
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "production routes the signals of development, staging, production",
        "Production Down CRITICAL about production → pagerduty, slack-critical",
        "at once; again every 4h",
        "channel pagerduty: pagerduty, pages, secret external_apis.pagerduty_key, or else slack-critical",
        "staging has no rules under alerts: nobody is told of anything",
    ] {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
    let (code, _, told) = project.ace(&["alerts", "check", "--environment", "nowhere"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("known environments are development, local, production, staging"), "{told}");
}

#[test]
fn a_condition_is_checked_alone_and_pointed_at() {
    let project = Project::new(
        "alerts:\n  metrics:\n    orders: { unit: count, namespace: Shop, metric: Orders, dimensions: {} }\n",
    );
    let check = |text: &str, more: &[&str]| {
        project.ace(&[&["alerts", "check", "--condition", text][..], more].concat())
    };
    let (code, printed, _) = check("  (environment:production and status:unhealthy) for 300s", &[]);
    assert_eq!(code, Some(0));
    assert!(printed.starts_with("✓ environment:production AND status:unhealthy FOR 5m\n"), "{printed}");
    assert!(printed.contains("looks at environment, status"), "{printed}");
    let (code, _, told) = check("environment:production AND respone_time > 2s", &[]);
    assert_eq!(code, Some(1));
    for part in ["cannot be read at column 28: unknown field `respone_time`", "────", "write `response_time`"]
    {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    // Each vocabulary has its own fields, and a configuration's metrics are more.
    assert_eq!(check("severity:high", &[]).0, Some(1));
    assert_eq!(check("severity:high", &["--of", "silence"]).0, Some(0));
    assert_eq!(check("orders < 10", &[]).0, Some(1));
    assert_eq!(check("orders < 10", &["--environment", "local"]).0, Some(0));
    let (code, lines) = project.json(&["alerts", "check", "--condition", "status:unhealty"]);
    assert_eq!(
        (code, &lines[0]["column"], &lines[0]["suggestion"]),
        (Some(1), &json!(8), &json!("unhealthy"))
    );
    assert!(std::path::Path::new(ROOT).join("events").is_dir());
}
