//! The store port on one DynamoDB table.
//!
//! | item | pk | sk | beside the document |
//! |---|---|---|---|
//! | service | `SVC#<environment>#<service>` | `TARGET` | `epoch`, `lease_holder` while it is held, `barred` while a version is |
//! | service, a rollout's end | `SVC#<environment>#<service>` | `ENDED#<time>#<id>` | |
//! | rollout | `RO#<id>` | `STATE` | `version`, `epoch`, `phase`, keys of the indexes |
//! | history | `RO#<id>` | `EVENT#<number, ten digits>` | |
//! | published configuration | `ENV#<environment>` | `CONFIG#` and ten digits | `version` |
//! | environment's control | `ENV#<environment>` | `CONTROL` | `version` |
//! | load balancer's API budget | `ENV#<environment>` | `BUDGET` | `version`, `owed` and `owed_at` since rollbacks took from it |
//! | months with rollouts | `ENV#<environment>` | `MONTHS` | `months`, a set of `yyyy-mm` |
//! | alerts, a subject | `ALERTS#<home>#WATCH#<environment>[/<service>]` | `STATE` | `version`, keys of the index while it is due |
//! | alerts, a rule over environments | `ALERTS#<home>#ACROSS#<rule>` | `STATE` | the same |
//! | alerts, a group | `ALERTS#<home>#GROUP#<id>` | `STATE` | the same, and while it is open |
//! | alerts, a silence | `ALERTS#<home>` | `SILENCE#<id>` | |
//! | alerts, a channel's circuit | `ALERTS#<home>` | `CIRCUIT#<channel>` | |
//! | costs, a resource | `COST#<home>#<first digit of the SHA-256 of its ARN>` | `RESOURCE#<ARN>` | `version` |
//! | costs, an override | `COST#<home>` | `OVERRIDE#<id>` | |
//! | by execution | `EXEC#<SHA-256 of the ARN>` | `ROLLOUT` | `rollout_id` |
//!
//! The document of an item is the attribute `document`, as JSON text; whatever a condition or an index needs is an
//! attribute of its own, and nothing is ever read back from those. `schema` numbers the form of the item.
//!
//! Index [`RECENT_INDEX`] (`gsi1pk` = `RECENT#<environment>#<yyyy-mm>`, `gsi1sk` = start and id) lists rollouts;
//! [`ACTIVE_INDEX`] (`gsi2pk` = `ACTIVE#<environment>`, `gsi2sk` = end of the lease and id) holds those that are
//! not at rest: its keys are removed by the write that leaves nothing to do; and, as `ALERTS#<home>`, alerts that have
//! something to be looked at. Both lag behind the table, so that they are
//! for lists and never for a decision.

mod alerts;
#[cfg(test)]
mod alerts_tests;
mod below;
mod costs;
#[cfg(test)]
mod costs_tests;
mod environment;
#[cfg(test)]
mod environment_tests;
mod fault;
mod item;
mod key;
#[cfg(test)]
mod publish_tests;
#[cfg(test)]
mod samples;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use below::DynamoBelow;
pub use key::{ACTIVE_INDEX, RECENT_INDEX};
pub use rollout::Share;
pub use store::DynamoStore;
