use std::time::Duration;

use engine::ports::{Measure, Meter};
use jiff::{SignedDuration, Timestamp};
use rollout::{EnvironmentName, ServiceName};

use crate::emf::Metrics;

/// Reports each measure as a [metric line](crate::emf) on standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmfMeter;

impl Meter for EmfMeter {
    fn measure(&self, environment: &EnvironmentName, service: &ServiceName, measure: Measure) {
        metrics(Metrics::new(environment.clone(), service.clone(), Timestamp::now()), measure).emit();
    }
}

fn metrics(metrics: Metrics, measure: Measure) -> Metrics {
    match measure {
        Measure::Started => metrics.rollout_started(),
        Measure::Promoted => metrics.rollout_promoted(),
        Measure::RolledBack => metrics.rollout_rolled_back(),
        Measure::Lasted(duration) => metrics.rollout_lasted(forward(duration)),
        Measure::DecidedAfter(latency) => metrics.decision_latency(forward(latency)),
    }
}

/// Two machines' clocks can differ by more than what is measured.
fn forward(span: SignedDuration) -> Duration {
    Duration::try_from(span).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn measured(measure: Measure) -> Value {
        let at = Timestamp::UNIX_EPOCH;
        let none = Metrics::new("staging".parse().unwrap(), "shop".parse().unwrap(), at);
        serde_json::from_str(&metrics(none, measure).line().unwrap()).unwrap()
    }

    #[test]
    fn each_measure_is_its_metric() {
        for (measure, name, value) in [
            (Measure::Started, "RolloutsStarted", 1.0),
            (Measure::Promoted, "RolloutsPromoted", 1.0),
            (Measure::RolledBack, "RolloutsRolledBack", 1.0),
            (Measure::Lasted(SignedDuration::from_secs(780)), "RolloutDuration", 780.0),
            (Measure::DecidedAfter(SignedDuration::from_millis(61_500)), "DecisionLatency", 61_500.0),
            (Measure::DecidedAfter(SignedDuration::from_secs(-1)), "DecisionLatency", 0.0),
        ] {
            let line = measured(measure);
            assert_eq!(line[name].as_f64(), Some(value), "{line}");
            let names = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
            assert_eq!(names.len(), 1, "{line}");
        }
    }
}
