use engine::ports::PortError;

use crate::values::{Key, Problem};
use crate::vault::{SecretName, VersionId};

pub(crate) const SERVICE: &str = "Secrets Manager";

/// Why a secret could not be read or changed. Names the secret and what helps, and never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It may work in a moment: throttled, timed out, connection lost.
    #[error("secret {name} cannot be reached: {detail}; it may succeed when tried again")]
    Unavailable {
        /// The secret.
        name: SecretName,
        /// What happened.
        detail: String,
    },
    /// Reading or changing it is not allowed.
    #[error(
        "secret {name} is not open to us: {detail}; allow the action on the secret, and kms:Decrypt and \
         kms:GenerateDataKey on its key, to the role, and check its credentials"
    )]
    Denied {
        /// The secret.
        name: SecretName,
        /// What happened.
        detail: String,
    },
    /// There is no such secret, or no version at the stage that was asked for.
    #[error(
        "secret {name} or the version asked for does not exist: {detail}; create it (ace secrets set), or correct \
         the environment's name or the region"
    )]
    NotFound {
        /// The secret.
        name: SecretName,
        /// What happened.
        detail: String,
    },
    /// The name or the version id is in use.
    #[error(
        "secret {name} has this already: {detail}; put a new version instead of creating the secret, or repeat a \
         version's id only with the same values"
    )]
    Taken {
        /// The secret.
        name: SecretName,
        /// What happened.
        detail: String,
    },
    /// It will be refused again until somebody changes something.
    #[error(
        "secret {name} was refused: {detail}; look at its state (aws secretsmanager describe-secret --secret-id \
         {name}): is it marked for deletion, or was a version changed by somebody else?"
    )]
    Refused {
        /// The secret.
        name: SecretName,
        /// What happened.
        detail: String,
    },
    /// Somebody else changed it after it was read: nothing was written.
    #[error("secret {name} was changed by somebody else meanwhile: read it again, and repeat the change")]
    Changed {
        /// The secret.
        name: SecretName,
    },
    /// Its content is not the keys and texts that it should be.
    #[error("secret {name} cannot be used: {problem}")]
    Unusable {
        /// The secret.
        name: SecretName,
        /// What is wrong, and what helps.
        problem: Problem,
    },
    /// A key that somebody needs is not in it.
    #[error("secret {name} has no key {key}: add it (ace secrets set)")]
    MissingKey {
        /// The secret.
        name: SecretName,
        /// The key.
        key: Key,
    },
    /// A file that stands in for Secrets Manager cannot be read or written.
    #[error("secrets in {place}: {detail}")]
    File {
        /// The file.
        place: String,
        /// What happened, and what helps.
        detail: String,
    },
    /// The credential was refused, and the secret holds no newer one.
    #[error(
        "secret {name} still holds version {version}, whose credential was refused: rotate it (ace secrets rotate), \
         or restore the credential where it is used"
    )]
    StillRefused {
        /// The secret.
        name: SecretName,
        /// The version that was refused.
        version: VersionId,
    },
    /// Another rotation has prepared a version and not ended.
    #[error(
        "secret {name} is being rotated to version {version}: wait until that has ended, or, if it was interrupted, give it \
         up (ace secrets rotate --abandon)"
    )]
    RotationUnderWay {
        /// The secret.
        name: SecretName,
        /// The prepared version.
        version: VersionId,
    },
}

impl VaultError {
    /// Whether somebody else was faster: what was read is not current any more.
    pub const fn is_changed(&self) -> bool {
        matches!(self, Self::Changed { .. })
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<VaultError> for PortError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Unavailable { name, detail } => {
                Self::Transient { service: SERVICE, detail: format!("secret {name}: {detail}") }
            }
            lasting => Self::Permanent {
                service: SERVICE,
                detail: lasting.to_string(),
                remedy: "nothing is tried again until that is done".to_owned(),
            },
        }
    }
}
