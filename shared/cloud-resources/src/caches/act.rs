//! What is done with caches.

use aws_client::Fault;
use aws_sdk_elasticache::types::{
    ClusterMode, Durability, IpDiscovery, NetworkType, NodeGroup, ReplicationGroup, TransitEncryptionMode,
};
use cost::{Act, CacheShape, Seen, State};
use engine::ports::{Order, Refused};

use super::see::state;
use super::settings::{count, flag, list, log_list, tag_list, text, version};
use super::snapshots::{OURS, is_failed};
use super::{Caches, is_not_there};
use crate::common::{no_such_order, size};
use crate::fault::{refusal, refused};

/// What a cache is of the two, by its ARN, and its id.
#[derive(Clone, Copy)]
enum Which<'a> {
    Group(&'a str),
    Cluster(&'a str),
}

impl<'a> Which<'a> {
    fn of(seen: &'a Seen) -> Self {
        let arn = seen.arn.as_str();
        let id = arn.rsplit(':').next().unwrap_or_default();
        if arn.contains(":replicationgroup:") { Self::Group(id) } else { Self::Cluster(id) }
    }
}

fn is_code(fault: &Fault, codes: &[&str]) -> bool {
    fault.code.as_deref().is_some_and(|code| codes.contains(&code))
}

/// The node of which a snapshot of a group without shards is made: a replica, which nobody waits for, if there is one.
fn node(group: &ReplicationGroup) -> Option<&str> {
    let members = || group.node_groups().iter().flat_map(NodeGroup::node_group_members);
    let replica = members().find(|member| member.current_role() == Some("replica"));
    let node = replica.or_else(|| members().next()).and_then(|member| member.cache_cluster_id());
    node.or_else(|| group.member_clusters().first().map(String::as_str))
}

impl Caches {
    pub(super) async fn order(&self, order: &Order) -> Result<(), Refused> {
        let which = Which::of(&order.seen);
        match &order.act {
            Act::Snapshot(name) => self.snapshot(which, name).await,
            Act::Delete(last) => self.delete(which, last).await,
            Act::Restore { snapshot, shape } => self.restore(which, snapshot, shape).await,
            Act::Forget(names) => self.forget(names).await,
            Act::Nothing => Ok(()),
            Act::Stop | Act::Start(_) => Err(no_such_order(order)),
        }
    }

    async fn snapshot(&self, which: Which<'_>, name: &str) -> Result<(), Refused> {
        let call = self.cache.create_snapshot().snapshot_name(name);
        let call = match which {
            Which::Cluster(id) => call.cache_cluster_id(id),
            Which::Group(id) => {
                let groups = self.groups(Some(id)).await.map_err(|fault| refusal(&fault))?;
                let group = groups.into_iter().next();
                match group.as_ref() {
                    // Of a group without shards, one of a node is made ("Taking manual backups", ElastiCache User Guide).
                    Some(group) if group.cluster_enabled() != Some(true) => {
                        call.set_cache_cluster_id(node(group).map(str::to_owned))
                    }
                    _ => call.replication_group_id(id),
                }
            }
        };
        let Err(error) = call.send().await else { return Ok(()) };
        let fault = Fault::new("elasticache:CreateSnapshot", &error);
        let busy = [
            "SnapshotAlreadyExistsFault",
            "InvalidReplicationGroupState",
            "InvalidReplicationGroupStateFault",
            "InvalidCacheClusterState",
            "InvalidCacheClusterStateFault",
        ];
        if !is_code(&fault, &busy) {
            return Err(refusal(&fault));
        }
        let made = self.snapshots(Some(name)).await.map_err(|fault| refusal(&fault));
        match made?.first() {
            Some(made) if is_failed(made) => {
                self.remove(name).await?;
                Err(refused(format!("the snapshot {name} failed; it is deleted, and made again")))
            }
            Some(_) => Ok(()),
            None => Err(refusal(&fault)),
        }
    }

    async fn delete(&self, which: Which<'_>, last: &str) -> Result<(), Refused> {
        let deleted = match which {
            Which::Group(id) => {
                let deleted = self
                    .cache
                    .delete_replication_group()
                    .replication_group_id(id)
                    .retain_primary_cluster(false)
                    .final_snapshot_identifier(last)
                    .send()
                    .await;
                deleted.map(drop).map_err(|error| Fault::new("elasticache:DeleteReplicationGroup", &error))
            }
            Which::Cluster(id) => {
                let deleted = self
                    .cache
                    .delete_cache_cluster()
                    .cache_cluster_id(id)
                    .final_snapshot_identifier(last)
                    .send()
                    .await;
                deleted.map(drop).map_err(|error| Fault::new("elasticache:DeleteCacheCluster", &error))
            }
        };
        let Err(fault) = deleted else { return Ok(()) };
        if is_not_there(&fault) || self.state_now(which).await == Some(State::Stopping) {
            // It is done already, if it was done with that snapshot.
            let made = self.snapshots(Some(last)).await;
            if made.is_ok_and(|made| made.first().is_some_and(|made| !is_failed(made))) {
                return Ok(());
            }
        }
        Err(refusal(&fault))
    }

    async fn state_now(&self, which: Which<'_>) -> Option<State> {
        let status = match which {
            Which::Group(id) => self.groups(Some(id)).await.ok()?.into_iter().next()?.status,
            Which::Cluster(id) => {
                self.clusters(Some(id)).await.ok()?.into_iter().next()?.cache_cluster_status
            }
        };
        status.map(|status| state(&status))
    }

    async fn restore(&self, which: Which<'_>, snapshot: &str, shape: &CacheShape) -> Result<(), Refused> {
        let restored = match which {
            Which::Group(_) => self.restore_group(snapshot, shape).await,
            Which::Cluster(_) => self.restore_cluster(snapshot, shape).await,
        };
        let Err(fault) = restored else { return Ok(()) };
        let there = ["ReplicationGroupAlreadyExists", "CacheClusterAlreadyExists"];
        let there = fault.code.as_deref().is_some_and(|code| there.iter().any(|one| code.starts_with(one)));
        if there && matches!(self.state_now(which).await, Some(State::Starting | State::Running)) {
            return Ok(());
        }
        Err(refusal(&fault))
    }

    async fn restore_group(&self, snapshot: &str, shape: &CacheShape) -> Result<(), Fault> {
        let call = self
            .cache
            .create_replication_group()
            .replication_group_id(&shape.id)
            .replication_group_description(
                text(shape, "ReplicationGroupDescription").unwrap_or_else(|| shape.id.clone()),
            )
            .snapshot_name(snapshot)
            .engine(&shape.engine)
            .engine_version(version(shape))
            .cache_node_type(&shape.node_type);
        let call = if shape.shards > 1 || flag(shape, "ClusterEnabled") == Some(true) {
            let replicas = shape.nodes.saturating_sub(1);
            call.num_node_groups(size(shape.shards)).replicas_per_node_group(size(replicas))
        } else {
            let zones = list(shape, "PreferredCacheClusterAZs");
            let zones = zones.filter(|zones| u32::try_from(zones.len()) == Ok(shape.nodes));
            call.num_cache_clusters(size(shape.nodes)).set_preferred_cache_cluster_azs(zones)
        };
        let mode = text(shape, "TransitEncryptionMode");
        let created = call
            .set_automatic_failover_enabled(flag(shape, "AutomaticFailoverEnabled"))
            .set_multi_az_enabled(flag(shape, "MultiAZEnabled"))
            .set_cache_parameter_group_name(text(shape, "CacheParameterGroupName"))
            .set_cache_subnet_group_name(text(shape, "CacheSubnetGroupName"))
            .set_security_group_ids(list(shape, "SecurityGroupIds"))
            .set_preferred_maintenance_window(text(shape, "PreferredMaintenanceWindow"))
            .set_notification_topic_arn(text(shape, "NotificationTopicArn"))
            .set_port(count(shape, "Port"))
            .set_auto_minor_version_upgrade(flag(shape, "AutoMinorVersionUpgrade"))
            .set_snapshot_retention_limit(count(shape, "SnapshotRetentionLimit"))
            .set_snapshot_window(text(shape, "SnapshotWindow"))
            .set_transit_encryption_enabled(flag(shape, "TransitEncryptionEnabled"))
            .set_transit_encryption_mode(mode.as_deref().map(TransitEncryptionMode::from))
            .set_at_rest_encryption_enabled(flag(shape, "AtRestEncryptionEnabled"))
            .set_kms_key_id(text(shape, "KmsKeyId"))
            .set_user_group_ids(list(shape, "UserGroupIds"))
            .set_data_tiering_enabled(flag(shape, "DataTieringEnabled"))
            .set_network_type(text(shape, "NetworkType").as_deref().map(NetworkType::from))
            .set_ip_discovery(text(shape, "IpDiscovery").as_deref().map(IpDiscovery::from))
            .set_cluster_mode(text(shape, "ClusterMode").as_deref().map(ClusterMode::from))
            .set_durability(text(shape, "Durability").as_deref().map(Durability::from))
            .set_log_delivery_configurations(log_list(shape))
            .set_tags(tag_list(shape))
            .send()
            .await;
        created.map(drop).map_err(|error| Fault::new("elasticache:CreateReplicationGroup", &error))
    }

    async fn restore_cluster(&self, snapshot: &str, shape: &CacheShape) -> Result<(), Fault> {
        let created = self
            .cache
            .create_cache_cluster()
            .cache_cluster_id(&shape.id)
            .snapshot_name(snapshot)
            .engine(&shape.engine)
            .engine_version(version(shape))
            .cache_node_type(&shape.node_type)
            .num_cache_nodes(size(shape.nodes))
            .set_preferred_availability_zone(text(shape, "PreferredAvailabilityZone"))
            .set_cache_parameter_group_name(text(shape, "CacheParameterGroupName"))
            .set_cache_subnet_group_name(text(shape, "CacheSubnetGroupName"))
            .set_security_group_ids(list(shape, "SecurityGroupIds"))
            .set_preferred_maintenance_window(text(shape, "PreferredMaintenanceWindow"))
            .set_notification_topic_arn(text(shape, "NotificationTopicArn"))
            .set_port(count(shape, "Port"))
            .set_auto_minor_version_upgrade(flag(shape, "AutoMinorVersionUpgrade"))
            .set_snapshot_retention_limit(count(shape, "SnapshotRetentionLimit"))
            .set_snapshot_window(text(shape, "SnapshotWindow"))
            .set_transit_encryption_enabled(flag(shape, "TransitEncryptionEnabled"))
            .set_network_type(text(shape, "NetworkType").as_deref().map(NetworkType::from))
            .set_ip_discovery(text(shape, "IpDiscovery").as_deref().map(IpDiscovery::from))
            .set_log_delivery_configurations(log_list(shape))
            .set_tags(tag_list(shape))
            .send()
            .await;
        created.map(drop).map_err(|error| Fault::new("elasticache:CreateCacheCluster", &error))
    }

    async fn forget(&self, names: &[String]) -> Result<(), Refused> {
        for name in names {
            self.remove(name).await?;
        }
        Ok(())
    }

    /// Deletes a snapshot of ours, if it is there.
    async fn remove(&self, name: &str) -> Result<(), Refused> {
        if !name.starts_with(OURS) {
            return Err(refused(format!("the snapshot {name} was not made by ACE-Flow: delete it by hand")));
        }
        let deleted = self.cache.delete_snapshot().snapshot_name(name).send().await;
        match deleted.map_err(|error| Fault::new("elasticache:DeleteSnapshot", &error)) {
            Err(fault) if !is_not_there(&fault) => Err(refusal(&fault)),
            _ => Ok(()),
        }
    }
}
