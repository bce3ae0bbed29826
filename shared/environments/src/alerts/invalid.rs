use alerting::ConditionError;
use schedule::InvalidWindow;

use super::metric::InvalidMetric;
use crate::span::Span;

/// Why the block `alerts` was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlerts {
    /// A channel that nobody knows.
    #[error("channel {name} is not under notifications: {remedy}")]
    Channel {
        /// The channel.
        name: String,
        /// What to do about it.
        remedy: String,
    },
    /// Nobody is told.
    #[error("nobody is told: write at least one channel")]
    NoChannels,
    /// Something is in a list twice.
    #[error("{0} is there twice: leave one of the two out")]
    Twice(String),
    /// Two rules have one name.
    #[error("two rules are called {0:?}: give each a name of its own")]
    RuleTwice(String),
    /// A condition cannot be read.
    #[error("at column {} of the condition, {}: {}", .0.column(), .0.found(), .0.remedy())]
    Condition(ConditionError),
    /// An alert that is a source is no target of its own.
    #[error(
        "the alerts that silence and those that are silenced are the same, which silences none: write two conditions"
    )]
    SilencesItself,
    /// No environment is listened to.
    #[error("no environment is listened to: write at least one, or leave `environments` out")]
    NoEnvironments,
    /// Every change would be a message of its own, for ever.
    #[error("an interval of {0} puts nothing together: write at least 1s")]
    NoInterval(Span),
    /// People would be reminded more often than they are told.
    #[error(
        "people would be reminded after {repeat}, before a group may be told again after {interval}: write at least {interval}, \
         or a shorter group_interval"
    )]
    Repeat {
        /// How often people are reminded.
        repeat: Span,
        /// The least time between two messages of a group.
        interval: Span,
    },
    /// The same, where the interval is the one that was written.
    #[error(
        "after {interval} a group may be told again, and people are reminded after {repeat}: write at most {repeat}, or raise \
         repeat_interval"
    )]
    Interval {
        /// How often people are reminded.
        repeat: Span,
        /// The least time between two messages of a group.
        interval: Span,
    },
    /// Whoever is told at once is one of the rule's channels.
    #[error("these are told at once: write them under the rule's channels, or an `after` above 0s")]
    EscalatesAtOnce,
    /// Escalations are out of order.
    #[error("{after} does not come after the {before} before it: order the escalations by time")]
    EscalatesBackwards {
        /// When.
        after: Span,
        /// When the one before it.
        before: Span,
    },
    /// What to do about it cannot be followed.
    #[error(
        "this is no address of a runbook: write a URL that begins with https:// or http:// and names a host"
    )]
    Runbook,
    /// A title that says nothing, or too much.
    #[error(
        "the title is empty, has several lines or more than {max} characters: write one line, or leave it out"
    )]
    Title {
        /// The most characters.
        max: usize,
    },
    /// One beginning is no coming and going.
    #[error("{0} is no coming and going: write at least 2")]
    Flapping(u32),
    /// Nothing happens in no time.
    #[error("nothing comes and goes within {0}: write at least 1s")]
    FlapsWithin(Span),
    /// A mute.
    #[error(transparent)]
    Mute(InvalidWindow),
    /// A metric.
    #[error(transparent)]
    Metric(InvalidMetric),
}

impl InvalidAlerts {
    /// Of a condition that cannot be read, why.
    pub(crate) const fn condition(&self) -> Option<&ConditionError> {
        match self {
            Self::Condition(error) => Some(error),
            _ => None,
        }
    }
}
