//! What an override is called.

use std::fmt;

use schedule::Override;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What an override is called: the same for the same order, delivered again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OverrideId(String);

impl OverrideId {
    /// That of an override.
    pub fn of(over: &Override) -> Self {
        let (state, until) = (over.state().to_string(), over.until().to_string());
        let mut hash = Sha256::new();
        for part in [over.resources(), &state, over.by(), over.reason(), &until] {
            // With its length, so that no two lists of texts are the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().iter().take(6).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
    }

    /// The one that a text names. Whether there is one, only the store knows.
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OverrideId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
