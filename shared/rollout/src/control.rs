use std::num::NonZeroU32;

use analysis::Seconds;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::RolloutId;

/// When an environment stops its line by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRules {
    /// After so many rollbacks that blame a version.
    pub rollbacks: NonZeroU32,
    /// Within so long.
    pub within: Seconds,
}

/// Whether rollouts may start in an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// They may.
    #[default]
    Running,
    /// They may not, until a person says so.
    Stopped {
        /// A person, or the rollout whose rollback was one too many.
        by: String,
        /// Why.
        why: String,
        /// Since when.
        since: Timestamp,
    },
}

/// What holds for a whole environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// How often it was changed; the optimistic lock of its stored state.
    pub version: u64,
    /// Whether rollouts may start.
    pub line: Line,
    /// The rollbacks that still count, oldest first.
    pub rollbacks: Vec<(RolloutId, Timestamp)>,
}

impl Control {
    /// After a rollback that blames its version. The same rollback counts once.
    #[must_use]
    pub fn rolled_back(&self, id: &RolloutId, at: Timestamp, rules: StopRules) -> Self {
        let mut next = self.clone();
        next.rollbacks.retain(|(_, then)| rules.within.after(*then) > at);
        if !next.rollbacks.iter().any(|(counted, _)| counted == id) {
            next.rollbacks.push((id.clone(), at));
        }
        let many = next.rollbacks.len() >= usize::try_from(rules.rollbacks.get()).unwrap_or(usize::MAX);
        if many && next.line == Line::Running {
            let why = format!("{} rollbacks within {}", next.rollbacks.len(), rules.within);
            next.line = Line::Stopped { by: id.to_string(), why, since: at };
        }
        next.changed(self)
    }

    /// Stopped by a person.
    #[must_use]
    pub fn stopped(&self, by: String, why: String, since: Timestamp) -> Self {
        let line = match &self.line {
            Line::Running => Line::Stopped { by, why, since },
            stopped @ Line::Stopped { .. } => stopped.clone(),
        };
        Self { line, ..self.clone() }.changed(self)
    }

    /// Started again by a person: what was counted is forgotten.
    #[must_use]
    pub fn resumed(&self) -> Self {
        Self { line: Line::Running, rollbacks: Vec::new(), version: self.version }.changed(self)
    }

    fn changed(mut self, before: &Self) -> Self {
        if self != *before {
            self.version = before.version + 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + seconds).unwrap()
    }

    fn id(number: u32) -> RolloutId {
        format!("checkout-{number}").parse().unwrap()
    }

    fn rules() -> StopRules {
        StopRules { rollbacks: NonZeroU32::new(3).unwrap(), within: Seconds(3600) }
    }

    #[test]
    fn the_line_stops_at_the_last_rollback_of_the_window_and_counts_each_once() {
        let mut control = Control::default();
        for (number, seconds) in [(1, 0), (2, 10), (2, 20), (1, 30)] {
            control = control.rolled_back(&id(number), at(seconds), rules());
            assert_eq!(control.line, Line::Running);
        }
        assert_eq!(control.version, 2, "a rollback that counts already changes nothing");
        control = control.rolled_back(&id(3), at(40), rules());
        assert!(matches!(&control.line, Line::Stopped { by, .. } if *by == id(3).to_string()), "{control:?}");
        let again = control.rolled_back(&id(3), at(50), rules());
        assert_eq!(again, control, "told twice, stopped once");
        assert_eq!(control.resumed().line, Line::Running);
        assert!(control.resumed().rollbacks.is_empty());
    }

    #[test]
    fn rollbacks_outside_of_the_window_do_not_count() {
        let mut control = Control::default();
        for number in 0..10 {
            control = control.rolled_back(&id(number), at(i64::from(number) * 1800), rules());
        }
        assert_eq!((control.line, control.rollbacks.len()), (Line::Running, 2));
    }

    #[test]
    fn a_person_stops_and_resumes_and_the_first_reason_stays() {
        let stopped = Control::default().stopped("ann".to_owned(), "incident".to_owned(), at(0));
        let twice = stopped.stopped("bob".to_owned(), "me too".to_owned(), at(1));
        assert_eq!(twice, stopped);
        assert_eq!(stopped.resumed().line, Line::Running);
    }
}
