use aws_lambda_events::sns::SnsEvent;
use jiff::Timestamp;
use rollout::{ExecutionArn, RolloutId, ServiceName, Version};
use serde::Deserialize;
use serde_json::Value;

use crate::alarm::{Alarm, AlarmChange};
use crate::request::{Refusal, Sweep, field, parsed, swept, text};

/// What rollback is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Rollback {
    /// The state machine's own rollback path.
    Execution {
        /// The execution that asks.
        execution: ExecutionArn,
        /// The rollout, where the state knows it.
        rollout: Option<RolloutId>,
        /// The error that was caught, where one was.
        error: Option<CaughtError>,
    },
    /// An execution ended as it should not have.
    Watchdog {
        /// Which.
        execution: ExecutionArn,
        /// FAILED, `TIMED_OUT` or ABORTED.
        status: String,
    },
    /// Alarms that changed their state, as SNS delivers them.
    Alarms(Vec<Alarm>),
    /// A person or another system asks.
    Requested {
        /// The rollout.
        rollout: RolloutId,
        /// Its epoch as they saw it, where they say so: an order for another one is stale.
        epoch: Option<u64>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Time to look for rollouts that nothing drives any more.
    Sweep,
    /// A person freezes or thaws the environment.
    Freeze {
        /// What.
        order: FreezeOrder,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person lets a version come back that was rolled back.
    Unhold {
        /// Of which service.
        service: ServiceName,
        /// Which, and no other.
        version: Version,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person stops or resumes the environment's line.
    Line {
        /// Whether it stops.
        stop: bool,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// What a person orders about the environment's freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeOrder {
    /// No rollout starts from now on.
    Freeze {
        /// The first instant at which one may again; without it, one has to be thawed.
        until: Option<Timestamp>,
    },
    /// They start again.
    Thaw,
}

/// What a Catch wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CaughtError {
    /// The error's name.
    pub error: String,
    /// What it said.
    #[serde(default)]
    pub cause: String,
}

impl CaughtError {
    /// What the function said: Lambda wraps it in JSON (`errorMessage`), Step Functions' own errors are plain.
    pub fn message(&self) -> String {
        serde_json::from_str::<Value>(&self.cause)
            .ok()
            .and_then(|wrapped| wrapped.get("errorMessage")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| self.cause.clone())
    }
}

impl TryFrom<Value> for Rollback {
    type Error = Refusal;

    fn try_from(value: Value) -> Result<Self, Refusal> {
        if value.get("Records").is_some() {
            let event: SnsEvent = serde_path_to_error::deserialize(value).map_err(|error| {
                format!("{}: {}: send the event as SNS delivers it", error.path(), error.inner())
            })?;
            return event
                .records
                .iter()
                .map(|record| AlarmChange::of_message(&record.sns.message).map(|change| change.alarm))
                .collect::<Result<_, _>>()
                .map(Self::Alarms);
        }
        if value.get("source").and_then(Value::as_str) == Some("aws.states") {
            return Ok(Self::Watchdog {
                execution: parsed(&value, "detail.executionArn")?,
                status: text(&value, "detail.status")?.to_owned(),
            });
        }
        if let Some(sweep) = value.get("sweep") {
            return swept(sweep).map(|Sweep {}| Self::Sweep);
        }
        if value.get("freeze").is_some() {
            let by = text(&value, "freeze.by")?.to_owned();
            let reason = text(&value, "freeze.reason")?.to_owned();
            return Ok(Self::Freeze { order: freeze_order(&value)?, by, reason });
        }
        if value.get("unhold").is_some() {
            return Ok(Self::Unhold {
                service: parsed(&value, "unhold.service")?,
                version: parsed(&value, "unhold.version")?,
                by: text(&value, "unhold.by")?.to_owned(),
                reason: text(&value, "unhold.reason")?.to_owned(),
            });
        }
        if value.get("line").is_some() {
            return Ok(Self::Line {
                stop: match text(&value, "line.order")? {
                    "stop" => true,
                    "resume" => false,
                    other => return Err(format!("line.order is {other:?}: write \"stop\" or \"resume\"")),
                },
                by: text(&value, "line.by")?.to_owned(),
                reason: text(&value, "line.reason")?.to_owned(),
            });
        }
        if value.get("roll_back").is_some() {
            return Ok(Self::Requested {
                rollout: parsed(&value, "roll_back.rollout_id")?,
                epoch: match value.pointer("/roll_back/epoch") {
                    None | Some(Value::Null) => None,
                    Some(epoch) => Some(
                        epoch
                            .as_u64()
                            .ok_or_else(|| format!("roll_back.epoch is {epoch}: write a number"))?,
                    ),
                },
                by: text(&value, "roll_back.by")?.to_owned(),
                reason: text(&value, "roll_back.reason")?.to_owned(),
            });
        }
        let execution = parsed(&value, "execution_arn")?;
        let state = field(&value, "state")?;
        let rollout = match state.get("rollout_id").and_then(Value::as_str) {
            None | Some("") => None,
            Some(id) => Some(id.parse().map_err(|error| format!("state.rollout_id: {error}"))?),
        };
        let error = state
            .get("error")
            .map(|caught| CaughtError::deserialize(caught).map_err(|error| format!("state.error: {error}")))
            .transpose()?;
        Ok(Self::Execution { execution, rollout, error })
    }
}

fn freeze_order(value: &Value) -> Result<FreezeOrder, Refusal> {
    let until = match value.pointer("/freeze/until") {
        None | Some(Value::Null) => None,
        Some(_) => Some(parsed(value, "freeze.until")?),
    };
    match (text(value, "freeze.order")?, until) {
        ("freeze", until) => Ok(FreezeOrder::Freeze { until }),
        ("thaw", None) => Ok(FreezeOrder::Thaw),
        ("thaw", Some(_)) => Err("freeze.until goes with the order \"freeze\": leave it out".to_owned()),
        (other, _) => Err(format!("freeze.order is {other:?}: write \"freeze\" or \"thaw\"")),
    }
}
