use approval_link::{Claim, LinkError};
use engine::ports::{ApprovalKeys, PortError};
use rollout::{EnvironmentName, Epoch, StepIndex};

use super::world::*;
use crate::*;

const FIRST: &str = "first-key-of-sixty-four-letters-0123456789-abcdefghijklmnopqrstu";
const SECOND: &str = "second-key-of-sixty-four-letters-0123456789-abcdefghijklmnopqrst";

fn environment() -> EnvironmentName {
    "staging".parse().unwrap()
}

fn claim() -> Claim {
    Claim {
        environment: environment(),
        rollout: "checkout-1".parse().unwrap(),
        epoch: Epoch(1),
        step: StepIndex(0),
        since: "2026-01-02T03:00:00Z".parse().unwrap(),
        expires: "2026-01-02T04:00:00Z".parse().unwrap(),
        approver: "ann".parse().unwrap(),
    }
}

/// As a rotation does it.
fn put(vault: &Memory, number: usize, json: &str) {
    let mut kept = vault.kept.lock().unwrap();
    kept.versions.insert(version(number), Values::from_json(json).unwrap());
    kept.stages.insert(Stage::Current, version(number));
}

fn function(vault: &std::sync::Arc<Memory>) -> ApprovalSecret {
    let cache = Cache::new(vault.clone(), SetClock::new(), CacheRules::default());
    ApprovalSecret::new(cache, &environment())
}

#[tokio::test]
async fn a_link_of_one_function_is_read_by_another_before_and_after_a_rotation() {
    let vault = Memory::new();
    put(&vault, 2, &format!("{{\"current\": \"{FIRST}\", \"previous\": \"\"}}"));
    let (old, early) = (function(&vault), function(&vault));
    let first = old.keys().await.unwrap().sign(&claim());
    assert_eq!(early.keys().await.unwrap().read(&first, &environment()), Ok(claim()));
    put(&vault, 3, &format!("{{\"current\": \"{SECOND}\", \"previous\": \"{FIRST}\"}}"));
    let new = function(&vault);
    assert_eq!(new.keys().await.unwrap().read(&first, &environment()), Ok(claim()));
    // One that still holds the keys of before looks once, and knows the new ones from then on.
    let second = new.keys().await.unwrap().sign(&claim());
    let stale = old.keys().await.unwrap().read(&second, &environment());
    assert_eq!(stale, Err(LinkError::UnknownKey));
    let newer = old.newer().await.unwrap().expect("a newer version");
    assert_eq!(newer.read(&second, &environment()), Ok(claim()));
    assert_eq!(old.keys().await.unwrap().read(&second, &environment()), Ok(claim()));
}

#[tokio::test]
async fn forged_links_cost_one_call_and_not_one_each() {
    let vault = Memory::new();
    put(&vault, 2, &format!("{{\"current\": \"{FIRST}\"}}"));
    let function = function(&vault);
    for _ in 0..100 {
        function.keys().await.unwrap();
        assert!(function.newer().await.unwrap().is_none());
    }
    assert_eq!(vault.reads(), 2, "the first read, and one look for newer keys");
}

#[tokio::test]
async fn a_secret_without_a_strong_key_is_refused_and_not_shown() {
    for json in ["{}", "{\"current\": \"\"}", "{\"current\": \"hush-hush\"}", "{\"previous\": \"hush-hush\"}"]
    {
        let vault = Memory::new();
        put(&vault, 2, json);
        let error = function(&vault).keys().await.unwrap_err();
        assert!(matches!(error, PortError::Permanent { .. }), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("ace-flow/staging/approvals") && !text.contains("hush"), "{text}");
    }
    let vault = Memory::new();
    vault.fail(Some(outage()));
    assert!(matches!(function(&vault).keys().await, Err(PortError::Transient { .. })));
}
