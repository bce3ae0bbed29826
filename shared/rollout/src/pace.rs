use analysis::{Seconds, next_closing};
use jiff::Timestamp;

use crate::phase::{Phase, Sight};
use crate::plan::Needs;
use crate::rollout::{Hold, Rollout};

/// How often to look again at something that is out of order: a frozen rule, a source out of reach.
const ANXIOUS: Seconds = Seconds(30);

/// How often to look at a version under traffic at the least: its health and the guardrails say something between two
/// minutes of evidence.
const ATTENTIVE: Seconds = Seconds(60);

/// How long a wait for a person is looked at every [minute](ATTENTIVE); then it is looked at as often as is
/// [`PATIENT`]. Alarms and aborts do not wait for a look: they go to rollback.
///
/// An execution has 25,000 history events ("Service quotas", AWS Step Functions Developer Guide) and seven days
/// (`TimeoutSeconds` of infra/rollout.asl.json), and a look is nine events: at a look a minute they last 46 hours, at
/// this pace 18,600 are used in the seven days.
const SOON: Seconds = Seconds(60 * 60);

/// How often to look at a wait for a person that has lasted long.
const PATIENT: Seconds = Seconds(5 * 60);

impl Rollout {
    /// The first instant whose minute may count as evidence for the weight that was read back at `since`.
    pub fn evidence_since(&self, since: Timestamp) -> Timestamp {
        self.plan.evidence.settle.after(since)
    }

    fn is_held_since(&self, now: Timestamp, span: Seconds) -> bool {
        matches!(&self.hold, Hold::By { since, .. } if now >= span.after(*since))
    }

    /// The pace of a wait for an approval; its end is not slept through.
    fn approval_pace(&self, now: Timestamp) -> Seconds {
        let Phase::Awaiting { since, .. } = &self.phase else { return ATTENTIVE };
        let expires = self.plan.approvals.expires.after(*since);
        let pace =
            if now >= SOON.after(*since) || self.is_held_since(now, SOON) { PATIENT } else { ATTENTIVE };
        if expires > now { pace.min(Seconds::until(now, expires)) } else { pace }
    }

    /// How long to wait from `now` before anything new can be decided; at least a second.
    pub fn wait(&self, now: Timestamp) -> Seconds {
        let wait = match &self.phase {
            Phase::Preparing { .. } => self.plan.readiness.interval,
            Phase::Baking { sight: Sight::LostSince(_), .. }
            | Phase::Awaiting { sight: Sight::LostSince(_), .. }
            | Phase::Frozen { .. } => ANXIOUS,
            Phase::Awaiting { .. } => self.approval_pace(now),
            Phase::Cleared { .. } | Phase::Baking { .. } if self.is_held_since(now, SOON) => PATIENT,
            Phase::Cleared { .. } if self.hold != Hold::None => ATTENTIVE,
            Phase::Baking { step, .. }
                if self.hold == Hold::None && self.plan.steps.needs(*step) == Needs::Nothing =>
            {
                Seconds(0)
            }
            Phase::Baking { step, since, sight: Sight::Clear, .. } => {
                let closing = next_closing(self.evidence_since(*since), now, self.plan.evidence.metric_delay);
                let ends = self.bake_ends(*step, *since);
                let next = if ends > now { closing.min(ends) } else { closing };
                Seconds::until(now, next).min(ATTENTIVE)
            }
            Phase::Settling { restored_at, .. } => {
                Seconds::until(now, self.plan.zombie_bound.after(*restored_at))
            }
            Phase::Cleared { .. }
            | Phase::Shifting { .. }
            | Phase::Restoring { .. }
            | Phase::RolledBack { .. }
            | Phase::Promoted { .. }
            | Phase::Refused { .. } => Seconds(0),
        };
        wait.max(Seconds(1))
    }
}
