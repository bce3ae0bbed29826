use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum,
};
use engine::ports::{Fleet, PortResult};
use rollout::{Colour, Route, Version};

use crate::fault::port;

/// The targets behind a colour, as the load balancer sees them.
///
/// The pipeline deploys to the idle colour's target group before its event arrives, so that there is nothing to bring
/// up; taking a colour down deregisters its targets, which drains them first.
#[derive(Clone, Debug)]
pub struct TargetGroups(Client);

impl TargetGroups {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    async fn targets(&self, route: &Route, colour: Colour) -> PortResult<Vec<TargetHealthDescription>> {
        let group = &route.arm(colour).target_group;
        let described = self.0.describe_target_health().target_group_arn(group).send().await;
        let described = described
            .map_err(|error| port(&Fault::new("elasticloadbalancing:DescribeTargetHealth", &error)))?;
        Ok(described.target_health_descriptions.unwrap_or_default())
    }
}

#[async_trait]
impl Fleet for TargetGroups {
    async fn bring_up(&self, route: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        tracing::info!(target_group = route.arm(colour).target_group, %version, "the pipeline has deployed the colour");
        Ok(())
    }

    async fn take_down(&self, route: &Route, colour: Colour) -> PortResult<()> {
        let targets: Vec<_> = self
            .targets(route, colour)
            .await?
            .iter()
            .filter(|target| !leaves(target))
            .filter_map(described)
            .collect();
        if targets.is_empty() {
            return Ok(());
        }
        let group = &route.arm(colour).target_group;
        tracing::info!(
            target_group = group,
            targets = targets.len(),
            "deregistering the old colour's targets"
        );
        let done =
            self.0.deregister_targets().target_group_arn(group).set_targets(Some(targets)).send().await;
        done.map(drop).map_err(|error| port(&Fault::new("elasticloadbalancing:DeregisterTargets", &error)))
    }

    async fn healthy(&self, route: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        Ok(judge(&self.targets(route, colour).await?))
    }
}

/// The target as it was registered: the same id can be there on several ports.
fn described(target: &TargetHealthDescription) -> Option<TargetDescription> {
    target.target.clone()
}

fn state(target: &TargetHealthDescription) -> Option<&TargetHealthStateEnum> {
    target.target_health.as_ref()?.state.as_ref()
}

fn leaves(target: &TargetHealthDescription) -> bool {
    state(target) == Some(&TargetHealthStateEnum::Draining)
}

/// Healthy is: at least one target stays, and each that stays is healthy or has its health checks off (`unavailable`,
/// as for Lambda targets). The load balancer itself would send requests to any target if all were unhealthy.
fn judge(targets: &[TargetHealthDescription]) -> Result<(), String> {
    let staying: Vec<_> = targets.iter().filter(|target| !leaves(target)).collect();
    if staying.is_empty() {
        return Err("no target is registered".to_owned());
    }
    let well = |target: &TargetHealthDescription| {
        matches!(state(target), Some(TargetHealthStateEnum::Healthy | TargetHealthStateEnum::Unavailable))
    };
    let Some(ill) = staying.iter().find(|target| !well(target)) else { return Ok(()) };
    let count = staying.iter().filter(|target| well(target)).count();
    let id = ill.target.as_ref().and_then(|target| target.id.as_deref()).unwrap_or("a target");
    let health = ill.target_health.as_ref();
    let state =
        health.and_then(|health| health.state.as_ref()).map_or("unknown", TargetHealthStateEnum::as_str);
    let reason = health.and_then(|health| health.reason.as_ref()).map(TargetHealthReasonEnum::as_str);
    let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Err(format!("{count} of {} targets are healthy; {id} is {state}{why}", staying.len()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use aws_client::replay::Replay;

    use super::*;
    use crate::samples::{GREEN, route};

    fn health_xml(targets: &[(&str, &str, &str)]) -> String {
        let mut members = String::new();
        for (id, state, reason) in targets {
            write!(
                members,
                "<member><Target><Id>{id}</Id><Port>80</Port></Target><TargetHealth><State>{state}</State>\
                 <Reason>{reason}</Reason></TargetHealth></member>"
            )
            .unwrap();
        }
        format!(
            "<DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>\
             </DescribeTargetHealthResult></DescribeTargetHealthResponse>"
        )
    }

    async fn healthy(targets: &[(&str, &str, &str)]) -> Result<(), String> {
        let replay = Replay::new([(200, health_xml(targets))]);
        TargetGroups::new(&replay.config().unwrap()).healthy(&route(), Colour::Green).await.unwrap()
    }

    #[tokio::test]
    async fn all_that_stay_have_to_be_healthy_and_one_has_to_be_there() {
        assert_eq!(healthy(&[("i-1", "healthy", "")]).await, Ok(()));
        assert_eq!(
            healthy(&[("i-1", "healthy", ""), ("i-2", "draining", "Target.DeregistrationInProgress")]).await,
            Ok(())
        );
        assert_eq!(healthy(&[("f", "unavailable", "Target.HealthCheckDisabled")]).await, Ok(()));
        assert_eq!(healthy(&[]).await, Err("no target is registered".to_owned()));
        assert_eq!(healthy(&[("i-1", "draining", "")]).await, Err("no target is registered".to_owned()));
        assert_eq!(
            healthy(&[("i-1", "healthy", ""), ("i-2", "unhealthy", "Target.Timeout")]).await,
            Err("1 of 2 targets are healthy; i-2 is unhealthy (Target.Timeout)".to_owned())
        );
        assert_eq!(
            healthy(&[("i-1", "unused", "Target.NotInUse")]).await,
            Err("0 of 1 targets are healthy; i-1 is unused (Target.NotInUse)".to_owned())
        );
    }

    #[tokio::test]
    async fn taking_down_deregisters_what_is_not_leaving_already() {
        let done = "<DeregisterTargetsResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
                    <DeregisterTargetsResult/></DeregisterTargetsResponse>";
        let targets = health_xml(&[("i-1", "healthy", ""), ("i-2", "draining", "")]);
        let replay = Replay::new([(200, targets), (200, done.to_owned())]);
        TargetGroups::new(&replay.config().unwrap()).take_down(&route(), Colour::Green).await.unwrap();
        let body = replay.sent()[1].body.replace("%3A", ":").replace("%2F", "/");
        assert!(body.contains("Action=DeregisterTargets"), "{body}");
        assert!(body.contains(&format!("TargetGroupArn={GREEN}")), "{body}");
        assert!(body.contains("Targets.member.1.Id=i-1&Targets.member.1.Port=80"), "{body}");
        assert!(!body.contains("i-2"), "{body}");
    }

    #[tokio::test]
    async fn a_colour_that_is_down_is_left_alone() {
        let replay = Replay::new([(200, health_xml(&[("i-2", "draining", "")]))]);
        TargetGroups::new(&replay.config().unwrap()).take_down(&route(), Colour::Green).await.unwrap();
        assert_eq!(replay.sent().len(), 1);
    }
}
