//! What the engine needs from the world. Adapters implement these; the engine knows no other way out.

mod alerts;
mod cost;

use analysis::{Evidence, Histories, Window};
use approval_link::Keyring;
use async_trait::async_trait;
use jiff::Timestamp;
use rollout::{
    AlarmName, Colour, Control, EnvironmentName, ExecutionArn, Need, Observed, Probe, Rollout, RolloutId,
    Route, RuleSnapshot, Seconds, ServiceName, SmokeTest, Source, Target, Version, Weight,
};

pub use self::cost::{Cause, CostMeter, CostStore, Kept, MonthSoFar, Order, Refused, Resources, Troubles};
pub use alerts::{AlertStore, ChannelSecrets, Courier, DeadLetters, Parcel, Timers};

pub use crate::below::{Ended, Ending, Serving, Stay};
use crate::history::Record;
use crate::outcome::Outcome;
pub use crate::publish::Published;

/// What any port can answer when it cannot do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// It may work in a moment: throttled, timed out, connection lost. The state machine retries.
    #[error("{service} is not answering: {detail}; the state machine tries again")]
    Transient {
        /// The service, as a person knows it: "DynamoDB", "Elastic Load Balancing".
        service: &'static str,
        /// What happened, without any secret.
        detail: String,
    },
    /// It will not work until somebody changes something.
    #[error("{service} refuses: {detail}; {remedy}")]
    Permanent {
        /// The service.
        service: &'static str,
        /// What happened, without any secret.
        detail: String,
        /// What to change.
        remedy: String,
    },
}

impl PortError {
    /// What a failed call comes to: an adapter knows whether it may work in a moment.
    pub fn of(service: &'static str, transient: bool, detail: String, remedy: &str) -> Self {
        if transient {
            Self::Transient { service, detail }
        } else {
            Self::Permanent { service, detail, remedy: remedy.to_owned() }
        }
    }
}

/// The answer of a port.
pub type PortResult<T> = Result<T, PortError>;

/// Why a commit was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CommitError {
    /// Somebody else changed the rollout, or the service's epoch moved: load and decide again.
    #[error("rollout {id} was changed by somebody else at the same time")]
    Conflict {
        /// The rollout.
        id: RolloutId,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What came of beginning a rollout.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It is stored, and holds the service.
    Created,
    /// A rollout of this id is there already: the event was delivered before.
    Exists(Box<Rollout>),
    /// Another rollout holds the service.
    Busy(Target),
}

/// The rollouts' memory. Every read is consistent; every write is one transaction.
#[async_trait]
pub trait Store: Send + Sync {
    /// The newest published configuration of an environment.
    async fn configuration(&self, environment: &EnvironmentName) -> PortResult<Option<Published>>;

    /// A published configuration by its version: what rollouts were made from stays readable.
    async fn configuration_at(
        &self,
        environment: &EnvironmentName,
        version: u64,
    ) -> PortResult<Option<Published>>;

    /// Publishes a configuration if its version is the one after the newest, 1 for the first. `false`, and nothing is
    /// changed, when it is not; the newest one again is `true`, and changes nothing either.
    async fn publish(&self, environment: &EnvironmentName, published: &Published) -> PortResult<bool>;

    /// A service's target; `None` before its first rollout.
    async fn target(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
    ) -> PortResult<Option<Target>>;

    /// Lifts the bar of exactly this version from a service that no rollout holds; `false`, and nothing is changed, when
    /// another version is barred, or none, or a rollout holds the service, which has a [copy](Rollout::barred) of its own.
    async fn lift_bar(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        version: &Version,
    ) -> PortResult<bool>;

    /// A rollout.
    async fn rollout(&self, id: &RolloutId) -> PortResult<Option<Rollout>>;

    /// The rollout that an execution drives.
    async fn rollout_of(&self, execution: &ExecutionArn) -> PortResult<Option<RolloutId>>;

    /// In one transaction: the rollout if its id is new, its first record, the link from its execution, and (unless
    /// the rollout is [`Refused`](rollout::Phase::Refused)) the target, if `expected` is still there: the same epoch
    /// and bar and a free lease, or no target where `expected` is `None`.
    async fn begin(&self, rollout: &Rollout, record: &Record, expected: Option<&Target>)
    -> PortResult<Begun>;

    /// In one transaction: the rollout if the stored one is `before` (same version), the record if its number is
    /// free, and the target. While `before` is not terminal the target must be at `before`'s epoch and held by it,
    /// and becomes [`Rollout::target`] of `after`. Once terminal the target is not written, but must still be free
    /// at the rollout's epoch when `after` asks for a [`TakeDown`](rollout::Effect::TakeDown).
    async fn commit(&self, before: &Rollout, after: &Rollout, record: &Record) -> Result<(), CommitError>;

    /// The rollouts of an environment that are [`Active`](rollout::Standing::Active). The list may lag behind by a
    /// moment; a commit on what it says is checked like any other.
    async fn active(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>>;

    /// The rollouts of an environment that are [`Owing`](rollout::Standing::Owing), as far behind. Not in one list with
    /// the others, which an alarm has to wait for.
    async fn owing(&self, environment: &EnvironmentName) -> PortResult<Vec<Rollout>>;

    /// What holds for the whole environment.
    async fn control(&self, environment: &EnvironmentName) -> PortResult<Control>;

    /// Replaces the environment's control if the stored one has the version before; `false` when it has another.
    async fn set_control(&self, environment: &EnvironmentName, control: &Control) -> PortResult<bool>;

    /// The records of a rollout, oldest first.
    async fn history(&self, id: &RolloutId) -> PortResult<Vec<Record>>;

    /// The newest rollouts of an environment, newest first, at most `limit`.
    async fn recent(&self, environment: &EnvironmentName, limit: usize) -> PortResult<Vec<Rollout>>;
}

/// The rule that divides a service's traffic.
#[async_trait]
pub trait Traffic: Send + Sync {
    /// What the rule does now, seen with `canary` as the new version's colour.
    async fn read(&self, route: &Route, canary: Colour) -> PortResult<Observed>;

    /// Gives `canary` this share and the other colour the rest. Replaces whatever target groups the rule had; keeps
    /// its other actions.
    async fn set(&self, route: &Route, canary: Colour, weight: Weight) -> PortResult<()>;

    /// Gives the colour that is not `canary` everything, in one call and without reading first: the rest of the rule
    /// becomes what it was when it was admitted.
    async fn restore(&self, route: &Route, canary: Colour, rule: &RuleSnapshot) -> PortResult<()>;

    /// Whether the rule can carry a rollout: it exists, forwards to exactly our two groups, is not the default rule,
    /// and has no stickiness. `Ok` inside is the rule as it is, `Err` says why not and what to do.
    async fn admit(&self, route: &Route) -> PortResult<Result<RuleSnapshot, String>>;
}

/// The machines behind a colour.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Brings a colour up with a version. Asked twice, it is done once.
    async fn bring_up(&self, route: &Route, colour: Colour, version: &Version) -> PortResult<()>;

    /// Takes a colour down. Asked twice, it is done once.
    async fn take_down(&self, route: &Route, colour: Colour) -> PortResult<()>;

    /// Whether the load balancer sees the colour's targets as healthy; otherwise why not.
    async fn healthy(&self, route: &Route, colour: Colour) -> PortResult<Result<(), String>>;
}

/// What is counted of each minute beside requests and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The latency objective, in milliseconds.
    pub slow_over_ms: Option<u32>,
    /// The judge's further metrics: both arms say of each, in this order, what it was or that it is
    /// [missing](analysis::Sample::Missing).
    pub further: &'a [Source],
}

/// The evidence.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Both arms' counts for each minute of the window, in one call; a source out of reach is
    /// [`Evidence::SourceDown`], not an error.
    async fn minutes(&self, route: &Route, canary: Colour, window: Window, wanted: Wanted<'_>) -> Evidence;

    /// What `live` did in the minutes of the window, before a rollout; `Err` says why that is not known. From the same
    /// counts as [`Self::minutes`] where a source does not know more, such as how zones compare.
    async fn history(
        &self,
        route: &Route,
        live: Colour,
        window: Window,
        slow_over_ms: Option<u32>,
    ) -> Result<Histories, String> {
        match self.minutes(route, live.other(), window, Wanted { slow_over_ms, ..Wanted::default() }).await {
            Evidence::Minutes(minutes) => Ok(Histories::of(&minutes)),
            Evidence::SourceDown { reason } => Err(reason),
        }
    }
}

/// What a guardrail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// Fine, or not enough data to say otherwise.
    Quiet,
    /// In ALARM.
    Alarm,
    /// There is no alarm of that name.
    Missing,
}

/// The guardrails.
#[async_trait]
pub trait Alarms: Send + Sync {
    /// The state of each alarm, in the order given.
    async fn states(&self, alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>>;
}

/// What alarms are tagged with.
#[async_trait]
pub trait AlarmTags: Send + Sync {
    /// Name and value of every tag of the alarm with this ARN; none where there is no such alarm any more.
    async fn of(&self, alarm: &str) -> PortResult<Vec<(String, String)>>;
}

/// The new version itself.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Looks at `<endpoint><path>`, then runs the smoke tests against `endpoint`. What the service answers, or that
    /// it does not answer, is a [`Probe`], not an error.
    async fn probe(&self, endpoint: &str, path: &str, smoke_tests: &[SmokeTest]) -> Probe;
}

/// Those who want to know.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Publishes an outcome. It may be told twice: [`Outcome::id`] tells them apart.
    async fn publish(&self, outcome: &Outcome) -> PortResult<()>;
}

/// The reminder to clean up.
#[async_trait]
pub trait CleanUpSchedule: Send + Sync {
    /// Calls promote-step with this rollout's clean-up at that time. Asked twice, it calls once.
    async fn schedule(&self, id: &RolloutId, attempt: u32, at: Timestamp) -> PortResult<()>;
}

/// What a pipeline execution built.
#[async_trait]
pub trait Revisions: Send + Sync {
    /// The version that an execution of a pipeline delivered.
    async fn of(&self, pipeline: &str, execution_id: &str) -> PortResult<Version>;
}

/// The load balancer's API budget, shared by every rollout of the environment: a copy of AWS's token buckets for an
/// account and region, see [`Bucket`](rollout::Bucket).
#[async_trait]
pub trait Budget: Send + Sync {
    /// Takes the calls of something that can wait. Zero means granted; otherwise nothing was taken, and this is how
    /// long to wait. What rollbacks may need is left in the bucket.
    async fn forward(&self, environment: &EnvironmentName, need: Need, now: Timestamp)
    -> PortResult<Seconds>;

    /// Takes the calls of a rollback, which are there or not. A rollback tries first and tells afterwards; one that was
    /// throttled tells before it tries again, and is answered when its turn comes.
    async fn spent(&self, environment: &EnvironmentName, now: Timestamp) -> PortResult<Seconds>;
}

/// The environment below, from which versions come.
#[async_trait]
pub trait Below: Send + Sync {
    /// How the rollouts of a service ended there, the newest at least, in whatever order. It is read before something
    /// starts, and has to show what ended a moment ago.
    async fn ended(&self, environment: &EnvironmentName, service: &ServiceName) -> PortResult<Vec<Ended>>;
}

/// What versions have served in the environment below.
#[async_trait]
pub trait Served: Send + Sync {
    /// The requests of a stay up to now. What is not known for certain to belong to it is not counted.
    async fn requests(&self, stay: &Stay, now: Timestamp) -> PortResult<u64>;
}

/// The keys that sign approval links.
#[async_trait]
pub trait ApprovalKeys: Send + Sync {
    /// The keys in use.
    async fn keys(&self) -> PortResult<Keyring>;

    /// Newer ones than [`keys`](Self::keys) gave, if there are any: a link was signed with a key that is not among them.
    /// Whoever sends forged links makes this be asked again and again, so that it has to be cheap where there are none.
    async fn newer(&self) -> PortResult<Option<Keyring>>;
}

/// The clock.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Waits within one invocation; only for spans well under a function's timeout.
    async fn pause(&self, span: Seconds);
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A rollout began.
    Started,
    /// A rollout ended promoted.
    Promoted,
    /// A rollout ended rolled back.
    RolledBack,
    /// How long a rollout took that ended now.
    Lasted(jiff::SignedDuration),
    /// How long after the last judged minute had ended its verdict was stored.
    DecidedAfter(jiff::SignedDuration),
}

/// The project's own metrics.
pub trait Meter: Send + Sync {
    /// Takes a measure.
    fn measure(&self, environment: &EnvironmentName, service: &ServiceName, measure: Measure);
}
