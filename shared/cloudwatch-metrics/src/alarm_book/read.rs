//! An alarm as CloudWatch describes it.

use std::collections::BTreeMap;

use alerting::Missing;
use alerting::cloudwatch::{AlarmSpec, Existing, MetricAlarm, Operator, Watches};
use aws_sdk_cloudwatch::types;
use rollout::Seconds;

/// A metric alarm. What it has and none of ours has, is told apart.
pub(super) fn metric(alarm: &types::MetricAlarm) -> Option<Existing> {
    let mut further = BTreeMap::new();
    let operator = alarm.comparison_operator().map_or("", types::ComparisonOperator::as_str);
    let read = Operator::read(operator);
    if read.is_none() {
        further.insert("comparison", operator.to_owned());
    }
    if !alarm.metrics().is_empty() {
        further.insert("metric math", format!("{} metrics and expressions", alarm.metrics().len()));
    }
    further.extend(alarm.unit().map(|unit| ("unit", unit.as_str().to_owned())));
    further.extend(alarm.threshold_metric_id().map(|id| ("threshold metric", id.to_owned())));
    let samples = alarm.evaluate_low_sample_count_percentile();
    further.extend(samples.map(|treatment| ("few samples", treatment.to_owned())));
    shared(&mut further, alarm.actions_enabled(), alarm.insufficient_data_actions());
    let missing = [Missing::Breaching, Missing::NotBreaching, Missing::Ignore, Missing::Missing];
    let treatment = alarm.treat_missing_data().unwrap_or_default();
    let dimensions = alarm.dimensions().iter().map(|one| (one.name(), one.value()));
    let watches = MetricAlarm {
        namespace: alarm.namespace().unwrap_or_default().to_owned(),
        metric: alarm.metric_name().unwrap_or_default().to_owned(),
        statistic: alarm
            .extended_statistic()
            .or_else(|| alarm.statistic().map(types::Statistic::as_str))
            .unwrap_or_default()
            .to_owned(),
        dimensions: dimensions
            .map(|(name, value)| (name.unwrap_or_default().to_owned(), value.unwrap_or_default().to_owned()))
            .collect(),
        period: Seconds(number(alarm.period())),
        operator: read.unwrap_or(Operator::AtLeast),
        threshold: alarm.threshold().unwrap_or_default(),
        missing: missing.into_iter().find(|one| one.as_str() == treatment).unwrap_or_default(),
        periods: number(alarm.evaluation_periods()),
        // Of one that does not say so, all.
        datapoints: number(alarm.datapoints_to_alarm().or(alarm.evaluation_periods())),
    };
    Some(Existing {
        alarm: AlarmSpec {
            name: alarm.alarm_name()?.to_owned(),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
            watches: Watches::Metric(watches),
            alarm_actions: alarm.alarm_actions().to_vec(),
            ok_actions: alarm.ok_actions().to_vec(),
            tags: BTreeMap::new(),
        },
        arn: alarm.alarm_arn()?.to_owned(),
        further,
    })
}

/// A composite alarm.
pub(super) fn composite(alarm: &types::CompositeAlarm) -> Option<Existing> {
    let mut further = BTreeMap::new();
    further.extend(alarm.actions_suppressor().map(|by| ("actions suppressed by", by.to_owned())));
    shared(&mut further, alarm.actions_enabled(), alarm.insufficient_data_actions());
    Some(Existing {
        alarm: AlarmSpec {
            name: alarm.alarm_name()?.to_owned(),
            description: alarm.alarm_description().unwrap_or_default().to_owned(),
            watches: Watches::Composite { rule: alarm.alarm_rule().unwrap_or_default().to_owned() },
            alarm_actions: alarm.alarm_actions().to_vec(),
            ok_actions: alarm.ok_actions().to_vec(),
            tags: BTreeMap::new(),
        },
        arn: alarm.alarm_arn()?.to_owned(),
        further,
    })
}

/// What none of ours has, of either kind.
fn shared(further: &mut BTreeMap<&'static str, String>, enabled: Option<bool>, no_data: &[String]) {
    if enabled == Some(false) {
        further.insert("actions", "disabled".to_owned());
    }
    if !no_data.is_empty() {
        further.insert("on INSUFFICIENT_DATA", no_data.join(", "));
    }
}

fn number(value: Option<i32>) -> u32 {
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
}
