use aws_client::replay::Replay;
use engine::ports::PortError;
use serde_json::{Value, json};

use super::world::{name, values, version};
use crate::*;

fn manager(replay: &Replay) -> SecretsManager {
    SecretsManager::new(&replay.config().unwrap())
}

fn answered(answer: &Value) -> Replay {
    Replay::new([(200, answer.to_string())])
}

/// What was sent: the operation and the request.
fn sent(replay: &Replay) -> (String, Value) {
    let sent = replay.sent();
    assert_eq!(sent.len(), 1);
    (sent[0].target.clone().unwrap(), serde_json::from_str(&sent[0].body).unwrap())
}

async fn refusal(status: u16, code: &str) -> VaultError {
    let replay = Replay::new([(status, json!({"__type": code, "message": "said so"}).to_string())]);
    manager(&replay).get(&name(), Stage::Current).await.unwrap_err()
}

#[tokio::test]
async fn a_version_is_read_by_its_stage() {
    for (stage, label) in
        [(Stage::Current, "AWSCURRENT"), (Stage::Previous, "AWSPREVIOUS"), (Stage::Pending, "AWSPENDING")]
    {
        let replay =
            answered(&json!({"VersionId": "v-1", "SecretString": r#"{"database": {"password": "p"}}"#}));
        let read = manager(&replay).get(&name(), stage).await.unwrap();
        assert_eq!((read.id.as_str(), &*read.values), ("v-1", &values("p")));
        let (target, request) = sent(&replay);
        assert_eq!(target, "secretsmanager.GetSecretValue");
        assert_eq!(request, json!({"SecretId": "ace-flow/staging/secrets", "VersionStage": label}));
    }
}

#[tokio::test]
async fn a_new_version_is_put_with_its_stage_and_its_id() {
    for (put_as, label) in [(PutAs::Current, "AWSCURRENT"), (PutAs::Pending, "AWSPENDING")] {
        let replay = answered(&json!({"VersionId": version(2).as_str()}));
        let put = manager(&replay).put(&name(), &values("p"), put_as, Some(&version(2))).await.unwrap();
        assert_eq!(put, version(2));
        let (target, request) = sent(&replay);
        assert_eq!(target, "secretsmanager.PutSecretValue");
        assert_eq!(
            request,
            json!({
                "SecretId": "ace-flow/staging/secrets", "ClientRequestToken": version(2).as_str(),
                "SecretString": r#"{"database":{"password":"p"}}"#, "VersionStages": [label],
            })
        );
    }
}

#[tokio::test]
async fn without_an_id_every_put_has_one_of_its_own() {
    let answer = json!({"VersionId": "v-1"}).to_string();
    let replay = Replay::new([(200, answer.clone()), (200, answer)]);
    for _ in 0..2 {
        manager(&replay).put(&name(), &values("p"), PutAs::Current, None).await.unwrap();
    }
    let tokens: Vec<VersionId> = replay
        .sent()
        .iter()
        .map(|sent| {
            let request: Value = serde_json::from_str(&sent.body).unwrap();
            request["ClientRequestToken"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn the_first_version_creates_the_secret() {
    let replay = answered(&json!({"VersionId": "v-1"}));
    assert_eq!(manager(&replay).create(&name(), &values("p")).await.unwrap().as_str(), "v-1");
    let (target, request) = sent(&replay);
    assert_eq!(target, "secretsmanager.CreateSecret");
    assert_eq!(request["Name"], "ace-flow/staging/secrets");
    assert_eq!(request["SecretString"], r#"{"database":{"password":"p"}}"#);
}

#[tokio::test]
async fn labels_move_from_the_version_that_has_them() {
    let replay = answered(&json!({}));
    manager(&replay).promote(&name(), &version(2), Some(&version(1))).await.unwrap();
    let (target, request) = sent(&replay);
    assert_eq!(target, "secretsmanager.UpdateSecretVersionStage");
    assert_eq!(
        request,
        json!({
            "SecretId": "ace-flow/staging/secrets", "VersionStage": "AWSCURRENT",
            "MoveToVersionId": version(2).as_str(), "RemoveFromVersionId": version(1).as_str(),
        })
    );
    let replay = answered(&json!({}));
    manager(&replay).withdraw(&name(), &version(2)).await.unwrap();
    assert_eq!(
        sent(&replay).1,
        json!({
            "SecretId": "ace-flow/staging/secrets", "VersionStage": "AWSPENDING",
            "RemoveFromVersionId": version(2).as_str(),
        })
    );
}

/// The operations that were sent.
fn operations(replay: &Replay) -> Vec<String> {
    replay.sent().iter().map(|sent| sent.target.clone().unwrap().replace("secretsmanager.", "")).collect()
}

fn described(current: usize) -> String {
    json!({"VersionIdsToStages": {version(current).as_str(): ["AWSCURRENT"]}}).to_string()
}

#[tokio::test]
async fn what_was_read_is_replaced_only_while_it_is_current() {
    let put = json!({"VersionId": version(2).as_str()}).to_string();
    let replay = Replay::new([(200, put), (200, "{}".to_owned()), (200, "{}".to_owned())]);
    manager(&replay).replace(&name(), &values("p"), &version(1), &version(2)).await.unwrap();
    assert_eq!(
        operations(&replay),
        ["PutSecretValue", "UpdateSecretVersionStage", "UpdateSecretVersionStage"]
    );
    let bodies: Vec<Value> =
        replay.sent().iter().map(|sent| serde_json::from_str(&sent.body).unwrap()).collect();
    assert_eq!(bodies[0]["VersionStages"], json!(["ACE_FLOW_REPLACING"]), "nobody reads it yet");
    assert_eq!(bodies[0]["ClientRequestToken"], version(2).as_str());
    assert_eq!(bodies[1]["VersionStage"], "AWSCURRENT");
    assert_eq!(bodies[1]["RemoveFromVersionId"], version(1).as_str());
    assert_eq!(bodies[1]["MoveToVersionId"], version(2).as_str());
    assert_eq!(bodies[2]["VersionStage"], "ACE_FLOW_REPLACING");
    assert_eq!(bodies[2].get("MoveToVersionId"), None);
}

#[tokio::test]
async fn who_was_overtaken_is_told_so_and_who_repeats_finds_it_done() {
    let put = json!({"VersionId": version(2).as_str()}).to_string();
    let refused = json!({"__type": "InvalidParameterException", "message": "not there"}).to_string();
    for (current, expected) in [(3, Err(VaultError::Changed { name: name() })), (2, Ok(()))] {
        let replay = Replay::new([
            (200, put.clone()),
            (400, refused.clone()),
            (200, described(current)),
            (400, refused.clone()),
        ]);
        let replaced = manager(&replay).replace(&name(), &values("p"), &version(1), &version(2)).await;
        assert_eq!(replaced, expected);
        assert_eq!(replay.sent().len(), 4);
    }
    // It is refused for another reason.
    let replay = Replay::new([(200, put), (400, refused.clone()), (200, described(1)), (400, refused)]);
    let replaced = manager(&replay).replace(&name(), &values("p"), &version(1), &version(2)).await;
    assert!(matches!(replaced, Err(VaultError::Refused { .. })), "{replaced:?}");
}

#[tokio::test]
async fn a_description_tells_the_stages_and_times() {
    let replay = answered(&json!({
        "VersionIdsToStages": {"v-1": ["AWSPREVIOUS"], "v-2": ["AWSCURRENT", "AWSPENDING", "mine"], "v-0": []},
        "LastChangedDate": 1_767_323_045.5, "DeletedDate": 1_767_323_046,
    }));
    let description = manager(&replay).describe(&name()).await.unwrap();
    let at = |stage| description.stages.get(&stage).map(VersionId::as_str);
    assert_eq!(at(Stage::Current), Some("v-2"));
    assert_eq!(at(Stage::Previous), Some("v-1"));
    assert_eq!(at(Stage::Pending), Some("v-2"));
    assert_eq!(description.changed.unwrap().to_string(), "2026-01-02T03:04:05.5Z");
    assert_eq!(description.deleted.unwrap().to_string(), "2026-01-02T03:04:06Z");
    assert_eq!(description.rotated, None);
    assert_eq!(sent(&replay).0, "secretsmanager.DescribeSecret");
}

#[tokio::test]
async fn a_refusal_is_typed_and_names_the_secret_and_what_helps() {
    for (status, code, expected) in [
        (400, "ResourceNotFoundException", "does not exist"),
        (400, "AccessDeniedException", "allow the action"),
        (400, "DecryptionFailure", "kms:Decrypt"),
        (400, "InvalidRequestException", "marked for deletion"),
        (400, "ResourceExistsException", "with the same values"),
        (400, "ThrottlingException", "tried again"),
        (500, "InternalServiceError", "tried again"),
    ] {
        let error = refusal(status, code).await;
        let text = error.to_string();
        assert!(text.contains("ace-flow/staging/secrets") && text.contains(expected), "{text}");
        assert!(text.contains(&format!("{code}: said so")), "{text}");
        assert_eq!(error.is_transient(), expected == "tried again", "{text}");
        let port = PortError::from(error.clone());
        assert_eq!(matches!(port, PortError::Transient { .. }), error.is_transient());
        assert!(port.to_string().contains("ace-flow/staging/secrets"), "{port}");
    }
}

#[tokio::test]
async fn content_of_no_use_is_an_error_of_the_secret_and_not_an_outage() {
    for (answer, problem) in [
        (json!({"VersionId": "v", "SecretBinary": "AAAA"}), Problem::Binary),
        (json!({"VersionId": "v", "SecretString": "\"p\""}), Problem::NotAnObject { found: "a text" }),
    ] {
        let error = manager(&answered(&answer)).get(&name(), Stage::Current).await.unwrap_err();
        assert_eq!(error, VaultError::Unusable { name: name(), problem });
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_sent() {
    let replay = answered(&json!({}));
    let long = values(&"x".repeat(MAX_BYTES));
    let error = manager(&replay).put(&name(), &long, PutAs::Current, None).await.unwrap_err();
    assert!(matches!(error, VaultError::Unusable { problem: Problem::TooLong { .. }, .. }), "{error}");
    assert!(replay.sent().is_empty());
}
