//! What people order of a whole environment or of a service, and not of a rollout: the function rollback takes these. An
//! order that holds already changes nothing.

use contract::{ErrorName, Failure, FreezeOrder, Reply, RollbackNext as Next};
use rollout::{Barred, Event, Lease, Line, ServiceName, Version};

use crate::failures;
use crate::ledger::Recorded;
use crate::outbox::change_control;
use crate::rollback::RollbackFunction;

/// How often the bar is looked at anew because a rollout began or ended at the same time.
const LOOKS: usize = 4;

impl RollbackFunction<'_> {
    /// A person stops or resumes the line.
    pub(crate) async fn line(&self, stop: bool, by: String, reason: String) -> Result<Reply<Next>, Failure> {
        let at = self.clock.now();
        let control = change_control(self.store, &self.environment, |control| {
            if stop { control.stopped(by.clone(), reason.clone(), at) } else { control.resumed() }
        })
        .await?;
        let words = match control.line {
            Line::Running => format!("the line of environment {} runs", self.environment),
            Line::Stopped { by, why, since } => {
                format!("the line of environment {} was stopped at {since} by {by}: {why}", self.environment)
            }
        };
        Ok(self.nothing("", words))
    }

    /// A person lets no rollout start for a while, or lets them start again.
    pub(crate) async fn freeze(
        &self,
        order: FreezeOrder,
        by: String,
        reason: String,
    ) -> Result<Reply<Next>, Failure> {
        let at = self.clock.now();
        if let FreezeOrder::Freeze { until: Some(until) } = order
            && until <= at
        {
            let why = format!("until is {until}, and it is {at}: name a later time; nothing was changed");
            return Ok(self.nothing("", why));
        }
        let control = change_control(self.store, &self.environment, |control| match order {
            FreezeOrder::Freeze { until } => control.frozen(until, by.clone(), reason.clone(), at),
            FreezeOrder::Thaw => control.thawed(),
        })
        .await?;
        Ok(self.nothing("", format!("environment {} is {}", self.environment, control.freeze)))
    }

    /// A person lets a version come back. While a rollout holds the service, what is barred is kept by the rollout, which
    /// writes it to the service with every decision: there the order is an event of its history.
    pub(crate) async fn unhold(
        &self,
        service: &ServiceName,
        version: Version,
        by: String,
        reason: String,
    ) -> Result<Reply<Next>, Failure> {
        let (store, environment) = (self.store, &self.environment);
        let told = |words| Ok(self.nothing(service.as_str(), words));
        for _ in 0..LOOKS {
            let target = store.target(environment, service).await.map_err(failures::port)?;
            let barred = target.as_ref().map_or(&Barred::Nothing, |target| &target.barred);
            match barred {
                Barred::Version { version: barred, .. } if *barred == version => {}
                Barred::Version { version: barred, why, .. } => {
                    return told(format!(
                        "version {version} of service {service} is not barred, version {barred} is ({why}); \
                         nothing was changed"
                    ));
                }
                Barred::Nothing => {
                    return told(format!("no version of service {service} is barred; nothing was changed"));
                }
            }
            let lifted = match target.map(|target| target.lease) {
                Some(Lease::Held { by: holder, .. }) => {
                    let rollout = self.ledger().load(&holder).await?;
                    let (version, by, why) = (version.clone(), by.clone(), reason.clone());
                    let event = Event::BarLifted { version, by, why, at: self.clock.now() };
                    matches!(self.ledger().record(rollout, event).await?, Recorded::Applied(_))
                }
                Some(Lease::Free) | None => {
                    store.lift_bar(environment, service, &version).await.map_err(failures::port)?
                }
            };
            if lifted {
                tracing::info!(%environment, %service, %version, by, why = reason, "a bar was lifted");
                return told(format!("version {version} of service {service} may come back: {by}: {reason}"));
            }
        }
        Err(Failure::new(
            ErrorName::ConflictError,
            format!("rollouts of service {service} keep beginning and ending; it is tried again"),
        ))
    }
}
