//! What the judge says in a bake.

use analysis::{Histories, Minutes, TooLittleTraffic, Verdict};
use jiff::Timestamp;

use super::back::roll_back;
use super::forward::{awaiting, cleared};
use crate::event::Cause;
use crate::phase::{Next, Phase, Sight};
use crate::plan::{Needs, StepIndex};
use crate::rollout::{Hold, Rollout};

pub(super) struct Look {
    pub(super) step: StepIndex,
    pub(super) since: Timestamp,
    pub(super) judged_until: Timestamp,
    pub(super) sight: Sight,
}

/// What a look has found.
pub(super) struct Found<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) seen: &'a Minutes,
    pub(super) history: Option<Histories>,
    pub(super) until: Timestamp,
    pub(super) at: Timestamp,
}

pub(super) fn judged(rollout: &Rollout, look: &Look, found: &Found<'_>) -> Option<Rollout> {
    let Found { verdict, until, at, .. } = *found;
    let policy = &rollout.plan.judge;
    let baked = at >= rollout.bake_ends(look.step, look.since);
    let out_of_patience = at >= rollout.patience_ends(look.step, look.since);
    let free = rollout.hold == Hold::None;
    let waited = rollout.suspect_minutes >= policy.suspect_minutes;
    let news = until > look.judged_until || verdict.is_blind();
    let needs = rollout.plan.steps.needs(look.step);
    let unsure = matches!(verdict, Verdict::Inconclusive { .. } | Verdict::NoData { .. });
    let passes = match verdict {
        Verdict::Pass(_) => free && (baked || policy.early_promotion && verdict.is_sure()),
        Verdict::Suspect(_) => free && baked && (waited || needs == Needs::Nothing),
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => {
            free && baked && needs != Needs::Evidence && !verdict.is_blind()
        }
        Verdict::Fail(_) => false,
    };
    let too_little = unsure && !verdict.is_blind() && needs == Needs::Evidence;
    let gives_up =
        too_little && (out_of_patience || baked && policy.too_little_traffic == TooLittleTraffic::RollBack);
    let asks = too_little && free && baked && policy.too_little_traffic == TooLittleTraffic::Ask;
    // At the end of a bake, or of the patience, there may be nothing newer than the look before: it counts if it
    // settles the step, and is a repetition otherwise.
    let settles = matches!(verdict, Verdict::Fail(_)) || passes || gives_up || asks;
    if !(news || settles && until == look.judged_until) {
        return None;
    }
    // Steps only rise and minutes only follow, so that this cannot be refused.
    let course = rollout.course.followed_by(look.step.0, found.seen).ok()?;
    let rollout = &Rollout { course, history: rollout.history.or(found.history), ..rollout.clone() };
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
    let asked = match rollout.after(look.step) {
        Next::Step(step) if asks => Some(step),
        _ => None,
    };
    if gives_up && asked.is_none() {
        return Some(roll_back(rollout, Cause::NotEnoughEvidence(verdict.to_string()), at));
    }
    let mut next = match asked {
        Some(step) => awaiting(rollout, step, at),
        None if passes => cleared(rollout, rollout.after(look.step), at),
        None => rollout.to(look.onward(Sight::Clear, until), at),
    };
    if matches!(verdict, Verdict::Suspect(_)) && baked && free && !passes {
        let minutes = found.seen.iter().count().max(1);
        next.suspect_minutes =
            next.suspect_minutes.saturating_add(u32::try_from(minutes).unwrap_or(u32::MAX));
    }
    next.looks = rollout.looks.saturating_add(1);
    Some(next)
}

impl Look {
    const fn onward(&self, sight: Sight, judged_until: Timestamp) -> Phase {
        Phase::Baking { step: self.step, since: self.since, judged_until, sight }
    }
}
