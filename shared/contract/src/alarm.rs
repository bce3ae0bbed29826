//! CloudWatch alarms, as SNS and EventBridge deliver them.

use jiff::Timestamp;
use serde_json::Value;

use crate::request::{Refusal, parsed, text};

/// A `CloudWatch` alarm's change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The alarm's name.
    pub name: String,
    /// ALARM, OK or `INSUFFICIENT_DATA`.
    pub state: String,
    /// When it changed.
    pub changed_at: Timestamp,
    /// The AWS account it belongs to.
    pub account: String,
    /// Its ARN, by which its tags are found. A message without one, as a person might write it, has none.
    pub arn: Option<String>,
    /// Name and value of every dimension that its metrics have, those inside of metric math too.
    pub dimensions: Vec<(String, String)>,
}

/// The same with what people want to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmChange {
    /// The alarm.
    pub alarm: Alarm,
    /// Why it changed, in CloudWatch's words.
    pub reason: String,
    /// Its metric; `None` for metric math, anomaly bands and composite alarms.
    pub metric: Option<AlarmMetric>,
}

/// The one metric of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmMetric {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How datapoints are made of it, like `Average` or `p99`, in whatever case.
    pub statistic: String,
    /// The newest datapoint that the change was decided on, where the message tells it.
    pub datapoint: Option<f64>,
}

impl AlarmChange {
    /// The message that CloudWatch publishes to SNS: JSON text, its time as `2026-01-02T03:04:05.678+0000`.
    pub(crate) fn of_message(message: &str) -> Result<Self, Refusal> {
        let message: Value = serde_json::from_str(message)
            .map_err(|error| format!("Sns.Message is not the JSON of a CloudWatch alarm: {error}"))?;
        let reason = message.get("NewStateReason").and_then(Value::as_str).unwrap_or_default().to_owned();
        let trigger = message.get("Trigger").cloned().unwrap_or_default();
        let of_trigger = |key: &str| trigger.get(key).and_then(Value::as_str).map(str::to_owned);
        let statistic = || of_trigger("Statistic").or_else(|| of_trigger("ExtendedStatistic"));
        let metric = of_trigger("Namespace").zip(of_trigger("MetricName")).map(|(namespace, name)| {
            let datapoint = datapoint_of(&reason);
            AlarmMetric { namespace, name, statistic: statistic().unwrap_or_default(), datapoint }
        });
        let alarm = Alarm {
            name: text(&message, "AlarmName")?.to_owned(),
            state: text(&message, "NewStateValue")?.to_owned(),
            changed_at: moment(&message, "StateChangeTime")?,
            account: text(&message, "AWSAccountId")?.to_owned(),
            arn: message.get("AlarmArn").and_then(Value::as_str).map(str::to_owned),
            dimensions: dimensions(&message),
        };
        Ok(Self { alarm, reason, metric })
    }

    /// The event "CloudWatch Alarm State Change" of EventBridge ("Alarm events and EventBridge", Amazon CloudWatch User
    /// Guide). A deleted alarm ("CloudWatch Alarm Configuration Change") will never say that it is OK: its end is that.
    pub(crate) fn of_event(event: &Value) -> Result<Self, Refusal> {
        let deleted = event.pointer("/detail/operation").and_then(Value::as_str) == Some("delete");
        let state = if deleted { "OK" } else { text(event, "detail.state.value")? };
        let changed_at =
            if deleted { parsed(event, "time")? } else { moment(event, "detail.state.timestamp")? };
        let said = event.pointer("/detail/state/reason").and_then(Value::as_str).unwrap_or_default();
        let reason = if deleted { "the alarm was deleted" } else { said }.to_owned();
        let metrics = event.pointer("/detail/configuration/metrics").and_then(Value::as_array);
        let metrics: Vec<&Value> = metrics.into_iter().flatten().collect();
        let metric = match metrics.as_slice() {
            [one] => one.get("metricStat").and_then(|stat| {
                Some(AlarmMetric {
                    namespace: stat.pointer("/metric/namespace")?.as_str()?.to_owned(),
                    name: stat.pointer("/metric/name")?.as_str()?.to_owned(),
                    statistic: stat.get("stat").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    datapoint: newest_datapoint(event).or_else(|| datapoint_of(&reason)),
                })
            }),
            _ => None,
        };
        let dimensions = metrics
            .iter()
            .filter_map(|metric| metric.pointer("/metricStat/metric/dimensions")?.as_object())
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let alarm = Alarm {
            name: text(event, "detail.alarmName")?.to_owned(),
            state: state.to_owned(),
            changed_at,
            account: text(event, "account")?.to_owned(),
            arn: event.pointer("/resources/0").and_then(Value::as_str).map(str::to_owned),
            dimensions: dimensions.collect(),
        };
        Ok(Self { alarm, reason, metric })
    }
}

/// A time as CloudWatch writes it, or as the rest of the world does.
fn moment(value: &Value, path: &str) -> Result<Timestamp, Refusal> {
    let written = text(value, path)?;
    written
        .parse()
        .or_else(|_| written.replace("+0000", "Z").parse())
        .map_err(|error: jiff::Error| format!("{path} is {written:?}: {error}"))
}

/// The newest datapoint in `state.reasonData`, JSON as text: other than in a reason, they are listed from the oldest on.
fn newest_datapoint(event: &Value) -> Option<f64> {
    let data = event.pointer("/detail/state/reasonData")?.as_str()?;
    let data: Value = serde_json::from_str(data).ok()?;
    data.get("recentDatapoints")?.as_array()?.iter().rev().find_map(Value::as_f64)
}

/// The newest datapoint in a reason, the first one: `Threshold Crossed: 2 out of the last 2 datapoints [41.0 (03/08/26 09:20:00), …`.
fn datapoint_of(reason: &str) -> Option<f64> {
    let (_, listed) = reason.split_once('[')?;
    listed.split([' ', ',', ']']).next()?.parse().ok()
}

/// A metric alarm has `Trigger.Dimensions` with small letters; metric math has a metric inside of each of
/// `Trigger.Metrics`; a composite alarm has no trigger.
fn dimensions(message: &Value) -> Vec<(String, String)> {
    let of = |holder: &Value| holder.get("Dimensions").and_then(Value::as_array).cloned().unwrap_or_default();
    let trigger = message.get("Trigger").cloned().unwrap_or_default();
    let metrics = trigger.get("Metrics").and_then(Value::as_array).cloned().unwrap_or_default();
    let inside = metrics.iter().filter_map(|metric| metric.pointer("/MetricStat/Metric")).flat_map(of);
    let text = |pair: &Value, small: &str, large: &str| {
        pair.get(small).or_else(|| pair.get(large)).and_then(Value::as_str).map(str::to_owned)
    };
    of(&trigger)
        .into_iter()
        .chain(inside)
        .filter_map(|pair| Some((text(&pair, "name", "Name")?, text(&pair, "value", "Value")?)))
        .collect()
}
