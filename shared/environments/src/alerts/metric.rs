//! What conditions can compare beside what is built in, and where CloudWatch has it.

use std::collections::BTreeMap;

use alerting::metric::{ENVIRONMENT, SERVICE};
use alerting::{Field, Kind, MetricSource, Missing};
use rollout::Seconds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::span::Span;

/// What a metric counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A number without a unit, compared like `orders < 10`.
    Count,
    /// A span of time, compared like `checkout_time > 2s`.
    Duration,
    /// A share, compared like `cache_hits < 80%`.
    Percent,
}

impl Unit {
    const fn kind(self) -> Kind {
        match self {
            Self::Count => Kind::Count,
            Self::Duration => Kind::Duration,
            Self::Percent => Kind::Percent,
        }
    }

    const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Count => Some(Self::Count),
            Kind::Duration => Some(Self::Duration),
            Kind::Percent => Some(Self::Percent),
            Kind::Text | Kind::Status | Kind::Deployment | Kind::Severity => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Duration => "duration",
            Self::Percent => "percent",
        }
    }
}

/// A metric as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "AlertMetric")]
pub(crate) struct WrittenMetric {
    /// What it counts in; of a field that is built in it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Unit>,
    /// Its namespace, like `Shop` or `AWS/ApplicationELB`.
    namespace: String,
    /// Its name there.
    metric: String,
    /// What is taken of the values of a period: `Sum`, `Average`, `p99`, or any other statistic of CloudWatch; without it
    /// `Sum` for counts and `Average` for all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statistic: Option<String>,
    /// Its dimensions. `{environment}` stands for the environment, as its folder is called, and `{service}` for the service:
    /// without that one, it is a metric of the environment as a whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    dimensions: BTreeMap<String, String>,
    /// How long the values are taken together: 10s, 20s, 30s, or whole minutes up to a day.
    #[serde(default = "minute")]
    period: Span,
    /// What a period without data counts as.
    #[serde(default)]
    missing: Missing,
    /// What CloudWatch's values are multiplied by to be milliseconds, percent or a count: 1000 for seconds, 100 for shares of
    /// one. Without it 1, and 1000 for those metrics of load balancers that AWS has in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
}

fn minute() -> Span {
    Span::of(60)
}

/// Why a metric was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetric {
    /// A condition could not name it.
    #[error(
        "{0:?} is no name of a field: write a lower-case letter and up to 63 letters, digits and '_', no word of conditions"
    )]
    Name(String),
    /// It is what alerts are told apart by.
    #[error("{0:?} is a label, which every alert has: give the metric another name")]
    Label(String),
    /// It is something that CloudWatch does not know.
    #[error("{name:?} is built in and is no metric: give this one another name, or write one of {measured}")]
    BuiltIn {
        /// The field.
        name: String,
        /// The built-in ones that are metrics.
        measured: String,
    },
    /// Nobody knows what its values are.
    #[error("{0:?} is not built in, and has no unit: add `unit: count`, `unit: duration` or `unit: percent`")]
    NoUnit(String),
    /// A field that is built in is something else.
    #[error("{name} is built in as {is}: write `unit: {is}`, or leave `unit` out")]
    Unit {
        /// The field.
        name: String,
        /// What it is.
        is: &'static str,
    },
    /// The field has no unit.
    #[error("{0} has no unit: leave `unit` out")]
    HasNoUnit(String),
    /// A name is empty.
    #[error("a name of CloudWatch is missing here: write it as the console shows it")]
    Empty,
    /// CloudWatch does not know the statistic.
    #[error("{0:?} is no statistic: write one of CloudWatch's, like Sum, Average, Maximum, p99 or tm95")]
    Statistic(String),
    /// CloudWatch does not know the period.
    #[error("{0} is no period: write 10s, 20s, 30s, or whole minutes up to 1d")]
    Period(Span),
    /// Every value would be the same, or upside down.
    #[error("{0} makes no value of another: write a number above 0")]
    Scale(String),
    /// The dimension has a placeholder that stands for nothing.
    #[error(
        "{0:?} has a placeholder that stands for nothing: write {{environment}} or {{service}}, or leave the braces out"
    )]
    Placeholder(String),
    /// CloudWatch takes no more.
    #[error("CloudWatch knows no metric with more than 30 dimensions: leave some out")]
    Dimensions,
}

/// The fields that are built in and that CloudWatch can have.
pub(super) const MEASURED: [&str; 6] = ["response_time", "error_rate", "cpu", "memory", "requests", "status"];
/// Metrics of AWS's own that are in seconds; its other ones are in milliseconds, or counted.
const IN_SECONDS: [(&str, &str); 2] = [("AWS/ApplicationELB", "TargetResponseTime"), ("AWS/ELB", "Latency")];

impl WrittenMetric {
    /// What the field of this name holds; `built_in` is what it holds without this block, and `is_label` whether alerts are
    /// told apart by it. Otherwise the key that is to blame, where it is one of the metric's own, and why.
    pub(crate) fn kind(
        &self,
        name: &str,
        built_in: Option<Kind>,
        is_label: bool,
    ) -> Result<Kind, (Option<&'static str>, InvalidMetric)> {
        if is_label {
            return Err((None, InvalidMetric::Label(name.to_owned())));
        }
        let Some(built_in) = built_in else {
            if !is_name(name) {
                return Err((None, InvalidMetric::Name(name.to_owned())));
            }
            let unit = self.unit.ok_or_else(|| (None, InvalidMetric::NoUnit(name.to_owned())))?;
            return Ok(unit.kind());
        };
        if !MEASURED.contains(&name) {
            let measured = MEASURED.join(", ");
            return Err((None, InvalidMetric::BuiltIn { name: name.to_owned(), measured }));
        }
        match (self.unit, Unit::of(built_in)) {
            (Some(_), None) => Err((Some("unit"), InvalidMetric::HasNoUnit(name.to_owned()))),
            (Some(unit), Some(is)) if unit != is => {
                Err((Some("unit"), InvalidMetric::Unit { name: name.to_owned(), is: is.name() }))
            }
            _ => Ok(built_in),
        }
    }

    /// Where CloudWatch has the values of a field of this kind; otherwise the keys to what is to blame, and why.
    pub(crate) fn resolve(&self, kind: Kind) -> Result<MetricSource, (Vec<&str>, InvalidMetric)> {
        for (key, text) in [("namespace", &self.namespace), ("metric", &self.metric)] {
            if text.trim().is_empty() {
                return Err((vec![key], InvalidMetric::Empty));
            }
        }
        let usual = if kind == Kind::Count { "Sum" } else { "Average" };
        let statistic = self.statistic.as_deref().unwrap_or(usual);
        if !is_statistic(statistic) {
            return Err((vec!["statistic"], InvalidMetric::Statistic(statistic.to_owned())));
        }
        let Seconds(period) = self.period.seconds();
        if !matches!(period, 10 | 20 | 30) && (period == 0 || period % 60 != 0 || period > 86_400) {
            return Err((vec!["period"], InvalidMetric::Period(self.period)));
        }
        let is_in_seconds =
            kind == Kind::Duration && IN_SECONDS.contains(&(self.namespace.as_str(), self.metric.as_str()));
        let scale = self.scale.unwrap_or(if is_in_seconds { 1000.0 } else { 1.0 });
        if !scale.is_finite() || scale <= 0.0 {
            return Err((vec!["scale"], InvalidMetric::Scale(scale.to_string())));
        }
        if self.dimensions.len() > 30 {
            return Err((vec!["dimensions"], InvalidMetric::Dimensions));
        }
        for (name, value) in &self.dimensions {
            if name.trim().is_empty() || value.trim().is_empty() {
                return Err((vec!["dimensions", name], InvalidMetric::Empty));
            }
            if value.replace(ENVIRONMENT, "").replace(SERVICE, "").contains(['{', '}']) {
                return Err((vec!["dimensions", name], InvalidMetric::Placeholder(value.clone())));
            }
        }
        Ok(MetricSource {
            kind,
            namespace: self.namespace.clone(),
            metric: self.metric.clone(),
            statistic: statistic.to_owned(),
            period: self.period.seconds(),
            missing: self.missing,
            scale,
            dimensions: self.dimensions.clone(),
        })
    }

    /// What it is, for people.
    pub(crate) fn about(&self) -> String {
        format!("{} of {}, from CloudWatch", self.metric, self.namespace)
    }
}

/// Whether a condition can name it, and everybody writes it the same.
fn is_name(name: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(in_name)
        && Field { name: name.to_owned(), kind: Kind::Count, about: String::new() }.can_be_written()
}

/// The statistics of CloudWatch by their definitions: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>.
fn is_statistic(text: &str) -> bool {
    let is_number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.parse::<f64>().is_ok_and(|number| number <= 100.0)
    };
    let trimmed = ["p", "tm", "wm", "tc", "ts"];
    let ranges = ["PR(", "TM(", "WM(", "TC(", "TS("];
    ["SampleCount", "Sum", "Average", "Minimum", "Maximum", "IQM"].contains(&text)
        || trimmed.iter().any(|name| text.strip_prefix(name).is_some_and(is_number))
        || ranges.iter().any(|name| {
            let range = text.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
            range.is_some_and(|range| range.contains(':') && range.len() > 1)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_cloudwatch() {
        for good in
            ["Sum", "SampleCount", "IQM", "p99", "p99.9", "p0", "tm95", "wm98", "tc90", "ts10", "PR(:300)"]
        {
            assert!(is_statistic(good), "{good}");
        }
        for good in ["TM(10%:90%)", "TC(0.005:0.030)", "TS(80%:)"] {
            assert!(is_statistic(good), "{good}");
        }
        for bad in
            ["", "sum", "Avg", "p", "p101", "p-1", "pinf", "99", "PR()", "PR(5)", "PR(1:2", "TM(:)extra"]
        {
            assert!(!is_statistic(bad), "{bad}");
        }
    }

    #[test]
    fn a_field_is_named_as_conditions_can_write_it() {
        for good in ["orders", "p99_of_carts", "a"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Orders", "9lives", "_x", "cache-hits", "a b", "ä", "not", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
