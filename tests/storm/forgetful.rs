//! A store without conditions: the last writer wins. What the storm is for.

use std::sync::Arc;

use async_trait::async_trait;
use engine::history::Record;
use engine::ports::{Begun, CommitError, PortResult, Published, Store};
use local_stack::Ports;
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target, Version};

/// These ports over such a store.
pub fn forgetful(ports: &Ports) -> Ports {
    Ports { store: Arc::new(Forgetful(Arc::clone(&ports.store))), ..ports.clone() }
}

struct Forgetful(Arc<dyn Store>);

#[async_trait]
impl Store for Forgetful {
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>> {
        self.0.configuration(environment).await
    }

    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>> {
        self.0.configuration_at(environment, version).await
    }

    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool> {
        self.0.publish(environment, published).await
    }

    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>> {
        self.0.target(environment, service).await
    }

    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        self.0.lift_bar(environment, service, version).await
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.0.rollout(id).await
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        self.0.rollout_of(execution).await
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        self.0.begin(rollout, record, expected).await
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        // Whatever is stored counts as what was seen.
        let Some(stored) = self.0.rollout(&before.id).await? else {
            return self.0.commit(before, after, record).await;
        };
        let mut after = Rollout { version: stored.version + 1, ..after.clone() };
        let record = Record::new(&after, record.event.clone(), &stored.head);
        after.head.clone_from(&record.hash);
        self.0.commit(&stored, &after, &record).await
    }

    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.0.active(environment).await
    }

    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.0.owing(environment).await
    }

    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control> {
        self.0.control(environment).await
    }

    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool> {
        self.0.set_control(environment, control).await
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        self.0.history(id).await
    }

    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        self.0.recent(environment, limit).await
    }
}
