//! How many calls a look at everything and the orders of an evening take, and how long under AWS's limits: in virtual time,
//! over pages of a fleet as AWS would answer them. `cargo test -p cloud-resources --test fleet -- --nocapture` prints the figures.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_stand_in::{Asked, xml, xml_error};
use cloud_resources::{Caches, Databases, Ec2Instances, EcsServices, ScalingGroups};
use cost::{Act, Family, Kind, Seen};
use engine::ports::{Cause, Order, Resources};
use engine::{BETWEEN_LOOKS, GIVES_ORDERS_FOR, TICK};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

const TAG: (&str, &str) = ("ace-flow:environment", "staging");

/// How long each call takes.
const LATENCY: Duration = Duration::from_millis(150);

/// A look may take so long: a tick has a function's timeout, and does more than look.
const BOUND: Duration = Duration::from_secs(10);

/// Tokens of a call's bucket, and how many come back each second: "Request throttling for the Amazon EC2 API" (filtered and
/// paginated; instances that are stopped), "Request throttling for the Amazon ECS API", "Quotas for Tag Editor". Where AWS
/// publishes none, what Elastic Load Balancing gives its descriptions is assumed, and for orders what it gives its own.
fn limits(call: &str) -> (f64, f64) {
    match call {
        "DescribeInstances" | "DescribeServices" => (100.0, 20.0),
        "GetResources" => (15.0, 15.0),
        "instances of StopInstances" => (1_000.0, 20.0),
        "StopInstances" => (50.0, 5.0),
        "UpdateService" => (50.0, 20.0),
        "UpdateAutoScalingGroup" | "StopDBInstance" | "StopDBCluster" | "CreateSnapshot" => (20.0, 3.0),
        _ => (40.0, 10.0),
    }
}

/// How many there are of each kind.
#[derive(Clone, Copy)]
struct Fleet {
    instances: usize,
    services: usize,
    groups: usize,
    databases: usize,
    clusters: usize,
    caches: usize,
}

impl Fleet {
    /// Half of it is instances, a quarter services, and the rest is of every kind.
    fn of(size: usize) -> Self {
        let part = |twentieths: usize| size * twentieths / 20;
        Self {
            instances: part(10),
            services: part(5),
            groups: part(2),
            databases: part(1),
            clusters: part(1),
            caches: part(1),
        }
    }

    /// Those of one service.
    fn count(self, family: Family) -> usize {
        match family {
            Family::Ec2 => self.instances,
            Family::Autoscaling => self.groups,
            Family::Ecs => self.services,
            Family::Rds => self.databases + self.clusters,
            Family::Elasticache => self.caches,
        }
    }
}

#[derive(Default)]
struct State {
    /// Tokens that are left, and since when.
    buckets: BTreeMap<String, (f64, Option<Instant>)>,
    calls: BTreeMap<String, usize>,
    throttled: usize,
}

/// AWS with a fleet.
#[derive(Clone)]
struct Cloud(Fleet, Arc<Mutex<State>>);

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cloud")
    }
}

impl Cloud {
    fn new(fleet: Fleet) -> Self {
        Self(fleet, Arc::default())
    }

    fn config(&self) -> SdkConfig {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (config, cloud) = (aws_client::from_variables(variables).unwrap(), self.clone());
        let client = http_client_fn(move |_, _| SharedHttpConnector::new(cloud.clone()));
        config.into_builder().http_client(client).build()
    }

    /// Takes the tokens of a call; `false` when there are too few.
    fn lets(&self, asked: &Call) -> bool {
        *self.1.lock().unwrap().calls.entry(asked.0.call.clone()).or_default() += 1;
        let instances = asked.0.fields.keys().filter(|name| name.starts_with("InstanceId.")).count();
        let lets = self.takes(&asked.0.call, 1)
            && (asked.0.call != "StopInstances" || self.takes("instances of StopInstances", instances));
        self.1.lock().unwrap().throttled += usize::from(!lets);
        lets
    }

    fn takes(&self, what: &str, tokens: usize) -> bool {
        let mut state = self.1.lock().unwrap();
        let (capacity, refill) = limits(what);
        let tokens = f64::from(u32::try_from(tokens).unwrap());
        let (left, since) = state.buckets.entry(what.to_owned()).or_insert((capacity, None));
        let passed = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        *left = (*left + passed * refill).min(capacity);
        *since = Some(Instant::now());
        let takes = *left >= tokens;
        if takes {
            *left -= tokens;
        }
        takes
    }
}

impl HttpConnector for Cloud {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Call::read(&request);
        let answer = if self.lets(&asked) { (200, asked.answer(self.0)) } else { asked.throttled() };
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(LATENCY).await;
            let (status, body) = answer;
            Ok(HttpResponse::new(u16::try_into(status).unwrap(), SdkBody::from(body)))
        })
    }
}

/// A request.
struct Call(Asked);

/// Those of a page, by their numbers, and what the next one is asked for with.
struct Page(std::ops::Range<usize>, Option<usize>);

impl Call {
    fn read(request: &HttpRequest) -> Self {
        let body = request.body().bytes().unwrap();
        Self(Asked::read(request.headers().get("x-amz-target"), body))
    }

    fn page(&self, all: usize, size: usize) -> Page {
        let token = ["NextToken", "Marker"].iter().find_map(|name| self.0.fields.get(*name)).cloned();
        let token = token.or_else(|| Some(self.0.json.get("PaginationToken")?.as_str()?.to_owned()));
        let from: usize = token.and_then(|token| token.parse().ok()).unwrap_or_default();
        let end = all.min(from + size);
        Page(from..end, (end < all).then_some(end))
    }

    fn throttled(&self) -> (u16, String) {
        let body = match (self.0.json.is_null(), self.0.call.as_str()) {
            (false, _) => json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }).to_string(),
            (true, "DescribeInstances" | "StopInstances") => "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>no</Message></Error></Errors></Response>".to_owned(),
            (true, _) => xml_error("Throttling", "Rate exceeded"),
        };
        (400, body)
    }

    fn xml(&self, result: &str) -> String {
        xml(&self.0.call, result)
    }

    /// A page of a list of the query protocol.
    fn list(&self, name: &str, all: usize, next: &str, item: impl Fn(usize) -> String) -> String {
        let Page(numbers, token) = self.page(all, 100);
        let items: String = numbers.map(item).collect();
        let token = token.map(|token| format!("<{next}>{token}</{next}>")).unwrap_or_default();
        self.xml(&format!("{token}<{name}>{items}</{name}>"))
    }

    fn answer(&self, fleet: Fleet) -> String {
        let (key, value) = TAG;
        let tags = format!("<Key>{key}</Key><Value>{value}</Value>");
        match self.0.call.as_str() {
            "DescribeInstances" => {
                let Page(numbers, token) = self.page(fleet.instances, 1_000);
                let items = numbers.fold(String::new(), |all, number| {
                    all + &format!(
                        "<item><ownerId>1</ownerId><instancesSet><item><instanceId>i-{number}</instanceId>\
                         <instanceState><name>running</name></instanceState><instanceType>m7g.large</instanceType>\
                         <rootDeviceType>ebs</rootDeviceType><tagSet><item><key>{key}</key><value>{value}</value>\
                         </item></tagSet></item></instancesSet></item>"
                    )
                });
                let token =
                    token.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
                format!(
                    "<DescribeInstancesResponse><reservationSet>{items}</reservationSet>{token}</DescribeInstancesResponse>"
                )
            }
            "DescribeAutoScalingGroups" => {
                self.list("AutoScalingGroups", fleet.groups, "NextToken", |number| {
                    format!(
                        "<member><AutoScalingGroupName>g-{number}</AutoScalingGroupName><AutoScalingGroupARN>arn:aws:\
                         autoscaling:eu-west-1:1:autoScalingGroup:u:autoScalingGroupName/g-{number}</AutoScalingGroupARN>\
                         <MinSize>0</MinSize><MaxSize>4</MaxSize><DesiredCapacity>0</DesiredCapacity><Tags><member>{tags}\
                         </member></Tags></member>"
                    )
                })
            }
            "DescribeDBInstances" => self.list("DBInstances", fleet.databases, "Marker", |number| {
                format!(
                    "<DBInstance><DBInstanceIdentifier>db-{number}</DBInstanceIdentifier><DBInstanceClass>db.t4g.micro\
                     </DBInstanceClass><DBInstanceStatus>available</DBInstanceStatus><Engine>postgres</Engine>\
                     <DBInstanceArn>arn:aws:rds:eu-west-1:1:db:db-{number}</DBInstanceArn><TagList><Tag>{tags}</Tag>\
                     </TagList></DBInstance>"
                )
            }),
            "DescribeDBClusters" => self.list("DBClusters", fleet.clusters, "Marker", |number| {
                format!(
                    "<DBCluster><DBClusterIdentifier>c-{number}</DBClusterIdentifier><Status>available</Status><Engine>\
                     aurora-mysql</Engine><DBClusterArn>arn:aws:rds:eu-west-1:1:cluster:c-{number}</DBClusterArn>\
                     <TagList><Tag>{tags}</Tag></TagList></DBCluster>"
                )
            }),
            "DescribeReplicationGroups" => self.list("ReplicationGroups", 0, "Marker", |_| String::new()),
            "DescribeCacheClusters" => self.list("CacheClusters", fleet.caches, "Marker", |number| {
                format!(
                    "<CacheCluster><CacheClusterId>k-{number}</CacheClusterId><CacheClusterStatus>available\
                     </CacheClusterStatus><Engine>redis</Engine><EngineVersion>7.1.0</EngineVersion><CacheNodeType>\
                     cache.t4g.micro</CacheNodeType><NumCacheNodes>1</NumCacheNodes><ARN>{}</ARN></CacheCluster>",
                    cache(number)
                )
            }),
            "GetResources" => self.tagged(fleet),
            "DescribeServices" => {
                let asked = self.0.json.get("services").and_then(Value::as_array).unwrap();
                assert!(asked.len() <= 10, "AWS takes ten");
                let services: Vec<Value> = asked
                    .iter()
                    .map(|arn| {
                        let name = arn.as_str().unwrap().rsplit('/').next();
                        json!({
                            "serviceArn": arn, "serviceName": name, "status": "ACTIVE", "desiredCount": 2,
                            "runningCount": 2, "pendingCount": 0, "schedulingStrategy": "REPLICA",
                        })
                    })
                    .collect();
                json!({ "services": services, "failures": [] }).to_string()
            }
            "StopInstances" => "<StopInstancesResponse><instancesSet/></StopInstancesResponse>".to_owned(),
            "UpdateService" => json!({ "service": { "desiredCount": 0 } }).to_string(),
            "UpdateAutoScalingGroup" | "StopDBInstance" | "StopDBCluster" | "CreateSnapshot" => self.xml(""),
            "DescribeScalableTargets" => json!({ "ScalableTargets": [] }).to_string(),
            other => panic!("a tick calls {other}"),
        }
    }

    fn tagged(&self, fleet: Fleet) -> String {
        let asked = &self.0.json;
        let services = asked["ResourceTypeFilters"].to_string().contains("ecs:service");
        let all = if services { fleet.services } else { fleet.caches };
        let Page(numbers, token) = self.page(all, 100);
        let (key, value) = TAG;
        let found: Vec<Value> = numbers
            .map(|number| {
                let arn = if services { service(number) } else { cache(number) };
                json!({ "ResourceARN": arn, "Tags": [{ "Key": key, "Value": value }] })
            })
            .collect();
        let token = token.map(|token| token.to_string()).unwrap_or_default();
        json!({ "ResourceTagMappingList": found, "PaginationToken": token }).to_string()
    }
}

fn service(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:1:service/main/s-{number}")
}

fn cache(number: usize) -> String {
    format!("arn:aws:elasticache:eu-west-1:1:cluster:k-{number}")
}

fn adapters(config: &SdkConfig) -> Vec<Box<dyn Resources>> {
    vec![
        Box::new(Ec2Instances::new(config)),
        Box::new(ScalingGroups::new(config)),
        Box::new(EcsServices::new(config)),
        Box::new(Databases::new(config)),
        Box::new(Caches::new(config)),
    ]
}

/// Of all services but ECS, which describes ten with a call, a look takes a call for each hundred resources at most, and few
/// more.
#[tokio::test(start_paused = true)]
async fn a_look_takes_a_call_for_each_hundred_resources() {
    /// A page of each list that is empty or not full.
    const REST: usize = 9;
    let tags = BTreeMap::from([(TAG.0.to_owned(), TAG.1.to_owned())]);
    for size in [0, 60, 500, 5_000] {
        let (fleet, mut all) = (Fleet::of(size), 0);
        for index in 0..5 {
            // Each with an AWS of its own, which counts its calls.
            let cloud = Cloud::new(fleet);
            let adapter = adapters(&cloud.config()).swap_remove(index);
            let (family, seen) = (adapter.family(), adapter.see(&tags, &[]).await.unwrap());
            assert_eq!(seen.len(), fleet.count(family), "{family}");
            let calls = cloud.1.lock().unwrap().calls.clone();
            println!("{size:5} resources, {family}: {calls:?}");
            let calls: usize = calls.values().sum();
            if family == Family::Ecs {
                let services = fleet.services;
                let bound = services.div_ceil(10) + services.div_ceil(50) + services.div_ceil(100).max(1);
                assert!(calls <= bound, "{calls} calls for {services} services");
            } else {
                all += calls;
            }
        }
        assert!(all <= size / 100 + REST, "{all} calls for {size} resources");
    }
}

/// All services at once, as a tick asks them; what is throttled is asked again.
#[tokio::test(start_paused = true)]
async fn a_look_at_five_thousand_resources_takes_less_than_ten_seconds() {
    let tags = BTreeMap::from([(TAG.0.to_owned(), TAG.1.to_owned())]);
    for size in [60, 500, 5_000] {
        let (fleet, begun) = (Fleet::of(size), Instant::now());
        let cloud = Cloud::new(fleet);
        let adapters = adapters(&cloud.config());
        let seen = join_all(adapters.iter().map(|adapter| adapter.see(&tags, &[]))).await;
        let seen: usize = seen.into_iter().map(|seen| seen.unwrap().len()).sum();
        let (took, state) = (begun.elapsed(), cloud.1.lock().unwrap());
        let calls: usize = state.calls.values().sum();
        println!("{size:5} resources: {calls} calls, {} of them throttled, {took:?}", state.throttled);
        assert_eq!(seen, size);
        assert!(took < BOUND, "{took:?} for {size} resources");
    }
}

/// What is asked for at six in the evening, if nothing depends on anything. Each resource but instances is a call of its own,
/// so that AWS's rates say how long it takes; what is throttled all the same is asked again by the next tick.
#[tokio::test(start_paused = true)]
async fn the_orders_of_an_evening_are_all_given_within_a_few_ticks() {
    let tags = BTreeMap::from([(TAG.0.to_owned(), TAG.1.to_owned())]);
    for (size, most) in [(60, 1), (500, 2), (5_000, 8)] {
        for index in 0..5 {
            let cloud = Cloud::new(Fleet::of(size));
            let adapter = adapters(&cloud.config()).swap_remove(index);
            let seen = adapter.see(&tags, &[]).await.unwrap();
            let act = |seen: &Seen| match seen.kind {
                Kind::Cache => Act::Snapshot(format!("ace-20261130-1800-{}", seen.name)),
                _ => Act::Stop,
            };
            let mut orders: Vec<Order> =
                seen.into_iter().map(|seen| Order { act: act(&seen), seen }).collect();
            *cloud.1.lock().unwrap() = State::default();
            let mut ticks = Vec::new();
            while !orders.is_empty() {
                let (begun, given, mut left) = (Instant::now(), orders.len(), Vec::new());
                let until = begun + Duration::from_secs(GIVES_ORDERS_FOR.0.into());
                for batch in orders.chunks(BETWEEN_LOOKS) {
                    if Instant::now() > until {
                        left.extend_from_slice(batch);
                        continue;
                    }
                    for (order, done) in batch.iter().zip(adapter.act(batch).await) {
                        let Err(refused) = done else { continue };
                        assert_eq!(refused.cause, Cause::Throttled, "{refused:?}");
                        left.push(order.clone());
                    }
                }
                ticks.push(format!("{} in {:.1?}", given - left.len(), begun.elapsed()));
                orders = left;
                tokio::time::sleep_until(begun + Duration::from_secs(TICK.0.into())).await;
            }
            println!("{size:5} resources, orders of {}: {}", adapter.family(), ticks.join(", "));
            assert!(ticks.len() <= most, "{ticks:?}");
        }
    }
}
