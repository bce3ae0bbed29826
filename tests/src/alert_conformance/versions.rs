//! What is stored, and who may write it.

use std::collections::BTreeSet;
use std::sync::Arc;

use alerting::{Circuit, Group, GroupId, Watch};
use tokio::task::JoinSet;

use super::drawer::Drawer;

pub(super) async fn what_is_not_there_is_none(drawer: &Drawer) {
    assert_eq!(drawer.stored_watch("production/checkout").await, None);
    assert_eq!(drawer.stored_across(&drawer.across()).await, None);
    assert_eq!(drawer.stored_group(&drawer.group("production")).await, None);
    drawer.is_due("2999-01-01T00:00:00Z".parse().unwrap(), &[], "nothing is there").await;
    drawer.are_open(&[], "nothing is there").await;
    drawer.are_silenced(&[], "nothing is there").await;
    let circuit = drawer.store.circuit(&drawer.home, &"chat".parse().unwrap()).await.unwrap();
    assert_eq!(circuit, Circuit::default());
}

pub(super) async fn everything_comes_back_as_it_was_stored(drawer: &Drawer) {
    for subject in ["production", "production/checkout", "staging/checkout"] {
        let watch = drawer.watch(subject);
        drawer.put_watch(&watch).await;
        assert_eq!(drawer.stored_watch(subject).await, Some(watch));
        let group = drawer.group(subject);
        drawer.put_group(&group).await;
        assert_eq!(drawer.stored_group(&group).await, Some(group));
    }
    let across = drawer.across();
    drawer.put_across(&across).await;
    assert_eq!(drawer.stored_across(&across).await, Some(across));
    let silence = Drawer::silence("s-1", Drawer::at(1));
    drawer.store.put_silence(&drawer.home, &silence).await.unwrap();
    drawer.are_silenced(&[&silence], "as it was stored").await;
    let (channel, circuit) = ("slack-critical".parse().unwrap(), Drawer::circuit(3));
    drawer.store.put_circuit(&drawer.home, &channel, &circuit).await.unwrap();
    assert_eq!(drawer.store.circuit(&drawer.home, &channel).await.unwrap(), circuit);
}

/// A key of one kind is no key of another, nor the beginning of one.
pub(super) async fn what_is_called_alike_is_told_apart(drawer: &Drawer) {
    let (whole, service) = (drawer.watch("production"), drawer.watch("production/checkout"));
    drawer.put_watch(&whole).await;
    assert_eq!(drawer.stored_watch("production/checkout").await, None);
    drawer.put_watch(&service).await;
    assert_eq!(drawer.stored_watch("production").await, Some(whole.clone()));
    let mut across = drawer.across();
    across.rule = "production".parse().unwrap();
    drawer.put_across(&across).await;
    let mut group = drawer.group("production");
    group.id = GroupId::from_text("production");
    drawer.put_group(&group).await;
    assert_eq!(drawer.stored_watch("production").await, Some(whole));
    assert_eq!(drawer.stored_across(&across).await, Some(across));
    assert_eq!(drawer.stored_group(&group).await, Some(group));
    let silence = Drawer::silence("chat", Drawer::at(1));
    drawer.store.put_silence(&drawer.home, &silence).await.unwrap();
    let chat = "chat".parse().unwrap();
    drawer.store.put_circuit(&drawer.home, &chat, &Drawer::circuit(3)).await.unwrap();
    drawer.are_silenced(&[&silence], "a circuit is no silence").await;
    for other in ["chat-2", "cha", "Chat"] {
        let circuit = drawer.store.circuit(&drawer.home, &other.parse().unwrap()).await.unwrap();
        assert_eq!(circuit, Circuit::default(), "{other}");
    }
}

/// The versions that are refused where the first one is stored, which stays as it is.
const REFUSED: [u64; 3] = [0, 1, 3];

pub(super) async fn a_watch_is_replaced_by_its_next_version_only(drawer: &Drawer) {
    let (store, home, subject) = (&drawer.store, &drawer.home, "production/checkout");
    let first = drawer.watch(subject);
    let other = |version| drawer.watch_at(subject, version, Some(Drawer::at(7)));
    for version in [0, 2] {
        assert!(!store.put_watch(home, &other(version)).await.unwrap(), "{version} as the first");
        assert_eq!(drawer.stored_watch(subject).await, None, "{version}");
    }
    drawer.put_watch(&first).await;
    drawer.put_watch(&first).await;
    for version in REFUSED {
        assert!(!store.put_watch(home, &other(version)).await.unwrap(), "{version} after 1");
        assert_eq!(drawer.stored_watch(subject).await, Some(first.clone()), "{version}");
    }
    drawer.put_watch(&other(2)).await;
    assert!(!store.put_watch(home, &first).await.unwrap(), "what was stored once is not stored now");
    assert_eq!(drawer.stored_watch(subject).await, Some(other(2)));
}

pub(super) async fn a_count_is_replaced_by_its_next_version_only(drawer: &Drawer) {
    let (store, home) = (&drawer.store, &drawer.home);
    let first = drawer.across();
    let other = |version| drawer.across_at(version, Some(Drawer::at(7)));
    for version in [0, 2] {
        assert!(!store.put_across(home, &other(version)).await.unwrap(), "{version} as the first");
        assert_eq!(drawer.stored_across(&first).await, None, "{version}");
    }
    drawer.put_across(&first).await;
    drawer.put_across(&first).await;
    for version in REFUSED {
        assert!(!store.put_across(home, &other(version)).await.unwrap(), "{version} after 1");
        assert_eq!(drawer.stored_across(&first).await, Some(first.clone()), "{version}");
    }
    drawer.put_across(&other(2)).await;
    assert!(!store.put_across(home, &first).await.unwrap(), "what was stored once is not stored now");
    assert_eq!(drawer.stored_across(&first).await, Some(other(2)));
}

pub(super) async fn a_group_is_replaced_by_its_next_version_only(drawer: &Drawer) {
    let (store, home, subject) = (&drawer.store, &drawer.home, "production");
    let first = drawer.group(subject);
    let other = |version| drawer.group_at(subject, version, Some(Drawer::at(7)));
    for version in [0, 2] {
        assert!(!store.put_group(home, &other(version)).await.unwrap(), "{version} as the first");
        assert_eq!(drawer.stored_group(&first).await, None, "{version}");
    }
    drawer.put_group(&first).await;
    drawer.put_group(&first).await;
    for version in REFUSED {
        assert!(!store.put_group(home, &other(version)).await.unwrap(), "{version} after 1");
        assert_eq!(drawer.stored_group(&first).await, Some(first.clone()), "{version}");
    }
    drawer.put_group(&other(2)).await;
    assert!(!store.put_group(home, &first).await.unwrap(), "what was stored once is not stored now");
    assert_eq!(drawer.stored_group(&first).await, Some(other(2)));
}

pub(super) async fn a_silence_and_a_circuit_are_replaced_whatever_is_stored(drawer: &Drawer) {
    let (store, home) = (&drawer.store, &drawer.home);
    for until in [Drawer::at(9), Drawer::at(5), Drawer::at(9)] {
        let silence = Drawer::silence("s-1", until);
        store.put_silence(home, &silence).await.unwrap();
        drawer.are_silenced(&[&silence], "the last one").await;
    }
    let channel = "chat".parse().unwrap();
    for failures in [2, 5, 0] {
        let circuit = Drawer::circuit(failures);
        store.put_circuit(home, &channel, &circuit).await.unwrap();
        assert_eq!(store.circuit(home, &channel).await.unwrap(), circuit, "{failures}");
    }
}

/// Sixteen that mean different things write the same version of a watch and of a group.
pub(super) async fn of_many_writers_of_one_version_one_wins(drawer: &Drawer) {
    let group = drawer.group("production");
    for version in 1..=3 {
        let mut writers = JoinSet::new();
        for writer in 0..16 {
            let (store, home) = (Arc::clone(&drawer.store), drawer.home.clone());
            let due = Some(Drawer::at(writer));
            let watch = drawer.watch_at("production", version, due);
            let group = drawer.group_at("production", version, due);
            writers.spawn(async move {
                let watched = store.put_watch(&home, &watch).await.unwrap();
                (watched.then_some(watch), store.put_group(&home, &group).await.unwrap().then_some(group))
            });
        }
        let won = writers.join_all().await;
        let watches: Vec<&Watch> = won.iter().filter_map(|(watch, _)| watch.as_ref()).collect();
        let groups: Vec<&Group> = won.iter().filter_map(|(_, group)| group.as_ref()).collect();
        assert_eq!((watches.len(), groups.len()), (1, 1), "of version {version}");
        assert_eq!(drawer.stored_watch("production").await.as_ref(), Some(watches[0]));
        assert_eq!(drawer.stored_group(&group).await.as_ref(), Some(groups[0]));
    }
}

/// Twenty hear each of an alarm of its own and write the same watch until it is in: each version is written once, and no
/// alarm is lost.
pub(super) async fn twenty_writers_lose_nothing(drawer: &Drawer) {
    const WRITERS: u64 = 20;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, home, policy) = (Arc::clone(&drawer.store), drawer.home.clone(), drawer.policy.clone());
        writers.spawn(async move {
            let signal = Drawer::alarm("production/checkout", &format!("alarm {writer}"), Drawer::at(0));
            // Each time that it loses, another one wins.
            for _ in 0..WRITERS {
                let stored = store.watch(&home, &signal.subject).await.unwrap();
                let stored = stored.unwrap_or_else(|| Watch::new(signal.subject.clone()));
                let next = stored.hear(&signal, &policy, Drawer::at(0)).expect("nobody else hears of it");
                if store.put_watch(&home, &next).await.unwrap() {
                    return next.version;
                }
            }
            panic!("writer {writer} lost more often than there are others");
        });
    }
    let versions: Vec<u64> = writers.join_all().await;
    let distinct: BTreeSet<u64> = versions.iter().copied().collect();
    assert_eq!(distinct, (1..=WRITERS).collect(), "each version once: {versions:?}");
    let watch = drawer.stored_watch("production/checkout").await.unwrap();
    assert_eq!(watch.version, WRITERS);
    for writer in 0..WRITERS {
        let signal = Drawer::alarm("production/checkout", &format!("alarm {writer}"), Drawer::at(0));
        assert_eq!(watch.hear(&signal, &drawer.policy, Drawer::at(0)), None, "alarm {writer} is lost");
    }
}
