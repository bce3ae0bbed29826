use std::collections::BTreeMap;

use alerting::ConditionError;
use rollout::{Colour, ServiceName};

use crate::Written;
use crate::alerts::InvalidAlerts;
use crate::cost::InvalidCost;
use crate::notifications::InvalidChannel;
use crate::place::Place;
use crate::promotion::InvalidPromotion;
use crate::settings::{Overrides, ReadinessRules, Rules};
use crate::sources::InvalidSource;
use crate::span::Span;
use schedule::InvalidWindow;

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfiguration {
    /// The text is not a configuration; the message names line and column.
    #[error("{0}")]
    Syntax(String),
    /// Two services would be started by one pipeline.
    #[error(
        "services {first} and {second} have the same pipeline {pipeline:?}: give each service a pipeline of its own"
    )]
    SharedPipeline {
        /// One.
        first: ServiceName,
        /// The other.
        second: ServiceName,
        /// The pipeline.
        pipeline: String,
    },
    /// Two services would move one rule's traffic.
    #[error(
        "services {first} and {second} have the same rule {rule:?}: give each service a listener rule of its own"
    )]
    SharedRule {
        /// One.
        first: ServiceName,
        /// The other.
        second: ServiceName,
        /// The rule.
        rule: String,
    },
    /// Both colours are one.
    #[error("service {0} has the same target group for blue and green: a rollout needs two")]
    OneColour(ServiceName),
    /// The account is no account.
    #[error("environment.account is {0:?}: write the twelve digits of the AWS account, in quotes")]
    Account(String),
    /// A colour's endpoint is no base URL.
    #[error("{place} is {value:?}: write a URL that begins with http:// or https:// and names a host")]
    Endpoint {
        /// Where it is written.
        place: Place,
        /// What is written.
        value: String,
    },
    /// Between two looks the rollout would lose its service.
    #[error(
        "{place} is {value}: write less than {bound}, half of the lease that a rollout loses without a sign of life; for a \
         version that needs longer, raise attempts"
    )]
    Interval {
        /// Where it is written.
        place: Place,
        /// What is written.
        value: Span,
        /// What it has to be under.
        bound: Span,
    },
    /// A metric of the judge has no source that fits.
    #[error("{place}: {source}")]
    Source {
        /// Where the metrics are written.
        place: Place,
        /// Why.
        source: InvalidSource,
    },
    /// The path of a check is no path.
    #[error(
        "{place} is {value:?}: write a path that begins with '/', it is appended to the colour's endpoint"
    )]
    Path {
        /// Where it is written.
        place: Place,
        /// What is written.
        value: String,
    },
    /// What a version needs before it may be rolled out.
    #[error("{place}: {source}")]
    Promotion {
        /// Where it is written.
        place: Place,
        /// Why.
        source: InvalidPromotion,
    },
    /// A freeze window.
    #[error("{place}: {source}")]
    Window {
        /// Where it is written.
        place: Place,
        /// Why.
        source: InvalidWindow,
    },
    /// A channel.
    #[error("{place}: {source}")]
    Channel {
        /// Where it is written.
        place: Place,
        /// Why.
        source: InvalidChannel,
    },
    /// Who is told of what.
    #[error("{place}: {source}")]
    Alerts {
        /// Where it is written.
        place: Place,
        /// Why.
        source: InvalidAlerts,
    },
    /// What is stopped and started when.
    #[error("{place}: {source}")]
    Cost {
        /// Where it is written.
        place: Place,
        /// Why.
        source: InvalidCost,
    },
}

/// Everything that is wrong with blocks; at least one thing.
#[derive(Debug)]
pub(crate) struct Mistakes {
    first: InvalidConfiguration,
    more: Vec<InvalidConfiguration>,
}

impl Mistakes {
    /// Refuses where there is one.
    pub(crate) fn none_of(all: Vec<InvalidConfiguration>) -> Result<(), Self> {
        let mut all = all.into_iter();
        match all.next() {
            Some(first) => Err(Self { first, more: all.collect() }),
            None => Ok(()),
        }
    }

    /// Two things that are both right, or everything that is wrong with them.
    pub(crate) fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(mut one), Err(other)) => {
                one.more.extend(other);
                Err(one)
            }
            (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
        }
    }

    /// The first.
    pub(crate) fn first(self) -> InvalidConfiguration {
        self.first
    }
}

impl From<InvalidConfiguration> for Mistakes {
    fn from(first: InvalidConfiguration) -> Self {
        Self { first, more: Vec::new() }
    }
}

impl IntoIterator for Mistakes {
    type Item = InvalidConfiguration;
    type IntoIter = std::iter::Chain<std::iter::Once<Self::Item>, std::vec::IntoIter<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.more)
    }
}

impl InvalidConfiguration {
    /// Where the mistake is written, unless the message says it already.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Syntax(_) => None,
            Self::SharedPipeline { second, .. } => Some(Place::of(["services", second.as_str(), "pipeline"])),
            Self::SharedRule { second, .. } => {
                Some(Place::of(["services", second.as_str(), "route", "rule"]))
            }
            Self::OneColour(service) => {
                Some(Place::of(["services", service.as_str(), "route", "green", "target_group"]))
            }
            Self::Account(_) => Some(Place::of(["environment", "account"])),
            Self::Endpoint { place, .. }
            | Self::Interval { place, .. }
            | Self::Path { place, .. }
            | Self::Source { place, .. }
            | Self::Promotion { place, .. }
            | Self::Window { place, .. }
            | Self::Channel { place, .. }
            | Self::Alerts { place, .. }
            | Self::Cost { place, .. } => Some(place.clone()),
        }
    }

    /// Of a calendar that cannot be read, why.
    pub(crate) const fn calendar(&self) -> Option<&schedule::InvalidCalendar> {
        match self {
            Self::Cost { source: InvalidCost::Plan(schedule::InvalidPlan::Calendar(wrong)), .. } => {
                Some(wrong)
            }
            _ => None,
        }
    }

    /// Of a condition that cannot be read, why.
    pub(crate) fn condition(&self) -> Option<&ConditionError> {
        match self {
            Self::Alerts { source, .. } => source.condition(),
            _ => None,
        }
    }
}

/// What no field can tell alone.
pub(crate) fn check(written: &Written) -> Result<(), InvalidConfiguration> {
    if let Some(account) = &written.environment.account
        && (account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()))
    {
        return Err(InvalidConfiguration::Account(account.clone()));
    }
    check_readiness(&written.rollout.readiness, &Place::of(["rollout", "readiness"]))?;
    check_sources(&written.rollout, &Overrides::default(), &Place::of(["rollout", "judge"]))?;
    let mut pipelines = BTreeMap::new();
    let mut rules = BTreeMap::new();
    for (name, service) in &written.services {
        let place = Place::of(["services", name.as_str()]);
        if service.route.blue.target_group == service.route.green.target_group {
            return Err(InvalidConfiguration::OneColour(name.clone()));
        }
        for colour in [Colour::Blue, Colour::Green] {
            let endpoint = &service.route.arm(colour).endpoint;
            if !is_base_url(endpoint) {
                let place = place.key("route").key(&colour.to_string()).key("endpoint");
                return Err(InvalidConfiguration::Endpoint { place, value: endpoint.clone() });
            }
        }
        if let Some(readiness) = &service.rollout.readiness {
            check_readiness(readiness, &place.key("rollout").key("readiness"))?;
        }
        if service.rollout.judge.is_some() {
            check_sources(&written.rollout, &service.rollout, &place.key("rollout").key("judge"))?;
        } else if service.rollout.metric_sources.is_some() {
            check_sources(&written.rollout, &service.rollout, &place.key("rollout").key("metric_sources"))?;
        }
        if let Some(first) = pipelines.insert(&service.pipeline, name) {
            return Err(InvalidConfiguration::SharedPipeline {
                first: first.clone(),
                second: name.clone(),
                pipeline: service.pipeline.clone(),
            });
        }
        if let Some(first) = rules.insert(&service.route.rule, name) {
            return Err(InvalidConfiguration::SharedRule {
                first: first.clone(),
                second: name.clone(),
                rule: service.route.rule.clone(),
            });
        }
    }
    Ok(())
}

fn check_sources(common: &Rules, own: &Overrides, place: &Place) -> Result<(), InvalidConfiguration> {
    let judge = own.judge.as_ref().unwrap_or(&common.judge);
    let sources = own.metric_sources.as_ref().unwrap_or(&common.metric_sources);
    let resolved = crate::sources::resolve(&judge.metrics, sources);
    resolved.map(|_| ()).map_err(|source| InvalidConfiguration::Source { place: place.clone(), source })
}

fn check_readiness(readiness: &ReadinessRules, place: &Place) -> Result<(), InvalidConfiguration> {
    let bound = Span::of(rollout::LEASE.0 / 2);
    if readiness.interval.seconds() >= bound.seconds() {
        let (place, value) = (place.key("interval"), readiness.interval);
        return Err(InvalidConfiguration::Interval { place, value, bound });
    }
    let check = |path: &str, place: Place| {
        if path.starts_with('/') {
            return Ok(());
        }
        Err(InvalidConfiguration::Path { place, value: path.to_owned() })
    };
    check(&readiness.path, place.key("path"))?;
    readiness
        .smoke_tests
        .iter()
        .enumerate()
        .try_for_each(|(index, test)| check(&test.path, place.key("smoke_tests").item(index).key("path")))
}

fn is_base_url(endpoint: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .filter_map(|scheme| endpoint.strip_prefix(scheme))
        .any(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
}
