//! The real function over a memory that is forgotten, with a clock that goes only as it is told: what would be told, and
//! when, without anybody being told.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alerting::group::{Delivery, Held, Plan};
use alerting::{
    Across, AlertKey, ChannelName, Credential, Group, Notice, Policy, RuleName, Signal, Subject, Watch,
};
use async_trait::async_trait;
use contract::{AlertRouter, Due, DueOf, Failure, Function, Heard};
use engine::ports::{
    AlarmTags, AlertStore, ChannelSecrets, Clock, Courier, DeadLetters, Parcel, PortError, PortResult, Timers,
};
use engine::{AlertRouterFunction, Lookout, Setups};
use environments::{Environment, SecretKey};
use jiff::Timestamp;
use local_stack::EmbeddedStore;
use rollout::{EnvironmentName, Seconds};

use super::DeskError;
use crate::backend::BackendError;
use crate::error::AceError;

/// A message as its channel would have got it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// When.
    pub(super) at: Timestamp,
    /// Who.
    pub(super) channel: ChannelName,
    /// What.
    pub(super) notice: Notice,
}

/// A group as it is now.
pub(super) struct Open {
    pub(super) group: Group,
    pub(super) held: Vec<(AlertKey, Held)>,
}

/// The environment whose stack routes alerts, rehearsed.
pub(super) struct Rehearsal {
    environment: EnvironmentName,
    policy: Policy,
    store: EmbeddedStore,
    /// What alarms are tagged with.
    tags: Vec<(String, String)>,
    state: Mutex<State>,
}

struct State {
    now: Timestamp,
    timers: BTreeSet<Timer>,
    /// Timers that were ever asked for: asked twice for the same, one comes once.
    asked: BTreeSet<Timer>,
    sent: Vec<Sent>,
}

/// When, and what is looked at then.
type Timer = (Timestamp, DueOf, String);

impl Rehearsal {
    /// Begins at this time, with nothing known.
    pub(super) async fn begin(
        environment: &EnvironmentName,
        configuration: &Environment,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<Self, AceError> {
        let store = EmbeddedStore::in_memory().map_err(BackendError::Store)?;
        let published =
            engine::publish::publish(&store, environment, configuration, "the rehearsal", now).await;
        published.map_err(BackendError::Publish)?;
        let state = State { now, timers: BTreeSet::new(), asked: BTreeSet::new(), sent: Vec::new() };
        let mut rehearsal = Self {
            environment: environment.clone(),
            policy: configuration.alerts(environment),
            store,
            tags,
            state: Mutex::new(state),
        };
        // With what is alert-router's own.
        if let Some(policy) = rehearsal.lookout().policy().await? {
            rehearsal.policy = policy;
        }
        Ok(rehearsal)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn function(&self) -> AlertRouterFunction<'_> {
        AlertRouterFunction {
            environment: self.environment.clone(),
            store: &self.store,
            alerts: &self.store,
            tags: self,
            timers: self,
            courier: self,
            secrets: self,
            letters: self,
            clock: self,
            setups: Setups::default(),
        }
    }

    fn lookout(&self) -> Lookout<'_> {
        let Self { environment, store, .. } = self;
        Lookout { environment, store, alerts: store, now: Clock::now(self) }
    }

    /// Who is told of what.
    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What something would come to: a signal, or why none.
    pub(super) async fn signal_of(&self, heard: &Heard) -> Result<Result<Signal, String>, DeskError> {
        self.function().signal_of(heard.clone()).await.map_err(DeskError::Rehearsal)
    }

    /// Hears something now.
    pub(super) async fn hear(&self, heard: Vec<Heard>) -> Result<(), DeskError> {
        self.call(AlertRouter::Heard(heard)).await
    }

    async fn call(&self, request: AlertRouter) -> Result<(), DeskError> {
        self.function()
            .call(request)
            .await
            .map(drop)
            .map_err(|failure: Failure| DeskError::Rehearsal(failure))
    }

    /// When something is to be looked at next.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.state().timers.first().map(|(at, ..)| *at)
    }

    /// Lets time pass; everything that is due until then is looked at in its time.
    pub(super) async fn pass(&self, until: Timestamp) -> Result<(), DeskError> {
        while let Some(due) = self.take(until) {
            self.call(AlertRouter::Due(due)).await?;
        }
        let mut state = self.state();
        state.now = state.now.max(until);
        Ok(())
    }

    fn take(&self, until: Timestamp) -> Option<Due> {
        let mut state = self.state();
        let first = state.timers.first().filter(|(at, ..)| *at <= until)?.clone();
        state.timers.remove(&first);
        let (at, of, key) = first;
        state.now = state.now.max(at);
        Some(Due { of, key, at })
    }

    /// What was sent since the last time.
    pub(super) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    /// What is known of a subject.
    pub(super) async fn watch(&self, subject: &Subject) -> PortResult<Watch> {
        let known = self.store.watch(&self.environment, subject).await?;
        Ok(known.unwrap_or_else(|| Watch::new(subject.clone())))
    }

    /// What a rule has counted over environments.
    pub(super) async fn across(&self, rule: &RuleName) -> PortResult<Across> {
        let known = self.store.across(&self.environment, rule).await?;
        Ok(known.unwrap_or_else(|| Across::new(rule.clone())))
    }

    /// The groups that are open.
    pub(super) async fn open(&self) -> PortResult<Vec<Open>> {
        let mut open = Vec::new();
        for group in self.store.open_groups(&self.environment).await? {
            let Plan { held, .. } = self.lookout().plan(&self.policy, &group).await?;
            open.push(Open { group, held });
        }
        Ok(open)
    }
}

#[async_trait]
impl Clock for Rehearsal {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn pause(&self, span: Seconds) {
        let mut state = self.state();
        state.now = span.after(state.now);
    }
}

#[async_trait]
impl Timers for Rehearsal {
    async fn start(&self, due: &Due) -> PortResult<()> {
        let (timer, mut state) = ((due.at, due.of, due.key.clone()), self.state());
        if state.asked.insert(timer.clone()) {
            state.timers.insert(timer);
        }
        Ok(())
    }
}

#[async_trait]
impl Courier for Rehearsal {
    async fn deliver(&self, parcel: Parcel<'_>) -> Delivery {
        let mut state = self.state();
        let (at, channel, notice) = (state.now, parcel.name.clone(), parcel.notice.clone());
        state.sent.push(Sent { at, channel, notice });
        // Whoever begins a thread would get one.
        Delivery::Done { thread: None }
    }
}

#[async_trait]
impl ChannelSecrets for Rehearsal {
    /// None is needed where nothing is sent.
    async fn credential(&self, key: &SecretKey) -> PortResult<Credential> {
        Ok(Credential::new(key.as_str()))
    }

    async fn newer(&self, _: &SecretKey) -> PortResult<Option<Credential>> {
        Ok(None)
    }
}

#[async_trait]
impl DeadLetters for Rehearsal {
    async fn put(&self, channel: &ChannelName, _: &Notice, why: &str) -> PortResult<()> {
        // Every message arrives at once.
        Err(PortError::Permanent {
            service: "the rehearsal",
            detail: format!("a message to {channel} was given up: {why}"),
            remedy: "report this as a defect of ACE-Flow".to_owned(),
        })
    }
}

#[async_trait]
impl AlarmTags for Rehearsal {
    async fn of(&self, _: &str) -> PortResult<Vec<(String, String)>> {
        Ok(self.tags.clone())
    }
}
