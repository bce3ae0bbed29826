//! Channels as they are written.

use alerting::ChannelName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Channel, Email, EmailAddress, InvalidChannel, SecretKey, Slack, SlackChannel, TopicArn, Url, Way,
};
use crate::place::Part;

/// What kind of channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Slack.
    Slack,
    /// `PagerDuty`.
    Pagerduty,
    /// E-mail, by an SNS topic or by SES.
    Email,
    /// A service of your own.
    Webhook,
}

impl ChannelKind {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Pagerduty => "pagerduty",
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }

    /// Whether its messages get somebody out of bed, if nothing else is said.
    const fn pages(self) -> bool {
        matches!(self, Self::Pagerduty)
    }

    /// What it knows beside what every kind does.
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Slack => &["secret", "token", "channel"],
            Self::Pagerduty => &["secret", "endpoint"],
            Self::Email => &["topic", "from", "to"],
            Self::Webhook => &["secret", "url", "key_id"],
        }
    }
}

/// A channel as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Channel")]
pub(crate) struct WrittenChannel {
    /// What it is.
    kind: ChannelKind,
    /// slack: the secret with the incoming webhook, where there is no `token`; pagerduty: with the routing key; webhook: the
    /// one that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretKey>,
    /// slack: the secret with a bot's token, where there is no incoming webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<SecretKey>,
    /// slack, with `token`: the channel's id, or its name with a hash, in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["C0123ABCD", "#alerts"]))]
    channel: Option<String>,
    /// pagerduty: where the Events API v2 is, if that is not in the US region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://events.eu.pagerduty.com"]))]
    endpoint: Option<String>,
    /// email: the ARN of the SNS topic, where there is no `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// email, by SES: who sends it, an identity that SES has verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// email, by SES: who gets it, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Vec<String>>,
    /// webhook: where it is sent, with https; with http only to localhost, 127.0.0.1 and `[::1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// webhook: what the signature says of the secret, so that its next value can be told from this one; `1` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    /// The channel that stands in for it where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<ChannelName>,
    /// Whether a message there gets somebody out of bed: it is not sent for what a rollout answers. Without it, of
    /// pagerduty alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pages: Option<bool>,
}

/// The keys to what is to blame, within the channel, and why.
type Refused = (Vec<Part>, InvalidChannel);

/// The id of a webhook's key where none is written.
const KEY_ID: &str = "1";
/// SES: recipients of a message.
const RECIPIENTS: usize = 50;

fn at(key: &str) -> Vec<Part> {
    vec![Part::Key(key.to_owned())]
}

/// Checks a channel.
pub(super) fn read(mut written: WrittenChannel) -> Result<Channel, Refused> {
    let kind = written.kind;
    let there = [
        ("secret", written.secret.is_some()),
        ("token", written.token.is_some()),
        ("channel", written.channel.is_some()),
        ("endpoint", written.endpoint.is_some()),
        ("topic", written.topic.is_some()),
        ("from", written.from.is_some()),
        ("to", written.to.is_some()),
        ("url", written.url.is_some()),
        ("key_id", written.key_id.is_some()),
    ];
    if let Some((key, _)) = there.into_iter().find(|(key, there)| *there && !kind.settings().contains(key)) {
        return Err((at(key), InvalidChannel::HasNo { kind: kind.name(), key }));
    }
    let (fallback, pages) = (written.fallback.take(), written.pages.unwrap_or_else(|| kind.pages()));
    let way = match kind {
        ChannelKind::Slack => Way::Slack(slack(written)?),
        ChannelKind::Pagerduty => Way::Pagerduty {
            secret: needed(kind, written.secret, "secret", "the key of the secret with its routing key")?,
            endpoint: written.endpoint.map(|endpoint| url(endpoint, "endpoint")).transpose()?,
        },
        ChannelKind::Email => Way::Email(email(written)?),
        ChannelKind::Webhook => Way::Webhook {
            secret: needed(kind, written.secret, "secret", "the key of the secret that signs what is sent")?,
            url: url(needed(kind, written.url, "url", "the URL that is called")?, "url")?,
            key_id: written.key_id.map_or_else(|| Ok(KEY_ID.to_owned()), key_id)?,
        },
    };
    Ok(Channel { way, pages, fallback })
}

/// What a kind needs; it is missing where the kind is written.
fn needed<T>(
    kind: ChannelKind,
    value: Option<T>,
    key: &'static str,
    what: &'static str,
) -> Result<T, Refused> {
    value.ok_or_else(|| (at("kind"), InvalidChannel::Needs { kind: kind.name(), key, what }))
}

fn both(kind: ChannelKind, one: &'static str, other: &'static str) -> Refused {
    (at(other), InvalidChannel::Both { kind: kind.name(), one, other })
}

fn slack(written: WrittenChannel) -> Result<Slack, Refused> {
    let kind = ChannelKind::Slack;
    match (written.secret, written.token, written.channel) {
        (Some(_), Some(_), _) => Err(both(kind, "secret", "token")),
        (Some(_), None, Some(_)) => Err((at("channel"), InvalidChannel::WebhookChannel)),
        (Some(secret), None, None) => Ok(Slack::Webhook { secret }),
        (None, Some(token), channel) => {
            let what = "the channel's id, or its name with a hash and in quotes, like \"#alerts\"";
            let channel = needed(kind, channel, "channel", what)?;
            let channel = SlackChannel::new(channel);
            let channel = channel.map_err(|_| (at("channel"), InvalidChannel::SlackChannel))?;
            Ok(Slack::Bot { token, channel })
        }
        (None, None, Some(_)) => needed(kind, None, "token", "the key of the secret with the bot's token"),
        (None, None, None) => {
            let what =
                "the key of the secret with its incoming webhook, or `token` and `channel` of a bot of yours";
            needed(kind, None, "secret", what)
        }
    }
}

fn email(written: WrittenChannel) -> Result<Email, Refused> {
    let kind = ChannelKind::Email;
    let (from, to) = match (written.topic, written.from, written.to) {
        (Some(_), Some(_), _) => return Err(both(kind, "topic", "from")),
        (Some(_), None, Some(_)) => return Err(both(kind, "topic", "to")),
        (Some(topic), None, None) => {
            let topic = TopicArn::new(topic);
            return topic.map(Email::Topic).map_err(|text| (at("topic"), InvalidChannel::Topic(text)));
        }
        (None, None, None) => {
            return needed(kind, None, "topic", "the ARN of an SNS topic, or `from` and `to`");
        }
        (None, from, to) => (
            needed(kind, from, "from", "the address that sends it, which SES has verified")?,
            needed(kind, to, "to", "a list of the addresses that get it")?,
        ),
    };
    let from = EmailAddress::new(from);
    let from = from.map_err(|text| (at("from"), InvalidChannel::Address(text)))?;
    if to.is_empty() {
        return Err((at("to"), InvalidChannel::Nobody));
    }
    if to.len() > RECIPIENTS {
        return Err((at("to"), InvalidChannel::TooMany));
    }
    let mut addresses: Vec<EmailAddress> = Vec::new();
    for (index, address) in to.into_iter().enumerate() {
        let refused = |why| (vec![Part::Key("to".to_owned()), Part::Item(index)], why);
        let address = EmailAddress::new(address).map_err(|text| refused(InvalidChannel::Address(text)))?;
        if addresses.iter().any(|before| before.as_str().eq_ignore_ascii_case(address.as_str())) {
            return Err(refused(InvalidChannel::Twice(address.as_str().to_owned())));
        }
        addresses.push(address);
    }
    Ok(Email::Addresses { from, to: addresses })
}

fn url(text: String, key: &'static str) -> Result<Url, Refused> {
    Url::new(text).ok_or_else(|| (at(key), InvalidChannel::Url))
}

fn key_id(text: String) -> Result<String, Refused> {
    let in_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=64).contains(&text.len()) && text.bytes().all(in_id) {
        Ok(text)
    } else {
        Err((at("key_id"), InvalidChannel::KeyId))
    }
}

impl From<Channel> for WrittenChannel {
    fn from(channel: Channel) -> Self {
        let kind = channel.kind();
        let Channel { way, pages, fallback } = channel;
        let mut written = Self {
            kind,
            secret: None,
            token: None,
            channel: None,
            endpoint: None,
            topic: None,
            from: None,
            to: None,
            url: None,
            key_id: None,
            fallback,
            // What is not said does not have to be known by whoever reads it.
            pages: (pages != kind.pages()).then_some(pages),
        };
        let text = |text: &str| Some(text.to_owned());
        match way {
            Way::Slack(Slack::Webhook { secret }) => written.secret = Some(secret),
            Way::Slack(Slack::Bot { token, channel }) => {
                written.token = Some(token);
                written.channel = text(channel.as_str());
            }
            Way::Pagerduty { secret, endpoint } => {
                written.secret = Some(secret);
                written.endpoint = endpoint.and_then(|endpoint| text(endpoint.as_str()));
            }
            Way::Email(Email::Topic(topic)) => written.topic = text(topic.as_str()),
            Way::Email(Email::Addresses { from, to }) => {
                written.from = text(from.as_str());
                written.to = Some(to.iter().map(|address| address.as_str().to_owned()).collect());
            }
            Way::Webhook { secret, url, key_id } => {
                written.secret = Some(secret);
                written.url = text(url.as_str());
                written.key_id = Some(key_id).filter(|id| id != KEY_ID);
            }
        }
        written
    }
}
