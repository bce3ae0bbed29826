//! The environment below on one machine: one store holds every environment.

use std::sync::Arc;

use async_trait::async_trait;
use engine::ports::{Below, Ended, PortResult, Served, Stay, Store};
use jiff::Timestamp;
use rollout::{EnvironmentName, ServiceName};

/// As many rollouts of the environment below are looked at.
const NEWEST: usize = 1000;

/// The environment below, in the store that has them all.
///
/// What a version has served there is what its own rollout counted of it: a part of what it served, and none of it after
/// its promotion. A proxy and its counts are of one run, and end soon after the rollout does; there is no traffic later
/// that could be counted.
pub struct StoreBelow(Arc<dyn Store>);

impl StoreBelow {
    /// What this store has of every environment.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

#[async_trait]
impl Below for StoreBelow {
    async fn ended(&self, environment: &EnvironmentName, service: &ServiceName) -> PortResult<Vec<Ended>> {
        let rollouts = self.0.recent(environment, NEWEST).await?;
        Ok(rollouts.iter().filter(|rollout| rollout.plan.service == *service).filter_map(Ended::of).collect())
    }
}

#[async_trait]
impl Served for StoreBelow {
    async fn requests(&self, stay: &Stay, _: Timestamp) -> PortResult<u64> {
        let rollout = self.0.rollout(&stay.rollout).await?;
        Ok(rollout
            .map_or(0, |rollout| rollout.course.iter().map(|counted| counted.1.canary().requests()).sum()))
    }
}
