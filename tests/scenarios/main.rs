//! Whole rollouts in virtual time, and what the parts of the project promise each other.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in the helpers of tests a panic is a failed test"
)]

mod alert_timer;
mod alerts;
mod approvals_by_link;
mod arrows;
mod before_traffic;
mod blue_green;
mod canary;
mod costs;
mod dead_letters;
mod events;
mod evidence;
mod guardrails;
mod late_writers;
mod line;
mod machine;
mod outside;
mod patterns;
mod people;
mod permissions;
mod pipelines;
mod promotion;
mod readme;
mod refusals;
mod schemas;
mod shapes;
mod template;
mod unreliable;
