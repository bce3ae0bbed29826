use aws_client::replay::Replay;
use serde_json::{Value, json};

use super::{environment, flags};
use crate::*;

fn store(replay: &Replay) -> ParameterStore {
    ParameterStore::new(&replay.config().unwrap())
}

fn stored(document: &Document, version: u64) -> (u16, String) {
    let parameter =
        json!({"Name": "n", "Type": "String", "Value": document.to_json().unwrap(), "Version": version});
    (200, json!({ "Parameter": parameter }).to_string())
}

fn refusal(code: &str) -> (u16, String) {
    (400, json!({"__type": code, "message": "said so"}).to_string())
}

fn sent(replay: &Replay) -> Vec<(String, Value)> {
    let sent = replay.sent().into_iter();
    sent.map(|sent| (sent.target.unwrap(), serde_json::from_str(&sent.body).unwrap())).collect()
}

fn put(version: u64) -> (u16, String) {
    (200, json!({"Tier": "Standard", "Version": version}).to_string())
}

#[tokio::test]
async fn a_new_parameter_is_made_with_its_tag_and_never_overwritten() {
    let replay = Replay::new([refusal("ParameterNotFound"), put(1)]);
    let published = publish(&store(&replay), &environment(), &flags(&["a"], &[])).await.unwrap();
    assert_eq!(published.document.version(), 1);
    let sent = sent(&replay);
    assert_eq!(sent[0], ("AmazonSSM.GetParameter".to_owned(), json!({"Name": "/ace-flow/staging/features"})));
    assert_eq!(sent[1].0, "AmazonSSM.PutParameter");
    assert_eq!(
        sent[1].1,
        json!({
            "Name": "/ace-flow/staging/features", "Type": "String", "Tier": "Standard",
            "Value": published.document.to_json().unwrap(),
            "Description": "The feature flags of an environment, written by ace",
            "Tags": [{"Key": "ace-flow:environment", "Value": "staging"}],
        })
    );
}

#[tokio::test]
async fn what_is_published_already_is_only_read() {
    let there = Document::new(4, flags(&["a"], &[]));
    let replay = Replay::new([stored(&there, 4)]);
    let published = publish(&store(&replay), &environment(), &flags(&["a"], &[])).await.unwrap();
    assert!(!published.written);
    assert_eq!(replay.sent().len(), 1);
}

#[tokio::test]
async fn a_write_that_came_after_another_one_is_written_once_more() {
    let (old, ours) = (Document::new(4, flags(&[], &["a"])), Document::new(5, flags(&["a"], &[])));
    let replay = Replay::new([stored(&old, 4), put(6), stored(&ours, 6), put(7)]);
    let published = publish(&store(&replay), &environment(), &flags(&["a"], &[])).await.unwrap();
    assert_eq!((published.document.version(), published.changes.get("a")), (7, Some(&Change::Changed)));
    let sent = sent(&replay);
    assert_eq!((&sent[1].1["Overwrite"], &sent[1].1["Tags"]), (&json!(true), &Value::Null));
    assert_eq!(sent[3].1["Value"], published.document.to_json().unwrap());
}

#[tokio::test]
async fn who_loses_the_making_of_a_parameter_reads_it() {
    let ours = Document::new(1, flags(&["a"], &[]));
    let replay =
        Replay::new([refusal("ParameterNotFound"), refusal("ParameterAlreadyExists"), stored(&ours, 1)]);
    let published = publish(&store(&replay), &environment(), &flags(&["a"], &[])).await.unwrap();
    assert_eq!(published.document, ours);
}

#[tokio::test]
async fn a_refusal_names_the_parameter_and_what_helps() {
    for (code, transient) in [("AccessDeniedException", false), ("ThrottlingException", true)] {
        let replay = Replay::new([refusal(code)]);
        let error = publish(&store(&replay), &environment(), &flags(&["a"], &[])).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("/ace-flow/staging/features") && text.contains(code), "{text}");
        assert_eq!(error.is_transient(), transient, "{text}");
    }
}
