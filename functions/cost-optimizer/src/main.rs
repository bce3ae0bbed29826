//! Lambda function cost-optimizer: what is not needed is off, and what is needed is ready.

use std::error::Error;
use std::process::ExitCode;

use cloud_resources::{Caches, Databases, Ec2Instances, EcsServices, ScalingGroups};
use dynamo_store::DynamoStore;
use engine::CostOptimizerFunction;
use lambda_host::{EmfMeter, Settings, SystemClock, all, keep};
use outcome_bus::{BusName, BusNotifier};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<CostOptimizerFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table) =
        all((settings.required("ACE_ENVIRONMENT"), settings.required::<String>("ACE_TABLE")))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table));
    Ok(CostOptimizerFunction {
        environment,
        store,
        alerts: store,
        costs: store,
        resources: vec![
            keep(Ec2Instances::new(&aws)),
            keep(ScalingGroups::new(&aws)),
            keep(EcsServices::new(&aws)),
            keep(Databases::new(&aws)),
            keep(Caches::new(&aws)),
        ],
        // alert-router listens on the bus that every account has.
        troubles: keep(BusNotifier::new(&aws, BusName::default())),
        meter: &EmfMeter,
        clock: &SystemClock,
    })
}
