use analysis::{Histories, Minutes, Verdict};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admission::Overridden;
use crate::names::{AlarmName, Colour, Epoch, Version, Weight};
use crate::phase::Observed;
use crate::plan::StepIndex;

/// Something that happened to a rollout. Every event says when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The rollout was started (the first event of every history).
    Started {
        /// Who asked for it; of a pipeline: `pipeline NAME`.
        by: String,
        /// The gates that it was to pass whatever they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overridden: Option<Overridden>,
        /// When.
        at: Timestamp,
    },
    /// The policy gate refused the rollout (the only event of its history).
    Refused {
        /// The rule that refused.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The new version was looked at before traffic.
    Probed {
        /// What was seen.
        probe: Probe,
        /// When.
        at: Timestamp,
    },
    /// The state machine asks for what was cleared.
    Advance {
        /// When.
        at: Timestamp,
    },
    /// The rule was read.
    WeightRead {
        /// What it does.
        observed: Observed,
        /// When.
        at: Timestamp,
    },
    /// The evidence up to `until` was judged.
    Judged {
        /// The step that was judged.
        step: StepIndex,
        /// The answer.
        verdict: Verdict,
        /// The counted minutes that are new since the last time.
        seen: Minutes,
        /// What the old version did before, when it was looked up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<Box<Histories>>,
        /// The end of the evidence, exclusive.
        until: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// Roll back, from whatever phase.
    Abort {
        /// Why.
        cause: Cause,
        /// When.
        at: Timestamp,
    },
    /// A person orders something, on any wait.
    Ordered {
        /// What.
        order: Order,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Timestamp,
    },
    /// A person lets a version come back that was barred when the rollout began.
    BarLifted {
        /// Which.
        version: Version,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Timestamp,
    },
    /// A wait for a person was looked at: for an approval, or for the end of a hold.
    Waited {
        /// When.
        at: Timestamp,
    },
    /// A wait for an approval was looked at, and the guardrails of the steps before could not be read.
    Unguarded {
        /// Why not.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// Effects were performed.
    Performed {
        /// Which.
        effects: Vec<EffectId>,
        /// When.
        at: Timestamp,
    },
    /// The old colour's traffic was looked at when its clean-up was due.
    CleanUpDue {
        /// The look this is, from 1.
        attempt: u32,
        /// What was seen.
        traffic: OldTraffic,
        /// When.
        at: Timestamp,
    },
}

impl Event {
    /// When it happened.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Started { at, .. }
            | Self::Refused { at, .. }
            | Self::Probed { at, .. }
            | Self::Advance { at }
            | Self::WeightRead { at, .. }
            | Self::Judged { at, .. }
            | Self::Abort { at, .. }
            | Self::Ordered { at, .. }
            | Self::BarLifted { at, .. }
            | Self::Waited { at }
            | Self::Unguarded { at, .. }
            | Self::Performed { at, .. }
            | Self::CleanUpDue { at, .. } => *at,
        }
    }

    /// The event's name as it is stored and shown.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Refused { .. } => "refused",
            Self::Probed { .. } => "probed",
            Self::Advance { .. } => "advance",
            Self::WeightRead { .. } => "weight_read",
            Self::Judged { .. } => "judged",
            Self::Abort { .. } => "abort",
            Self::Ordered { .. } => "ordered",
            Self::BarLifted { .. } => "bar_lifted",
            Self::Waited { .. } => "waited",
            Self::Unguarded { .. } => "unguarded",
            Self::Performed { .. } => "performed",
            Self::CleanUpDue { .. } => "clean_up_due",
        }
    }
}

/// What a person may order. Who wants the rollout back uses [`Event::Abort`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Take no further step; evidence and guardrails go on.
    Hold,
    /// Go on after a hold.
    Resume,
    /// End the wait at this step now: the order stands in for the evidence. It names the step, so that an order that
    /// is delivered again in a later one does not end that wait too.
    Advance {
        /// The step that bakes or waits for its approval.
        step: StepIndex,
    },
    /// Let the step that waits for approval be taken.
    Approve {
        /// The step that waits.
        step: StepIndex,
    },
}

/// What a look at the new version before traffic found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Healthy, and every smoke test passed.
    Ready,
    /// Not healthy yet.
    NotReady(String),
    /// Healthy, but a smoke test failed.
    SmokeTestFailed(String),
}

/// What the old colour still served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OldTraffic {
    /// Nothing, for all the quiet minutes of the plan.
    Quiet,
    /// Requests.
    Requests(u64),
    /// Not known: the source could not be read.
    Unknown(String),
    /// Not this rollout's any more: a later rollout has taken the colour. Says which.
    Reused(String),
}

/// Why a rollout is rolled back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The judge failed the canary.
    Verdict(Verdict),
    /// A guardrail is in ALARM.
    Guardrail(AlarmName),
    /// The new version never became healthy.
    NeverReady(String),
    /// A smoke test failed.
    SmokeTestFailed(String),
    /// The new version stopped being healthy under traffic, and the version beside it did not.
    Unhealthy(String),
    /// There was not enough evidence within the plan's patience.
    NotEnoughEvidence(String),
    /// The source of evidence was out of reach for too long under traffic.
    Blind(String),
    /// Nobody approved the next step in time.
    NotApproved,
    /// Somebody else's change of the rule was not undone in time.
    ForeignChange(String),
    /// A function or the execution failed.
    Failure {
        /// The error's name.
        error: String,
        /// What it said.
        detail: String,
    },
    /// A person or another system asked for it.
    Requested {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

impl Cause {
    /// Whether it speaks against the version itself, so that the version is held until a person lifts the hold. A
    /// person's order, somebody else's change and a failure of ours do not.
    pub const fn blames_the_version(&self) -> bool {
        match self {
            Self::Verdict(_)
            | Self::Guardrail(_)
            | Self::NeverReady(_)
            | Self::SmokeTestFailed(_)
            | Self::Unhealthy(_) => true,
            Self::NotEnoughEvidence(_)
            | Self::Blind(_)
            | Self::NotApproved
            | Self::ForeignChange(_)
            | Self::Failure { .. }
            | Self::Requested { .. } => false,
        }
    }

    /// The cause's name as it is stored and counted.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verdict(_) => "verdict",
            Self::Guardrail(_) => "guardrail",
            Self::NeverReady(_) => "never_ready",
            Self::SmokeTestFailed(_) => "smoke_test_failed",
            Self::Unhealthy(_) => "unhealthy",
            Self::NotEnoughEvidence(_) => "not_enough_evidence",
            Self::Blind(_) => "blind",
            Self::NotApproved => "not_approved",
            Self::ForeignChange(_) => "foreign_change",
            Self::Failure { .. } => "failure",
            Self::Requested { .. } => "requested",
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "{verdict}"),
            Self::Guardrail(alarm) => write!(f, "alarm {alarm} is in ALARM"),
            Self::NeverReady(reason) => write!(f, "the new version never became healthy: {reason}"),
            Self::SmokeTestFailed(reason) => write!(f, "a smoke test failed: {reason}"),
            Self::Unhealthy(reason) => write!(f, "the new version is not healthy any more: {reason}"),
            Self::NotEnoughEvidence(reason) => write!(f, "not enough evidence in time: {reason}"),
            Self::Blind(reason) => {
                write!(f, "the source of evidence was out of reach for too long: {reason}")
            }
            Self::NotApproved => f.write_str("nobody approved the next step in time"),
            Self::ForeignChange(found) => write!(f, "the rule was changed by somebody else: {found}"),
            Self::Failure { error, detail } => write!(f, "{error}: {detail}"),
            Self::Requested { by, reason } => write!(f, "asked for by {by}: {reason}"),
        }
    }
}

/// The number of an effect within its rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EffectId(pub u64);

/// What the shell has to do. Absolute, so that doing it twice is doing it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Bring a colour up with the rollout's version.
    BringUp(Colour),
    /// Give the canary this share of requests.
    SetWeight(Weight),
    /// Tell the world.
    Publish(Milestone),
    /// Look at the old colour then.
    ScheduleCleanUp {
        /// When.
        at: Timestamp,
        /// Which look it will be, from 1.
        attempt: u32,
    },
    /// Take a colour down.
    TakeDown(Colour),
    /// Count the rollback against its environment, which may stop the line.
    CountRollback,
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// A rollout began.
    Started,
    /// A weight was reached.
    Reached(Weight),
    /// The next step waits for an approval.
    Awaiting(Weight),
    /// The rule was changed by somebody else.
    Frozen(String),
    /// A rollback was decided; traffic is being moved back.
    RollingBack(Cause),
    /// The rollback is verified.
    RolledBack(Cause),
    /// The new version is live.
    Promoted,
    /// The old colour was left running.
    OldColourKept(String),
}

impl Milestone {
    /// The milestone's name as it is published.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Reached(_) => "reached",
            Self::Awaiting(_) => "awaiting_approval",
            Self::Frozen(_) => "frozen",
            Self::RollingBack(_) => "rolling_back",
            Self::RolledBack(_) => "rolled_back",
            Self::Promoted => "promoted",
            Self::OldColourKept(_) => "old_colour_kept",
        }
    }
}

/// An effect that was recorded with the decision that asked for it and has not been acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Its number.
    pub id: EffectId,
    /// What to do.
    pub effect: Effect,
    /// The rollout when it was asked for.
    pub decided: Decided,
}

/// A rollout at a decision: what is told of it stays the same, however late and how often it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// When it was decided.
    pub at: Timestamp,
    /// The canary weight that was wanted then.
    pub weight: Weight,
    /// The epoch then.
    pub epoch: Epoch,
}
