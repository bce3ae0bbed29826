//! What AWS does with what is asked of it, as far as it matters to what is decided here: for tests.
#![expect(missing_docs, clippy::missing_panics_doc, clippy::unwrap_used, reason = "it is part of tests")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::decide::{Act, Decision};
use crate::record::Record;
use crate::resource::{Arn, CacheShape, Kind, Seen, Shape, Snapshot, State};

/// How long RDS leaves a database stopped.
const WAKES_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A resource in AWS.
#[derive(Clone, Debug)]
pub struct Thing {
    pub kind: Kind,
    pub name: &'static str,
    pub state: State,
    /// When it is in the next state, while it is on its way.
    due: Option<(Timestamp, State)>,
    pub shape: Shape,
    /// How it should be again: what it was made with.
    pub made: Shape,
    /// What was written to a cache: how often.
    pub data: u64,
    snapshots: Vec<(Snapshot, u64, Timestamp)>,
    since: Timestamp,
    /// When AWS started it last by itself.
    pub woken: Option<Timestamp>,
    pub takes: SignedDuration,
    /// Whether AWS has no machines of its own type: an order says so, and what has a size waits in silence.
    pub scarce: bool,
}

pub fn shape(kind: Kind, name: &str) -> Shape {
    match kind {
        Kind::Instance => Shape::Instance { instance_type: "m7g.large".to_owned() },
        Kind::Group => Shape::Group { min: 2, max: 8, desired: 3, instance_type: None },
        Kind::Service => Shape::Service { desired: 4, scaling: Some((2, 6)) },
        Kind::Database | Kind::Cluster => Shape::Database { classes: vec!["db.t4g.micro".to_owned()] },
        Kind::Cache => Shape::Cache(Box::new(CacheShape {
            id: name.to_owned(),
            engine: "valkey".to_owned(),
            version: "8.0".to_owned(),
            node_type: "cache.t4g.micro".to_owned(),
            nodes: 2,
            shards: 1,
            settings: BTreeMap::new(),
            endpoint: "cache.example".to_owned(),
        })),
    }
}

impl Thing {
    pub fn new(kind: Kind, name: &'static str, now: Timestamp) -> Self {
        Self {
            kind,
            name,
            state: State::Running,
            due: None,
            shape: shape(kind, name),
            made: shape(kind, name),
            data: 0,
            snapshots: Vec::new(),
            since: now,
            woken: None,
            takes: SignedDuration::from_mins(4),
            scarce: false,
        }
    }

    pub fn arn(&self) -> Arn {
        Arn(format!("arn:aws:{}:{}", self.kind, self.name))
    }

    pub fn record(&self) -> Record {
        Record::new(self.arn(), self.kind, self.name.to_owned())
    }

    pub fn seen(&self) -> Seen {
        Seen {
            arn: self.arn(),
            kind: self.kind,
            name: self.name.to_owned(),
            tags: BTreeMap::new(),
            state: self.state.clone(),
            shape: (self.state != State::Gone).then(|| self.shape.clone()),
            cannot: None,
            endpoint: None,
            snapshots: self.snapshots.iter().map(|(snapshot, ..)| snapshot.clone()).collect(),
        }
    }

    fn go(&mut self, by: State, to: State, now: Timestamp) {
        self.state = by;
        self.due = Some((now + self.takes, to));
        self.since = now;
    }

    /// A minute has passed.
    pub fn passes(&mut self, now: Timestamp) {
        let waits = |to: &State| *to == State::Running && self.scarce && self.kind.turns_round();
        if let Some((due, to)) = self.due.clone()
            && due <= now
            && !waits(&to)
        {
            self.state = to;
            self.due = None;
            self.since = now;
            for (snapshot, data, _) in self.snapshots.iter_mut().filter(|(snapshot, ..)| !snapshot.ready) {
                snapshot.ready = true;
                // What was written while a snapshot was made is in the last one: a cache takes no more when it goes.
                if self.state == State::Gone {
                    *data = self.data;
                }
            }
        }
        let wakes = matches!(self.kind, Kind::Database | Kind::Cluster);
        if wakes && self.state == State::Stopped && now.duration_since(self.since) >= WAKES_AFTER {
            self.woken = Some(now);
            self.go(State::Starting, State::Running, now);
        }
        if matches!(self.state, State::Running | State::Busy(_)) {
            self.data += 1;
        }
    }

    /// Does what is asked of it; refuses what AWS refuses, with whether that is for want of machines.
    pub fn take(&mut self, act: &Act, now: Timestamp) -> Result<(), (&'static str, bool)> {
        match (act, &self.state) {
            (Act::Nothing, _)
            | (Act::Stop, State::Stopping | State::Stopped)
            | (Act::Start(_), State::Starting | State::Running) => Ok(()),
            (Act::Stop, State::Running) => {
                self.empty();
                self.go(State::Stopping, State::Stopped, now);
                Ok(())
            }
            (Act::Stop, State::Starting) if self.kind.turns_round() => {
                self.empty();
                self.go(State::Stopping, State::Stopped, now);
                Ok(())
            }
            (Act::Start(shape), State::Stopped) => self.start(shape.as_ref(), now),
            (Act::Start(shape), State::Stopping) if self.kind.turns_round() => {
                self.start(shape.as_ref(), now)
            }
            (Act::Snapshot(name), State::Running) => {
                let snapshot = Snapshot { name: name.clone(), ready: false };
                self.snapshots.push((snapshot, self.data, now));
                self.go(State::Busy("snapshotting".to_owned()), State::Running, now);
                Ok(())
            }
            (Act::Delete(last), State::Running) => {
                assert!(
                    !self.snapshots.iter().any(|(snapshot, ..)| snapshot.name == *last),
                    "a name is taken: {last}"
                );
                assert!(!self.snapshots.is_empty(), "a cache is deleted without a snapshot before");
                self.snapshots.push((Snapshot { name: last.clone(), ready: false }, self.data, now));
                self.go(State::Stopping, State::Gone, now);
                Ok(())
            }
            (Act::Restore { snapshot, shape }, State::Gone) => {
                let (_, data, _) =
                    self.snapshots.iter().find(|(one, ..)| one.name == *snapshot && one.ready).unwrap();
                assert_eq!(*data, self.data, "something that was written is lost");
                self.shape = Shape::Cache(shape.clone());
                self.go(State::Starting, State::Running, now);
                Ok(())
            }
            (Act::Forget(names), State::Running) => {
                self.snapshots.retain(|(snapshot, ..)| !names.contains(&snapshot.name));
                Ok(())
            }
            _ => Err(("the resource is not in a state for that", false)),
        }
    }

    fn start(&mut self, shape: Option<&Shape>, now: Timestamp) -> Result<(), (&'static str, bool)> {
        if let Some(shape) = shape {
            self.shape = shape.clone();
        }
        if self.scarce && self.shape == self.made && !self.kind.turns_round() {
            return Err(("InsufficientInstanceCapacity", true));
        }
        self.go(State::Starting, State::Running, now);
        Ok(())
    }

    fn empty(&mut self) {
        match &mut self.shape {
            Shape::Group { min, max, desired, .. } => (*min, *max, *desired) = (0, 0, 0),
            Shape::Service { desired, scaling } => {
                *desired = 0;
                if let Some(bounds) = scaling {
                    *bounds = (0, 0);
                }
            }
            _ => {}
        }
    }

    /// Somebody stops or starts it by hand; not a cache.
    pub fn by_hand(&mut self, now: Timestamp) -> bool {
        match self.state {
            _ if self.kind == Kind::Cache => false,
            State::Running => {
                self.take(&Act::Stop, now).unwrap();
                true
            }
            State::Stopped => {
                self.shape = self.made.clone();
                self.go(State::Starting, State::Running, now);
                true
            }
            _ => false,
        }
    }
}

/// What is stored and what there is.
#[derive(Clone, Debug)]
pub struct Account {
    pub now: Timestamp,
    pub things: Vec<Thing>,
    pub records: BTreeMap<Arn, Record>,
}

impl Account {
    /// Writes what a decision wants remembered, as which version; `None` where somebody else has written meanwhile.
    pub fn remember(&mut self, decision: &Decision) -> Option<u64> {
        let stored = self.records.get(&decision.record.arn).map_or(0, |record| record.version);
        if stored != decision.record.version {
            return None;
        }
        let mut record = decision.record.clone();
        record.version += 1;
        let version = record.version;
        self.records.insert(record.arn.clone(), record);
        Some(version)
    }

    pub fn record(&self, thing: &Thing) -> Record {
        self.records.get(&thing.arn()).cloned().unwrap_or_else(|| thing.record())
    }

    pub fn thing(&mut self, arn: &Arn) -> &mut Thing {
        self.things.iter_mut().find(|thing| thing.arn() == *arn).unwrap()
    }
}
