use analysis::{Seconds, next_closing};
use jiff::Timestamp;

use crate::phase::{Phase, Sight};
use crate::rollout::{Hold, Rollout};

/// How often to look again at something that is out of order: a frozen rule, a source out of reach.
const ANXIOUS: Seconds = Seconds(30);

/// How often to look at a version under traffic at the least: its health and the guardrails say something between two
/// minutes of evidence.
const ATTENTIVE: Seconds = Seconds(60);

impl Rollout {
    /// The first instant whose minute may count as evidence for the weight that was read back at `since`.
    pub fn evidence_since(&self, since: Timestamp) -> Timestamp {
        self.plan.evidence.settle.after(since)
    }

    /// How long to wait from `now` before anything new can be decided; at least a second.
    pub fn wait(&self, now: Timestamp) -> Seconds {
        let wait = match &self.phase {
            Phase::Preparing { .. } => self.plan.readiness.interval,
            Phase::Baking { sight: Sight::LostSince(_), .. }
            | Phase::Awaiting { sight: Sight::LostSince(_), .. }
            | Phase::Frozen { .. } => ANXIOUS,
            Phase::Awaiting { .. } => ATTENTIVE,
            Phase::Cleared { .. } if self.hold != Hold::None => ATTENTIVE,
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
