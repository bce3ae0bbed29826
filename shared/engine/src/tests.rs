//! The functions over a store in memory and a world that can fail, stall or change at every call.

mod alarms;
mod alert_router;
mod approvals;
mod approve;
mod budget;
mod clean_up;
mod cost_optimizer;
mod environment_orders;
mod faults;
mod fence;
mod gates;
mod health_check;
mod history;
mod line;
mod machine;
mod orders;
mod outbox;
mod owed;
mod publish;
mod rollback;
mod start_deploy;
mod store;
mod sweep;
mod world;
