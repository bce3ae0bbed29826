//! What is published of an environment: the configuration that rollouts start from, and its feature flags.

use std::path::PathBuf;

use clap::Args;
use engine::ports::Published;
use environments::Environment;
use feature_flags::{Flags, Shelf};
use jiff::Timestamp;
use local_stack::EmbeddedStore;
use rollout::EnvironmentName;
use serde_json::json;

use super::Desk;
use crate::Ending;
use crate::arguments::Output;
use crate::backend::{Backend, BackendError, Publication, Reached, Where, reach, shelf_beside, user};
use crate::error::AceError;
use crate::features::{FeaturesError, told};
use crate::inputs::{self, Configured};
use crate::mistakes;

/// Validate and publish.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// A file that is the whole configuration [default: the layers in .ace-flow/environments/<ENVIRONMENT>]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// The configuration that a rollout is asked for with.
pub(super) struct Configuration {
    /// How messages call it.
    pub(super) name: String,
    /// What it says.
    pub(super) says: Environment,
    /// The feature flags beside it; `None` where it is published already, and was read back.
    features: Option<Flags>,
}

impl From<Configured> for Configuration {
    fn from(configured: Configured) -> Self {
        let Configured { path: name, resolved, .. } = configured;
        Self { name, says: resolved.rollouts, features: Some(resolved.sections.features) }
    }
}

impl From<Published> for Configuration {
    fn from(published: Published) -> Self {
        let name = format!("version {}, as it is published", published.version);
        Self { name, says: published.configuration, features: None }
    }
}

pub(super) async fn publish(arguments: Publish) -> Result<Ending, AceError> {
    let Publish { config, desk } = arguments;
    let configured = read(&desk.place.environment, config.as_ref())?;
    alone(&desk, &configured.into()).await?;
    Ok(Ending::Good)
}

/// What the files say of an environment, after everything was told that is wrong with them.
pub(super) fn read(environment: &EnvironmentName, config: Option<&PathBuf>) -> Result<Configured, AceError> {
    let configured = inputs::configuration(environment, config)?;
    mistakes::warn(&configured.warnings);
    Ok(configured)
}

/// Publishes, and that is all.
pub(super) async fn alone(desk: &Desk, configuration: &Configuration) -> Result<(), AceError> {
    let output = desk.output.output;
    match reach(&desk.place).await? {
        Reached::Stack(backend) => {
            backend.fits(&configuration.says)?;
            on(&*backend, &desk.place, configuration, &desk.by(&*backend), output).await
        }
        Reached::Free(store) => {
            let by = desk.by.clone().unwrap_or_else(user);
            here(&store, &desk.place, configuration, &by, output).await
        }
    }
}

/// Publishes to a stack what differs, and says so.
pub(super) async fn on(
    backend: &dyn Backend,
    place: &Where,
    configuration: &Configuration,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    let Some(flags) = &configuration.features else { return Ok(()) };
    let publication = backend.publish(&configuration.says, by).await?;
    say(configuration, &publication, output);
    features(&*backend.shelf(), &place.environment, flags, output).await
}

/// The same on a store that nobody else has open.
pub(super) async fn here(
    store: &EmbeddedStore,
    place: &Where,
    configuration: &Configuration,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    let Some(flags) = &configuration.features else { return Ok(()) };
    let environment = &place.environment;
    let now = store.time(Timestamp::now())?;
    let published = engine::publish::publish(store, environment, &configuration.says, by, now).await;
    say(configuration, &published.map_err(BackendError::Publish)?.into(), output);
    features(&shelf_beside(&place.at.store), environment, flags, output).await
}

fn say(configuration: &Configuration, publication: &Publication, output: Output) {
    let Publication { published, is_new } = publication;
    let (version, digest) = (published.version, &published.digest);
    let services = published.configuration.services().len();
    if output == Output::Json {
        println!(
            "{}",
            json!({
                "kind": "configuration", "path": configuration.name, "version": version, "digest": digest, "published": is_new,
                "at": published.at, "by": published.by, "services": services,
            })
        );
        return;
    }
    let short: String = digest.chars().take(12).collect();
    let services = format!("{services} {}", if services == 1 { "service" } else { "services" });
    if *is_new {
        println!(
            "configuration {} is published as version {version}, digest {short}, {services}",
            configuration.name
        );
    } else {
        println!(
            "configuration version {version}, digest {short}, {services}, is what {} says: nothing to publish",
            configuration.name
        );
    }
}

/// The flags go where services read them, in a line of its own.
async fn features(
    shelf: &dyn Shelf,
    environment: &EnvironmentName,
    flags: &Flags,
    output: Output,
) -> Result<(), AceError> {
    let published = feature_flags::publish(shelf, environment, flags).await;
    let published = published.map_err(|source| FeaturesError::not_published(environment, source))?;
    told(environment, &published, output);
    Ok(())
}
