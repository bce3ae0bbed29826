use super::world::{key, values};
use crate::*;

/// The document's example, whole.
const DOCUMENT: &str = r#"{
  "database": {"password": "dev_db_password", "connection_string": "postgresql://user:pass@dev-db:5432/aceflow"},
  "external_apis": {"stripe_key": "sk", "sendgrid_key": "SG.dev", "slack_webhook": "https://hooks/dev"},
  "auth": {"jwt_secret": "j", "oauth_client_secret": "o"},
  "monitoring": {"sentry_dsn": "https://dev@sentry.io/project", "datadog_api_key": "d"}
}"#;

fn problem(json: &str) -> Problem {
    Values::from_json(json).unwrap_err()
}

#[test]
fn the_document_s_secrets_are_read_by_key_and_written_as_they_were() {
    let read = Values::from_json(DOCUMENT).unwrap();
    assert_eq!(read.keys().count(), 9);
    assert_eq!(read.get("external_apis.sendgrid_key").unwrap().expose(), "SG.dev");
    assert_eq!(read.get("external_apis"), None);
    let json = read.to_json().unwrap();
    let plain = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(plain(&json), plain(DOCUMENT));
    assert_eq!(Values::from_json(&json).unwrap(), read);
}

#[test]
fn what_is_no_object_of_texts_is_told_by_its_place() {
    assert_eq!(problem("{\n  \"a\": oops}"), Problem::NotJson { line: 2, column: 8 });
    assert_eq!(problem("[]"), Problem::NotAnObject { found: "a list" });
    assert_eq!(
        problem(r#"{"database": {"port": 5432}}"#),
        Problem::NotText { key: key("database.port"), found: "a number" }
    );
    assert_eq!(problem(r#"{"a": {"b c": "x"}}"#), Problem::KeyOutOfShape { above: Some(key("a")) });
    assert_eq!(problem(r#"{"a.b": "x"}"#), Problem::KeyOutOfShape { above: None });
    let long = format!(r#"{{"{}": "x"}}"#, "k".repeat(257));
    assert_eq!(problem(&long), Problem::KeyOutOfShape { above: None });
}

#[test]
fn a_secret_is_at_most_as_long_as_secrets_manager_takes() {
    let around = r#"{"database":{"password":""}}"#.len();
    let fits = values(&"x".repeat(MAX_BYTES - around));
    assert_eq!(fits.to_json().unwrap().len(), MAX_BYTES);
    let long = values(&"x".repeat(3 * MAX_BYTES - around));
    assert_eq!(long.to_json().unwrap_err(), Problem::TooLong { bytes: 3 * MAX_BYTES });
}

#[test]
fn a_key_is_a_text_or_an_object_and_not_both() {
    let mut values = values("p");
    for clash in ["database", "database.password.old"] {
        let error = values.set(key(clash), Secret::new("x".to_owned())).unwrap_err();
        assert!(error.to_string().contains("remove database.password first"), "{error}");
    }
    assert!(values.set(key("database_url"), Secret::new("u".to_owned())).unwrap().is_none());
    let old = values.set(key("database.password"), Secret::new("q".to_owned())).unwrap();
    assert_eq!(old.unwrap().expose(), "p");
    assert_eq!(values.remove("database_url").unwrap().expose(), "u");
}

#[test]
fn keys_have_a_shape() {
    for text in ["a", "database.password", "A-1.b_2.c"] {
        assert_eq!(key(text).to_string(), text);
    }
    for text in ["", ".", "a.", ".a", "a..b", "a b", "ä", &"k".repeat(257)] {
        assert_eq!(text.parse::<Key>(), Err(InvalidKey), "{text}");
    }
}

#[test]
fn changes_are_told_by_key() {
    let earlier = Values::from_json(r#"{"a": "1", "b": "1", "c": "1"}"#).unwrap();
    let later = Values::from_json(r#"{"b": "2", "c": "1", "d": "1"}"#).unwrap();
    let changes: Vec<_> = later.changes_since(&earlier).into_iter().collect();
    assert_eq!(
        changes,
        [(key("a"), Change::Removed), (key("b"), Change::Changed), (key("d"), Change::Added)]
    );
    assert!(later.changes_since(&later).is_empty());
}

#[test]
fn version_ids_are_those_that_secrets_manager_takes() {
    for text in ["2d6d2b3c-7f0e-4f0e-9d7e-0c4d6a1b2c3d", &"v".repeat(32), &"v".repeat(64)] {
        assert_eq!(text.parse::<VersionId>().unwrap().as_str(), text);
    }
    for text in ["", "short", &"v".repeat(65), &" ".repeat(40)] {
        assert!(text.parse::<VersionId>().is_err(), "{text}");
    }
}
