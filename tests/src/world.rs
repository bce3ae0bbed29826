//! The world around the functions, in memory: a rule, two colours, requests by a formula, faults on demand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use analysis::{Arm, Evidence, Minute, Minutes, Sample, Window};
use async_trait::async_trait;
use engine::ports::{Clock, Fleet, Metrics, PortError, PortResult, Prober, Traffic, Wanted};
use jiff::{SignedDuration, Timestamp};
use local_stack::StackClock;
use rollout::{Colour, Observed, Probe, Route, RuleSnapshot, Seconds, SmokeTest, Version, Weight};

use crate::journal::{Journal, Kind};
use crate::load::{Load, Rates};

/// What the rule does besides dividing traffic, as its admission saw it.
const ADMITTED: &str = "forward only";

/// How the new version shows that it can take traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// From this look on, counted from 1, it is ready.
    FromLook(u32),
    /// The load balancer never sees its targets as healthy.
    NeverHealthy,
    /// Its health check never says healthy.
    NeverReady,
    /// It is healthy, and a smoke test fails.
    FailsSmokeTest,
}

/// What goes wrong with the new version under traffic.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The colour that carries it.
    pub colour: Colour,
    /// The weight from which on it shows, for good.
    pub from: u8,
    /// How its requests go then.
    pub rates: Rates,
}

/// Something that functions ask of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Setting this weight.
    Set(u8),
    /// Restoring the rule.
    Restore,
    /// Reading the rule.
    Read,
    /// Bringing a colour up.
    BringUp,
}

/// What happens to an act instead of its being done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snag {
    /// The caller dies before it is done.
    DiesBefore,
    /// It is done, and the caller dies before it knows.
    DiesAfter,
    /// It is done late.
    Late(Seconds),
    /// It is done late, and the caller dies before it knows.
    LateAndDies(Seconds),
    /// It is refused; asking again may help.
    Transient,
    /// It is refused for good.
    Permanent,
}

/// A weight that was written to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// When.
    pub at: Timestamp,
    /// Whose share.
    pub colour: Colour,
    /// The share, in percent.
    pub percent: u8,
    /// Whether it was somebody else.
    pub foreign: bool,
}

struct State {
    load: Load,
    /// What is on the rule besides the two colours, when somebody put it there.
    foreign: Option<String>,
    green: u8,
    writes: Vec<Write>,
    up: [Option<String>; 2],
    looks: u32,
    readiness: Readiness,
    sick: [u32; 2],
    sticky: bool,
    source_down: bool,
    samples: [Vec<Sample>; 2],
    fault: Option<Fault>,
    snags: Vec<(Act, Snag)>,
    violations: Vec<String>,
}

/// The world of one service: blue carries version `v1` and all traffic at first.
pub struct World {
    /// The service, where there are several.
    name: Option<String>,
    start: Timestamp,
    state: Mutex<State>,
    clock: StackClock,
    journal: Arc<Journal>,
}

const fn place(colour: Colour) -> usize {
    match colour {
        Colour::Blue => 0,
        Colour::Green => 1,
    }
}

impl World {
    /// A world in which a service of this name has always been, with so many requests a minute.
    pub fn new(name: Option<String>, clock: StackClock, journal: Arc<Journal>, per_minute: u32) -> Self {
        let start = Clock::now(&clock);
        let state = State {
            // The service was there before the rollout.
            load: Load::new(start - SignedDuration::from_hours(1), per_minute),
            foreign: None,
            green: 0,
            writes: Vec::new(),
            up: [Some("v1".to_owned()), None],
            looks: 0,
            readiness: Readiness::FromLook(2),
            sick: [0; 2],
            sticky: false,
            source_down: false,
            samples: [Vec::new(), Vec::new()],
            fault: None,
            snags: Vec::new(),
            violations: Vec::new(),
        };
        Self { name, start, state: Mutex::new(state), clock, journal }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, text: impl Into<String>) {
        let text = match &self.name {
            Some(name) => format!("{name}: {}", text.into()),
            None => text.into(),
        };
        self.journal.note(Clock::now(&self.clock), Kind::World, text);
    }

    /// How the new version gets ready.
    pub fn readiness(&self, readiness: Readiness) {
        self.state().readiness = readiness;
    }

    /// What goes wrong under traffic.
    pub fn fault(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// How many requests a minute come from now on.
    pub fn per_minute(&self, requests: u32) {
        self.note(format!("{requests} requests a minute from now on"));
        self.state().load.per_minute(Clock::now(&self.clock), requests);
    }

    /// How both colours' requests go from now on.
    pub fn outage(&self, rates: Rates) {
        let now = Clock::now(&self.clock);
        self.note(format!("both colours: {} errors and {} slow of a million", rates.errors, rates.slow));
        let mut state = self.state();
        state.load.rates(now, Colour::Blue, rates);
        state.load.rates(now, Colour::Green, rates);
    }

    /// Whether the source of evidence is out of reach.
    pub fn source_down(&self, down: bool) {
        self.note(if down { "the metrics are out of reach" } else { "the metrics are back" });
        self.state().source_down = down;
    }

    /// What a colour says of the judge's further metrics from now on; nothing is published before.
    pub fn samples(&self, colour: Colour, samples: Vec<Sample>) {
        self.state().samples[place(colour)] = samples;
    }

    /// The next looks at a colour's health find it unhealthy; `u32::MAX` is for good.
    pub fn sick(&self, colour: Colour, looks: u32) {
        self.note(format!("{colour} stops being healthy"));
        self.state().sick[place(colour)] = looks;
    }

    /// Whether the rule has stickiness.
    pub fn sticky(&self, sticky: bool) {
        self.state().sticky = sticky;
    }

    /// The next time that this is asked, that happens.
    pub fn snag(&self, act: Act, snag: Snag) {
        self.state().snags.push((act, snag));
    }

    /// Somebody else gives a colour this share.
    pub fn meddle(&self, colour: Colour, percent: u8) {
        self.note(format!("somebody else gives {colour} {percent} %"));
        self.write(colour, percent, true);
    }

    /// Somebody else puts something on the rule that is not ours, or takes it off again.
    pub fn meddle_with(&self, what: Option<&str>) {
        self.note(format!("somebody else changes the rule: {}", what.unwrap_or("as it was")));
        self.state().foreign = what.map(str::to_owned);
    }

    /// A colour's share of the requests now, in percent.
    pub fn share(&self, colour: Colour) -> u8 {
        let green = self.state().green;
        match colour {
            Colour::Blue => 100 - green,
            Colour::Green => green,
        }
    }

    /// The version that a colour carries, if it is up.
    pub fn version(&self, colour: Colour) -> Option<String> {
        self.state().up[place(colour)].clone()
    }

    /// The weights as they were written, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.state().writes.clone()
    }

    /// What must never be, and was: traffic for a colour that is not up, a colour taken down under traffic.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Requests and errors of a colour since the start.
    pub fn served(&self, colour: Colour) -> (u64, u64) {
        let (requests, errors, _) = self.state().load.between(colour, self.start, Clock::now(&self.clock));
        (requests, errors)
    }

    fn write(&self, colour: Colour, percent: u8, foreign: bool) {
        let at = Clock::now(&self.clock);
        let mut state = self.state();
        let state = &mut *state;
        state.load.share(at, colour, percent);
        state.green = if colour == Colour::Green { percent } else { 100 - percent };
        state.writes.push(Write { at, colour, percent, foreign });
        if let Some(fault) = state.fault
            && colour == fault.colour
            && percent >= fault.from
        {
            state.load.rates(at, colour, fault.rates);
        }
        for (colour, percent) in [(colour, percent), (colour.other(), 100 - percent)] {
            if percent > 0 && state.up[place(colour)].is_none() {
                state.violations.push(format!("{colour} has {percent} % of the requests and is not up"));
            }
        }
    }

    fn stumble(&self, act: Act) -> Option<Snag> {
        let mut state = self.state();
        let index = state.snags.iter().position(|(of, _)| *of == act)?;
        Some(state.snags.remove(index).1)
    }

    /// Does something, with what was in its way. A caller that dies hangs, as a frozen process does, until the state
    /// machine's patience ends.
    async fn through<T: Send>(&self, act: Act, done: impl FnOnce() -> T + Send) -> PortResult<T> {
        let service = "Elastic Load Balancing";
        let Some(snag) = self.stumble(act) else { return Ok(done()) };
        self.note(format!("{act:?}: {snag:?}"));
        match snag {
            Snag::DiesBefore => std::future::pending().await,
            Snag::DiesAfter => {
                done();
                std::future::pending().await
            }
            Snag::Late(span) => {
                self.clock.wait(span).await;
                Ok(done())
            }
            Snag::LateAndDies(span) => {
                self.clock.wait(span).await;
                done();
                std::future::pending().await
            }
            Snag::Transient => Err(PortError::Transient { service, detail: "Throttling".to_owned() }),
            Snag::Permanent => Err(PortError::Permanent {
                service,
                detail: "AccessDenied".to_owned(),
                remedy: "tag the rule".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl Traffic for World {
    async fn read(&self, _: &Route, canary: Colour) -> PortResult<Observed> {
        self.through(Act::Read, || match &self.state().foreign {
            Some(what) => Observed::Foreign(what.clone()),
            None => Observed::Weight(Weight::FULL),
        })
        .await
        .map(|observed| match observed {
            Observed::Weight(_) => {
                Observed::Weight(Weight::try_from(self.share(canary)).expect("a share is a percentage"))
            }
            foreign @ Observed::Foreign(_) => foreign,
        })
    }

    async fn set(&self, _: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        self.through(Act::Set(weight.percent()), || {
            self.note(format!("the rule gives {canary} {weight}"));
            self.state().foreign = None;
            self.write(canary, weight.percent(), false);
        })
        .await
    }

    async fn restore(&self, _: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()> {
        self.through(Act::Restore, || {
            self.note(format!("the rule is restored: {canary} {}", Weight::ZERO));
            let mut state = self.state();
            state.foreign = None;
            if rule.0 != ADMITTED {
                state.violations.push(format!("the rule was restored to {:?}", rule.0));
            }
            drop(state);
            self.write(canary, 0, false);
        })
        .await
    }

    async fn admit(&self, _: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        let sticky = self.state().sticky;
        Ok(if sticky {
            Err("the rule has stickiness: turn it off".to_owned())
        } else {
            Ok(RuleSnapshot(ADMITTED.to_owned()))
        })
    }
}

#[async_trait]
impl Fleet for World {
    async fn bring_up(&self, _: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        self.through(Act::BringUp, || {
            self.note(format!("{colour} comes up with {version}"));
            let mut state = self.state();
            state.up[place(colour)] = Some(version.to_string());
            state.looks = 0;
        })
        .await
    }

    async fn take_down(&self, _: &Route, colour: Colour) -> PortResult<()> {
        self.note(format!("{colour} is taken down"));
        let share = self.share(colour);
        let mut state = self.state();
        state.up[place(colour)] = None;
        if share > 0 {
            state.violations.push(format!("{colour} is taken down with {share} % of the requests"));
        }
        Ok(())
    }

    async fn healthy(&self, _: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        let state = self.state();
        let up = state.up[place(colour)].as_deref();
        Ok(match (up, state.readiness) {
            (None, _) => Err(format!("{colour} has no target")),
            (Some(version), Readiness::NeverHealthy) if version != "v1" => {
                Err(format!("0 of 2 targets of {colour} are healthy"))
            }
            (Some(_), _) => Ok(()),
        })
    }
}

#[async_trait]
impl Metrics for World {
    async fn minutes(&self, _: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence {
        let state = self.state();
        if state.source_down {
            return Evidence::SourceDown { reason: "CloudWatch does not answer".to_owned() };
        }
        let mut minutes = Vec::new();
        let mut start = window.first;
        while start < window.end {
            let end = Seconds(60).after(start);
            let arm = |colour| {
                let (requests, errors, slow) = state.load.between(colour, start, end);
                let slow = wanted.slow_over_ms.map(|_| slow);
                let arm = Arm::new(requests, errors, slow).expect("parts of the requests");
                let samples = &state.samples[place(colour)];
                let said = samples.iter().copied().chain(std::iter::repeat(Sample::Missing));
                arm.with(said.take(wanted.further.len()).collect()).expect("finite")
            };
            let minute = Minute::new(start, arm(canary), arm(canary.other())).expect("whole minutes");
            // As in CloudWatch: a minute without requests is not there.
            if minute.canary().requests() + minute.baseline().requests() > 0 {
                minutes.push(minute);
            }
            start = end;
        }
        Minutes::new(minutes)
            .map_or_else(|error| Evidence::SourceDown { reason: error.to_string() }, Evidence::Minutes)
    }
}

#[async_trait]
impl Prober for World {
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe {
        // The endpoints of the configuration begin with their colour.
        let colour = if endpoint.starts_with("http://blue.") { Colour::Blue } else { Colour::Green };
        let refused = || Probe::NotReady(format!("GET {endpoint}{path} answered 503"));
        let mut state = self.state();
        match &mut state.sick[place(colour)] {
            0 => {}
            looks => {
                *looks -= 1;
                return refused();
            }
        }
        if state.up[place(colour)].as_deref() == Some("v1") {
            return Probe::Ready;
        }
        // The smoke tests belong to the look that found the version healthy.
        state.looks += u32::from(smoke_tests.is_empty());
        match (state.readiness, smoke_tests.first()) {
            (Readiness::FromLook(look), _) if state.looks >= look => Probe::Ready,
            (Readiness::FailsSmokeTest, Some(test)) => {
                Probe::SmokeTestFailed(format!("{}: expected status 200, got 500", test.name))
            }
            (Readiness::FailsSmokeTest, None) | (Readiness::NeverHealthy, _) => Probe::Ready,
            (Readiness::FromLook(_) | Readiness::NeverReady, _) => refused(),
        }
    }
}
