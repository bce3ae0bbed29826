//! A stack in which nothing is rolled out: it has a configuration and no rollout, and none can begin. Rollouts of other
//! environments are heard of by events.

use async_trait::async_trait;
use engine::history::Record;
use engine::ports::{Begun, CommitError, PortError, PortResult, Published, Store};
use rollout::{Control, EnvironmentName, ExecutionArn, Rollout, RolloutId, ServiceName, Target, Version};

use crate::Town;

fn refused() -> PortError {
    PortError::Permanent {
        service: "alert-town",
        detail: "nothing is rolled out here".to_owned(),
        remedy: "play rollouts in the local stack".to_owned(),
    }
}

#[async_trait]
impl Store for Town {
    async fn configuration(&self, _: &EnvironmentName) -> PortResult<Option<Published>> {
        Ok(Some(self.call(|_| self.published.clone()).await))
    }

    async fn configuration_at(&self, _: &EnvironmentName, version: u64) -> PortResult<Option<Published>> {
        let published = self.call(|_| self.published.clone()).await;
        Ok(Some(published).filter(|published| published.version == version))
    }

    async fn publish(&self, _: &EnvironmentName, _: &Published) -> PortResult<bool> {
        Err(refused())
    }

    async fn target(&self, _: &EnvironmentName, _: &ServiceName) -> PortResult<Option<Target>> {
        Ok(self.call(|_| None).await)
    }

    async fn lift_bar(&self, _: &EnvironmentName, _: &ServiceName, _: &Version) -> PortResult<bool> {
        Ok(self.call(|_| false).await)
    }

    async fn rollout(&self, _: &RolloutId) -> PortResult<Option<Rollout>> {
        Ok(self.call(|_| None).await)
    }

    async fn rollout_of(&self, _: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        Ok(self.call(|_| None).await)
    }

    async fn begin(&self, _: &Rollout, _: &Record, _: Option<&Target>) -> PortResult<Begun> {
        Err(refused())
    }

    async fn commit(&self, before: &Rollout, _: &Rollout, _: &Record) -> Result<(), CommitError> {
        Err(CommitError::Conflict { id: before.id.clone() })
    }

    async fn active(&self, _: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        Ok(self.call(|_| Vec::new()).await)
    }

    async fn owing(&self, _: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        Ok(self.call(|_| Vec::new()).await)
    }

    async fn control(&self, _: &EnvironmentName) -> PortResult<Control> {
        Ok(self.call(|_| Control::default()).await)
    }

    async fn set_control(&self, _: &EnvironmentName, _: &Control) -> PortResult<bool> {
        Err(refused())
    }

    async fn history(&self, _: &RolloutId) -> PortResult<Vec<Record>> {
        Ok(self.call(|_| Vec::new()).await)
    }

    async fn recent(&self, _: &EnvironmentName, _: usize) -> PortResult<Vec<Rollout>> {
        Ok(self.call(|_| Vec::new()).await)
    }
}
