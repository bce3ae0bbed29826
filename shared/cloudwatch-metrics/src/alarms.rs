use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_client::{Fault, FaultKind, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use engine::ports::{AlarmState, AlarmTags, Alarms, PortError, PortResult};
use rollout::AlarmName;

/// Names a call (`DescribeAlarms`, Amazon CloudWatch API Reference).
const NAMES_A_CALL: usize = 100;
/// The same as a page's size, so that one page answers all names.
const PAGE: i32 = 100;

/// The guardrails from CloudWatch.
#[derive(Clone, Debug)]
pub struct CloudWatchAlarms(Client);

impl CloudWatchAlarms {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Alarms for CloudWatchAlarms {
    async fn states(&self, alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>> {
        let names: Vec<_> =
            alarms.iter().map(AlarmName::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = BTreeMap::new();
        for names in names.chunks(NAMES_A_CALL) {
            let described = self
                .0
                .describe_alarms()
                .set_alarm_names(Some(names.iter().map(|&name| name.to_owned()).collect()))
                // Without types, composite alarms are left out of the answer.
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .max_records(PAGE)
                .send()
                .await
                .map_err(|error| port(&Fault::new("cloudwatch:DescribeAlarms", &error)))?;
            found.extend(states(&described));
        }
        Ok(alarms
            .iter()
            .map(|alarm| found.get(alarm.as_str()).cloned().unwrap_or(AlarmState::Missing))
            .collect())
    }
}

#[async_trait]
impl AlarmTags for CloudWatchAlarms {
    async fn of(&self, alarm: &str) -> PortResult<Vec<(String, String)>> {
        match self.0.list_tags_for_resource().resource_arn(alarm).send().await {
            Ok(listed) => Ok(listed
                .tags()
                .iter()
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
                .collect()),
            Err(error) => match Fault::new("cloudwatch:ListTagsForResource", &error) {
                // Deleted since it rang.
                Fault { kind: FaultKind::NotFound, .. } => Ok(Vec::new()),
                fault => Err(port(&fault)),
            },
        }
    }
}

/// The state of each alarm of an answer. Insufficient data is quiet, as it is for CloudWatch's own actions on ALARM.
fn states(described: &DescribeAlarmsOutput) -> Vec<(String, AlarmState)> {
    let metric = described.metric_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value()));
    let composite =
        described.composite_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value()));
    metric
        .chain(composite)
        .filter_map(|(name, state)| {
            let state = if state == Some(&StateValue::Alarm) { AlarmState::Alarm } else { AlarmState::Quiet };
            Some((name?.to_owned(), state))
        })
        .collect()
}

fn port(fault: &Fault) -> PortError {
    PortError::of("CloudWatch", fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;
    use aws_sdk_cloudwatch::types::{CompositeAlarm, MetricAlarm};

    use super::*;
    use crate::cbor::{array, map, text};

    #[test]
    fn metric_and_composite_alarms_are_told_and_only_alarm_is_alarm() {
        let metric = |name: &str, state| MetricAlarm::builder().alarm_name(name).state_value(state).build();
        let composite = CompositeAlarm::builder().alarm_name("all").state_value(StateValue::Alarm).build();
        let described = DescribeAlarmsOutput::builder()
            .metric_alarms(metric("ok", StateValue::Ok))
            .metric_alarms(metric("new", StateValue::InsufficientData))
            .metric_alarms(metric("red", StateValue::Alarm))
            .composite_alarms(composite)
            .build();
        let expected = [
            ("ok", AlarmState::Quiet),
            ("new", AlarmState::Quiet),
            ("red", AlarmState::Alarm),
            ("all", AlarmState::Alarm),
        ];
        assert_eq!(states(&described), expected.map(|(name, state)| (name.to_owned(), state)));
    }
    const ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:checkout";

    fn tags_of(status: u16, body: Vec<u8>) -> (PortResult<Vec<(String, String)>>, Replay) {
        let replay = Replay::new([(status, body)]);
        let alarms = CloudWatchAlarms::new(&replay.config().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (runtime.block_on(alarms.of(ARN)), replay)
    }

    #[test]
    fn an_alarm_s_tags_are_listed_by_its_arn() {
        let tag = |key, value| map(&[("Key", text(key)), ("Value", text(value))]);
        let two = array([tag("ace-flow:service", "checkout"), tag("environment", "staging")].into_iter());
        let (tags, replay) = tags_of(200, map(&[("Tags", two)]));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(tags, Ok(vec![pair("ace-flow:service", "checkout"), pair("environment", "staging")]));
        let [sent] = <[_; 1]>::try_from(replay.sent()).unwrap();
        assert!(sent.uri.ends_with("/operation/ListTagsForResource"), "{}", sent.uri);
        assert!(sent.body.contains("ResourceARN") && sent.body.contains(ARN), "{}", sent.body);
    }

    #[test]
    fn an_alarm_that_is_gone_has_no_tags_and_one_that_cannot_be_asked_is_an_error() {
        let error = |name: &str| {
            map(&[("__type", text(&format!("com.amazonaws.cloudwatch#{name}"))), ("message", text("why"))])
        };
        assert_eq!(tags_of(404, error("ResourceNotFoundException")).0, Ok(Vec::new()));
        let throttled = tags_of(400, error("Throttling")).0.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
        let denied = tags_of(403, error("AccessDenied")).0.unwrap_err();
        assert!(denied.to_string().contains("cloudwatch:ListTagsForResource was denied"), "{denied}");
        assert!(matches!(denied, PortError::Permanent { .. }), "{denied}");
    }
}
