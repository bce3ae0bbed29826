//! The memory of alerts: what is sent, and how answers are read.

use std::collections::BTreeMap;

use alerting::group::Sight;
use alerting::{
    Across, AlarmNews, AlarmState, AlertKey, Circuit, Group, Health, News, Policy, Signal, StatusNews,
    StoredSilence, Subject, Watch,
};
use aws_client::replay::Replay;
use aws_sdk_dynamodb::types::AttributeValue;
use contract::{Due, DueOf};
use engine::ports::{AlertStore, PortError};
use environments::Environment;
use jiff::{SignedDuration, Timestamp};
use rollout::EnvironmentName;
use serde_json::{Value, json};

use crate::item::{self, Alerting, Item};
use crate::key::{self, Key};
use crate::samples;
use crate::tests::{done, sent, store};

const RULES: &str = r#"
environment: { name: shop, region: us-east-1, stage: prod }
notifications: { chat: { kind: slack, secret: a.b } }
alerts:
  rules:
    - { name: Rings, condition: "alarm:*", severity: high, channels: [chat] }
    - { name: Slow, condition: "response_time > 2s for 2m", severity: low, channels: [chat] }
    - { name: Everywhere, condition: "status:unhealthy AND affected_environments >= 1 for 5m", severity: high, channels: [chat] }
"#;

/// A week, so long items are kept that nobody needs any more.
const WEEK: i64 = 7 * 24 * 3600;

fn home() -> EnvironmentName {
    "staging".parse().unwrap()
}

fn policy() -> Policy {
    Environment::from_yaml(RULES).unwrap().alerts(&home())
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05.25Z".parse().unwrap()
}

fn subject() -> Subject {
    Subject::service("production".parse().unwrap(), "shop".parse().unwrap())
}

fn alarm(state: AlarmState, at: Timestamp) -> Signal {
    let news = AlarmNews {
        name: "5xx".to_owned(),
        state,
        reason: "threshold crossed".to_owned(),
        namespace: None,
        metric: None,
        measures: BTreeMap::from([("response_time".to_owned(), 3_200.0)]),
        rule: None,
        link: None,
    };
    Signal { subject: subject(), at, news: News::Alarm(news) }
}

/// An alarm rings; a rule with a time is due after two minutes.
fn watch() -> Watch {
    Watch::new(subject()).hear(&alarm(AlarmState::Alarm, now()), &policy(), now()).unwrap()
}

fn across() -> Across {
    let news = StatusNews { status: Health::Unhealthy, reason: String::new(), measures: BTreeMap::new() };
    let signal = Signal { subject: subject(), at: now(), news: News::Status(news) };
    let watch = Watch::new(subject()).hear(&signal, &policy(), now()).unwrap();
    let counted = watch.counted(&policy()).remove(0);
    Across::new(counted.rule.clone()).count(&counted, &policy(), now(), now()).unwrap()
}

/// An alert fires, and its message is due after half a minute.
fn group() -> Group {
    let alert = watch().alerts(&policy(), now()).remove(0);
    let empty = Group::of(&alert, &policy());
    let mut group = empty.clone();
    group.hear(&alert, now());
    let sight = Sight { silences: &[], elsewhere: &[], rollouts: &[] };
    group.plan(&policy(), sight, now()).group.after(&empty, now()).unwrap()
}

fn closed() -> Group {
    let mut group = group();
    let alert = group.alerts().next().unwrap().clone();
    group.moved_out(&alert, now());
    (group.version, group.due) = (2, None);
    group
}

fn put(replay: &Replay) -> Value {
    let (operation, body) = sent(replay).pop().unwrap();
    assert_eq!(operation, "PutItem");
    body
}

/// An item of alerts as it is stored.
fn stored(key: Key, document: &impl serde::Serialize, due: Option<Due>, open: bool) -> Item {
    let alerting = Alerting { home: &home(), version: 1, due, open, expires: None };
    item::alerting(key, document, alerting).unwrap()
}

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

fn found(item: &Item) -> (u16, String) {
    (200, json!({ "Item": samples::item(item) }).to_string())
}

fn page(items: &[&Item]) -> (u16, String) {
    let items: Vec<Value> = items.iter().map(|item| samples::item(item)).collect();
    (200, json!({ "Items": items }).to_string())
}

#[tokio::test]
async fn reads_by_key_are_consistent_and_none_is_none() {
    let replay = Replay::new([done(), done(), done(), done()]);
    let store = store(&replay);
    assert_eq!(store.watch(&home(), &subject()).await.unwrap(), None);
    assert_eq!(store.across(&home(), &across().rule).await.unwrap(), None);
    assert_eq!(store.group(&home(), &group().id).await.unwrap(), None);
    assert_eq!(store.circuit(&home(), &"chat".parse().unwrap()).await.unwrap(), Circuit::default());
    let keys: Vec<String> = sent(&replay)
        .into_iter()
        .map(|(operation, body)| {
            assert_eq!((operation.as_str(), &body["ConsistentRead"]), ("GetItem", &json!(true)));
            format!(
                "{}/{}",
                body["Key"]["pk"]["S"].as_str().unwrap(),
                body["Key"]["sk"]["S"].as_str().unwrap()
            )
        })
        .collect();
    let of_group = format!("ALERTS#staging#GROUP#{}/STATE", group().id);
    assert_eq!(
        keys,
        [
            "ALERTS#staging#WATCH#production/shop/STATE",
            "ALERTS#staging#ACROSS#Everywhere/STATE",
            of_group.as_str(),
            "ALERTS#staging/CIRCUIT#chat",
        ]
    );
}

#[tokio::test]
async fn a_watch_is_written_under_the_version_before_with_what_is_due() {
    let replay = Replay::new([done(), done()]);
    let (store, first) = (store(&replay), watch());
    assert!(store.put_watch(&home(), &first).await.unwrap());
    let body = put(&replay);
    assert_eq!(body["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    let item = &body["Item"];
    assert_eq!(item["version"], json!({ "N": "1" }));
    assert_eq!(item["gsi2pk"], json!({ "S": "ALERTS#staging" }));
    let place = "2026-01-02T03:06:05.250000000Z#ALERTS#staging#WATCH#production/shop/STATE";
    assert_eq!(item["gsi2sk"], json!({ "S": place }));
    let due: Due = serde_json::from_str(item["due"]["S"].as_str().unwrap()).unwrap();
    let at = "2026-01-02T03:06:05.25Z".parse().unwrap();
    assert_eq!(due, Due { of: DueOf::Watch, key: "production/shop".to_owned(), at });
    assert_eq!((item.get("open"), item.get("expires_at")), (None, None), "an alarm rings: it stays");
    let document: Watch = serde_json::from_str(item["document"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(document, first);

    // It is over, and forgotten after a week.
    let later = now() + SignedDuration::from_secs(60);
    let second = first.hear(&alarm(AlarmState::Ok, later), &policy(), later).unwrap();
    assert!(second.is_quiet() && second.due.is_none());
    assert!(store.put_watch(&home(), &second).await.unwrap());
    let body = put(&replay);
    assert_eq!(body["ConditionExpression"], "version = :version");
    assert_eq!(body["ExpressionAttributeValues"], json!({ ":version": { "N": "1" } }));
    for attribute in ["gsi2pk", "gsi2sk", "due", "open"] {
        assert_eq!(body["Item"].get(attribute), None, "{attribute}: a put replaces the whole item");
    }
    assert_eq!(body["Item"]["expires_at"], json!({ "N": (later.as_second() + WEEK).to_string() }));
}

#[tokio::test]
async fn a_count_is_written_with_what_is_due_and_stays() {
    let replay = Replay::new([done()]);
    assert!(store(&replay).put_across(&home(), &across()).await.unwrap());
    let body = put(&replay);
    assert_eq!(body["ConditionExpression"], "attribute_not_exists(pk)");
    let due: Due = serde_json::from_str(body["Item"]["due"]["S"].as_str().unwrap()).unwrap();
    assert_eq!((due.of, due.key.as_str()), (DueOf::Across, "Everywhere"));
    assert_eq!(body["Item"].get("expires_at"), None);
}

#[tokio::test]
async fn a_group_is_in_the_index_while_it_is_open_and_expires_when_it_is_closed() {
    let at = key::sortable(now() + SignedDuration::from_secs(30));
    let of_group = format!("ALERTS#staging#GROUP#{}/STATE", group().id);
    let mut not_due = group();
    (not_due.version, not_due.due) = (2, None);
    for (group, place, open) in [
        (group(), Some(format!("{at}#{of_group}")), true),
        // After everything that has a time.
        (not_due, Some(format!("~#{of_group}")), true),
        (closed(), None, false),
    ] {
        let replay = Replay::new([done()]);
        assert!(store(&replay).put_group(&home(), &group).await.unwrap());
        let item = &put(&replay)["Item"];
        let partition = place.as_ref().map(|_| json!({ "S": "ALERTS#staging" }));
        assert_eq!(item.get("gsi2pk"), partition.as_ref());
        assert_eq!(item.get("gsi2sk"), place.map(|place| json!({ "S": place })).as_ref());
        assert_eq!(item.get("open"), open.then_some(&json!({ "BOOL": true })));
        let expires = json!({ "N": (now().as_second() + WEEK).to_string() });
        assert_eq!(item.get("expires_at"), (!open).then_some(&expires));
    }
}

#[tokio::test]
async fn who_comes_second_finds_out_whether_it_was_itself() {
    let key = || Key::group(&home(), &group().id);
    let mut theirs = group();
    theirs.touched = now() + SignedDuration::from_secs(1);
    let (mine, theirs) = (stored(key(), &group(), None, true), stored(key(), &theirs, None, true));
    for (answers, expected) in [
        (vec![refused(Some(&theirs))], false),
        (vec![refused(Some(&mine))], true),
        (vec![refused(None), found(&theirs)], false),
        (vec![refused(None), found(&mine)], true),
        (vec![refused(None), done()], false),
    ] {
        let replay = Replay::new(answers);
        assert_eq!(store(&replay).put_group(&home(), &group()).await.unwrap(), expected);
    }
    let replay = Replay::new(Vec::<(u16, String)>::new());
    let mut none = group();
    none.version = 0;
    assert!(!store(&replay).put_group(&home(), &none).await.unwrap());
    assert!(replay.sent().is_empty(), "version 0 has none before it");
}

#[tokio::test]
async fn what_is_due_is_listed_page_by_page_up_to_the_instant() {
    let due = |of, key: &str| Due { of, key: key.to_owned(), at: now() };
    let first =
        stored(Key::watch(&home(), &subject()), &watch(), Some(due(DueOf::Watch, "production/shop")), false);
    let second = stored(Key::group(&home(), &group().id), &group(), Some(due(DueOf::Group, "g1")), true);
    let (_, mut page_one) = page(&[&first]);
    page_one.insert_str(page_one.len() - 1, r#","LastEvaluatedKey":{"pk":{"S":"x"}}"#);
    let replay = Replay::new([(200, page_one), page(&[&second])]);
    let listed = store(&replay).due(&home(), now()).await.unwrap();
    assert_eq!(listed, [due(DueOf::Watch, "production/shop"), due(DueOf::Group, "g1")]);
    let sent = sent(&replay);
    assert_eq!(sent.len(), 2);
    for (operation, body) in &sent {
        assert_eq!((operation.as_str(), &body["IndexName"]), ("Query", &json!("active")));
        assert_eq!(body["KeyConditionExpression"], "gsi2pk = :partition AND gsi2sk < :until");
        let until = "2026-01-02T03:04:05.250000000Z$";
        let values = json!({ ":partition": { "S": "ALERTS#staging" }, ":until": { "S": until } });
        assert_eq!(body["ExpressionAttributeValues"], values);
        // What is due at this instant comes before that, and what is due an instant later, or never, after it.
        let place = |item: &Item| item["gsi2sk"].as_s().unwrap().clone();
        let later = Due { at: now() + SignedDuration::from_nanos(1), ..due(DueOf::Group, "g1") };
        let later = stored(Key::group(&home(), &group().id), &group(), Some(later), true);
        let never = stored(Key::group(&home(), &group().id), &group(), None, true);
        assert!(place(&first).as_str() < until && place(&second).as_str() < until);
        assert!(place(&later).as_str() > until && place(&never).as_str() > until);
    }
    assert_eq!(sent[1].1["ExclusiveStartKey"], json!({ "pk": { "S": "x" } }));
}

#[tokio::test]
async fn open_groups_are_those_of_the_index_that_are_open() {
    let due = Due { of: DueOf::Watch, key: "production/shop".to_owned(), at: now() };
    let watch = stored(Key::watch(&home(), &subject()), &watch(), Some(due.clone()), false);
    let closed = stored(Key::group(&home(), &closed().id), &closed(), Some(due), false);
    let open = stored(Key::group(&home(), &group().id), &group(), None, true);
    let replay = Replay::new([page(&[&watch, &closed, &open])]);
    assert_eq!(store(&replay).open_groups(&home()).await.unwrap(), [group()]);
    let body = &sent(&replay)[0].1;
    assert_eq!(body["KeyConditionExpression"], "gsi2pk = :partition");
    assert_eq!(body["ExpressionAttributeValues"], json!({ ":partition": { "S": "ALERTS#staging" } }));
}

/// A sweep that one item stops would make up for nothing any more, and one silence would silence everything.
#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_hide_the_others() {
    let due = Due { of: DueOf::Group, key: "g1".to_owned(), at: now() };
    let good = stored(Key::group(&home(), &group().id), &group(), Some(due.clone()), true);
    let mut newer = good.clone();
    newer.insert("schema".to_owned(), item::number(2));
    let mut odd = good.clone();
    odd.insert("due".to_owned(), item::text("{"));
    let replay = Replay::new([page(&[&newer, &odd, &good]), page(&[&newer, &good])]);
    let store_ = store(&replay);
    assert_eq!(store_.due(&home(), now()).await.unwrap(), [due]);
    assert_eq!(store_.open_groups(&home()).await.unwrap(), [group()]);

    let silence = silence();
    let good = stored(Key::silence(&home(), &silence.id), &silence, None, false);
    let mut newer = good.clone();
    newer.insert("schema".to_owned(), item::number(2));
    let replay = Replay::new([page(&[&newer, &good])]);
    assert_eq!(store(&replay).silences(&home()).await.unwrap(), [silence]);
}

fn silence() -> StoredSilence {
    let until = now() + SignedDuration::from_hours(1);
    let text = |text: &str| text.to_owned();
    StoredSilence {
        id: "s-1".parse().unwrap(),
        alerts: text("severity:low"),
        by: text("ann"),
        reason: text("the move"),
        from: now(),
        until,
    }
}

#[tokio::test]
async fn silences_are_one_consistent_query_and_expire_a_week_after_they_end() {
    let stored = stored(Key::silence(&home(), &silence().id), &silence(), None, false);
    let replay = Replay::new([done(), page(&[&stored])]);
    let store = store(&replay);
    store.put_silence(&home(), &silence()).await.unwrap();
    let body = put(&replay);
    assert_eq!(body.get("ConditionExpression"), None, "whatever is stored");
    assert_eq!(body["Item"]["expires_at"], json!({ "N": (silence().until.as_second() + WEEK).to_string() }));
    assert_eq!(body["Item"].get("version"), None);
    assert_eq!(store.silences(&home()).await.unwrap(), [silence()]);
    let (operation, body) = sent(&replay).pop().unwrap();
    assert_eq!((operation.as_str(), &body["ConsistentRead"]), ("Query", &json!(true)));
    assert_eq!(body["KeyConditionExpression"], "pk = :pk AND begins_with(sk, :silences)");
    let values = json!({ ":pk": { "S": "ALERTS#staging" }, ":silences": { "S": "SILENCE#" } });
    assert_eq!(body["ExpressionAttributeValues"], values);
}

#[tokio::test]
async fn a_circuit_comes_back_as_it_was_and_expires_once_it_says_nothing() {
    let open = (0..3).fold(Circuit::default(), |circuit, _| circuit.failed("503", now()));
    let channel = "chat".parse().unwrap();
    let stored = stored(Key::circuit(&home(), &channel), &open, None, false);
    let replay = Replay::new([done(), found(&stored), done()]);
    let store = store(&replay);
    store.put_circuit(&home(), &channel, &open).await.unwrap();
    let until = open.open_until().unwrap().as_second() + 24 * 3600;
    let body = put(&replay);
    assert_eq!(body["Item"]["expires_at"], json!({ "N": until.to_string() }));
    assert_eq!(body.get("ConditionExpression"), None, "whatever is stored");
    assert_eq!(store.circuit(&home(), &channel).await.unwrap(), open);
    store.put_circuit(&home(), &channel, &Circuit::default()).await.unwrap();
    assert_eq!(put(&replay)["Item"].get("expires_at"), None);
}

#[tokio::test]
async fn a_throttled_memory_is_transient_and_a_foreign_item_is_named() {
    let throttled = json!({ "__type": "x#ThrottlingException", "message": "slow down" }).to_string();
    let replay = Replay::new([(400, throttled.clone()), (400, throttled)]);
    let store_ = store(&replay);
    let error = store_.put_watch(&home(), &watch()).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
    let error = store_.due(&home(), now()).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
    let mut newer = stored(Key::watch(&home(), &subject()), &watch(), None, false);
    newer.insert("schema".to_owned(), item::number(2));
    let error = store(&Replay::new([found(&newer)])).watch(&home(), &subject()).await.unwrap_err();
    let says = "item ALERTS#staging#WATCH#production/shop/STATE is not readable";
    assert!(error.to_string().contains(says), "{error}");
}

/// The size of an item: its names and its values in UTF-8 ("DynamoDB item sizes and formats", Developer Guide).
fn size(item: &Item) -> usize {
    let of = |value: &AttributeValue| value.as_s().or_else(|_| value.as_n()).map_or(1, String::len);
    item.iter().map(|(name, value)| name.len() + of(value)).sum()
}

/// More alerts, alarms and subjects than are told apart, each with more to say than is kept, in the longest letters.
#[test]
fn the_largest_items_fit_into_dynamo_db() {
    let (words, link) =
        ("語".repeat(1_000), Some(format!("https://console.example.com/{}", "x".repeat(150))));
    let of = |number: usize| {
        let service = format!("service-with-a-long-name-{number}");
        Subject::service("production".parse().unwrap(), service.parse().unwrap())
    };
    let unhealthy = |of: &Subject| {
        let news = StatusNews { status: Health::Unhealthy, reason: words.clone(), measures: BTreeMap::new() };
        let signal = Signal { subject: of.clone(), at: now(), news: News::Status(news) };
        Watch::new(of.clone()).hear(&signal, &policy(), now()).unwrap()
    };
    let (mut watch, mut across, mut group) = (watch(), across(), group());
    for number in 0..250 {
        let mut signal = alarm(AlarmState::Alarm, now());
        if let News::Alarm(news) = &mut signal.news {
            news.name = format!("an alarm with a long name, number {number}");
            news.reason.clone_from(&words);
            news.link.clone_from(&link);
        }
        watch = watch.hear(&signal, &policy(), now()).unwrap();
    }
    for number in 0..1_010 {
        let counted = unhealthy(&of(number)).counted(&policy()).remove(0);
        across = across.count(&counted, &policy(), now(), now()).unwrap();
    }
    for number in 0..=alerting::group::MAX_MEMBERS {
        let rule = format!("a rule with a long name, number {number}").parse().unwrap();
        let key = AlertKey { rule, subject: Some(of(number)) };
        let because = words.chars().take(600).collect();
        let mut alert = group.alerts().next().unwrap().clone();
        (alert.key, alert.because, alert.link) = (key, because, link.clone());
        group.hear(&alert, now());
    }
    let items = [
        stored(Key::watch(&home(), &subject()), &watch, None, false),
        stored(Key::across(&home(), &across.rule), &across, None, false),
        stored(Key::group(&home(), &group.id), &group, None, true),
    ];
    for item in items {
        let bytes = size(&item);
        // A group has to remember as well what each of its channels was told.
        assert!((100_000..360_000).contains(&bytes), "{:?}: {bytes} bytes", item["pk"]);
    }
    assert_eq!(group.alerts().count(), alerting::group::MAX_MEMBERS);
}
