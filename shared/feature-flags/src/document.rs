//! What is published, and what follows from what is there. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::publish::FlagsError;

/// Longest value of a standard parameter, in bytes (Systems Manager User Guide, "Managing parameter tiers": 4 KB).
pub const MAX_BYTES: usize = 4096;

/// The flags by their names.
pub type Flags = BTreeMap<String, bool>;

/// The flags of an environment as they are published. The digest is always that of the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    version: u64,
    digest: String,
    flags: Flags,
}

/// A document as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    version: u64,
    digest: String,
    flags: Flags,
}

/// Why what is published is not what was published: somebody else wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It is not a document at all.
    #[error("it is no document of flags: {reason}")]
    Unreadable {
        /// What the reader says.
        reason: String,
    },
    /// The flags were changed by hand.
    #[error("its flags are not those of its digest: they were changed by hand")]
    Altered,
}

fn digest(flags: &Flags) -> String {
    // A map of booleans: its JSON cannot fail, and its keys are sorted.
    let json = serde_json::to_vec(flags).unwrap_or_default();
    Sha256::digest(json).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Document {
    /// These flags, as this version.
    pub fn new(version: u64, flags: Flags) -> Self {
        Self { version, digest: digest(&flags), flags }
    }

    /// Reads what was published.
    ///
    /// # Errors
    /// [`NotOurs`] if it was not published by us, or changed since.
    pub fn from_json(text: &str) -> Result<Self, NotOurs> {
        let Wire { version, digest, flags } =
            serde_json::from_str(text).map_err(|error| NotOurs::Unreadable { reason: error.to_string() })?;
        let read = Self::new(version, flags);
        if read.digest == digest { Ok(read) } else { Err(NotOurs::Altered) }
    }

    /// What is published.
    ///
    /// # Errors
    /// [`FlagsError::TooLarge`] over [`MAX_BYTES`].
    pub fn to_json(&self) -> Result<String, FlagsError> {
        let Self { version, digest, flags } = self;
        let wire = Wire { version: *version, digest: digest.clone(), flags: flags.clone() };
        let json = serde_json::to_string(&wire)
            .map_err(|error| FlagsError::Unwritable { detail: error.to_string() })?;
        if json.len() > MAX_BYTES {
            return Err(FlagsError::TooLarge { bytes: json.len(), flags: flags.len() });
        }
        Ok(json)
    }

    /// Which one it is, from 1: the version of the parameter that holds it.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The SHA-256 of the flags, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The flags.
    pub const fn flags(&self) -> &Flags {
        &self.flags
    }
}

/// How a flag differs from what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is not published yet.
    Added,
    /// It is published and not configured any more.
    Removed,
    /// It is published with the other value.
    Changed,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: this is published.
    Unchanged(Document),
    /// To write this.
    Write {
        /// The document.
        document: Document,
        /// As JSON.
        json: String,
        /// Each flag that differs. None differs if only the version is put right.
        changes: BTreeMap<String, Change>,
    },
}

/// What follows from what is published: its revision (0: nothing is) and document, and the flags that are configured.
/// Flags that are configured replace those that are published as a whole.
///
/// # Errors
/// [`FlagsError::TooLarge`].
pub fn next(
    revision: u64,
    published: Option<&Result<Document, NotOurs>>,
    flags: &Flags,
) -> Result<Step, FlagsError> {
    let readable = published.and_then(|document| document.as_ref().ok());
    if let Some(document) = readable
        && document.flags == *flags
        && document.version == revision
    {
        return Ok(Step::Unchanged(document.clone()));
    }
    let document = Document::new(revision.saturating_add(1), flags.clone());
    let json = document.to_json()?;
    let none = Flags::new();
    let before = readable.map_or(&none, Document::flags);
    Ok(Step::Write { document, json, changes: changes(before, flags) })
}

fn changes(before: &Flags, after: &Flags) -> BTreeMap<String, Change> {
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    let removed = removed.map(|name| (name.clone(), Change::Removed));
    let here = after.iter().filter_map(|(name, value)| match before.get(name) {
        None => Some((name.clone(), Change::Added)),
        Some(old) if old != value => Some((name.clone(), Change::Changed)),
        Some(_) => None,
    });
    removed.chain(here).collect()
}
