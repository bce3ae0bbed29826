//! The secrets of channels, for the embedded stack: those of the environment's own file.

use std::path::{Path, PathBuf};

use alerting::Credential;
use async_trait::async_trait;
use engine::ports::{ChannelSecrets, PortError, PortResult};
use environments::SecretKey;
use environments::tree::Kind;
use rollout::EnvironmentName;

use super::file::current;
use super::place::{kind, secrets_file};
use crate::backend::is_here;

/// An environment's secrets.yml, where it may hold values. It is read for each message, so that what was set counts at once.
pub(crate) struct FileSecrets {
    path: PathBuf,
    kind: Kind,
    environment: EnvironmentName,
}

impl FileSecrets {
    /// Of an environment of this tree. Reads what it is for, and no secret.
    pub(crate) fn new(tree: &Path, environment: &EnvironmentName) -> Self {
        let (path, kind) = (secrets_file(tree, environment), kind(tree, environment));
        Self { path, kind, environment: environment.clone() }
    }

    fn read(&self, key: &SecretKey) -> Result<Credential, (String, String)> {
        let Self { path, kind, environment } = self;
        if !kind.may_hold_secrets() {
            let detail = format!("{key} of environment {environment} is no secret of this machine");
            return Err((detail, "its stack on AWS tells this channel; a rehearsal does not".to_owned()));
        }
        let values = current(path, *kind).map_err(|error| {
            (error.to_string(), format!("`ace validate --environment {environment}` tells its mistakes"))
        })?;
        let found = values.as_ref().and_then(|(_, values)| values.get(key.as_str()));
        let found = found.filter(|secret| !secret.expose().is_empty());
        found.map(|secret| Credential::new(secret.expose())).ok_or_else(|| {
            let embedded = if is_here(environment, false) { "" } else { " --embedded" };
            let set = format!("set it: ace secrets set {key} --environment {environment}{embedded}");
            (format!("{} has no {key}", path.display()), set)
        })
    }
}

#[async_trait]
impl ChannelSecrets for FileSecrets {
    async fn credential(&self, key: &SecretKey) -> PortResult<Credential> {
        let service = "the embedded stack";
        self.read(key).map_err(|(detail, remedy)| PortError::Permanent { service, detail, remedy })
    }

    /// There is none: it has just been read.
    async fn newer(&self, _: &SecretKey) -> PortResult<Option<Credential>> {
        Ok(None)
    }
}
