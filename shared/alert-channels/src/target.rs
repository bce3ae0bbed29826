//! What the caller says and is told. Of no library's types, so that it can be a port of the engine.

use std::fmt;
use std::str::FromStr;

use alert_message::Wording;
use alerting::{Credential, Notice};
use environments::TopicArn;
use rollout::Seconds;
use url::{Host, Url};

/// Where a notice goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An incoming webhook of Slack; its address is the credential.
    SlackWebhook,
    /// A channel of Slack, by a bot; its token is the credential.
    SlackBot {
        /// The channel's id: `C0123456789`.
        channel: String,
    },
    /// A service of PagerDuty; the routing key of its integration is the credential.
    Pagerduty {
        /// Where events go: [`alert_message::pagerduty::ENDPOINT`], or that of the European service region.
        endpoint: HttpsUrl,
    },
    /// The e-mail subscriptions of a topic, and whoever else listens to it.
    EmailTopic {
        /// The topic.
        topic: TopicArn,
    },
    /// Mailboxes, by SES.
    EmailSes {
        /// The sender: an identity that SES has verified.
        from: String,
        /// The receivers.
        to: Vec<String>,
    },
    /// A receiver of webhooks; the secret that signs them is the credential.
    Webhook {
        /// Its address: a secret.
        url: HttpsUrl,
        /// Which secret signs, for the receiver.
        key_id: String,
    },
}

/// A notice to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// Where to.
    pub target: &'a Target,
    /// The channel's secret, where its kind has one.
    pub credential: Option<&'a Credential>,
    /// What is said.
    pub notice: &'a Notice,
    /// In a team's own words, where it has some.
    pub wording: Wording<'a>,
    /// The thread that the channel has about the group, as an earlier [`Receipt`] named it.
    pub thread: Option<&'a str>,
    /// Whether an earlier attempt may have arrived.
    pub uncertain: bool,
}

/// What a channel took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The thread that further notices about the group belong to, where the channel has threads.
    pub thread: Option<String>,
}

/// Why a channel did not take a notice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The same may work later, without anybody changing anything. It may have arrived.
    #[error("{why}; it may succeed when tried again")]
    Later {
        /// What happened, without any secret.
        why: String,
        /// How long the channel asks to be left alone.
        retry_after: Option<Seconds>,
    },
    /// It will not work until somebody changes something.
    #[error("{why}")]
    Never {
        /// What happened and what to change, without any secret.
        why: String,
    },
}

impl Undelivered {
    pub(crate) const fn later(why: String, retry_after: Option<Seconds>) -> Self {
        Self::Later { why, retry_after }
    }

    pub(crate) fn never(what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self::Never { why: format!("{what}; {remedy}") }
    }
}

/// An address that a secret can be sent to: `https://`, or on this machine. Debug shows nothing of it, as it can be a
/// secret itself.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpsUrl(Url);

/// A text that is no address to send a secret to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address is none that secrets can be sent to: write https://<host>/<path> (http:// is for 127.0.0.1, [::1] and localhost)"
)]
pub struct NotSecure;

impl HttpsUrl {
    /// The address.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// What of it is in no error: all of it, and each part that tells where it leads.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let whole = self.0.as_str();
        let path = self.0.path();
        let query = self.0.query().unwrap_or_default();
        let password = self.0.password().unwrap_or_default();
        let mut parts =
            vec![whole, path, query, password, self.0.username(), self.0.host_str().unwrap_or_default()];
        parts.extend(self.0.path_segments().into_iter().flatten());
        // Shorter ones say nothing, and are in every text.
        parts.retain(|part| part.len() > 3);
        parts
    }
}

impl FromStr for HttpsUrl {
    type Err = NotSecure;

    fn from_str(text: &str) -> Result<Self, NotSecure> {
        let url = Url::parse(text.trim()).map_err(|_| NotSecure)?;
        let is_here = match url.host().ok_or(NotSecure)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address == std::net::Ipv4Addr::LOCALHOST,
            Host::Ipv6(address) => address == std::net::Ipv6Addr::LOCALHOST,
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_here => Ok(Self(url)),
            _ => Err(NotSecure),
        }
    }
}

impl fmt::Debug for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpsUrl(…)")
    }
}

#[cfg(test)]
mod url_tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for address in [
            "https://hooks.slack.com/services/T0/B0/x",
            "http://127.0.0.1:9000/x",
            "http://[::1]/x",
            "http://localhost:1/x",
            "HTTPS://EXAMPLE.COM",
            " https://example.com/x\n",
        ] {
            assert!(address.parse::<HttpsUrl>().is_ok(), "{address}");
        }
        for address in [
            "",
            "http://example.com/hush",
            "http://localhost.example.com/hush",
            "http://localhost@example.com/hush",
            "http://127.0.0.1.example.com/hush",
            "http://127.0.0.1@example.com/hush",
            "http://127.0.0.2/hush",
            "http://0.0.0.0/hush",
            "ftp://localhost/hush",
            "file:///hush",
            "localhost/hush",
            "https://",
            "xoxb-hush",
        ] {
            let error = address.parse::<HttpsUrl>().unwrap_err().to_string();
            assert!(error.contains("write https://") && !error.contains("hush"), "{address}: {error}");
        }
    }
}
