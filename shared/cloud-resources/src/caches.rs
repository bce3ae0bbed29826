use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_client::SdkConfig;
use cost::{Family, Record, Seen};
use engine::ports::{Order, PortError, PortResult, Refused, Resources};

use crate::fault::refused;

/// ElastiCache replication groups and clusters.
#[derive(Clone, Debug)]
pub struct Caches {
    config: SdkConfig,
}

impl Caches {
    /// With clients of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    fn missing(&self) -> String {
        format!("{:?} are not built yet", self.config.region())
    }
}

#[async_trait]
impl Resources for Caches {
    fn family(&self) -> Family {
        Family::Elasticache
    }

    async fn see(&self, _tags: &BTreeMap<String, String>, _known: &[Record]) -> PortResult<Vec<Seen>> {
        Err(PortError::of("AWS", false, self.missing(), "update ACE-Flow"))
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        orders.iter().map(|_| Err(refused(self.missing()))).collect()
    }
}
