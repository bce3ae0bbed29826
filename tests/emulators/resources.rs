//! What can be stopped and started, on moto: it is seen, something is done with it, and that is seen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloud_resources::{Caches, Databases, Ec2Instances, EcsServices, ScalingGroups};
use cost::{Act, Kind, Ours, Record, Seen, Shape, Snapshot, State};
use engine::ports::{Order, Resources};
use jiff::Timestamp;
use serde_json::json;

use crate::world::World;

const EC2: &str = "2016-11-15";
const AUTOSCALING: &str = "2011-01-01";
const RDS: &str = "2014-10-31";
const ELASTICACHE: &str = "2015-02-02";

/// The tag of a run, and what is found by it.
struct Tagged<'a> {
    adapter: &'a dyn Resources,
    tags: BTreeMap<String, String>,
}

impl<'a> Tagged<'a> {
    fn new(adapter: &'a dyn Resources, run: &str) -> Self {
        Self { adapter, tags: BTreeMap::from([("ace-flow:environment".to_owned(), run.to_owned())]) }
    }

    async fn see(&self) -> Vec<Seen> {
        let mut seen = self.adapter.see(&self.tags, &[]).await.unwrap();
        seen.sort_by(|one, other| one.name.cmp(&other.name));
        seen
    }

    /// All of them, once they are in this state.
    async fn seen_as(&self, state: &State) -> Vec<Seen> {
        for _ in 0..100 {
            let seen = self.see().await;
            if !seen.is_empty() && seen.iter().all(|one| one.state == *state) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} are not {state}: {:?}", self.adapter.family(), self.see().await);
    }

    async fn act(&self, seen: &[Seen], act: impl Fn(&Seen) -> Act) {
        let orders: Vec<Order> = seen.iter().map(|one| Order { seen: one.clone(), act: act(one) }).collect();
        for (order, outcome) in orders.iter().zip(self.adapter.act(&orders).await) {
            assert_eq!(outcome, Ok(()), "{order:?}");
        }
    }
}

pub async fn instances_are_stopped_and_started(world: Arc<World>) {
    let aws = &world.aws;
    let tags = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "ace-flow:environment"),
        ("TagSpecification.1.Tag.1.Value", world.run.as_str()),
    ];
    let more =
        [("ImageId", "ami-12c6146b"), ("InstanceType", "m5.large"), ("MinCount", "3"), ("MaxCount", "3")];
    aws.query("ec2", EC2, "RunInstances", &[&more[..], &tags[..]].concat()).await;
    let adapter = Ec2Instances::new(&aws.resources_sdk());
    let ec2 = Tagged::new(&adapter, &world.run);
    let running = ec2.seen_as(&State::Running).await;
    assert_eq!(running.len(), 3);
    let large = Shape::Instance { instance_type: "m5.large".to_owned() };
    assert!(
        running.iter().all(|one| one.shape == Some(large.clone()) && one.cannot.is_none()),
        "{running:?}"
    );
    ec2.act(&running, |_| Act::Stop).await;
    let stopped = ec2.seen_as(&State::Stopped).await;
    // Twice is once.
    ec2.act(&running, |_| Act::Stop).await;
    let other = Shape::Instance { instance_type: "m5a.large".to_owned() };
    ec2.act(&stopped, |_| Act::Start(Some(other.clone()))).await;
    let running = ec2.seen_as(&State::Running).await;
    assert!(running.iter().all(|one| one.shape == Some(other.clone())), "{running:?}");
    // One that is there no more holds up none of the others.
    let mut gone = running[0].clone();
    gone.arn.0 = gone.arn.0.replace("/i-", "/i-0000");
    let orders = [&gone, &running[1]].map(|one| Order { seen: one.clone(), act: Act::Stop });
    let outcomes = adapter.act(&orders).await;
    let refused = outcomes[0].as_ref().unwrap_err();
    assert!(refused.why.contains("InvalidInstanceID") && outcomes[1].is_ok(), "{outcomes:?}");
}

pub async fn a_group_is_stopped_and_started(world: Arc<World>) {
    let aws = &world.aws;
    let name = format!("web-{}", world.run);
    let template = format!("template-{}", world.run);
    let launch = [
        ("LaunchConfigurationName", template.as_str()),
        ("ImageId", "ami-12c6146b"),
        ("InstanceType", "m5.large"),
    ];
    aws.query("autoscaling", AUTOSCALING, "CreateLaunchConfiguration", &launch).await;
    let group = [
        ("AutoScalingGroupName", name.as_str()),
        ("LaunchConfigurationName", template.as_str()),
        ("MinSize", "1"),
        ("MaxSize", "4"),
        ("DesiredCapacity", "2"),
        ("AvailabilityZones.member.1", "us-east-1a"),
        ("Tags.member.1.Key", "ace-flow:environment"),
        ("Tags.member.1.Value", world.run.as_str()),
        ("Tags.member.1.PropagateAtLaunch", "false"),
        ("Tags.member.1.ResourceId", name.as_str()),
        ("Tags.member.1.ResourceType", "auto-scaling-group"),
    ];
    aws.query("autoscaling", AUTOSCALING, "CreateAutoScalingGroup", &group).await;
    let adapter = ScalingGroups::new(&aws.resources_sdk());
    let groups = Tagged::new(&adapter, &world.run);
    let running = groups.seen_as(&State::Running).await;
    let shape = running[0].shape.clone();
    let Some(Shape::Group { min: 1, max: 4, desired: 2, instance_type }) = &shape else {
        panic!("{running:?}")
    };
    assert_eq!((running[0].name.as_str(), instance_type.as_deref()), (name.as_str(), Some("m5.large")));
    groups.act(&running, |_| Act::Stop).await;
    let stopped = groups.seen_as(&State::Stopped).await;
    groups.act(&stopped, |_| Act::Start(shape.clone())).await;
    assert_eq!(groups.seen_as(&State::Running).await[0].shape, shape);
}

pub async fn a_service_is_stopped_and_started_with_its_bounds(world: Arc<World>) {
    let aws = &world.aws;
    let cluster = format!("main-{}", world.run);
    let ecs = async |call: &str, body: serde_json::Value| {
        aws.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{call}"), &body).await
    };
    ecs("CreateCluster", json!({ "clusterName": cluster })).await;
    let containers = json!([{ "name": "web", "image": "web", "memory": 128 }]);
    ecs("RegisterTaskDefinition", json!({ "family": "web", "containerDefinitions": containers })).await;
    let tags = json!([{ "key": "ace-flow:environment", "value": world.run }]);
    let service = json!({ "cluster": cluster, "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
        "launchType": "EC2", "tags": tags });
    ecs("CreateService", service).await;
    let target = json!({ "ServiceNamespace": "ecs", "ResourceId": format!("service/{cluster}/web"),
        "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 2, "MaxCapacity": 6 });
    let register = "AnyScaleFrontendService.RegisterScalableTarget";
    aws.json("application-autoscaling", register, &target).await;
    let adapter = EcsServices::new(&aws.resources_sdk());
    let services = Tagged::new(&adapter, &world.run);
    let seen = services.seen_as(&State::Starting).await;
    let shape = Shape::Service { desired: 2, scaling: Some((2, 6)) };
    assert_eq!((seen.len(), seen[0].kind, &seen[0].shape), (1, Kind::Service, &Some(shape.clone())));
    services.act(&seen, |_| Act::Stop).await;
    let stopped = services.seen_as(&State::Stopped).await;
    assert_eq!(stopped[0].shape, Some(Shape::Service { desired: 0, scaling: Some((0, 0)) }));
    services.act(&stopped, |_| Act::Start(Some(shape.clone()))).await;
    assert_eq!(services.seen_as(&State::Running).await[0].shape, Some(shape));
}

pub async fn databases_are_stopped_and_started(world: Arc<World>) {
    let aws = &world.aws;
    let (one, many) = (format!("db-{}", world.run), format!("shop-{}", world.run));
    let tags = [("Tags.Tag.1.Key", "ace-flow:environment"), ("Tags.Tag.1.Value", world.run.as_str())];
    let secret = [("MasterUsername", "root"), ("MasterUserPassword", "a-test-password")];
    let instance = [
        ("DBInstanceIdentifier", one.as_str()),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("AllocatedStorage", "20"),
    ];
    aws.query("rds", RDS, "CreateDBInstance", &[&instance[..], &secret[..], &tags[..]].concat()).await;
    let cluster = [("DBClusterIdentifier", many.as_str()), ("Engine", "aurora-mysql")];
    aws.query("rds", RDS, "CreateDBCluster", &[&cluster[..], &secret[..], &tags[..]].concat()).await;
    let member = [
        ("DBInstanceIdentifier", "shop-1"),
        ("DBClusterIdentifier", many.as_str()),
        ("DBInstanceClass", "db.r6g.large"),
        ("Engine", "aurora-mysql"),
    ];
    aws.query("rds", RDS, "CreateDBInstance", &[&member[..], &tags[..]].concat()).await;
    let adapter = Databases::new(&aws.resources_sdk());
    let databases = Tagged::new(&adapter, &world.run);
    let running = databases.seen_as(&State::Running).await;
    let told: Vec<_> =
        running.iter().map(|one| (one.name.as_str(), one.kind, one.cannot.as_deref())).collect();
    let expected = [(one.as_str(), Kind::Database, None), (many.as_str(), Kind::Cluster, None)];
    assert_eq!(told, expected);
    let class = |class: &str| Some(Shape::Database { classes: vec![class.to_owned()] });
    assert_eq!((&running[0].shape, &running[1].shape), (&class("db.t4g.micro"), &class("db.r6g.large")));
    assert!(running.iter().all(|one| one.endpoint.is_some()), "{running:?}");
    databases.act(&running, |_| Act::Stop).await;
    let stopped = databases.seen_as(&State::Stopped).await;
    // Asked again by somebody who has not seen it stop.
    databases.act(&running, |_| Act::Stop).await;
    databases.act(&stopped, |_| Act::Start(None)).await;
    databases.seen_as(&State::Running).await;
}

/// moto makes no snapshot of a group, no last one, and never ends to delete: what a cache comes back with is tested beside
/// the adapter.
pub async fn caches_are_seen_put_by_and_deleted(world: Arc<World>) {
    let aws = &world.aws;
    let (group, single) = (format!("carts-{}", world.run), format!("pages-{}", world.run));
    let all = [
        ("Engine", "redis"),
        ("EngineVersion", "7.1"),
        ("CacheNodeType", "cache.t4g.micro"),
        ("Tags.Tag.1.Key", "ace-flow:environment"),
        ("Tags.Tag.1.Value", world.run.as_str()),
    ];
    let fields = [
        ("ReplicationGroupId", group.as_str()),
        ("ReplicationGroupDescription", "what is in carts"),
        ("NumCacheClusters", "2"),
        ("AutomaticFailoverEnabled", "true"),
    ];
    aws.query("elasticache", ELASTICACHE, "CreateReplicationGroup", &[&fields[..], &all[..]].concat()).await;
    let fields = [("CacheClusterId", single.as_str()), ("NumCacheNodes", "1")];
    aws.query("elasticache", ELASTICACHE, "CreateCacheCluster", &[&fields[..], &all[..]].concat()).await;
    let adapter = Caches::new(&aws.resources_sdk());
    let caches = Tagged::new(&adapter, &world.run);
    let running = caches.seen_as(&State::Running).await;
    let told: Vec<_> =
        running.iter().map(|one| (one.name.as_str(), one.kind, one.cannot.as_deref())).collect();
    assert_eq!(told, [(group.as_str(), Kind::Cache, None), (single.as_str(), Kind::Cache, None)]);
    let alone = &running[1..];
    let name = |minute: u32| format!("ace-20261130-190{minute}-{single}");
    for minute in [1, 0] {
        // Twice is once.
        caches.act(alone, |_| Act::Snapshot(name(minute))).await;
        caches.act(alone, |_| Act::Snapshot(name(minute))).await;
    }
    let known = Record {
        ours: Ours::Snapshot { at: Timestamp::now(), snapshot: name(1) },
        ..Record::new(alone[0].arn.clone(), Kind::Cache, single.clone())
    };
    let known = [known];
    let seen = async || {
        let mut seen = adapter.see(&caches.tags, &known).await.unwrap();
        seen.sort_by(|one, other| one.name.cmp(&other.name));
        seen
    };
    let made = |minutes: &[u32]| {
        let made = minutes.iter().map(|minute| Snapshot { name: name(*minute), ready: true });
        made.collect::<Vec<_>>()
    };
    assert_eq!(seen().await[1].snapshots, made(&[0, 1]), "oldest first");
    caches.act(alone, |_| Act::Forget(vec![name(0)])).await;
    caches.act(alone, |_| Act::Forget(vec![name(0)])).await;
    assert_eq!(seen().await[1].snapshots, made(&[1]));
    caches.act(&running, |seen| Act::Delete(format!("ace-20261130-1901-{}-last", seen.name))).await;
    assert!(seen().await.iter().all(|one| one.state == State::Stopping));
}
