//! What can happen next.

use rollout::{CleanUp, Phase};

use crate::call::{Answer, Call, Task};
use crate::machine::{Machine, Status};
use crate::setting::Broken;
use crate::snapshot::Snapshot;
use crate::state::{Execution, Live, Owner, Stage, State, Step, Watch};
use crate::store::choices;
use crate::time::ago;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// An event starts this execution.
    Start(u8),
    /// A function's call takes effect, and it goes on to its next one.
    Call {
        /// Which function.
        running: u8,
        /// Which of the possible answers.
        choice: u8,
    },
    /// A function turns out to be slow.
    Linger(u8),
    /// A function vanishes.
    Crash {
        /// Which function.
        running: u8,
        /// Whether the state machine has no retry left, and goes where its Catch leads.
        caught: bool,
    },
    /// A function that was slow before it went to sleep is killed at the end of its life.
    TimeOut(u8),
    /// The write of a function that is gone lands.
    Land(u8),
    /// An execution is stopped from outside.
    Stop(u8),
    /// The state machine gives up on a function that still runs.
    GiveUp {
        /// The execution.
        execution: u8,
        /// Whether it has no retry left.
        caught: bool,
    },
    /// A function of this event's rollout is started again with old input.
    Again(u8, Step),
    /// The alarm rings.
    Alarm,
    /// A person rolls this event's rollout back.
    Person(u8),
    /// A person lifts the bar.
    Unhold,
    /// The watchdog is told about an execution.
    Watchdog(u8),
    /// The sweep finds the rollout of an execution that is gone.
    Sweep(u8),
    /// The clean-up of this event's rollout is due.
    CleanUp(u8),
    /// A minute passes.
    Tick,
}

impl Action {
    /// Whether it cannot fail to happen for ever while it could: what ends every history. Faults and deliveries from
    /// outside can.
    pub fn is_fair(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::TimeOut(_) | Self::Watchdog(_) | Self::Sweep(_) | Self::Tick)
    }
}

pub(crate) fn index(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// Everything that can happen now.
pub fn actions(machine: &Machine, state: &State, out: &mut Vec<Action>) {
    if state.wrong.is_some() {
        return;
    }
    let left = state.left;
    for (at, live) in state.running.iter().enumerate() {
        let Status::Calling(call) = live.function.status() else { continue };
        let running = index(at);
        if live.asleep == 0 {
            out.extend((0..choices(call)).map(|choice| Action::Call { running, choice }));
        }
        if live.left == 0 && live.asleep > 0 {
            out.push(Action::TimeOut(running));
        }
        if left.slow > 0 && !live.lets_time_pass() && live.left > 0 {
            out.push(Action::Linger(running));
        }
        if left.crashes > 0 && crash_matters(live, call) {
            out.push(Action::Crash { running, caught: false });
            if let Owner::Execution(_) = live.owner {
                out.push(Action::Crash { running, caught: true });
            }
        }
    }
    out.extend((0..state.late.len()).map(|at| Action::Land(index(at))));
    for (at, execution) in state.executions.iter().enumerate() {
        of_execution(machine, state, index(at), *execution, out);
    }
    for (event, rollout) in (0..).zip(&state.rollouts) {
        let Some(rollout) = rollout else { continue };
        of_rollout(machine, state, event, rollout, out);
    }
    if left.aborts > 0
        && !machine.setting().by_person
        && state.service.is_some_and(|service| service.lease.is_some())
    {
        out.push(Action::Alarm);
    }
    if left.unholds > 0 {
        out.push(Action::Unhold);
    }
    // A slow function ends, or is gone, by the end of its life.
    if !state.is_over() && state.running.iter().all(Live::lets_time_pass) {
        out.push(Action::Tick);
    }
}

/// Whether a function that vanishes here leaves something else behind than one that vanishes a call earlier: it begins,
/// or its last call changed something, or its next one writes the rule and may land without it. Between two reads nothing
/// tells, and that the others hear of it later is as if they were slow to go on.
fn crash_matters(live: &Live, call: &Call) -> bool {
    let changed = match live.function.answers().next() {
        None | Some(Answer::Created(_) | Answer::Committed(_) | Answer::Written | Answer::Done) => true,
        Some(_) => false,
    };
    changed || matches!(call, Call::Write(_))
}

fn of_execution(machine: &Machine, state: &State, number: u8, execution: Execution, out: &mut Vec<Action>) {
    match execution.stage {
        Stage::Unborn => out.push(Action::Start(number)),
        Stage::Calling(_) | Stage::Waiting(..) => {
            if state.left.stops > 0 {
                out.push(Action::Stop(number));
            }
            if state.left.deliveries > 0
                && let Stage::Calling(_) = execution.stage
            {
                out.push(Action::GiveUp { execution: number, caught: false });
                out.push(Action::GiveUp { execution: number, caught: true });
            }
        }
        Stage::Ended(_) => {
            if let Watch::Due { wait: 0, .. } = execution.watch {
                out.push(Action::Watchdog(number));
            }
            let link = state.links.get(usize::from(number)).copied().flatten();
            let held = link.is_some() && state.service.and_then(|service| service.lease) == link;
            // A lease is much longer than the life of any function, and each decision renews it. A rollback that settles
            // is left alone until it can be verified.
            let settles = |rollout: &Snapshot| matches!(&rollout.phase, Phase::Settling { restored_at, .. } if *restored_at > ago(machine.setting().zombie_bound()));
            if held
                && !state.active().any(settles)
                && state.is_calm()
                && execution.watch == Watch::Quiet
                && machine.setting().broken != Broken::NoSweep
            {
                out.push(Action::Sweep(number));
            }
        }
    }
}

fn of_rollout(machine: &Machine, state: &State, event: u8, rollout: &Snapshot, out: &mut Vec<Action>) {
    if state.left.deliveries > 0 {
        out.push(Action::Again(event, Step::HealthCheck));
        out.push(Action::Again(event, Step::PromoteStep));
    }
    if state.left.aborts > 0 && machine.setting().by_person && !rollout.phase.is_terminal() {
        out.push(Action::Person(event));
    }
    if machine.setting().fleet
        && let Phase::Promoted { clean_up: CleanUp::Scheduled { at, attempt }, .. } = &rollout.phase
        && *at <= ago(0)
        && !state.running.iter().any(|live| {
            live.function.task()
                == Task::CleanUp { event, attempt: u8::try_from(*attempt).unwrap_or(u8::MAX) }
        })
    {
        out.push(Action::CleanUp(event));
    }
}
