//! Outcomes, and what is stuck, as events to an EventBridge event bus.
//!
//! An [`Outcome`] becomes one event: `source` is [`SOURCE`], `detail-type` is its milestone in words
//! ([`detail_type`]: `Rollout Promoted`, `Rollout Rolled Back`), `detail` is the outcome's JSON, the same that
//! subscribers of the topic get, and `time` is when it was decided. Delivery is at least once: [`Outcome::id`] tells a
//! repeated one.
//!
//! A resource that is stuck, or is not any more, becomes one with the detail type [`TROUBLE`].
//!
//! The same source asks for rollouts (`Rollout Requested`). No milestone is called so, and an outcome that were is
//! refused here: a rollout must not start another one by ending.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use contract::ResourceTrouble;
use engine::outcome::Outcome;
use engine::ports::{Notifier, PortError, PortResult, Troubles};
use jiff::Timestamp;
use serde::Serialize;

/// The source of every event of this project.
pub const SOURCE: &str = "ace-flow";

/// The detail type of a resource that is stuck.
pub const TROUBLE: &str = "Resource Trouble";

/// The detail type that starts a rollout.
const REQUEST: &str = "Rollout Requested";

const SERVICE: &str = "EventBridge";

/// The name or the ARN of an event bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusName(String);

/// A text that names no event bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event bus: write its name (letters, digits and ._-/, at most 256) or its ARN")]
pub struct InvalidBusName(String);

impl Default for BusName {
    /// The bus that every account has.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for BusName {
    type Err = InvalidBusName;

    /// As `EventBusName` in the EventBridge API Reference, `CreateEventBus`.
    fn from_str(text: &str) -> Result<Self, InvalidBusName> {
        let name = match text.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "events", _, _, resource] => resource.strip_prefix("event-bus/"),
            [name] => Some(*name),
            _ => None,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        match name {
            Some(name) if (1..=256).contains(&name.len()) && name.chars().all(allowed) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidBusName(text.to_owned())),
        }
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The detail type of a milestone: `Rollout` and its name in words, `rolled_back` as `Rollout Rolled Back`.
pub fn detail_type(milestone: &str) -> String {
    milestone.split('_').fold("Rollout".to_owned(), |mut words, word| {
        words.push(' ');
        let mut letters = word.chars();
        words.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        words.push_str(letters.as_str());
        words
    })
}

/// Puts outcomes, and what is stuck, on one event bus.
#[derive(Clone, Debug)]
pub struct BusNotifier {
    client: Client,
    bus: BusName,
}

impl BusNotifier {
    /// On this bus, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, bus: BusName) -> Self {
        Self { client: Client::new(config), bus }
    }

    /// Puts an event, which people know by this name.
    async fn put(
        &self,
        name: &str,
        detail_type: &str,
        detail: &(impl Serialize + Sync),
        at: Timestamp,
    ) -> PortResult<()> {
        let detail = serde_json::to_string(detail)
            .map_err(|error| defect(format!("{name} does not serialise: {error}")))?;
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus.0)
            .source(SOURCE)
            .detail_type(detail_type)
            .detail(detail)
            .time(DateTime::from_secs(at.as_second()))
            .build();
        let put = self.client.put_events().entries(entry).send().await;
        let answer = put.map_err(|error| port(&Fault::new("events:PutEvents", &error)))?;
        // The call succeeds even if the entry in it did not.
        match answer.entries().first() {
            Some(entry) if entry.error_code.is_some() => Err(refused(name, entry)),
            _ if answer.failed_entry_count > 0 => Err(PortError::Transient {
                service: SERVICE,
                detail: format!("{name} was not taken, and no reason is given"),
            }),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Notifier for BusNotifier {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        let name = format!("outcome {}", outcome.id);
        let detail_type = detail_type(&outcome.milestone);
        if detail_type == REQUEST {
            return Err(defect(format!("{name} would start a rollout")));
        }
        self.put(&name, &detail_type, outcome, outcome.at).await
    }
}

#[async_trait]
impl Troubles for BusNotifier {
    async fn tell(&self, trouble: &ResourceTrouble) -> PortResult<()> {
        let name = format!("trouble of {} {}", trouble.kind, trouble.resource);
        self.put(&name, TROUBLE, trouble, trouble.at).await
    }
}

fn defect(detail: String) -> PortError {
    PortError::Permanent {
        service: SERVICE,
        detail,
        remedy: "report this as a defect of ACE-Flow".to_owned(),
    }
}

/// Which codes are worth another try: EventBridge API Reference, `PutEventsResultEntry`.
fn refused(name: &str, entry: &PutEventsResultEntry) -> PortError {
    let code = entry.error_code().unwrap_or_default();
    let message = entry.error_message().unwrap_or("no message");
    let detail = format!("events:PutEvents refused {name}: {code}: {message}");
    match code {
        "InternalFailure" | "InternalException" | "ThrottlingException" => {
            PortError::Transient { service: SERVICE, detail }
        }
        _ => PortError::Permanent {
            service: SERVICE,
            detail,
            remedy: "correct ACE_EVENT_BUS, or allow events:PutEvents on that bus to the function's role"
                .to_owned(),
        },
    }
}

fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
mod tests;
