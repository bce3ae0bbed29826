use alert_message::Email;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use aws_sdk_sns::types::MessageAttributeValue;
use environments::TopicArn;

use crate::target::{Parcel, Receipt, Undelivered};

/// Sends e-mail.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    sns: aws_sdk_sns::Client,
    ses: aws_sdk_sesv2::Client,
}

impl Mail {
    /// With clients of this configuration. Makes no call.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        // One attempt: a mail that was sent and not answered would be sent again, and when to try again is decided above.
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self { sns: aws_sdk_sns::Client::new(&once), ses: aws_sdk_sesv2::Client::new(&once) }
    }

    /// To a topic. Its message attributes are those that subscriptions can filter by: `severity`, and the labels that
    /// the group has.
    pub(crate) async fn to_topic(
        &self,
        parcel: &Parcel<'_>,
        topic: &TopicArn,
    ) -> Result<Receipt, Undelivered> {
        let notice = parcel.notice;
        let email = Email::new(notice, parcel.wording);
        let mut publish =
            self.sns.publish().topic_arn(topic.as_str()).subject(email.ascii_subject()).message(email.text);
        let labels = notice.labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
        let labels =
            labels.filter(|(label, value)| *label != "severity" && is_attribute(label) && !value.is_empty());
        // SNS has ten at most for some subscriptions.
        for (name, value) in labels.take(9).chain([("severity", notice.severity.as_str())]) {
            publish = publish.message_attributes(name, attribute(value)?);
        }
        if topic.is_fifo() {
            publish =
                publish.message_group_id(notice.group.as_str()).message_deduplication_id(unique(&notice.id));
        }
        let sent = publish.send().await;
        sent.map(|_| Receipt::default()).map_err(|error| undelivered(&Fault::new("sns:Publish", &error)))
    }

    /// To mailboxes.
    pub(crate) async fn to_mailbox(
        &self,
        parcel: &Parcel<'_>,
        from: &str,
        to: &[String],
    ) -> Result<Receipt, Undelivered> {
        let email = Email::new(parcel.notice, parcel.wording);
        let text = |text: String| Content::builder().data(text).charset("UTF-8").build();
        let message = Message::builder()
            .subject(text(email.subject).map_err(|error| defect(&error))?)
            .body(Body::builder().text(text(email.text).map_err(|error| defect(&error))?).build())
            .build();
        let sent = self
            .ses
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().set_to_addresses(Some(to.to_vec())).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        sent.map(|_| Receipt::default()).map_err(|error| undelivered(&Fault::new("ses:SendEmail", &error)))
    }
}

/// The names of attributes that SNS takes ("Amazon SNS message attributes" in the SNS Developer Guide).
fn is_attribute(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=256).contains(&name.len()) && name.chars().all(plain)
}

/// An id as a FIFO topic takes it: letters, digits and marks, at most 128.
fn unique(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(128).collect()
}

fn attribute(value: &str) -> Result<MessageAttributeValue, Undelivered> {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.map_err(|error| defect(&error))
}

fn defect(error: &BuildError) -> Undelivered {
    Undelivered::never(
        format!("the message could not be built: {error}"),
        "report this as a defect of ACE-Flow",
    )
}

fn undelivered(fault: &Fault) -> Undelivered {
    match fault.code.as_deref() {
        // The day's quota is used up.
        Some("LimitExceededException") => Undelivered::later(fault.detail(), None),
        Some("SendingPausedException" | "AccountSuspendedException") => {
            Undelivered::never(fault.detail(), "have the account's sending of e-mail resumed in SES")
        }
        Some("MessageRejected" | "MailFromDomainNotVerifiedException") => Undelivered::never(
            fault.detail(),
            "verify the sender in SES, and in its sandbox the receivers as well",
        ),
        _ if fault.kind.is_transient() => Undelivered::later(fault.detail(), None),
        _ if fault.kind == FaultKind::NotFound => {
            Undelivered::never(fault.detail(), "create what the channel names, or correct it")
        }
        _ => Undelivered::never(fault.detail(), fault.remedy()),
    }
}
