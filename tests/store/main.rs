//! The conformance suite of the store port on the embedded store. The one on DynamoDB needs an emulator.
#![expect(clippy::unwrap_used, reason = "in the helpers of tests a panic is a failed test")]

mod broken;
mod broken_alerts;
mod broken_costs;

use std::sync::Arc;

use e2e::{
    Run, alert_store_conformance, below_conformance, cost_store_conformance, files, store_conformance,
};
use engine::ports::Store;
use local_stack::{EmbeddedStore, StoreBelow};
use rollout::EnvironmentName;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_store_conforms_in_memory() {
    store_conformance(Arc::new(EmbeddedStore::in_memory().unwrap()), "memory").await;
    alert_store_conformance(Arc::new(EmbeddedStore::in_memory().unwrap()), "memory").await;
    cost_store_conformance(Arc::new(EmbeddedStore::in_memory().unwrap()), "memory").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_embedded_store_conforms_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(&folder.path().join("deep/down/store.redb")).unwrap());
    store_conformance(Arc::clone(&store) as _, "disk").await;
    alert_store_conformance(Arc::clone(&store) as _, "disk").await;
    cost_store_conformance(store, "disk").await;
}

#[tokio::test]
async fn the_environment_above_reads_how_rollouts_ended() {
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
    let below = Arc::new(StoreBelow::new(Arc::clone(&store)));
    below_conformance(store, below, "memory").await;
}

/// Two runs against one table do not see each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_suite_can_run_again_on_the_same_store() {
    let store = Arc::new(EmbeddedStore::in_memory().unwrap());
    for run in ["first", "second"] {
        store_conformance(Arc::clone(&store) as _, run).await;
        alert_store_conformance(Arc::clone(&store) as _, run).await;
        cost_store_conformance(Arc::clone(&store) as _, run).await;
    }
}

/// Whatever a run stored is there after the process has gone.
#[tokio::test(start_paused = true)]
async fn what_was_stored_on_disk_is_there_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let environment: EnvironmentName = "production".parse().unwrap();
    let run = Run::on(Arc::new(EmbeddedStore::open(&path).unwrap()), e2e::Setup::default()).await;
    run.canary().await;
    run.play("failed", files::event("codepipeline-failed")).finished().await;
    let before = contents(&*run.store, &environment).await;
    assert_eq!(before.0.len(), 1);
    let refused = EmbeddedStore::open(&path).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|error| error.contains("is in use")), "one process at a time");
    drop(run);
    let reopened = EmbeddedStore::open(&path).unwrap();
    assert_eq!(contents(&reopened, &environment).await, before);
}

type Contents = (
    Vec<(rollout::Rollout, Vec<engine::history::Record>, Option<rollout::RolloutId>)>,
    Option<engine::ports::Published>,
    Option<rollout::Target>,
);

async fn contents(store: &dyn Store, environment: &EnvironmentName) -> Contents {
    let mut rollouts = Vec::new();
    for rollout in store.recent(environment, 100).await.unwrap() {
        let history = store.history(&rollout.id).await.unwrap();
        let of = store.rollout_of(&rollout.execution).await.unwrap();
        rollouts.push((rollout, history, of));
    }
    let target = store.target(environment, &"checkout".parse().unwrap()).await.unwrap();
    (rollouts, store.configuration(environment).await.unwrap(), target)
}

#[test]
fn a_file_that_is_no_store_is_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a store").unwrap();
    let error = EmbeddedStore::open(&path).err().unwrap().to_string();
    assert!(error.contains("notes.txt") && error.contains("--store"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a store", "it is left as it was");
    let error = EmbeddedStore::open(&path.join("below.redb")).err().unwrap().to_string();
    assert!(error.contains("--store"), "{error}");
}
