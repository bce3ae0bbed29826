//! `ElastiCache` replication groups and clusters.

mod act;
mod see;
mod settings;
mod snapshots;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup, Snapshot};
use cost::{Family, Kind, Ours, Record, Seen};
use engine::ports::{Order, PortResult, Refused, Resources};

use self::see::Sight;
use crate::common::{patient, several};
use crate::fault::port;
use crate::tagging::{self, Tagging};

const SERVICE: &str = "ElastiCache";
const SCALING: &str = "Application Auto Scaling";

/// The most that a page holds (`DescribeReplicationGroups`, `ElastiCache` API Reference).
const PAGE: i32 = 100;
/// The same of snapshots (`DescribeSnapshots`).
const SNAPSHOTS: i32 = 50;

/// Little else of it has tags than what is looked for, which its ARN tells.
const TYPES: [&str; 1] = ["elasticache"];

/// `ElastiCache` replication groups and single clusters of Redis and Valkey: they are stopped by being deleted with a last
/// snapshot, and started by being created from it with all that they were created with.
///
/// A group's settings are those of the group and of one of its nodes, so that all groups and all nodes of the region are
/// looked at, a hundred with a call; snapshots, fifty with a call, as soon as any were made. What AWS has made by itself of a
/// cache, its automatic backups, goes with it.
#[derive(Clone, Debug)]
pub struct Caches {
    cache: aws_sdk_elasticache::Client,
    scaling: aws_sdk_applicationautoscaling::Client,
    tagging: Tagging,
}

impl Caches {
    /// With clients of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        let config = patient(config);
        Self {
            cache: aws_sdk_elasticache::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            tagging: Tagging::new(&config),
        }
    }

    async fn groups(&self, only: Option<&str>) -> Result<Vec<ReplicationGroup>, Fault> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .cache
                .describe_replication_groups()
                .set_replication_group_id(only.map(str::to_owned))
                .max_records(PAGE)
                .set_marker(next)
                .send()
                .await
                .map_err(|error| Fault::new("elasticache:DescribeReplicationGroups", &error))?;
            found.extend(page.replication_groups.unwrap_or_default());
            next = page.marker.filter(|marker| !marker.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn clusters(&self, only: Option<&str>) -> Result<Vec<CacheCluster>, Fault> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .cache
                .describe_cache_clusters()
                .set_cache_cluster_id(only.map(str::to_owned))
                .show_cache_node_info(true)
                .max_records(PAGE)
                .set_marker(next)
                .send()
                .await
                .map_err(|error| Fault::new("elasticache:DescribeCacheClusters", &error))?;
            found.extend(page.cache_clusters.unwrap_or_default());
            next = page.marker.filter(|marker| !marker.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// The snapshots that were made on demand; none, where the one that is asked for is not there.
    async fn snapshots(&self, only: Option<&str>) -> Result<Vec<Snapshot>, Fault> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .cache
                .describe_snapshots()
                .set_snapshot_name(only.map(str::to_owned))
                .snapshot_source("user")
                .max_records(SNAPSHOTS)
                .set_marker(next)
                .send()
                .await
                .map_err(|error| Fault::new("elasticache:DescribeSnapshots", &error));
            let page = match page {
                Err(fault) if is_not_there(&fault) => return Ok(Vec::new()),
                page => page?,
            };
            found.extend(page.snapshots.unwrap_or_default());
            next = page.marker.filter(|marker| !marker.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// The groups whose shards or replicas Application Auto Scaling sets.
    async fn scaled(&self) -> Result<BTreeSet<String>, Fault> {
        let mut found = BTreeSet::new();
        let mut next = None;
        loop {
            let page = self
                .scaling
                .describe_scalable_targets()
                .service_namespace(ServiceNamespace::Elasticache)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| Fault::new("application-autoscaling:DescribeScalableTargets", &error))?;
            let targets = page.scalable_targets.unwrap_or_default();
            let groups = targets.iter().filter_map(|one| one.resource_id.strip_prefix("replication-group/"));
            found.extend(groups.map(str::to_owned));
            next = page.next_token;
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Whether a fault is that what it names is not there.
fn is_not_there(fault: &Fault) -> bool {
    fault.code.as_deref().is_some_and(|code| code.contains("NotFound"))
}

/// Whether a cache has been put away, or is about to be: it may have snapshots.
fn may_have_snapshots(record: &Record) -> bool {
    record.shape.is_some() || matches!(record.ours, Ours::Snapshot { .. } | Ours::Delete { .. })
}

#[async_trait]
impl Resources for Caches {
    fn family(&self) -> Family {
        Family::Elasticache
    }

    async fn see(&self, tags: &BTreeMap<String, String>, known: &[Record]) -> PortResult<Vec<Seen>> {
        let known: Vec<&Record> = known.iter().filter(|record| record.kind == Kind::Cache).collect();
        let tagged = self.tagging.find(&TYPES, tags).await;
        let tagged = tagged.map_err(|fault| port(tagging::SERVICE, &fault))?;
        if tagged.is_empty() && known.is_empty() {
            return Ok(Vec::new());
        }
        let groups = self.groups(None).await.map_err(|fault| port(SERVICE, &fault))?;
        let clusters = self.clusters(None).await.map_err(|fault| port(SERVICE, &fault))?;
        let scaled = if groups.iter().any(|group| group.cluster_enabled() == Some(true)) {
            self.scaled().await.map_err(|fault| port(SCALING, &fault))?
        } else {
            BTreeSet::new()
        };
        let snapshots = if known.iter().any(|record| may_have_snapshots(record)) {
            self.snapshots(None).await.map_err(|fault| port(SERVICE, &fault))?
        } else {
            Vec::new()
        };
        Ok(Sight { tagged, groups, clusters, scaled, snapshots }.seen(tags, &known))
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        several(orders.iter().map(|order| self.order(order)).collect()).await
    }
}
