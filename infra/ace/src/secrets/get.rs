//! `ace secrets get`.

use console::Style;
use secrets::{Secret, Stage};
use serde_json::json;

use super::error::SecretsError;
use super::place::Place;
use super::{Get, StageArgument, key};
use crate::Ending;
use crate::arguments::Output;

pub(crate) async fn get(arguments: &Get) -> Result<Ending, SecretsError> {
    let wanted = arguments.key.as_ref().map(|text| key(Some(text))).transpose()?;
    let place = Place::open(&arguments.place)?;
    let stage = match arguments.stage {
        StageArgument::Current => Stage::Current,
        StageArgument::Previous => Stage::Previous,
        StageArgument::Pending => Stage::Pending,
    };
    let version = place.vault.get(&place.name, stage).await?;
    let missing = |key: &secrets::Key| SecretsError::NoKey { key: key.clone(), place: place.shown.clone() };
    if let (Some(key), true) = (&wanted, arguments.reveal) {
        let value = version.values.get(key.as_str()).ok_or_else(|| missing(key))?;
        match arguments.output.output {
            Output::Human => println!("{}", value.expose()),
            Output::Json => println!("{}", json!({ "key": key.as_str(), "value": value.expose() })),
        }
        return Ok(Ending::Good);
    }
    let keys: Vec<&secrets::Key> = match &wanted {
        Some(key) => vec![version.values.keys().find(|there| *there == key).ok_or_else(|| missing(key))?],
        None => version.values.keys().collect(),
    };
    let told = |key: &secrets::Key| {
        let value = version.values.get(key.as_str()).map_or("", Secret::expose);
        (value.chars().count(), place.fingerprints.of(value))
    };
    if arguments.output.output == Output::Json {
        for key in keys {
            let (length, fingerprint) = told(key);
            let fingerprint = fingerprint.to_string();
            println!("{}", json!({ "key": key.as_str(), "length": length, "fingerprint": fingerprint }));
        }
        return Ok(Ending::Good);
    }
    println!("{}, {}, version {}", Style::new().bold().apply_to(&place.shown), stage.label(), version.id);
    let width = keys.iter().map(|key| key.as_str().len()).max().unwrap_or(0).max("key".len());
    if keys.is_empty() {
        println!("  no secrets");
        return Ok(Ending::Good);
    }
    println!("  {:width$}  length  fingerprint", "key");
    for key in keys {
        let (length, fingerprint) = told(key);
        println!("  {:width$}  {length:>6}  {fingerprint}", key.as_str());
    }
    Ok(Ending::Good)
}
