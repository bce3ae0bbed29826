use approval_link::{Key, Keyring, WeakKey};
use async_trait::async_trait;
use engine::ports::{ApprovalKeys, PortError, PortResult};
use rollout::EnvironmentName;

use crate::cache::Cache;
use crate::error::{SERVICE, VaultError};
use crate::state::Answer;
use crate::vault::SecretName;

/// The keys of approval links, from the secret `ace-flow/<environment>/approvals`: `{"current": ..., "previous": ...}`, of
/// which the second may be absent or empty.
///
/// To rotate them, put a new `current` and make the one before it `previous`: links that it signed stay valid until they
/// expire. A function that holds the old keys learns of the new ones within five minutes, or as soon as it is shown a link
/// that none of its keys has signed.
pub struct ApprovalSecret {
    cache: Cache,
    name: SecretName,
}

impl ApprovalSecret {
    /// That of an environment, read through this cache. Makes no call.
    pub fn new(cache: Cache, environment: &EnvironmentName) -> Self {
        Self { cache, name: SecretName::of_approvals(environment) }
    }

    fn keyring(&self, answer: &Answer) -> PortResult<Keyring> {
        let key = |name: &str| answer.values.get(name).filter(|secret| !secret.expose().is_empty());
        let Some(current) = key("current") else {
            return Err(self.unusable("it has no key current"));
        };
        let weak = |error: WeakKey| self.unusable(&error.to_string());
        let current = Key::new(current.expose()).map_err(weak)?;
        let previous = key("previous").map(|secret| Key::new(secret.expose())).transpose().map_err(weak)?;
        Ok(Keyring::new(current, previous))
    }

    fn unusable(&self, detail: &str) -> PortError {
        PortError::Permanent {
            service: SERVICE,
            detail: format!("secret {} cannot be used: {detail}", self.name),
            remedy: "write {\"current\": \"<64 random letters and digits>\"} into it".to_owned(),
        }
    }
}

#[async_trait]
impl ApprovalKeys for ApprovalSecret {
    async fn keys(&self) -> PortResult<Keyring> {
        self.keyring(&self.cache.read(&self.name).await?)
    }

    /// The cache looks once for each version that it holds: forged links cost no calls.
    async fn newer(&self) -> PortResult<Option<Keyring>> {
        let held = self.cache.read(&self.name).await?;
        match self.cache.refused(&self.name, &held.version).await {
            Ok(answer) => self.keyring(&answer).map(Some),
            Err(VaultError::StillRefused { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
