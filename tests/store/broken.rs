//! Stores that break one promise each: the suite has to notice every one of them.

use std::sync::Arc;

use async_trait::async_trait;
use e2e::store_conformance;
use engine::history::Record;
use engine::ports::{Begun, CommitError, PortResult, Published, Store};
use local_stack::EmbeddedStore;
use rollout::{
    Barred, Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target, Version,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Kept: the wrapper itself breaks nothing.
    Every,
    PublishReplaces,
    PublishComparesTheVersion,
    PublishedAgainIsFine,
    ConfigurationsStayReadable,
    BarsAreLifted,
    BarsAreComparedWithTheVersion,
    BeginComparesWhatWasSeen,
    BeginComparesTheBar,
    BeginFindsWhatExists,
    CommitTellsConflicts,
    CommitComparesTheVersion,
    HistoryInOrder,
    NewestFirst,
    RecentIsLimited,
    RecentIsOfOneEnvironment,
    ExecutionsAreLinked,
    TargetsAreStored,
    ActiveIsOfOneEnvironment,
    ActiveHasWhatHasToBeTold,
    ActiveForgetsWhatRests,
    ActiveIsComplete,
    OwingIsOfOneEnvironment,
    OwingHasWhatWaits,
    OwingIsNotActive,
    ControlIsStored,
    ControlComparesTheVersion,
}

struct Broken {
    inner: EmbeddedStore,
    promise: Promise,
}

#[async_trait]
impl Store for Broken {
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>> {
        self.inner.configuration(environment).await
    }

    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>> {
        if self.promise == Promise::ConfigurationsStayReadable {
            let newest = self.inner.configuration(environment).await?;
            return Ok(newest.filter(|newest| newest.version == version));
        }
        self.inner.configuration_at(environment, version).await
    }

    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool> {
        let newest = self.inner.configuration(environment).await?.map_or(0, |newest| newest.version);
        match self.promise {
            Promise::PublishReplaces if newest > 0 => Ok(true),
            // Last writer wins.
            Promise::PublishComparesTheVersion => {
                let next = Published { version: newest + 1, ..published.clone() };
                self.inner.publish(environment, &next).await
            }
            Promise::PublishedAgainIsFine if newest == published.version => Ok(false),
            _ => self.inner.publish(environment, published).await,
        }
    }

    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        let barred = self.inner.target(environment, service).await?.map(|target| target.barred);
        match (self.promise, barred) {
            (Promise::BarsAreLifted, _) => Ok(true),
            (Promise::BarsAreComparedWithTheVersion, Some(Barred::Version { version, .. })) => {
                self.inner.lift_bar(environment, service, &version).await
            }
            _ => self.inner.lift_bar(environment, service, version).await,
        }
    }

    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>> {
        if self.promise == Promise::TargetsAreStored {
            return Ok(None);
        }
        self.inner.target(environment, service).await
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.inner.rollout(id).await
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        if self.promise == Promise::ExecutionsAreLinked {
            return Ok(None);
        }
        self.inner.rollout_of(execution).await
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        let stored = self.inner.target(&rollout.plan.environment, &rollout.plan.service).await?;
        let expected = match self.promise {
            Promise::BeginComparesWhatWasSeen => stored.clone(),
            Promise::BeginComparesTheBar => expected.cloned().map(|expected| {
                let barred = stored.as_ref().map_or(Barred::Nothing, |stored| stored.barred.clone());
                Target { barred, ..expected }
            }),
            _ => expected.cloned(),
        };
        match self.inner.begin(rollout, record, expected.as_ref()).await? {
            Begun::Exists(_) if self.promise == Promise::BeginFindsWhatExists => Ok(Begun::Created),
            begun => Ok(begun),
        }
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        match self.promise {
            Promise::CommitTellsConflicts => match self.inner.commit(before, after, record).await {
                Err(CommitError::Conflict { .. }) => Ok(()),
                other => other,
            },
            Promise::CommitComparesTheVersion => {
                // Last writer wins: whatever is stored counts as what was seen.
                let Some(stored) = self.inner.rollout(&before.id).await? else {
                    return self.inner.commit(before, after, record).await;
                };
                let after = Rollout { version: stored.version + 1, ..after.clone() };
                let record = Record { number: after.version, ..record.clone() };
                self.inner
                    .commit(&Rollout { version: stored.version, ..before.clone() }, &after, &record)
                    .await
            }
            _ => self.inner.commit(before, after, record).await,
        }
    }

    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        let mut active = self.inner.active(environment).await?;
        match self.promise {
            Promise::ActiveIsOfOneEnvironment => {
                let name = environment.as_str().strip_suffix("-2").unwrap_or(environment.as_str());
                return self.inner.active(&name.parse().unwrap()).await;
            }
            Promise::ActiveHasWhatHasToBeTold => active.retain(|rollout| !rollout.phase.is_terminal()),
            Promise::ActiveForgetsWhatRests => return self.inner.recent(environment, 100).await,
            // The first page only.
            Promise::ActiveIsComplete => active.truncate(20),
            _ => {}
        }
        Ok(active)
    }

    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        let mut owing = self.inner.owing(environment).await?;
        match self.promise {
            Promise::OwingIsOfOneEnvironment => {
                let name = environment.as_str().strip_suffix("-2").unwrap_or(environment.as_str());
                return self.inner.owing(&name.parse().unwrap()).await;
            }
            Promise::OwingHasWhatWaits => owing.retain(|rollout| !rollout.pending.is_empty()),
            Promise::OwingIsNotActive => owing.extend(self.inner.active(environment).await?),
            _ => {}
        }
        Ok(owing)
    }

    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control> {
        if self.promise == Promise::ControlIsStored {
            return Ok(Control::default());
        }
        self.inner.control(environment).await
    }

    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool> {
        if self.promise == Promise::ControlComparesTheVersion {
            // Last writer wins.
            let version = self.inner.control(environment).await?.version + 1;
            return self.inner.set_control(environment, &Control { version, ..control.clone() }).await;
        }
        self.inner.set_control(environment, control).await
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        let mut history = self.inner.history(id).await?;
        if self.promise == Promise::HistoryInOrder {
            // As a sort key without leading zeros would have it.
            history.sort_by_key(|record| record.number.to_string());
        }
        Ok(history)
    }

    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        match self.promise {
            Promise::NewestFirst => {
                let mut rollouts = self.inner.recent(environment, limit).await?;
                rollouts.reverse();
                Ok(rollouts)
            }
            Promise::RecentIsLimited => self.inner.recent(environment, usize::MAX).await,
            Promise::RecentIsOfOneEnvironment => {
                let name = environment.as_str().strip_suffix("-2").unwrap_or(environment.as_str());
                self.inner.recent(&name.parse().unwrap(), limit).await
            }
            _ => self.inner.recent(environment, limit).await,
        }
    }
}

async fn conforms(promise: Promise) -> bool {
    let store = Arc::new(Broken { inner: EmbeddedStore::in_memory().unwrap(), promise });
    tokio::spawn(store_conformance(store, "broken")).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_suite_notices_every_broken_promise() {
    assert!(conforms(Promise::Every).await);
    for promise in [
        Promise::PublishReplaces,
        Promise::PublishComparesTheVersion,
        Promise::PublishedAgainIsFine,
        Promise::ConfigurationsStayReadable,
        Promise::BarsAreLifted,
        Promise::BarsAreComparedWithTheVersion,
        Promise::BeginComparesTheBar,
        Promise::BeginComparesWhatWasSeen,
        Promise::BeginFindsWhatExists,
        Promise::CommitTellsConflicts,
        Promise::CommitComparesTheVersion,
        Promise::HistoryInOrder,
        Promise::NewestFirst,
        Promise::RecentIsLimited,
        Promise::RecentIsOfOneEnvironment,
        Promise::ExecutionsAreLinked,
        Promise::TargetsAreStored,
        Promise::ActiveIsOfOneEnvironment,
        Promise::ActiveHasWhatHasToBeTold,
        Promise::ActiveForgetsWhatRests,
        Promise::ActiveIsComplete,
        Promise::OwingIsOfOneEnvironment,
        Promise::OwingHasWhatWaits,
        Promise::OwingIsNotActive,
        Promise::ControlIsStored,
        Promise::ControlComparesTheVersion,
    ] {
        assert!(!conforms(promise).await, "{promise:?} is broken, and the suite did not notice");
    }
}
