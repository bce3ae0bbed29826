//! The history of a rollout: a chain of records, each carrying the hash of the one before.

use rollout::{Event, Rollout, RolloutId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One decision, as it is kept for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The rollout.
    pub rollout: RolloutId,
    /// Its place in the history, from 1; the version of the rollout it led to.
    pub number: u64,
    /// What happened.
    pub event: Event,
    /// The phase it led to.
    pub phase: String,
    /// The canary weight that was wanted from then on, in percent.
    pub weight: u8,
    /// The state it led to, hashed together with the record before: SHA-256 in hexadecimal.
    pub hash: String,
}

impl Record {
    /// The record of the decision that led to `after`; `before` is the hash of the record before it, empty for the
    /// first.
    pub fn new(after: &Rollout, event: Event, before: &str) -> Self {
        let mut record = Self {
            rollout: after.id.clone(),
            number: after.version,
            event,
            phase: after.phase.name().to_owned(),
            weight: after.desired_weight().percent(),
            hash: String::new(),
        };
        record.hash = record.hash_after(before);
        record
    }

    fn hash_after(&self, before: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(before.as_bytes());
        // A record always serialises; if it ever did not, the chain would show it as broken.
        let body = Self { hash: String::new(), ..self.clone() };
        hasher.update(serde_json::to_vec(&body).unwrap_or_default());
        hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            hex
        })
    }
}

/// The number of the first record that does not follow from the one before it; `None` for an intact history.
pub fn first_break(records: &[Record]) -> Option<u64> {
    let mut before = "";
    for (expected, record) in (1..).zip(records) {
        if record.number != expected || record.hash != record.hash_after(before) {
            return Some(expected);
        }
        before = &record.hash;
    }
    None
}
