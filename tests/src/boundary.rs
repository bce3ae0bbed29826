//! Every call that a function makes of a port, numbered, with something in between.
//!
//! All port traits of the engine are wrapped here, and only here. A port that is added to [`Ports`], or a method that is
//! added to a port, does not compile until it is named below, and from then on it is met by every [`Gate`].

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use analysis::{Evidence, Window};
use approval_link::Keyring;
use async_trait::async_trait;
use engine::history::Record;
use engine::outcome::Outcome;
use engine::ports::{
    AlarmState, AlarmTags, Alarms, ApprovalKeys, Begun, Below, Budget, CleanUpSchedule, Clock, CommitError,
    Ended, Fleet, Metrics, Notifier, PortError, PortResult, Prober, Published, Revisions, Served, Stay,
    Store, Traffic, Wanted,
};
use jiff::Timestamp;
use local_stack::Ports;
use rollout::{
    AlarmName, Colour, Control, EnvironmentName, ExecutionArn, Need, Observed, Probe, Rollout, RolloutId,
    Route, RuleSnapshot, Seconds, ServiceName, SmokeTest, Target, Version, Weight,
};
use tokio::sync::Notify;

/// One call of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which invocation of a function makes it, from 1, counted over all functions.
    pub invocation: u64,
    /// The function.
    pub function: Arc<str>,
    /// Whether nobody waits for the answer of the invocation: Lambda tries it again itself.
    pub asynchronous: bool,
    /// Its place among the calls of the invocation, from 1.
    pub index: u32,
    /// The port.
    pub port: &'static str,
    /// The method.
    pub method: &'static str,
    /// Whether its answer can say that it failed.
    pub refusable: bool,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { invocation, function, index, port, method, .. } = self;
        write!(f, "call {index} of invocation {invocation} ({function}): {port}::{method}")
    }
}

/// How a port says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It may work in a moment.
    Transient,
    /// It will not work.
    Permanent,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is made and answered.
    Through,
    /// It is refused, and nothing is done.
    Refused(Refusal),
    /// It is done, and the answer is that it may not have been.
    Lost,
    /// It is done twice, and the second answer is told: the client below the port tried again.
    Repeated,
    /// The process ends before it is done.
    DiesBefore,
    /// The process ends when it is done and before it knows.
    DiesAfter,
    /// It is not done and never answered: the function's timeout ends the process.
    Hangs,
    /// It is never answered and done so long after the function's timeout has ended the process.
    LandsLate(Seconds),
}

/// What stands between functions and ports.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Decides what becomes of a call, and may take its time. [`Fate::Refused`] and [`Fate::Lost`] are for calls that
    /// are [refusable](Call::refusable).
    async fn meet(&self, call: &Call) -> Fate;
}

/// An answer that may be able to say no.
trait Answer: Sized + Send {
    const REFUSABLE: bool;

    fn refused(refusal: Refusal) -> Option<Self>;
}

fn refused(refusal: Refusal) -> PortError {
    let service = "a service";
    match refusal {
        Refusal::Transient => PortError::Transient { service, detail: "the test's fault".to_owned() },
        Refusal::Permanent => PortError::Permanent {
            service,
            detail: "the test's fault".to_owned(),
            remedy: "end the test".to_owned(),
        },
    }
}

impl<T: Send> Answer for PortResult<T> {
    const REFUSABLE: bool = true;

    fn refused(refusal: Refusal) -> Option<Self> {
        Some(Err(refused(refusal)))
    }
}

impl Answer for Result<(), CommitError> {
    const REFUSABLE: bool = true;

    fn refused(refusal: Refusal) -> Option<Self> {
        Some(Err(refused(refusal).into()))
    }
}

impl Answer for Evidence {
    const REFUSABLE: bool = true;

    fn refused(refusal: Refusal) -> Option<Self> {
        Some(Self::SourceDown { reason: refused(refusal).to_string() })
    }
}

impl Answer for Probe {
    const REFUSABLE: bool = true;

    fn refused(refusal: Refusal) -> Option<Self> {
        Some(Self::NotReady(refused(refusal).to_string()))
    }
}

impl Answer for () {
    const REFUSABLE: bool = false;

    fn refused(_: Refusal) -> Option<Self> {
        None
    }
}

/// One invocation of a function: the process that makes the calls.
pub(crate) struct Invocation {
    number: u64,
    function: Arc<str>,
    asynchronous: bool,
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    calls: AtomicU32,
    died: Notify,
    given_up: Notify,
    in_flight: AtomicBool,
    landed: Notify,
}

impl Invocation {
    pub(crate) fn new(
        number: u64,
        (function, asynchronous): (&str, bool),
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            number,
            function: function.into(),
            asynchronous,
            gate,
            clock,
            calls: AtomicU32::new(0),
            died: Notify::new(),
            given_up: Notify::new(),
            in_flight: AtomicBool::new(false),
            landed: Notify::new(),
        }
    }

    /// Returns when the process has ended by itself.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    /// The timeout is over. Whether a request is still on its way.
    pub(crate) fn give_up(&self) -> bool {
        self.given_up.notify_one();
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Returns when the request that was on its way has arrived.
    pub(crate) async fn landed(&self) {
        self.landed.notified().await;
    }

    /// These ports as this invocation reaches them.
    pub(crate) fn between(self: &Arc<Self>, ports: &Ports) -> Ports {
        // No `..`: a new port is a new field, and has to be wrapped. The meter's lines go to the log and cannot fail;
        // what alert-router and cost-optimizer alone reach is disturbed in tests of the engine's own.
        let Ports {
            environment,
            store,
            traffic,
            fleet,
            metrics,
            alarms,
            below,
            served,
            tags,
            prober,
            notifier,
            budget,
            meter,
            revisions,
            schedule,
            keys,
            messages,
            costs,
            clock,
        } = ports.clone();
        Ports {
            environment,
            store: Arc::new(self.wrap(store)),
            traffic: Arc::new(self.wrap(traffic)),
            fleet: Arc::new(self.wrap(fleet)),
            metrics: Arc::new(self.wrap(metrics)),
            alarms: Arc::new(self.wrap(alarms)),
            below: Arc::new(self.wrap(below)),
            served: Arc::new(self.wrap(served)),
            tags: Arc::new(self.wrap(tags)),
            prober: Arc::new(self.wrap(prober)),
            notifier: Arc::new(self.wrap(notifier)),
            budget: Arc::new(self.wrap(budget)),
            meter,
            revisions: Arc::new(self.wrap(revisions)),
            schedule: Arc::new(self.wrap(schedule)),
            keys: Arc::new(self.wrap(keys)),
            messages,
            costs,
            clock: Arc::new(self.wrap(clock)),
        }
    }

    fn wrap<P: ?Sized>(self: &Arc<Self>, inner: Arc<P>) -> Between<P> {
        Between { inner, invocation: Arc::clone(self) }
    }

    async fn call<'a, T: Answer>(
        &self,
        port: &'static str,
        method: &'static str,
        ask: impl Fn() -> Asked<'a, T> + Send + Sync,
    ) -> T {
        let index = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let function = Arc::clone(&self.function);
        let call = Call {
            invocation: self.number,
            function,
            asynchronous: self.asynchronous,
            index,
            port,
            method,
            refusable: T::REFUSABLE,
        };
        let no = |refusal| T::refused(refusal).unwrap_or_else(|| panic!("{call} cannot be refused"));
        match self.gate.meet(&call).await {
            Fate::Through => ask().await,
            Fate::Refused(refusal) => no(refusal),
            Fate::Lost => {
                ask().await;
                no(Refusal::Transient)
            }
            Fate::Repeated => {
                ask().await;
                ask().await
            }
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                ask().await;
                self.die().await
            }
            Fate::Hangs => pending().await,
            Fate::LandsLate(after) => {
                self.in_flight.store(true, Ordering::Relaxed);
                self.given_up.notified().await;
                self.clock.pause(after).await;
                ask().await;
                self.landed.notify_one();
                pending().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        pending().await
    }
}

type Asked<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Between<P: ?Sized> {
    inner: Arc<P>,
    invocation: Arc<Invocation>,
}

macro_rules! between {
    ($($port:ident { $(fn $method:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)* })*) => {$(
        #[async_trait]
        impl $port for Between<dyn $port> {
            $(
                async fn $method(&self, $($argument: $type),*) -> $answer {
                    let ask = || self.inner.$method($($argument),*);
                    self.invocation.call(stringify!($port), stringify!($method), ask).await
                }
            )*
        }
    )*};
}

between! {
    Store {
        fn configuration(environment: &EnvironmentName) -> PortResult<Option<Published>>;
        fn configuration_at(environment: &EnvironmentName, version: u64) -> PortResult<Option<Published>>;
        fn publish(environment: &EnvironmentName, published: &Published) -> PortResult<bool>;
        fn lift_bar(
            environment: &EnvironmentName,
            service: &ServiceName,
            version: &Version,
        ) -> PortResult<bool>;
        fn target(environment: &EnvironmentName, service: &ServiceName) -> PortResult<Option<Target>>;
        fn rollout(id: &RolloutId) -> PortResult<Option<Rollout>>;
        fn rollout_of(execution: &ExecutionArn) -> PortResult<Option<RolloutId>>;
        fn begin(rollout: &Rollout, record: &Record, expected: Option<&Target>) -> PortResult<Begun>;
        fn commit(before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError>;
        fn active(environment: &EnvironmentName) -> PortResult<Vec<Rollout>>;
        fn owing(environment: &EnvironmentName) -> PortResult<Vec<Rollout>>;
        fn control(environment: &EnvironmentName) -> PortResult<Control>;
        fn set_control(environment: &EnvironmentName, control: &Control) -> PortResult<bool>;
        fn history(id: &RolloutId) -> PortResult<Vec<Record>>;
        fn recent(environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>>;
    }
    Traffic {
        fn read(route: &Route, canary: Colour) -> PortResult<Observed>;
        fn set(route: &Route, canary: Colour, weight: Weight) -> PortResult<()>;
        fn restore(route: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()>;
        fn admit(route: &Route) -> PortResult<Result<RuleSnapshot, String>>;
    }
    Fleet {
        fn bring_up(route: &Route, colour: Colour, version: &Version) -> PortResult<()>;
        fn take_down(route: &Route, colour: Colour) -> PortResult<()>;
        fn healthy(route: &Route, colour: Colour) -> PortResult<Result<(), String>>;
    }
    Metrics {
        fn minutes(route: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence;
    }
    Alarms {
        fn states(alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>>;
    }
    Below {
        fn ended(environment: &EnvironmentName, service: &ServiceName) -> PortResult<Vec<Ended>>;
    }
    Served {
        fn requests(stay: &Stay, now: Timestamp) -> PortResult<u64>;
    }
    AlarmTags {
        fn of(alarm: &str) -> PortResult<Vec<(String, String)>>;
    }
    Prober {
        fn probe(endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe;
    }
    Notifier {
        fn publish(outcome: &Outcome) -> PortResult<()>;
    }
    Budget {
        fn forward(environment: &EnvironmentName, need: Need, now: Timestamp) -> PortResult<Seconds>;
        fn spent(environment: &EnvironmentName, now: Timestamp) -> PortResult<Seconds>;
    }
    CleanUpSchedule {
        fn schedule(id: &RolloutId, attempt: u32, at: Timestamp) -> PortResult<()>;
    }
    ApprovalKeys {
        fn keys() -> PortResult<Keyring>;
        fn newer() -> PortResult<Option<Keyring>>;
    }
    Revisions {
        fn of(pipeline: &str, execution_id: &str) -> PortResult<Version>;
    }
}

#[async_trait]
impl Clock for Between<dyn Clock> {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    async fn pause(&self, span: Seconds) {
        self.invocation.call("Clock", "pause", || self.inner.pause(span)).await;
    }
}
