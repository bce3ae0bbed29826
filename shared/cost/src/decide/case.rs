//! What is done about one resource that is to be on, or off.

use jiff::{SignedDuration, Timestamp};

use super::{Act, IN_VAIN, Standing, View, in_vain};
use crate::record::{Lease, Ours, Power, Record};
use crate::resource::{Kind, Seen, Shape, Snapshot, State};

/// What takes so many times as long to start as it usually does is stuck,
const STARTS_WITHIN: i32 = 3;
/// and so is what has not stopped after this time: a snapshot of a large cache takes long.
const STOPS_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// A resource, and the moment.
pub(super) struct Case<'a> {
    pub(super) record: Record,
    pub(super) seen: &'a Seen,
    pub(super) view: &'a View,
    pub(super) now: Timestamp,
}

/// What is done, and how it stands.
pub(super) type Told = (Act, Standing);

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
    pub(super) fn on(&mut self) -> Told {
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

    pub(super) fn off(&mut self) -> Told {
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
        if self.record.trouble.as_ref().is_none_or(|trouble| trouble.next <= self.now) {
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
            emptied if emptied.is_emptied() && self.record.shape.is_some() => return,
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
