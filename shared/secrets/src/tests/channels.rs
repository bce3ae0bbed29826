use std::sync::Arc;

use engine::ports::{ChannelSecrets, PortError};
use environments::SecretKey;

use super::world::*;
use crate::*;

fn secret(key: &str) -> SecretKey {
    key.to_owned().try_into().unwrap()
}

fn put(vault: &Memory, number: usize, json: &str) {
    let mut kept = vault.kept.lock().unwrap();
    kept.versions.insert(version(number), Values::from_json(json).unwrap());
    kept.stages.insert(Stage::Current, version(number));
}

fn channels(world: &World) -> ChannelSecret {
    let cache = Cache::new(world.vault.clone(), world.clock.clone(), CacheRules::default());
    ChannelSecret::new(cache, &"staging".parse().unwrap())
}

/// The credential of a key, as text.
async fn credential(channels: &ChannelSecret, key: &str) -> String {
    channels.credential(&secret(key)).await.unwrap().expose().to_owned()
}

const BOTH: &str = r#"{ "external_apis": { "pagerduty_key": "R0UT1NG", "slack_token": "xoxb-1" }, "database": { "password": "hush" } }"#;

#[tokio::test]
async fn each_channel_gets_the_secret_of_its_key_and_all_of_them_are_one_call() {
    let world = World::new();
    put(&world.vault, 2, BOTH);
    let channels = channels(&world);
    assert_eq!(credential(&channels, "external_apis.pagerduty_key").await, "R0UT1NG");
    assert_eq!(credential(&channels, "external_apis.slack_token").await, "xoxb-1");
    assert_eq!(credential(&channels, "database.password").await, "hush");
    assert_eq!(world.vault.reads(), 1);
    let shown = format!("{:?}", channels.credential(&secret("database.password")).await);
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn a_key_that_is_missing_or_empty_is_named_with_the_command_that_adds_it() {
    for json in [
        "{}",
        r#"{ "external_apis": { "slack_token": "hush" } }"#,
        r#"{ "external_apis": { "pagerduty_key": "" } }"#,
    ] {
        let world = World::new();
        put(&world.vault, 2, json);
        let error = channels(&world).credential(&secret("external_apis.pagerduty_key")).await.unwrap_err();
        assert!(matches!(error, PortError::Permanent { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("secret ace-flow/staging/secrets has no key external_apis.pagerduty_key"),
            "{text}"
        );
        assert!(text.contains("ace secrets set external_apis.pagerduty_key"), "{text}");
        assert!(!format!("{error:?}{text}").contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn a_credential_that_was_rotated_is_found_once_it_is_refused() {
    let world = World::new();
    put(&world.vault, 2, BOTH);
    let channels = channels(&world);
    let key = secret("external_apis.slack_token");
    assert_eq!(credential(&channels, "external_apis.slack_token").await, "xoxb-1");
    put(&world.vault, 3, &BOTH.replace("xoxb-1", "xoxb-2"));
    assert_eq!(
        credential(&channels, "external_apis.slack_token").await,
        "xoxb-1",
        "it is fresh for five minutes"
    );
    let newer = channels.newer(&key).await.unwrap().expect("there is a newer one");
    assert_eq!(newer.expose(), "xoxb-2");
    assert_eq!(credential(&channels, "external_apis.slack_token").await, "xoxb-2");
    assert_eq!(world.vault.reads(), 2);
    // It is refused as well: there is no newer one, which is known after one look.
    for _ in 0..5 {
        assert!(channels.newer(&key).await.unwrap().is_none());
    }
    assert_eq!(world.vault.reads(), 3, "one look in vain, and no more");
}

/// The secret is one document for all channels: another key's rotation is a newer version without a newer credential.
#[tokio::test]
async fn a_newer_version_with_the_same_credential_is_no_newer_one() {
    let world = World::new();
    put(&world.vault, 2, BOTH);
    let channels = channels(&world);
    credential(&channels, "external_apis.slack_token").await;
    put(&world.vault, 3, &BOTH.replace("R0UT1NG", "R0UT3D"));
    assert!(channels.newer(&secret("external_apis.slack_token")).await.unwrap().is_none());
    assert_eq!(
        credential(&channels, "external_apis.pagerduty_key").await,
        "R0UT3D",
        "and that one is known now"
    );
    // The key that was refused is gone.
    put(&world.vault, 4, r#"{ "external_apis": { "slack_token": "xoxb-1" } }"#);
    let gone = channels.newer(&secret("external_apis.pagerduty_key")).await.unwrap_err();
    assert!(gone.to_string().contains("has no key external_apis.pagerduty_key"), "{gone}");
}

#[tokio::test]
async fn a_hundred_messages_at_once_are_one_call() {
    let world = World::new();
    put(&world.vault, 2, BOTH);
    let channels = Arc::new(channels(&world));
    let mut messages = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let channels = Arc::clone(&channels);
        messages.spawn(async move { credential(&channels, "external_apis.slack_token").await });
    }
    assert!(messages.join_all().await.iter().all(|token| token == "xoxb-1"));
    assert_eq!(world.vault.reads(), 1);
}

#[tokio::test]
async fn an_outage_is_transient_a_denial_is_not_and_what_is_known_serves_for_an_hour() {
    let world = World::new();
    put(&world.vault, 2, BOTH);
    let channels = channels(&world);
    world.vault.fail(Some(outage()));
    let error = channels.credential(&secret("external_apis.slack_token")).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "{error}");
    world.vault.fail(Some(denied()));
    let error = channels.credential(&secret("external_apis.slack_token")).await.unwrap_err();
    assert!(matches!(error, PortError::Permanent { .. }), "{error}");
    world.vault.fail(None);
    assert_eq!(credential(&channels, "external_apis.slack_token").await, "xoxb-1");
    world.vault.fail(Some(outage()));
    world.clock.forward(50 * 60);
    assert_eq!(credential(&channels, "external_apis.slack_token").await, "xoxb-1");
    let error = channels.newer(&secret("external_apis.slack_token")).await.unwrap_err();
    assert!(matches!(error, PortError::Transient { .. }), "an old value is of no use: {error}");
}
