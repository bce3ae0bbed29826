//! What is stored comes back, in order.

use engine::history::first_break;
use engine::ports::Begun;
use jiff::SignedDuration;
use rollout::{Event, Probe, SmokeTest, Step, Steps, Weight};

use super::Shelf;
use crate::run::configuration;

pub(super) async fn configurations_are_published_and_replaced(shelf: &Shelf) {
    let (store, environment) = (&shelf.store, &shelf.environment);
    assert_eq!(store.configuration(environment).await.unwrap(), None);
    let first = configuration("");
    store.publish(environment, &first).await.unwrap();
    assert_eq!(store.configuration(environment).await.unwrap(), Some(first.clone()));
    let second = configuration("  guardrails: [an alarm with spaces]\n  accept_events_for: 1h\n");
    assert_ne!(first, second);
    store.publish(environment, &second).await.unwrap();
    assert_eq!(store.configuration(environment).await.unwrap(), Some(second.clone()));
    store.publish(environment, &second).await.unwrap();
    assert_eq!(store.configuration(environment).await.unwrap(), Some(second));
    let other = format!("{environment}-2").parse().unwrap();
    assert_eq!(store.configuration(&other).await.unwrap(), None, "another environment's");
}

pub(super) async fn a_rollout_comes_back_as_it_was_stored(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    assert_eq!(shelf.store.rollout(&rollout.id).await.unwrap(), Some(rollout.clone()));
    assert_eq!(shelf.seen().await, Some(rollout.target()));
    assert_eq!(shelf.store.rollout_of(&rollout.execution).await.unwrap(), Some(rollout.id.clone()));
    let rollout = shelf.promote(&rollout).await;
    assert_eq!(shelf.store.rollout(&rollout.id).await.unwrap(), Some(rollout.clone()));
    assert_eq!(shelf.seen().await, Some(rollout.target()));
    assert_eq!(shelf.store.rollout_of(&rollout.execution).await.unwrap(), Some(rollout.id));
}

/// As large as a person could want: hundreds of steps, tests and alarms, and texts that are not ASCII.
pub(super) async fn a_large_plan_comes_back_as_it_was_stored(shelf: &Shelf) {
    let mut kept = shelf.begun("a", None, Shelf::start());
    let plan = &mut kept.rollout.plan;
    let steps: Vec<Step> = (1..=100)
        .map(|weight| Step {
            weight: Weight::try_from(weight).unwrap(),
            bake: rollout::Seconds(u32::MAX),
            approval: weight % 2 == 0,
            ramp: weight % 3 == 0,
        })
        .collect();
    plan.steps = Steps::try_from(steps).unwrap();
    plan.guardrails = (0..200).map(|n| format!("alarm {n:0>200}").parse().unwrap()).collect();
    plan.readiness.smoke_tests = (0..300)
        .map(|n| SmokeTest {
            name: format!("prüft \"{n}\" \\ \u{1f680}\n"),
            method: rollout::Method::Head,
            path: format!("/{}", "p".repeat(100)),
            status: 204,
            contains: (n % 2 == 0).then(|| "\u{0}\t€".to_owned()),
        })
        .collect();
    let event = Event::Started { at: Shelf::start() };
    let record = engine::history::Record::new(&kept.rollout, event, "");
    kept.rollout.head.clone_from(&record.hash);
    assert_eq!(shelf.store.begin(&kept.rollout, &record, None).await.unwrap(), Begun::Created);
    assert_eq!(shelf.store.rollout(&kept.rollout.id).await.unwrap(), Some(kept.rollout.clone()));
    let reason = "ä".repeat(2_000);
    let looked = Event::Probed { probe: Probe::NotReady(reason), at: Shelf::start() };
    let after = shelf.commit(&kept.rollout, looked).await;
    assert_eq!(shelf.store.rollout(&after.id).await.unwrap(), Some(after.clone()));
    let history = shelf.store.history(&after.id).await.unwrap();
    assert_eq!((history.len(), first_break(&history)), (2, None));
}

pub(super) async fn what_is_not_there_is_none(shelf: &Shelf) {
    let kept = shelf.begun("never-stored", None, Shelf::start());
    assert_eq!(shelf.store.rollout(&kept.rollout.id).await.unwrap(), None);
    assert_eq!(shelf.store.rollout_of(&kept.rollout.execution).await.unwrap(), None);
    assert_eq!(shelf.store.history(&kept.rollout.id).await.unwrap(), []);
    assert_eq!(shelf.store.recent(&shelf.environment, 10).await.unwrap(), []);
    assert_eq!(shelf.seen().await, None);
    let after = Shelf::decided(&kept.rollout, Shelf::abort(Shelf::start()));
    shelf.conflicts(&kept.rollout, &after, "a rollout that was never begun").await;
}

pub(super) async fn the_newest_come_first(shelf: &Shelf) {
    let mut ids = Vec::new();
    // Over the end of a month and of a year; equal starts may come in any order and are left out.
    for (n, at) in
        ["2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"]
            .into_iter()
            .enumerate()
    {
        let at = at.parse().unwrap();
        if n == 1 {
            let seen = shelf.seen().await;
            let kept = shelf.refused("refused", seen.as_ref(), at);
            assert_eq!(
                shelf.store.begin(&kept.rollout, &kept.record, seen.as_ref()).await.unwrap(),
                Begun::Created
            );
            ids.push(kept.rollout.id);
        } else {
            let rollout = shelf.begin(&n.to_string(), at).await;
            let rollout = shelf.roll_back(&rollout, at).await;
            ids.push(rollout.id);
        }
    }
    ids.reverse();
    let recent = |limit| async move {
        let rollouts = shelf.store.recent(&shelf.environment, limit).await.unwrap();
        rollouts.into_iter().map(|rollout| rollout.id).collect::<Vec<_>>()
    };
    assert_eq!(recent(100).await, ids);
    assert_eq!(recent(4).await, ids);
    assert_eq!(recent(3).await, ids[..3]);
    assert_eq!(recent(1).await, ids[..1]);
    let newest = &shelf.store.recent(&shelf.environment, 1).await.unwrap()[0];
    assert_eq!(newest.phase.name(), "rolled_back", "as it is now, not as it began");
    let other = Shelf::new(std::sync::Arc::clone(&shelf.store), &format!("{}-2", shelf.environment));
    assert_eq!(other.store.recent(&other.environment, 10).await.unwrap(), [], "another environment's");
}

pub(super) async fn a_history_is_in_order_and_only_grows(shelf: &Shelf) {
    let mut rollout = shelf.begin("a", Shelf::start()).await;
    let mut before = shelf.store.history(&rollout.id).await.unwrap();
    // Beyond nine and ninety-nine: the order is that of numbers, not of texts.
    for minute in 1..=20 {
        let at = Shelf::start() + SignedDuration::from_mins(minute);
        let probe = Probe::NotReady(format!("look {minute}"));
        rollout = shelf.commit(&rollout, Event::Probed { probe, at }).await;
        let now = shelf.store.history(&rollout.id).await.unwrap();
        assert_eq!(now[..before.len()], before, "what was written stays");
        before = now;
    }
    let numbers: Vec<u64> = before.iter().map(|record| record.number).collect();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    assert_eq!(first_break(&before), None);
    assert_eq!(before.last().map(|record| &record.hash), Some(&rollout.head));
    let rollout = shelf.roll_back(&rollout, Shelf::start()).await;
    assert_eq!(shelf.store.history(&rollout.id).await.unwrap().len(), 24);
}
