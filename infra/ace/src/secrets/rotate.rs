//! `ace secrets rotate`.

use secrets::{Key, Secret, Stage, VaultError, VersionId, stage};
use serde_json::json;

use super::error::SecretsError;
use super::place::Place;
use super::set::with;
use super::{Rotate, input, key, random, verify};
use crate::Ending;
use crate::arguments::Output;

pub(crate) async fn rotate(arguments: &Rotate) -> Result<Ending, SecretsError> {
    arguments.refused.check()?;
    if arguments.abandon {
        let place = Place::open(&arguments.place)?;
        let version = abandon(&place).await?;
        match arguments.output.output {
            Output::Human => {
                println!("abandoned: version {version} of {}; what is current stays", place.shown);
            }
            Output::Json => println!("{}", json!({ "done": "abandoned", "version": version.as_str() })),
        }
        return Ok(Ending::Good);
    }
    let key = key(arguments.key.as_ref())?;
    let place = Place::open(&arguments.place)?;
    let (done, version, value) = if arguments.rollback {
        let (version, value) = bring_back(&place, &key).await?;
        ("brought back", version, value)
    } else {
        let value = if arguments.stdin {
            input::value(&key)?
        } else {
            random::value(arguments.length, arguments.alphabet)?
        };
        let version = to(&place, &key, &value, arguments.verify.as_deref()).await?;
        ("rotated", version, value)
    };
    let fingerprint = place.fingerprints.of(value.expose()).to_string();
    match arguments.output.output {
        Output::Human => println!(
            "{done}: {key} in {}, version {version}, fingerprint {fingerprint}; what it was is kept as {}",
            place.shown,
            Stage::Previous.label()
        ),
        Output::Json => println!(
            "{}",
            json!({
                "key": key.as_str(), "done": done, "version": version.as_str(), "fingerprint": fingerprint,
            })
        ),
    }
    Ok(Ending::Good)
}

/// Gives a key another value: staged, tried, and put to use.
pub(crate) async fn to(
    place: &Place,
    key: &Key,
    value: &Secret,
    command: Option<&str>,
) -> Result<VersionId, SecretsError> {
    let (vault, name) = (&*place.vault, &place.name);
    let read = vault.get(name, Stage::Current).await?;
    match read.values.get(key.as_str()) {
        None => return Err(SecretsError::NoKey { key: key.clone(), place: place.shown.clone() }),
        Some(old) if old == value => return Err(SecretsError::SameValue { key: key.clone() }),
        Some(_) => {}
    }
    let new = with(&read.values, &[(key.clone(), value.clone())])?;
    let staged = stage(vault, name, &new, place.version(&new)?).await?;
    let tried = async {
        if staged.replaces() != Some(&read.id) {
            return Err(VaultError::Changed { name: name.clone() }.into());
        }
        if let Some(command) = command {
            verify::verify(command, key, value).await?;
        }
        Ok::<(), SecretsError>(staged.promote(vault).await?)
    };
    let tried = tried.await;
    let version = staged.version().clone();
    match tried {
        Ok(()) => Ok(version),
        // Whether it was put to use is not known: what is current must not lose its label.
        Err(SecretsError::Vault(error)) if !error.is_changed() => Err(error.into()),
        Err(error) => {
            staged.withdraw(vault).await?;
            Err(error)
        }
    }
}

/// Brings the previous value of a key back. Keys that were changed since stay as they are.
pub(crate) async fn bring_back(place: &Place, key: &Key) -> Result<(VersionId, Secret), SecretsError> {
    let (vault, name) = (&*place.vault, &place.name);
    let current = vault.get(name, Stage::Current).await?;
    let previous = vault.get(name, Stage::Previous).await?;
    let changes = previous.values.changes_since(&current.values);
    let nothing = || SecretsError::NothingToBringBack { key: key.clone(), place: place.shown.clone() };
    let value = previous.values.get(key.as_str()).filter(|_| changes.contains_key(key.as_str()));
    let value = value.cloned().ok_or_else(nothing)?;
    let version = if changes.len() == 1 {
        vault.promote(name, &previous.id, Some(&current.id)).await?;
        previous.id
    } else {
        let new = with(&current.values, &[(key.clone(), value.clone())])?;
        let version = place.version(&new)?;
        vault.replace(name, &new, &current.id, &version).await?;
        version
    };
    Ok((version, value))
}

/// Takes `AWSPENDING` from a version that is not in use.
pub(crate) async fn abandon(place: &Place) -> Result<VersionId, SecretsError> {
    let mut stages = place.vault.describe(&place.name).await?.stages;
    let pending = stages.remove(&Stage::Pending);
    let pending = pending.ok_or_else(|| SecretsError::NoRotation { place: place.shown.clone() })?;
    place.vault.withdraw(&place.name, &pending).await?;
    Ok(pending)
}
