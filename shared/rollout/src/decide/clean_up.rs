//! What happens to the old colour after a promotion.

use jiff::Timestamp;

use crate::event::{Effect, Milestone, OldTraffic};
use crate::phase::{CleanUp, Phase};
use crate::rollout::Rollout;

pub(super) fn clean_up(
    rollout: &Rollout,
    promoted_at: Timestamp,
    attempt: u32,
    traffic: &OldTraffic,
    at: Timestamp,
) -> Rollout {
    let to = |clean_up| {
        let mut next = rollout.to(Phase::Promoted { at: promoted_at, clean_up }, at);
        // A look that was taken needs no reminder any more.
        next.pending.retain(|pending| !matches!(pending.effect, Effect::ScheduleCleanUp { .. }));
        next
    };
    let busy = match traffic {
        OldTraffic::Quiet => {
            let mut done = to(CleanUp::Done { at });
            done.ask(Effect::TakeDown(rollout.canary.other()));
            return done;
        }
        OldTraffic::Reused(reason) => return to(CleanUp::Kept { reason: reason.clone() }),
        OldTraffic::Requests(requests) => format!("it still served {requests} requests"),
        OldTraffic::Unknown(reason) => format!("its traffic could not be read: {reason}"),
    };
    if attempt >= rollout.plan.clean_up.attempts.get() {
        let mut kept = to(CleanUp::Kept { reason: busy.clone() });
        kept.ask(Effect::Publish(Milestone::OldColourKept(busy)));
        return kept;
    }
    let attempt = attempt.saturating_add(1);
    let due = rollout.plan.clean_up.after.after(at);
    let mut later = to(CleanUp::Scheduled { at: due, attempt });
    later.ask(Effect::ScheduleCleanUp { at: due, attempt });
    later
}
