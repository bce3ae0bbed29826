//! What differs between the alarms that there are and those that there have to be.

use std::collections::{BTreeMap, BTreeSet};

use rollout::EnvironmentName;

use super::alarm::{AlarmSpec, Existing};
use super::wanted::Plan;

/// What has to be done to the alarms of CloudWatch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Alarms that are missing, the parts of each composite one before it.
    pub create: Vec<AlarmSpec>,
    /// Alarms that are not as they have to be, in the same order.
    pub update: Vec<Update>,
    /// Alarms that are too many.
    pub delete: Vec<Deletion>,
    /// The names of alarms that are as they have to be.
    pub unchanged: Vec<String>,
    /// What somebody else has in the place of an alarm.
    pub conflicts: Vec<Conflict>,
}

/// An alarm that is not as it has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// How it has to be.
    pub alarm: AlarmSpec,
    /// Its ARN.
    pub arn: String,
    /// What differs, tags included.
    pub differences: Vec<Difference>,
    /// Whether it has to be of the other kind: it is deleted, and created again.
    pub replaces: bool,
    /// Whether more than its tags differs.
    pub is_put: bool,
    /// The tags that are missing, or others: what puts an alarm changes no tags of one that is there.
    pub retag: BTreeMap<String, String>,
}

/// A setting of an alarm that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The setting, for people.
    pub setting: String,
    /// What it is, where it is set.
    pub before: Option<String>,
    /// What it has to be, where it has to be set.
    pub after: Option<String>,
}

/// An alarm that is too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Its name.
    pub name: String,
    /// Whether it is a composite alarm.
    pub is_composite: bool,
}

/// An alarm of somebody else with the name of one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its name.
    pub name: String,
    /// The alarms that are left as they are because of it: all those of the rule in that environment.
    pub held_back: Vec<String>,
}

impl Changes {
    /// Whether nothing has to be done.
    pub const fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

/// What has to be done so that the alarms of `home` are those of the plan. Alarms that are not its own, by their names and
/// their tags, are left alone; where one has the name of a wanted alarm, nothing of that alarm's rule is done in that
/// environment.
pub fn diff(home: &EnvironmentName, existing: &[Existing], plan: &Plan) -> Changes {
    let (ours, foreign): (Vec<_>, Vec<_>) = existing.iter().partition(|existing| existing.is_of(home));
    let mut ours: BTreeMap<&str, &Existing> =
        ours.into_iter().map(|existing| (existing.alarm.name.as_str(), existing)).collect();
    let foreign: BTreeSet<&str> = foreign.into_iter().map(|existing| existing.alarm.name.as_str()).collect();
    let mut changes = Changes::default();
    for set in &plan.sets {
        let taken: Vec<&AlarmSpec> =
            set.alarms.iter().filter(|alarm| foreign.contains(alarm.name.as_str())).collect();
        if !taken.is_empty() {
            let held_back: Vec<String> = set.alarms.iter().map(|alarm| alarm.name.clone()).collect();
            let own = set.alarms.last().map(|alarm| alarm.name.as_str()).unwrap_or_default();
            // What the rule has there so far is left as it is.
            ours.retain(|name, _| *name != own && !is_part_of(name, own));
            changes.conflicts.extend(
                taken
                    .into_iter()
                    .map(|alarm| Conflict { name: alarm.name.clone(), held_back: held_back.clone() }),
            );
            continue;
        }
        for alarm in &set.alarms {
            match ours.remove(alarm.name.as_str()) {
                None => changes.create.push(alarm.clone()),
                Some(existing) => match update(existing, alarm) {
                    Some(update) => changes.update.push(update),
                    None => changes.unchanged.push(alarm.name.clone()),
                },
            }
        }
    }
    changes.delete.extend(ours.into_iter().map(|(name, existing)| Deletion {
        name: name.to_owned(),
        is_composite: existing.alarm.is_composite(),
    }));
    changes
}

fn is_part_of(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| {
        rest.strip_prefix(" #").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn update(existing: &Existing, wanted: &AlarmSpec) -> Option<Update> {
    let settings = |alarm: &AlarmSpec| -> BTreeMap<&str, String> { alarm.settings().into_iter().collect() };
    let (mut before, after) = (settings(&existing.alarm), settings(wanted));
    before.extend(existing.further.iter().map(|(name, value)| (*name, value.clone())));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut differences: Vec<Difference> = names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| Difference {
            setting: name.to_owned(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect();
    let is_put = !differences.is_empty();
    let mut retag = wanted.tags.clone();
    retag.retain(|name, value| existing.alarm.tags.get(name) != Some(value));
    differences.extend(retag.iter().map(|(name, value)| Difference {
        setting: format!("tag {name}"),
        before: existing.alarm.tags.get(name).cloned(),
        after: Some(value.clone()),
    }));
    (!differences.is_empty()).then(|| Update {
        alarm: wanted.clone(),
        arn: existing.arn.clone(),
        replaces: existing.alarm.is_composite() != wanted.is_composite(),
        differences,
        is_put,
        retag,
    })
}
