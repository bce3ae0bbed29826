//! What is seen of instances.

use std::collections::{BTreeMap, BTreeSet};

use aws_client::Fault;
use cost::{Arn, Kind, Seen, Shape, State};
use serde::Deserialize;

use super::Ec2Instances;
use crate::common::has_all;
use crate::query::Call;

/// The most that a page holds (`DescribeInstances`, EC2 API Reference).
const PAGE: &str = "1000";
/// The most values that the filters of a call hold ("List and filter using the CLI and API", EC2 User Guide).
const FILTERED: usize = 200;

/// A list, as EC2 writes lists.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    item: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instances {
    #[serde(default)]
    reservation_set: List<Reservation>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    owner_id: String,
    #[serde(default)]
    instances_set: List<Instance>,
}

/// An instance as EC2 describes it, and whose it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    #[serde(default)]
    owner: String,
    #[serde(rename = "instanceId")]
    id: String,
    #[serde(rename = "instanceType")]
    class: String,
    #[serde(rename = "instanceState")]
    state: InstanceState,
    #[serde(default)]
    root_device_type: String,
    #[serde(rename = "instanceLifecycle", default)]
    lifecycle: Option<String>,
    #[serde(default)]
    spot_instance_request_id: Option<String>,
    #[serde(default)]
    tag_set: List<Tag>,
}

#[derive(Debug, Deserialize)]
struct InstanceState {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpotRequests {
    #[serde(default)]
    spot_instance_request_set: List<SpotRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpotRequest {
    #[serde(rename = "spotInstanceRequestId")]
    id: String,
    r#type: String,
}

impl Ec2Instances {
    /// The instances that have these tags.
    pub(super) async fn find(&self, tags: &BTreeMap<String, String>) -> Result<Vec<Instance>, Fault> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let call = filters(tags).with("MaxResults", PAGE);
            let call = match &next {
                Some(token) => call.with("NextToken", token.as_str()),
                None => call,
            };
            let page: Instances = self.query.ask("ec2:DescribeInstances", call).await?;
            for reservation in page.reservation_set.item {
                let owner = reservation.owner_id;
                let of_owner = reservation.instances_set.item.into_iter();
                found.extend(of_owner.map(|instance| Instance { owner: owner.clone(), ..instance }));
            }
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                found.retain(|instance| has_all(&instance.tags(), tags));
                return Ok(found);
            }
        }
    }

    /// Which of these spot requests are persistent: only their instances can be stopped ("Stop a Spot Instance", EC2 User
    /// Guide).
    pub(super) async fn persistent(&self, requests: Vec<&str>) -> Result<BTreeSet<String>, Fault> {
        let mut persistent = BTreeSet::new();
        for some in requests.chunks(FILTERED) {
            let call = Call::new("DescribeSpotInstanceRequests")
                .with("Filter.1.Name", "spot-instance-request-id")
                .with_each("Filter.1.Value", some.iter().copied());
            let page: SpotRequests = self.query.ask("ec2:DescribeSpotInstanceRequests", call).await?;
            let found = page.spot_instance_request_set.item.into_iter();
            let found = found.filter(|request| request.r#type == "persistent");
            persistent.extend(found.map(|request| request.id));
        }
        Ok(persistent)
    }
}

/// What is terminated is there for an hour, and no resource any more.
fn filters(tags: &BTreeMap<String, String>) -> Call {
    let states = ["pending", "running", "stopping", "stopped"];
    let call = Call::new("DescribeInstances")
        .with("Filter.1.Name", "instance-state-name")
        .with_each("Filter.1.Value", states);
    tags.iter().enumerate().fold(call, |call, (index, (tag, value))| {
        let filter = format!("Filter.{}", index + 2);
        call.with(format!("{filter}.Name"), format!("tag:{tag}"))
            .with(format!("{filter}.Value.1"), plain(value))
    })
}

/// A value without the wildcards of filters.
fn plain(value: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '\\');
    value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// The partition in which a region is, as ARNs name it.
fn partition(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    OTHERS.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

impl Instance {
    fn tags(&self) -> BTreeMap<String, String> {
        self.tag_set.item.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tag_set.item.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }

    /// The Auto Scaling group that it is in.
    pub(super) fn group(&self) -> Option<&str> {
        self.tag("aws:autoscaling:groupName")
    }

    /// The request that it was made for, of a spot instance.
    pub(super) fn spot_request(&self) -> Option<&str> {
        let spot = self.lifecycle.as_deref() == Some("spot");
        self.spot_instance_request_id.as_deref().filter(|_| spot)
    }

    pub(super) fn seen(&self, region: &str, persistent: &BTreeSet<String>) -> Seen {
        let (id, owner) = (&self.id, &self.owner);
        let name = self.tag("Name").filter(|name| !name.is_empty()).unwrap_or(id);
        Seen {
            arn: Arn(format!("arn:{}:ec2:{region}:{owner}:instance/{id}", partition(region))),
            kind: Kind::Instance,
            name: name.to_owned(),
            tags: self.tags(),
            state: match self.state.name.as_str() {
                "running" => State::Running,
                "stopped" => State::Stopped,
                "pending" => State::Starting,
                "stopping" => State::Stopping,
                other => State::Busy(other.to_owned()),
            },
            shape: Some(Shape::Instance { instance_type: self.class.clone() }),
            cannot: self.cannot(persistent),
            endpoint: None,
            snapshots: Vec::new(),
        }
    }

    fn cannot(&self, persistent: &BTreeSet<String>) -> Option<String> {
        if let Some(nodes) = self.tag("eks:nodegroup-name") {
            return Some(format!(
                "it is of the EKS node group {nodes}, which would replace it: set the size of the node group in EKS, and \
                 take the tag off the instance"
            ));
        }
        if let Some(pool) = self.tag("karpenter.sh/nodepool") {
            return Some(format!(
                "it is of the Karpenter node pool {pool}, which would replace it: scale down what runs on it, and take \
                 the tag off the instance"
            ));
        }
        if let Some(group) = self.group() {
            return Some(format!(
                "it is in the Auto Scaling group {group}, which would replace it: give the group the tag instead"
            ));
        }
        match self.lifecycle.as_deref() {
            Some("spot") if !self.spot_request().is_some_and(|request| persistent.contains(request)) => {
                return Some(
                    "a spot instance of a one-time request cannot be stopped: make it from a persistent request"
                        .to_owned(),
                );
            }
            Some("capacity-block") => {
                return Some(
                    "an instance of a capacity block cannot be stopped, and is paid for anyway: take it out"
                        .to_owned(),
                );
            }
            _ => {}
        }
        (self.root_device_type == "instance-store").then(|| {
            "its root device is an instance store, so that it can only be terminated: make it from an image with a root \
             device on EBS"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_as_it_is_and_not_as_a_pattern() {
        assert_eq!(plain(r"a*b?c\d"), r"a\*b\?c\\d");
    }

    #[test]
    fn an_arn_is_of_the_regions_partition() {
        assert_eq!(partition("eu-west-1"), "aws");
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-isob-east-1"), "aws-iso-b");
    }
}
