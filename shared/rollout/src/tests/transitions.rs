use analysis::{Minutes, TooLittleTraffic, Verdict};

use super::support::*;
use crate::*;

/// What came of an event, in one line: the phase, the wanted weight, how far the epoch moved, what is newly asked for.
pub(super) fn then(before: &Rollout, event: &Event) -> String {
    let after = match decide(before, event) {
        Ok(after) => after,
        Err(rejected) => return format!("no: {rejected}"),
    };
    assert_eq!(invariants(&after), Ok(()), "{before:?} {event:?}");
    let asked: Vec<String> = after
        .pending
        .iter()
        .filter(|pending| pending.id >= before.next_effect)
        .map(|pending| match &pending.effect {
            Effect::Publish(milestone) => milestone.name().to_owned(),
            Effect::SetWeight(weight) => format!("set {weight}"),
            Effect::BringUp(colour) => format!("bring up {colour}"),
            Effect::TakeDown(colour) => format!("take down {colour}"),
            Effect::ScheduleCleanUp { attempt, .. } => format!("schedule clean-up {attempt}"),
            Effect::CountRollback => "count rollback".to_owned(),
        })
        .collect();
    let epoch = after.epoch.0 - before.epoch.0;
    format!("{} at {}, epoch +{epoch}: {}", after.phase.name(), after.desired_weight(), asked.join(", "))
}

pub(super) fn given(phase: Phase) -> Rollout {
    let mut rollout = Rollout::start(start(canary()));
    rollout.pending.clear();
    rollout.version = 20;
    Rollout { phase, ..rollout }
}

pub(super) fn check(cases: Vec<(Rollout, Event, &str)>) {
    for (before, event, expected) in cases {
        assert_eq!(invariants(&before), Ok(()), "{before:?}");
        assert_eq!(then(&before, &event), expected, "given {:?} when {event:?}", before.phase);
    }
}

pub(super) const FIRST: StepIndex = StepIndex(0);
pub(super) const LAST: StepIndex = StepIndex(2);

pub(super) fn read(percent: u8, seconds: i64) -> Event {
    Event::WeightRead { observed: Observed::Weight(weight(percent)), at: at(seconds) }
}

pub(super) fn foreign(seconds: i64) -> Event {
    Event::WeightRead { observed: Observed::Foreign("3 target groups".to_owned()), at: at(seconds) }
}

pub(super) fn judged(verdict: Verdict, until: i64, now: i64) -> Event {
    judged_at(FIRST, verdict, until, now)
}

pub(super) fn judged_at(step: StepIndex, verdict: Verdict, until: i64, now: i64) -> Event {
    Event::Judged { step, verdict, seen: Minutes::default(), history: None, until: at(until), at: at(now) }
}

pub(super) fn probed(probe: Probe, seconds: i64) -> Event {
    Event::Probed { probe, at: at(seconds) }
}

#[test]
fn before_traffic() {
    let preparing = |attempts| given(Phase::Preparing { attempts });
    let not_ready = || Probe::NotReady("HTTP 503".to_owned());
    check(vec![
        (preparing(0), probed(Probe::Ready, 5), "cleared at 0 %, epoch +0: "),
        (preparing(2), probed(Probe::Ready, 5), "cleared at 0 %, epoch +0: "),
        (preparing(0), probed(not_ready(), 5), "preparing at 0 %, epoch +0: "),
        (preparing(1), probed(not_ready(), 5), "preparing at 0 %, epoch +0: "),
        (preparing(2), probed(not_ready(), 5), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (
            preparing(1),
            probed(not_ready(), 0),
            "no: probed does not fit phase preparing: it came twice, late or out of order",
        ),
        (
            preparing(0),
            probed(Probe::SmokeTestFailed("cart: HTTP 500".to_owned()), 5),
            "restoring at 0 %, epoch +1: set 0 %, rolling_back",
        ),
        (
            preparing(0),
            Event::Advance { at: at(5) },
            "no: advance does not fit phase preparing: it came twice, late or out of order",
        ),
    ]);
    let never = decide(&preparing(2), &probed(not_ready(), 5)).unwrap();
    assert_eq!(
        never.phase,
        Phase::Restoring {
            cause: Cause::NeverReady("HTTP 503 (looked 3 times, 10 s apart)".to_owned()),
            since: at(5)
        }
    );
}

#[test]
fn taking_a_step() {
    let cleared = |next| given(Phase::Cleared { next });
    let shifting = || given(Phase::Shifting { step: FIRST, to: weight(10) });
    let advance = || Event::Advance { at: at(5) };
    check(vec![
        (cleared(Next::Step(FIRST)), advance(), "shifting at 10 %, epoch +0: set 10 %"),
        (cleared(Next::Step(StepIndex(1))), advance(), "shifting at 50 %, epoch +0: set 50 %"),
        (cleared(Next::Finish), advance(), "promoted at 100 %, epoch +0: schedule clean-up 1, promoted"),
        (
            cleared(Next::Finish),
            judged(fail(), 1, 2),
            "no: judged does not fit phase cleared: it came twice, late or out of order",
        ),
        (shifting(), read(10, 5), "baking at 10 %, epoch +0: reached"),
        (shifting(), read(11, 5), "frozen at 10 %, epoch +0: frozen"),
        (shifting(), foreign(5), "frozen at 10 %, epoch +0: frozen"),
        (
            shifting(),
            advance(),
            "no: advance does not fit phase shifting: it came twice, late or out of order",
        ),
    ]);
    assert_eq!(cleared(Next::Step(StepIndex(1))).desired_weight(), weight(10));
    assert_eq!(cleared(Next::Finish).desired_weight(), Weight::FULL);
}

#[test]
fn with_traffic() {
    let first = || baking(FIRST, Sight::Clear);
    let stale = "no: judged does not fit phase baking: it came twice, late or out of order";
    check(vec![
        // the bake of the first step ends at 300, its patience at 900
        (first(), judged(pass(), 180, 240), "baking at 10 %, epoch +0: "),
        (first(), judged(pass(), 180, 300), "cleared at 10 %, epoch +0: "),
        (first(), judged(pass(), 120, 300), "cleared at 10 %, epoch +0: "),
        (first(), judged(pass(), 120, 299), stale),
        (first(), judged(pass(), 60, 300), stale),
        (baking(LAST, Sight::Clear), judged_at(LAST, pass(), 180, 300), "cleared at 100 %, epoch +0: "),
        (first(), judged_at(LAST, fail(), 180, 200), stale),
        (first(), judged(fail(), 180, 200), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (first(), judged(inconclusive(), 180, 300), "baking at 10 %, epoch +0: "),
        (first(), judged(inconclusive(), 180, 899), "baking at 10 %, epoch +0: "),
        (first(), judged(inconclusive(), 120, 899), stale),
        (first(), judged(inconclusive(), 180, 900), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (first(), judged(silent(), 120, 900), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (first(), judged(pass(), 120, 900), "cleared at 10 %, epoch +0: "),
        (first(), judged(blind(), 120, 900), "baking at 10 %, epoch +0: "),
        (baking(FIRST, Sight::LostSince(at(100))), judged(blind(), 120, 399), "baking at 10 %, epoch +0: "),
        (
            baking(FIRST, Sight::LostSince(at(100))),
            judged(blind(), 120, 400),
            "restoring at 0 %, epoch +1: set 0 %, rolling_back",
        ),
        (first(), foreign(130), "frozen at 10 %, epoch +0: frozen"),
        (first(), read(0, 130), "frozen at 10 %, epoch +0: frozen"),
        (
            first(),
            read(10, 130),
            "no: weight_read does not fit phase baking: it came twice, late or out of order",
        ),
    ]);
    let phase = |rollout: &Rollout, event| decide(rollout, &event).unwrap();
    let looked = phase(&first(), judged(inconclusive(), 180, 300));
    let sees = |sight, judged_until| Phase::Baking { step: FIRST, since: at(0), judged_until, sight };
    assert_eq!((looked.looks, looked.phase), (1, sees(Sight::Clear, at(180))));
    let lost = phase(&first(), judged(blind(), 180, 200));
    assert_eq!((lost.looks, &lost.phase), (0, &sees(Sight::LostSince(at(200)), at(120))));
    assert_eq!(phase(&lost, judged(blind(), 240, 260)).phase, lost.phase);
    assert_eq!(phase(&lost, judged(pass(), 180, 260)).phase, sees(Sight::Clear, at(180)));
    assert_eq!(
        phase(&first(), judged(pass(), 180, 300)).phase,
        Phase::Cleared { next: Next::Step(StepIndex(1)) }
    );
    assert_eq!(
        phase(&baking(LAST, Sight::Clear), judged_at(LAST, pass(), 180, 300)).phase,
        Phase::Cleared { next: Next::Finish }
    );
}

fn baking(step: StepIndex, sight: Sight) -> Rollout {
    given(Phase::Baking { step, since: at(0), judged_until: at(120), sight })
}

#[test]
fn a_suspect_canary_waits_a_bounded_time_and_a_sure_one_not_at_all() {
    let phase = |rollout: &Rollout, event| decide(rollout, &event).unwrap();
    // The bake is over at 300 s.
    let waiting = phase(&baking(FIRST, Sight::Clear), judged(suspect(), 180, 240));
    assert_eq!((waiting.phase.name(), waiting.suspect_minutes), ("baking", 0));
    let mut waiting = phase(&waiting, judged(suspect(), 240, 300));
    assert_eq!((waiting.phase.name(), waiting.suspect_minutes), ("baking", 1));
    for minute in 0..4 {
        waiting = phase(&waiting, judged(suspect(), 300 + minute * 60, 360 + minute * 60));
    }
    assert_eq!((waiting.phase.name(), waiting.suspect_minutes), ("baking", 5));
    let cleared = phase(&waiting, judged(suspect(), 540, 600));
    assert_eq!(cleared.phase, Phase::Cleared { next: Next::Step(StepIndex(1)) });

    let Verdict::Pass(analysis::Basis::Test(finding)) = pass() else { panic!("passes") };
    let sure = Verdict::Pass(analysis::Finding { sure: true, ..*finding }.into());
    let mut eager = baking(FIRST, Sight::Clear);
    assert_eq!(phase(&eager, judged(sure.clone(), 180, 200)).phase.name(), "baking");
    eager.plan.judge.early_promotion = true;
    assert_eq!(phase(&eager, judged(sure, 180, 200)).phase.name(), "cleared");
    assert_eq!(phase(&eager, judged(pass(), 180, 200)).phase.name(), "baking");
}

#[test]
fn too_little_traffic_extends_asks_or_rolls_back() {
    let after = |policy, step, verdict| {
        let mut baking = baking(step, Sight::Clear);
        baking.plan.judge.too_little_traffic = policy;
        let next = decide(&baking, &judged_at(step, verdict, 180, 300)).unwrap();
        assert_eq!(crate::invariants(&next), Ok(()));
        next.phase.name()
    };
    for verdict in [inconclusive(), silent()] {
        assert_eq!(after(TooLittleTraffic::Extend, FIRST, verdict.clone()), "baking");
        assert_eq!(after(TooLittleTraffic::Ask, FIRST, verdict.clone()), "awaiting_approval");
        assert_eq!(after(TooLittleTraffic::RollBack, FIRST, verdict.clone()), "restoring");
        // After the last step there is nothing to approve: it waits for its evidence.
        assert_eq!(after(TooLittleTraffic::Ask, LAST, verdict), "baking");
    }
    assert_eq!(after(TooLittleTraffic::RollBack, FIRST, blind()), "baking");
}

#[test]
fn a_ramp_passes_without_the_minimums_and_what_the_steps_before_have_shown_at_once() {
    let with = |list: &[(u8, u32)], ramp: usize, step: StepIndex| {
        let list = list.iter().enumerate().map(|(place, (percent, bake))| Step {
            ramp: place < ramp,
            ..super::support::step(*percent, *bake)
        });
        let mut rollout = baking(step, Sight::Clear);
        rollout.plan.steps = Steps::try_from(list.collect::<Vec<_>>()).unwrap();
        rollout
    };
    let phase = |rollout: &Rollout, verdict, now| {
        let Phase::Baking { step, .. } = rollout.phase else { panic!("{:?}", rollout.phase) };
        let after = decide(rollout, &judged_at(step, verdict, 180, now)).map(|after| after.phase.name());
        after.map_err(|rejected| rejected.to_string())
    };
    let ramp = with(&[(1, 60), (10, 180), (100, 0)], 1, FIRST);
    assert_eq!(ramp.plan.steps.needs(FIRST), Needs::AMinute);
    for verdict in [inconclusive(), silent(), pass()] {
        assert_eq!(phase(&ramp, verdict.clone(), 30), Ok("baking"));
        assert_eq!(phase(&ramp, verdict, 60), Ok("cleared"));
    }
    assert_eq!(phase(&ramp, suspect(), 60), Ok("baking"));
    assert_eq!(phase(&ramp, fail(), 60), Ok("restoring"));
    assert_eq!(phase(&ramp, blind(), 60), Ok("baking"));

    let last = with(&[(10, 180), (95, 120), (100, 0)], 0, LAST);
    assert_eq!(
        (last.plan.steps.needs(LAST), last.plan.steps.judged_with(LAST)),
        (Needs::Nothing, StepIndex(1))
    );
    assert_eq!(last.wait(at(0)), Seconds(1));
    for verdict in [inconclusive(), silent(), pass(), suspect()] {
        assert_eq!(phase(&last, verdict, 1), Ok("cleared"));
    }
    assert_eq!(phase(&last, fail(), 1), Ok("restoring"));
    assert_eq!(phase(&last, blind(), 1), Ok("baking"));
    let held = Rollout { hold: Hold::By { who: "a".into(), why: "b".into(), since: at(0) }, ..last.clone() };
    assert_eq!(phase(&held, pass(), 1), Ok("baking"));
    assert!(held.wait(at(0)) > Seconds(1));

    // A last step without a bake after nothing that was judged has to show something itself.
    for (list, ramp) in [(&[(100, 0)][..], 0), (&[(1, 60), (100, 0)], 1), (&[(10, 0), (100, 0)], 0)] {
        let last = StepIndex(u16::try_from(list.len() - 1).unwrap());
        let unseen = with(list, ramp, last);
        assert_eq!(
            (unseen.plan.steps.needs(last), unseen.plan.steps.judged_with(last)),
            (Needs::Evidence, last)
        );
        assert_eq!(phase(&unseen, inconclusive(), 1), Ok("baking"));
    }
}

#[test]
fn while_somebody_else_holds_the_rule() {
    let frozen =
        || given(Phase::Frozen { step: FIRST, found: Observed::Foreign("x".to_owned()), since: at(100) });
    check(vec![
        (frozen(), foreign(130), "frozen at 10 %, epoch +0: "),
        (frozen(), foreign(1900), "restoring at 0 %, epoch +1: set 0 %, rolling_back"),
        (frozen(), read(10, 130), "baking at 10 %, epoch +0: "),
        (frozen(), read(10, 1900), "baking at 10 %, epoch +0: "),
        (
            frozen(),
            read(10, 100),
            "no: weight_read does not fit phase frozen: it came twice, late or out of order",
        ),
        (
            frozen(),
            judged(pass(), 130, 190),
            "no: judged does not fit phase frozen: it came twice, late or out of order",
        ),
    ]);
    assert_eq!(
        decide(&frozen(), &read(10, 130)).unwrap().phase,
        Phase::Baking { step: FIRST, since: at(130), judged_until: at(130), sight: Sight::Clear }
    );
    assert_eq!(
        decide(&frozen(), &foreign(130)).unwrap().phase,
        Phase::Frozen { step: FIRST, found: Observed::Foreign("3 target groups".to_owned()), since: at(100) }
    );
}

#[test]
fn on_the_way_back() {
    let abort = || Event::Abort { cause: requested(), at: at(210) };
    let restoring = || given(Phase::Restoring { cause: requested(), since: at(200) });
    let settling = || given(Phase::Settling { cause: requested(), since: at(200), restored_at: at(205) });
    check(vec![
        (restoring(), read(0, 205), "settling at 0 %, epoch +0: "),
        (restoring(), read(10, 205), "restoring at 0 %, epoch +0: set 0 %"),
        (restoring(), foreign(205), "restoring at 0 %, epoch +0: set 0 %"),
        (restoring(), abort(), "no: abort does not fit phase restoring: it came twice, late or out of order"),
        (settling(), abort(), "no: abort does not fit phase settling: it came twice, late or out of order"),
        (
            settling(),
            read(0, 239),
            "no: weight_read does not fit phase settling: it came twice, late or out of order",
        ),
        (settling(), read(0, 240), "rolled_back at 0 %, epoch +0: rolled_back"),
        (settling(), read(10, 206), "restoring at 0 %, epoch +0: set 0 %"),
        (settling(), foreign(240), "restoring at 0 %, epoch +0: set 0 %"),
    ]);
    // Read before the rollback was decided: the old epoch may still write for the whole zombie bound.
    assert_eq!(
        decide(&restoring(), &read(0, 190)).unwrap().phase,
        Phase::Settling { cause: requested(), since: at(200), restored_at: at(200) }
    );
}

#[test]
fn an_abort_is_taken_in_every_phase_on_the_way_forward() {
    let baking = Phase::Baking { step: LAST, since: at(0), judged_until: at(9), sight: Sight::Clear };
    for phase in [
        Phase::Preparing { attempts: 2 },
        Phase::Cleared { next: Next::Step(FIRST) },
        Phase::Cleared { next: Next::Finish },
        Phase::Shifting { step: LAST, to: Weight::FULL },
        baking,
        Phase::Frozen { step: FIRST, found: Observed::Weight(Weight::FULL), since: at(0) },
    ] {
        let abort = Event::Abort { cause: requested(), at: at(210) };
        check(vec![(given(phase), abort, "restoring at 0 %, epoch +1: set 0 %, rolling_back")]);
    }
}

#[test]
fn an_abort_drops_what_was_asked_for_on_the_way_forward_and_keeps_what_is_to_be_told() {
    let fresh = Rollout::start(start(canary()));
    let aborted = decide(&fresh, &Event::Abort { cause: requested(), at: at(1) }).unwrap();
    assert_eq!(
        effects(&aborted),
        [
            Effect::Publish(Milestone::Started),
            Effect::SetWeight(Weight::ZERO),
            Effect::Publish(Milestone::RollingBack(requested())),
        ]
    );
    let late = Event::Performed { effects: vec![fresh.pending[0].id], at: at(2) };
    assert!(matches!(decide(&aborted, &late), Err(Rejected::NotNow { .. })));
}

#[test]
fn after_the_end() {
    let promoted = |attempt| {
        given(Phase::Promoted { at: at(900), clean_up: CleanUp::Scheduled { at: at(4500), attempt } })
    };
    let due = |attempt, traffic| Event::CleanUpDue { attempt, traffic, at: at(4500) };
    let over = || given(Phase::RolledBack { cause: requested(), at: at(900) });
    let done = || given(Phase::Promoted { at: at(900), clean_up: CleanUp::Done { at: at(4500) } });
    let abort = || Event::Abort { cause: requested(), at: at(910) };
    check(vec![
        (promoted(1), due(1, OldTraffic::Quiet), "promoted at 100 %, epoch +0: take down blue"),
        (promoted(1), due(1, OldTraffic::Requests(3)), "promoted at 100 %, epoch +0: schedule clean-up 2"),
        (
            promoted(1),
            due(1, OldTraffic::Unknown("timed out".to_owned())),
            "promoted at 100 %, epoch +0: schedule clean-up 2",
        ),
        (promoted(2), due(2, OldTraffic::Requests(3)), "promoted at 100 %, epoch +0: old_colour_kept"),
        (promoted(1), due(1, OldTraffic::Reused("by x".to_owned())), "promoted at 100 %, epoch +0: "),
        (
            promoted(2),
            due(1, OldTraffic::Quiet),
            "no: the rollout has ended (promoted): clean_up_due changes nothing",
        ),
        (
            done(),
            due(1, OldTraffic::Quiet),
            "no: the rollout has ended (promoted): clean_up_due changes nothing",
        ),
        (promoted(1), abort(), "no: the rollout has ended (promoted): abort changes nothing"),
        (over(), abort(), "no: the rollout has ended (rolled_back): abort changes nothing"),
        (over(), read(50, 950), "no: the rollout has ended (rolled_back): weight_read changes nothing"),
        (
            given(Phase::Refused { reason: "busy".to_owned(), at: at(0) }),
            Event::Advance { at: at(1) },
            "no: the rollout has ended (refused): advance changes nothing",
        ),
    ]);
    assert_eq!(
        decide(&promoted(1), &due(1, OldTraffic::Reused("by x".to_owned()))).unwrap().phase,
        Phase::Promoted { at: at(900), clean_up: CleanUp::Kept { reason: "by x".to_owned() } }
    );
    assert_eq!(
        decide(&promoted(1), &due(1, OldTraffic::Requests(3))).unwrap().phase,
        Phase::Promoted { at: at(900), clean_up: CleanUp::Scheduled { at: at(4500 + 3600), attempt: 2 } }
    );
}

#[test]
fn what_was_performed_leaves_the_outbox_once() {
    let fresh = Rollout::start(start(canary()));
    let ids: Vec<EffectId> = fresh.pending.iter().map(|pending| pending.id).collect();
    let first = Event::Performed { effects: vec![ids[0]], at: at(1) };
    let after = decide(&fresh, &first).unwrap();
    assert_eq!((after.version, effects(&after)), (2, vec![Effect::Publish(Milestone::Started)]));
    assert!(matches!(decide(&after, &first), Err(Rejected::NotNow { .. })));
    let both = decide(&after, &Event::Performed { effects: ids, at: at(2) }).unwrap();
    assert_eq!((both.version, both.pending.len(), &both.phase), (3, 0, &fresh.phase));
}

#[test]
fn a_broken_rollout_is_told_apart() {
    let whole = given(Phase::Shifting { step: FIRST, to: weight(10) });
    let with = |change: fn(&mut Rollout)| {
        let mut rollout = whole.clone();
        change(&mut rollout);
        invariants(&rollout).unwrap_err()
    };
    let decided = Decided { at: at(0), weight: weight(10), epoch: Epoch(1) };
    let pending = |id, effect| Pending { id: EffectId(id), effect, decided };
    assert!(matches!(
        with(|r| r.phase = Phase::Shifting { step: FIRST, to: weight(11) }),
        Violation::WrongWeight { .. }
    ));
    assert!(matches!(
        with(|r| r.phase = Phase::Shifting { step: StepIndex(3), to: weight(10) }),
        Violation::NoSuchStep { .. }
    ));
    assert!(matches!(with(|r| r.ask(Effect::SetWeight(weight(50)))), Violation::PendingWeight { .. }));
    assert!(matches!(with(|r| r.phase = Phase::Preparing { attempts: 3 }), Violation::Attempts { .. }));
    assert!(matches!(with(|r| r.ask(Effect::TakeDown(Colour::Blue))), Violation::StrayEffect { .. }));
    assert!(matches!(with(|r| r.ask(Effect::BringUp(Colour::Blue))), Violation::WrongColour(Colour::Blue)));
    assert!(matches!(with(|r| r.looks = 20), Violation::Counters { .. }));
    assert!(matches!(
        with(|r| r.phase = Phase::Settling { cause: requested(), since: at(2), restored_at: at(1) }),
        Violation::TimesOutOfOrder("settling")
    ));
    assert_eq!(
        with(|r| {
            r.ask(Effect::SetWeight(weight(10)));
            r.ask(Effect::SetWeight(weight(10)));
        }),
        Violation::ManyPendingWeights(2)
    );
    let unordered = Rollout { pending: vec![pending(9, Effect::SetWeight(weight(10)))], ..whole };
    assert!(matches!(invariants(&unordered), Err(Violation::EffectOrder { .. })));
}
