//! Lambda function health-check: what a rollout looks like now, before and with traffic.

use std::error::Error;
use std::process::ExitCode;

use cloudwatch_metrics::{CloudWatchAlarms, CloudWatchMetrics};
use dynamo_store::{DynamoStore, Share};
use elb_traffic::{ElbTraffic, TargetGroups};
use engine::HealthCheckFunction;
use http_probe::HttpProber;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::{Both, SnsNotifier};
use outcome_bus::{BusName, BusNotifier};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<HealthCheckFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (table, topic, bus, share) = all((
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
        settings.or("ACE_EVENT_BUS", BusName::default()),
        settings.or("ACE_ELB_BUDGET_SHARE", Share::ALL),
    ))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table).sharing(share));
    Ok(HealthCheckFunction {
        store,
        traffic: keep(ElbTraffic::new(&aws)),
        fleet: keep(TargetGroups::new(&aws)),
        metrics: keep(CloudWatchMetrics::new(&aws)),
        alarms: keep(CloudWatchAlarms::new(&aws)),
        prober: keep(HttpProber::new()?),
        notifier: keep(Both(SnsNotifier::new(&aws, topic), BusNotifier::new(&aws, bus))),
        budget: store,
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
