//! The bounds in which Application Auto Scaling keeps the counts of services.

use std::collections::BTreeMap;

use aws_client::{Fault, SdkConfig};
use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{AT_ONCE, ServiceId};
use crate::common::{number, size};

pub(super) const SERVICE: &str = "Application Auto Scaling";

/// The most that a call describes (`DescribeScalableTargets`, Application Auto Scaling API Reference).
const DESCRIBED: usize = 50;

/// The least and the largest count of what is scaled.
pub(super) type ScaledBy = Option<(u32, u32)>;

#[derive(Clone, Debug)]
pub(super) struct Bounds(Client);

impl Bounds {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// The bounds of those of these services (`service/<cluster>/<service>`) that are scaled.
    pub(super) async fn of(&self, services: Vec<String>) -> Result<BTreeMap<String, (u32, u32)>, Fault> {
        let calls: Vec<_> = services.chunks(DESCRIBED).map(|some| self.some(some)).collect();
        let found: Vec<BTreeMap<String, (u32, u32)>> =
            stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Those of as many as a call describes.
    async fn some(&self, services: &[String]) -> Result<BTreeMap<String, (u32, u32)>, Fault> {
        let mut found = BTreeMap::new();
        let mut next = None;
        loop {
            let page = self
                .0
                .describe_scalable_targets()
                .service_namespace(ServiceNamespace::Ecs)
                .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
                .set_resource_ids(Some(services.to_vec()))
                .set_next_token(next)
                .send()
                .await;
            let page =
                page.map_err(|error| Fault::new("application-autoscaling:DescribeScalableTargets", &error))?;
            for target in page.scalable_targets.unwrap_or_default() {
                let bounds = (number(Some(target.min_capacity)), number(Some(target.max_capacity)));
                found.insert(target.resource_id, bounds);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    /// Sets the bounds of what is scaled already: its role and what is suspended of it stay as they are.
    pub(super) async fn set(&self, service: ServiceId<'_>, (min, max): (u32, u32)) -> Result<(), Fault> {
        let set = self
            .0
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(service.scaled())
            .min_capacity(size(min))
            .max_capacity(size(max))
            .send()
            .await;
        set.map(drop).map_err(|error| Fault::new("application-autoscaling:RegisterScalableTarget", &error))
    }
}
