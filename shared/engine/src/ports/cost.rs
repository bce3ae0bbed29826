//! What cost-optimizer needs from the world.

use std::collections::BTreeMap;

use async_trait::async_trait;
use contract::ResourceTrouble;
use cost::{Act, Family, Money, OverrideId, Record, Seen};
use jiff::Timestamp;
use rollout::EnvironmentName;
use schedule::Override;

use super::PortResult;

/// What somebody wants kept on or off for a while, and what that is called.
pub type Kept = (OverrideId, Override);

/// The memory of what is stopped and started, one for the environment whose stack it is.
#[async_trait]
pub trait CostStore: Send + Sync {
    /// What is remembered of every resource.
    async fn resources(&self, home: &EnvironmentName) -> PortResult<Vec<Record>>;

    /// Writes what is remembered of a resource, if the stored one has the version before, 0 for none. `false`, and nothing
    /// is changed, when it has not.
    async fn put_resource(&self, home: &EnvironmentName, record: &Record) -> PortResult<bool>;

    /// What somebody wants kept on or off, what has ended among it for a while.
    async fn overrides(&self, home: &EnvironmentName) -> PortResult<Vec<Kept>>;

    /// Writes an override, whatever is stored.
    async fn put_override(&self, home: &EnvironmentName, kept: &Kept) -> PortResult<()>;

    /// Takes an override away; `false` when there is none of that name.
    async fn remove_override(&self, home: &EnvironmentName, id: &OverrideId) -> PortResult<bool>;
}

/// Something to be done with a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Which, as it was seen.
    pub seen: Seen,
    /// What.
    pub act: Act,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In AWS's words, and what to change where it will not come right by itself.
    pub why: String,
    /// What that is to whoever asked.
    pub cause: Cause,
}

/// What a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// AWS takes no more orders of that kind at the moment: it is as if nothing was asked.
    Throttled,
    /// AWS has not enough machines of that type.
    Capacity,
    /// Anything else.
    Other,
}

/// The resources of one service of AWS.
#[async_trait]
pub trait Resources: Send + Sync {
    /// Which.
    fn family(&self) -> Family;

    /// Everything that has all of these tags; and, as [`Gone`](cost::State::Gone) and with their snapshots, the caches among
    /// what is remembered that are no more.
    async fn see(&self, tags: &BTreeMap<String, String>, known: &[Record]) -> PortResult<Vec<Seen>>;

    /// Does all of it, and says what came of each, in the order of the orders. What is done already is done.
    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>>;
}

/// Tells alert-router of resources that are stuck, and that are not any more.
#[async_trait]
pub trait Troubles: Send + Sync {
    /// Tells it.
    async fn tell(&self, trouble: &ResourceTrouble) -> PortResult<()>;
}

/// What being off has saved in a month so far, in UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthSoFar {
    /// How many hours everything together was off.
    pub hours: f64,
    /// What that would have cost, of everything that has a price, and in which currency; `None` without a price list.
    pub saved: Option<(Money, String)>,
}

/// The metrics of what is stopped and started.
pub trait CostMeter: Send + Sync {
    /// Takes what was saved up to now.
    fn saved(&self, environment: &EnvironmentName, month: &MonthSoFar, now: Timestamp);
}
