//! What holds for a whole environment: its active rollouts, its line.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::{Begun, PortError};
use rollout::{
    Barred, Cause, Control, Event, Freeze, Line, Observed, Probe, Rollout, RolloutId, Target, Weight,
};

use super::Shelf;

/// These are active, and no others. The list may lag behind by a moment.
async fn is_listed(shelf: &Shelf, expected: Vec<Rollout>, when: &str) {
    are_listed(shelf, expected, vec![], when).await;
}

/// These are active, and these owe something.
async fn are_listed(shelf: &Shelf, active: Vec<Rollout>, owing: Vec<Rollout>, when: &str) {
    let sorted = |mut rollouts: Vec<Rollout>| {
        rollouts.sort_by(|one, other| one.id.cmp(&other.id));
        rollouts
    };
    let expected = (sorted(active), sorted(owing));
    let mut found = (vec![], vec![]);
    for _ in 0..20 {
        let active = shelf.store.active(&shelf.environment).await.unwrap();
        let owing = shelf.store.owing(&shelf.environment).await.unwrap();
        found = (sorted(active), sorted(owing));
        if found == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(found, expected, "{when}");
}

pub(super) async fn what_is_not_at_rest_is_listed(shelf: &Shelf) {
    is_listed(shelf, vec![], "nothing is there").await;
    let refused = shelf.refused("refused", None, Shelf::start());
    let begun = shelf.store.begin(&refused.rollout, &refused.record, None).await.unwrap();
    assert_eq!(begun, Begun::Created);
    is_listed(shelf, vec![], "what was refused has ended").await;
    let rollout = shelf.begin("a", Shelf::start()).await;
    is_listed(shelf, vec![rollout.clone()], "it has begun").await;
    let rollout = shelf.commit(&rollout, Event::Probed { probe: Probe::Ready, at: Shelf::start() }).await;
    is_listed(shelf, vec![rollout.clone()], "as it is now").await;
    let rollout = shelf.roll_back(&rollout, Shelf::start()).await;
    is_listed(shelf, vec![rollout.clone()], "it has ended, and has something to tell").await;
    let rollout = shelf.commit(&rollout, Shelf::performed(&rollout, rollout.updated_at)).await;
    assert!(rollout.is_at_rest());
    is_listed(shelf, vec![], "it is at rest").await;

    let promoted = shelf.begin("b", Shelf::start()).await;
    let promoted = shelf.promote(&promoted).await;
    are_listed(shelf, vec![], vec![promoted.clone()], "promoted, and not told").await;
    let promoted = shelf.commit(&promoted, Shelf::performed(&promoted, promoted.updated_at)).await;
    are_listed(shelf, vec![], vec![promoted.clone()], "promoted, and waiting for its clean-up").await;
    let other = Shelf::new(Arc::clone(&shelf.store), &format!("{}-2", shelf.environment));
    are_listed(&other, vec![], vec![], "another environment's").await;
    let traffic = rollout::OldTraffic::Quiet;
    let due = Event::CleanUpDue { attempt: 1, traffic, at: promoted.updated_at };
    let cleaning = shelf.commit(&promoted, due).await;
    are_listed(shelf, vec![], vec![cleaning.clone()], "its clean-up is to be done").await;
    shelf.commit(&cleaning, Shelf::performed(&cleaning, cleaning.updated_at)).await;
    is_listed(shelf, vec![], "it is at rest again").await;
}

/// More than fit on a page that is cut short by size: the plans are large.
pub(super) async fn every_active_rollout_is_listed(shelf: &Shelf) {
    let mut active = Vec::new();
    for n in 0..30 {
        let mut kept = shelf.begun(&n.to_string(), None, Shelf::start());
        kept.rollout.plan.service = format!("service-{n}").parse().unwrap();
        kept.rollout.plan.guardrails =
            (0..200).map(|n| format!("alarm {n:0>200}").parse().unwrap()).collect();
        let record = engine::history::Record::new(&kept.rollout, kept.rollout.begun(), "");
        kept.rollout.head.clone_from(&record.hash);
        assert_eq!(shelf.store.begin(&kept.rollout, &record, None).await.unwrap(), Begun::Created);
        active.push(kept.rollout);
    }
    is_listed(shelf, active, "all of them").await;
    let other = Shelf::new(Arc::clone(&shelf.store), &format!("{}-2", shelf.environment));
    is_listed(&other, vec![], "another environment's").await;
}

fn id(name: &str) -> RolloutId {
    name.parse().unwrap()
}

pub(super) async fn a_control_is_replaced_by_its_next_version_only(shelf: &Shelf) {
    let (store, environment) = (&shelf.store, &shelf.environment);
    assert_eq!(store.control(environment).await.unwrap(), Control::default(), "before the first");
    let first = Control::default().stopped("dana".to_owned(), "prüft\n\"7\"".to_owned(), Shelf::start());
    assert!(store.set_control(environment, &first).await.unwrap());
    assert_eq!(store.control(environment).await.unwrap(), first);
    for version in [0, 1, 3] {
        let stale = Control {
            version,
            line: Line::Running,
            freeze: Freeze::None,
            rollbacks: vec![(id("a-1"), Shelf::start())],
        };
        assert!(!store.set_control(environment, &stale).await.unwrap(), "version {version} after 1");
        assert_eq!(store.control(environment).await.unwrap(), first);
    }
    let until = Some(Shelf::start());
    let second = Control {
        rollbacks: vec![(id("a-1"), Shelf::start())],
        ..Control { version: 1, ..Control::default() }.frozen(
            until,
            "dana".to_owned(),
            "müde".to_owned(),
            Shelf::start(),
        )
    };
    assert!(store.set_control(environment, &second).await.unwrap());
    assert_eq!(store.control(environment).await.unwrap(), second);
    let other = format!("{environment}-2").parse().unwrap();
    assert_eq!(store.control(&other).await.unwrap(), Control::default(), "another environment's");
    assert!(!store.set_control(&other, &second).await.unwrap(), "its first version is 1");
}

pub(super) async fn of_many_changes_of_the_control_one_wins(shelf: &Shelf) {
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let control = Control::default().stopped(format!("racer {n}"), "race".to_owned(), Shelf::start());
        let (store, environment) = (Arc::clone(&shelf.store), shelf.environment.clone());
        racers.spawn(async move {
            let mut attempts = 0;
            loop {
                attempts += 1;
                match store.set_control(&environment, &control).await {
                    // A store may answer a race with a transient error, which is tried again.
                    Err(PortError::Transient { .. }) if attempts < 20 => {}
                    other => return (control, other.unwrap()),
                }
            }
        });
    }
    let done = racers.join_all().await;
    let winners: Vec<_> = done.iter().filter(|(_, won)| *won).map(|(control, _)| control).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(shelf.store.control(&shelf.environment).await.unwrap(), *winners[0]);
}

/// A rollout that was rolled back for its version's fault.
async fn bad(shelf: &Shelf, name: &str) -> Rollout {
    let bad = shelf.begin(name, Shelf::start()).await;
    let cause = Cause::Guardrail("an alarm with spaces".parse().unwrap());
    let mut now = shelf.commit(&bad, Event::Abort { cause, at: Shelf::start() }).await;
    for minutes in [0, 5] {
        let at = Shelf::start() + jiff::SignedDuration::from_mins(minutes);
        now = shelf.commit(&now, Event::WeightRead { observed: Observed::Weight(Weight::ZERO), at }).await;
    }
    now
}

async fn lift(shelf: &Shelf, version: &str) -> bool {
    let service = "checkout".parse().unwrap();
    shelf.store.lift_bar(&shelf.environment, &service, &version.parse().unwrap()).await.unwrap()
}

pub(super) async fn a_bar_is_lifted_from_a_free_service(shelf: &Shelf) {
    assert!(!lift(shelf, "v2").await, "no rollout was ever there");
    let now = bad(shelf, "a").await;
    let barred = shelf.seen().await.unwrap();
    assert!(!lift(shelf, "v1").await, "another version");
    assert_eq!(shelf.seen().await.unwrap(), barred);
    let held = shelf.begin("b", now.updated_at).await;
    assert!(!lift(shelf, "v2").await, "a rollout holds the service");
    assert_eq!(shelf.seen().await.unwrap(), held.target());
    let version = "v2".parse().unwrap();
    let (by, why) = ("dana".to_owned(), "mended".to_owned());
    let lifted = shelf.commit(&held, Event::BarLifted { version, by, why, at: Shelf::start() }).await;
    assert_eq!(shelf.seen().await.unwrap().barred, Barred::Nothing);
    shelf.roll_back(&lifted, now.updated_at).await;
    assert_eq!(shelf.seen().await.unwrap().barred, Barred::Nothing, "it stays lifted");
    let again = bad(shelf, "c").await;
    let barred = shelf.seen().await.unwrap();
    assert_eq!(barred, again.target());
    assert!(lift(shelf, "v2").await);
    let free = shelf.seen().await.unwrap();
    assert_eq!(free, Target { barred: Barred::Nothing, ..barred }, "nothing else changed");
    assert!(!lift(shelf, "v2").await, "it is not barred any more");
    assert_eq!(shelf.store.rollout(&again.id).await.unwrap(), Some(again));
}

/// A rollout that begins takes over what it saw to be barred.
pub(super) async fn a_bar_that_was_lifted_meanwhile_is_not_put_back(shelf: &Shelf) {
    let now = bad(shelf, "a").await;
    let seen = shelf.seen().await;
    let kept = shelf.begun("b", seen.as_ref(), now.updated_at);
    assert!(lift(shelf, "v2").await);
    let free = shelf.seen().await.unwrap();
    let begun = shelf.store.begin(&kept.rollout, &kept.record, seen.as_ref()).await.unwrap();
    assert_eq!(begun, Begun::Busy(free.clone()));
    assert_eq!(shelf.seen().await.unwrap(), free);
    shelf.begin("b", now.updated_at).await;
    assert_eq!(shelf.seen().await.unwrap().barred, Barred::Nothing);
}

pub(super) async fn what_is_barred_is_kept_with_the_target(shelf: &Shelf) {
    let now = bad(shelf, "a").await;
    let seen = shelf.seen().await.unwrap();
    assert_eq!(seen, now.target());
    assert!(matches!(&seen.barred, Barred::Version { version, .. } if *version == now.plan.version));
    let next = shelf.begin("b", now.updated_at).await;
    assert_eq!(shelf.seen().await.unwrap().barred, seen.barred, "until another one is promoted");
    shelf.promote(&next).await;
    assert_eq!(shelf.seen().await.unwrap().barred, Barred::Nothing);
}
