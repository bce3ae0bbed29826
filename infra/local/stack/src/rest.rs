//! The stack at rest: its functions while no process plays a rollout, so that people can still give their orders.

use std::sync::Arc;

use analysis::{Evidence, Window};
use approval_link::Keyring;
use async_trait::async_trait;
use engine::ports::{
    ApprovalKeys, CleanUpSchedule, CostStore, Fleet, Metrics, PortError, PortResult, Prober, Store, Traffic,
    Wanted,
};
use jiff::Timestamp;
use rollout::{
    Colour, EnvironmentName, Observed, Probe, RolloutId, Route, RuleSnapshot, SmokeTest, Version, Weight,
};

use crate::below::StoreBelow;
use crate::clock::StackClock;
use crate::desk::{ExecutionIsVersion, LocalAlarms, LoggedMeasures, OneBucket};
use crate::functions::Ports;
use crate::messages::{Messages, Messenger};
use crate::update::Updates;

/// Nothing is served: the proxy lives in the process that plays a rollout. So the canary has no traffic, and can get none.
struct NothingServed;

fn nobody(what: &str) -> PortError {
    PortError::Permanent {
        service: "the embedded stack",
        detail: format!("{what}: no process serves requests"),
        remedy: "play a rollout with `ace run` or `ace implement`".to_owned(),
    }
}

#[async_trait]
impl Traffic for NothingServed {
    async fn read(&self, _: &Route, _: Colour) -> PortResult<Observed> {
        Ok(Observed::Weight(Weight::ZERO))
    }

    async fn set(&self, _: &Route, _: Colour, weight: Weight) -> PortResult<()> {
        if weight == Weight::ZERO { Ok(()) } else { Err(nobody("a weight cannot be set")) }
    }

    async fn restore(&self, _: &Route, _: Colour, _: &RuleSnapshot) -> PortResult<()> {
        Ok(())
    }

    async fn admit(&self, _: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        Err(nobody("no rollout can begin"))
    }
}

#[async_trait]
impl Fleet for NothingServed {
    async fn bring_up(&self, _: &Route, colour: Colour, _: &Version) -> PortResult<()> {
        Err(nobody(&format!("{colour} cannot come up")))
    }

    async fn take_down(&self, _: &Route, _: Colour) -> PortResult<()> {
        Ok(())
    }

    async fn healthy(&self, _: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        Ok(Err(format!("{colour} has no target")))
    }
}

#[async_trait]
impl Metrics for NothingServed {
    async fn minutes(&self, _: &Route, _: Colour, _: Window, _: Wanted<'_>) -> Evidence {
        Evidence::SourceDown { reason: "no process serves requests".to_owned() }
    }
}

#[async_trait]
impl Prober for NothingServed {
    async fn probe(&self, _: &str, _: &str, _: &[SmokeTest]) -> Probe {
        Probe::NotReady("no process serves requests".to_owned())
    }
}

#[async_trait]
impl ApprovalKeys for NothingServed {
    async fn keys(&self) -> PortResult<Keyring> {
        Err(nobody("an approval link would lead nowhere"))
    }

    async fn newer(&self) -> PortResult<Option<Keyring>> {
        Ok(None)
    }
}

#[async_trait]
impl CleanUpSchedule for NothingServed {
    /// The next process that plays finds it by its sweep.
    async fn schedule(&self, _: &RolloutId, _: u32, _: Timestamp) -> PortResult<()> {
        Ok(())
    }
}

impl Ports {
    /// The functions' ports over a store while nothing is played.
    pub fn at_rest(
        environment: EnvironmentName,
        store: Arc<dyn Store>,
        messenger: Option<Messenger>,
        clock: StackClock,
    ) -> Self {
        let nothing = Arc::new(NothingServed);
        let alarms = Arc::new(LocalAlarms::default());
        let below = Arc::new(StoreBelow::new(Arc::clone(&store)));
        Self {
            environment,
            store,
            below: Arc::clone(&below) as _,
            served: below,
            traffic: Arc::clone(&nothing) as _,
            fleet: Arc::clone(&nothing) as _,
            metrics: Arc::clone(&nothing) as _,
            alarms: Arc::clone(&alarms) as _,
            tags: alarms,
            prober: Arc::clone(&nothing) as _,
            notifier: Arc::new(Updates::channel().0),
            budget: Arc::new(OneBucket::default()),
            meter: Arc::new(LoggedMeasures),
            revisions: Arc::new(ExecutionIsVersion),
            schedule: nothing,
            keys: Arc::new(NothingServed),
            messages: messenger.map(Messages::at_rest),
            costs: None,
            clock: Arc::new(clock),
        }
    }

    /// The same, with what cost-optimizer remembers.
    #[must_use]
    pub fn with_costs(self, costs: Arc<dyn CostStore>) -> Self {
        Self { costs: Some(costs), ..self }
    }
}
