//! A vault in memory that keeps Secrets Manager's rules on versions and labels, and a clock that is set.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::ports::Clock;
use jiff::Timestamp;
use rollout::Seconds;
use tokio::sync::Semaphore;

use crate::*;

pub(super) fn name() -> SecretName {
    SecretName::of(&"staging".parse().unwrap())
}

pub(super) fn key(text: &str) -> Key {
    text.parse().unwrap()
}

pub(super) fn values(password: &str) -> Values {
    let mut values = Values::default();
    values.set(key("database.password"), Secret::new(password.to_owned())).unwrap();
    values
}

pub(super) fn version(number: usize) -> VersionId {
    format!("00000000-0000-0000-0000-{number:012}").parse().unwrap()
}

pub(super) fn outage() -> VaultError {
    VaultError::Unavailable { name: name(), detail: "no connection".to_owned() }
}

pub(super) fn denied() -> VaultError {
    VaultError::Denied { name: name(), detail: "not you".to_owned() }
}

#[derive(Default)]
pub(super) struct Kept {
    pub(super) versions: BTreeMap<VersionId, Values>,
    pub(super) stages: BTreeMap<Stage, VersionId>,
    pub(super) failure: Option<VaultError>,
    /// A put does its work and its answer is lost.
    pub(super) lose_answers: bool,
}

pub(super) struct Memory {
    pub(super) kept: Mutex<Kept>,
    pub(super) reads: AtomicUsize,
    under_way: AtomicUsize,
    pub(super) most_under_way: AtomicUsize,
    /// A read takes one of these before it answers, and gives it back.
    pub(super) gate: Semaphore,
}

impl Memory {
    /// With one version, number 1, whose password is "first", and an open gate.
    pub(super) fn new() -> Arc<Self> {
        let kept = Kept {
            versions: BTreeMap::from([(version(1), values("first"))]),
            stages: BTreeMap::from([(Stage::Current, version(1))]),
            ..Kept::default()
        };
        Arc::new(Self {
            kept: Mutex::new(kept),
            reads: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            gate: Semaphore::new(1),
        })
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(super) fn fail(&self, failure: Option<VaultError>) {
        self.kept.lock().unwrap().failure = failure;
    }

    pub(super) fn stage(&self, stage: Stage) -> Option<VersionId> {
        self.kept.lock().unwrap().stages.get(&stage).cloned()
    }

    /// As somebody else would, behind the cache's back.
    pub(super) fn set(&self, id: VersionId, password: &str) {
        let mut kept = self.kept.lock().unwrap();
        kept.versions.insert(id.clone(), values(password));
        kept.stages.insert(Stage::Current, id);
    }
}

fn check(kept: &Kept) -> VaultResult<()> {
    kept.failure.clone().map_or(Ok(()), Err)
}

fn make_current(kept: &mut Kept, id: &VersionId) {
    if let Some(before) = kept.stages.insert(Stage::Current, id.clone())
        && before != *id
    {
        kept.stages.insert(Stage::Previous, before);
    }
}

#[async_trait]
impl Vault for Memory {
    async fn get(&self, name: &SecretName, stage: Stage) -> VaultResult<Version> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        // What is read is what was there when the call came, however late its answer is.
        let result = {
            let kept = self.kept.lock().unwrap();
            check(&kept).and_then(|()| {
                let gone = VaultError::NotFound { name: name.clone(), detail: stage.label().to_owned() };
                let id = kept.stages.get(&stage).cloned().ok_or(gone)?;
                let values = Arc::new(kept.versions[&id].clone());
                Ok(Version { id, values })
            })
        };
        drop(self.gate.acquire().await.unwrap());
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn create(&self, name: &SecretName, _: &Values) -> VaultResult<VersionId> {
        Err(VaultError::Taken { name: name.clone(), detail: "it exists".to_owned() })
    }

    async fn put(
        &self,
        name: &SecretName,
        values: &Values,
        as_: PutAs,
        version: Option<&VersionId>,
    ) -> VaultResult<VersionId> {
        let mut kept = self.kept.lock().unwrap();
        check(&kept)?;
        let id = version.cloned().unwrap_or_else(|| super::world::version(100 + kept.versions.len()));
        if let Some(there) = kept.versions.get(&id) {
            return if there == values {
                Ok(id)
            } else {
                Err(VaultError::Taken { name: name.clone(), detail: "other values".to_owned() })
            };
        }
        kept.versions.insert(id.clone(), values.clone());
        match as_ {
            PutAs::Current => make_current(&mut kept, &id),
            PutAs::Pending => drop(kept.stages.insert(Stage::Pending, id.clone())),
        }
        if kept.lose_answers { Err(outage()) } else { Ok(id) }
    }

    async fn replace(
        &self,
        name: &SecretName,
        values: &Values,
        read: &VersionId,
        version: &VersionId,
    ) -> VaultResult<()> {
        let mut kept = self.kept.lock().unwrap();
        check(&kept)?;
        if kept.stages.get(&Stage::Current) != Some(read) {
            return Err(VaultError::Changed { name: name.clone() });
        }
        kept.versions.insert(version.clone(), values.clone());
        make_current(&mut kept, version);
        Ok(())
    }

    async fn promote(
        &self,
        name: &SecretName,
        version: &VersionId,
        from: Option<&VersionId>,
    ) -> VaultResult<()> {
        let mut kept = self.kept.lock().unwrap();
        check(&kept)?;
        if kept.stages.get(&Stage::Current) != from {
            return Err(VaultError::Changed { name: name.clone() });
        }
        make_current(&mut kept, version);
        Ok(())
    }

    async fn withdraw(&self, name: &SecretName, version: &VersionId) -> VaultResult<()> {
        let mut kept = self.kept.lock().unwrap();
        check(&kept)?;
        if kept.stages.get(&Stage::Pending) != Some(version) {
            return Err(VaultError::Refused { name: name.clone(), detail: "it is not pending".to_owned() });
        }
        kept.stages.remove(&Stage::Pending);
        Ok(())
    }

    async fn describe(&self, _: &SecretName) -> VaultResult<Description> {
        let kept = self.kept.lock().unwrap();
        check(&kept)?;
        Ok(Description { stages: kept.stages.clone(), changed: None, rotated: None, deleted: None })
    }
}

pub(super) struct SetClock(Mutex<Timestamp>);

impl SetClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-01-02T03:04:05Z".parse().unwrap())))
    }

    pub(super) fn forward(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    pub(super) fn back(&self, seconds: u64) {
        *self.0.lock().unwrap() -= Duration::from_secs(seconds);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn pause(&self, _: Seconds) {}
}

pub(super) struct World {
    pub(super) vault: Arc<Memory>,
    pub(super) clock: Arc<SetClock>,
    pub(super) cache: Arc<Cache>,
}

impl World {
    pub(super) fn new() -> Self {
        let (vault, clock) = (Memory::new(), SetClock::new());
        let cache = Arc::new(Cache::new(vault.clone(), clock.clone(), CacheRules::default()));
        Self { vault, clock, cache }
    }

    pub(super) async fn read(&self) -> VaultResult<Answer> {
        self.cache.read(&name()).await
    }

    /// The password that a reader gets.
    pub(super) async fn password(&self) -> String {
        password(&self.read().await.unwrap()).to_owned()
    }
}

pub(super) fn password(answer: &Answer) -> &str {
    answer.secret(&key("database.password")).unwrap().expose()
}
