use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ranked {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every one, from the least to the greatest.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = Unknown;

            fn from_str(text: &str) -> Result<Self, Unknown> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| Unknown {
                    what: $what,
                    text: text.to_owned(),
                    known: Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// A word that is none of those that are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: write one of {known}")]
pub struct Unknown {
    what: &'static str,
    text: String,
    known: String,
}

ranked! {
    /// How much an alert matters.
    Severity, "severity" {
        /// For whoever looks.
        Info = "info",
        /// Some day.
        Low = "low",
        /// Within the day.
        Medium = "medium",
        /// Soon.
        High = "high",
        /// Now, whatever the hour.
        Critical = "critical",
    }
}

ranked! {
    /// How an environment or a service is. What is critical is unhealthy as well, and worse.
    Health, "status" {
        /// As it should be.
        Healthy = "healthy",
        /// Worse than it should be, and of use.
        Degraded = "degraded",
        /// Of no use.
        Unhealthy = "unhealthy",
        /// Of no use, and getting worse if nobody acts.
        Critical = "critical",
    }
}

ranked! {
    /// How the newest deployment of a service goes.
    Deployment, "state of a deployment" {
        /// Its version is live.
        Succeeded = "succeeded",
        /// It is under way.
        Running = "running",
        /// It waits for a person's approval.
        Waiting = "waiting",
        /// Somebody else changed the rule: it does not get on.
        Frozen = "frozen",
        /// It has failed, and all traffic goes back to the version before.
        RollingBack = "rolling_back",
        /// It failed, and all traffic is on the version before.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(*severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
        let error = "urgent".parse::<Severity>().unwrap_err().to_string();
        assert_eq!(error, "\"urgent\" is no severity: write one of info, low, medium, high, critical");
    }

    #[test]
    fn what_is_worse_is_greater() {
        assert!(Severity::Critical > Severity::High && Severity::Low > Severity::Info);
        assert!(Health::Critical > Health::Unhealthy && Health::Degraded > Health::Healthy);
    }
}
