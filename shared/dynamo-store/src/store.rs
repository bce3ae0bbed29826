use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::AttributeValue;
use engine::history::Record;
use engine::ports::{Begun, CommitError, Ended, PortResult, Published, Store};
use jiff::{SignedDuration, Timestamp};
use rollout::{
    Barred, Control, Effect, EnvironmentName, ExecutionArn, Lease, Phase, Rollout, RolloutId, ServiceName,
    Share, Target, Version,
};

use crate::environment::Put;
use crate::fault::{port, transient};
use crate::item::{self, Item, number, text};
use crate::key::{self, ACTIVE_INDEX, CONFIGURATIONS, Key, RECENT_INDEX, RECORDS};
use crate::write::{Condition, Fate, Outcome, Transaction};

/// The store on one DynamoDB table. Reads by key are strongly consistent.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) share: Share,
}

impl DynamoStore {
    /// On this table, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into(), share: Share::ALL }
    }

    /// The same with this share of the account's and region's load balancer API budget.
    #[must_use]
    pub fn sharing(self, share: Share) -> Self {
        Self { share, ..self }
    }

    pub(crate) async fn get(&self, key: Key) -> PortResult<Option<Item>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .consistent_read(true)
            .send()
            .await;
        answer.map(|found| found.item).map_err(|error| port(&Fault::new("dynamodb:GetItem", &error)))
    }

    /// The stored rollout in the way of a write: as the cancelled transaction returned it, else read.
    async fn stored(&self, fate: &Fate, id: &RolloutId) -> PortResult<Option<Rollout>> {
        match fate {
            Fate::Failed(Some(item)) => item::document(item.clone()).map(Some),
            Fate::Failed(None) | Fate::Contended | Fate::Fine => self.rollout(id).await,
        }
    }

    /// Notes that the environment has rollouts in a month, for [`Store::recent`]. It is outside of the transaction: all
    /// rollouts of an environment share the item, and a month too many does no harm.
    async fn note_month(&self, rollout: &Rollout) -> PortResult<()> {
        let key = Key::months(&rollout.plan.environment);
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key.pk))
            .key("sk", text(key.sk))
            .update_expression("ADD months :month")
            .expression_attribute_values(":month", AttributeValue::Ss(vec![key::month(rollout.started_at)]))
            .send()
            .await;
        noted.map(drop).map_err(|error| port(&Fault::new("dynamodb:UpdateItem", &error)))
    }

    /// The months in which the environment had rollouts, newest first.
    async fn months(&self, environment: &EnvironmentName) -> PortResult<Vec<String>> {
        let item = self.get(Key::months(environment)).await?.unwrap_or_default();
        let mut months =
            item.get("months").and_then(|months| months.as_ss().ok()).cloned().unwrap_or_default();
        months.sort_unstable_by(|a, b| b.cmp(a));
        Ok(months)
    }

    /// The newest rollouts of one month, at most `limit`.
    async fn month(
        &self,
        environment: &EnvironmentName,
        month: &str,
        limit: usize,
    ) -> PortResult<Vec<Rollout>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(RECENT_INDEX)
            .key_condition_expression("gsi1pk = :month")
            .expression_attribute_values(":month", text(key::recent(environment, month)))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(item) = items.next().await
        {
            found.push(item::document(queried(item)?)?);
        }
        Ok(found)
    }

    /// A partition of the active index. An item that cannot be read is told in the log and left out: it must not keep
    /// the other rollouts from being found, least of all by a rollback.
    async fn not_at_rest(&self, partition: String) -> PortResult<Vec<Rollout>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(ACTIVE_INDEX)
            .key_condition_expression("gsi2pk = :partition")
            .expression_attribute_values(":partition", text(partition.as_str()));
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            match item::document(queried(item)?) {
                Ok(rollout) => found.push(rollout),
                Err(error) => {
                    tracing::error!(partition, %error, "a rollout that is not at rest is lost from view");
                }
            }
        }
        Ok(found)
    }
}

/// An item of a query, or why its page did not come.
pub(crate) fn queried(item: Result<Item, SdkError<QueryError>>) -> PortResult<Item> {
    item.map_err(|error| port(&Fault::new("dynamodb:Query", &error)))
}

/// When something is of no use any more.
pub(crate) fn after(at: Timestamp, kept: SignedDuration) -> Timestamp {
    at.checked_add(kept).unwrap_or(Timestamp::MAX)
}

/// The target is as it was seen: free, and at the epoch and with the bar of then.
fn unchanged(expected: Option<&Target>) -> Condition {
    let Some(target) = expected else { return Condition::absent() };
    let epoch = (":epoch", number(target.epoch.0));
    match &target.barred {
        Barred::Nothing => Condition::when(
            "epoch = :epoch AND attribute_not_exists(lease_holder) AND attribute_not_exists(barred)",
            vec![epoch],
        ),
        Barred::Version { version, .. } => Condition::when(
            "epoch = :epoch AND attribute_not_exists(lease_holder) AND barred = :barred",
            vec![epoch, (":barred", text(version.as_str()))],
        ),
    }
}

fn free(epoch: u64) -> Condition {
    Condition::when("epoch = :epoch AND attribute_not_exists(lease_holder)", vec![(":epoch", number(epoch))])
}

/// The target is held by a rollout, at its epoch.
fn held(rollout: &Rollout) -> Condition {
    Condition::when(
        "epoch = :epoch AND lease_holder = :holder",
        vec![(":epoch", number(rollout.epoch.0)), (":holder", text(rollout.id.as_str()))],
    )
}

fn contended(id: &RolloutId) -> String {
    format!("rollout {id} met another transaction on the same items")
}

#[async_trait]
impl Store for DynamoStore {
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :configurations)")
            .expression_attribute_values(":pk", text(Key::configuration(environment, 0).pk))
            .expression_attribute_values(":configurations", text(CONFIGURATIONS))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true);
        let newest = query.into_paginator().items().send().next().await;
        newest.map(|item| item::document(queried(item)?)).transpose()
    }

    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>> {
        self.get(Key::configuration(environment, version)).await?.map(item::document).transpose()
    }

    /// Versions have no gaps: the one after the newest is the one that is not there after one that is.
    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool> {
        let Some(before) = published.version.checked_sub(1) else { return Ok(false) };
        let mut transaction = Transaction::new(&self.client, &self.table)
            .put(item::configuration(environment, published)?, Condition::absent())?;
        if before > 0 {
            transaction = transaction.check(Key::configuration(environment, before), Condition::present())?;
        }
        let fates = match transaction.write().await? {
            Outcome::Written => return Ok(true),
            Outcome::Cancelled(fates) => fates,
        };
        if fates.contains(&Fate::Contended) {
            return Err(transient(format!("configuration {} met another one", published.version)));
        }
        // A retry of the SDK can meet what its own first attempt wrote.
        Ok(self.configuration(environment).await?.as_ref() == Some(published))
    }

    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>> {
        self.get(Key::target(environment, service)).await?.map(item::document).transpose()
    }

    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        let Some(target) = self.target(environment, service).await? else { return Ok(false) };
        let bars = matches!(&target.barred, Barred::Version { version: barred, .. } if barred == version);
        if !bars || target.lease != Lease::Free {
            return Ok(false);
        }
        // A target that is free at this epoch and bar is the one that was read: only these writes change it.
        let condition = unchanged(Some(&target));
        let lifted = Target { barred: Barred::Nothing, ..target };
        match self.put_if(item::target(&lifted)?, condition).await? {
            Put::Written => Ok(true),
            // A retry of the SDK can meet what its own first attempt wrote.
            Put::Behind(Some(found)) => Ok(item::document::<Target>(found)? == lifted),
            Put::Behind(None) => Ok(self.target(environment, service).await?.as_ref() == Some(&lifted)),
        }
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.get(Key::rollout(id)).await?.map(item::document).transpose()
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        self.get(Key::execution(execution)).await?.map(item::rollout_id).transpose()
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        self.note_month(rollout).await?;
        let mut transaction = Transaction::new(&self.client, &self.table)
            .put(item::rollout(rollout)?, Condition::absent())?
            .put(item::record(record)?, Condition::absent())?
            .put(item::execution(&rollout.execution, &rollout.id)?, Condition::none())?;
        if !matches!(rollout.phase, Phase::Refused { .. }) {
            transaction = transaction.put(item::target(&rollout.target())?, unchanged(expected))?;
        }
        let fates = match transaction.write().await? {
            Outcome::Written => return Ok(Begun::Created),
            Outcome::Cancelled(fates) => fates,
        };
        if let Some(fate @ Fate::Failed(_)) = fates.first()
            && let Some(existing) = self.stored(fate, &rollout.id).await?
        {
            // A retry of the SDK can meet what its own first attempt wrote.
            return Ok(if existing == *rollout { Begun::Created } else { Begun::Exists(Box::new(existing)) });
        }
        match fates.get(3) {
            Some(Fate::Failed(Some(item))) => item::document(item.clone()).map(Begun::Busy),
            Some(Fate::Failed(None)) => {
                let plan = &rollout.plan;
                let found = self.target(&plan.environment, &plan.service).await?;
                Ok(Begun::Busy(found.unwrap_or_else(|| rollout.target())))
            }
            _ => Err(transient(contended(&rollout.id))),
        }
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        let same = Condition::when("version = :version", vec![(":version", number(before.version))]);
        let mut transaction = Transaction::new(&self.client, &self.table)
            .put(item::rollout(after)?, same)?
            .put(item::record(record)?, Condition::absent())?;
        if !before.phase.is_terminal() {
            transaction = transaction.put(item::target(&after.target())?, held(before))?;
            if let Some(ended) = Ended::of(after) {
                transaction = transaction.put(item::ended(after, &ended)?, Condition::none())?;
            }
        } else if after.pending.iter().any(|pending| matches!(pending.effect, Effect::TakeDown(_))) {
            let plan = &before.plan;
            transaction =
                transaction.check(Key::target(&plan.environment, &plan.service), free(before.epoch.0))?;
        }
        let fates = match transaction.write().await? {
            Outcome::Written => return Ok(()),
            Outcome::Cancelled(fates) => fates,
        };
        if let Some(fate @ Fate::Failed(_)) = fates.first()
            && self.stored(fate, &before.id).await?.is_some_and(|stored| stored == *after)
        {
            // A retry of the SDK met what its own first attempt wrote.
            return Ok(());
        }
        Err(CommitError::Conflict { id: before.id.clone() })
    }

    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.not_at_rest(key::active(environment)).await
    }

    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.not_at_rest(key::owing(environment)).await
    }

    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control> {
        Ok(self.stored_control(environment).await?.unwrap_or_default())
    }

    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool> {
        self.put_control(environment, control).await
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :records)")
            .expression_attribute_values(":pk", text(Key::rollout(id).pk))
            .expression_attribute_values(":records", text(RECORDS))
            .consistent_read(true);
        let mut items = query.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = items.next().await {
            records.push(item::document(queried(item)?)?);
        }
        Ok(records)
    }

    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        let mut found = Vec::new();
        for month in self.months(environment).await? {
            if found.len() >= limit {
                break;
            }
            found.extend(self.month(environment, &month, limit - found.len()).await?);
        }
        Ok(found)
    }
}
