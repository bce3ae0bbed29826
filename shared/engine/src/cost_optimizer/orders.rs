//! What people order.

use contract::{CostOptimizerReply, CostOptimizerResult, EndOverride, ErrorName, Failure};
use cost::{OverrideId, names};
use schedule::{Override, WrittenOverride};

use super::CostOptimizerFunction;
use super::tick::{Tally, Tick};
use crate::failures;

impl CostOptimizerFunction<'_> {
    /// Keeps resources on or off for a while, from now on.
    pub(super) async fn keep(
        &self,
        tick: Tick<'_>,
        written: WrittenOverride,
    ) -> Result<CostOptimizerReply, Failure> {
        let over = Override::read(written, tick.now()).map_err(|(key, error)| {
            Failure::new(ErrorName::InvalidInput, format!("override.{key}: {error}"))
        })?;
        tick.rules()
            .check(over.resources())
            .map_err(|error| Failure::new(ErrorName::InvalidInput, format!("override.resources: {error}")))?;
        let known = self.costs.resources(&self.environment).await.map_err(failures::port)?;
        let is_about = |pattern: &str| known.iter().any(|one| names(pattern, one.kind, &one.name, &one.arn));
        if !known.is_empty() && !is_about(over.resources()) {
            let some: Vec<String> =
                known.iter().take(8).map(|one| format!("{}:{}", one.kind, one.name)).collect();
            let why = format!(
                "override.resources is {:?}, and no resource of {} is called so; there are {}: ace schedule show lists all",
                over.resources(),
                self.environment,
                some.join(", ")
            );
            return Ok(Tally::default().reply(CostOptimizerResult::Refused, why));
        }
        let id = OverrideId::of(&over);
        let said = format!("override {id}: {} is {} until {}", over.resources(), over.state(), over.until());
        self.costs.put_override(&self.environment, &(id, over)).await.map_err(failures::port)?;
        self.applied(tick, said).await
    }

    pub(super) async fn end_override(
        &self,
        tick: Tick<'_>,
        order: EndOverride,
    ) -> Result<CostOptimizerReply, Failure> {
        let EndOverride { id, by } = order;
        if !self.costs.remove_override(&self.environment, &id).await.map_err(failures::port)? {
            let why = format!("there is no override {id}: ace schedule show lists those that hold");
            return Ok(Tally::default().reply(CostOptimizerResult::Refused, why));
        }
        self.applied(tick, format!("override {id} was ended by {by}")).await
    }

    /// Something else is wanted now: that is looked at at once. Where it cannot be, the next tick does.
    async fn applied(&self, tick: Tick<'_>, said: String) -> Result<CostOptimizerReply, Failure> {
        match tick.run(None).await {
            Ok(reply) => {
                let reason = format!("{said}; {}", reply.reason);
                Ok(CostOptimizerReply { result: CostOptimizerResult::Applied, reason, ..reply })
            }
            Err(failure) => {
                let reason =
                    format!("{said}; the next look at its resources makes it so, this one failed: {failure}");
                Ok(Tally::default().reply(CostOptimizerResult::Applied, reason))
            }
        }
    }
}
