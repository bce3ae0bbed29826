//! What is done about the resources of one environment, in their order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollout::Seconds;

use crate::decide::{Decision, View, Wish, decide, notice, power};
use crate::record::{Power, Record};
use crate::resource::{Seen, State, Tier};

/// A resource that fails so often holds nothing else up any more.
const GIVEN_UP: u32 = 3;

/// A resource, what is remembered of it and what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What is remembered.
    pub record: Record,
    /// What is seen.
    pub seen: Seen,
    /// What is wanted. `start_by` is filled in here.
    pub wish: Wish,
    /// Whether AWS was heard to have started it by itself.
    pub woken: bool,
}

/// What counts for a whole environment at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Why nothing may be stopped now, if it may not.
    pub stops_wait: Option<String>,
    /// How long somebody's start or stop by hand is left alone.
    pub lease: Seconds,
    /// The types that an instance may have when AWS has not enough of its own.
    pub other_types: Vec<String>,
    /// What the names of the snapshots made now begin with.
    pub snapshot: String,
    /// How much time is between two ticks.
    pub tick: Seconds,
    /// The tiers that could not be looked at, and why: nobody knows whether they are ready or stopped.
    pub unseen: BTreeMap<Tier, String>,
}

/// What is done about each resource of an environment now. Databases start before caches and caches before what computes;
/// they stop in the other order.
pub fn plan(subjects: Vec<Subject>, moment: &Moment, now: Timestamp) -> Vec<Decision> {
    let view = |subject: &Subject| View {
        stops_wait: moment.stops_wait.clone(),
        waits_for: None,
        needed_by: None,
        woken: subject.woken,
        lease: moment.lease,
        other_types: moment.other_types.clone(),
        snapshot: moment.snapshot.clone(),
    };
    let mut subjects = subjects;
    start_early(&mut subjects, moment.tick);
    for subject in &mut subjects {
        subject.record = notice(subject.record.clone(), &subject.seen, &subject.wish, &view(subject), now);
    }
    let order = Order::of(&subjects, &moment.unseen, now);
    let decided = subjects.into_iter().map(|subject| {
        let tier = subject.seen.kind.tier();
        let view = View {
            waits_for: order.not_ready_before(tier),
            needed_by: order.not_off_after(tier),
            ..view(&subject)
        };
        decide(subject.record, &subject.seen, &subject.wish, &view, now)
    });
    decided.collect()
}

/// What is in the way of the others: by tier, the name of one that is on its way.
struct Order {
    up: BTreeMap<Tier, String>,
    down: BTreeMap<Tier, String>,
}

impl Order {
    fn of(subjects: &[Subject], unseen: &BTreeMap<Tier, String>, now: Timestamp) -> Self {
        let mut order = Self { up: unseen.clone(), down: unseen.clone() };
        for Subject { record, seen, wish, .. } in subjects {
            if record.trouble.as_ref().is_some_and(|trouble| trouble.attempts >= GIVEN_UP) {
                continue;
            }
            let is_off = matches!(seen.state, State::Stopped | State::Gone);
            let says = || format!("{} {} is {}", seen.kind.shown(), seen.name, seen.state);
            match power(record, wish, now) {
                Power::On if seen.state != State::Running && record.can_come_back(seen) => {
                    order.up.entry(seen.kind.tier()).or_insert_with(says);
                }
                Power::Off if !is_off && seen.cannot.is_none() => {
                    order.down.entry(seen.kind.tier()).or_insert_with(says);
                }
                _ => {}
            }
        }
        order
    }

    fn not_ready_before(&self, tier: Tier) -> Option<String> {
        self.up.range(..tier).next().map(|(_, what)| what.clone())
    }

    fn not_off_after(&self, tier: Tier) -> Option<String> {
        self.down.range(tier..).find(|(later, _)| **later > tier).map(|(_, what)| what.clone())
    }
}

/// When a resource's start has to begin for everything to be ready in time: with its own time to start and with that of
/// whatever waits for it.
fn start_early(subjects: &mut [Subject], tick: Seconds) {
    let mut leads: BTreeMap<(Timestamp, Tier), Seconds> = BTreeMap::new();
    for Subject { record, wish, .. } in subjects.iter() {
        if let (Power::Off, Some(until)) = (wish.power, wish.until) {
            let lead = leads.entry((until, record.kind.tier())).or_default();
            *lead = (*lead).max(record.lead());
        }
    }
    for Subject { record, wish, .. } in subjects.iter_mut() {
        let (Power::Off, Some(until)) = (wish.power, wish.until) else { continue };
        let tier = record.kind.tier();
        let later = Tier::ALL
            .into_iter()
            .filter(|later| *later > tier)
            .filter_map(|later| leads.get(&(until, later)));
        // Each tier is seen to be ready by a tick, up to one interval late.
        wish.start_by = Some(ready_by(until, std::iter::once(&record.lead()).chain(later), tick));
    }
}

/// When the first of several starts, one after the other, has to begin for the last to be done at an instant.
pub fn ready_by<'a>(
    due: Timestamp,
    leads: impl IntoIterator<Item = &'a Seconds>,
    tick: Seconds,
) -> Timestamp {
    let needed: u32 =
        leads.into_iter().map(|lead| lead.0.saturating_add(tick.0)).fold(0, u32::saturating_add);
    due.checked_sub(jiff::SignedDuration::from_secs(i64::from(needed))).unwrap_or(due)
}
