//! What every store has to do, whatever it is made of.
//!
//! The semantics of the [`Store`] port are in its documentation; each function here holds a store to one sentence of
//! it. All of them use environments of their own, so that they can share a table.

mod commits;
mod environment;
mod lists;
mod shelf;

use std::sync::Arc;

use engine::ports::Store;

pub use shelf::Shelf;

/// Holds a store to the whole port. `run` is a word of at most 24 letters and digits that no other run against the same
/// table has used. Give the store in an [`Arc`]: some checks race tasks against each other, which a tokio runtime
/// with several threads makes worth more.
///
/// # Panics
/// When the store does not conform.
pub async fn store_conformance(store: Arc<dyn Store>, run: &str) {
    Box::pin(conforms(store, run)).await;
}

async fn conforms(store: Arc<dyn Store>, run: &str) {
    let shelf = |check: &str| Shelf::new(Arc::clone(&store), &format!("{run}-{check}"));
    lists::configurations_are_numbered_and_kept(&shelf("cf")).await;
    lists::what_says_the_same_is_no_new_version(&shelf("cs")).await;
    lists::of_many_publishers_one_wins(&shelf("cr")).await;
    lists::a_rollout_comes_back_as_it_was_stored(&shelf("rt")).await;
    lists::a_large_plan_comes_back_as_it_was_stored(&shelf("lg")).await;
    lists::what_is_not_there_is_none(&shelf("no")).await;
    lists::the_newest_come_first(&shelf("new")).await;
    lists::a_history_is_in_order_and_only_grows(&shelf("hi")).await;
    Box::pin(environment::what_is_not_at_rest_is_listed(&shelf("ac"))).await;
    environment::every_active_rollout_is_listed(&shelf("am")).await;
    environment::a_control_is_replaced_by_its_next_version_only(&shelf("ct")).await;
    environment::of_many_changes_of_the_control_one_wins(&shelf("cm")).await;
    environment::what_is_barred_is_kept_with_the_target(&shelf("ba")).await;
    environment::a_bar_is_lifted_from_a_free_service(&shelf("lb")).await;
    environment::a_bar_that_was_lifted_meanwhile_is_not_put_back(&shelf("lm")).await;
    commits::a_rollout_begins_once(&shelf("be")).await;
    commits::a_service_is_held_by_one(&shelf("he")).await;
    commits::a_stale_sight_of_the_target_is_busy(&shelf("st")).await;
    commits::a_refusal_touches_no_target(&shelf("re")).await;
    commits::a_commit_moves_rollout_record_and_target_together(&shelf("co")).await;
    commits::an_old_version_conflicts(&shelf("ov")).await;
    commits::an_old_epoch_conflicts(&shelf("oe")).await;
    commits::a_lost_lease_conflicts(&shelf("ll")).await;
    commits::a_taken_record_number_conflicts(&shelf("tr")).await;
    commits::after_the_end_the_target_is_left_alone(&shelf("ae")).await;
    Box::pin(commits::taking_down_needs_a_free_target(&shelf("td"))).await;
    commits::of_many_beginnings_one_wins(&shelf("mb")).await;
    commits::of_many_deliveries_one_wins(&shelf("md")).await;
    commits::of_many_commits_one_wins(&shelf("mc")).await;
}
