//! The store port on a file of this machine: the same items and conditions as the DynamoDB table's, in one redb
//! transaction each.

use std::path::Path;

use async_trait::async_trait;
use engine::history::Record;
use engine::ports::{Begun, CommitError, PortError, PortResult, Published, Store};
use jiff::Timestamp;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, backends::InMemoryBackend};
use rollout::{
    Barred, Control, Effect, EnvironmentName, ExecutionArn, Lease, Phase, Rollout, RolloutId, ServiceName,
    Standing, Target, Version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::alert_store::ALERTS;
use crate::cost_store::COSTS;

type Bytes = &'static [u8];
/// By environment and version.
const CONFIGURATIONS: TableDefinition<'_, (&str, u64), Bytes> = TableDefinition::new("published");
const TARGETS: TableDefinition<'_, (&str, &str), Bytes> = TableDefinition::new("targets");
const ROLLOUTS: TableDefinition<'_, &str, Bytes> = TableDefinition::new("rollouts");
const RECORDS: TableDefinition<'_, (&str, u64), Bytes> = TableDefinition::new("records");
/// By environment.
const CONTROLS: TableDefinition<'_, &str, Bytes> = TableDefinition::new("controls");
const EXECUTIONS: TableDefinition<'_, &str, &str> = TableDefinition::new("executions");
/// Environment, start in nanoseconds since 1970, rollout: in the order of their starts.
const RECENT: TableDefinition<'_, (&str, i128, &str), ()> = TableDefinition::new("recent");
/// The newest time of a record or of an alert's change, in nanoseconds since 1970.
const NEWEST: TableDefinition<'_, (), i128> = TableDefinition::new("newest");

/// A store that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder could not be made.
    #[error(
        "cannot make the folder of the store {path}: {reason}; name a folder that you may write with --store"
    )]
    Folder {
        /// The store's file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another process has it open.
    #[error(
        "the store {path} is in use: wait until the other ace has ended, or name another file with --store"
    )]
    InUse {
        /// The store's file.
        path: String,
    },
    /// It is no store, or cannot be read.
    #[error("cannot open the store {path}: {reason}; name another file with --store")]
    Database {
        /// The store's file.
        path: String,
        /// Why.
        reason: String,
    },
}

/// The embedded store.
pub struct EmbeddedStore {
    pub(crate) database: Database,
}

impl EmbeddedStore {
    /// Opens the store in a file, and makes it if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = || path.display().to_string();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| OpenError::Folder { path: name(), reason: error.to_string() })?;
        }
        let failed = |reason: String| OpenError::Database { path: name(), reason };
        let database = Database::create(path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path: name() },
            other => failed(other.to_string()),
        })?;
        Self::with_tables(database).map_err(|error| failed(error.to_string()))
    }

    /// A store that is forgotten with the process.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn in_memory() -> Result<Self, OpenError> {
        let failed = |error: String| OpenError::Database { path: "in memory".to_owned(), reason: error };
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| failed(error.to_string()))?;
        Self::with_tables(database).map_err(|error| failed(error.to_string()))
    }

    /// The time in the stack when it is `now` on this machine: a stack whose clock was faster is ahead of it, and nothing
    /// may happen there before what has happened.
    ///
    /// # Errors
    /// [`PortError`], where the store cannot be read.
    pub fn time(&self, now: Timestamp) -> PortResult<Timestamp> {
        let read = self.database.begin_read().map_err(broken)?;
        let newest = read.open_table(NEWEST).map_err(broken)?.get(()).map_err(broken)?;
        let newest = newest.and_then(|newest| Timestamp::from_nanosecond(newest.value()).ok());
        Ok(newest.map_or(now, |newest| newest.max(now)))
    }

    fn with_tables(database: Database) -> Result<Self, redb::Error> {
        let write = database.begin_write()?;
        write.open_table(CONFIGURATIONS)?;
        write.open_table(TARGETS)?;
        write.open_table(ROLLOUTS)?;
        write.open_table(RECORDS)?;
        write.open_table(EXECUTIONS)?;
        write.open_table(CONTROLS)?;
        write.open_table(RECENT)?;
        write.open_table(NEWEST)?;
        write.open_table(ALERTS)?;
        write.open_table(COSTS)?;
        write.commit()?;
        Ok(Self { database })
    }

    fn read<T: DeserializeOwned, K: redb::Key + 'static>(
        &self,
        table: TableDefinition<'_, K, Bytes>,
        key: K::SelfType<'_>,
    ) -> PortResult<Option<T>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(table).map_err(broken)?;
        table.get(key).map_err(broken)?.map(|bytes| decode(bytes.value())).transpose()
    }

    fn standing(&self, environment: &EnvironmentName, standing: Standing) -> PortResult<Vec<Rollout>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(ROLLOUTS).map_err(broken)?;
        let mut found = Vec::new();
        for entry in table.iter().map_err(broken)? {
            let rollout: Rollout = decode(entry.map_err(broken)?.1.value())?;
            if rollout.plan.environment == *environment && rollout.standing() == standing {
                found.push(rollout);
            }
        }
        Ok(found)
    }
}

/// Nothing may happen later on before this.
pub(crate) fn no_earlier(transaction: &redb::WriteTransaction, at: Timestamp) -> PortResult<()> {
    let at = at.as_nanosecond();
    let mut newest = transaction.open_table(NEWEST).map_err(broken)?;
    let before = newest.get(()).map_err(broken)?.map(|before| before.value());
    if before.is_none_or(|before| before < at) {
        newest.insert((), at).map_err(broken)?;
    }
    Ok(())
}

pub(crate) fn broken(error: impl Into<redb::Error>) -> PortError {
    permanent(&error.into().to_string())
}

fn permanent(detail: &str) -> PortError {
    PortError::Permanent {
        service: "the embedded store",
        detail: detail.to_owned(),
        remedy: "start over with another file (--store)".to_owned(),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> PortResult<T> {
    serde_json::from_slice(bytes).map_err(|error| permanent(&format!("an item does not parse: {error}")))
}

pub(crate) fn encode<T: Serialize>(item: &T) -> PortResult<Vec<u8>> {
    serde_json::to_vec(item).map_err(|error| permanent(&format!("an item does not serialise: {error}")))
}

/// The writes of one transaction, made from values so that a closure over them reads as what is written.
struct Writes<'t> {
    transaction: &'t redb::WriteTransaction,
}

impl Writes<'_> {
    fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        let table = self.transaction.open_table(ROLLOUTS).map_err(broken)?;
        let found = table.get(id.as_str()).map_err(broken)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    fn target(&self, rollout: &Rollout) -> PortResult<Option<Target>> {
        let table = self.transaction.open_table(TARGETS).map_err(broken)?;
        let found = table.get(key(rollout)).map_err(broken)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    fn put_rollout(&self, rollout: &Rollout) -> PortResult<()> {
        let mut table = self.transaction.open_table(ROLLOUTS).map_err(broken)?;
        table.insert(rollout.id.as_str(), encode(rollout)?.as_slice()).map_err(broken)?;
        Ok(())
    }

    fn put_target(&self, rollout: &Rollout) -> PortResult<()> {
        let mut table = self.transaction.open_table(TARGETS).map_err(broken)?;
        table.insert(key(rollout), encode(&rollout.target())?.as_slice()).map_err(broken)?;
        Ok(())
    }

    /// `false` when the record's number is taken.
    fn put_record(&self, record: &Record) -> PortResult<bool> {
        let mut table = self.transaction.open_table(RECORDS).map_err(broken)?;
        let key = (record.rollout.as_str(), record.number);
        if table.get(key).map_err(broken)?.is_some() {
            return Ok(false);
        }
        table.insert(key, encode(record)?.as_slice()).map_err(broken)?;
        no_earlier(self.transaction, record.event.at())?;
        Ok(true)
    }

    fn index(&self, rollout: &Rollout) -> PortResult<()> {
        let mut executions = self.transaction.open_table(EXECUTIONS).map_err(broken)?;
        executions.insert(rollout.execution.as_str(), rollout.id.as_str()).map_err(broken)?;
        let mut recent = self.transaction.open_table(RECENT).map_err(broken)?;
        let started = rollout.started_at.as_nanosecond();
        recent
            .insert((rollout.plan.environment.as_str(), started, rollout.id.as_str()), ())
            .map_err(broken)?;
        Ok(())
    }
}

fn key(rollout: &Rollout) -> (&str, &str) {
    (rollout.plan.environment.as_str(), rollout.plan.service.as_str())
}

/// Whether the target is where a rollout that still moves traffic needs it.
fn holds(target: &Target, rollout: &Rollout) -> bool {
    let held = matches!(&target.lease, Lease::Held { by, .. } if *by == rollout.id);
    target.epoch == rollout.epoch && held
}

fn bars(target: &Target, version: &Version) -> bool {
    matches!(&target.barred, Barred::Version { version: barred, .. } if barred == version)
}

/// The newest published configuration of an environment.
fn newest(
    table: &impl ReadableTable<(&'static str, u64), Bytes>,
    environment: &EnvironmentName,
) -> PortResult<Option<Published>> {
    let name = environment.as_str();
    let last = table.range((name, 0)..=(name, u64::MAX)).map_err(broken)?.next_back();
    last.map(|entry| decode(entry.map_err(broken)?.1.value())).transpose()
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>> {
        let read = self.database.begin_read().map_err(broken)?;
        newest(&read.open_table(CONFIGURATIONS).map_err(broken)?, environment)
    }

    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>> {
        self.read(CONFIGURATIONS, (environment.as_str(), version))
    }

    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool> {
        let write = self.database.begin_write().map_err(broken)?;
        {
            let mut table = write.open_table(CONFIGURATIONS).map_err(broken)?;
            let newest = newest(&table, environment)?;
            if newest.as_ref() == Some(published) {
                return Ok(true);
            }
            if newest.map_or(0, |newest| newest.version) + 1 != published.version {
                return Ok(false);
            }
            let key = (environment.as_str(), published.version);
            table.insert(key, encode(published)?.as_slice()).map_err(broken)?;
        }
        write.commit().map_err(broken)?;
        Ok(true)
    }

    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>> {
        self.read(TARGETS, (environment.as_str(), service.as_str()))
    }

    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        let key = (environment.as_str(), service.as_str());
        let write = self.database.begin_write().map_err(broken)?;
        {
            let mut table = write.open_table(TARGETS).map_err(broken)?;
            let stored: Option<Target> = {
                let found = table.get(key).map_err(broken)?;
                found.map(|bytes| decode(bytes.value())).transpose()?
            };
            let Some(target) = stored.filter(|target| bars(target, version) && target.lease == Lease::Free)
            else {
                return Ok(false);
            };
            let lifted = Target { barred: Barred::Nothing, ..target };
            table.insert(key, encode(&lifted)?.as_slice()).map_err(broken)?;
        }
        write.commit().map_err(broken)?;
        Ok(true)
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.read(ROLLOUTS, id.as_str())
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(EXECUTIONS).map_err(broken)?;
        let found = table.get(execution.as_str()).map_err(broken)?;
        found
            .map(|id| id.value().parse().map_err(|error: rollout::InvalidName| permanent(&error.to_string())))
            .transpose()
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        let transaction = self.database.begin_write().map_err(broken)?;
        {
            let writes = Writes { transaction: &transaction };
            if let Some(existing) = writes.rollout(&rollout.id)? {
                return Ok(Begun::Exists(Box::new(existing)));
            }
            if !matches!(rollout.phase, Phase::Refused { .. }) {
                let stored = writes.target(rollout)?;
                let same = match (&stored, expected) {
                    (None, None) => true,
                    (Some(stored), Some(expected)) => {
                        stored.epoch == expected.epoch
                            && stored.barred == expected.barred
                            && stored.lease == Lease::Free
                    }
                    (None, Some(_)) | (Some(_), None) => false,
                };
                if !same {
                    return Ok(Begun::Busy(stored.unwrap_or_else(|| rollout.target())));
                }
                writes.put_target(rollout)?;
            }
            writes.put_rollout(rollout)?;
            writes.put_record(record)?;
            writes.index(rollout)?;
        }
        transaction.commit().map_err(broken)?;
        Ok(Begun::Created)
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        let conflict = || CommitError::Conflict { id: before.id.clone() };
        let transaction = self.database.begin_write().map_err(broken)?;
        {
            let writes = Writes { transaction: &transaction };
            let stored = writes.rollout(&before.id)?;
            if stored.is_none_or(|stored| stored.version != before.version) {
                return Err(conflict());
            }
            let target = writes.target(before)?;
            if !before.phase.is_terminal() {
                if !target.is_some_and(|target| holds(&target, before)) {
                    return Err(conflict());
                }
                writes.put_target(after)?;
            } else if after.pending.iter().any(|pending| matches!(pending.effect, Effect::TakeDown(_))) {
                let free = |target: Target| target.epoch == before.epoch && target.lease == Lease::Free;
                if !target.is_some_and(free) {
                    return Err(conflict());
                }
            }
            if !writes.put_record(record)? {
                return Err(conflict());
            }
            writes.put_rollout(after)?;
        }
        transaction.commit().map_err(broken)?;
        Ok(())
    }

    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.standing(environment, Standing::Active)
    }

    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.standing(environment, Standing::Owing)
    }

    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control> {
        Ok(self.read(CONTROLS, environment.as_str())?.unwrap_or_default())
    }

    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool> {
        let transaction = self.database.begin_write().map_err(broken)?;
        {
            let mut table = transaction.open_table(CONTROLS).map_err(broken)?;
            let stored: Option<Control> = {
                let found = table.get(environment.as_str()).map_err(broken)?;
                found.map(|bytes| decode(bytes.value())).transpose()?
            };
            if stored.unwrap_or_default().version + 1 != control.version {
                return Ok(false);
            }
            table.insert(environment.as_str(), encode(control)?.as_slice()).map_err(broken)?;
        }
        transaction.commit().map_err(broken)?;
        Ok(true)
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(RECORDS).map_err(broken)?;
        let range = table.range((id.as_str(), 0)..=(id.as_str(), u64::MAX)).map_err(broken)?;
        range.map(|entry| decode(entry.map_err(broken)?.1.value())).collect()
    }

    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        let read = self.database.begin_read().map_err(broken)?;
        let recent = read.open_table(RECENT).map_err(broken)?;
        let rollouts = read.open_table(ROLLOUTS).map_err(broken)?;
        let name = environment.as_str();
        let mut newest = Vec::new();
        for entry in recent.iter().map_err(broken)?.rev() {
            let (key, ()) = entry.map(|(key, value)| (key, value.value())).map_err(broken)?;
            let (of, _, id) = key.value();
            if of != name {
                continue;
            }
            if newest.len() >= limit {
                break;
            }
            if let Some(bytes) = rollouts.get(id).map_err(broken)? {
                newest.push(decode(bytes.value())?);
            }
        }
        Ok(newest)
    }
}
