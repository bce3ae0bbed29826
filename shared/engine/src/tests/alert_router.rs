//! alert-router over a memory of its own, channels that answer as a test wants, and time that passes when nothing else
//! happens.

mod cases;
mod lookout;
mod storm;
pub mod town;
mod weather;
