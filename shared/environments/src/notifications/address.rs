//! The addresses of channels, each one that its service takes.

use std::fmt;
use std::str::FromStr;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident, $is:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The address, if it is one; otherwise the text.
            pub(crate) fn new(text: String) -> Result<Self, String> {
                if $is(&text) { Ok(Self(text)) } else { Err(text) }
            }

            /// The address as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

address!(
    /// The ARN of an SNS topic.
    TopicArn, is_topic
);
address!(
    /// An e-mail address, without a person's name beside it.
    EmailAddress, is_email
);
address!(
    /// A channel of Slack: its id, or its name with a hash before it.
    SlackChannel, is_slack_channel
);

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

/// As RFC 5321 has them, without quotes: SES takes no other ones.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let in_local = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (1..=64).contains(&local.len())
        && local.bytes().all(in_local)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

/// `C0123ABCD` (public), `G…` (private) or `D…` (direct), or `#alerts`.
fn is_slack_channel(text: &str) -> bool {
    if let Some(name) = text.strip_prefix('#') {
        let in_name = |c: char| c == '-' || c == '_' || (c.is_alphanumeric() && !c.is_uppercase());
        return (1..=80).contains(&name.chars().count()) && name.chars().all(in_name);
    }
    text.starts_with(['C', 'G', 'D'])
        && (9..=16).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tells, what it takes, and what it does not.
    type Case<'a> = (fn(&str) -> bool, &'a [&'a str], &'a [&'a str]);

    #[test]
    fn addresses_are_told_from_what_only_looks_like_them() {
        let long = format!("{}@example.com", "a".repeat(65));
        let cases: [Case<'_>; 3] = [
            (
                is_topic,
                &[
                    "arn:aws:sns:us-east-1:123456789012:alerts",
                    "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo",
                ],
                &["ops", "arn:aws:sqs:us-east-1:123456789012:alerts", "arn:aws:sns:us-east-1:1234:alerts"],
            ),
            (
                is_email,
                &["ops@example.com", "first.last+ace@mail.example.co.uk", "o'brien@x-y.example"],
                &[
                    "",
                    "ops",
                    "ops@example",
                    "@example.com",
                    "ops@",
                    "ops@example..com",
                    "ops@-x.com",
                    "o..ps@example.com",
                    "o ps@example.com",
                    "Ops <ops@example.com>",
                    "a@b@example.com",
                    "ops@example.com\nbcc: x",
                    &long,
                ],
            ),
            (
                is_slack_channel,
                &["C0123ABCD", "G01234567AB", "#alerts", "#team_eu-1", "#störung"],
                &["alerts", "#", "#Alerts", "#my alerts", "C123", "c0123abcd", "#a#b", "https://slack.com/x"],
            ),
        ];
        for (is, good, bad) in cases {
            assert!(good.iter().all(|text| is(text)), "{good:?}");
            let wrong: Vec<_> = bad.iter().filter(|text| is(text)).collect();
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }
}

/// A text that is no ARN of an SNS topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no topic: write its ARN, arn:<partition>:sns:<region>:<account>:<name>")]
pub struct InvalidTopicArn(String);

impl FromStr for TopicArn {
    type Err = InvalidTopicArn;

    fn from_str(text: &str) -> Result<Self, InvalidTopicArn> {
        Self::new(text.to_owned()).map_err(InvalidTopicArn)
    }
}

impl TopicArn {
    /// A FIFO topic's name ends so, and its messages need a group and an id.
    pub fn is_fifo(&self) -> bool {
        self.0.strip_suffix(".fifo").is_some()
    }
}
