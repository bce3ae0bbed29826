//! What Alertmanager's webhooks are sent to.

use std::collections::BTreeSet;

use jiff::Timestamp;
use receivers::{Reply, Request, Site};
use serde_json::{Value, json};

use crate::scenario::{Channel, Time};
use crate::told::Told;

/// The messages of one channel, with when they came.
#[derive(Default)]
pub struct Inbox(Vec<(Timestamp, Value)>);

impl Site for Inbox {
    fn handle(&mut self, request: &Request) -> Reply {
        self.0.push((request.at, request.json()));
        Reply::text(200, "")
    }

    fn state(&self) -> Value {
        json!({ "messages": self.0.len() })
    }

    fn forget(&mut self) {
        self.0.clear();
    }
}

impl Inbox {
    /// The messages, with their times as `time` has them.
    pub fn told(&self, channel: Channel, time: impl Fn(Timestamp) -> Time) -> Result<Vec<Told>, String> {
        let told = |(at, message): &(Timestamp, Value)| {
            told(message, channel, time(*at))
                .ok_or_else(|| format!("this is no message of Alertmanager's webhook: {message}"))
        };
        self.0.iter().map(told).collect()
    }
}

/// The payload of a webhook ("Configuration: `webhook_config`" in Alertmanager's documentation).
fn told(message: &Value, channel: Channel, at: Time) -> Option<Told> {
    let label = |name: &str| message.pointer("/groupLabels")?.get(name)?.as_str();
    let unit = [label("environment"), label("service")].into_iter().flatten().collect::<Vec<_>>().join("/");
    let firing = message.get("status")?.as_str()? == "firing";
    let (mut says, mut names) = (BTreeSet::new(), BTreeSet::new());
    for alert in message.get("alerts")?.as_array()? {
        let name = alert.pointer("/labels/alertname")?.as_str()?;
        let fires = alert.get("status")?.as_str()? == "firing";
        says.insert(format!(
            "{}{name} since {}",
            if fires { "" } else { "ended: " },
            alert.get("startsAt")?.as_str()?
        ));
        if fires {
            names.insert(name.to_owned());
        }
    }
    let says = says.into_iter().collect::<Vec<_>>().join(", ");
    let says = format!("{}: {says}", if firing { "firing" } else { "resolved" });
    Some(Told { at, channel, unit, firing, says, names, again: false })
}
