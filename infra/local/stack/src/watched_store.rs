//! A store that tells what was stored.

use std::sync::Arc;

use async_trait::async_trait;
use engine::history::Record;
use engine::ports::{Begun, Clock, CommitError, PortResult, Published, Store};
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target, Version};

use crate::update::{Update, Updates};

/// The stack's store, with a listener.
pub(crate) struct WatchedStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) updates: Updates,
    pub(crate) clock: Arc<dyn Clock>,
}

impl WatchedStore {
    fn tell(&self, rollout: &Rollout, record: &Record) {
        self.updates.send(Update::Stored {
            at: self.clock.now(),
            rollout: Box::new(rollout.clone()),
            record: Box::new(record.clone()),
        });
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>> {
        self.inner.configuration(environment).await
    }

    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>> {
        self.inner.configuration_at(environment, version).await
    }

    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool> {
        self.inner.publish(environment, published).await
    }

    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>> {
        self.inner.target(environment, service).await
    }

    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        self.inner.lift_bar(environment, service, version).await
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.inner.rollout(id).await
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        self.inner.rollout_of(execution).await
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        let begun = self.inner.begin(rollout, record, expected).await?;
        if begun == Begun::Created {
            self.tell(rollout, record);
        }
        Ok(begun)
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        self.inner.commit(before, after, record).await?;
        self.tell(after, record);
        Ok(())
    }

    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.inner.active(environment).await
    }

    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.inner.owing(environment).await
    }

    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control> {
        self.inner.control(environment).await
    }

    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool> {
        self.inner.set_control(environment, control).await
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        self.inner.history(id).await
    }

    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        self.inner.recent(environment, limit).await
    }
}
