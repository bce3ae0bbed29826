//! What is seen of databases.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{DbCluster, DbInstance};
use cost::{Arn, Kind, Seen, Shape, State};

use crate::common::tags;

const DELETED: &str = "deleting";
/// It works, for hours or days, and cannot be stopped meanwhile ("Viewing DB instance status", RDS User Guide).
const OPTIMIZING: &str = "storage-optimization";
/// So it does while a restore reads its snapshot.
const INITIALIZING: &str = "storage-initialization";

/// How a database with this status is.
pub(super) fn state(status: &str) -> State {
    match status {
        "available" | OPTIMIZING | INITIALIZING => State::Running,
        "stopped" => State::Stopped,
        "starting" | "creating" => State::Starting,
        "stopping" => State::Stopping,
        other => State::Busy(other.to_owned()),
    }
}

fn classes(class: Option<&str>, twice: bool) -> Vec<String> {
    let classes = class.into_iter().flat_map(|class| std::iter::repeat_n(class, if twice { 2 } else { 1 }));
    classes.map(str::to_owned).collect()
}

fn endpoint(address: Option<&str>, port: Option<i32>) -> Option<String> {
    let address = address?;
    Some(port.map_or_else(|| address.to_owned(), |port| format!("{address}:{port}")))
}

/// An instance outside of any cluster that is not being deleted.
pub(super) fn instance(instance: &DbInstance) -> Option<Seen> {
    let status = instance.db_instance_status()?;
    if instance.db_cluster_identifier().is_some() || status == DELETED {
        return None;
    }
    let twice = instance.multi_az() == Some(true);
    let reached = instance.endpoint();
    Some(Seen {
        arn: Arn(instance.db_instance_arn()?.to_owned()),
        kind: Kind::Database,
        name: instance.db_instance_identifier()?.to_owned(),
        tags: tags(instance.tag_list().iter().map(|tag| (tag.key(), tag.value()))),
        state: state(status),
        shape: Some(Shape::Database { classes: classes(instance.db_instance_class(), twice) }),
        cannot: instance_cannot(instance),
        endpoint: reached.and_then(|reached| endpoint(reached.address(), reached.port())),
        snapshots: Vec::new(),
    })
}

fn instance_cannot(instance: &DbInstance) -> Option<String> {
    let source = instance
        .read_replica_source_db_instance_identifier()
        .or_else(|| instance.read_replica_source_db_cluster_identifier());
    if let Some(source) = source {
        return Some(format!(
            "it is a read replica of {source}, which cannot be stopped: promote or delete it, or take it out"
        ));
    }
    let of_instance = instance.read_replica_db_instance_identifiers().first();
    if let Some(replica) = of_instance.or_else(|| instance.read_replica_db_cluster_identifiers().first()) {
        return Some(format!(
            "it has the read replica {replica}, so that it cannot be stopped: promote or delete the replica"
        ));
    }
    let engine = instance.engine().unwrap_or_default();
    if engine.contains("sqlserver") && instance.multi_az() == Some(true) {
        return Some(
            "SQL Server in several zones cannot be stopped: turn Multi-AZ off, which an environment that is stopped does not \
             need"
                .to_owned(),
        );
    }
    if engine.starts_with("custom-oracle") {
        return Some("RDS Custom for Oracle cannot be stopped: take it out".to_owned());
    }
    let works = instance.db_instance_status().filter(|status| [OPTIMIZING, INITIALIZING].contains(status))?;
    Some(format!("its status is {works}, which can take hours: it can be stopped once that is done"))
}

/// A cluster that is not being deleted; the members of all clusters are by their names.
pub(super) fn cluster(cluster: &DbCluster, members: &BTreeMap<&str, Vec<&DbInstance>>) -> Option<Seen> {
    let name = cluster.db_cluster_identifier()?;
    let status = cluster.status().filter(|status| *status != DELETED)?;
    let members = members.get(name).map(Vec::as_slice).unwrap_or_default();
    let classes = members.iter().flat_map(|member| classes(member.db_instance_class(), false)).collect();
    Some(Seen {
        arn: Arn(cluster.db_cluster_arn()?.to_owned()),
        kind: Kind::Cluster,
        name: name.to_owned(),
        tags: tags(cluster.tag_list().iter().map(|tag| (tag.key(), tag.value()))),
        state: match state(status) {
            // A cluster is available before the first of its members is.
            State::Running if !members.is_empty() && members.iter().all(|one| comes(one)) => State::Starting,
            state => state,
        },
        shape: Some(Shape::Database { classes }),
        cannot: cluster_cannot(cluster),
        endpoint: endpoint(cluster.endpoint(), cluster.port()),
        snapshots: Vec::new(),
    })
}

fn comes(member: &DbInstance) -> bool {
    member.db_instance_status().is_some_and(|status| state(status) == State::Starting)
}

fn cluster_cannot(cluster: &DbCluster) -> Option<String> {
    if let Some(global) = cluster.global_cluster_identifier().filter(|global| !global.is_empty()) {
        return Some(format!(
            "it is of the global database {global}, which cannot be stopped: take it off the global database"
        ));
    }
    if let Some(source) = cluster.replication_source_identifier().filter(|source| !source.is_empty()) {
        return Some(format!(
            "it is a replica of {source}, which cannot be stopped: promote or delete it, or take it out"
        ));
    }
    if let Some(replica) = cluster.read_replica_identifiers().first() {
        return Some(format!(
            "it has the replica {replica}, so that it cannot be stopped: promote or delete the replica"
        ));
    }
    match cluster.engine_mode() {
        Some("serverless") => {
            return Some(
                "Aurora Serverless v1 cannot be stopped: let it pause by itself, or move to v2, which can be"
                    .to_owned(),
            );
        }
        Some(mode @ ("global" | "multimaster")) => {
            return Some(format!("a cluster of the engine mode {mode} cannot be stopped: take it out"));
        }
        _ => {}
    }
    // "Limitations of Multi-AZ DB clusters", RDS User Guide.
    matches!(cluster.engine(), Some("mysql" | "postgres")).then(|| {
        "a Multi-AZ cluster of RDS cannot be stopped: use Aurora or an instance, which can be".to_owned()
    })
}
