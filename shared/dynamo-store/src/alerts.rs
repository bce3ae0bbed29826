//! The memory of alerts: subjects, rules that count over environments, groups, silences, circuits.
//!
//! What is to be looked at by a time, and every group that is open, has keys in the index [`ACTIVE_INDEX`]:
//! `gsi2pk` = `ALERTS#<home>`, `gsi2sk` = the time and the item. Items that nobody needs any more expire.

use alerting::{Across, ChannelName, Circuit, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use async_trait::async_trait;
use contract::{Due, DueOf};
use engine::ports::{AlertStore, PortResult};
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;

use crate::item::{self, Alerting, Item, text};
use crate::key::{self, ACTIVE_INDEX, Key, SILENCES};
use crate::store::{DynamoStore, after, queried};
use crate::write::Condition;

/// What nobody needs any more is kept for so long.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A circuit says nothing of a channel that has not failed for so long.
const CIRCUIT_KEPT: SignedDuration = SignedDuration::from_hours(24);

impl DynamoStore {
    /// The items of alerts that have something to be looked at until a time; without one, all of them.
    async fn listed(&self, home: &EnvironmentName, until: Option<Timestamp>) -> PortResult<Vec<Item>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(ACTIVE_INDEX)
            .expression_attribute_values(":partition", text(key::alerts(home)));
        let query = match until {
            None => query.key_condition_expression("gsi2pk = :partition"),
            Some(until) => query
                .key_condition_expression("gsi2pk = :partition AND gsi2sk < :until")
                // What is due at this very instant begins with it.
                .expression_attribute_values(":until", text(format!("{}$", key::sortable(until)))),
        };
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(queried(item)?);
        }
        Ok(found)
    }

    async fn put_whole(&self, item: Item) -> PortResult<()> {
        self.put_if(item, Condition::none()).await.map(drop)
    }
}

/// What of a list cannot be read is told in the log and left out: it must not keep the others from being told of.
fn readable<T>(home: &EnvironmentName, read: PortResult<T>) -> Option<T> {
    read.map_err(|error| tracing::error!(%home, %error, "a part of the memory of alerts is lost from view"))
        .ok()
}

#[async_trait]
impl AlertStore for DynamoStore {
    async fn watch(&self, home: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        self.get(Key::watch(home, subject)).await?.map(item::document).transpose()
    }

    async fn put_watch(&self, home: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        let key = Key::watch(home, &watch.subject);
        let due = watch.due.map(|at| Due { of: DueOf::Watch, key: watch.subject.to_string(), at });
        let expires = watch.is_quiet().then(|| after(watch.touched, KEPT));
        let alerting = Alerting { home, version: watch.version, due, open: false, expires };
        self.put_version(item::alerting(key.clone(), watch, alerting)?, watch.version, watch, key).await
    }

    async fn across(&self, home: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.get(Key::across(home, rule)).await?.map(item::document).transpose()
    }

    async fn put_across(&self, home: &EnvironmentName, across: &Across) -> PortResult<bool> {
        let key = Key::across(home, &across.rule);
        let due = across.due.map(|at| Due { of: DueOf::Across, key: across.rule.to_string(), at });
        let alerting = Alerting { home, version: across.version, due, open: false, expires: None };
        self.put_version(item::alerting(key.clone(), across, alerting)?, across.version, across, key).await
    }

    async fn group(&self, home: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        self.get(Key::group(home, id)).await?.map(item::document).transpose()
    }

    async fn put_group(&self, home: &EnvironmentName, group: &Group) -> PortResult<bool> {
        let key = Key::group(home, &group.id);
        let due = group.due.map(|at| Due { of: DueOf::Group, key: group.id.to_string(), at });
        let open = !group.is_closed();
        let expires = (!open).then(|| after(group.touched, KEPT));
        let alerting = Alerting { home, version: group.version, due, open, expires };
        self.put_version(item::alerting(key.clone(), group, alerting)?, group.version, group, key).await
    }

    async fn due(&self, home: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        let items = self.listed(home, Some(until)).await?;
        Ok(items.into_iter().filter_map(|item| readable(home, item::due(&item))).flatten().collect())
    }

    async fn open_groups(&self, home: &EnvironmentName) -> PortResult<Vec<Group>> {
        let items = self.listed(home, None).await?;
        let groups = items.into_iter().filter(item::is_open);
        Ok(groups.filter_map(|item| readable(home, item::document(item))).collect())
    }

    async fn silences(&self, home: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :silences)")
            .expression_attribute_values(":pk", text(key::alerts(home)))
            .expression_attribute_values(":silences", text(SILENCES))
            .consistent_read(true);
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.extend(readable(home, item::document(queried(item)?)));
        }
        Ok(found)
    }

    async fn put_silence(&self, home: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        let expires = Some(after(silence.until, KEPT));
        let alerting = Alerting { home, version: 0, due: None, open: false, expires };
        self.put_whole(item::alerting(Key::silence(home, &silence.id), silence, alerting)?).await
    }

    async fn circuit(&self, home: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        let stored = self.get(Key::circuit(home, channel)).await?.map(item::document).transpose()?;
        Ok(stored.unwrap_or_default())
    }

    async fn put_circuit(
        &self,
        home: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        let expires = circuit.open_until().map(|until| after(until, CIRCUIT_KEPT));
        let alerting = Alerting { home, version: 0, due: None, open: false, expires };
        self.put_whole(item::alerting(Key::circuit(home, channel), circuit, alerting)?).await
    }
}
