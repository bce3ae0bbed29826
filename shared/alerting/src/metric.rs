//! Where CloudWatch has what conditions look at.

use std::collections::BTreeMap;

use rollout::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Kind;
use crate::severity::Health;
use crate::signal::Subject;

/// Stands in a dimension for the environment's name.
pub const ENVIRONMENT: &str = "{environment}";
/// Stands in a dimension for the service's name.
pub const SERVICE: &str = "{service}";

/// Where CloudWatch has a field of conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSource {
    /// What the field holds.
    pub kind: Kind,
    /// The namespace.
    pub namespace: String,
    /// The metric.
    pub metric: String,
    /// How datapoints are made of it: `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount` or a percentile like `p90`.
    pub statistic: String,
    /// Its dimensions as they are written, with [`ENVIRONMENT`] and [`SERVICE`] in them.
    pub dimensions: BTreeMap<String, String>,
    /// How long a datapoint is.
    pub period: Seconds,
    /// What it means when there is none.
    pub missing: Missing,
    /// What CloudWatch's values are multiplied by to be in the unit of the field: 1,000 for seconds.
    pub scale: f64,
}

/// What it means when a metric has no datapoint ("Configuring how CloudWatch alarms treat missing data", Amazon
/// CloudWatch User Guide).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is as bad as it can be: what should report does not.
    Breaching,
    /// It is fine: what is counted only when it happens did not happen.
    NotBreaching,
    /// It stays as it was.
    Ignore,
    /// Nobody knows: the alarm says `INSUFFICIENT_DATA`.
    #[default]
    Missing,
}

impl Missing {
    /// As `PutMetricAlarm` calls it (`TreatMissingData`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
            Self::Ignore => "ignore",
            Self::Missing => "missing",
        }
    }
}

/// The namespace of what is published about environments.
pub const ENVIRONMENTS: &str = "ACE-Flow/Environments";
/// What is published about how an environment is: 0 healthy, 0.5 degraded, 1 unhealthy, 2 critical.
pub const HEALTH: &str = "EnvironmentHealth";

/// The value that is published for a status.
pub const fn level(status: Health) -> f64 {
    match status {
        Health::Healthy => 0.0,
        Health::Degraded => 0.5,
        Health::Unhealthy => 1.0,
        Health::Critical => 2.0,
    }
}

/// Metrics of AWS that say something about a field wherever an alarm looks at them: namespace, metric, field, and what
/// one of their units is in the field's.
const OF_AWS: [(&str, &str, &str, f64); 10] = [
    ("AWS/ApplicationELB", "TargetResponseTime", "response_time", 1_000.0),
    ("AWS/ApiGateway", "Latency", "response_time", 1.0),
    ("AWS/Lambda", "Duration", "response_time", 1.0),
    ("AWS/CloudFront", "OriginLatency", "response_time", 1.0),
    ("AWS/CloudFront", "5xxErrorRate", "error_rate", 1.0),
    ("AWS/EC2", "CPUUtilization", "cpu", 1.0),
    ("AWS/ECS", "CPUUtilization", "cpu", 1.0),
    ("AWS/RDS", "CPUUtilization", "cpu", 1.0),
    ("AWS/ElastiCache", "EngineCPUUtilization", "cpu", 1.0),
    ("AWS/ECS", "MemoryUtilization", "memory", 1.0),
];

impl MetricSource {
    /// Where a built-in field is, unless the configuration says otherwise: what is published about environments.
    pub fn built_in(field: &str) -> Option<Self> {
        let (kind, metric, statistic, missing) = match field {
            "status" => (Kind::Status, HEALTH, "Maximum", Missing::Missing),
            "response_time" => (Kind::Duration, "ResponseTime", "Average", Missing::NotBreaching),
            "error_rate" => (Kind::Percent, "ErrorRate", "Average", Missing::NotBreaching),
            "cpu" => (Kind::Percent, "CpuUtilization", "Average", Missing::Missing),
            "memory" => (Kind::Percent, "MemoryUtilization", "Average", Missing::Missing),
            "requests" => (Kind::Count, "Requests", "Sum", Missing::Breaching),
            _ => return None,
        };
        Some(Self {
            kind,
            namespace: ENVIRONMENTS.to_owned(),
            metric: metric.to_owned(),
            statistic: statistic.to_owned(),
            dimensions: BTreeMap::from([("Environment".to_owned(), ENVIRONMENT.to_owned())]),
            period: Seconds(60),
            missing,
            scale: 1.0,
        })
    }

    /// Its dimensions for a subject; `None` where they are a service's and the subject is an environment as a whole.
    pub fn dimensions(&self, subject: &Subject) -> Option<BTreeMap<String, String>> {
        let filled = |(name, value): (&String, &String)| {
            let value = match &subject.service {
                Some(service) => value.replace(SERVICE, service.as_str()),
                None if value.contains(SERVICE) => return None,
                None => value.clone(),
            };
            Some((name.clone(), value.replace(ENVIRONMENT, subject.environment.as_str())))
        };
        self.dimensions.iter().map(filled).collect()
    }

    /// Whether it is a metric of services, not of the environment as a whole.
    pub fn is_of_services(&self) -> bool {
        self.dimensions.values().any(|value| value.contains(SERVICE))
    }
}

/// What an alarm's datapoint says of fields: by those sources that look at the same metric with the same statistic, and by
/// what AWS's own metrics are. A count of samples says nothing.
pub fn measured(
    sources: &BTreeMap<String, MetricSource>,
    namespace: &str,
    metric: &str,
    statistic: &str,
    datapoint: f64,
) -> BTreeMap<String, f64> {
    if statistic.eq_ignore_ascii_case("SampleCount") {
        return BTreeMap::new();
    }
    let configured = sources.iter().filter(|(_, source)| {
        source.namespace == namespace
            && source.metric == metric
            && source.statistic.eq_ignore_ascii_case(statistic)
            && source.kind != Kind::Status
    });
    let of_aws = OF_AWS.iter().filter(|(of, name, ..)| *of == namespace && *name == metric);
    let of_aws = of_aws
        .filter(|_| !statistic.eq_ignore_ascii_case("Sum"))
        .map(|(.., field, scale)| ((*field).to_owned(), datapoint * scale));
    of_aws.chain(configured.map(|(field, source)| (field.clone(), datapoint * source.scale))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datapoint_of_aws_says_what_it_is_in_the_unit_of_the_field() {
        let sources = BTreeMap::new();
        let of =
            |namespace, metric, statistic, value| measured(&sources, namespace, metric, statistic, value);
        let seconds = of("AWS/ApplicationELB", "TargetResponseTime", "p90", 3.2);
        assert_eq!(seconds, BTreeMap::from([("response_time".to_owned(), 3_200.0)]));
        assert_eq!(of("AWS/RDS", "CPUUtilization", "AVERAGE", 91.0)["cpu"].to_string(), "91");
        assert!(of("AWS/ApplicationELB", "TargetResponseTime", "SampleCount", 3.2).is_empty());
        assert!(of("AWS/ApplicationELB", "TargetResponseTime", "Sum", 3.2).is_empty());
        assert!(of("Shop", "Orders", "Sum", 3.0).is_empty());
    }

    #[test]
    fn a_datapoint_of_a_configured_metric_says_what_the_configuration_says() {
        let orders = MetricSource {
            namespace: "Shop".to_owned(),
            metric: "Checkout".to_owned(),
            statistic: "p99".to_owned(),
            scale: 1_000.0,
            ..MetricSource::built_in("response_time").unwrap()
        };
        let sources = BTreeMap::from([("checkout_time".to_owned(), orders)]);
        assert_eq!(measured(&sources, "Shop", "Checkout", "p99", 1.5)["checkout_time"].to_string(), "1500");
        assert!(measured(&sources, "Shop", "Checkout", "Average", 1.5).is_empty());
    }
}
