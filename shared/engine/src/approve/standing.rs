//! Whether a rollout still waits for what a link is for. Pure.

use approval_link::Claim;
use jiff::Timestamp;
use rollout::{Approval, Event, Order, Phase, Rollout, StepIndex};

use crate::history::Record;

/// What has become of the wait that a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits.
    Waiting,
    /// Somebody has answered it, through this link or in another way.
    Used {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The rollout has ended, or is being rolled back, without an answer.
    Over,
    /// The rollout is elsewhere: the wait ended without an answer, and there may be another one.
    Stale,
}

/// Since when a rollout waits for an approval of this step; otherwise why there is nothing to approve.
pub(super) fn waits(rollout: &Rollout, epoch: u64, asked: StepIndex) -> Result<Timestamp, String> {
    if rollout.epoch.0 != epoch {
        return Err(format!(
            "stale: the link would be for epoch {epoch}, rollout {} is at epoch {}: no link was made",
            rollout.id, rollout.epoch
        ));
    }
    match &rollout.phase {
        Phase::Awaiting { step, since, approval: Approval::Asked, .. } if *step == asked => Ok(*since),
        Phase::Awaiting { step, approval: Approval::Asked, .. } => Err(format!(
            "stale: the link would be for step {}, step {} waits: no link was made",
            asked.number(),
            step.number()
        )),
        _ => Err("the rollout does not wait for an approval now: no link was made".to_owned()),
    }
}

/// What the rollout itself tells; `None` where only its history can.
pub(super) fn of(rollout: &Rollout, claim: &Claim) -> Option<Standing> {
    match &rollout.phase {
        Phase::Awaiting { step, since, approval, .. }
            if rollout.epoch == claim.epoch && *step == claim.step && *since == claim.since =>
        {
            Some(match approval {
                Approval::Asked => Standing::Waiting,
                Approval::Given { by, at } => Standing::Used { by: by.clone(), at: *at },
            })
        }
        _ => None,
    }
}

/// The answer that ended the wait, if one did. A rollout waits from the claim's instant until it is let go on, or the
/// first of a rollback and a change of the rule by somebody else; only what was decided is in its history.
pub(super) fn answered(history: &[Record], claim: &Claim) -> Option<Standing> {
    // The record that began the wait carries its instant; what was recorded at the same instant before it is left out.
    let began =
        history.iter().position(|record| record.event.at() == claim.since && record.phase == WAITING)?;
    let mut after = history.iter().skip(began + 1).map(|record| &record.event);
    after.find_map(|event| match event {
        Event::Ordered { order: Order::Approve { .. } | Order::Advance { .. }, by, at, .. } => {
            Some(Some(Standing::Used { by: by.clone(), at: *at }))
        }
        Event::WeightRead { .. } | Event::Abort { .. } => Some(None),
        _ => None,
    })?
}

/// The name of [`Phase::Awaiting`], as records carry it.
const WAITING: &str = "awaiting_approval";

/// A wait that nobody answered.
pub(super) const fn without_answer(rollout: &Rollout) -> Standing {
    if rollout.phase.is_terminal() || rollout.phase.is_rollback() { Standing::Over } else { Standing::Stale }
}
