use contract::{AlertRouterResult as Is, ErrorName, Function, Rollback};
use serde_json::json;

use super::super::machine::{back, baking};
use super::super::world::at;
use super::town::*;

fn sent(at: i64, channel: &str, what: &str) -> (i64, String, String) {
    (at, channel.to_owned(), what.to_owned())
}

#[test]
fn who_has_to_know_of_a_status_is_told_once_and_told_its_end() {
    let town = Town::new();
    let down = status("production", "unhealthy", &json!({}), 0);
    let reply = town.call(down.clone()).unwrap();
    assert_eq!((reply.result, reply.delivered, reply.groups.len()), (Is::Routed, 2, 1));
    let told = "firing: Down of production";
    assert_eq!(town.take(), [sent(0, "chat", told), sent(0, "pager", told)]);
    let again = town.call(down).unwrap();
    assert_eq!((again.delivered, town.take()), (0, vec![]));
    town.pass(at(60));
    town.call(status("production", "healthy", &json!({}), 60)).unwrap();
    assert_eq!(town.take(), [sent(60, "chat", "resolved"), sent(60, "pager", "resolved")]);
    assert!(town.is_at_rest());
}

#[test]
fn what_waits_is_told_by_a_timer() {
    let town = Town::new();
    town.call(alarm("checkout 5xx", "ALARM", 0)).unwrap();
    assert_eq!((town.take(), town.next_timer()), (vec![], Some(at(30))));
    town.until(60);
    assert_eq!(town.take(), [sent(30, "chat", "firing: Rings of staging/checkout")]);
    town.pass(at(100));
    town.call(alarm("checkout 5xx", "OK", 100)).unwrap();
    assert_eq!(town.take(), [sent(100, "chat", "resolved")]);
}

#[test]
fn a_condition_with_a_time_is_told_by_a_timer_too() {
    let town = Town::new();
    town.call(status("staging", "degraded", &json!({ "response_time": 3200 }), 0)).unwrap();
    assert_eq!(town.next_timer(), Some(at(120)));
    town.until(200);
    assert_eq!(town.take(), [sent(150, "mail", "firing: Slow of staging")]);
    town.call(status("staging", "healthy", &json!({ "response_time": 200 }), 200)).unwrap();
    town.until(379);
    assert_eq!(town.take(), []);
    town.until(381);
    assert_eq!(town.take(), [sent(380, "mail", "resolved")]);
}

#[test]
fn two_slow_environments_are_one_alert() {
    let town = Town::new();
    for environment in ["production", "staging"] {
        town.call(status(environment, "healthy", &json!({ "response_time": 2500 }), 0)).unwrap();
    }
    town.until(40);
    assert_eq!(
        town.take(),
        [sent(30, "chat", "firing: Slow everywhere"), sent(30, "mail", "firing: Slow everywhere")]
    );
}

#[test]
fn a_lost_timer_is_made_up_for_by_the_sweep() {
    let town = Town::new();
    town.call(alarm("checkout 5xx", "ALARM", 0)).unwrap();
    town.timer(at(1_000)).unwrap();
    town.pass(at(300));
    let reply = town.call(json!({ "sweep": {} })).unwrap();
    assert_eq!((reply.delivered, town.take().len()), (1, 1));
    assert_eq!(town.call(json!({ "sweep": {} })).unwrap().delivered, 0);
}

#[test]
fn a_failing_channel_is_stood_in_for_and_tried_again() {
    let town = Town::new();
    town.with(|state| state.moods.insert("pager".to_owned(), Mood::Down));
    let reply = town.call(status("production", "critical", &json!({}), 0)).unwrap();
    assert_eq!((reply.delivered, reply.failed), (2, 1));
    let told = "firing: Down of production";
    let mut channels: Vec<String> = town.take().into_iter().map(|sent| sent.1).collect();
    channels.sort();
    assert_eq!(channels, ["chat", "mail"]);
    town.with(|state| state.moods.clear());
    town.until(200);
    let later = town.take();
    assert_eq!(later.len(), 1);
    assert_eq!((later[0].1.as_str(), later[0].2.as_str()), ("pager", told));
}

#[test]
fn a_missing_secret_is_said_and_the_alert_arrives_all_the_same() {
    let town = Town::new();
    town.with(|state| state.secrets.remove("monitoring.pager"));
    town.call(status("production", "unhealthy", &json!({}), 0)).unwrap();
    let got = town.with(|state| state.got.clone());
    let mail = got.iter().find(|got| got.channel == "mail").unwrap();
    let (channel, why) = &mail.notice.instead_of[0];
    assert_eq!(channel.as_str(), "pager");
    assert!(why.contains("there is no key monitoring.pager") && why.contains("put it there"), "{why}");
    let passed_over = town.with(|state| state.passed_over.clone());
    assert_eq!(passed_over, [format!("pager: {why}")], "whoever watches the courier knows");
}

#[test]
fn when_everything_fails_the_stack_itself_is_told() {
    let town = Town::new();
    for channel in ["pager", "chat", "mail"] {
        town.with(|state| state.moods.insert(channel.to_owned(), Mood::Refuses));
    }
    town.call(status("production", "unhealthy", &json!({}), 0)).unwrap();
    assert_eq!(town.take(), [sent(0, "operations", "firing: Down of production")]);
}

#[test]
fn what_cannot_be_read_is_told_to_somebody() {
    let town = Town::new();
    for event in [
        json!({ "Records": [{ "Sns": "nonsense" }] }),
        json!({ "detail-type": "CloudWatch Alarm State Change", "detail": { "alarmName": "x" } }),
        json!({ "hello": "world" }),
        json!("text"),
    ] {
        let reply = town.call(event).unwrap();
        assert_eq!(reply.result, Is::Routed);
    }
    let told = town.take();
    assert_eq!(
        told,
        [sent(0, "chat", "firing: ACE-Flow: not understood of staging")],
        "once for all of them"
    );
    town.until(1_000);
    assert!(town.is_at_rest(), "it is no state that lasts");
    town.call(json!({ "hello": "again" })).unwrap();
    assert_eq!(town.take().len(), 1);
}

#[test]
fn an_order_that_cannot_be_read_is_refused_with_its_place() {
    let town = Town::new();
    let refused = town.call(json!({ "silence": { "alerts": "severity:low", "until": "soon" } })).unwrap_err();
    assert_eq!(refused.name, ErrorName::InvalidInput);
    assert!(refused.message.contains("silence.until"), "{}", refused.message);
}

#[test]
fn what_is_not_routed_here_says_why() {
    let town = Town::new();
    for (event, why) in [
        (status("qa", "unhealthy", &json!({}), 0), "add it to alerts.environments"),
        (alarm_of("lonely", "ALARM", &json!({}), 0), "give it the tag ace-flow:environment"),
        (status("production", "unhealthy", &json!({}), -90_000), "longer than a day ago"),
        (alarm("ace-flow/production/staging/Down", "ALARM", 0), "another one of alert-router's"),
        (alarm("odd", "CONFUSED", 0), "which is no state of alarms"),
        (
            json!({ "detail-type": "Rollout Requested", "source": "ace-flow", "detail": {} }),
            "Rollout Requested is nothing that alerts are about",
        ),
    ] {
        let reply = town.call(event).unwrap();
        assert_eq!(reply.result, Is::Ignored, "{}", reply.reason);
        assert!(reply.reason.contains(why), "{}", reply.reason);
    }
    assert_eq!(town.take(), []);
}

#[test]
fn an_alarm_is_about_what_its_dimensions_or_its_tags_say() {
    for (dimensions, tags, about) in [
        (json!({ "Environment": "production", "Service": "cart" }), vec![], "production/cart"),
        (json!({ "Service": "checkout" }), vec![], "staging/checkout"),
        (json!({ "TargetGroup": "targetgroup/checkout-blue/1" }), vec![], "staging/checkout"),
        (json!({}), vec![("ace-flow:environment", "development")], "development"),
        (json!({}), vec![("environment", "production"), ("ace-flow:service", "cart")], "production/cart"),
    ] {
        let town = Town::new();
        let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        town.world.with(|world| world.tags = tags);
        town.call(alarm_of("one", "ALARM", &dimensions, 0)).unwrap();
        town.until(60);
        assert_eq!(town.take(), [sent(30, "chat", &format!("firing: Rings of {about}"))], "{dimensions}");
    }
}

#[test]
fn an_alarm_of_ours_stands_for_its_rule() {
    let town = Town::new();
    town.call(alarm("ace-flow/staging/production/Down", "ALARM", 0)).unwrap();
    let told = town.take();
    assert_eq!(told[0].2, "firing: Down of production");
    assert!(!told.iter().any(|(.., what)| what.contains("Rings")), "{told:?}");
}

#[test]
fn an_alarm_that_is_deleted_rings_no_more() {
    let town = Town::new();
    town.call(alarm("checkout 5xx", "ALARM", 0)).unwrap();
    town.until(60);
    town.take();
    let mut deleted = alarm("checkout 5xx", "ALARM", 90);
    deleted["detail-type"] = json!("CloudWatch Alarm Configuration Change");
    deleted["detail"]["operation"] = json!("delete");
    town.pass(at(90));
    town.call(deleted).unwrap();
    assert_eq!(town.take(), [sent(90, "chat", "resolved")]);
}

#[test]
fn a_person_takes_a_group() {
    let town = Town::new();
    let group = town.call(status("production", "unhealthy", &json!({}), 0)).unwrap().groups.remove(0);
    town.take();
    let take = json!({ "acknowledge": { "group": group, "by": "ann", "reason": "I look" } });
    let reply = town.call(take.clone()).unwrap();
    assert_eq!((reply.result, reply.delivered), (Is::Applied, 2));
    let told = "acknowledged: Down of production";
    assert_eq!(town.take(), [sent(0, "chat", told), sent(0, "pager", told)]);
    assert_eq!(town.call(take).unwrap().result, Is::Refused);
    let none = town.call(json!({ "acknowledge": { "group": "none", "by": "ann" } })).unwrap();
    assert!(none.reason.contains("ace alerts list"), "{}", none.reason);
    town.until(24 * 3600);
    assert_eq!(town.take(), []);
}

#[test]
fn a_silence_holds_until_it_ends_or_is_ended() {
    let town = Town::new();
    let order = json!({ "silence": {
        "alerts": "environment:production", "until": at(3_600).to_string(), "by": "ann", "reason": "the move",
    } });
    let reply = town.call(order.clone()).unwrap();
    assert_eq!(town.call(order).unwrap().reason, reply.reason, "the same silence");
    town.call(status("production", "unhealthy", &json!({}), 0)).unwrap();
    town.until(600);
    assert_eq!(town.take(), []);
    let id = reply.reason.split_whitespace().nth(1).unwrap().to_owned();
    let ended = town.call(json!({ "unsilence": { "silence": id, "by": "ann" } })).unwrap();
    assert_eq!((ended.result, town.take().len()), (Is::Applied, 2));
    let again = town.call(json!({ "unsilence": { "silence": id, "by": "ann" } })).unwrap();
    assert!(again.reason.contains("ace alerts silences"), "{}", again.reason);
}

#[test]
fn a_silence_that_cannot_be_is_refused_with_the_remedy() {
    let town = Town::new();
    for (alerts, until, reason, why) in [
        ("servce:x", at(60), "move", "write `service`"),
        ("service:x", at(0), "move", "which has passed"),
        ("service:x", at(91 * 24 * 3600), "move", "more than 90 days away"),
        ("service:x", at(60), " ", "say who, and why"),
    ] {
        let order = json!({ "silence": {
            "alerts": alerts, "until": until.to_string(), "by": "ann", "reason": reason,
        } });
        let refused = town.call(order).unwrap_err();
        assert_eq!(refused.name, ErrorName::InvalidInput);
        assert!(refused.message.contains(why), "{}", refused.message);
    }
}

#[test]
fn a_channel_is_tried() {
    let town = Town::new();
    let of = |channel: &str| json!({ "try_channel": { "channel": channel, "by": "ann" } });
    assert_eq!(town.call(of("pager")).unwrap().result, Is::Applied);
    assert_eq!(town.take(), [sent(0, "pager", "firing: Test of staging"), sent(0, "pager", "resolved")]);
    town.with(|state| state.moods.insert("mail".to_owned(), Mood::Refuses));
    let refused = town.call(of("mail")).unwrap();
    assert_eq!((refused.result, refused.reason.as_str()), (Is::Refused, "channel mail: no such key"));
    let unknown = town.call(of("phone")).unwrap();
    assert!(unknown.reason.contains("add it to `notifications`"), "{}", unknown.reason);
}

/// The guardrail's alarm comes to rollback and to alert-router.
#[test]
fn what_a_rollout_answers_pages_nobody_and_pages_when_the_answer_did_not_help() {
    for helps in [true, false] {
        let town = Town::of(&CONFIGURATION.replace(
            "channels: [chat] }\n    - { name: Slow,",
            "channels: [pager, chat] }\n    - { name: Slow,",
        ));
        baking(&town.world);
        let now = town.world.with(|world| world.now);
        let from = seconds(now);
        town.pass(now);
        let rings = alarm("High 5XX", "ALARM", from);
        let request: Rollback = serde_json::from_value(json!({ "Records": [{
            "EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn", "Sns": {
                "Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Subject": "ALARM",
                "Timestamp": now.to_string(), "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "https://x",
                "UnsubscribeUrl": "https://x", "MessageAttributes": {},
                "Message": json!({
                    "AlarmName": "High 5XX", "NewStateValue": "ALARM", "StateChangeTime": now.to_string(),
                    "AWSAccountId": "123456789012",
                }).to_string(),
            },
        }] })).unwrap();
        back(&town.world, request).unwrap();
        town.call(rings).unwrap();
        town.until(from + 60);
        let told = town.with(|state| state.got.clone());
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(short_of(&told[0]), "chat folded");
        let view = told[0].notice.rollout.as_ref().unwrap();
        assert_eq!((view.service.as_str(), view.weight.percent()), ("checkout", 0));
        assert!(view.phase.contains("High 5XX"), "{}", view.phase);
        assert!(view.link.is_none() || view.link.as_ref().unwrap().contains("states"));
        town.take();
        // It is verified after the zombie bound.
        let id = town.world.only_rollout().id;
        let execution = town.world.only_rollout().execution;
        let verify = json!({ "execution_arn": execution, "state": { "rollout_id": id } });
        let verify: Rollback = serde_json::from_value(verify).unwrap();
        back(&town.world, verify).unwrap();
        if helps {
            town.call(alarm("High 5XX", "OK", from + 60)).unwrap();
            assert_eq!(town.take(), [sent(from + 60, "chat", "resolved")]);
        }
        town.until(from + 3_600);
        let told = town.take();
        assert_eq!(told.iter().filter(|sent| sent.1 == "pager").count(), usize::from(!helps), "{told:?}");
        assert_eq!(told.is_empty(), helps, "{told:?}");
    }
}

fn short_of(got: &Got) -> String {
    let kind = serde_json::to_value(&got.notice.kind).unwrap()["kind"].as_str().unwrap().to_owned();
    format!("{} {kind}", got.channel)
}

#[test]
fn an_outcome_of_a_rollout_is_an_alert_of_its_service() {
    let town = Town::new();
    let outcome = |milestone: &str, at_: i64| {
        json!({
            "detail-type": "Rollout Rolled Back", "source": "ace-flow", "time": at(at_).to_string(),
            "account": "123456789012", "region": "us-east-1", "id": "1",
            "detail": {
                "id": "r-1.3", "rollout": "r-1", "environment": "staging", "service": "checkout", "version": "v2",
                "epoch": 2, "milestone": milestone, "detail": "guardrail High 5XX", "weight": 0,
                "started_at": at(0).to_string(), "at": at(at_).to_string(),
            },
        })
    };
    town.call(outcome("started", 0)).unwrap();
    town.call(outcome("rolling_back", 60)).unwrap();
    town.call(outcome("rolled_back", 100)).unwrap();
    town.until(200);
    assert_eq!(town.take(), [sent(30, "chat", "firing: Failed of staging/checkout")]);
    town.call(outcome("started", 300)).unwrap();
    assert_eq!(town.take(), [sent(200, "chat", "resolved")]);
    let ignored = town.call(outcome("line_stopped", 400)).unwrap();
    assert_eq!(ignored.result, Is::Ignored);
}

#[test]
fn without_a_configuration_nothing_is_routed_and_it_says_so() {
    let town = Town::new();
    town.world.with(|world| world.configurations.clear());
    let reply = town.call(status("production", "unhealthy", &json!({}), 0)).unwrap();
    assert_eq!(reply.result, Is::Ignored);
    assert!(reply.reason.contains("ace publish --environment staging"), "{}", reply.reason);
    assert_eq!(<crate::AlertRouterFunction<'_> as Function>::NAME, "alert-router");
}
