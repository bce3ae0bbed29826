//! Who is told of what happens: channels by their names. What is secret is named, never written.

mod address;
mod invalid;
mod secret_key;
mod url;
mod written;

use std::collections::BTreeMap;

use alerting::ChannelName;

use crate::invalid::{InvalidConfiguration, Mistakes};
use crate::near::nearest;
use crate::place::Place;

pub use address::{EmailAddress, InvalidTopicArn, SlackChannel, TopicArn};
pub use invalid::InvalidChannel;
pub use secret_key::{InvalidSecretKey, SecretKey};
pub use url::Url;
pub(crate) use url::is_web_page;
pub use written::ChannelKind;
pub(crate) use written::WrittenChannel;

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What takes them there.
    pub way: Way,
    /// Whether a message there gets somebody out of bed: it is not sent for what a rollout answers.
    pub pages: bool,
    /// The channel that stands in for it where it cannot be told.
    pub fallback: Option<ChannelName>,
}

/// What takes messages to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Slack.
    Slack(Slack),
    /// `PagerDuty`, by its Events API v2.
    Pagerduty {
        /// The secret with the routing key of the service.
        secret: SecretKey,
        /// Where its API is, if that is not in the US region: `https://events.eu.pagerduty.com`.
        endpoint: Option<Url>,
    },
    /// E-mail.
    Email(Email),
    /// A service of your own.
    Webhook {
        /// The secret that signs what is sent.
        secret: SecretKey,
        /// Where it is sent.
        url: Url,
        /// What the signature says of the secret, so that its next value can be told from this one.
        key_id: String,
    },
}

/// How Slack is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slack {
    /// By an incoming webhook, which knows its channel.
    Webhook {
        /// The secret with its URL.
        secret: SecretKey,
    },
    /// By a bot, which can change what it said.
    Bot {
        /// The secret with the bot's token.
        token: SecretKey,
        /// Where it speaks.
        channel: SlackChannel,
    },
}

/// How e-mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Email {
    /// To everybody who subscribes to an SNS topic.
    Topic(TopicArn),
    /// To these, by SES.
    Addresses {
        /// Who sends it: an identity that SES has verified.
        from: EmailAddress,
        /// Who gets it; at least one, each once.
        to: Vec<EmailAddress>,
    },
}

impl Channel {
    /// What kind of channel it is.
    pub const fn kind(&self) -> ChannelKind {
        match self.way {
            Way::Slack(_) => ChannelKind::Slack,
            Way::Pagerduty { .. } => ChannelKind::Pagerduty,
            Way::Email(_) => ChannelKind::Email,
            Way::Webhook { .. } => ChannelKind::Webhook,
        }
    }

    /// The secret that it needs, and the setting that names it.
    pub const fn secret(&self) -> Option<(&'static str, &SecretKey)> {
        match &self.way {
            Way::Slack(Slack::Webhook { secret })
            | Way::Pagerduty { secret, .. }
            | Way::Webhook { secret, .. } => Some(("secret", secret)),
            Way::Slack(Slack::Bot { token, .. }) => Some(("token", token)),
            Way::Email(_) => None,
        }
    }
}

/// The block `notifications`.
pub(crate) fn read(
    written: BTreeMap<String, WrittenChannel>,
) -> Result<BTreeMap<ChannelName, Channel>, Mistakes> {
    let all = Place::of(["notifications"]);
    let names: Vec<String> = written.keys().cloned().collect();
    let (mut channels, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, channel) in written {
        let place = all.key(&name);
        let read = name.parse().map_err(|_| (Vec::new(), InvalidChannel::Name)).and_then(|valid| {
            let channel = written::read(channel)?;
            channels.insert(valid, channel);
            Ok(())
        });
        if let Err((keys, source)) = read {
            wrong.push(InvalidConfiguration::Channel { place: place.then(keys), source });
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, channel) in &channels {
        if let Some(source) = stand_in(name, channel, &channels, &names) {
            let place = all.key(name.as_str()).key("fallback");
            wrong.push(InvalidConfiguration::Channel { place, source });
        }
    }
    Mistakes::none_of(wrong).map(|()| channels)
}

/// What is wrong with the channel that stands in for another one.
fn stand_in(
    name: &ChannelName,
    channel: &Channel,
    channels: &BTreeMap<ChannelName, Channel>,
    names: &[&str],
) -> Option<InvalidChannel> {
    let first = channel.fallback.as_ref()?;
    if first == name {
        return Some(InvalidChannel::OwnFallback);
    }
    if !names.contains(&first.as_str()) {
        let others: Vec<&str> = names.iter().copied().filter(|other| *other != name.as_str()).collect();
        let remedy = nearest(first.as_str(), &others);
        return Some(InvalidChannel::Fallback { name: first.clone(), remedy });
    }
    let mut way = vec![name];
    let mut next = first;
    while !way.contains(&next) {
        way.push(next);
        next = channels.get(next)?.fallback.as_ref()?;
    }
    // Each of them is a part of it: it is told where its first name by the alphabet stands.
    let is_told_here = next == name && way.iter().min() == Some(&name);
    is_told_here.then(|| {
        let names: Vec<&str> =
            [&name].into_iter().chain(way.iter().rev()).map(|name| name.as_str()).collect();
        InvalidChannel::Round(names.join(" for "))
    })
}
