//! What every memory of alerts has to do, whatever it is made of.
//!
//! The semantics of the [`AlertStore`] port are in its documentation; each function here holds a store to one sentence
//! of it. All of them use homes of their own, so that they can share a table.

mod drawer;
mod lists;
mod versions;

use std::sync::Arc;

use engine::ports::AlertStore;

use drawer::Drawer;

/// Holds a store to the whole port. `run` as for [`store_conformance`](crate::store_conformance).
///
/// # Panics
/// When the store does not conform.
pub async fn alert_store_conformance(store: Arc<dyn AlertStore>, run: &str) {
    Box::pin(conforms(store, run)).await;
}

async fn conforms(store: Arc<dyn AlertStore>, run: &str) {
    let drawer = |check: &str| Drawer::new(Arc::clone(&store), &format!("{run}-{check}"));
    versions::what_is_not_there_is_none(&drawer("no")).await;
    versions::everything_comes_back_as_it_was_stored(&drawer("rt")).await;
    versions::what_is_called_alike_is_told_apart(&drawer("al")).await;
    versions::a_watch_is_replaced_by_its_next_version_only(&drawer("vw")).await;
    versions::a_count_is_replaced_by_its_next_version_only(&drawer("va")).await;
    versions::a_group_is_replaced_by_its_next_version_only(&drawer("vg")).await;
    versions::a_silence_and_a_circuit_are_replaced_whatever_is_stored(&drawer("vs")).await;
    versions::of_many_writers_of_one_version_one_wins(&drawer("mv")).await;
    versions::twenty_writers_lose_nothing(&drawer("mw")).await;
    lists::what_is_due_is_listed_once_from_its_instant_on(&drawer("du")).await;
    lists::what_is_due_no_more_is_not_listed(&drawer("dn")).await;
    lists::a_group_is_listed_while_it_is_open(&drawer("og")).await;
    lists::more_than_a_page_is_listed(&drawer("pg")).await;
    lists::silences_are_listed_those_that_have_ended_too(&drawer("si")).await;
    lists::two_homes_do_not_see_each_other(&drawer("th"), &drawer("th-2")).await;
}
