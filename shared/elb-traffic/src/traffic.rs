use async_trait::async_trait;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{Action, Rule};
use engine::ports::{PortError, PortResult, Traffic};
use rollout::{Colour, Observed, Route, RuleSnapshot, Weight};

use crate::fault::{SERVICE, permanent, port};
use crate::rule::{self, Unfit};
use crate::snapshot;

/// Weights on dedicated listener rules.
#[derive(Clone, Debug)]
pub struct ElbTraffic(Client);

impl ElbTraffic {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    async fn find(&self, route: &Route) -> Result<Option<Rule>, Fault> {
        let described = self.0.describe_rules().rule_arns(&route.rule).send().await;
        match described {
            Ok(described) => Ok(described.rules.unwrap_or_default().into_iter().next()),
            Err(error) => {
                let fault = Fault::new("elasticloadbalancing:DescribeRules", &error);
                if fault.kind == FaultKind::NotFound { Ok(None) } else { Err(fault) }
            }
        }
    }

    async fn rule(&self, route: &Route) -> PortResult<Rule> {
        self.find(route).await.map_err(|fault| port(&fault))?.ok_or_else(|| {
            permanent(
                format!("there is no rule {}", route.rule),
                "restore the rule, or correct its ARN in the environment's configuration",
            )
        })
    }

    /// Always made, even if the rule reads as wanted: a read may be older than another writer's write.
    async fn write(
        &self,
        route: &Route,
        canary: Colour,
        weight: Weight,
        actions: Vec<Action>,
    ) -> PortResult<()> {
        let modified = self.0.modify_rule().rule_arn(&route.rule).set_actions(Some(actions)).send().await;
        let modified =
            modified.map_err(|error| port(&Fault::new("elasticloadbalancing:ModifyRule", &error)))?;
        let written = modified.rules().first().map(|after| rule::observe(after, route, canary));
        match written {
            // With stickiness on, the rule is written and foreign all the same: the reader says so.
            Some(Observed::Weight(read)) if read != weight => Err(PortError::Transient {
                service: SERVICE,
                detail: format!("rule {} was given canary weight {weight} and answers {read}", route.rule),
            }),
            _ => {
                tracing::info!(rule = route.rule, step.weight = weight.percent(), canary = %canary, "weight written");
                Ok(())
            }
        }
    }
}

fn refused(route: &Route, unfit: &Unfit) -> PortError {
    permanent(format!("rule {}: {}", route.rule, unfit.what), unfit.remedy)
}

#[async_trait]
impl Traffic for ElbTraffic {
    async fn read(&self, route: &Route, canary: Colour) -> PortResult<Observed> {
        Ok(rule::observe(&self.rule(route).await?, route, canary))
    }

    async fn set(&self, route: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        let before = self.rule(route).await?;
        let actions =
            rule::with_weight(&before, route, canary, weight).map_err(|unfit| refused(route, &unfit))?;
        self.write(route, canary, weight, actions).await
    }

    async fn restore(&self, route: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()> {
        let actions = snapshot::restored(rule, route, canary).map_err(|unfit| refused(route, &unfit))?;
        self.write(route, canary, Weight::ZERO, actions).await
    }

    async fn admit(&self, route: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        let Some(found) = self.find(route).await.map_err(|fault| port(&fault))? else {
            return Ok(Err(format!(
                "there is no rule {}: correct its ARN in the environment's configuration",
                route.rule
            )));
        };
        let admitted = rule::admit(&found, route);
        Ok(admitted
            .map(|()| snapshot::take(&found))
            .map_err(|unfit| format!("rule {}: {}; {}", route.rule, unfit.what, unfit.remedy)))
    }
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;

    use super::*;
    use crate::samples::{BLUE, GREEN, error_xml, route, rule_xml};

    fn weight(percent: u8) -> Weight {
        Weight::try_from(percent).unwrap()
    }

    fn traffic(replay: &Replay) -> ElbTraffic {
        ElbTraffic::new(&replay.config().unwrap())
    }

    /// A form field as it is sent.
    fn field(body: &str, name: &str) -> Option<String> {
        let name = format!("{name}=");
        let value = body.split('&').find_map(|pair| pair.strip_prefix(&name))?;
        Some(value.replace("%3A", ":").replace("%2F", "/"))
    }

    #[tokio::test]
    async fn the_rule_is_read_by_its_arn() {
        let replay = Replay::new([(200, rule_xml("DescribeRules", 90, 10))]);
        let observed = traffic(&replay).read(&route(), Colour::Green).await.unwrap();
        assert_eq!(observed, Observed::Weight(weight(10)));
        let body = &replay.sent()[0].body;
        assert_eq!(field(body, "Action").as_deref(), Some("DescribeRules"));
        assert_eq!(field(body, "RuleArns.member.1"), Some(route().rule));
    }

    #[tokio::test]
    async fn a_weight_is_written_as_the_whole_action_list() {
        let replay =
            Replay::new([(200, rule_xml("DescribeRules", 100, 0)), (200, rule_xml("ModifyRule", 75, 25))]);
        traffic(&replay).set(&route(), Colour::Green, weight(25)).await.unwrap();
        let body = &replay.sent()[1].body;
        assert_eq!(field(body, "Action").as_deref(), Some("ModifyRule"));
        let action = "Actions.member.1";
        assert_eq!(field(body, &format!("{action}.Type")).as_deref(), Some("forward"));
        assert_eq!(field(body, &format!("{action}.Order")).as_deref(), Some("1"));
        let groups = format!("{action}.ForwardConfig.TargetGroups.member");
        assert_eq!(field(body, &format!("{groups}.1.TargetGroupArn")).as_deref(), Some(GREEN));
        assert_eq!(field(body, &format!("{groups}.1.Weight")).as_deref(), Some("25"));
        assert_eq!(field(body, &format!("{groups}.2.TargetGroupArn")).as_deref(), Some(BLUE));
        assert_eq!(field(body, &format!("{groups}.2.Weight")).as_deref(), Some("75"));
        let sticky = format!("{action}.ForwardConfig.TargetGroupStickinessConfig.Enabled");
        assert_eq!(field(body, &sticky).as_deref(), Some("false"));
        assert!(!body.contains("Conditions"), "conditions that are not sent stay as they are");
    }

    #[tokio::test]
    async fn an_answer_with_other_weights_is_tried_again() {
        let replay =
            Replay::new([(200, rule_xml("DescribeRules", 100, 0)), (200, rule_xml("ModifyRule", 100, 0))]);
        let refused = traffic(&replay).set(&route(), Colour::Green, weight(25)).await.unwrap_err();
        assert!(matches!(refused, PortError::Transient { .. }), "{refused}");
    }

    #[tokio::test]
    async fn throttling_is_transient_and_a_denial_is_permanent_with_its_remedy() {
        let replay = Replay::new([(400, error_xml("Throttling")), (403, error_xml("AccessDenied"))]);
        let traffic = traffic(&replay);
        let throttled = traffic.read(&route(), Colour::Green).await.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
        let denied = traffic.read(&route(), Colour::Green).await.unwrap_err();
        assert!(denied.to_string().contains("allow the action to the function's role"), "{denied}");
    }

    #[tokio::test]
    async fn a_rule_that_is_not_there_is_not_admitted_and_cannot_be_read() {
        let replay = Replay::new([(400, error_xml("RuleNotFound")), (400, error_xml("RuleNotFound"))]);
        let traffic = traffic(&replay);
        let reason = traffic.admit(&route()).await.unwrap().unwrap_err();
        assert!(reason.contains("there is no rule arn:"), "{reason}");
        let gone = traffic.read(&route(), Colour::Green).await.unwrap_err();
        assert!(matches!(gone, PortError::Permanent { .. }), "{gone}");
    }

    #[tokio::test]
    async fn an_admitted_rule_is_restored_in_one_call() {
        let replay =
            Replay::new([(200, rule_xml("DescribeRules", 100, 0)), (200, rule_xml("ModifyRule", 100, 0))]);
        let traffic = traffic(&replay);
        let snapshot = traffic.admit(&route()).await.unwrap().unwrap();
        traffic.restore(&route(), Colour::Green, &snapshot).await.unwrap();
        let sent = replay.sent();
        assert_eq!(sent.len(), 2, "nothing is read between");
        let body = &sent[1].body;
        assert_eq!(field(body, "Action").as_deref(), Some("ModifyRule"));
        assert_eq!(field(body, "RuleArn"), Some(route().rule));
        let groups = "Actions.member.1.ForwardConfig.TargetGroups.member";
        let written = [1, 2].map(|n| {
            let part = |part: &str| field(body, &format!("{groups}.{n}.{part}")).unwrap();
            (part("TargetGroupArn"), part("Weight"))
        });
        assert_eq!(written, [(GREEN.to_owned(), "0".to_owned()), (BLUE.to_owned(), "100".to_owned())]);
        assert_eq!(field(body, "Actions.member.1.Order").as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_snapshot_that_says_nothing_is_permanent_and_writes_nothing() {
        let replay = Replay::new([(200, rule_xml("ModifyRule", 100, 0))]);
        for text in ["", "not JSON"] {
            let snapshot = RuleSnapshot(text.to_owned());
            let refused = traffic(&replay).restore(&route(), Colour::Green, &snapshot).await.unwrap_err();
            assert!(matches!(refused, PortError::Permanent { .. }), "{refused}");
        }
        assert!(replay.sent().is_empty());
    }

    #[tokio::test]
    async fn a_restore_that_does_not_fit_any_more_is_permanent_and_a_throttled_one_transient() {
        let snapshot = RuleSnapshot(
            "{\"actions\":[{\"order\":1,\"does\":{\"forward\":{\"stickiness\":null}}}]}".to_owned(),
        );
        let restore = async |status, answer| {
            let replay = Replay::new([(status, answer)]);
            traffic(&replay).restore(&route(), Colour::Green, &snapshot).await
        };
        for code in ["ValidationError", "TargetGroupNotFound", "RuleNotFound", "InvalidLoadBalancerAction"] {
            let refused = restore(400, error_xml(code)).await.unwrap_err();
            assert!(matches!(refused, PortError::Permanent { .. }), "{refused}");
        }
        let throttled = restore(400, error_xml("Throttling")).await.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
        let elsewhere = restore(200, rule_xml("ModifyRule", 75, 25)).await.unwrap_err();
        assert!(matches!(elsewhere, PortError::Transient { .. }), "{elsewhere}");
    }
}
