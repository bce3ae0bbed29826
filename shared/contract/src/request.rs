use std::fmt::Display;

use jiff::Timestamp;
use rollout::{ExecutionArn, GateName, Overridden, RolloutId, ServiceName, Strategy, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Command;

/// Why an input was refused, as text: the host turns it into [`InvalidInput`](crate::ErrorName::InvalidInput).
pub(crate) type Refusal = String;

/// A field of a JSON object, read with a message that names its path.
pub(crate) fn field<'a>(value: &'a Value, path: &str) -> Result<&'a Value, Refusal> {
    let pointer = format!("/{}", path.replace('.', "/"));
    value
        .pointer(&pointer)
        .ok_or_else(|| format!("{path} is missing: send the whole event as it was delivered"))
}

pub(crate) fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Refusal> {
    field(value, path)?.as_str().ok_or_else(|| format!("{path} is not a text"))
}

pub(crate) fn parsed<T: std::str::FromStr<Err: Display>>(value: &Value, path: &str) -> Result<T, Refusal> {
    let text = text(value, path)?;
    text.parse().map_err(|error| format!("{path} is {text:?}: {error}"))
}

/// What starts a rollout, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A pipeline execution changed its state.
    Pipeline {
        /// The pipeline's name.
        pipeline: String,
        /// The execution.
        execution_id: String,
        /// Which try of the execution it was, from 1: a stage that is retried succeeds again.
        attempt: u64,
        /// STARTED, SUCCEEDED, ...
        state: String,
        /// Where the event comes from.
        origin: Origin,
    },
    /// A person or another system asks for a rollout.
    Requested {
        /// What to roll out.
        service: ServiceName,
        /// Which version.
        version: Version,
        /// How, if not as configured.
        strategy: Option<Strategy>,
        /// Who asks.
        by: String,
        /// Whether a version that was rolled back may come back.
        lift_bar: bool,
        /// The gates that it is to pass whatever they say, with the reason.
        overridden: Option<Overridden>,
        /// The same for every delivery of the same request.
        request_id: String,
        /// Where the event comes from.
        origin: Origin,
    },
    /// An event that is not about a whole pipeline execution.
    Other {
        /// Its detail type.
        detail_type: String,
    },
}

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The AWS account.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// When it happened.
    pub time: Timestamp,
}

/// What start-deploy is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct StartDeploy {
    /// What happened.
    pub trigger: Trigger,
    /// The execution that asks.
    pub execution: ExecutionArn,
}

impl TryFrom<Value> for StartDeploy {
    type Error = Refusal;

    fn try_from(value: Value) -> Result<Self, Refusal> {
        let execution = parsed(&value, "execution_arn")?;
        Ok(Self { trigger: trigger(field(&value, "event")?)?, execution })
    }
}

fn trigger(event: &Value) -> Result<Trigger, Refusal> {
    let detail_type = text(event, "detail-type")?;
    let origin = || {
        Ok::<_, Refusal>(Origin {
            account: text(event, "account")?.to_owned(),
            region: text(event, "region")?.to_owned(),
            time: parsed(event, "time")?,
        })
    };
    match detail_type {
        "CodePipeline Pipeline Execution State Change" => Ok(Trigger::Pipeline {
            pipeline: text(event, "detail.pipeline")?.to_owned(),
            execution_id: text(event, "detail.execution-id")?.to_owned(),
            attempt: attempt(event)?,
            state: text(event, "detail.state")?.to_owned(),
            origin: origin()?,
        }),
        "Rollout Requested" => Ok(Trigger::Requested {
            service: parsed(event, "detail.service")?,
            version: parsed(event, "detail.version")?,
            strategy: match event.pointer("/detail/strategy") {
                None | Some(Value::Null) => None,
                Some(name) => Some(Strategy::deserialize(name).map_err(|_| {
                    format!("detail.strategy is {name}: write \"canary\" or \"blue-green\", or leave it out")
                })?),
            },
            by: text(event, "detail.requested_by")?.to_owned(),
            lift_bar: match event.pointer("/detail/lift_bar") {
                None | Some(Value::Null) => false,
                Some(lift) => {
                    lift.as_bool().ok_or_else(|| format!("detail.lift_bar is {lift}: write true or false"))?
                }
            },
            overridden: overridden(event)?,
            request_id: text(event, "id")?.to_owned(),
            origin: origin()?,
        }),
        other => Ok(Trigger::Other { detail_type: other.to_owned() }),
    }
}

/// What a request is to be let through, by whoever makes it.
fn overridden(event: &Value) -> Result<Option<Overridden>, Refusal> {
    let Some(written) = event.pointer("/detail/override").filter(|written| !written.is_null()) else {
        return Ok(None);
    };
    let gates = field(event, "detail.override.gates")?;
    let gates = Vec::<GateName>::deserialize(gates).map_err(|_| {
        format!("detail.override.gates is {gates}: write a list of \"promotion\", \"freeze\" or both")
    })?;
    if let Some(other) = written
        .as_object()
        .and_then(|written| written.keys().find(|name| !["gates", "reason"].contains(&name.as_str())))
    {
        return Err(format!("detail.override.{other} is unknown: an override has gates and a reason"));
    }
    let (by, why) = (text(event, "detail.requested_by")?, text(event, "detail.override.reason")?);
    Overridden::new(gates, by.to_owned(), why.to_owned())
        .map(Some)
        .map_err(|error| format!("detail.override: {error}"))
}

/// Real events carry numbers as 6.0, and some as text.
fn attempt(event: &Value) -> Result<u64, Refusal> {
    let path = "detail.pipeline-execution-attempt";
    let refuse = |value: &Value| format!("{path} is {value}: it should be a whole number from 1");
    match event.pointer("/detail/pipeline-execution-attempt") {
        None | Some(Value::Null) => Ok(1),
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let whole = text.strip_suffix(".0").unwrap_or(&text);
            whole.parse().ok().filter(|number| *number > 0).ok_or_else(|| refuse(value))
        }
    }
}

/// What health-check is given, and promote-step on the way of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// The epoch that the execution knows.
    pub epoch: u64,
    /// The execution that asks.
    pub execution_arn: ExecutionArn,
}

/// What promote-step is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum PromoteStep {
    /// Take what was cleared.
    Advance(Turn),
    /// Look at the old colour, and take it down if it is quiet.
    CleanUp(CleanUpDue),
    /// A person's order.
    Order(Command),
    /// Finish what promoted rollouts still owe.
    Sweep,
}

/// What the schedule of the sweeps sends, to rollback and to promote-step alike: there is nothing to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {}

/// A clean-up that was scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanUpDue {
    /// The rollout whose old colour it is.
    pub rollout_id: RolloutId,
    /// Which look it is, from 1.
    pub attempt: u32,
}

impl PromoteStep {
    /// What the scheduler sends when a clean-up is due.
    pub fn clean_up_payload(due: &CleanUpDue) -> Value {
        serde_json::json!({ "clean_up": due })
    }
}

impl TryFrom<Value> for PromoteStep {
    type Error = Refusal;

    fn try_from(value: Value) -> Result<Self, Refusal> {
        if let Some(command) = value.get("command") {
            return Command::deserialize(command)
                .map(Self::Order)
                .map_err(|error| format!("command: {error}"));
        }
        if let Some(sweep) = value.get("sweep") {
            return swept(sweep).map(|Sweep {}| Self::Sweep);
        }
        match value.get("clean_up") {
            Some(due) => {
                CleanUpDue::deserialize(due).map(Self::CleanUp).map_err(|error| format!("clean_up: {error}"))
            }
            None => Turn::deserialize(&value).map(Self::Advance).map_err(|error| error.to_string()),
        }
    }
}

/// The inside of a `sweep`.
pub(crate) fn swept(value: &Value) -> Result<Sweep, Refusal> {
    Sweep::deserialize(value).map_err(|error| format!("sweep: {error}"))
}
