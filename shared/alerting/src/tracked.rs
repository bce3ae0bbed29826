//! One rule over time: how long its condition has held, and how long it has not.

use jiff::Timestamp;
use rollout::Seconds;
use serde::{Deserialize, Serialize};

use crate::explained::Progress;
use crate::policy::Flapping;

/// The most beginnings that are remembered, whatever [`Flapping`] asks for.
const MAX_BEGINNINGS: usize = 32;

/// A rule as it stands for a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tracked {
    phase: Phase,
    /// The alert before, if there was one: since when and until when it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<(Timestamp, Timestamp)>,
    /// When its alert last began or ended, as far as others are told.
    pub(crate) decided: Timestamp,
    /// The last beginnings of its alert, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    beginnings: Vec<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase", deny_unknown_fields)]
enum Phase {
    /// The condition does not hold.
    Idle,
    /// It holds, and has to hold for longer.
    Pending { since: Timestamp },
    /// It has held for long enough.
    Firing { since: Timestamp },
    /// It does not hold any more, and has to stay away for longer.
    Clearing { since: Timestamp, from: Timestamp },
}

/// How long a condition has to hold, and to stay away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) lasting: Seconds,
    pub(crate) clear_after: Seconds,
    pub(crate) flapping: Flapping,
}

/// What an instant means for a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// When what made the condition hold, or not, happened; not later than `now`.
    pub(crate) happened: Timestamp,
    /// Now.
    pub(crate) now: Timestamp,
}

/// An alert's state: whether it fires, since when, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has never begun.
    Never,
    /// It fires.
    Firing(Timestamp),
    /// It fired.
    Ended(Timestamp, Timestamp),
}

impl Tracked {
    pub(crate) const fn idle() -> Self {
        Self { phase: Phase::Idle, last: None, decided: Timestamp::UNIX_EPOCH, beginnings: Vec::new() }
    }

    /// The rule after this instant, at which its condition holds or does not.
    pub(crate) fn at(&self, holds: bool, pace: Pace, moment: Moment) -> Self {
        let Moment { happened, now } = moment;
        let mut next = self.clone();
        // Each turn is a step of one phase: at most pending, firing, clearing, idle.
        loop {
            let phase = match (&next.phase, holds) {
                (Phase::Idle, true) => Phase::Pending { since: happened },
                (Phase::Pending { since }, true) if pace.lasting.after(*since) <= now => {
                    Phase::Firing { since: *since }
                }
                (Phase::Pending { .. }, false) => Phase::Idle,
                (Phase::Firing { since }, false) => {
                    Phase::Clearing { since: *since, from: happened.max(*since) }
                }
                (Phase::Clearing { since, .. }, true) => Phase::Firing { since: *since },
                (Phase::Clearing { from, .. }, false) if next.clear_after(pace, now).after(*from) <= now => {
                    Phase::Idle
                }
                (Phase::Idle | Phase::Clearing { .. }, false)
                | (Phase::Pending { .. } | Phase::Firing { .. }, true) => return next,
            };
            next.go(phase, pace, now);
        }
    }

    fn go(&mut self, phase: Phase, pace: Pace, now: Timestamp) {
        if let (Phase::Clearing { since, from }, Phase::Idle) = (&self.phase, &phase) {
            self.last = Some((*since, *from));
        }
        let before = matches!(self.standing(), Standing::Firing(_));
        self.phase = phase;
        let fires = matches!(self.standing(), Standing::Firing(_));
        if fires == before {
            return;
        }
        // Later than what was decided before, whatever the clock says.
        self.decided = now.max(self.decided + jiff::SignedDuration::from_nanos(1));
        if fires {
            self.beginnings.push(now);
            let kept = usize::try_from(pace.flapping.changes).unwrap_or(MAX_BEGINNINGS).min(MAX_BEGINNINGS);
            let surplus = self.beginnings.len().saturating_sub(kept);
            self.beginnings.drain(..surplus);
        }
    }

    fn clear_after(&self, pace: Pace, now: Timestamp) -> Seconds {
        if self.is_flapping(pace.flapping, now) {
            pace.clear_after.max(pace.flapping.stable)
        } else {
            pace.clear_after
        }
    }

    /// Whether its alert has begun too often of late.
    pub(crate) fn is_flapping(&self, flapping: Flapping, now: Timestamp) -> bool {
        let of_late = self.beginnings.iter().filter(|begun| flapping.within.after(**begun) > now).count();
        u32::try_from(of_late).is_ok_and(|count| count >= flapping.changes)
    }

    /// What others are told of it.
    pub(crate) fn standing(&self) -> Standing {
        match self.phase {
            Phase::Firing { since } | Phase::Clearing { since, .. } => Standing::Firing(since),
            Phase::Idle | Phase::Pending { .. } => {
                self.last.map_or(Standing::Never, |(since, at)| Standing::Ended(since, at))
            }
        }
    }

    /// When it changes by time alone.
    pub(crate) fn due(&self, pace: Pace, now: Timestamp) -> Option<Timestamp> {
        match self.phase {
            Phase::Pending { since } => Some(pace.lasting.after(since)),
            Phase::Clearing { from, .. } => Some(self.clear_after(pace, now).after(from)),
            Phase::Idle | Phase::Firing { .. } => None,
        }
    }

    /// How far it has got.
    pub(crate) fn progress(&self, pace: Pace, now: Timestamp) -> Progress {
        let due = self.due(pace, now);
        match (&self.phase, due) {
            (Phase::Pending { since }, Some(due)) => Progress::Pending { since: *since, due },
            (Phase::Clearing { since, .. }, Some(due)) => Progress::Clearing { since: *since, due },
            (Phase::Firing { since } | Phase::Clearing { since, .. }, _) => {
                Progress::Firing { since: *since }
            }
            (Phase::Idle | Phase::Pending { .. }, _) => Progress::Idle,
        }
    }

    /// Whether nothing is to be remembered of it.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }
}
