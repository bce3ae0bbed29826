//! The small ports: outcomes, measures, alarms, revisions, reminders.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError, Weak};

use async_trait::async_trait;
use contract::{CleanUpDue, PromoteStep, ResourceTrouble};
use engine::outcome::Outcome;
use engine::ports::{
    AlarmState, AlarmTags, Alarms, Budget, CleanUpSchedule, CostMeter, Measure, Meter, MonthSoFar, Notifier,
    PortError, PortResult, Revisions, Troubles,
};
use jiff::Timestamp;
use rollout::{AlarmName, Bucket, EnvironmentName, Need, RolloutId, Seconds, ServiceName, Share, Version};

use crate::clock::StackClock;
use crate::functions::Ports;
use crate::update::{Update, Updates};

#[async_trait]
impl Notifier for Updates {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        self.send(Update::Published(Box::new(outcome.clone())));
        Ok(())
    }
}

/// Measures go to the log.
pub(crate) struct LoggedMeasures;

impl Meter for LoggedMeasures {
    fn measure(&self, environment: &EnvironmentName, service: &ServiceName, measure: Measure) {
        tracing::debug!(%environment, %service, ?measure, "measured");
    }
}

impl CostMeter for LoggedMeasures {
    fn saved(&self, environment: &EnvironmentName, month: &MonthSoFar, _: Timestamp) {
        tracing::debug!(%environment, ?month, "measured");
    }
}

/// Nothing is stopped here that could be stuck: what is told all the same goes to the log.
pub(crate) struct LoggedTroubles;

#[async_trait]
impl Troubles for LoggedTroubles {
    async fn tell(&self, trouble: &ResourceTrouble) -> PortResult<()> {
        tracing::warn!(?trouble, "a resource is stuck, or is not any more");
        Ok(())
    }
}

/// The API budget of a load balancer that nobody else calls.
#[derive(Debug, Default)]
pub(crate) struct OneBucket(Mutex<Option<Bucket>>);

#[async_trait]
impl Budget for OneBucket {
    async fn forward(&self, _: &EnvironmentName, need: Need, now: Timestamp) -> PortResult<Seconds> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bucket.unwrap_or_else(|| Bucket::full(now, Share::ALL)).forward(need, now, Share::ALL) {
            Ok(after) => {
                *bucket = Some(after);
                Ok(Seconds(0))
            }
            Err(wait) => Ok(wait),
        }
    }

    async fn spent(&self, _: &EnvironmentName, now: Timestamp) -> PortResult<Seconds> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = bucket.unwrap_or_else(|| Bucket::full(now, Share::ALL)).spent(now, Share::ALL);
        *bucket = Some(after);
        Ok(after.turn(now, Share::ALL))
    }
}

/// Alarms of this machine: those that were named, quiet until they are rung.
#[derive(Debug, Default)]
pub struct LocalAlarms {
    ringing: Mutex<BTreeMap<AlarmName, bool>>,
    tags: Mutex<BTreeMap<String, Vec<(String, String)>>>,
}

impl LocalAlarms {
    /// Sets whether an alarm is in ALARM, and makes it if it is not there.
    pub fn set(&self, alarm: AlarmName, in_alarm: bool) {
        self.ringing.lock().unwrap_or_else(PoisonError::into_inner).insert(alarm, in_alarm);
    }

    /// Gives an alarm one more tag, by its ARN. An alarm has none at first.
    pub fn tag(&self, arn: &str, name: &str, value: &str) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.entry(arn.to_owned()).or_default().push((name.to_owned(), value.to_owned()));
    }
}

#[async_trait]
impl Alarms for LocalAlarms {
    async fn states(&self, alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>> {
        let known = self.ringing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(alarms
            .iter()
            .map(|alarm| match known.get(alarm) {
                None => AlarmState::Missing,
                Some(false) => AlarmState::Quiet,
                Some(true) => AlarmState::Alarm,
            })
            .collect())
    }
}

#[async_trait]
impl AlarmTags for LocalAlarms {
    async fn of(&self, alarm: &str) -> PortResult<Vec<(String, String)>> {
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tags.get(alarm).cloned().unwrap_or_default())
    }
}

/// A pipeline's execution names its version here: there is no CodePipeline to ask.
pub(crate) struct ExecutionIsVersion;

#[async_trait]
impl Revisions for ExecutionIsVersion {
    async fn of(&self, _: &str, execution_id: &str) -> PortResult<Version> {
        let short: String = execution_id.chars().take(8).collect();
        short.parse().map_err(|error: rollout::InvalidName| PortError::Permanent {
            service: "the pipeline",
            detail: error.to_string(),
            remedy: "give the event an execution-id".to_owned(),
        })
    }
}

/// Reminders as tokio timers; they call promote-step as the Scheduler would.
pub(crate) struct TimedReminders {
    pub(crate) clock: StackClock,
    pub(crate) ports: OnceLock<Weak<Ports>>,
}

#[async_trait]
impl CleanUpSchedule for TimedReminders {
    async fn schedule(&self, id: &RolloutId, attempt: u32, at: Timestamp) -> PortResult<()> {
        let Some(ports) = self.ports.get().cloned() else { return Ok(()) };
        let clock = self.clock.clone();
        let payload = PromoteStep::clean_up_payload(&CleanUpDue { rollout_id: id.clone(), attempt });
        tokio::spawn(async move {
            clock.wait(Seconds::until(engine::ports::Clock::now(&clock), at)).await;
            let Some(ports) = ports.upgrade() else { return };
            if let Some(Err(failure)) = ports.call("promote-step", payload).await {
                tracing::warn!(%failure, "the clean-up failed");
            }
        });
        Ok(())
    }
}
