use rollout::Event;

use super::machine::end_promoted;
use super::world::{World, at};
use crate::history::{Record, first_break};
use crate::ledger::{Ledger, Recorded};

fn records() -> Vec<Record> {
    let world = World::new();
    end_promoted(&world);
    let rollout = world.only_rollout();
    let records = world.with(|state| state.history[&rollout.id].clone());
    assert_eq!(records.len() as u64, rollout.version);
    assert_eq!(records.last().unwrap().hash, rollout.head);
    records
}

#[test]
fn an_untouched_history_is_intact_also_after_storage() {
    let records = records();
    assert_eq!(first_break(&records), None);
    assert_eq!(first_break(&records[..4]), None);
    assert_eq!(first_break(&[]), None);
    let stored = serde_json::to_string(&records).unwrap();
    let read: Vec<Record> = serde_json::from_str(&stored).unwrap();
    assert_eq!(first_break(&read), None);
    assert!(records.iter().all(|record| record.hash.len() == 64));
}

#[test]
fn whatever_is_changed_shows_at_its_place() {
    type Change = fn(&mut Vec<Record>);
    let changes: [(Change, u64); 8] = [
        (|records| records[3].weight = 50, 4),
        (|records| records[3].phase = "promoted".to_owned(), 4),
        (|records| records[3].event = Event::Advance { at: at(9) }, 4),
        (|records| records[3].rollout = "other".parse().unwrap(), 4),
        (|records| records[3].hash = "0".repeat(64), 4),
        (|records| drop(records.remove(3)), 4),
        (|records| records.swap(3, 4), 4),
        (|records| drop(records.remove(0)), 1),
    ];
    for (index, (change, place)) in changes.into_iter().enumerate() {
        let mut records = records();
        change(&mut records);
        assert_eq!(first_break(&records), Some(place), "change {index}");
    }
}

#[test]
fn a_record_that_is_whole_but_follows_another_history_shows() {
    let world = World::new();
    super::machine::started(&world);
    let second = world.only_rollout();
    let first = rollout::Rollout { version: 1, ..second.clone() };
    let second = rollout::Rollout { version: 2, ..second };
    let (begin, next) =
        (Event::Started { by: "ann".to_owned(), overridden: None, at: at(0) }, Event::Advance { at: at(1) });
    let one = Record::new(&first, begin, "");
    let follows = Record::new(&second, next.clone(), &one.hash);
    let strays = Record::new(&second, next, &"0".repeat(64));
    assert_eq!(first_break(&[one.clone(), follows]), None);
    assert_eq!(first_break(&[one, strays]), Some(2));
}

#[test]
fn a_commit_whose_own_answer_was_lost_is_recognised() {
    let world = World::new();
    super::machine::started(&world);
    let rollout = world.only_rollout();
    let event = Event::Probed { probe: rollout::Probe::NotReady("HTTP 503".to_owned()), at: at(5) };
    let ledger = Ledger { store: &world, clock: &world };
    let record = |rollout| super::world::run(ledger.record(rollout, event.clone())).unwrap().unwrap();
    let Recorded::Applied(first) = record(rollout.clone()) else { panic!("not applied") };
    // The same decision from the same state, as a repetition below the store makes it.
    let Recorded::Applied(second) = record(rollout) else { panic!("not recognised") };
    assert_eq!(first, second);
    assert_eq!(world.only_rollout(), first);
}
