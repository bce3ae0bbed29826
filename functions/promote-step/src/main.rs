//! Lambda function promote-step: takes the step that was cleared, ends the rollout, cleans up the old colour.

use std::error::Error;
use std::process::ExitCode;

use clean_up_schedule::{Delivery, Schedules};
use cloudwatch_metrics::CloudWatchMetrics;
use dynamo_store::{DynamoStore, Share};
use elb_traffic::{ElbTraffic, TargetGroups};
use engine::PromoteStepFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use notify::{Both, SnsNotifier};
use outcome_bus::{BusName, BusNotifier};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<PromoteStepFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, topic, bus, share, group, role, function, dead_letters) = all((
        settings.required("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required("ACE_OUTCOME_TOPIC"),
        settings.or("ACE_EVENT_BUS", BusName::default()),
        settings.or("ACE_ELB_BUDGET_SHARE", Share::ALL),
        settings.optional("ACE_CLEAN_UP_GROUP"),
        settings.required("ACE_CLEAN_UP_ROLE"),
        settings.required("ACE_CLEAN_UP_TARGET"),
        settings.required("ACE_CLEAN_UP_DLQ"),
    ))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table).sharing(share));
    Ok(PromoteStepFunction {
        environment,
        store,
        traffic: keep(ElbTraffic::new(&aws)),
        metrics: keep(CloudWatchMetrics::new(&aws)),
        fleet: keep(TargetGroups::new(&aws)),
        notifier: keep(Both(SnsNotifier::new(&aws, topic), BusNotifier::new(&aws, bus))),
        schedule: keep(Schedules::new(&aws, Delivery { group, function, role, dead_letters })),
        budget: store,
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
