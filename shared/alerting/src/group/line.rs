use std::collections::BTreeSet;

use jiff::Timestamp;
use rollout::Seconds;
use serde::{Deserialize, Serialize};

use crate::alert::AlertId;
use crate::names::ChannelName;
use crate::severity::Severity;

/// A message that cannot be delivered is given up after so long.
const PATIENCE: Seconds = Seconds(24 * 3600);
/// The wait after the first failure; it doubles with each further one,
const FIRST_RETRY: Seconds = Seconds(30);
/// up to this.
const LONGEST_RETRY: Seconds = Seconds(10 * 60);
/// What a person has to mend first is looked at so often.
const REFUSED_RETRY: Seconds = Seconds(60 * 60);

/// What one channel was told of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The alerts that it believes to fire.
    pub(super) told: BTreeSet<AlertId>,
    /// When it was first told of what it believes to fire.
    pub(super) first: Option<Timestamp>,
    /// When it was last told anything.
    pub(super) last: Option<Timestamp>,
    /// The greatest severity that it was told of.
    pub(super) severity: Option<Severity>,
    /// Whether it believes that a rollout answers it.
    pub(super) folded: bool,
    /// Whether it was told who has taken it.
    pub(super) told_acknowledged: bool,
    /// What further messages are attached to, where the channel can do that.
    pub(super) thread: Option<String>,
    /// Since when it cannot be told, and what is done about it.
    pub(super) failing: Option<Failing>,
}

/// A channel that cannot be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failing {
    pub(super) since: Timestamp,
    pub(super) attempts: u32,
    pub(super) next: Timestamp,
    pub(super) why: String,
    /// Who is told instead.
    pub(super) stand_in: Option<ChannelName>,
}

impl Failing {
    /// After one more failure; `asked` is how long the channel asked to be left alone.
    pub(super) fn again(
        before: Option<&Self>,
        why: String,
        asked: Option<Seconds>,
        refused: bool,
        now: Timestamp,
    ) -> Self {
        let attempts = before.map_or(0, |before| before.attempts).saturating_add(1);
        let doubled = FIRST_RETRY.0.saturating_mul(1 << attempts.saturating_sub(1).min(10));
        let wait = if refused { REFUSED_RETRY } else { Seconds(doubled).min(LONGEST_RETRY) };
        Self {
            since: before.map_or(now, |before| before.since),
            attempts,
            next: wait.max(asked.unwrap_or_default()).after(now),
            why,
            stand_in: before.and_then(|before| before.stand_in.clone()),
        }
    }

    /// Whether it is time to give up.
    pub(super) fn is_hopeless(&self, now: Timestamp) -> bool {
        PATIENCE.after(self.since) <= now
    }
}

impl Line {
    /// When it was last told anything.
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Why it cannot be told, where it cannot.
    pub fn failing(&self) -> Option<&str> {
        self.failing.as_ref().map(|failing| failing.why.as_str())
    }

    /// When it is tried again, where it cannot be told.
    pub fn tried_again(&self) -> Option<Timestamp> {
        self.failing.as_ref().map(|failing| failing.next)
    }

    /// Who is told instead, where it cannot be.
    pub fn stand_in(&self) -> Option<&ChannelName> {
        self.failing.as_ref()?.stand_in.as_ref()
    }

    /// How many alerts it believes to fire.
    pub fn told(&self) -> usize {
        self.told.len()
    }

    /// Whether it believes that nothing fires, and was told all.
    pub(super) fn is_closed(&self) -> bool {
        self.told.is_empty() && self.failing.is_none()
    }

    /// What it is about is over, and it knows.
    pub(super) fn close(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }
}
