//! What is due for a group: which channel is told what, and when to look again.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::hold::{Held, Sight, is_target};
use super::line::Line;
use super::view::{Due, View};
use super::{CLAIM, Claim, Claimed, Group, Member};
use crate::alert::{AlertKey, AlertState};
use crate::names::ChannelName;
use crate::notice::{AlertView, Notice, NoticeKind};
use crate::policy::Policy;
use crate::severity::Severity;

/// What is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The group as it has to be stored before anything is sent; the messages are part of it.
    pub group: Group,
    /// When it was made.
    pub at: Timestamp,
    /// The messages, one for a channel.
    pub sends: Vec<Send>,
    /// Messages that were tried for so long that they are given up, each with why.
    pub given_up: Vec<(Send, String)>,
    /// Alerts that fire and that nobody, or no channel that pages, is told of, each with why.
    pub held: Vec<(AlertKey, Held)>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// To whom.
    pub channel: ChannelName,
    /// What.
    pub notice: Notice,
    /// What it is attached to.
    pub thread: Option<String>,
    /// Whether somebody began to send the same message and may have succeeded.
    pub uncertain: bool,
}

impl Group {
    /// Whether an alert of it can be silenced by one that fires elsewhere.
    pub fn asks_elsewhere(&self, policy: &Policy) -> bool {
        self.alerts()
            .filter(|alert| alert.is_firing())
            .any(|alert| policy.inhibitions.iter().any(|inhibition| is_target(inhibition, alert)))
    }

    /// What is due for it now.
    pub fn plan(&self, policy: &Policy, sight: Sight<'_>, now: Timestamp) -> Plan {
        let group = self.without_past_events(policy, now);
        let view = View::new(&group, policy, sight, now);
        let told_of = view
            .held
            .iter()
            .filter_map(|(id, held)| Some((self.members.get(id)?.alert.key.clone(), held.clone())));
        let held = told_of.collect();
        let mut next = group.clone();
        let (mut sends, mut given_up) = (Vec::new(), Vec::new());
        if let Some(claim) = &self.claim {
            if CLAIM.after(claim.at) > now {
                return Plan { group: next, at: now, sends, given_up, held };
            }
            // Whoever took these is dead; what came of them nobody knows.
            sends.extend(claim.sends.iter().map(|(channel, claimed)| self.send(channel, claimed, true)));
        }
        let mut claimed = self.claim.as_ref().map(|claim| claim.sends.clone()).unwrap_or_default();
        let mut later: Vec<Timestamp> = Vec::new();
        for channel in view.channels() {
            if claimed.contains_key(&channel) {
                continue;
            }
            let line = self.lines.get(&channel).cloned().unwrap_or_default();
            let Some(due) = view.due(&channel, &line) else {
                // What it could not be told is over, or what it was told needs no end. That it cannot be told is known
                // for as long as it would be left alone: nobody is sent to it meanwhile.
                match line.failing.as_ref().map(|failing| failing.next).filter(|next| *next > now) {
                    Some(next) => later.push(next),
                    None if view.is_over(&channel, &line) => next.lines.entry(channel).or_default().close(),
                    None => {}
                }
                continue;
            };
            let at = line.failing.as_ref().map_or(due.at, |failing| due.at.max(failing.next));
            if at > now {
                later.push(at);
                continue;
            }
            let message = next.message(&view, &channel, due);
            let send = self.send(&channel, &message, false);
            if let Some(failing) = line.failing.as_ref().filter(|failing| failing.is_hopeless(now)) {
                given_up.push((send, failing.why.clone()));
                next.lines.entry(channel).or_default().given_up(&message, now);
                continue;
            }
            sends.push(send);
            claimed.insert(channel, message);
        }
        later.extend(view.changes());
        if !next.is_firing() && next.lines.values().all(Line::is_closed) {
            next.acknowledged = None;
            next.surplus = 0;
        }
        next.forget(now);
        next.due = later.into_iter().min();
        next.claim = None;
        if !sends.is_empty() {
            next.claim = Some(Claim { at: now, sends: claimed });
            next.due = Some(CLAIM.after(now));
        }
        // A look that can be later than planned is not worth a write.
        let planned = self.due.filter(|planned| *planned > now && next.claim.is_none());
        if let (Some(planned), Some(due)) = (planned, next.due)
            && planned <= due
        {
            next.due = Some(planned);
        }
        Plan { group: next, at: now, sends, given_up, held }
    }

    /// The group with the alerts ended that are events and have passed.
    fn without_past_events(&self, policy: &Policy, now: Timestamp) -> Self {
        let mut group = self.clone();
        for member in group.members.values_mut() {
            let alert = &mut member.alert;
            let lasts = policy.rule(&alert.key.rule).and_then(|rule| rule.ends_after);
            let Some(ends) = lasts.map(|lasts| lasts.after(alert.decided)) else { continue };
            if let AlertState::Firing { since } = alert.state
                && ends <= now
            {
                alert.state = AlertState::Ended { since, at: ends };
                alert.decided = ends;
            }
        }
        group
    }

    fn send(&self, channel: &ChannelName, claimed: &Claimed, uncertain: bool) -> Send {
        Send {
            channel: channel.clone(),
            notice: claimed.notice.clone(),
            thread: self.lines.get(channel).and_then(|line| line.thread.clone()),
            uncertain,
        }
    }

    /// The message to a channel, with the next number.
    fn message(&mut self, view: &View<'_>, channel: &ChannelName, due: Due) -> Claimed {
        let now = view.now;
        self.number = (self.number + 1).max(now.as_millisecond());
        let line = self.lines.get(channel).cloned().unwrap_or_default();
        let mut tells = BTreeSet::new();
        let mut shown: Vec<&Member> = Vec::new();
        for (id, member) in &view.group.members {
            let knows = line.told.contains(id);
            // Who is told that somebody has taken it is not told of more.
            let joins =
                !matches!(due.kind, NoticeKind::Acknowledged { .. }) && view.shows(channel, id, member);
            let fires = member.alert.is_firing() && (knows || joins);
            if fires {
                tells.insert(id.clone());
            }
            if fires || knows {
                shown.push(member);
            }
        }
        shown.sort_by_key(|member| {
            let alert = &member.alert;
            (!alert.is_firing(), std::cmp::Reverse(alert.severity), alert.key.clone())
        });
        let alerts: Vec<AlertView> =
            shown.iter().take(Notice::MAX_ALERTS).map(|member| view.alert(&member.alert)).collect();
        let firing = shown.iter().filter(|member| member.alert.is_firing());
        let severity = firing.map(|member| member.alert.severity).max().or(line.severity);
        let common = view.group.common.iter();
        let notice = Notice {
            id: format!("{}-{channel}-{}", self.id, self.number),
            group: self.id.clone(),
            labels: common.map(|one| (one.label.as_str().to_owned(), one.value.clone())).collect(),
            kind: due.kind,
            reason: due.reason,
            severity: severity.unwrap_or(Severity::Info),
            more: (shown.len() + view.group.surplus).saturating_sub(alerts.len()),
            since: shown.iter().map(|member| member.alert.since()).min().unwrap_or(now),
            alerts,
            rollout: view.rollout(&shown),
            instead_of: view.instead_of(channel),
            at: now,
        };
        Claimed { notice, tells }
    }
}
