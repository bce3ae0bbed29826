//! Lambda function rollback: sends all traffic back to the live colour, and verifies it.

use std::error::Error;
use std::process::ExitCode;

use cloudwatch_metrics::CloudWatchAlarms;
use dynamo_store::{DynamoStore, Share};
use elb_traffic::ElbTraffic;
use engine::RollbackFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::{Both, SnsNotifier};
use outcome_bus::{BusName, BusNotifier};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<RollbackFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, topic, bus, share) = all((
        settings.required("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
        settings.or("ACE_EVENT_BUS", BusName::default()),
        settings.or("ACE_ELB_BUDGET_SHARE", Share::ALL),
    ))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table).sharing(share));
    Ok(RollbackFunction {
        environment,
        store,
        traffic: keep(ElbTraffic::new(&aws)),
        tags: keep(CloudWatchAlarms::new(&aws)),
        notifier: keep(Both(SnsNotifier::new(&aws, topic), BusNotifier::new(&aws, bus))),
        budget: store,
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
