//! EC2 Auto Scaling groups.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, Instance, LifecycleState};
use cost::{Act, Arn, Family, Kind, Record, Seen, Shape, State};
use engine::ports::{Order, PortResult, Refused, Resources};

use crate::common::{has_all, no_such_order, number, patient, several, size, tags};
use crate::fault::{port, refusal};

pub(crate) const SERVICE: &str = "EC2 Auto Scaling";

/// The most that a page holds (`DescribeAutoScalingGroups`, EC2 Auto Scaling API Reference).
const PAGE: i32 = 100;

/// Finds groups.
#[derive(Clone, Debug)]
pub(crate) struct Client(aws_sdk_autoscaling::Client);

impl Client {
    /// With a client of this configuration. Makes no call.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_autoscaling::Client::new(config))
    }

    /// The groups that have these tags.
    pub(crate) async fn tagged(
        &self,
        wanted: &BTreeMap<String, String>,
    ) -> Result<Vec<AutoScalingGroup>, Fault> {
        let filter = |(tag, value): (&String, &String)| {
            Filter::builder().name(format!("tag:{tag}")).values(value).build()
        };
        let filters: Vec<Filter> = wanted.iter().map(filter).collect();
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .0
                .describe_auto_scaling_groups()
                .set_filters(Some(filters.clone()))
                .max_records(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| Fault::new("autoscaling:DescribeAutoScalingGroups", &error))?;
            found.extend(page.auto_scaling_groups.unwrap_or_default());
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                found.retain(|group| has_all(&tags_of(group), wanted));
                return Ok(found);
            }
        }
    }
}

/// EC2 Auto Scaling groups: they are stopped by the sizes 0, 0 and 0, and started by those they had.
///
/// A group whose largest size is 0 is stopped once it has no instances; one that has scaled itself down to none is not, as
/// it scales itself up again.
#[derive(Clone, Debug)]
pub struct ScalingGroups(Client);

impl ScalingGroups {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(&patient(config)))
    }

    async fn order(&self, order: &Order) -> Result<(), Refused> {
        let name = &order.seen.name;
        match &order.act {
            Act::Stop => self.resize(name, (0, 0, 0)).await,
            Act::Start(Some(Shape::Group { min, max, desired, .. })) => {
                self.resize(name, (*min, *max, *desired)).await
            }
            _ => Err(no_such_order(order)),
        }
    }

    async fn resize(&self, name: &str, sizes: (u32, u32, u32)) -> Result<(), Refused> {
        let (min, max, desired) = sizes;
        let resized = self
            .0
            .0
            .update_auto_scaling_group()
            .auto_scaling_group_name(name)
            .min_size(size(min))
            .max_size(size(max))
            .desired_capacity(size(desired))
            .send()
            .await;
        let resized = resized.map_err(|error| Fault::new("autoscaling:UpdateAutoScalingGroup", &error));
        resized.map(drop).map_err(|fault| refusal(&fault))
    }
}

#[async_trait]
impl Resources for ScalingGroups {
    fn family(&self) -> Family {
        Family::Autoscaling
    }

    async fn see(&self, tags: &BTreeMap<String, String>, _known: &[Record]) -> PortResult<Vec<Seen>> {
        let groups = self.0.tagged(tags).await.map_err(|fault| port(SERVICE, &fault))?;
        // A status is there while a group is deleted, and only then.
        Ok(groups.iter().filter(|group| group.status.is_none()).filter_map(seen).collect())
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        several(orders.iter().map(|order| self.order(order)).collect()).await
    }
}

fn tags_of(group: &AutoScalingGroup) -> BTreeMap<String, String> {
    tags(group.tags().iter().map(|tag| (tag.key(), tag.value())))
}

fn seen(group: &AutoScalingGroup) -> Option<Seen> {
    let name = group.auto_scaling_group_name()?;
    Some(Seen {
        arn: Arn(group.auto_scaling_group_arn()?.to_owned()),
        kind: Kind::Group,
        name: name.to_owned(),
        tags: tags_of(group),
        state: state(group),
        shape: Some(Shape::Group {
            min: number(group.min_size()),
            max: number(group.max_size()),
            desired: number(group.desired_capacity()),
            instance_type: one_type(group.instances()),
        }),
        cannot: cannot(group),
        endpoint: None,
        snapshots: Vec::new(),
    })
}

fn state(group: &AutoScalingGroup) -> State {
    let serves = |instance: &&Instance| instance.lifecycle_state() == Some(&LifecycleState::InService);
    let serving = group.instances().iter().filter(serves).count();
    let wanted = usize::try_from(number(group.desired_capacity())).unwrap_or(usize::MAX);
    if number(group.max_size()) == 0 {
        return if group.instances().is_empty() { State::Stopped } else { State::Stopping };
    }
    if serving >= wanted { State::Running } else { State::Starting }
}

/// The type of its instances, where they are all of one.
fn one_type(instances: &[Instance]) -> Option<String> {
    let (first, rest) = instances.split_first()?;
    let one = first.instance_type()?;
    rest.iter().all(|instance| instance.instance_type() == Some(one)).then(|| one.to_owned())
}

fn cannot(group: &AutoScalingGroup) -> Option<String> {
    let tags = tags_of(group);
    let of_eks = ["eks:nodegroup-name", "eks:cluster-name"].iter().find_map(|tag| tags.get(*tag));
    if let Some(nodes) = of_eks {
        return Some(format!(
            "it is the node group {nodes} of EKS, which sets its sizes: set the size of the node group in EKS, and take \
             the tag off the group"
        ));
    }
    let suspended = group.suspended_processes().iter().filter_map(|process| process.process_name());
    if let Some(process) = suspended.into_iter().find(|process| ["Launch", "Terminate"].contains(process)) {
        return Some(format!(
            "its process {process} is suspended, so that it would not follow its sizes: resume it"
        ));
    }
    let stays = |instance: &&Instance| {
        instance.protected_from_scale_in() == Some(true)
            || instance.lifecycle_state() == Some(&LifecycleState::Standby)
    };
    let staying = group.instances().iter().find(stays)?;
    Some(format!(
        "its instance {} is protected from scale-in or in standby, and would stay: end that",
        staying.instance_id().unwrap_or_default()
    ))
}
