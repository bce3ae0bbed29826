//! What the functions are asked, what they ask the world, and what it answers.

use rollout::{Colour, RolloutId};

use crate::snapshot::{Service, Snapshot};

/// A function with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// start-deploy for this execution.
    StartDeploy {
        /// The execution.
        execution: u8,
        /// The event in its input.
        event: u8,
    },
    /// health-check for the rollout of this event.
    HealthCheck(u8),
    /// promote-step for the rollout of this event.
    PromoteStep(u8),
    /// promote-step, reminded to clean up.
    CleanUp {
        /// The event of the rollout.
        event: u8,
        /// Which look it is.
        attempt: u8,
    },
    /// rollback, called by this execution.
    RollBack {
        /// The execution.
        execution: u8,
        /// The event of the rollout, where the execution's state knows it.
        event: Option<u8>,
    },
    /// rollback, because this execution is gone.
    Watchdog(u8),
    /// rollback, because of an alarm.
    Alarm,
    /// rollback, because a person wants it.
    Person(u8),
    /// rollback, because a person lifts the bar.
    Unhold,
}

/// What a function waits for: one call of a port.
#[derive(Clone, Debug)]
pub enum Call {
    /// The rollout of this event.
    Rollout(u8),
    /// A rollout that no event is known to have started.
    Unknown(RolloutId),
    /// The target item.
    Target,
    /// Lift the bar, if nobody holds the service.
    LiftBar,
    /// The rollout of this execution.
    Link(u8),
    /// Begin.
    Begin {
        /// The rollout.
        rollout: Snapshot,
        /// Its execution.
        execution: u8,
        /// The target that it was decided on.
        expected: Option<Service>,
    },
    /// Commit.
    Commit {
        /// The rollout that was decided on.
        before: Snapshot,
        /// What it became.
        after: Snapshot,
    },
    /// What the rule does.
    Read,
    /// Give green this share.
    Write(u8),
    /// Whether the new version is ready.
    Probe,
    /// The evidence.
    Evidence,
    /// Bring a colour up with a version.
    BringUp(Colour, u8),
    /// Take a colour down.
    TakeDown(Colour),
    /// Nothing, for so many ticks.
    Pause(u8),
}

/// What the new version looks like before traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// Ready.
    Ready,
    /// Not yet.
    NotReady,
}

/// What the evidence looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// The canary is as good as the baseline.
    Good,
    /// It is not.
    Bad,
    /// There were no requests.
    Nothing,
    /// The source is out of reach.
    Down,
}

/// What the world answers to a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The rollout.
    Rollout(Option<Snapshot>),
    /// The target.
    Target(Option<Service>),
    /// Whether the bar is lifted.
    Lifted(bool),
    /// The event of an execution's rollout.
    Link(Option<u8>),
    /// It began.
    Created(Snapshot),
    /// It had begun before.
    Exists(Snapshot),
    /// The service is held, or was.
    Busy(Service),
    /// It is committed; what became of the rollout.
    Committed(Snapshot),
    /// Somebody else was first.
    Conflict,
    /// Green's share of requests in percent.
    Green(u8),
    /// The rule is written.
    Written,
    /// The new version.
    Look(Look),
    /// The evidence.
    Seen(Seen),
    /// It is done.
    Done,
}

/// Where an answer leaves an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// To health-check, after so many ticks.
    Check(u8),
    /// To promote-step.
    Promote,
    /// To rollback.
    RollBack,
    /// To rollback again, after so many ticks.
    Settle(u8),
    /// To its end.
    End,
    /// The function failed.
    Failed,
}
