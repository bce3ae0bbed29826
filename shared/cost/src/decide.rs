//! What is done about one resource, now.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rollout::Seconds;
use schedule::Desired;

use crate::record::{Lease, Ours, Power, Record};
use crate::resource::{CacheShape, Kind, Seen, Shape, Snapshot, State};

/// RDS starts again what was stopped for so long ("Stopping an Amazon RDS DB instance temporarily", Amazon RDS User
/// Guide); a little less, as a tick may be early.
const WOKEN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);
/// What was asked so long ago and was not seen to begin has failed.
const IN_VAIN: SignedDuration = SignedDuration::from_mins(15);
/// What takes so many times as long to start as it usually does is stuck,
const STARTS_WITHIN: i32 = 3;
/// and so is what has not stopped after this time: a snapshot of a large cache takes long.
const STOPS_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// How a resource should be, by its schedule and by what people ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// On or off.
    pub power: Power,
    /// Why, for people.
    pub why: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When its start has to begin, for it to be ready when it is wanted next; while it is wanted off.
    pub start_by: Option<Timestamp>,
}

impl From<&Desired> for Wish {
    fn from(desired: &Desired) -> Self {
        Self { power: desired.state, why: desired.reason.to_string(), until: desired.until, start_by: None }
    }
}

/// What else counts at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Why nothing may be stopped now, if it may not: a rollout, an incident, a freeze.
    pub stops_wait: Option<String>,
    /// What it depends on and that is not ready, if anything is not.
    pub waits_for: Option<String>,
    /// What depends on it and is not stopped yet, if anything is not.
    pub needed_by: Option<String>,
    /// Whether AWS was heard to have started it by itself.
    pub woken: bool,
    /// How long somebody's start or stop by hand is left alone.
    pub lease: Seconds,
    /// The types that an instance may have when AWS has not enough of its own, in this order.
    pub other_types: Vec<String>,
    /// What the names of the snapshots made now begin with.
    pub snapshot: String,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// Stop it.
    Stop,
    /// Start it. With a shape, bring it into that first: what it was like, or the type that it gets for want of machines.
    Start(Option<Shape>),
    /// Make a snapshot of a cache.
    Snapshot(String),
    /// Delete a cache with this last snapshot.
    Delete(String),
    /// Create a cache again.
    Restore {
        /// From which snapshot.
        snapshot: String,
        /// As it was.
        shape: Box<CacheShape>,
    },
    /// Delete snapshots of a cache that are of no use any more.
    Forget(Vec<String>),
}

impl Act {
    /// Whether something is of less use afterwards, or on its way there.
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Stop | Self::Snapshot(_) | Self::Delete(_))
    }
}

/// How it stands with a resource, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as it should be.
    AsWanted,
    /// It is on its way there.
    Underway,
    /// It is asked to be so now.
    Acts,
    /// It waits, and for what.
    Waits(String),
    /// Somebody did that by hand; it is left so until then.
    Left {
        /// How it is left.
        power: Power,
        /// Until when.
        until: Timestamp,
    },
    /// It cannot be stopped or started, and why.
    Cannot(String),
    /// It was tried and failed, and when it is tried again.
    Fails {
        /// Why.
        why: String,
        /// When.
        next: Timestamp,
    },
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsWanted => f.write_str("as wanted"),
            Self::Underway => f.write_str("on its way"),
            Self::Acts => f.write_str("asked"),
            Self::Waits(what) => write!(f, "waits: {what}"),
            Self::Left { power: Power::On, until } => write!(f, "was started by hand: left on until {until}"),
            Self::Left { power: Power::Off, until } => {
                write!(f, "was stopped by hand: left off until {until}")
            }
            Self::Cannot(why) => write!(f, "cannot: {why}"),
            Self::Fails { why, next } => write!(f, "failed, and is tried again at {next}: {why}"),
        }
    }
}

/// A decision about one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What is to be remembered, before anything is done.
    pub record: Record,
    /// What is to be done.
    pub act: Act,
    /// How it stands.
    pub standing: Standing,
}

/// How a resource should be at this moment: what has to be ready at a time starts before it, and what somebody does by hand
/// counts for a while.
pub fn power(record: &Record, wish: &Wish, now: Timestamp) -> Power {
    match (&record.lease, wish.start_by) {
        (Some(lease), _) if lease.until > now => lease.power,
        (_, Some(start)) if start <= now => Power::On,
        _ => wish.power,
    }
}

/// Takes down what has come of what was asked of a resource, and what others have done to it.
pub fn notice(mut record: Record, seen: &Seen, wish: &Wish, view: &View, now: Timestamp) -> Record {
    let (on, off) = (seen.state == State::Running, matches!(seen.state, State::Stopped | State::Gone));
    // It ends with its time, and when whoever took it does the opposite.
    let holds = |lease: &Lease| lease.until > now && !(if lease.power == Power::On { off } else { on });
    record.lease = record.lease.take().filter(holds);
    let wanted = power(&record, wish, now);
    let turns = seen.kind.turns_round();
    let by_hand = |power: Power| {
        let end = view.lease.after(now);
        // What was stopped by hand starts with the next beginning at the latest.
        let until = if power == Power::Off { wish.until.map_or(end, |until| until.min(end)) } else { end };
        (wanted != power).then_some(Lease { power, since: now, until })
    };
    match (&seen.state, &record.ours) {
        (State::Running, Ours::Start { at }) => record.started(*at, now),
        (State::Running, Ours::Stopped { .. }) => {
            if !was_woken(&record, view, now) {
                record.lease = by_hand(Power::On).or(record.lease);
            }
            record.ours = Ours::Started { at: now };
        }
        // That is heard before it runs.
        (State::Starting, Ours::Stopped { .. }) if view.woken => record.ours = Ours::Started { at: now },
        // What has a size is given another one, and follows it slowly.
        (State::Starting, Ours::Stopped { .. }) if turns => {
            record.lease = by_hand(Power::On).or(record.lease);
            record.ours = Ours::Started { at: now };
        }
        (State::Stopping, Ours::Started { .. }) if turns && is_empty(seen) => {
            record.lease = by_hand(Power::Off).or(record.lease);
            record.ours = Ours::Stopped { at: now };
        }
        (State::Stopped | State::Gone, Ours::Stop { .. } | Ours::Delete { .. }) => {
            record.ours = Ours::Stopped { at: now };
            record.trouble = None;
        }
        (State::Stopped, Ours::Started { .. } | Ours::Nothing) => {
            record.lease = by_hand(Power::Off).or(record.lease);
            record.ours = Ours::Stopped { at: now };
        }
        // What was asked did not come about, and is not wanted any more.
        (State::Running, Ours::Stop { at } | Ours::Snapshot { at, .. } | Ours::Delete { at, .. })
            if wanted == Power::On && in_vain(*at, now) =>
        {
            record.ours = Ours::Started { at: now };
            record.trouble = None;
        }
        (State::Stopped | State::Gone, Ours::Start { at }) if wanted == Power::Off && in_vain(*at, now) => {
            record.ours = Ours::Stopped { at: now };
            record.trouble = None;
        }
        // Seen for the first time.
        (State::Running, Ours::Nothing) => record.ours = Ours::Started { at: now },
        // Turned round by hand before it was seen to have arrived. What takes orders on its way may not have got ours: it is
        // asked again.
        (State::Stopping, Ours::Start { .. }) if !turns || wanted == Power::Off => {
            record.ours = Ours::Started { at: now };
        }
        (State::Starting, Ours::Stop { .. }) if !turns || wanted == Power::On => {
            record.ours = Ours::Stopped { at: now };
        }
        _ => {}
    }
    record.busy_since = matches!(seen.state, State::Busy(_)).then(|| record.busy_since.unwrap_or(now));
    let turned = match record.ours {
        Ours::Start { .. } => wanted == Power::Off,
        Ours::Stop { .. } | Ours::Snapshot { .. } | Ours::Delete { .. } => wanted == Power::On,
        Ours::Nothing | Ours::Started { .. } | Ours::Stopped { .. } => false,
    };
    // What was in the way of the one is not in the way of the other.
    record.trouble = record.trouble.take().filter(|_| !turned);
    if on {
        record.on(now);
    } else if off {
        record.off_since.get_or_insert(now);
    }
    record
}

/// Whether its size is none.
const fn is_empty(seen: &Seen) -> bool {
    matches!(seen.shape, Some(Shape::Group { max: 0, .. } | Shape::Service { desired: 0, .. }))
}

fn in_vain(asked: Timestamp, now: Timestamp) -> bool {
    now.duration_since(asked) >= IN_VAIN
}

/// RDS starts a database again after seven days; nobody else did, if it is that long.
fn was_woken(record: &Record, view: &View, now: Timestamp) -> bool {
    let long = || record.off_since.is_some_and(|since| now.duration_since(since) >= WOKEN_AFTER);
    view.woken || (matches!(record.kind, Kind::Database | Kind::Cluster) && long())
}

/// What is done about a resource: from how it should be, how it is, and what was asked of it before ([`notice`]). Asked again
/// with the same, it answers the same; asked after what it said was done, or was not done, it goes on from there.
pub fn decide(record: Record, seen: &Seen, wish: &Wish, view: &View, now: Timestamp) -> Decision {
    let wanted = power(&record, wish, now);
    let mut case = Case { record, seen, view, now };
    let (act, standing) = match wanted {
        Power::On => case.on(),
        Power::Off => case.off(),
    };
    let mut record = case.record;
    record.said = standing.to_string();
    if act == Act::Nothing && matches!(standing, Standing::AsWanted | Standing::Left { .. }) {
        record.trouble = None;
    }
    if seen.endpoint.is_some() && seen.endpoint != record.endpoint {
        record.moved_from = std::mem::replace(&mut record.endpoint, seen.endpoint.clone());
    }
    Decision { record, act, standing }
}

struct Case<'a> {
    record: Record,
    seen: &'a Seen,
    view: &'a View,
    now: Timestamp,
}

type Told = (Act, Standing);

fn waits(what: impl Into<String>) -> Told {
    (Act::Nothing, Standing::Waits(what.into()))
}

fn is_busy(what: &str) -> Standing {
    Standing::Waits(format!("it is busy: {what}"))
}

fn cannot(why: impl Into<String>) -> Told {
    (Act::Nothing, Standing::Cannot(why.into()))
}

impl Case<'_> {
    fn on(&mut self) -> Told {
        match &self.seen.state {
            State::Running => self.runs(),
            State::Starting => self.on_its_way(Power::On, Standing::Underway),
            State::Busy(what) => self.on_its_way(Power::On, is_busy(what)),
            State::Stopping if !self.seen.kind.turns_round() => waits("it is still stopping"),
            State::Stopping | State::Stopped | State::Gone => {
                match self.held_up(self.view.waits_for.as_ref()) {
                    Some(standing) => (Act::Nothing, standing),
                    None if self.seen.state == State::Gone => self.restore(),
                    None => self.start(),
                }
            }
        }
    }

    fn off(&mut self) -> Told {
        match &self.seen.state {
            State::Stopped | State::Gone => (Act::Nothing, self.at_rest()),
            State::Stopping => self.on_its_way(Power::Off, Standing::Underway),
            State::Starting if !self.seen.kind.turns_round() => waits("it is still starting"),
            State::Busy(_) if matches!(self.record.ours, Ours::Snapshot { .. }) => {
                self.on_its_way(Power::Off, Standing::Underway)
            }
            State::Busy(what) => self.on_its_way(Power::Off, is_busy(what)),
            State::Starting | State::Running => {
                if let Some(why) = &self.seen.cannot {
                    return cannot(why);
                }
                match self.held_up(self.view.stops_wait.as_ref().or(self.view.needed_by.as_ref())) {
                    Some(standing) => (Act::Nothing, standing),
                    None => self.stop(),
                }
            }
        }
    }

    /// It is as it should be: by the schedule, or by somebody's hand.
    fn at_rest(&self) -> Standing {
        let left = |lease: &Lease| Standing::Left { power: lease.power, until: lease.until };
        self.record.lease.as_ref().map_or(Standing::AsWanted, left)
    }

    fn held_up(&self, by: Option<&String>) -> Option<Standing> {
        let trouble = self.record.trouble.as_ref().filter(|trouble| trouble.next > self.now);
        let fails = trouble.map(|trouble| Standing::Fails { why: trouble.why.clone(), next: trouble.next });
        fails.or_else(|| by.map(|what| Standing::Waits(what.clone())))
    }

    /// It takes no order now. A group for which there are no machines, a service whose tasks die or a database without storage
    /// never gets further, and says so to nobody.
    fn on_its_way(&mut self, wanted: Power, meanwhile: Standing) -> Told {
        let Some(why) = self.overdue(wanted) else { return (Act::Nothing, meanwhile) };
        if !self.record.trouble.as_ref().is_some_and(|trouble| trouble.next > self.now) {
            self.record.late(why, self.now);
        }
        let standing = self.held_up(None).unwrap_or(meanwhile);
        (Act::Nothing, standing)
    }

    /// What it takes too long for.
    fn overdue(&self, wanted: Power) -> Option<String> {
        let (now, state, look) = (self.now, &self.seen.state, self.seen.kind.tells());
        let late = |what: &str, asked: Timestamp, longest: SignedDuration| {
            let why =
                || format!("it was asked to {what} at {asked}, and is {state} ever since: look at {look}");
            (now.duration_since(asked) >= longest).then(why)
        };
        let late = match (&self.record.ours, wanted) {
            (Ours::Start { at }, Power::On) => {
                let lead = SignedDuration::from_secs(i64::from(self.record.lead().0));
                late("start", *at, lead.saturating_mul(STARTS_WITHIN).max(IN_VAIN))
            }
            (Ours::Stop { at } | Ours::Snapshot { at, .. } | Ours::Delete { at, .. }, Power::Off) => {
                late("stop", *at, STOPS_WITHIN)
            }
            _ => None,
        };
        let busy = self.record.busy_since.filter(|since| now.duration_since(*since) >= STOPS_WITHIN);
        late.or_else(|| busy.map(|since| format!("it is {state} since {since}: look at {look}")))
    }

    fn runs(&self) -> Told {
        // The newest is kept: it is the only copy from before.
        match self.seen.snapshots.split_last() {
            Some((_, old)) if !old.is_empty() && self.record.lease.is_none() => {
                let names = old.iter().map(|snapshot| snapshot.name.clone()).collect();
                (Act::Forget(names), self.at_rest())
            }
            _ => (Act::Nothing, self.at_rest()),
        }
    }

    /// When what is asked now was asked first. What has been asked in vain for long counts as failed, once each time, and is
    /// asked anew; not if AWS has answered that it has no machines.
    fn asked(&mut self, before: Option<Timestamp>, what: &str) -> Timestamp {
        let Some(at) = before.filter(|at| in_vain(*at, self.now)) else { return before.unwrap_or(self.now) };
        if !self.record.trouble.as_ref().is_some_and(|trouble| trouble.capacity) {
            let why = format!("it was asked to {what} at {at}, and is {}", self.seen.state);
            self.record.failed(why, false, self.now);
        }
        self.now
    }

    fn start(&mut self) -> Told {
        let before = match self.record.ours {
            Ours::Start { at } => Some(at),
            _ => None,
        };
        let shape = match (self.record.shape.clone(), self.seen.kind) {
            (Some(Shape::Instance { instance_type }), _) => self.instance_type(&instance_type),
            (shape @ Some(_), Kind::Group | Kind::Service) => shape,
            (None, Kind::Group | Kind::Service) => {
                return cannot(
                    "what size it had is not known: set its size once, and it is remembered from then on",
                );
            }
            _ => None,
        };
        self.record.ours = Ours::Start { at: self.asked(before, "start") };
        (Act::Start(shape), Standing::Acts)
    }

    /// The type that an instance gets before it starts: its own first, and while AWS has not enough of those, each of the
    /// others in turn, and again.
    fn instance_type(&mut self, own: &str) -> Option<Shape> {
        let failures = self
            .record
            .trouble
            .as_ref()
            .filter(|trouble| trouble.capacity)
            .map_or(0, |trouble| trouble.attempts);
        let others = self.view.other_types.iter().filter(|other| *other != own);
        let types: Vec<&str> = std::iter::once(own).chain(others.map(String::as_str)).collect();
        let turn = usize::try_from(failures).unwrap_or_default() % types.len();
        let chosen = types.get(turn).copied().unwrap_or(own);
        if chosen != own {
            self.record.instead = Some(chosen.to_owned());
        }
        // Whatever type somebody gave it meanwhile stays, unless the last one was ours.
        self.record.instead.is_some().then(|| Shape::Instance { instance_type: chosen.to_owned() })
    }

    fn stop(&mut self) -> Told {
        let Some(shape) = self.seen.shape.clone() else {
            return cannot("what it is like cannot be read, so that it could not be brought back");
        };
        if self.seen.kind == Kind::Cache {
            return self.put_away(shape);
        }
        self.remember(shape);
        let before = match self.record.ours {
            Ours::Stop { at } => Some(at),
            _ => None,
        };
        self.record.ours = Ours::Stop { at: self.asked(before, "stop") };
        (Act::Stop, Standing::Acts)
    }

    /// What it is like, unless that is our own doing: half stopped, or of another type for want of machines.
    fn remember(&mut self, shape: Shape) {
        match &shape {
            Shape::Instance { instance_type } if self.record.instead.as_ref() == Some(instance_type) => {
                return;
            }
            Shape::Group { max: 0, .. }
            | Shape::Service { desired: 0, .. }
            | Shape::Service { scaling: Some((_, 0)), .. }
                if self.record.shape.is_some() =>
            {
                return;
            }
            _ => {}
        }
        self.record.instead = None;
        self.record.shape = Some(shape);
    }

    /// A cache goes in two steps: only when a snapshot of it was made is it deleted, with another that has what was written
    /// since.
    fn put_away(&mut self, shape: Shape) -> Told {
        let (asked, name) = match &self.record.ours {
            Ours::Snapshot { at, snapshot } => (Some(*at), snapshot.clone()),
            // That was asked, and it is still there: it is asked again, as it was.
            Ours::Delete { at, before, last } => {
                let (at, before, last) = (*at, before.clone(), last.clone());
                let at = self.asked(Some(at), "go");
                // A snapshot that failed keeps its name.
                let failures = self.record.trouble.as_ref().map_or(0, |trouble| trouble.attempts);
                let last = if failures > 0 { format!("{before}-last-{failures}") } else { last };
                self.record.ours = Ours::Delete { at, before, last: last.clone() };
                return (Act::Delete(last), Standing::Acts);
            }
            _ => (None, format!("{}-{}", self.view.snapshot, self.record.name)),
        };
        match self.seen.snapshots.iter().find(|made| made.name == name) {
            Some(Snapshot { ready: true, .. }) => {
                let last = format!("{name}-last");
                self.record.shape = Some(shape);
                self.record.ours = Ours::Delete { at: self.now, before: name, last: last.clone() };
                (Act::Delete(last), Standing::Acts)
            }
            Some(Snapshot { ready: false, .. }) => (Act::Nothing, Standing::Underway),
            None => {
                self.record.ours =
                    Ours::Snapshot { at: self.asked(asked, "make a snapshot"), snapshot: name.clone() };
                (Act::Snapshot(name), Standing::Acts)
            }
        }
    }

    fn restore(&mut self) -> Told {
        let shape = self.record.shape.clone().filter(|_| self.record.was_put_away());
        let Some(Shape::Cache(shape)) = shape else {
            return cannot(
                "it is there no more, and was not deleted by ACE-Flow: create it again, or take it out",
            );
        };
        let before = match self.record.ours {
            Ours::Start { at } => Some(at),
            _ => None,
        };
        match self.seen.snapshots.last() {
            None => cannot("its snapshots are there no more: create it again by hand"),
            Some(Snapshot { ready: false, name }) => waits(format!("its snapshot {name} is being made")),
            Some(Snapshot { ready: true, name }) => {
                self.record.ours = Ours::Start { at: self.asked(before, "come back") };
                (Act::Restore { snapshot: name.clone(), shape }, Standing::Acts)
            }
        }
    }
}
