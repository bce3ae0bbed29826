//! What the store holds, in a form that is the same whenever it means the same.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use analysis::Course;
use jiff::Timestamp;
use rollout::{
    Barred, Cause, CleanUp, Colour, Decided, Effect, EffectId, EnvironmentName, Epoch, ExecutionArn, LEASE,
    Lease, Milestone, Phase, Rollout, RolloutId, Seconds, ServiceName, Sight, Target, Version, Weight,
    invariants,
};

use crate::script::good_minute;
use crate::setting::Setting;
use crate::time::{TICK, aged, ago};

/// The version that every rollout is given while no function holds on to another one.
const FRESH: u64 = 100;

/// A number that stands for a value: equal for equal values, and different for different ones but for an accident in
/// 2^64.
pub fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A stored rollout. What no decision depends on is made equal: the history's hash, causes, ages beyond all durations.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    fingerprint: u64,
    event: u8,
    sound: bool,
    rollout: Rollout,
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl Eq for Snapshot {}

impl Hash for Snapshot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.fingerprint);
    }
}

impl std::ops::Deref for Snapshot {
    type Target = Rollout;

    fn deref(&self) -> &Rollout {
        &self.0.rollout
    }
}

impl Snapshot {
    /// A rollout of this event as it is stored.
    pub fn new(setting: &Setting, event: u8, rollout: &Rollout) -> Self {
        Self::aged(setting, event, rollout, 0)
    }

    fn aged(setting: &Setting, event: u8, rollout: &Rollout, ticks: u8) -> Self {
        let sound = invariants(rollout).is_ok();
        let rollout = plain(setting, rollout, ticks);
        let text = serde_json::to_string(&rollout).unwrap_or_default();
        Self(Arc::new(Kept { fingerprint: fingerprint(&text), event, sound, rollout }))
    }

    /// The same rollout a tick later.
    #[must_use]
    pub fn a_tick_later(&self, setting: &Setting) -> Self {
        let aged = Self::aged(setting, self.0.event, &self.0.rollout, 1);
        Self(Arc::new(Kept {
            fingerprint: aged.fingerprint(),
            event: self.0.event,
            sound: self.0.sound,
            rollout: aged.0.rollout.clone(),
        }))
    }

    /// The same rollout with its decisions and effects counted anew. Right only while nobody holds a snapshot of it:
    /// versions and effect numbers are compared for equality and nothing else.
    #[must_use]
    pub fn counted_anew(&self, setting: &Setting) -> Self {
        let mut rollout = self.0.rollout.clone();
        rollout.version = FRESH;
        for (number, pending) in (0..).zip(&mut rollout.pending) {
            pending.id = EffectId(number);
            rollout.next_effect = EffectId(number + 1);
        }
        if rollout.pending.is_empty() {
            rollout.next_effect = EffectId(0);
        }
        Self::new(setting, self.0.event, &rollout)
    }

    /// The same rollout at another epoch.
    #[must_use]
    pub fn with_epoch(&self, setting: &Setting, epoch: Epoch) -> Self {
        Self::new(setting, self.0.event, &Rollout { epoch, ..self.0.rollout.clone() })
    }

    /// The number that stands for it.
    pub fn fingerprint(&self) -> u64 {
        self.0.fingerprint
    }

    /// The event that started it.
    pub fn event(&self) -> u8 {
        self.0.event
    }

    /// Whether [`invariants`] held when it was written.
    pub fn is_sound(&self) -> bool {
        self.0.sound
    }

    /// The service as the rollout leaves it.
    pub fn service(&self) -> Service {
        Service::of(&self.0.rollout.target(), self.0.event)
    }
}

fn plain(setting: &Setting, rollout: &Rollout, ticks: u8) -> Rollout {
    let durations = setting.ticks;
    let longest = durations.bake + durations.patience.max(durations.blind).max(durations.frozen);
    let forward = longest + durations.forward + 1;
    let back = durations.zombie_bound + durations.rollback + 1;
    let later = |at: &Timestamp, most: u8| aged(*at, ticks, most);
    let cause = || Cause::Requested { by: "-".to_owned(), reason: "-".to_owned() };
    let over = ago(0);
    let mut updated_at = over;
    let phase = match &rollout.phase {
        Phase::Refused { .. } => Phase::Refused { reason: "-".to_owned(), at: over },
        Phase::Preparing { attempts } => {
            // A look that is told twice is known by the time of the last change.
            updated_at = later(&rollout.updated_at, durations.forward + 1);
            Phase::Preparing { attempts: *attempts }
        }
        Phase::Cleared { .. } | Phase::Awaiting { .. } | Phase::Shifting { .. } => rollout.phase.clone(),
        Phase::Baking { step, since, judged_until, sight } => Phase::Baking {
            step: *step,
            since: later(since, forward),
            judged_until: later(judged_until, forward),
            sight: match sight {
                Sight::Clear => Sight::Clear,
                Sight::LostSince(since) => Sight::LostSince(later(since, forward)),
            },
        },
        Phase::Frozen { step, found, since } => {
            Phase::Frozen { step: *step, found: found.clone(), since: later(since, forward) }
        }
        Phase::Restoring { since, .. } => Phase::Restoring { cause: cause(), since: later(since, back) },
        Phase::Settling { since, restored_at, .. } => Phase::Settling {
            cause: cause(),
            since: later(since, back),
            restored_at: later(restored_at, back),
        },
        Phase::RolledBack { .. } => Phase::RolledBack { cause: cause(), at: over },
        Phase::Promoted { clean_up, .. } => Phase::Promoted {
            at: over,
            clean_up: match clean_up {
                CleanUp::Scheduled { at, attempt } if setting.fleet => {
                    CleanUp::Scheduled { at: later(at, 0), attempt: *attempt }
                }
                CleanUp::Scheduled { attempt, .. } => CleanUp::Scheduled { at: over, attempt: *attempt },
                CleanUp::Done { .. } => CleanUp::Done { at: over },
                CleanUp::Kept { .. } => CleanUp::Kept { reason: "-".to_owned() },
            },
        },
    };
    let mut plain = Rollout {
        phase,
        updated_at,
        started_at: ago(u8::MAX),
        head: String::new(),
        looks: 0,
        course: course(rollout),
        history: None,
        barred: if is_old(&rollout.barred) { old() } else { Barred::Nothing },
        ..rollout.clone()
    };
    plain.plan.zombie_bound = Seconds(TICK.0 * u32::from(setting.zombie_bound()));
    for pending in &mut plain.pending {
        // What is told of a decision decides nothing.
        pending.decided = Decided { at: over, weight: Weight::ZERO, epoch: Epoch(0) };
        match &mut pending.effect {
            Effect::Publish(Milestone::RollingBack(why) | Milestone::RolledBack(why)) => *why = cause(),
            Effect::Publish(Milestone::OldColourKept(reason)) => "-".clone_into(reason),
            Effect::ScheduleCleanUp { at, .. } => *at = later(at, 0),
            Effect::BringUp(_)
            | Effect::SetWeight(_)
            | Effect::Publish(_)
            | Effect::TakeDown(_)
            | Effect::CountRollback => {}
        }
    }
    plain
}

/// What the judge will still need: whether the canary was seen to serve in this step. In the model every minute that was
/// good is like every other, and after a bad one nothing is judged any more.
fn course(rollout: &Rollout) -> Course {
    let Phase::Baking { step, .. } = rollout.phase else { return Course::default() };
    let served = rollout.course.of(step.0).any(|minute| minute.canary().requests() > 0);
    let seen = if served { good_minute(ago(u8::MAX)) } else { None };
    seen.and_then(|seen| Course::default().followed_by(step.0, &seen).ok()).unwrap_or_default()
}

/// The version that was rolled back before the history began.
pub const OLD: &str = "old";

fn old() -> Barred {
    let Ok(version) = OLD.parse() else { unreachable!("the version is valid") };
    Barred::Version { version, since: ago(0), why: "-".to_owned() }
}

fn is_old(barred: &Barred) -> bool {
    matches!(barred, Barred::Version { version, .. } if version.as_str() == OLD)
}

/// A service's target item, without what is the same in the whole model. A version is the event that asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// The live colour.
    pub live: Colour,
    /// The version promoted last.
    pub stable: Option<u8>,
    /// The fencing number.
    pub epoch: u64,
    /// The weight that the other colour should have, in percent.
    pub weight: u8,
    /// The rollout that holds it.
    pub lease: Option<u8>,
    /// Whether the version that was rolled back before is barred.
    pub barred: bool,
}

impl Service {
    /// The item before any event: blue is live, and nobody holds it.
    pub const BARRED: Self =
        Self { live: Colour::Blue, stable: None, epoch: 0, weight: 0, lease: None, barred: true };

    fn of(target: &Target, event: u8) -> Self {
        let lease = match &target.lease {
            Lease::Held { .. } => Some(event),
            Lease::Free => None,
        };
        Self {
            live: target.live,
            stable: target.stable.as_ref().and_then(number),
            epoch: target.epoch.0,
            weight: target.canary_weight.percent(),
            lease,
            barred: is_old(&target.barred),
        }
    }

    /// The item as the store returns it.
    pub fn target(&self, environment: &EnvironmentName, name: &ServiceName, ids: &[RolloutId]) -> Target {
        let lease = self
            .lease
            .and_then(|by| ids.get(usize::from(by)))
            .map_or(Lease::Free, |by| Lease::Held { by: by.clone(), until: LEASE.after(ago(0)) });
        Target {
            environment: environment.clone(),
            service: name.clone(),
            live: self.live,
            stable: self.stable.and_then(|event| version(event).parse().ok()),
            epoch: Epoch(self.epoch),
            canary_weight: Weight::try_from(self.weight).unwrap_or(Weight::FULL),
            barred: if self.barred { old() } else { Barred::Nothing },
            lease,
        }
    }

    /// The item as somebody expects it to be.
    pub fn expected(target: &Target) -> Self {
        Self::of(target, u8::MAX)
    }

    /// The share of requests that the green colour should have, in percent.
    pub fn green(&self) -> u8 {
        share_of_green(self.live.other(), self.weight)
    }
}

/// Green's share of requests when a colour has this weight.
pub fn share_of_green(colour: Colour, weight: u8) -> u8 {
    match colour {
        Colour::Green => weight,
        Colour::Blue => 100_u8.saturating_sub(weight),
    }
}

/// The version that an event asks for.
pub fn version(event: u8) -> String {
    format!("v{event}")
}

/// The event that asked for a version.
pub fn number(version: &Version) -> Option<u8> {
    version.as_str().strip_prefix('v')?.parse().ok()
}

/// The execution of this number.
pub fn execution(number: u8) -> String {
    format!("execution-{number}")
}

/// The number of an execution.
pub fn execution_number(execution: &ExecutionArn) -> Option<u8> {
    execution.as_str().strip_prefix("execution-")?.parse().ok()
}
