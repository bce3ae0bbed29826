//! Configurations and bars: what is asked of the table, and what its answers come to.

use aws_client::replay::Replay;
use engine::ports::{PortError, Published, Store};
use rollout::{Barred, Target, Version};
use serde_json::{Value, json};

use crate::samples::{self, barred, begun, cancelled, published, untouched};
use crate::tests::{done, sent, store};
use crate::{item, key};

fn second() -> Published {
    Published { version: 2, ..published() }
}

fn page(found: &[&Published]) -> (u16, String) {
    let items: Vec<Value> = found
        .iter()
        .map(|published| samples::item(&item::configuration(&"staging".parse().unwrap(), published).unwrap()))
        .collect();
    (200, json!({ "Items": items }).to_string())
}

async fn publish(replay: &Replay, published: &Published) -> Result<bool, PortError> {
    store(replay).publish(&"staging".parse().unwrap(), published).await
}

#[tokio::test]
async fn a_configuration_is_written_where_none_is_after_one_that_is() {
    let replay = Replay::new([done(), done()]);
    assert_eq!(publish(&replay, &published()).await, Ok(true));
    assert_eq!(publish(&replay, &second()).await, Ok(true));
    let sent = sent(&replay);
    let writes = |index: usize| sent[index].1["TransactItems"].as_array().unwrap();
    assert_eq!((writes(0).len(), writes(1).len()), (1, 2));
    for (index, sk) in [(0, "CONFIG#0000000001"), (1, "CONFIG#0000000002")] {
        let put = &writes(index)[0]["Put"];
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
        assert_eq!((&put["Item"]["pk"]["S"], &put["Item"]["sk"]["S"]), (&json!("ENV#staging"), &json!(sk)));
    }
    let check = &writes(1)[1]["ConditionCheck"];
    assert_eq!(check["ConditionExpression"], "attribute_exists(pk)");
    assert_eq!(check["Key"]["sk"]["S"], "CONFIG#0000000001");
    let none = Replay::new(Vec::<(u16, String)>::new());
    assert_eq!(publish(&none, &Published { version: 0, ..published() }).await, Ok(false));
    assert_eq!(none.sent().len(), 0, "no version comes before the first");
}

#[tokio::test]
async fn a_version_that_is_taken_is_compared_with_what_was_meant() {
    let other = Published { by: "bob".to_owned(), ..second() };
    for (newest, expected) in [(&second(), true), (&other, false), (&published(), false)] {
        let failed = cancelled(&[("ConditionalCheckFailed", None), ("None", None)]);
        let replay = Replay::new([failed, page(&[newest])]);
        assert_eq!(publish(&replay, &second()).await, Ok(expected), "{newest:?}");
    }
    let contended = cancelled(&[("TransactionConflict", None), ("None", None)]);
    let error = publish(&Replay::new([contended]), &second()).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
}

#[tokio::test]
async fn the_newest_configuration_is_one_consistent_query() {
    let replay = Replay::new([page(&[&second()]), page(&[])]);
    let store = store(&replay);
    let environment = "staging".parse().unwrap();
    assert_eq!(store.configuration(&environment).await.unwrap(), Some(second()));
    assert_eq!(store.configuration(&environment).await.unwrap(), None);
    for (operation, body) in sent(&replay) {
        assert_eq!(operation, "Query");
        assert_eq!((&body["ConsistentRead"], &body["ScanIndexForward"]), (&json!(true), &json!(false)));
        assert_eq!(body["Limit"], 1);
        let values = json!({":pk": {"S": "ENV#staging"}, ":configurations": {"S": key::CONFIGURATIONS}});
        assert_eq!(body["ExpressionAttributeValues"], values);
    }
}

fn found(target: &Target) -> (u16, String) {
    (200, json!({ "Item": samples::item(&item::target(target).unwrap()) }).to_string())
}

async fn lift(replay: &Replay, version: &str) -> bool {
    let version: Version = version.parse().unwrap();
    store(replay).lift_bar(&"staging".parse().unwrap(), &"shop".parse().unwrap(), &version).await.unwrap()
}

fn lifted() -> Target {
    Target { barred: Barred::Nothing, ..barred() }
}

#[tokio::test]
async fn a_bar_is_lifted_from_the_target_that_was_read_and_no_other() {
    let replay = Replay::new([found(&barred()), done()]);
    assert!(lift(&replay, "v1").await);
    let (operation, body) = sent(&replay).pop().unwrap();
    assert_eq!(operation, "PutItem");
    assert_eq!(
        body["ConditionExpression"],
        "epoch = :epoch AND attribute_not_exists(lease_holder) AND barred = :barred"
    );
    assert_eq!(body["ExpressionAttributeValues"], json!({":epoch": {"N": "3"}, ":barred": {"S": "v1"}}));
    assert_eq!(body["Item"], samples::item(&item::target(&lifted()).unwrap()));
    assert!(body["Item"].get("barred").is_none());
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_to_be_lifted() {
    let held = begun("r-1").0.target();
    let held = Target { barred: barred().barred, ..held };
    for (target, version) in [(untouched(), "v1"), (barred(), "v2"), (held, "v1")] {
        let replay = Replay::new([found(&target)]);
        assert!(!lift(&replay, version).await, "{target:?}");
        assert_eq!(replay.sent().len(), 1);
    }
    assert!(!lift(&Replay::new([done()]), "v1").await, "no rollout was ever there");
}

#[tokio::test]
async fn who_comes_second_finds_out_whether_it_was_itself() {
    let held = begun("r-1").0.target();
    for (there, expected) in [(lifted(), true), (held, false)] {
        let refused = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": samples::item(&item::target(&there).unwrap()),
        });
        let replay = Replay::new([found(&barred()), (400, refused.to_string())]);
        assert_eq!(lift(&replay, "v1").await, expected, "{there:?}");
    }
}
