//! What is stored comes back, in order.

use std::sync::Arc;

use engine::history::first_break;
use engine::ports::{Begun, PortError, Published};
use engine::publish::Publication;
use jiff::SignedDuration;
use rollout::{Event, Probe, SmokeTest, Step, Steps, Weight};

use super::Shelf;
use crate::run::configuration;

pub(super) async fn configurations_are_numbered_and_kept(shelf: &Shelf) {
    let (store, environment) = (&shelf.store, &shelf.environment);
    assert_eq!(store.configuration(environment).await.unwrap(), None);
    assert_eq!(store.configuration_at(environment, 1).await.unwrap(), None);
    let first = Published::first(configuration(""), "dana".to_owned(), Shelf::start()).unwrap();
    for version in [0, 2] {
        let gap = Published { version, ..first.clone() };
        assert!(!store.publish(environment, &gap).await.unwrap(), "version {version} is not the first");
        assert_eq!(store.configuration(environment).await.unwrap(), None);
    }
    assert!(store.publish(environment, &first).await.unwrap());
    assert_eq!(store.configuration(environment).await.unwrap(), Some(first.clone()));
    assert!(store.publish(environment, &first).await.unwrap(), "what is published already");
    let mut newest = first.clone();
    // More than nine: the newest is the one with the highest number, and not the last one by name.
    for minutes in 1..12 {
        let rules = format!("  guardrails: [an alarm with spaces]\n  accept_events_for: {minutes}h\n");
        let next = newest.next(configuration(&rules), "prüft \"x\"".to_owned(), Shelf::start()).unwrap();
        assert_ne!(next.digest, newest.digest);
        for version in [newest.version, next.version + 1] {
            let other = Published { version, ..next.clone() };
            assert!(!store.publish(environment, &other).await.unwrap(), "version {version}");
            assert_eq!(store.configuration(environment).await.unwrap(), Some(newest.clone()));
        }
        assert!(store.publish(environment, &next).await.unwrap());
        assert!(!store.publish(environment, &first).await.unwrap(), "an old one");
        assert_eq!(store.configuration(environment).await.unwrap(), Some(next.clone()));
        assert_eq!(store.configuration_at(environment, next.version).await.unwrap(), Some(next.clone()));
        assert_eq!(store.configuration_at(environment, 1).await.unwrap(), Some(first.clone()));
        newest = next;
    }
    assert_eq!(newest.version, 12);
    assert_eq!(store.configuration_at(environment, 13).await.unwrap(), None);
    let other = format!("{environment}-2").parse().unwrap();
    assert_eq!(store.configuration(&other).await.unwrap(), None, "another environment's");
    assert!(!store.publish(&other, &newest).await.unwrap(), "its first version is 1");
}

pub(super) async fn what_says_the_same_is_no_new_version(shelf: &Shelf) {
    let (store, environment) = (&*shelf.store, &shelf.environment);
    let publish = |rules: &'static str, by| async move {
        engine::publish::publish(store, environment, &configuration(rules), by, Shelf::start()).await.unwrap()
    };
    let first = publish("", "dana").await;
    assert!(matches!(&first, Publication::New(published) if published.version == 1), "{first:?}");
    let again = publish("", "eve").await;
    assert_eq!(again, Publication::Unchanged(first.published().clone()));
    let second = publish("  accept_events_for: 1h\n", "eve").await;
    assert!(matches!(&second, Publication::New(published) if published.version == 2), "{second:?}");
    let back = publish("", "dana").await;
    assert_eq!((back.published().version, &back.published().digest), (3, &first.published().digest));
    assert_eq!(store.configuration(environment).await.unwrap().as_ref(), Some(back.published()));
}

pub(super) async fn of_many_publishers_one_wins(shelf: &Shelf) {
    let mut racers = tokio::task::JoinSet::new();
    for racer in 1..=4 {
        let (store, environment) = (Arc::clone(&shelf.store), shelf.environment.clone());
        racers.spawn(async move {
            let configuration = configuration(&format!("  accept_events_for: {racer}h\n"));
            let first = Published::first(configuration, format!("racer {racer}"), Shelf::start()).unwrap();
            let mut attempts = 0;
            loop {
                attempts += 1;
                match store.publish(&environment, &first).await {
                    // A store may answer a race with a transient error, which is tried again.
                    Err(PortError::Transient { .. }) if attempts < 20 => {}
                    other => return (first, other.unwrap()),
                }
            }
        });
    }
    let done = racers.join_all().await;
    let winners: Vec<_> = done.iter().filter(|(_, won)| *won).map(|(first, _)| first).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let stored = shelf.store.configuration(&shelf.environment).await.unwrap();
    assert_eq!(stored.as_ref(), Some(winners[0]));
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
    let record = engine::history::Record::new(&kept.rollout, kept.rollout.begun(), "");
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
