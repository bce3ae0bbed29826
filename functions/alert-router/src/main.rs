//! Lambda function alert-router: whoever has to know of an alarm, a status or a rollout is told, once.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use alert_channels::Channels;
use alert_timers::StateMachineTimers;
use cloudwatch_metrics::CloudWatchAlarms;
use dead_letters::DeadLetterQueue;
use dynamo_store::DynamoStore;
use engine::{AlertRouterFunction, Setups};
use lambda_host::{Settings, SystemClock, all, keep};
use rollout::EnvironmentName;
use secrets::{Cache, CacheRules, ChannelSecret, SecretsManager};

fn main() -> ExitCode {
    lambda_host::main(build)
}

fn build(settings: &Settings<'_>) -> Result<AlertRouterFunction<'static>, Box<dyn Error + Send + Sync>> {
    let (environment, table, timer, queue, operations, slack) = all((
        settings.required::<EnvironmentName>("ACE_ENVIRONMENT"),
        settings.required::<String>("ACE_TABLE"),
        settings.required::<String>("ACE_ALERT_TIMER"),
        settings.required::<String>("ACE_DEAD_LETTERS"),
        settings.optional("ACE_OPERATIONS_TOPIC"),
        settings.optional("ACE_SLACK_API"),
    ))?;
    let aws = aws_client::from_env()?;
    let store = keep(DynamoStore::new(&aws, table));
    let cache = Cache::new(Arc::new(SecretsManager::new(&aws)), Arc::new(SystemClock), CacheRules::default());
    Ok(AlertRouterFunction {
        store,
        alerts: store,
        tags: keep(CloudWatchAlarms::new(&aws)),
        timers: keep(StateMachineTimers::new(&aws, timer)),
        courier: keep(Channels::new(&aws)?.with_slack_api(slack)),
        secrets: keep(ChannelSecret::new(cache, &environment)),
        letters: keep(DeadLetterQueue::new(&aws, queue)),
        clock: &SystemClock,
        setups: Setups::new(operations),
        environment,
    })
}
