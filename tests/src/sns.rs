//! Events as AWS delivers them to functions.

use jiff::Timestamp;
use serde_json::Value;

use crate::files;

/// The event that rollback gets when an alarm changes its state: the sample of a metric's alarm, with these values.
pub fn alarm_event(alarm: &str, state: &str, changed_at: Timestamp) -> Value {
    event_of("sns-alarm-metric", alarm, state, changed_at)
}

/// The event that rollback gets when a composite alarm goes into ALARM: the sample, with these values.
pub fn composite_alarm_event(alarm: &str, changed_at: Timestamp) -> Value {
    event_of("sns-alarm-composite", alarm, "ALARM", changed_at)
}

fn event_of(sample: &str, alarm: &str, state: &str, changed_at: Timestamp) -> Value {
    let mut event = files::event(sample);
    let text = event.pointer_mut("/Records/0/Sns/Message").expect("the sample has a message");
    let mut message: Value = serde_json::from_str(text.as_str().unwrap()).expect("the message is JSON");
    message["AlarmName"] = alarm.into();
    message["NewStateValue"] = state.into();
    message["StateChangeTime"] = changed_at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string().into();
    *text = message.to_string().into();
    event
}

/// The event that rollback gets when an execution ended as it should not have: the sample, with these values.
pub fn ended_event(execution_arn: &str, status: &str) -> Value {
    let mut event = files::event("watchdog");
    event["detail"]["executionArn"] = execution_arn.into();
    event["detail"]["status"] = status.into();
    event
}
