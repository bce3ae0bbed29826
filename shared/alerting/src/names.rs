use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: write 1 to {max} {alphabet}")]
pub struct InvalidName {
    kind: &'static str,
    value: String,
    max: usize,
    alphabet: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $alphabet:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("minLength" = 1, "maxLength" = $max))]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(value: String) -> Result<Self, InvalidName> {
                let allowed: fn(char) -> bool = $allowed;
                // A name that begins or ends with a space is one that people write again without it.
                let is_trimmed = value.trim() == value;
                if value.is_empty() || value.len() > $max || !is_trimmed || !value.chars().all(allowed) {
                    return Err(InvalidName { kind: $kind, value, max: $max, alphabet: $alphabet });
                }
                Ok(Self(value))
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(value: &str) -> Result<Self, InvalidName> {
                Self::try_from(value.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A rule, as people are told it: `Production Down`.
    RuleName, "rule", 120, "characters that can be seen, with spaces between them", |c| !c.is_control()
);
name!(
    /// A channel, by which rules name it: `slack-critical`.
    ChannelName, "channel", 48, "letters, digits, '-' and '_'", |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
);
name!(
    /// A silence: the time that it was made, in letters and digits that sort in order of time.
    SilenceId, "silence", 40, "letters, digits and '-'", |c| c.is_ascii_alphanumeric() || c == '-'
);

/// A group of alerts: 32 hexadecimal digits, the same for the same labels for ever. What channels tell repeated messages
/// apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GroupId(String);

impl GroupId {
    /// The group of these labels and values, in whatever order.
    pub fn of<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_unstable();
        let mut hash = Sha256::new();
        for (label, value) in labels {
            for part in [label, value] {
                // With its length, so that no two lists of labels are the same bytes.
                hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(part);
            }
        }
        Self(hash.finalize().iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
    }

    /// The group that a text names. Whether there is one, only the store knows.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_can_write_again() {
        for name in ["Production Down", "p99 > 2 s", "Überlast"] {
            assert!(name.parse::<RuleName>().is_ok(), "{name}");
        }
        for name in ["", " down", "down ", "two\nlines", &"x".repeat(121)] {
            let error = name.parse::<RuleName>().unwrap_err().to_string();
            assert!(error.contains("write 1 to 120"), "{error}");
        }
        assert!("slack-critical".parse::<ChannelName>().is_ok());
        assert!("slack critical".parse::<ChannelName>().is_err());
    }

    #[test]
    fn a_group_is_the_same_whatever_the_order_of_its_labels() {
        let group = GroupId::of([("environment", "production"), ("service", "shop")]);
        assert_eq!(group, GroupId::of([("service", "shop"), ("environment", "production")]));
        assert_eq!(group.as_str().len(), 32);
        for other in [
            vec![("environment", "production"), ("service", "")],
            vec![("environment", "production"), ("service", "shop"), ("rule", "")],
            vec![("environmentproduction", ""), ("service", "shop")],
        ] {
            assert_ne!(group, GroupId::of(other));
        }
    }
}
