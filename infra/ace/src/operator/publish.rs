//! The configuration that rollouts start from.

use engine::ports::{Published, Store};
use engine::publish::publish as published;
use environments::Environment;
use jiff::Timestamp;
use rollout::EnvironmentName;
use serde_json::json;

use crate::arguments::Output;
use crate::backend::{Backend, BackendError, Publication};
use crate::error::AceError;
use crate::inputs::Configured;

/// The configuration that a rollout is asked for with.
pub(super) struct Configuration {
    /// How messages call it.
    pub(super) name: String,
    /// What it says.
    pub(super) says: Environment,
    /// Whether it is published already, and was read back.
    pub(super) is_published: bool,
}

impl From<Configured> for Configuration {
    fn from(configured: Configured) -> Self {
        Self { says: configured.rollouts().clone(), name: configured.path, is_published: false }
    }
}

impl From<Published> for Configuration {
    fn from(published: Published) -> Self {
        let name = format!("version {}, as it is published", published.version);
        Self { name, says: published.configuration, is_published: true }
    }
}

/// Publishes to a stack what differs, and says so.
pub(super) async fn on(
    backend: &dyn Backend,
    configuration: &Configuration,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    if configuration.is_published {
        return Ok(());
    }
    let publication = backend.publish(&configuration.says, by).await?;
    say(configuration, &publication, output);
    Ok(())
}

/// The same on a store that nobody else has open.
pub(super) async fn publish(
    store: &dyn Store,
    environment: &EnvironmentName,
    configuration: &Configuration,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    if configuration.is_published {
        return Ok(());
    }
    let publication = published(store, environment, &configuration.says, by, Timestamp::now())
        .await
        .map_err(BackendError::Publish)?;
    say(configuration, &publication.into(), output);
    Ok(())
}

fn say(configuration: &Configuration, publication: &Publication, output: Output) {
    let Publication { published, is_new } = publication;
    let (version, digest) = (published.version, &published.digest);
    if output == Output::Json {
        println!(
            "{}",
            json!({
                "kind": "configuration", "path": configuration.name, "version": version, "digest": digest, "published": is_new,
                "at": published.at, "by": published.by,
            })
        );
        return;
    }
    let short: String = digest.chars().take(12).collect();
    if *is_new {
        println!("configuration {} is published as version {version}, digest {short}", configuration.name);
    } else {
        println!(
            "configuration version {version}, digest {short}, is what {} says: nothing to publish",
            configuration.name
        );
    }
}
