use aws_client::replay::Replay;
use aws_sdk_eventbridge::primitives::DateTimeFormat;
use rollout::Epoch;
use serde_json::{Value, json};

use super::*;

const TAKEN: &str = r#"{"FailedEntryCount":0,"Entries":[{"EventId":"e-1"}]}"#;

/// Every milestone, as [`Outcome::milestone`] lists them, and its detail type.
const MILESTONES: [(&str, &str); 9] = [
    ("started", "Rollout Started"),
    ("reached", "Rollout Reached"),
    ("awaiting_approval", "Rollout Awaiting Approval"),
    ("frozen", "Rollout Frozen"),
    ("rolling_back", "Rollout Rolling Back"),
    ("rolled_back", "Rollout Rolled Back"),
    ("promoted", "Rollout Promoted"),
    ("old_colour_kept", "Rollout Old Colour Kept"),
    ("line_stopped", "Rollout Line Stopped"),
];

fn outcome(milestone: &str) -> Outcome {
    Outcome {
        id: "r-1.3".to_owned(),
        rollout: "r-1".parse().unwrap(),
        environment: "staging".parse().unwrap(),
        service: "shop".parse().unwrap(),
        version: "v2".parse().unwrap(),
        epoch: Epoch(4),
        milestone: milestone.to_owned(),
        detail: "v2 is live on green".to_owned(),
        weight: 100,
        started_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        at: "2026-01-02T03:17:05.75Z".parse().unwrap(),
    }
}

fn notifier(replay: &Replay, bus: BusName) -> BusNotifier {
    BusNotifier::new(&replay.config().unwrap(), bus)
}

async fn refusal(status: u16, answer: String) -> PortError {
    let replay = Replay::new([(status, answer)]);
    notifier(&replay, BusName::default()).publish(&outcome("promoted")).await.unwrap_err()
}

#[tokio::test]
async fn an_outcome_is_put_whole_on_its_bus() {
    let replay = Replay::new([(200, TAKEN)]);
    let bus = "outcomes".parse().unwrap();
    notifier(&replay, bus).publish(&outcome("rolled_back")).await.unwrap();
    let sent = replay.sent();
    assert_eq!(sent[0].target.as_deref(), Some("AWSEvents.PutEvents"));
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(body["Entries"].as_array().unwrap().len(), 1);
    let entry = &body["Entries"][0];
    assert_eq!(entry["Source"], "ace-flow");
    assert_eq!(entry["DetailType"], "Rollout Rolled Back");
    assert_eq!(entry["EventBusName"], "outcomes");
    assert_eq!(entry["Time"], 1_767_323_825, "whole seconds, as EventBridge keeps them");
    let detail: Outcome = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, outcome("rolled_back"));
}

/// The samples of `events/` are what EventBridge delivers of such an entry.
#[tokio::test]
async fn the_samples_are_what_is_put_on_the_bus() {
    let replay = Replay::new([(200, TAKEN), (200, TAKEN)]);
    let notifier = notifier(&replay, BusName::default());
    for (index, sample) in [
        include_str!("../../../events/outcome-promoted.json"),
        include_str!("../../../events/outcome-rolled-back.json"),
    ]
    .into_iter()
    .enumerate()
    {
        let event: Value = serde_json::from_str(sample).unwrap();
        notifier.publish(&serde_json::from_value(event["detail"].clone()).unwrap()).await.unwrap();
        let body: Value = serde_json::from_str(&replay.sent()[index].body).unwrap();
        let entry = &body["Entries"][0];
        assert_eq!((&entry["Source"], &entry["DetailType"]), (&event["source"], &event["detail-type"]));
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, event["detail"]);
        let time = DateTime::from_str(event["time"].as_str().unwrap(), DateTimeFormat::DateTime).unwrap();
        assert_eq!(entry["Time"], time.secs());
    }
}

#[tokio::test]
async fn what_is_stuck_is_put_on_the_bus_and_that_it_is_not_any_more() {
    for sample in [
        include_str!("../../../events/trouble-stuck.json"),
        include_str!("../../../events/trouble-over.json"),
    ] {
        let event: Value = serde_json::from_str(sample).unwrap();
        let trouble: ResourceTrouble = serde_json::from_value(event["detail"].clone()).unwrap();
        let replay = Replay::new([(200, TAKEN)]);
        notifier(&replay, BusName::default()).tell(&trouble).await.unwrap();
        let body: Value = serde_json::from_str(&replay.sent()[0].body).unwrap();
        let entry = &body["Entries"][0];
        assert_eq!((&entry["Source"], &entry["DetailType"]), (&event["source"], &event["detail-type"]));
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, event["detail"]);
        let time = DateTime::from_str(event["time"].as_str().unwrap(), DateTimeFormat::DateTime).unwrap();
        assert_eq!(entry["Time"], time.secs());

        let refused = json!({"ErrorCode": "AccessDeniedException", "ErrorMessage": "said so"});
        let replay = Replay::new([(200, json!({"FailedEntryCount": 1, "Entries": [refused]}).to_string())]);
        let error = notifier(&replay, BusName::default()).tell(&trouble).await.unwrap_err();
        assert!(error.to_string().contains("refused trouble of rds orders-db: AccessDenied"), "{error}");
    }
}

#[tokio::test]
async fn milestones_are_written_in_words_and_none_asks_for_a_rollout() {
    for (milestone, expected) in MILESTONES {
        assert_eq!(detail_type(milestone), expected);
        assert_ne!(expected, REQUEST);
    }
    let replay = Replay::new([(200, TAKEN)]);
    let refused = notifier(&replay, BusName::default()).publish(&outcome("requested")).await.unwrap_err();
    assert!(matches!(refused, PortError::Permanent { .. }), "{refused}");
    assert!(replay.sent().is_empty());
}

#[tokio::test]
async fn an_entry_that_was_not_taken_is_an_error_although_the_call_succeeds() {
    for (code, transient) in [
        ("ThrottlingException", true),
        ("InternalFailure", true),
        ("NotAuthorizedForSourceException", false),
        ("AccessDeniedException", false),
        ("MalformedDetail", false),
    ] {
        let entry = json!({"ErrorCode": code, "ErrorMessage": "said so"});
        let error = refusal(200, json!({"FailedEntryCount": 1, "Entries": [entry]}).to_string()).await;
        assert_eq!(matches!(error, PortError::Transient { .. }), transient, "{error}");
        assert!(error.to_string().contains(&format!("{code}: said so")), "{error}");
    }
    let error = refusal(200, json!({"FailedEntryCount": 1, "Entries": []}).to_string()).await;
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_denial_is_permanent_and_a_server_error_transient() {
    let answer = |code: &str| json!({"__type": code, "message": "said so"}).to_string();
    let denied = refusal(400, answer("AccessDeniedException")).await;
    assert!(matches!(denied, PortError::Permanent { .. }), "{denied}");
    let down = refusal(500, answer("InternalException")).await;
    assert!(matches!(down, PortError::Transient { .. }), "{down}");
}

#[test]
fn names_and_arns_of_buses_are_buses() {
    for text in ["default", "team/outcomes", "arn:aws:events:eu-west-1:123456789012:event-bus/outcomes"] {
        assert_eq!(text.parse::<BusName>().unwrap().to_string(), text);
    }
    let long = "b".repeat(257);
    for text in ["", "two words", "arn:aws:events:eu-west-1:123456789012:rule/r", "arn:aws:sns:a:b:c", &long]
    {
        assert!(text.parse::<BusName>().is_err(), "{text}");
    }
}
