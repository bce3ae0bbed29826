//! The gates of a stack on AWS, asked with the operator's own credentials.

use async_trait::async_trait;
use cloudwatch_metrics::{CloudWatchAlarms, CloudWatchServed};
use dynamo_store::DynamoBelow;
use elb_traffic::{ElbTraffic, TargetGroups};
use engine::gates::{Findings, GateState, Gates, Standing};
use engine::ports::{Below, Ended, PortError, PortResult};
use jiff::Timestamp;
use miette::Diagnostic as _;
use rollout::{EnvironmentName, ServiceName};

use super::BackendResult;
use super::aws::AwsStack;
use super::aws_fault::{AwsFault, table};
use super::gates::{Asked, Wish, evaluate};

/// The environment below, where this stack does not say which table is its.
struct NotNamed(PortError);

#[async_trait]
impl Below for NotNamed {
    async fn ended(&self, _: &EnvironmentName, _: &ServiceName) -> PortResult<Vec<Ended>> {
        Err(self.0.clone())
    }
}

/// Where the gates stand. What the credentials do not allow leaves its gate unknown, and says what they lack.
pub(super) async fn gates(stack: &AwsStack, wish: &Wish) -> BackendResult<Vec<GateState>> {
    let aws = stack.config();
    let below = below(stack, wish).await;
    let gates = Gates {
        store: stack.store(),
        below: &*below,
        served: &CloudWatchServed::new(aws),
        traffic: &ElbTraffic::new(aws),
        fleet: &TargetGroups::new(aws),
        alarms: &CloudWatchAlarms::new(aws),
    };
    let Findings { mut states, unknown, .. } = evaluate(gates, wish, Asked::All, Timestamp::now()).await;
    for state in &mut states {
        if let Some((_, error)) = unknown.iter().rev().find(|(gate, _)| *gate == state.gate) {
            state.standing = Standing::Unknown { reason: told(error) };
        }
    }
    Ok(states)
}

/// The table below is a variable of start-deploy, which asks it.
async fn below(stack: &AwsStack, wish: &Wish) -> Box<dyn Below> {
    if wish.configuration.promotion.below.is_none() {
        return Box::new(DynamoBelow::new(stack.config(), None));
    }
    match stack.variable("start-deploy", "ACE_BELOW_TABLE").await {
        Ok(table) => Box::new(DynamoBelow::new(stack.config(), table.filter(|table| !table.is_empty()))),
        Err(fault) => Box::new(NotNamed(port(&fault))),
    }
}

fn port(fault: &AwsFault) -> PortError {
    PortError::Permanent {
        service: "AWS Lambda",
        detail: fault.to_string(),
        remedy: fault.help().map_or_else(|| "ask again".to_owned(), |help| help.to_string()),
    }
}

/// An adapter speaks to whoever deploys a function; this is a person's.
fn told(error: &PortError) -> String {
    match error {
        PortError::Transient { service, detail } => {
            format!("{service} is not answering: {detail}; ask again")
        }
        PortError::Permanent { service: "DynamoDB", .. } => table(error.clone()).to_string(),
        PortError::Permanent { service, detail, .. } if detail.contains("was denied") => {
            format!("{service} refuses: {detail}; allow the action to your role")
        }
        error @ PortError::Permanent { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_may_not_is_told_to_the_person() {
        let denied = |service, detail: &str| PortError::Permanent {
            service,
            detail: detail.to_owned(),
            remedy: "allow the action to the function's role".to_owned(),
        };
        for service in ["Elastic Load Balancing", "DynamoDB"] {
            let said = told(&denied(service, "x:Describe was denied: AccessDenied: no"));
            assert!(said.contains("x:Describe was denied") && said.contains("to your role"), "{said}");
            assert!(!said.contains("function"), "{said}");
        }
        let said = told(&PortError::Transient { service: "CloudWatch", detail: "throttled".to_owned() });
        assert_eq!(said, "CloudWatch is not answering: throttled; ask again");
    }
}
