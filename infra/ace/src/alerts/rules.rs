//! Rules, held against what is known of a subject.

use alerting::condition::Truth;
use alerting::{Across, Explained, Policy, Progress, Rule, RuleName, Subject, Watch};
use console::Style;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::shown::{holds, mark, names, progress, progress_entry, tree, tree_entry};

/// A rule, and what it makes of a subject.
pub(super) struct Judged<'a> {
    rule: &'a Rule,
    subject: Subject,
    own: Explained,
    /// What it makes of all that it has counted, if it counts over environments.
    across: Option<Explained>,
}

/// Every rule, or the one that is asked for, held against a subject.
pub(super) fn judged<'a>(
    policy: &'a Policy,
    watch: &Watch,
    across: &[Across],
    only: Option<&RuleName>,
    now: Timestamp,
) -> Vec<Judged<'a>> {
    let asked = |rule: &&Rule| only.is_none_or(|only| rule.name == *only);
    let judged = |rule: &'a Rule| {
        let counts = rule.condition.is_across().then(|| {
            let known = across.iter().find(|across| across.rule == rule.name).cloned();
            known.unwrap_or_else(|| Across::new(rule.name.clone())).explain(policy, now)
        });
        let own = watch.explain(rule, policy, now);
        Judged { rule, subject: watch.subject.clone(), own, across: counts.flatten() }
    };
    policy.rules.iter().filter(asked).map(judged).collect()
}

/// The rules that count over environments.
pub(super) fn across(policy: &Policy) -> Vec<RuleName> {
    let across = policy.rules.iter().filter(|rule| rule.condition.is_across());
    across.map(|rule| rule.name.clone()).collect()
}

impl Judged<'_> {
    /// Whether it holds; of a rule that counts over environments, whether it holds and counts the subject.
    pub(super) fn truth(&self) -> Truth {
        match &self.across {
            None => self.own.truth(),
            Some(across) => self.own.truth().and(across.truth()),
        }
    }

    /// How far it has got.
    pub(super) fn progress(&self) -> Progress {
        self.across.as_ref().unwrap_or(&self.own).progress
    }

    /// For people: in one line, or with why.
    pub(super) fn lines(&self, with_why: bool, now: Timestamp) -> Vec<String> {
        let (Judged { rule, own, across, .. }, dim) = (self, Style::new().dim());
        let severity = rule.severity.as_str().to_uppercase();
        let whole = across.as_ref().unwrap_or(own);
        let told = progress(whole, now).map(|told| format!(": {told}")).unwrap_or_default();
        let head =
            format!("  {} {} {severity}{told}", mark(self.truth()), Style::new().bold().apply_to(&rule.name));
        if !with_why {
            return vec![head];
        }
        let mut lines = vec![head];
        if own.by_alarm {
            lines.push(format!("      {} an alarm that was made for it is in ALARM", mark(Truth::Holds)));
        }
        lines.extend(tree(&own.condition, 6));
        lines.extend(across.iter().flat_map(|across| tree(&across.condition, 6)));
        lines.push(format!("      {}", dim.apply_to(format!("→ {}", names(&rule.channels)))));
        lines
    }

    /// For programs.
    pub(super) fn entry(&self) -> Value {
        let Judged { rule, subject, own, across } = self;
        json!({
            "kind": "rule", "subject": subject.to_string(), "rule": rule.name, "severity": rule.severity,
            "channels": rule.channels, "condition": rule.condition.to_string(), "holds": holds(self.truth()),
            "because": tree_entry(&own.condition), "by_alarm": own.by_alarm,
            "across": across.as_ref().map(|across| tree_entry(&across.condition)),
            "progress": progress_entry(across.as_ref().unwrap_or(own)),
        })
    }
}
