//! The configuration of an environment: what can be rolled out there, and how. Pure: text in, a valid
//! [`Environment`] or an error that names the place out; [`Environment::plan`] resolves it to a plan.

mod alerts;
mod blocks;
mod canary;
mod cost;
mod invalid;
mod near;
mod notifications;
mod place;
mod promotion;
mod scalar;
mod settings;
mod sources;
mod span;
pub mod tree;

use std::collections::BTreeMap;

use alerting::ChannelName;
use rollout::{
    Approvals, CleanUpRules, Configured, EnvironmentName, EvidenceRules, Plan, Readiness, Seconds,
    ServiceName, Steps, Strategy, Version,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::cost::WrittenCost;
use alerts::{Alerts, WrittenAlerts};
use invalid::Mistakes;
use notifications::WrittenChannel;
use promotion::WrittenPromotion;

pub use self::cost::{Cost, InvalidCost};
pub use alerts::{InvalidAlerts, InvalidMetric};
pub use canary::CanaryRules;
pub use invalid::InvalidConfiguration;
pub use notifications::{
    Channel, ChannelKind, Email, EmailAddress, InvalidChannel, InvalidSecretKey, InvalidTopicArn, SecretKey,
    Slack, SlackChannel, TopicArn, Url, Way,
};
pub use place::Place;
pub use promotion::{ApprovalSettings, Below, InvalidPromotion, Promotion, Soak};
pub use settings::{
    BlueGreenRules, CleanUpSettings, EvidenceSettings, Identity, Overrides, ReadinessRules, Rules, Service,
    StopTheLine,
};
pub use sources::{InvalidSource, MetricSource};
pub use span::{InvalidSpan, Span};

/// The longest that a function which lost its rollout may still be writing: the functions' timeout of 30 seconds
/// (infra/template.yaml; a contract test compares) and a margin for what is on the wire.
pub const ZOMBIE_BOUND: Seconds = Seconds(35);

/// The configuration of an environment, valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Environment {
    /// Which environment this is.
    pub environment: Identity,
    /// How rollouts go, unless a service says otherwise.
    pub rollout: Rules,
    /// What a version needs before it may be rolled out.
    pub promotion: Promotion,
    services: BTreeMap<ServiceName, Service>,
    freeze: Vec<schedule::Window>,
    notifications: BTreeMap<ChannelName, Channel>,
    alerts: Alerts,
    /// Boxed, as it has a price list, and most environments have none.
    cost: Option<Box<Cost>>,
}

/// The same as it is written, not yet checked across its fields.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    environment: Identity,
    #[serde(default)]
    rollout: Rules,
    #[serde(default)]
    services: BTreeMap<ServiceName, Service>,
    /// What a version needs before it may be rolled out.
    #[serde(default, skip_serializing_if = "is_usual")]
    promotion: WrittenPromotion,
    /// When no rollout may start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    freeze: Vec<schedule::WrittenWindow>,
    /// Who is told, by the names of the channels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    notifications: BTreeMap<String, WrittenChannel>,
    /// What they are told of, when and why.
    #[serde(default, skip_serializing_if = "WrittenAlerts::is_usual")]
    alerts: WrittenAlerts,
    /// What is stopped and started when, to pay less; never in production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<WrittenCost>,
}

fn is_usual(promotion: &WrittenPromotion) -> bool {
    *promotion == WrittenPromotion::default()
}

/// A service that the environment does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not in the configuration of environment {environment}: {known}")]
pub struct UnknownService {
    what: String,
    environment: String,
    known: String,
}

impl TryFrom<Written> for Environment {
    type Error = InvalidConfiguration;

    fn try_from(written: Written) -> Result<Self, InvalidConfiguration> {
        Self::read(written).map_err(Mistakes::first)
    }
}

impl From<Environment> for Written {
    fn from(valid: Environment) -> Self {
        Self {
            environment: valid.environment,
            rollout: valid.rollout,
            services: valid.services,
            promotion: valid.promotion.into(),
            freeze: valid.freeze.into_iter().map(Into::into).collect(),
            notifications: valid
                .notifications
                .into_iter()
                .map(|(name, channel)| (name.into(), channel.into()))
                .collect(),
            alerts: valid.alerts.into_written(),
            cost: valid.cost.map(|cost| cost.into_written()),
        }
    }
}

impl Environment {
    /// Checks what is written, and tells everything that is wrong with it.
    fn read(written: Written) -> Result<Self, Mistakes> {
        let checked = invalid::check(&written).map_err(Mistakes::from);
        let channels: Vec<&str> = written.notifications.keys().map(String::as_str).collect();
        let alerts = alerts::read(written.alerts, &channels);
        let notifications = notifications::read(written.notifications);
        let told = Mistakes::both(notifications, alerts);
        let promotion = blocks::promotion(written.promotion, &written.environment.name);
        let gates = Mistakes::both(promotion, blocks::freeze(written.freeze));
        let cost = self::cost::read(written.cost, &written.environment.name);
        let checked = Mistakes::both(checked, cost);
        let (((), cost), ((promotion, freeze), (notifications, alerts))) =
            Mistakes::both(checked, Mistakes::both(gates, told))?;
        let Written { environment, rollout, services, .. } = written;
        let cost = cost.map(Box::new);
        Ok(Self { environment, rollout, promotion, services, freeze, notifications, alerts, cost })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`InvalidConfiguration`] with the line and column of the first mistake, and the remedy.
    pub fn from_yaml(text: &str) -> Result<Self, InvalidConfiguration> {
        let written: Written = serde_saphyr::from_str(text)
            .map_err(|error| InvalidConfiguration::Syntax(place::told(&error)))?;
        Self::try_from(written).map_err(|invalid| place::placed(invalid, text))
    }

    /// The JSON Schema of the configuration file.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Written)
    }

    /// The services, by name.
    pub const fn services(&self) -> &BTreeMap<ServiceName, Service> {
        &self.services
    }

    /// When no rollout may start.
    pub fn freeze(&self) -> &[schedule::Window] {
        &self.freeze
    }

    /// Who is told, by the names of the channels.
    pub const fn notifications(&self) -> &BTreeMap<ChannelName, Channel> {
        &self.notifications
    }

    /// Who is told of what, when and why, where the environment is called so: what its folder and its stack are called,
    /// the configuration itself does not know.
    pub fn alerts(&self, environment: &EnvironmentName) -> alerting::Policy {
        self.alerts.policy(environment, &self.notifications)
    }

    /// What is stopped and started when, if anything is.
    pub fn cost(&self) -> Option<&Cost> {
        self.cost.as_deref()
    }

    /// The service that a pipeline starts.
    ///
    /// # Errors
    /// [`UnknownService`], naming the pipelines that are known.
    pub fn service_of_pipeline(&self, pipeline: &str) -> Result<&ServiceName, UnknownService> {
        self.services
            .iter()
            .find(|(_, service)| service.pipeline == pipeline)
            .map(|(name, _)| name)
            .ok_or_else(|| {
                let known = self.services.values().map(|service| service.pipeline.as_str());
                self.unknown(format!("pipeline {pipeline:?}"), "pipelines", known)
            })
    }

    /// What a rollout of `version` of a service will do. Which published configuration this is, the configuration itself
    /// does not know: it is for whoever read it to say.
    ///
    /// # Errors
    /// [`UnknownService`], naming the services that are known.
    pub fn plan(
        &self,
        environment: &EnvironmentName,
        name: &ServiceName,
        version: Version,
        strategy: Option<Strategy>,
    ) -> Result<Plan, UnknownService> {
        let service = self.services.get(name).ok_or_else(|| {
            self.unknown(
                format!("service {:?}", name.as_str()),
                "services",
                self.services.keys().map(ServiceName::as_str),
            )
        })?;
        let (own, common) = (&service.rollout, &self.rollout);
        let strategy = strategy.unwrap_or(service.strategy);
        let steps = match strategy {
            Strategy::Canary => own.canary.as_ref().unwrap_or(&common.canary).steps().clone(),
            Strategy::BlueGreen => {
                Steps::at_once(own.blue_green.as_ref().unwrap_or(&common.blue_green).monitor.seconds())
            }
        };
        let approvals = &self.promotion.approvals;
        let steps = if approvals.required { steps.approved_first() } else { steps };
        let readiness = own.readiness.as_ref().unwrap_or(&common.readiness);
        let evidence = own.evidence.as_ref().unwrap_or(&common.evidence);
        let clean_up = own.clean_up.as_ref().unwrap_or(&common.clean_up);
        let judge = own.judge.as_ref().unwrap_or(&common.judge).clone();
        let metric_sources = own.metric_sources.as_ref().unwrap_or(&common.metric_sources);
        Ok(Plan {
            environment: environment.clone(),
            service: name.clone(),
            version,
            strategy,
            steps,
            route: service.route.clone(),
            readiness: Readiness {
                attempts: readiness.attempts,
                interval: readiness.interval.seconds(),
                path: readiness.path.clone(),
                smoke_tests: readiness.smoke_tests.clone(),
            },
            // Checked when the configuration was read.
            sources: sources::resolve(&judge.metrics, metric_sources).unwrap_or_default(),
            judge,
            evidence: EvidenceRules {
                settle: evidence.settle.seconds(),
                metric_delay: evidence.metric_delay.seconds(),
                patience: evidence.patience.seconds(),
                blind: evidence.blind.seconds(),
                frozen: evidence.frozen.seconds(),
            },
            guardrails: own.guardrails.as_ref().unwrap_or(&common.guardrails).clone(),
            clean_up: CleanUpRules {
                after: clean_up.after.seconds(),
                quiet_minutes: clean_up.quiet_minutes,
                attempts: clean_up.attempts,
            },
            stop_the_line: common.stop_the_line.rules(),
            approvals: Approvals {
                expires: approvals.expires.seconds(),
                approvers: approvals.approvers.clone(),
                not_the_starter: approvals.not_the_starter,
            },
            zombie_bound: ZOMBIE_BOUND,
            configuration: Configured::default(),
        })
    }

    fn unknown<'a>(&self, what: String, kind: &str, known: impl Iterator<Item = &'a str>) -> UnknownService {
        let known: Vec<&str> = known.collect();
        let known = if known.is_empty() {
            "it has no services; add it under services".to_owned()
        } else {
            format!("known {kind} are {}; correct the name or add it under services", known.join(", "))
        };
        UnknownService { what, environment: self.environment.name.clone(), known }
    }
}

#[cfg(test)]
mod tests;
