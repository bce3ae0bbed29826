//! What environments have in common: their control and the load balancer's API budget. Each is one item, changed
//! under the optimistic lock of the version in its document.

use async_trait::async_trait;
use aws_client::Fault;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use engine::ports::{Budget, PortResult};
use jiff::Timestamp;
use rollout::{Bucket, Control, EnvironmentName, Seconds};

use crate::fault::{port, transient};
use crate::item::{self, Item, number};
use crate::key::Key;
use crate::store::DynamoStore;

/// How often a call is taken from the budget anew because somebody else took one at the same time. Of those who
/// write at once one succeeds, so that each try makes the crowd smaller.
const TAKES: usize = 8;

/// What came of writing an item under its version.
enum Put {
    Written,
    /// The stored version is another one; the item, where it came with the answer.
    Behind(Option<Item>),
}

impl DynamoStore {
    pub(crate) async fn stored_control(&self, environment: &EnvironmentName) -> PortResult<Option<Control>> {
        self.get(Key::control(environment)).await?.map(item::document).transpose()
    }

    /// Writes the control if the stored one has the version before, none counting as version 0.
    pub(crate) async fn put_control(
        &self,
        environment: &EnvironmentName,
        control: &Control,
    ) -> PortResult<bool> {
        let Some(before) = control.version.checked_sub(1) else { return Ok(false) };
        let found = match self.put_versioned(item::control(environment, control)?, before).await? {
            Put::Written => return Ok(true),
            Put::Behind(Some(found)) => Some(item::document(found)?),
            Put::Behind(None) => self.stored_control(environment).await?,
        };
        // A retry of the SDK can meet what its own first attempt wrote.
        Ok(found.as_ref() == Some(control))
    }

    /// Writes an item whole if the stored one has version `before`, or if there is none and `before` is 0.
    async fn put_versioned(&self, item: Item, before: u64) -> PortResult<Put> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        put = if before == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :version")
                .expression_attribute_values(":version", number(before))
        };
        let Err(error) = put.send().await else { return Ok(Put::Written) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Put::Behind(failed.item().filter(|item| !item.is_empty()).cloned()))
            }
            _ => Err(port(&Fault::new("dynamodb:PutItem", &error))),
        }
    }

    /// Takes a call from the bucket as `take` has it, until nobody else was faster. `Ok(None)`: somebody always was.
    ///
    /// What is found after a conflict is never compared with what was meant: two takers of the same instant write the
    /// same document. If it was our own first attempt, one call too many is taken, which is the safe side.
    async fn take<E>(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
        take: impl Fn(Bucket) -> Result<Bucket, E> + Send,
    ) -> PortResult<Option<Result<(), E>>> {
        let mut found = self.get(Key::budget(environment)).await?;
        for _ in 0..TAKES {
            let bucket: Option<Bucket> = found.map(item::document).transpose()?;
            let bucket = bucket.unwrap_or_else(|| Bucket::full(now));
            let taken = match take(bucket) {
                Ok(taken) => taken,
                Err(refused) => return Ok(Some(Err(refused))),
            };
            found = match self.put_versioned(item::budget(environment, &taken)?, bucket.version).await? {
                Put::Written => return Ok(Some(Ok(()))),
                Put::Behind(Some(item)) => Some(item),
                Put::Behind(None) => self.get(Key::budget(environment)).await?,
            };
        }
        Ok(None)
    }
}

#[async_trait]
impl Budget for DynamoStore {
    async fn forward(&self, environment: &EnvironmentName, now: Timestamp) -> PortResult<Seconds> {
        match self.take(environment, now, |bucket| bucket.forward(now)).await? {
            Some(Ok(())) => Ok(Seconds(0)),
            Some(Err(wait)) => Ok(wait),
            // So many are being taken that there is no harm in coming back.
            None => Ok(Seconds(1)),
        }
    }

    async fn spent(&self, environment: &EnvironmentName, now: Timestamp) -> PortResult<()> {
        let spent = |bucket: Bucket| Ok::<_, std::convert::Infallible>(bucket.spent(now));
        match self.take(environment, now, spent).await? {
            Some(Ok(())) => Ok(()),
            Some(Err(never)) => match never {},
            None => Err(transient(format!("the API budget of environment {environment} keeps changing"))),
        }
    }
}
