//! What a rule makes of what is known, for whoever asks why.

use jiff::Timestamp;

use crate::condition::{Explanation, Truth};

/// How far a rule has got with what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its condition does not hold, or nobody knows.
    Idle,
    /// It holds, and has to hold for longer.
    Pending {
        /// Since when it holds.
        since: Timestamp,
        /// When its alert begins, if it goes on holding.
        due: Timestamp,
    },
    /// Its alert fires.
    Firing {
        /// Since when.
        since: Timestamp,
    },
    /// Its condition does not hold any more, and its alert goes on until that has been so for longer.
    Clearing {
        /// Since when the alert fires.
        since: Timestamp,
        /// When it ends, if the condition stays away.
        due: Timestamp,
    },
}

/// A rule, held against what is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What its condition says, and why; of a rule that counts over environments, asked of one subject, whether the subject
    /// is counted.
    pub condition: Explanation,
    /// Whether an alarm that was made for it is in ALARM: then it holds, whatever the condition says.
    pub by_alarm: bool,
    /// How far it has got.
    pub progress: Progress,
}

impl Explained {
    /// Whether it holds.
    pub const fn truth(&self) -> Truth {
        if self.by_alarm { Truth::Holds } else { self.condition.truth }
    }
}
