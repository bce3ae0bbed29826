//! What the environment above reads of a store.

use std::sync::Arc;

use engine::ports::{Below, Ended, Ending, Store};
use jiff::SignedDuration;
use rollout::ServiceName;

use super::Shelf;

/// Holds what reads how rollouts ended to what a store has of them. `run` as for
/// [`store_conformance`](super::store_conformance).
///
/// # Panics
/// When they do not agree.
pub async fn below_conformance(store: Arc<dyn Store>, below: Arc<dyn Below>, run: &str) {
    let shelf = Shelf::new(store, &format!("{run}-below"));
    let checkout: ServiceName = "checkout".parse().unwrap();
    let ended = async |service: &ServiceName| {
        let mut ended = below.ended(&shelf.environment, service).await.unwrap();
        ended.sort_by_key(|ended| ended.at);
        ended
    };
    assert_eq!(ended(&checkout).await, [], "before its first rollout");

    let refused = shelf.refused("no", None, Shelf::start());
    shelf.store.begin(&refused.rollout, &refused.record, None).await.unwrap();
    let first = shelf.begin("a", Shelf::start()).await;
    assert_eq!(ended(&checkout).await, [], "one was refused and one goes on");
    let back = shelf.roll_back(&first, Shelf::start()).await;
    let later = Shelf::start() + SignedDuration::from_hours(1);
    let second = shelf.begin("b", later).await;
    let promoted = shelf.promote(&second).await;
    let expected: Vec<Ended> = [&back, &promoted].into_iter().filter_map(Ended::of).collect();
    let [Ending::RolledBack { .. }, Ending::Promoted(serving)] = [&expected[0].ending, &expected[1].ending]
    else {
        panic!("{expected:?}")
    };
    assert_eq!(serving.target_group, promoted.plan.route.arm(promoted.canary).target_group);
    assert_eq!(ended(&checkout).await, expected);

    let at = promoted.updated_at;
    shelf.commit(&promoted, Shelf::performed(&promoted, at)).await;
    assert_eq!(ended(&checkout).await, expected, "what is done afterwards is no other end");
    assert_eq!(ended(&"catalog".parse().unwrap()).await, [], "another service's");
}
