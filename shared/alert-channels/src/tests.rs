//! Deliveries to servers of this process, over real connections.

#[cfg(feature = "aws")]
mod email;
mod pagerduty;
mod slack;
mod webhook;

use std::time::Duration;

use alerting::{AlertView, GroupId, Notice, NoticeKind, Reason, Severity, Subject};
use http_client::Limits;
use jiff::Timestamp;
use receivers::Behaviour;

use super::*;

const LIMITS: Limits =
    Limits { connect: Duration::from_secs(2), whole: Duration::from_millis(400), ..super::LIMITS };

fn channels() -> Channels {
    Channels::with_limits(LIMITS).unwrap()
}

fn notice(number: u32) -> Notice {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let group = GroupId::of([("environment", "production"), ("service", "checkout")]);
    Notice {
        id: format!("{group}.ops.{number}"),
        group,
        labels: vec![
            ("environment".to_owned(), "production".to_owned()),
            ("service".to_owned(), "checkout".to_owned()),
        ],
        kind: NoticeKind::Firing,
        reason: Reason::First,
        severity: Severity::Critical,
        alerts: vec![AlertView {
            rule: "Production Down".parse().unwrap(),
            severity: Severity::Critical,
            subject: Some(Subject::service("production".parse().unwrap(), "checkout".parse().unwrap())),
            firing: true,
            since: now,
            ended: None,
            because: "status is critical (HTTP 503) – größer 🔥".to_owned(),
            flapping: false,
            runbook: None,
            link: None,
        }],
        more: 0,
        rollout: None,
        instead_of: Vec::new(),
        since: now,
        at: now,
    }
}

fn parcel<'a>(target: &'a Target, credential: &'a Credential, notice: &'a Notice) -> Parcel<'a> {
    Parcel {
        target,
        credential: Some(credential),
        notice,
        wording: alert_message::Wording::default(),
        thread: None,
        uncertain: false,
    }
}

fn status(status: u16) -> Behaviour {
    Behaviour::Status { status, retry_after: None, body: String::new() }
}

fn busy(status: u16, retry_after: &str) -> Behaviour {
    Behaviour::Status { status, retry_after: Some(retry_after.to_owned()), body: String::new() }
}

fn saying(status: u16, body: &str) -> Behaviour {
    Behaviour::Status { status, retry_after: None, body: body.to_owned() }
}

/// Whether it is for later, what is told of it, and how long the channel is to be left alone.
fn told(outcome: Result<Receipt, Undelivered>) -> (bool, String, Option<u32>) {
    match outcome.unwrap_err() {
        Undelivered::Later { why, retry_after } => (true, why, retry_after.map(|seconds| seconds.0)),
        Undelivered::Never { why } => (false, why, None),
    }
}

/// What every channel over HTTP comes to when the connection or the answer is bad, in the order of the behaviours: all
/// of it may work later.
fn disturbances() -> Vec<(Behaviour, &'static str, Option<u32>)> {
    vec![
        (busy(429, "7"), "answers 429", Some(7)),
        (busy(503, "30"), "answers 503", Some(30)),
        (status(500), "answers 500", None),
        (status(408), "answers 408", None),
        (Behaviour::Slow { milliseconds: 3_000 }, "it does not answer within 0.4 s", None),
        (Behaviour::ResetBefore, "no ", None),
        (Behaviour::ResetAfter, "no answer: ", None),
        (Behaviour::HalfBody, "no answer: ", None),
        (Behaviour::Oversize, "it answers more than 1024 KiB", None),
    ]
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn without_aws_an_e_mail_is_refused_with_what_to_do() {
    let topic = "arn:aws:sns:eu-west-1:123456789012:alerts".parse().unwrap();
    let mailboxes =
        Target::EmailSes { from: "a@example.com".to_owned(), to: vec!["b@example.com".to_owned()] };
    let (notice, none) = (notice(1), Credential::new(""));
    for target in [Target::EmailTopic { topic }, mailboxes] {
        let outcome = Channels::without_aws().unwrap().send(parcel(&target, &none, &notice)).await;
        let (later, why, _) = told(outcome);
        assert!(!later && why.contains("use a channel of another kind"), "{why}");
    }
}

fn assert_hushed(text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in: {text}");
    }
}
