//! What every memory of what is stopped and started has to do, whatever it is made of.
//!
//! The semantics of the [`CostStore`] port are in its documentation; each function here holds a store to one sentence of
//! it. All of them use homes of their own, so that they can share a table.

use std::sync::Arc;

use cost::{Arn, Kind, Lease, Ours, OverrideId, Power, Record, Shape, Told, Trouble};
use engine::ports::{CostStore, Kept};
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;
use schedule::{Override, WrittenOverride};
use tokio::task::JoinSet;

/// The versions that are refused where the first one is stored, which stays as it is.
const REFUSED: [u64; 3] = [0, 1, 3];

/// Holds a store to the whole port. `run` as for [`store_conformance`](crate::store_conformance).
///
/// # Panics
/// When the store does not conform.
pub async fn cost_store_conformance(store: Arc<dyn CostStore>, run: &str) {
    let shed = |check: &str| Shed::new(Arc::clone(&store), &format!("{run}-cost-{check}"));
    everything_comes_back_as_it_was_stored(&shed("rt")).await;
    what_is_called_alike_is_told_apart(&shed("al")).await;
    a_resource_is_replaced_by_its_next_version_only(&shed("vr")).await;
    of_many_writers_of_one_version_one_wins(&shed("mv")).await;
    many_resources_are_all_there(&shed("pg")).await;
    an_override_is_replaced_whatever_is_stored(&shed("vo")).await;
    an_override_is_removed_once(&shed("ro")).await;
    two_homes_do_not_see_each_other(&shed("th"), &shed("th-2")).await;
}

/// A part of a store: one home.
struct Shed {
    store: Arc<dyn CostStore>,
    home: EnvironmentName,
}

fn at(milliseconds: i64) -> Timestamp {
    let start: Timestamp = "2026-08-03T18:00:00Z".parse().unwrap();
    start + SignedDuration::from_millis(milliseconds)
}

fn arn(name: &str) -> Arn {
    Arn(format!("arn:aws:rds:eu-west-1:123456789012:db:{name}"))
}

/// With everything that can be remembered.
fn record(name: &str) -> Record {
    let mut record = Record::new(arn(name), Kind::Database, name.to_owned());
    record.version = 1;
    record.shape = Some(Shape::Database { classes: vec!["db.t4g.micro".to_owned()] });
    record.instead = Some("m6g.large".to_owned());
    record.ours = Ours::Stopped { at: at(250) };
    record.lease = Some(Lease { power: Power::On, since: at(1), until: at(2) });
    let why = "Übergröße \"db\"\nis not available".to_owned();
    record.trouble =
        Some(Trouble { since: at(1), attempts: 3, next: at(9), why, capacity: true, slow: false });
    record.told = Told::Yes;
    record.endpoint = Some("orders.example".to_owned());
    "stays off until Monday".clone_into(&mut record.said);
    record.starts = vec![300, 420];
    record.off_since = Some(at(500));
    record.off.insert("2026-07".to_owned(), 3_600);
    record
}

/// Another one of this version.
fn other(name: &str, version: u64, tag: i64) -> Record {
    let mut record = record(name);
    record.version = version;
    record.ours = Ours::Start { at: at(tag) };
    record
}

fn kept(resources: &str, reason: &str, until: Timestamp) -> Kept {
    let written = WrittenOverride {
        state: schedule::State::On,
        resources: resources.to_owned(),
        from: None,
        until: Some(until),
        by: "ann".to_owned(),
        reason: reason.to_owned(),
    };
    let over = Override::read(written, at(0)).unwrap();
    (OverrideId::of(&over), over)
}

impl Shed {
    fn new(store: Arc<dyn CostStore>, home: &str) -> Self {
        Self { store, home: home.parse().unwrap() }
    }

    async fn put(&self, record: &Record) -> bool {
        self.store.put_resource(&self.home, record).await.unwrap()
    }

    /// Everything that is remembered, and nothing else.
    async fn has(&self, expected: &[&Record], when: &str) {
        let mut found = self.store.resources(&self.home).await.unwrap();
        found.sort_by(|one, other| one.arn.cmp(&other.arn));
        let mut expected = expected.to_vec();
        expected.sort_by(|one, other| one.arn.cmp(&other.arn));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{when}");
    }

    async fn keeps(&self, expected: &[&Kept], when: &str) {
        let mut found = self.store.overrides(&self.home).await.unwrap();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut expected = expected.to_vec();
        expected.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{when}");
    }
}

async fn everything_comes_back_as_it_was_stored(shed: &Shed) {
    shed.has(&[], "nothing is there").await;
    shed.keeps(&[], "nothing is there").await;
    let mut lost = record("lost");
    (lost.lost, lost.off_since) = (Some(at(1)), None);
    let new = Record { version: 1, ..Record::new(arn("new"), Kind::Cache, "new".to_owned()) };
    for record in [&record("orders"), &lost, &new] {
        assert!(shed.put(record).await);
    }
    shed.has(&[&record("orders"), &lost, &new], "as it was stored").await;
    let kept = kept("rds:*", "\"Inventur\"\nÜbergabe", at(1));
    shed.store.put_override(&shed.home, &kept).await.unwrap();
    shed.keeps(&[&kept], "as it was stored").await;
    shed.has(&[&record("orders"), &lost, &new], "an override is no resource").await;
}

async fn what_is_called_alike_is_told_apart(shed: &Shed) {
    let names = ["orders", "orders-2", "order", "Orders", "orders/x"];
    let records = names.map(record);
    for record in &records {
        assert!(shed.put(record).await, "{}", record.name);
    }
    shed.has(&records.iter().collect::<Vec<_>>(), "each for itself").await;
}

async fn a_resource_is_replaced_by_its_next_version_only(shed: &Shed) {
    let (first, next) = (record("orders"), |version| other("orders", version, 7));
    for version in [0, 2] {
        assert!(!shed.put(&next(version)).await, "{version} as the first");
        shed.has(&[], "nothing was written").await;
    }
    assert!(shed.put(&first).await);
    assert!(shed.put(&first).await, "the same again is written already");
    for version in REFUSED {
        assert!(!shed.put(&next(version)).await, "{version} after 1");
        shed.has(&[&first], "it stays as it is").await;
    }
    assert!(shed.put(&next(2)).await);
    assert!(!shed.put(&first).await, "what was stored once is not stored now");
    shed.has(&[&next(2)], "the second version").await;
}

/// Sixteen that mean different things write the same version.
async fn of_many_writers_of_one_version_one_wins(shed: &Shed) {
    for version in 1..=3 {
        let mut writers = JoinSet::new();
        for writer in 0..16 {
            let (store, home) = (Arc::clone(&shed.store), shed.home.clone());
            let record = other("orders", version, writer);
            writers.spawn(async move { store.put_resource(&home, &record).await.unwrap().then_some(record) });
        }
        let won: Vec<Record> = writers.join_all().await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "of version {version}");
        shed.has(&[&won[0]], "the one that won").await;
    }
}

/// More than a page of DynamoDB holds: 1 MiB, of each partition.
async fn many_resources_are_all_there(shed: &Shed) {
    let mut records: Vec<Record> = (0..200).map(|number| record(&format!("db-{number}"))).collect();
    for record in &mut records {
        record.said = "x".repeat(8_000);
        assert!(shed.put(record).await, "{}", record.name);
    }
    shed.has(&records.iter().collect::<Vec<_>>(), "all of them").await;
    let long = "y".repeat(100_000);
    let kept: Vec<Kept> = (0..12).map(|number| kept(&format!("rds:{number}"), &long, at(1))).collect();
    for one in &kept {
        shed.store.put_override(&shed.home, one).await.unwrap();
    }
    shed.keeps(&kept.iter().collect::<Vec<_>>(), "all of them").await;
}

async fn an_override_is_replaced_whatever_is_stored(shed: &Shed) {
    let (id, first) = kept("rds:*", "release", at(5));
    let (_, second) = kept("ec2:*", "release", at(9));
    for over in [&first, &second, &second, &first] {
        let kept = (id.clone(), over.clone());
        shed.store.put_override(&shed.home, &kept).await.unwrap();
        shed.keeps(&[&kept], "the last one").await;
    }
}

async fn an_override_is_removed_once(shed: &Shed) {
    // The first of them has ended long ago.
    let (ended, holds) = (kept("rds:*", "release", at(5)), kept("ec2:*", "sale", at(9_000_000)));
    for one in [&ended, &holds] {
        shed.store.put_override(&shed.home, one).await.unwrap();
    }
    shed.keeps(&[&ended, &holds], "what has ended, too").await;
    let none = OverrideId::from_text("0123456789ab");
    assert!(!shed.store.remove_override(&shed.home, &none).await.unwrap(), "there is none of that name");
    assert!(shed.store.remove_override(&shed.home, &holds.0).await.unwrap());
    shed.keeps(&[&ended], "the other one").await;
    assert!(!shed.store.remove_override(&shed.home, &holds.0).await.unwrap(), "it is gone already");
    shed.store.put_override(&shed.home, &holds).await.unwrap();
    shed.keeps(&[&ended, &holds], "it is wanted again").await;
}

async fn two_homes_do_not_see_each_other(one: &Shed, two: &Shed) {
    let kept = kept("rds:*", "release", at(5));
    assert!(one.put(&record("orders")).await);
    one.store.put_override(&one.home, &kept).await.unwrap();
    two.has(&[], "of another home").await;
    two.keeps(&[], "of another home").await;
    assert!(!two.store.remove_override(&two.home, &kept.0).await.unwrap(), "it is of another home");
    one.keeps(&[&kept], "nobody has removed it").await;
    assert!(two.put(&other("orders", 1, 3)).await, "the first one here");
    one.has(&[&record("orders")], "as it was").await;
}
