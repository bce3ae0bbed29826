use std::collections::BTreeMap;

use alerting::{ChannelName, Health, SilenceId};
use aws_lambda_events::sns::SnsEvent;
use jiff::Timestamp;
use rollout::{EnvironmentName, Epoch, RolloutId, ServiceName, Version, Weight};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alarm::{Alarm, AlarmChange};
use crate::cost_optimizer::ResourceTrouble;
use crate::request::{Refusal, Sweep, parsed, swept, text};

/// The longest part of something that was not understood that is shown, in characters.
const LONGEST_EXCERPT: usize = 400;

/// What alert-router is given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum AlertRouter {
    /// Something was heard.
    Heard(Vec<Heard>),
    /// It is time to look at something again.
    Due(Due),
    /// Time to look for what was forgotten.
    Sweep,
    /// A person takes a group.
    Acknowledge(Acknowledge),
    /// A person silences alerts.
    Silence(SilenceOrder),
    /// A person ends a silence.
    Unsilence(Unsilence),
    /// A person tries a channel.
    TryChannel(TryChannel),
}

/// Something that was heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An alarm changed its state, or a resource is stuck that is stopped and started, or is not any more.
    Alarm {
        /// The alarm.
        change: Box<AlarmChange>,
        /// Whether somebody sent it here, and not only to everybody who listens.
        addressed: bool,
    },
    /// Somebody looked at an environment.
    Status(EnvironmentStatus),
    /// A rollout got on.
    Outcome(RolloutOutcome),
    /// It was meant to be one of these and could not be read. People have to know that, too.
    Malformed {
        /// Why not.
        why: String,
        /// Its beginning.
        excerpt: String,
    },
    /// It is none of these.
    Other {
        /// What it calls itself.
        what: String,
    },
}

/// The detail of the event `Environment Status Changed` of source `ace-flow`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentStatus {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// How it is.
    pub status: Health,
    /// How it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Health>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// When that was seen; without it, when the event was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What was measured, by the fields of conditions: times in milliseconds, shares in percent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// The detail of an outcome of a rollout, as far as alerts are about it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RolloutOutcome {
    /// The rollout.
    pub rollout: RolloutId,
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The version that is rolled out.
    pub version: Version,
    /// The rollout's epoch then.
    pub epoch: Epoch,
    /// What was reached.
    pub milestone: String,
    /// What a person wants to know about it.
    pub detail: String,
    /// The canary weight that was wanted then, in percent.
    pub weight: Weight,
    /// When the rollout began.
    pub started_at: Timestamp,
    /// When it was decided.
    pub at: Timestamp,
}

/// What a timer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// What kind of thing.
    pub of: DueOf,
    /// Which one.
    pub key: String,
    /// When it was to be looked at.
    pub at: Timestamp,
}

/// What kind of thing a timer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DueOf {
    /// A subject and its rules.
    Watch,
    /// A rule that counts over environments.
    Across,
    /// A group of alerts.
    Group,
}

/// A person takes a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// The group's id.
    pub group: String,
    /// Who.
    pub by: String,
    /// What they say.
    #[serde(default)]
    pub reason: String,
}

/// A person silences alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceOrder {
    /// Which alerts: a condition over environment, service, rule and severity.
    pub alerts: String,
    /// Until when.
    pub until: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A person ends a silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unsilence {
    /// Which.
    pub silence: SilenceId,
    /// Who.
    pub by: String,
}

/// A person tries a channel: it gets a message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TryChannel {
    /// Which.
    pub channel: ChannelName,
    /// Who.
    pub by: String,
}

/// What alert-router answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRouterReply {
    /// What came of it.
    pub result: AlertRouterResult,
    /// Why, for a person.
    pub reason: String,
    /// The groups that it was about.
    pub groups: Vec<String>,
    /// How many messages were delivered.
    pub delivered: u32,
    /// How many could not be.
    pub failed: u32,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertRouterResult {
    /// It was taken in, and whoever is to be told now has been told.
    Routed,
    /// It changes nothing.
    Ignored,
    /// An order was carried out.
    Applied,
    /// An order was not.
    Refused,
}

impl Due {
    /// What a timer sends when its time has come.
    pub fn payload(&self) -> Value {
        serde_json::json!({ "due": self })
    }
}

impl TryFrom<Value> for AlertRouter {
    type Error = Refusal;

    fn try_from(value: Value) -> Result<Self, Refusal> {
        if value.get("Records").is_some() {
            return Ok(Self::Heard(of_sns(value)));
        }
        if value.get("detail-type").is_some() {
            return Ok(Self::Heard(vec![of_event(&value)]));
        }
        if let Some(sweep) = value.get("sweep") {
            return swept(sweep).map(|Sweep {}| Self::Sweep);
        }
        let of = |name: &str| value.get(name).cloned();
        if let Some(due) = of("due") {
            return order("due", due).map(Self::Due);
        }
        if let Some(wanted) = of("acknowledge") {
            return order("acknowledge", wanted).map(Self::Acknowledge);
        }
        if let Some(wanted) = of("silence") {
            return order("silence", wanted).map(Self::Silence);
        }
        if let Some(wanted) = of("unsilence") {
            return order("unsilence", wanted).map(Self::Unsilence);
        }
        if let Some(wanted) = of("try_channel") {
            return order("try_channel", wanted).map(Self::TryChannel);
        }
        // Whatever it is, somebody sent it here to be told of.
        Ok(Self::Heard(vec![malformed(
            "it is no alarm, no event and no order: compare it with the samples in events/".to_owned(),
            &outline(&value),
        )]))
    }
}

/// The names in something of no known shape, and none of its values: any of them may be a secret.
fn outline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().map(|name| format!("{name:?}: …")).collect();
            format!("{{{}}}", names.join(", "))
        }
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::String(_) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Null => "nothing".to_owned(),
    }
}

fn order<T: serde::de::DeserializeOwned>(name: &str, value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string().as_str() {
        "." => format!("{name}: {}", error.inner()),
        path => format!("{name}.{path}: {}", error.inner()),
    })
}

fn malformed(why: String, text: &str) -> Heard {
    Heard::Malformed { why, excerpt: text.chars().take(LONGEST_EXCERPT).collect() }
}

/// Alarms that were sent to a topic of the stack. One that cannot be read does not keep the others from being heard.
fn of_sns(value: Value) -> Vec<Heard> {
    let whole = value.to_string();
    let event: SnsEvent = match serde_path_to_error::deserialize(value) {
        Ok(event) => event,
        Err(error) => {
            return vec![malformed(format!("{}: {}", error.path(), error.inner()), &whole)];
        }
    };
    let heard = event.records.iter().map(|record| {
        let message = &record.sns.message;
        match AlarmChange::of_message(message) {
            Ok(change) => Heard::Alarm { change: Box::new(change), addressed: true },
            Err(why) => malformed(why, message),
        }
    });
    heard.collect()
}

fn of_event(event: &Value) -> Heard {
    let read = match text(event, "detail-type") {
        Ok("CloudWatch Alarm State Change") => alarm_event(event),
        Ok("CloudWatch Alarm Configuration Change") => match event.pointer("/detail/operation") {
            Some(Value::String(operation)) if operation == "delete" => alarm_event(event),
            _ => Ok(Heard::Other { what: "CloudWatch Alarm Configuration Change".to_owned() }),
        },
        Ok("Environment Status Changed") => status_event(event),
        Ok("Resource Trouble") => trouble_event(event),
        Ok(what) if what.starts_with("Rollout ") && event.pointer("/detail/milestone").is_some() => {
            outcome_event(event)
        }
        Ok(what) => Ok(Heard::Other { what: what.to_owned() }),
        Err(why) => Err(why),
    };
    read.unwrap_or_else(|why| malformed(why, &event.to_string()))
}

fn alarm_event(event: &Value) -> Result<Heard, Refusal> {
    let change = Box::new(AlarmChange::of_event(event)?);
    Ok(Heard::Alarm { change, addressed: false })
}

/// A resource that is stuck is an alarm of the environment: it rings until the resource is not stuck any more.
fn trouble_event(event: &Value) -> Result<Heard, Refusal> {
    let trouble: ResourceTrouble = order("detail", event.get("detail").cloned().unwrap_or_default())?;
    let ResourceTrouble { environment, kind, resource, stuck, reason, at } = trouble;
    let alarm = Alarm {
        name: format!("cost: {kind} {resource}"),
        state: if stuck { "ALARM" } else { "OK" }.to_owned(),
        changed_at: at,
        account: text(event, "account")?.to_owned(),
        arn: None,
        dimensions: vec![("environment".to_owned(), environment.to_string())],
    };
    let change = Box::new(AlarmChange { alarm, reason, metric: None });
    Ok(Heard::Alarm { change, addressed: false })
}

fn status_event(event: &Value) -> Result<Heard, Refusal> {
    let detail = event.get("detail").cloned().unwrap_or_default();
    let mut status: EnvironmentStatus = order("detail", detail)?;
    if status.at.is_none() {
        status.at = Some(parsed(event, "time")?);
    }
    Ok(Heard::Status(status))
}

fn outcome_event(event: &Value) -> Result<Heard, Refusal> {
    let detail = event.get("detail").cloned().unwrap_or_default();
    order("detail", detail).map(Heard::Outcome)
}
