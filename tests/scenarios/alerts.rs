//! The samples that are for alert-router, with who is told of them.

use contract::{AlertRouter, AlertRouterReply, AlertRouterResult, DueOf, Heard};
use e2e::files::event;
use e2e::{Run, Setup, configuration, listeners, stamp};
use environments::Environment;
use local_stack::Update;
use serde_json::{Value, json};

use crate::schemas::{fits, validator};

/// When a sample is delivered, and which.
type Step = (&'static str, &'static str);

/// A sample: everything that is delivered, and everything that is told, with when.
struct Play {
    sample: &'static str,
    steps: &'static [Step],
    told: &'static [&'static str],
}

const METRIC: Step = ("7:09", "alarm-event-metric");
const DOWN: Step = ("7:25", "status-unhealthy");
const BACK: Step = ("9:00", "outcome-rolled-back");

const STUCK: Step = ("7:14", "trouble-stuck");

const STAYS_OFF: &str = "7:44 chat firing: Stays Off of staging";
const RINGS: &str = "7:39 chat firing: Rings of production/checkout";
const TOLD: [&str; 2] =
    ["7:25 chat firing: Production Down of production", "7:25 pager firing: Production Down of production"];
const FAILED: &str = "9:30 chat firing: Failed of production/checkout";

const PLAYS: [Play; 16] = [
    Play {
        sample: "alarm-event-composite",
        steps: &[("7:10", "alarm-event-composite")],
        told: &["7:40 chat firing: Rings of production/checkout"],
    },
    Play {
        sample: "alarm-event-deleted",
        steps: &[METRIC, ("12:00", "alarm-event-deleted")],
        told: &[RINGS, "12:00 chat resolved"],
    },
    Play {
        sample: "alarm-event-insufficient-data",
        steps: &[METRIC, ("11:10", "alarm-event-insufficient-data")],
        told: &[RINGS, "11:10 chat resolved"],
    },
    Play { sample: "alarm-event-math", steps: &[("7:09", "alarm-event-math")], told: &[RINGS] },
    Play { sample: "alarm-event-metric", steps: &[METRIC, ("7:20", "alarm-event-metric")], told: &[RINGS] },
    Play {
        sample: "alert-acknowledge",
        steps: &[DOWN, ("8:00", "alert-acknowledge")],
        told: &[
            TOLD[0],
            TOLD[1],
            "8:00 chat acknowledged: Production Down of production",
            "8:00 pager acknowledged: Production Down of production",
        ],
    },
    // Its group's own timer comes at the same time.
    Play { sample: "alert-due", steps: &[METRIC, ("7:39", "alert-due")], told: &[RINGS] },
    Play { sample: "alert-silence", steps: &[("7:00", "alert-silence"), DOWN], told: &[] },
    Play {
        sample: "alert-try-channel",
        steps: &[("7:00", "alert-try-channel")],
        told: &["7:00 pager firing: Test of production", "7:00 pager resolved"],
    },
    Play {
        sample: "alert-unsilence",
        steps: &[("7:00", "alert-silence"), DOWN, ("8:00", "alert-unsilence")],
        told: &[
            "8:00 chat firing: Production Down of production",
            "8:00 pager firing: Production Down of production",
        ],
    },
    Play {
        sample: "outcome-promoted",
        steps: &[BACK, ("50:00", "outcome-promoted")],
        told: &[FAILED, "50:00 chat resolved"],
    },
    Play { sample: "outcome-rolled-back", steps: &[BACK, ("9:10", "outcome-rolled-back")], told: &[FAILED] },
    Play {
        sample: "status-healthy",
        steps: &[DOWN, ("16:30", "status-healthy")],
        told: &[TOLD[0], TOLD[1], "16:30 chat resolved", "16:30 pager resolved"],
    },
    Play { sample: "status-unhealthy", steps: &[DOWN, ("8:00", "status-unhealthy")], told: &TOLD },
    Play {
        sample: "trouble-over",
        steps: &[STUCK, ("32:09", "trouble-over")],
        told: &[STAYS_OFF, "32:09 chat resolved"],
    },
    // As often as it is told.
    Play { sample: "trouble-stuck", steps: &[STUCK, ("12:09", "trouble-stuck")], told: &[STAYS_OFF] },
];

/// The samples that are for alert-router alone.
pub(crate) const SAMPLES: [&str; 16] = {
    let mut samples = [""; 16];
    let mut index = 0;
    while index < samples.len() {
        samples[index] = PLAYS[index].sample;
        index += 1;
    }
    samples
};

/// What CloudWatch sends to a topic, for rollback and for alert-router.
const OF_SNS: [Play; 6] = [
    Play {
        sample: "sns-alarm-anomaly",
        steps: &[("8:10", "sns-alarm-anomaly")],
        told: &["8:40 chat firing: Rings of production/checkout"],
    },
    // It has no dimensions, and these tags.
    Play {
        sample: "sns-alarm-composite",
        steps: &[("7:10", "sns-alarm-composite")],
        told: &["7:40 chat firing: Rings of production/checkout"],
    },
    Play {
        sample: "sns-alarm-insufficient-data",
        steps: &[("7:09", "sns-alarm-insufficient-data")],
        told: &[],
    },
    Play { sample: "sns-alarm-math", steps: &[("7:09", "sns-alarm-math")], told: &[RINGS] },
    Play { sample: "sns-alarm-metric", steps: &[("7:09", "sns-alarm-metric")], told: &[RINGS] },
    Play {
        sample: "sns-alarm-ok",
        steps: &[("7:09", "sns-alarm-metric"), ("16:24", "sns-alarm-ok")],
        told: &[RINGS, "16:24 chat resolved"],
    },
];

/// The service of the samples, and who is told.
fn routed() -> Environment {
    let mut written = serde_json::to_value(configuration("")).unwrap();
    for (colour, id) in [("blue", "73e2d6bc24d8a067"), ("green", "6d0ecf831eec9f09")] {
        written["services"]["checkout"]["route"][colour]["target_group"] = json!(format!(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/checkout-{colour}/{id}"
        ));
    }
    written["notifications"] = json!({
        "pager": { "kind": "pagerduty", "secret": "monitoring.pager" },
        "chat": { "kind": "slack", "token": "monitoring.slack", "channel": "C0123ABCD" },
    });
    let rule = |name: &str, condition: &str, severity: &str, channels: Value| json!({ "name": name, "condition": condition, "severity": severity, "channels": channels });
    written["alerts"] = json!({
        "environments": ["development", "staging", "production"],
        "fallback": "chat",
        "rules": [
            rule("Production Down", "environment:production AND status:unhealthy", "critical", json!(["pager", "chat"])),
            rule("Rings", "environment:production AND alarm:*", "high", json!(["chat"])),
            rule("Stays Off", "environment:staging AND alarm:\"cost: *\"", "high", json!(["chat"])),
            rule("Failed", "environment:production AND deployment:failed", "high", json!(["chat"])),
        ],
    });
    serde_json::from_value(written).unwrap()
}

pub(crate) async fn listening() -> Run {
    let setup = Setup { configuration: routed(), messenger: Some(listeners()), ..Setup::default() };
    let run = Run::new(setup).await;
    let composite = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:checkout-production-guardrail";
    run.alarms.tag(composite, "ace-flow:service", "checkout");
    run.alarms.tag(composite, "ace-flow:environment", "production");
    run
}

/// What was told so far, in order of time and channel: `7:39 chat firing: Rings of production/checkout`.
pub(crate) fn told(run: &Run) -> Vec<String> {
    let start = Setup::default().start;
    let mut told: Vec<_> = run
        .journal
        .updates()
        .into_iter()
        .filter_map(|update| match update {
            Update::Told { channel, notice, .. } => Some((channel, notice)),
            _ => None,
        })
        .collect();
    told.sort_by_key(|(channel, notice)| (notice.at, channel.clone()));
    let line = |channel, notice: &alerting::Notice| {
        let seconds = notice.at.duration_since(start).as_secs();
        let kind = serde_json::to_value(&notice.kind).unwrap();
        let firing = notice.alerts.iter().filter(|alert| alert.firing);
        let firing: Vec<String> =
            firing.map(|alert| format!("{} of {}", alert.rule, alert.subject.as_ref().unwrap())).collect();
        let colon = if firing.is_empty() { "" } else { ": " };
        let kind = kind["kind"].as_str().unwrap();
        format!("{}:{:02} {channel} {kind}{colon}{}", seconds / 60, seconds % 60, firing.join(", "))
    };
    told.iter().map(|(channel, notice)| line(channel, notice)).collect()
}

async fn played(steps: &[Step]) -> Run {
    let run = listening().await;
    for (at, sample) in steps {
        run.until(at).await;
        let reply = run.call("alert-router", event(sample)).await.unwrap();
        fits(sample, &validator("alert-router.reply"), &reply);
        let reply: AlertRouterReply = serde_json::from_value(reply).unwrap();
        let is_order = sample.starts_with("alert-") && *sample != "alert-due";
        let expected = if is_order { AlertRouterResult::Applied } else { AlertRouterResult::Routed };
        assert_eq!(reply.result, expected, "{sample}: {}", reply.reason);
    }
    // Whoever is still to be told is told by a timer.
    run.stack.clock().wait(rollout::Seconds(10 * 60)).await;
    run
}

#[tokio::test(start_paused = true)]
async fn whom_the_samples_are_for_is_told_once() {
    for play in PLAYS.iter().chain(&OF_SNS) {
        let run = played(play.steps).await;
        assert_eq!(told(&run), play.told, "{}", play.sample);
    }
}

/// What people are told of an alarm is what CloudWatch says of it.
#[tokio::test(start_paused = true)]
async fn an_alarm_is_told_with_its_reason_and_where_to_look() {
    for sample in ["alarm-event-metric", "sns-alarm-metric"] {
        let run = played(&[("7:09", sample)]).await;
        let updates = run.journal.updates();
        let notice = updates.iter().find_map(|update| match update {
            Update::Told { notice, .. } => Some(notice),
            _ => None,
        });
        let alert = &notice.unwrap().alerts[0];
        assert!(
            alert.because.contains("checkout-production-5xx: Threshold Crossed: 2 out of the last 2"),
            "{alert:?}"
        );
        let link = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1\
                    #alarmsV2:alarm/checkout-production-5xx";
        assert_eq!(alert.link.as_deref(), Some(link));
        assert_eq!(
            alert.since,
            stamp(Setup::default().start, "7:07") + jiff::SignedDuration::from_millis(57)
        );
    }
}

#[test]
fn the_samples_are_requests_of_alert_router_and_fit_their_schemas() {
    let part = |name: &str, sample: &str, pointer: &str| {
        let sample_ = event(sample);
        let part = sample_.pointer(pointer).unwrap_or_else(|| panic!("{sample} has no {pointer}"));
        fits(sample, &validator(&format!("alert-router.{name}")), part);
    };
    for sample in SAMPLES.into_iter().chain(OF_SNS.iter().map(|play| play.sample)) {
        let request: AlertRouter = serde_json::from_value(event(sample)).unwrap();
        let kind = sample.split('-').next().unwrap();
        match (kind, request) {
            ("alarm" | "sns", AlertRouter::Heard(heard)) => {
                let [Heard::Alarm { change, addressed }] = heard.as_slice() else {
                    panic!("{sample}: {heard:?}")
                };
                assert_eq!(*addressed, kind == "sns", "{sample}");
                assert!(change.alarm.name.starts_with("checkout-production-"), "{sample}");
                assert_eq!(change.alarm.account, "123456789012");
                let has_metric = sample.ends_with("metric")
                    || sample.ends_with("data")
                    || sample.ends_with("ok")
                    || sample.ends_with("deleted");
                assert_eq!(change.metric.is_some(), has_metric, "{sample}");
                let datapoint = change.metric.as_ref().and_then(|metric| metric.datapoint);
                assert_eq!(
                    datapoint.is_some(),
                    sample.ends_with("metric") || sample.ends_with("ok"),
                    "{sample}"
                );
            }
            ("status", AlertRouter::Heard(heard)) => {
                assert!(matches!(heard.as_slice(), [Heard::Status(_)]), "{sample}");
                part("status", sample, "/detail");
            }
            ("trouble", AlertRouter::Heard(heard)) => {
                let [Heard::Alarm { change, addressed: false }] = heard.as_slice() else {
                    panic!("{sample}: {heard:?}")
                };
                assert_eq!(change.alarm.name, "cost: rds orders-db");
                assert_eq!(change.alarm.state, if sample.ends_with("stuck") { "ALARM" } else { "OK" });
                fits(sample, &validator("cost-optimizer.trouble"), &event(sample)["detail"]);
            }
            ("outcome", AlertRouter::Heard(heard)) => {
                assert!(matches!(heard.as_slice(), [Heard::Outcome(_)]), "{sample}");
            }
            ("alert", AlertRouter::Acknowledge(order)) => {
                assert_eq!(order.by, "dana@example.com");
                part("acknowledge", sample, "/acknowledge");
            }
            ("alert", AlertRouter::Silence(order)) => {
                assert_eq!(order.by, "dana@example.com");
                part("silence", sample, "/silence");
            }
            ("alert", AlertRouter::Unsilence(order)) => {
                assert_eq!(order.by, "dana@example.com");
                part("unsilence", sample, "/unsilence");
            }
            ("alert", AlertRouter::TryChannel(order)) => {
                assert_eq!(order.by, "dana@example.com");
                part("try-channel", sample, "/try_channel");
            }
            ("alert", AlertRouter::Due(due)) => {
                assert_eq!(due.of, DueOf::Group);
                assert_eq!(due.payload(), event(sample), "as a timer sends it");
                part("due", sample, "/due");
            }
            (_, other) => panic!("{sample}: {other:?}"),
        }
    }
}

/// What is not told of itself is told by whoever wrote the sample: a schema that takes everything shows nothing.
#[test]
fn the_schemas_refuse_what_alert_router_refuses() {
    for (name, sample, part, field) in [
        ("acknowledge", "alert-acknowledge", "acknowledge", "by"),
        ("silence", "alert-silence", "silence", "until"),
        ("unsilence", "alert-unsilence", "unsilence", "silence"),
        ("try-channel", "alert-try-channel", "try_channel", "channel"),
        ("due", "alert-due", "due", "at"),
        ("status", "status-unhealthy", "detail", "environment"),
    ] {
        let schema = validator(&format!("alert-router.{name}"));
        for wrong in [Value::Null, json!(7)] {
            let mut sample = event(sample);
            sample[part][field] = wrong;
            assert!(!schema.is_valid(&sample[part]), "{name}: {sample}");
        }
        let mut less = event(sample);
        less[part].as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&less[part]), "{name} without {field}");
        let mut more = event(sample);
        more[part]["extra"] = json!(1);
        assert!(!schema.is_valid(&more[part]), "{name} with more");
    }
}
