//! What environments say of each other: which one a version comes from, and what it needs to be asked for there.

use std::collections::BTreeMap;

use super::isolation::Valid;
use super::mistake::{Notes, nearest};
use super::node::{Entry, Origin, Value};
use crate::Below;

/// Notes what is wrong between environments; `known` are the names of all, of those too that have mistakes of their own.
pub(crate) fn check(environments: &[Valid], known: &[&str], notes: &mut Notes) {
    let of: BTreeMap<&str, &Valid> =
        environments.iter().map(|valid| (valid.resolved.name.as_str(), valid)).collect();
    for valid in environments {
        let (name, rollouts) = (valid.resolved.name.as_str(), &valid.resolved.rollouts);
        let Some(below) = &rollouts.promotion.below else { continue };
        let after = below.after.as_str();
        let Some(at) = value(&valid.entries, &["promotion", "after"]) else { continue };
        if after == name {
            notes.error(
                at,
                format!("promotion.after is {after:?}, this environment itself"),
                "write the environment below it, or leave `after` out",
            );
        } else if !known.contains(&after) {
            if known.len() < 2 {
                // One environment that is read alone says nothing of the others.
                continue;
            }
            let others: Vec<&str> = known.iter().copied().filter(|known| *known != name).collect();
            notes.error(
                at,
                format!("promotion.after is {after:?}, and there is no environment of that name"),
                nearest(after, &others),
            );
        } else if let Some(cycle) = cycle(name, &of) {
            // Each of them is a part of it: it is told where its first name by the alphabet stands.
            if cycle.iter().min() == Some(&name) {
                notes.error(
                    at,
                    format!("promotion.after goes round: {} after {name}", cycle.join(" after ")),
                    "leave `after` out of the environment that versions come to first",
                );
            }
        } else if let Some(other) = of.get(after) {
            soak(valid, below, other, notes);
            services(valid, other, notes);
        }
    }
}

/// The environments from this one down to itself; `None` where there is an end.
fn cycle<'a>(name: &'a str, of: &BTreeMap<&'a str, &'a Valid>) -> Option<Vec<&'a str>> {
    let mut way = vec![name];
    loop {
        let last = of.get(way.last()?)?;
        let after = last.resolved.rollouts.promotion.below.as_ref()?.after.as_str();
        if after == name {
            return Some(way);
        }
        if way.contains(&after) {
            return None;
        }
        way.push(after);
    }
}

/// Requests are counted by the metrics of one account and region.
fn soak(valid: &Valid, below: &Below, other: &Valid, notes: &mut Notes) {
    if below.soak.requests == 0 {
        return;
    }
    let (own, theirs) = (&valid.resolved.sections.environment, &other.resolved.sections.environment);
    let apart = match (&own.account, &theirs.account) {
        _ if own.region != theirs.region => format!("regions {} and {}", own.region, theirs.region),
        (Some(own), Some(theirs)) if own != theirs => format!("accounts {own} and {theirs}"),
        _ => return,
    };
    if let Some(at) = value(&valid.entries, &["promotion", "soak", "requests"]) {
        let message = format!(
            "promotion.soak.requests cannot be counted: {} and {} are in {apart}",
            valid.resolved.name, other.resolved.name
        );
        notes.error(at, message, "leave `requests` out and write a longer `time`");
    }
}

fn services(valid: &Valid, other: &Valid, notes: &mut Notes) {
    let below = other.resolved.rollouts.services();
    for name in valid.resolved.rollouts.services().keys().filter(|name| !below.contains_key(*name)) {
        if let Some(at) = value(&valid.entries, &["services", name.as_str()]) {
            let message = format!(
                "services.{name} is not in environment {}, after which its versions come: none can be promoted there",
                other.resolved.name
            );
            notes.warning(at, message, format!("add it to the services of {}", other.resolved.name));
        }
    }
}

/// Where the value of a setting stands; of a block, where its key does.
fn value<'a>(entries: &'a [Entry], keys: &[&str]) -> Option<&'a Origin> {
    let (key, rest) = keys.split_first()?;
    let entry = entries.iter().find(|entry| entry.key == *key)?;
    match (&entry.node.value, rest) {
        (Value::Map(below), [_, ..]) => value(below, rest),
        (Value::Map(_) | Value::List(_), []) => Some(&entry.at),
        (_, []) => Some(&entry.node.at),
        _ => None,
    }
}
