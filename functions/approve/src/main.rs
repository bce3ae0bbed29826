//! Lambda function approve: makes approval links, and serves the page that they lead to.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use dynamo_store::DynamoStore;
use engine::ApproveFunction;
use lambda_host::{Settings, SystemClock, all, keep};
use rollout::EnvironmentName;
use secrets::{ApprovalSecret, Cache, CacheRules, SecretsManager};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<ApproveFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table) = all((
        settings.required::<EnvironmentName>("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
    ))?;
    let aws = aws_client::from_env()?;
    let vault = Arc::new(SecretsManager::new(&aws));
    let cache = Cache::new(vault, Arc::new(SystemClock), CacheRules::default());
    Ok(ApproveFunction {
        store: keep(DynamoStore::new(&aws, table)),
        keys: keep(ApprovalSecret::new(cache, &environment)),
        clock: &SystemClock,
        environment,
    })
}
