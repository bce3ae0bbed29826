//! alert-router: whoever has to know is told, once.
//!
//! What is heard of a subject changes its [`Watch`], whose alerts change [groups](alerting::Group), which say what is to
//! be sent. Each is one item with an optimistic lock, written in this order before anything is sent, so that whatever
//! ends in between is made up for by the same event delivered again, by a timer or by the sweep: none of them does
//! anything twice that is done.

mod delivery;
mod flush;
mod intake;
mod links;
mod orders;
mod own;
mod setup;
mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alerting::{Across, Alert, Counted, Group, News, RuleName, Signal, Subject, Watch};
use async_trait::async_trait;
use contract::{
    AlertRouter, AlertRouterReply, AlertRouterResult, Due, DueOf, ErrorName, Failure, Function, Heard,
};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use rollout::{EnvironmentName, Seconds};

use crate::failures;
use crate::ports::{AlarmTags, AlertStore, ChannelSecrets, Clock, Courier, DeadLetters, Store, Timers};
use crate::sweep::Tally;
use flush::Touch;
use intake::Taken;
use setup::Setup;

pub use setup::Setups;
pub use sight::Lookout;

/// How often something is decided anew because somebody else wrote first.
const ATTEMPTS: usize = 16;
/// A timer that comes so little early is waited for here.
const EARLY: Seconds = Seconds(5);

/// The function.
pub struct AlertRouterFunction<'a> {
    /// The environment whose stack this is.
    pub environment: EnvironmentName,
    /// Where rollouts and configurations are stored.
    pub store: &'a dyn Store,
    /// Where alerts are stored.
    pub alerts: &'a dyn AlertStore,
    /// What alarms are tagged with.
    pub tags: &'a dyn AlarmTags,
    /// Calls back.
    pub timers: &'a dyn Timers,
    /// Delivers messages.
    pub courier: &'a dyn Courier,
    /// The secrets of channels.
    pub secrets: &'a dyn ChannelSecrets,
    /// Keeps what could not be delivered.
    pub letters: &'a dyn DeadLetters,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The configuration as it was read last.
    pub setups: Setups,
}

/// What came of a request so far.
#[derive(Default)]
struct Outcome {
    groups: BTreeSet<String>,
    delivered: u32,
    failed: u32,
    ignored: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.ignored.extend(other.ignored);
    }

    fn reply(self, result: AlertRouterResult, reason: String) -> AlertRouterReply {
        let groups = self.groups.into_iter().collect();
        AlertRouterReply { result, reason, groups, delivered: self.delivered, failed: self.failed }
    }
}

#[async_trait]
impl Function for AlertRouterFunction<'_> {
    const NAME: &'static str = "alert-router";
    type Request = AlertRouter;
    type Reply = AlertRouterReply;

    async fn call(&self, request: AlertRouter) -> Result<AlertRouterReply, Failure> {
        let Some(setup) = self.setups.get(self.store, &self.environment, self.clock.now()).await? else {
            return Ok(Outcome::default().reply(AlertRouterResult::Ignored, self.without_configuration()));
        };
        match request {
            AlertRouter::Heard(heard) => self.heard(&setup, heard).await,
            AlertRouter::Due(due) => {
                let outcome = self.due(&setup, &due).await?;
                Ok(outcome.reply(AlertRouterResult::Routed, format!("looked at what was due at {}", due.at)))
            }
            AlertRouter::Sweep => self.sweep(&setup).await,
            AlertRouter::Acknowledge(order) => self.acknowledge(&setup, order).await,
            AlertRouter::Silence(order) => self.silence(order).await,
            AlertRouter::Unsilence(order) => self.unsilence(&setup, order).await,
            AlertRouter::TryChannel(order) => Ok(self.try_channel(&setup, order).await),
        }
    }
}

impl AlertRouterFunction<'_> {
    /// What was heard, one after the other. One that fails does not keep the others from being heard.
    async fn heard(&self, setup: &Arc<Setup>, heard: Vec<Heard>) -> Result<AlertRouterReply, Failure> {
        let (mut all, mut failed) = (Outcome::default(), None);
        for one in heard {
            match self.take(setup, one).await {
                Ok(outcome) => all.add(outcome),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        if let Some(failure) = failed {
            return Err(failure);
        }
        let (result, reason) = match all.ignored.first() {
            Some(why) if all.groups.is_empty() => (AlertRouterResult::Ignored, why.clone()),
            _ => (AlertRouterResult::Routed, format!("{} groups of alerts", all.groups.len())),
        };
        Ok(all.reply(result, reason))
    }

    async fn take(&self, setup: &Arc<Setup>, heard: Heard) -> Result<Outcome, Failure> {
        match self.intake(setup, heard).await? {
            Taken::Signal(signal) => self.signal(setup, &signal).await,
            Taken::Own(alert) => self.flush(setup, &[*alert], Touch::Hear).await,
            Taken::Nothing(why) => Ok(Outcome { ignored: vec![why], ..Outcome::default() }),
        }
    }

    /// What a signal means for its subject, and then for everybody else.
    async fn signal(&self, setup: &Arc<Setup>, signal: &Signal) -> Result<Outcome, Failure> {
        let policy = &setup.policy;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let stored = self.watch(&signal.subject).await?;
            let Some(next) = stored.hear(signal, policy, now) else {
                // It was heard before. Whoever heard it may have got no further.
                return self.settle(setup, None, &stored, signal.at).await;
            };
            if self.alerts.put_watch(&self.environment, &next).await.map_err(failures::port)? {
                // Alerts that are left to a rollout wait for what becomes of it.
                let before = (!matches!(signal.news, News::Deployment(_))).then_some(&stored);
                return self.settle(setup, before, &next, signal.at).await;
            }
        }
        Err(contended(&format!("what is known of {}", signal.subject)))
    }

    /// What something that is heard comes to: a signal about one subject; otherwise why it comes to none. Nothing is done
    /// about it.
    ///
    /// # Errors
    /// [`Failure`], where what has to be asked cannot be.
    pub async fn signal_of(&self, heard: Heard) -> Result<Result<Signal, String>, Failure> {
        let now = self.clock.now();
        let Some(setup) = self.setups.get(self.store, &self.environment, now).await? else {
            return Ok(Err(self.without_configuration()));
        };
        Ok(match self.intake(&setup, heard).await? {
            Taken::Signal(signal) => Ok(*signal),
            Taken::Own(alert) => Err(alert.because),
            Taken::Nothing(why) => Err(why),
        })
    }

    fn without_configuration(&self) -> String {
        let environment = &self.environment;
        format!("environment {environment} has no configuration: ace publish --environment {environment}")
    }

    fn lookout(&self, now: Timestamp) -> Lookout<'_> {
        let Self { environment, store, alerts, .. } = self;
        Lookout { environment, store: *store, alerts: *alerts, now }
    }

    async fn watch(&self, subject: &Subject) -> Result<Watch, Failure> {
        let stored = self.alerts.watch(&self.environment, subject).await.map_err(failures::port)?;
        Ok(stored.unwrap_or_else(|| Watch::new(subject.clone())))
    }

    /// Takes the alerts of a subject to their groups: those that are not as they were `before`, or all.
    async fn settle(
        &self,
        setup: &Arc<Setup>,
        before: Option<&Watch>,
        watch: &Watch,
        happened: Timestamp,
    ) -> Result<Outcome, Failure> {
        let (policy, now) = (&setup.policy, self.clock.now());
        let decided: BTreeMap<_, _> = before
            .map(|before| before.alerts(policy, now))
            .unwrap_or_default()
            .into_iter()
            .map(|alert| (alert.key, alert.decided))
            .collect();
        let mut alerts = watch.alerts(policy, now);
        alerts.retain(|alert| decided.get(&alert.key) != Some(&alert.decided));
        for counted in watch.counted(policy) {
            alerts.extend(self.count(setup, &counted, happened).await?);
        }
        self.timer(DueOf::Watch, watch.subject.to_string(), watch.due).await?;
        self.grouped(setup, alerts).await
    }

    /// Tells a rule that counts over environments of one subject; its alert, if that changes it or may have.
    async fn count(
        &self,
        setup: &Arc<Setup>,
        counted: &Counted,
        happened: Timestamp,
    ) -> Result<Option<Alert>, Failure> {
        let policy = &setup.policy;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let stored = self.across(&counted.rule).await?;
            let Some(next) = stored.count(counted, policy, happened, now) else {
                self.timer(DueOf::Across, stored.rule.to_string(), stored.due).await?;
                return Ok(stored.alert(policy, now));
            };
            if self.alerts.put_across(&self.environment, &next).await.map_err(failures::port)? {
                self.timer(DueOf::Across, next.rule.to_string(), next.due).await?;
                return Ok(next.alert(policy, now));
            }
        }
        Err(contended(&format!("what rule {} has counted", counted.rule)))
    }

    async fn across(&self, rule: &RuleName) -> Result<Across, Failure> {
        let stored = self.alerts.across(&self.environment, rule).await.map_err(failures::port)?;
        Ok(stored.unwrap_or_else(|| Across::new(rule.clone())))
    }

    /// Takes alerts to their groups. A group that fails does not keep the others from being told of.
    async fn grouped(&self, setup: &Arc<Setup>, alerts: Vec<Alert>) -> Result<Outcome, Failure> {
        let mut groups: BTreeMap<_, Vec<Alert>> = BTreeMap::new();
        for alert in alerts {
            groups.entry(Group::id_of(&alert, &setup.policy)).or_default().push(alert);
        }
        let (mut all, mut failed) = (Outcome::default(), None);
        for alerts in groups.into_values() {
            match self.flush(setup, &alerts, Touch::Hear).await {
                Ok(outcome) => all.add(outcome),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(all), Err)
    }

    /// It is time to look at something.
    async fn due(&self, setup: &Arc<Setup>, due: &Due) -> Result<Outcome, Failure> {
        let early = Seconds::until(self.clock.now(), due.at);
        if early <= EARLY {
            self.clock.pause(early).await;
        }
        match due.of {
            DueOf::Watch => {
                let Ok(subject) = due.key.parse() else { return Err(unknown(due)) };
                self.pass_watch(setup, &subject).await
            }
            DueOf::Across => {
                let Ok(rule) = due.key.parse() else { return Err(unknown(due)) };
                self.pass_across(setup, &rule).await
            }
            DueOf::Group => self.look(setup, &due.key).await,
        }
    }

    async fn pass_watch(&self, setup: &Arc<Setup>, subject: &Subject) -> Result<Outcome, Failure> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let stored = self.watch(subject).await?;
            let Some(next) = stored.pass(&setup.policy, now) else {
                return self.settle(setup, None, &stored, now).await;
            };
            if self.alerts.put_watch(&self.environment, &next).await.map_err(failures::port)? {
                return self.settle(setup, None, &next, now).await;
            }
        }
        Err(contended(&format!("what is known of {subject}")))
    }

    async fn pass_across(&self, setup: &Arc<Setup>, rule: &RuleName) -> Result<Outcome, Failure> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let stored = self.across(rule).await?;
            let next = match stored.pass(&setup.policy, now) {
                Some(next)
                    if !self.alerts.put_across(&self.environment, &next).await.map_err(failures::port)? =>
                {
                    continue;
                }
                next => next.unwrap_or(stored),
            };
            self.timer(DueOf::Across, rule.to_string(), next.due).await?;
            return self.grouped(setup, next.alert(&setup.policy, now).into_iter().collect()).await;
        }
        Err(contended(&format!("what rule {rule} has counted")))
    }

    async fn timer(&self, of: DueOf, key: String, at: Option<Timestamp>) -> Result<(), Failure> {
        let Some(at) = at else { return Ok(()) };
        // Never before it is due; Step Functions' timestamps are to the millisecond.
        let up = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
        let at = at.round(up).unwrap_or(at);
        self.timers.start(&Due { of, key, at }).await.map_err(failures::port)
    }

    /// Looks at everything whose time has come and that nobody has looked at: timers that were lost, messages that
    /// somebody took and did not live to send.
    async fn sweep(&self, setup: &Arc<Setup>) -> Result<AlertRouterReply, Failure> {
        let due = self.alerts.due(&self.environment, self.clock.now()).await.map_err(failures::port)?;
        let mut tally = Tally::new(due.len());
        let mut all = Outcome::default();
        for one in due {
            tally.note(self.due(setup, &one).await.map(|outcome| all.add(outcome)));
        }
        Ok(all.reply(AlertRouterResult::Routed, tally.told("things to look at")?))
    }
}

fn unknown(due: &Due) -> Failure {
    let message = format!("due.key is {:?}, which names none: send what a timer sends", due.key);
    Failure::new(ErrorName::InvalidInput, message)
}

fn contended(what: &str) -> Failure {
    Failure::new(ErrorName::ConflictError, format!("{what} kept changing; it is tried again"))
}

/// A message about something that happened longer ago is not obeyed: archives are replayed.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);
