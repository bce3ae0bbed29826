//! Configurations as they are published: numbered, one after the other, and known by what they say.

use contract::{ErrorName, Failure};
use environments::Environment;
use jiff::Timestamp;
use rollout::{Configured, EnvironmentName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failures;
use crate::ports::Store;

/// How often a version is taken anew because somebody else published at the same time.
const ATTEMPTS: usize = 8;

/// A configuration of an environment as it was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its number, from 1, without gaps.
    pub version: u64,
    /// The [`digest`] of the configuration.
    pub digest: String,
    /// When it was published.
    pub at: Timestamp,
    /// Who published it.
    pub by: String,
    /// The configuration.
    pub configuration: Environment,
}

impl Published {
    /// The first one.
    ///
    /// # Errors
    /// As [`digest`].
    pub fn first(configuration: Environment, by: String, at: Timestamp) -> Result<Self, serde_json::Error> {
        Ok(Self { version: 1, digest: digest(&configuration)?, at, by, configuration })
    }

    /// The one after this.
    ///
    /// # Errors
    /// As [`digest`].
    pub fn next(
        &self,
        configuration: Environment,
        by: String,
        at: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let first = Self::first(configuration, by, at)?;
        Ok(Self { version: self.version.saturating_add(1), ..first })
    }

    /// What a plan says it was made from.
    pub fn configured(&self) -> Configured {
        Configured { version: self.version, digest: self.digest.clone() }
    }
}

/// SHA-256, in hexadecimal, of a configuration as canonical JSON: without spaces, and the names of every object in order
/// of their UTF-8. What order a file is written in, its comments and its layers do not matter.
///
/// # Errors
/// If the configuration cannot be written as JSON.
pub fn digest(configuration: &Environment) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    canonical(&serde_json::to_value(configuration)?, &mut text);
    let digest = Sha256::digest(text.as_bytes());
    Ok(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        hex
    }))
}

/// Whether a map of `serde_json` keeps the order in which it was filled depends on what else is in the build.
fn canonical(value: &Value, text: &mut String) {
    let separated = |index: usize, text: &mut String| {
        if index > 0 {
            text.push(',');
        }
    };
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, field)) in names.into_iter().enumerate() {
                separated(index, text);
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(field, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separated(index, text);
                canonical(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// What came of publishing.
#[derive(Clone, Debug, PartialEq)]
pub enum Publication {
    /// It is the newest one now.
    New(Published),
    /// The newest one says the same already, and stays.
    Unchanged(Published),
}

impl Publication {
    /// The newest one.
    pub const fn published(&self) -> &Published {
        match self {
            Self::New(published) | Self::Unchanged(published) => published,
        }
    }
}

/// Publishes a configuration as the version after the newest, unless the newest one says the same. Of two at the same
/// time each gets a version of its own.
///
/// # Errors
/// [`ErrorName::ConflictError`] when others keep publishing first, or the store's.
pub async fn publish(
    store: &dyn Store,
    environment: &EnvironmentName,
    configuration: &Environment,
    by: &str,
    at: Timestamp,
) -> Result<Publication, Failure> {
    let unwritable = |error: serde_json::Error| {
        Failure::new(
            ErrorName::PermanentError,
            format!("the configuration cannot be written as JSON: {error}"),
        )
    };
    for _ in 0..ATTEMPTS {
        let newest = store.configuration(environment).await.map_err(failures::port)?;
        let (configuration, by) = (configuration.clone(), by.to_owned());
        let next = match &newest {
            None => Published::first(configuration, by, at),
            Some(newest) => newest.next(configuration, by, at),
        }
        .map_err(unwritable)?;
        if let Some(newest) = newest.filter(|newest| newest.digest == next.digest) {
            return Ok(Publication::Unchanged(newest));
        }
        if store.publish(environment, &next).await.map_err(failures::port)? {
            return Ok(Publication::New(next));
        }
    }
    Err(Failure::new(
        ErrorName::ConflictError,
        format!("others keep publishing configurations of environment {environment}: publish again"),
    ))
}
