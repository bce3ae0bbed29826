//! The configuration as alert-router needs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use alerting::{ChannelName, Policy};
use contract::Failure;
use environments::{Channel, Environment, TopicArn};
use jiff::Timestamp;
use rollout::{EnvironmentName, Seconds, ServiceName};

use super::own;
use crate::failures;
use crate::ports::Store;

/// So long a configuration is used before it is asked for again: an alarm does not wait for it.
const FRESH: Seconds = Seconds(60);

/// A configuration, worked out.
pub(super) struct Setup {
    pub(super) policy: Policy,
    pub(super) channels: BTreeMap<ChannelName, Channel>,
    /// The service behind a target group, by the end of its ARN.
    pub(super) target_groups: BTreeMap<String, ServiceName>,
    pub(super) services: Vec<ServiceName>,
}

impl Setup {
    fn of(configuration: &Environment, environment: &EnvironmentName, operations: Option<&TopicArn>) -> Self {
        let mut channels: BTreeMap<ChannelName, Channel> = configuration.notifications().clone();
        let policy =
            own::with_own(configuration.alerts(environment), operations.map(|topic| (topic, &mut channels)));
        let mut target_groups = BTreeMap::new();
        for (name, service) in configuration.services() {
            for arm in [&service.route.blue, &service.route.green] {
                if let Some(group) = arm.target_group.rsplit(':').next() {
                    target_groups.insert(group.to_owned(), name.clone());
                }
            }
        }
        let services = configuration.services().keys().cloned().collect();
        Self { policy, channels, target_groups, services }
    }
}

/// The configuration as it was read last, and the topic of the stack itself.
#[derive(Default)]
pub struct Setups {
    /// The ARN of the topic that is told when every channel has failed.
    operations: Option<TopicArn>,
    known: Mutex<Option<(Timestamp, Arc<Setup>)>>,
}

impl Setups {
    /// With this topic as the last resort.
    pub const fn new(operations: Option<TopicArn>) -> Self {
        Self { operations, known: Mutex::new(None) }
    }

    /// The newest configuration, as of a minute ago at the earliest.
    pub(super) async fn get(
        &self,
        store: &dyn Store,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Option<Arc<Setup>>, Failure> {
        if let Some((at, setup)) = &*self.known.lock().unwrap_or_else(PoisonError::into_inner)
            && now < FRESH.after(*at)
            && *at <= now
        {
            return Ok(Some(Arc::clone(setup)));
        }
        let published = store.configuration(environment).await.map_err(failures::port)?;
        let Some(published) = published else { return Ok(None) };
        let setup = Arc::new(Setup::of(&published.configuration, environment, self.operations.as_ref()));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&setup)));
        Ok(Some(setup))
    }
}
