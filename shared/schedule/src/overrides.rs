//! What a person wants of resources for some time, whatever their plan says.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::State;

/// The longest that one may hold.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What a person wants of resources until an instant. Never empty, and no longer than a year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredOverride", into = "StoredOverride")]
pub struct Override {
    stored: StoredOverride,
}

/// The same as a person asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Override")]
pub struct WrittenOverride {
    /// Whether they are to be on or off.
    pub state: State,
    /// Which resources, in the words of whoever asks for what is desired of one.
    pub resources: String,
    /// From when on; at once where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when. There is none without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The same as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StoredOverride {
    state: State,
    resources: String,
    from: Timestamp,
    until: Timestamp,
    by: String,
    reason: String,
    made: Timestamp,
}

/// Why an override was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverride {
    /// It would hold until somebody remembers it.
    #[error(
        "the override has no end: write until when it holds; what is to last belongs in the environment's configuration"
    )]
    NoEnd,
    /// It holds for too long to be remembered.
    #[error(
        "the override ends at {0}, more than a year after it begins: write an earlier end; what is to last belongs in the \
         environment's configuration"
    )]
    TooLong(Timestamp),
    /// It would do nothing.
    #[error("the override ended at {0}: write an end that is still to come")]
    Ended(Timestamp),
    /// It ends before it begins.
    #[error("the override ends at {until} and begins at {from}: write an end that is later")]
    Empty {
        /// When it begins.
        from: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
    /// Nobody asks, for no reason, or of nothing.
    #[error("`{0}` is empty: fill it in, people are told it")]
    Missing(&'static str),
}

impl Override {
    /// What a person asks for now; otherwise the key that is to blame, and why.
    pub fn read(written: WrittenOverride, now: Timestamp) -> Result<Self, (&'static str, InvalidOverride)> {
        let WrittenOverride { state, resources, from, until, by, reason } = written;
        let until = until.ok_or(("until", InvalidOverride::NoEnd))?;
        if until <= now {
            return Err(("until", InvalidOverride::Ended(until)));
        }
        let from = from.unwrap_or(now);
        Self::check(StoredOverride { state, resources, from, until, by, reason, made: now })
    }

    fn check(stored: StoredOverride) -> Result<Self, (&'static str, InvalidOverride)> {
        let StoredOverride { resources, from, until, by, reason, .. } = &stored;
        for (key, text) in [("resources", resources), ("by", by), ("reason", reason)] {
            if text.trim().is_empty() {
                return Err((key, InvalidOverride::Missing(key)));
            }
        }
        if from >= until {
            return Err(("until", InvalidOverride::Empty { from: *from, until: *until }));
        }
        if until.duration_since(*from) > LONGEST {
            return Err(("until", InvalidOverride::TooLong(*until)));
        }
        Ok(Self { stored })
    }

    /// Whether they are to be on or off.
    pub const fn state(&self) -> State {
        self.stored.state
    }

    /// Which resources, as it was asked for.
    pub fn resources(&self) -> &str {
        &self.stored.resources
    }

    /// From when on.
    pub const fn from(&self) -> Timestamp {
        self.stored.from
    }

    /// Until when.
    pub const fn until(&self) -> Timestamp {
        self.stored.until
    }

    /// Who asked.
    pub fn by(&self) -> &str {
        &self.stored.by
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.stored.reason
    }

    /// When it was asked for: of two that hold, the newer one counts.
    pub const fn made(&self) -> Timestamp {
        self.stored.made
    }

    /// Whether it holds.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.stored.from <= at && at < self.stored.until
    }
}

impl TryFrom<StoredOverride> for Override {
    type Error = InvalidOverride;

    fn try_from(stored: StoredOverride) -> Result<Self, InvalidOverride> {
        Self::check(stored).map_err(|(_, why)| why)
    }
}

impl From<Override> for StoredOverride {
    fn from(valid: Override) -> Self {
        valid.stored
    }
}
