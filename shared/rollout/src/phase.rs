use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Cause;
use crate::names::Weight;
use crate::plan::StepIndex;

/// Where a rollout stands. What belongs to a phase lives in its variant and nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "phase", rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    /// The policy gate said no: nothing was touched.
    Refused {
        /// The rule that refused, and when it will pass.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The idle colour comes up and is looked at; all traffic is on the live colour.
    Preparing {
        /// How often it was looked at.
        attempts: u32,
    },
    /// The next move was cleared by a passed check.
    Cleared {
        /// What may be done now.
        next: Next,
    },
    /// The next step was cleared, and needs a person's approval.
    Awaiting {
        /// The step that waits.
        step: StepIndex,
        /// Since when.
        since: Timestamp,
        /// Whether somebody has approved it.
        approval: Approval,
        /// Whether the guardrails of what is under traffic can be read.
        sight: Sight,
    },
    /// A weight was asked for and has not been read back.
    Shifting {
        /// The step.
        step: StepIndex,
        /// The weight it asks for.
        to: Weight,
    },
    /// The weight was read back: evidence is collected.
    Baking {
        /// The step.
        step: StepIndex,
        /// When the weight was read back.
        since: Timestamp,
        /// The end of the evidence that was judged last.
        judged_until: Timestamp,
        /// Whether the source of evidence can be seen.
        sight: Sight,
    },
    /// Somebody else changed the rule: nothing is promoted until it is as it was.
    Frozen {
        /// The step that was baking.
        step: StepIndex,
        /// What was found on the rule.
        found: Observed,
        /// When it was found.
        since: Timestamp,
    },
    /// Weight 0 was asked for and has not been read back.
    Restoring {
        /// Why.
        cause: Cause,
        /// When the rollback was decided.
        since: Timestamp,
    },
    /// Weight 0 was read back; a writer that died may still change it until the zombie bound is over.
    Settling {
        /// Why.
        cause: Cause,
        /// When the rollback was decided.
        since: Timestamp,
        /// When weight 0 was read back.
        restored_at: Timestamp,
    },
    /// Ended: all traffic is on the version that was live before.
    RolledBack {
        /// Why.
        cause: Cause,
        /// When it was verified.
        at: Timestamp,
    },
    /// Ended: all traffic is on the new version.
    Promoted {
        /// When.
        at: Timestamp,
        /// What happens to the old colour.
        clean_up: CleanUp,
    },
}

/// Whether the step that waits was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Not yet.
    Asked,
    /// It was, while a person held the rollout: it goes on when the hold ends, and does not expire meanwhile.
    Given {
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// What a cleared rollout may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Take this step.
    Step(StepIndex),
    /// End promoted.
    Finish,
}

/// Whether the source of evidence can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// The last look reached it.
    Clear,
    /// It has been out of reach since then.
    LostSince(Timestamp),
}

/// What the rule was seen to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// Exactly our two target groups, the canary with this share.
    Weight(Weight),
    /// Something that no rollout of ours writes.
    Foreign(String),
}

impl std::fmt::Display for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Weight(weight) => write!(f, "canary weight {weight}"),
            Self::Foreign(what) => f.write_str(what),
        }
    }
}

/// What happens to the old colour after a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CleanUp {
    /// To be looked at then.
    Scheduled {
        /// When.
        at: Timestamp,
        /// Which look it is, from 1.
        attempt: u32,
    },
    /// Taken down, having served nothing for the quiet minutes.
    Done {
        /// When it was decided.
        at: Timestamp,
    },
    /// Left running, for a person to look at.
    Kept {
        /// Why.
        reason: String,
    },
}

impl Phase {
    /// The phase's name as it is stored and shown.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Preparing { .. } => "preparing",
            Self::Cleared { .. } => "cleared",
            Self::Awaiting { .. } => "awaiting_approval",
            Self::Shifting { .. } => "shifting",
            Self::Baking { .. } => "baking",
            Self::Frozen { .. } => "frozen",
            Self::Restoring { .. } => "restoring",
            Self::Settling { .. } => "settling",
            Self::RolledBack { .. } => "rolled_back",
            Self::Promoted { .. } => "promoted",
        }
    }

    /// Whether traffic can no longer move for this rollout.
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::RolledBack { .. } | Self::Promoted { .. } => true,
            Self::Preparing { .. }
            | Self::Cleared { .. }
            | Self::Awaiting { .. }
            | Self::Shifting { .. }
            | Self::Baking { .. }
            | Self::Frozen { .. }
            | Self::Restoring { .. }
            | Self::Settling { .. } => false,
        }
    }

    /// Whether the rollout is on its way back, or back.
    pub const fn is_rollback(&self) -> bool {
        matches!(self, Self::Restoring { .. } | Self::Settling { .. } | Self::RolledBack { .. })
    }
}
