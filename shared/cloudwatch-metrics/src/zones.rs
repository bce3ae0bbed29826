//! The same counts by availability zone, before a rollout: a free A/A test.
//!
//! The load balancer publishes them under the dimensions `TargetGroup`, `AvailabilityZone` and `LoadBalancer`
//! ("CloudWatch metrics for your Application Load Balancer"). Which zones there are is not known here, so they are
//! searched for: `SEARCH('{Namespace,Dimension,...} Name="value" ...', 'Statistic', period)` finds the metrics that have
//! exactly these dimensions ("CloudWatch search expression syntax"), each of which is a result of its own under the
//! query's id, and a dynamic label applies to each of them ("Use dynamic labels").

use std::collections::BTreeMap;

use analysis::{Arm, Window};
use aws_sdk_cloudwatch::types::{Dimension, MetricDataQuery, MetricDataResult};
use rollout::{Colour, Route};

use crate::query::{NAMESPACE, NotAnArn, PERIOD, Series, Values, dimensions};

/// The zone, as a label.
const LABEL: &str = "${PROP('Dim.AvailabilityZone')}";

fn id(series: Series) -> String {
    format!("zone_{}", series.tag())
}

/// The queries of a colour's counts in each zone.
pub(crate) fn queries(
    route: &Route,
    colour: Colour,
    slow_over_ms: Option<u32>,
) -> Result<Vec<MetricDataQuery>, NotAnArn> {
    let term =
        |of: &Dimension| format!("{}=\"{}\"", of.name().unwrap_or_default(), of.value().unwrap_or_default());
    let terms = dimensions(route, colour)?.each_ref().map(term).join(" ");
    let query = |series: Series| {
        let (metric, statistic) = (series.metric(), series.statistic(slow_over_ms));
        let expression = format!(
            "SEARCH('{{{NAMESPACE},AvailabilityZone,LoadBalancer,TargetGroup}} MetricName=\"{metric}\" {terms}', \
             '{statistic}', {PERIOD})"
        );
        MetricDataQuery::builder().id(id(series)).expression(expression).label(LABEL).build()
    };
    Ok(Series::of(slow_over_ms).map(query).collect())
}

/// What every zone served in each minute of the window with requests; nothing where no zone was found.
pub(crate) fn minutes(
    results: &[MetricDataResult],
    window: Window,
    slow_over_ms: Option<u32>,
) -> Result<Vec<Vec<Arm>>, String> {
    let mut zones: BTreeMap<&str, Values> = BTreeMap::new();
    for result in results {
        if !Series::of(slow_over_ms).any(|series| result.id() == Some(id(series).as_str())) {
            continue;
        }
        // An answer that does not know SEARCH may have the label as it was asked for, or none.
        match result.label() {
            Some(zone) if !zone.is_empty() && !zone.contains("${") => {
                zones.entry(zone).or_default().add(std::slice::from_ref(result))?;
            }
            _ if result.values().is_empty() => {}
            label => return Err(format!("CloudWatch labels a zone {:?}", label.unwrap_or_default())),
        }
    }
    let mut minutes = Vec::new();
    for second in (window.first.as_second()..window.end.as_second()).step_by(60) {
        let arms: Vec<Arm> = zones.values().map(|values| values.arm(id, second)).collect::<Result<_, _>>()?;
        if arms.iter().any(|arm| arm.requests() > 0) {
            minutes.push(arms);
        }
    }
    Ok(minutes)
}
