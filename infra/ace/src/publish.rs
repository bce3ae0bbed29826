//! `ace publish`: an environment's configuration to its stack on AWS.

use dynamo_store::DynamoStore;
use engine::ports::Store;

use crate::Ending;
use crate::arguments::Publish;
use crate::error::AceError;
use crate::inputs;

pub(crate) async fn publish(arguments: &Publish) -> Result<Ending, AceError> {
    let environment = &arguments.environment;
    let configured = inputs::configuration(environment, arguments.config.as_ref())?;
    let configuration = configured.rollouts();
    let aws = aws_client::from_env().map_err(AceError::Aws)?;
    DynamoStore::new(&aws, arguments.table.as_str()).publish(environment, configuration).await?;
    println!(
        "{} is published to {}: {} services; rollouts that start from now on use it",
        configured.path,
        arguments.table,
        configuration.services().len()
    );
    Ok(Ending::Good)
}
