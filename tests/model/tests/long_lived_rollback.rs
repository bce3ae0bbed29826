//! Why rollback has to live less than the zombie bound, like every function that writes the rule. One history, step by
//! step, that is too long to be found by looking at every state: a rollback that lives longer outlives the verification
//! of a later rollout's rollback. It puts that rollout's weight back (its epoch was over, so it repairs), dies in the
//! write, and the write lands on a canary whose weight 0 was verified.
//!
//! So the watchdog does not wait for the zombie bound: it fails, and Lambda calls it again. `infra/template.yaml` gives
//! rollback the timeout of the others, which a test of the package e2e compares with the bound.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's helpers are part of the test")]

use model::action::Action;
use model::call::{Call, Task};
use model::check::PROMOTED;
use model::machine::Status;
use model::state::{Live, Owner, Stage, State};
use model::{Faults, Protocol, Setting, Steps, Ticks, check, worlds};
use stateright::Model;

/// The life of a rollback that waits for the zombie bound itself, in ticks.
const LONG: u8 = 4;

struct History {
    protocol: Protocol,
    state: State,
}

impl History {
    /// `None` when it cannot happen in this state.
    fn step(&mut self, action: Action) -> Option<()> {
        let mut possible = Vec::new();
        self.protocol.actions(&self.state, &mut possible);
        possible.contains(&action).then_some(())?;
        self.state = self.protocol.next_state(&self.state, action)?;
        Some(())
    }

    fn find(&self, which: impl Fn(&Live) -> bool) -> Option<u8> {
        self.state.running.iter().position(which).map(|at| u8::try_from(at).unwrap())
    }

    fn call(&mut self, which: impl Fn(&Live) -> bool) -> Option<()> {
        let running = self.find(which)?;
        self.step(Action::Call { running, choice: 0 })
    }

    /// The execution goes on, and time passes, until it has ended.
    fn ends(&mut self, execution: u8) -> Option<()> {
        while !matches!(self.state.executions[usize::from(execution)].stage, Stage::Ended(_)) {
            if self.call(|live| live.owner == Owner::Execution(execution)).is_none() {
                self.step(Action::Tick)?;
            }
        }
        Some(())
    }
}

fn writes(live: &Live) -> bool {
    matches!(live.function.status(), Status::Calling(Call::Write(_)))
}

/// Green's share after a late write on a canary that was verified to be rolled back; `None` where that cannot happen.
fn share_after_the_late_write(rollback: u8) -> Option<u8> {
    let faults = Faults { crashes: 1, slow: 1, aborts: 2, ..Faults::default() };
    let setting =
        Setting::one("long", Steps::BlueGreen, faults).with_executions(&[0, 1]).with_rollback(rollback);
    let protocol = Protocol::new(setting).unwrap();
    let state = protocol.init_states().remove(0);
    let mut history = History { protocol, state };

    // The first rollout is rolled back by an alarm, whose function is slow to write weight 0.
    let old = |live: &Live| live.function.task() == Task::Alarm && live.owner == Owner::Nobody;
    history.step(Action::Start(0))?;
    while history.state.rollouts[0].is_none() {
        history.call(|_| true)?;
    }
    history.step(Action::Alarm)?;
    while history.find(|live| old(live) && writes(live)).is_none() {
        history.call(old)?;
    }
    let slow = history.find(old)?;
    history.step(Action::Linger(slow))?;
    history.ends(0)?;

    // The second one has all traffic when the old function writes, and finds that it has to put that right.
    history.step(Action::Start(1))?;
    while history.call(|live| live.owner == Owner::Execution(1)).is_some() {}
    assert_eq!(history.state.green, 100);
    history.call(old)?;
    history.call(old)?;
    assert!(history.find(|live| old(live) && writes(live)).is_some());

    // Another alarm rolls the second one back; the old function dies in its write, and the rollback is verified.
    history.step(Action::Alarm)?;
    while history.call(|live| old(live) && !live.slow).is_some() {}
    let running = history.find(old)?;
    history.step(Action::Crash { running, caught: false })?;
    history.ends(1)?;
    assert_eq!((history.state.green, history.state.newest().unwrap().phase.name()), (0, "rolled_back"));
    history.step(Action::Land(0))?;
    Some(history.state.green)
}

#[test]
fn a_rollback_that_lives_longer_than_the_zombie_bound_outlives_a_verification() {
    assert_eq!(share_after_the_late_write(LONG), Some(100));
}

#[test]
fn a_rollback_that_lives_less_than_the_zombie_bound_does_not() {
    assert_eq!(share_after_the_late_write(Ticks::default().rollback), None);
}

/// One crash is enough for the other direction, and the checker finds it: the weight 0 of a rollback that died lands after
/// the next rollout was promoted.
#[test]
fn a_rollback_that_outlives_the_zombie_bound_takes_a_promoted_version_its_traffic() {
    let checked = check(worlds::two_and_a_crash().with_rollback(LONG), 1, true).unwrap();
    assert!(checked.violated.iter().any(|(name, _)| *name == PROMOTED), "{:?}", checked.violated);
}
