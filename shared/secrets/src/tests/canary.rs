//! A value that is planted everywhere is found nowhere: not in Debug, errors, logs or panics.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use aws_client::replay::Replay;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::world::{SetClock, World, denied, key, name, outage, values, version};
use crate::*;

const CANARY: &str = "yellow-Bird-7411";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Everything from TRACE on, of this thread.
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(self.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }
}

fn clean(text: &str) {
    assert!(!text.contains("Bird"), "the canary is in: {}", text.replace("Bird", "<HERE>"));
}

fn clean_error(error: &(impl Debug + Display)) {
    clean(&format!("{error:?} {error:#?} {error}"));
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a panic of text")
}

#[test]
fn debug_shows_keys_and_no_values() {
    let values = values(CANARY);
    let shown = format!("{values:?} {values:#?} {:?}", Secret::new(CANARY.to_owned()));
    clean(&shown);
    assert!(shown.contains("database.password") && shown.contains("[redacted]"), "{shown}");
}

#[test]
fn panics_show_no_values() {
    let other = Secret::new("other".to_owned());
    let secret = Secret::new(CANARY.to_owned());
    let broken = format!("{{\"a\": {{\"{CANARY} x\": \"{CANARY}\"}}}}");
    let panics: [&dyn Fn(); 4] = [
        &|| assert_eq!(secret, other),
        &|| assert_eq!(values(CANARY), Values::default()),
        &|| drop(Values::from_json(&broken).unwrap()),
        &|| drop(CANARY.replace('-', " ").parse::<Key>().unwrap()),
    ];
    for panics in panics {
        let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        clean(&message(&*payload));
    }
}

/// A parser's message quotes what it did not expect, so that each place where the text can end or break is tried.
#[test]
fn content_that_is_broken_anywhere_is_not_quoted() {
    let json =
        format!(r#"{{"database": {{"password": "{CANARY}", "url": "{CANARY}\u00e4"}}, "api": "{CANARY}"}}"#);
    let mut refused = 0;
    for at in 0..json.len() {
        let whole = [json[..at].to_owned(), json[at..].to_owned()];
        let broken = ["\\q", "}", "]", ",", "1", "\"", "\u{1}", "null"]
            .map(|piece| format!("{}{piece}{}", &json[..at], &json[at..]));
        for text in whole.iter().chain(&broken) {
            if let Err(problem) = Values::from_json(text) {
                let error = VaultError::Unusable { name: name(), problem };
                clean_error(&error);
                refused += 1;
            }
        }
    }
    assert!(refused > json.len(), "{refused} of {}", json.len());
    for value in [format!("\"{CANARY}\""), format!("{CANARY:?} {CANARY:?}"), format!("[\"{CANARY}\"]")] {
        clean_error(&Values::from_json(&value).unwrap_err());
        clean_error(&Values::from_json(&format!("{{\"a\": {value}, \"b\": [{value}]}}")).unwrap_err());
    }
}

#[tokio::test]
async fn calls_to_secrets_manager_leave_no_value_in_errors_and_logs() {
    let log = Log::default();
    let _capture = log.capture();
    tracing::trace!("captured");
    let secret = json!({"database": {"password": CANARY}}).to_string();
    let good = json!({"VersionId": "v-1", "SecretString": secret}).to_string();
    let bad_string = json!({"VersionId": "v-1", "SecretString": format!("{{{CANARY}")}).to_string();
    let quoting = |code: &str| {
        let message = format!("1 validation error: value '{CANARY}' at 'secretString' is too odd");
        json!({"__type": code, "message": message}).to_string()
    };
    let refused = ["ValidationException", "InvalidParameterException", "LimitExceededException"];
    let mut answers = vec![
        (200, good),
        (200, bad_string),
        (200, format!("{{\"VersionId\": \"v-1\", \"SecretString\": \"{CANARY}\\q\"}}")),
        (200, format!("{{\"SecretString\": {CANARY}")),
        (200, json!({"SecretString": CANARY}).to_string()),
    ];
    let reads = answers.len();
    answers.extend(refused.iter().flat_map(|code| [(400, quoting(code)), (400, quoting(code))]));
    answers.push((200, json!({"VersionId": "v-2"}).to_string()));
    let replay = Replay::new(answers);
    let manager = SecretsManager::new(&replay.config().unwrap());
    clean(&format!("{manager:?}"));
    clean(&format!("{:?}", manager.get(&name(), Stage::Current).await.unwrap()));
    for _ in 1..reads {
        clean_error(&manager.get(&name(), Stage::Current).await.unwrap_err());
    }
    for _ in refused {
        clean_error(&manager.create(&name(), &values(CANARY)).await.unwrap_err());
        clean_error(&manager.put(&name(), &values(CANARY), PutAs::Pending, None).await.unwrap_err());
    }
    manager.put(&name(), &values(CANARY), PutAs::Current, None).await.unwrap();
    assert!(replay.sent().last().unwrap().body.contains(CANARY), "it was sent");
    clean(&log.text());
    assert!(log.text().contains("captured"));
}

#[tokio::test]
async fn the_cache_logs_what_it_does_and_no_value() {
    let log = Log::default();
    let _capture = log.capture();
    let world = World::new();
    world.vault.set(version(2), CANARY);
    let answer = world.read().await.unwrap();
    clean(&format!("{answer:?}"));
    clean_error(&answer.secret(&key("database.port")).unwrap_err());
    clean_error(&world.cache.refused(&name(), &answer.version).await.unwrap_err());
    world.cache.update(&name(), &values(CANARY), Some(&version(3))).await.unwrap();
    clean_error(&world.cache.update(&name(), &values("other"), Some(&version(3))).await.unwrap_err());
    world.read().await.unwrap();
    for failure in [outage(), denied()] {
        world.vault.fail(Some(failure));
        SetClock::forward(&world.clock, 600);
        if let Err(error) = world.read().await {
            clean_error(&error);
        }
    }
    let log = log.text();
    clean(&log);
    assert!(log.contains("an old secret is served") && log.contains("a credential was refused"), "{log}");
}
