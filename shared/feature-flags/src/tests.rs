use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use proptest::prelude::*;
use rollout::EnvironmentName;

use crate::*;

#[cfg(feature = "aws")]
mod parameter_store;

fn environment() -> EnvironmentName {
    "staging".parse().unwrap()
}

fn flags(on: &[&str], off: &[&str]) -> Flags {
    let on = on.iter().map(|name| ((*name).to_owned(), true));
    on.chain(off.iter().map(|name| ((*name).to_owned(), false))).collect()
}

/// A parameter in memory, whose other writer writes before some of our writes.
#[derive(Default)]
struct Memory {
    value: Mutex<Option<(u64, String)>>,
    others: Mutex<Vec<String>>,
    writes: AtomicUsize,
}

#[async_trait]
impl Shelf for Memory {
    async fn read(&self, _: &EnvironmentName) -> Result<Option<Stored>, FlagsError> {
        let value = self.value.lock().unwrap().clone();
        Ok(value.map(|(revision, json)| Stored { revision, document: Document::from_json(&json) }))
    }

    async fn write(&self, _: &EnvironmentName, json: &str, revision: u64) -> Result<Written, FlagsError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut value = self.value.lock().unwrap();
        if let Some(other) = self.others.lock().unwrap().pop() {
            let revision = value.as_ref().map_or(0, |(revision, _)| *revision);
            *value = Some((revision + 1, other));
        }
        let there = value.as_ref().map_or(0, |(revision, _)| *revision);
        if revision == 0 && there > 0 {
            return Ok(Written::Raced);
        }
        *value = Some((there + 1, json.to_owned()));
        Ok(if there == revision { Written::Next } else { Written::Raced })
    }
}

#[tokio::test]
async fn flags_are_written_once_and_again_only_when_they_differ() {
    let shelf = Memory::default();
    let first = publish(&shelf, &environment(), &flags(&["a"], &["b"])).await.unwrap();
    assert!(first.written);
    assert_eq!(first.document.version(), 1);
    assert_eq!(first.changes.get("a"), Some(&Change::Added));
    let again = publish(&shelf, &environment(), &flags(&["a"], &["b"])).await.unwrap();
    assert_eq!((again.written, &again.document, again.changes.len()), (false, &first.document, 0));
    assert_eq!(shelf.writes.load(Ordering::SeqCst), 1);
    let other = publish(&shelf, &environment(), &flags(&["b", "c"], &[])).await.unwrap();
    assert_eq!(other.document.version(), 2);
    let changes: Vec<_> = other.changes.iter().map(|(name, change)| (name.as_str(), *change)).collect();
    assert_eq!(changes, [("a", Change::Removed), ("b", Change::Changed), ("c", Change::Added)]);
    assert_ne!(other.document.digest(), first.document.digest());
}

#[test]
fn the_document_is_what_the_docs_say() {
    let json = Document::new(7, flags(&["performance_testing"], &["debug_mode"])).to_json().unwrap();
    assert_eq!(
        json,
        r#"{"version":7,"digest":"6fc42a796127dd5eca153b2af7ea4c4c1e2e6c962145e71aba6727df6b70b4a3","flags":{"debug_mode":false,"performance_testing":true}}"#
    );
}

#[tokio::test]
async fn what_was_changed_by_hand_is_told_and_put_right() {
    let shelf = Memory::default();
    let ours = publish(&shelf, &environment(), &flags(&["a"], &[])).await.unwrap();
    let by_hand = [
        (ours.document.to_json().unwrap().replace("true", "false"), NotOurs::Altered),
        ("on".to_owned(), Document::from_json("on").unwrap_err()),
        (
            r#"{"version":1,"digest":"","flags":{},"x":1}"#.to_owned(),
            Document::from_json(r#"{"x":1}"#).unwrap_err(),
        ),
    ];
    for (text, why) in by_hand {
        *shelf.value.lock().unwrap() = Some((5, text));
        let put_right = publish(&shelf, &environment(), &flags(&["a"], &[])).await.unwrap();
        assert!(put_right.written);
        assert_eq!(put_right.document.version(), 6, "after the parameter's own version");
        let told = put_right.replaced.unwrap();
        assert_eq!(matches!(told, NotOurs::Altered), why == NotOurs::Altered, "{told}");
    }
}

#[tokio::test]
async fn of_two_who_publish_at_once_one_is_last_as_a_whole() {
    for before in [None, Some((3, Document::new(3, flags(&[], &["a"])).to_json().unwrap()))] {
        let shelf = Memory::default();
        let revision = before.as_ref().map_or(0, |(revision, _)| *revision);
        *shelf.value.lock().unwrap() = before;
        let other = Document::new(revision + 1, flags(&["other"], &[])).to_json().unwrap();
        shelf.others.lock().unwrap().push(other);
        let ours = publish(&shelf, &environment(), &flags(&["ours"], &[])).await.unwrap();
        let there = shelf.read(&environment()).await.unwrap().unwrap();
        assert_eq!(there.document.as_ref(), Ok(&ours.document));
        assert_eq!(ours.document.version(), there.revision, "the document and its parameter agree");
        assert_eq!(ours.document.flags(), &flags(&["ours"], &[]));
    }
}

#[tokio::test]
async fn who_is_overtaken_all_the_time_gives_up() {
    let shelf = Memory::default();
    let other = |number: u64| Document::new(number, flags(&[&format!("f{number}")], &[])).to_json().unwrap();
    *shelf.value.lock().unwrap() = Some((1, other(1)));
    shelf.others.lock().unwrap().extend((2..20).map(other));
    let error = publish(&shelf, &environment(), &flags(&["ours"], &[])).await.unwrap_err();
    assert_eq!(error, FlagsError::Contended { environment: environment() });
    assert!(error.is_transient() && error.to_string().contains("publish them again"), "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_its_size_and_nothing_is_written() {
    let shelf = Memory::default();
    let many: Flags = (0..200).map(|number| (format!("a_flag_with_a_name_{number:03}"), true)).collect();
    let error = publish(&shelf, &environment(), &many).await.unwrap_err();
    let FlagsError::TooLarge { bytes, flags: 200 } = error else { panic!("{error}") };
    assert!(bytes > MAX_BYTES);
    assert!(error.to_string().contains(&format!("{bytes} bytes")) && error.to_string().contains("4096"));
    assert_eq!(shelf.writes.load(Ordering::SeqCst), 0);
    assert!(!error.is_transient());
}

#[test]
fn exactly_as_many_bytes_as_fit_are_accepted() {
    let of_length = |length: usize| Document::new(1, flags(&[&"x".repeat(length)], &[]));
    let overhead = of_length(1).to_json().unwrap().len() - 1;
    assert_eq!(of_length(MAX_BYTES - overhead).to_json().unwrap().len(), MAX_BYTES);
    assert!(of_length(MAX_BYTES - overhead + 1).to_json().is_err());
}

#[tokio::test]
async fn the_file_beside_the_store_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = FileShelf::new(folder.path().join("state"));
    assert_eq!(shelf.read(&environment()).await, Ok(None));
    let first = publish(&shelf, &environment(), &flags(&["a"], &[])).await.unwrap();
    let path = shelf.path(&environment());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), first.document.to_json().unwrap());
    assert!(!publish(&shelf, &environment(), &flags(&["a"], &[])).await.unwrap().written);
    let second = publish(&shelf, &environment(), &flags(&[], &["a"])).await.unwrap();
    assert_eq!((second.document.version(), second.changes.get("a")), (2, Some(&Change::Changed)));
    // What came in between is seen.
    assert_eq!(shelf.write(&environment(), "{}", 1).await, Ok(Written::Raced));
    std::fs::write(&path, second.document.to_json().unwrap().replace("false", "true")).unwrap();
    let third = publish(&shelf, &environment(), &flags(&[], &["a"])).await.unwrap();
    assert_eq!((third.document.version(), third.replaced), (3, Some(NotOurs::Altered)));
    let left: Vec<_> = std::fs::read_dir(folder.path().join("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("staging.features."))
        .collect();
    assert_eq!(left, [""; 0], "no half of a file is left");
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = publish(&FileShelf::new(file), &environment(), &flags(&["a"], &[])).await.unwrap_err();
    assert!(error.to_string().contains("staging.features.json"), "{error}");
}

proptest! {
    /// Whatever was there, publishing ends with the flags that were asked for, and again changes nothing.
    #[test]
    fn publishing_twice_is_publishing_once(
        before in prop::collection::btree_map("[a-z_]{1,12}", any::<bool>(), 0..8),
        revision in 0u64..100,
        off in 0u64..3,
        after in prop::collection::btree_map("[a-z_]{1,12}", any::<bool>(), 0..8),
    ) {
        let published = (revision > 0).then(|| Ok(Document::new(revision + off, before)));
        let step = next(revision, published.as_ref(), &after).unwrap();
        let now = match step {
            Step::Unchanged(document) => document,
            Step::Write { document, json, changes } => {
                prop_assert_eq!(document.version(), revision + 1);
                prop_assert_eq!(Document::from_json(&json), Ok(document.clone()));
                let flags_before = published.map_or_else(Flags::new, |ours| ours.unwrap().flags().clone());
                prop_assert_eq!(changes.is_empty(), flags_before == after);
                document
            }
        };
        prop_assert_eq!(now.flags(), &after);
        let again = next(now.version(), Some(&Ok(now.clone())), &after).unwrap();
        prop_assert_eq!(again, Step::Unchanged(now));
    }
}
