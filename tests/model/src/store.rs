//! The store's transactions, as `engine::ports::Store` documents them, and what the world answers to a call.

use rollout::{Effect, Phase};

use crate::call::{Answer, Call, Look, Seen, Task};
use crate::machine::{Machine, Running};
use crate::setting::Broken;
use crate::snapshot::{Service, Snapshot};
use crate::state::{State, Wrong};

/// How many different answers a call can have in this state.
pub fn choices(call: &Call) -> u8 {
    match call {
        Call::Probe => 2,
        Call::Evidence => 4,
        _ => 1,
    }
}

/// What the world answers a function, and what that changes.
pub fn answer(machine: &Machine, state: &mut State, function: &Running, call: &Call, choice: u8) -> Answer {
    let broken = machine.setting().broken;
    match call {
        Call::Rollout(event) => Answer::Rollout(state.rollouts.get(usize::from(*event)).cloned().flatten()),
        Call::Unknown(_) => Answer::Rollout(None),
        Call::Target => Answer::Target(believed(broken, function, state.service)),
        Call::LiftBar => Answer::Lifted(lift_bar(state)),
        Call::Link(execution) => Answer::Link(state.links.get(usize::from(*execution)).copied().flatten()),
        Call::Begin { rollout, execution, expected } => begin(broken, state, rollout, *execution, *expected),
        Call::Commit { before, after } => commit(machine, state, before, after),
        Call::Read => Answer::Green(state.green),
        Call::Write(green) => {
            state.green = *green;
            Answer::Written
        }
        Call::Probe => {
            let canary = function.knows().map(|rollout| rollout.canary);
            let up = !machine.setting().fleet || canary.is_some_and(|canary| state.on(canary).is_some());
            Answer::Look(if choice == 0 && up { Look::Ready } else { Look::NotReady })
        }
        Call::Evidence => Answer::Seen(evidence(function, choice)),
        Call::BringUp(colour, version) => {
            *state.on(*colour) = Some(*version);
            Answer::Done
        }
        Call::TakeDown(colour) => {
            *state.on(*colour) = None;
            Answer::Done
        }
        Call::Pause(_) => Answer::Done,
    }
}

/// The old colour serves nothing or is not known to; the judge can see anything.
fn evidence(function: &Running, choice: u8) -> Seen {
    match (function.task(), choice) {
        (Task::CleanUp { .. }, 0 | 1) => Seen::Nothing,
        (Task::CleanUp { .. }, _) => Seen::Down,
        (_, 0) => Seen::Good,
        (_, 1) => Seen::Bad,
        (_, 2) => Seen::Nothing,
        (_, _) => Seen::Down,
    }
}

/// The target as a function reads it: as it is, or as a function that leaves a check out would believe it to be.
fn believed(broken: Broken, function: &Running, service: Option<Service>) -> Option<Service> {
    let after_write = function.answers().next() == Some(&Answer::Written);
    let cleans_up = matches!(function.task(), Task::CleanUp { .. });
    match (broken, function.knows()) {
        (Broken::NoReadAfterWrite, Some(known)) if after_write => {
            service.map(|service| Service { epoch: known.epoch.0, ..service })
        }
        (Broken::NoEpochCheck, Some(known)) if !after_write && !cleans_up => {
            service.map(|service| Service { epoch: known.epoch.0, ..service })
        }
        (Broken::NoFreeCheck, Some(known)) if cleans_up => Some(known.service()),
        _ => service,
    }
}

fn lift_bar(state: &mut State) -> bool {
    match &mut state.service {
        Some(service) if service.barred && service.lease.is_none() => {
            service.barred = false;
            true
        }
        _ => false,
    }
}

/// Stores a target. A bar that was lifted, or that a promotion has lifted, is of a version that nobody rolls out any more.
fn store(state: &mut State, service: Service) {
    if service.barred && state.service.is_some_and(|before| !before.barred) {
        state.wrong = Some(Wrong::BarReturned);
    }
    state.service = Some(service);
}

fn begin(
    broken: Broken,
    state: &mut State,
    rollout: &Snapshot,
    execution: u8,
    expected: Option<Service>,
) -> Answer {
    let Some(slot) = state.rollouts.get(usize::from(rollout.event())) else { return Answer::Conflict };
    if let Some(stored) = slot {
        return Answer::Exists(stored.clone());
    }
    if !matches!(rollout.phase, Phase::Refused { .. }) {
        let as_expected = match (state.service, expected) {
            (None, None) => true,
            (Some(service), Some(expected)) => {
                let bar = service.barred == expected.barred || broken == Broken::NoBarCheck;
                service.epoch == expected.epoch && bar && service.lease.is_none()
            }
            _ => false,
        };
        if let (false, Some(service)) = (as_expected, state.service) {
            return Answer::Busy(service);
        }
        store(state, rollout.service());
    }
    if let Some(slot) = state.rollouts.get_mut(usize::from(rollout.event())) {
        *slot = Some(rollout.clone());
    }
    if let Some(link) = state.links.get_mut(usize::from(execution)) {
        *link = Some(rollout.event());
    }
    if !rollout.is_sound() {
        state.wrong = Some(Wrong::Unsound);
    }
    Answer::Created(rollout.clone())
}

fn commit(machine: &Machine, state: &mut State, before: &Snapshot, after: &Snapshot) -> Answer {
    let broken = machine.setting().broken;
    let event = before.event();
    let Some(Some(stored)) = state.rollouts.get(usize::from(event)) else { return Answer::Conflict };
    let follows = stored.version == before.version;
    let service = state.service;
    let may = if before.phase.is_terminal() {
        let takes_down = after.pending.iter().any(|pending| matches!(pending.effect, Effect::TakeDown(_)));
        let free = service.is_some_and(|service| service.epoch == before.epoch.0 && service.lease.is_none());
        !takes_down || free || broken == Broken::NoFreeCheck
    } else {
        service.is_some_and(|service| service.epoch == before.epoch.0 && service.lease == Some(event))
    };
    if !follows && broken != Broken::NoVersionCheck || !may {
        return Answer::Conflict;
    }
    if !follows {
        state.wrong = Some(Wrong::Overwritten);
    } else if !after.is_sound() {
        state.wrong = Some(Wrong::Unsound);
    }
    let stored = if broken == Broken::SameEpoch && after.epoch != before.epoch {
        after.with_epoch(machine.setting(), before.epoch)
    } else {
        after.clone()
    };
    if !before.phase.is_terminal() {
        store(state, stored.service());
    }
    if let Some(slot) = state.rollouts.get_mut(usize::from(event)) {
        *slot = Some(stored);
    }
    Answer::Committed(after.clone())
}
