//! What the judge says in a bake.

use analysis::Verdict;
use jiff::Timestamp;

use super::back::roll_back;
use super::forward::cleared;
use crate::event::Cause;
use crate::phase::{Phase, Sight};
use crate::plan::StepIndex;
use crate::rollout::{Hold, Rollout};

pub(super) struct Look {
    pub(super) step: StepIndex,
    pub(super) since: Timestamp,
    pub(super) judged_until: Timestamp,
    pub(super) sight: Sight,
}

pub(super) fn judged(
    rollout: &Rollout,
    look: &Look,
    verdict: &Verdict,
    until: Timestamp,
    at: Timestamp,
) -> Option<Rollout> {
    let bake_ends = rollout.bake_ends(look.step, look.since);
    let baked = at >= bake_ends;
    let out_of_patience = at >= rollout.patience_ends(look.step, look.since);
    let free = rollout.hold == Hold::None;
    let news = until > look.judged_until || verdict.is_blind();
    // At the end of a bake, or of the patience, there may be nothing newer than the look before: it counts if it
    // settles the step, and is a repetition otherwise.
    let settles = match verdict {
        Verdict::Fail(_) => true,
        Verdict::Pass(_) => baked && free,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => out_of_patience,
    };
    if !(news || settles && until == look.judged_until) {
        return None;
    }
    if let Verdict::Fail(_) = verdict {
        return Some(roll_back(rollout, Cause::Verdict(verdict.clone()), at));
    }
    if verdict.is_blind() {
        let since = match look.sight {
            Sight::LostSince(since) => since,
            Sight::Clear => at,
        };
        if at >= rollout.plan.evidence.blind.after(since) {
            return Some(roll_back(rollout, Cause::Blind(verdict.to_string()), at));
        }
        return Some(rollout.to(look.onward(Sight::LostSince(since), look.judged_until), at));
    }
    let mut next = match verdict {
        Verdict::Pass(_) if baked && free => cleared(rollout, rollout.after(look.step), at),
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } if out_of_patience => {
            return Some(roll_back(rollout, Cause::NotEnoughEvidence(verdict.to_string()), at));
        }
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::Inconclusive { .. } | Verdict::NoData { .. } => {
            rollout.to(look.onward(Sight::Clear, until), at)
        }
    };
    next.looks = rollout.looks.saturating_add(1);
    Some(next)
}

impl Look {
    const fn onward(&self, sight: Sight, judged_until: Timestamp) -> Phase {
        Phase::Baking { step: self.step, since: self.since, judged_until, sight }
    }
}
