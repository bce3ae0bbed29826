//! Who is told of what happens: channels by their names. What is secret is named, never written.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A Slack channel.
    Slack {
        /// The secret with its incoming webhook.
        secret: SecretKey,
    },
    /// A `PagerDuty` service.
    Pagerduty {
        /// The secret with its routing key.
        secret: SecretKey,
    },
    /// Everybody who subscribes to a topic.
    Email {
        /// The ARN of the SNS topic.
        topic: String,
    },
    /// A service of your own.
    Webhook {
        /// The secret that signs what is sent.
        secret: SecretKey,
        /// Where it is sent.
        url: String,
    },
}

/// The dotted key of a secret of this environment, like `external_apis.slack_webhook`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend(
    "pattern" = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
    "examples" = ["external_apis.slack_webhook"]
))]
pub struct SecretKey(String);

/// A text that is no key of a secret. It may be the secret, and is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no key of a secret: write where it is in secrets.yml, like external_apis.slack_webhook, never its value"
)]
pub struct InvalidSecretKey;

impl SecretKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretKey {
    type Error = InvalidSecretKey;

    fn try_from(text: String) -> Result<Self, InvalidSecretKey> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        // Longer than any key that people give; a token is.
        if text.len() <= 128 && text.split('.').all(is_part) { Ok(Self(text)) } else { Err(InvalidSecretKey) }
    }
}

impl From<SecretKey> for String {
    fn from(key: SecretKey) -> Self {
        key.0
    }
}

impl fmt::Display for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Slack.
    Slack,
    /// `PagerDuty`.
    Pagerduty,
    /// E-mail, by an SNS topic.
    Email,
    /// A service of your own.
    Webhook,
}

impl ChannelKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Pagerduty => "pagerduty",
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }
}

/// A channel as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Channel")]
pub(crate) struct WrittenChannel {
    /// What it is.
    kind: ChannelKind,
    /// slack: the secret with the incoming webhook; pagerduty: with the routing key; webhook: the one that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretKey>,
    /// email: the ARN of the SNS topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// webhook: where it is sent, with https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Why a channel was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannel {
    /// Its name cannot be referred to.
    #[error("the name of the channel is no name: write 1 to 48 letters, digits, '-' and '_'")]
    Name,
    /// It has not what its kind needs.
    #[error("kind {kind} needs `{key}`: add {what}")]
    Needs {
        /// Its kind.
        kind: &'static str,
        /// What it needs.
        key: &'static str,
        /// What that is.
        what: &'static str,
    },
    /// It has something that its kind does not use.
    #[error("kind {kind} has no `{key}`: leave it out")]
    HasNo {
        /// Its kind.
        kind: &'static str,
        /// What it has.
        key: &'static str,
    },
    /// The topic is none.
    #[error("{0:?} is no SNS topic: write its ARN, like arn:aws:sns:us-east-1:123456789012:alerts")]
    Topic(String),
    /// The URL cannot be sent to, or tells a secret. It is not shown.
    #[error(
        "the URL is none that can be used: write one that begins with https://, names a host, and has no user or password"
    )]
    Url,
}

impl Channel {
    /// Checks a channel; otherwise the key that is to blame, where it is one of the channel's own, and why.
    pub(crate) fn read(
        name: &str,
        written: WrittenChannel,
    ) -> Result<Self, (Option<&'static str>, InvalidChannel)> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 48 || !name.chars().all(is_name) {
            return Err((None, InvalidChannel::Name));
        }
        let WrittenChannel { kind, secret, topic, url } = written;
        let kind_name = kind.name();
        let used: &[&str] = match kind {
            ChannelKind::Slack | ChannelKind::Pagerduty => &["secret"],
            ChannelKind::Email => &["topic"],
            ChannelKind::Webhook => &["secret", "url"],
        };
        let there = [("secret", secret.is_some()), ("topic", topic.is_some()), ("url", url.is_some())];
        if let Some((key, _)) = there.into_iter().find(|(key, there)| *there && !used.contains(key)) {
            return Err((Some(key), InvalidChannel::HasNo { kind: kind_name, key }));
        }
        let needs = |key, what| (Some("kind"), InvalidChannel::Needs { kind: kind_name, key, what });
        let secret = |what| secret.ok_or_else(|| needs("secret", what));
        Ok(match kind {
            ChannelKind::Slack => {
                Self::Slack { secret: secret("the key of the secret with its incoming webhook")? }
            }
            ChannelKind::Pagerduty => {
                Self::Pagerduty { secret: secret("the key of the secret with its routing key")? }
            }
            ChannelKind::Email => {
                let topic = topic.ok_or_else(|| needs("topic", "the ARN of an SNS topic"))?;
                if !is_topic(&topic) {
                    return Err((Some("topic"), InvalidChannel::Topic(topic)));
                }
                Self::Email { topic }
            }
            ChannelKind::Webhook => {
                let secret = secret("the key of the secret that signs what is sent")?;
                let url = url.ok_or_else(|| needs("url", "the URL that is called"))?;
                if !is_url(&url) {
                    return Err((Some("url"), InvalidChannel::Url));
                }
                Self::Webhook { secret, url }
            }
        })
    }

    /// The secret that it needs.
    pub const fn secret(&self) -> Option<&SecretKey> {
        match self {
            Self::Slack { secret } | Self::Pagerduty { secret } | Self::Webhook { secret, .. } => {
                Some(secret)
            }
            Self::Email { .. } => None,
        }
    }
}

/// `arn:aws:sns:REGION:ACCOUNT:NAME`, in whatever partition.
fn is_topic(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, name] = parts.as_slice() else { return false };
    *arn == "arn"
        && partition.starts_with("aws")
        && *service == "sns"
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && !host.contains('@')
        && !text.contains(char::is_whitespace)
}

impl From<Channel> for WrittenChannel {
    fn from(channel: Channel) -> Self {
        let of = |kind| Self { kind, secret: None, topic: None, url: None };
        match channel {
            Channel::Slack { secret } => Self { secret: Some(secret), ..of(ChannelKind::Slack) },
            Channel::Pagerduty { secret } => Self { secret: Some(secret), ..of(ChannelKind::Pagerduty) },
            Channel::Email { topic } => Self { topic: Some(topic), ..of(ChannelKind::Email) },
            Channel::Webhook { secret, url } => {
                Self { secret: Some(secret), url: Some(url), ..of(ChannelKind::Webhook) }
            }
        }
    }
}
