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
    let waiting =
        || Phase::Awaiting { step: zero, since: at(0), approval: Approval::Asked, sight: Sight::Clear };
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
        (waiting(), 3_599, 60),
        (waiting(), 3_600, 300),
        // What it waits for ends at 7,200.
        (waiting(), 6_900, 300),
        (waiting(), 7_100, 100),
        (waiting(), 7_200, 300),
        (Phase::Shifting { step: zero, to: weight(10) }, 0, 1),
        (Phase::Restoring { cause: requested(), since: at(0) }, 0, 1),
        (Phase::Refused { reason: "frozen".to_owned(), at: at(0) }, 0, 1),
    ];
    for (phase, now, seconds) in cases {
        let name = format!("{phase:?} at {now}");
        assert_eq!(until(phase, now), seconds, "{name}");
    }
    let held = |phase: Phase, now: i64| Rollout { hold: held(), phase, ..rollout.clone() }.wait(at(now)).0;
    let idle = || Phase::Cleared { next: Next::Finish };
    for (phase, now, seconds) in [
        (idle(), 0, 60),
        (idle(), 3_599, 60),
        (idle(), 3_600, 300),
        (baking(Sight::Clear), 200, 60),
        (baking(Sight::Clear), 3_600, 300),
        // What is out of order is looked at soon, however long the hold.
        (baking(Sight::LostSince(at(3_600))), 3_610, 30),
        (Phase::Frozen { step: zero, found: Observed::Foreign("x".to_owned()), since: at(0) }, 3_600, 30),
        (Phase::Preparing { attempts: 1 }, 3_600, 10),
    ] {
        let name = format!("{phase:?} at {now}, held");
        assert_eq!(held(phase, now), seconds, "{name}");
    }
}

/// How often a wait for a person is looked at in the seven days that an execution may last.
#[test]
fn seven_days_of_a_hold_fit_into_an_executions_history() {
    const DAYS: i64 = 7 * 86_400;
    let held = Rollout { hold: held(), ..Rollout::start(start(canary())) };
    let baking = Phase::Baking { step: StepIndex(0), since: at(0), judged_until: at(0), sight: Sight::Clear };
    let mut waiting = held.clone();
    waiting.plan.approvals.expires = Seconds(30 * 86_400);
    waiting.phase =
        Phase::Awaiting { step: StepIndex(0), since: at(0), approval: Approval::Asked, sight: Sight::Clear };
    waiting.hold = Hold::None;
    let cleared = Phase::Cleared { next: Next::Step(StepIndex(0)) };
    for rollout in [Rollout { phase: baking, ..held.clone() }, Rollout { phase: cleared, ..held }, waiting] {
        let (mut now, mut looks) = (0, 0);
        while now < DAYS {
            now += i64::from(rollout.wait(at(now)).0);
            looks += 1;
        }
        // Wait and Task and Choice are entered and left, the call is scheduled, started and answered.
        let events = looks * (2 + 2 + 2 + 3);
        assert!(
            (18_000..20_000).contains(&events),
            "{looks} looks, {events} events, {}",
            rollout.phase.name()
        );
        assert!(events < 25_000);
    }
}
