//! The memory of what is stopped and started: what is sent, and how answers are read.

use aws_client::replay::Replay;
use cost::{Arn, Kind, OverrideId, Record};
use engine::ports::{CostStore, Kept, PortError};
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;
use schedule::{Override, State, WrittenOverride};
use serde_json::{Value, json};

use crate::item::{self, Item};
use crate::key::Key;
use crate::samples;
use crate::tests::{done, sent, store};

const DAY: i64 = 24 * 3600;

fn home() -> EnvironmentName {
    "staging".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn record(name: &str, version: u64) -> Record {
    let arn = Arn(format!("arn:aws:rds:eu-west-1:123456789012:db:{name}"));
    Record { version, ..Record::new(arn, Kind::Database, name.to_owned()) }
}

fn kept() -> Kept {
    let written = WrittenOverride {
        state: State::On,
        resources: "rds:*".to_owned(),
        from: None,
        until: Some(now() + SignedDuration::from_hours(4)),
        by: "ann".to_owned(),
        reason: "release".to_owned(),
    };
    let over = Override::read(written, now()).unwrap();
    (OverrideId::of(&over), over)
}

fn stored(record: &Record) -> Item {
    item::versioned(Key::resource(&home(), &record.arn), record, record.version, None).unwrap()
}

fn page(items: &[&Item]) -> (u16, String) {
    let items: Vec<Value> = items.iter().map(|item| samples::item(item)).collect();
    (200, json!({ "Items": items }).to_string())
}

fn refused(old: &Item) -> (u16, String) {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": samples::item(old),
    });
    (400, body.to_string())
}

/// What sixteen partitions answer, the first of them with these pages.
fn partitions(first: Vec<(u16, String)>) -> Replay {
    let rest = (1..16).map(|_| page(&[]));
    Replay::new(first.into_iter().chain(rest))
}

#[tokio::test]
async fn a_resource_is_written_under_the_version_before() {
    let replay = Replay::new([done(), done()]);
    let store = store(&replay);
    assert!(store.put_resource(&home(), &record("orders", 1)).await.unwrap());
    assert!(store.put_resource(&home(), &record("orders", 2)).await.unwrap());
    let sent = sent(&replay);
    let [(first, one), (_, two)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(first, "PutItem");
    assert_eq!(one["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(one["Item"]["sk"], json!({ "S": "RESOURCE#arn:aws:rds:eu-west-1:123456789012:db:orders" }));
    assert!(one["Item"]["pk"]["S"].as_str().unwrap().starts_with("COST#staging#"));
    assert_eq!(two["ConditionExpression"], "version = :version");
    assert_eq!(two["ExpressionAttributeValues"], json!({ ":version": { "N": "1" } }));
    assert_eq!(two["Item"]["version"], json!({ "N": "2" }));
    assert_eq!(two["Item"].get("expires_at"), None, "it is there");
}

#[tokio::test]
async fn what_is_lost_is_forgotten_after_a_month_and_what_it_has_saved_after_a_year() {
    for (saved, days) in [(false, 30), (true, 400)] {
        let replay = Replay::new([done()]);
        let mut lost = record("orders", 1);
        lost.lost = Some(now());
        if saved {
            lost.off.insert("2026-01".to_owned(), 60);
        }
        assert!(store(&replay).put_resource(&home(), &lost).await.unwrap());
        let expires = (now().as_second() + days * DAY).to_string();
        assert_eq!(sent(&replay)[0].1["Item"]["expires_at"], json!({ "N": expires }));
    }
}

#[tokio::test]
async fn who_comes_second_finds_out_whether_it_was_itself() {
    let (mine, mut theirs) = (record("orders", 2), record("orders", 2));
    "busy".clone_into(&mut theirs.said);
    for (stored, expected) in [(stored(&mine), true), (stored(&theirs), false)] {
        let replay = Replay::new([refused(&stored)]);
        assert_eq!(store(&replay).put_resource(&home(), &mine).await.unwrap(), expected);
    }
    let replay = Replay::new(Vec::<(u16, String)>::new());
    assert!(!store(&replay).put_resource(&home(), &record("orders", 0)).await.unwrap());
    assert!(replay.sent().is_empty(), "version 0 has none before it");
}

#[tokio::test]
async fn resources_are_consistent_queries_of_every_partition_page_by_page() {
    let (one, two) = (record("orders", 1), record("billing", 3));
    let (_, mut first) = page(&[&stored(&one)]);
    first.insert_str(first.len() - 1, r#","LastEvaluatedKey":{"pk":{"S":"x"}}"#);
    // The sixteen are asked at once: the page after the first one comes last.
    let rest = (1..16).map(|_| page(&[])).chain([page(&[&stored(&two)])]);
    let replay = Replay::new([(200, first)].into_iter().chain(rest));
    let found = store(&replay).resources(&home()).await.unwrap();
    assert_eq!(found, [one, two]);
    let sent = sent(&replay);
    assert_eq!(sent.len(), 17);
    let mut asked = Vec::new();
    for (operation, body) in &sent {
        assert_eq!((operation.as_str(), &body["ConsistentRead"]), ("Query", &json!(true)));
        assert_eq!(body["KeyConditionExpression"], "pk = :pk AND begins_with(sk, :begins)");
        let values = &body["ExpressionAttributeValues"];
        assert_eq!(values[":begins"], json!({ "S": "RESOURCE#" }));
        asked.push(values[":pk"]["S"].as_str().unwrap().to_owned());
    }
    assert_eq!(asked.pop().as_deref(), Some("COST#staging#0"), "its second page");
    let all: Vec<String> = (0..16).map(|digit| format!("COST#staging#{digit:x}")).collect();
    assert_eq!(asked, all);
}

/// A tick that one item stops would leave everything on, and what cannot be read must not be written over.
#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_hide_the_others_and_names_itself_when_it_is_written() {
    let good = record("orders", 1);
    let mut newer = stored(&record("billing", 1));
    newer.insert("schema".to_owned(), item::number(2));
    let replay = partitions(vec![page(&[&newer, &stored(&good)])]);
    assert_eq!(store(&replay).resources(&home()).await.unwrap(), [good]);
    let replay = Replay::new([refused(&newer)]);
    let error = store(&replay).put_resource(&home(), &record("billing", 1)).await.unwrap_err();
    assert!(matches!(error, PortError::Permanent { .. }), "{error}");
    assert!(error.to_string().contains("db:billing is not readable"), "{error}");
}

#[tokio::test]
async fn overrides_are_one_consistent_query_and_expire_a_week_after_they_end() {
    let (id, over) = kept();
    let item = item::versioned(Key::kept(&home(), &id), &kept(), 0, None).unwrap();
    let mut newer = item.clone();
    newer.insert("schema".to_owned(), item::number(2));
    let replay = Replay::new([done(), page(&[&newer, &item])]);
    let store = store(&replay);
    store.put_override(&home(), &kept()).await.unwrap();
    assert_eq!(store.overrides(&home()).await.unwrap(), [kept()]);
    let sent = sent(&replay);
    let [(_, put), (query, asked)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(put.get("ConditionExpression"), None, "whatever is stored");
    assert_eq!(put["Item"]["pk"], json!({ "S": "COST#staging" }));
    assert_eq!(put["Item"]["sk"], json!({ "S": format!("OVERRIDE#{id}") }));
    let expires = (over.until().as_second() + 7 * DAY).to_string();
    assert_eq!(put["Item"]["expires_at"], json!({ "N": expires }));
    assert_eq!((query.as_str(), &asked["ConsistentRead"]), ("Query", &json!(true)));
    assert_eq!(asked["ExpressionAttributeValues"][":pk"], json!({ "S": "COST#staging" }));
}

#[tokio::test]
async fn an_override_is_removed_and_whether_there_was_one_is_told() {
    let (id, _) = kept();
    let item = item::versioned(Key::kept(&home(), &id), &kept(), 0, None).unwrap();
    let there = (200, json!({ "Attributes": samples::item(&item) }).to_string());
    let replay = Replay::new([there, done()]);
    let store = store(&replay);
    assert!(store.remove_override(&home(), &id).await.unwrap());
    assert!(!store.remove_override(&home(), &id).await.unwrap());
    let (operation, body) = sent(&replay).remove(0);
    assert_eq!((operation.as_str(), &body["ReturnValues"]), ("DeleteItem", &json!("ALL_OLD")));
    let key = json!({ "pk": { "S": "COST#staging" }, "sk": { "S": format!("OVERRIDE#{id}") } });
    assert_eq!(body["Key"], key);
}
