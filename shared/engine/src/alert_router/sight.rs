//! What else has to be known to tell what is due for a group.

use std::collections::BTreeSet;

use alerting::group::{Plan, RolloutSight, RolloutStanding, Sight};
use alerting::{Alert, Group, Policy, RolloutView, Silence, Subject};
use analysis::{Case, Verdict, judge};
use jiff::{SignedDuration, Timestamp};
use rollout::{EnvironmentName, Lease, Phase, Rollout, StepIndex};

use super::{links, own};
use crate::ports::{AlertStore, PortResult, Store};
use crate::reply::describe;

/// The most services of one group whose rollouts are looked up.
const MOST_SERVICES: usize = 10;
/// A rollout that ended longer ago has nothing to do with an alert any more.
const OVER: SignedDuration = SignedDuration::from_hours(1);

/// What was looked up for a group.
pub(super) struct Seen {
    silences: Vec<Silence>,
    elsewhere: Vec<Alert>,
    rollouts: Vec<RolloutSight>,
}

impl Seen {
    pub(super) fn sight(&self) -> Sight<'_> {
        Sight { silences: &self.silences, elsewhere: &self.elsewhere, rollouts: &self.rollouts }
    }
}

/// Looks at what is stored, and changes nothing.
#[derive(Clone, Copy)]
pub struct Lookout<'a> {
    /// The environment whose stack it is.
    pub environment: &'a EnvironmentName,
    /// Where rollouts and configurations are stored.
    pub store: &'a dyn Store,
    /// Where alerts are stored.
    pub alerts: &'a dyn AlertStore,
    /// The time.
    pub now: Timestamp,
}

impl Lookout<'_> {
    /// Who is told of what, as the newest configuration has it; `None` where there is none.
    ///
    /// # Errors
    /// [`PortError`](crate::ports::PortError), where the store cannot be read.
    pub async fn policy(&self) -> PortResult<Option<Policy>> {
        let published = self.store.configuration(self.environment).await?;
        Ok(published.map(|published| own::with_own(published.configuration.alerts(self.environment), None)))
    }

    /// What is due for a group now, and why what fires is not told of. Nothing of it is stored or sent.
    ///
    /// # Errors
    /// [`PortError`](crate::ports::PortError), where a store cannot be read.
    pub async fn plan(&self, policy: &Policy, group: &Group) -> PortResult<Plan> {
        let seen = self.look_around(policy, group).await?;
        Ok(group.plan(policy, seen.sight(), self.now))
    }

    pub(super) async fn look_around(&self, policy: &Policy, group: &Group) -> PortResult<Seen> {
        let stored = self.alerts.silences(self.environment).await?;
        let silences = stored
            .into_iter()
            .filter_map(|stored| match Silence::try_from(stored) {
                Ok(silence) => Some(silence),
                Err(error) => {
                    tracing::error!(%error, "a silence cannot be read, and silences nothing");
                    None
                }
            })
            .collect();
        let elsewhere = if group.asks_elsewhere(policy) {
            let open = self.alerts.open_groups(self.environment).await?;
            let others = open.iter().filter(|other| other.id != group.id);
            others.flat_map(Group::alerts).filter(|alert| alert.is_firing()).cloned().collect()
        } else {
            Vec::new()
        };
        let mut rollouts = Vec::new();
        let subjects: BTreeSet<&Subject> = group
            .alerts()
            .filter_map(|alert| alert.key.subject.as_ref())
            .filter(|subject| subject.service.is_some())
            .collect();
        for subject in subjects.into_iter().take(MOST_SERVICES) {
            rollouts.extend(self.rollout(subject).await?);
        }
        Ok(Seen { silences, elsewhere, rollouts })
    }

    /// The newest rollout of a service: as it is stored, in this environment; elsewhere as it was heard of.
    async fn rollout(&self, subject: &Subject) -> PortResult<Option<RolloutSight>> {
        let Some(service) = &subject.service else { return Ok(None) };
        let watch = self.alerts.watch(self.environment, subject).await?;
        let heard = watch.as_ref().and_then(|watch| watch.rollout().cloned());
        if subject.environment != *self.environment {
            return Ok(watch.and_then(|watch| watch.sight()));
        }
        let target = self.store.target(self.environment, service).await?;
        let held = match target.map(|target| target.lease) {
            Some(Lease::Held { by, .. }) => Some(by),
            _ => None,
        };
        let Some(id) = held.or(heard) else { return Ok(None) };
        let rollout = self.store.rollout(&id).await?;
        Ok(rollout.and_then(|rollout| sight_of(&rollout, self.now)))
    }
}

fn sight_of(rollout: &Rollout, now: Timestamp) -> Option<RolloutSight> {
    let standing = match &rollout.phase {
        Phase::Refused { .. } => return None,
        Phase::Preparing { .. }
        | Phase::Cleared { .. }
        | Phase::Awaiting { .. }
        | Phase::Shifting { .. }
        | Phase::Baking { .. }
        | Phase::Frozen { .. } => RolloutStanding::Running,
        Phase::Restoring { since, .. } | Phase::Settling { since, .. } => {
            RolloutStanding::RollingBack { since: *since }
        }
        Phase::RolledBack { at, .. } => RolloutStanding::RolledBack { at: *at },
        Phase::Promoted { .. } => RolloutStanding::Promoted,
    };
    if rollout.phase.is_terminal() && rollout.updated_at + OVER < now {
        return None;
    }
    let steps = u16::try_from(rollout.plan.steps.len()).unwrap_or(u16::MAX);
    let view = RolloutView {
        id: rollout.id.clone(),
        service: rollout.plan.service.clone(),
        version: rollout.plan.version.clone(),
        phase: describe(rollout),
        step: step(rollout).map(|step| (step.number(), steps)),
        weight: rollout.desired_weight(),
        verdict: verdict(rollout).map(|verdict| verdict.to_string()),
        link: links::execution(rollout.execution.as_str()),
    };
    Some(RolloutSight { view, started: rollout.started_at, standing })
}

fn step(rollout: &Rollout) -> Option<StepIndex> {
    match &rollout.phase {
        Phase::Awaiting { step, .. }
        | Phase::Shifting { step, .. }
        | Phase::Baking { step, .. }
        | Phase::Frozen { step, .. } => Some(*step),
        Phase::Refused { .. }
        | Phase::Preparing { .. }
        | Phase::Cleared { .. }
        | Phase::Restoring { .. }
        | Phase::Settling { .. }
        | Phase::RolledBack { .. }
        | Phase::Promoted { .. } => None,
    }
}

/// What the judge says of everything that was counted so far, while there is something under traffic to judge.
fn verdict(rollout: &Rollout) -> Option<Verdict> {
    let Phase::Baking { step, .. } = &rollout.phase else { return None };
    // Without a counted minute there is nothing to judge.
    rollout.course.iter().next()?;
    Some(judge(&Case {
        policy: &rollout.plan.judge,
        planned: rollout.plan.planned_minutes(),
        beside: rollout.plan.is_beside(),
        history: &rollout.history.unwrap_or_default(),
        course: &rollout.course,
        step: rollout.plan.steps.judged_with(*step).0,
    }))
}
