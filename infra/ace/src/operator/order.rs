//! Orders about a rollout: hold, resume, advance, approve; reject and abort, which roll it back.

use std::num::NonZeroU16;

use clap::Args;
use contract::Command;
use engine::history::Record;
use rollout::{Cause, Event, Hold, Order, Phase, Rollout, RolloutId, StepIndex};
use serde_json::{Value, json};

use super::answer::Told;
use super::find::find;
use super::{Desk, NO_REASON, OperatorError};
use crate::Ending;
use crate::backend::{Backend, Callee, ready};
use crate::error::AceError;

/// An order about a rollout.
#[derive(Debug, Args)]
pub(crate) struct Ordered {
    /// The rollout, as `ace status` names it [default: the one that is under way]
    pub(crate) rollout: Option<RolloutId>,
    /// Why; it is kept in the rollout's history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The epoch that you saw; the order is stale when it is another one by now [default: the one it is at]
    #[arg(long, value_name = "N")]
    pub(crate) epoch: Option<u64>,
    #[command(flatten)]
    pub(crate) desk: Desk,
}

/// An order about a step of a rollout.
#[derive(Debug, Args)]
pub(crate) struct OfStep {
    /// The step that you saw, from 1; the order is stale when it is at another one by now [default: the one it is at]
    #[arg(long, value_name = "N")]
    pub(crate) step: Option<NonZeroU16>,
    #[command(flatten)]
    pub(crate) ordered: Ordered,
}

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Approve,
    Advance,
    Hold,
    Resume,
    Reject,
    Abort,
}

impl Wish {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Advance => "advance",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Reject => "reject",
            Self::Abort => "abort",
        }
    }

    /// Why it changes nothing about a rollout as it is, where that can be said better than that it does not fit.
    fn pointless(self, rollout: &Rollout) -> Option<String> {
        let now = engine::describe(rollout);
        if rollout.phase.is_terminal() {
            return Some(format!("the rollout has ended: {now}"));
        }
        if rollout.phase.is_rollback() {
            return Some(format!("it goes back already: {now}"));
        }
        match (self, &rollout.hold, &rollout.phase) {
            (Self::Hold, Hold::By { .. }, _) => Some(format!("it is held already: {now}")),
            (Self::Resume, Hold::None, _) => Some(format!("nobody holds it: {now}")),
            (Self::Approve, _, phase) if !matches!(phase, Phase::Awaiting { .. }) => {
                Some(format!("no step waits for an approval: {now}"))
            }
            _ => None,
        }
    }

    /// The order to promote-step; `None` for what rollback does. What moves a rollout forward names the step.
    fn order(self, rollout: &Rollout, seen: Option<NonZeroU16>) -> Result<Option<Order>, OperatorError> {
        let step = || match (seen, rollout.step()) {
            (Some(seen), _) => Ok(StepIndex::numbered(seen)),
            (None, Some(step)) => Ok(step),
            (None, None) => Err(OperatorError::NoStep { now: engine::describe(rollout) }),
        };
        Ok(match self {
            Self::Approve => Some(Order::Approve { step: step()? }),
            Self::Advance => Some(Order::Advance { step: step()? }),
            Self::Hold => Some(Order::Hold),
            Self::Resume => Some(Order::Resume),
            Self::Reject | Self::Abort => None,
        })
    }
}

pub(super) async fn of_step(wish: Wish, arguments: OfStep) -> Result<Ending, AceError> {
    give(wish, arguments.step, arguments.ordered).await
}

pub(super) async fn order(wish: Wish, arguments: Ordered) -> Result<Ending, AceError> {
    give(wish, None, arguments).await
}

async fn give(wish: Wish, seen: Option<NonZeroU16>, arguments: Ordered) -> Result<Ending, AceError> {
    let Ordered { rollout: named, reason, epoch, desk } = arguments;
    let backend = ready(&desk.place).await?;
    let rollout = find(&*backend, &desk.place.environment, named.as_ref()).await?;
    let epoch = epoch.unwrap_or(rollout.epoch.0);
    let reason = reason.unwrap_or_else(|| NO_REASON.to_owned());
    let given = Given { wish, by: desk.by(&*backend), reason, epoch };
    let told = given.to(&*backend, &rollout, seen).await?;
    Ok(told.show(desk.output.output))
}

/// An order and who gives it.
pub(super) struct Given {
    pub(super) wish: Wish,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) epoch: u64,
}

impl Given {
    /// Passes it on, and finds out whether it was carried out: the history says so, not the words of the answer.
    pub(super) async fn to(
        self,
        backend: &dyn Backend,
        rollout: &Rollout,
        seen: Option<NonZeroU16>,
    ) -> Result<Told, AceError> {
        let id = &rollout.id;
        let order = self.wish.order(rollout, seen)?;
        let why = self.why();
        let (callee, payload) = match order {
            Some(order) => {
                let (by, reason) = (self.by.clone(), why.clone());
                let command = Command { rollout_id: id.clone(), epoch: self.epoch, order, by, reason };
                (Callee::PromoteStep, json!({ "command": command }))
            }
            None => (
                Callee::Rollback,
                json!({ "roll_back": { "rollout_id": id, "epoch": self.epoch, "by": self.by, "reason": why } }),
            ),
        };
        let reply = backend.invoke(callee, payload).await?;
        let history = backend.history(id).await?;
        let since = history.iter().filter(|record| record.number > rollout.version);
        let applied = since.into_iter().any(|record| self.is(record, order, &why));
        let says = reply.get("reason").and_then(Value::as_str).unwrap_or_default();
        let says = match self.wish.pointless(rollout) {
            Some(why) if !applied && !says.starts_with("stale") => why,
            _ => says.to_owned(),
        };
        let data = json!({ "rollout": id, "service": rollout.plan.service, "by": self.by, "reply": reply });
        Ok(Told { order: self.wish.name(), applied, says, data })
    }

    /// A rejection is a rollback that says so.
    fn why(&self) -> String {
        match self.wish {
            Wish::Reject => format!("not approved: {}", self.reason),
            _ => self.reason.clone(),
        }
    }

    /// Whether a record is of this order.
    fn is(&self, record: &Record, order: Option<Order>, why: &str) -> bool {
        match (&record.event, order) {
            (Event::Ordered { order: done, by, why: reason, .. }, Some(order)) => {
                *done == order && *by == self.by && reason == why
            }
            (Event::Abort { cause: Cause::Requested { by, reason }, .. }, None) => {
                *by == self.by && reason == why
            }
            _ => false,
        }
    }
}
