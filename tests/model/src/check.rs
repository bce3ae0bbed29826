//! The model, its properties, and what the checker says about them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rollout::Phase;
use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::action::{Action, actions};
use crate::machine::{Machine, Unbuildable};
use crate::setting::Setting;
use crate::state::{State, Wrong};
use crate::step::next;

/// The rollback protocol in one setting.
#[derive(Clone, Debug)]
pub struct Protocol(Arc<Machine>);

impl Protocol {
    /// The protocol in this setting.
    ///
    /// # Errors
    /// [`Unbuildable`].
    pub fn new(setting: Setting) -> Result<Self, Unbuildable> {
        Machine::new(setting).map(|machine| Self(Arc::new(machine)))
    }

    /// The functions.
    pub fn machine(&self) -> &Machine {
        &self.0
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.0.setting())]
    }

    fn actions(&self, state: &State, out: &mut Vec<Action>) {
        actions(&self.0, state, out);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        next(&self.0, state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always(ROLLED_BACK, |_, state| rolled_back(state)),
            Property::<Self>::always(PROMOTED, |_, state| promoted(state)),
            Property::<Self>::always(ONE_ACTIVE, |_, state| one_active(state)),
            Property::<Self>::always(TARGET_AGREES, |_, state| target_agrees(state)),
            Property::<Self>::always(NO_RISE, |_, state| state.wrong != Some(Wrong::AskedAbove)),
            Property::<Self>::always(NOT_ABOVE, |model, state| not_above(model.0.setting(), state)),
            Property::<Self>::always(LINEAR, |_, state| state.wrong != Some(Wrong::Overwritten)),
            Property::<Self>::always(PUT_BACK, |_, state| state.wrong != Some(Wrong::LeftAbove)),
            Property::<Self>::always(SOUND, |_, state| state.wrong != Some(Wrong::Unsound)),
            Property::<Self>::sometimes("a rollout is promoted", |_, state| {
                state.is_over()
                    && state.stored().any(|rollout| matches!(rollout.phase, Phase::Promoted { .. }))
            }),
            Property::<Self>::sometimes("a rollout is rolled back", |_, state| {
                state.is_over()
                    && state.stored().any(|rollout| matches!(rollout.phase, Phase::RolledBack { .. }))
            }),
        ];
        let setting = self.0.setting();
        if setting.faults.unholds > 0 {
            properties.extend([
                Property::<Self>::always(BAR_STAYS_LIFTED, |_, state| {
                    state.wrong != Some(Wrong::BarReturned)
                }),
                Property::<Self>::always(BAR_IS_LIFTED, |_, state| state.wrong != Some(Wrong::StillBarred)),
                Property::<Self>::sometimes("a bar is lifted while a rollout runs", |_, state| {
                    state.service.is_some_and(|service| !service.barred && service.lease.is_some())
                }),
            ]);
        }
        if setting.faults.crashes > 0 && setting.faults.aborts > 0 {
            properties.push(Property::<Self>::sometimes(LATE, |_, state| late(state)));
        }
        if setting.events() > 1 {
            properties.push(Property::<Self>::sometimes("two rollouts are promoted", |_, state| {
                let promoted =
                    |rollout: &&crate::snapshot::Snapshot| matches!(rollout.phase, Phase::Promoted { .. });
                state.stored().filter(promoted).count() > 1
            }));
        }
        if setting.fleet {
            properties.push(Property::<Self>::always(SERVED, |_, state| served(state)));
            properties.push(Property::<Self>::sometimes("an old colour is taken down", |_, state| {
                state.up.iter().any(Option::is_none)
                    && state.stored().any(|rollout| matches!(rollout.phase, Phase::Promoted { .. }))
            }));
        }
        properties
    }
}

/// No function and no late write can give traffic to a canary whose rollback was verified.
pub const ROLLED_BACK: &str = "a rolled back canary has weight 0";
/// Promoted means all traffic.
pub const PROMOTED: &str = "a promoted version has weight 100";
/// One lease.
pub const ONE_ACTIVE: &str = "a service has at most one active rollout";
/// The target item says what the rollout that holds it says.
pub const TARGET_AGREES: &str = "the target item agrees with the rollout that holds it";
/// The fence.
pub const NO_RISE: &str = "no write begins above the weight that the current epoch wants";
/// What the rule does is not left above what is wanted.
pub const NOT_ABOVE: &str = "the rule does not stay above the wanted weight once writers are quiet";
/// The history is a chain.
pub const LINEAR: &str = "every stored decision follows from the one before";
/// The read after the write.
pub const PUT_BACK: &str = "a writer that lives puts back what it wrote above the wanted weight";
/// `rollout::invariants`.
pub const SOUND: &str = "every stored rollout keeps the invariants of crate rollout";
/// The comparison of what is barred when a rollout begins.
pub const BAR_STAYS_LIFTED: &str = "a bar that was lifted stays lifted";
/// Whoever begins or ends at the same time.
pub const BAR_IS_LIFTED: &str = "an order to lift the bar that was answered has lifted it";
/// Clean-up.
pub const SERVED: &str = "a colour with traffic is up once functions are quiet";
/// The model is not empty: what it is about happens.
pub const LATE: &str = "a late write gives traffic to a canary while its rollback settles";

fn rolled_back(state: &State) -> bool {
    state.newest().is_none_or(|rollout| {
        !matches!(rollout.phase, Phase::RolledBack { .. }) || state.canary(rollout) == 0
    })
}

fn promoted(state: &State) -> bool {
    state.newest().is_none_or(|rollout| {
        !matches!(rollout.phase, Phase::Promoted { .. }) || state.canary(rollout) == 100
    })
}

fn one_active(state: &State) -> bool {
    let held = state.service.and_then(|service| service.lease);
    let mut active = state.active();
    match (active.next(), active.next()) {
        (None, None) => held.is_none(),
        (Some(rollout), None) => held == Some(rollout.event()),
        (_, Some(_)) => false,
    }
}

fn target_agrees(state: &State) -> bool {
    let Some(service) = state.service else { return true };
    let Some(rollout) = state.newest() else { return service.epoch == 0 };
    // A bar is lifted from a service that nobody holds without its last rollout.
    let own = rollout.service();
    let barred = service.barred || service.lease.is_none() && own.barred;
    own == crate::snapshot::Service { barred, ..service }
}

/// A writer that lives puts the weight of the new epoch back itself. One that died leaves that to the verification, so
/// until then the weight may be too high.
fn not_above(setting: &Setting, state: &State) -> bool {
    let died = state.left.crashes < setting.faults.crashes;
    let moving = |phase: &Phase| match phase {
        Phase::Restoring { .. } => true,
        Phase::Settling { .. } => died,
        _ => false,
    };
    !state.is_calm()
        || state.newest().is_none_or(|rollout| {
            moving(&rollout.phase) || state.canary(rollout) <= rollout.desired_weight().percent()
        })
}

fn late(state: &State) -> bool {
    state.running.is_empty()
        && state
            .active()
            .any(|rollout| matches!(rollout.phase, Phase::Settling { .. }) && state.canary(rollout) > 0)
}

fn served(state: &State) -> bool {
    let [blue, green] = state.up;
    !state.is_calm() || (state.green == 100 || blue.is_some()) && (state.green == 0 || green.is_some())
}

/// What the checker found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Different states.
    pub states: usize,
    /// Transitions.
    pub transitions: usize,
    /// The longest of the shortest paths to a state.
    pub depth: usize,
    /// Steps of functions that were computed by running them.
    pub steps: usize,
    /// The time it took.
    pub took: Duration,
    /// The properties that do not hold, each with the steps that lead there.
    pub violated: Vec<(&'static str, String)>,
    /// What should happen in some history, and does not.
    pub unseen: Vec<&'static str>,
}

/// Checks a setting in every reachable state. `first` ends at the first violation, on the shortest way to it.
///
/// # Errors
/// [`Unbuildable`].
pub fn check(setting: Setting, threads: usize, first: bool) -> Result<Checked, Unbuildable> {
    let protocol = Protocol::new(setting)?;
    let begun = Instant::now();
    let builder = protocol.clone().checker().threads(if first { 1 } else { threads });
    let builder = if first { builder.finish_when(HasDiscoveries::AnyFailures) } else { builder };
    let checker = builder.spawn_bfs().join();
    let took = begun.elapsed();
    let mut violated = Vec::new();
    let mut seen = Vec::new();
    for (name, path) in checker.discoveries() {
        let property = protocol.property(name);
        if property.expectation.discovery_is_failure() {
            let steps = path.into_vec();
            let told: Vec<String> =
                steps.iter().map(|(state, action)| told(state, action.as_ref())).collect();
            violated.push((name, told.join("\n")));
        } else {
            seen.push(name);
        }
    }
    let unseen = protocol
        .properties()
        .iter()
        .filter(|property| property.expectation == stateright::Expectation::Sometimes)
        .map(|property| property.name)
        .filter(|name| !seen.contains(name))
        .collect();
    Ok(Checked {
        states: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        steps: protocol.machine().steps(),
        took,
        violated,
        unseen,
    })
}

/// A state in a line, and what happens in it.
pub fn told(state: &State, action: Option<&Action>) -> String {
    let rollouts: Vec<String> = state
        .rollouts
        .iter()
        .map(|rollout| {
            rollout.as_ref().map_or_else(
                || "-".to_owned(),
                |rollout| format!("{}@{}", rollout.phase.name(), rollout.epoch),
            )
        })
        .collect();
    let running: Vec<String> = state
        .running
        .iter()
        .map(|live| format!("{:?} {:?} {} at {}", live.owner, live.function.task(), live.left, call(live)))
        .collect();
    let late: Vec<String> =
        state.late.iter().map(|late| format!("green {} {}", late.green, late.left)).collect();
    let action = match action {
        Some(action) => format!("  -> {action:?}"),
        None => String::new(),
    };
    format!(
        "green {} [{}] running [{}] late [{}]{action}",
        state.green,
        rollouts.join(", "),
        running.join("; "),
        late.join("; ")
    )
}

fn call(live: &crate::state::Live) -> String {
    use crate::call::Call;
    use crate::machine::Status;
    match live.function.status() {
        Status::Ended(outcome) => format!("{outcome:?}"),
        Status::Calling(Call::Begin { .. }) => "begin".to_owned(),
        Status::Calling(Call::Commit { before, after }) => {
            format!("commit {} -> {}", before.phase.name(), after.phase.name())
        }
        Status::Calling(call) => format!("{call:?}"),
    }
}
