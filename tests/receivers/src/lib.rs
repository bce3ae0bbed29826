//! Stand-ins for PagerDuty, Slack and a webhook's receiver, on 127.0.0.1.
//!
//! Each remembers what it was sent, deduplicates as the real one does, refuses what the real one refuses, and fails as
//! it is told: [`Behaviour`]. In a test [`Receiver::start`] one; for other processes the binary serves all three:
//!
//! ```sh
//! cargo run -p receivers -- --pagerduty 9001 --slack 9002 --webhook 9003 --secret primary=0123456789abcdef0123456789abcdef
//! curl -d '[{"how":"status","status":429,"retry_after":"2"},{"how":"reset_after"}]' http://127.0.0.1:9002/_receiver/will
//! curl http://127.0.0.1:9002/_receiver/state
//! ```
//!
//! | address | what |
//! |---|---|
//! | `POST /_receiver/will` | how the next requests are answered, a list, one each |
//! | `POST /_receiver/always` | how all are answered that are not in that list |
//! | `GET /_receiver/seen` | the requests that were read |
//! | `GET /_receiver/state` | incidents, messages, deliveries |
//! | `POST /_receiver/forget` | forgets all of it, and answers well again |

mod behaviour;
mod exchange;
mod line;
mod pagerduty;
mod receiver;
mod slack;
#[cfg(test)]
mod tests;
mod webhook;

pub use behaviour::Behaviour;
pub use exchange::{Reply, Request, Site};
pub use pagerduty::{Incident, Pagerduty, Status};
pub use receiver::Receiver;
pub use slack::{Posted, Slack};
pub use webhook::{Delivery, Webhook};
