//! What is desired of a resource at an instant: overrides first, then one-off windows, then the hours of its plan.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hours::Piece;
use crate::overrides::Override;
use crate::plan::Plan;
use crate::reason::{Cause, Reason};
use crate::state::State;
use crate::zone::MOMENT;

/// How far a change is looked for, back and ahead.
const SIGHT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What is desired of a resource at an instant, and how long that has been and will be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// Whether it is to be on.
    pub state: State,
    /// Why, at this instant; the reason may become another one before the state does.
    pub reason: Reason,
    /// Since when it is to be so; `None` if that is more than 400 days ago.
    pub since: Option<Timestamp>,
    /// When it is not to be so any more; `None` if that is more than 400 days away.
    pub until: Option<Timestamp>,
    /// When it is to go on next; `None` if that is more than 400 days away.
    pub next_on: Option<Timestamp>,
    /// When it is to go off next; `None` if that is more than 400 days away.
    pub next_off: Option<Timestamp>,
}

impl Desired {
    /// When its start has to begin if it takes so long, to be ready when it is to be on next. That may be past, then it
    /// has to begin at once; and it may be before it is to go off, then stopping it would not let it be ready in time.
    pub fn start_by(&self, lead: SignedDuration) -> Option<Timestamp> {
        self.next_on.map(|on| on.checked_sub(lead.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MIN))
    }
}

/// A span of time in which one state is desired for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// What is desired.
    pub state: State,
    /// Why.
    pub reason: Reason,
}

impl Span {
    /// How long it really is, whatever clocks do.
    pub fn length(&self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// One of those who say something of an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// What it says.
    pub state: State,
    /// Who, and why.
    pub reason: Reason,
}

/// What is desired of a resource with a plan at an instant. `overrides` are those that are about it; of two that hold the
/// newer one counts, and of two as new the later in the list.
pub fn desired(plan: &Plan, overrides: &[&Override], at: Timestamp) -> Desired {
    let layers = Layers { plan, overrides };
    let now = layers.at(at);
    let state = now.state;
    let since = layers.since(&now, at);
    let until = layers.until(&now, at);
    let after = until.and_then(|until| layers.until(&layers.at(until), at));
    let (next_on, next_off) = match state {
        State::On => (after, until),
        State::Off => (until, after),
    };
    Desired { state, reason: now.cause.into(), since, until, next_on, next_off }
}

/// What is desired in the seven days of a zone that begin with a date: spans without a gap, each with one reason. Empty
/// only at the ends of time.
pub fn week(plan: &Plan, overrides: &[&Override], monday: Date) -> Vec<Span> {
    let layers = Layers { plan, overrides };
    let mut spans: Vec<Span> = Vec::new();
    let Some((mut at, _)) = plan.zone().day(monday) else { return spans };
    let sunday = monday.checked_add(jiff::Span::new().days(6)).ok();
    let Some((_, end)) = sunday.and_then(|sunday| plan.zone().day(sunday)) else { return spans };
    while at < end {
        let piece = layers.at(at);
        let to = piece.until.map_or(end, |until| until.min(end));
        let (state, reason) = (piece.state, Reason::from(piece.cause));
        match spans.last_mut().filter(|last| last.state == state && last.reason == reason) {
            Some(last) => last.to = to,
            None => spans.push(Span { from: at, to, state, reason }),
        }
        at = to;
    }
    spans
}

/// Who says something of an instant: the first of them is why what is desired is so, the others would be if the ones
/// before them were not.
pub fn explain(plan: &Plan, overrides: &[&Override], at: Timestamp) -> Vec<Voice> {
    let mut holding: Vec<&Override> = overrides.iter().copied().filter(|over| over.holds(at)).collect();
    holding.sort_by_key(|over| over.made());
    let people = holding.into_iter().rev().map(|over| (over.state(), Cause::Override(over)));
    let once = plan.once.iter().filter(|once| once.holds(at)).map(|once| (once.state, Cause::OneOff(once)));
    let hours = plan.hours.at(plan.zone(), &plan.holidays, at);
    let voices = people.chain(once).chain([(hours.state, hours.cause)]);
    voices.map(|(state, cause)| Voice { state, reason: cause.into() }).collect()
}

struct Layers<'a> {
    plan: &'a Plan,
    overrides: &'a [&'a Override],
}

impl<'a> Layers<'a> {
    /// What holds around an instant, from the first layer that says something.
    fn at(&self, at: Timestamp) -> Piece<'a> {
        let mut newest: Option<(usize, &'a Override)> = None;
        for (index, over) in self.overrides.iter().enumerate().filter(|(_, over)| over.holds(at)) {
            if newest.is_none_or(|(_, newest)| newest.made() <= over.made()) {
                newest = Some((index, over));
            }
        }
        if let Some((place, over)) = newest {
            let (from, until) = (Some(over.from()), Some(over.until()));
            let mut piece = Piece { state: over.state(), cause: Cause::Override(over), from, until };
            for (index, other) in self.overrides.iter().enumerate() {
                if (other.made(), index) > (over.made(), place) {
                    piece.clip(at, other.from(), other.until());
                }
            }
            return piece;
        }
        let Plan { hours, holidays, once, .. } = self.plan;
        let mut piece = if let Some(once) = once.iter().find(|once| once.holds(at)) {
            let (from, until) = (Some(once.begin), Some(once.end));
            Piece { state: once.state, cause: Cause::OneOff(once), from, until }
        } else {
            let mut piece = hours.at(self.plan.zone(), holidays, at);
            for once in once {
                piece.clip(at, once.begin, once.end);
            }
            piece
        };
        for over in self.overrides {
            piece.clip(at, over.from(), over.until());
        }
        piece
    }

    /// When the state of a piece is another one next, by so long after an instant.
    fn until(&self, piece: &Piece<'_>, at: Timestamp) -> Option<Timestamp> {
        let horizon = at.checked_add(SIGHT).unwrap_or(Timestamp::MAX);
        let mut until = piece.until?;
        while until <= horizon {
            let next = self.at(until);
            if next.state != piece.state {
                return Some(until);
            }
            until = next.until?;
        }
        None
    }

    /// Since when the state of a piece is so, by so long before an instant.
    fn since(&self, piece: &Piece<'_>, at: Timestamp) -> Option<Timestamp> {
        let horizon = at.checked_sub(SIGHT).unwrap_or(Timestamp::MIN);
        let mut from = piece.from?;
        while from >= horizon {
            let before = self.at(from.checked_sub(MOMENT).ok()?);
            if before.state != piece.state {
                return Some(from);
            }
            from = before.from?;
        }
        None
    }
}
