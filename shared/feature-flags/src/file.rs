use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rollout::EnvironmentName;

use crate::document::{Document, NotOurs};
use crate::publish::{FlagsError, Shelf, Stored, Written};

/// Files `<environment>.features.json` in a folder, for the embedded stack: beside its store. A file is replaced as a
/// whole, so that who reads it never sees a half.
#[derive(Clone, Debug)]
pub struct FileShelf(PathBuf);

impl FileShelf {
    /// In this folder, which is made when something is written.
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The file of an environment.
    pub fn path(&self, environment: &EnvironmentName) -> PathBuf {
        self.0.join(format!("{environment}.features.json"))
    }
}

fn failed(path: &Path, error: &io::Error) -> FlagsError {
    FlagsError::Place {
        place: path.display().to_string(),
        detail: error.to_string(),
        remedy: "make the folder writable, or name another one".to_owned(),
        transient: false,
    }
}

fn stored(path: &Path) -> Result<Option<Stored>, FlagsError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let document = Document::from_json(&text);
            // A file has no version of its own: of one that was changed by hand it is what it says, if it says any.
            let told = || serde_json::from_str::<serde_json::Value>(&text).ok()?.get("version")?.as_u64();
            let revision = document.as_ref().ok().map(Document::version).or_else(told).unwrap_or(1);
            Ok(Some(Stored { revision, document }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            let reason = "it is no text".to_owned();
            Ok(Some(Stored { revision: 1, document: Err(NotOurs::Unreadable { reason }) }))
        }
        Err(error) => Err(failed(path, &error)),
    }
}

#[async_trait]
impl Shelf for FileShelf {
    async fn read(&self, environment: &EnvironmentName) -> Result<Option<Stored>, FlagsError> {
        stored(&self.path(environment))
    }

    async fn write(
        &self,
        environment: &EnvironmentName,
        json: &str,
        revision: u64,
    ) -> Result<Written, FlagsError> {
        let path = self.path(environment);
        let failed = |error: io::Error| failed(&path, &error);
        fs::create_dir_all(&self.0).map_err(failed)?;
        let lock = File::create(self.0.join(format!("{environment}.features.lock"))).map_err(failed)?;
        // Until it is dropped.
        lock.lock().map_err(failed)?;
        if stored(&path)?.map_or(0, |stored| stored.revision) != revision {
            return Ok(Written::Raced);
        }
        let mut new = tempfile::NamedTempFile::new_in(&self.0).map_err(failed)?;
        new.write_all(json.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(failed)?;
        new.persist(&path).map_err(|error| failed(error.error))?;
        Ok(Written::Next)
    }
}
