//! Where further metrics come from, as it is written.

use std::collections::BTreeMap;

use analysis::{FurtherMetric, Kind};
use rollout::{ArmDimension, Series, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The metric of CloudWatch that one of the judge's metrics is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricSource {
    /// Its namespace, like `Shop/Checkout`.
    pub namespace: String,
    /// Its name.
    pub metric: String,
    /// What is taken of the values of a minute: `Sum`, `Average`, `p99`, or any other statistic of CloudWatch; without it
    /// `Sum` for counts and `Average` for values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// Its dimensions, all but the one that tells the colours apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The dimension that tells the colours apart.
    pub arm: ArmDimension,
    /// For counts: the metric, with the same namespace and dimensions, of which the events are a part; without it, the
    /// load balancer's requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// Why a metric's source was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// The metric has none.
    #[error("the judge's metric {0:?} has no source: add it under metric_sources, or leave the metric out")]
    None(String),
    /// Two metrics have one name.
    #[error("the judge's metric {0:?} is there twice: give each a name of its own")]
    Twice(String),
    /// A value is not a part of anything.
    #[error(
        "the source of {0:?} says what its events are a part of, but the judge compares values: write `kind: counts`, or leave `of` out"
    )]
    ValuesOf(String),
}

impl MetricSource {
    fn resolve(&self, metric: &FurtherMetric) -> Result<Source, InvalidSource> {
        let series = |name: &str, statistic: &str| Series {
            namespace: self.namespace.clone(),
            metric: name.to_owned(),
            statistic: statistic.to_owned(),
            dimensions: self.dimensions.clone(),
            arm: self.arm.clone(),
        };
        let own = |usual| series(&self.metric, self.statistic.as_deref().unwrap_or(usual));
        match (metric.kind, &self.of) {
            (Kind::Values, None) => Ok(Source::Values(own("Average"))),
            (Kind::Values, Some(_)) => Err(InvalidSource::ValuesOf(metric.name.clone())),
            (Kind::Counts, of) => {
                let of = of.as_deref().map(|of| series(of, "Sum"));
                Ok(Source::Counts { events: own("Sum"), of })
            }
        }
    }
}

/// The sources of the judge's metrics, in their order.
pub(crate) fn resolve(
    metrics: &[FurtherMetric],
    sources: &BTreeMap<String, MetricSource>,
) -> Result<Vec<Source>, InvalidSource> {
    let of = |(place, metric): (usize, &FurtherMetric)| {
        if metrics.iter().take(place).any(|before| before.name == metric.name) {
            return Err(InvalidSource::Twice(metric.name.clone()));
        }
        let source = sources.get(&metric.name).ok_or_else(|| InvalidSource::None(metric.name.clone()))?;
        source.resolve(metric)
    };
    metrics.iter().enumerate().map(of).collect()
}
