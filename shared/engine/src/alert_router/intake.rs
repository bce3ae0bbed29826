//! What was heard, as a signal about one subject.

use alerting::metric::measured;
use alerting::{
    AlarmNews, AlarmState, Alert, Deployment, DeploymentNews, News, Signal, StatusNews, Subject, managed,
};
use contract::{AlarmChange, EnvironmentStatus, Failure, Heard, RolloutOutcome};
use jiff::Timestamp;
use rollout::{EnvironmentName, ServiceName};

use super::setup::Setup;
use super::{AlertRouterFunction, OLDEST, links, own};
use crate::alarms::{ENVIRONMENT_TAGS, SERVICE_TAG};
use crate::failures;

/// What something that was heard comes to.
pub(super) enum Taken {
    /// A signal.
    Signal(Box<Signal>),
    /// An alert of alert-router's own.
    Own(Box<Alert>),
    /// Nothing, and why.
    Nothing(String),
}

impl AlertRouterFunction<'_> {
    pub(super) async fn intake(&self, setup: &Setup, heard: Heard) -> Result<Taken, Failure> {
        let now = self.clock.now();
        let signal = match heard {
            Heard::Alarm { change, addressed } => match self.alarm(setup, *change, addressed).await? {
                Ok(signal) => signal,
                Err(why) => return Ok(Taken::Nothing(why)),
            },
            Heard::Status(status) => of_status(status, now),
            Heard::Outcome(outcome) => match of_outcome(outcome) {
                Ok(signal) => signal,
                Err(why) => return Ok(Taken::Nothing(why)),
            },
            Heard::Malformed { why, excerpt } => {
                tracing::warn!(why, "something was heard that cannot be read");
                let alert = own::not_understood(&self.environment, &why, &excerpt, now);
                let why = "it was not understood, and there is no rule to tell so".to_owned();
                return Ok(alert.map_or(Taken::Nothing(why), |alert| Taken::Own(Box::new(alert))));
            }
            Heard::Other { what } => {
                return Ok(Taken::Nothing(format!("{what} is nothing that alerts are about")));
            }
        };
        let environment = &signal.subject.environment;
        if !setup.policy.environments.contains(environment) {
            return Ok(Taken::Nothing(format!(
                "environment {environment} is not routed here: add it to alerts.environments"
            )));
        }
        if signal.at + OLDEST < now {
            return Ok(Taken::Nothing(format!("it happened at {}, longer than a day ago", signal.at)));
        }
        Ok(Taken::Signal(Box::new(signal)))
    }

    /// An alarm is about what its name says, if it is one of ours; else what its dimensions say; else its tags.
    async fn alarm(
        &self,
        setup: &Setup,
        change: AlarmChange,
        addressed: bool,
    ) -> Result<Result<Signal, String>, Failure> {
        let AlarmChange { alarm, reason, metric } = change;
        let state = match alarm.state.as_str() {
            "ALARM" => AlarmState::Alarm,
            "OK" => AlarmState::Ok,
            "INSUFFICIENT_DATA" => AlarmState::InsufficientData,
            other => return Ok(Err(format!("alarm {} is {other}, which is no state of alarms", alarm.name))),
        };
        let (subject, rule) = match managed::read(&alarm.name) {
            Some(ours) if ours.home != self.environment || ours.is_part => {
                return Ok(Err(format!("alarm {} is for another one of alert-router's", alarm.name)));
            }
            Some(ours) => (Subject::environment(ours.environment), Some(ours.rule)),
            None => match self.subject(setup, &alarm, addressed).await? {
                Ok(subject) => (subject, None),
                Err(why) => return Ok(Err(why)),
            },
        };
        let measures = metric.as_ref().and_then(|metric| {
            let sources = &setup.policy.sources;
            Some(measured(sources, &metric.namespace, &metric.name, &metric.statistic, metric.datapoint?))
        });
        let (namespace, metric) = metric.map(|metric| (metric.namespace, metric.name)).unzip();
        let measures = measures.unwrap_or_default();
        let link = alarm.arn.as_deref().and_then(links::alarm);
        let name = alarm.name;
        let news = AlarmNews { name, state, reason, namespace, metric, measures, rule, link };
        Ok(Ok(Signal { subject, at: alarm.changed_at, news: News::Alarm(news) }))
    }

    async fn subject(
        &self,
        setup: &Setup,
        alarm: &contract::Alarm,
        addressed: bool,
    ) -> Result<Result<Subject, String>, Failure> {
        let dimension = |names: [&str; 2]| {
            let pair = alarm.dimensions.iter().find(|(name, _)| names.contains(&name.as_str()));
            pair.map(|(_, value)| value.as_str())
        };
        let behind = alarm.dimensions.iter().find_map(|(_, value)| setup.target_groups.get(value)).cloned();
        let mut service: Option<ServiceName> = match behind {
            Some(service) => Some(service),
            None => dimension(["Service", "service"]).and_then(|name| name.parse().ok()),
        };
        let named = dimension(["Environment", "environment"]).and_then(|name| name.parse().ok());
        // A service that is configured here is one of this environment.
        let ours = service.as_ref().is_some_and(|service| setup.services.contains(service));
        let mut environment: Option<EnvironmentName> =
            named.or_else(|| ours.then(|| self.environment.clone()));
        if (environment.is_none() || service.is_none())
            && let Some(arn) = &alarm.arn
        {
            match self.tags.of(arn).await {
                Ok(tags) => {
                    let tag = |name: &str| tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value);
                    service = service.or_else(|| tag(SERVICE_TAG)?.parse().ok());
                    environment = environment
                        .or_else(|| ENVIRONMENT_TAGS.iter().find_map(|name| tag(name)?.parse().ok()));
                }
                // What it says itself, and where it was sent, has to do.
                Err(error) if addressed || environment.is_some() => {
                    tracing::warn!(alarm = alarm.name, %error, "the tags of an alarm cannot be read");
                }
                Err(error) => return Err(failures::port(error)),
            }
        }
        let environment = environment.or_else(|| addressed.then(|| self.environment.clone()));
        let Some(environment) = environment else {
            return Ok(Err(format!(
                "nothing says which environment alarm {} is about: give it the tag {}",
                alarm.name, ENVIRONMENT_TAGS[1]
            )));
        };
        Ok(Ok(Subject { environment, service }))
    }
}

fn of_status(status: EnvironmentStatus, now: Timestamp) -> Signal {
    let EnvironmentStatus { environment, service, status, reason, at, metrics, .. } = status;
    let subject = Subject { environment, service };
    Signal {
        subject,
        at: at.unwrap_or(now),
        news: News::Status(StatusNews { status, reason, measures: metrics }),
    }
}

fn of_outcome(outcome: RolloutOutcome) -> Result<Signal, String> {
    let state = match outcome.milestone.as_str() {
        "started" | "reached" => Deployment::Running,
        "awaiting_approval" => Deployment::Waiting,
        "frozen" => Deployment::Frozen,
        "rolling_back" => Deployment::RollingBack,
        "rolled_back" => Deployment::Failed,
        "promoted" => Deployment::Succeeded,
        other => return Err(format!("milestone {other} is not about how a deployment goes")),
    };
    let RolloutOutcome {
        rollout, environment, service, version, epoch, detail, weight, started_at, at, ..
    } = outcome;
    let news = DeploymentNews { state, rollout, epoch, version, detail, weight, started: started_at };
    Ok(Signal { subject: Subject::service(environment, service), at, news: News::Deployment(news) })
}
