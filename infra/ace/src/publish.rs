//! `ace publish`: an environment's configuration to its stack on AWS.

use dynamo_store::DynamoStore;
use engine::publish::{Publication, Published};
use jiff::Timestamp;

use crate::Ending;
use crate::arguments::Publish;
use crate::error::AceError;
use crate::inputs;

pub(crate) async fn publish(arguments: &Publish) -> Result<Ending, AceError> {
    let environment = &arguments.environment;
    let configured = inputs::configuration(environment, arguments.config.as_ref())?;
    let configuration = configured.rollouts();
    let aws = aws_client::from_env().map_err(AceError::Aws)?;
    let store = DynamoStore::new(&aws, arguments.table.as_str());
    let by = arguments.by.as_str();
    let publication = engine::publish::publish(&store, environment, configuration, by, Timestamp::now())
        .await
        .map_err(local_stack::StackError::Function)?;
    let Published { version, digest, at, by, .. } = publication.published();
    match &publication {
        Publication::New(_) => println!(
            "{} is published to {} as version {version}: {} services; rollouts that start from now on use it",
            configured.path,
            arguments.table,
            configuration.services().len()
        ),
        Publication::Unchanged(_) => println!(
            "{} says what version {version} does, which {by} published at {at}: nothing was changed",
            configured.path
        ),
    }
    println!("digest {digest}");
    Ok(Ending::Good)
}
