//! Channels and alerts: every mistake where it stands, and what may be one.

use std::fmt::Write as _;

use super::*;

/// Everything that the two blocks can say.
pub(super) const ALERTING: &str = include_str!("../../../tests/alerting.yml");

/// Production with these blocks, which begin on the line after its own.
fn production(blocks: &str) -> Sources {
    sources("production", &format!("{PRODUCTION}{blocks}"))
}

fn before() -> u64 {
    PRODUCTION.lines().count() as u64
}

fn errors(blocks: &str) -> Vec<Mistake> {
    let refused = check(&[production(blocks)], Strictness::Lenient).unwrap_err();
    refused.mistakes.into_iter().filter(|mistake| mistake.severity == Severity::Error).collect()
}

/// What is replaced by what, and each line and column that is to blame.
type Broken = (&'static str, &'static str, &'static [(u64, u64)]);

const BROKEN: [Broken; 54] = [
    ("channel: \"#alerts\"", "channel: \"#My Alerts\"", &[(3, 77)]),
    ("channel: \"#alerts\"", "channel: #alerts", &[(4, 12)]),
    (", channel: \"#alerts\"", "", &[(3, 27)]),
    ("token: external_apis.slack_token", "secret: external_apis.slack_webhook", &[(3, 80)]),
    ("token: external_apis.slack_token", "token: xoxb-1234 5678", &[(3, 41)]),
    ("secret: external_apis.slack_webhook", "token: external_apis.slack_webhook", &[(4, 22)]),
    ("kind: slack, secret: external_apis.slack_webhook", "kind: slack", &[(4, 22)]),
    ("\"https://events.eu.pagerduty.com\"", "events.eu.pagerduty.com", &[(2, 80)]),
    ("url: \"https://phone", "url: \"http://phone", &[(7, 52)]),
    ("key_id: \"2\"", "key_id: \"two of them\"", &[(7, 94)]),
    ("key_id: \"2\"", "topic: x", &[(7, 93)]),
    ("from: alerts@example.com, ", "", &[(6, 22)]),
    ("from: alerts@example.com", "from: Ops <alerts@example.com>", &[(6, 35)]),
    ("[sre@example.com, lead@example.com]", "[]", &[(6, 55)]),
    ("lead@example.com", "SRE@example.com", &[(6, 77)]),
    ("topic: \"arn", "from: a@example.com, topic: \"arn", &[(5, 40)]),
    ("fallback: phone }", "fallback: fone }", &[(2, 125)]),
    ("fallback: phone }", "fallback: pagerduty }", &[(2, 125)]),
    ("pages: true", "pages: true, fallback: pagerduty", &[(2, 125)]),
    ("alerts:\n", "alert:\n", &[(8, 1)]),
    (
        "  environments: [development, staging, production]",
        "  environments: [development, staging]",
        &[(9, 3)],
    ),
    ("[development, staging, production]", "[]", &[(9, 3)]),
    ("[development, staging, production]", "[production, production]", &[(9, 30)]),
    ("  fallback: email-sre\n", "  fallback: email-ops\n", &[(10, 13)]),
    ("[environment, service]", "[environment, team]", &[(11, 27)]),
    ("[environment, service]", "[service, service]", &[(11, 23)]),
    ("group_interval: 5m", "group_interval: 0s", &[(13, 19)]),
    ("group_interval: 5m", "group_interval: 6h", &[(13, 19), (21, 24)]),
    ("repeat_interval: 4h", "repeat_interval: 4m", &[(14, 20)]),
    ("changes: 4", "changes: 1", &[(41, 24)]),
    ("within: 30m", "within: 0s", &[(41, 35)]),
    ("      condition: environment:production AND status:unhealthy\n", "", &[(16, 7)]),
    (
        "environment:production AND status:unhealthy\n",
        "environment:production AND statuss:unhealthy\n",
        &[(17, 45)],
    ),
    ("deployment:failed'", "deployment:exploded'", &[(26, 54)]),
    ("status:unhealthy\"", "status\"", &[(30, 53)]),
    ("\"environment:production AND orders < 10\"", "\"rule:\\\"x\\\" AND orders < 10\"", &[(35, 39)]),
    (
        "\"environment:production AND orders < 10\"",
        "\"environment:production AND orders < 10%\"",
        &[(35, 75)],
    ),
    ("severity: critical", "severity: urgent", &[(18, 17)]),
    ("[pagerduty, slack-critical]", "[]", &[(19, 7)]),
    ("[pagerduty, slack-critical]", "[pagerduty, slack-critcal]", &[(19, 29)]),
    ("[pagerduty, slack-critical]", "[pagerduty, pagerduty]", &[(19, 29)]),
    ("channels: [phone] }, {", "channels: [fone] }, {", &[(22, 43)]),
    ("after: 15m", "after: 0s", &[(22, 27)]),
    ("after: 1h", "after: 15m", &[(22, 62)]),
    ("repeat_interval: 1h", "repeat_interval: 1m", &[(21, 24)]),
    ("\"https://wiki.example.com/production-down\"", "call Ann", &[(23, 16)]),
    ("\"{{ environment }} is down\"", "\"\"", &[(24, 14)]),
    ("name: Staging Deployment Failed", "name: Production Down", &[(25, 13)]),
    ("'rule:\"Production Down\"'", "\"severity:(low,medium,high)\"", &[(37, 55)]),
    ("'rule:\"Production Down\"'", "'status:unhealthy'", &[(37, 17)]),
    ("\"06:00\", zone", "2026-11-28T00:00, zone", &[(39, 66)]),
    ("orders: { unit: count, ", "orders: { ", &[(44, 5)]),
    ("    orders: { unit", "    service: { unit", &[(35, 66), (44, 5)]),
    ("response_time: { namespace", "response_time: { unit: count, namespace", &[(46, 28)]),
];

#[test]
fn each_broken_alert_is_refused_at_its_column_with_a_remedy() {
    assert!(check(&[production(ALERTING)], Strictness::Lenient).is_ok());
    let mut told = String::new();
    for (from, to, expected) in BROKEN {
        assert!(ALERTING.contains(from), "{from:?} is not there");
        let errors = errors(&ALERTING.replacen(from, to, 1));
        writeln!(told, "--- {from:?} -> {to:?}").unwrap();
        for error in &errors {
            assert!(!error.remedy.is_empty(), "{error}");
            writeln!(told, "{error}\n").unwrap();
        }
        let places: Vec<(u64, u64)> =
            errors.iter().map(|error| (error.line - before(), error.column)).collect();
        if places != expected {
            writeln!(told, "EXPECTED {expected:?}, GOT {places:?}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
    assert!(!told.contains("EXPECTED"), "{told}");
}

/// However the condition is written, the caret stands under the word; where it cannot, its column is told.
#[test]
fn a_mistake_in_a_condition_is_told_where_it_stands_in_the_file() {
    let blocks = |condition: &str| {
        format!(
            "notifications: {{ mail: {{ kind: email, topic: \"arn:aws:sns:us-east-1:123456789012:a\" }} }}\nalerts:\n  rules:\n    \
             - name: Down\n      severity: high\n      channels: [mail]\n      condition: {condition}\n"
        )
    };
    let mut told = String::new();
    for (condition, marked) in [
        ("alarm:Überlast AND statuss:bad", Some("statuss")),
        ("'alarm:\"it''s\" AND statuss:bad'", Some("statuss")),
        ("\"alarm:\\\"a \\u00fc\\\" AND statuss:bad\"", Some("statuss")),
        ("\"alarm:x AND\"", Some("\"")),
        ("|\n        alarm:x AND statuss:bad", Some("statuss")),
        (">-\n        alarm:x AND\n        statuss:bad", None),
        ("alarm:x AND\n        statuss:bad", None),
        ("\"alarm:x AND\n        statuss:bad\"", None),
        ("5", Some("5")),
        ("\"\"", Some("\"")),
    ] {
        let errors = errors(&blocks(condition));
        assert_eq!(errors.len(), 1, "{errors:?}");
        writeln!(told, "{}\n", errors[0]).unwrap();
        let Mistake { offset, length, .. } = errors[0];
        let text = production(&blocks(condition)).config.text;
        match marked {
            Some(marked) => assert_eq!(&text[offset..offset + length], marked, "{}", errors[0]),
            None => assert!(errors[0].message.contains("at column "), "{}", errors[0]),
        }
    }
    insta::assert_snapshot!(told);
}

/// What a template makes is not what stands there.
#[test]
fn a_condition_that_a_template_makes_is_told_by_its_column() {
    let blocks = "alerts:\n  rules:\n    - { name: Down, severity: high, channels: [mail], condition: \"service:${S} AND statuss:bad\" }\n";
    let channel =
        "notifications: { mail: { kind: email, topic: \"arn:aws:sns:us-east-1:123456789012:a\" } }\n";
    let sources = Sources {
        template: Some(file("e.template.yml", blocks)),
        variables: variables(&[("S", "a-long-name-of-a-service")]),
        ..production(channel)
    };
    let refused = check(&[sources], Strictness::Lenient).unwrap_err();
    let error = refused.mistakes.iter().find(|mistake| mistake.severity == Severity::Error).unwrap();
    assert_eq!((error.file.as_str(), error.line), ("e.template.yml", 3), "{error}");
    assert!(error.message.contains("at column 38 of the condition"), "{error}");
}

#[test]
fn every_mistake_of_channels_and_alerts_is_told_at_once() {
    let changes = [
        ("channel: \"#alerts\"", "channel: \"#My Alerts\""),
        ("[sre@example.com, lead@example.com]", "[]"),
        ("group_interval: 5m", "group_interval: 0s"),
        ("environment:production AND status:unhealthy\n", "environment:production AND statuss:unhealthy\n"),
        ("[slack-dev, email-dev-team]", "[slack-dev, email-team]"),
        ("name: Development Environment Issues", "name: Production Down"),
        ("orders < 10", "orders < 10%"),
        ("equal: [environment]", "equal: [environment, environment]"),
        ("from: 2026-11-27T00:00", "from: 2026-11-29T00:00"),
        ("statistic: p99", "statistic: P99"),
    ];
    let broken = |changes: &[(&str, &str)]| {
        let blocks = changes.iter().fold(ALERTING.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let errors = errors(&blocks);
        let lines: Vec<u64> = errors.iter().map(|error| error.line - before()).collect();
        (lines, errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
    };
    let (lines, told) = broken(&changes);
    assert_eq!(lines, [3, 6, 13, 17, 28, 29, 35, 37, 40, 45], "{told}");
    // A value that is none hides only what is wrong with the same rule, unless others may speak of it.
    let (lines, told) = broken(
        &[&changes[2..], &[("severity: high\n", "severity: hihg\n"), ("changes: 4", "changes: x")]].concat(),
    );
    assert_eq!(lines, [13, 17, 27, 29, 35, 37, 40, 41, 45], "{told}");
    insta::assert_snapshot!(told);
    let (lines, _) = broken(&[&changes[..], &[("kind: webhook", "kind: telephone")]].concat());
    assert_eq!(lines, [7]);
}

/// A metric that has mistakes of its own is not blamed again where it is used.
#[test]
fn a_metric_that_is_wrong_is_told_once() {
    let errors = errors(&ALERTING.replacen("orders: { unit: count, ", "orders: { ", 1));
    assert_eq!(errors.len(), 1, "{errors:?}");
    let errors = self::errors(&ALERTING.replacen(
        "namespace: Shop, metric: Orders",
        "namespace: \"\", metric: Orders",
        1,
    ));
    assert_eq!(errors.len(), 1, "{errors:?}");
}

fn warnings(blocks: &str) -> Vec<Mistake> {
    let mut tree = document();
    tree[3].config.text = format!("{PRODUCTION}{blocks}");
    let mut accepted = check(&tree, Strictness::Lenient).unwrap();
    accepted
        .warnings
        .retain(|warning| warning.message.contains("alerts.") || warning.message.contains("notifications."));
    accepted.warnings
}

#[test]
fn what_never_fires_and_what_nobody_knows_is_a_warning() {
    assert_eq!(warnings(ALERTING), [], "nor is a channel that nobody uses a mistake");
    let told = |changes: &[(&str, &str)]| {
        let blocks = changes.iter().fold(ALERTING.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        warnings(&blocks)
    };
    let mut all = Vec::new();
    for (changes, count) in [
        (
            &[("environments: [development, staging, production]", "environments: [stagging, production]")][..],
            3,
        ),
        // Alone, it is not two environments.
        (&[("  environments: [development, staging, production]\n", "")], 3),
        (&[("environment:production AND orders", "environment:prod AND orders")], 1),
        (
            &[(
                "environment:production AND orders < 10",
                "NOT environment:(development, staging, production)",
            )],
            1,
        ),
        (&[("'rule:\"Production Down\"'", "'rule:\"Production Donw\"'")], 1),
        (&[("severity:(low, medium, high)", "severity:info")], 1),
        (&[("alerts: \"severity:low\"", "alerts: \"rule:Nobody\"")], 1),
    ] {
        let warnings = told(changes);
        assert_eq!(warnings.len(), count, "{changes:?} {warnings:#?}");
        all.extend(warnings.iter().map(ToString::to_string));
    }
    // What may hold is none.
    for condition in [
        "environment:p* AND orders < 10",
        "NOT environment:production AND orders < 10",
        "environment:qa OR orders < 10",
        "status:unhealthy AND affected_environments >= 3",
        "affected_environments < 1 AND status:unhealthy",
        "worst_status:healthy AND environment:staging",
    ] {
        assert_eq!(told(&[("environment:production AND orders < 10", condition)]), [], "{condition}");
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

/// As for the channels of before: where the secrets are written, one that is not among them is told.
#[test]
fn a_token_that_is_not_among_the_secrets_is_told_as_a_secret_is() {
    let mut tree = document();
    let channels = "notifications:\n  chat: { kind: slack, token: external_apis.slack_tokn, channel: \"#x\" }\n  dev: { kind: slack, secret: external_apis.slack_webhook }\n";
    tree[0].config.text = format!("{DEVELOPMENT}{channels}");
    let accepted = check(&tree, Strictness::Lenient).unwrap();
    let told: Vec<&Mistake> =
        accepted.warnings.iter().filter(|warning| warning.message.contains("notifications.")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0].message,
        "notifications.chat.token is external_apis.slack_tokn, which secrets.yml does not have"
    );
}

#[test]
fn alerts_of_all_layers_are_shown_with_who_set_them_and_round_trip() {
    let mut sources = production(ALERTING);
    sources.overrides =
        vec![file("overrides/10.yml", "alerts:\n  group_wait: 1m\n  flapping: { changes: 6 }\n")];
    sources.settings =
        variables(&[("ACE__ALERTS__REPEAT_INTERVAL", "8h"), ("ACE__NOTIFICATIONS__PHONE__PAGES", "false")]);
    let read = one(sources);
    let settings = read.settings();
    let set = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        let by = setting.set_by.as_ref().map_or_else(|| "nobody".to_owned(), SetBy::place);
        format!("{} {by}", setting.value)
    };
    let line = |line: u64| format!("production/config.yml:{}", before() + line);
    assert_eq!(set("alerts.group_wait"), "\"1m\" overrides/10.yml:2");
    assert_eq!(set("alerts.flapping.changes"), "6 overrides/10.yml:3");
    assert_eq!(set("alerts.repeat_interval"), "\"8h\" environment variable ACE__ALERTS__REPEAT_INTERVAL");
    assert_eq!(set("alerts.rules[0].name"), format!("\"Production Down\" {}", line(16)));
    assert_eq!(set("alerts.inhibitions[0].while"), format!("\"rule:\\\"Production Down\\\"\" {}", line(37)));
    assert_eq!(set("alerts.metrics.orders.namespace"), format!("\"Shop\" {}", line(44)));
    assert_eq!(set("alerts.metrics.carts.missing"), "\"missing\" nobody");
    assert!(!read.rollouts.notifications()[&"phone".parse().unwrap()].pages);
    let again = one(super::sources("production", read.to_yaml()));
    assert_eq!((&again.sections, &again.rollouts), (&read.sections, &read.rollouts));
    let shown = serde_saphyr::to_string(&read.to_json()).unwrap();
    assert_eq!(one(super::sources("production", &shown)).rollouts, read.rollouts);
    // Where nothing is written, nothing is shown.
    let bare = one(production(""));
    assert!(bare.settings().iter().all(|setting| !setting.key.starts_with("alerts")));
}

/// A language in which the word `wrong` is.
fn without_wrong(title: &str) -> Vec<WrongTitle> {
    let wrong = WrongTitle { what: "it has the word wrong".to_owned(), remedy: "write right".to_owned() };
    title.contains("wrong").then_some(wrong).into_iter().collect()
}

#[test]
fn what_is_wrong_with_a_title_is_told_where_it_stands_beside_everything_else() {
    let title = "title: \"{{ environment }} is down\"";
    let blocks = ALERTING.replace(title, "title: \"{{ wrong }} is down\"");
    let line = before() + 1 + blocks.lines().position(|line| line.contains("wrong")).unwrap() as u64;
    let blocks = blocks.replace("severity: low", "severity: urgent");
    let tree = [production(&blocks)];
    let refused = check_with(&tree, Strictness::Lenient, &without_wrong).unwrap_err();
    let errors: Vec<_> =
        refused.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    let told = errors.iter().find(|mistake| mistake.message.contains("the word wrong")).unwrap();
    assert_eq!((told.line, told.column), (line, 14));
    assert_eq!(told.message, "alerts.rules[0].title: it has the word wrong");
    assert_eq!(told.remedy, "write right");
    assert!(errors.iter().any(|mistake| mistake.message.contains("urgent")), "{errors:?}");
    let among = check_among_with(&tree[0], &[], Strictness::Lenient, &without_wrong).unwrap_err();
    assert_eq!(among, refused);
    // Without the language nothing of it is known; what is wrong without it is told once.
    let empty = [production(&ALERTING.replace(title, "title: \"\""))];
    let all_wrong = |_: &str| vec![WrongTitle { what: "all is".to_owned(), remedy: "none".to_owned() }];
    let refused = check_with(&empty, Strictness::Lenient, &all_wrong).unwrap_err();
    let told: Vec<_> = refused.mistakes.iter().filter(|one| one.message.contains("title")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let right = [production(ALERTING)];
    assert!(check_with(&right, Strictness::Lenient, &without_wrong).is_ok());
    assert!(check_with(&right, Strictness::Lenient, &all_wrong).is_err());
}
