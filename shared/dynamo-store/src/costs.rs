//! The memory of what is stopped and started: resources, and what people want kept on or off.
//!
//! An evening writes to every resource within seconds, and one partition takes a thousand writes a second (Amazon DynamoDB
//! Developer Guide, "Partitions and data distribution"): they are spread over sixteen.

use async_trait::async_trait;
use aws_client::Fault;
use aws_sdk_dynamodb::types::ReturnValue;
use cost::{OverrideId, Record};
use engine::ports::{CostStore, Kept, PortResult};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;
use serde::de::DeserializeOwned;

use crate::fault::port;
use crate::item::{self, text};
use crate::key::{self, Key, OVERRIDES, RESOURCES};
use crate::store::{DynamoStore, after, queried};
use crate::write::Condition;

/// What somebody wanted is kept for so long after it has ended.
const OVERRIDE_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A resource that is there no more is remembered for so long, as its tags may be lost by mistake;
const LOST_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// and one that was ever off for so long, for what that has saved.
const SAVINGS_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

impl DynamoStore {
    /// Everything of a partition that begins so. What cannot be read is told in the log and left out: it must not keep the
    /// others from being stopped and started, and no one writes over it.
    async fn costs<T: DeserializeOwned>(&self, pk: String, begins: &str) -> PortResult<Vec<T>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :begins)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":begins", text(begins))
            .consistent_read(true);
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            match item::document(queried(item)?) {
                Ok(read) => found.push(read),
                Err(error) => tracing::error!(%error, "what is remembered is lost from view"),
            }
        }
        Ok(found)
    }
}

/// Until when a resource is remembered; `None` as long as it is there.
fn expires(record: &Record) -> Option<Timestamp> {
    let kept = if record.off.is_empty() { LOST_KEPT } else { SAVINGS_KEPT };
    record.lost.map(|lost| after(lost, kept))
}

#[async_trait]
impl CostStore for DynamoStore {
    async fn resources(&self, home: &EnvironmentName) -> PortResult<Vec<Record>> {
        let parts = key::resources(home).map(|pk| self.costs(pk, RESOURCES));
        let parts: PortResult<Vec<Vec<Record>>> = join_all(parts).await.into_iter().collect();
        Ok(parts?.into_iter().flatten().collect())
    }

    async fn put_resource(&self, home: &EnvironmentName, record: &Record) -> PortResult<bool> {
        let key = Key::resource(home, &record.arn);
        let item = item::versioned(key.clone(), record, record.version, expires(record))?;
        self.put_version(item, record.version, record, key).await
    }

    async fn overrides(&self, home: &EnvironmentName) -> PortResult<Vec<Kept>> {
        self.costs(key::costs(home), OVERRIDES).await
    }

    async fn put_override(&self, home: &EnvironmentName, kept: &Kept) -> PortResult<()> {
        let (id, over) = kept;
        let expires = Some(after(over.until(), OVERRIDE_KEPT));
        let item = item::versioned(Key::kept(home, id), kept, 0, expires)?;
        self.put_if(item, Condition::none()).await.map(drop)
    }

    /// Of a removal that the SDK has tried twice because its first answer was lost, the answer is `false`.
    async fn remove_override(&self, home: &EnvironmentName, id: &OverrideId) -> PortResult<bool> {
        let key = Key::kept(home, id);
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let removed = removed.map_err(|error| port(&Fault::new("dynamodb:DeleteItem", &error)))?;
        Ok(removed.attributes.is_some_and(|item| !item.is_empty()))
    }
}
