use std::fmt;
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

/// Whether a person lets no rollout start for a while. Rollouts under way go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freeze {
    /// No person does.
    #[default]
    None,
    /// None starts.
    Until {
        /// The first instant at which they may again; without it, a person has to say so.
        until: Option<Timestamp>,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Since when.
        since: Timestamp,
    },
}

impl Freeze {
    /// Whether it lets nothing start at this instant.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        match self {
            Self::None => false,
            Self::Until { until, .. } => until.is_none_or(|until| now < until),
        }
    }
}

impl fmt::Display for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("not frozen"),
            Self::Until { until: Some(until), by, why, since } => {
                write!(f, "frozen until {until} by {by} since {since}: {why}")
            }
            Self::Until { until: None, by, why, since } => {
                write!(f, "frozen until it is thawed by {by} since {since}: {why}")
            }
        }
    }
}

/// What holds for a whole environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// How often it was changed; the optimistic lock of its stored state.
    pub version: u64,
    /// Whether rollouts may start.
    pub line: Line,
    /// Whether a person lets none start for a while.
    pub freeze: Freeze,
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
        Self { line: Line::Running, rollbacks: Vec::new(), ..self.clone() }.changed(self)
    }

    /// Frozen by a person, until then or until it is thawed. It replaces a freeze that is there; the same one again
    /// changes nothing.
    #[must_use]
    pub fn frozen(&self, until: Option<Timestamp>, by: String, why: String, since: Timestamp) -> Self {
        let is_same = matches!(
            &self.freeze,
            Freeze::Until { until: then, by: who, why: reason, .. } if (*then, who, reason) == (until, &by, &why)
        );
        if is_same {
            return self.clone();
        }
        Self { freeze: Freeze::Until { until, by, why, since }, ..self.clone() }.changed(self)
    }

    /// No longer frozen by a person.
    #[must_use]
    pub fn thawed(&self) -> Self {
        Self { freeze: Freeze::None, ..self.clone() }.changed(self)
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

    #[test]
    fn a_freeze_holds_until_its_end_or_until_it_is_thawed() {
        let (ann, sale) = (|| "ann".to_owned(), || "sale".to_owned());
        let frozen = Control::default().frozen(Some(at(60)), ann(), sale(), at(0));
        assert_eq!(frozen.version, 1);
        assert!(frozen.freeze.holds_at(at(0)) && frozen.freeze.holds_at(at(59)));
        assert!(!frozen.freeze.holds_at(at(60)), "the end is the first instant after it");
        assert_eq!(frozen.frozen(Some(at(60)), ann(), sale(), at(5)), frozen, "told twice, frozen once");
        let longer = frozen.frozen(None, ann(), sale(), at(5));
        assert_eq!(longer.version, 2);
        assert!(longer.freeze.holds_at(Timestamp::MAX), "without an end it has to be thawed");
        let thawed = longer.thawed();
        assert_eq!((&thawed.freeze, thawed.version), (&Freeze::None, 3));
        assert_eq!(thawed.thawed(), thawed, "told twice, thawed once");
        assert!(!thawed.freeze.holds_at(at(5)));
    }

    #[test]
    fn a_freeze_and_the_line_are_two_things() {
        let both = Control::default().stopped("ann".to_owned(), "incident".to_owned(), at(0)).frozen(
            None,
            "bob".to_owned(),
            "sale".to_owned(),
            at(1),
        );
        assert_eq!(both.resumed().freeze, both.freeze);
        assert_eq!(both.thawed().line, both.line);
        assert_eq!(both.rolled_back(&id(1), at(2), rules()).freeze, both.freeze);
    }
}
