//! One subject over time: what is known of it, and which rules hold of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rollout::{RolloutId, Seconds};
use serde::{Deserialize, Serialize};

use crate::across::Counted;
use crate::alert::{Alert, AlertKey, AlertState};
use crate::condition::Truth;
use crate::explained::Explained;
use crate::facts::{Facts, Heard, SubjectPicture};
use crate::group::RolloutSight;
use crate::names::RuleName;
use crate::policy::{Policy, Rule};
use crate::signal::{Signal, Subject};
use crate::tracked::{Moment, Pace, Standing, Tracked};

/// The longest text about why an alert fires, in characters.
const LONGEST_BECAUSE: usize = 600;

/// What is remembered of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The subject.
    pub subject: Subject,
    /// How often it was changed: the optimistic lock of what is stored. 0 is not stored.
    pub version: u64,
    facts: Facts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<RuleName, Tracked>,
    /// When something changes by time alone.
    pub due: Option<Timestamp>,
    /// When it changed last.
    pub touched: Timestamp,
}

impl Watch {
    /// Of a subject that nothing is known of.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            version: 0,
            facts: Facts::default(),
            rules: BTreeMap::new(),
            due: None,
            touched: Timestamp::UNIX_EPOCH,
        }
    }

    /// The subject after a signal; `None` where that changes nothing, because it or something later is known.
    #[must_use]
    pub fn hear(&self, signal: &Signal, policy: &Policy, now: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        match next.facts.hear(&signal.news, signal.at.min(now)) {
            Heard::Known => None,
            Heard::New => {
                Some(next.moved(policy, Moment { happened: signal.at.min(now), now }, self.version))
            }
        }
    }

    /// The subject at a later time, or under another policy; `None` where that changes nothing.
    #[must_use]
    pub fn pass(&self, policy: &Policy, now: Timestamp) -> Option<Self> {
        let next = self.clone().moved(policy, Moment { happened: now, now }, self.version);
        (next.rules != self.rules || next.due != self.due).then_some(next)
    }

    fn moved(mut self, policy: &Policy, moment: Moment, version: u64) -> Self {
        let mut rules = std::mem::take(&mut self.rules);
        let mut due = None;
        for rule in &policy.rules {
            let before = rules.remove(&rule.name).unwrap_or_else(Tracked::idle);
            self.follow(&rule.name, &before, self.holds(rule), pace(rule, policy), moment, &mut due);
        }
        // What no rule looks for any more ends now.
        let at_once = Pace { lasting: Seconds(0), clear_after: Seconds(0), flapping: policy.flapping };
        for (name, before) in rules {
            self.follow(&name, &before, false, at_once, moment, &mut due);
        }
        self.due = due;
        self.touched = moment.now;
        self.version = version + 1;
        self
    }

    fn follow(
        &mut self,
        name: &RuleName,
        before: &Tracked,
        holds: bool,
        pace: Pace,
        moment: Moment,
        due: &mut Option<Timestamp>,
    ) {
        let after = before.at(holds, pace, moment);
        *due = (*due).into_iter().chain(after.due(pace, moment.now)).min();
        if after != Tracked::idle() {
            self.rules.insert(name.clone(), after);
        }
    }

    fn holds(&self, rule: &Rule) -> bool {
        self.facts.ruled(&rule.name) || rule.condition.holds(&self.picture()) == Truth::Holds
    }

    /// The subject as conditions see it.
    pub(crate) const fn picture(&self) -> SubjectPicture<'_> {
        SubjectPicture { subject: &self.subject, facts: &self.facts }
    }

    /// The alerts of the subject that fire, and those that have ended, as they are now. Of rules that count over
    /// environments there are none here: see [`counted`](Self::counted).
    pub fn alerts(&self, policy: &Policy, now: Timestamp) -> Vec<Alert> {
        self.rules
            .iter()
            .filter(|(name, _)| policy.rule(name).is_none_or(|rule| !rule.condition.is_across()))
            .filter_map(|(name, tracked)| {
                let state = match tracked.standing() {
                    Standing::Never => return None,
                    Standing::Firing(since) => AlertState::Firing { since },
                    Standing::Ended(since, at) => AlertState::Ended { since, at },
                };
                let rule = policy.rule(name);
                Some(Alert {
                    key: AlertKey { rule: name.clone(), subject: Some(self.subject.clone()) },
                    severity: rule.map_or(crate::Severity::Info, |rule| rule.severity),
                    state,
                    decided: tracked.decided,
                    because: rule.map_or_else(|| GONE.to_owned(), |rule| self.because(rule)),
                    flapping: tracked.is_flapping(policy.flapping, now),
                    link: self.facts.link().map(str::to_owned),
                })
            })
            .collect()
    }

    /// What rules that count over environments have to know of the subject.
    pub fn counted(&self, policy: &Policy) -> Vec<Counted> {
        let counted = |(name, tracked): (&RuleName, &Tracked)| {
            let rule = policy.rule(name).filter(|rule| rule.condition.is_across())?;
            let looks = rule.condition.fields().contains("worst_status");
            Some(Counted {
                rule: name.clone(),
                subject: self.subject.clone(),
                holds: matches!(tracked.standing(), Standing::Firing(_)),
                decided: tracked.decided,
                status: self.facts.health().filter(|_| looks),
                version: self.version,
                because: self.because(rule),
            })
        };
        self.rules.iter().filter_map(counted).collect()
    }

    /// What of a rule's condition holds, with what was seen and said.
    pub fn because(&self, rule: &Rule) -> String {
        let seen = rule.condition.because(&self.picture());
        let said = self.facts.said(&rule.condition.fields(), &rule.name).join("; ");
        let text = match (seen.is_empty(), said.is_empty()) {
            (true, _) => said,
            (false, true) => seen,
            (false, false) => format!("{seen} ({said})"),
        };
        text.chars().take(LONGEST_BECAUSE).collect()
    }

    /// What a rule makes of the subject, and why.
    pub fn explain(&self, rule: &Rule, policy: &Policy, now: Timestamp) -> Explained {
        let tracked = self.rules.get(&rule.name).cloned().unwrap_or_else(Tracked::idle);
        Explained {
            condition: rule.condition.explain(&self.picture()),
            by_alarm: self.facts.ruled(&rule.name),
            progress: tracked.progress(pace(rule, policy), now),
        }
    }

    /// The newest rollout of the subject, where one was heard of.
    pub fn rollout(&self) -> Option<&RolloutId> {
        self.facts.rollout()
    }

    /// The newest rollout of the subject, as far as it was heard of.
    pub fn sight(&self) -> Option<RolloutSight> {
        self.facts.sight(self.subject.service.as_ref()?)
    }

    /// Whether nothing fires or is about to, so that it may be forgotten after a while.
    pub fn is_quiet(&self) -> bool {
        self.rules.values().all(Tracked::is_idle)
    }
}

/// Why an alert ended whose rule is not configured any more.
const GONE: &str = "the rule is not configured any more";

/// A rule that counts over environments has its times where it is counted.
fn pace(rule: &Rule, policy: &Policy) -> Pace {
    let condition = &rule.condition;
    let (lasting, clear_after) = if condition.is_across() {
        (Seconds(0), Seconds(0))
    } else {
        (condition.lasting(), condition.clear_after())
    };
    let flapping = if condition.is_across() { policy.never_flapping() } else { policy.flapping };
    Pace { lasting, clear_after, flapping }
}
