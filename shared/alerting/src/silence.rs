use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::condition::{Condition, ConditionError, Truth, Vocabulary};
use crate::names::SilenceId;

/// Alerts that nobody is told of until a time, because a person said so.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Its name.
    pub id: SilenceId,
    /// Which alerts, over the fields of [`Vocabulary::labels`].
    pub alerts: Condition,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A silence as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSilence {
    /// Its name.
    pub id: SilenceId,
    /// Which alerts.
    pub alerts: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl TryFrom<StoredSilence> for Silence {
    type Error = ConditionError;

    fn try_from(stored: StoredSilence) -> Result<Self, ConditionError> {
        let StoredSilence { id, alerts, by, reason, from, until } = stored;
        Ok(Self { id, alerts: Condition::parse(&alerts, &Vocabulary::labels())?, by, reason, from, until })
    }
}

impl From<Silence> for StoredSilence {
    fn from(silence: Silence) -> Self {
        let Silence { id, alerts, by, reason, from, until } = silence;
        Self { id, alerts: alerts.text().to_owned(), by, reason, from, until }
    }
}

impl Silence {
    /// Whether it is about an alert at a time.
    pub fn covers(&self, alert: &Alert, now: Timestamp) -> bool {
        self.from <= now && now < self.until && self.alerts.holds(alert) == Truth::Holds
    }
}
