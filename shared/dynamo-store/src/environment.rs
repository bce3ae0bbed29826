//! What the rollouts of an environment have in common: its control and the load balancer's API budget. Each is one
//! item, changed under the optimistic lock of the version in its document.
//!
//! A rollback must not compete for that lock, so that it adds its call to a counter beside the document. The next step
//! forward takes what was counted out of the bucket, all of it as of the last rollback: at worst it waits as if they had
//! come at once.

use async_trait::async_trait;
use aws_client::Fault;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use engine::ports::{Budget, PortResult};
use jiff::Timestamp;
use rollout::{Control, EnvironmentName, Need, Seconds};
use serde::de::DeserializeOwned;

use crate::fault::port;
use crate::item::{self, Item, StoredBudget, number, text};
use crate::key::Key;
use crate::store::DynamoStore;
use crate::write::Condition;

/// How often a call is taken from the budget anew because somebody else took one at the same time.
const TAKES: usize = 8;

/// What came of writing an item under a condition.
pub(crate) enum Put {
    Written,
    /// It does not hold of the stored item, which is this one where it came with the answer.
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
        let item = item::control(environment, control)?;
        self.put_version(item, control.version, control, Key::control(environment)).await
    }

    /// Writes an item with a version if the stored one has the version before. The SDK's own retry may meet what its
    /// first attempt wrote, and a tie is only a tie with what was meant.
    pub(crate) async fn put_version<T: PartialEq + DeserializeOwned + Sync>(
        &self,
        item: Item,
        version: u64,
        meant: &T,
        key: Key,
    ) -> PortResult<bool> {
        let Some(before) = version.checked_sub(1) else { return Ok(false) };
        let condition = match before {
            0 => Condition::absent(),
            _ => Condition::when("version = :version", vec![(":version", number(before))]),
        };
        let found: Option<T> = match self.put_if(item, condition).await? {
            Put::Written => return Ok(true),
            Put::Behind(Some(found)) => Some(item::document(found)?),
            Put::Behind(None) => self.get(key).await?.map(item::document).transpose()?,
        };
        Ok(found.as_ref() == Some(meant))
    }

    /// Writes an item whole if the condition holds of the stored one.
    pub(crate) async fn put_if(&self, item: Item, condition: Condition) -> PortResult<Put> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .set_condition_expression(condition.expression.map(str::to_owned))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in condition.values {
            put = put.expression_attribute_values(name, value);
        }
        let Err(error) = put.send().await else { return Ok(Put::Written) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Put::Behind(failed.item().filter(|item| !item.is_empty()).cloned()))
            }
            _ => Err(port(&Fault::new("dynamodb:PutItem", &error))),
        }
    }
}

/// The stored budget is as it was read: nobody has taken a call, and no rollback has noted one.
fn untouched(stored: &StoredBudget) -> Condition {
    let version = stored.version().map(|version| (":version", number(version)));
    let owed = stored.owed.map(|owed| (":owed", number(owed)));
    let expression = match (&version, &owed) {
        (Some(_), Some(_)) => "version = :version AND owed = :owed",
        (Some(_), None) => "version = :version AND attribute_not_exists(owed)",
        (None, Some(_)) => "attribute_not_exists(version) AND owed = :owed",
        (None, None) => "attribute_not_exists(pk)",
    };
    Condition::when(expression, version.into_iter().chain(owed).collect())
}

#[async_trait]
impl Budget for DynamoStore {
    /// What is found after a conflict is never compared with what was meant: two takers of the same instant write the
    /// same document. If it was our own first attempt, one call too many is taken, which is the safe side.
    async fn forward(
        &self,
        environment: &EnvironmentName,
        need: Need,
        now: Timestamp,
    ) -> PortResult<Seconds> {
        let mut found = self.get(Key::budget(environment)).await?;
        for _ in 0..TAKES {
            let stored = found.map(StoredBudget::of).transpose()?.unwrap_or_default();
            let taken = match stored.bucket(now, self.share).forward(need, now, self.share) {
                Ok(taken) => taken,
                Err(wait) => return Ok(wait),
            };
            found = match self.put_if(item::budget(environment, &taken)?, untouched(&stored)).await? {
                Put::Written => return Ok(Seconds(0)),
                Put::Behind(Some(item)) => Some(item),
                Put::Behind(None) => self.get(Key::budget(environment)).await?,
            };
        }
        // So many calls are made at this moment that it is better to come back.
        Ok(Seconds(1))
    }

    /// One call, which never conflicts: any number of rollbacks can note theirs at the same time, and each is answered
    /// with the turn of its own. The next step forward takes them all out of the bucket.
    async fn spent(&self, environment: &EnvironmentName, now: Timestamp) -> PortResult<Seconds> {
        let key = Key::budget(environment);
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("ADD owed :one SET owed_at = :now, #schema = if_not_exists(#schema, :schema)")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":schema", number(item::SCHEMA.into()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let noted = noted.map_err(|error| port(&Fault::new("dynamodb:UpdateItem", &error)))?;
        let stored = noted.attributes.map(StoredBudget::of).transpose()?.unwrap_or_default();
        Ok(stored.bucket(now, self.share).turn(now, self.share))
    }
}
