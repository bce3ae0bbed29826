//! alert-router on this machine: who hears of rollouts, waits for what is due, and sees what is told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use alerting::group::Delivery;
use alerting::{ChannelName, Notice};
use asl::{Execution, Identity, Machine, Observer};
use async_trait::async_trait;
use contract::Due;
use engine::outcome::Outcome;
use engine::ports::{
    AlertStore, ChannelSecrets, Courier, DeadLetters, Notifier, Parcel, PortError, PortResult, Timers,
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::clock::StackClock;
use crate::functions::Ports;
use crate::update::{Update, Updates};

/// The state machine of timers, the very file that AWS runs.
pub(crate) const TIMER: &str = include_str!("../../../alert-timer.asl.json");

/// What alert-router needs beside the stack's own ports. A stack without it tells nobody.
#[derive(Clone)]
pub struct Messenger {
    /// Where alerts are stored.
    pub alerts: Arc<dyn AlertStore>,
    /// Delivers messages.
    pub courier: Arc<dyn Courier>,
    /// The secrets of channels.
    pub secrets: Arc<dyn ChannelSecrets>,
}

/// The same with what the stack adds.
#[derive(Clone)]
pub struct Messages {
    /// Where alerts are stored.
    pub alerts: Arc<dyn AlertStore>,
    /// Delivers messages.
    pub courier: Arc<dyn Courier>,
    /// The secrets of channels.
    pub secrets: Arc<dyn ChannelSecrets>,
    /// Calls alert-router back.
    pub timers: Arc<dyn Timers>,
    /// Keeps what could not be delivered.
    pub letters: Arc<dyn DeadLetters>,
    /// One call at a time: channels answer in real time, which the stack's clock may run ahead of, so that whoever is
    /// sending would be taken to be dead.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

impl Messages {
    /// Of a stack that nobody plays: what is due is looked at by the next one that is.
    pub fn at_rest(messenger: Messenger) -> Self {
        let Messenger { alerts, courier, secrets } = messenger;
        let (timers, letters) = (Arc::new(Nobody), Arc::new(Nobody));
        Self { alerts, courier, secrets, timers, letters, turn: Arc::default() }
    }

    pub(crate) fn watched(messenger: Messenger, timers: Arc<LocalTimers>, updates: &Updates) -> Self {
        let Messenger { alerts, courier, secrets } = messenger;
        let courier = Arc::new(SeenCourier { courier, updates: updates.clone() });
        let letters = Arc::new(updates.clone());
        Self { alerts, courier, secrets, timers, letters, turn: Arc::default() }
    }
}

/// Nobody waits, and nobody keeps letters.
struct Nobody;

#[async_trait]
impl Timers for Nobody {
    async fn start(&self, _: &Due) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Nobody {
    async fn put(&self, channel: &ChannelName, notice: &Notice, why: &str) -> PortResult<()> {
        tracing::error!(%channel, notice = notice.id, why, "a message is given up");
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Updates {
    async fn put(&self, channel: &ChannelName, notice: &Notice, why: &str) -> PortResult<()> {
        let (channel, notice) = (channel.clone(), Box::new(notice.clone()));
        self.send(Update::GivenUp { channel, notice, why: why.to_owned() });
        Ok(())
    }
}

/// Timers as executions of the state machine that AWS runs, on this machine's clock.
pub(crate) struct LocalTimers {
    pub(crate) machine: Arc<Machine>,
    pub(crate) machine_arn: String,
    pub(crate) clock: StackClock,
    pub(crate) ports: OnceLock<Weak<Ports>>,
    pub(crate) started: Mutex<BTreeSet<String>>,
}

/// What a timer does is not told: the stack's own machine is.
struct Unseen;

impl Observer for Unseen {
    fn record(&self, _: &asl::HistoryEvent) {}
}

#[async_trait]
impl Timers for LocalTimers {
    async fn start(&self, due: &Due) -> PortResult<()> {
        let Some(ports) = self.ports.get().and_then(Weak::upgrade) else { return Ok(()) };
        let id = alerting::GroupId::of([("of", format!("{:?}", due.of).as_str()), ("key", due.key.as_str())]);
        let name = format!("{id}-{}", due.at.as_millisecond());
        if !self.started.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Ok(());
        }
        let failed = |error: &dyn std::fmt::Display| PortError::Permanent {
            service: "the embedded stack",
            detail: format!("a timer could not be started: {error}"),
            remedy: "report this as a defect of ACE-Flow".to_owned(),
        };
        let identity = Identity::new(&self.machine_arn, &name).map_err(|error| failed(&error))?;
        let (machine, clock) = (Arc::clone(&self.machine), Arc::new(self.clock.clone()));
        Execution::start(machine, identity, due.payload(), ports, clock, Arc::new(Unseen))
            .map(drop)
            .map_err(|error| failed(&error))
    }
}

/// Tells whoever watches, and alert-router, as the event bus does.
pub(crate) struct Bus {
    updates: Updates,
    pub(crate) ports: OnceLock<Weak<Ports>>,
    /// Events that alert-router is hearing of.
    underway: Mutex<Vec<JoinHandle<()>>>,
}

impl Bus {
    pub(crate) fn new(updates: Updates) -> Self {
        Self { updates, ports: OnceLock::new(), underway: Mutex::default() }
    }

    fn underway(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until alert-router has heard of everything that was published so far.
    pub(crate) async fn heard(&self) {
        let underway = std::mem::take(&mut *self.underway());
        for event in underway {
            // One that panicked is none to wait for.
            drop(event.await);
        }
    }
}

#[async_trait]
impl Notifier for Bus {
    async fn publish(&self, outcome: &Outcome) -> PortResult<()> {
        self.updates.publish(outcome).await?;
        let Some(ports) = self.ports.get().and_then(Weak::upgrade) else { return Ok(()) };
        if ports.messages.is_none() {
            return Ok(());
        }
        let event = json!({
            "source": "ace-flow", "detail-type": format!("Rollout {}", outcome.milestone), "id": outcome.id,
            "time": outcome.at, "detail": outcome,
        });
        let event = tokio::spawn(async move {
            if let Some(Err(failure)) = ports.call("alert-router", event).await {
                tracing::warn!(%failure, "alert-router failed");
            }
        });
        let mut underway = self.underway();
        underway.retain(|event| !event.is_finished());
        underway.push(event);
        Ok(())
    }
}

/// Delivers, and tells whoever watches what came of it.
struct SeenCourier {
    courier: Arc<dyn Courier>,
    updates: Updates,
}

impl SeenCourier {
    fn tell(&self, channel: &ChannelName, notice: &Notice, delivery: &Delivery) {
        let (channel, notice) = (channel.clone(), Box::new(notice.clone()));
        self.updates.send(Update::Told { channel, notice, delivery: delivery.clone() });
    }
}

#[async_trait]
impl Courier for SeenCourier {
    async fn deliver(&self, parcel: Parcel<'_>) -> Delivery {
        let delivery = self.courier.deliver(parcel).await;
        self.tell(parcel.name, parcel.notice, &delivery);
        delivery
    }

    fn passed_over(&self, channel: &ChannelName, notice: &Notice, why: &Delivery) {
        self.tell(channel, notice, why);
    }
}
