//! Alerts that belong together, and what each channel was told of them.

mod hold;
mod line;
mod plan;
mod record;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rollout::Seconds;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertId, AlertState};
use crate::names::{ChannelName, GroupId};
use crate::notice::Notice;
use crate::policy::{Label, Policy};
use crate::severity::Severity;

pub use hold::{Held, RolloutSight, RolloutStanding, Sight};
pub use line::Line;
pub use plan::{Plan, Send};
pub use record::{Delivery, Given};

/// The most alerts of one group; those beyond are not told apart any more. A group has to fit into one item of DynamoDB,
/// 400 KB, whatever its alerts say (`shared/dynamo-store`).
pub const MAX_MEMBERS: usize = 300;
/// In a group of more alerts than a few messages show, each is explained in short.
const MANY: usize = 50;
/// The longest explanation there, in bytes.
const SHORT: usize = 120;
/// An alert that has ended is remembered for so long: an older word about it may still come.
const ENDED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Whoever has taken messages to send has sent them by then, or is dead: longer than a function lives
/// (`infra/template.yaml`).
pub const CLAIM: Seconds = Seconds(45);

/// What the alerts of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// The label.
    pub label: Label,
    /// Its value; empty where its alerts have none.
    pub value: String,
}

/// A group of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// What its alerts have in common, in the order of the configuration.
    pub common: Vec<Common>,
    /// How often it was changed: the optimistic lock of what is stored. 0 is not stored.
    pub version: u64,
    /// When there is something to do for it by time alone.
    pub due: Option<Timestamp>,
    /// When it changed last.
    pub touched: Timestamp,
    members: BTreeMap<AlertId, Member>,
    /// Alerts beyond [`MAX_MEMBERS`] that were not taken in since it was opened.
    #[serde(default)]
    surplus: usize,
    lines: BTreeMap<ChannelName, Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acknowledged: Option<Acknowledged>,
    /// The messages that somebody is sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Claim>,
    /// The number of the last message, counted up by time.
    number: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    alert: Alert,
    /// When the group heard of it last beginning.
    joined: Timestamp,
}

/// Who has taken a group, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// What they say.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The greatest severity that fired then: what is worse is not acknowledged.
    pub severity: Severity,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    at: Timestamp,
    sends: BTreeMap<ChannelName, Claimed>,
}

/// A message that was taken to be sent, and what the channel knows once it has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claimed {
    notice: Notice,
    tells: BTreeSet<AlertId>,
}

/// What came of an order about a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Ordered {
    /// The group is this now.
    Applied(Box<Group>),
    /// It changes nothing, and why.
    Refused(String),
}

impl Group {
    /// The group that an alert belongs to, with nothing in it.
    pub fn of(alert: &Alert, policy: &Policy) -> Self {
        let value = |label: &Label| alert.label(*label).unwrap_or_default();
        let by = &policy.grouping.by;
        let common = by.iter().map(|label| Common { label: *label, value: value(label).to_owned() });
        Self {
            id: Self::id_of(alert, policy),
            common: common.collect(),
            version: 0,
            due: None,
            touched: Timestamp::UNIX_EPOCH,
            members: BTreeMap::new(),
            surplus: 0,
            lines: BTreeMap::new(),
            acknowledged: None,
            claim: None,
            number: 0,
        }
    }

    /// The name of the group that an alert belongs to.
    pub fn id_of(alert: &Alert, policy: &Policy) -> GroupId {
        let by = &policy.grouping.by;
        GroupId::of(by.iter().map(|label| (label.as_str(), alert.label(*label).unwrap_or_default())))
    }

    /// Takes in an alert as it is now. An older state of it than the one that is known changes nothing.
    pub fn hear(&mut self, alert: &Alert, now: Timestamp) {
        let id = alert.key.id();
        let alert = self.fitting(alert);
        if let Some(member) = self.members.get_mut(&id) {
            if member.alert.decided < alert.decided {
                if alert.is_firing() && !member.alert.is_firing() {
                    member.joined = now;
                }
                member.alert = alert;
            }
        } else if alert.is_firing() {
            if self.members.len() < MAX_MEMBERS || self.makes_room(now) {
                self.members.insert(id, Member { alert, joined: now });
            } else {
                self.surplus += 1;
            }
        }
    }

    /// Says more of an alert than was known when it began.
    pub fn explain(&mut self, alert: &Alert) {
        let alert = self.fitting(alert);
        if let Some(member) = self.members.get_mut(&alert.key.id())
            && member.alert.decided == alert.decided
        {
            member.alert = alert;
        }
    }

    /// An alert as a group of so many keeps it.
    fn fitting(&self, alert: &Alert) -> Alert {
        let mut alert = alert.clone();
        if self.members.len() > MANY {
            alert.because.truncate(alert.because.floor_char_boundary(SHORT));
        }
        alert
    }

    /// An alert that belongs to another group now, because the configuration groups otherwise: here it has ended.
    pub fn moved_out(&mut self, alert: &Alert, now: Timestamp) {
        if let Some(member) = self.members.get_mut(&alert.key.id())
            && let AlertState::Firing { since } = member.alert.state
        {
            member.alert.state = AlertState::Ended { since, at: now };
            member.alert.decided = now.max(member.alert.decided);
        }
    }

    fn makes_room(&mut self, now: Timestamp) -> bool {
        self.forget(now);
        self.members.len() < MAX_MEMBERS
    }

    /// Forgets alerts that have ended and that no channel believes to fire.
    fn forget(&mut self, now: Timestamp) {
        let told: BTreeSet<AlertId> =
            self.lines.values().flat_map(|line| line.told.iter().cloned()).collect();
        self.members.retain(|id, member| {
            member.alert.is_firing() || told.contains(id) || member.alert.decided + ENDED_FOR > now
        });
    }

    /// Its alerts as they were heard of last.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.members.values().map(|member| &member.alert)
    }

    /// Whether something of it fires.
    pub fn is_firing(&self) -> bool {
        self.alerts().any(Alert::is_firing)
    }

    /// Whether there is nothing left to do for it: nothing fires, and nobody believes that something does.
    pub fn is_closed(&self) -> bool {
        !self.is_firing() && self.claim.is_none() && self.lines.values().all(Line::is_closed)
    }

    /// What each channel was told.
    pub const fn lines(&self) -> &BTreeMap<ChannelName, Line> {
        &self.lines
    }

    /// Whether something fires that no channel was told of, and none has failed to be: a first message is to come.
    pub fn is_untold(&self) -> bool {
        let told = |id: &AlertId| self.lines.values().any(|line| line.told.contains(id));
        self.lines.values().all(|line| line.failing.is_none())
            && self.members.iter().any(|(id, member)| member.alert.is_firing() && !told(id))
    }

    /// Who has taken it.
    pub const fn acknowledged(&self) -> Option<&Acknowledged> {
        self.acknowledged.as_ref()
    }

    /// The greatest severity of what fires.
    pub fn severity(&self) -> Option<Severity> {
        self.alerts().filter(|alert| alert.is_firing()).map(|alert| alert.severity).max()
    }

    /// A person takes it: nobody is reminded any more, and it goes no further up.
    pub fn acknowledge(&self, by: &str, reason: &str, now: Timestamp) -> Ordered {
        let Some(severity) = self.severity() else {
            return Ordered::Refused("nothing of it fires any more".to_owned());
        };
        if let Some(known) = self.acknowledged.as_ref().filter(|known| known.severity >= severity) {
            return Ordered::Refused(format!("{} acknowledged it at {}", known.by, known.at));
        }
        let mut next = self.clone();
        let (by, reason) = (by.to_owned(), reason.to_owned());
        next.acknowledged = Some(Acknowledged { by, reason, at: now, severity });
        for line in next.lines.values_mut() {
            line.told_acknowledged = false;
        }
        next.due = Some(now);
        Ordered::Applied(Box::new(next))
    }

    /// The group as it has to be stored where `stored` is; `None` where it is the same.
    #[must_use]
    pub fn after(self, stored: &Self, now: Timestamp) -> Option<Self> {
        let next = Self { version: stored.version, touched: stored.touched, ..self };
        (next != *stored).then(|| Self { version: stored.version + 1, touched: now, ..next })
    }

    /// Whether what fires now is acknowledged.
    fn is_acknowledged(&self) -> bool {
        let severity = self.severity();
        self.acknowledged.as_ref().is_some_and(|known| severity.is_none_or(|now| now <= known.severity))
    }

    /// What it is called, for people: `production/checkout`.
    pub fn title(&self) -> String {
        let known: Vec<&str> = self
            .common
            .iter()
            .map(|common| common.value.as_str())
            .filter(|value| !value.is_empty())
            .collect();
        if known.is_empty() { "all environments".to_owned() } else { known.join("/") }
    }
}
