//! The use case of each function over ports: load, decide, commit, execute.
//!
//! A function is a struct of the ports it may use and nothing else, so that what it can touch is what its role in
//! `infra/template.yaml` allows. [`ledger`] is the only way a stored rollout changes, [`fence`] the only way a weight
//! is written, [`outbox`] the only way anything else is done.

mod alarms;
mod alert_router;
mod allowance;
mod approve;
pub mod below;
mod cost_optimizer;
mod environment_orders;
mod failures;
pub mod fence;
pub mod gates;
mod health_check;
pub mod history;
pub mod ledger;
pub mod outbox;
pub mod outcome;
pub mod ports;
mod promote_step;
pub mod publish;
pub mod replay;
mod reply;
mod rollback;
mod start_deploy;
mod sweep;
mod window;

pub use alert_router::{AlertRouterFunction, Lookout, Setups};
pub use approve::ApproveFunction;
pub use cost_optimizer::{BETWEEN_LOOKS, CostOptimizerFunction, GIVES_ORDERS_FOR, TICK};
pub use health_check::HealthCheckFunction;
pub use promote_step::PromoteStepFunction;
pub use reply::describe;
pub use rollback::RollbackFunction;
pub use start_deploy::{StartDeployFunction, requested_rollout};

#[cfg(test)]
mod tests;
