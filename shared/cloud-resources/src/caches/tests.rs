use std::sync::{Arc, Mutex};

use aws_stand_in::ElastiCache;
use cost::{Act, Arn, Moment, Power, Shape, State, Subject, Wish, plan};
use engine::ports::Cause;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::fake::{Fake, environment, order, xml};

/// The fields of the call that creates a cache.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// A group without shards, with everything that can be set of it.
const FULL: &[(&str, &str)] = &[
    ("ReplicationGroupDescription", "what is in carts"),
    ("Engine", "valkey"),
    ("EngineVersion", "8.0"),
    ("CacheNodeType", "cache.r6gd.xlarge"),
    ("NumCacheClusters", "2"),
    ("PreferredCacheClusterAZs.AvailabilityZone.1", "eu-west-1b"),
    ("PreferredCacheClusterAZs.AvailabilityZone.2", "eu-west-1a"),
    ("AutomaticFailoverEnabled", "true"),
    ("MultiAZEnabled", "true"),
    ("CacheParameterGroupName", "carts"),
    ("CacheSubnetGroupName", "private"),
    ("SecurityGroupIds.SecurityGroupId.1", "sg-1"),
    ("SecurityGroupIds.SecurityGroupId.2", "sg-2"),
    ("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
    ("NotificationTopicArn", "arn:aws:sns:eu-west-1:1:caches"),
    ("Port", "6380"),
    ("AutoMinorVersionUpgrade", "false"),
    ("SnapshotRetentionLimit", "7"),
    ("SnapshotWindow", "03:00-04:00"),
    ("TransitEncryptionEnabled", "true"),
    ("TransitEncryptionMode", "required"),
    ("AtRestEncryptionEnabled", "true"),
    ("KmsKeyId", "arn:aws:kms:eu-west-1:1:key/k"),
    ("UserGroupIds.member.1", "shoppers"),
    ("DataTieringEnabled", "true"),
    ("NetworkType", "ipv4"),
    ("IpDiscovery", "ipv4"),
    ("ClusterMode", "disabled"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogType", "engine-log"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationType", "kinesis-firehose"),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.DestinationDetails.KinesisFirehoseDetails.\
         DeliveryStream",
        "stream",
    ),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.LogFormat", "text"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.1.Enabled", "true"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.2.LogType", "slow-log"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.2.DestinationType", "cloudwatch-logs"),
    (
        "LogDeliveryConfigurations.LogDeliveryConfigurationRequest.2.DestinationDetails.CloudWatchLogsDetails.LogGroup",
        "/carts/slow",
    ),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.2.LogFormat", "json"),
    ("LogDeliveryConfigurations.LogDeliveryConfigurationRequest.2.Enabled", "true"),
    ("Tags.Tag.1.Key", "team"),
    ("Tags.Tag.1.Value", "carts"),
];

const SHARDED: &[(&str, &str)] = &[
    ("ReplicationGroupDescription", "sessions"),
    ("Engine", "redis"),
    ("EngineVersion", "7.1"),
    ("CacheNodeType", "cache.t4g.small"),
    ("NumNodeGroups", "3"),
    ("ReplicasPerNodeGroup", "1"),
    ("AutomaticFailoverEnabled", "true"),
    ("CacheParameterGroupName", "default.redis7.cluster.on"),
    ("CacheSubnetGroupName", "private"),
    ("Port", "6379"),
    ("SnapshotRetentionLimit", "0"),
    ("ClusterMode", "enabled"),
];

const SINGLE: &[(&str, &str)] = &[
    ("Engine", "redis"),
    ("EngineVersion", "5.0.6"),
    ("CacheNodeType", "cache.t4g.micro"),
    ("NumCacheNodes", "1"),
    ("PreferredAvailabilityZone", "eu-west-1c"),
    ("CacheParameterGroupName", "default.redis5.0"),
    ("CacheSubnetGroupName", "private"),
    ("SecurityGroupIds.SecurityGroupId.1", "sg-1"),
    ("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
    ("Port", "6379"),
    ("AutoMinorVersionUpgrade", "true"),
    ("SnapshotRetentionLimit", "1"),
    ("SnapshotWindow", "03:00-04:00"),
];

/// What cost-optimizer does, without what it does for others.
struct Optimizer {
    caches: Caches,
    fake: Fake,
    world: Arc<Mutex<ElastiCache>>,
    records: Vec<Record>,
    now: Timestamp,
}

impl Optimizer {
    fn of(all: &[(bool, &str, Fields<'_>)]) -> Self {
        let world = Arc::new(Mutex::new(ElastiCache::new("staging")));
        let shared = Arc::clone(&world);
        let fake = Fake::new(move |asked| shared.lock().unwrap().answer(asked));
        for (group, id, fields) in all {
            world.lock().unwrap().add(*group, id, fields);
        }
        let now = "2026-11-30T19:00:00Z".parse().unwrap();
        Self { caches: Caches::new(&fake.config()), fake, world, records: Vec::new(), now }
    }

    async fn see(&self) -> Vec<Seen> {
        self.caches.see(&environment(), &self.records).await.unwrap()
    }

    /// A tick, and five minutes; what was done in it.
    async fn tick(&mut self, power: Power) -> Vec<Act> {
        let wish = Wish { power, why: "as tested".to_owned(), until: None, start_by: None };
        let seen = self.see().await;
        let record = |seen: &Seen| {
            let known = self.records.iter().find(|record| record.arn == seen.arn);
            known.cloned().unwrap_or_else(|| Record::new(seen.arn.clone(), seen.kind, seen.name.clone()))
        };
        let subjects = seen.iter().map(|seen| Subject {
            record: record(seen),
            seen: seen.clone(),
            wish: wish.clone(),
            woken: false,
        });
        let snapshot = format!("ace-{}", self.now.strftime("%Y%m%d-%H%M"));
        let decisions = plan(subjects.collect(), &Moment { snapshot, ..Moment::default() }, self.now);
        let mut orders = Vec::new();
        self.records.clear();
        for (decision, seen) in decisions.into_iter().zip(&seen) {
            if decision.act != Act::Nothing {
                orders.push(order(seen, decision.act));
            }
            self.records.push(decision.record);
        }
        for (one, outcome) in orders.iter().zip(self.caches.act(&orders).await) {
            if let Err(refused) = outcome {
                let record = self.records.iter_mut().find(|record| record.arn == one.seen.arn).unwrap();
                record.failed(refused.why, refused.cause == Cause::Capacity, self.now);
            }
        }
        self.now += SignedDuration::from_mins(5);
        self.world.lock().unwrap().passes();
        orders.into_iter().map(|order| order.act).collect()
    }

    async fn until(&mut self, power: Power, done: impl Fn(&[Seen]) -> bool) {
        for _ in 0..40 {
            self.tick(power).await;
            if done(&self.see().await) {
                return;
            }
        }
        panic!("{:?}", self.records);
    }

    fn data(&self, id: &str) -> u32 {
        self.world.lock().unwrap().caches[id].data
    }
}

fn is(state: State) -> impl Fn(&[Seen]) -> bool {
    move |seen| !seen.is_empty() && seen.iter().all(|one| one.state == state)
}

fn shapes(seen: &[Seen]) -> Vec<&Shape> {
    seen.iter().map(|one| one.shape.as_ref().unwrap()).collect()
}

#[tokio::test]
async fn a_cache_comes_back_as_it_was_with_what_was_in_it() {
    for (group, id, fields) in [(true, "carts", FULL), (true, "sessions", SHARDED), (false, "pages", SINGLE)]
    {
        let mut optimizer = Optimizer::of(&[(group, id, fields)]);
        optimizer.until(Power::On, is(State::Running)).await;
        let before = optimizer.see().await;
        let created = optimizer.world.lock().unwrap().caches[id].fields.clone();
        assert_eq!((before.len(), before[0].name.as_str(), &before[0].cannot), (1, id, &None));
        optimizer.until(Power::Off, is(State::Gone)).await;
        let kept = {
            let world = optimizer.world.lock().unwrap();
            assert!(world.caches.is_empty());
            world.snapshots.last_key_value().unwrap().1.data
        };
        optimizer.until(Power::On, is(State::Running)).await;
        let after = optimizer.see().await;
        assert_eq!(shapes(&after), shapes(&before));
        assert_eq!((&after[0].tags, &after[0].arn), (&before[0].tags, &before[0].arn));
        let mut again = optimizer.world.lock().unwrap().caches[id].fields.clone();
        again.remove("SnapshotName");
        let tags = |fields: &BTreeMap<String, String>| {
            let tags = fields.iter().filter(|(name, _)| name.starts_with("Tags."));
            let mut tags: Vec<String> = tags.map(|(_, value)| value.clone()).collect();
            tags.sort();
            tags
        };
        assert_eq!(tags(&again), tags(&created));
        let plain = |fields: &BTreeMap<String, String>| {
            let mut fields = fields.clone();
            // A default is told as it is, and then asked for.
            fields.retain(|name, _| {
                !name.starts_with("Tags.") && !name.starts_with("PreferredCacheClusterAZs")
            });
            fields
        };
        assert_eq!(plain(&again), plain(&created), "{id}");
        assert!(optimizer.data(id) >= kept && kept > 0);
        optimizer.tick(Power::On).await;
        assert_eq!(optimizer.see().await[0].snapshots.len(), 1, "the newest is kept");
    }
}

#[tokio::test]
async fn a_cache_of_which_no_snapshot_can_be_made_is_not_deleted() {
    let mut optimizer = Optimizer::of(&[(true, "carts", FULL)]);
    optimizer.world.lock().unwrap().snapshots_fail = true;
    for _ in 0..30 {
        optimizer.tick(Power::Off).await;
        assert!(optimizer.world.lock().unwrap().caches.contains_key("carts"));
    }
    assert!(optimizer.records[0].trouble.is_some(), "{:?}", optimizer.records);
    optimizer.world.lock().unwrap().snapshots_fail = false;
    optimizer.until(Power::Off, is(State::Gone)).await;
}

#[tokio::test]
async fn a_last_snapshot_that_fails_is_made_again_under_another_name() {
    let mut optimizer = Optimizer::of(&[(true, "carts", FULL)]);
    loop {
        let acts = optimizer.tick(Power::Off).await;
        if matches!(acts[..], [Act::Snapshot(_)]) {
            break;
        }
    }
    // The trial is ready; what comes now fails.
    optimizer.world.lock().unwrap().snapshots_fail = true;
    while !matches!(optimizer.tick(Power::Off).await[..], [Act::Delete(_)]) {}
    assert!(optimizer.world.lock().unwrap().caches.contains_key("carts"));
    optimizer.world.lock().unwrap().snapshots_fail = false;
    optimizer.until(Power::Off, is(State::Gone)).await;
    let seen = optimizer.see().await;
    let names: Vec<&str> = seen[0].snapshots.iter().map(|one| one.name.as_str()).collect();
    assert!(names.last().unwrap().contains("-last-"), "{names:?}");
    let data = optimizer.world.lock().unwrap().snapshots[*names.last().unwrap()].data;
    optimizer.until(Power::On, is(State::Running)).await;
    assert!(optimizer.data("carts") >= data);
}

#[tokio::test]
async fn what_is_asked_twice_is_done_once() {
    let optimizer = Optimizer::of(&[(true, "carts", FULL), (false, "pages", SINGLE)]);
    for seen in optimizer.see().await {
        let id = seen.name.clone();
        let (trial, last) = (format!("ace-20261130-1900-{id}"), format!("ace-20261130-1900-{id}-last"));
        let twice = async |act: Act| {
            for _ in 0..2 {
                let orders = [order(&seen, act.clone())];
                assert_eq!(optimizer.caches.act(&orders).await, [Ok(())], "{act:?}");
            }
            optimizer.world.lock().unwrap().passes();
        };
        twice(Act::Snapshot(trial.clone())).await;
        twice(Act::Delete(last.clone())).await;
        let again = [order(&seen, Act::Delete(last.clone()))];
        assert_eq!(optimizer.caches.act(&again).await, [Ok(())], "it is gone, with that snapshot");
        let Some(Shape::Cache(shape)) = seen.shape.clone() else { panic!() };
        twice(Act::Restore { snapshot: last, shape }).await;
        twice(Act::Forget(vec![trial])).await;
        let other = [order(&seen, Act::Delete("ace-20261130-2000-x-last".to_owned()))];
        optimizer.world.lock().unwrap().caches.remove(&id);
        let outcome = optimizer.caches.act(&other).await;
        assert!(outcome[0].is_err(), "it is gone, and not with that snapshot");
    }
}

#[tokio::test]
async fn only_snapshots_of_ours_are_deleted() {
    let optimizer = Optimizer::of(&[(true, "carts", FULL)]);
    let seen = optimizer.see().await;
    optimizer.fake.asked();
    let forget = Act::Forget(vec!["before-the-upgrade".to_owned()]);
    let outcome = optimizer.caches.act(&[order(&seen[0], forget)]).await;
    assert!(outcome[0].as_ref().unwrap_err().why.contains("by hand"));
    assert!(optimizer.fake.asked().is_empty());
}

#[tokio::test]
async fn what_cannot_be_stopped_says_what_to_change() {
    let with = |fields: &[(&'static str, &'static str)], more: (&'static str, &'static str)| {
        fields.iter().copied().filter(|(name, _)| *name != more.0).chain([more]).collect::<Vec<_>>()
    };
    let global = "<GlobalReplicationGroupInfo><GlobalReplicationGroupId>world</GlobalReplicationGroupId>\
                  </GlobalReplicationGroupInfo>";
    for (group, fields, why) in [
        (true, with(FULL, ("AuthTokenEnabled", "true")), "user groups"),
        (true, with(FULL, ("Global", global)), "global datastore world"),
        (true, with(FULL, ("CacheNodeType", "cache.t1.micro")), "cache.t1.micro"),
        (false, with(SINGLE, ("Engine", "memcached")), "Memcached"),
        (false, with(SINGLE, ("AuthTokenEnabled", "true")), "user groups"),
    ] {
        let optimizer = Optimizer::of(&[(group, "carts", &fields)]);
        let seen = optimizer.see().await;
        assert!(seen[0].cannot.as_ref().unwrap().contains(why), "{seen:?}");
    }
    let optimizer = Optimizer::of(&[(true, "sessions", SHARDED)]);
    assert_eq!(optimizer.see().await[0].cannot, None);
    optimizer.world.lock().unwrap().scaled.push("sessions");
    assert!(optimizer.see().await[0].cannot.as_ref().unwrap().contains("Application Auto Scaling"));
}

#[tokio::test]
async fn without_caches_little_is_asked() {
    let optimizer = Optimizer::of(&[]);
    assert_eq!(optimizer.see().await, []);
    assert_eq!(optimizer.fake.counts(), BTreeMap::from([("GetResources".to_owned(), 1)]));
    let optimizer = Optimizer::of(&[(true, "carts", FULL)]);
    optimizer.see().await;
    assert!(!optimizer.fake.counts().contains_key("DescribeSnapshots"), "none was ever made");
}

/// What somebody has deleted is there no more; what was never ours is not restored.
#[tokio::test]
async fn a_cache_that_somebody_deletes_is_gone() {
    let mut optimizer = Optimizer::of(&[(true, "carts", FULL)]);
    optimizer.tick(Power::On).await;
    optimizer.world.lock().unwrap().caches.clear();
    let seen = optimizer.see().await;
    assert_eq!((&seen[0].state, &seen[0].shape, seen[0].snapshots.len()), (&State::Gone, &None, 0));
    assert_eq!(optimizer.tick(Power::On).await, []);
}

/// A hundred a page of what is tagged, of groups and of nodes, and fifty of snapshots: AWS's own limits.
#[tokio::test]
async fn five_thousand_caches_are_as_many_calls_as_aws_leaves() {
    const ALL: usize = 5000;
    let arn = |n: usize| format!("arn:aws:elasticache:eu-west-1:1:replicationgroup:c-{n}");
    let page = |from: &str, size: usize| {
        let from: usize = from.parse().unwrap_or_default();
        let next = if from + size < ALL { (from + size).to_string() } else { String::new() };
        (from..from + size, next)
    };
    let fake = Fake::new(move |asked| {
        if asked.call == "GetResources" {
            let (some, next) = page(asked.json["PaginationToken"].as_str().unwrap_or_default(), 100);
            let tags = json!([{ "Key": "ace-flow:environment", "Value": "staging" }]);
            let found: Vec<_> = some.map(|n| json!({ "ResourceARN": arn(n), "Tags": tags })).collect();
            return (200, json!({ "ResourceTagMappingList": found, "PaginationToken": next }).to_string());
        }
        let (list, size) = match asked.call.as_str() {
            "DescribeReplicationGroups" => ("ReplicationGroups", 100),
            "DescribeCacheClusters" => ("CacheClusters", 100),
            "DescribeSnapshots" => ("Snapshots", 50),
            other => panic!("{other}"),
        };
        assert_eq!(asked.field("MaxRecords"), size.to_string());
        let (some, next) = page(asked.field("Marker"), size);
        let one = |n: usize| match list {
            "ReplicationGroups" => format!(
                "<ReplicationGroup><ReplicationGroupId>c-{n}</ReplicationGroupId><ARN>{}</ARN><Status>available</Status>\
                 </ReplicationGroup>",
                arn(n)
            ),
            "CacheClusters" => format!(
                "<CacheCluster><CacheClusterId>c-{n}-001</CacheClusterId><ReplicationGroupId>c-{n}</ReplicationGroupId>\
                 </CacheCluster>"
            ),
            _ => format!(
                "<Snapshot><SnapshotName>ace-20261130-1900-c-{n}</SnapshotName><ReplicationGroupId>c-{n}\
                 </ReplicationGroupId><SnapshotStatus>available</SnapshotStatus></Snapshot>"
            ),
        };
        let some: String = some.map(one).collect();
        (200, xml(&asked.call, &format!("<Marker>{next}</Marker><{list}>{some}</{list}>")))
    });
    let caches = Caches::new(&fake.config());
    let ours = Ours::Snapshot { at: Timestamp::UNIX_EPOCH, snapshot: "ace-20261130-1900-c-0".to_owned() };
    let known = Record { ours, ..Record::new(Arn(arn(0)), Kind::Cache, "c-0".to_owned()) };
    let seen = caches.see(&environment(), &[known]).await.unwrap();
    assert_eq!((seen.len(), seen[0].snapshots.len()), (ALL, 1));
    let counts = fake.counts();
    assert_eq!((counts["GetResources"], counts["DescribeReplicationGroups"]), (50, 50));
    assert_eq!((counts["DescribeCacheClusters"], counts["DescribeSnapshots"]), (50, 100));
}
