//! The state of the world between two steps.

use std::cmp::Ordering;

use rollout::{CleanUp, Colour, Phase};

use crate::machine::Running;
use crate::setting::{Faults, Setting};
use crate::snapshot::{Service, Snapshot, share_of_green};
use crate::time::ago;

/// What runs on the colour that is live at first.
pub const FIRST_VERSION: u8 = 99;

/// Everything that a function, a fault or the clock can change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The stored rollout of each event.
    pub rollouts: Vec<Option<Snapshot>>,
    /// The stored target item.
    pub service: Option<Service>,
    /// The event whose rollout each execution drives.
    pub links: Vec<Option<u8>>,
    /// Green's share of requests, in percent, as the rule divides them.
    pub green: u8,
    /// What runs on blue and on green.
    pub up: [Option<u8>; 2],
    /// The executions.
    pub executions: Vec<Execution>,
    /// The functions that run.
    pub running: Vec<Live>,
    /// Writes of the rule whose function is gone.
    pub late: Vec<Late>,
    /// What may still go wrong.
    pub left: Faults,
    /// What must not be, and was, in the step that led here.
    pub wrong: Option<Wrong>,
}

/// A step that the protocol forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A function began to write more canary weight than the service wanted when it had last asked.
    AskedAbove,
    /// A decision was stored over one that it did not follow from.
    Overwritten,
    /// A function ended, and what it wrote above the wanted weight is still there.
    LeftAbove,
    /// A rollout was stored that `decide` can never lead to.
    Unsound,
    /// A bar that was lifted is there again.
    BarReturned,
    /// An order to lift the bar was answered, and it is there.
    StillBarred,
}

/// A state of the state machine that calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// `StartDeploy`.
    StartDeploy,
    /// `HealthCheck`.
    HealthCheck,
    /// `PromoteStep`.
    PromoteStep,
    /// `Rollback`.
    Rollback,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// In a state of type Succeed.
    Succeeded,
    /// In `RollbackFailed`, or from outside: the watchdog is told.
    Failed,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not begun.
    Unborn,
    /// It waits for its function.
    Calling(Step),
    /// It waits so many ticks before it calls.
    Waiting(Step, u8),
    /// It has ended.
    Ended(End),
}

/// Whether the watchdog has to be told of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// No; or no more, and the event is among the dead letters.
    Quiet,
    /// The event is on its way.
    Due {
        /// How often it was delivered before.
        attempt: u8,
        /// In how many ticks it arrives at the earliest.
        wait: u8,
    },
    /// It looks after it.
    Watching {
        /// How often the event was delivered before.
        attempt: u8,
    },
}

/// The waits before Lambda's second and third attempt of an asynchronous call, in ticks: one minute and two minutes (AWS
/// Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation"). Here the zombie bound is
/// longer than the first one, on AWS it is shorter than both: the dead letters, and the sweep after them, come sooner.
const RETRIES: [u8; 2] = [1, 2];

impl Watch {
    /// The execution is gone.
    pub const TOLD: Self = Self::Due { attempt: 0, wait: 0 };

    /// The delivery has failed.
    #[must_use]
    pub fn failed(self) -> Self {
        let Self::Watching { attempt } = self else { return self };
        match RETRIES.get(usize::from(attempt)) {
            Some(wait) => Self::Due { attempt: attempt + 1, wait: *wait },
            None => Self::Quiet,
        }
    }
}

/// One execution of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Execution {
    /// Where it stands.
    pub stage: Stage,
    /// Whether start-deploy has told it its rollout.
    pub knows: bool,
    /// The watchdog.
    pub watch: Watch,
}

/// Who waits for a function's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// An execution.
    Execution(u8),
    /// The watchdog's event of an execution.
    Watchdog(u8),
    /// The sweep.
    Sweep,
    /// Nobody.
    Nobody,
}

/// A function that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Live {
    /// Who waits for it.
    pub owner: Owner,
    /// The function.
    pub function: Running,
    /// How many ticks it may still live.
    pub left: u8,
    /// How many ticks it still sleeps.
    pub asleep: u8,
    /// Whether it is slow: time passes while it runs.
    pub slow: bool,
    /// Whether its last write gave the canary more than the service wanted when it landed.
    pub owes: bool,
}

impl Live {
    /// Whether a tick may pass before its next call.
    pub fn lets_time_pass(&self) -> bool {
        self.left > 0 && (self.slow || self.asleep > 0)
    }
}

/// A write whose function is gone. It lands when it likes, while the function could have lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Late {
    /// Green's share.
    pub green: u8,
    /// How many ticks it has left.
    pub left: u8,
}

impl State {
    /// Nothing has happened: blue is live.
    pub fn first(setting: &Setting) -> Self {
        let executions = setting.executions.len();
        Self {
            rollouts: vec![None; usize::from(setting.events())],
            service: (setting.faults.unholds > 0).then_some(Service::BARRED),
            links: vec![None; executions],
            green: 0,
            up: [Some(FIRST_VERSION), None],
            executions: vec![
                Execution { stage: Stage::Unborn, knows: false, watch: Watch::Quiet };
                executions
            ],
            running: Vec::new(),
            late: Vec::new(),
            left: setting.faults,
            wrong: None,
        }
    }

    /// The same order for the same state, whatever the order in which things began.
    pub fn sort(&mut self) {
        let by = |a: &Live, b: &Live| -> Ordering {
            let key = |live: &Live| {
                (live.owner, live.function.fingerprint(), live.left, live.asleep, live.slow, live.owes)
            };
            key(a).cmp(&key(b))
        };
        self.running.sort_by(by);
        self.late.sort_unstable();
    }

    /// The stored rollouts.
    pub fn stored(&self) -> impl Iterator<Item = &Snapshot> {
        self.rollouts.iter().flatten()
    }

    /// The rollouts that have not ended.
    pub fn active(&self) -> impl Iterator<Item = &Snapshot> {
        self.stored().filter(|rollout| !rollout.phase.is_terminal())
    }

    /// The rollout that moved traffic last, or may move it now.
    pub fn newest(&self) -> Option<&Snapshot> {
        let epoch = self.service?.epoch;
        self.stored()
            .find(|rollout| rollout.epoch.0 == epoch && !matches!(rollout.phase, Phase::Refused { .. }))
    }

    /// Whether the rule gives the colour that is not live more than the service wants.
    pub fn is_above(&self, green: u8) -> bool {
        self.service.is_some_and(|service| share_of_green(service.live.other(), green) > service.weight)
    }

    /// A rollout's share of requests, in percent.
    pub fn canary(&self, rollout: &Snapshot) -> u8 {
        share_of_green(rollout.canary, self.green)
    }

    /// No function runs, and no write of the rule is on its way.
    pub fn is_calm(&self) -> bool {
        self.running.is_empty() && self.late.is_empty()
    }

    /// Every rollout that began has ended, and nobody has anything to do.
    pub fn is_over(&self) -> bool {
        let idle = |execution: &Execution| {
            matches!(execution.stage, Stage::Unborn | Stage::Ended(_)) && execution.watch == Watch::Quiet
        };
        let waits = |rollout: &Snapshot| matches!(&rollout.phase, Phase::Promoted { clean_up: CleanUp::Scheduled { at, .. }, .. } if *at > ago(0));
        self.is_calm()
            && self.executions.iter().all(idle)
            && self.active().next().is_none()
            && !self.stored().any(waits)
    }

    /// What runs on a colour.
    pub fn on(&mut self, colour: Colour) -> &mut Option<u8> {
        let [blue, green] = &mut self.up;
        match colour {
            Colour::Blue => blue,
            Colour::Green => green,
        }
    }

    /// The execution of this number.
    pub fn execution(&mut self, number: u8) -> Option<&mut Execution> {
        self.executions.get_mut(usize::from(number))
    }
}
