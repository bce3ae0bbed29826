//! What is done about one resource, now.

mod case;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rollout::Seconds;
use schedule::Desired;

use self::case::Case;
use crate::record::{Lease, Ours, Power, Record};
use crate::resource::{CacheShape, Kind, Seen, Shape, State};

/// RDS starts again what was stopped for so long ("Stopping an Amazon RDS DB instance temporarily", Amazon RDS User
/// Guide); a little less, as a tick may be early.
const WOKEN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);
/// What was asked so long ago and was not seen to begin has failed.
const IN_VAIN: SignedDuration = SignedDuration::from_mins(15);
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
        (State::Stopping, Ours::Started { .. })
            if turns && seen.shape.as_ref().is_some_and(Shape::is_empty) =>
        {
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
    // Whoever sets its size to none before it is stopped here for the first time takes that size with them.
    if on && turns && record.shape.is_none() && !seen.shape.as_ref().is_some_and(Shape::is_emptied) {
        record.shape.clone_from(&seen.shape);
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
