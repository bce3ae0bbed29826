//! ECS services.

mod bounds;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_ecs::types::{LaunchType, SchedulingStrategy, Service};
use cost::{Act, Arn, Family, Kind, Ours, Record, Seen, Shape, State};
use engine::ports::{Order, PortResult, Refused, Resources};
use futures_util::{StreamExt, TryStreamExt, stream};

use self::bounds::{Bounds, ScaledBy};
use crate::common::{no_such_order, number, patient, several, size};
use crate::fault::{port, refusal, refused};
use crate::tagging::{self, Tagging};

const SERVICE: &str = "ECS";

/// The most services that a call describes (`DescribeServices`, ECS API Reference).
const DESCRIBED: usize = 10;
/// How many descriptions are under way at once: ECS takes a hundred in one second and twenty a second for long ("Request
/// throttling for the Amazon ECS API"). Four are less than thirty a second; what is throttled beyond 3,000 services is tried
/// again.
const AT_ONCE: usize = 4;

/// ECS services: they are stopped by the desired count 0, and started by the one they had.
///
/// Where Application Auto Scaling scales a service, its bounds are set to 0 before the count is, and back before the count
/// is: in between it can only do what is asked anyway.
///
/// AWS describes ten services with a call, so that 5,000 of them take 500, besides 50 calls to find them and 100 for the
/// bounds, of which AWS gives fifty with a call.
#[derive(Clone, Debug)]
pub struct EcsServices {
    ecs: aws_sdk_ecs::Client,
    bounds: Bounds,
    tagging: Tagging,
}

impl EcsServices {
    /// With clients of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        let config = patient(config);
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            bounds: Bounds::new(&config),
            tagging: Tagging::new(&config),
        }
    }

    async fn describe(&self, cluster: &str, arns: Vec<String>) -> Result<Vec<Service>, Fault> {
        let described = self.ecs.describe_services().cluster(cluster).set_services(Some(arns)).send().await;
        let described = described.map_err(|error| Fault::new("ecs:DescribeServices", &error))?;
        Ok(described.services.unwrap_or_default())
    }

    /// The services with these ARNs that are there.
    async fn described<'a>(&self, arns: impl Iterator<Item = &'a String>) -> Result<Vec<Service>, Fault> {
        let mut clusters: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for arn in arns {
            // An ARN without its cluster is of a service from before 2018, which can have no tags.
            if let Some(id) = ServiceId::of(arn) {
                clusters.entry(id.cluster).or_default().push(arn);
            }
        }
        let mut calls = Vec::new();
        for (cluster, arns) in clusters {
            for some in arns.chunks(DESCRIBED) {
                calls.push(self.describe(cluster, some.iter().map(|arn| (*arn).clone()).collect()));
            }
        }
        let described: Vec<Vec<Service>> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
        // One that was deleted is described for a while, as draining and then as inactive.
        Ok(described.into_iter().flatten().filter(|service| service.status() == Some("ACTIVE")).collect())
    }

    async fn order(&self, order: &Order) -> Result<(), Refused> {
        let Order { seen, act } = order;
        let Some(id) = ServiceId::of(seen.arn.as_str()) else {
            return Err(refused(format!("{} is no ARN of a service in a cluster", seen.arn)));
        };
        let (now, before) = match &seen.shape {
            Some(Shape::Service { desired, scaling }) => (*desired, *scaling),
            _ => return Err(no_such_order(order)),
        };
        let (desired, bounds) = match act {
            Act::Stop => (0, Some((0, 0))),
            Act::Start(Some(Shape::Service { desired, scaling })) => (*desired, *scaling),
            _ => return Err(no_such_order(order)),
        };
        // Where nobody scales it any more there is nothing to set back.
        if let (Some(bounds), Some(before)) = (bounds, before)
            && bounds != before
        {
            self.bounds.set(id, bounds).await.map_err(|fault| refusal(&fault))?;
        }
        if desired == now {
            return Ok(());
        }
        let updated = self
            .ecs
            .update_service()
            .cluster(id.cluster)
            .service(id.service)
            .desired_count(size(desired))
            .send()
            .await;
        let updated = updated.map_err(|error| Fault::new("ecs:UpdateService", &error));
        updated.map(drop).map_err(|fault| refusal(&fault))
    }
}

/// The end of a service's ARN: `service/<cluster>/<service>`.
#[derive(Clone, Copy, Debug)]
struct ServiceId<'a> {
    cluster: &'a str,
    service: &'a str,
}

impl<'a> ServiceId<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        let (_, name) = arn.split_once(":service/")?;
        let (cluster, service) = name.split_once('/')?;
        Some(Self { cluster, service })
    }

    /// As Application Auto Scaling calls it.
    fn scaled(self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }
}

#[async_trait]
impl Resources for EcsServices {
    fn family(&self) -> Family {
        Family::Ecs
    }

    async fn see(&self, tags: &BTreeMap<String, String>, known: &[Record]) -> PortResult<Vec<Seen>> {
        let tagged = self.tagging.find(&["ecs:service"], tags).await;
        let tagged = tagged.map_err(|fault| port(tagging::SERVICE, &fault))?;
        let services = self.described(tagged.keys()).await.map_err(|fault| port(SERVICE, &fault))?;
        let arns = || services.iter().filter_map(Service::service_arn);
        let scaled = arns().filter_map(ServiceId::of).map(ServiceId::scaled).collect();
        let bounds = self.bounds.of(scaled).await.map_err(|fault| port(bounds::SERVICE, &fault))?;
        let known: BTreeMap<&str, &Record> =
            known.iter().map(|record| (record.arn.as_str(), record)).collect();
        let seen = services.iter().filter_map(|service| {
            let arn = service.service_arn()?;
            let scaling = bounds.get(&ServiceId::of(arn)?.scaled()).copied();
            Some(Seen {
                arn: Arn(arn.to_owned()),
                kind: Kind::Service,
                name: service.service_name()?.to_owned(),
                tags: tagged.get(arn)?.clone(),
                state: state(service, scaling, known.get(arn).map(|record| &record.ours)),
                shape: Some(Shape::Service { desired: number(Some(service.desired_count())), scaling }),
                cannot: cannot(service),
                endpoint: None,
                snapshots: Vec::new(),
            })
        });
        Ok(seen.collect())
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        several(orders.iter().map(|order| self.order(order)).collect()).await
    }
}

fn state(service: &Service, scaling: ScaledBy, asked: Option<&Ours>) -> State {
    let (desired, running) = (service.desired_count(), service.running_count());
    match scaling {
        _ if desired == 0 && running + service.pending_count() == 0 => State::Stopped,
        _ if desired == 0 => State::Stopping,
        // Half an order: its bounds let it only stop. Whoever asked for a stop asks again for the rest of it while it
        // runs; somebody may have started what was stopped, by its count alone; for everybody else it is on its way down,
        // and can be turned round.
        Some((_, 0)) if !matches!(asked, Some(Ours::Stop { .. } | Ours::Stopped { .. })) => State::Stopping,
        _ if running >= desired => State::Running,
        _ => State::Starting,
    }
}

fn cannot(service: &Service) -> Option<String> {
    if service.scheduling_strategy() == Some(&SchedulingStrategy::Daemon) {
        return Some(
            "it is a daemon, which has a task on each instance and no count: stop the instances instead, and take the tag \
             off the service"
                .to_owned(),
        );
    }
    (service.launch_type() == Some(&LaunchType::External)).then(|| {
        "it runs on machines outside of AWS, of which stopping it saves nothing: take the tag off the service"
            .to_owned()
    })
}
