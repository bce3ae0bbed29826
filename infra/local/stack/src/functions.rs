//! The functions, composed over the stack's ports, where the state machine calls Lambda.

use std::sync::Arc;

use asl::{Resource, TaskError, Tasks};
use async_trait::async_trait;
use contract::{Failure, Function, invoke};
use engine::ports::{
    AlarmTags, Alarms, ApprovalKeys, Below, Budget, CleanUpSchedule, Clock, CostStore, Fleet, Meter, Metrics,
    Notifier, Prober, Revisions, Served, Store, Traffic,
};
use engine::{
    AlertRouterFunction, ApproveFunction, CostOptimizerFunction, HealthCheckFunction, PromoteStepFunction,
    RollbackFunction, Setups, StartDeployFunction,
};
use rollout::EnvironmentName;
use serde_json::{Value, json};

use crate::desk::{LoggedMeasures, LoggedTroubles};
use crate::messages::Messages;

/// Everything that functions reach on this machine.
#[derive(Clone)]
pub struct Ports {
    /// The environment.
    pub environment: EnvironmentName,
    /// Where rollouts are stored.
    pub store: Arc<dyn Store>,
    /// The rule.
    pub traffic: Arc<dyn Traffic>,
    /// The machines behind the colours.
    pub fleet: Arc<dyn Fleet>,
    /// The evidence.
    pub metrics: Arc<dyn Metrics>,
    /// The guardrails.
    pub alarms: Arc<dyn Alarms>,
    /// The environment below.
    pub below: Arc<dyn Below>,
    /// What versions have served there.
    pub served: Arc<dyn Served>,
    /// What alarms are tagged with.
    pub tags: Arc<dyn AlarmTags>,
    /// Looks at the new version.
    pub prober: Arc<dyn Prober>,
    /// Those who want to know.
    pub notifier: Arc<dyn Notifier>,
    /// The load balancer's API budget.
    pub budget: Arc<dyn Budget>,
    /// The project's own metrics.
    pub meter: Arc<dyn Meter>,
    /// What pipelines built.
    pub revisions: Arc<dyn Revisions>,
    /// Reminders of clean-ups.
    pub schedule: Arc<dyn CleanUpSchedule>,
    /// What signs approval links.
    pub keys: Arc<dyn ApprovalKeys>,
    /// What alert-router reaches beside these; without it nobody is told of alerts.
    pub messages: Option<Messages>,
    /// What cost-optimizer remembers; without it, or without messages, there is none.
    pub costs: Option<Arc<dyn CostStore>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Ports {
    /// start-deploy over these ports.
    pub fn start_deploy(&self) -> StartDeployFunction<'_> {
        StartDeployFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            traffic: &*self.traffic,
            alarms: &*self.alarms,
            below: &*self.below,
            served: &*self.served,
            revisions: &*self.revisions,
            fleet: &*self.fleet,
            notifier: &*self.notifier,
            budget: &*self.budget,
            meter: &*self.meter,
            clock: &*self.clock,
        }
    }

    /// health-check over these ports.
    pub fn health_check(&self) -> HealthCheckFunction<'_> {
        HealthCheckFunction {
            store: &*self.store,
            traffic: &*self.traffic,
            fleet: &*self.fleet,
            metrics: &*self.metrics,
            alarms: &*self.alarms,
            prober: &*self.prober,
            notifier: &*self.notifier,
            budget: &*self.budget,
            meter: &*self.meter,
            clock: &*self.clock,
        }
    }

    /// promote-step over these ports.
    pub fn promote_step(&self) -> PromoteStepFunction<'_> {
        PromoteStepFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            traffic: &*self.traffic,
            metrics: &*self.metrics,
            fleet: &*self.fleet,
            notifier: &*self.notifier,
            schedule: &*self.schedule,
            budget: &*self.budget,
            meter: &*self.meter,
            clock: &*self.clock,
        }
    }

    /// rollback over these ports.
    pub fn rollback(&self) -> RollbackFunction<'_> {
        RollbackFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            traffic: &*self.traffic,
            tags: &*self.tags,
            notifier: &*self.notifier,
            budget: &*self.budget,
            meter: &*self.meter,
            clock: &*self.clock,
        }
    }

    /// approve over these ports.
    pub fn approve(&self) -> ApproveFunction<'_> {
        ApproveFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            keys: &*self.keys,
            clock: &*self.clock,
        }
    }

    /// alert-router over these ports, where somebody can be told.
    pub fn alert_router(&self) -> Option<AlertRouterFunction<'_>> {
        let Messages { alerts, courier, secrets, timers, letters, .. } = self.messages.as_ref()?;
        Some(AlertRouterFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            alerts: &**alerts,
            tags: &*self.tags,
            timers: &**timers,
            courier: &**courier,
            secrets: &**secrets,
            letters: &**letters,
            clock: &*self.clock,
            setups: Setups::default(),
        })
    }

    /// cost-optimizer over these ports, where it has a memory. There are no resources on this machine that it could stop: it
    /// takes orders, and what they mean can be seen.
    pub fn cost_optimizer(&self) -> Option<CostOptimizerFunction<'_>> {
        Some(CostOptimizerFunction {
            environment: self.environment.clone(),
            store: &*self.store,
            alerts: &*self.messages.as_ref()?.alerts,
            costs: self.costs.as_deref()?,
            resources: Vec::new(),
            troubles: &LoggedTroubles,
            meter: &LoggedMeasures,
            clock: &*self.clock,
        })
    }

    /// Calls a function by its name, as Lambda would.
    ///
    /// # Errors
    /// The function's failure; `None` when there is no function of that name.
    pub async fn call(&self, function: &str, payload: Value) -> Option<Result<Value, Failure>> {
        Some(match function {
            StartDeployFunction::NAME => invoke(&self.start_deploy(), payload).await,
            HealthCheckFunction::NAME => invoke(&self.health_check(), payload).await,
            PromoteStepFunction::NAME => invoke(&self.promote_step(), payload).await,
            ApproveFunction::NAME => invoke(&self.approve(), payload).await,
            RollbackFunction::NAME => invoke(&self.rollback(), payload).await,
            AlertRouterFunction::NAME => {
                let _turn = self.messages.as_ref()?.turn.lock().await;
                invoke(&self.alert_router()?, payload).await
            }
            CostOptimizerFunction::NAME => invoke(&self.cost_optimizer()?, payload).await,
            _ => return None,
        })
    }
}

#[async_trait]
impl Tasks for Ports {
    async fn invoke(&self, resource: &Resource, payload: Value) -> Result<Value, TaskError> {
        let name = resource.function_name();
        match self.call(name, payload).await {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(failure)) => {
                // What Step Functions makes of a function's error: its type, and its reply as JSON text.
                let cause = json!({ "errorType": failure.name.as_str(), "errorMessage": failure.message });
                Err(TaskError::new(failure.name.as_str(), cause.to_string()))
            }
            None => Err(TaskError::new(
                "Lambda.ResourceNotFoundException",
                format!("there is no function {name}"),
            )),
        }
    }
}
