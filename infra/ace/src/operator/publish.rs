//! The configuration that rollouts start from.

use engine::ports::Store;
use engine::publish::publish as published;
use jiff::Timestamp;
use rollout::EnvironmentName;
use serde_json::json;

use crate::arguments::Output;
use crate::backend::{Backend, BackendError, Publication};
use crate::error::AceError;

pub(super) use crate::inputs::Configured;

/// Publishes to a stack what differs, and says so.
pub(super) async fn on(
    backend: &dyn Backend,
    configured: &Configured,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    let publication = backend.publish(configured.rollouts(), by).await?;
    say(configured, &publication, output);
    Ok(())
}

/// The same on a store that nobody else has open.
pub(super) async fn publish(
    store: &dyn Store,
    environment: &EnvironmentName,
    configured: &Configured,
    by: &str,
    output: Output,
) -> Result<(), AceError> {
    let publication = published(store, environment, configured.rollouts(), by, Timestamp::now())
        .await
        .map_err(BackendError::Publish)?;
    say(configured, &publication.into(), output);
    Ok(())
}

fn say(configured: &Configured, publication: &Publication, output: Output) {
    let Publication { published, is_new } = publication;
    let (version, digest) = (published.version, &published.digest);
    if output == Output::Json {
        println!(
            "{}",
            json!({
                "kind": "configuration", "path": configured.path, "version": version, "digest": digest, "published": is_new,
                "at": published.at, "by": published.by,
            })
        );
        return;
    }
    let short: String = digest.chars().take(12).collect();
    if *is_new {
        println!("configuration {} is published as version {version}, digest {short}", configured.path);
    } else {
        println!(
            "configuration version {version}, digest {short}, is what {} says: nothing to publish",
            configured.path
        );
    }
}
