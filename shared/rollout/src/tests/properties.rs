use analysis::{Minutes, Verdict, closed_minutes};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::support::*;
use crate::{
    Approval, CleanUp, Effect, EffectId, Event, EvidenceRules, Hold, Lease, Needs, Next, Observed,
    OldTraffic, Order, Phase, Plan, Probe, Rejected, Rollout, Seconds, StepIndex, Steps, Weight, decide,
    invariants,
};

fn any_steps() -> impl Strategy<Value = Steps> {
    let approvals = vec(prop::bool::weighted(0.2), 5);
    (proptest::collection::btree_set(1u8..100, 0..5), vec(0u32..600, 5), approvals).prop_map(
        |(weights, bakes, approvals)| {
            let list: Vec<(u8, u32)> = weights.into_iter().chain([100]).zip(bakes).collect();
            let asked: Vec<usize> = (0..5).filter(|index| approvals[*index]).collect();
            with_approvals(steps(&list), &asked)
        },
    )
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let evidence = (0u32..60, 0u32..90, 0u32..900, 0u32..400, 0u32..400);
    (any_steps(), (1u32..4, 0u32..30), evidence, (1u32..4, 0u32..7200), (1u32..60, 0u32..4000)).prop_map(
        |(steps, (attempts, interval), evidence, (cleans, after), (zombie, approval))| {
            let (settle, delay, patience, blind, frozen) = evidence;
            let mut plan = plan(steps);
            plan.approvals.expires = Seconds(approval);
            plan.approvals.not_the_starter = approval % 2 == 0;
            plan.readiness.attempts = times(attempts);
            plan.readiness.interval = Seconds(interval);
            plan.evidence = EvidenceRules {
                settle: Seconds(settle),
                metric_delay: Seconds(delay),
                patience: Seconds(patience),
                blind: Seconds(blind),
                frozen: Seconds(frozen),
            };
            plan.clean_up.attempts = times(cleans);
            plan.clean_up.after = Seconds(after);
            plan.zombie_bound = Seconds(zombie);
            plan
        },
    )
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    select(vec![pass(), pass(), suspect(), fail(), inconclusive(), silent(), blind()])
}

/// What the world does next.
#[derive(Clone, Debug)]
enum Move {
    /// The functions do their work after the wait, and this is what they see.
    Work { verdict: Verdict },
    /// Something arrives that is due, too early, late or never asked for, with a time that may be in the past.
    Stray { what: Stray, shift: i64 },
    /// An event that was decided before arrives again, as it was.
    Again { back: usize },
}

#[derive(Clone, Debug)]
enum Stray {
    Probed(Probe),
    Advance,
    Read(Observed),
    Judged(Verdict, i64),
    Abort,
    Performed(u64),
    CleanUp(u32, OldTraffic),
    Started,
    Ordered(Order, &'static str),
    BarLifted,
    Waited,
    Unguarded,
}

fn any_observed() -> impl Strategy<Value = Observed> {
    prop_oneof![
        select(vec![0u8, 10, 50, 100]).prop_map(|percent| Observed::Weight(weight(percent))),
        (0u8..=100).prop_map(|percent| Observed::Weight(weight(percent))),
        Just(Observed::Foreign("3 target groups".to_owned())),
    ]
}

fn any_order() -> impl Strategy<Value = Order> {
    // Some are stale; the plans have few steps.
    (0u16..3, 0..6).prop_map(|(step, which)| {
        let step = StepIndex(step);
        match which {
            0 => Order::Hold,
            1 | 2 => Order::Resume,
            3 => Order::Advance { step },
            _ => Order::Approve { step },
        }
    })
}

/// By the one who may approve in [`any_plan`], and by the one who asked for the rollout.
fn any_ordered() -> impl Strategy<Value = Stray> {
    (any_order(), select(vec!["alice", "dana"])).prop_map(|(order, by)| Stray::Ordered(order, by))
}

fn any_stray() -> impl Strategy<Value = Stray> {
    let probe = select(vec![
        Probe::Ready,
        Probe::NotReady("HTTP 503".to_owned()),
        Probe::SmokeTestFailed("cart".to_owned()),
    ]);
    let traffic = select(vec![
        OldTraffic::Quiet,
        OldTraffic::Requests(1),
        OldTraffic::Unknown("timed out".to_owned()),
        OldTraffic::Reused("by another".to_owned()),
    ]);
    prop_oneof![
        3 => probe.prop_map(Stray::Probed),
        2 => Just(Stray::Advance),
        4 => any_observed().prop_map(Stray::Read),
        4 => (any_verdict(), -200i64..200).prop_map(|(verdict, until)| Stray::Judged(verdict, until)),
        1 => Just(Stray::Abort),
        2 => (0u64..12).prop_map(Stray::Performed),
        2 => (0u32..4, traffic).prop_map(|(attempt, traffic)| Stray::CleanUp(attempt, traffic)),
        1 => Just(Stray::Started),
        6 => any_ordered(),
        2 => Just(Stray::BarLifted),
        2 => Just(Stray::Waited),
        2 => Just(Stray::Unguarded),
    ]
}

fn any_moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => any_verdict().prop_map(|verdict| Move::Work { verdict }),
        6 => Just(Move::Work { verdict: pass() }),
        2 => (any_stray(), -300i64..300).prop_map(|(what, shift)| Move::Stray { what, shift }),
        1 => any_ordered().prop_map(|what| Move::Stray { what, shift: 0 }),
        1 => (0usize..6).prop_map(|back| Move::Again { back }),
    ];
    vec(one, 0..80)
}

/// What the functions tell a rollout in this phase, when everything is in order but for the verdict.
fn work(rollout: &Rollout, verdict: &Verdict, now: Timestamp) -> Event {
    if let Some(pending) = rollout.pending.iter().find(|p| !matches!(p.effect, Effect::SetWeight(_))) {
        return Event::Performed { effects: vec![pending.id], at: now };
    }
    match &rollout.phase {
        Phase::Preparing { .. } => Event::Probed {
            probe: if matches!(verdict, Verdict::Pass(_)) {
                Probe::Ready
            } else {
                Probe::NotReady("HTTP 503".to_owned())
            },
            at: now,
        },
        Phase::Cleared { .. } if rollout.hold == Hold::None => Event::Advance { at: now },
        Phase::Cleared { .. } | Phase::Awaiting { .. } => Event::Waited { at: now },
        Phase::Baking { step, since, judged_until, .. } => {
            let window =
                closed_minutes(rollout.evidence_since(*since), now, rollout.plan.evidence.metric_delay);
            Event::Judged {
                step: *step,
                verdict: verdict.clone(),
                seen: Minutes::default(),
                history: None,
                until: window.end.max(*judged_until),
                at: now,
            }
        }
        Phase::Shifting { .. }
        | Phase::Frozen { .. }
        | Phase::Restoring { .. }
        | Phase::Settling { .. }
        | Phase::RolledBack { .. }
        | Phase::Refused { .. } => {
            Event::WeightRead { observed: Observed::Weight(rollout.desired_weight()), at: now }
        }
        Phase::Promoted { clean_up, .. } => Event::CleanUpDue {
            attempt: match clean_up {
                CleanUp::Scheduled { attempt, .. } => *attempt,
                CleanUp::Done { .. } | CleanUp::Kept { .. } => 1,
            },
            traffic: OldTraffic::Requests(1),
            at: now,
        },
    }
}

fn stray(what: &Stray, at: Timestamp) -> Event {
    match what.clone() {
        Stray::Probed(probe) => Event::Probed { probe, at },
        Stray::Advance => Event::Advance { at },
        Stray::Read(observed) => Event::WeightRead { observed, at },
        Stray::Judged(verdict, until) => {
            let until = at + jiff::SignedDuration::from_secs(until);
            Event::Judged { step: StepIndex(0), verdict, seen: Minutes::default(), history: None, until, at }
        }
        Stray::Abort => Event::Abort { cause: requested(), at },
        Stray::Performed(id) => Event::Performed { effects: vec![EffectId(id)], at },
        Stray::CleanUp(attempt, traffic) => Event::CleanUpDue { attempt, traffic, at },
        Stray::Started => Event::Started { by: "alice".to_owned(), overridden: None, at },
        Stray::Ordered(order, by) => Event::Ordered { order, by: by.to_owned(), why: "why".to_owned(), at },
        Stray::BarLifted => Event::BarLifted {
            version: "v0".parse().unwrap(),
            by: "alice".to_owned(),
            why: "why".to_owned(),
            at,
        },
        Stray::Waited => Event::Waited { at },
        Stray::Unguarded => Event::Unguarded { reason: "throttled".to_owned(), at },
    }
}

/// One decision of a history.
struct Taken {
    before: Rollout,
    event: Event,
    after: Result<Rollout, Rejected>,
}

/// A history, and when it ended.
struct History {
    taken: Vec<Taken>,
    last: Rollout,
    now: Timestamp,
}

fn play(plan: Plan, moves: &[Move]) -> History {
    let mut rollout = Rollout::start(start(plan));
    let mut now = at(1);
    let mut taken: Vec<Taken> = Vec::new();
    for a_move in moves {
        let event = match a_move {
            Move::Work { verdict } => {
                let event = work(&rollout, verdict, now);
                now = rollout.wait(now).after(now);
                event
            }
            Move::Stray { what, shift } => stray(what, now + jiff::SignedDuration::from_secs(*shift)),
            Move::Again { back } => match taken.iter().rev().nth(*back) {
                Some(taken) => taken.event.clone(),
                None => continue,
            },
        };
        let after = decide(&rollout, &event);
        let next = after.clone().unwrap_or_else(|_| rollout.clone());
        taken.push(Taken { before: std::mem::replace(&mut rollout, next), event, after });
    }
    History { taken, last: rollout, now }
}

/// What stands behind the next rise of the weight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Licence {
    None,
    Evidence,
    Person,
}

fn any_history() -> impl Strategy<Value = (Plan, Vec<Move>)> {
    (any_plan(), any_moves())
}

fn accepted(history: &History) -> impl Iterator<Item = (&Rollout, &Event, &Rollout)> {
    history
        .taken
        .iter()
        .filter_map(|taken| taken.after.as_ref().ok().map(|after| (&taken.before, &taken.event, after)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_reachable_state_is_whole_and_survives_storage((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, event, after) in accepted(&history) {
            prop_assert_eq!(invariants(after), Ok(()), "{:?} {:?}", before, event);
            let stored = serde_json::to_string(after).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Rollout>(&stored).unwrap(), after);
            let stored = serde_json::to_string(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Event>(&stored).unwrap(), event);
        }
    }

    #[test]
    fn each_decision_is_one_version_and_each_abort_one_epoch((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, _, after) in accepted(&history) {
            let turned = after.phase.is_rollback() && !before.phase.is_rollback();
            prop_assert_eq!(after.version, before.version + 1);
            prop_assert_eq!(after.epoch.0 - before.epoch.0, u64::from(turned));
            prop_assert!(!before.phase.is_rollback() || after.phase.is_rollback());
        }
    }

    #[test]
    fn an_abort_always_ends_at_weight_0((plan, moves) in any_history(), wrong in any_observed()) {
        let history = play(plan, &moves);
        let states = history.taken.iter().map(|taken| &taken.before).chain([&history.last]);
        for rollout in states.filter(|rollout| !rollout.phase.is_terminal()) {
            let abort = Event::Abort { cause: requested(), at: history.now };
            let decided = decide(rollout, &abort);
            prop_assert_eq!(decided.is_err(), rollout.phase.is_rollback(), "{:?}", rollout.phase);
            let aborted = decided.unwrap_or_else(|_| rollout.clone());
            prop_assert_eq!(aborted.desired_weight(), Weight::ZERO);
            let read = |weight, seconds| Event::WeightRead {
                observed: weight,
                at: history.now + jiff::SignedDuration::from_secs(seconds),
            };
            // A wrong read-back never ends it...
            let mut now = aborted;
            for second in 1..3 {
                let event = read(wrong.clone(), second);
                now = decide(&now, &event).unwrap_or(now);
                prop_assert!(matches!(now.phase, Phase::Restoring { .. } | Phase::Settling { .. } | Phase::RolledBack { .. }), "{:?}", now.phase);
                prop_assert_eq!(now.desired_weight(), Weight::ZERO);
                prop_assert_eq!(now.target().canary_weight, Weight::ZERO);
            }
            // ...and honest ones do, after the zombie bound.
            for second in [1_000, 1_001, 2_000] {
                let event = read(Observed::Weight(Weight::ZERO), second);
                now = decide(&now, &event).unwrap_or(now);
            }
            prop_assert!(matches!(now.phase, Phase::RolledBack { .. }), "{:?}", now.phase);
            prop_assert_eq!(now.target().lease, Lease::Free);
        }
    }

    #[test]
    fn weight_0_is_verified_no_sooner_than_the_zombie_bound_after_the_abort((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, _, after) in accepted(&history) {
            if let (Phase::Settling { since, .. }, Phase::RolledBack { at, .. }) = (&before.phase, &after.phase) {
                prop_assert!(*at >= after.plan.zombie_bound.after(*since));
            }
        }
    }

    #[test]
    fn the_weight_rises_only_after_a_pass_or_an_order((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        let mut licence = Licence::None;
        for (before, event, after) in accepted(&history) {
            let clears = matches!(after.phase, Phase::Cleared { .. });
            match event {
                Event::Probed { probe: Probe::Ready, .. } => {
                    prop_assert_eq!(before.desired_weight(), Weight::ZERO);
                    licence = Licence::Evidence;
                }
                Event::Judged { verdict: Verdict::Pass(_), .. } => licence = Licence::Evidence,
                // What looked bad for as long as the policy waits, and never surely so, has passed.
                Event::Judged { verdict: Verdict::Suspect(_), .. } if clears => {
                    prop_assert!(before.suspect_minutes >= before.plan.judge.suspect_minutes);
                    licence = Licence::Evidence;
                }
                // A ramp, and a last step without a bake, need no more than that nothing speaks against it.
                Event::Judged { verdict: Verdict::Inconclusive { .. } | Verdict::NoData { .. }, .. } if clears => {
                    let Phase::Baking { step, .. } = before.phase else { panic!("{:?}", before.phase) };
                    prop_assert_ne!(before.plan.steps.needs(step), Needs::Evidence);
                    licence = Licence::Evidence;
                }
                Event::Judged { .. } => prop_assert!(!clears, "{:?}", after.phase),
                Event::Ordered { order: Order::Advance { .. } | Order::Approve { .. }, .. } => {
                    let kept = matches!(after.phase, Phase::Awaiting { approval: Approval::Given { .. }, .. });
                    prop_assert!(clears || kept && after.hold != Hold::None, "{:?}", after.phase);
                    licence = Licence::Person;
                    if let (Event::Ordered { by, .. }, Phase::Cleared { next: Next::Step(step) } | Phase::Awaiting { step, .. }) = (event, &after.phase)
                        && after.plan.steps.get(*step).is_some_and(|step| step.approval)
                    {
                        prop_assert_eq!(after.plan.approvals.permit(&after.requested_by, by), Ok(()));
                    }
                }
                // What was cleared is watched again: the evidence of before does not count any more.
                Event::Ordered { order: Order::Hold, .. } if !clears => licence = Licence::None,
                _ => {}
            }
            if after.desired_weight() > before.desired_weight() {
                prop_assert!(matches!(event, Event::Advance { .. }), "{:?}", event);
                prop_assert_ne!(licence, Licence::None, "{:?} {:?}", before, event);
                let Phase::Cleared { next: Next::Step(step) } = before.phase else { panic!("{:?}", before.phase) };
                let approval = before.plan.steps.get(step).unwrap().approval;
                prop_assert!(!approval || licence == Licence::Person, "{:?}", before);
                licence = Licence::None;
            }
            if matches!(after.phase, Phase::Promoted { .. }) && !matches!(before.phase, Phase::Promoted { .. }) {
                prop_assert_ne!(licence, Licence::None);
                prop_assert_eq!(before.desired_weight(), Weight::FULL);
            }
        }
    }

    #[test]
    fn what_is_held_takes_no_step_and_is_not_promoted((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, event, after) in accepted(&history).filter(|(before, ..)| before.hold != Hold::None) {
            prop_assert!(after.desired_weight() <= before.desired_weight(), "{:?}", event);
            let shifts = |rollout: &Rollout| matches!(rollout.phase, Phase::Shifting { .. } | Phase::Promoted { .. });
            prop_assert!(!shifts(after) || shifts(before), "{:?}", event);
            let resumed = matches!(event, Event::Ordered { order: Order::Resume, .. });
            prop_assert!(resumed || after.hold == before.hold, "only a resume ends a hold: {:?}", event);
        }
    }

    #[test]
    fn an_order_moves_no_traffic_by_itself_and_nothing_on_its_way_back((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, event, after) in accepted(&history) {
            let Event::Ordered { .. } = event else { continue };
            prop_assert_eq!(after.desired_weight(), before.desired_weight(), "{:?}", event);
            prop_assert!(!before.phase.is_terminal() && !before.phase.is_rollback());
            prop_assert_eq!((after.epoch, after.looks, &after.pending), (before.epoch, before.looks, &before.pending));
        }
    }

    #[test]
    fn no_pass_and_no_order_no_promotion((plan, moves) in any_history()) {
        let moves: Vec<Move> = moves
            .into_iter()
            .map(|a_move| match a_move {
                Move::Work { verdict: Verdict::Pass(_) | Verdict::Suspect(_) } => Move::Work { verdict: inconclusive() },
                Move::Stray { what: Stray::Judged(Verdict::Pass(_) | Verdict::Suspect(_), until), shift } => {
                    Move::Stray { what: Stray::Judged(silent(), until), shift }
                }
                Move::Stray { what: Stray::Ordered(Order::Advance { .. }, by), shift } => {
                    Move::Stray { what: Stray::Ordered(Order::Resume, by), shift }
                }
                other => other,
            })
            .collect();
        let first = plan.steps.get(StepIndex(0)).unwrap().weight;
        let mut ready = vec![Move::Stray { what: Stray::Probed(Probe::Ready), shift: 0 }];
        ready.extend(moves);
        let history = play(plan, &ready);
        for (_, _, after) in accepted(&history) {
            prop_assert!(after.desired_weight() <= first);
            prop_assert!(!matches!(after.phase, Phase::Promoted { .. }), "{:?}", after.phase);
        }
    }

    #[test]
    fn an_end_is_an_end((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (before, event, after) in accepted(&history) {
            if before.phase.is_terminal() {
                prop_assert!(matches!(event, Event::Performed { .. } | Event::CleanUpDue { .. }), "{:?}", event);
                prop_assert_eq!(before.phase.name(), after.phase.name());
                prop_assert_eq!(before.target(), after.target());
                prop_assert!(!effects(after).iter().any(|effect| matches!(effect, Effect::SetWeight(_))));
            }
        }
    }

    #[test]
    fn an_event_told_twice_has_no_new_effect((plan, moves) in any_history()) {
        let history = play(plan, &moves);
        for (_, event, once) in accepted(&history) {
            if let Ok(twice) = decide(once, event) {
                // A foreign weight 0 that led to a rollback may count as its first read-back: settling reads again.
                let back = matches!((&once.phase, &twice.phase), (Phase::Restoring { .. }, Phase::Settling { .. }));
                prop_assert!(back || twice.phase == once.phase, "{:?} {:?} {:?}", event, once.phase, twice.phase);
                let known = effects(once);
                prop_assert!(effects(&twice).iter().all(|effect| known.contains(effect)), "{:?}", event);
                prop_assert!(back || twice.pending.len() == once.pending.len(), "{:?}", event);
                prop_assert_eq!((twice.epoch, twice.looks), (once.epoch, once.looks), "{:?}", event);
                prop_assert_eq!(twice.target().canary_weight, once.target().canary_weight);
            }
        }
    }

    #[test]
    fn with_fair_delivery_every_history_finishes(
        (plan, moves) in any_history(),
        verdicts in vec(any_verdict(), 1..6),
    ) {
        let evidence = plan.evidence;
        let waits = |span: u32| usize::try_from(span / 30 + 4).unwrap();
        let a_step = waits(evidence.settle.0 + evidence.metric_delay.0 + evidence.patience.0 + evidence.blind.0);
        let bakes: usize = plan.steps.iter().map(|step| waits(step.bake.0) + a_step).sum();
        let bound = 40 + bakes + waits(evidence.frozen.0) + waits(plan.approvals.expires.0);

        let History { last, now, .. } = play(plan, &moves);
        // Stray events may have been dated a few minutes ahead.
        let (mut rollout, mut now) = (last, now + jiff::SignedDuration::from_secs(600));
        // Fair delivery includes the person who held it. Nobody approves anything.
        let resume = stray(&Stray::Ordered(Order::Resume, "alice"), now);
        rollout = decide(&rollout, &resume).unwrap_or(rollout);
        let mut verdicts = verdicts.iter().cycle();
        let mut turns = 0;
        while !(rollout.phase.is_terminal() && rollout.pending.is_empty()) {
            turns += 1;
            prop_assert!(turns <= bound, "{turns} turns, now {:?}", rollout.phase);
            let event = work(&rollout, verdicts.next().unwrap(), now);
            rollout = decide(&rollout, &event).unwrap_or(rollout);
            now = rollout.wait(now).after(now);
        }
        prop_assert!(matches!(rollout.phase, Phase::Promoted { .. } | Phase::RolledBack { .. }), "{:?}", rollout.phase);
    }
}

#[test]
fn the_histories_reach_every_phase_and_every_end() {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let (plan, moves) = any_history().new_tree(&mut runner).unwrap().current();
        let history = play(plan, &moves);
        seen.extend(accepted(&history).map(|(_, _, after)| after.phase.name()));
    }
    let all = [
        "awaiting_approval",
        "baking",
        "cleared",
        "frozen",
        "preparing",
        "promoted",
        "restoring",
        "rolled_back",
        "settling",
        "shifting",
    ];
    assert!(seen.iter().copied().eq(all), "{seen:?}");
}
