//! What is remembered of a resource.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rollout::Seconds;
pub use schedule::State as Power;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::{Arn, Kind, Seen, Shape, State};

/// The most start times that are remembered.
const STARTS: usize = 20;
/// Nothing is started earlier than this for its slowness.
const LONGEST_LEAD: Seconds = Seconds(3_600);
/// The longest time that a month's savings are kept, in months.
const MONTHS: usize = 14;
/// The wait after the first failure; it doubles,
const FIRST_RETRY: Seconds = Seconds(60);
/// up to this: a little less than two ticks.
const LONGEST_RETRY: Seconds = Seconds(9 * 60);

/// What is remembered of a resource: what it was like, what was asked of it last, and who keeps it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Which.
    pub arn: Arn,
    /// What kind.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// How often it was changed: the optimistic lock of what is stored. 0 is not stored.
    pub version: u64,
    /// What it was like before it was stopped last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// The type that it was given for want of machines of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// What was asked of it last.
    pub ours: Ours,
    /// Somebody else wants it as it is, for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// What it cannot do at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Whether people were told that it is stuck.
    #[serde(default)]
    pub told: Told,
    /// Since when it has been busy with something else, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_since: Option<Timestamp>,
    /// Where it was reached last, of what was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where it was reached before it came back at another address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// How it stood when that changed last, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// How long its last starts took, in seconds, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<u32>,
    /// Since when it has been off, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_since: Option<Timestamp>,
    /// Since when it is there no more, or is not selected any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Timestamp>,
    /// How many seconds it was off in each month (`2026-11`, UTC), up to the last start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub off: BTreeMap<String, u64>,
}

/// What was asked of a resource last. It is written before it is asked, so that whoever dies in between is made up for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "asked", deny_unknown_fields)]
pub enum Ours {
    /// Nothing yet.
    Nothing,
    /// To stop; it has not been seen stopped.
    Stop {
        /// When.
        at: Timestamp,
    },
    /// To stop, and it was seen stopped.
    Stopped {
        /// When it was seen first.
        at: Timestamp,
    },
    /// To start; it has not been seen running.
    Start {
        /// When.
        at: Timestamp,
    },
    /// To start, and it was seen running; or it ran when it was first seen.
    Started {
        /// When it was seen first.
        at: Timestamp,
    },
    /// Of a cache: a snapshot, to see whether one can be made of it, before it is deleted with a last one.
    Snapshot {
        /// When.
        at: Timestamp,
        /// What it is called.
        snapshot: String,
    },
    /// Of a cache: to be deleted, with a last snapshot.
    Delete {
        /// When.
        at: Timestamp,
        /// The snapshot before.
        before: String,
        /// The last one, from which it is restored.
        last: String,
    },
}

/// Somebody started or stopped a resource by hand: it is left so for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// How it is left.
    pub power: Power,
    /// When that was seen.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Whether people know of a resource that is stuck. That they are being told is written before they are, so that whoever dies
/// in between is made up for: they hear of it, and of its end, rather twice than never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// They know of nothing, or of its end.
    #[default]
    No,
    /// They may have been told.
    Telling,
    /// They were told.
    Yes,
}

/// What a resource cannot do at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub next: Timestamp,
    /// Why, in AWS's words.
    pub why: String,
    /// Whether AWS has not enough machines of its type.
    pub capacity: bool,
    /// Whether nothing was refused, and it only takes long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slow: bool,
}

impl Record {
    /// Of a resource that is seen for the first time.
    pub fn new(arn: Arn, kind: Kind, name: String) -> Self {
        Self {
            arn,
            kind,
            name,
            version: 0,
            shape: None,
            instead: None,
            ours: Ours::Nothing,
            lease: None,
            trouble: None,
            told: Told::No,
            busy_since: None,
            endpoint: None,
            moved_from: None,
            said: String::new(),
            starts: Vec::new(),
            off_since: None,
            lost: None,
            off: BTreeMap::new(),
        }
    }

    /// How long it takes to start, as nine of ten of its last starts did; the usual while it has not been started often
    /// enough to know.
    pub fn lead(&self) -> Seconds {
        let usual = self.kind.usual_start();
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        // The nearest rank.
        let rank = (starts.len() * 9).div_ceil(10);
        match starts.get(rank.saturating_sub(1)) {
            Some(seconds) if starts.len() >= 3 => Seconds(*seconds),
            Some(seconds) => Seconds(*seconds).max(usual),
            None => usual,
        }
    }

    /// It was seen running, having been asked to start at `asked`.
    pub(crate) fn started(&mut self, asked: Timestamp, now: Timestamp) {
        self.ours = Ours::Started { at: now };
        // What failed on the way says nothing of how long it takes.
        if self.trouble.take().is_some_and(|trouble| !trouble.slow) {
            return;
        }
        self.starts.push(Seconds::until(asked, now).min(LONGEST_LEAD).0);
        let surplus = self.starts.len().saturating_sub(STARTS);
        self.starts.drain(..surplus);
    }

    /// It is on from now on: the time that it was off is counted.
    pub(crate) fn on(&mut self, now: Timestamp) {
        let Some(since) = self.off_since.take() else { return };
        for (month, seconds) in months(since, now) {
            *self.off.entry(month).or_default() += seconds;
        }
        while self.off.len() > MONTHS {
            self.off.pop_first();
        }
    }

    /// How many seconds of a month (`2026-11`) it was off, up to now.
    pub fn off_in(&self, month: &str, now: Timestamp) -> u64 {
        let before = self.off.get(month).copied().unwrap_or_default();
        let since = self.off_since.map(|since| months(since, now)).unwrap_or_default();
        before + since.into_iter().filter(|(one, _)| one == month).map(|(_, seconds)| seconds).sum::<u64>()
    }

    /// It is there no more, or is not selected any more: it is left as it is, and no time that it is off counts.
    pub fn lost(&mut self, now: Timestamp) {
        self.left_out(now);
        self.lost.get_or_insert(now);
        "it is there no more, or has lost its tags".clone_into(&mut self.said);
    }

    /// Whether it can be started or restored at all.
    pub(crate) fn can_come_back(&self, seen: &Seen) -> bool {
        let is_kept = self.shape.is_some() && !seen.snapshots.is_empty();
        seen.state != State::Gone || (is_kept && self.was_put_away())
    }

    /// Whether people have to be told: it has failed with its own type and with every other.
    pub fn is_stuck(&self, other_types: usize) -> bool {
        let tried = self.trouble.as_ref().map_or(0, |trouble| trouble.attempts);
        usize::try_from(tried).is_ok_and(|tried| tried > other_types.max(2))
    }

    /// What was asked failed: it is tried again later.
    pub fn failed(&mut self, why: String, capacity: bool, now: Timestamp) {
        let before = self.trouble.take();
        let attempts = before.as_ref().map_or(0, |trouble| trouble.attempts).saturating_add(1);
        let doubled = FIRST_RETRY.0.saturating_mul(1 << attempts.saturating_sub(1).min(10));
        let next = Seconds(doubled).min(LONGEST_RETRY).after(now);
        let since = before.map_or(now, |trouble| trouble.since);
        self.trouble = Some(Trouble { since, attempts, next, why, capacity, slow: false });
    }

    /// It takes too long.
    pub(crate) fn late(&mut self, why: String, now: Timestamp) {
        let slow = self.trouble.as_ref().is_none_or(|trouble| trouble.slow);
        self.failed(why, false, now);
        self.trouble = self.trouble.take().map(|trouble| Trouble { slow, ..trouble });
    }

    /// It is left alone from now on.
    pub fn left_out(&mut self, now: Timestamp) {
        self.on(now);
        (self.ours, self.lease, self.trouble) = (Ours::Nothing, None, None);
    }

    /// What people call it, unlike any other of its kind in an account and region.
    pub fn called(&self) -> String {
        let id = self.arn.as_str().rsplit([':', '/']).next().unwrap_or_default();
        match (self.kind, self.arn.as_str().split_once(":service/")) {
            (Kind::Service, Some((_, service))) => service.to_owned(),
            (Kind::Instance, _) if id != self.name => format!("{} ({id})", self.name),
            _ => self.name.clone(),
        }
    }

    /// Whether a cache that is gone was deleted by us.
    pub(crate) const fn was_put_away(&self) -> bool {
        matches!(self.ours, Ours::Stopped { .. } | Ours::Start { .. } | Ours::Delete { .. })
    }
}

/// The seconds from one instant to another, by the months of UTC in which they are.
fn months(from: Timestamp, to: Timestamp) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut from = from;
    while from < to {
        let here = from.to_zoned(TimeZone::UTC);
        let next =
            here.last_of_month().and_then(|last| last.tomorrow()?.start_of_day()).map(|day| day.timestamp());
        let end = next.unwrap_or(to).min(to);
        let seconds = end.duration_since(from).max(SignedDuration::ZERO).as_secs();
        found.push((here.strftime("%Y-%m").to_string(), u64::try_from(seconds).unwrap_or_default()));
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn record() -> Record {
        Record::new(Arn("arn:db".to_owned()), Kind::Database, "db".to_owned())
    }

    #[test]
    fn the_time_off_is_counted_by_months() {
        let mut record = record();
        record.off_since = Some(at("2026-11-30T18:00:00Z"));
        assert_eq!(record.off_in("2026-11", at("2026-11-30T20:00:00Z")), 7_200);
        record.on(at("2026-12-01T08:00:00Z"));
        assert_eq!((record.off["2026-11"], record.off["2026-12"]), (6 * 3_600, 8 * 3_600));
        assert_eq!(record.off_in("2026-12", at("2026-12-24T00:00:00Z")), 8 * 3_600);
        assert_eq!(record.off_since, None);
        for month in 0..40 {
            record.off_since = Some(at("2027-01-01T00:00:00Z") + SignedDuration::from_hours(24 * 31 * month));
            record.on(record.off_since.unwrap() + SignedDuration::from_hours(1));
        }
        assert_eq!(record.off.len(), MONTHS);
    }

    #[test]
    fn a_lead_is_what_nine_of_ten_starts_took() {
        let mut record = record();
        assert_eq!(record.lead(), Seconds(600));
        record.starts = vec![100, 500];
        assert_eq!(record.lead(), Seconds(600), "two starts say little");
        record.starts = (1..=10).map(|tens| tens * 10).collect();
        assert_eq!(record.lead(), Seconds(90));
        record.starts = vec![50, 40, 60];
        assert_eq!(record.lead(), Seconds(60));
    }

    #[test]
    fn what_fails_is_tried_at_longer_and_longer_intervals() {
        let mut record = record();
        let now = at("2026-11-30T18:00:00Z");
        let waits: Vec<u32> = (0..6)
            .map(|_| {
                record.failed("busy".to_owned(), false, now);
                Seconds::until(now, record.trouble.as_ref().unwrap().next).0
            })
            .collect();
        assert_eq!(waits, [60, 120, 240, 480, 540, 540]);
        assert_eq!(record.trouble.unwrap().since, now);
    }
}
