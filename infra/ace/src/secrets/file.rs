//! A file secrets.yml in the place of Secrets Manager.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use environments::tree::{self, Kind, Secret as Written};
use rollout::EnvironmentName;
use secrets::{
    Change, Description, PutAs, Secret, SecretName, Stage, Values, Vault, VaultError, VaultResult, Version,
    VersionId,
};
use zeroize::Zeroizing;

use super::fingerprint::{Fingerprints, private_folder};
use super::yaml;

/// The values of a secrets.yml; its references are left alone. What was before, and what a rotation has prepared, is
/// in files beside the embedded stack's store that only the user can read. A version is the fingerprint of what it
/// holds. Writers wait for each other.
pub(crate) struct FileVault {
    path: PathBuf,
    state: PathBuf,
    environment: EnvironmentName,
    kind: Kind,
    fingerprints: Arc<Fingerprints>,
}

impl FileVault {
    pub(crate) fn new(
        path: PathBuf,
        state: &Path,
        environment: &EnvironmentName,
        kind: Kind,
        fingerprints: Arc<Fingerprints>,
    ) -> Self {
        Self { path, state: state.to_owned(), environment: environment.clone(), kind, fingerprints }
    }

    /// The version that these values are.
    pub(crate) fn version(&self, values: &Values) -> VaultResult<VersionId> {
        let json = values.to_json().map_err(|problem| failed(&self.path, &problem))?;
        let whole = self.fingerprints.of(&json).whole();
        whole.parse().map_err(|error| failed(&self.path, &error))
    }

    fn lock(&self) -> VaultResult<File> {
        let path = self.state.join(format!("{}.secrets.lock", self.environment));
        let locked = private_folder(&self.state).and_then(|()| File::create(&path)).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|error| failed(&path, &error))
    }

    fn kept(&self, stage: Stage) -> PathBuf {
        self.state.join(format!("{}.secrets.{}.json", self.environment, stage.label()))
    }

    /// The file's text and values; `None` if there is no file.
    fn current(&self) -> VaultResult<Option<(String, Values)>> {
        current(&self.path, self.kind)
    }

    fn at(&self, name: &SecretName, stage: Stage) -> VaultResult<Version> {
        let gone =
            || VaultError::NotFound { name: name.clone(), detail: format!("no {} in a file", stage.label()) };
        let values = if stage == Stage::Current {
            self.current()?.map(|(_, values)| values)
        } else {
            let path = self.kept(stage);
            match fs::read_to_string(&path).map(Zeroizing::new) {
                Ok(json) => Some(Values::from_json(&json).map_err(|problem| failed(&path, &problem))?),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(failed(&path, &error)),
            }
        };
        let values = values.ok_or_else(gone)?;
        Ok(Version { id: self.version(&values)?, values: Arc::new(values) })
    }

    fn id_at(&self, name: &SecretName, stage: Stage) -> VaultResult<Option<VersionId>> {
        match self.at(name, stage) {
            Ok(version) => Ok(Some(version.id)),
            Err(VaultError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, stage: Stage, values: &Values) -> VaultResult<()> {
        let path = self.kept(stage);
        let json = values.to_json().map_err(|problem| failed(&path, &problem))?;
        write(&path, &json).map_err(|error| failed(&path, &error))
    }

    /// Makes these the file's values, under the lock. What was there becomes the previous version.
    fn write(&self, values: &Values) -> VaultResult<()> {
        let (mut text, before) = self.current()?.unwrap_or_default();
        for (key, change) in values.changes_since(&before) {
            let two = key.as_str().split_once('.').filter(|(_, name)| !name.contains('.'));
            let (Some((group, name)), Some(value)) = (two, values.get(key.as_str())) else {
                let why = if change == Change::Removed {
                    format!("{key} has to be removed by hand")
                } else {
                    format!("{key} cannot be written: a key of a file has two parts, group.name")
                };
                return Err(failed(&self.path, &why));
            };
            text = yaml::with(&text, group, name, value.expose());
        }
        // What is written reads as what was meant, or is not written.
        if read(&self.path, self.kind, &text).ok().as_ref() != Some(values) {
            let why = "its values cannot be changed in place: write them in blocks, `secrets:`, below it a group, \
                       below that `name: \"value\"`, or change them by hand";
            return Err(failed(&self.path, &why));
        }
        if before.keys().next().is_some() {
            self.keep(Stage::Previous, &before)?;
        }
        write(&self.path, &text).map_err(|error| failed(&self.path, &error))
    }
}

/// A secrets.yml's text and values; `None` if there is no file.
pub(crate) fn current(path: &Path, kind: Kind) -> VaultResult<Option<(String, Values)>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, &error)),
    };
    let values = read(path, kind, &text)?;
    Ok(Some((text, values)))
}

fn read(path: &Path, kind: Kind, text: &str) -> VaultResult<Values> {
    let file = tree::File { name: path.display().to_string(), text: text.to_owned() };
    let written = tree::secrets_of(&file, kind).map_err(|refused| failed(path, &refused))?;
    let mut values = Values::default();
    for (key, written) in written {
        if let Written::Value(value) = written {
            let key = key.parse().map_err(|error| failed(path, &error))?;
            let set = values.set(key, Secret::new(value.reveal().to_owned()));
            drop(set.map_err(|error| failed(path, &error))?);
        }
    }
    Ok(values)
}

/// Replaces a file as a whole, readable only for its owner.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn failed(path: &Path, detail: &dyn std::fmt::Display) -> VaultError {
    VaultError::File { place: path.display().to_string(), detail: detail.to_string() }
}

#[async_trait]
impl Vault for FileVault {
    async fn get(&self, name: &SecretName, stage: Stage) -> VaultResult<Version> {
        self.at(name, stage)
    }

    async fn create(&self, name: &SecretName, values: &Values) -> VaultResult<VersionId> {
        let _lock = self.lock()?;
        if self.current()?.is_some() {
            return Err(VaultError::Taken { name: name.clone(), detail: "the file is there".to_owned() });
        }
        self.write(values)?;
        self.version(values)
    }

    async fn put(
        &self,
        name: &SecretName,
        values: &Values,
        as_: PutAs,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        let id = self.version(values)?;
        if version.is_some_and(|version| *version != id) {
            let detail = "a file's version is what it holds".to_owned();
            return Err(VaultError::Taken { name: name.clone(), detail });
        }
        let _lock = self.lock()?;
        match as_ {
            PutAs::Current => self.write(values)?,
            PutAs::Pending => self.keep(Stage::Pending, values)?,
        }
        Ok(id)
    }

    async fn replace(
        &self,
        name: &SecretName,
        values: &Values,
        read: &VersionId,
        _: &VersionId,
    ) -> VaultResult<()> {
        let _lock = self.lock()?;
        if self.id_at(name, Stage::Current)?.as_ref() != Some(read) {
            return Err(VaultError::Changed { name: name.clone() });
        }
        self.write(values)
    }

    async fn promote(
        &self,
        name: &SecretName,
        version: &VersionId,
        from: Option<&VersionId>,
    ) -> VaultResult<()> {
        let _lock = self.lock()?;
        if self.id_at(name, Stage::Current)?.as_ref() != from {
            return Err(VaultError::Changed { name: name.clone() });
        }
        for stage in [Stage::Pending, Stage::Previous] {
            match self.at(name, stage) {
                Ok(found) if found.id == *version => return self.write(&found.values),
                Ok(_) | Err(VaultError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(VaultError::NotFound { name: name.clone(), detail: format!("no version {version} in a file") })
    }

    async fn withdraw(&self, name: &SecretName, version: &VersionId) -> VaultResult<()> {
        let _lock = self.lock()?;
        if self.id_at(name, Stage::Pending)?.as_ref() != Some(version) {
            let detail = format!("version {version} is not {}", Stage::Pending.label());
            return Err(VaultError::NotFound { name: name.clone(), detail });
        }
        let path = self.kept(Stage::Pending);
        fs::remove_file(&path).map_err(|error| failed(&path, &error))
    }

    async fn describe(&self, name: &SecretName) -> VaultResult<Description> {
        let mut stages = std::collections::BTreeMap::new();
        for stage in Stage::ALL {
            if let Some(id) = self.id_at(name, stage)? {
                stages.insert(stage, id);
            }
        }
        Ok(Description { stages, changed: None, rotated: None, deleted: None })
    }
}
