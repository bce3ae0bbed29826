//! What people do with alerts: they are checked, played, told to a real receiver, listed, taken and silenced.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failed test"
)]

mod embedded;
mod files;
mod play;
mod project;
