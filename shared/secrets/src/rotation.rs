use crate::error::VaultError;
use crate::values::Values;
use crate::vault::{PutAs, SecretName, Stage, Vault, VaultResult, VersionId};

/// Prepares new values as version `version`, at `AWSPENDING`: nobody uses them yet.
///
/// Can be repeated with the same version id and the same values, after a crash as well; ends with
/// [`VaultError::RotationUnderWay`] while another version is prepared. That is how rotation functions of AWS decide,
/// too (Secrets Manager User Guide, "Lambda rotation functions"): `AWSPENDING` beside `AWSCURRENT` on one version is
/// a rotation that has ended.
pub async fn stage(
    vault: &dyn Vault,
    name: &SecretName,
    values: &Values,
    version: VersionId,
) -> VaultResult<Staged> {
    let mut stages = vault.describe(name).await?.stages;
    let current = stages.remove(&Stage::Current);
    let pending = stages.remove(&Stage::Pending);
    if let Some(pending) = &pending
        && *pending != version
        && Some(pending) != current.as_ref()
    {
        return Err(VaultError::RotationUnderWay { name: name.clone(), version: pending.clone() });
    }
    let in_use = current.as_ref() == Some(&version);
    if !in_use {
        vault.put(name, values, PutAs::Pending, Some(&version)).await?;
    }
    let pending = !in_use || pending.as_ref() == Some(&version);
    Ok(Staged { name: name.clone(), version, current, pending })
}

/// A version that waits to be used. Try its credentials, then [`promote`](Self::promote) or
/// [`withdraw`](Self::withdraw) it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a staged version is used by nobody until it is promoted"]
pub struct Staged {
    name: SecretName,
    version: VersionId,
    current: Option<VersionId>,
    /// Whether `AWSPENDING` is on it: after a crash it may be in use already, and the label gone.
    pending: bool,
}

impl Staged {
    /// The secret.
    pub const fn name(&self) -> &SecretName {
        &self.name
    }

    /// The prepared version.
    pub const fn version(&self) -> &VersionId {
        &self.version
    }

    /// The version that was current when this was staged: what the new values have to be made from. If they are not,
    /// [`withdraw`](Self::withdraw) it: another writer's keys would be lost.
    pub const fn replaces(&self) -> Option<&VersionId> {
        self.current.as_ref()
    }

    /// Puts it to use: it becomes `AWSCURRENT`, what was current `AWSPREVIOUS`. Refused if the current version is
    /// another one than when this was staged. A cache of this process has to be told:
    /// [`Cache::promote`](crate::Cache::promote) does both.
    pub async fn promote(&self, vault: &dyn Vault) -> VaultResult<()> {
        if self.current.as_ref() != Some(&self.version) {
            vault.promote(&self.name, &self.version, self.current.as_ref()).await?;
        }
        self.unlabel(vault).await
    }

    /// Gives it up: what is current stays.
    pub async fn withdraw(self, vault: &dyn Vault) -> VaultResult<()> {
        self.unlabel(vault).await
    }

    async fn unlabel(&self, vault: &dyn Vault) -> VaultResult<()> {
        if self.pending { vault.withdraw(&self.name, &self.version).await } else { Ok(()) }
    }
}
