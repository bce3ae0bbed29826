//! Everything outside the engine, in memory. Every call of a port passes [`World::step`], which can refuse it, kill the
//! function before or after it, or let something else happen first.

mod evidence;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use analysis::{Arm, Minute};
use async_trait::async_trait;
use environments::Environment;
use jiff::Timestamp;
use rollout::*;

use crate::history::Record;
use crate::outcome::Outcome;
use crate::ports::*;

pub(super) const CONFIGURATION: &str = r#"environment: { name: ace-flow-staging, region: us-east-1, stage: staging, account: "123456789012" }
rollout:
  canary:
    steps: [{ weight: 10, bake: 60s }, { weight: 100, bake: 60s }]
  readiness: { attempts: 5 }
  evidence: { settle: 30s, metric_delay: 60s, patience: 10m, blind: 5m, frozen: 5m }
  clean_up: { after: 1h, quiet_minutes: 5, attempts: 2 }
  guardrails: [High 5XX]
services:
  checkout:
    pipeline: checkout-pipeline
    strategy: canary
    route:
      rule: rule
      load_balancer: lb
      blue: { target_group: blue-tg, endpoint: "http://blue" }
      green: { target_group: green-tg, endpoint: "http://green" }
  search:
    pipeline: search-pipeline
    strategy: canary
    route:
      rule: rule2
      load_balancer: lb
      blue: { target_group: b2, endpoint: "http://b2" }
      green: { target_group: g2, endpoint: "http://g2" }
"#;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It answers an error and does nothing.
    Refused,
    /// The function dies before it.
    KilledBefore,
    /// It is done, and the function dies before it hears so.
    KilledAfter,
}

pub(super) const FAULTS: [Fault; 3] = [Fault::Refused, Fault::KilledBefore, Fault::KilledAfter];

type Hook = Box<dyn FnOnce(&World) + Send>;

#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something of its own that can be wrong in the world"
)]
pub(super) struct State {
    pub now: Timestamp,
    pub configurations: Vec<Published>,
    /// Whether somebody else always publishes first.
    pub refuses_to_publish: bool,
    pub targets: BTreeMap<ServiceName, Target>,
    pub rollouts: BTreeMap<RolloutId, Rollout>,
    pub history: BTreeMap<RolloutId, Vec<Record>>,
    pub by_execution: BTreeMap<ExecutionArn, RolloutId>,
    /// The share of the green colour over time, newest last; blue has the rest.
    pub green: Vec<(Timestamp, u8)>,
    /// What somebody else made of the rule, if anybody did.
    pub foreign: Option<String>,
    pub admits: Result<RuleSnapshot, String>,
    /// Whether the rule of the admission cannot be written any more.
    pub restore_refused: bool,
    /// With what a rule was restored.
    pub restored: Vec<RuleSnapshot>,
    pub control: Control,
    pub bucket: Bucket,
    /// Whether somebody approves whatever waits for it.
    pub approves: bool,
    /// How often a colour was taken down.
    pub downs: u32,
    pub blue_up: Option<Version>,
    pub green_up: Option<Version>,
    /// What green answers.
    pub probe: Probe,
    pub blue_probe: Probe,
    /// How many percent of the green colour's requests fail.
    pub green_errors: u64,
    pub alarms: BTreeMap<String, AlarmState>,
    /// What every alarm is tagged with.
    pub tags: Vec<(String, String)>,
    pub published: Vec<Outcome>,
    pub deaf: bool,
    pub scheduled: Vec<(RolloutId, u32, Timestamp)>,
    pub measures: Vec<Measure>,
    /// How long a read of the rule takes.
    pub slow_read: Seconds,
}

pub(super) struct World {
    state: Mutex<State>,
    plan: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    calls: u32,
    log: Vec<&'static str>,
    fault: Option<(u32, Fault)>,
    hook: Option<(u32, Hook)>,
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        Self::of(CONFIGURATION)
    }

    /// With more rules in the configuration, indented by two spaces.
    pub(super) fn with_rules(rules: &str) -> Self {
        Self::of(&CONFIGURATION.replacen("  guardrails:", &format!("{rules}\n  guardrails:"), 1))
    }

    /// With an approval before the last step, which is waited for two hours.
    pub(super) fn with_approval() -> Self {
        let last = "{ weight: 100, bake: 60s";
        let text = CONFIGURATION.replacen(last, &format!("{last}, approval: true"), 1);
        Self::of(&text.replacen("  guardrails:", "  approval_expires: 2h\n  guardrails:", 1))
    }

    /// With a configuration of the test's own.
    pub(super) fn of(configuration: &str) -> Self {
        let state = State {
            now: at(0),
            configurations: vec![
                Published::first(Environment::from_yaml(configuration).unwrap(), "ann".to_owned(), at(0))
                    .unwrap(),
            ],
            refuses_to_publish: false,
            targets: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            history: BTreeMap::new(),
            by_execution: BTreeMap::new(),
            green: vec![(Timestamp::MIN, 0)],
            foreign: None,
            admits: Ok(RuleSnapshot("its other actions".to_owned())),
            restore_refused: false,
            restored: Vec::new(),
            control: Control::default(),
            bucket: Bucket::full(at(0), Share::ALL),
            approves: false,
            downs: 0,
            blue_up: Some("v1".parse().unwrap()),
            green_up: None,
            probe: Probe::Ready,
            blue_probe: Probe::Ready,
            green_errors: 0,
            alarms: BTreeMap::from([("High 5XX".to_owned(), AlarmState::Quiet)]),
            tags: Vec::new(),
            published: Vec::new(),
            deaf: false,
            scheduled: Vec::new(),
            measures: Vec::new(),
            slow_read: Seconds(0),
        };
        Self { state: Mutex::new(state), plan: Mutex::default() }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub(super) fn snapshot(&self) -> State {
        self.with(|state| state.clone())
    }

    pub(super) fn advance(&self, seconds: u32) {
        self.with(|state| state.now = Seconds(seconds).after(state.now));
    }

    pub(super) fn green(&self) -> u8 {
        self.with(|state| state.green.last().unwrap().1)
    }

    pub(super) fn only_rollout(&self) -> Rollout {
        self.with(|state| {
            assert_eq!(state.rollouts.len(), 1);
            state.rollouts.values().next().unwrap().clone()
        })
    }

    pub(super) fn milestones(&self) -> Vec<String> {
        self.with(|state| state.published.iter().map(|outcome| outcome.milestone.clone()).collect())
    }

    pub(super) fn calls(&self) -> u32 {
        self.plan.lock().unwrap().calls
    }

    /// The calls since the plan was made, by their names.
    pub(super) fn log(&self) -> Vec<&'static str> {
        self.plan.lock().unwrap().log.clone()
    }

    /// From now on, the call of this number (from 1) goes wrong, once.
    pub(super) fn fail(&self, call: u32, fault: Fault) {
        *self.plan.lock().unwrap() = Faults { fault: Some((call, fault)), ..Faults::default() };
    }

    /// From now on, this happens before the call of this number, once.
    pub(super) fn before(&self, call: u32, hook: impl FnOnce(&Self) + Send + 'static) {
        *self.plan.lock().unwrap() = Faults { hook: Some((call, Box::new(hook))), ..Faults::default() };
    }

    /// The same beside what was planned to go wrong.
    pub(super) fn before_also(&self, call: u32, hook: impl FnOnce(&Self) + Send + 'static) {
        self.plan.lock().unwrap().hook = Some((call, Box::new(hook)));
    }

    pub(super) fn in_order(&self) {
        *self.plan.lock().unwrap() = Faults::default();
    }

    /// Whether what was planned to go wrong did.
    pub(super) fn happened(&self) -> bool {
        let plan = self.plan.lock().unwrap();
        plan.fault.is_none() && plan.hook.is_none()
    }

    async fn step<T>(&self, name: &'static str, act: impl FnOnce(&mut State) -> T + Send) -> PortResult<T> {
        let (fault, hook) = {
            let mut plan = self.plan.lock().unwrap();
            plan.calls += 1;
            plan.log.push(name);
            let now = plan.calls;
            let fault = plan.fault.take_if(|(call, _)| *call == now).map(|(_, fault)| fault);
            (fault, plan.hook.take_if(|(call, _)| *call == now))
        };
        if let Some((_, hook)) = hook {
            hook(self);
        }
        match fault {
            Some(Fault::Refused) => {
                Err(PortError::Transient { service: "the world", detail: "throttled".to_owned() })
            }
            Some(Fault::KilledBefore) => std::future::pending().await,
            Some(Fault::KilledAfter) => {
                self.with(act);
                std::future::pending().await
            }
            None => Ok(self.with(act)),
        }
    }
}

/// Runs a function to its end; `None` if it was killed. Nothing here ever waits, so a function that does is dead.
pub(super) fn run<F: Future>(call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[async_trait]
impl Store for World {
    async fn configuration(&self, _: &EnvironmentName) -> PortResult<Option<Published>> {
        self.step("configuration", |state| state.configurations.last().cloned()).await
    }

    async fn configuration_at(&self, _: &EnvironmentName, version: u64) -> PortResult<Option<Published>> {
        self.step("configuration_at", |state| {
            state.configurations.iter().find(|published| published.version == version).cloned()
        })
        .await
    }

    async fn publish(&self, _: &EnvironmentName, published: &Published) -> PortResult<bool> {
        self.step("publish", |state| {
            if state.refuses_to_publish {
                return false;
            }
            let newest = state.configurations.last();
            let fits = newest.map_or(0, |newest| newest.version) + 1 == published.version;
            let again = newest == Some(published);
            if fits {
                state.configurations.push(published.clone());
            }
            fits || again
        })
        .await
    }

    async fn lift_bar(
        &self,
        _: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool> {
        self.step("lift_bar", |state| super::store::lift_bar(state, service, version)).await
    }

    async fn target(&self, _: &EnvironmentName, service: &ServiceName) -> PortResult<Option<Target>> {
        self.step("target", |state| state.targets.get(service).cloned()).await
    }

    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>> {
        self.step("rollout", |state| state.rollouts.get(id).cloned()).await
    }

    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>> {
        self.step("rollout_of", |state| state.by_execution.get(execution).cloned()).await
    }

    async fn begin(
        &self,
        rollout: &Rollout,
        record: &Record,
        expected: Option<&Target>,
    ) -> PortResult<Begun> {
        self.step("begin", |state| super::store::begin(state, rollout, record, expected)).await
    }

    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError> {
        self.step("commit", |state| super::store::commit(state, before, after, record)).await?
    }

    async fn active(&self, _: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.step("active", |state| {
            let active = |rollout: &&Rollout| rollout.standing() == Standing::Active;
            state.rollouts.values().filter(active).cloned().collect()
        })
        .await
    }

    async fn owing(&self, _: &EnvironmentName) -> PortResult<Vec<Rollout>> {
        self.step("owing", |state| {
            let owing = |rollout: &&Rollout| rollout.standing() == Standing::Owing;
            state.rollouts.values().filter(owing).cloned().collect()
        })
        .await
    }

    async fn control(&self, _: &EnvironmentName) -> PortResult<Control> {
        self.step("control", |state| state.control.clone()).await
    }

    async fn set_control(&self, _: &EnvironmentName, control: &Control) -> PortResult<bool> {
        self.step("set_control", |state| {
            let fits = state.control.version + 1 == control.version;
            if fits {
                state.control = control.clone();
            }
            fits
        })
        .await
    }

    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>> {
        self.step("history", |state| state.history.get(id).cloned().unwrap_or_default()).await
    }

    async fn recent(&self, _: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>> {
        self.step("recent", |state| state.rollouts.values().take(limit).cloned().collect()).await
    }
}

#[async_trait]
impl Traffic for World {
    async fn read(&self, _: &Route, canary: Colour) -> PortResult<Observed> {
        self.step("read", |state| {
            let green = state.green.last().unwrap().1;
            let share = if canary == Colour::Green { green } else { 100 - green };
            let foreign = state.foreign.clone().map(Observed::Foreign);
            let observed = foreign.unwrap_or_else(|| Observed::Weight(Weight::try_from(share).unwrap()));
            state.now = state.slow_read.after(state.now);
            observed
        })
        .await
    }

    async fn set(&self, _: &Route, canary: Colour, weight: Weight) -> PortResult<()> {
        self.step("set", |state| {
            let share = weight.percent();
            let green = if canary == Colour::Green { share } else { 100 - share };
            state.foreign = None;
            let now = state.now;
            state.green.push((now, green));
        })
        .await
    }

    async fn restore(&self, _: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()> {
        let refused = self
            .step("restore", |state| {
                if !state.restore_refused {
                    state.restored.push(rule.clone());
                    state.foreign = None;
                    let (now, green) = (state.now, if canary == Colour::Green { 0 } else { 100 });
                    state.green.push((now, green));
                }
                state.restore_refused
            })
            .await?;
        if refused {
            return Err(PortError::Permanent {
                service: "Elastic Load Balancing",
                detail: "InvalidConfigurationRequest".to_owned(),
                remedy: "look at the rule".to_owned(),
            });
        }
        Ok(())
    }

    async fn admit(&self, _: &Route) -> PortResult<Result<RuleSnapshot, String>> {
        self.step("admit", |state| state.admits.clone()).await
    }
}

#[async_trait]
impl Fleet for World {
    async fn bring_up(&self, _: &Route, colour: Colour, version: &Version) -> PortResult<()> {
        self.step("bring_up", |state| *state.up(colour) = Some(version.clone())).await
    }

    async fn take_down(&self, _: &Route, colour: Colour) -> PortResult<()> {
        self.step("take_down", |state| {
            state.downs += 1;
            *state.up(colour) = None;
        })
        .await
    }

    async fn healthy(&self, _: &Route, colour: Colour) -> PortResult<Result<(), String>> {
        self.step("healthy", |state| {
            state.up(colour).as_ref().map(|_| ()).ok_or_else(|| "no healthy target".to_owned())
        })
        .await
    }
}

impl State {
    pub(super) fn alarm(&mut self, now: AlarmState) {
        self.alarms.insert("High 5XX".to_owned(), now);
    }

    fn up(&mut self, colour: Colour) -> &mut Option<Version> {
        match colour {
            Colour::Blue => &mut self.blue_up,
            Colour::Green => &mut self.green_up,
        }
    }

    /// 1,000 requests a minute, divided as the rule was at the minute's start.
    fn minute(&self, start: Timestamp, canary: Colour) -> Minute {
        let green = self.green.iter().rev().find(|(since, _)| *since <= start).unwrap().1;
        let arm = |share: u8, errors: u64| {
            let requests = u64::from(share) * 10;
            Arm::new(requests, requests * errors / 100, None).unwrap()
        };
        let (blue, green) = (arm(100 - green, 0), arm(green, self.green_errors));
        let (canary, baseline) = if canary == Colour::Green { (green, blue) } else { (blue, green) };
        Minute::new(start, canary, baseline).unwrap()
    }
}
