//! Lambda function rollback: sends all traffic back to the live colour, and verifies it.

use std::error::Error;
use std::process::ExitCode;

use dynamo_store::DynamoStore;
use elb_traffic::ElbTraffic;
use engine::RollbackFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::SnsNotifier;

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<RollbackFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, topic) = all((
        settings.required("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
    ))?;
    let aws = aws_client::from_env()?;
    Ok(RollbackFunction {
        environment,
        store: keep(DynamoStore::new(&aws, table)),
        traffic: keep(ElbTraffic::new(&aws)),
        notifier: keep(SnsNotifier::new(&aws, topic)),
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
