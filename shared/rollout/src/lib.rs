//! The rollout itself, pure: what a plan is, which phases a rollout goes through, and what it does next.
//!
//! [`decide`] is the one place where a rollout changes. It is given the state and an event, both of them data with
//! their time inside, and answers with the next state; the effects it asks for are recorded in that state, so that
//! storing the state stores the intention ([outbox](Rollout::pending)).

mod admission;
mod bucket;
mod control;
mod decide;
mod event;
mod invariants;
mod names;
mod pace;
mod phase;
mod plan;
mod rollout;
mod source;

pub use admission::{Approvals, Configured, GateName, InvalidOverride, MayNotApprove, Overridden};
pub use analysis::Seconds;
pub use bucket::{Bucket, InvalidShare, Need, Share};
pub use control::{Control, Freeze, Line, StopRules};
pub use decide::{Rejected, decide};
pub use event::{Cause, Decided, Effect, EffectId, Event, Milestone, OldTraffic, Order, Pending, Probe};
pub use invariants::{Violation, invariants};
pub use names::{
    AlarmName, Colour, EnvironmentName, Epoch, ExecutionArn, InvalidName, RolloutId, ServiceName, Version,
    Weight, WeightOver100,
};
pub use phase::{Approval, CleanUp, Next, Observed, Phase, Sight};
pub use plan::{
    Arm, CleanUpRules, EvidenceRules, InvalidSteps, Method, Needs, Plan, Readiness, Route, SmokeTest, Step,
    StepIndex, Steps, Strategy,
};
pub use rollout::{Barred, Hold, LEASE, Lease, Rollout, RuleSnapshot, Standing, Start, Target};
pub use source::{ArmDimension, ArmValue, Series, Source};

#[cfg(test)]
mod tests;
