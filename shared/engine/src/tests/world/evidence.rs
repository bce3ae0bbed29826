//! What the functions see and tell: metrics, alarms, probes, outcomes, the clock.

use analysis::{Evidence, Minutes, Window};
use async_trait::async_trait;
use jiff::Timestamp;
use rollout::*;

use super::World;
use crate::outcome::Outcome;
use crate::ports::*;

#[async_trait]
impl Metrics for World {
    async fn minutes(&self, _: &Route, canary: Colour, window: Window, _: Wanted<'_>) -> Evidence {
        let minutes = self
            .step("minutes", |state| {
                let starts = (0..window.len()).map(|minute| Seconds(u32::try_from(minute * 60).unwrap()));
                starts.map(|span| state.minute(span.after(window.first), canary)).collect()
            })
            .await;
        match minutes {
            Ok(minutes) => Evidence::Minutes(Minutes::new(minutes).unwrap()),
            Err(error) => Evidence::SourceDown { reason: error.to_string() },
        }
    }
}

#[async_trait]
impl Alarms for World {
    async fn states(&self, alarms: &[AlarmName]) -> PortResult<Vec<AlarmState>> {
        self.step("states", |state| {
            let state = |alarm: &AlarmName| state.alarms.get(alarm.as_str()).cloned();
            alarms.iter().map(|alarm| state(alarm).unwrap_or(AlarmState::Missing)).collect()
        })
        .await
    }
}

#[async_trait]
impl AlarmTags for World {
    async fn of(&self, _: &str) -> PortResult<Vec<(String, String)>> {
        self.step("tags", |state| state.tags.clone()).await
    }
}

#[async_trait]
impl Prober for World {
    async fn probe(&self, endpoint: &str, _: &str, _: &[SmokeTest]) -> Probe {
        self.step("probe", |state| {
            if endpoint == "http://blue" { state.blue_probe.clone() } else { state.probe.clone() }
        })
        .await
        .unwrap_or_else(|error| Probe::NotReady(error.to_string()))
    }
}

#[async_trait]
impl Notifier for World {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        let deaf = self
            .step("publish", |state| {
                if !state.deaf && !state.published.iter().any(|known| known.id == outcome.id) {
                    state.published.push(outcome.clone());
                }
                state.deaf
            })
            .await?;
        if deaf {
            return Err(PortError::Transient { service: "SNS", detail: "throttled".to_owned() });
        }
        Ok(())
    }
}

#[async_trait]
impl CleanUpSchedule for World {
    async fn schedule(&self, id: &RolloutId, attempt: u32, due: Timestamp) -> PortResult<()> {
        self.step("schedule", |state| {
            let entry = (id.clone(), attempt, due);
            if !state.scheduled.contains(&entry) {
                state.scheduled.push(entry);
            }
        })
        .await
    }
}

#[async_trait]
impl Revisions for World {
    async fn of(&self, _: &str, _: &str) -> PortResult<Version> {
        self.step("of", |_| "v2".parse().unwrap()).await
    }
}

#[async_trait]
impl Below for World {
    async fn ended(&self, environment: &EnvironmentName, _: &ServiceName) -> PortResult<Vec<Ended>> {
        assert_eq!(environment.as_str(), "development");
        self.step("ended", |state| state.below.clone()).await
    }
}

#[async_trait]
impl Served for World {
    async fn requests(&self, stay: &Stay, _: Timestamp) -> PortResult<u64> {
        self.step("requests", |state| state.served.get(&stay.rollout).copied().unwrap_or(0)).await
    }
}

#[async_trait]
impl Budget for World {
    async fn forward(&self, _: &EnvironmentName, need: Need, now: Timestamp) -> PortResult<Seconds> {
        let name = if need == Need::Step { "forward" } else { "ask" };
        self.step(name, |state| match state.bucket.forward(need, now, Share::ALL) {
            Ok(after) => {
                state.bucket = after;
                Seconds(0)
            }
            Err(wait) => wait,
        })
        .await
    }

    async fn spent(&self, _: &EnvironmentName, now: Timestamp) -> PortResult<Seconds> {
        self.step("spent", |state| {
            state.bucket = state.bucket.spent(now, Share::ALL);
            state.bucket.turn(now, Share::ALL)
        })
        .await
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    async fn pause(&self, span: Seconds) {
        self.advance(span.0);
    }
}

impl Meter for World {
    fn measure(&self, _: &EnvironmentName, _: &ServiceName, measure: Measure) {
        self.with(|state| state.measures.push(measure));
    }
}
