//! A rule that counts over environments: what it has counted, and whether that is enough.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollout::{EnvironmentName, Seconds};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertKey, AlertState};
use crate::condition::Truth;
use crate::explained::Explained;
use crate::names::RuleName;
use crate::policy::{Policy, Rule};
use crate::severity::Health;
use crate::signal::Subject;
use crate::tracked::{Moment, Pace, Standing, Tracked};

/// The most subjects that are remembered; those that are counted are kept before others.
const MAX_SUBJECTS: usize = 1_000;
/// How many of them a message names.
const NAMED: usize = 5;
/// The longest text about each, in bytes: all of them have to fit into one item of DynamoDB, 400 KB
/// (`shared/dynamo-store`).
const LONGEST_BECAUSE: usize = 160;

/// What a rule that counts over environments has to know of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The rule.
    pub rule: RuleName,
    /// The subject.
    pub subject: Subject,
    /// Whether the rest of the condition holds of it.
    pub holds: bool,
    /// When that was decided.
    pub decided: Timestamp,
    /// How it is, where that is known and the rule looks at it.
    pub status: Option<Health>,
    /// The version of its [`Watch`](crate::Watch) that says so: a later one counts.
    pub version: u64,
    /// What of the condition holds, with what was seen.
    pub because: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    subject: Subject,
    holds: bool,
    decided: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Health>,
    version: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    because: String,
}

/// What is remembered of such a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Across {
    /// The rule.
    pub rule: RuleName,
    /// How often it was changed: the optimistic lock of what is stored. 0 is not stored.
    pub version: u64,
    /// By the subject as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    entries: BTreeMap<String, Entry>,
    tracked: Tracked,
    /// When something changes by time alone.
    pub due: Option<Timestamp>,
}

impl Across {
    /// Of a rule that has counted nothing.
    pub const fn new(rule: RuleName) -> Self {
        Self { rule, version: 0, entries: BTreeMap::new(), tracked: Tracked::idle(), due: None }
    }

    /// The rule after it was told of a subject at `happened`; `None` where that changes nothing.
    #[must_use]
    pub fn count(
        &self,
        counted: &Counted,
        policy: &Policy,
        happened: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let key = counted.subject.to_string();
        if let Some(known) = self.entries.get(&key) {
            // A state that was decided once stays the same until another one is decided; how the subject is does not.
            let same = counted.status.is_none() && known.status.is_none() && known.decided == counted.decided;
            if same || known.version >= counted.version {
                return None;
            }
        }
        let mut next = self.clone();
        let Counted { subject, holds, decided, status, version, because, .. } = counted.clone();
        let mut because = if holds { because } else { String::new() };
        because.truncate(because.floor_char_boundary(LONGEST_BECAUSE));
        next.entries.insert(key, Entry { subject, holds, decided, status, version, because });
        next.forget();
        Some(next.moved(policy, Moment { happened: happened.min(now), now }))
    }

    /// The rule at a later time, or under another policy; `None` where that changes nothing.
    #[must_use]
    pub fn pass(&self, policy: &Policy, now: Timestamp) -> Option<Self> {
        let next = self.clone().moved(policy, Moment { happened: now, now });
        (next.tracked != self.tracked || next.due != self.due).then_some(next)
    }

    fn moved(mut self, policy: &Policy, moment: Moment) -> Self {
        let rule = policy.rule(&self.rule).filter(|rule| rule.condition.is_across());
        let pace = pace(rule, policy);
        self.tracked = self.tracked.at(rule.is_some_and(|rule| self.holds(rule)), pace, moment);
        self.due = self.tracked.due(pace, moment.now);
        self.version += 1;
        self
    }

    fn holds(&self, rule: &Rule) -> bool {
        rule.condition.holds_across(&self.counted()) == Truth::Holds
    }

    /// The environment of each subject that is counted, and its status, where that is known.
    fn counted(&self) -> Vec<(EnvironmentName, Option<Health>)> {
        self.affected().map(|entry| (entry.subject.environment.clone(), entry.status)).collect()
    }

    /// What the rule makes of what it has counted, and why; `None` if it does not count over environments any more.
    pub fn explain(&self, policy: &Policy, now: Timestamp) -> Option<Explained> {
        let rule = policy.rule(&self.rule)?;
        let condition = rule.condition.explain_across(&self.counted())?;
        let progress = self.tracked.progress(pace(Some(rule), policy), now);
        Some(Explained { condition, by_alarm: false, progress })
    }

    fn affected(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| entry.holds)
    }

    /// Forgets subjects beyond [`MAX_SUBJECTS`], first those that are not counted.
    fn forget(&mut self) {
        while self.entries.len() > MAX_SUBJECTS {
            let first = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| (entry.holds, entry.version))
                .map(|(key, _)| key.clone());
            let Some(first) = first else { return };
            self.entries.remove(&first);
        }
    }

    /// Its alert as it is now, if it has ever begun.
    pub fn alert(&self, policy: &Policy, now: Timestamp) -> Option<Alert> {
        let state = match self.tracked.standing() {
            Standing::Never => return None,
            Standing::Firing(since) => AlertState::Firing { since },
            Standing::Ended(since, at) => AlertState::Ended { since, at },
        };
        Some(Alert {
            key: AlertKey { rule: self.rule.clone(), subject: None },
            severity: policy.rule(&self.rule).map_or(crate::Severity::Info, |rule| rule.severity),
            state,
            decided: self.tracked.decided,
            because: self.because(),
            flapping: self.tracked.is_flapping(policy.flapping, now),
            link: None,
        })
    }

    /// What it has counted, with what was seen there.
    pub fn because(&self) -> String {
        let mut told: Vec<String> = self
            .affected()
            .take(NAMED)
            .map(|entry| format!("{}: {}", entry.subject, entry.because))
            .collect();
        let more = self.affected().count().saturating_sub(NAMED);
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told.join("; ")
    }

    /// Whether its alert neither fires nor is about to.
    pub fn is_quiet(&self) -> bool {
        self.tracked.is_idle() && self.affected().next().is_none()
    }
}

/// How long its condition has to hold, and to stay away; no time at all where it is not configured any more.
fn pace(rule: Option<&Rule>, policy: &Policy) -> Pace {
    Pace {
        lasting: rule.map_or(Seconds(0), |rule| rule.condition.lasting()),
        clear_after: rule.map_or(Seconds(0), |rule| rule.condition.clear_after()),
        flapping: policy.flapping,
    }
}
