//! Why a channel is not told of an alert now.

use jiff::Timestamp;
use rollout::RolloutId;
use schedule::{Standing, standing};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertKey};
use crate::condition::Truth;
use crate::names::SilenceId;
use crate::notice::RolloutView;
use crate::policy::{Inhibition, Policy};
use crate::silence::Silence;

/// What has to be known beside a group to tell what is due for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight<'a> {
    /// The silences that hold.
    pub silences: &'a [Silence],
    /// Alerts of other groups that fire, as far as inhibitions can be about them.
    pub elsewhere: &'a [Alert],
    /// The newest rollouts of the services that the group is about.
    pub rollouts: &'a [RolloutSight],
}

/// A rollout, as far as alerts of its service have to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutSight {
    /// As messages show it.
    pub view: RolloutView,
    /// When it began.
    pub started: Timestamp,
    /// Where it stands.
    pub standing: RolloutStanding,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutStanding {
    /// On its way.
    Running,
    /// On its way back.
    RollingBack {
        /// Since when.
        since: Timestamp,
    },
    /// Back.
    RolledBack {
        /// When that was verified.
        at: Timestamp,
    },
    /// Its version is live.
    Promoted,
}

/// Why an alert is not told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "held", deny_unknown_fields)]
pub enum Held {
    /// A person said so.
    Silenced {
        /// The silence.
        silence: SilenceId,
        /// Until when.
        until: Timestamp,
    },
    /// The configuration says so.
    Muted {
        /// The windows.
        windows: Vec<String>,
        /// Until when; `None` if that is more than a year away.
        until: Option<Timestamp>,
    },
    /// Another alert fires that is its cause.
    Inhibited {
        /// Which.
        by: AlertKey,
    },
    /// The rollout of its service may answer it: nobody is paged.
    LeftToRollout {
        /// The rollout.
        rollout: RolloutId,
        /// Until when.
        until: Timestamp,
        /// Whether it is on its way back, or back, already.
        answers: bool,
    },
}

impl Held {
    /// When to look again; `None` where nobody knows.
    pub(super) const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Silenced { until, .. } | Self::LeftToRollout { until, .. } => Some(*until),
            Self::Muted { until, .. } => *until,
            Self::Inhibited { .. } => None,
        }
    }

    /// Whether it is for everybody, and not only for whom a message gets out of bed.
    pub(super) const fn is_for_all(&self) -> bool {
        !matches!(self, Self::LeftToRollout { .. })
    }
}

/// Why an alert that fires is not told of now. `here` are the alerts of its own group.
pub(super) fn held<'a>(
    alert: &Alert,
    here: impl Iterator<Item = &'a Alert>,
    policy: &Policy,
    sight: Sight<'a>,
    now: Timestamp,
) -> Option<Held> {
    silenced(alert, sight.silences, now)
        .or_else(|| muted(alert, policy, now))
        .or_else(|| inhibited(alert, here.chain(sight.elsewhere), policy))
        .or_else(|| left_to_rollout(alert, policy, sight.rollouts, now))
}

fn silenced(alert: &Alert, silences: &[Silence], now: Timestamp) -> Option<Held> {
    let silence = silences.iter().filter(|silence| silence.covers(alert, now)).max_by_key(|one| one.until)?;
    Some(Held::Silenced { silence: silence.id.clone(), until: silence.until })
}

fn muted(alert: &Alert, policy: &Policy, now: Timestamp) -> Option<Held> {
    let about = |alerts: &crate::Condition| alerts.holds(alert) == Truth::Holds;
    let windows: Vec<_> = policy
        .mutes
        .iter()
        .filter(|mute| mute.alerts.as_ref().is_none_or(about))
        .map(|mute| mute.window.clone())
        .collect();
    match standing(&windows, now) {
        Standing::Outside => None,
        Standing::Inside { windows, until } => Some(Held::Muted { windows, until }),
    }
}

/// Whether an inhibition can silence an alert, if its source fires.
pub(super) fn is_target(inhibition: &Inhibition, alert: &Alert) -> bool {
    inhibition.target.holds(alert) == Truth::Holds && inhibition.source.holds(alert) != Truth::Holds
}

fn inhibited<'a>(alert: &Alert, firing: impl Iterator<Item = &'a Alert>, policy: &Policy) -> Option<Held> {
    let meant: Vec<&Inhibition> =
        policy.inhibitions.iter().filter(|inhibition| is_target(inhibition, alert)).collect();
    if meant.is_empty() {
        return None;
    }
    let is_source = |source: &Alert, inhibition: &Inhibition| {
        inhibition.source.holds(source) == Truth::Holds
            && inhibition.equal.iter().all(|label| source.label(*label) == alert.label(*label))
    };
    firing
        .filter(|source| source.is_firing())
        .find(|source| meant.iter().any(|inhibition| is_source(source, inhibition)))
        .map(|source| Held::Inhibited { by: source.key.clone() })
}

/// An alert that began during a rollout of its service is the rollout's to answer, for a while: by going back. Alerts
/// about deployments themselves are not.
fn left_to_rollout(
    alert: &Alert,
    policy: &Policy,
    rollouts: &[RolloutSight],
    now: Timestamp,
) -> Option<Held> {
    let service = alert.key.subject.as_ref()?.service.as_ref()?;
    let rollout = rollouts.iter().find(|rollout| rollout.view.service == *service)?;
    if alert.since() < rollout.started || is_about_deployments(alert, policy) {
        return None;
    }
    let rules = policy.rollouts;
    let (until, answers) = match rollout.standing {
        RolloutStanding::Running => (rules.grace.after(alert.since()), false),
        RolloutStanding::RollingBack { since } => (rules.at_most.after(since), true),
        RolloutStanding::RolledBack { at } if alert.since() <= at => (rules.after_rollback.after(at), true),
        RolloutStanding::RolledBack { .. } | RolloutStanding::Promoted => return None,
    };
    (now < until).then(|| Held::LeftToRollout { rollout: rollout.view.id.clone(), until, answers })
}

/// The rollout that was to end an alert, went back, and did not end it.
pub(super) fn did_not_help<'a>(
    alert: &Alert,
    policy: &Policy,
    rollouts: &'a [RolloutSight],
    now: Timestamp,
) -> Option<&'a RolloutId> {
    let service = alert.key.subject.as_ref()?.service.as_ref()?;
    let rollout = rollouts.iter().find(|rollout| rollout.view.service == *service)?;
    let since = match rollout.standing {
        RolloutStanding::RollingBack { since } if policy.rollouts.at_most.after(since) <= now => since,
        RolloutStanding::RolledBack { at } if policy.rollouts.after_rollback.after(at) <= now => at,
        _ => return None,
    };
    let meant = rollout.started <= alert.since() && alert.since() <= since;
    (meant && !is_about_deployments(alert, policy)).then_some(&rollout.view.id)
}

fn is_about_deployments(alert: &Alert, policy: &Policy) -> bool {
    const FIELDS: [&str; 3] = ["deployment", "version", "rollout"];
    policy.rule(&alert.key.rule).is_none_or(|rule| {
        let fields = rule.condition.fields();
        FIELDS.iter().any(|field| fields.contains(field))
    })
}
