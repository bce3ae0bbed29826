use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: use 1 to {max} characters out of {alphabet}")]
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
                if value.is_empty() || value.len() > $max || !value.chars().all(allowed) {
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

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn visible(c: char) -> bool {
    c.is_ascii_graphic()
}

fn visible_or_space(c: char) -> bool {
    visible(c) || c == ' '
}

name!(
    /// One rollout. Derived from what started it, so that the same trigger always names the same rollout.
    RolloutId, "rollout id", 80, "letters, digits, '-', '_' and '.'", plain
);
name!(
    /// An environment: local, development, staging, production or one of the user's own.
    EnvironmentName, "environment", 32, "letters, digits, '-', '_' and '.'", plain
);
name!(
    /// A service of an environment.
    ServiceName, "service", 48, "letters, digits, '-', '_' and '.'", plain
);
name!(
    /// What is being rolled out: an artifact digest, a commit, a tag.
    Version, "version", 256, "visible ASCII characters without spaces", visible
);
name!(
    /// A CloudWatch alarm that stops a rollout while it is in ALARM.
    AlarmName, "alarm", 255, "visible ASCII characters and spaces", visible_or_space
);
name!(
    /// The ARN of the Step Functions execution that drives a rollout.
    ExecutionArn, "execution ARN", 512, "visible ASCII characters without spaces", visible
);

/// One of the two target groups of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// The first target group.
    Blue,
    /// The second target group.
    Green,
}

impl Colour {
    /// The other colour.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blue => "blue",
            Self::Green => "green",
        })
    }
}

/// The canary's share of requests in percent, 0..=100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(extend("maximum" = 100))]
pub struct Weight(u8);

/// A weight over 100 percent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weight {0} is over 100: a weight is a percentage of requests from 0 to 100")]
pub struct WeightOver100(pub u8);

impl Weight {
    /// No request goes to the canary.
    pub const ZERO: Self = Self(0);
    /// Every request goes to the canary.
    pub const FULL: Self = Self(100);

    /// The percentage, 0..=100.
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Weight {
    type Error = WeightOver100;

    fn try_from(percent: u8) -> Result<Self, WeightOver100> {
        if percent > 100 { Err(WeightOver100(percent)) } else { Ok(Self(percent)) }
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// The fencing number of a service: whoever holds an older one has lost the right to move traffic.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
