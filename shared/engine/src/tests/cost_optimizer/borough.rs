//! Everything that cost-optimizer reaches. Every call of a port gives whoever else runs a turn before it is done.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use contract::{CostOptimizer, CostOptimizerReply, ErrorName, Failure, Function, ResourceTrouble};
use cost::model::{Account, Thing};
use cost::{Arn, Family, OverrideId, Record, Seen};
use jiff::{SignedDuration, Timestamp};
use rollout::{EnvironmentName, Lease, Target};
use serde_json::Value;

use super::super::alert_router::town::{Town, Turn};
use crate::CostOptimizerFunction;
use crate::ports::*;

pub const COST: &str = r#"
cost:
  schedule: { zone: Europe/Berlin, stop: "0 18 * * 1-5", start: "0 8 * * 1-5" }
  resources: [ec2, autoscaling, ecs, rds, elasticache]
  other_types: [m6g.large]
"#;

pub struct State {
    pub account: Account,
    pub overrides: BTreeMap<OverrideId, schedule::Override>,
    pub told: Vec<ResourceTrouble>,
    pub month: Option<MonthSoFar>,
    pub tags: BTreeMap<String, String>,
    /// Services that do not answer.
    pub silent: Option<Family>,
    /// How many of a hundred calls fail: of those that act, some after they have acted.
    pub fails: u64,
    pub dice: u64,
    pub writes: u32,
    /// What was asked for that stops something, while that had to wait.
    pub broken: Vec<String>,
    pub must_wait: bool,
}

pub struct Borough {
    pub town: Town,
    families: Vec<Service>,
    state: std::sync::Arc<Mutex<State>>,
}

/// One service of AWS.
struct Service {
    family: Family,
    state: std::sync::Arc<Mutex<State>>,
}

/// Something that runs.
pub struct Running<'a>(Pin<Box<dyn Future<Output = Result<CostOptimizerReply, Failure>> + 'a>>);

impl Running<'_> {
    /// Goes on until the next call of a port.
    pub fn go_on(&mut self) -> Option<Result<CostOptimizerReply, Failure>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl State {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % bound
    }

    fn fail(&mut self) -> bool {
        self.fails > 0 && self.below(100) < self.fails
    }
}

impl Borough {
    pub fn new(things: Vec<Thing>) -> Self {
        let tags = BTreeMap::from([("ace-flow:environment".to_owned(), "staging".to_owned())]);
        let state = State {
            account: Account { things, records: BTreeMap::new(), now: Timestamp::UNIX_EPOCH },
            overrides: BTreeMap::new(),
            told: Vec::new(),
            month: None,
            tags,
            silent: None,
            fails: 0,
            dice: 0x9E37_79B9_7F4A_7C15,
            writes: 0,
            broken: Vec::new(),
            must_wait: false,
        };
        let state = std::sync::Arc::new(Mutex::new(state));
        let families = [Family::Ec2, Family::Autoscaling, Family::Ecs, Family::Rds, Family::Elasticache];
        let families = families.map(|family| Service { family, state: std::sync::Arc::clone(&state) }).into();
        let configuration = format!("{}{COST}", super::super::alert_router::town::CONFIGURATION);
        Self { town: Town::of(&configuration), families, state }
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub fn function(&self) -> CostOptimizerFunction<'_> {
        CostOptimizerFunction {
            environment: "staging".parse().unwrap(),
            store: &self.town.world,
            alerts: &self.town,
            costs: self,
            resources: self.families.iter().map(|service| service as &dyn Resources).collect(),
            troubles: self,
            meter: self,
            clock: &self.town,
        }
    }

    pub fn start(&self, event: Value) -> Running<'_> {
        let request: Result<CostOptimizer, _> = serde_json::from_value(event);
        Running(Box::pin(async move {
            let request =
                request.map_err(|error| Failure::new(ErrorName::InvalidInput, error.to_string()))?;
            self.function().call(request).await
        }))
    }

    pub fn call(&self, event: Value) -> Result<CostOptimizerReply, Failure> {
        let mut running = self.start(event);
        (0..100_000).find_map(|_| running.go_on()).expect("it never ends")
    }

    pub fn tick(&self) -> Result<CostOptimizerReply, Failure> {
        self.call(serde_json::json!({ "tick": {} }))
    }

    /// Begins at another time.
    pub fn pass_to(&self, time: &str) {
        let now = time.parse().unwrap();
        self.town.with(|state| state.now = now);
        self.town.world.with(|state| state.now = now);
        self.with(|state| state.account.now = now);
    }

    /// A rollout takes the service, or leaves it.
    pub fn rollout(&self, active: bool) {
        let (environment, service) = ("staging".parse().unwrap(), "checkout".parse().unwrap());
        self.with(|state| state.must_wait = active);
        let until = self.town.now() + SignedDuration::from_hours(1);
        self.town.world.with(|state| {
            let mut target = Target::untouched(environment, service);
            if active {
                target.lease = Lease::Held { by: "r-1".parse().unwrap(), until };
            }
            state.targets.insert(target.service.clone(), target);
        });
    }

    /// Lets minutes pass.
    pub fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            let now = self.town.now() + SignedDuration::from_mins(1);
            self.town.pass(now);
            self.with(|state| {
                state.account.now = now;
                state.account.things.iter_mut().for_each(|thing| thing.passes(now));
            });
        }
    }

    /// Goes to a time, with a tick every five minutes.
    pub fn until(&self, time: &str) {
        let end: Timestamp = time.parse().unwrap();
        while self.town.now() < end {
            self.minutes(5);
            self.tick().unwrap();
        }
    }

    pub fn record(&self, name: &str) -> Record {
        self.with(|state| state.account.records.values().find(|record| record.name == name).unwrap().clone())
    }

    async fn turn<T>(&self, act: impl FnOnce(&mut State) -> T + Send) -> PortResult<T> {
        turn(&self.state, "DynamoDB", act).await
    }
}

async fn turn<T>(
    state: &Mutex<State>,
    service: &'static str,
    act: impl FnOnce(&mut State) -> T + Send,
) -> PortResult<T> {
    Turn(false).await;
    let mut state = state.lock().unwrap();
    if state.fail() {
        return Err(PortError::Transient { service, detail: "throttled".to_owned() });
    }
    Ok(act(&mut state))
}

#[async_trait]
impl CostStore for Borough {
    async fn resources(&self, _: &EnvironmentName) -> PortResult<Vec<Record>> {
        self.turn(|state| state.account.records.values().cloned().collect()).await
    }

    async fn put_resource(&self, _: &EnvironmentName, record: &Record) -> PortResult<bool> {
        self.turn(|state| {
            state.writes += 1;
            let stored = state.account.records.get(&record.arn).map_or(0, |stored| stored.version);
            let fits = stored + 1 == record.version;
            if fits {
                state.account.records.insert(record.arn.clone(), record.clone());
            }
            fits
        })
        .await
    }

    async fn overrides(&self, _: &EnvironmentName) -> PortResult<Vec<Kept>> {
        self.turn(|state| state.overrides.clone().into_iter().collect()).await
    }

    async fn put_override(&self, _: &EnvironmentName, kept: &Kept) -> PortResult<()> {
        let (id, over) = kept.clone();
        self.turn(|state| drop(state.overrides.insert(id, over))).await
    }

    async fn remove_override(&self, _: &EnvironmentName, id: &OverrideId) -> PortResult<bool> {
        self.turn(|state| state.overrides.remove(id).is_some()).await
    }
}

#[async_trait]
impl Resources for Service {
    fn family(&self) -> Family {
        self.family
    }

    async fn see(&self, tags: &BTreeMap<String, String>, _: &[Record]) -> PortResult<Vec<Seen>> {
        assert_eq!(tags.len(), 1);
        let seen = turn(&self.state, "AWS", |state| {
            let own = state.account.things.iter().filter(|thing| thing.kind.family() == self.family);
            let seen = own.map(|thing| Seen { tags: state.tags.clone(), ..thing.seen() }).collect();
            (state.silent != Some(self.family)).then_some(seen)
        });
        seen.await?.ok_or(PortError::Transient { service: "AWS", detail: "no answer".to_owned() })
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        let mut done = Vec::new();
        for Order { seen, act } in orders {
            Turn(false).await;
            let mut state = self.state.lock().unwrap();
            let refused = |why: &str, cause| Err(Refused { why: why.to_owned(), cause });
            if state.fail() {
                done.push(refused("throttled", Cause::Throttled));
                continue;
            }
            if act.stops() && state.must_wait {
                let broken = format!("{}: {act:?}", seen.name);
                state.broken.push(broken);
            }
            let now = state.account.now;
            let arn: &Arn = &seen.arn;
            let taken = state.account.thing(arn).take(act, now);
            done.push(match taken {
                // It was done, and the answer is lost.
                Ok(()) if state.fail() => refused("timed out", Cause::Other),
                Ok(()) => Ok(()),
                Err((why, true)) => refused(why, Cause::Capacity),
                Err((why, false)) => refused(why, Cause::Other),
            });
        }
        done
    }
}

#[async_trait]
impl Troubles for Borough {
    async fn tell(&self, trouble: &ResourceTrouble) -> PortResult<()> {
        let trouble = trouble.clone();
        self.turn(|state| state.told.push(trouble)).await
    }
}

impl CostMeter for Borough {
    fn saved(&self, _: &EnvironmentName, month: &MonthSoFar, _: Timestamp) {
        self.with(|state| state.month = Some(month.clone()));
    }
}
