//! What a person may order, in every phase; waits for a person.

use super::support::*;
use super::transitions::{FIRST, LAST, check, foreign, given, judged, judged_at, probed, read};
use crate::*;

const SECOND: StepIndex = StepIndex(1);

fn baking(step: StepIndex) -> Phase {
    Phase::Baking { step, since: at(0), judged_until: at(120), sight: Sight::Clear }
}

/// A canary whose second step needs an approval.
fn asked(phase: Phase) -> Rollout {
    let mut rollout = given(phase);
    rollout.plan.steps = with_approvals(rollout.plan.steps, &[1]);
    rollout
}

fn awaiting() -> Rollout {
    asked(Phase::Awaiting { step: SECOND, since: at(0), approval: Approval::Asked, sight: Sight::Clear })
}

fn phases() -> [Phase; 12] {
    [
        Phase::Preparing { attempts: 1 },
        Phase::Cleared { next: Next::Step(FIRST) },
        Phase::Cleared { next: Next::Step(SECOND) },
        Phase::Cleared { next: Next::Finish },
        Phase::Awaiting { step: SECOND, since: at(0), approval: Approval::Asked, sight: Sight::Clear },
        Phase::Shifting { step: SECOND, to: weight(50) },
        baking(FIRST),
        Phase::Frozen { step: FIRST, found: Observed::Foreign("x".to_owned()), since: at(0) },
        Phase::Restoring { cause: requested(), since: at(0) },
        Phase::Settling { cause: requested(), since: at(0), restored_at: at(0) },
        Phase::RolledBack { cause: requested(), at: at(0) },
        Phase::Promoted { at: at(0), clean_up: CleanUp::Done { at: at(0) } },
    ]
}

/// Every order, of the step that a rollout is at.
fn orders(rollout: &Rollout) -> [Order; 4] {
    let step = rollout.step().unwrap_or(FIRST);
    [Order::Hold, Order::Resume, Order::Advance { step }, Order::Approve { step }]
}

/// What an order leads to: the phase and whether it is held then, or why it changes nothing.
fn answer(rollout: &Rollout, order: Order) -> String {
    match decide(rollout, &ordered(order, 200)) {
        Ok(after) => {
            assert_eq!(invariants(&after), Ok(()));
            assert_eq!(after.desired_weight(), rollout.desired_weight(), "an order moves nothing by itself");
            let next = match &after.phase {
                Phase::Cleared { next: Next::Step(step) } => format!(" for step {}", step.number()),
                Phase::Cleared { next: Next::Finish } => " to finish".to_owned(),
                Phase::Baking { step, since, .. } => {
                    format!(" step {} since {}", step.number(), since.duration_since(at(0)).as_secs())
                }
                _ => String::new(),
            };
            let held = if after.hold == Hold::None { "" } else { ", held" };
            format!("{}{next}{held}", after.phase.name())
        }
        Err(Rejected::NotNow { .. }) => "-".to_owned(),
        Err(Rejected::Ended { .. }) => "ended".to_owned(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn every_order_in_every_phase() {
    // hold, resume, advance, approve
    let free = [
        ["preparing, held", "-", "-", "-"],
        ["cleared for step 1, held", "-", "-", "-"],
        ["baking step 1 since 200, held", "-", "-", "-"],
        ["baking step 3 since 200, held", "-", "-", "-"],
        ["awaiting_approval, held", "-", "cleared for step 2", "cleared for step 2"],
        ["shifting, held", "-", "-", "-"],
        ["baking step 1 since 0, held", "-", "cleared for step 2", "-"],
        ["frozen, held", "-", "-", "-"],
        ["-", "-", "-", "-"],
        ["-", "-", "-", "-"],
        ["ended", "ended", "ended", "ended"],
        ["ended", "ended", "ended", "ended"],
    ];
    let no = "held by bob: lunch; nothing was changed, resume it first";
    let held_already = [
        ["-", "preparing", "-", "-"],
        ["-", "cleared for step 1", "-", "-"],
        ["-", "cleared for step 2", "-", "-"],
        ["-", "cleared to finish", "-", "-"],
        ["-", "awaiting_approval", no, "awaiting_approval, held"],
        ["-", "shifting", "-", "-"],
        ["-", "baking step 1 since 0", no, "-"],
        ["-", "frozen", "-", "-"],
        ["-", "-", "-", "-"],
        ["-", "-", "-", "-"],
        ["ended", "ended", "ended", "ended"],
        ["ended", "ended", "ended", "ended"],
    ];
    for (hold, table) in [(Hold::None, free), (held(), held_already)] {
        for (phase, row) in phases().into_iter().zip(table) {
            let rollout = Rollout { hold: hold.clone(), ..asked(phase) };
            assert_eq!(invariants(&rollout), Ok(()));
            for (order, expected) in orders(&rollout).into_iter().zip(row) {
                assert_eq!(answer(&rollout, order), expected, "{order:?} in {:?}, {hold:?}", rollout.phase);
            }
        }
    }
    let finish = answer(&asked(baking(LAST)), Order::Advance { step: LAST });
    assert_eq!(finish, "cleared to finish", "the last step's wait may be ended like any other");
}

#[test]
fn an_approval_lifts_nobodys_hold_and_is_kept_until_it_ends() {
    let held = Rollout { hold: held(), ..awaiting() };
    let approve = Order::Approve { step: SECOND };
    let approved = decide(&held, &ordered(approve, 200)).unwrap();
    assert_eq!((&approved.hold, invariants(&approved)), (&held.hold, Ok(())));
    let approval = Approval::Given { by: "alice".to_owned(), at: at(200) };
    assert_eq!(approved.phase, Phase::Awaiting { step: SECOND, since: at(0), approval, sight: Sight::Clear });
    let again = decide(&approved, &ordered(approve, 210));
    assert!(matches!(again, Err(Rejected::NotNow { .. })), "once is enough");
    assert!(decide(&approved, &Event::Advance { at: at(220) }).is_err(), "it is held");
    // Long after the approval would have expired.
    let late = decide(&approved, &Event::Waited { at: at(90_000) }).unwrap();
    assert_eq!(late.phase, approved.phase);
    let resumed = decide(&late, &ordered(Order::Resume, 90_010)).unwrap();
    assert_eq!((resumed.phase, resumed.hold), (Phase::Cleared { next: Next::Step(SECOND) }, Hold::None));
    // What it was approved on is gone.
    let frozen = decide(&approved, &foreign(230)).unwrap();
    let thawed = decide(&frozen, &read(10, 240)).unwrap();
    assert!(matches!(thawed.phase, Phase::Baking { step: FIRST, .. }));
    let idle = Rollout { hold: Hold::None, ..approved };
    assert_eq!(invariants(&idle), Err(Violation::IdleApproval { step: SECOND }));
}

/// Lambda delivers an order again whose answer it lost, and a person may look at an old page.
#[test]
fn an_order_for_another_step_is_stale() {
    let orders = |step| [Order::Advance { step }, Order::Approve { step }];
    for (phase, now, others) in [
        (baking(FIRST), 1, [SECOND, LAST]),
        (baking(SECOND), 2, [FIRST, LAST]),
        (
            Phase::Awaiting { step: SECOND, since: at(0), approval: Approval::Asked, sight: Sight::Clear },
            2,
            [FIRST, LAST],
        ),
        (Phase::Shifting { step: SECOND, to: weight(50) }, 2, [FIRST, LAST]),
        (Phase::Cleared { next: Next::Step(SECOND) }, 1, [SECOND, LAST]),
    ] {
        for asked_of in others {
            for order in orders(asked_of) {
                let says = format!(
                    "stale: the order is for step {}, the rollout is at step {now}; nothing was changed",
                    asked_of.number()
                );
                assert_eq!(answer(&asked(phase.clone()), order), says);
            }
        }
    }
    // The same advance, again and again, all the way through the steps.
    let again = ordered(Order::Advance { step: FIRST }, 200);
    let mut rollout = decide(&given(baking(FIRST)), &again).unwrap();
    for event in [
        Event::Advance { at: at(210) },
        read(50, 220),
        judged_at(SECOND, pass(), 340, 400),
        Event::Advance { at: at(410) },
    ] {
        assert!(decide(&rollout, &again).is_err(), "{:?}", rollout.phase);
        rollout = decide(&rollout, &event).unwrap();
    }
    assert_eq!(rollout.phase, Phase::Shifting { step: LAST, to: Weight::FULL });
}

#[test]
fn an_order_keeps_who_gave_it_and_why() {
    let rollout = decide(&given(baking(FIRST)), &ordered(Order::Hold, 200)).unwrap();
    assert_eq!(
        rollout.hold,
        Hold::By { who: "alice".to_owned(), why: "release train".to_owned(), since: at(200) }
    );
    let stored = serde_json::to_string(&rollout).unwrap();
    assert_eq!(serde_json::from_str::<Rollout>(&stored).unwrap(), rollout);
    for order in orders(&rollout) {
        let event = ordered(order, 3);
        let stored = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&stored).unwrap(), event);
    }
}

#[test]
fn what_is_held_is_judged_and_takes_no_step() {
    let held = |phase| Rollout { hold: held(), ..given(phase) };
    let stale = "no: judged does not fit phase baking: it came twice, late or out of order";
    check(vec![
        (held(baking(FIRST)), judged(pass(), 180, 400), "baking at 10 %, epoch +0: "),
        (held(baking(FIRST)), judged(pass(), 180, 9000), "baking at 10 %, epoch +0: "),
        (held(baking(FIRST)), judged(pass(), 120, 400), stale),
        (held(baking(FIRST)), judged(fail(), 180, 200), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (
            held(baking(FIRST)),
            judged(inconclusive(), 180, 900),
            "restoring at 0 %, epoch +1: set 0 %, rolling_back",
        ),
        (
            held(Phase::Cleared { next: Next::Finish }),
            Event::Advance { at: at(5) },
            "no: advance does not fit phase cleared: it came twice, late or out of order",
        ),
        // What was asked for before the hold is finished.
        (
            held(Phase::Shifting { step: FIRST, to: weight(10) }),
            read(10, 5),
            "baking at 10 %, epoch +0: reached",
        ),
        (held(baking(FIRST)), foreign(130), "frozen at 10 %, epoch +0: frozen"),
        (held(Phase::Preparing { attempts: 0 }), probed(Probe::Ready, 5), "cleared at 0 %, epoch +0: "),
    ]);
    // After the hold the pass that was seen meanwhile counts.
    let seen = decide(&held(baking(FIRST)), &judged(pass(), 180, 400)).unwrap();
    let resumed = decide(&seen, &ordered(Order::Resume, 410)).unwrap();
    let cleared = decide(&resumed, &judged(pass(), 180, 420)).unwrap();
    assert_eq!(cleared.phase, Phase::Cleared { next: Next::Step(SECOND) });
}

#[test]
fn a_step_that_needs_an_approval_waits_for_it() {
    let no = "no: judged does not fit phase awaiting_approval: it came twice, late or out of order";
    check(vec![
        (
            asked(baking(FIRST)),
            judged(pass(), 180, 300),
            "awaiting_approval at 10 %, epoch +0: awaiting_approval",
        ),
        (asked(baking(SECOND)), judged_at(SECOND, pass(), 180, 300), "cleared at 50 %, epoch +0: "),
        (
            awaiting(),
            Event::Advance { at: at(5) },
            "no: advance does not fit phase awaiting_approval: it came twice, late or out of order",
        ),
        (awaiting(), judged(pass(), 180, 300), no),
        (awaiting(), Event::Waited { at: at(7200) }, "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (awaiting(), foreign(130), "frozen at 10 %, epoch +0: frozen"),
        (awaiting(), read(0, 130), "frozen at 10 %, epoch +0: frozen"),
        (
            awaiting(),
            read(10, 130),
            "no: weight_read does not fit phase awaiting_approval: it came twice, late or out of order",
        ),
        (
            awaiting(),
            Event::Abort { cause: requested(), at: at(9) },
            "restoring at 0 %, epoch +1: set 0 %, rolling_back",
        ),
    ]);
    let expired = decide(&awaiting(), &Event::Waited { at: at(7200) }).unwrap();
    assert_eq!(expired.phase, Phase::Restoring { cause: Cause::NotApproved, since: at(7200) });
    // Held or not, it expires: a hold is no approval.
    let held = Rollout { hold: held(), ..awaiting() };
    assert!(decide(&held, &Event::Waited { at: at(7200) }).unwrap().phase.is_rollback());
    // Put back, the step before bakes anew before it is asked for again.
    let frozen = decide(&awaiting(), &foreign(130)).unwrap();
    let thawed = decide(&frozen, &read(10, 140)).unwrap();
    assert!(matches!(thawed.phase, Phase::Baking { step: FIRST, since, .. } if since == at(140)));
}

fn unguarded(seconds: i64) -> Event {
    Event::Unguarded { reason: "throttled".to_owned(), at: at(seconds) }
}

#[test]
fn what_waits_unguarded_has_a_deadline() {
    let lost = decide(&awaiting(), &unguarded(100)).unwrap();
    assert!(matches!(lost.phase, Phase::Awaiting { sight: Sight::LostSince(since), .. } if since == at(100)));
    assert_eq!(lost.wait(at(100)), Seconds(30));
    assert!(decide(&lost, &unguarded(399)).is_err(), "not news yet");
    let back = decide(&lost, &unguarded(400)).unwrap();
    assert_eq!(back.phase, Phase::Restoring { cause: Cause::Blind("throttled".to_owned()), since: at(400) });
    // Seen again, it begins anew.
    let seen = decide(&lost, &Event::Waited { at: at(399) }).unwrap();
    assert!(matches!(seen.phase, Phase::Awaiting { sight: Sight::Clear, .. }));
    let again = decide(&seen, &unguarded(401)).unwrap();
    assert!(
        matches!(again.phase, Phase::Awaiting { sight: Sight::LostSince(since), .. } if since == at(401))
    );
    // An approval that was given meanwhile keeps what was lost; one that is not given still expires.
    let held = Rollout { hold: held(), ..lost.clone() };
    let approved = decide(&held, &ordered(Order::Approve { step: SECOND }, 200)).unwrap();
    assert!(matches!(decide(&approved, &unguarded(400)).unwrap().phase, Phase::Restoring { .. }));
    let expired = decide(&awaiting(), &unguarded(7200)).unwrap();
    assert_eq!(expired.phase, Phase::Restoring { cause: Cause::NotApproved, since: at(7200) });
    // Before the first step nothing is under traffic, so nothing has to be guarded.
    let mut first =
        asked(Phase::Awaiting { step: FIRST, since: at(0), approval: Approval::Asked, sight: Sight::Clear });
    first.plan.steps = with_approvals(first.plan.steps, &[0]);
    assert!(decide(&first, &unguarded(100)).is_err());
    assert!(decide(&given(baking(FIRST)), &unguarded(100)).is_err());
}

#[test]
fn the_first_step_may_need_an_approval_too() {
    let mut rollout = given(Phase::Preparing { attempts: 0 });
    rollout.plan.steps = with_approvals(rollout.plan.steps, &[0]);
    let waiting = decide(&rollout, &probed(Probe::Ready, 5)).unwrap();
    assert_eq!(
        waiting.phase,
        Phase::Awaiting { step: FIRST, since: at(5), approval: Approval::Asked, sight: Sight::Clear }
    );
    assert_eq!(waiting.desired_weight(), Weight::ZERO);
    assert_eq!(effects(&waiting), [Effect::Publish(Milestone::Awaiting(weight(10)))]);
    // Nothing has traffic yet: there is no weight to be wrong about.
    assert!(matches!(decide(&waiting, &read(50, 9)), Err(Rejected::NotNow { .. })));
    let approved = decide(&waiting, &ordered(Order::Approve { step: FIRST }, 9)).unwrap();
    let shifting = decide(&approved, &Event::Advance { at: at(10) }).unwrap();
    assert_eq!(shifting.phase, Phase::Shifting { step: FIRST, to: weight(10) });
}

/// Looked at every minute, a wait for a person keeps its lease and is written down seldom.
#[test]
fn a_wait_for_a_person_outlives_the_lease() {
    let idle = Rollout { hold: held(), ..given(Phase::Cleared { next: Next::Step(FIRST) }) };
    let mut long = awaiting();
    long.plan.approvals.expires = Seconds(86_400);
    for mut rollout in [idle, long] {
        let (first, phase) = (rollout.version, rollout.phase.clone());
        for minute in 1..1440 {
            let now = at(minute * 60);
            rollout = decide(&rollout, &Event::Waited { at: now }).unwrap_or(rollout);
            let Lease::Held { until, .. } = rollout.target().lease else { panic!("not held") };
            assert!(until > Seconds(600).after(now), "minute {minute}");
        }
        assert_eq!((rollout.version - first, rollout.phase), (143, phase));
    }
    for phase in [baking(FIRST), Phase::Cleared { next: Next::Finish }, Phase::Preparing { attempts: 0 }] {
        let nothing = decide(&given(phase), &Event::Waited { at: at(9_000) });
        assert!(matches!(nothing, Err(Rejected::NotNow { .. })));
    }
}

#[test]
fn an_approval_that_nobody_asked_for_is_told_apart() {
    let stray =
        given(Phase::Awaiting { step: SECOND, since: at(0), approval: Approval::Asked, sight: Sight::Clear });
    assert_eq!(invariants(&stray), Err(Violation::NoApproval { step: SECOND }));
    let beyond = Rollout {
        phase: Phase::Awaiting {
            step: StepIndex(7),
            since: at(0),
            approval: Approval::Asked,
            sight: Sight::Clear,
        },
        ..stray
    };
    assert!(matches!(invariants(&beyond), Err(Violation::NoSuchStep { .. })));
    let mut counting = given(baking(FIRST));
    counting.ask(Effect::CountRollback);
    let found = invariants(&counting);
    assert_eq!(found, Err(Violation::StrayEffect { phase: "baking", effect: "count_rollback" }));
}

/// The orders that let the second step be taken, which needs an approval: one in its wait, two of the step before.
fn approvals_of(rollout: &Rollout, by: &str) -> Vec<Result<Rollout, Rejected>> {
    let step = rollout.step().unwrap();
    let orders = match rollout.phase {
        Phase::Awaiting { .. } => vec![Order::Approve { step }, Order::Advance { step }],
        _ => vec![Order::Advance { step }],
    };
    let ordered = |order| Event::Ordered { order, by: by.to_owned(), why: "fine".to_owned(), at: at(200) };
    orders.into_iter().map(|order| decide(rollout, &ordered(order))).collect()
}

#[test]
fn only_who_may_approve_lets_a_step_be_taken_that_needs_it() {
    let ruled = |mut rollout: Rollout| {
        rollout.plan.approvals.approvers = vec!["dana".to_owned(), "bob".to_owned()];
        rollout.plan.approvals.not_the_starter = true;
        rollout
    };
    // Dana asked for it.
    for rollout in [ruled(awaiting()), ruled(asked(baking(FIRST)))] {
        for (by, may) in [("bob", true), ("Dana", false), ("dana", false), ("eve", false)] {
            for decided in approvals_of(&rollout, by) {
                match decided {
                    Ok(after) => {
                        assert!(may, "{by}");
                        assert_eq!(after.phase, Phase::Cleared { next: Next::Step(SECOND) });
                    }
                    Err(Rejected::MayNotApprove(why)) => {
                        assert!(!may, "{by}: {why}");
                        let starter = matches!(why, MayNotApprove::TheStarter { .. });
                        assert_eq!(starter, by != "eve", "{why}");
                        assert!(why.to_string().contains("nothing was changed"));
                    }
                    Err(other) => panic!("{by}: {other}"),
                }
            }
        }
        let held = Rollout { hold: held(), ..rollout };
        assert!(approvals_of(&held, "eve").iter().all(Result::is_err), "a hold changes nothing");
    }
    // What needs no approval is anybody's to advance, and anybody may hold and resume.
    let free = ruled(given(baking(FIRST)));
    assert!(approvals_of(&free, "eve").iter().all(Result::is_ok));
    let held = decide(&ruled(awaiting()), &ordered(Order::Hold, 200)).unwrap();
    assert!(decide(&held, &ordered(Order::Resume, 210)).is_ok());
}

#[test]
fn a_bar_is_lifted_while_a_rollout_runs_and_nothing_else_changes() {
    let version: Version = "v0".parse().unwrap();
    let lift = |version: &Version| Event::BarLifted {
        version: version.clone(),
        by: "alice".to_owned(),
        why: "it was the network".to_owned(),
        at: at(200),
    };
    for phase in phases() {
        let name = phase.name();
        let ends = phase.is_terminal();
        let barred = Barred::Version { version: version.clone(), since: at(0), why: "5 % errors".to_owned() };
        let rollout = Rollout { barred: barred.clone(), ..asked(phase) };
        assert!(decide(&rollout, &lift(&"v7".parse().unwrap())).is_err(), "another version, {name}");
        match decide(&rollout, &lift(&version)) {
            Ok(lifted) => {
                assert!(!ends, "{name}");
                let expected =
                    Rollout { barred: Barred::Nothing, version: rollout.version + 1, ..rollout.clone() };
                assert_eq!(lifted, expected, "it is no sign of life either");
                assert_eq!(lifted.target(), Target { barred: Barred::Nothing, ..rollout.target() });
                assert!(matches!(decide(&lifted, &lift(&version)), Err(Rejected::NotNow { .. })), "once");
            }
            Err(rejected) => assert!(ends && matches!(rejected, Rejected::Ended { .. }), "{name}"),
        }
    }
    // What is barred while it is rolled back for its own fault is new.
    let barred = Barred::Version { version: version.clone(), since: at(0), why: "5 % errors".to_owned() };
    let cause = Cause::Guardrail("checkout 5xx".parse().unwrap());
    let settling = Phase::Settling { cause, since: at(0), restored_at: at(0) };
    let mut rollout = Rollout { barred, ..given(settling) };
    rollout.plan.version = version.clone();
    let ended = decide(&decide(&rollout, &lift(&version)).unwrap(), &read(0, 400)).unwrap();
    assert!(matches!(ended.target().barred, Barred::Version { since, .. } if since == at(400)));
}
