//! What is published about a rollout.

use jiff::Timestamp;
use rollout::{EnvironmentName, Epoch, Milestone, Pending, Rollout, RolloutId, ServiceName, Version};
use serde::{Deserialize, Serialize};

/// A milestone of a rollout, as it is published. It tells the rollout as it was when the milestone was decided, so that
/// every delivery of it says the same, however late.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The same for every delivery of the same milestone.
    pub id: String,
    /// The rollout.
    pub rollout: RolloutId,
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The version that is rolled out.
    pub version: Version,
    /// The rollout's epoch when this was decided.
    pub epoch: Epoch,
    /// The milestone's name: started, reached, `awaiting_approval`, frozen, `rolling_back`, `rolled_back`, promoted,
    /// `old_colour_kept`, `line_stopped`.
    pub milestone: String,
    /// What a person wants to know about it.
    pub detail: String,
    /// The canary weight that was wanted then, in percent.
    pub weight: u8,
    /// When the rollout began.
    pub started_at: Timestamp,
    /// When this was decided.
    pub at: Timestamp,
}

impl Outcome {
    /// The outcome that an effect asks to publish.
    pub fn new(rollout: &Rollout, pending: &Pending, milestone: &Milestone) -> Self {
        let detail = match milestone {
            Milestone::Started => format!("{} begins on {}", rollout.plan.version, rollout.canary),
            Milestone::Reached(weight) => format!("{weight} of the requests go to {}", rollout.plan.version),
            Milestone::Awaiting(weight) => {
                format!("{} waits for an approval to take {weight}", rollout.plan.version)
            }
            Milestone::Frozen(found) => format!("the rule was changed by somebody else: {found}"),
            Milestone::RollingBack(cause) | Milestone::RolledBack(cause) => cause.to_string(),
            Milestone::Promoted => format!("{} is live on {}", rollout.plan.version, rollout.canary),
            Milestone::OldColourKept(reason) => reason.clone(),
        };
        Self::of(rollout, pending, milestone.name(), detail)
    }

    /// The environment's line was stopped by one rollback too many: this one.
    pub fn line_stopped(rollout: &Rollout, pending: &Pending, why: String) -> Self {
        Self::of(rollout, pending, "line_stopped", why)
    }

    fn of(rollout: &Rollout, pending: &Pending, milestone: &str, detail: String) -> Self {
        Self {
            id: format!("{}.{}", rollout.id, pending.id.0),
            rollout: rollout.id.clone(),
            environment: rollout.plan.environment.clone(),
            service: rollout.plan.service.clone(),
            version: rollout.plan.version.clone(),
            epoch: pending.decided.epoch,
            milestone: milestone.to_owned(),
            detail,
            weight: pending.decided.weight.percent(),
            started_at: rollout.started_at,
            at: pending.decided.at,
        }
    }
}
