use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::primitives::DateTime;
use jiff::Timestamp;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::error::{SERVICE, VaultError};
use crate::values::{Problem, Values};
use crate::vault::{Description, PutAs, SecretName, Stage, Vault, VaultResult, Version, VersionId};

/// AWS Secrets Manager.
#[derive(Clone, Debug)]
pub struct SecretsManager(Client);

/// What a version is labelled with until it is put to use: a version without any label may be deleted.
const REPLACING: &str = "ACE_FLOW_REPLACING";

/// Whether a request held a value, which AWS's message on a refusal may then repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Names,
    Values,
}

impl SecretsManager {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    async fn put_with(
        &self,
        name: &SecretName,
        values: &Values,
        label: &str,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        let json = values.to_json().map_err(unusable(name))?;
        let call = self
            .0
            .put_secret_value()
            .secret_id(name.as_str())
            .secret_string(json.as_str())
            .version_stages(label)
            .set_client_request_token(version.map(|version| version.as_str().to_owned()));
        let answer = unlogged(call.send()).await;
        let answer =
            answer.map_err(|error| refusal(name, "secretsmanager:PutSecretValue", Sent::Values, &error))?;
        told(name, answer.version_id)
    }

    async fn move_label(
        &self,
        name: &SecretName,
        label: &str,
        to: Option<&VersionId>,
        from: Option<&VersionId>,
    ) -> VaultResult<()> {
        let text = |version: &VersionId| version.as_str().to_owned();
        let call = self
            .0
            .update_secret_version_stage()
            .secret_id(name.as_str())
            .version_stage(label)
            .set_move_to_version_id(to.map(text))
            .set_remove_from_version_id(from.map(text));
        let moved = unlogged(call.send()).await;
        moved
            .map_err(|error| refusal(name, "secretsmanager:UpdateSecretVersionStage", Sent::Names, &error))?;
        Ok(())
    }
}

/// A call without the SDK's own log, which shows requests and answers at level TRACE.
async fn unlogged<F: Future>(call: F) -> F::Output {
    call.with_subscriber(NoSubscriber::default()).await
}

/// What a failed call comes to, in words that hold no value.
fn refusal<E>(
    name: &SecretName,
    action: &'static str,
    sent: Sent,
    error: &SdkError<E, HttpResponse>,
) -> VaultError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut fault = Fault::new(action, error);
    // A parser that fails on an answer may quote it, and a validation of a request may quote that.
    let quotes = match error {
        SdkError::ServiceError(_) => sent == Sent::Values && fault.kind == FaultKind::Refused,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => false,
        _ => true,
    };
    if quotes {
        "its message is withheld, as it may hold the value".clone_into(&mut fault.message);
    }
    let name = name.clone();
    let detail = fault.detail();
    match (fault.code.as_deref(), fault.kind) {
        (Some("ResourceExistsException"), _) => VaultError::Taken { name, detail },
        // The role may not use the key, or the key is disabled: Secrets Manager API Reference, `GetSecretValue`.
        (Some("DecryptionFailure" | "EncryptionFailure"), _) | (_, FaultKind::Denied) => {
            VaultError::Denied { name, detail }
        }
        (_, FaultKind::Throttled | FaultKind::Unavailable) => VaultError::Unavailable { name, detail },
        (_, FaultKind::NotFound) => VaultError::NotFound { name, detail },
        (_, FaultKind::Refused) => VaultError::Refused { name, detail },
    }
}

fn unusable(name: &SecretName) -> impl FnOnce(Problem) -> VaultError + '_ {
    |problem| VaultError::Unusable { name: name.clone(), problem }
}

/// The id in an answer, which always has one.
fn told(name: &SecretName, id: Option<String>) -> VaultResult<VersionId> {
    id.map(VersionId::told).ok_or_else(|| VaultError::Unavailable {
        name: name.clone(),
        detail: format!("{SERVICE} answered without a version id"),
    })
}

fn timestamp(at: DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

#[async_trait]
impl Vault for SecretsManager {
    async fn get(&self, name: &SecretName, stage: Stage) -> VaultResult<Version> {
        let call = self.0.get_secret_value().secret_id(name.as_str()).version_stage(stage.label());
        let answer = unlogged(call.send()).await;
        let answer =
            answer.map_err(|error| refusal(name, "secretsmanager:GetSecretValue", Sent::Names, &error))?;
        let id = told(name, answer.version_id)?;
        let json = answer.secret_string.map(zeroize::Zeroizing::new);
        let values = json.ok_or(Problem::Binary).and_then(|json| Values::from_json(&json));
        Ok(Version { id, values: Arc::new(values.map_err(unusable(name))?) })
    }

    async fn create(&self, name: &SecretName, values: &Values) -> VaultResult<VersionId> {
        let json = values.to_json().map_err(unusable(name))?;
        let call = self.0.create_secret().name(name.as_str()).secret_string(json.as_str());
        let answer = unlogged(call.send()).await;
        let answer =
            answer.map_err(|error| refusal(name, "secretsmanager:CreateSecret", Sent::Values, &error))?;
        told(name, answer.version_id)
    }

    async fn put(
        &self,
        name: &SecretName,
        values: &Values,
        as_: PutAs,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        self.put_with(name, values, Stage::from(as_).label(), version).await
    }

    /// `PutSecretValue` has no condition, `UpdateSecretVersionStage` has one: it fails unless `AWSCURRENT` is on the
    /// version that it is to be removed from (Secrets Manager API Reference, `RemoveFromVersionId`).
    async fn replace(
        &self,
        name: &SecretName,
        values: &Values,
        read: &VersionId,
        version: &VersionId,
    ) -> VaultResult<()> {
        self.put_with(name, values, REPLACING, Some(version)).await?;
        let moved = self.promote(name, version, Some(read)).await;
        // Without a label a version that lost goes by itself. The label may be on another writer's version by now.
        if let Err(kept) = self.move_label(name, REPLACING, None, Some(version)).await {
            tracing::info!(secret.name = %name, reason = %kept, "a label stays on a version");
        }
        moved
    }

    async fn promote(
        &self,
        name: &SecretName,
        version: &VersionId,
        from: Option<&VersionId>,
    ) -> VaultResult<()> {
        let Err(error) = self.move_label(name, Stage::Current.label(), Some(version), from).await else {
            return Ok(());
        };
        // The condition's failure has no code of its own. A repeated call finds its own work done.
        if matches!(error, VaultError::Refused { .. } | VaultError::NotFound { .. }) {
            let stages = self.describe(name).await?.stages;
            match stages.get(&Stage::Current) {
                Some(current) if current == version => return Ok(()),
                current if current != from => return Err(VaultError::Changed { name: name.clone() }),
                _ => {}
            }
        }
        Err(error)
    }

    async fn withdraw(&self, name: &SecretName, version: &VersionId) -> VaultResult<()> {
        self.move_label(name, Stage::Pending.label(), None, Some(version)).await
    }

    async fn describe(&self, name: &SecretName) -> VaultResult<Description> {
        let answer = unlogged(self.0.describe_secret().secret_id(name.as_str()).send()).await;
        let answer =
            answer.map_err(|error| refusal(name, "secretsmanager:DescribeSecret", Sent::Names, &error))?;
        let versions = answer.version_ids_to_stages.unwrap_or_default();
        let stages = versions.iter().flat_map(|(id, labels)| {
            let known = |stage: &Stage| labels.iter().any(|label| label == stage.label());
            Stage::ALL.into_iter().filter(known).map(|stage| (stage, VersionId::told(id.clone())))
        });
        Ok(Description {
            stages: stages.collect(),
            changed: answer.last_changed_date.and_then(timestamp),
            rotated: answer.last_rotated_date.and_then(timestamp),
            deleted: answer.deleted_date.and_then(timestamp),
        })
    }
}
