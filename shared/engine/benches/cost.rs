//! What a tick of cost-optimizer costs by how much there is, over ports in memory and without any waiting: one that changes
//! nothing, and the first one of an evening. `items/s` are resources. What grows by how much is printed at the end.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends when its input is wrong, and prints"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use alert_town::Town;
use async_trait::async_trait;
use contract::{CostOptimizer, CostOptimizerReply, Function, ResourceTrouble};
use cost::model::Thing;
use cost::{Arn, Family, Kind, OverrideId, Record, Seen, State};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use engine::CostOptimizerFunction;
use engine::ports::{
    Cause, CostMeter, CostStore, Kept, MonthSoFar, Order, PortResult, Refused, Resources, Troubles,
};
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
    growth();
}

const SIZES: [usize; 3] = [50, 500, 5_000];

const CONFIGURATION: &str = r#"
environment: { name: shop-development, region: us-east-1, stage: development, account: "123456789012" }
cost:
  schedule: { zone: Europe/Berlin, stop: "0 18 * * 1-5", start: "0 8 * * 1-5" }
  resources: [ec2, autoscaling, ecs, rds, elasticache]
"#;

/// A Monday afternoon in winter: what is on goes off at 17:00 in UTC.
const AFTERNOON: &str = "2026-11-30T16:00:00Z";

/// Everything that is stopped and started, and what is remembered of it.
struct Estate {
    town: Town,
    tags: BTreeMap<String, String>,
    things: Mutex<BTreeMap<Arn, Thing>>,
    records: Mutex<BTreeMap<Arn, Record>>,
}

/// One service of AWS.
struct Service<'a>(&'a Estate, Family);

/// Half of it is instances, a quarter services, and the rest is of every kind.
fn kind(number: usize) -> Kind {
    match number % 20 {
        0..10 => Kind::Instance,
        10..15 => Kind::Service,
        15..17 => Kind::Group,
        17 => Kind::Database,
        18 => Kind::Cluster,
        _ => Kind::Cache,
    }
}

impl Estate {
    /// So many resources, all of which run and are known.
    fn new(size: usize) -> Self {
        let now: Timestamp = AFTERNOON.parse().unwrap();
        let things = (0..size).map(|number| {
            let name: &'static str = Box::leak(format!("thing-{number}").into_boxed_str());
            Thing::new(kind(number), name, now)
        });
        let estate = Self {
            town: Town::new("development".parse().unwrap(), CONFIGURATION, now).unwrap(),
            tags: BTreeMap::from([("ace-flow:environment".to_owned(), "development".to_owned())]),
            things: Mutex::new(things.map(|thing| (thing.arn(), thing)).collect()),
            records: Mutex::default(),
        };
        // The first look remembers everything.
        assert_eq!(estate.tick().settled, u32::try_from(size).unwrap());
        estate
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Arn, Record>> {
        self.records.lock().unwrap()
    }

    fn tick(&self) -> CostOptimizerReply {
        let services = [Family::Ec2, Family::Autoscaling, Family::Ecs, Family::Rds, Family::Elasticache]
            .map(|family| Service(self, family));
        let function = CostOptimizerFunction {
            environment: "development".parse().unwrap(),
            store: &self.town,
            alerts: &self.town,
            costs: self,
            resources: services.iter().map(|service| service as &dyn Resources).collect(),
            troubles: self,
            meter: self,
            clock: &self.town,
        };
        played(function.call(CostOptimizer::Tick)).unwrap()
    }
}

/// What comes of something that never waits for anything.
fn played<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

#[async_trait]
impl CostStore for Estate {
    async fn resources(&self, _: &EnvironmentName) -> PortResult<Vec<Record>> {
        Ok(self.records().values().cloned().collect())
    }

    async fn put_resource(&self, _: &EnvironmentName, record: &Record) -> PortResult<bool> {
        let mut records = self.records();
        let fits = records.get(&record.arn).map_or(0, |stored| stored.version) + 1 == record.version;
        if fits {
            records.insert(record.arn.clone(), record.clone());
        }
        Ok(fits)
    }

    async fn overrides(&self, _: &EnvironmentName) -> PortResult<Vec<Kept>> {
        Ok(Vec::new())
    }

    async fn put_override(&self, _: &EnvironmentName, _: &Kept) -> PortResult<()> {
        Ok(())
    }

    async fn remove_override(&self, _: &EnvironmentName, _: &OverrideId) -> PortResult<bool> {
        Ok(false)
    }
}

#[async_trait]
impl Resources for Service<'_> {
    fn family(&self) -> Family {
        self.1
    }

    async fn see(&self, _: &BTreeMap<String, String>, _: &[Record]) -> PortResult<Vec<Seen>> {
        let Self(estate, family) = self;
        let things = estate.things.lock().unwrap();
        let own = things.values().filter(|thing| thing.kind.family() == *family);
        Ok(own.map(|thing| Seen { tags: estate.tags.clone(), ..thing.seen() }).collect())
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        let (mut things, now) = (self.0.things.lock().unwrap(), self.0.town.now());
        let orders = orders.iter().map(|Order { seen, act }| {
            let taken = things.get_mut(&seen.arn).unwrap().take(act, now);
            taken.map_err(|(why, _)| Refused { why: why.to_owned(), cause: Cause::Other })
        });
        orders.collect()
    }
}

#[async_trait]
impl Troubles for Estate {
    async fn tell(&self, _: &ResourceTrouble) -> PortResult<()> {
        Ok(())
    }
}

impl CostMeter for Estate {
    fn saved(&self, _: &EnvironmentName, _: &MonthSoFar, _: Timestamp) {}
}

/// The shortest time of a tick that was measured.
static TIMES: Mutex<BTreeMap<(&str, usize), Duration>> = Mutex::new(BTreeMap::new());

fn timed(what: &'static str, size: usize, tick: impl FnOnce() -> CostOptimizerReply) -> CostOptimizerReply {
    let begun = Instant::now();
    let reply = tick();
    let took = begun.elapsed();
    let mut shortest = TIMES.lock().unwrap();
    let known = shortest.get(&(what, size)).copied().unwrap_or(took);
    shortest.insert((what, size), took.min(known));
    reply
}

/// What happens at nearly every tick.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn tick_that_changes_nothing(bencher: Bencher<'_, '_>, size: usize) {
    let estate = Estate::new(size);
    bencher.counter(ItemsCount::new(size)).bench_local(|| {
        let reply = timed("changes nothing", size, || estate.tick());
        assert_eq!(reply.settled, u32::try_from(size).unwrap());
    });
}

/// All that computes goes, and the rest waits for it.
#[divan::bench(args = SIZES, sample_count = 10, sample_size = 1)]
fn first_tick_of_an_evening(bencher: Bencher<'_, '_>, size: usize) {
    let evening = || {
        let estate = Estate::new(size);
        estate.town.pass(estate.town.now() + SignedDuration::from_mins(61));
        estate
    };
    bencher.counter(ItemsCount::new(size)).with_inputs(evening).bench_local_values(|estate| {
        let reply = timed("stops compute", size, || estate.tick());
        assert_eq!((reply.asked, reply.waiting), share(size));
        let things = estate.things.lock().unwrap();
        assert!(things.values().any(|thing| thing.state == State::Stopping));
    });
}

/// How many of so many compute, and how many do not.
fn share(size: usize) -> (u32, u32) {
    let computes = |number: &usize| kind(*number).tier() == cost::Tier::Compute;
    let compute = (0..size).filter(computes).count();
    (u32::try_from(compute).unwrap(), u32::try_from(size - compute).unwrap())
}

/// How much longer a tick takes than over the fewest resources.
fn growth() {
    let times = TIMES.lock().unwrap();
    if !times.is_empty() {
        println!("\na tick, shortest time, each resource's part of it, and as a multiple of the one over 50");
    }
    for ((what, size), time) in &*times {
        let (whole, each) = (time.as_secs_f64() * 1e3, time.as_secs_f64() * 1e6);
        let count = f64::from(u32::try_from(*size).unwrap());
        let first = times.get(&(*what, SIZES[0]));
        let multiple = first.map_or("-".to_owned(), |first| format!("{:.1}", time.div_duration_f64(*first)));
        println!("{what:16} {size:5} resources {whole:9.3} ms {:7.2} µs each  × {multiple:>6}", each / count);
    }
}
