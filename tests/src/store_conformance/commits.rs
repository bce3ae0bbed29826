//! Who may write what, and who comes first.

use std::sync::Arc;

use engine::ports::{Begun, PortError, Store};
use jiff::SignedDuration;
use rollout::{Epoch, Event, Lease, OldTraffic, Probe, Rollout};

use super::Shelf;
use super::shelf::Kept;

pub(super) async fn a_rollout_begins_once(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let later = shelf.commit(&rollout, Event::Probed { probe: Probe::Ready, at: Shelf::start() }).await;
    let seen = shelf.seen().await;
    for expected in [None, seen.as_ref()] {
        let mut again = shelf.begun("a", expected, Shelf::start() + SignedDuration::from_secs(7));
        again.rollout.execution =
            "arn:aws:states:us-east-1:123456789012:execution:rollout:b".parse().unwrap();
        let begun = shelf.store.begin(&again.rollout, &again.record, expected).await.unwrap();
        assert_eq!(begun, Begun::Exists(Box::new(later.clone())), "as it is now");
        assert_eq!(shelf.store.rollout_of(&again.rollout.execution).await.unwrap(), None, "no second link");
    }
    assert_eq!(shelf.store.rollout(&rollout.id).await.unwrap(), Some(later));
    assert_eq!(shelf.seen().await, seen);
    assert_eq!(shelf.store.history(&rollout.id).await.unwrap().len(), 2);
}

async fn is_busy(shelf: &Shelf, kept: &Kept, expected: Option<&rollout::Target>, why: &str) {
    let target = shelf.seen().await;
    let begun = shelf.store.begin(&kept.rollout, &kept.record, expected).await.unwrap();
    assert!(matches!(begun, Begun::Busy(_)), "{why}: {begun:?}");
    assert_eq!(shelf.store.rollout(&kept.rollout.id).await.unwrap(), None, "{why}");
    assert_eq!(shelf.store.rollout_of(&kept.rollout.execution).await.unwrap(), None, "{why}");
    assert_eq!(shelf.store.history(&kept.rollout.id).await.unwrap(), [], "{why}");
    assert_eq!(shelf.seen().await, target, "{why}");
}

pub(super) async fn a_service_is_held_by_one(shelf: &Shelf) {
    let first = shelf.begin("a", Shelf::start()).await;
    let held = shelf.seen().await;
    let second = shelf.begun("b", held.as_ref(), Shelf::start());
    is_busy(shelf, &second, held.as_ref(), "it is held").await;
    let Begun::Busy(target) =
        shelf.store.begin(&second.rollout, &second.record, held.as_ref()).await.unwrap()
    else {
        panic!("not busy")
    };
    assert!(matches!(target.lease, Lease::Held { by, .. } if by == first.id), "the holder is named");
    shelf.roll_back(&first, Shelf::start()).await;
    let second = shelf.begin("b", Shelf::start()).await;
    assert!(second.epoch > first.epoch);
}

pub(super) async fn a_stale_sight_of_the_target_is_busy(shelf: &Shelf) {
    let none = shelf.begun("b", None, Shelf::start());
    let first = shelf.begin("a", Shelf::start()).await;
    is_busy(shelf, &none, None, "somebody was first").await;
    let done = shelf.roll_back(&first, Shelf::start()).await;
    is_busy(shelf, &none, None, "somebody was first and is done").await;
    let free = shelf.seen().await.unwrap();
    assert_eq!(free.epoch, done.epoch);
    let mut old = free.clone();
    old.epoch = Epoch(free.epoch.0 - 1);
    is_busy(shelf, &shelf.begun("c", Some(&old), Shelf::start()), Some(&old), "an older epoch").await;
    let mut new = free.clone();
    new.epoch = free.epoch.next();
    is_busy(shelf, &shelf.begun("d", Some(&new), Shelf::start()), Some(&new), "an epoch that never was")
        .await;
    let kept = shelf.begun("e", Some(&free), Shelf::start());
    let begun = shelf.store.begin(&kept.rollout, &kept.record, Some(&free)).await.unwrap();
    assert_eq!(begun, Begun::Created);
}

pub(super) async fn a_refusal_touches_no_target(shelf: &Shelf) {
    let kept = shelf.refused("a", None, Shelf::start());
    assert_eq!(shelf.store.begin(&kept.rollout, &kept.record, None).await.unwrap(), Begun::Created);
    assert_eq!(shelf.seen().await, None);
    let held = shelf.begin("b", Shelf::start()).await;
    let seen = shelf.seen().await;
    let refused = shelf.refused("c", seen.as_ref(), Shelf::start());
    let begun = shelf.store.begin(&refused.rollout, &refused.record, seen.as_ref()).await.unwrap();
    assert_eq!(begun, Begun::Created, "beside a rollout that holds the service");
    assert_eq!(shelf.seen().await, Some(held.target()));
    assert_eq!(shelf.store.rollout(&refused.rollout.id).await.unwrap(), Some(refused.rollout.clone()));
    let history = shelf.store.history(&refused.rollout.id).await.unwrap();
    assert_eq!(history, std::slice::from_ref(&refused.record));
    let of = shelf.store.rollout_of(&refused.rollout.execution).await.unwrap();
    assert_eq!(of, Some(refused.rollout.id.clone()));
    // Later, for a store may take the very same write for its own, tried again.
    let again = shelf.refused("c", seen.as_ref(), Shelf::start() + SignedDuration::from_secs(7));
    let begun = shelf.store.begin(&again.rollout, &again.record, seen.as_ref()).await.unwrap();
    assert!(matches!(begun, Begun::Exists(existing) if *existing == refused.rollout), "the answer is kept");
}

pub(super) async fn a_commit_moves_rollout_record_and_target_together(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let at = Shelf::start() + SignedDuration::from_mins(1);
    let after = Shelf::decided(&rollout, Shelf::abort(at));
    shelf.try_commit(&rollout, &after).await.unwrap();
    assert_eq!(shelf.store.rollout(&rollout.id).await.unwrap(), Some(after.rollout.clone()));
    let target = shelf.seen().await.unwrap();
    assert_eq!(target, after.rollout.target());
    assert_eq!(target.epoch, rollout.epoch.next(), "the fence moved with the decision");
    assert_eq!(shelf.store.history(&rollout.id).await.unwrap().last(), Some(&after.record));
}

pub(super) async fn an_old_version_conflicts(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let looked = |n: i64| Event::Probed {
        probe: Probe::NotReady(format!("look {n}")),
        at: Shelf::start() + SignedDuration::from_secs(n),
    };
    let late = Shelf::decided(&rollout, looked(2));
    shelf.commit(&rollout, looked(1)).await;
    shelf.conflicts(&rollout, &late, "the version moved").await;
}

pub(super) async fn an_old_epoch_conflicts(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let event = || Event::Probed { probe: Probe::Ready, at: Shelf::start() };
    for epoch in [Epoch(rollout.epoch.0 - 1), rollout.epoch.next()] {
        let before = Rollout { epoch, ..rollout.clone() };
        let after = Shelf::decided(&before, event());
        shelf.conflicts(&before, &after, "not the target's epoch").await;
    }
    shelf.commit(&rollout, event()).await;
}

/// The stored version fits and the epoch fits, but the service is another's, or nobody's.
pub(super) async fn a_lost_lease_conflicts(shelf: &Shelf) {
    let first = shelf.begin("a", Shelf::start()).await;
    let done = shelf.roll_back(&first, Shelf::start()).await;
    let alive = |epoch| Rollout { version: done.version, head: done.head.clone(), epoch, ..first.clone() };
    let free = alive(done.epoch);
    shelf.conflicts(&free, &Shelf::decided(&free, Shelf::abort(Shelf::start())), "nobody's").await;
    let second = shelf.begin("b", Shelf::start()).await;
    let other = alive(second.epoch);
    shelf.conflicts(&other, &Shelf::decided(&other, Shelf::abort(Shelf::start())), "another's").await;
    shelf.commit(&second, Event::Probed { probe: Probe::Ready, at: Shelf::start() }).await;
}

pub(super) async fn a_taken_record_number_conflicts(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let mut after = Shelf::decided(&rollout, Shelf::abort(Shelf::start()));
    after.record.number = 1;
    shelf.conflicts(&rollout, &after, "record 1 is there").await;
}

pub(super) async fn after_the_end_the_target_is_left_alone(shelf: &Shelf) {
    let first = shelf.begin("a", Shelf::start()).await;
    let first = shelf.promote(&first).await;
    let second = shelf.begin("b", first.updated_at).await;
    let held = shelf.seen().await;
    let event = Shelf::performed(&first, first.updated_at);
    let first = shelf.commit(&first, event).await;
    assert!(first.pending.is_empty());
    assert_eq!(shelf.seen().await, held, "it is the second's");
    assert_eq!(shelf.store.rollout(&first.id).await.unwrap(), Some(first));
    shelf.commit(&second, Event::Probed { probe: Probe::Ready, at: second.updated_at }).await;
}

fn quiet(rollout: &Rollout) -> Event {
    Event::CleanUpDue { attempt: 1, traffic: OldTraffic::Quiet, at: rollout.updated_at }
}

pub(super) async fn taking_down_needs_a_free_target(shelf: &Shelf) {
    let first = shelf.begin("a", Shelf::start()).await;
    let first = shelf.promote(&first).await;
    let second = shelf.begin("b", first.updated_at).await;
    let down = Shelf::decided(&first, quiet(&first));
    shelf.conflicts(&first, &down, "a later rollout holds the service").await;
    let kept = Event::CleanUpDue {
        attempt: 1,
        traffic: OldTraffic::Reused("by b".to_owned()),
        at: first.updated_at,
    };
    let left = Shelf::decided(&first, kept);
    let second = shelf.roll_back(&second, second.updated_at).await;
    shelf.conflicts(&first, &down, "a later rollout held the service").await;
    shelf.try_commit(&first, &left).await.unwrap();

    let third = shelf.begin("c", second.updated_at).await;
    let third = shelf.promote(&third).await;
    let down = Shelf::decided(&third, quiet(&third));
    let target = shelf.seen().await;
    shelf.try_commit(&third, &down).await.unwrap();
    assert_eq!(shelf.seen().await, target);
}

const MANY: usize = 8;

/// A store may answer a race with a transient error, which is tried again, as the state machine does.
async fn persistent(store: &dyn Store, kept: &Kept) -> Begun {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match store.begin(&kept.rollout, &kept.record, None).await {
            Err(PortError::Transient { .. }) if attempts < 20 => {}
            other => return other.unwrap(),
        }
    }
}

pub(super) async fn of_many_beginnings_one_wins(shelf: &Shelf) {
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let kept = shelf.begun(&n.to_string(), None, Shelf::start());
        let store = Arc::clone(&shelf.store);
        racers.spawn(async move {
            let begun = persistent(&*store, &kept).await;
            (kept.rollout.id, begun)
        });
    }
    let begun = racers.join_all().await;
    let winners: Vec<_> = begun.iter().filter(|(_, begun)| *begun == Begun::Created).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let lost = begun.iter().filter(|(_, begun)| matches!(begun, Begun::Busy(_))).count();
    assert_eq!(lost, MANY - 1);
    let target = shelf.seen().await.unwrap();
    assert!(matches!(target.lease, Lease::Held { by, .. } if by == winners[0].0));
    assert_eq!(shelf.store.recent(&shelf.environment, 100).await.unwrap().len(), 1);
}

/// The same event, delivered many times at once to executions of their own.
pub(super) async fn of_many_deliveries_one_wins(shelf: &Shelf) {
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let mut kept = shelf.begun("a", None, Shelf::start());
        let arn =
            format!("arn:aws:states:us-east-1:123456789012:execution:rollout:{}-{n}", shelf.environment);
        kept.rollout.execution = arn.parse().unwrap();
        let store = Arc::clone(&shelf.store);
        racers.spawn(async move {
            let begun = persistent(&*store, &kept).await;
            (kept.rollout, begun)
        });
    }
    let begun = racers.join_all().await;
    let winners: Vec<_> = begun.iter().filter(|(_, begun)| *begun == Begun::Created).collect();
    assert_eq!(winners.len(), 1);
    let winner = &winners[0].0;
    for (rollout, begun) in &begun {
        let of = shelf.store.rollout_of(&rollout.execution).await.unwrap();
        if rollout == winner {
            assert_eq!(of.as_ref(), Some(&winner.id));
        } else {
            assert_eq!(*begun, Begun::Exists(Box::new(winner.clone())));
            assert_eq!(of, None);
        }
    }
}

pub(super) async fn of_many_commits_one_wins(shelf: &Shelf) {
    let rollout = shelf.begin("a", Shelf::start()).await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..MANY {
        let probe = Probe::NotReady(format!("racer {n}"));
        let after = Shelf::decided(&rollout, Event::Probed { probe, at: Shelf::start() });
        let (store, before) = (Arc::clone(&shelf.store), rollout.clone());
        racers.spawn(async move {
            let won = store.commit(&before, &after.rollout, &after.record).await.is_ok();
            (after, won)
        });
    }
    let done = racers.join_all().await;
    let winners: Vec<_> = done.iter().filter(|(_, won)| *won).map(|(after, _)| after).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(shelf.store.rollout(&rollout.id).await.unwrap().as_ref(), Some(&winners[0].rollout));
    let history = shelf.store.history(&rollout.id).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1], winners[0].record);
}
