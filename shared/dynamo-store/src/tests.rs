//! What is sent to DynamoDB, and how its answers are read. The same store against a real implementation of the API is
//! tested in the crate `e2e`.

use analysis::{Effect, Finding, Metric, Probability, Rate, Standard, Verdict};
use aws_client::replay::Replay;
use engine::history::Record;
use engine::ports::{Begun, CommitError, PortError, Published, Store};
use rollout::{Cause, CleanUp, Event, Observed, Phase, Probe, Rollout, Standing, Weight};
use serde_json::{Value, json};

use crate::samples::{after, attribute, barred, begun, cancelled, published, start, untouched};
use crate::{DynamoStore, item, samples};

const DONE: (u16, &str) = (200, "{}");

pub(crate) fn done() -> (u16, String) {
    (DONE.0, DONE.1.to_owned())
}

pub(crate) fn store(replay: &Replay) -> DynamoStore {
    DynamoStore::new(&replay.config().unwrap(), "ace")
}

/// The operation and the body of each request.
pub(crate) fn sent(replay: &Replay) -> Vec<(String, Value)> {
    replay
        .sent()
        .into_iter()
        .map(|sent| {
            let operation = sent.target.unwrap().split_once('.').unwrap().1.to_owned();
            (operation, serde_json::from_str(&sent.body).unwrap())
        })
        .collect()
}

fn aborted(rollout: &Rollout) -> (Rollout, Record) {
    let cause = Cause::Requested { by: "ada".to_owned(), reason: "no".to_owned() };
    after(rollout, Event::Abort { cause, at: "2026-01-02T03:05:00Z".parse().unwrap() })
}

/// Each decision from the start to the middle of a canary, and to a rollback.
fn states() -> Vec<Rollout> {
    let mut states = vec![begun("r-1").0];
    let at = "2026-01-02T03:06:00Z".parse().unwrap();
    for event in [Event::Probed { probe: Probe::Ready, at }, Event::Advance { at }] {
        let next = after(states.last().unwrap(), event).0;
        states.push(next);
    }
    states.push(aborted(states.last().unwrap()).0);
    states.push(Rollout::refuse(start("r-2", untouched()), "frozen until Monday".to_owned()));
    states
}

/// A rollback that has just ended with effects still to do, and the same when they are done.
fn ended() -> (Rollout, Rollout) {
    let read = |time: &str| Event::WeightRead {
        observed: Observed::Weight(Weight::ZERO),
        at: time.parse().unwrap(),
    };
    let settling = after(&aborted(&begun("r-1").0).0, read("2026-01-02T03:05:01Z")).0;
    let ended = after(&settling, read("2026-01-02T04:05:01Z")).0;
    let effects = ended.pending.iter().map(|pending| pending.id).collect();
    let at = "2026-01-02T04:05:02Z".parse().unwrap();
    let at_rest = after(&ended, Event::Performed { effects, at }).0;
    (ended, at_rest)
}

#[test]
fn every_document_comes_back_as_it_was() {
    for rollout in states() {
        assert_eq!(item::document::<Rollout>(item::rollout(&rollout).unwrap()).unwrap(), rollout);
        let target = rollout.target();
        assert_eq!(item::document::<rollout::Target>(item::target(&target).unwrap()).unwrap(), target);
    }
    let stored = item::configuration(&"staging".parse().unwrap(), &published()).unwrap();
    assert_eq!(item::document::<Published>(stored).unwrap(), published());
    let (rollout, record) = begun("r-1");
    assert_eq!(item::document::<Record>(item::record(&record).unwrap()).unwrap(), record);
    assert_eq!(
        item::rollout_id(item::execution(&rollout.execution, &rollout.id).unwrap()).unwrap(),
        rollout.id
    );
}

// DynamoDB's own numbers end at 1E-130.
#[test]
fn a_verdict_with_the_smallest_p_value_comes_back_with_its_hash() {
    let p_value = Probability::new(f64::from_bits(1)).unwrap();
    let standard = Standard::MaxErrorRate { allowed: Probability::new(0.1 + 0.2).unwrap() };
    let rate = Rate::of(99_999, 100_000);
    let effect = Some(Effect { ratio: 1.0 / 3.0, low: 0.0, high: 1e6 });
    let finding = Finding {
        metric: Metric::Errors,
        standard,
        canary: rate,
        effect,
        p_value,
        threshold: Probability::ZERO,
        sure: false,
    };
    let verdict = Verdict::Fail(finding.into());
    let at = "2026-01-02T03:06:00Z".parse().unwrap();
    let (rollout, _) = begun("r-1");
    let event = Event::Abort { cause: Cause::Verdict(verdict), at };
    let (aborted, record) = after(&rollout, event);
    let stored = item::record(&record).unwrap();
    assert!(stored.values().all(|value| value.is_s() || value.is_n()));
    let read: Record = item::document(stored).unwrap();
    assert_eq!(read, record);
    assert_eq!(
        engine::history::first_break(&[Record { number: 1, ..read.clone() }]),
        Some(1),
        "a changed record shows"
    );
    assert_eq!(Record::new(&aborted, read.event.clone(), "").hash, record.hash);
    assert_eq!(item::document::<Rollout>(item::rollout(&aborted).unwrap()).unwrap(), aborted);
}

#[test]
fn an_item_of_another_form_is_named_and_refused() {
    let mut stored = item::rollout(&begun("r-1").0).unwrap();
    stored.insert("schema".to_owned(), item::number(2));
    let error = item::document::<Rollout>(stored).unwrap_err().to_string();
    assert!(error.contains("item RO#r-1/STATE is not readable: its schema is 2 and not 1"), "{error}");
}

#[test]
fn only_rollouts_that_are_not_at_rest_are_in_the_active_index() {
    let (ended, at_rest) = ended();
    assert!(!ended.is_at_rest() && at_rest.is_at_rest(), "{:?}", ended.pending);
    let due = |clean_up| {
        let at = at_rest.updated_at;
        Rollout { phase: Phase::Promoted { at, clean_up }, ..at_rest.clone() }
    };
    let owing = due(CleanUp::Scheduled { at: at_rest.updated_at, attempt: 1 });
    let done = due(CleanUp::Done { at: at_rest.updated_at });
    for rollout in states().into_iter().chain([ended, at_rest.clone(), owing, done]) {
        let stored = item::rollout(&rollout).unwrap();
        let partition = match rollout.standing() {
            Standing::Active => Some("ACTIVE#staging"),
            Standing::Owing => Some("OWING#staging"),
            Standing::AtRest => None,
        };
        let found = stored.get("gsi2pk").map(attribute);
        assert_eq!(found, partition.map(|name| json!({"S": name})), "{:?}", rollout.phase);
        assert_eq!(stored.contains_key("gsi2sk"), partition.is_some(), "{:?}", rollout.phase);
        assert_eq!(attribute(&stored["gsi1pk"]), json!({"S": "RECENT#staging#2026-01"}));
        assert_eq!(
            attribute(&stored["gsi1sk"]),
            json!({"S": format!("2026-01-02T03:04:05.500000000Z#{}", rollout.id)})
        );
    }
}

#[tokio::test]
async fn a_rollout_begins_in_one_transaction() {
    let (rollout, record) = begun("r-1");
    let replay = Replay::new([done(), done()]);
    assert_eq!(store(&replay).begin(&rollout, &record, None).await.unwrap(), Begun::Created);

    let sent = sent(&replay);
    assert_eq!(sent[0].0, "UpdateItem");
    assert_eq!(sent[0].1["Key"], json!({"pk": {"S": "ENV#staging"}, "sk": {"S": "MONTHS"}}));
    assert_eq!(sent[0].1["ExpressionAttributeValues"], json!({":month": {"SS": ["2026-01"]}}));
    let (operation, body) = &sent[1];
    assert_eq!(operation, "TransactWriteItems");
    assert!(body["ClientRequestToken"].as_str().is_some_and(|token| token.len() <= 36));
    let writes = body["TransactItems"].as_array().unwrap();
    let keys: Vec<_> = writes
        .iter()
        .map(|write| (&write["Put"]["Item"]["pk"]["S"], &write["Put"]["Item"]["sk"]["S"]))
        .collect();
    assert_eq!(keys[0], (&json!("RO#r-1"), &json!("STATE")));
    assert_eq!(keys[1], (&json!("RO#r-1"), &json!("EVENT#0000000001")));
    assert_eq!(keys[2].1, "ROLLOUT");
    assert_eq!(keys[3], (&json!("SVC#staging#shop"), &json!("TARGET")));
    for index in [0, 1, 3] {
        assert_eq!(writes[index]["Put"]["ConditionExpression"], "attribute_not_exists(pk)");
        assert_eq!(writes[index]["Put"]["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    }
    assert_eq!(writes[3]["Put"]["Item"]["lease_holder"]["S"], "r-1");
    assert_eq!(writes[3]["Put"]["Item"]["epoch"]["N"], "1");
}

#[tokio::test]
async fn a_known_target_must_be_free_and_at_its_epoch() {
    let (rollout, record) = begun("r-1");
    let replay = Replay::new([done(), done()]);
    store(&replay).begin(&rollout, &record, Some(&untouched())).await.unwrap();
    let put = sent(&replay)[1].1["TransactItems"][3]["Put"].clone();
    let free = "epoch = :epoch AND attribute_not_exists(lease_holder)";
    assert_eq!(put["ConditionExpression"], format!("{free} AND attribute_not_exists(barred)"));
    assert_eq!(put["ExpressionAttributeValues"], json!({":epoch": {"N": "0"}}));
    let replay = Replay::new([done(), done()]);
    store(&replay).begin(&rollout, &record, Some(&barred())).await.unwrap();
    let put = sent(&replay)[1].1["TransactItems"][3]["Put"].clone();
    assert_eq!(put["ConditionExpression"], format!("{free} AND barred = :barred"));
    assert_eq!(put["ExpressionAttributeValues"], json!({":epoch": {"N": "3"}, ":barred": {"S": "v1"}}));
}

#[tokio::test]
async fn a_refused_rollout_leaves_the_target_alone() {
    let refused = Rollout::refuse(start("r-2", untouched()), "frozen".to_owned());
    let record = Record::new(&refused, refused.begun(), "");
    assert!(matches!(refused.phase, Phase::Refused { .. }));
    let replay = Replay::new([done(), done()]);
    store(&replay).begin(&refused, &record, Some(&untouched())).await.unwrap();
    assert_eq!(sent(&replay)[1].1["TransactItems"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_beginning_comes_with_the_answer() {
    let (rollout, record) = begun("r-1");
    let mut earlier = rollout.clone();
    earlier.started_at = "2026-01-01T00:00:00Z".parse().unwrap();
    let holder = begun("r-0").0.target();
    let (same, other, busy) =
        (item::rollout(&rollout).unwrap(), item::rollout(&earlier).unwrap(), item::target(&holder).unwrap());
    let failed = "ConditionalCheckFailed";
    let cases = [
        (
            cancelled(&[("None", None), ("None", None), ("None", None), (failed, Some(&busy))]),
            Begun::Busy(holder),
        ),
        (
            cancelled(&[(failed, Some(&other)), (failed, None), ("None", None), (failed, Some(&busy))]),
            Begun::Exists(Box::new(earlier)),
        ),
        (cancelled(&[(failed, Some(&same)), (failed, None), ("None", None), (failed, None)]), Begun::Created),
    ];
    for (answer, expected) in cases {
        let replay = Replay::new([done(), answer]);
        assert_eq!(store(&replay).begin(&rollout, &record, None).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_item_that_does_not_come_with_the_answer_is_read() {
    let (rollout, record) = begun("r-1");
    let holder = begun("r-0").0.target();
    let found = json!({"Item": samples::item(&item::target(&holder).unwrap())}).to_string();
    let answer =
        cancelled(&[("None", None), ("None", None), ("None", None), ("ConditionalCheckFailed", None)]);
    let replay = Replay::new([done(), answer, (200, found)]);
    assert_eq!(store(&replay).begin(&rollout, &record, None).await.unwrap(), Begun::Busy(holder));
    assert_eq!(sent(&replay)[2].1["ConsistentRead"], true);
}

#[tokio::test]
async fn contention_and_throttling_are_transient() {
    let (rollout, record) = begun("r-1");
    for code in ["TransactionConflict", "ThrottlingError"] {
        let answer = cancelled(&[("None", None), ("None", None), ("None", None), (code, None)]);
        let error = store(&Replay::new([done(), answer])).begin(&rollout, &record, None).await.unwrap_err();
        assert!(matches!(error, PortError::Transient { .. }), "{error}");
    }
    let answer = cancelled(&[("ValidationError", None), ("None", None), ("None", None), ("None", None)]);
    let error = store(&Replay::new([done(), answer])).begin(&rollout, &record, None).await.unwrap_err();
    assert!(matches!(error, PortError::Permanent { .. }), "{error}");
}

#[tokio::test]
async fn a_commit_is_fenced_by_version_number_epoch_and_holder() {
    let (before, _) = begun("r-1");
    let (next, record) = aborted(&before);
    assert!(next.epoch > before.epoch, "an abort fences older writers");
    let replay = Replay::new([done()]);
    store(&replay).commit(&before, &next, &record).await.unwrap();
    let writes = sent(&replay)[0].1["TransactItems"].clone();
    assert_eq!(writes[0]["Put"]["ConditionExpression"], "version = :version");
    assert_eq!(writes[0]["Put"]["ExpressionAttributeValues"], json!({":version": {"N": "1"}}));
    assert_eq!(writes[1]["Put"]["Item"]["sk"]["S"], "EVENT#0000000002");
    assert_eq!(writes[1]["Put"]["ConditionExpression"], "attribute_not_exists(pk)");
    assert_eq!(writes[2]["Put"]["ConditionExpression"], "epoch = :epoch AND lease_holder = :holder");
    let values = json!({":epoch": {"N": before.epoch.0.to_string()}, ":holder": {"S": "r-1"}});
    assert_eq!(writes[2]["Put"]["ExpressionAttributeValues"], values);
    assert_eq!(writes[2]["Put"]["Item"]["epoch"]["N"], next.epoch.0.to_string());
}

#[tokio::test]
async fn somebody_else_s_commit_is_a_conflict_and_one_s_own_is_none() {
    let (before, _) = begun("r-1");
    let (next, record) = aborted(&before);
    let mut theirs = next.clone();
    theirs.updated_at = "2026-01-02T03:09:00Z".parse().unwrap();
    let (own, theirs) = (item::rollout(&next).unwrap(), item::rollout(&theirs).unwrap());
    let failed = "ConditionalCheckFailed";
    for (answer, conflict) in [
        (cancelled(&[(failed, Some(&theirs)), (failed, None), (failed, None)]), true),
        (cancelled(&[("None", None), ("None", None), (failed, None)]), true),
        (cancelled(&[("TransactionConflict", None), ("None", None), ("None", None)]), true),
        (cancelled(&[(failed, Some(&own)), (failed, None), (failed, None)]), false),
    ] {
        let result = store(&Replay::new([answer])).commit(&before, &next, &record).await;
        assert_eq!(matches!(result, Err(CommitError::Conflict { .. })), conflict, "{result:?}");
        assert_eq!(result.is_ok(), !conflict, "{result:?}");
    }
}

#[tokio::test]
async fn reads_by_key_are_consistent_and_absence_is_none() {
    let replay = Replay::new([done(), done(), done(), done()]);
    let store = store(&replay);
    let (rollout, _) = begun("r-1");
    let (environment, service) = (&rollout.plan.environment, &rollout.plan.service);
    assert_eq!(store.rollout(&rollout.id).await.unwrap(), None);
    assert_eq!(store.target(environment, service).await.unwrap(), None);
    assert_eq!(store.configuration_at(environment, 1).await.unwrap(), None);
    assert_eq!(store.rollout_of(&rollout.execution).await.unwrap(), None);
    for (operation, body) in sent(&replay) {
        assert_eq!(operation, "GetItem");
        assert_eq!(body["TableName"], "ace");
        assert_eq!(body["ConsistentRead"], true);
    }
}

#[tokio::test]
async fn a_history_is_read_page_by_page() {
    let (before, first) = begun("r-1");
    let (_, second) = aborted(&before);
    let page = |record, last: Option<&str>| {
        let mut page = json!({"Items": [samples::item(&item::record(record).unwrap())]});
        if let Some(sk) = last {
            page["LastEvaluatedKey"] = json!({"pk": {"S": "RO#r-1"}, "sk": {"S": sk}});
        }
        (200, page.to_string())
    };
    let replay = Replay::new([page(&first, Some("EVENT#0000000001")), page(&second, None)]);
    assert_eq!(store(&replay).history(&before.id).await.unwrap(), [first, second]);
    let sent = sent(&replay);
    assert_eq!(sent[0].1["ConsistentRead"], true);
    assert_eq!(sent[1].1["ExclusiveStartKey"]["sk"]["S"], "EVENT#0000000001");
}

#[tokio::test]
async fn recent_rollouts_come_from_the_newest_month_on() {
    let (rollout, _) = begun("r-1");
    let months =
        json!({"Item": {"pk": {"S": "x"}, "months": {"SS": ["2025-12", "2026-02", "2026-01"]}}}).to_string();
    let page = |items: Vec<Value>| (200, json!({"Items": items}).to_string());
    let stored = samples::item(&item::rollout(&rollout).unwrap());
    let replay = Replay::new([(200, months), page(vec![]), page(vec![stored])]);
    let found = store(&replay).recent(&rollout.plan.environment, 1).await.unwrap();
    assert_eq!(found, [rollout]);
    let sent = sent(&replay);
    assert_eq!(sent[1].1["IndexName"], "recent");
    assert_eq!(sent[1].1["ScanIndexForward"], false);
    let asked: Vec<_> =
        sent[1..].iter().map(|(_, body)| &body["ExpressionAttributeValues"][":month"]["S"]).collect();
    assert_eq!(asked, ["RECENT#staging#2026-02", "RECENT#staging#2026-01"], "the third month is not needed");
}
