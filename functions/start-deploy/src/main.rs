//! Lambda function start-deploy: an event becomes a rollout, or a typed answer why not.

use std::error::Error;
use std::process::ExitCode;

use cloudwatch_metrics::CloudWatchAlarms;
use dynamo_store::DynamoStore;
use elb_traffic::{ElbTraffic, TargetGroups};
use engine::StartDeployFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::SnsNotifier;
use pipeline_revisions::PipelineRevisions;

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<StartDeployFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, topic) = all((
        settings.required("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
    ))?;
    let aws = aws_client::from_env()?;
    Ok(StartDeployFunction {
        environment,
        store: keep(DynamoStore::new(&aws, table)),
        traffic: keep(ElbTraffic::new(&aws)),
        alarms: keep(CloudWatchAlarms::new(&aws)),
        revisions: keep(PipelineRevisions::new(&aws)),
        fleet: keep(TargetGroups::new(&aws)),
        notifier: keep(SnsNotifier::new(&aws, topic)),
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
