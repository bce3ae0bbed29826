//! The port, and the way of a publication.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollout::EnvironmentName;

use crate::document::{Change, Document, Flags, MAX_BYTES, NotOurs, Step, next};

/// How often a publication is begun again because somebody else was faster.
const ATTEMPTS: u32 = 5;

/// Where the flags of an environment are on AWS: `/ace-flow/<environment>/features`.
pub fn parameter(environment: &EnvironmentName) -> String {
    format!("/ace-flow/{environment}/features")
}

/// Why flags could not be read or published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// They do not fit.
    #[error(
        "{flags} feature flags make a document of {bytes} bytes, and a standard parameter holds {MAX_BYTES}: remove \
         flags that nobody reads any more, or shorten names, under `features` in the configuration"
    )]
    TooLarge {
        /// Of the document, as JSON.
        bytes: usize,
        /// How many flags.
        flags: usize,
    },
    /// Others publish all the time.
    #[error(
        "feature flags of {environment} were written by somebody else {ATTEMPTS} times meanwhile: publish them again \
         when the others are done"
    )]
    Contended {
        /// The environment.
        environment: EnvironmentName,
    },
    /// The document cannot be written as JSON.
    #[error("feature flags cannot be written: {detail}; correct `features` in the configuration")]
    Unwritable {
        /// What the writer says.
        detail: String,
    },
    /// Where they are cannot be reached or does not want them.
    #[error("feature flags at {place}: {detail}; {remedy}")]
    Place {
        /// The parameter or file.
        place: String,
        /// What happened.
        detail: String,
        /// What helps.
        remedy: String,
        /// Whether it may succeed in a moment.
        transient: bool,
    },
}

impl FlagsError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Contended { .. } | Self::Place { transient: true, .. })
    }
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How often it was written, by whomever: of a parameter its version.
    pub revision: u64,
    /// What was read.
    pub document: Result<Document, NotOurs>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there, and came right after what was read.
    Next,
    /// Somebody else wrote meanwhile: before us, or what we wrote came after theirs. What is there has to be read again.
    Raced,
}

/// Where the flags of environments are.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// What is published; `None` if nothing is.
    async fn read(&self, environment: &EnvironmentName) -> Result<Option<Stored>, FlagsError>;

    /// Writes a document (as JSON) after what was read at `revision`, 0 if nothing was there.
    async fn write(
        &self,
        environment: &EnvironmentName,
        json: &str,
        revision: u64,
    ) -> Result<Written, FlagsError>;
}

/// What a publication did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What is published now.
    pub document: Document,
    /// Whether anything was written.
    pub written: bool,
    /// What differs from before, by flag.
    pub changes: BTreeMap<String, Change>,
    /// Why what was there before could not be compared, if it could not: it was not ours.
    pub replaced: Option<NotOurs>,
}

/// Publishes the flags of an environment, unless they are published. Can be repeated.
///
/// # Errors
/// [`FlagsError`]; nothing was written if the document is too large.
pub async fn publish(
    shelf: &dyn Shelf,
    environment: &EnvironmentName,
    flags: &Flags,
) -> Result<Published, FlagsError> {
    let (mut told, mut replaced, mut written) = (None, None, false);
    for _ in 0..ATTEMPTS {
        let stored = shelf.read(environment).await?;
        let revision = stored.as_ref().map_or(0, |stored| stored.revision);
        if replaced.is_none() {
            replaced = stored.as_ref().and_then(|stored| stored.document.as_ref().err().cloned());
        }
        match next(revision, stored.as_ref().map(|stored| &stored.document), flags)? {
            Step::Unchanged(document) => {
                return Ok(Published { document, written, changes: told.unwrap_or_default(), replaced });
            }
            Step::Write { document, json, changes } => {
                // What differed at first is what the caller wants to know, not what a race left.
                let changes = told.get_or_insert(changes).clone();
                written = true;
                if shelf.write(environment, &json, revision).await? == Written::Next {
                    return Ok(Published { document, written, changes, replaced });
                }
            }
        }
    }
    Err(FlagsError::Contended { environment: environment.clone() })
}
