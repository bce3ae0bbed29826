//! A group as each of its channels has to see it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rollout::{RolloutId, Seconds};

use super::hold::{Held, RolloutStanding, Sight, did_not_help, held};
use super::line::Line;
use super::{Group, Member};
use crate::alert::{Alert, AlertId};
use crate::names::ChannelName;
use crate::notice::{AlertView, NoticeKind, Reason, RolloutView};
use crate::policy::{Policy, Rule};

/// What a channel is to be told, and when.
pub(super) struct Due {
    pub(super) at: Timestamp,
    pub(super) kind: NoticeKind,
    pub(super) reason: Reason,
}

/// A group with everything that is asked of each of its alerts for each channel.
pub(super) struct View<'a> {
    pub(super) group: &'a Group,
    policy: &'a Policy,
    sight: Sight<'a>,
    pub(super) now: Timestamp,
    pub(super) held: BTreeMap<&'a AlertId, Held>,
}

impl<'a> View<'a> {
    pub(super) fn new(group: &'a Group, policy: &'a Policy, sight: Sight<'a>, now: Timestamp) -> Self {
        let held = group
            .members
            .iter()
            .filter(|(_, member)| member.alert.is_firing())
            .filter_map(|(id, member)| Some((id, held(&member.alert, group.alerts(), policy, sight, now)?)))
            .collect();
        Self { group, policy, sight, now, held }
    }

    fn rule(&self, alert: &Alert) -> Option<&'a Rule> {
        self.policy.rule(&alert.key.rule)
    }

    /// Everybody who is to be told something, or believes that something fires.
    pub(super) fn channels(&self) -> BTreeSet<ChannelName> {
        let mut channels: BTreeSet<ChannelName> = self
            .group
            .lines
            .iter()
            .filter(|(_, line)| !line.is_closed())
            .map(|(name, _)| name.clone())
            .collect();
        for (id, member) in self.group.members.iter().filter(|(_, member)| member.alert.is_firing()) {
            let Some(rule) = self.rule(&member.alert) else { continue };
            channels.extend(rule.channels.iter().cloned());
            channels.extend(self.escalated(id, rule).cloned());
        }
        let stand_ins = self.group.lines.values().filter_map(|line| line.failing.as_ref()?.stand_in.clone());
        channels.extend(stand_ins.collect::<Vec<_>>());
        channels
    }

    /// Who is told because nobody has acknowledged an alert.
    fn escalated(&self, id: &AlertId, rule: &'a Rule) -> impl Iterator<Item = &'a ChannelName> {
        let told = self.first_told(id).filter(|_| !self.group.is_acknowledged());
        let now = self.now;
        let reached = rule.escalations.iter();
        let reached = reached.filter(move |one| told.is_some_and(|told| one.after.after(told) <= now));
        reached.flat_map(|one| one.channels.iter())
    }

    /// When anybody was first told of an alert.
    fn first_told(&self, id: &AlertId) -> Option<Timestamp> {
        let lines = self.group.lines.values().filter(|line| line.told.contains(id));
        lines.filter_map(|line| line.first).min()
    }

    /// Whether an alert is one for a channel, whatever holds it.
    fn wants(&self, channel: &ChannelName, id: &AlertId, member: &Member) -> bool {
        let Some(rule) = self.rule(&member.alert) else { return false };
        let told =
            |channel: &ChannelName| self.group.lines.get(channel).is_some_and(|line| line.told.contains(id));
        let own = |channel: &ChannelName| {
            rule.channels.contains(channel)
                || told(channel)
                || self.escalated(id, rule).any(|escalated| escalated == channel)
        };
        own(channel) || self.stands_in_for(channel).any(|(failing, _)| own(failing))
    }

    /// The channels that cannot be told and for which this one is.
    fn stands_in_for(&self, channel: &ChannelName) -> impl Iterator<Item = (&'a ChannelName, &'a str)> {
        let channel = channel.clone();
        self.group.lines.iter().filter_map(move |(name, line)| {
            let failing = line.failing.as_ref()?;
            (failing.stand_in.as_ref() == Some(&channel)).then_some((name, failing.why.as_str()))
        })
    }

    pub(super) fn instead_of(&self, channel: &ChannelName) -> Vec<(ChannelName, String)> {
        self.stands_in_for(channel).map(|(name, why)| (name.clone(), why.to_owned())).collect()
    }

    fn pages(&self, channel: &ChannelName) -> bool {
        self.policy.channels.get(channel).is_some_and(|traits| traits.pages)
    }

    /// Whether a channel is told of an alert that fires.
    pub(super) fn shows(&self, channel: &ChannelName, id: &AlertId, member: &Member) -> bool {
        let is_held = self.held.get(id).is_some_and(|held| held.is_for_all() || self.pages(channel));
        !is_held && self.wants(channel, id, member)
    }

    /// What a channel is to be told, whenever that is; `None` where there is nothing to tell.
    pub(super) fn due(&self, channel: &ChannelName, line: &Line) -> Option<Due> {
        let shown: Vec<(&AlertId, &Member)> = self
            .group
            .members
            .iter()
            .filter(|(id, member)| member.alert.is_firing() && self.shows(channel, id, member))
            .collect();
        let joined: Vec<_> = shown.iter().filter(|(id, _)| !line.told.contains(id)).copied().collect();
        let fires = |id: &AlertId| self.group.members.get(id).is_some_and(|member| member.alert.is_firing());
        let ended = line.told.iter().filter(|id| !fires(id)).count();
        if line.told.is_empty() {
            return self.begins(channel, &joined);
        }
        if ended == line.told.len() && joined.is_empty() {
            return self.all_ended(line);
        }
        self.goes_on(channel, line, &shown, &joined, ended)
    }

    /// A channel that believes that nothing fires is told of what does.
    fn begins(&self, channel: &ChannelName, joined: &[(&AlertId, &Member)]) -> Option<Due> {
        let at = joined.iter().map(|(_, member)| self.ready(member)).min()?;
        let (kind, answers) = self.kind(joined);
        let failed = joined
            .iter()
            .find_map(|(_, member)| did_not_help(&member.alert, self.policy, self.sight.rollouts, self.now));
        let unheard = joined.iter().find_map(|(id, member)| {
            let rule = self.rule(&member.alert)?;
            let told = self.first_told(id)?;
            (!rule.channels.contains(channel) && self.stands_in_for(channel).next().is_none()).then_some(told)
        });
        let reason = match (answers, failed, unheard) {
            (Some(rollout), ..) => Reason::RolloutAnswers { rollout },
            (None, Some(rollout), _) => Reason::RolloutDidNotHelp { rollout: rollout.clone() },
            (None, None, Some(told)) => Reason::NotAcknowledged { seconds: Seconds::until(told, self.now).0 },
            (None, None, None) => Reason::First,
        };
        Some(Due { at, kind, reason })
    }

    /// A channel that believes that something fires is told what has changed, or reminded.
    fn goes_on(
        &self,
        channel: &ChannelName,
        line: &Line,
        shown: &[(&AlertId, &Member)],
        joined: &[(&AlertId, &Member)],
        ended: usize,
    ) -> Option<Due> {
        let last = line.last.unwrap_or(self.now);
        let interval = self.policy.grouping.interval.after(last);
        let (kind, answers) = self.kind(shown);
        if let Some(known) = self.group.acknowledged.as_ref().filter(|_| !line.told_acknowledged)
            && self.group.is_acknowledged()
        {
            let kind = NoticeKind::Acknowledged { by: known.by.clone() };
            return Some(Due { at: known.at, kind, reason: Reason::Acknowledged });
        }
        if line.folded && answers.is_none() {
            let failed = shown.iter().find_map(|(_, member)| {
                did_not_help(&member.alert, self.policy, self.sight.rollouts, self.now)
            });
            let rollout = failed.cloned();
            let reason = rollout.map_or(Reason::Joined { alerts: shown.len() }, |rollout| {
                Reason::RolloutDidNotHelp { rollout }
            });
            return Some(Due { at: self.now, kind, reason });
        }
        if !line.folded
            && let Some(rollout) = answers
            && !self.pages(channel)
            && joined.is_empty()
        {
            // The thread says that nobody has to act any more.
            return Some(Due { at: self.now, kind, reason: Reason::RolloutAnswers { rollout } });
        }
        let is_worse = |member: &&Member| Some(member.alert.severity) > line.severity;
        let worse =
            joined.iter().map(|(_, member)| *member).filter(is_worse).map(|one| self.ready(one)).min();
        let more = joined.iter().map(|(_, member)| self.ready(member).max(interval)).min();
        if let Some(at) = worse.into_iter().chain(more).min() {
            return Some(Due { at, kind, reason: Reason::Joined { alerts: joined.len() } });
        }
        if ended > 0 && self.tells_end(line) {
            return Some(Due { at: interval, kind, reason: Reason::SomeEnded { alerts: ended } });
        }
        if shown.is_empty() || self.group.is_acknowledged() || line.folded {
            return None;
        }
        let repeats = shown.iter().filter_map(|(_, member)| self.rule(&member.alert)?.repeat);
        let repeat = repeats.min().unwrap_or(self.policy.grouping.repeat);
        Some(Due { at: repeat.after(last), kind, reason: Reason::Reminder })
    }

    fn all_ended(&self, line: &Line) -> Option<Due> {
        let due = Due { at: self.now, kind: NoticeKind::Resolved, reason: Reason::AllEnded };
        self.tells_end(line).then_some(due)
    }

    /// Whether an end is told of any alert that a channel believes to fire.
    fn tells_end(&self, line: &Line) -> bool {
        line.told.iter().any(|id| {
            let member = self.group.members.get(id);
            member.and_then(|member| self.rule(&member.alert)).is_none_or(|rule| rule.tells_end)
        })
    }

    /// Whether a channel has nothing more to be told.
    pub(super) fn is_over(&self, channel: &ChannelName, line: &Line) -> bool {
        let waits = self
            .group
            .members
            .iter()
            .any(|(id, member)| member.alert.is_firing() && self.wants(channel, id, member));
        !line.is_closed() && !waits
    }

    /// What a message about these alerts is, and the rollout that answers all of them, if one does.
    fn kind(&self, alerts: &[(&AlertId, &Member)]) -> (NoticeKind, Option<RolloutId>) {
        let answer = |id: &AlertId| match self.held.get(id) {
            Some(Held::LeftToRollout { rollout, answers: true, .. }) => Some(rollout.clone()),
            _ => None,
        };
        let answered: Option<Vec<_>> = alerts.iter().map(|(id, _)| answer(id)).collect();
        match answered.and_then(|rollouts| rollouts.into_iter().next()) {
            Some(rollout) => (NoticeKind::Folded, Some(rollout)),
            None => (NoticeKind::Firing, None),
        }
    }

    /// When an alert has waited long enough for others.
    fn ready(&self, member: &Member) -> Timestamp {
        self.policy.wait(member.alert.severity, self.rule(&member.alert)).after(member.joined)
    }

    /// When something changes that no channel is waiting for: a hold ends, an escalation comes.
    pub(super) fn changes(&self) -> Vec<Timestamp> {
        let recheck = || self.policy.grouping.interval.max(Seconds(60)).after(self.now);
        let mut changes: Vec<Timestamp> =
            self.held.values().map(|held| held.until().unwrap_or_else(recheck)).collect();
        let events = self.group.alerts().filter(|alert| alert.is_firing());
        changes.extend(events.filter_map(|alert| Some(self.rule(alert)?.ends_after?.after(alert.decided))));
        if !self.group.is_acknowledged() {
            for (id, member) in self.group.members.iter().filter(|(_, member)| member.alert.is_firing()) {
                let Some(rule) = self.rule(&member.alert) else { continue };
                let Some(told) = self.first_told(id) else { continue };
                changes.extend(rule.escalations.iter().map(|one| one.after.after(told)));
            }
        }
        changes.retain(|at| *at > self.now);
        changes
    }

    /// The rollout of one of these alerts' services, before others one that is on its way back.
    pub(super) fn rollout(&self, shown: &[&Member]) -> Option<RolloutView> {
        let services =
            || shown.iter().filter_map(|member| member.alert.key.subject.as_ref()?.service.as_ref());
        let about =
            self.sight.rollouts.iter().filter(|one| services().any(|service| *service == one.view.service));
        let first = about.min_by_key(|one| !matches!(one.standing, RolloutStanding::RollingBack { .. }));
        first.map(|one| one.view.clone())
    }

    pub(super) fn alert(&self, alert: &Alert) -> AlertView {
        let rule = self.rule(alert);
        AlertView {
            rule: alert.key.rule.clone(),
            severity: alert.severity,
            subject: alert.key.subject.clone(),
            firing: alert.is_firing(),
            since: alert.since(),
            ended: alert.ended(),
            because: alert.because.clone(),
            flapping: alert.flapping,
            runbook: rule.and_then(|rule| rule.runbook.clone()),
            link: alert.link.clone(),
        }
    }
}
