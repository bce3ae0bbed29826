//! `ace secrets set`.

use std::sync::Arc;

use environments::tree::{Kind, Secret as Written, secrets_of};
use secrets::{Key, PutAs, Secret, Stage, Values, VaultError, VersionId};
use serde_json::json;

use super::error::SecretsError;
use super::place::{self, Place};
use super::{Set, editor, input, key};
use crate::Ending;
use crate::arguments::Output;

/// How often a change is begun again because somebody else changed another key.
const ATTEMPTS: u32 = 8;

/// What a change did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The secret was not there.
    Created(VersionId),
    /// There is a new version.
    Changed(VersionId),
    /// Everything was so already.
    Unchanged,
}

pub(crate) async fn set(arguments: &Set) -> Result<Ending, SecretsError> {
    arguments.refused.check()?;
    let wanted = match &arguments.from_file {
        Some(file) => values_of(file)?,
        None => vec![one(arguments).await?],
    };
    let place = Place::open(&arguments.place)?;
    let applied = apply(&place, &wanted).await?;
    let (done, version) = match &applied {
        Applied::Created(version) => ("created", Some(version)),
        Applied::Changed(version) => ("set", Some(version)),
        Applied::Unchanged => ("unchanged", None),
    };
    for (key, value) in &wanted {
        let fingerprint = place.fingerprints.of(value.expose()).to_string();
        match arguments.output.output {
            Output::Human => println!("{done}: {key} in {}, fingerprint {fingerprint}", place.shown),
            Output::Json => println!(
                "{}",
                json!({
                    "key": key.as_str(), "done": done, "fingerprint": fingerprint,
                    "version": version.map(VersionId::as_str),
                })
            ),
        }
    }
    Ok(Ending::Good)
}

async fn one(arguments: &Set) -> Result<(Key, Secret), SecretsError> {
    let key = key(arguments.key.as_ref())?;
    if !arguments.editor {
        let value = input::value(&key)?;
        return Ok((key, value));
    }
    let editor = std::env::var("EDITOR").map_err(|_| SecretsError::NoEditor)?;
    let place = Place::open(&arguments.place)?;
    let old = match place.vault.get(&place.name, Stage::Current).await {
        Ok(version) => version.values.get(key.as_str()).cloned(),
        Err(VaultError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let value = editor::edit(&editor, &key, old.as_ref()).await?;
    Ok((key, value))
}

fn values_of(path: &std::path::Path) -> Result<Vec<(Key, Secret)>, SecretsError> {
    let gone = || SecretsError::Place {
        place: path.display().to_string(),
        source: std::io::ErrorKind::NotFound.into(),
    };
    let file = place::text(path)?.ok_or_else(gone)?;
    // Wherever the file stands, it is on the way to where values belong.
    let written = secrets_of(&file, Kind::Development).map_err(|refused| SecretsError::Mistakes {
        place: file.name.clone(),
        mistakes: refused.to_string(),
    })?;
    let values = written.into_iter().filter_map(|(key, written)| match written {
        Written::Value(value) => Some((key, Secret::new(value.reveal().to_owned()))),
        Written::Reference(_) => None,
    });
    values.map(|(key, value)| Ok((key.parse()?, value))).collect()
}

/// Sets these keys and leaves all others as they are, also those that somebody else sets meanwhile.
pub(crate) async fn apply(place: &Place, wanted: &[(Key, Secret)]) -> Result<Applied, SecretsError> {
    let (vault, name) = (&*place.vault, &place.name);
    let mut first: Option<Arc<Values>> = None;
    for _ in 0..ATTEMPTS {
        let read = match vault.get(name, Stage::Current).await {
            Ok(read) => read,
            Err(VaultError::NotFound { .. }) => match create(place, wanted).await? {
                Some(version) => return Ok(Applied::Created(version)),
                None => continue,
            },
            Err(error) => return Err(error.into()),
        };
        let before = first.get_or_insert_with(|| Arc::clone(&read.values));
        for (key, _) in wanted {
            if before.get(key.as_str()) != read.values.get(key.as_str()) {
                return Err(SecretsError::KeyChanged { key: key.clone() });
            }
        }
        let new = with(&read.values, wanted)?;
        if new == *read.values {
            return Ok(Applied::Unchanged);
        }
        let version = place.version(&new)?;
        match vault.replace(name, &new, &read.id, &version).await {
            Ok(()) => return Ok(Applied::Changed(version)),
            Err(error) if error.is_changed() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(SecretsError::Contended { place: place.shown.clone() })
}

/// The secret's first version; `None` if somebody else made it.
async fn create(place: &Place, wanted: &[(Key, Secret)]) -> Result<Option<VersionId>, SecretsError> {
    let (vault, name) = (&*place.vault, &place.name);
    let new = with(&Values::default(), wanted)?;
    match vault.create(name, &new).await {
        Ok(version) => Ok(Some(version)),
        Err(VaultError::Taken { .. }) => {
            // CloudFormation makes secrets without any version.
            if vault.describe(name).await?.stages.contains_key(&Stage::Current) {
                return Ok(None);
            }
            Ok(Some(vault.put(name, &new, PutAs::Current, Some(&place.version(&new)?)).await?))
        }
        Err(error) => Err(error.into()),
    }
}

/// The same with other values for these keys.
pub(crate) fn with(values: &Values, wanted: &[(Key, Secret)]) -> Result<Values, SecretsError> {
    let mut new = values.clone();
    for (key, value) in wanted {
        new.set(key.clone(), value.clone())?;
    }
    Ok(new)
}
