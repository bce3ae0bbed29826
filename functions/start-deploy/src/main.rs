//! Lambda function start-deploy: an event becomes a rollout, or a typed answer why not.

use std::error::Error;
use std::process::ExitCode;

use cloudwatch_metrics::{CloudWatchAlarms, CloudWatchServed};
use dynamo_store::{DynamoBelow, DynamoStore, Share};
use elb_traffic::{ElbTraffic, TargetGroups};
use engine::StartDeployFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::{Both, SnsNotifier};
use outcome_bus::{BusName, BusNotifier};
use pipeline_revisions::PipelineRevisions;

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<StartDeployFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, topic, bus, share, below) = all((
        settings.required("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
        settings.or("ACE_EVENT_BUS", BusName::default()),
        settings.or("ACE_ELB_BUDGET_SHARE", Share::ALL),
        settings.optional("ACE_BELOW_TABLE"),
    ))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table).sharing(share));
    Ok(StartDeployFunction {
        environment,
        store,
        traffic: keep(ElbTraffic::new(&aws)),
        alarms: keep(CloudWatchAlarms::new(&aws)),
        below: keep(DynamoBelow::new(&aws, below)),
        served: keep(CloudWatchServed::new(&aws)),
        revisions: keep(PipelineRevisions::new(&aws)),
        fleet: keep(TargetGroups::new(&aws)),
        notifier: keep(Both(SnsNotifier::new(&aws, topic), BusNotifier::new(&aws, bus))),
        budget: store,
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
