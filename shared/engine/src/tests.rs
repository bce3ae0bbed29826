//! The functions over a store in memory and a world that can fail, stall or change at every call.

mod clean_up;
mod faults;
mod fence;
mod health_check;
mod history;
mod machine;
mod outbox;
mod rollback;
mod start_deploy;
mod store;
mod world;
