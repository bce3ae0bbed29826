use std::num::NonZeroU16;

use rollout::{Order, RolloutId, StepIndex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person orders, and to which rollout as they know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Command {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// Its epoch as the person saw it: an order for another one is stale.
    pub epoch: u64,
    /// What, and of which step, where that matters.
    pub order: Order,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a person orders, and to which rollout as they know it. What moves a rollout forward names the step that the
/// person saw, so that a second delivery does not move it again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "Command",
    extend("if" = { "properties": { "order": { "enum": ["advance", "approve"] } } }, "then" = { "required": ["step"] })
)]
struct Written {
    /// The rollout.
    rollout_id: RolloutId,
    /// Its epoch as the person saw it: an order for another one is stale.
    epoch: u64,
    /// What.
    order: Word,
    /// The step as the person saw it, counted from 1 as `ace status` does: advance ends the wait at this one, approve
    /// approves this one. An order for another one is stale. hold and resume are about the whole rollout and do not
    /// look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<NonZeroU16>,
    /// Who.
    by: String,
    /// Why.
    reason: String,
}

/// What a person may order. Who wants the rollout back asks the function rollback.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Order")]
enum Word {
    /// Take no further step; evidence and guardrails go on.
    Hold,
    /// Go on after a hold.
    Resume,
    /// End the wait at this step now: the order stands in for the evidence.
    Advance,
    /// Let the step that waits for approval be taken.
    Approve,
}

/// An order that moves a rollout forward does not say from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "missing field `step`: {0} needs the number of the step that you saw, from 1, as `ace status` shows it"
)]
struct NoStep(&'static str);

impl TryFrom<Written> for Command {
    type Error = NoStep;

    fn try_from(written: Written) -> Result<Self, NoStep> {
        let step = |order| written.step.map(StepIndex::numbered).ok_or(NoStep(order));
        let order = match written.order {
            Word::Hold => Order::Hold,
            Word::Resume => Order::Resume,
            Word::Advance => Order::Advance { step: step("advance")? },
            Word::Approve => Order::Approve { step: step("approve")? },
        };
        let Written { rollout_id, epoch, by, reason, .. } = written;
        Ok(Self { rollout_id, epoch, order, by, reason })
    }
}

impl From<Command> for Written {
    fn from(command: Command) -> Self {
        let Command { rollout_id, epoch, order, by, reason } = command;
        let (order, step) = match order {
            Order::Hold => (Word::Hold, None),
            Order::Resume => (Word::Resume, None),
            Order::Advance { step } => (Word::Advance, NonZeroU16::new(step.number())),
            Order::Approve { step } => (Word::Approve, NonZeroU16::new(step.number())),
        };
        Self { rollout_id, epoch, order, step, by, reason }
    }
}
