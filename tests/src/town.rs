//! Several services, each with a world of its own.

use std::sync::Arc;

use analysis::{Evidence, Window};
use async_trait::async_trait;
use engine::ports::{Fleet, Metrics, PortResult, Prober, Traffic, Wanted};
use rollout::{Colour, Observed, Probe, Route, RuleSnapshot, SmokeTest, Version, Weight};

use crate::world::World;

/// The worlds of checkout, which is also everybody's who has none, and of catalog.
pub(crate) struct Town {
    pub(crate) checkout: Arc<World>,
    pub(crate) catalog: Option<Arc<World>>,
}

impl Town {
    /// The world that a rule, an endpoint or a service's name belongs to.
    pub(crate) fn of(&self, name: &str) -> &World {
        match &self.catalog {
            Some(catalog) if name.contains("catalog") => catalog,
            _ => &self.checkout,
        }
    }

    /// The worlds, with what their lines in a transcript begin with.
    pub(crate) fn worlds(&self) -> Vec<(&'static str, &World)> {
        match &self.catalog {
            None => vec![("", &self.checkout)],
            Some(catalog) => vec![("checkout: ", &self.checkout), ("catalog: ", catalog)],
        }
    }
}

#[async_trait]
impl Traffic for Town {
    async fn read(&self, route: &Route, canary: Colour) -> PortResult<Observed> {
        self.of(&route.rule).read(route, canary).await
    }

    async fn set(&self, route: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        self.of(&route.rule).set(route, canary, weight).await
    }

    async fn restore(&self, route: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()> {
        self.of(&route.rule).restore(route, canary, rule).await
    }

    async fn admit(&self, route: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        self.of(&route.rule).admit(route).await
    }
}

#[async_trait]
impl Fleet for Town {
    async fn bring_up(&self, route: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        self.of(&route.rule).bring_up(route, colour, version).await
    }

    async fn take_down(&self, route: &Route, colour: Colour) -> PortResult<()> {
        self.of(&route.rule).take_down(route, colour).await
    }

    async fn healthy(&self, route: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        self.of(&route.rule).healthy(route, colour).await
    }
}

#[async_trait]
impl Metrics for Town {
    async fn minutes(&self, route: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence {
        self.of(&route.rule).minutes(route, canary, window, wanted).await
    }
}

#[async_trait]
impl Prober for Town {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        self.of(endpoint).probe(endpoint, path, smoke_tests).await
    }
}
