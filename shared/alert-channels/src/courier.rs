//! What the configuration calls a channel, as a target; what came of an attempt, as the engine asks for it.

use alert_message::Wording;
use alert_message::pagerduty::ENDPOINT;
use alerting::group::Delivery;
use async_trait::async_trait;
use engine::ports::Courier;
use environments::{Channel, Email, Slack, Way};

use crate::{Channels, HttpsUrl, NotSecure, Parcel, Receipt, Target, Undelivered};

impl Target {
    /// Where a channel of the configuration leads.
    fn of(channel: &Channel) -> Result<Self, NotSecure> {
        Ok(match &channel.way {
            Way::Slack(Slack::Webhook { .. }) => Self::SlackWebhook,
            Way::Slack(Slack::Bot { channel, .. }) => Self::SlackBot { channel: channel.to_string() },
            Way::Pagerduty { endpoint, .. } => {
                let region = endpoint.as_ref().map(environments::Url::as_str);
                Self::Pagerduty { endpoint: enqueue(region).parse()? }
            }
            Way::Email(Email::Topic(topic)) => Self::EmailTopic { topic: topic.clone() },
            Way::Email(Email::Addresses { from, to }) => {
                Self::EmailSes { from: from.to_string(), to: to.iter().map(ToString::to_string).collect() }
            }
            Way::Webhook { url, key_id, .. } => {
                Self::Webhook { url: url.as_str().parse::<HttpsUrl>()?, key_id: key_id.clone() }
            }
        })
    }
}

/// Where PagerDuty takes events: of an address that names only the host, at the usual path.
fn enqueue(region: Option<&str>) -> String {
    let Some(region) = region else { return ENDPOINT.to_owned() };
    let after_scheme = region.split_once("://").map_or(region, |(_, rest)| rest);
    match after_scheme.split_once('/') {
        None | Some((_, "")) => format!("{}/v2/enqueue", region.trim_end_matches('/')),
        Some(_) => region.to_owned(),
    }
}

#[async_trait]
impl Courier for Channels {
    async fn deliver(&self, parcel: engine::ports::Parcel<'_>) -> Delivery {
        let target = match Target::of(parcel.channel) {
            Ok(target) => target,
            Err(error) => return Delivery::Refused { why: error.to_string() },
        };
        let sent = self.send(Parcel {
            target: &target,
            credential: parcel.credential,
            notice: parcel.notice,
            wording: Wording { title: parcel.title, text: None },
            thread: parcel.thread,
            uncertain: parcel.uncertain,
        });
        match sent.await {
            Ok(Receipt { thread }) => Delivery::Done { thread },
            Err(Undelivered::Later { why, retry_after }) => Delivery::Later { why, retry_after },
            Err(Undelivered::Never { why }) => Delivery::Refused { why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_pagerduty_may_be_named_by_its_host() {
        for (written, address) in [
            (None, "https://events.pagerduty.com/v2/enqueue"),
            (Some("https://events.eu.pagerduty.com"), "https://events.eu.pagerduty.com/v2/enqueue"),
            (Some("https://events.eu.pagerduty.com/"), "https://events.eu.pagerduty.com/v2/enqueue"),
            (Some("http://127.0.0.1:9000/v2/enqueue"), "http://127.0.0.1:9000/v2/enqueue"),
        ] {
            assert_eq!(enqueue(written), address);
        }
    }
}
