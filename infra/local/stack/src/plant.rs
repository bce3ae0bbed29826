//! What takes the load balancer's and the fleet's place: a real weighted proxy in front of real HTTP services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use analysis::{Arm as Counts, Evidence, Minute, Minutes, Window};
use async_trait::async_trait;
use engine::ports::{Fleet, Metrics, PortError, PortResult, Prober, Traffic, Wanted};
use rollout::{Colour, Observed, Probe, Route, RuleSnapshot, SmokeTest, Version, Weight};
use weighted_proxy::{Arm, FaultSpec, MinuteCounts, PerArm, Proxy, ProxyOptions, Sample, Target, Weights};

use crate::clock::StackClock;

/// What stands behind the proxy.
#[derive(Clone, Debug)]
pub enum Services {
    /// The bundled sample service; the new version goes wrong in this way.
    Bundled(Option<FaultSpec>),
    /// Two services of the user's own.
    Own {
        /// The version that is live.
        baseline: Target,
        /// The version that is tried.
        canary: Target,
    },
}

/// The plant of one service.
pub struct Plant {
    proxy: Proxy,
    services: Services,
    prober: Arc<dyn Prober>,
    route: Route,
    health_path: String,
    live: Colour,
    first_step: Weight,
    samples: PerArm<tokio::sync::Mutex<Option<Sample>>>,
    highest: Mutex<Weight>,
}

/// Why a plant could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// The proxy could not listen.
    #[error(transparent)]
    Proxy(#[from] weighted_proxy::ProxyError),
    /// The sample service could not listen.
    #[error(transparent)]
    Sample(#[from] weighted_proxy::SampleError),
    /// An address of our own was refused.
    #[error(transparent)]
    Target(#[from] weighted_proxy::TargetError),
}

/// How a plant starts.
#[derive(Clone, Debug)]
pub struct PlantOptions {
    /// What stands behind the proxy.
    pub services: Services,
    /// The route as the configuration has it.
    pub route: Route,
    /// The path of the health check.
    pub health_path: String,
    /// The colour that is live.
    pub live: Colour,
    /// The version that is live, as the sample service says it.
    pub stable: String,
    /// The weight of the plan's first step, from which a fault without a weight of its own begins.
    pub first_step: Weight,
    /// The latency objective.
    pub slow_over_ms: Option<u32>,
}

const fn arm(colour: Colour) -> Arm {
    match colour {
        Colour::Blue => Arm::Blue,
        Colour::Green => Arm::Green,
    }
}

fn weights(canary: Colour, weight: Weight) -> Weights {
    let (to, rest) = (u16::from(weight.percent()), u16::from(100 - weight.percent()));
    let (blue, green) = match canary {
        Colour::Blue => (to, rest),
        Colour::Green => (rest, to),
    };
    Weights::new(blue, green).unwrap_or(Weights::ALL_BLUE)
}

fn refused(service: &'static str, detail: impl std::fmt::Display, remedy: &str) -> PortError {
    PortError::Permanent { service, detail: detail.to_string(), remedy: remedy.to_owned() }
}

impl Plant {
    /// Starts the proxy with all traffic on the live colour, and the live colour behind it.
    ///
    /// # Errors
    /// [`PlantError`].
    pub async fn start(
        options: PlantOptions,
        prober: Arc<dyn Prober>,
        clock: StackClock,
    ) -> Result<Self, PlantError> {
        let PlantOptions { services, route, health_path, live, stable, first_step, slow_over_ms } = options;
        let mut samples = PerArm { blue: None, green: None };
        let targets = match &services {
            Services::Own { baseline, canary } => match live {
                Colour::Blue => PerArm { blue: baseline.clone(), green: canary.clone() },
                Colour::Green => PerArm { blue: canary.clone(), green: baseline.clone() },
            },
            Services::Bundled(_) => {
                let sample = Sample::start(stable, 0)?;
                let target: Target = sample.url().parse()?;
                *samples.get_mut(arm(live)) = Some(sample);
                // The idle colour has no service yet; until it has, its weight is 0.
                PerArm { blue: target.clone(), green: target }
            }
        };
        let options =
            ProxyOptions { weights: weights(live.other(), Weight::ZERO), ..ProxyOptions::default() };
        let proxy = Proxy::start(options, targets, Arc::new(clock)).await?;
        if let Some(millis) = slow_over_ms {
            proxy.set_objective(Duration::from_millis(u64::from(millis)));
        }
        let samples = PerArm {
            blue: tokio::sync::Mutex::new(samples.blue),
            green: tokio::sync::Mutex::new(samples.green),
        };
        Ok(Self {
            proxy,
            services,
            prober,
            route,
            health_path,
            live,
            first_step,
            samples,
            highest: Mutex::new(Weight::ZERO),
        })
    }

    /// The proxy, to send requests to and to read counts from.
    pub const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The colour that was not live at the start.
    pub const fn canary(&self) -> Colour {
        self.live.other()
    }

    /// The share of the colour that was not live at the start, as the proxy has it now.
    pub fn canary_weight(&self) -> u16 {
        self.proxy.weights().get(arm(self.live.other()))
    }

    async fn apply_fault(&self, canary: Colour, weight: Weight) -> PortResult<()> {
        let Services::Bundled(Some(spec)) = &self.services else { return Ok(()) };
        // A fault that has begun does not end because the weight went back.
        let highest = {
            let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
            *highest = (*highest).max(weight);
            *highest
        };
        if let Some(sample) = self.samples.get(arm(canary)).lock().await.as_ref() {
            let fault = spec.at(highest.percent(), self.first_step.percent());
            sample
                .set_fault(fault)
                .await
                .map_err(|error| refused("the sample service", error, "run again"))?;
        }
        Ok(())
    }

    fn base_url(&self, colour: Colour) -> String {
        self.proxy.target(arm(colour)).to_string()
    }
}

#[async_trait]
impl Traffic for Plant {
    async fn read(&self, _: &Route, canary: Colour) -> PortResult<Observed> {
        let weights = self.proxy.weights();
        let (to, rest) = (weights.get(arm(canary)), weights.get(arm(canary.other())));
        let ours =
            u8::try_from(to).ok().and_then(|to| Weight::try_from(to).ok()).filter(|_| to + rest == 100);
        Ok(ours.map_or_else(|| Observed::Foreign(format!("weights {to} and {rest}")), Observed::Weight))
    }

    async fn set(&self, _: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        self.proxy.set_weights(weights(canary, weight));
        self.apply_fault(canary, weight).await
    }

    async fn restore(&self, route: &Route, canary: Colour, _: &RuleSnapshot) -> PortResult<()> {
        self.set(route, canary, Weight::ZERO).await
    }

    async fn admit(&self, _: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        // The proxy has nothing but weights.
        Ok(Ok(RuleSnapshot::default()))
    }
}

#[async_trait]
impl Fleet for Plant {
    async fn bring_up(&self, _: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        if let Services::Own { .. } = self.services {
            return Ok(());
        }
        let mut slot = self.samples.get(arm(colour)).lock().await;
        if slot.as_ref().is_some_and(|sample| sample.version() == version.as_str()) {
            return Ok(());
        }
        let failed = |error: &dyn std::fmt::Display| refused("the sample service", error, "run again");
        let sample = Sample::start(version.as_str(), 0).map_err(|error| failed(&error))?;
        let target = sample.url().parse().map_err(|error: weighted_proxy::TargetError| failed(&error))?;
        self.proxy.set_target(arm(colour), target);
        *slot = Some(sample);
        drop(slot);
        self.apply_fault(colour, Weight::ZERO).await
    }

    async fn take_down(&self, _: &Route, colour: Colour) -> PortResult<()> {
        if let Some(sample) = self.samples.get(arm(colour)).lock().await.take() {
            sample.stop().await;
        }
        Ok(())
    }

    async fn healthy(&self, _: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        let up = match self.services {
            Services::Own { .. } => {
                match self.prober.probe(&self.base_url(colour), &self.health_path, &[]).await {
                    Probe::Ready => Ok(()),
                    Probe::NotReady(reason) | Probe::SmokeTestFailed(reason) => Err(reason),
                }
            }
            Services::Bundled(_) if self.samples.get(arm(colour)).lock().await.is_some() => Ok(()),
            Services::Bundled(_) => Err(format!("{colour} has no target")),
        };
        Ok(up)
    }
}

#[async_trait]
impl Metrics for Plant {
    async fn minutes(&self, _: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence {
        let counted: BTreeMap<_, _> = self
            .proxy
            .minutes(window.first, window.end)
            .into_iter()
            .map(|counts| (counts.minute, counts))
            .collect();
        let minutes: Result<Vec<Minute>, _> =
            counted.values().map(|counts| minute(counts, canary, wanted.slow_over_ms.is_some())).collect();
        match minutes.and_then(Minutes::new) {
            Ok(minutes) => Evidence::Minutes(minutes),
            Err(error) => Evidence::SourceDown { reason: error.to_string() },
        }
    }
}

fn minute(counts: &MinuteCounts, canary: Colour, with_slow: bool) -> Result<Minute, analysis::EvidenceError> {
    let of = |colour| {
        let counts = counts.arms.get(arm(colour));
        Counts::new(counts.requests, counts.errors, with_slow.then_some(counts.slow))
    };
    Minute::new(counts.minute, of(canary)?, of(canary.other())?)
}

#[async_trait]
impl Prober for Plant {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        // The configuration names the colours' endpoints; here they are where the proxy forwards to.
        let colour = if endpoint == self.route.blue.endpoint { Colour::Blue } else { Colour::Green };
        self.prober.probe(&self.base_url(colour), path, smoke_tests).await
    }
}
