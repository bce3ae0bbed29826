use alerting::ChannelName;

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
    /// It has two of which each is enough.
    #[error("kind {kind} has `{one}` or `{other}`, not both: leave one of the two out")]
    Both {
        /// Its kind.
        kind: &'static str,
        /// One.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The channel of an incoming webhook is Slack's to know.
    #[error(
        "an incoming webhook knows its channel: leave `channel` out, or write `token` in the place of `secret`"
    )]
    WebhookChannel,
    /// The topic is none.
    #[error("{0:?} is no SNS topic: write its ARN, like arn:aws:sns:us-east-1:123456789012:alerts")]
    Topic(String),
    /// The address is none.
    #[error("{0:?} is no e-mail address: write it without a name, like alerts@example.com")]
    Address(String),
    /// Nobody gets it.
    #[error("nobody gets the message: write at least one address")]
    Nobody,
    /// Somebody gets it twice.
    #[error("{0} is there twice: leave one of the two out")]
    Twice(String),
    /// SES would refuse the message.
    #[error("SES sends a message to 50 addresses at most: write fewer, or an address that is a list")]
    TooMany,
    /// Slack has no such channel. What stands there may be a webhook, and is not shown.
    #[error(
        "this is no channel of Slack: write its id, like C0123ABCD, or its name with a hash and in quotes, like \"#alerts\""
    )]
    SlackChannel,
    /// The name of the key is none. What stands there may be the key, and is not shown.
    #[error("this is no name of a key: write 1 to 64 letters, digits, '-', '_' and '.'")]
    KeyId,
    /// The URL cannot be called, or tells a secret. It is not shown.
    #[error(
        "the URL is none that can be used: write one that begins with https:// (http:// for localhost, 127.0.0.1 and [::1]), \
         names a host, and has no user or password"
    )]
    Url,
    /// It stands in for itself.
    #[error("the channel stands in for itself: write another one, or leave `fallback` out")]
    OwnFallback,
    /// Nobody knows the channel that stands in for it.
    #[error("channel {name} is not under notifications: {remedy}")]
    Fallback {
        /// The channel.
        name: ChannelName,
        /// What to do about it.
        remedy: String,
    },
    /// Channels stand in for each other all the way round.
    #[error("the fallbacks go round, {0}: leave `fallback` out of the one that is told last")]
    Round(String),
}
