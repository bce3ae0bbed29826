//! The memory of what is stopped and started, on a file of this machine.

use async_trait::async_trait;
use cost::{OverrideId, Record};
use engine::ports::{CostStore, Kept, PortResult};
use redb::TableDefinition;
use rollout::EnvironmentName;

use crate::entries::Entries;
use crate::store::{EmbeddedStore, broken};

pub(crate) const COSTS: Entries = TableDefinition::new("costs");

const RESOURCE: &str = "resource";
const OVERRIDE: &str = "override";

#[async_trait]
impl CostStore for EmbeddedStore {
    async fn resources(&self, home: &EnvironmentName) -> PortResult<Vec<Record>> {
        self.entries(COSTS, home, RESOURCE)
    }

    async fn put_resource(&self, home: &EnvironmentName, record: &Record) -> PortResult<bool> {
        self.put_version(COSTS, home, (RESOURCE, record.arn.as_str()), record, |record| record.version, None)
    }

    async fn overrides(&self, home: &EnvironmentName) -> PortResult<Vec<Kept>> {
        self.entries(COSTS, home, OVERRIDE)
    }

    async fn put_override(&self, home: &EnvironmentName, kept: &Kept) -> PortResult<()> {
        self.put_entry(COSTS, home, OVERRIDE, kept.0.as_str(), kept)
    }

    async fn remove_override(&self, home: &EnvironmentName, id: &OverrideId) -> PortResult<bool> {
        let write = self.database.begin_write().map_err(broken)?;
        let removed = {
            let mut table = write.open_table(COSTS).map_err(broken)?;
            let place = (home.as_str(), OVERRIDE, id.as_str());
            table.remove(place).map_err(broken)?.is_some()
        };
        write.commit().map_err(broken)?;
        Ok(removed)
    }
}
