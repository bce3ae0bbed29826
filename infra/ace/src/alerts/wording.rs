//! A message as each kind of channel takes it.

use alert_message::{Email, Message, Wording, pagerduty, slack, webhook};
use alerting::{Credential, Notice};
use clap::ValueEnum;
use environments::{Channel, ChannelKind, Slack, Way};
use serde_json::{Value, json};

/// What a message is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// The body for Slack.
    Slack,
    /// The event for PagerDuty.
    Pagerduty,
    /// Subject and text.
    Email,
    /// The body that is signed.
    Webhook,
    /// Title and text, as all of them say it.
    Text,
}

/// What stands for a routing key, which is a secret.
const KEY: &str = "<routing key>";

impl Shape {
    /// Whether a channel takes messages so.
    pub(super) fn is_of(self, channel: Option<&Channel>) -> bool {
        let kind = match self {
            Self::Slack => ChannelKind::Slack,
            Self::Pagerduty => ChannelKind::Pagerduty,
            Self::Email => ChannelKind::Email,
            Self::Webhook => ChannelKind::Webhook,
            Self::Text => return true,
        };
        channel.is_some_and(|channel| channel.kind() == kind)
    }

    /// A message as a channel takes it.
    pub(super) fn of(self, notice: &Notice, wording: Wording<'_>, channel: Option<&Channel>) -> Value {
        match self {
            Self::Slack => match channel.map(|channel| &channel.way) {
                Some(Way::Slack(Slack::Bot { channel, .. })) => {
                    slack::to_channel(notice, wording, &channel.to_string(), None)
                }
                _ => slack::to_webhook(notice, wording),
            },
            Self::Pagerduty => {
                let event = pagerduty::event(notice, wording, &Credential::new(KEY)).ok().flatten();
                event.and_then(|event| serde_json::from_slice(event.expose()).ok()).unwrap_or_default()
            }
            Self::Email => {
                let Email { subject, text } = Email::new(notice, wording);
                json!({ "subject": subject, "text": text })
            }
            Self::Webhook => json!(webhook::Body::new(notice, wording)),
            Self::Text => {
                let message = Message::new(notice, wording);
                json!({ "title": message.title, "text": message.text() })
            }
        }
    }
}

/// The same for people: texts as they are, and JSON with a line for each member.
pub(super) fn readable(body: &Value) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    match (text("subject"), text("title"), text("text")) {
        (Some(subject), None, Some(text)) => format!("Subject: {subject}\n\n{}", text.trim_end()),
        // A webhook's body has a title and a text, too.
        (None, Some(title), Some(text)) if body.as_object().is_some_and(|body| body.len() == 2) => {
            format!("{title}\n\n{text}")
        }
        _ if body.is_null() => "nothing is sent: a rollout answers it".to_owned(),
        _ => format!("{body:#}"),
    }
}
