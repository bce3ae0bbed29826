use super::support::*;
use crate::*;

#[test]
fn waiting_ends_when_something_new_can_be_decided() {
    let rollout = Rollout::start(start(canary()));
    let until = |phase: Phase, now: i64| Rollout { phase, ..rollout.clone() }.wait(at(now)).0;
    let zero = StepIndex(0);
    // at(0) is 40 s after a full minute; the weight is read back then and settles until at(30), so the first minute
    // that counts is that from at(80) to at(140), known 60 s later. The bake of 300 s ends at(300).
    assert_eq!(at(0).as_second() % 60, 40);
    let baking = |sight| Phase::Baking { step: zero, since: at(0), judged_until: at(0), sight };
    let cases = [
        (Phase::Preparing { attempts: 1 }, 0, 10),
        // Health and guardrails are looked at every minute at the least.
        (baking(Sight::Clear), 0, 60),
        (baking(Sight::Clear), 150, 50),
        (baking(Sight::Clear), 200, 60),
        (baking(Sight::Clear), 290, 10),
        (baking(Sight::Clear), 300, 20),
        (baking(Sight::LostSince(at(0))), 0, 30),
        (Phase::Frozen { step: zero, found: Observed::Foreign("x".to_owned()), since: at(0) }, 0, 30),
        (Phase::Settling { cause: requested(), since: at(0), restored_at: at(10) }, 20, 25),
        (Phase::Settling { cause: requested(), since: at(0), restored_at: at(10) }, 60, 1),
        (Phase::Cleared { next: Next::Finish }, 0, 1),
        (Phase::Awaiting { step: zero, since: at(0), approval: Approval::Asked, sight: Sight::Clear }, 0, 60),
        (
            Phase::Awaiting { step: zero, since: at(0), approval: Approval::Asked, sight: Sight::Clear },
            90_000,
            60,
        ),
        (Phase::Shifting { step: zero, to: weight(10) }, 0, 1),
        (Phase::Restoring { cause: requested(), since: at(0) }, 0, 1),
        (Phase::Refused { reason: "frozen".to_owned(), at: at(0) }, 0, 1),
    ];
    for (phase, now, seconds) in cases {
        let name = format!("{phase:?} at {now}");
        assert_eq!(until(phase, now), seconds, "{name}");
    }
    let held = Rollout { hold: held(), phase: Phase::Cleared { next: Next::Finish }, ..rollout };
    assert_eq!(held.wait(at(0)), Seconds(60), "a hold is looked at, not raced");
}
