//! An alarm as CloudWatch takes it.

use alerting::cloudwatch::{AlarmSpec, MetricAlarm};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::put_composite_alarm::builders::PutCompositeAlarmFluentBuilder;
use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Statistic, Tag};

/// Those that `Statistic` takes; `ExtendedStatistic` takes all others.
const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];

pub(super) fn put_metric(
    client: &Client,
    alarm: &AlarmSpec,
    metric: &MetricAlarm,
) -> PutMetricAlarmFluentBuilder {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let request = client
        .put_metric_alarm()
        .alarm_name(&alarm.name)
        .alarm_description(&alarm.description)
        .set_alarm_actions(Some(alarm.alarm_actions.clone()))
        .set_ok_actions(Some(alarm.ok_actions.clone()))
        .set_tags(Some(alarm.tags.iter().map(tag).collect()))
        .actions_enabled(true)
        .namespace(&metric.namespace)
        .metric_name(&metric.metric)
        .set_dimensions(Some(metric.dimensions.iter().map(dimension).collect()))
        .period(number(metric.period.0))
        .evaluation_periods(number(metric.periods))
        .datapoints_to_alarm(number(metric.datapoints))
        .threshold(metric.threshold)
        .comparison_operator(ComparisonOperator::from(metric.operator.as_str()))
        .treat_missing_data(metric.missing.as_str());
    if STATISTICS.contains(&metric.statistic.as_str()) {
        request.statistic(Statistic::from(metric.statistic.as_str()))
    } else {
        request.extended_statistic(&metric.statistic)
    }
}

pub(super) fn put_composite(
    client: &Client,
    alarm: &AlarmSpec,
    rule: &str,
) -> PutCompositeAlarmFluentBuilder {
    client
        .put_composite_alarm()
        .alarm_name(&alarm.name)
        .alarm_description(&alarm.description)
        .alarm_rule(rule)
        .set_alarm_actions(Some(alarm.alarm_actions.clone()))
        .set_ok_actions(Some(alarm.ok_actions.clone()))
        .set_tags(Some(alarm.tags.iter().map(tag).collect()))
        .actions_enabled(true)
}

pub(super) fn tag((name, value): (&String, &String)) -> Tag {
    Tag::builder().key(name).value(value).build()
}
