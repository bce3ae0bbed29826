//! cost-optimizer: the compiled function over everything that it stops and starts, on the emulator; caches on the stand-in,
//! for the emulator makes no last snapshot of a cache that is deleted, and finds none by its tags.

use std::sync::Arc;
use std::time::Duration;

use contract::{CostOptimizerReply, CostOptimizerResult};
use engine::ports::Published;
use environments::Environment;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::{Aws, REGION, element, elements};
use crate::caches::Caches;
use crate::operator::run_in;
use crate::world::World;

const EC2: (&str, &str) = ("ec2", "2016-11-15");
const GROUPS: (&str, &str) = ("autoscaling", "2011-01-01");
const RDS: (&str, &str) = ("rds", "2014-10-31");

/// An environment takes no more ticks than this to be off, or on: compute goes first, then caches, then databases, each is
/// seen by the tick after, and a cache takes one for its snapshot and another one to be deleted.
const TICKS: usize = 8;

/// The cache, as it was created.
const CACHE: [(&str, &str); 13] = [
    ("ReplicationGroupDescription", "what is in carts"),
    ("Engine", "valkey"),
    ("EngineVersion", "8.0"),
    ("CacheNodeType", "cache.t4g.small"),
    ("NumCacheClusters", "2"),
    ("AutomaticFailoverEnabled", "true"),
    ("CacheParameterGroupName", "carts"),
    ("CacheSubnetGroupName", "private"),
    ("SecurityGroupIds.SecurityGroupId.1", "sg-1"),
    ("Port", "6380"),
    ("TransitEncryptionEnabled", "true"),
    ("TransitEncryptionMode", "required"),
    ("AtRestEncryptionEnabled", "true"),
];

/// Everything of the environment `saving`, and what looks like it.
struct Estate<'a> {
    aws: &'a Aws,
    caches: &'a Caches,
    environment: &'a str,
    run: &'a str,
    instance: String,
    /// It has the tag of the environment, and another one that says production.
    production: String,
    /// It has no tags at all.
    foreign: String,
}

impl<'a> Estate<'a> {
    async fn create(world: &'a World) -> Self {
        let (aws, environment, run) = (&*world.aws, world.stack.saving.as_str(), world.run.as_str());
        let images = aws.query(EC2.0, EC2.1, "DescribeImages", &[]).await;
        let image = element(&images, "imageId");
        let own = ("ace-flow:environment", environment);
        let estate = Self {
            aws,
            caches: &world.caches,
            environment,
            run,
            instance: instance(aws, &image, &[own]).await,
            production: instance(aws, &image, &[own, ("Environment", "production")]).await,
            foreign: instance(aws, &image, &[]).await,
        };
        estate.group(&image).await;
        estate.service().await;
        estate.database().await;
        estate.caches.there().add(true, &estate.name("cache"), &CACHE);
        estate
    }

    fn name(&self, what: &str) -> String {
        format!("ace-{}-{what}", self.run)
    }

    async fn group(&self, image: &str) {
        let (name, aws) = (self.name("group"), self.aws);
        let launch =
            [("LaunchConfigurationName", name.as_str()), ("ImageId", image), ("InstanceType", "t3.micro")];
        aws.query(GROUPS.0, GROUPS.1, "CreateLaunchConfiguration", &launch).await;
        let zone = format!("{REGION}a");
        let fields = [
            ("AutoScalingGroupName", name.as_str()),
            ("LaunchConfigurationName", &name),
            ("MinSize", "1"),
            ("MaxSize", "3"),
            ("DesiredCapacity", "2"),
            ("AvailabilityZones.member.1", &zone),
            ("Tags.member.1.Key", "ace-flow:environment"),
            ("Tags.member.1.Value", self.environment),
            ("Tags.member.1.PropagateAtLaunch", "true"),
            ("Tags.member.1.ResourceId", &name),
            ("Tags.member.1.ResourceType", "auto-scaling-group"),
        ];
        aws.query(GROUPS.0, GROUPS.1, "CreateAutoScalingGroup", &fields).await;
    }

    async fn ecs(&self, action: &str, body: &Value) -> Value {
        self.aws.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{action}"), body).await
    }

    async fn scaling(&self, action: &str, body: &Value) -> Value {
        let target = format!("AnyScaleFrontendService.{action}");
        self.aws.json("application-autoscaling", &target, body).await
    }

    async fn service(&self) {
        let name = self.name("service");
        let container = json!({ "name": "web", "image": "web", "memory": 128, "cpu": 64 });
        let task = json!({
            "family": name, "containerDefinitions": [container], "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        });
        self.ecs("CreateCluster", &json!({ "clusterName": name })).await;
        self.ecs("RegisterTaskDefinition", &task).await;
        let service = json!({
            "cluster": name, "serviceName": name, "taskDefinition": name, "desiredCount": 2, "launchType": "FARGATE",
            "tags": [{ "key": "ace-flow:environment", "value": self.environment }],
        });
        self.ecs("CreateService", &service).await;
        // The emulator starts its tasks with its next update.
        let again = json!({ "cluster": name, "service": name, "desiredCount": 2 });
        self.ecs("UpdateService", &again).await;
        let bounds = json!({
            "ServiceNamespace": "ecs", "ResourceId": format!("service/{name}/{name}"),
            "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 2, "MaxCapacity": 6,
        });
        self.scaling("RegisterScalableTarget", &bounds).await;
    }

    async fn database(&self) {
        let name = self.name("database");
        let fields = [
            ("DBInstanceIdentifier", name.as_str()),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "ace"),
            ("MasterUserPassword", "no-secret-of-anybody"),
            ("Tags.Tag.1.Key", "ace-flow:environment"),
            ("Tags.Tag.1.Value", self.environment),
        ];
        self.aws.query(RDS.0, RDS.1, "CreateDBInstance", &fields).await;
    }

    /// How everything is, in one line each.
    async fn seen(&self) -> Vec<String> {
        let aws = self.aws;
        let mut seen = Vec::new();
        for (what, id) in
            [("instance", &self.instance), ("production", &self.production), ("foreign", &self.foreign)]
        {
            let found = aws.query(EC2.0, EC2.1, "DescribeInstances", &[("InstanceId.1", id)]).await;
            let state = element(&found, "instanceState");
            seen.push(format!("{what} {} {}", element(&state, "name"), element(&found, "instanceType")));
        }
        let name = self.name("group");
        let fields = [("AutoScalingGroupNames.member.1", name.as_str())];
        let group = aws.query(GROUPS.0, GROUPS.1, "DescribeAutoScalingGroups", &fields).await;
        let size = |name: &str| element(&group, name);
        let instances = elements(&group, "InstanceId").len();
        let sizes = [size("MinSize"), size("MaxSize"), size("DesiredCapacity")].join(" ");
        seen.push(format!("group {sizes}, {instances} instances"));
        let name = self.name("service");
        let services = self.ecs("DescribeServices", &json!({ "cluster": name, "services": [name] })).await;
        let bounds = json!({ "ServiceNamespace": "ecs", "ResourceIds": [format!("service/{name}/{name}")] });
        let bounds = self.scaling("DescribeScalableTargets", &bounds).await;
        let bounds = &bounds["ScalableTargets"][0];
        seen.push(format!(
            "service {} in {} to {}",
            services["services"][0]["desiredCount"], bounds["MinCapacity"], bounds["MaxCapacity"]
        ));
        let name = self.name("database");
        let fields = [("DBInstanceIdentifier", name.as_str())];
        let database = aws.query(RDS.0, RDS.1, "DescribeDBInstances", &fields).await;
        seen.push(format!("database {}", element(&database, "DBInstanceStatus")));
        seen.push(self.cache());
        seen
    }

    fn cache(&self) -> String {
        let there = self.caches.there();
        match there.caches.get(&self.name("cache")) {
            Some(cache) => {
                let is_kept =
                    CACHE.iter().all(|(name, value)| cache.fields.get(*name).is_some_and(|now| now == value));
                format!(
                    "cache {}, {}",
                    cache.status,
                    if is_kept { "as it was created" } else { "another one" }
                )
            }
            None => "no cache".to_owned(),
        }
    }
}

/// An instance that runs; its id.
async fn instance(aws: &Aws, image: &str, tags: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("ImageId".to_owned(), image),
        ("InstanceType".to_owned(), "t3.micro"),
        ("MinCount".to_owned(), "1"),
        ("MaxCount".to_owned(), "1"),
    ];
    if !tags.is_empty() {
        fields.push(("TagSpecification.1.ResourceType".to_owned(), "instance"));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        let tag = format!("TagSpecification.1.Tag.{}", index + 1);
        fields.extend([(format!("{tag}.Key"), *key), (format!("{tag}.Value"), *value)]);
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    element(&aws.query(EC2.0, EC2.1, "RunInstances", &fields).await, "instanceId")
}

/// Calls cost-optimizer, as Lambda's `Invoke` does, and waits for its answer.
async fn call(world: &World, payload: &Value) -> CostOptimizerReply {
    let (_, name) = world.stack.cost_optimizer.rsplit_once(':').unwrap();
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let answer = world.aws.rest("lambda", "POST", &path, payload).await;
    serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

async fn tick(world: &World) -> CostOptimizerReply {
    let reply = call(world, &json!({ "tick": {} })).await;
    assert_eq!(reply.result, CostOptimizerResult::Ticked, "{reply:?}");
    reply
}

/// Asks `ace`, and gives its lines.
fn ace(world: &World, arguments: &[&str]) -> Vec<Value> {
    let named = [arguments, &["--table", &world.stack.table]].concat();
    let (code, lines, error) = run_in(world, &world.stack.saving, &named);
    assert_eq!(code, Some(0), "{arguments:?}: {lines:#?} {error}");
    lines
}

/// The lines of one kind.
fn of_kind(lines: Vec<Value>, kind: &str) -> Vec<Value> {
    lines.into_iter().filter(|line| line["kind"] == kind).collect()
}

/// Wants everything on or off from now on; what cost-optimizer answers.
fn want(world: &World, state: &str) -> CostOptimizerReply {
    let why = ["--for", "3h", "--because", "a test", "--by", "ann"];
    let said = ace(world, &[&["schedule", "override", "*", state][..], &why].concat());
    let said = said.last().unwrap();
    let reply: CostOptimizerReply = serde_json::from_value(said["reply"].clone()).unwrap();
    assert_eq!(reply.result, CostOptimizerResult::Applied, "{said}");
    reply
}

/// Ticks until everything is as it should be.
async fn settled(world: &World) {
    for _ in 0..TICKS {
        let reply = tick(world).await;
        assert_eq!(reply.failing, 0, "{:#?}", said(world).await);
        world.caches.there().passes();
        if reply.asked == 0 && reply.waiting == 0 && settles(world).await {
            return;
        }
    }
    panic!("not within {TICKS} ticks: {:#?}", said(world).await);
}

/// Whether nothing is on its way.
async fn settles(world: &World) -> bool {
    let records = world.costs.resources(&world.stack.saving.parse().unwrap()).await.unwrap();
    records.iter().all(|record| {
        matches!(record.ours, cost::Ours::Started { .. } | cost::Ours::Stopped { .. } | cost::Ours::Nothing)
            || record.off_since.is_some()
    })
}

/// What is remembered, for a person.
async fn said(world: &World) -> Vec<String> {
    let records = world.costs.resources(&world.stack.saving.parse().unwrap()).await.unwrap();
    records.iter().map(|one| format!("{} {}: {:?}, {}", one.kind, one.name, one.ours, one.said)).collect()
}

async fn publish(world: &World) {
    let environment = &world.stack.saving;
    let written = json!({
        "environment": { "name": environment, "region": REGION, "stage": "test", "account": world.aws.account },
        "cost": {
            "schedule": { "zone": "Europe/Berlin", "stop": "0 18 * * 1-5", "start": "0 8 * * 1-5" },
            "resources": ["ec2", "autoscaling", "ecs", "rds", "elasticache"],
        },
    });
    let configuration: Environment = serde_json::from_value(written).unwrap();
    let published = Published::first(configuration, "the test".to_owned(), Timestamp::now()).unwrap();
    assert!(world.store.publish(&environment.parse().unwrap(), &published).await.unwrap());
}

const ON: [&str; 7] = [
    "instance running t3.micro",
    "production running t3.micro",
    "foreign running t3.micro",
    "group 1 3 2, 2 instances",
    "service 2 in 2 to 6",
    "database available",
    "cache available, as it was created",
];

const OFF: [&str; 7] = [
    "instance stopped t3.micro",
    "production running t3.micro",
    "foreign running t3.micro",
    "group 0 0 0, 0 instances",
    "service 0 in 0 to 0",
    "database stopped",
    "no cache",
];

/// Snapshots of a cache are called after the minute: no cache is away and back within one, but here.
async fn another_minute() {
    let second = u64::try_from(Timestamp::now().as_second() % 60).unwrap();
    tokio::time::sleep(Duration::from_secs(60 - second)).await;
}

/// What is wanted off is off after a few ticks and nothing else is; a tick more changes nothing; and what is wanted on again
/// is as it was.
pub async fn the_evening_and_the_morning_of_everything(world: Arc<World>) {
    let nothing = call(&world, &json!({ "tick": {} })).await;
    assert_eq!(nothing.result, CostOptimizerResult::Ignored);
    assert!(nothing.reason.contains("has no configuration: ace publish"), "{nothing:?}");
    publish(&world).await;
    let estate = Estate::create(&world).await;
    assert_eq!(estate.seen().await, ON);

    want(&world, "--on");
    settled(&world).await;
    assert_eq!(estate.seen().await, ON);
    for evening in 0..2 {
        if evening > 0 {
            another_minute().await;
        }
        let off = want(&world, "--off");
        assert!(off.asked >= 3, "compute goes at once: {off:?}");
        settled(&world).await;
        assert_eq!(estate.seen().await, OFF);
        let snapshots = world.caches.there().snapshots.len();
        assert_eq!(snapshots, evening + 2, "of those before, one is kept");
        let versions = said(&world).await;
        for _ in 0..2 {
            let again = tick(&world).await;
            assert_eq!((again.asked, again.waiting, again.failing), (0, 0, 0), "{again:?}");
        }
        assert_eq!((said(&world).await, estate.seen().await), (versions, OFF.map(str::to_owned).into()));

        want(&world, "--on");
        settled(&world).await;
        assert_eq!(estate.seen().await, ON);
    }
    ask(&world, &estate);
    let kept = said(&world).await;
    let production = kept.iter().find(|line| line.contains("its tag Environment says production"));
    assert!(production.is_some(), "{kept:#?}");
}

/// What a person is told of it, and that their orders end.
fn ask(world: &World, estate: &Estate<'_>) {
    let shown = of_kind(ace(world, &["schedule", "show"]), "resource");
    assert_eq!(shown.len(), 6, "{shown:#?}");
    let managed: Vec<&Value> = shown.iter().filter(|one| one["managed"] == true).collect();
    assert_eq!(managed.len(), 5, "{shown:#?}");
    for one in managed {
        assert!(one["state"].as_str().unwrap().starts_with("on since "), "{one:#}");
        assert_eq!((&one["stands"], &one["wanted"]), (&json!("as wanted"), &json!("on")), "{one:#}");
    }
    let cache = format!("elasticache:{}", estate.name("cache"));
    let explained = ace(world, &["schedule", "explain", &cache]);
    let known = explained.iter().find(|line| line["resource"] == cache.as_str());
    let endpoint = known.and_then(|known| known["endpoint"].as_str()).unwrap_or_default();
    assert!(endpoint.starts_with(&estate.name("cache")), "{explained:#?}");
    assert!(explained.iter().any(|voice| voice.to_string().contains("a test")), "{explained:#?}");

    let saved = ace(world, &["savings"]);
    let sum = saved.iter().find(|line| line["kind"] == "savings").unwrap();
    assert!(sum["hours"].as_f64().unwrap() > 0.0, "{saved:#?}");
    assert_eq!(of_kind(saved, "saving").len(), 6);

    for one in of_kind(ace(world, &["schedule", "show"]), "override") {
        ace(world, &["schedule", "end", one["override"].as_str().unwrap()]);
    }
    let left = of_kind(ace(world, &["schedule", "show"]), "override");
    assert_eq!(left, Vec::<Value>::new());
}
