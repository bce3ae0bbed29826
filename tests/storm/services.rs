//! Many services behind load balancers of one account and region.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use analysis::{Evidence, Window};
use async_trait::async_trait;
use e2e::{Journal, World};
use engine::ports::{Clock, Fleet, Metrics, PortResult, Prober, Traffic, Wanted};
use environments::Environment;
use jiff::Timestamp;
use local_stack::{StackClock, Updates};
use rollout::{Colour, Observed, Probe, Route, RuleSnapshot, SmokeTest, Version, Weight};

use crate::elb::{Elb, Kind, Wish};

/// The name of a service.
pub fn name(number: usize) -> String {
    format!("s{number:03}")
}

/// The configuration of so many services, with the canary of the seed: 10 % for 5 minutes, then 25, 50, 75 and 100 %
/// for 2 minutes each.
pub fn configuration(count: usize) -> Environment {
    let mut text = String::from(
        "environment: { name: ace-flow-production, region: us-east-1, stage: prod, account: \"123456789012\" }\nservices:\n",
    );
    for name in (0..count).map(name) {
        let group = |colour| {
            format!("{{ target_group: {name}-{colour}, endpoint: \"http://{colour}.{name}.example.com\" }}")
        };
        let (blue, green) = (group("blue"), group("green"));
        write!(
            text,
            "  {name}:\n    pipeline: {name}\n    strategy: canary\n    route:\n      rule: rule/{name}\n      \
             load_balancer: app/shop\n      blue: {blue}\n      green: {green}\n"
        )
        .unwrap();
    }
    Environment::from_yaml(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// A write of a rule that was accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The rule.
    pub rule: String,
    /// The canary's weight.
    pub percent: u8,
    /// When.
    pub at: Timestamp,
}

/// The services, and the API between them and the functions.
pub struct Services {
    /// The API.
    pub elb: Elb,
    worlds: BTreeMap<String, World>,
    accepted: Mutex<Vec<Accepted>>,
    clock: StackClock,
}

impl Services {
    /// So many services, each with 6,000 requests a minute.
    pub fn new(count: usize, clock: &StackClock, seed: u64) -> Self {
        let world = |name: String| {
            let journal = Journal::new(Clock::now(clock), Updates::channel().1);
            (name.clone(), World::new(Some(name), clock.clone(), Arc::new(journal), 6_000))
        };
        Self {
            elb: Elb::new(seed),
            worlds: (0..count).map(name).map(world).collect(),
            accepted: Mutex::default(),
            clock: clock.clone(),
        }
    }

    /// The world of a service.
    pub fn world(&self, name: &str) -> &World {
        &self.worlds[name]
    }

    /// The writes that were accepted, in order.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, route: &Route) -> &World {
        self.world(route.rule.trim_start_matches("rule/"))
    }

    fn accept(&self, route: &Route, weight: Weight) {
        let (rule, percent, at) = (route.rule.clone(), weight.percent(), Clock::now(&self.clock));
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.push(Accepted { rule, percent, at });
    }
}

#[async_trait]
impl Traffic for Services {
    async fn read(&self, route: &Route, canary: Colour) -> PortResult<Observed> {
        self.elb.call(Kind::Describe, Wish::Look, async || self.of(route).read(route, canary).await).await
    }

    async fn set(&self, route: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        self.elb.call(Kind::Describe, Wish::Look, async || Ok(())).await?;
        let wish = if weight == Weight::ZERO { Wish::Back } else { Wish::Forward };
        let done = async || {
            self.accept(route, weight);
            self.of(route).set(route, canary, weight).await
        };
        self.elb.call(Kind::Modify, wish, done).await
    }

    async fn restore(&self, route: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()> {
        let done = async || {
            self.accept(route, Weight::ZERO);
            self.of(route).restore(route, canary, rule).await
        };
        self.elb.call(Kind::Modify, Wish::Back, done).await
    }

    async fn admit(&self, route: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        self.elb.call(Kind::Describe, Wish::Look, async || self.of(route).admit(route).await).await
    }
}

#[async_trait]
impl Fleet for Services {
    async fn bring_up(&self, route: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        self.of(route).bring_up(route, colour, version).await
    }

    async fn take_down(&self, route: &Route, colour: Colour) -> PortResult<()> {
        self.elb.call(Kind::Describe, Wish::Look, async || Ok(())).await?;
        let done = async || self.of(route).take_down(route, colour).await;
        self.elb.call(Kind::Register, Wish::Look, done).await
    }

    async fn healthy(&self, route: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        self.elb.call(Kind::Describe, Wish::Look, async || self.of(route).healthy(route, colour).await).await
    }
}

#[async_trait]
impl Metrics for Services {
    async fn minutes(&self, route: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence {
        self.of(route).minutes(route, canary, window, wanted).await
    }
}

#[async_trait]
impl Prober for Services {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        match endpoint.split('.').nth(1).and_then(|name| self.worlds.get(name)) {
            Some(world) => world.probe(endpoint, path, smoke_tests).await,
            None => Probe::NotReady(format!("{endpoint} is nobody's")),
        }
    }
}
