//! The rollouts that are not at rest, the control and the API budget: what is sent, and how answers are read.

use aws_client::replay::Replay;
use engine::ports::{Budget, PortError, Store};
use jiff::{SignedDuration, Timestamp};
use rollout::{Bucket, Control, EnvironmentName, Need, Seconds, Share};
use serde_json::{Value, json};

use crate::item::{self, Item};
use crate::samples::{self, begun};
use crate::tests::{done, sent, store};

fn staging() -> EnvironmentName {
    "staging".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn found(item: &Item) -> (u16, String) {
    (200, json!({"Item": samples::item(item)}).to_string())
}

/// A conditional write that was refused, with the item in its way where DynamoDB returns it.
fn refused(old: Option<&Item>) -> (u16, String) {
    let mut body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    });
    if let Some(old) = old {
        body["Item"] = samples::item(old);
    }
    (400, body.to_string())
}

fn stopped() -> Control {
    Control::default().stopped("ann".to_owned(), "incident".to_owned(), now())
}

fn control(control: &Control) -> Item {
    item::control(&staging(), control).unwrap()
}

/// A bucket that so many rollbacks took from.
fn bucket(taken: usize) -> Bucket {
    (0..taken).fold(Bucket::full(now(), Share::ALL), |bucket, _| bucket.spent(now(), Share::ALL))
}

fn budget(bucket: &Bucket) -> Item {
    item::budget(&staging(), bucket).unwrap()
}

fn written(body: &Value) -> Bucket {
    serde_json::from_str(body["Item"]["document"]["S"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_not_at_rest_is_listed_page_by_page() {
    let (first, second) = (begun("r-1").0, begun("r-2").0);
    let page = |rollout, last: Option<&str>| {
        let mut page = json!({"Items": [samples::item(&item::rollout(rollout).unwrap())]});
        if let Some(id) = last {
            page["LastEvaluatedKey"] = json!({"pk": {"S": id}});
        }
        (200, page.to_string())
    };
    let replay = Replay::new([page(&first, Some("RO#r-1")), page(&second, None)]);
    assert_eq!(store(&replay).active(&staging()).await.unwrap(), [first, second]);
    let sent = sent(&replay);
    assert_eq!(sent.len(), 2);
    for (operation, body) in &sent {
        assert_eq!(operation, "Query");
        assert_eq!(body["IndexName"], "active");
        assert_eq!(body["KeyConditionExpression"], "gsi2pk = :partition");
        assert_eq!(body["ExpressionAttributeValues"], json!({":partition": {"S": "ACTIVE#staging"}}));
        assert_eq!(body.get("ConsistentRead"), None, "an index has no consistent read");
    }
    assert_eq!(sent[1].1["ExclusiveStartKey"], json!({"pk": {"S": "RO#r-1"}}));
}

#[tokio::test]
async fn what_promoted_rollouts_owe_is_listed_apart() {
    let replay = Replay::new([(200, json!({"Items": []}).to_string())]);
    assert_eq!(store(&replay).owing(&staging()).await.unwrap(), []);
    let sent = sent(&replay);
    assert_eq!(sent[0].1["IndexName"], "active");
    assert_eq!(sent[0].1["ExpressionAttributeValues"], json!({":partition": {"S": "OWING#staging"}}));
}

#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_hide_the_others() {
    let rollout = begun("r-1").0;
    let good = item::rollout(&rollout).unwrap();
    let mut newer = item::rollout(&begun("r-2").0).unwrap();
    newer.insert("schema".to_owned(), item::number(2));
    let page = json!({"Items": [samples::item(&newer), samples::item(&good)]}).to_string();
    let replay = Replay::new([(200, page)]);
    assert_eq!(store(&replay).active(&staging()).await.unwrap(), [rollout]);
}

#[tokio::test]
async fn a_control_comes_back_as_it_was_and_none_is_the_default() {
    let replay = Replay::new([done(), found(&control(&stopped()))]);
    let store = store(&replay);
    assert_eq!(store.control(&staging()).await.unwrap(), Control::default());
    assert_eq!(store.control(&staging()).await.unwrap(), stopped());
    for (operation, body) in sent(&replay) {
        assert_eq!(operation, "GetItem");
        assert_eq!(body["Key"], json!({"pk": {"S": "ENV#staging"}, "sk": {"S": "CONTROL"}}));
        assert_eq!(body["ConsistentRead"], true);
    }
}

#[tokio::test]
async fn a_control_is_written_under_the_version_before() {
    let replay = Replay::new([done(), done()]);
    let store = store(&replay);
    assert!(store.set_control(&staging(), &stopped()).await.unwrap());
    assert!(store.set_control(&staging(), &stopped().resumed()).await.unwrap());
    let sent = sent(&replay);
    assert_eq!(sent[0].0, "PutItem");
    assert_eq!(sent[0].1["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(sent[0].1["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(sent[1].1["ConditionExpression"], "version = :version");
    assert_eq!(sent[1].1["ExpressionAttributeValues"], json!({":version": {"N": "1"}}));
    assert_eq!(sent[1].1["Item"]["version"], json!({"N": "2"}));
}

#[tokio::test]
async fn a_control_that_changed_meanwhile_stays_and_one_s_own_write_is_known_again() {
    let theirs = Control::default().stopped("bob".to_owned(), "me first".to_owned(), now());
    for (answers, expected) in [
        (vec![refused(Some(&control(&theirs)))], false),
        (vec![refused(Some(&control(&stopped())))], true),
        (vec![refused(None), found(&control(&theirs))], false),
        (vec![refused(None), found(&control(&stopped()))], true),
        (vec![refused(None), done()], false),
    ] {
        let replay = Replay::new(answers);
        assert_eq!(store(&replay).set_control(&staging(), &stopped()).await.unwrap(), expected);
    }
    let replay = Replay::new([done()]);
    assert!(!store(&replay).set_control(&staging(), &Control::default()).await.unwrap());
    assert!(replay.sent().is_empty(), "version 0 has none before it");
}

#[tokio::test]
async fn a_step_forward_takes_a_call_from_the_bucket() {
    let replay = Replay::new([done(), done()]);
    assert_eq!(store(&replay).forward(&staging(), Need::Step, now()).await.unwrap(), Seconds(0));
    let sent = sent(&replay);
    assert_eq!(sent[0].1["Key"], json!({"pk": {"S": "ENV#staging"}, "sk": {"S": "BUDGET"}}));
    assert_eq!(sent[0].1["ConsistentRead"], true);
    assert_eq!(sent[1].0, "PutItem");
    assert_eq!(sent[1].1["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(
        written(&sent[1].1),
        Bucket::full(now(), Share::ALL).forward(Need::Step, now(), Share::ALL).unwrap()
    );

    let replay = Replay::new([found(&budget(&bucket(2))), done()]);
    assert_eq!(store(&replay).forward(&staging(), Need::Step, now()).await.unwrap(), Seconds(0));
    let put = &self::sent(&replay)[1].1;
    assert_eq!(put["ConditionExpression"], "version = :version AND attribute_not_exists(owed)");
    assert_eq!(put["ExpressionAttributeValues"], json!({":version": {"N": "2"}}));
    assert_eq!(put["Item"]["version"], json!({"N": "3"}));
}

#[tokio::test]
async fn a_step_forward_that_has_to_wait_takes_nothing() {
    let low = bucket(12);
    let replay = Replay::new([found(&budget(&low))]);
    let wait = store(&replay).forward(&staging(), Need::Step, now()).await.unwrap();
    assert_eq!(Err(wait), low.forward(Need::Step, now(), Share::ALL));
    assert_eq!(replay.sent().len(), 1, "nothing is written");
}

#[tokio::test]
async fn a_call_taken_at_the_same_time_is_counted_as_well() {
    let (theirs, later) = (bucket(1), bucket(2));
    // The second conflict comes without its item, so that it is read.
    let replay =
        Replay::new([done(), refused(Some(&budget(&theirs))), refused(None), found(&budget(&later)), done()]);
    assert_eq!(store(&replay).forward(&staging(), Need::Step, now()).await.unwrap(), Seconds(0));
    let sent = sent(&replay);
    let operations: Vec<_> = sent.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(operations, ["GetItem", "PutItem", "PutItem", "GetItem", "PutItem"]);
    assert_eq!(written(&sent[4].1), later.forward(Need::Step, now(), Share::ALL).unwrap());
}

#[tokio::test]
async fn who_is_never_first_comes_back_in_a_second() {
    let crowd: Vec<_> =
        (1..=8).map(|version| refused(Some(&budget(&Bucket { version, ..bucket(1) })))).collect();
    let replay = Replay::new([vec![done()], crowd].concat());
    assert_eq!(store(&replay).forward(&staging(), Need::Step, now()).await.unwrap(), Seconds(1));
    assert_eq!(replay.sent().len(), 9, "one read, and so many tries");
}

#[tokio::test]
async fn a_rollback_notes_its_call_without_a_read_and_without_a_condition() {
    let replay = Replay::new([done()]);
    assert_eq!(store(&replay).spent(&staging(), now()).await.unwrap(), Seconds(0));
    let sent = sent(&replay);
    assert_eq!((sent.len(), sent[0].0.as_str()), (1, "UpdateItem"));
    let body = &sent[0].1;
    assert_eq!(body["Key"], json!({"pk": {"S": "ENV#staging"}, "sk": {"S": "BUDGET"}}));
    assert_eq!(
        body["UpdateExpression"],
        "ADD owed :one SET owed_at = :now, #schema = if_not_exists(#schema, :schema)"
    );
    let values = json!({":one": {"N": "1"}, ":now": {"S": "2026-01-02T03:04:05Z"}, ":schema": {"N": "1"}});
    assert_eq!(body["ExpressionAttributeValues"], values);
    assert_eq!(body.get("ConditionExpression"), None);
    assert_eq!(body["ReturnValues"], "ALL_NEW");
}

#[tokio::test]
async fn a_rollback_is_answered_with_its_turn() {
    for (calls, turn) in [(20, 0), (22, 0), (23, 1), (26, 2), (50, 10)] {
        let (status, body) = found(&owed(budget(&bucket(0)), calls));
        let replay = Replay::new([(status, body.replacen("\"Item\"", "\"Attributes\"", 1))]);
        assert_eq!(store(&replay).spent(&staging(), now()).await.unwrap(), Seconds(turn), "{calls}");
    }
    let (status, body) = found(&owed(budget(&Bucket::full(now(), "50".parse().unwrap())), 16));
    let replay = Replay::new([(status, body.replacen("\"Item\"", "\"Attributes\"", 1))]);
    let half = store(&replay).sharing("50".parse().unwrap());
    assert_eq!(half.spent(&staging(), now()).await.unwrap(), Seconds(4), "6 calls at 1.5 a second");
}

/// With so many calls noted by rollbacks.
fn owed(mut item: Item, calls: u64) -> Item {
    item.insert("owed".to_owned(), item::number(calls));
    item.insert("owed_at".to_owned(), item::text(now().to_string()));
    item
}

#[tokio::test]
async fn a_step_forward_waits_for_what_rollbacks_have_noted() {
    // As the first rollback of an environment leaves it: no bucket was written yet.
    let fresh: Item =
        [("pk", item::text("ENV#staging")), ("sk", item::text("BUDGET")), ("schema", item::number(1))]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
    for (stored, spent) in [(owed(fresh.clone(), 50), 50), (owed(budget(&bucket(5)), 45), 50)] {
        let replay = Replay::new([found(&stored)]);
        let wait = store(&replay).forward(&staging(), Need::Step, now()).await.unwrap();
        assert_eq!(Err(wait), bucket(spent).forward(Need::Step, now(), Share::ALL));
        assert_eq!(replay.sent().len(), 1, "nothing is written");
    }
    let later = now() + SignedDuration::from_secs(60);
    for (stored, condition, values) in [
        (owed(fresh, 2), "attribute_not_exists(version) AND owed = :owed", json!({":owed": {"N": "2"}})),
        (
            owed(budget(&bucket(1)), 1),
            "version = :version AND owed = :owed",
            json!({":owed": {"N": "1"}, ":version": {"N": "1"}}),
        ),
    ] {
        let replay = Replay::new([found(&stored), done()]);
        assert_eq!(store(&replay).forward(&staging(), Need::Step, later).await.unwrap(), Seconds(0));
        let put = &sent(&replay)[1].1;
        assert_eq!(put["ConditionExpression"], condition, "a call noted meanwhile is not overwritten");
        assert_eq!(put["ExpressionAttributeValues"], values);
        assert_eq!(put["Item"].get("owed"), None, "what was owed is in the bucket now");
        assert_eq!(written(put), bucket(2).forward(Need::Step, later, Share::ALL).unwrap());
    }
}

#[tokio::test]
async fn a_throttled_budget_is_transient_and_a_foreign_one_is_named() {
    let throttled = json!({"__type": "x#ThrottlingException", "message": "slow down"}).to_string();
    let error =
        store(&Replay::new([(400, throttled)])).forward(&staging(), Need::Step, now()).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
    let mut newer = budget(&bucket(1));
    newer.insert("schema".to_owned(), item::number(2));
    let error =
        store(&Replay::new([found(&newer)])).forward(&staging(), Need::Step, now()).await.unwrap_err();
    assert!(error.to_string().contains("item ENV#staging/BUDGET is not readable"), "{error}");
}
