//! Outcome events to SNS, and to two who want to know at once.
//!
//! An [`Outcome`] is published as its JSON, with the message attributes `environment`, `service` and `outcome` (the
//! milestone), so that subscriptions can filter without reading it ("Amazon SNS subscription filter policies" in the
//! SNS Developer Guide). Delivery is at least once: [`Outcome::id`] tells a repeated one.

mod both;

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use engine::outcome::Outcome;
use engine::ports::{Notifier, PortError, PortResult};

pub use both::Both;
pub use environments::{InvalidTopicArn, TopicArn};

const SERVICE: &str = "SNS";

/// Publishes outcomes to one topic.
#[derive(Clone, Debug)]
pub struct SnsNotifier {
    client: Client,
    topic: TopicArn,
}

impl SnsNotifier {
    /// To this topic, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, topic: TopicArn) -> Self {
        Self { client: Client::new(config), topic }
    }
}

#[async_trait]
impl Notifier for SnsNotifier {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        let message = serde_json::to_string(outcome).map_err(|error| PortError::Permanent {
            service: SERVICE,
            detail: format!("outcome {} does not serialise: {error}", outcome.id),
            remedy: "report this as a defect of ACE-Flow".to_owned(),
        })?;
        let mut publish = self.client.publish().topic_arn(self.topic.as_str()).message(message);
        for (name, value) in [
            ("environment", outcome.environment.as_str()),
            ("service", outcome.service.as_str()),
            ("outcome", &outcome.milestone),
        ] {
            publish = publish.message_attributes(name, attribute(value)?);
        }
        if self.topic.is_fifo() {
            publish = publish
                .message_group_id(format!("{}.{}", outcome.environment, outcome.service))
                .message_deduplication_id(&outcome.id);
        }
        publish.send().await.map(drop).map_err(|error| port(&Fault::new("sns:Publish", &error)))
    }
}

fn attribute(value: &str) -> PortResult<MessageAttributeValue> {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.map_err(|error| PortError::Permanent {
        service: SERVICE,
        detail: format!("a message attribute could not be built: {error}"),
        remedy: "report this as a defect of ACE-Flow".to_owned(),
    })
}

fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_client::replay::Replay;
    use rollout::Epoch;

    use super::*;

    const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
        <MessageId>m-1</MessageId></PublishResult></PublishResponse>";

    pub(crate) fn outcome() -> Outcome {
        Outcome {
            id: "r-1.3".to_owned(),
            rollout: "r-1".parse().unwrap(),
            environment: "staging".parse().unwrap(),
            service: "shop".parse().unwrap(),
            version: "v2".parse().unwrap(),
            epoch: Epoch(4),
            milestone: "promoted".to_owned(),
            detail: "v2 is live on green".to_owned(),
            weight: 100,
            started_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            at: "2026-01-02T03:17:05Z".parse().unwrap(),
        }
    }

    fn topic(name: &str) -> TopicArn {
        format!("arn:aws:sns:eu-west-1:123456789012:{name}").parse().unwrap()
    }

    /// The form that was sent, decoded.
    async fn published(name: &str) -> Vec<(String, String)> {
        let replay = Replay::new([(200, PUBLISHED)]);
        SnsNotifier::new(&replay.config().unwrap(), topic(name)).publish(&outcome()).await.unwrap();
        let body = replay.sent()[0].body.clone();
        body.split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(k, v)| (k.to_owned(), decoded(v)))
            .collect()
    }

    fn decoded(text: &str) -> String {
        let mut bytes = text.bytes();
        let mut plain = Vec::new();
        while let Some(byte) = bytes.next() {
            plain.push(match byte {
                b'%' => {
                    let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                b'+' => b' ',
                other => other,
            });
        }
        String::from_utf8(plain).unwrap()
    }

    fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
        form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    #[tokio::test]
    async fn an_outcome_is_sent_whole_with_its_attributes() {
        let form = published("outcomes").await;
        assert_eq!(field(&form, "Action"), Some("Publish"));
        assert_eq!(field(&form, "TopicArn"), Some("arn:aws:sns:eu-west-1:123456789012:outcomes"));
        let message: Outcome = serde_json::from_str(field(&form, "Message").unwrap()).unwrap();
        assert_eq!(message, outcome());
        let mut attributes: Vec<_> = (1..=3)
            .map(|n| {
                let entry = format!("MessageAttributes.entry.{n}");
                assert_eq!(field(&form, &format!("{entry}.Value.DataType")), Some("String"));
                let part = |part: &str| field(&form, &format!("{entry}.{part}")).unwrap();
                (part("Name"), part("Value.StringValue"))
            })
            .collect();
        attributes.sort_unstable();
        assert_eq!(attributes, [("environment", "staging"), ("outcome", "promoted"), ("service", "shop")]);
        assert_eq!(field(&form, "MessageGroupId"), None);
    }

    #[tokio::test]
    async fn a_fifo_topic_gets_group_and_id() {
        let form = published("outcomes.fifo").await;
        assert_eq!(field(&form, "MessageGroupId"), Some("staging.shop"));
        assert_eq!(field(&form, "MessageDeduplicationId"), Some("r-1.3"));
    }

    #[tokio::test]
    async fn a_topic_that_is_gone_is_permanent_and_a_server_error_transient() {
        let error = |code: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
            )
        };
        let replay = Replay::new([(404, error("NotFound")), (500, error("InternalError"))]);
        let notifier = SnsNotifier::new(&replay.config().unwrap(), topic("outcomes"));
        let gone = notifier.publish(&outcome()).await.unwrap_err();
        assert!(matches!(gone, PortError::Permanent { .. }), "{gone}");
        let down = notifier.publish(&outcome()).await.unwrap_err();
        assert!(matches!(down, PortError::Transient { .. }), "{down}");
    }
}
