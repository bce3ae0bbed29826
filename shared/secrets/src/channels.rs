use alerting::Credential;
use async_trait::async_trait;
use engine::ports::{ChannelSecrets, PortError, PortResult};
use environments::SecretKey;
use rollout::EnvironmentName;

use crate::cache::Cache;
use crate::error::{SERVICE, VaultError};
use crate::state::Answer;
use crate::vault::SecretName;

/// The secrets of channels, from the environment's secret `ace-flow/<environment>/secrets`, by their dotted keys.
pub struct ChannelSecret {
    cache: Cache,
    name: SecretName,
}

impl ChannelSecret {
    /// Those of an environment, read through this cache. Makes no call.
    pub fn new(cache: Cache, environment: &EnvironmentName) -> Self {
        Self { cache, name: SecretName::of(environment) }
    }

    fn credential_in(&self, answer: &Answer, key: &SecretKey) -> PortResult<Credential> {
        let found = answer.values.get(key.as_str()).filter(|secret| !secret.expose().is_empty());
        found.map(|secret| Credential::new(secret.expose())).ok_or_else(|| PortError::Permanent {
            service: SERVICE,
            detail: format!("secret {} has no key {key}", self.name),
            remedy: format!("put it there: ace secrets set {key}"),
        })
    }
}

#[async_trait]
impl ChannelSecrets for ChannelSecret {
    async fn credential(&self, key: &SecretKey) -> PortResult<Credential> {
        self.credential_in(&self.cache.read(&self.name).await?, key)
    }

    /// The cache looks once for each version that it holds: a credential that stays refused costs no calls.
    async fn newer(&self, key: &SecretKey) -> PortResult<Option<Credential>> {
        let held = self.cache.read(&self.name).await?;
        let answer = match self.cache.refused(&self.name, &held.version).await {
            Ok(answer) => answer,
            Err(VaultError::StillRefused { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let before = self.credential_in(&held, key).ok();
        let after = self.credential_in(&answer, key)?;
        Ok((before.as_ref() != Some(&after)).then_some(after))
    }
}
