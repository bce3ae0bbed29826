use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_client::SdkConfig;
use cost::{Family, Record, Seen};
use engine::ports::{Order, PortError, PortResult, Refused, Resources};

use crate::fault::refused;

/// EC2 Auto Scaling groups.
#[derive(Clone, Debug)]
pub struct ScalingGroups {
    config: SdkConfig,
}

impl ScalingGroups {
    /// With clients of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    fn missing(&self) -> String {
        format!("{:?} are not built yet", self.config.region())
    }
}

#[async_trait]
impl Resources for ScalingGroups {
    fn family(&self) -> Family {
        Family::Autoscaling
    }

    async fn see(&self, _tags: &BTreeMap<String, String>, _known: &[Record]) -> PortResult<Vec<Seen>> {
        Err(PortError::of("AWS", false, self.missing(), "update ACE-Flow"))
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        orders.iter().map(|_| Err(refused(self.missing()))).collect()
    }
}
