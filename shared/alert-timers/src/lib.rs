//! Timers of alert-router: executions of the state machine `infra/alert-timer.asl.json`, which wait and call back.
//!
//! EventBridge Scheduler is cheaper and comes up to a minute late ("Schedule types in EventBridge Scheduler", User Guide),
//! which is longer than a group waits for its first message. An execution is named after what it is for, so that asking
//! twice starts one: the second `StartExecution` answers the first one, or `ExecutionAlreadyExists` once that has ended,
//! for 90 days.

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use contract::{Due, DueOf};
use engine::ports::{PortError, PortResult, Timers};
use sha2::{Digest, Sha256};

const SERVICE: &str = "Step Functions";

/// Timers as executions of a state machine.
#[derive(Clone, Debug)]
pub struct StateMachineTimers {
    client: Client,
    machine: String,
}

impl StateMachineTimers {
    /// Of the state machine with this ARN, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, machine: String) -> Self {
        Self { client: Client::new(config), machine }
    }
}

/// The execution's name: at most 80 characters, without those that Step Functions refuses.
fn name(due: &Due) -> String {
    let of = match due.of {
        DueOf::Watch => "watch",
        DueOf::Across => "across",
        DueOf::Group => "group",
    };
    let digest = Sha256::digest(due.key.as_bytes());
    let hex = digest.iter().take(12).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("{of}-{hex}-{}", due.at.as_millisecond())
}

#[async_trait]
impl Timers for StateMachineTimers {
    async fn start(&self, due: &Due) -> PortResult<()> {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.machine)
            .name(name(due))
            .input(due.payload().to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(StartExecutionError::ExecutionAlreadyExists(_))
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(port(&Fault::new("states:StartExecution", &error))),
        }
    }
}

fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;
    use contract::AlertRouter;
    use serde_json::Value;

    use super::*;

    const STARTED: &str = r#"{"executionArn":"arn:aws:states:eu-west-1:1:execution:t:x","startDate":1}"#;

    fn due(key: &str) -> Due {
        Due { of: DueOf::Group, key: key.to_owned(), at: "2026-01-02T03:04:05.25Z".parse().unwrap() }
    }

    fn timers(replay: &Replay) -> StateMachineTimers {
        StateMachineTimers::new(&replay.config().unwrap(), "arn:machine".to_owned())
    }

    #[tokio::test]
    async fn a_timer_is_an_execution_whose_input_is_what_alert_router_is_called_with() {
        let replay = Replay::new([(200, STARTED)]);
        timers(&replay).start(&due("g1")).await.unwrap();
        let body: Value = serde_json::from_str(&replay.sent()[0].body).unwrap();
        assert_eq!(body["stateMachineArn"], "arn:machine");
        assert_eq!(body["name"], name(&due("g1")));
        let input: Value = serde_json::from_str(body["input"].as_str().unwrap()).unwrap();
        assert_eq!(input["due"]["at"], "2026-01-02T03:04:05.25Z", "a Wait state reads it");
        assert_eq!(serde_json::from_value::<AlertRouter>(input).unwrap(), AlertRouter::Due(due("g1")));
    }

    #[tokio::test]
    async fn a_timer_that_is_there_is_what_was_wanted_and_other_refusals_are_errors() {
        let replay = Replay::new([
            (400, r#"{"__type":"ExecutionAlreadyExists","message":"exists"}"#),
            (400, r#"{"__type":"StateMachineDoesNotExist","message":"none"}"#),
            (400, r#"{"__type":"ThrottlingException","message":"slow"}"#),
        ]);
        let timers = timers(&replay);
        timers.start(&due("g1")).await.unwrap();
        let gone = timers.start(&due("g1")).await.unwrap_err();
        assert!(matches!(gone, PortError::Permanent { .. }), "{gone}");
        let throttled = timers.start(&due("g1")).await.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
    }

    #[test]
    fn names_fit_and_tell_things_and_times_apart() {
        let long = due(&"environment/service of a very long name ".repeat(20));
        let later = Due { at: "2026-01-02T03:04:06Z".parse().unwrap(), ..due("g1") };
        let watch = Due { of: DueOf::Watch, ..due("g1") };
        let names = [name(&due("g1")), name(&due("g2")), name(&later), name(&watch), name(&long)];
        for (index, one) in names.iter().enumerate() {
            assert!(one.len() <= 80 && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
            assert!(names.iter().skip(index + 1).all(|other| other != one));
        }
    }
}
