//! EC2 instances outside of Auto Scaling groups.

mod see;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use cost::{Act, Family, Record, Seen, Shape, State};
use engine::ports::{Cause, Order, PortResult, Refused, Resources};

use crate::common::{no_such_order, patient, several};
use crate::fault::{port, refusal};
use crate::groups;
use crate::query::{Call, Query};

const SERVICE: &str = "EC2";

/// How many instances are stopped or started with one call. One of them that AWS refuses has all of them refused, and
/// those are then tried one by one.
const BATCH: usize = 100;

/// EC2 instances outside of Auto Scaling groups.
///
/// An instance of a group that has the tags itself is left to [`ScalingGroups`](crate::ScalingGroups); one of a group
/// that has not is shown with what to change.
///
/// Instance-store volumes of an instance whose root device is on EBS lose their data with every stop, and no description
/// of an instance names them: whoever keeps something there leaves the instance out.
#[derive(Clone, Debug)]
pub struct Ec2Instances {
    query: Query,
    groups: groups::Client,
    region: String,
}

impl Ec2Instances {
    /// With clients of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        let config = patient(config);
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Self { query: Query::new(&config), groups: groups::Client::new(&config), region }
    }

    /// Gives stopped instances the types that they are to start with; answers what was refused.
    async fn change_types(&self, orders: &[Order]) -> BTreeMap<usize, Refused> {
        let mut changes = Vec::new();
        for (index, Order { seen, act }) in orders.iter().enumerate() {
            if let Act::Start(Some(wanted @ Shape::Instance { instance_type })) = act
                && seen.state == State::Stopped
                && seen.shape.as_ref() != Some(wanted)
            {
                changes.push(self.change_type(index, id(seen), instance_type));
            }
        }
        several(changes).await.into_iter().flatten().collect()
    }

    async fn change_type(&self, index: usize, id: &str, instance_type: &str) -> Option<(usize, Refused)> {
        let call = Call::new("ModifyInstanceAttribute")
            .with("InstanceId", id)
            .with("InstanceType.Value", instance_type);
        let changed = self.query.tell("ec2:ModifyInstanceAttribute", call).await;
        Some((index, refusal(&changed.err()?)))
    }

    /// One call for many; where AWS refuses that, one for each.
    async fn batch(&self, way: Way, batch: &[(usize, &str)]) -> Vec<(usize, Result<(), Refused>)> {
        let ids = batch.iter().map(|(_, id)| *id);
        let all = |outcome: Result<(), Refused>| batch.iter().map(|(i, _)| (*i, outcome.clone())).collect();
        match self.ask(way, ids).await {
            Ok(()) => all(Ok(())),
            Err(fault) if batch.len() == 1 || !may_be_ones_fault(&fault) => all(Err(refusal(&fault))),
            Err(_) => several(batch.iter().map(|(index, id)| self.one(way, *index, id)).collect()).await,
        }
    }

    async fn one(&self, way: Way, index: usize, id: &str) -> (usize, Result<(), Refused>) {
        (index, self.ask(way, [id]).await.map_err(|fault| refusal(&fault)))
    }

    async fn ask<'a>(&self, way: Way, ids: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
        let (action, name) = match way {
            Way::Stop => ("ec2:StopInstances", "StopInstances"),
            Way::Start => ("ec2:StartInstances", "StartInstances"),
        };
        self.query.tell(action, Call::new(name).with_each("InstanceId", ids)).await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Stop,
    Start,
}

/// Whether one of many may be why all are refused: not, if nothing is answered at all.
fn may_be_ones_fault(fault: &Fault) -> bool {
    !fault.kind.is_transient() || refusal(fault).cause == Cause::Capacity
}

/// `i-...`, at the end of the ARN.
fn id(seen: &Seen) -> &str {
    seen.arn.as_str().rsplit('/').next().unwrap_or_default()
}

#[async_trait]
impl Resources for Ec2Instances {
    fn family(&self) -> Family {
        Family::Ec2
    }

    async fn see(&self, tags: &BTreeMap<String, String>, _known: &[Record]) -> PortResult<Vec<Seen>> {
        let found = self.find(tags).await.map_err(|fault| port(SERVICE, &fault))?;
        let spot = found.iter().filter_map(see::Instance::spot_request).collect();
        let persistent = self.persistent(spot).await.map_err(|fault| port(SERVICE, &fault))?;
        let mut tagged_groups = BTreeSet::new();
        if found.iter().any(|instance| instance.group().is_some()) {
            let groups = self.groups.tagged(tags).await.map_err(|fault| port(groups::SERVICE, &fault))?;
            tagged_groups.extend(groups.into_iter().filter_map(|group| group.auto_scaling_group_name));
        }
        let own = found.iter().filter(|instance| instance.group().is_none_or(|g| !tagged_groups.contains(g)));
        Ok(own.map(|instance| instance.seen(&self.region, &persistent)).collect())
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        let refused = self.change_types(orders).await;
        let mut outcomes = BTreeMap::new();
        let mut ways: BTreeMap<Way, Vec<(usize, &str)>> = BTreeMap::new();
        for (index, order) in orders.iter().enumerate() {
            if let Some(refused) = refused.get(&index) {
                outcomes.insert(index, Err(refused.clone()));
                continue;
            }
            let way = match (&order.act, &order.seen.state) {
                (Act::Stop, State::Stopping | State::Stopped)
                | (Act::Start(_), State::Starting | State::Running) => None,
                (Act::Stop, _) => Some(Way::Stop),
                (Act::Start(_), _) => Some(Way::Start),
                _ => {
                    outcomes.insert(index, Err(no_such_order(order)));
                    continue;
                }
            };
            match way {
                Some(way) => ways.entry(way).or_default().push((index, id(&order.seen))),
                None => _ = outcomes.insert(index, Ok(())),
            }
        }
        for (way, ids) in ways {
            for batch in ids.chunks(BATCH) {
                outcomes.extend(self.batch(way, batch).await);
            }
        }
        outcomes.into_values().collect()
    }
}
