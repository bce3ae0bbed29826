//! Messages that were tried for so long that they are given up: JSON in an SQS queue, for a person to find.
//!
//! The body is `{"channel": ..., "why": ..., "notice": {...}}`. A message may come twice; `notice.id` tells.

use alerting::{ChannelName, Notice};
use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_sqs::Client;
use engine::ports::{DeadLetters, PortError, PortResult};
use serde_json::json;

const SERVICE: &str = "SQS";

/// A queue of dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue {
    client: Client,
    queue: String,
}

impl DeadLetterQueue {
    /// The queue with this URL, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, queue: String) -> Self {
        Self { client: Client::new(config), queue }
    }
}

#[async_trait]
impl DeadLetters for DeadLetterQueue {
    async fn put(&self, channel: &ChannelName, notice: &Notice, why: &str) -> PortResult<()> {
        let body = json!({ "channel": channel, "why": why, "notice": notice }).to_string();
        let sent = self.client.send_message().queue_url(&self.queue).message_body(body).send().await;
        sent.map(drop).map_err(|error| {
            let fault = Fault::new("sqs:SendMessage", &error);
            PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
        })
    }
}

#[cfg(test)]
mod tests {
    use alerting::{GroupId, NoticeKind, Reason, Severity};
    use aws_client::replay::Replay;
    use serde_json::Value;

    use super::*;

    fn notice() -> Notice {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        Notice {
            id: "g-phone-1".to_owned(),
            group: GroupId::of([("environment", "production")]),
            labels: vec![("environment".to_owned(), "production".to_owned())],
            kind: NoticeKind::Firing,
            reason: Reason::First,
            severity: Severity::Critical,
            alerts: Vec::new(),
            more: 0,
            rollout: None,
            instead_of: Vec::new(),
            since: at,
            at,
        }
    }

    #[tokio::test]
    async fn a_letter_holds_the_whole_message_and_why_it_is_dead() {
        let replay = Replay::new([(200, r#"{"MessageId":"m-1","MD5OfMessageBody":"x"}"#)]);
        let queue = DeadLetterQueue::new(&replay.config().unwrap(), "https://queue".to_owned());
        queue.put(&"phone".parse().unwrap(), &notice(), "it is gone").await.unwrap();
        let sent: Value = serde_json::from_str(&replay.sent()[0].body).unwrap();
        assert_eq!(sent["QueueUrl"], "https://queue");
        let body: Value = serde_json::from_str(sent["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!((&body["channel"], &body["why"]), (&"phone".into(), &"it is gone".into()));
        assert_eq!(serde_json::from_value::<Notice>(body["notice"].clone()).unwrap(), notice());
    }

    #[tokio::test]
    async fn a_queue_that_is_gone_is_permanent_and_one_that_is_busy_transient() {
        let replay = Replay::new([
            (400, r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#),
            (500, r#"{"__type":"com.amazonaws.sqs#InternalError","message":"busy"}"#),
        ]);
        let queue = DeadLetterQueue::new(&replay.config().unwrap(), "https://queue".to_owned());
        let channel = "phone".parse().unwrap();
        let gone = queue.put(&channel, &notice(), "").await.unwrap_err();
        assert!(matches!(gone, PortError::Permanent { .. }), "{gone}");
        let busy = queue.put(&channel, &notice(), "").await.unwrap_err();
        assert!(matches!(busy, PortError::Transient { .. }), "{busy}");
    }
}
