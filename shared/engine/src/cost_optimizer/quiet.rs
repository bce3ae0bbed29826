//! Whether anything may be stopped now.

use alerting::{Alert, Severity};
use contract::Failure;
use environments::Environment;
use jiff::Timestamp;
use rollout::{Lease, Line};
use schedule::{Standing, standing};

use super::CostOptimizerFunction;
use crate::failures;

impl CostOptimizerFunction<'_> {
    /// Why nothing may be stopped now: a rollout, an incident, a stopped line, a freeze. What is started never waits.
    pub(super) async fn stops_wait(
        &self,
        configuration: &Environment,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let control = self.store.control(&self.environment).await.map_err(failures::port)?;
        if let Line::Stopped { by, why, since } = &control.line {
            return Ok(Some(format!(
                "the line was stopped at {since} by {by} ({why}): ace resume lets things stop again"
            )));
        }
        if control.freeze.holds_at(now) {
            return Ok(Some(format!("the environment is {}", control.freeze)));
        }
        if let Standing::Inside { windows, .. } = standing(configuration.freeze(), now) {
            return Ok(Some(format!(
                "the environment is frozen by its configuration ({})",
                windows.join(", ")
            )));
        }
        if let Some(why) = self.incident().await? {
            return Ok(Some(why));
        }
        // Last, as a rollout may begin at any moment.
        self.held(configuration).await
    }

    /// The rollout that holds a service. Unlike the list of active rollouts, which lags behind, each target is read
    /// consistently.
    async fn held(&self, configuration: &Environment) -> Result<Option<String>, Failure> {
        for service in configuration.services().keys() {
            let target = self.store.target(&self.environment, service).await.map_err(failures::port)?;
            if let Some(Lease::Held { by, .. }) = target.map(|target| target.lease) {
                return Ok(Some(format!("rollout {by} of {service} is active")));
            }
        }
        let active = self.store.active(&self.environment).await.map_err(failures::port)?;
        Ok(active
            .first()
            .map(|rollout| format!("rollout {} of {} is active", rollout.id, rollout.plan.service)))
    }

    async fn incident(&self) -> Result<Option<String>, Failure> {
        let open = self.alerts.open_groups(&self.environment).await.map_err(failures::port)?;
        let here = |alert: &Alert| {
            let subject = alert.key.subject.as_ref();
            let here = subject.is_none_or(|subject| subject.environment == self.environment);
            here && alert.is_firing() && alert.severity == Severity::Critical
        };
        let group = open.iter().find(|group| group.alerts().any(here));
        Ok(group.map(|group| format!("there is an incident: {}", group.title())))
    }
}
