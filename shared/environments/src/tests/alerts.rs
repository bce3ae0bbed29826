//! The block `alerts`, and what `notifications` gained for it.

use alerting::{Kind, Label, MetricSource, Missing, Severity, Subject};

use super::*;

/// Everything that the two blocks can say.
const ALERTING: &str = include_str!("../../tests/alerting.yml");

/// The document's, sign for sign.
const DOCUMENT: &str = "
      {
        name: 'Production Down',
        condition: 'environment:production AND status:unhealthy',
        severity: 'critical',
        channels: ['pagerduty', 'slack-critical']
      },
      {
        name: 'Staging Deployment Failed',
        condition: 'environment:staging AND deployment:failed',
        severity: 'high',
        channels: ['slack-dev', 'email-dev-team']
      },
      {
        name: 'Development Environment Issues',
        condition: 'environment:development AND status:unhealthy',
        severity: 'low',
        channels: ['slack-dev']
      },
      {
        name: 'Cross-Environment Performance Degradation',
        condition: 'response_time > 2s AND affected_environments >= 2',
        severity: 'high',
        channels: ['slack-critical', 'email-sre']
      }
";

fn text() -> String {
    format!("{ALERTING}{LEAST}")
}

fn policy(text: &str) -> alerting::Policy {
    read(text).alerts(&"production".parse().unwrap())
}

fn channels() -> String {
    ALERTING.split_once("alerts:\n").unwrap().0.to_owned()
}

#[test]
fn the_documents_rules_are_read_as_they_stand_there() {
    let policy = policy(&format!("{}alerts:\n  rules: [{DOCUMENT}]\n{LEAST}", channels()));
    let rules: Vec<(&str, &str, Severity, Vec<&str>)> = policy
        .rules
        .iter()
        .map(|rule| {
            let channels = rule.channels.iter().map(alerting::ChannelName::as_str).collect();
            (rule.name.as_str(), rule.condition.text(), rule.severity, channels)
        })
        .collect();
    assert_eq!(
        rules,
        [
            (
                "Production Down",
                "environment:production AND status:unhealthy",
                Severity::Critical,
                vec!["pagerduty", "slack-critical"]
            ),
            (
                "Staging Deployment Failed",
                "environment:staging AND deployment:failed",
                Severity::High,
                vec!["slack-dev", "email-dev-team"]
            ),
            (
                "Development Environment Issues",
                "environment:development AND status:unhealthy",
                Severity::Low,
                vec!["slack-dev"]
            ),
            (
                "Cross-Environment Performance Degradation",
                "response_time > 2s AND affected_environments >= 2",
                Severity::High,
                vec!["slack-critical", "email-sre"]
            ),
        ]
    );
    assert_eq!(
        policy.rules.iter().map(|rule| rule.condition.is_across()).collect::<Vec<_>>(),
        [false, false, false, true]
    );
    // What is left out is as Alertmanager has it, and of this environment alone.
    assert_eq!(policy.environments, ["production".parse().unwrap()]);
    assert_eq!(policy.grouping, alerting::Grouping::default());
    assert_eq!((policy.flapping, policy.rollouts), Default::default());
    assert!(policy.rules.iter().all(|rule| rule.tells_end && rule.wait.is_none() && rule.repeat.is_none()));
    assert!(policy.metrics.is_empty() && policy.fallback.is_none());
}

#[test]
fn everything_that_can_be_said_is_meant_and_survives_storage() {
    let environment = read(&text());
    let policy = policy(&text());
    let names: Vec<&str> = policy.environments.iter().map(EnvironmentName::as_str).collect();
    assert_eq!(names, ["development", "staging", "production"]);
    assert_eq!(policy.grouping.by, [Label::Environment, Label::Service]);
    let down = &policy.rules[0];
    assert_eq!((down.wait, down.repeat), (Some(Seconds(0)), Some(Seconds(3600))));
    let escalations: Vec<(u32, usize)> =
        down.escalations.iter().map(|one| (one.after.0, one.channels.len())).collect();
    assert_eq!(escalations, [(900, 1), (3600, 2)]);
    assert_eq!(down.runbook.as_deref(), Some("https://wiki.example.com/production-down"));
    assert_eq!(down.title.as_deref(), Some("{{ environment }} is down"));
    assert_eq!(
        policy.rules.iter().map(|rule| rule.tells_end).collect::<Vec<_>>(),
        [true, true, false, true, true]
    );
    assert_eq!(policy.inhibitions[0].source.text(), "rule:\"Production Down\"");
    assert_eq!(policy.inhibitions[0].equal, [Label::Environment]);
    assert_eq!((policy.mutes[0].window.name(), policy.mutes.len()), ("nights", 2));
    assert!(policy.mutes[0].alerts.is_some() && policy.mutes[1].alerts.is_none());
    let traits: Vec<(&str, bool, Option<&str>)> = policy
        .channels
        .iter()
        .map(|(name, of)| (name.as_str(), of.pages, of.fallback.as_ref().map(alerting::ChannelName::as_str)))
        .collect();
    assert_eq!(
        traits,
        [
            ("email-dev-team", false, None),
            ("email-sre", false, None),
            ("pagerduty", true, Some("phone")),
            ("phone", true, None),
            ("slack-critical", false, Some("email-sre")),
            ("slack-dev", false, None),
        ]
    );
    assert_eq!(policy.fallback.as_ref().map(alerting::ChannelName::as_str), Some("email-sre"));
    let stored = serde_json::to_string(&environment).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), environment);
    // Written again, it is the same.
    assert_eq!(
        serde_json::to_string(&serde_json::from_str::<Environment>(&stored).unwrap()).unwrap(),
        stored
    );
}

#[test]
fn channels_say_how_they_are_reached() {
    let environment = read(&text());
    let way = |name: &str| &environment.notifications()[&name.parse().unwrap()].way;
    let Way::Pagerduty { endpoint: Some(endpoint), .. } = way("pagerduty") else { panic!("{environment:?}") };
    assert_eq!(endpoint.as_str(), "https://events.eu.pagerduty.com");
    let Way::Slack(Slack::Bot { token, channel }) = way("slack-critical") else { panic!("{environment:?}") };
    assert_eq!((token.as_str(), channel.as_str()), ("external_apis.slack_token", "#alerts"));
    assert!(matches!(way("slack-dev"), Way::Slack(Slack::Webhook { .. })));
    assert!(matches!(way("email-dev-team"), Way::Email(Email::Topic(_))));
    let Way::Email(Email::Addresses { from, to }) = way("email-sre") else { panic!("{environment:?}") };
    assert_eq!((from.as_str(), to.len()), ("alerts@example.com", 2));
    let Way::Webhook { key_id, .. } = way("phone") else { panic!("{environment:?}") };
    assert_eq!(key_id, "2");
    let least = "notifications: { w: { kind: webhook, secret: a.b, url: \"http://127.0.0.1:8080/\" } }\n";
    let environment = read(&format!("{least}{LEAST}"));
    let Way::Webhook { key_id, .. } = &environment.notifications()[&"w".parse().unwrap()].way else {
        panic!("{environment:?}")
    };
    assert_eq!(key_id, "1");
    let stored = serde_json::to_value(&environment).unwrap();
    let expected = serde_json::json!({ "kind": "webhook", "secret": "a.b", "url": "http://127.0.0.1:8080/" });
    assert_eq!(stored["notifications"]["w"], expected, "what is as it is anyway is not stored");
}

/// As it was published before there were alerts.
#[test]
fn a_configuration_of_before_is_read_and_stays_as_it_is() {
    let before = serde_json::json!({
        "slack-dev": { "kind": "slack", "secret": "external_apis.slack_webhook" },
        "pager": { "kind": "pagerduty", "secret": "external_apis.pagerduty_key" },
        "mail": { "kind": "email", "topic": "arn:aws:sns:us-east-1:123456789012:alerts" },
        "hook": { "kind": "webhook", "secret": "auth.hook", "url": "https://hooks.example.com/ace" },
    });
    let mut published = serde_json::to_value(read(LEAST)).unwrap();
    assert!(published.get("alerts").is_none());
    published["notifications"] = before;
    let environment: Environment = serde_json::from_value(published.clone()).unwrap();
    assert_eq!(serde_json::to_value(&environment).unwrap(), published);
    let policy = environment.alerts(&"development".parse().unwrap());
    assert!(policy.rules.is_empty() && policy.metrics.is_empty());
    let pages: Vec<&str> =
        policy.channels.iter().filter(|(_, of)| of.pages).map(|(name, _)| name.as_str()).collect();
    assert_eq!(pages, ["pager"]);
}

#[test]
fn a_metric_says_where_its_values_are_and_what_they_are() {
    let policy = policy(&text());
    let metrics = &policy.sources;
    let [carts, orders, response_time, status] =
        ["carts", "orders", "response_time", "status"].map(|name| &metrics[name]);
    assert_eq!((carts.kind, carts.scale, carts.statistic.as_str()), (Kind::Duration, 1000.0, "p99"));
    assert_eq!((orders.kind, orders.scale, orders.missing), (Kind::Count, 1.0, Missing::Breaching));
    // AWS has it in seconds.
    assert_eq!((response_time.kind, response_time.scale), (Kind::Duration, 1000.0));
    assert_eq!((status.kind, status.statistic.as_str()), (Kind::Status, "Average"));
    assert_eq!((status.period, status.missing), (Seconds(60), Missing::Ignore));
    let fields: Vec<&str> = policy.metrics.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["carts", "orders"], "what is built in is no further field");
    let production: EnvironmentName = "production".parse().unwrap();
    let whole = Subject::environment(production.clone());
    let shop = Subject::service(production, "shop".parse().unwrap());
    let told = |metric: &MetricSource, subject| {
        let all = metric.dimensions(subject)?;
        Some(all.into_iter().flat_map(|(name, value)| [name, "=".to_owned(), value]).collect::<String>())
    };
    assert_eq!(told(orders, &whole).as_deref(), Some("Environment=production"));
    assert_eq!(told(carts, &shop).as_deref(), Some("Service=shop"));
    assert_eq!(told(carts, &whole), None);
    assert!(carts.is_of_services() && !orders.is_of_services());
}

#[test]
fn a_mistake_in_alerts_is_told_with_its_place_and_its_remedy() {
    let cases = [
        // replace, by, line, column, says
        (
            "fallback: phone }",
            "fallback: fone }",
            2,
            125,
            "notifications.pagerduty.fallback: channel fone is not under notifications: did you mean `phone`?",
        ),
        ("group_interval: 5m", "group_interval: 0s", 13, 19, "alerts.group_interval: an interval of 0s"),
        (
            "AND status:unhealthy\n",
            "AND statuss:unhealthy\n",
            17,
            45,
            "alerts.rules[0].condition: unknown field `statuss`: write `status`",
        ),
        ("deployment:failed'", "deployment:fallen'", 26, 54, "`fallen` is no state of a deployment: write"),
        ("AND orders < 10\"", "AND\\torders < 10%\"", 35, 76, "`10%` is a percentage"),
        (
            "environment:production AND status:unhealthy\n",
            ">\n        environment:production\n        AND statuss:bad\n",
            18,
            9,
            "at column 28 of the condition, unknown field `statuss`: write `status`",
        ),
        ("[slack-dev, email-dev-team]", "[slack-dev, email]", 28, 29, "alerts.rules[1].channels[1]: channel"),
        ("while: 'rule:", "while: 'rul:", 37, 17, "alerts.inhibitions[0].while: unknown field `rul`"),
        ("alerts: \"severity:low\"", "alerts: \"severity:lo\"", 39, 114, "alerts.mute[0].alerts: `lo` is no"),
        ("period: 1m", "period: 90s", 44, 131, "alerts.metrics.orders.period: 90s is no period: write 10s"),
        (
            "{environment}\" }, period",
            "{env}\" }, period",
            44,
            104,
            "Environment: \"{env}\" has a placeholder",
        ),
        ("statistic: p95", "statistic: P95", 46, 92, "alerts.metrics.response_time.statistic: \"P95\" is no"),
        ("scale: 1000", "scale: -1", 45, 126, "-1 makes no value of another: write a number above 0"),
        ("    status: {", "    deployment: {", 47, 17, "\"deployment\" is built in and is no metric: give"),
        ("    status: {", "    status: { unit: count,", 47, 21, "status has no unit: leave `unit` out"),
        ("    carts: {", "    Carts: {", 45, 12, "\"Carts\" is no name of a field: write a lower-case"),
    ];
    each_is_told(&text(), &cases);
}

/// What is published has no lines: the column in the condition is told.
#[test]
fn a_stored_condition_is_checked_again_when_it_is_read() {
    let stored =
        serde_json::to_string(&read(&text())).unwrap().replace("status:unhealthy", "statuss:unhealthy");
    let error = serde_json::from_str::<Environment>(&stored).unwrap_err().to_string();
    let says =
        "alerts.rules[0].condition: at column 28 of the condition, unknown field `statuss`: write `status`";
    assert!(error.starts_with(says), "{error}");
}

#[test]
fn fallbacks_that_go_round_are_told_once() {
    let with = |fallbacks: &[(&str, &str)]| {
        let channel = |(name, fallback): &(&str, &str)| {
            format!("  {name}: {{ kind: slack, secret: a.b, fallback: {fallback} }}\n")
        };
        let channels: String = fallbacks.iter().map(channel).collect();
        Environment::from_yaml(&format!(
            "notifications:\n{channels}  z: {{ kind: slack, secret: a.b }}\n{LEAST}"
        ))
    };
    assert!(with(&[("a", "b"), ("b", "c"), ("c", "z"), ("d", "c")]).is_ok());
    let error = with(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "c")]).unwrap_err().to_string();
    let says =
        "line 2 column 44: notifications.a.fallback: the fallbacks go round, a for c for b for a: leave";
    assert!(error.starts_with(says), "{error}");
}
