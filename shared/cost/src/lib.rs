//! What of an environment is stopped and started when, in which order, and what that saves.
//!
//! Everything is decided from what is wanted and what is seen, never from what was meant to have happened: a lost, late or
//! doubled tick changes nothing. What is remembered of a resource ([`Record`]) is written before anything is asked of it.

mod decide;
mod kept;
#[cfg(any(test, feature = "model"))]
pub mod model;
mod plan;
mod record;
mod resource;
mod savings;
mod select;

pub use decide::{Act, Decision, Standing, View, Wish, decide, notice, power};
pub use kept::OverrideId;
pub use plan::{Moment, Subject, plan, ready_by};
pub use record::{Lease, Ours, Power, Record, Told, Trouble};
pub use resource::{Arn, CacheShape, Family, Kind, Seen, Shape, Snapshot, State, Tier};
pub use savings::{EXAMPLE_PRICES, Money, Prices, Saved, savings};
pub use select::{
    COST, Choice, ENVIRONMENT, InvalidPattern, KEEP, Rules, is_production, names, says_production,
};

#[cfg(test)]
mod tests;
