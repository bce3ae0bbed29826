//! `ace publish`: an environment's configuration to its stack on AWS.

use dynamo_store::DynamoStore;
use engine::ports::Store;

use crate::Ending;
use crate::arguments::{Publish, config_of};
use crate::error::AceError;
use crate::inputs;

pub(crate) async fn publish(arguments: &Publish) -> Result<Ending, AceError> {
    let environment = &arguments.environment;
    let path = config_of(arguments.config.as_ref(), environment);
    let configuration = inputs::configuration(&path)?;
    let aws = aws_client::from_env().map_err(AceError::Aws)?;
    DynamoStore::new(&aws, arguments.table.as_str()).publish(environment, &configuration).await?;
    println!(
        "{} is published to {}: {} services; rollouts that start from now on use it",
        path.display(),
        arguments.table,
        configuration.services().len()
    );
    Ok(Ending::Good)
}
