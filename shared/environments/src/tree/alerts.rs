//! What of channels and alerts can be told only where the environment's name, its secrets and the others are known.

use alerting::condition::{Expr, Pattern, Picture, Seen, Test, Truth};
use alerting::{Condition, Health, Policy, Rule};
use rollout::EnvironmentName;

use super::isolation::Valid;
use super::mistake::{Notes, nearest};
use super::node::{Entry, Value};
use super::rollouts::find;
use super::{Titles, WrongTitle};
use crate::place::Place;

fn value<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Value> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node.value)
}

/// Notes where an environment does not listen to itself.
pub(crate) fn own(name: &str, entries: &[Entry], notes: &mut Notes) {
    let Some(Value::Map(settings)) = value(entries, "alerts") else { return };
    let Some(environments) = settings.iter().find(|entry| entry.key == "environments") else { return };
    let Value::List(items) = &environments.node.value else { return };
    let is_own = |value: &Value| matches!(value, Value::Text(text) | Value::Loose(text) if text == name);
    if !items.is_empty() && !items.iter().any(|item| is_own(&item.value)) {
        let message = format!("alerts.environments is without {name}, this environment itself");
        notes.error(
            &environments.at,
            message,
            format!("add {name} to the list, or move the alerts to one of its environments"),
        );
    }
}

/// Notes what is wrong with the titles that rules have of their own. What is told of one already is enough.
pub(crate) fn titles(entries: &[Entry], titles: Titles<'_>, notes: &mut Notes) {
    let Some(Value::Map(settings)) = value(entries, "alerts") else { return };
    let Some(Value::List(rules)) = value(settings, "rules") else { return };
    let place = Place::of(["alerts", "rules"]);
    for (index, rule) in rules.iter().enumerate() {
        let Value::Map(rule) = &rule.value else { continue };
        let Some(title) = rule.iter().find(|entry| entry.key == "title") else { continue };
        let (Value::Text(text) | Value::Loose(text)) = &title.node.value else { continue };
        if notes.has_error_at(&title.node.at) {
            continue;
        }
        for WrongTitle { what, remedy } in titles(text) {
            let message = format!("{}: {what}", place.item(index).key("title"));
            notes.error(&title.node.at, message, remedy);
        }
    }
}

/// Notes what may be wrong with the channels and the alerts of environments; `known` are the names of all, of those too
/// that have mistakes of their own.
pub(crate) fn check(environments: &[Valid], known: &[&str], notes: &mut Notes) {
    for valid in environments {
        secrets(valid, notes);
        let Ok(own) = valid.resolved.name.parse::<EnvironmentName>() else { continue };
        let policy = valid.resolved.rollouts.alerts(&own);
        unknown(valid, &policy, known, notes);
        never(valid, &policy, notes);
        unfit(valid, &policy, notes);
    }
}

/// A channel's secret that is not among the environment's own, where these are written, may be there all the same.
fn secrets(valid: &Valid, notes: &mut Notes) {
    if valid.secrets.is_empty() {
        return;
    }
    for (name, channel) in valid.resolved.rollouts.notifications() {
        let missing = channel.secret().filter(|(_, secret)| !valid.secrets.contains_key(secret.as_str()));
        let Some((setting, secret)) = missing else { continue };
        if let Some(at) = find(&valid.entries, &Place::of(["notifications", name.as_str(), setting])) {
            let known: Vec<&str> = valid.secrets.keys().map(String::as_str).collect();
            let message =
                format!("notifications.{name}.{setting} is {secret}, which secrets.yml does not have");
            notes.warning(at, message, nearest(secret.as_str(), &known));
        }
    }
}

/// Signals may come from what is not in this tree; more likely, it is a slip.
fn unknown(valid: &Valid, policy: &Policy, known: &[&str], notes: &mut Notes) {
    // One environment that is read alone says nothing of the others.
    if known.len() < 2 {
        return;
    }
    let list = Place::of(["alerts", "environments"]);
    for (index, name) in policy.environments.iter().enumerate() {
        if !known.contains(&name.as_str())
            && let Some(at) = find(&valid.entries, &list.item(index))
        {
            let message =
                format!("alerts.environments has {name}, and there is no environment of that name here");
            notes.warning(at, message, nearest(name.as_str(), known));
        }
    }
}

/// Rules that hold in none of the environments that are listened to.
fn never(valid: &Valid, policy: &Policy, notes: &mut Notes) {
    let rules = Place::of(["alerts", "rules"]);
    let names: Vec<&str> = policy.environments.iter().map(EnvironmentName::as_str).collect();
    let is_heard = |name: &str| names.contains(&name);
    for (index, rule) in policy.rules.iter().enumerate() {
        if can_hold(&rule.condition, &policy.environments) {
            continue;
        }
        let place = rules.item(index).key("condition");
        let Some(at) = find(&valid.entries, &place) else { continue };
        let names = names.join(", ");
        let (why, remedy) = match environments(&rule.condition).find(|name| !is_heard(name)) {
            Some(other) => (
                format!("it names {other}, and the signals that are routed here are those of {names}"),
                format!("write one of these, or add {other} to alerts.environments"),
            ),
            None => (
                format!("the signals that are routed here are those of {names}"),
                "write another condition, or add further environments to alerts.environments".to_owned(),
            ),
        };
        notes.warning(at, format!("{place} can never hold: {why}"), remedy);
    }
}

/// The environments that a condition names, not those that it only describes.
fn environments(condition: &Condition) -> impl Iterator<Item = &str> {
    let terms = condition.expr().map(Expr::terms).unwrap_or_default();
    let of_environment = terms.into_iter().filter(|term| term.field() == "environment");
    of_environment.flat_map(|term| match term.test() {
        Test::Text(patterns) => patterns.iter().filter_map(Pattern::exact).collect(),
        _ => Vec::new(),
    })
}

/// Inhibitions and mutes that are about no rule.
fn unfit(valid: &Valid, policy: &Policy, notes: &mut Notes) {
    let mut check = |condition: &Condition, place: Place| {
        let fits = policy.rules.iter().any(|rule| {
            policy
                .environments
                .iter()
                .any(|environment| condition.holds(&Alert { rule, environment }) != Truth::Fails)
        });
        if !fits && let Some(at) = find(&valid.entries, &place) {
            let message = format!("{place} fits no alert that a rule here can make");
            notes.warning(at, message, "correct its rule, environment or severity, or leave it out");
        }
    };
    let inhibitions = Place::of(["alerts", "inhibitions"]);
    for (index, inhibition) in policy.inhibitions.iter().enumerate() {
        check(&inhibition.source, inhibitions.item(index).key("while"));
        check(&inhibition.target, inhibitions.item(index).key("silence"));
    }
    let mutes = Place::of(["alerts", "mute"]);
    for (index, mute) in policy.mutes.iter().enumerate() {
        if let Some(alerts) = &mute.alerts {
            check(alerts, mutes.item(index).key("alerts"));
        }
    }
}

/// An alert of a rule, of which no service is known; of one that counts over environments there is no environment.
struct Alert<'a> {
    rule: &'a Rule,
    environment: &'a EnvironmentName,
}

impl Picture for Alert<'_> {
    fn see(&self, field: &str) -> Seen<'_> {
        match field {
            "rule" => Seen::Text(self.rule.name.as_str().into()),
            "severity" => Seen::Text(self.rule.severity.as_str().into()),
            "environment" if !self.rule.condition.is_across() => Seen::Text(self.environment.as_str().into()),
            _ => Seen::Unknown,
        }
    }
}

/// Whether a condition may hold, whatever happens in these environments.
fn can_hold(condition: &Condition, environments: &[EnvironmentName]) -> bool {
    let may: Vec<&EnvironmentName> = environments.iter().filter(|name| condition.may_hold_in(name)).collect();
    if !condition.is_across() {
        return !may.is_empty();
    }
    let statuses = || Health::ALL.iter().copied().map(Some).chain([None]);
    (0..=may.len()).any(|count| {
        statuses().any(|status| {
            let counted: Vec<_> = may.iter().take(count).map(|name| ((*name).clone(), status)).collect();
            condition.holds_across(&counted) != Truth::Fails
        })
    })
}
