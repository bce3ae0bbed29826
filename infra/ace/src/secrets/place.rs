//! Where an environment's secrets are: in Secrets Manager, or in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use environments::tree::{File, Kind};
use rollout::EnvironmentName;
use secrets::{SecretName, Values, Vault, VersionId};
use serde::Deserialize;

use super::error::SecretsError;
use super::file::FileVault;
use super::fingerprint::Fingerprints;
use super::random;
use crate::arguments::Files;
use crate::backend::is_here;

/// The secrets of an environment.
pub(crate) struct Place {
    /// The secret.
    pub(crate) name: SecretName,
    /// Where it is.
    pub(crate) vault: Arc<dyn Vault>,
    /// What people call it: the secret's name, or the file's.
    pub(crate) shown: String,
    file: Option<Arc<FileVault>>,
    pub(crate) fingerprints: Arc<Fingerprints>,
}

impl Place {
    /// Those of the environment that is asked for.
    pub(crate) fn open(place: &Files) -> Result<Self, SecretsError> {
        Self::of(place, &place.environment)
    }

    /// Those of another environment.
    pub(crate) fn of(place: &Files, environment: &EnvironmentName) -> Result<Self, SecretsError> {
        let name = SecretName::of(environment);
        let fingerprints = Arc::new(Fingerprints::open(&place.state)?);
        if !is_here(environment, place.embedded) {
            let vault = secrets_manager()?;
            return Ok(Self { shown: name.to_string(), name, vault, file: None, fingerprints });
        }
        let kind = kind(&place.tree, environment);
        if !kind.may_hold_secrets() {
            return Err(SecretsError::NoValuesInFile { environment: environment.to_string() });
        }
        let path = secrets_file(&place.tree, environment);
        let shown = path.display().to_string();
        let file = FileVault::new(path, &place.state, environment, kind, Arc::clone(&fingerprints));
        let file = Arc::new(file);
        Ok(Self { name, vault: Arc::<FileVault>::clone(&file), shown, file: Some(file), fingerprints })
    }

    /// The id of a new version. A file's version is what it holds.
    pub(crate) fn version(&self, values: &Values) -> Result<VersionId, SecretsError> {
        match &self.file {
            Some(file) => Ok(file.version(values)?),
            None => random::version(),
        }
    }

    /// Whether it is a file.
    pub(crate) const fn is_file(&self) -> bool {
        self.file.is_some()
    }
}

/// An environment's secrets.yml.
pub(crate) fn secrets_file(tree: &Path, environment: &EnvironmentName) -> PathBuf {
    tree.join(environment.as_str()).join("secrets.yml")
}

/// A file as the reader of configurations takes it; `None` if there is none.
pub(crate) fn text(path: &Path) -> Result<Option<File>, SecretsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(File { name: path.display().to_string(), text })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretsError::Place { place: path.display().to_string(), source }),
    }
}

/// What the environment is for, by its folder and the stage that its configuration names.
pub(crate) fn kind(tree: &Path, environment: &EnvironmentName) -> Kind {
    #[derive(Deserialize)]
    struct Head {
        environment: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        stage: Option<String>,
    }
    let config = std::fs::read_to_string(tree.join(environment.as_str()).join("config.yml"));
    // `ace validate` tells what is wrong with it; without a stage only the folder's name counts.
    let stage = config
        .ok()
        .and_then(|text| serde_saphyr::from_str::<Head>(&text).ok())
        .and_then(|head| head.environment.stage);
    Kind::of(environment.as_str(), stage.as_deref())
}

#[cfg(feature = "aws")]
fn secrets_manager() -> Result<Arc<dyn Vault>, SecretsError> {
    let config = aws_client::from_env().map_err(SecretsError::Aws)?;
    Ok(Arc::new(secrets::SecretsManager::new(&config)))
}

#[cfg(not(feature = "aws"))]
fn secrets_manager() -> Result<Arc<dyn Vault>, SecretsError> {
    Err(SecretsError::WithoutAws)
}
