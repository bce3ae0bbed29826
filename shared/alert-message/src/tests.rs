//! What channels get, held against their published schemas and limits, for notices of every shape.

mod notices;

use alerting::{Credential, Notice, NoticeKind, Reason, Severity};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::template::{MAX_TEMPLATE, Part, check};
use crate::tests::notices::{any_notice, usual};
use crate::webhook::Body;
use crate::{Email, Line, Message, Wording, pagerduty, slack, webhook};

const ROUTING_KEY: &str = "e93facc04764012d7bfb002500d5d1a6";
const BUILT_IN: Wording<'static> = Wording { title: None, text: None };

fn schema(text: &str, part: Option<&str>) -> Validator {
    let mut schema: Value = serde_json::from_str(text).unwrap();
    if let Some(part) = part {
        schema["$ref"] = format!("#/$defs/{part}").into();
    }
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn fits(validator: &Validator, value: &Value) -> Result<(), TestCaseError> {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    prop_assert!(errors.is_empty(), "{errors:?}\n{value:#}");
    Ok(())
}

fn pagerduty_event(notice: &Notice) -> Option<Value> {
    let event = pagerduty::event(notice, BUILT_IN, &Credential::new(ROUTING_KEY)).unwrap();
    event.map(|event| serde_json::from_slice(event.expose()).unwrap())
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_message_is_lines_and_a_short_title(notice in any_notice()) {
        let message = Message::new(&notice, BUILT_IN);
        prop_assert!(message.title.chars().count() <= Message::MAX_TITLE && message.title.len() > 2);
        prop_assert!(is_one_line(&message.title), "{:?}", message.title);
        prop_assert!(message.lines.iter().all(|line| is_one_line(&line.to_string())));
        let shown = notice.alerts.len() + usize::from(notice.more > 0);
        prop_assert!(message.lines.len() >= shown);
        let urls: std::collections::BTreeSet<_> = message.links.iter().map(|link| &link.url).collect();
        prop_assert_eq!(urls.len(), message.links.len(), "each address once");
    }

    #[test]
    fn pagerduty_takes_its_events(notice in any_notice()) {
        let validator = schema(include_str!("tests/schemas/pagerduty-event.json"), None);
        let event = pagerduty_event(&notice);
        prop_assert_eq!(event.is_none(), notice.kind == NoticeKind::Folded);
        if let Some(event) = event {
            fits(&validator, &event)?;
            prop_assert_eq!(&event["dedup_key"], notice.group.as_str());
            prop_assert!(event.to_string().len() < 512 * 1024 / 2, "half of what PagerDuty takes");
        }
    }

    #[test]
    fn slack_takes_its_messages(notice in any_notice()) {
        let text = include_str!("tests/schemas/slack.json");
        let to_webhook = slack::to_webhook(&notice, BUILT_IN);
        fits(&schema(text, Some("webhook")), &to_webhook)?;
        let post = schema(text, Some("post_message"));
        for thread in [None, Some("1712345678.000100")] {
            fits(&post, &slack::to_channel(&notice, BUILT_IN, "C0123456789", thread))?;
        }
        let mut all = 0;
        for block in to_webhook["blocks"].as_array().unwrap() {
            let (text, most) = match block["type"].as_str().unwrap() {
                "header" => (&block["text"]["text"], usize::MAX),
                "section" => (&block["text"]["text"], 3_000),
                _ => (&block["elements"][0]["text"], 3_000),
            };
            let text = text.as_str().unwrap();
            prop_assert!(units(text) <= most);
            all += units(text);
            // Every `<` is that of a link of ours, and every `&` that of an escape.
            if block["type"] != "header" {
                prop_assert!(text.split('<').skip(1).all(|rest| rest.starts_with("http")), "{text}");
                let escapes = ["amp;", "lt;", "gt;"];
                prop_assert!(text.split('&').skip(1).all(|rest| escapes.iter().any(|one| rest.starts_with(one))), "{text}");
            }
        }
        prop_assert!(all < 13_000, "{all}: Slack refuses more than about 13,000 with msg_blocks_too_long");
    }

    #[test]
    fn mail_has_a_subject_of_one_line(notice in any_notice()) {
        let email = Email::new(&notice, BUILT_IN);
        prop_assert!(is_one_line(&email.subject));
        let ascii = email.ascii_subject();
        prop_assert!(ascii.len() < 100 && ascii.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{ascii}");
        prop_assert!(ascii.starts_with(|c: char| c.is_ascii_alphanumeric() || c.is_ascii_punctuation()));
        prop_assert!(email.text.starts_with(&email.subject) && email.text.len() < 256 * 1024);
        let is_text = email.text.chars().all(|c| c == '\n' || !c.is_control());
        prop_assert!(is_text);
    }

    #[test]
    fn a_webhook_gets_what_its_schema_says(notice in any_notice()) {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(webhook::schema().as_value())
            .unwrap();
        let body = Body::new(&notice, BUILT_IN);
        let value = serde_json::to_value(&body).unwrap();
        fits(&validator, &value)?;
        prop_assert_eq!(serde_json::from_value::<Body>(value).unwrap(), body);
    }

    #[test]
    fn no_template_and_no_notice_keeps_a_message_from_being_made(
        notice in any_notice(),
        title in template(),
        text in template(),
    ) {
        let message = Message::new(&notice, Wording { title: Some(&title), text: Some(&text) });
        prop_assert!(!message.title.trim().is_empty() && message.title.chars().count() <= Message::MAX_TITLE);
        prop_assert!(is_one_line(&message.title) && message.lines.iter().all(|line| is_one_line(&line.to_string())));
        // A template without mistakes does not fail on any notice of the samples' kinds, unless for what it makes.
        let failed = |part: &str| {
            let told = format!("The template of the {part} failed");
            let failure = message.lines.iter().map(Line::to_string).find(|line| line.starts_with(&told));
            failure.is_some_and(|failure| !failure.contains("it makes more than"))
        };
        for (part, template) in [(Part::Title, &title), (Part::Text, &text)] {
            if !failed(part.as_str()) {
                prop_assert!(template.len() <= MAX_TEMPLATE);
            } else if !notice.alerts.is_empty() && notice.rollout.is_some() {
                prop_assert!(!check(part, template).is_empty(), "{template:?} fails and has no mistake: {message:?}");
            }
        }
    }
}

/// Pieces of templates, put together as they come.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{{ title }}".to_owned()),
        Just("{{ rollout.version }}".to_owned()),
        Just("{% if rollout %}".to_owned()),
        Just("{% for alert in alerts %}".to_owned()),
        Just("{{ alert.rule | upper }}".to_owned()),
        Just("{% endif %}".to_owned()),
        Just("{% endfor %}".to_owned()),
        Just("{{ nothing }}".to_owned()),
        Just("{{ text ~ title }}".to_owned()),
        Just("{{".to_owned()),
        "[ -~]{0,20}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

#[test]
fn titles_say_what_it_is_and_what_it_is_about() {
    let title = |change: &dyn Fn(&mut Notice)| {
        let mut notice = usual();
        change(&mut notice);
        Message::new(&notice, BUILT_IN).title
    };
    assert_eq!(title(&|_| {}), "[CRITICAL] Production Down: production/checkout (and 2 more)");
    assert_eq!(
        title(&|notice| notice.alerts.truncate(1)),
        "[CRITICAL] Production Down: production/checkout (and 1 more)"
    );
    assert_eq!(
        title(&|notice| {
            notice.alerts.truncate(1);
            notice.more = 0;
        }),
        "[CRITICAL] Production Down: production/checkout"
    );
    assert_eq!(
        title(&|notice| notice.alerts[1].firing = false),
        "[CRITICAL] Production Down: production/checkout",
        "what has ended is not counted while something fires"
    );
    assert_eq!(
        title(&|notice| notice.kind = NoticeKind::Resolved),
        "[RESOLVED] Production Down: production/checkout (and 2 more)"
    );
    assert_eq!(
        title(&|notice| notice.kind = NoticeKind::Folded),
        "[rollout answers] Production Down: production/checkout (and 2 more)"
    );
    assert_eq!(
        title(&|notice| notice.kind = NoticeKind::Acknowledged { by: "ann".to_owned() }),
        "[ACKNOWLEDGED] Production Down: production/checkout (and 2 more)"
    );
    assert_eq!(
        title(&|notice| {
            notice.severity = Severity::High;
            notice.alerts[0].subject = None;
        }),
        "[HIGH] Production Down (and 2 more)"
    );
    assert_eq!(title(&|notice| notice.alerts.clear()), "[CRITICAL] environment production, service checkout");
    let long = title(&|notice| notice.alerts[0].rule = "very long ".repeat(12).trim().parse().unwrap());
    assert_eq!(long.chars().count(), Message::MAX_TITLE);
    assert!(long.ends_with("…: production/checkout (and 2 more)"), "{long}");
}

#[test]
fn facts_say_who_what_and_why() {
    let lines = |change: &dyn Fn(&mut Notice)| {
        let mut notice = usual();
        change(&mut notice);
        Message::new(&notice, BUILT_IN).lines.iter().map(Line::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        lines(&|_| {}),
        [
            "Production Down (critical): production/checkout, since 2026-01-02 03:04:05 UTC (12 min): status is critical (HTTP 503)",
            "High Errors (high): production/checkout, since 2026-01-02 03:06:05 UTC (10 min), comes and goes: errors 7 % > 5 %",
            "And 1 more alert.",
            "Rollout: checkout-5d201bea55da0056 of checkout, version v2, baking, step 2 of 5, weight 25 %, verdict: inconclusive",
            "What to do: call ann",
        ]
    );
    for (reason, said) in [
        (Reason::Joined { alerts: 2 }, "New: 2 alerts."),
        (Reason::SomeEnded { alerts: 1 }, "Ended: 1 alert; the others go on."),
        (Reason::Reminder, "It still goes on."),
        (Reason::NotAcknowledged { seconds: 900 }, "Escalated: nobody has acknowledged it for 15 min."),
        (Reason::AllEnded, "All of it has ended, after 12 min."),
    ] {
        assert_eq!(lines(&|notice| notice.reason = reason.clone())[0], said);
    }
    let rollout: rollout::RolloutId = "checkout-5d201bea55da0056".parse().unwrap();
    let reason = Reason::RolloutAnswers { rollout: rollout.clone() };
    assert!(lines(&|notice| notice.reason = reason.clone())[0].ends_with("answers it: nobody has to act."));
    let reason = Reason::RolloutDidNotHelp { rollout };
    assert!(lines(&|notice| notice.reason = reason.clone())[0].ends_with("did not end it."));
    let by = lines(&|notice| notice.kind = NoticeKind::Acknowledged { by: "ann\n@here".to_owned() });
    assert_eq!(by[0], "Acknowledged by ann @here.");
    let instead = lines(&|notice| {
        notice
            .instead_of
            .push(("pagerduty-ops".parse().unwrap(), "it answers 403: the routing key is none".to_owned()));
    });
    assert_eq!(instead[0], "Instead of pagerduty-ops: it answers 403: the routing key is none");
    let ended = lines(&|notice| {
        notice.alerts[0].firing = false;
        notice.alerts[0].ended = Some("2026-01-02T03:09:05Z".parse().unwrap());
    });
    assert!(ended[0].contains("ended 2026-01-02 03:09:05 UTC after 5 min: status"), "{}", ended[0]);
}

#[test]
fn the_payloads_of_a_usual_notice() {
    let notice = usual();
    insta::assert_json_snapshot!("pagerduty", pagerduty_event(&notice).unwrap());
    insta::assert_json_snapshot!(
        "slack",
        slack::to_channel(&notice, BUILT_IN, "C0123456789", Some("1712345678.000100"))
    );
    insta::assert_json_snapshot!("webhook", Body::new(&notice, BUILT_IN));
    insta::assert_snapshot!("email", Email::new(&notice, BUILT_IN).text);
}

#[test]
fn what_is_acknowledged_or_resolved_is_told_by_its_key_alone() {
    let mut notice = usual();
    for (kind, action) in [
        (NoticeKind::Acknowledged { by: "ann".to_owned() }, "acknowledge"),
        (NoticeKind::Resolved, "resolve"),
    ] {
        notice.kind = kind;
        let expected =
            json!({ "routing_key": ROUTING_KEY, "event_action": action, "dedup_key": notice.group.as_str() });
        assert_eq!(pagerduty_event(&notice), Some(expected));
    }
}

#[test]
fn the_routing_key_is_in_the_final_bytes_alone() {
    for key in [ROUTING_KEY, "quotes \" and \\ and \n and ü"] {
        let event = pagerduty::event(&usual(), BUILT_IN, &Credential::new(key)).unwrap().unwrap();
        let value: Value = serde_json::from_slice(event.expose()).unwrap();
        assert_eq!(value["routing_key"], key);
        assert_eq!(format!("{event:?}"), "Event(…)");
    }
}

#[test]
fn a_channel_sees_what_is_worse_than_its_thread() {
    let broadcast = |change: &dyn Fn(&mut Notice)| {
        let mut notice = usual();
        notice.more = 0;
        change(&mut notice);
        slack::to_channel(&notice, BUILT_IN, "C1", Some("1.2"))["reply_broadcast"].clone()
    };
    let high_then_critical = |notice: &mut Notice| {
        notice.reason = Reason::Joined { alerts: 1 };
        notice.alerts[0].since = "2026-01-02T03:15:00Z".parse().unwrap();
    };
    assert_eq!(broadcast(&high_then_critical), true);
    assert_eq!(
        broadcast(&|notice| notice.reason = Reason::Joined { alerts: 1 }),
        false,
        "a critical one was there"
    );
    assert_eq!(broadcast(&|notice| notice.reason = Reason::NotAcknowledged { seconds: 900 }), true);
    assert_eq!(broadcast(&|notice| notice.reason = Reason::Reminder), false);
    assert_eq!(slack::to_channel(&usual(), BUILT_IN, "C1", None).get("reply_broadcast"), None);
}

/// After a change that is meant, `UPDATE_SCHEMAS=1 cargo test -p alert-message` writes it anew.
#[test]
fn the_schema_that_is_kept_is_what_the_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/webhook.schema.json");
    let text = serde_json::to_string_pretty(webhook::schema().as_value()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &text).unwrap();
        return;
    }
    assert!(
        include_str!("../webhook.schema.json") == text,
        "webhook.schema.json is not what the types say; UPDATE_SCHEMAS=1 cargo test -p alert-message writes it anew, and \
         what is no addition is a new version"
    );
    assert!(jsonschema::meta::is_valid(webhook::schema().as_value()));
}
