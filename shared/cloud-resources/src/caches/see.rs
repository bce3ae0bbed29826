//! What is seen of caches.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticache::types::{CacheCluster, ReplicationGroup, Snapshot};
use cost::{Arn, Kind, Ours, Record, Seen, Shape, State};

use super::settings;
use super::snapshots::Snapshots;

type Tags = BTreeMap<String, String>;

/// Everything that was looked at.
pub(super) struct Sight {
    /// The tagged, by their ARNs.
    pub(super) tagged: BTreeMap<String, Tags>,
    pub(super) groups: Vec<ReplicationGroup>,
    pub(super) clusters: Vec<CacheCluster>,
    /// The groups that Application Auto Scaling scales.
    pub(super) scaled: BTreeSet<String>,
    pub(super) snapshots: Vec<Snapshot>,
}

/// How a cache with this status is.
pub(super) fn state(status: &str) -> State {
    match status {
        "available" => State::Running,
        "creating" => State::Starting,
        "deleting" | "deleted" => State::Stopping,
        other => State::Busy(other.to_owned()),
    }
}

impl Sight {
    /// Those that have the tags, and those known that are no more.
    pub(super) fn seen(&self, wanted: &Tags, known: &[&Record]) -> Vec<Seen> {
        let records: BTreeMap<&str, &Record> = known.iter().map(|one| (one.arn.as_str(), *one)).collect();
        let tags_of = |arn: &str| {
            let on_its_way =
                |record: &&&Record| matches!(record.ours, Ours::Start { .. } | Ours::Delete { .. });
            // What was just created or is being deleted may not be found by its tags.
            let remembered = || records.get(arn).filter(on_its_way).map(|record| remembered(record, wanted));
            self.tagged.get(arn).cloned().or_else(remembered)
        };
        let mut nodes: BTreeMap<&str, Vec<&CacheCluster>> = BTreeMap::new();
        for cluster in &self.clusters {
            if let Some(group) = cluster.replication_group_id() {
                nodes.entry(group).or_default().push(cluster);
            }
        }
        let snapshots = Snapshots::new(&self.snapshots);
        let mut seen = Vec::new();
        let mut there: BTreeSet<&str> = BTreeSet::new();
        for group in &self.groups {
            let (Some(arn), Some(id)) = (group.arn(), group.replication_group_id()) else { continue };
            there.insert(arn);
            let nodes = nodes.get(id).map(Vec::as_slice).unwrap_or_default();
            seen.extend(tags_of(arn).map(|tags| Seen {
                snapshots: snapshots.of(id, group.member_clusters()),
                ..self.group(group, arn, id, nodes, tags)
            }));
        }
        for cluster in self.clusters.iter().filter(|cluster| cluster.replication_group_id().is_none()) {
            let (Some(arn), Some(id)) = (cluster.arn(), cluster.cache_cluster_id()) else { continue };
            there.insert(arn);
            seen.extend(tags_of(arn).map(|tags| Seen {
                snapshots: snapshots.of(id, &[]),
                ..cluster_seen(cluster, arn, id, tags)
            }));
        }
        let gone = known.iter().filter(|record| !there.contains(record.arn.as_str()));
        seen.extend(gone.map(|record| gone_seen(record, wanted, &snapshots)));
        seen
    }

    fn group(
        &self,
        group: &ReplicationGroup,
        arn: &str,
        id: &str,
        nodes: &[&CacheCluster],
        tags: Tags,
    ) -> Seen {
        let shape = nodes.first().and_then(|node| settings::of_group(group, id, node, nodes, &tags));
        let endpoint = settings::group_endpoint(group);
        Seen {
            arn: Arn(arn.to_owned()),
            kind: Kind::Cache,
            name: id.to_owned(),
            tags,
            state: state(group.status().unwrap_or_default()),
            shape: shape.map(|shape| Shape::Cache(Box::new(shape))),
            cannot: self.group_cannot(group, id),
            endpoint,
            snapshots: Vec::new(),
        }
    }

    fn group_cannot(&self, group: &ReplicationGroup, id: &str) -> Option<String> {
        let global =
            group.global_replication_group_info().and_then(|info| info.global_replication_group_id());
        if let Some(global) = global.filter(|global| !global.is_empty()) {
            return Some(format!(
                "it is of the global datastore {global}, which would lose it: take it off the global datastore"
            ));
        }
        if self.scaled.contains(id) {
            return Some(
                "Application Auto Scaling scales it, and would forget how when it is deleted: deregister it there, or take \
                 it out"
                    .to_owned(),
            );
        }
        let outposts = group.member_clusters_outpost_arns().iter().any(|arn| !arn.is_empty());
        common_cannot(group.auth_token_enabled(), group.cache_node_type(), outposts)
    }
}

fn cluster_seen(cluster: &CacheCluster, arn: &str, id: &str, tags: Tags) -> Seen {
    let shape = settings::of_cluster(cluster, id, &tags);
    Seen {
        arn: Arn(arn.to_owned()),
        kind: Kind::Cache,
        name: id.to_owned(),
        tags,
        state: state(cluster.cache_cluster_status().unwrap_or_default()),
        shape: shape.map(|shape| Shape::Cache(Box::new(shape))),
        cannot: cluster_cannot(cluster),
        endpoint: settings::cluster_endpoint(cluster),
        snapshots: Vec::new(),
    }
}

fn gone_seen(record: &Record, wanted: &Tags, snapshots: &Snapshots<'_>) -> Seen {
    let id = record.arn.as_str().rsplit(':').next().unwrap_or_default();
    Seen {
        arn: record.arn.clone(),
        kind: Kind::Cache,
        name: record.name.clone(),
        tags: remembered(record, wanted),
        state: State::Gone,
        shape: None,
        cannot: None,
        endpoint: None,
        snapshots: snapshots.of(id, &[]),
    }
}

fn cluster_cannot(cluster: &CacheCluster) -> Option<String> {
    if cluster.engine() == Some("memcached") {
        return Some(
            "Memcached has no snapshots, so that all in it would be lost: use Valkey, or take it out"
                .to_owned(),
        );
    }
    let outposts = cluster.preferred_outpost_arn().is_some_and(|arn| !arn.is_empty());
    common_cannot(cluster.auth_token_enabled(), cluster.cache_node_type(), outposts)
}

fn common_cannot(auth: Option<bool>, node_type: Option<&str>, outposts: bool) -> Option<String> {
    if auth == Some(true) {
        return Some(
            "it has an AUTH token, which cannot be read and so not be given to it again: use user groups instead"
                .to_owned(),
        );
    }
    if let Some(node_type) = node_type.filter(|node_type| node_type.starts_with("cache.t1.")) {
        return Some(format!(
            "no snapshots are made of nodes of the type {node_type}: use a newer type, or take it out"
        ));
    }
    outposts.then(|| "it is on an outpost, where stopping it saves nothing: take it out".to_owned())
}

/// The tags of what was put away: those it had, and those by which it was chosen.
fn remembered(record: &Record, wanted: &Tags) -> Tags {
    let mut tags = match &record.shape {
        Some(Shape::Cache(shape)) => settings::tags(shape),
        _ => Tags::new(),
    };
    tags.extend(wanted.clone());
    tags
}
