//! Who would be told what, when: what a rehearsal comes to.

use std::collections::BTreeMap;

use alerting::group::Held;
use alerting::{AlertKey, GroupId, Health, Policy, Reason};
use contract::Heard;
use jiff::Timestamp;
use rollout::Seconds;

use super::rehearsal::{Open, Rehearsal, Sent};
use crate::error::AceError;

/// As long as a rehearsal goes on for what nobody is told of yet.
const LONGEST: Seconds = Seconds(8 * 24 * 3600);
/// What is held by something of which nobody knows the end is not waited for longer than this.
const A_WHILE: Seconds = Seconds(10 * 60);
/// What is due at the same time as the end of something comes after it.
const AFTER: Seconds = Seconds(1);

/// The milestone of a rollout that has ended well.
const PROMOTED: &str = "promoted";

/// Who is told of an event.
pub(super) struct Timeline {
    /// When the event was heard.
    pub(super) at: Timestamp,
    /// What is sent, in order of time; of reminders each channel's first.
    pub(super) sent: Vec<Sent>,
    /// When it is taken to end, so that the end is told too; `None` where nothing began.
    pub(super) ends: Option<Timestamp>,
    /// The groups, by their ids: as they are called.
    pub(super) groups: BTreeMap<GroupId, String>,
    /// What is held at first, and by what.
    pub(super) held: Vec<(AlertKey, Held)>,
}

/// The longest that anything takes from the first message on: to the last escalation, or to the first reminder.
fn longest(policy: &Policy) -> Seconds {
    let escalations = policy.rules.iter().filter_map(|rule| rule.escalations.last()).map(|last| last.after);
    let reminders = policy.rules.iter().map(|rule| rule.repeat.unwrap_or(policy.grouping.repeat));
    let interval = policy.grouping.interval;
    Seconds(escalations.chain(reminders).max().unwrap_or_default().0.saturating_add(interval.0))
}

impl Timeline {
    /// Hears of an event now.
    pub(super) async fn begin(
        rehearsal: &Rehearsal,
        heard: &[Heard],
        at: Timestamp,
    ) -> Result<Self, AceError> {
        let mut timeline =
            Self { at, sent: Vec::new(), ends: None, groups: BTreeMap::new(), held: Vec::new() };
        // What there is before it.
        timeline.look(rehearsal).await?;
        rehearsal.hear(heard.to_vec()).await?;
        timeline.look(rehearsal).await?;
        Ok(timeline)
    }

    /// Lets time pass until everybody has been told what there is to tell, of its end as well.
    pub(super) async fn go_on(&mut self, rehearsal: &Rehearsal, heard: &[Heard]) -> Result<(), AceError> {
        let policy = rehearsal.policy();
        let longest = longest(policy);
        let mut last = self.at;
        while let Some(next) = rehearsal.next().filter(|next| *next <= self.limit(longest)) {
            rehearsal.pass(next).await?;
            last = next;
            self.look(rehearsal).await?;
        }
        let ended = |at| heard.iter().filter_map(move |heard| ended(heard, at)).collect::<Vec<_>>();
        if self.groups.is_empty() || ended(last).is_empty() {
            return Ok(());
        }
        let ends = AFTER.after(last.max(self.first().map_or(last, |first| longest.after(first))));
        rehearsal.pass(ends).await?;
        self.look(rehearsal).await?;
        self.ends = Some(ends);
        rehearsal.hear(ended(ends)).await?;
        // An end is told after what it has to stay away for, and not sooner than the interval after the last message.
        let clears = policy.rules.iter().map(|rule| rule.condition.clear_after()).max();
        let clears = clears.unwrap_or_default().max(policy.flapping.stable);
        rehearsal.pass(policy.grouping.interval.after(clears.after(AFTER.after(ends)))).await?;
        self.look(rehearsal).await
    }

    /// When the first message about the event is sent.
    fn first(&self) -> Option<Timestamp> {
        let about = |sent: &&Sent| sent.at >= self.at && sent.notice.reason != Reason::Reminder;
        self.sent.iter().find(about).map(|sent| sent.at)
    }

    /// How long it is worth while to go on.
    fn limit(&self, longest: Seconds) -> Timestamp {
        if let Some(first) = self.first() {
            return longest.after(first);
        }
        let ends = self.held.iter().map(|(_, held)| match held {
            Held::Silenced { until, .. } | Held::LeftToRollout { until, .. } => Some(*until),
            Held::Muted { until, .. } => *until,
            Held::Inhibited { .. } => None,
        });
        let most = LONGEST.after(self.at);
        match (self.groups.is_empty(), ends.max().flatten()) {
            // Its condition may have to hold for longer: the next timer says until when.
            (true, _) => most,
            (false, Some(until)) => A_WHILE.after(until).min(most),
            (false, None) => longest.after(self.at).min(most),
        }
    }

    /// Takes in what was sent, and what there is.
    async fn look(&mut self, rehearsal: &Rehearsal) -> Result<(), AceError> {
        for sent in rehearsal.sent() {
            let is_again = |known: &Sent| {
                known.channel == sent.channel
                    && known.notice.group == sent.notice.group
                    && known.notice.reason == Reason::Reminder
            };
            if sent.notice.reason != Reason::Reminder || !self.sent.iter().any(is_again) {
                self.sent.push(sent);
            }
        }
        for Open { group, held } in rehearsal.open().await? {
            self.groups.insert(group.id.clone(), group.title());
            for one in held {
                if !self.held.contains(&one) {
                    self.held.push(one);
                }
            }
        }
        Ok(())
    }
}

/// When something happened.
pub(super) fn time(heard: &Heard) -> Option<Timestamp> {
    match heard {
        Heard::Alarm { change, .. } => Some(change.alarm.changed_at),
        Heard::Status(status) => status.at,
        Heard::Outcome(outcome) => Some(outcome.at),
        Heard::Malformed { .. } | Heard::Other { .. } => None,
    }
}

/// The end of what was heard: the alarm is OK, the status is healthy, the version is live. `None` where it is none that can
/// end.
fn ended(heard: &Heard, at: Timestamp) -> Option<Heard> {
    let mut heard = heard.clone();
    match &mut heard {
        Heard::Alarm { change, .. } if change.alarm.state == "ALARM" => {
            "OK".clone_into(&mut change.alarm.state);
            change.alarm.changed_at = at;
        }
        Heard::Status(status) if status.status > Health::Healthy || !status.metrics.is_empty() => {
            status.status = Health::Healthy;
            status.reason.clear();
            status.metrics.clear();
            status.at = Some(at);
        }
        Heard::Outcome(outcome) if outcome.milestone != PROMOTED => {
            PROMOTED.clone_into(&mut outcome.milestone);
            PROMOTED.clone_into(&mut outcome.detail);
            outcome.at = at;
        }
        _ => return None,
    }
    Some(heard)
}
