//! `ElastiCache`: groups and clusters, and the snapshots that are made of them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::asked::{Asked, xml, xml_error};

const PREFIX: &str = "arn:aws:elasticache:eu-west-1:1";

/// A replication group or a cluster.
#[derive(Clone, Debug)]
pub struct Cache {
    group: bool,
    /// As `DescribeReplicationGroups` has it.
    pub status: &'static str,
    /// The fields of the call that created it.
    pub fields: BTreeMap<String, String>,
    /// How much was written to it.
    pub data: u32,
    /// With which last snapshot it goes.
    last: Option<String>,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub struct Made {
    /// As `DescribeSnapshots` has it.
    pub status: &'static str,
    of: String,
    node: Option<String>,
    /// How much was written to the cache when it was made.
    pub data: u32,
}

/// `ElastiCache` of an account whose caches are all of one environment.
#[derive(Debug)]
pub struct ElastiCache {
    environment: String,
    /// By their ids.
    pub caches: BTreeMap<String, Cache>,
    /// By their names.
    pub snapshots: BTreeMap<String, Made>,
    /// Whether AWS makes no snapshots at the moment.
    pub snapshots_fail: bool,
    /// The groups that are scaled.
    pub scaled: Vec<&'static str>,
}

impl ElastiCache {
    /// Without caches, for those of this environment.
    pub fn new(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            caches: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            snapshots_fail: false,
            scaled: Vec::new(),
        }
    }

    /// Adds a replication group, or a single cluster, with the fields of the call that would create it.
    pub fn add(&mut self, group: bool, id: &str, fields: &[(&str, &str)]) {
        let mut fields: BTreeMap<String, String> =
            fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let own = if group { "ReplicationGroupId" } else { "CacheClusterId" };
        fields.insert(own.to_owned(), id.to_owned());
        let tags = fields.keys().filter(|name| name.starts_with("Tags.Tag.")).count() / 2 + 1;
        fields.insert(format!("Tags.Tag.{tags}.Key"), "ace-flow:environment".to_owned());
        fields.insert(format!("Tags.Tag.{tags}.Value"), self.environment.clone());
        let cache = Cache { group, status: "available", fields, data: 0, last: None };
        self.caches.insert(id.to_owned(), cache);
    }

    /// Some minutes pass.
    ///
    /// # Panics
    ///
    /// If a last snapshot is of another cache.
    pub fn passes(&mut self) {
        for made in self.snapshots.values_mut().filter(|made| made.status == "creating") {
            made.status = if self.snapshots_fail { "failed" } else { "available" };
        }
        for (id, cache) in &mut self.caches {
            match cache.status {
                "deleting" => {
                    let made = self.snapshots.get_mut(cache.last.as_ref().unwrap()).unwrap();
                    cache.status = if made.status == "available" { "gone" } else { "available" };
                    assert_eq!(made.of, *id);
                }
                "available" => cache.data += 1,
                _ => cache.status = "available",
            }
        }
        self.caches.retain(|_, cache| cache.status != "gone");
    }

    /// The status and the body of the answer.
    ///
    /// # Panics
    ///
    /// If it is asked for what it does not have, or to delete a cache without a last snapshot.
    pub fn answer(&mut self, asked: &Asked) -> (u16, String) {
        match asked.call.as_str() {
            "GetResources" => self.tagged(),
            "DescribeScalableTargets" => {
                let scaled = self.scaled.iter().map(|id| {
                    json!({ "ServiceNamespace": "elasticache", "ResourceId": format!("replication-group/{id}"),
                            "ScalableDimension": "elasticache:replication-group:NodeGroups", "MinCapacity": 1,
                            "MaxCapacity": 2, "RoleARN": "arn:r", "CreationTime": 1_700_000_000.0 })
                });
                (200, json!({ "ScalableTargets": scaled.collect::<Vec<_>>() }).to_string())
            }
            "DescribeReplicationGroups" => {
                let groups =
                    self.chosen(asked.field("ReplicationGroupId"), true).map(|(id, one)| one.group_xml(id));
                let groups = groups.collect::<String>();
                (200, xml(&asked.call, &format!("<ReplicationGroups>{groups}</ReplicationGroups>")))
            }
            "DescribeCacheClusters" => {
                let single = self.chosen(asked.field("CacheClusterId"), false);
                let mut all: String = single.map(|(id, one)| one.node_xml(id, None)).collect();
                for (id, group) in self.chosen("", true) {
                    all += &group
                        .nodes(id)
                        .iter()
                        .map(|node| group.node_xml(node, Some(id)))
                        .collect::<String>();
                }
                (200, xml(&asked.call, &format!("<CacheClusters>{all}</CacheClusters>")))
            }
            "DescribeSnapshots" => {
                assert_eq!(asked.field("SnapshotSource"), "user");
                let name = asked.field("SnapshotName");
                if !name.is_empty() && !self.snapshots.contains_key(name) {
                    return (404, xml_error("SnapshotNotFoundFault", "none"));
                }
                let made = self.snapshots.iter().filter(|(one, _)| name.is_empty() || *one == name);
                let made: String = made.map(|(name, made)| made.xml(name)).collect();
                (200, xml(&asked.call, &format!("<Snapshots>{made}</Snapshots>")))
            }
            "CreateSnapshot" => self.snapshot(asked),
            "DeleteSnapshot" => match self.snapshots.remove(asked.field("SnapshotName")) {
                Some(_) => (200, xml(&asked.call, "")),
                None => (404, xml_error("SnapshotNotFoundFault", "none")),
            },
            "DeleteReplicationGroup" => self.delete(asked, asked.field("ReplicationGroupId")),
            "DeleteCacheCluster" => self.delete(asked, asked.field("CacheClusterId")),
            "CreateReplicationGroup" => self.create(asked, true, asked.field("ReplicationGroupId")),
            "CreateCacheCluster" => self.create(asked, false, asked.field("CacheClusterId")),
            other => panic!("{other}"),
        }
    }

    fn chosen<'a>(&'a self, id: &'a str, group: bool) -> impl Iterator<Item = (&'a String, &'a Cache)> {
        self.caches.iter().filter(move |(one, cache)| cache.group == group && (id.is_empty() || *one == id))
    }

    /// What is on its way is not found by its tags.
    fn tagged(&self) -> (u16, String) {
        let there = self.caches.iter().filter(|(_, cache)| cache.status == "available");
        let there: Vec<_> = there
            .map(|(id, cache)| {
                let tags: Vec<_> =
                    cache.tags().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
                json!({ "ResourceARN": cache.arn(id), "Tags": tags })
            })
            .collect();
        (200, json!({ "ResourceTagMappingList": there }).to_string())
    }

    fn snapshot(&mut self, asked: &Asked) -> (u16, String) {
        let name = asked.field("SnapshotName");
        if self.snapshots.contains_key(name) {
            return (400, xml_error("SnapshotAlreadyExistsFault", "there is one"));
        }
        let (group, node) = (asked.field("ReplicationGroupId"), asked.field("CacheClusterId"));
        let of = self.caches.iter().find(|(id, cache)| {
            *id == group && cache.is_sharded() || cache.nodes(id).iter().any(|one| one == node)
        });
        let Some((of, cache)) = of.map(|(id, cache)| (id.clone(), cache.clone())) else {
            return (400, xml_error("InvalidParameterCombination", "of what"));
        };
        if cache.status != "available" {
            return (400, xml_error("InvalidReplicationGroupState", "not available"));
        }
        let node = (!node.is_empty()).then(|| node.to_owned());
        self.snapshots
            .insert(name.to_owned(), Made { status: "creating", of: of.clone(), node, data: cache.data });
        self.caches.get_mut(&of).unwrap().status = "snapshotting";
        (200, xml(&asked.call, ""))
    }

    fn delete(&mut self, asked: &Asked, id: &str) -> (u16, String) {
        let last = asked.field("FinalSnapshotIdentifier");
        assert!(!last.is_empty(), "nothing is deleted without a last snapshot");
        let Some(cache) = self.caches.get_mut(id) else {
            return (404, xml_error("ReplicationGroupNotFoundFault", "none"));
        };
        if cache.status != "available" {
            return (400, xml_error("InvalidReplicationGroupState", "not available"));
        }
        if self.snapshots.contains_key(last) {
            return (400, xml_error("SnapshotAlreadyExistsFault", "there is one"));
        }
        cache.status = "deleting";
        cache.last = Some(last.to_owned());
        let made = Made { status: "creating", of: id.to_owned(), node: None, data: cache.data };
        self.snapshots.insert(last.to_owned(), made);
        (200, xml(&asked.call, ""))
    }

    fn create(&mut self, asked: &Asked, group: bool, id: &str) -> (u16, String) {
        if self.caches.contains_key(id) {
            return (400, xml_error("ReplicationGroupAlreadyExists", "there is one"));
        }
        let Some(from) = self.snapshots.get(asked.field("SnapshotName")) else {
            return (404, xml_error("SnapshotNotFoundFault", "none"));
        };
        assert_eq!((from.status, from.of.as_str()), ("available", id));
        let cache =
            Cache { group, status: "creating", fields: asked.fields.clone(), data: from.data, last: None };
        self.caches.insert(id.to_owned(), cache);
        (200, xml(&asked.call, ""))
    }
}

impl Cache {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.fields.get(&format!("{name}.{n}")).map(String::as_str)).collect()
    }

    fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let tag = |n: usize| {
            let key = self.fields.get(&format!("Tags.Tag.{n}.Key"))?;
            Some((key.as_str(), self.field(&format!("Tags.Tag.{n}.Value"))))
        };
        (1..).map_while(tag)
    }

    fn arn(&self, id: &str) -> String {
        format!("{PREFIX}:{}:{id}", if self.group { "replicationgroup" } else { "cluster" })
    }

    fn is_sharded(&self) -> bool {
        self.fields.contains_key("NumNodeGroups")
    }

    fn shards(&self) -> usize {
        self.field("NumNodeGroups").parse().unwrap_or(1)
    }

    fn nodes_of_shard(&self) -> usize {
        let replicas = self.field("ReplicasPerNodeGroup").parse::<usize>().map(|replicas| replicas + 1);
        let all = self.field("NumCacheClusters").parse::<usize>();
        replicas.or(all).unwrap_or(1)
    }

    fn nodes(&self, id: &str) -> Vec<String> {
        if !self.group {
            return vec![id.to_owned()];
        }
        let shard = |shard: usize| if self.is_sharded() { format!("{id}-{shard:04}") } else { id.to_owned() };
        let of = |one: usize| (1..=self.nodes_of_shard()).map(move |n| format!("{}-{n:03}", shard(one)));
        (1..=self.shards()).flat_map(of).collect()
    }

    /// An element of that name with the field's value, if there is one.
    fn told(&self, name: &str) -> String {
        self.told_as(name, name)
    }

    fn told_as(&self, element: &str, name: &str) -> String {
        let value = self.fields.get(name);
        value.map(|value| format!("<{element}>{value}</{element}>")).unwrap_or_default()
    }

    fn switch(&self, element: &str, name: &str) -> String {
        let on = self.field(name) == "true";
        format!("<{element}>{}</{element}>", if on { "enabled" } else { "disabled" })
    }

    fn logs(&self) -> String {
        let name = |n: usize, field: &str| {
            format!("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.{n}.{field}")
        };
        let log = |n: usize| {
            let of = self.fields.get(&name(n, "LogType"))?;
            let (to, format) = (self.field(&name(n, "DestinationType")), self.field(&name(n, "LogFormat")));
            let group = self.field(&name(n, "DestinationDetails.CloudWatchLogsDetails.LogGroup"));
            let stream = self.field(&name(n, "DestinationDetails.KinesisFirehoseDetails.DeliveryStream"));
            let details = if group.is_empty() {
                format!(
                    "<KinesisFirehoseDetails><DeliveryStream>{stream}</DeliveryStream></KinesisFirehoseDetails>"
                )
            } else {
                format!("<CloudWatchLogsDetails><LogGroup>{group}</LogGroup></CloudWatchLogsDetails>")
            };
            Some(format!(
                "<LogDeliveryConfiguration><LogType>{of}</LogType><DestinationType>{to}</DestinationType>\
                 <DestinationDetails>{details}</DestinationDetails><LogFormat>{format}</LogFormat><Status>active</Status>\
                 </LogDeliveryConfiguration>"
            ))
        };
        let logs: String = (1..).map_while(log).collect();
        format!("<LogDeliveryConfigurations>{logs}</LogDeliveryConfigurations>")
    }

    fn group_xml(&self, id: &str) -> String {
        let nodes = self.nodes(id);
        let zones = self.list("PreferredCacheClusterAZs.AvailabilityZone");
        let port = self.field("Port");
        let endpoint = |name: &str| {
            format!("<{name}><Address>{id}.x.cache.amazonaws.com</Address><Port>{port}</Port></{name}>")
        };
        let shards = nodes.chunks(self.nodes_of_shard()).map(|members| {
            let members = members.iter().enumerate().map(|(n, node)| {
                let role = if self.is_sharded() { "" } else if n == 0 { "primary" } else { "replica" };
                let zone = zones.get(n).copied().unwrap_or("eu-west-1a");
                format!(
                    "<NodeGroupMember><CacheClusterId>{node}</CacheClusterId><CurrentRole>{role}</CurrentRole>\
                     <PreferredAvailabilityZone>{zone}</PreferredAvailabilityZone></NodeGroupMember>"
                )
            });
            let members: String = members.collect();
            let primary = if self.is_sharded() { String::new() } else { endpoint("PrimaryEndpoint") };
            format!("<NodeGroup>{primary}<NodeGroupMembers>{members}</NodeGroupMembers></NodeGroup>")
        });
        let shards: String = shards.collect();
        let members = elements("ClusterId", nodes.iter().map(String::as_str));
        let users = elements("member", self.list("UserGroupIds.member"));
        let texts = [
            "Engine",
            "CacheNodeType",
            "SnapshotRetentionLimit",
            "SnapshotWindow",
            "TransitEncryptionEnabled",
            "TransitEncryptionMode",
            "AtRestEncryptionEnabled",
            "KmsKeyId",
            "AutoMinorVersionUpgrade",
            "NetworkType",
            "IpDiscovery",
            "ClusterMode",
            "AuthTokenEnabled",
        ];
        let texts: String = texts.iter().map(|name| self.told(name)).collect();
        let more = [
            self.told_as("Description", "ReplicationGroupDescription"),
            self.switch("AutomaticFailover", "AutomaticFailoverEnabled"),
            self.switch("MultiAZ", "MultiAZEnabled"),
            self.switch("DataTiering", "DataTieringEnabled"),
            if self.is_sharded() { endpoint("ConfigurationEndpoint") } else { String::new() },
            self.logs(),
            self.fields.get("Global").cloned().unwrap_or_default(),
        ]
        .concat();
        format!(
            "<ReplicationGroup><ReplicationGroupId>{id}</ReplicationGroupId><ARN>{}</ARN><Status>{}</Status>\
             <ClusterEnabled>{}</ClusterEnabled><MemberClusters>{members}</MemberClusters><NodeGroups>{shards}</NodeGroups>\
             <UserGroupIds>{users}</UserGroupIds>{texts}{more}</ReplicationGroup>",
            self.arn(id),
            self.status,
            self.is_sharded(),
        )
    }

    fn node_xml(&self, id: &str, group: Option<&str>) -> String {
        let arn = format!("{PREFIX}:cluster:{id}");
        let of = group.map(|group| format!("<ReplicationGroupId>{group}</ReplicationGroupId>"));
        let groups = self.list("SecurityGroupIds.SecurityGroupId").into_iter();
        let groups: Vec<String> = groups.map(|one| elements("SecurityGroupId", [one])).collect();
        let groups = elements("member", groups.iter().map(String::as_str));
        let texts = [
            "Engine",
            "CacheNodeType",
            "CacheSubnetGroupName",
            "PreferredMaintenanceWindow",
            "PreferredAvailabilityZone",
            "AutoMinorVersionUpgrade",
            "SnapshotRetentionLimit",
            "SnapshotWindow",
            "NumCacheNodes",
            "AuthTokenEnabled",
        ];
        let texts: String = texts.iter().map(|name| self.told(name)).collect();
        // From 6 on, AWS tells the patch, and takes none.
        let version = self.field("EngineVersion");
        let version =
            if version.matches('.').count() == 1 { format!("{version}.3") } else { version.to_owned() };
        format!(
            "<CacheCluster><CacheClusterId>{id}</CacheClusterId><ARN>{arn}</ARN>{}<CacheClusterStatus>{}</CacheClusterStatus>\
             <EngineVersion>{version}</EngineVersion><CacheParameterGroup>{}</CacheParameterGroup><SecurityGroups>{groups}\
             </SecurityGroups><NotificationConfiguration>{}<TopicStatus>active</TopicStatus></NotificationConfiguration>\
             <CacheNodes><CacheNode><Endpoint><Address>{id}.x</Address><Port>{}</Port></Endpoint></CacheNode></CacheNodes>\
             {texts}</CacheCluster>",
            of.unwrap_or_default(),
            self.status,
            self.told("CacheParameterGroupName"),
            self.told_as("TopicArn", "NotificationTopicArn"),
            self.field("Port"),
        )
    }
}

/// An element of that name with each of these.
fn elements<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().fold(String::new(), |all, value| all + &format!("<{name}>{value}</{name}>"))
}

impl Made {
    fn xml(&self, name: &str) -> String {
        let of = match &self.node {
            Some(node) => format!("<CacheClusterId>{node}</CacheClusterId>"),
            None => format!("<ReplicationGroupId>{}</ReplicationGroupId>", self.of),
        };
        format!(
            "<Snapshot><SnapshotName>{name}</SnapshotName>{of}<SnapshotStatus>{}</SnapshotStatus><SnapshotSource>manual\
             </SnapshotSource></Snapshot>",
            self.status
        )
    }
}
