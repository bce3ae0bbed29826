//! A load balancer with a dedicated rule for each service, and the metrics it would publish.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rollout::{Colour, Route};
use serde_json::{Value, json};

use crate::aws::{Aws, element, elements};

const ELB: (&str, &str) = ("elasticloadbalancing", "2015-12-01");
const EC2: (&str, &str) = ("ec2", "2016-11-15");

/// Requests to a service in a minute.
const REQUESTS: u64 = 1_200;
/// The minutes before the test in which all services have run already.
const BEFORE: i64 = 5;

/// A load balancer.
pub struct Balancer {
    run: String,
    vpc: String,
    arn: String,
    listener: String,
}

/// A service behind it.
#[derive(Clone)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Where its traffic is divided.
    pub route: Route,
    /// The errors of a hundred requests to the green colour.
    pub green_errors: u64,
}

impl Balancer {
    /// Creates one with a listener. `run` makes its names its own.
    pub async fn create(aws: &Aws, run: &str) -> Self {
        let xml = aws.query(EC2.0, EC2.1, "DescribeSubnets", &[]).await;
        let subnets = elements(&xml, "subnetId");
        let name = format!("ace-{run}");
        let fields = [
            ("Name", name.as_str()),
            ("Subnets.member.1", subnets.first().expect("a subnet")),
            ("Subnets.member.2", subnets.get(1).expect("a second subnet")),
        ];
        let created = aws.query(ELB.0, ELB.1, "CreateLoadBalancer", &fields).await;
        let arn = element(&created, "LoadBalancerArn");
        let fields = [
            ("LoadBalancerArn", arn.as_str()),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
        ];
        let created = aws.query(ELB.0, ELB.1, "CreateListener", &fields).await;
        let listener = element(&created, "ListenerArn");
        Self { run: run.to_owned(), vpc: element(&xml, "vpcId"), arn, listener }
    }

    /// Adds a service that has all its traffic on blue; its endpoints are below `base`.
    pub async fn add(&self, aws: &Aws, name: &'static str, priority: usize, base: &str) -> Service {
        let blue = self.target_group(aws, name, "b").await;
        let green = self.target_group(aws, name, "g").await;
        let (priority, path) = (priority.to_string(), format!("/{name}/*"));
        let groups = "Actions.member.1.ForwardConfig.TargetGroups.member";
        let forward: Vec<(String, &str)> = [("1", &blue, "100"), ("2", &green, "0")]
            .into_iter()
            .flat_map(|(number, arn, weight)| {
                let field = |field| format!("{groups}.{number}.{field}");
                [(field("TargetGroupArn"), arn.as_str()), (field("Weight"), weight)]
            })
            .collect();
        let mut fields = vec![
            ("ListenerArn", self.listener.as_str()),
            ("Priority", &priority),
            ("Conditions.member.1.Field", "path-pattern"),
            ("Conditions.member.1.Values.member.1", &path),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.Order", "1"),
        ];
        fields.extend(forward.iter().map(|(name, value)| (name.as_str(), *value)));
        let rule = element(&aws.query(ELB.0, ELB.1, "CreateRule", &fields).await, "RuleArn");
        let arm = |target_group: &str, colour: &str| json!({ "target_group": target_group, "endpoint": format!("{base}/{name}/{colour}") });
        let route = json!({
            "rule": rule,
            "load_balancer": self.arn,
            "blue": arm(&blue, "blue"),
            "green": arm(&green, "green"),
        });
        Service { name, route: serde_json::from_value(route).unwrap(), green_errors: 0 }
    }

    async fn target_group(&self, aws: &Aws, service: &str, colour: &str) -> String {
        let name = format!("{}-{service}-{colour}", self.run);
        let fields = [
            ("Name", name.as_str()),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("VpcId", &self.vpc),
            ("TargetType", "ip"),
        ];
        let arn = element(&aws.query(ELB.0, ELB.1, "CreateTargetGroup", &fields).await, "TargetGroupArn");
        let fields = [
            ("TargetGroupArn", arn.as_str()),
            ("Targets.member.1.Id", "172.31.0.10"),
            ("Targets.member.1.Port", "80"),
        ];
        aws.query(ELB.0, ELB.1, "RegisterTargets", &fields).await;
        arn
    }
}

impl Service {
    /// The weights of blue and green, as the rule has them.
    pub async fn weights(&self, aws: &Aws) -> (u64, u64) {
        let fields = [("RuleArns.member.1", self.route.rule.as_str())];
        let xml = aws.query(ELB.0, ELB.1, "DescribeRules", &fields).await;
        let groups = element(&xml, "TargetGroups");
        let weight = |colour| {
            let arn = &self.route.arm(colour).target_group;
            let group = elements(&groups, "member")
                .into_iter()
                .find(|group| element(group, "TargetGroupArn") == *arn);
            element(group.expect("the colour is on the rule"), "Weight").parse().unwrap()
        };
        (weight(Colour::Blue), weight(Colour::Green))
    }

    /// What the load balancer would publish for a minute at these weights: nothing about a colour without requests.
    fn data(&self, weights: (u64, u64), minute: i64) -> Vec<Value> {
        let load_balancer = self.route.load_balancer.split_once(":loadbalancer/").unwrap().1;
        let arms = [(Colour::Blue, weights.0, 0), (Colour::Green, weights.1, self.green_errors)];
        let mut data = Vec::new();
        for (colour, weight, errors) in arms {
            let requests = REQUESTS * weight / 100;
            let errors = requests * errors / 100;
            let target_group = &self.route.arm(colour).target_group;
            let target_group = &target_group[target_group.find("targetgroup/").unwrap()..];
            let counts = [
                ("RequestCount", requests),
                ("HTTPCode_Target_2XX_Count", requests - errors),
                ("HTTPCode_Target_5XX_Count", errors),
            ];
            data.extend(counts.into_iter().filter(|(_, count)| *count > 0).map(|(metric, count)| {
                json!({
                    "MetricName": metric,
                    "Dimensions": [
                        { "Name": "TargetGroup", "Value": target_group },
                        { "Name": "LoadBalancer", "Value": load_balancer },
                    ],
                    "Timestamp": minute,
                    "Value": count,
                    "Unit": "Count",
                })
            }));
        }
        data
    }
}

/// Publishes the services' metrics: the minutes before now, and then each minute as it begins, at the weights that the
/// rules have then. A minute in which a weight moves is no evidence, so that it may say either.
pub async fn publish_metrics(aws: Arc<Aws>, services: Vec<Service>) {
    let now = Timestamp::now().as_second();
    let mut minute = now - now % 60;
    for before in 1..=BEFORE {
        let data: Vec<_> =
            services.iter().flat_map(|service| service.data((100, 0), minute - 60 * before)).collect();
        put(&aws, data).await;
    }
    tokio::spawn(async move {
        loop {
            let mut data = Vec::new();
            for service in &services {
                data.extend(service.data(service.weights(&aws).await, minute));
            }
            put(&aws, data).await;
            minute += 60;
            let until =
                Duration::from_secs(u64::try_from(minute - Timestamp::now().as_second()).unwrap_or_default());
            tokio::time::sleep(until).await;
        }
    });
}

async fn put(aws: &Aws, data: Vec<Value>) {
    let body = json!({ "Namespace": "AWS/ApplicationELB", "MetricData": data });
    aws.json("monitoring", "GraniteServiceVersion20100801.PutMetricData", &body).await;
}
