//! cost-optimizer: what is not needed is off, and what is needed is ready.
//!
//! Each tick compares what is wanted of every resource with what is seen of it. What is remembered of a resource is written
//! before anything is asked of it, so that whatever ends in between is made up for by the next tick.

mod orders;
mod quiet;
mod savings;
mod tick;

use async_trait::async_trait;
use contract::{CostOptimizer, CostOptimizerReply, CostOptimizerResult, Failure, Function};
use rollout::{EnvironmentName, Seconds};

use crate::failures;
use crate::ports::{AlertStore, Clock, CostMeter, CostStore, Resources, Store, Troubles};
use tick::{Tally, Tick};

/// How much time is between two ticks (`CostTick` in infra/template.yaml; a contract test compares).
pub const TICK: Seconds = Seconds(5 * 60);

/// So many orders of a service are given between two looks at what keeps things from being stopped: five seconds of
/// `UpdateService`, the slowest of them at AWS's rate.
pub const BETWEEN_LOOKS: usize = 100;

/// After this time no more orders are given: what is left, the next tick asks for. A hundred take up to forty seconds where
/// AWS takes three a second, and the function has two minutes.
pub const GIVES_ORDERS_FOR: Seconds = Seconds(70);

/// The function.
pub struct CostOptimizerFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts and configurations are stored.
    pub store: &'a dyn Store,
    /// Where alerts are stored.
    pub alerts: &'a dyn AlertStore,
    /// Where it is stored what is stopped and started.
    pub costs: &'a dyn CostStore,
    /// What there is.
    pub resources: Vec<&'a dyn Resources>,
    /// Tells of what is stuck.
    pub troubles: &'a dyn Troubles,
    /// Its metrics.
    pub meter: &'a dyn CostMeter,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Function for CostOptimizerFunction<'_> {
    const NAME: &'static str = "cost-optimizer";
    type Request = CostOptimizer;
    type Reply = CostOptimizerReply;

    async fn call(&self, request: CostOptimizer) -> Result<CostOptimizerReply, Failure> {
        let ignored = |reason: String| Ok(Tally::default().reply(CostOptimizerResult::Ignored, reason));
        // The configuration refuses that, and so does IAM; whoever gets round both gets no further than here.
        if cost::is_production(self.environment.as_str()) {
            return ignored(format!(
                "environment {} is production, which is never stopped",
                self.environment
            ));
        }
        let published = self.store.configuration(&self.environment).await.map_err(failures::port)?;
        let Some(published) = published else {
            return ignored(format!(
                "environment {0} has no configuration: ace publish --environment {0}",
                self.environment
            ));
        };
        let Some(cost) = published.configuration.cost() else {
            return ignored(format!(
                "environment {} has no block cost: nothing is stopped",
                self.environment
            ));
        };
        let tick = Tick::new(self, &published.configuration, cost);
        match request {
            CostOptimizer::Tick => tick.run(None).await,
            CostOptimizer::Woken(arn) => tick.run(Some(arn)).await,
            CostOptimizer::Override(written) => self.keep(tick, written).await,
            CostOptimizer::EndOverride(order) => self.end_override(tick, order).await,
            CostOptimizer::Other { what } => {
                ignored(format!("{what} is about nothing that is stopped or started"))
            }
        }
    }
}
