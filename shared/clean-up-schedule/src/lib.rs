//! One-time EventBridge schedules for the clean-up of an old colour.
//!
//! The schedule calls promote-step with the clean-up's payload and is deleted once it has. Its name is derived from the
//! rollout and the attempt, so that asking twice makes one: the second `CreateSchedule` answers `ConflictException`,
//! which is what was wanted. `at(...)` expressions are from "Schedule types in EventBridge Scheduler" (User Guide): to
//! the second, in the schedule's time zone, delivered within the minute that follows.

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use contract::{CleanUpDue, PromoteStep};
use engine::ports::{CleanUpSchedule, PortError, PortResult};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use rollout::RolloutId;
use sha2::{Digest, Sha256};

const SERVICE: &str = "EventBridge Scheduler";

/// How long a clean-up that cannot be delivered is tried again, in seconds: an hour. It ends in the dead-letter queue.
const MAXIMUM_EVENT_AGE: i32 = 3600;
/// How often within that hour.
const MAXIMUM_RETRIES: i32 = 10;

/// What a schedule calls, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The schedule group; `None` for the default one.
    pub group: Option<String>,
    /// The ARN of the function to call, with its alias.
    pub function: String,
    /// The ARN of the role that may call it.
    pub role: String,
    /// The ARN of the SQS queue for calls that could not be delivered.
    pub dead_letters: String,
}

/// Schedules clean-ups.
#[derive(Clone, Debug)]
pub struct Schedules {
    client: Client,
    delivery: Delivery,
}

impl Schedules {
    /// Delivered so, with a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig, delivery: Delivery) -> Self {
        Self { client: Client::new(config), delivery }
    }

    fn target(&self, due: &CleanUpDue) -> Result<Target, BuildError> {
        let retry = RetryPolicy::builder()
            .maximum_event_age_in_seconds(MAXIMUM_EVENT_AGE)
            .maximum_retry_attempts(MAXIMUM_RETRIES)
            .build();
        Target::builder()
            .arn(&self.delivery.function)
            .role_arn(&self.delivery.role)
            .input(PromoteStep::clean_up_payload(due).to_string())
            .retry_policy(retry)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.delivery.dead_letters).build())
            .build()
    }
}

/// A name for one attempt of one rollout: at most 64 of the characters that a schedule's name may have, where a
/// rollout's id can be longer.
fn name(id: &RolloutId, attempt: u32) -> String {
    let digest = Sha256::digest(id.as_str().as_bytes());
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("clean-up-{hex}-{attempt}")
}

/// The expression for an instant, in UTC, at the next whole second.
fn expression(at: Timestamp) -> String {
    let whole = at.round(Unit::Second).unwrap_or(at);
    let whole =
        if whole < at { whole.checked_add(SignedDuration::from_secs(1)).unwrap_or(whole) } else { whole };
    format!("at({})", whole.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// A time that has passed is refused; what is asked for late, after a crash, is due in a minute.
fn soonest(at: Timestamp, now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_mins(1)).map_or(at, |soonest| at.max(soonest))
}

#[async_trait]
impl CleanUpSchedule for Schedules {
    async fn schedule(&self, id: &RolloutId, attempt: u32, at: Timestamp) -> PortResult<()> {
        let due = CleanUpDue { rollout_id: id.clone(), attempt };
        let target = self.target(&due).map_err(|error| unbuildable(&error))?;
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
        let name = name(id, attempt);
        let created = self
            .client
            .create_schedule()
            .name(&name)
            .set_group_name(self.delivery.group.clone())
            .description(format!("clean-up of rollout {id}, look {attempt}"))
            .schedule_expression(expression(soonest(at, Timestamp::now())))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window.map_err(|error| unbuildable(&error))?)
            .action_after_completion(ActionAfterCompletion::Delete)
            .client_token(&name)
            .target(target)
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.as_service_error(), Some(CreateScheduleError::ConflictException(_))) =>
            {
                Ok(())
            }
            Err(error) => Err(port(&Fault::new("scheduler:CreateSchedule", &error))),
        }
    }
}

fn unbuildable(error: &BuildError) -> PortError {
    PortError::Permanent {
        service: SERVICE,
        detail: format!("a schedule could not be built: {error}"),
        remedy: "report this as a defect of ACE-Flow".to_owned(),
    }
}

fn port(fault: &Fault) -> PortError {
    PortError::of(SERVICE, fault.kind.is_transient(), fault.detail(), fault.remedy())
}

#[cfg(test)]
mod tests {
    use aws_client::replay::Replay;
    use serde_json::{Value, json};

    use super::*;

    const CREATED: &str = r#"{"ScheduleArn":"arn:aws:scheduler:eu-west-1:1:schedule/clean-ups/x"}"#;

    fn schedules(replay: &Replay) -> Schedules {
        let delivery = Delivery {
            group: Some("clean-ups".to_owned()),
            function: "arn:function:live".to_owned(),
            role: "arn:role".to_owned(),
            dead_letters: "arn:queue".to_owned(),
        };
        Schedules::new(&replay.config().unwrap(), delivery)
    }

    fn id() -> RolloutId {
        "r-1".parse().unwrap()
    }

    #[tokio::test]
    async fn a_schedule_calls_once_and_goes() {
        let replay = Replay::new([(200, CREATED)]);
        let at = "2126-01-02T03:04:05.2Z".parse().unwrap();
        schedules(&replay).schedule(&id(), 2, at).await.unwrap();
        let sent = &replay.sent()[0];
        assert!(sent.uri.ends_with(&format!("/schedules/{}", name(&id(), 2))), "{}", sent.uri);
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body["ScheduleExpression"], "at(2126-01-02T03:04:06)", "never before it is due");
        assert_eq!(body["ScheduleExpressionTimezone"], "UTC");
        assert_eq!(body["FlexibleTimeWindow"], json!({"Mode": "OFF"}));
        assert_eq!(body["ActionAfterCompletion"], "DELETE");
        assert_eq!(body["GroupName"], "clean-ups");
        let target = &body["Target"];
        assert_eq!(target["Arn"], "arn:function:live");
        assert_eq!(target["RoleArn"], "arn:role");
        assert_eq!(target["DeadLetterConfig"], json!({"Arn": "arn:queue"}));
        assert_eq!(
            target["RetryPolicy"],
            json!({"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10})
        );
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        let due = CleanUpDue { rollout_id: id(), attempt: 2 };
        assert_eq!(serde_json::from_value::<PromoteStep>(input).unwrap(), PromoteStep::CleanUp(due));
    }

    #[tokio::test]
    async fn a_schedule_that_is_there_is_what_was_wanted() {
        let replay = Replay::new([(409, r#"{"__type":"ConflictException","Message":"exists"}"#)]);
        schedules(&replay).schedule(&id(), 1, Timestamp::UNIX_EPOCH).await.unwrap();
    }

    #[tokio::test]
    async fn other_refusals_are_errors() {
        let replay = Replay::new([
            (400, r#"{"__type":"ValidationException","Message":"in the past"}"#),
            (429, r#"{"__type":"ThrottlingException","Message":"slow"}"#),
        ]);
        let schedules = schedules(&replay);
        let refused = schedules.schedule(&id(), 1, Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(matches!(refused, PortError::Permanent { .. }), "{refused}");
        let throttled = schedules.schedule(&id(), 1, Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert!(matches!(throttled, PortError::Transient { .. }), "{throttled}");
    }

    #[test]
    fn names_fit_and_tell_attempts_and_rollouts_apart() {
        let long: RolloutId = "r".repeat(80).parse().unwrap();
        let names = [name(&id(), 1), name(&id(), 2), name(&long, 1), name(&long, u32::MAX)];
        for (index, one) in names.iter().enumerate() {
            assert!(one.len() <= 64 && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
            assert!(names.iter().skip(index + 1).all(|other| other != one));
        }
        assert_eq!(name(&id(), 1), names[0], "the same is asked for, the same is named");
    }

    #[test]
    fn what_is_late_is_due_in_a_minute() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-02T03:04:05Z");
        assert_eq!(soonest(at("2026-01-02T03:34:05Z"), now), at("2026-01-02T03:34:05Z"));
        assert_eq!(soonest(at("2026-01-02T03:00:00Z"), now), at("2026-01-02T03:05:05Z"));
    }

    #[test]
    fn a_time_is_never_moved_forward() {
        assert_eq!(expression("2026-12-31T23:59:59.7Z".parse().unwrap()), "at(2027-01-01T00:00:00)");
        assert_eq!(expression("2026-12-31T23:59:59Z".parse().unwrap()), "at(2026-12-31T23:59:59)");
    }
}
