//! What people see of schedules and give orders about: from the files alone, and on the embedded stack.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failed test"
)]

mod embedded;
mod files;
mod project;
