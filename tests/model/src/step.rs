//! What can happen next, and what it leads to.

use rollout::{CleanUp, Phase};

use crate::call::{Answer, Call, Outcome, Task};
use crate::machine::{Machine, Status};
use crate::setting::Broken;
use crate::snapshot::Snapshot;
use crate::state::{End, Execution, Late, Live, Owner, Stage, State, Step, Watch, Wrong};
use crate::store::{answer, choices};
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
        matches!(self, Self::Call { .. } | Self::Watchdog(_) | Self::Sweep(_) | Self::Tick)
    }
}

fn index(at: usize) -> u8 {
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
        of_execution(machine, state, index(at), execution, out);
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

fn of_execution(machine: &Machine, state: &State, number: u8, execution: &Execution, out: &mut Vec<Action>) {
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
            if execution.watch == Watch::Due {
                out.push(Action::Watchdog(number));
            }
            let link = state.links.get(usize::from(number)).copied().flatten();
            let held = link.is_some() && state.service.and_then(|service| service.lease) == link;
            // A lease is much longer than the life of any function, and each decision renews it.
            if held
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

/// What it leads to; `None` when it cannot happen.
pub fn next(machine: &Machine, state: &State, action: Action) -> Option<State> {
    let mut world = World { machine, state: state.clone() };
    world.state.wrong = None;
    world.happen(action)?;
    let mut state = world.state;
    if state.running.is_empty() {
        for rollout in state.rollouts.iter_mut().flatten() {
            *rollout = machine.counted_anew(rollout);
        }
    }
    state.sort();
    Some(state)
}

struct World<'a> {
    machine: &'a Machine,
    state: State,
}

impl World<'_> {
    fn happen(&mut self, action: Action) -> Option<()> {
        match action {
            Action::Start(number) => self.enter(number, Step::StartDeploy),
            Action::Call { running, choice } => self.call(usize::from(running), choice)?,
            Action::Linger(running) => {
                self.state.left.slow -= 1;
                self.state.running.get_mut(usize::from(running))?.slow = true;
            }
            Action::Crash { running, caught } => {
                self.state.left.crashes -= 1;
                let gone = self.take(usize::from(running))?;
                self.vanished(&gone, caught);
            }
            Action::Land(at) => {
                let landed = self.state.late.remove(usize::from(at));
                self.state.green = landed.green;
            }
            Action::Stop(number) => {
                self.state.left.stops -= 1;
                self.orphan(number);
                self.end(number, End::Failed);
            }
            Action::GiveUp { execution, caught } => {
                self.state.left.deliveries -= 1;
                self.orphan(execution);
                let Stage::Calling(step) = self.state.execution(execution)?.stage else { return None };
                self.again(execution, step, caught);
            }
            Action::Again(event, step) => {
                self.state.left.deliveries -= 1;
                let task = if step == Step::PromoteStep {
                    Task::PromoteStep(event)
                } else {
                    Task::HealthCheck(event)
                };
                self.begin(Owner::Nobody, task);
            }
            Action::Alarm => {
                self.state.left.aborts -= 1;
                self.begin(Owner::Nobody, Task::Alarm);
            }
            Action::Person(event) => {
                self.state.left.aborts -= 1;
                self.begin(Owner::Nobody, Task::Person(event));
            }
            Action::Watchdog(number) => {
                self.state.execution(number)?.watch = Watch::Watching;
                self.begin(Owner::Watchdog(number), Task::Watchdog(number));
            }
            Action::Sweep(number) => self.begin(Owner::Sweep, Task::Watchdog(number)),
            Action::CleanUp(event) => {
                let rollout = self.state.rollouts.get(usize::from(event))?.as_ref()?;
                let Phase::Promoted { clean_up: CleanUp::Scheduled { attempt, .. }, .. } = &rollout.phase
                else {
                    return None;
                };
                let attempt = u8::try_from(*attempt).ok()?;
                self.begin(Owner::Nobody, Task::CleanUp { event, attempt });
            }
            Action::Tick => self.tick(),
        }
        Some(())
    }

    fn take(&mut self, at: usize) -> Option<Live> {
        (at < self.state.running.len()).then(|| self.state.running.remove(at))
    }

    fn begin(&mut self, owner: Owner, task: Task) {
        let ticks = self.machine.setting().ticks;
        let left = match task {
            Task::StartDeploy { .. } | Task::HealthCheck(_) | Task::PromoteStep(_) | Task::CleanUp { .. } => {
                ticks.forward
            }
            Task::RollBack { .. } | Task::Watchdog(_) | Task::Alarm | Task::Person(_) => ticks.rollback,
        };
        let function = self.machine.begin(task);
        self.state.running.push(Live { owner, function, left, asleep: 0, slow: false, owes: false });
    }

    fn call(&mut self, at: usize, choice: u8) -> Option<()> {
        let live = self.take(at)?;
        let Status::Calling(call) = live.function.status() else { return None };
        let answer = answer(self.machine, &mut self.state, &live.function, call, choice);
        let function = self.machine.resume(&live.function, answer);
        let owes = match call {
            Call::Write(green) => self.state.is_above(*green),
            _ => live.owes && self.state.is_above(self.state.green),
        };
        match function.status() {
            Status::Ended(outcome) => {
                if owes {
                    self.state.wrong = Some(Wrong::LeftAbove);
                }
                self.ended(live.owner, *outcome);
            }
            Status::Calling(next) => {
                let asleep = if let Call::Pause(ticks) = next { *ticks } else { 0 };
                if let Call::Write(green) = next {
                    self.asks(*green);
                }
                self.state.running.push(Live { function, asleep, owes, ..live });
            }
        }
        Some(())
    }

    /// What is about to be written is compared with what the service wants at this instant: the function's last call took
    /// effect in it.
    fn asks(&mut self, green: u8) {
        if self.state.is_above(green) {
            self.state.wrong = self.state.wrong.or(Some(Wrong::AskedAbove));
        }
    }

    fn ended(&mut self, owner: Owner, outcome: Outcome) {
        match owner {
            Owner::Execution(number) => self.answered(number, outcome),
            Owner::Watchdog(number) => {
                if let Some(execution) = self.state.execution(number) {
                    execution.watch = if outcome == Outcome::Failed { Watch::Due } else { Watch::Quiet };
                }
            }
            Owner::Sweep | Owner::Nobody => {}
        }
    }

    /// The Choice after a function's state.
    fn answered(&mut self, number: u8, outcome: Outcome) {
        let Some(execution) = self.state.execution(number) else { return };
        let Stage::Calling(step) = execution.stage else { return };
        if outcome == Outcome::Failed {
            self.again(number, step, step != Step::Rollback);
            return;
        }
        execution.knows |= outcome != Outcome::End;
        match outcome {
            Outcome::Check(wait) => self.wait(number, Step::HealthCheck, wait),
            Outcome::Promote => self.enter(number, Step::PromoteStep),
            Outcome::RollBack => self.enter(number, Step::Rollback),
            Outcome::Settle(wait) => self.wait(number, Step::Rollback, wait),
            Outcome::End | Outcome::Failed => self.end(number, End::Succeeded),
        }
    }

    fn wait(&mut self, number: u8, step: Step, wait: u8) {
        if wait == 0 {
            self.enter(number, step);
        } else if let Some(execution) = self.state.execution(number) {
            execution.stage = Stage::Waiting(step, wait);
        }
    }

    fn enter(&mut self, number: u8, step: Step) {
        let event = self.machine.setting().executions.get(usize::from(number)).copied().unwrap_or_default();
        let Some(execution) = self.state.execution(number) else { return };
        execution.stage = Stage::Calling(step);
        let knows = execution.knows;
        let task = match step {
            Step::StartDeploy => Task::StartDeploy { execution: number, event },
            Step::HealthCheck => Task::HealthCheck(event),
            Step::PromoteStep => Task::PromoteStep(event),
            Step::Rollback => Task::RollBack { execution: number, event: knows.then_some(event) },
        };
        self.begin(Owner::Execution(number), task);
    }

    /// Retry, or Catch.
    fn again(&mut self, number: u8, step: Step, caught: bool) {
        match (caught, step) {
            (false, step) => self.enter(number, step),
            (true, Step::Rollback) => self.end(number, End::Failed),
            (true, _) => self.enter(number, Step::Rollback),
        }
    }

    fn end(&mut self, number: u8, end: End) {
        if let Some(execution) = self.state.execution(number) {
            execution.stage = Stage::Ended(end);
            if end == End::Failed {
                execution.watch = Watch::Due;
            }
        }
    }

    /// The execution does not wait for its function any more; it goes on all the same.
    fn orphan(&mut self, number: u8) {
        for live in &mut self.state.running {
            if live.owner == Owner::Execution(number) {
                live.owner = Owner::Nobody;
            }
        }
    }

    fn vanished(&mut self, gone: &Live, caught: bool) {
        if let Status::Calling(Call::Write(green)) = gone.function.status() {
            self.state.late.push(Late { green: *green, left: gone.left });
        }
        match gone.owner {
            Owner::Execution(number) => {
                let stage = self.state.execution(number).map(|execution| execution.stage);
                if let Some(Stage::Calling(step)) = stage {
                    self.again(number, step, caught);
                }
            }
            Owner::Watchdog(number) => {
                if let Some(execution) = self.state.execution(number) {
                    execution.watch = Watch::Due;
                }
            }
            Owner::Sweep | Owner::Nobody => {}
        }
    }

    fn tick(&mut self) {
        for rollout in self.state.rollouts.iter_mut().flatten() {
            *rollout = self.machine.snapshot_a_tick_later(rollout);
        }
        for live in &mut self.state.running {
            live.function = self.machine.a_tick_later(&live.function);
            live.left = live.left.saturating_sub(1);
            live.asleep = live.asleep.saturating_sub(1);
        }
        self.state.late.retain(|late| late.left > 0);
        for late in &mut self.state.late {
            late.left -= 1;
        }
        for number in (0..self.state.executions.len()).map(index) {
            let Some(execution) = self.state.execution(number) else { continue };
            if let Stage::Waiting(step, wait) = execution.stage {
                let left = wait.saturating_sub(1);
                self.wait(number, step, left);
            }
        }
    }
}
