use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alerting::{
    Across, ChannelName, Circuit, Credential, Group, GroupId, Notice, RuleName, StoredSilence, Subject, Watch,
};
use contract::{Due, DueOf};
use engine::ports::{PortResult, Published};
use engine::{AlertRouterFunction, Setups};
use environments::{Environment, InvalidConfiguration};
use jiff::Timestamp;
use rollout::EnvironmentName;

use crate::turn::Turn;

/// The stack's own environment, `development`, with a service: what a configuration begins with.
pub const HOME: &str = r#"
environment: { name: shop-development, region: us-east-1, stage: development, account: "123456789012" }
services:
  checkout:
    pipeline: checkout
    strategy: canary
    route:
      rule: rule
      load_balancer: lb
      blue: { target_group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/b/1", endpoint: "http://blue" }
      green: { target_group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/g/2", endpoint: "http://green" }
"#;

/// A message as it came to a channel.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Timestamp,
    /// To which.
    pub channel: ChannelName,
    /// What.
    pub notice: Notice,
    /// Whether the channel has a message of the same id already.
    pub again: bool,
}

/// A time in which a channel answers 503.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Which channel.
    pub channel: ChannelName,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// How often the ports were called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All calls.
    pub calls: u64,
    /// Reads of the memory of alerts.
    pub reads: u64,
    /// Writes there, those that were refused among them.
    pub writes: u64,
    /// Writes that were refused, because somebody else had written first.
    pub refused: u64,
    /// Timers that were asked for, each once.
    pub timers: u64,
}

pub(crate) type Timer = (Timestamp, DueOf, String);

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) watches: BTreeMap<Subject, Watch>,
    pub(crate) across: BTreeMap<RuleName, Across>,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) silences: BTreeMap<String, StoredSilence>,
    pub(crate) circuits: BTreeMap<ChannelName, Circuit>,
    /// Timers that have not come yet, by their times.
    pub(crate) timers: BTreeSet<Timer>,
    /// Timers that were ever asked for.
    pub(crate) named: BTreeSet<Timer>,
    pub(crate) outages: Vec<Outage>,
    pub(crate) received: Vec<Received>,
    /// The ids of messages that each channel has.
    pub(crate) ids: BTreeSet<(ChannelName, String)>,
    pub(crate) letters: Vec<Notice>,
    pub(crate) counts: Counts,
    /// When the first of those who wait for the time to pass goes on; they say so whenever they have their turn.
    pub(crate) wakes: Option<Timestamp>,
}

/// The world of an alert-router: its memory, its clock, and channels that take every message while they are not out.
#[derive(Debug)]
pub struct Town {
    home: EnvironmentName,
    pub(crate) published: Published,
    state: Mutex<State>,
}

impl Town {
    /// The stack of `home`, with this configuration, at this time.
    ///
    /// # Errors
    /// [`InvalidConfiguration`].
    pub fn new(
        home: EnvironmentName,
        configuration: &str,
        now: Timestamp,
    ) -> Result<Self, InvalidConfiguration> {
        let configuration = Environment::from_yaml(configuration)?;
        // What a digest is for, nobody asks here.
        let (digest, by) = (String::new(), "alert-town".to_owned());
        let published = Published { version: 1, digest, at: now, by, configuration };
        let state = State {
            now,
            watches: BTreeMap::new(),
            across: BTreeMap::new(),
            groups: BTreeMap::new(),
            silences: BTreeMap::new(),
            circuits: BTreeMap::new(),
            timers: BTreeSet::new(),
            named: BTreeSet::new(),
            outages: Vec::new(),
            received: Vec::new(),
            ids: BTreeSet::new(),
            letters: Vec::new(),
            counts: Counts::default(),
            wakes: None,
        };
        Ok(Self { home, published, state: Mutex::new(state) })
    }

    /// The function over this world, with nothing of the configuration known yet, as after a cold start.
    pub fn router(&self) -> AlertRouterFunction<'_> {
        AlertRouterFunction {
            environment: self.home.clone(),
            store: self,
            alerts: self,
            tags: self,
            timers: self,
            courier: self,
            secrets: self,
            letters: self,
            clock: self,
            setups: Setups::new(None),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Lets time pass; it does not go back.
    pub fn pass(&self, to: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(to);
    }

    /// Lets a channel answer 503 for a time.
    pub fn out(&self, outage: Outage) {
        self.lock().outages.push(outage);
    }

    /// The messages that channels took, in the order in which they came.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Forgets the messages and the timers that have come, so that a long run takes no more memory than a short one.
    pub fn forget(&self) {
        let mut state = self.lock();
        let now = state.now;
        state.received.clear();
        state.ids.clear();
        state.named.retain(|(at, ..)| *at > now);
    }

    /// The messages that were given up.
    pub fn letters(&self) -> Vec<Notice> {
        self.lock().letters.clone()
    }

    /// How often the ports were called.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Whether nothing is open.
    pub fn is_at_rest(&self) -> bool {
        self.lock().groups.values().all(Group::is_closed)
    }

    /// When the next timer comes.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.lock().timers.first().map(|(at, ..)| *at)
    }

    /// Takes the next timer, if its time has come by then.
    pub fn timer(&self, until: Timestamp) -> Option<Due> {
        let mut state = self.lock();
        state.timers.first().filter(|(at, ..)| *at <= until)?;
        let (at, of, key) = state.timers.pop_first()?;
        Some(Due { of, key, at })
    }

    /// When the first goes on of those who have waited since this was asked last.
    pub(crate) fn wakes(&self) -> Option<Timestamp> {
        self.lock().wakes.take()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of a port: whoever else runs has a turn before it is done.
    pub(crate) async fn call<T>(&self, work: impl FnOnce(&mut State) -> T + Send) -> T {
        self.lock().counts.calls += 1;
        Turn::default().await;
        work(&mut self.lock())
    }

    pub(crate) async fn read<T>(&self, look: impl FnOnce(&State) -> T + Send) -> PortResult<T> {
        let looked = |state: &mut State| {
            state.counts.reads += 1;
            look(state)
        };
        Ok(self.call(looked).await)
    }

    pub(crate) async fn write(&self, change: impl FnOnce(&mut State) -> bool + Send) -> PortResult<bool> {
        let changed = |state: &mut State| {
            state.counts.writes += 1;
            let fits = change(state);
            state.counts.refused += u64::from(!fits);
            fits
        };
        Ok(self.call(changed).await)
    }

    pub(crate) async fn wait(&self, until: Timestamp) {
        loop {
            {
                let mut state = self.lock();
                if until <= state.now {
                    return;
                }
                state.wakes = state.wakes.into_iter().chain([until]).min();
            }
            Turn::default().await;
        }
    }

    /// A secret for whoever asks: nobody looks at it here.
    pub(crate) fn credential() -> Credential {
        Credential::new("alert-town".to_owned())
    }
}
