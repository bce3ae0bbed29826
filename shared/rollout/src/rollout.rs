use analysis::{Course, Histories, Seconds};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admission::Overridden;
use crate::event::{Decided, Effect, EffectId, Event, Milestone, Pending};
use crate::names::{Colour, EnvironmentName, Epoch, ExecutionArn, RolloutId, ServiceName, Version, Weight};
use crate::phase::{CleanUp, Next, Phase};
use crate::plan::{Plan, StepIndex};

/// How long a rollout keeps its service without a sign of life; longer than the longest wait between two decisions.
pub const LEASE: Seconds = Seconds(30 * 60);

/// One rollout: its plan, its phase and what has still to be done for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Its name.
    pub id: RolloutId,
    /// How many decisions led here; the optimistic lock of its stored state.
    pub version: u64,
    /// Its fencing number.
    pub epoch: Epoch,
    /// What it does.
    pub plan: Plan,
    /// The colour that carries the new version.
    pub canary: Colour,
    /// What the other colour carries, where that is known.
    pub baseline: Option<Version>,
    /// The version that was barred when it began, unless a person has lifted that since.
    pub barred: Barred,
    /// Who asked for it; of a pipeline: `pipeline NAME`.
    pub requested_by: String,
    /// The gates that it passed whatever they said.
    pub overridden: Option<Overridden>,
    /// What drives it.
    pub execution: ExecutionArn,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// Whether a person holds it.
    pub hold: Hold,
    /// The rule as it was when the rollout was admitted.
    pub rule: RuleSnapshot,
    /// How often the judge has looked.
    pub looks: u32,
    /// What was counted so far.
    pub course: Course,
    /// What the old version did before, once it was looked up.
    pub history: Option<Histories>,
    /// The minutes that were waited beyond a bake because the canary looked bad.
    pub suspect_minutes: u32,
    /// The hash of its last history record, to which the next one is chained.
    pub head: String,
    /// The number of the next effect.
    pub next_effect: EffectId,
    /// The outbox: effects recorded and not yet acknowledged, oldest first.
    pub pending: Vec<Pending>,
}

/// Who has still something to do for a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Whoever moves its traffic, or tells of its end: it has not ended, or was rolled back and has effects to do.
    Active,
    /// Whoever cleans up after it: it was promoted, and has effects to do or an old colour to look at.
    Owing,
    /// Nobody.
    AtRest,
}

/// Whether a person holds a rollout back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Nobody does.
    None,
    /// No further step is taken.
    By {
        /// Who holds it.
        who: String,
        /// Why.
        why: String,
        /// Since when.
        since: Timestamp,
    },
}

/// What a rule does beside dividing traffic, in the words of the adapter that read it. A rollback writes it back
/// without having to read first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RuleSnapshot(pub String);

/// What a new rollout needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Its name.
    pub id: RolloutId,
    /// What it will do.
    pub plan: Plan,
    /// The service as it is now.
    pub target: Target,
    /// The rule as it is now.
    pub rule: RuleSnapshot,
    /// Who asks for it; of a pipeline: `pipeline NAME`.
    pub requested_by: String,
    /// The gates that it is to pass whatever they say.
    pub overridden: Option<Overridden>,
    /// What drives it.
    pub execution: ExecutionArn,
    /// Now.
    pub at: Timestamp,
}

impl Rollout {
    /// A rollout that takes the service's lease and brings the idle colour up.
    pub fn start(start: Start) -> Self {
        let mut rollout = Self::new(start, |_| Phase::Preparing { attempts: 0 });
        rollout.epoch = rollout.epoch.next();
        rollout.ask(Effect::BringUp(rollout.canary));
        rollout.ask(Effect::Publish(Milestone::Started));
        rollout
    }

    /// A rollout that the policy gate refused: kept so that its event, delivered again, finds the same answer.
    pub fn refuse(start: Start, reason: String) -> Self {
        Self::new(start, |at| Phase::Refused { reason, at })
    }

    fn new(start: Start, phase: impl FnOnce(Timestamp) -> Phase) -> Self {
        Self {
            id: start.id,
            version: 1,
            epoch: start.target.epoch,
            canary: start.target.live.other(),
            baseline: start.target.stable,
            barred: start.target.barred,
            plan: start.plan,
            requested_by: start.requested_by,
            overridden: start.overridden,
            execution: start.execution,
            started_at: start.at,
            updated_at: start.at,
            phase: phase(start.at),
            hold: Hold::None,
            rule: start.rule,
            looks: 0,
            course: Course::default(),
            history: None,
            suspect_minutes: 0,
            head: String::new(),
            next_effect: EffectId(0),
            pending: Vec::new(),
        }
    }

    /// The first event of its history.
    pub fn begun(&self) -> Event {
        let at = self.started_at;
        match &self.phase {
            Phase::Refused { reason, at } => Event::Refused { reason: reason.clone(), at: *at },
            _ => Event::Started { by: self.requested_by.clone(), overridden: self.overridden.clone(), at },
        }
    }

    pub(crate) fn to(&self, phase: Phase, at: Timestamp) -> Self {
        Self { version: self.version + 1, phase, updated_at: at, ..self.clone() }
    }

    /// Puts an effect into the outbox, as of what the rollout is now: ask once everything else is decided.
    pub(crate) fn ask(&mut self, effect: Effect) {
        let id = self.next_effect;
        self.next_effect = EffectId(id.0 + 1);
        let decided = Decided { at: self.updated_at, weight: self.desired_weight(), epoch: self.epoch };
        self.pending.push(Pending { id, effect, decided });
    }

    /// The earliest end of a bake that began at `since`.
    pub fn bake_ends(&self, step: StepIndex, since: Timestamp) -> Timestamp {
        self.plan.steps.get(step).map_or(Seconds(0), |step| step.bake).after(since)
    }

    /// When a step that began to bake at `since` has waited long enough for evidence.
    pub fn patience_ends(&self, step: StepIndex, since: Timestamp) -> Timestamp {
        self.plan.evidence.patience.after(self.bake_ends(step, since))
    }

    pub(crate) fn after(&self, step: StepIndex) -> Next {
        let next = StepIndex(step.0.saturating_add(1));
        if self.plan.steps.get(next).is_some() { Next::Step(next) } else { Next::Finish }
    }

    /// The step whose weight holds until `next` is taken; `None` before the first.
    pub(crate) fn before(&self, next: Next) -> Option<StepIndex> {
        match next {
            Next::Step(step) => step.0.checked_sub(1).map(StepIndex),
            Next::Finish => u16::try_from(self.plan.steps.len().saturating_sub(1)).ok().map(StepIndex),
        }
    }

    /// The step that it is at, as people are told: the one that is taken, bakes or waits for its approval, and of a
    /// rollout that was cleared the one before. `None` before the first and after the end.
    pub fn step(&self) -> Option<StepIndex> {
        match &self.phase {
            Phase::Cleared { next } => self.before(*next),
            Phase::Awaiting { step, .. }
            | Phase::Shifting { step, .. }
            | Phase::Baking { step, .. }
            | Phase::Frozen { step, .. } => Some(*step),
            Phase::Refused { .. }
            | Phase::Preparing { .. }
            | Phase::Restoring { .. }
            | Phase::Settling { .. }
            | Phase::RolledBack { .. }
            | Phase::Promoted { .. } => None,
        }
    }

    /// Who has still something to do for it.
    pub fn standing(&self) -> Standing {
        match &self.phase {
            Phase::Promoted { clean_up: CleanUp::Scheduled { .. }, .. } => Standing::Owing,
            _ if self.phase.is_terminal() && self.pending.is_empty() => Standing::AtRest,
            Phase::Promoted { .. } => Standing::Owing,
            _ => Standing::Active,
        }
    }

    /// Whether nothing is left to do for it: it has ended, its outbox is empty, and no old colour waits to be looked at.
    pub fn is_at_rest(&self) -> bool {
        self.standing() == Standing::AtRest
    }

    /// The canary weight that the rule should have now.
    pub fn desired_weight(&self) -> Weight {
        let of = |step| self.plan.steps.get(step).map_or(Weight::ZERO, |step| step.weight);
        match &self.phase {
            Phase::Cleared { next: Next::Step(step) } | Phase::Awaiting { step, .. } => {
                step.0.checked_sub(1).map_or(Weight::ZERO, |before| of(StepIndex(before)))
            }
            Phase::Cleared { next: Next::Finish } | Phase::Promoted { .. } => Weight::FULL,
            Phase::Shifting { to, .. } => *to,
            Phase::Baking { step, .. } | Phase::Frozen { step, .. } => of(*step),
            Phase::Refused { .. }
            | Phase::Preparing { .. }
            | Phase::Restoring { .. }
            | Phase::Settling { .. }
            | Phase::RolledBack { .. } => Weight::ZERO,
        }
    }

    /// The service as this rollout leaves it.
    pub fn target(&self) -> Target {
        let promoted = matches!(self.phase, Phase::Promoted { .. });
        Target {
            environment: self.plan.environment.clone(),
            service: self.plan.service.clone(),
            live: if promoted { self.canary } else { self.canary.other() },
            stable: if promoted { Some(self.plan.version.clone()) } else { self.baseline.clone() },
            epoch: self.epoch,
            canary_weight: if promoted { Weight::ZERO } else { self.desired_weight() },
            barred: match &self.phase {
                Phase::RolledBack { cause, at } if cause.blames_the_version() => {
                    Barred::Version { version: self.plan.version.clone(), since: *at, why: cause.to_string() }
                }
                Phase::Promoted { .. } => Barred::Nothing,
                _ => self.barred.clone(),
            },
            lease: if self.phase.is_terminal() {
                Lease::Free
            } else {
                Lease::Held { by: self.id.clone(), until: LEASE.after(self.updated_at) }
            },
        }
    }
}

/// A service of an environment: which colour is live, and who may move its traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub service: ServiceName,
    /// The colour that carries the stable version.
    pub live: Colour,
    /// The version that was promoted last, where one was.
    pub stable: Option<Version>,
    /// The fencing number that a writer of weights has to hold.
    pub epoch: Epoch,
    /// The share of requests that the colour which is not live should have.
    pub canary_weight: Weight,
    /// The version that must not come back.
    pub barred: Barred,
    /// Who may move traffic.
    pub lease: Lease,
}

/// Who may move a service's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lease {
    /// Nobody.
    Free,
    /// One rollout.
    Held {
        /// Which.
        by: RolloutId,
        /// Without a sign of life until then, it is lost and has to be rolled back.
        until: Timestamp,
    },
}

impl Target {
    /// A service that no rollout has touched: blue is live.
    pub const fn untouched(environment: EnvironmentName, service: ServiceName) -> Self {
        Self {
            environment,
            service,
            live: Colour::Blue,
            stable: None,
            epoch: Epoch(0),
            canary_weight: Weight::ZERO,
            barred: Barred::Nothing,
            lease: Lease::Free,
        }
    }
}

/// The version that was rolled back last, and must not come back until another one is promoted or a person lifts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Barred {
    /// None.
    Nothing,
    /// This one.
    Version {
        /// Which.
        version: Version,
        /// Since when.
        since: Timestamp,
        /// Why it was rolled back.
        why: String,
    },
}
