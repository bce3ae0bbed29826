use cost::{Arn, Kind, OverrideId};
use jiff::Timestamp;
use rollout::EnvironmentName;
use schedule::WrittenOverride;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::{Refusal, text};

/// The categories of RDS events that say that AWS has started a database by itself ("Amazon RDS event categories and event
/// messages", Amazon RDS User Guide): of an instance and of a cluster.
const WOKEN: [&str; 2] = ["RDS-EVENT-0154", "RDS-EVENT-0153"];

/// What cost-optimizer is given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum CostOptimizer {
    /// Time to look at everything.
    Tick,
    /// AWS has started a database by itself.
    Woken(Arn),
    /// A person wants something on or off for a while.
    Override(WrittenOverride),
    /// A person does not want that any more.
    EndOverride(EndOverride),
    /// An event that is about nothing here.
    Other {
        /// What it says.
        what: String,
    },
}

/// A person ends an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndOverride {
    /// Which.
    #[serde(rename = "override")]
    pub id: OverrideId,
    /// Who.
    pub by: String,
}

/// What cost-optimizer answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostOptimizerReply {
    /// What came of it.
    pub result: CostOptimizerResult,
    /// Why, for a person.
    pub reason: String,
    /// How many resources are as they should be, on their way there, or left as a person wants them.
    pub settled: u32,
    /// How many were asked to start or stop now.
    pub asked: u32,
    /// How many wait for something: a rollout, an incident, what depends on them.
    pub waiting: u32,
    /// How many cannot be stopped, or are left out.
    pub kept: u32,
    /// How many were tried and failed.
    pub failing: u32,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostOptimizerResult {
    /// Everything was looked at.
    Ticked,
    /// There is nothing to look at.
    Ignored,
    /// An order was carried out.
    Applied,
    /// An order was not.
    Refused,
}

/// The detail of the event `Resource Trouble` of source `ace-flow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceTrouble {
    /// The environment.
    pub environment: EnvironmentName,
    /// What kind of resource.
    pub kind: Kind,
    /// What people call it.
    pub resource: String,
    /// Whether it is stuck, or is not any more.
    pub stuck: bool,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

impl TryFrom<Value> for CostOptimizer {
    type Error = Refusal;

    fn try_from(value: Value) -> Result<Self, Refusal> {
        if let Some(what) = value.get("detail-type") {
            let id = value.pointer("/detail/EventID").and_then(Value::as_str).unwrap_or_default();
            if WOKEN.contains(&id) {
                return text(&value, "detail.SourceArn").map(|arn| Self::Woken(Arn(arn.to_owned())));
            }
            return Ok(Self::Other {
                what: format!("{} {id}", what.as_str().unwrap_or_default()).trim().to_owned(),
            });
        }
        let order = |name: &str, value: &Value| format!("{name}: {value}");
        match value.as_object().map(|object| object.iter().collect::<Vec<_>>()).as_deref() {
            Some([(name, _)]) if *name == "tick" => Ok(Self::Tick),
            Some([(name, wanted)]) if *name == "override" => serde_json::from_value((*wanted).clone())
                .map(Self::Override)
                .map_err(|error| order("override", &Value::String(error.to_string()))),
            Some([(name, wanted)]) if *name == "end_override" => serde_json::from_value((*wanted).clone())
                .map(Self::EndOverride)
                .map_err(|error| order("end_override", &Value::String(error.to_string()))),
            _ => Err("it is no tick, no order and no event of RDS: send {\"tick\": {}} to have everything looked at".to_owned()),
        }
    }
}
