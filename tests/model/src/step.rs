//! What an action leads to.

use rollout::{CleanUp, Phase};

use crate::action::{Action, index};
use crate::call::{Call, Outcome, Task};
use crate::machine::{Machine, Status};
use crate::state::{End, Late, Live, Owner, Stage, State, Step, Watch, Wrong};
use crate::store::answer;

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
            Action::TimeOut(running) => {
                let gone = self.take(usize::from(running))?;
                self.vanished(&gone, false);
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
            Action::Unhold => {
                self.state.left.unholds -= 1;
                self.begin(Owner::Nobody, Task::Unhold);
            }
            Action::Watchdog(number) => {
                let execution = self.state.execution(number)?;
                let Watch::Due { attempt, wait: 0 } = execution.watch else { return None };
                execution.watch = Watch::Watching { attempt };
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
            Task::RollBack { .. } | Task::Watchdog(_) | Task::Alarm | Task::Person(_) | Task::Unhold => {
                ticks.rollback
            }
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
                let barred = self.state.service.is_some_and(|service| service.barred);
                if live.function.task() == Task::Unhold && *outcome != Outcome::Failed && barred {
                    self.state.wrong = Some(Wrong::StillBarred);
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
                    let failed = outcome == Outcome::Failed;
                    execution.watch = if failed { execution.watch.failed() } else { Watch::Quiet };
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
                execution.watch = Watch::TOLD;
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
                    execution.watch = execution.watch.failed();
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
            if let Watch::Due { wait, .. } = &mut execution.watch {
                *wait = wait.saturating_sub(1);
            }
            if let Stage::Waiting(step, wait) = execution.stage {
                let left = wait.saturating_sub(1);
                self.wait(number, step, left);
            }
        }
    }
}
