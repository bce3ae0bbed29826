//! Replies from a rollout's state.

use contract::Reply;
use rollout::{Approval, EnvironmentName, Hold, Phase, Rollout, Seconds};

pub(crate) fn about<N>(rollout: &Rollout, next: N, wait: Seconds) -> Reply<N> {
    Reply {
        next,
        wait_seconds: wait.0,
        rollout_id: rollout.id.to_string(),
        epoch: rollout.epoch.0,
        environment: rollout.plan.environment.to_string(),
        service: rollout.plan.service.to_string(),
        reason: describe(rollout),
    }
}

pub(crate) fn without_rollout<N>(
    environment: &EnvironmentName,
    service: &str,
    next: N,
    reason: String,
) -> Reply<N> {
    Reply {
        next,
        wait_seconds: 0,
        rollout_id: String::new(),
        epoch: 0,
        environment: environment.to_string(),
        service: service.to_owned(),
        reason,
    }
}

/// A rollout's phase in words.
pub fn describe(rollout: &Rollout) -> String {
    let phase = describe_phase(rollout);
    match &rollout.hold {
        Hold::By { who, why, .. } if !rollout.phase.is_terminal() && !rollout.phase.is_rollback() => {
            format!("{phase}; held by {who}: {why}")
        }
        Hold::By { .. } | Hold::None => phase,
    }
}

fn describe_phase(rollout: &Rollout) -> String {
    let steps = rollout.plan.steps.len();
    match &rollout.phase {
        Phase::Refused { reason, .. } => format!("refused: {reason}"),
        Phase::Preparing { attempts } => {
            format!("waiting for {} to become healthy (look {attempts})", rollout.canary)
        }
        Phase::Cleared { .. } => "the next move is cleared".to_owned(),
        Phase::Awaiting { step, approval: Approval::Asked, .. } => {
            format!("waiting for a person to approve step {} of {steps}", step.number())
        }
        Phase::Awaiting { step, approval: Approval::Given { by, .. }, .. } => {
            format!("step {} of {steps} is approved by {by}", step.number())
        }
        Phase::Shifting { step, to } => format!("shifting to {to} (step {} of {steps})", step.number()),
        Phase::Baking { step, .. } => {
            format!("baking at {} (step {} of {steps})", rollout.desired_weight(), step.number())
        }
        Phase::Frozen { found, .. } => {
            format!(
                "frozen: the rule was changed by somebody else ({found}); put it back to {}",
                rollout.desired_weight()
            )
        }
        Phase::Restoring { cause, .. } | Phase::Settling { cause, .. } => format!("rolling back: {cause}"),
        Phase::RolledBack { cause, .. } => format!("rolled back: {cause}"),
        Phase::Promoted { .. } => format!("{} is live on {}", rollout.plan.version, rollout.canary),
    }
}
