//! What is known of what is stopped and started, for whoever looks.

use cost::{OverrideId, Record};
use engine::ports::{CostStore, PortResult};
use jiff::Timestamp;
use rollout::EnvironmentName;
use schedule::Override;
use serde::{Deserialize, Serialize};

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostSight {
    /// When, in the stack.
    pub(crate) now: Timestamp,
    /// Whether the stack has resources that it could stop; the embedded one has none.
    pub(crate) has_resources: bool,
    /// What is remembered of each resource.
    pub(crate) records: Vec<Record>,
    /// What somebody wants kept on or off, what has ended among it for a while.
    pub(crate) overrides: Vec<(OverrideId, Override)>,
}

/// Looks.
pub(super) async fn look(
    environment: &EnvironmentName,
    store: &dyn CostStore,
    now: Timestamp,
    has_resources: bool,
) -> PortResult<CostSight> {
    let mut records = store.resources(environment).await?;
    records.sort_by(|a, b| {
        (a.kind.tier(), a.kind, &a.name, &a.arn).cmp(&(b.kind.tier(), b.kind, &b.name, &b.arn))
    });
    let mut overrides = store.overrides(environment).await?;
    overrides.sort_by_key(|(id, over)| (over.from(), id.clone()));
    Ok(CostSight { now, has_resources, records, overrides })
}
