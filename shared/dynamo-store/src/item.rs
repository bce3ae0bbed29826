//! Documents to items and back.
//!
//! A document is stored as JSON text and not as DynamoDB's own maps: DynamoDB refuses numbers nearer to zero than
//! 1E-130 and keeps 38 digits (Amazon DynamoDB Developer Guide, "Supported data types"), and a p-value that could not
//! be stored would be a rollback that is lost. As text a document also comes back as it was, which the hashes of the
//! history need.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::Due;
use engine::history::Record;
use engine::ports::{Ended, PortResult, Published};
use jiff::Timestamp;
use rollout::{
    Barred, Bucket, Control, EnvironmentName, ExecutionArn, LEASE, Lease, Rollout, RolloutId, Share,
    Standing, Target, Version,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::unreadable;
use crate::key::{self, Key};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The form of the items that this version writes and reads.
pub(crate) const SCHEMA: u32 = 1;

/// An item with all attributes that it can have; further ones are left alone when it is read.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Envelope {
    pk: String,
    sk: String,
    schema: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout_id: Option<RolloutId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_holder: Option<RolloutId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    barred: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi1sk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2pk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gsi2sk: Option<String>,
    /// What an alert's item is to be looked at for, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    /// Whether it is a group of alerts that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    /// Seconds since 1970 after which the item may be deleted (Amazon DynamoDB Developer Guide, "Using time to live").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl Envelope {
    fn new(key: Key) -> Self {
        Self { pk: key.pk, sk: key.sk, schema: SCHEMA, ..Self::default() }
    }

    fn of<T: Serialize>(key: Key, document: &T) -> PortResult<Self> {
        let text = serde_json::to_string(document).map_err(|error| unreadable(&key, error))?;
        Ok(Self { document: Some(text), ..Self::new(key) })
    }

    fn seal(self) -> PortResult<Item> {
        let key = self.key();
        serde_dynamo::to_item(self).map_err(|error| unreadable(&key, error))
    }

    fn open(item: Item) -> PortResult<Self> {
        let part =
            |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let key = Key { pk: part("pk"), sk: part("sk") };
        let envelope: Self = serde_dynamo::from_item(item).map_err(|error| unreadable(&key, error))?;
        if envelope.schema == SCHEMA {
            Ok(envelope)
        } else {
            Err(unreadable(&key, format_args!("its schema is {} and not {SCHEMA}", envelope.schema)))
        }
    }

    fn key(&self) -> Key {
        Key { pk: self.pk.clone(), sk: self.sk.clone() }
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The document of an item.
pub(crate) fn document<T: DeserializeOwned>(item: Item) -> PortResult<T> {
    let envelope = Envelope::open(item)?;
    let text =
        envelope.document.as_deref().ok_or_else(|| unreadable(&envelope.key(), "it has no document"))?;
    serde_json::from_str(text).map_err(|error| unreadable(&envelope.key(), error))
}

/// The API budget as it is stored: the bucket, and the calls that rollbacks have noted since it was written.
#[derive(Debug, Default)]
pub(crate) struct StoredBudget {
    bucket: Option<Bucket>,
    pub(crate) owed: Option<u64>,
    owed_at: Option<Timestamp>,
}

impl StoredBudget {
    /// What an item says.
    pub(crate) fn of(item: Item) -> PortResult<Self> {
        let envelope = Envelope::open(item)?;
        let read = |text: &String| serde_json::from_str(text);
        let bucket = envelope.document.as_ref().map(read).transpose();
        Ok(Self {
            bucket: bucket.map_err(|error| unreadable(&envelope.key(), error))?,
            owed: envelope.owed,
            owed_at: envelope.owed_at,
        })
    }

    /// The version of the bucket; `None` where none was written yet.
    pub(crate) fn version(&self) -> Option<u64> {
        self.bucket.map(|bucket| bucket.version)
    }

    /// The bucket with all that is owed taken out of it, as if it had been taken when the last of it was.
    pub(crate) fn bucket(&self, now: Timestamp, share: Share) -> Bucket {
        let at = self.owed_at.unwrap_or(now);
        let bucket = self.bucket.unwrap_or_else(|| Bucket::full(at, share));
        (0..self.owed.unwrap_or(0)).fold(bucket, |bucket, _| bucket.spent(at, share))
    }
}

/// The rollout that an execution's item names.
pub(crate) fn rollout_id(item: Item) -> PortResult<RolloutId> {
    let envelope = Envelope::open(item)?;
    let key = envelope.key();
    envelope.rollout_id.ok_or_else(|| unreadable(&key, "it has no rollout_id"))
}

pub(crate) fn configuration(environment: &EnvironmentName, published: &Published) -> PortResult<Item> {
    let envelope = Envelope::of(Key::configuration(environment, published.version), published)?;
    Envelope { version: Some(published.version), ..envelope }.seal()
}

pub(crate) fn control(environment: &EnvironmentName, control: &Control) -> PortResult<Item> {
    let envelope = Envelope::of(Key::control(environment), control)?;
    Envelope { version: Some(control.version), ..envelope }.seal()
}

pub(crate) fn budget(environment: &EnvironmentName, bucket: &Bucket) -> PortResult<Item> {
    let envelope = Envelope::of(Key::budget(environment), bucket)?;
    Envelope { version: Some(bucket.version), ..envelope }.seal()
}

pub(crate) fn record(record: &Record) -> PortResult<Item> {
    Envelope::of(Key::record(&record.rollout, record.number), record)?.seal()
}

pub(crate) fn target(target: &Target) -> PortResult<Item> {
    let lease_holder = match &target.lease {
        Lease::Held { by, .. } => Some(by.clone()),
        Lease::Free => None,
    };
    let envelope = Envelope::of(Key::target(&target.environment, &target.service), target)?;
    let barred = match &target.barred {
        Barred::Version { version, .. } => Some(version.clone()),
        Barred::Nothing => None,
    };
    Envelope { epoch: Some(target.epoch.0), lease_holder, barred, ..envelope }.seal()
}

/// How this rollout ended.
pub(crate) fn ended(rollout: &Rollout, ended: &Ended) -> PortResult<Item> {
    let plan = &rollout.plan;
    Envelope::of(Key::ended(&plan.environment, &plan.service, ended.at, &ended.rollout), ended)?.seal()
}

pub(crate) fn rollout(rollout: &Rollout) -> PortResult<Item> {
    let environment = &rollout.plan.environment;
    let started = key::sortable(rollout.started_at);
    let lease_ends = key::sortable(LEASE.after(rollout.updated_at));
    let list = match rollout.standing() {
        Standing::Active => Some(key::active(environment)),
        Standing::Owing => Some(key::owing(environment)),
        Standing::AtRest => None,
    };
    Envelope {
        version: Some(rollout.version),
        epoch: Some(rollout.epoch.0),
        phase: Some(rollout.phase.name().to_owned()),
        gsi1pk: Some(key::recent(environment, &key::month(rollout.started_at))),
        gsi1sk: Some(format!("{started}#{}", rollout.id)),
        gsi2sk: list.as_ref().map(|_| format!("{lease_ends}#{}", rollout.id)),
        gsi2pk: list,
        ..Envelope::of(Key::rollout(&rollout.id), rollout)?
    }
    .seal()
}

pub(crate) fn execution(execution: &ExecutionArn, id: &RolloutId) -> PortResult<Item> {
    Envelope { rollout_id: Some(id.clone()), ..Envelope::new(Key::execution(execution)) }.seal()
}

/// What an item of alerts has beside its document.
pub(crate) struct Alerting<'a> {
    pub(crate) home: &'a EnvironmentName,
    /// 0 where it has none.
    pub(crate) version: u64,
    pub(crate) due: Option<Due>,
    pub(crate) open: bool,
    pub(crate) expires: Option<Timestamp>,
}

/// An item of alerts.
pub(crate) fn alerting<T: Serialize>(key: Key, document: &T, with: Alerting<'_>) -> PortResult<Item> {
    let Alerting { home, version, due, open, expires } = with;
    // What is open and not due has no time.
    let place = match &due {
        Some(due) => Some(format!("{}#{key}", key::sortable(due.at))),
        None => open.then(|| format!("~#{key}")),
    };
    let written = due.map(|due| serde_json::to_string(&due)).transpose();
    let due = written.map_err(|error| unreadable(&key, error))?;
    let envelope = Envelope {
        version: (version > 0).then_some(version),
        gsi2pk: place.is_some().then(|| key::alerts(home)),
        gsi2sk: place,
        due,
        open: open.then_some(true),
        expires_at: expires.map(Timestamp::as_second),
        ..Envelope::of(key, document)?
    };
    envelope.seal()
}

/// An item with a version, 0 where it has none, and an end, where it has one.
pub(crate) fn versioned<T: Serialize>(
    key: Key,
    document: &T,
    version: u64,
    expires: Option<Timestamp>,
) -> PortResult<Item> {
    let (version, expires_at) = ((version > 0).then_some(version), expires.map(Timestamp::as_second));
    Envelope { version, expires_at, ..Envelope::of(key, document)? }.seal()
}

/// What an item of alerts is to be looked at for.
pub(crate) fn due(item: &Item) -> PortResult<Option<Due>> {
    let envelope = Envelope::open(item.clone())?;
    let read = envelope.due.as_ref().map(|text| serde_json::from_str(text)).transpose();
    read.map_err(|error| unreadable(&envelope.key(), error))
}

/// Whether an item is a group of alerts that is open.
pub(crate) fn is_open(item: &Item) -> bool {
    item.get("open").and_then(|open| open.as_bool().ok()).copied().unwrap_or_default()
}
