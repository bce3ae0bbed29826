//! What a cache is created with again, as texts that are remembered: each by the name of its field in the API.

use std::collections::BTreeMap;

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, CloudWatchLogsDestinationDetails, DataTieringStatus,
    DestinationDetails, DestinationType, Durability, Endpoint, KinesisFirehoseDestinationDetails,
    LogDeliveryConfiguration, LogDeliveryConfigurationRequest, LogFormat, LogType, MultiAzStatus, NodeGroup,
    NodeGroupMember, ReplicationGroup, Tag,
};
use cost::CacheShape;

use crate::common::number;

/// What a tag's name begins with among the settings.
const TAG: &str = "Tag:";
/// The same of a log.
const LOG: &str = "Log:";
/// What stands between the values of a list; none of them can have it.
const COMMA: char = ',';

#[derive(Default)]
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn put(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// What is only told when it is so.
    fn flag(&mut self, name: &str, is: bool) {
        self.put(name, is.then_some("true"));
    }

    fn list<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        let values: Vec<&str> = values.into_iter().collect();
        self.put(name, Some(values.join(&COMMA.to_string())));
    }

    /// What is told of a node alone.
    fn node(&mut self, node: &CacheCluster) {
        let parameters = node.cache_parameter_group();
        self.put("CacheParameterGroupName", parameters.and_then(|group| group.cache_parameter_group_name()));
        self.put("CacheSubnetGroupName", node.cache_subnet_group_name());
        let groups = node.security_groups().iter().filter_map(|group| group.security_group_id());
        self.list("SecurityGroupIds", groups);
        self.put("PreferredMaintenanceWindow", node.preferred_maintenance_window());
        let topic = node.notification_configuration().filter(|topic| topic.topic_status() == Some("active"));
        self.put("NotificationTopicArn", topic.and_then(|topic| topic.topic_arn()));
    }

    fn logs(&mut self, logs: &[LogDeliveryConfiguration]) {
        for log in logs {
            let (Some(of), Some(to), Some(format), Some(details)) =
                (log.log_type(), log.destination_type(), log.log_format(), log.destination_details())
            else {
                continue;
            };
            let group = details.cloud_watch_logs_details().and_then(|logs| logs.log_group());
            let stream =
                || details.kinesis_firehose_details().and_then(|firehose| firehose.delivery_stream());
            let name = group.or_else(stream).unwrap_or_default();
            self.put(&format!("{LOG}{of}"), Some(format!("{to} {format} {name}")));
        }
    }

    /// AWS's own tags cannot be given to anything.
    fn tags(&mut self, tags: &BTreeMap<String, String>) {
        let own = tags.iter().filter(|(tag, _)| !tag.starts_with("aws:"));
        self.0.extend(own.map(|(tag, value)| (format!("{TAG}{tag}"), value.clone())));
    }
}

/// A replication group's shape, by one of its nodes; `None` while AWS does not tell all of it.
pub(super) fn of_group(
    group: &ReplicationGroup,
    id: &str,
    node: &CacheCluster,
    nodes: &[&CacheCluster],
    tags: &BTreeMap<String, String>,
) -> Option<CacheShape> {
    let shards = group.node_groups();
    let first = shards.first()?;
    let mut settings = Settings::default();
    settings.node(node);
    settings.put("ReplicationGroupDescription", group.description());
    let fails_over = group.automatic_failover();
    settings.flag(
        "AutomaticFailoverEnabled",
        matches!(fails_over, Some(AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling)),
    );
    settings.flag("MultiAZEnabled", group.multi_az() == Some(&MultiAzStatus::Enabled));
    settings.put("Port", group_address(group).and_then(Endpoint::port));
    settings.put("AutoMinorVersionUpgrade", group.auto_minor_version_upgrade());
    settings.put("SnapshotRetentionLimit", group.snapshot_retention_limit());
    settings.put("SnapshotWindow", group.snapshot_window());
    settings.flag("TransitEncryptionEnabled", group.transit_encryption_enabled() == Some(true));
    settings.put("TransitEncryptionMode", group.transit_encryption_mode());
    settings.flag("AtRestEncryptionEnabled", group.at_rest_encryption_enabled() == Some(true));
    settings.put("KmsKeyId", group.kms_key_id());
    settings.list("UserGroupIds", group.user_group_ids().iter().map(String::as_str));
    settings.flag("DataTieringEnabled", group.data_tiering() == Some(&DataTieringStatus::Enabled));
    settings.put("NetworkType", group.network_type());
    settings.put("IpDiscovery", group.ip_discovery());
    settings.put("ClusterMode", group.cluster_mode());
    settings.flag("ClusterEnabled", group.cluster_enabled() == Some(true));
    settings.put("Durability", group.durability().filter(|durability| **durability != Durability::Default));
    if let [only] = shards {
        settings.list("PreferredCacheClusterAZs", zones(only));
    }
    settings.logs(group.log_delivery_configurations());
    settings.tags(tags);
    let shards_count = u32::try_from(shards.len()).ok()?;
    let of_shard = first.node_group_members().len();
    let of_shard = if of_shard == 0 { nodes.len() / shards.len() } else { of_shard };
    Some(CacheShape {
        id: id.to_owned(),
        engine: group.engine().or_else(|| node.engine())?.to_owned(),
        version: node.engine_version()?.to_owned(),
        node_type: group.cache_node_type().or_else(|| node.cache_node_type())?.to_owned(),
        nodes: u32::try_from(of_shard).ok().filter(|nodes| *nodes > 0)?,
        shards: shards_count,
        settings: settings.0,
        endpoint: group_endpoint(group)?,
    })
}

/// The zones of a shard's nodes, that of its primary first.
fn zones(shard: &NodeGroup) -> Vec<&str> {
    let (primaries, others): (Vec<&NodeGroupMember>, Vec<&NodeGroupMember>) =
        shard.node_group_members().iter().partition(|member| member.current_role() == Some("primary"));
    primaries.into_iter().chain(others).filter_map(|member| member.preferred_availability_zone()).collect()
}

/// The shape of a cluster outside of any group.
pub(super) fn of_cluster(
    cluster: &CacheCluster,
    id: &str,
    tags: &BTreeMap<String, String>,
) -> Option<CacheShape> {
    let mut settings = Settings::default();
    settings.node(cluster);
    let first = cluster.cache_nodes().first()?;
    settings.put("Port", first.endpoint().and_then(Endpoint::port));
    settings.put("PreferredAvailabilityZone", cluster.preferred_availability_zone());
    settings.put("AutoMinorVersionUpgrade", cluster.auto_minor_version_upgrade());
    settings.put("SnapshotRetentionLimit", cluster.snapshot_retention_limit());
    settings.put("SnapshotWindow", cluster.snapshot_window());
    settings.flag("TransitEncryptionEnabled", cluster.transit_encryption_enabled() == Some(true));
    settings.put("NetworkType", cluster.network_type());
    settings.put("IpDiscovery", cluster.ip_discovery());
    settings.logs(cluster.log_delivery_configurations());
    settings.tags(tags);
    Some(CacheShape {
        id: id.to_owned(),
        engine: cluster.engine()?.to_owned(),
        version: cluster.engine_version()?.to_owned(),
        node_type: cluster.cache_node_type()?.to_owned(),
        nodes: number(cluster.num_cache_nodes()),
        shards: 1,
        settings: settings.0,
        endpoint: cluster_endpoint(cluster)?,
    })
}

fn group_address(group: &ReplicationGroup) -> Option<&Endpoint> {
    let primary = || group.node_groups().first().and_then(NodeGroup::primary_endpoint);
    group.configuration_endpoint().or_else(primary)
}

pub(super) fn group_endpoint(group: &ReplicationGroup) -> Option<String> {
    group_address(group)?.address().map(str::to_owned)
}

pub(super) fn cluster_endpoint(cluster: &CacheCluster) -> Option<String> {
    cluster.cache_nodes().first()?.endpoint()?.address().map(str::to_owned)
}

/// A setting.
pub(super) fn text(shape: &CacheShape, name: &str) -> Option<String> {
    shape.settings.get(name).cloned()
}

/// A setting that is a number.
pub(super) fn count(shape: &CacheShape, name: &str) -> Option<i32> {
    shape.settings.get(name)?.parse().ok()
}

/// A setting that is true or false, or not told.
pub(super) fn flag(shape: &CacheShape, name: &str) -> Option<bool> {
    shape.settings.get(name)?.parse().ok()
}

/// A setting that has a list of values, of which AWS takes no empty one.
pub(super) fn list(shape: &CacheShape, name: &str) -> Option<Vec<String>> {
    Some(shape.settings.get(name)?.split(COMMA).map(str::to_owned).collect())
}

/// The tags.
pub(super) fn tags(shape: &CacheShape) -> BTreeMap<String, String> {
    let tags = shape.settings.iter().filter_map(|(name, value)| Some((name.strip_prefix(TAG)?, value)));
    tags.map(|(tag, value)| (tag.to_owned(), value.clone())).collect()
}

/// The tags as AWS takes them.
pub(super) fn tag_list(shape: &CacheShape) -> Option<Vec<Tag>> {
    let tags = tags(shape);
    (!tags.is_empty())
        .then(|| tags.into_iter().map(|(tag, value)| Tag::builder().key(tag).value(value).build()).collect())
}

/// The logs as AWS takes them.
pub(super) fn log_list(shape: &CacheShape) -> Option<Vec<LogDeliveryConfigurationRequest>> {
    let logs = shape.settings.iter().filter_map(|(name, value)| {
        let of = name.strip_prefix(LOG)?;
        let mut parts = value.splitn(3, ' ');
        let (to, format, name) = (parts.next()?, parts.next()?, parts.next()?);
        let details = DestinationDetails::builder();
        let details = if to == DestinationType::KinesisFirehose.as_str() {
            let stream = KinesisFirehoseDestinationDetails::builder().delivery_stream(name).build();
            details.kinesis_firehose_details(stream)
        } else {
            let group = CloudWatchLogsDestinationDetails::builder().log_group(name).build();
            details.cloud_watch_logs_details(group)
        };
        let log = LogDeliveryConfigurationRequest::builder()
            .log_type(LogType::from(of))
            .destination_type(DestinationType::from(to))
            .destination_details(details.build())
            .log_format(LogFormat::from(format))
            .enabled(true);
        Some(log.build())
    });
    let logs: Vec<LogDeliveryConfigurationRequest> = logs.collect();
    (!logs.is_empty()).then_some(logs)
}

/// The version as AWS takes it: from 6 on, patches are AWS's ("Supported engines and versions", `ElastiCache` User Guide).
pub(super) fn version(shape: &CacheShape) -> String {
    let mut parts = shape.version.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if major.parse::<u32>().is_ok_and(|major| major >= 6) => {
            format!("{major}.{minor}")
        }
        _ => shape.version.clone(),
    }
}
