//! The blocks `promotion`, `freeze` and `notifications`.

use super::*;

const BLOCKS: &str = r#"promotion:
  after: development
  soak: { time: 2h, requests: 1000 }
  approvals: { required: true, approvers: [ann@example.com, bob], not_the_starter: true, expires: 12h }
freeze:
  - { name: black-friday, from: 2026-11-27T00:00, to: 2026-12-01T06:00, zone: America/New_York }
  - { name: weekends, days: [friday, saturday, sunday], from: "18:00", to: "08:00", zone: Europe/Berlin }
notifications:
  slack-dev: { kind: slack, secret: external_apis.slack_webhook }
  pager: { kind: pagerduty, secret: external_apis.pagerduty_key }
  mail: { kind: email, topic: "arn:aws:sns:us-east-1:123456789012:alerts" }
  hook: { kind: webhook, secret: auth.hook, url: "https://hooks.example.com/ace" }
"#;

fn text() -> String {
    format!("{BLOCKS}{FULL}")
}

#[test]
fn the_blocks_say_what_they_say_and_survive_storage() {
    let environment = read(&text());
    let below = environment.promotion.below.clone().unwrap();
    assert_eq!((below.after.as_str(), below.soak.requests), ("development", 1000));
    assert_eq!(below.soak.time.seconds(), Seconds(7200));
    assert!(below.soak.is_needed() && !Soak::default().is_needed());
    let approvals = &environment.promotion.approvals;
    assert_eq!(approvals.approvers, ["ann@example.com", "bob"]);
    assert!(approvals.required && approvals.not_the_starter);
    let names: Vec<&str> = environment.freeze().iter().map(schedule::Window::name).collect();
    assert_eq!(names, ["black-friday", "weekends"]);
    let secret = |name: &str| {
        let channel = &environment.notifications()[&name.parse().unwrap()];
        channel.secret().map(|(_, secret)| secret.to_string())
    };
    assert_eq!(secret("slack-dev").as_deref(), Some("external_apis.slack_webhook"));
    assert_eq!((secret("hook").as_deref(), secret("mail")), (Some("auth.hook"), None));
    let stored = serde_json::to_string(&environment).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&stored).unwrap(), environment);
    let bare = serde_json::to_value(read(FULL)).unwrap();
    let keys: Vec<&String> = bare.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["environment", "rollout", "services"], "what is not written is not stored");
    assert_eq!(read(FULL).promotion, Promotion::default());
}

#[test]
fn a_required_approval_comes_before_the_first_weight_of_every_plan() {
    let asked = |text: &str, service: &str, strategy: Option<Strategy>| -> Vec<bool> {
        resolve(text, service, strategy).unwrap().steps.iter().map(|step| step.approval).collect()
    };
    assert_eq!(asked(&text(), "checkout", None), [true, false, false]);
    assert_eq!(asked(&text(), "checkout", Some(Strategy::BlueGreen)), [true]);
    assert_eq!(asked(&text(), "search", None), [true]);
    assert_eq!(asked(FULL, "search", None), [false]);
    let approvals = resolve(&text(), "search", None).unwrap().approvals;
    assert_eq!((approvals.expires, approvals.not_the_starter), (Seconds(43_200), true));
    assert_eq!(approvals.approvers, ["ann@example.com", "bob"]);
    let ramp = text().replacen("  canary:\n", "  canary:\n    micro_ramp: true\n", 1);
    assert_eq!(asked(&ramp, "checkout", None), [true, false, false, false, false]);
}

#[test]
fn a_mistake_in_a_block_is_told_with_its_place_and_its_remedy() {
    let cases = [
        // replace, by, line, column, says
        (
            "after: development",
            "after: ace-flow-staging",
            2,
            10,
            "promotion.after: an environment cannot be after itself",
        ),
        (
            "  after: development\n",
            "",
            2,
            9,
            "promotion.soak: there is no environment to soak in: add `after:",
        ),
        ("after: development", "after: dev env", 2, 10, "is not valid"),
        ("time: 2h", "time: 2 hours", 3, 17, "is not a span of time: write"),
        ("requests: 1000", "requests: -1", 3, 31, "not a whole number that fits here"),
        ("requests: 1000", "requets: 1000", 3, 21, "unknown field `requets`"),
        ("required: true", "required: yes please", 4, 26, "not true or false"),
        (
            "ann@example.com, bob",
            "bob, \" \"",
            4,
            49,
            "promotion.approvals.approvers[1]: an approver has no name",
        ),
        (
            "ann@example.com, bob",
            "bob, ann, BOB",
            4,
            54,
            "approver \"BOB\" is there twice: leave one of the two out",
        ),
        ("expires: 12h", "expires: soon", 4, 99, "is not a span of time"),
        (
            "to: 2026-12-01T06:00",
            "to: 2026-11-01T06:00",
            6,
            55,
            "freeze[0].to: the window ends at 2026-11-01T06:00:00",
        ),
        ("America/New_York", "America/NewYork", 6, 79, "like America/New_York"),
        (
            "name: weekends",
            "name: black-friday",
            7,
            13,
            "freeze[1].name: two windows are called \"black-friday\"",
        ),
        ("friday, saturday", "fryday, saturday", 7, 30, "expected one of monday, tuesday"),
        ("days: [friday, saturday, sunday], ", "", 7, 29, "freeze[1].from: 18:00:00 is a time of the day"),
        ("[friday, saturday, sunday]", "[]", 7, 29, "freeze[1].days: there is no day"),
        ("kind: slack,", "kind: slag,", 9, 22, "expected one of slack, pagerduty, email, webhook"),
        (
            "external_apis.slack_webhook",
            "https://hooks.slack.com/T0/B0",
            9,
            37,
            "this is no key of a secret: write where",
        ),
        (", secret: external_apis.pagerduty_key", "", 10, 18, "needs `secret`: add the key of the secret"),
        (
            "arn:aws:sns:us-east-1:123456789012:alerts",
            "ops@example.com",
            11,
            31,
            "\"ops@example.com\" is no SNS topic",
        ),
        ("kind: email,", "kind: pagerduty,", 11, 35, "kind pagerduty has no `topic`: leave it out"),
        (
            "https://hooks",
            "http://hooks",
            12,
            50,
            "notifications.hook.url: the URL is none that can be used: write one",
        ),
        ("https://hooks", "https://me:word@hooks", 12, 50, "the URL is none that can be used"),
        ("  hook:", "  my hook:", 12, 12, "the name of the channel is no name: write 1 to 48"),
    ];
    each_is_told(&text(), &cases);
}

/// What stands in the place of a key may be the secret itself.
#[test]
fn a_secret_in_the_place_of_its_key_is_not_shown() {
    for (from, to) in [
        ("external_apis.slack_webhook", "https://hooks.slack.com/services/T0/canary-value"),
        ("https://hooks.example.com/ace", "https://ace:canary-value@hooks.example.com/ace"),
    ] {
        let stored = serde_json::to_string(&read(&text())).unwrap().replace(from, to);
        let error = serde_json::from_str::<Environment>(&stored).unwrap_err().to_string();
        assert!(!error.contains("canary-value"), "{error}");
    }
}
