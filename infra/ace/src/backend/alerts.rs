//! What is known of alerts, for whoever looks.

use alerting::group::Held;
use alerting::{Across, AlertKey, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use engine::Lookout;
use engine::ports::PortResult;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is looked at beside the groups that are open and the silences.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Glance {
    /// Subjects, as far as something was heard of them.
    pub(crate) subjects: Vec<Subject>,
    /// Rules that count over environments.
    pub(crate) rules: Vec<RuleName>,
    /// Groups that may be closed.
    pub(crate) groups: Vec<GroupId>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sighted {
    /// When, in the stack.
    pub(crate) now: Timestamp,
    /// The groups that are open, and those that were asked for.
    pub(crate) groups: Vec<GroupSight>,
    /// The silences, those that have ended among them for a while.
    pub(crate) silences: Vec<StoredSilence>,
    /// What is known of the subjects.
    pub(crate) watches: Vec<Watch>,
    /// What the rules have counted.
    pub(crate) across: Vec<Across>,
}

/// A group of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupSight {
    /// The group.
    pub(crate) group: Group,
    /// Alerts of it that fire and that nobody, or no channel that pages, is told of, each with why.
    pub(crate) held: Vec<(AlertKey, Held)>,
}

/// Looks.
pub(super) async fn look(lookout: Lookout<'_>, glance: &Glance) -> PortResult<Sighted> {
    let Lookout { environment, alerts, now, .. } = lookout;
    let mut groups = alerts.open_groups(environment).await?;
    for id in &glance.groups {
        if !groups.iter().any(|group| group.id == *id) {
            groups.extend(alerts.group(environment, id).await?);
        }
    }
    let policy = lookout.policy().await?;
    let mut sights = Vec::new();
    for group in groups {
        let held = match &policy {
            Some(policy) => lookout.plan(policy, &group).await?.held,
            None => Vec::new(),
        };
        sights.push(GroupSight { group, held });
    }
    let (mut watches, mut across) = (Vec::new(), Vec::new());
    for subject in &glance.subjects {
        watches.extend(alerts.watch(environment, subject).await?);
    }
    for rule in &glance.rules {
        across.extend(alerts.across(environment, rule).await?);
    }
    let silences = alerts.silences(environment).await?;
    Ok(Sighted { now, groups: sights, silences, watches, across })
}
