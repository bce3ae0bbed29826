//! The secrets of an environment: `ace-flow/<environment>/secrets` in AWS Secrets Manager, through a cache.
//!
//! - [`Secret`] and [`Values`] hold values and show none: `Debug` is redacted, there is no `Display` and no
//!   `Serialize`, and memory is overwritten when a value is dropped. [`Secret::expose`] is the one way to the text.
//! - [`Vault`] is the port, `SecretsManager` (feature `aws`, on by default) its adapter.
//! - [`Cache`] is what a function reads through: five minutes fresh, invalidated by what is changed through it,
//!   refreshed once when a credential was refused, stale for a bounded time in an outage, one call in flight per
//!   secret.
//! - [`ApprovalSecret`] reads the keys of approval links through it, [`ChannelSecret`] the secrets of channels.
//! - [`Vault::replace`] changes a secret only if it is still the version that was read, so that two writers do not lose
//!   one another's keys.
//! - [`stage`] and [`Staged`] rotate: `AWSPENDING` until the new credential is known to work, then `AWSCURRENT`.
//!
//! What is overwritten is what this crate holds. The SDK's buffers for requests and answers are not, and at log level
//! TRACE the SDK writes values: [`Vault`]'s calls are made with its events switched off.

mod approvals;
mod cache;
mod channels;
mod error;
#[cfg(feature = "aws")]
mod manager;
mod rotation;
mod secret;
mod state;
mod values;
mod vault;

#[cfg(test)]
mod tests;

pub use approvals::ApprovalSecret;
pub use cache::Cache;
pub use channels::ChannelSecret;
pub use error::VaultError;
#[cfg(feature = "aws")]
pub use manager::SecretsManager;
pub use rotation::{Staged, stage};
pub use secret::Secret;
pub use state::{Answer, CacheRules, InvalidRules};
pub use values::{Change, InvalidKey, Key, KeyClash, MAX_BYTES, Problem, Values};
pub use vault::{
    Description, InvalidVersion, PutAs, SecretName, Stage, Vault, VaultResult, Version, VersionId,
};
