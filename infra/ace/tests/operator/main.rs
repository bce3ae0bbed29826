//! What people do to a stack, as they do it: a rollout that one process plays, and orders from others.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failed test"
)]

mod orders;
mod project;
mod promotion;
