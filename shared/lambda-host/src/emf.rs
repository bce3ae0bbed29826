//! Metrics as log lines: the CloudWatch Embedded Metric Format.
//!
//! One JSON line on standard output becomes metrics in the namespace [`NAMESPACE`] without any call. The format is that
//! of "Specification: Embedded metric format" in the CloudWatch User Guide
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>):
//! a metadata object `_aws` with a `Timestamp` in milliseconds and the metric directives, and at the root a member for
//! each dimension (a string) and each metric (a number) that a directive names.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use rollout::{EnvironmentName, ServiceName};
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "ACE-Flow";

/// A metric: its name, its unit and its value.
pub(crate) type Metric = (&'static str, &'static str, Value);

/// What one invocation has to report, under the dimensions `environment` and `service`.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "metrics are reported by `write` or `emit`"]
pub struct Metrics {
    environment: EnvironmentName,
    service: ServiceName,
    at: Timestamp,
    started: u32,
    promoted: u32,
    rolled_back: u32,
    rollout_duration: Option<Duration>,
    decision_latency: Option<Duration>,
}

impl Metrics {
    /// Nothing to report yet.
    pub const fn new(environment: EnvironmentName, service: ServiceName, at: Timestamp) -> Self {
        Self {
            environment,
            service,
            at,
            started: 0,
            promoted: 0,
            rolled_back: 0,
            rollout_duration: None,
            decision_latency: None,
        }
    }

    /// A rollout began: `RolloutsStarted`, Count.
    pub const fn rollout_started(mut self) -> Self {
        self.started += 1;
        self
    }

    /// A rollout ended promoted: `RolloutsPromoted`, Count.
    pub const fn rollout_promoted(mut self) -> Self {
        self.promoted += 1;
        self
    }

    /// A rollout ended rolled back: `RolloutsRolledBack`, Count.
    pub const fn rollout_rolled_back(mut self) -> Self {
        self.rolled_back += 1;
        self
    }

    /// How long a rollout took that ended: `RolloutDuration`, Seconds.
    pub const fn rollout_lasted(mut self, duration: Duration) -> Self {
        self.rollout_duration = Some(duration);
        self
    }

    /// The time from the end of the last judged minute to its stored verdict: `DecisionLatency`, Milliseconds.
    pub const fn decision_latency(mut self, latency: Duration) -> Self {
        self.decision_latency = Some(latency);
        self
    }

    /// The line, without its end; `None` when there is nothing to report.
    pub fn line(&self) -> Option<String> {
        let metrics = self.metrics();
        if metrics.is_empty() {
            return None;
        }
        let dimensions = [("environment", self.environment.as_str()), ("service", self.service.as_str())];
        Some(line(self.at, &dimensions, metrics))
    }

    /// Writes the line, if there is one.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.line().map_or(Ok(()), |line| write(line, out))
    }

    /// Writes the line to standard output, where Lambda collects it. A metric that cannot be written is logged; it
    /// never fails a decision that is already made.
    pub fn emit(&self) {
        if let Some(line) = self.line() {
            emit(line);
        }
    }

    fn metrics(&self) -> Vec<Metric> {
        let counts = [
            ("RolloutsStarted", self.started),
            ("RolloutsPromoted", self.promoted),
            ("RolloutsRolledBack", self.rolled_back),
        ];
        let durations = [
            ("RolloutDuration", "Seconds", self.rollout_duration.map(|d| d.as_secs_f64())),
            ("DecisionLatency", "Milliseconds", self.decision_latency.map(|d| d.as_secs_f64() * 1000.0)),
        ];
        let counts =
            counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, n)| (name, "Count", n.into()));
        let durations =
            durations.into_iter().filter_map(|(name, unit, value)| Some((name, unit, value?.into())));
        counts.chain(durations).collect()
    }
}

/// The line of metrics with these dimensions, without its end.
pub(crate) fn line(at: Timestamp, dimensions: &[(&str, &str)], metrics: Vec<Metric>) -> String {
    let definitions: Vec<_> =
        metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let keys: Vec<&str> = dimensions.iter().map(|(key, _)| *key).collect();
    let mut root = Map::new();
    root.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [keys], "Metrics": definitions }],
        }),
    );
    root.extend(dimensions.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
    root.extend(metrics.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    Value::Object(root).to_string()
}

/// Writes a line in a single write: CloudWatch Logs takes a line as one event.
fn write(mut line: String, out: &mut impl Write) -> io::Result<()> {
    line.push('\n');
    out.write_all(line.as_bytes())?;
    out.flush()
}

pub(crate) fn emit(line: String) {
    if let Err(error) = write(line, &mut io::stdout().lock()) {
        tracing::warn!(%error, "metrics could not be written to standard output");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Units that a metric definition may carry (`MetricDatum` in the CloudWatch API Reference).
    const UNITS: [&str; 27] = [
        "Seconds",
        "Microseconds",
        "Milliseconds",
        "Bytes",
        "Kilobytes",
        "Megabytes",
        "Gigabytes",
        "Terabytes",
        "Bits",
        "Kilobits",
        "Megabits",
        "Gigabits",
        "Terabits",
        "Percent",
        "Count",
        "Bytes/Second",
        "Kilobytes/Second",
        "Megabytes/Second",
        "Gigabytes/Second",
        "Terabytes/Second",
        "Bits/Second",
        "Kilobits/Second",
        "Megabits/Second",
        "Gigabits/Second",
        "Terabits/Second",
        "Count/Second",
        "None",
    ];

    fn metrics() -> Metrics {
        Metrics::new(
            "staging".parse().unwrap(),
            "shop".parse().unwrap(),
            "2026-01-02T03:04:05.678Z".parse().unwrap(),
        )
    }

    /// The rules of the specification, each as it is written there.
    pub(crate) fn assert_specified(line: &str) -> Value {
        assert!(!line.contains('\n'), "one event is one line");
        let root: Value = serde_json::from_str(line).unwrap();
        let aws = root["_aws"].as_object().unwrap();
        assert!(aws["Timestamp"].as_i64().unwrap() > 0);
        let directives = aws["CloudWatchMetrics"].as_array().unwrap();
        assert!(!directives.is_empty());
        for directive in directives {
            assert!((1..=1024).contains(&directive["Namespace"].as_str().unwrap().len()));
            for set in directive["Dimensions"].as_array().unwrap() {
                let set = set.as_array().unwrap();
                assert!(set.len() <= 30);
                for key in set {
                    let value = root[key.as_str().unwrap()].as_str().unwrap();
                    assert!((1..=1024).contains(&value.len()), "{key}");
                }
            }
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                let value = &root[metric["Name"].as_str().unwrap()];
                assert!(value.is_number(), "{metric} -> {value}");
                assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()), "{metric}");
            }
        }
        root
    }

    #[test]
    fn a_started_rollout_is_one_line_after_the_specification() {
        let line =
            metrics().rollout_started().decision_latency(Duration::from_micros(12_500)).line().unwrap();
        let root = assert_specified(&line);
        assert_eq!(
            root,
            json!({
                "_aws": {
                    "Timestamp": 1_767_323_045_678_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "ACE-Flow",
                        "Dimensions": [["environment", "service"]],
                        "Metrics": [
                            {"Name": "RolloutsStarted", "Unit": "Count"},
                            {"Name": "DecisionLatency", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "environment": "staging",
                "service": "shop",
                "RolloutsStarted": 1,
                "DecisionLatency": 12.5,
            })
        );
    }

    #[test]
    fn every_metric_has_its_name_and_unit() {
        let duration = Duration::from_mins(13);
        let all = metrics()
            .rollout_started()
            .rollout_promoted()
            .rollout_rolled_back()
            .rollout_lasted(duration)
            .decision_latency(Duration::from_millis(3));
        let root = assert_specified(&all.line().unwrap());
        let mut defined = root["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().iter();
        for (name, unit, value) in [
            ("RolloutsStarted", "Count", 1.0),
            ("RolloutsPromoted", "Count", 1.0),
            ("RolloutsRolledBack", "Count", 1.0),
            ("RolloutDuration", "Seconds", 780.0),
            ("DecisionLatency", "Milliseconds", 3.0),
        ] {
            assert_eq!(defined.next().unwrap(), &json!({"Name": name, "Unit": unit}));
            assert_eq!(root[name].as_f64(), Some(value));
        }
    }

    #[test]
    fn the_line_is_written_whole_and_nothing_without_metrics() {
        let mut out = Vec::new();
        metrics().write(&mut out).unwrap();
        assert!(out.is_empty());
        metrics().rollout_started().write(&mut out).unwrap();
        assert_eq!(out.split(|byte| *byte == b'\n').count(), 2);
        assert_eq!(out.last(), Some(&b'\n'));
    }
}
