//! What crosses a boundary of ours: names, replies, requests as AWS delivers them.

mod alert_router;
mod approve;
mod cost_optimizer;
mod names;
mod rollback;
mod start_deploy;
mod turns;
