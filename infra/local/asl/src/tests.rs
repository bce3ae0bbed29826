//! The semantics, one test each, in tokio's paused time.

mod data_flow;
mod definitions;
mod limits;
mod recovery;
mod rollout_file;
mod support;
mod timer_file;
mod tokens;
