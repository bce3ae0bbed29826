use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rollout::EnvironmentName;

use crate::error::VaultError;
use crate::values::Values;

/// The name of a secret of an environment, `ace-flow/<environment>/secrets` for those that its services use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// The secret of this environment. Every environment name is allowed in a secret's name.
    pub fn of(environment: &EnvironmentName) -> Self {
        Self(format!("ace-flow/{environment}/secrets"))
    }

    /// The keys that sign approval links of this environment: `ace-flow/<environment>/approvals`.
    pub fn of_approvals(environment: &EnvironmentName) -> Self {
        Self(format!("ace-flow/{environment}/approvals"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A staging label: which of a secret's versions is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `AWSCURRENT`: what everybody uses.
    Current,
    /// `AWSPREVIOUS`: what was used before. Secrets Manager moves it by itself.
    Previous,
    /// `AWSPENDING`: what a rotation has prepared and not yet put to use.
    Pending,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Current, Self::Previous, Self::Pending];

    /// The label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
            Self::Pending => "AWSPENDING",
        }
    }
}

/// What a new version is put as. Nothing is ever put as the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutAs {
    /// In use from now on; what was current becomes the previous one.
    Current,
    /// Prepared: nobody reads it who does not ask for it.
    Pending,
}

impl From<PutAs> for Stage {
    fn from(put: PutAs) -> Self {
        match put {
            PutAs::Current => Self::Current,
            PutAs::Pending => Self::Pending,
        }
    }
}

/// One version of a secret. It says nothing about the value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(String);

/// A text that cannot be the id of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no version id: use 32 to 64 letters, digits and '-', for example a UUID")]
pub struct InvalidVersion;

impl VersionId {
    /// As Secrets Manager told it.
    #[cfg(feature = "aws")]
    pub(crate) const fn told(id: String) -> Self {
        Self(id)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VersionId {
    type Err = InvalidVersion;

    /// The lengths are those of `ClientRequestToken` in the Secrets Manager API Reference, `PutSecretValue`.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if (32..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidVersion)
        }
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Which one.
    pub id: VersionId,
    /// What it holds.
    pub values: Arc<Values>,
}

/// What is known of a secret without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The version at each stage that is in use.
    pub stages: BTreeMap<Stage, VersionId>,
    /// When its value or its labels were changed.
    pub changed: Option<Timestamp>,
    /// When Secrets Manager itself rotated it.
    pub rotated: Option<Timestamp>,
    /// When it was marked for deletion, if it was: no value can be read then.
    pub deleted: Option<Timestamp>,
}

/// The answer of a vault.
pub type VaultResult<T> = Result<T, VaultError>;

/// Where secrets are kept. No error holds a value.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The version at a stage.
    async fn get(&self, name: &SecretName, stage: Stage) -> VaultResult<Version>;

    /// The secret's first version. [`VaultError::Taken`] if there is a secret of this name.
    async fn create(&self, name: &SecretName, values: &Values) -> VaultResult<VersionId>;

    /// A new version, with all of its values. With an id of the caller's the call can be repeated: the same values
    /// change nothing, others are [`VaultError::Taken`]. Without one, every call makes a version.
    async fn put(
        &self,
        name: &SecretName,
        values: &Values,
        as_: PutAs,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId>;

    /// A new version in use, with all of its values, if `read` is still the current one;
    /// [`VaultError::Changed`] if it is not, and then nothing has changed. With the same id and values the call can be
    /// repeated.
    async fn replace(
        &self,
        name: &SecretName,
        values: &Values,
        read: &VersionId,
        version: &VersionId,
    ) -> VaultResult<()>;

    /// Makes a version the current one, and the current one the previous, if `from` is still current (`None`: if
    /// none is); [`VaultError::Changed`] if it is not.
    async fn promote(
        &self,
        name: &SecretName,
        version: &VersionId,
        from: Option<&VersionId>,
    ) -> VaultResult<()>;

    /// Takes `AWSPENDING` from a version.
    async fn withdraw(&self, name: &SecretName, version: &VersionId) -> VaultResult<()>;

    /// What is known of a secret without its values.
    async fn describe(&self, name: &SecretName) -> VaultResult<Description>;
}
