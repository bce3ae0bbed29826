use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use environments::tree::{File as Text, Kind, secrets_of};
use secrets::{Key, Secret, SecretName, Stage, Values, VaultError};
use tempfile::TempDir;

use super::diff::{Finding, target, with_environment, with_file};
use super::editor::edit;
use super::error::SecretsError;
use super::fingerprint::Fingerprints;
use super::place::Place;
use super::rotate::{abandon, bring_back, to};
use super::set::{Applied, apply};
use super::{Alphabet, input, random, yaml};
use crate::arguments::Files;

const DOCUMENT: &str = include_str!(
    "../../../../shared/environments/tests/document/.ace-flow/environments/development/secrets.yml"
);

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn values(pairs: &[(&str, &str)]) -> Values {
    let mut values = Values::default();
    for (name, value) in pairs {
        values.set(key(name), secret(value)).unwrap();
    }
    values
}

/// Environment local in a folder.
struct Bench {
    folder: TempDir,
    arguments: Files,
}

impl Bench {
    fn new(text: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tree, state) = (folder.path().join("environments"), folder.path().join("state"));
        std::fs::create_dir_all(tree.join("local")).unwrap();
        if let Some(text) = text {
            std::fs::write(tree.join("local/secrets.yml"), text).unwrap();
        }
        let arguments = Files { environment: "local".parse().unwrap(), embedded: false, tree, state };
        Self { folder, arguments }
    }

    fn place(&self) -> Place {
        Place::open(&self.arguments).unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("environments/local/secrets.yml")).unwrap()
    }
}

async fn value(place: &Place, stage: Stage, name: &str) -> Option<String> {
    let version = place.vault.get(&place.name, stage).await.ok()?;
    version.values.get(name).map(|value| value.expose().to_owned())
}

#[tokio::test]
async fn a_file_is_made_read_and_changed_in_place() {
    let bench = Bench::new(None);
    let place = bench.place();
    let made = apply(&place, &[(key("database.password"), secret("one: \"two\" # three"))]).await.unwrap();
    assert!(matches!(made, Applied::Created(_)), "{made:?}");
    assert_eq!(bench.text(), "secrets:\n  database:\n    password: \"one: \\\"two\\\" # three\"\n");
    let bench = Bench::new(Some(DOCUMENT));
    let place = bench.place();
    let wanted = [(key("auth.jwt_secret"), secret("new")), (key("auth.third"), secret("3"))];
    assert!(matches!(apply(&place, &wanted).await.unwrap(), Applied::Changed(_)));
    assert_eq!(apply(&place, &wanted).await.unwrap(), Applied::Unchanged);
    assert_eq!(value(&place, Stage::Current, "auth.jwt_secret").await.as_deref(), Some("new"));
    assert_eq!(
        value(&place, Stage::Previous, "auth.jwt_secret").await.as_deref(),
        Some("dev_jwt_secret_key")
    );
    let before: Vec<&str> = DOCUMENT.lines().collect();
    let text = bench.text();
    let changed: Vec<&str> = text.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(changed, ["    jwt_secret: \"new\"", "    third: \"3\""], "everything else stays as it was");
}

#[test]
fn a_line_is_changed_wherever_it_stands() {
    let odd = "# ours\n\nsecrets:\n    # the database\n    database:\n\n        password: >-\n            folded\n            text\n        url: 'x' # theirs\n\n    empty:\n        # nothing\n    auth: # people\n        a: b\n";
    for (group, name) in [
        ("database", "password"),
        ("database", "url"),
        ("database", "new"),
        ("auth", "a"),
        ("auth", "b"),
        ("new", "new"),
    ] {
        let odd = odd.replace("    empty:\n        # nothing\n", "");
        let changed = yaml::with(&odd, group, name, "the \\ value\ton\nlines: {}");
        let read = |text: &str| {
            let file = Text { name: "f".to_owned(), text: text.to_owned() };
            secrets_of(&file, Kind::Local).unwrap()
        };
        let (before, mut after) = (read(&odd), read(&changed));
        let there = after.remove(&format!("{group}.{name}")).unwrap();
        assert_eq!(format!("{there:?}"), "Value([redacted])");
        let mut others = before;
        others.remove(&format!("{group}.{name}"));
        assert_eq!(after, others, "{changed}");
        for comment in ["# ours", "# the database", "# people"] {
            assert!(changed.contains(comment), "{changed}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_changed_in_place_is_refused_and_stays() {
    for text in [
        "secrets: { database: { password: x } }\n",
        "secrets:\n  database: { password: x }\n",
        "\"secrets\":\n  ? database\n  : password: x\n",
    ] {
        let bench = Bench::new(Some(text));
        let refused = apply(&bench.place(), &[(key("database.password"), secret("yellow-bird"))]).await;
        let error = refused.unwrap_err();
        assert!(matches!(&error, SecretsError::Vault(VaultError::File { .. })), "{error}");
        assert!(!format!("{error} {error:?}").contains("yellow"), "{error:?}");
        assert_eq!(bench.text(), text);
    }
    let bench = Bench::new(Some(DOCUMENT));
    for wrong in ["password", "a.b.c"] {
        let error = apply(&bench.place(), &[(key(wrong), secret("x"))]).await.unwrap_err();
        assert!(error.to_string().contains("two parts"), "{error}");
    }
    let reference = "{{resolve:secretsmanager:ace-flow/local/secrets:SecretString:x}}";
    apply(&bench.place(), &[(key("auth.jwt_secret"), secret(reference))]).await.unwrap_err();
    assert_eq!(bench.text(), DOCUMENT);
}

#[tokio::test]
async fn values_are_not_taken_from_a_file_where_none_may_be() {
    let bench = Bench::new(None);
    let environment = "production".parse().unwrap();
    let arguments = Files { environment, embedded: true, ..bench.arguments };
    let error = Place::open(&arguments).map(drop).unwrap_err();
    assert!(matches!(error, SecretsError::NoValuesInFile { .. }), "{error}");
}

#[tokio::test]
async fn writers_of_two_keys_at_once_lose_none() {
    let bench = Arc::new(Bench::new(Some(DOCUMENT)));
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..6 {
        let bench = Arc::clone(&bench);
        writers.spawn(async move {
            let place = bench.place();
            loop {
                match apply(&place, &[(key(&format!("many.key{number}")), secret("x"))]).await {
                    Err(SecretsError::Contended { .. }) => {}
                    done => return drop(done.unwrap()),
                }
            }
        });
    }
    writers.join_all().await;
    let place = bench.place();
    for number in 0..6 {
        assert!(value(&place, Stage::Current, &format!("many.key{number}")).await.is_some(), "{number}");
    }
}

#[tokio::test]
async fn a_rotation_goes_through_its_command_and_back() {
    let bench = Bench::new(Some(DOCUMENT));
    let place = bench.place();
    let name = key("database.password");
    let seen = bench.folder.path().join("seen");
    let command = format!("cat > {}", seen.display());
    to(&place, &name, &secret("two"), Some(&command)).await.unwrap();
    assert_eq!(std::fs::read_to_string(seen).unwrap(), "two", "the command got the value");
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("two"));
    assert_eq!(value(&place, Stage::Pending, "database.password").await, None);

    let refused = to(&place, &name, &secret("three"), Some("exit 7")).await.unwrap_err();
    assert!(matches!(&refused, SecretsError::Unverified { how, .. } if how.contains('7')), "{refused}");
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("two"));
    assert_eq!(value(&place, Stage::Pending, "database.password").await, None, "it was withdrawn");

    bring_back(&place, &name).await.unwrap();
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("dev_db_password"));
    bring_back(&place, &name).await.unwrap();
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("two"));
    let other = bring_back(&place, &key("auth.jwt_secret")).await.unwrap_err();
    assert!(matches!(other, SecretsError::NothingToBringBack { .. }), "{other}");
    let same = to(&place, &name, &secret("two"), None).await.unwrap_err();
    assert!(matches!(same, SecretsError::SameValue { .. }), "{same}");
    let none = to(&place, &key("a.b"), &secret("two"), None).await.unwrap_err();
    assert!(matches!(none, SecretsError::NoKey { .. }), "{none}");
}

#[tokio::test]
async fn bringing_back_one_key_leaves_what_others_set_since() {
    let bench = Bench::new(Some(DOCUMENT));
    let place = bench.place();
    to(&place, &key("database.password"), &secret("two"), None).await.unwrap();
    // Somebody edits the file.
    std::fs::write(
        bench.folder.path().join("environments/local/secrets.yml"),
        bench.text().replace("dev_jwt_secret_key", "theirs"),
    )
    .unwrap();
    bring_back(&place, &key("database.password")).await.unwrap();
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("dev_db_password"));
    assert_eq!(value(&place, Stage::Current, "auth.jwt_secret").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn a_change_behind_a_rotation_s_back_stops_it() {
    let bench = Bench::new(Some(DOCUMENT));
    let place = bench.place();
    let path = bench.folder.path().join("environments/local/secrets.yml");
    let command = format!("sed -i s/dev_jwt_secret_key/theirs/ {}", path.display());
    let error = to(&place, &key("database.password"), &secret("two"), Some(&command)).await.unwrap_err();
    assert!(matches!(&error, SecretsError::Vault(error) if error.is_changed()), "{error}");
    assert_eq!(value(&place, Stage::Current, "database.password").await.as_deref(), Some("dev_db_password"));
    assert_eq!(value(&place, Stage::Current, "auth.jwt_secret").await.as_deref(), Some("theirs"));
    assert_eq!(value(&place, Stage::Pending, "database.password").await, None);
}

#[tokio::test]
async fn an_interrupted_rotation_stops_the_next_until_it_is_abandoned() {
    let bench = Bench::new(Some(DOCUMENT));
    let place = bench.place();
    assert!(matches!(abandon(&place).await, Err(SecretsError::NoRotation { .. })));
    let read = place.vault.get(&place.name, Stage::Current).await.unwrap();
    let new = super::set::with(&read.values, &[(key("auth.jwt_secret"), secret("x"))]).unwrap();
    let left = secrets::stage(&*place.vault, &place.name, &new, place.version(&new).unwrap()).await.unwrap();
    let error = to(&place, &key("database.password"), &secret("two"), None).await.unwrap_err();
    assert!(error.to_string().contains("ace secrets rotate --abandon"), "{error}");
    assert_eq!(abandon(&place).await.unwrap(), *left.version());
    to(&place, &key("database.password"), &secret("two"), None).await.unwrap();
}

#[test]
fn generated_values_have_the_length_and_the_alphabet_and_are_others_each_time() {
    for (alphabet, characters) in [
        (Alphabet::Alphanumeric, 62),
        (Alphabet::Hex, 16),
        (Alphabet::Urlsafe, 64),
        (Alphabet::Printable, 94),
    ] {
        let (one, two) = (random::value(4096, alphabet).unwrap(), random::value(4096, alphabet).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 4096);
        let seen: std::collections::BTreeSet<char> =
            one.expose().chars().chain(two.expose().chars()).collect();
        assert_eq!(seen.len(), characters, "{alphabet:?}: every character comes");
        assert!(seen.iter().all(char::is_ascii_graphic));
        assert_eq!(random::value(16, alphabet).unwrap().expose().len(), 16);
    }
    assert_ne!(random::version().unwrap(), random::version().unwrap());
}

#[test]
fn one_line_end_is_not_part_of_a_value() {
    let read = |text: &[u8]| input::read(&key("a.b"), text).map(|value| value.expose().to_owned());
    assert_eq!(read(b"one\n").unwrap(), "one");
    assert_eq!(read(b"one\r\n").unwrap(), "one");
    assert_eq!(read(b"one\ntwo\n\n").unwrap(), "one\ntwo\n");
    assert_eq!(read(b" one ").unwrap(), " one ");
    assert!(matches!(read(b"\n"), Err(SecretsError::Empty { .. })));
    assert!(matches!(read(b"\xff"), Err(SecretsError::NotText { .. })));
    let longest = "x".repeat(secrets::MAX_BYTES);
    assert_eq!(read(format!("{longest}\n").as_bytes()).unwrap(), longest);
    assert!(matches!(read(format!("{longest}y").as_bytes()), Err(SecretsError::TooLong { .. })));
}

#[tokio::test]
async fn an_editor_gets_a_private_file_that_is_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        format!("sh {}", path.display())
    };
    let seen = folder.path().join("seen");
    let seen = seen.display();
    let look = format!(
        "echo \"$1\" > {seen}; stat -c %a \"$1\" \"$(dirname \"$1\")\" >> {seen}; cat \"$1\" >> {seen}"
    );
    let edits = script("edits", &format!("{look}; echo changed > \"$1\"; cp \"$1\" \"$1~\""));
    let value = edit(&edits, &key("a.b"), Some(&secret("old"))).await.unwrap();
    assert_eq!(value.expose(), "changed");
    let fails = script("fails", &format!("{look}; exit 1"));
    let text = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(&lines[1..], ["600", "700", "old"]);
    assert!(!Path::new(lines[0]).parent().unwrap().exists(), "with everything beside it");
    let error = edit(&fails, &key("a.b"), Some(&secret("old"))).await.unwrap_err();
    assert!(matches!(error, SecretsError::Editor), "{error}");
    let text = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    assert!(!Path::new(text.lines().next().unwrap()).parent().unwrap().exists(), "after a failure too");
    assert!(matches!(edit(" ", &key("a.b"), None).await, Err(SecretsError::NoEditor)));
}

#[test]
fn a_file_is_compared_with_what_is_stored() {
    let own = |part: &str| {
        format!("\"{{{{resolve:secretsmanager:ace-flow/development/secrets:SecretString:{part}}}}}\"")
    };
    let text = format!(
        "secrets:\n  a:\n    same: x\n    differs: x\n    missing: x\n    named: {}\n    placed: {}\n    gone: {}\n    elsewhere: {}\n    arn: {}\n",
        own("top"),
        own("placed"),
        own("nothing"),
        own("x").replace("development", "staging"),
        "\"arn:aws:secretsmanager:us-east-1:123456789012:secret:ace-flow/development/secrets-AbCdEf\"",
    );
    let file = Text { name: "f".to_owned(), text };
    let written = secrets_of(&file, Kind::Development).unwrap();
    let stored = values(&[
        ("a.same", "x"),
        ("a.differs", "y"),
        ("top", "t"),
        ("a.placed", "p"),
        ("a.arn", "r"),
        ("a.extra", "e"),
    ]);
    let findings = with_file(&written, &stored, "ace-flow/development/secrets");
    let expected = [
        ("a.arn", Finding::Same),
        ("a.differs", Finding::Differs),
        ("a.elsewhere", Finding::Elsewhere { secret: "ace-flow/staging/secrets".to_owned() }),
        ("a.extra", Finding::Extra),
        ("a.gone", Finding::Missing { what: "a reference" }),
        ("a.missing", Finding::Missing { what: "a value" }),
        ("a.named", Finding::Same),
        ("a.placed", Finding::Same),
        ("a.same", Finding::Same),
    ];
    assert_eq!(findings, expected.map(|(key, finding)| (key.to_owned(), finding)));
    assert_eq!(target("{{resolve:secretsmanager:x}}"), ("x".to_owned(), None));
}

#[test]
fn two_environments_are_compared_by_their_values_and_show_none() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprints = Fingerprints::open(folder.path()).unwrap();
    let (here, there) = (
        values(&[("a.a", "1"), ("a.b", "2"), ("a.c", "3")]),
        values(&[("a.a", "1"), ("b.b", "2"), ("a.c", "4")]),
    );
    let findings = with_environment(&here, &there, &fingerprints);
    assert_eq!(
        findings,
        [
            ("a.a", Finding::Shared { with: key("a.a") }),
            ("a.b", Finding::OnlyHere),
            ("a.b", Finding::Shared { with: key("b.b") }),
            ("b.b", Finding::OnlyThere),
        ]
        .map(|(key, finding)| (key.to_owned(), finding))
    );
}

#[test]
fn fingerprints_last_on_a_machine_and_mean_nothing_on_another() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let of = |folder: &TempDir| Fingerprints::open(folder.path()).unwrap().of("value");
    assert_eq!(of(&one), of(&one));
    assert_ne!(of(&one), of(&two));
    assert_ne!(of(&one), Fingerprints::open(one.path()).unwrap().of("other"));
    std::fs::write(one.path().join("fingerprint.key"), "short").unwrap();
    assert!(matches!(Fingerprints::open(one.path()), Err(SecretsError::Place { .. })));
    let mode = std::fs::metadata(two.path().join("fingerprint.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_secret_that_is_made_by_two_at_once_has_the_keys_of_both() {
    let bench = Bench::new(None);
    let place = bench.place();
    let name = SecretName::of(&"local".parse().unwrap());
    place.vault.create(&name, &values(&[("a.theirs", "1")])).await.unwrap();
    let again = place.vault.create(&name, &values(&[("a.ours", "2")])).await.unwrap_err();
    assert!(matches!(again, VaultError::Taken { .. }), "{again}");
    apply(&place, &[(key("a.ours"), secret("2"))]).await.unwrap();
    assert!(value(&place, Stage::Current, "a.theirs").await.is_some());
    assert!(value(&place, Stage::Current, "a.ours").await.is_some());
}
