//! What came of the messages of a group.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rollout::Seconds;

use super::line::{Failing, Line};
use super::{Claimed, Group};
use crate::names::ChannelName;
use crate::notice::NoticeKind;
use crate::policy::Policy;

/// What came of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The channel has it.
    Done {
        /// What further messages can be attached to.
        thread: Option<String>,
    },
    /// Not now.
    Later {
        /// Why, without any secret.
        why: String,
        /// How long the channel asks to be left alone.
        retry_after: Option<Seconds>,
    },
    /// Not before somebody changes something.
    Refused {
        /// Why, and what to change, without any secret.
        why: String,
    },
}

/// What came of the messages of a plan, and when they had been planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// [`Plan::at`](super::Plan::at).
    pub planned: Timestamp,
    /// By the channels.
    pub deliveries: BTreeMap<ChannelName, Delivery>,
}

impl Group {
    /// The group after its messages were sent, or could not be. What was claimed by somebody else since is left alone;
    /// `None` where nothing is left of what was planned.
    #[must_use]
    pub fn record(&self, given: &Given, policy: &Policy, now: Timestamp) -> Option<Self> {
        let claim = self.claim.as_ref().filter(|claim| claim.at == given.planned)?;
        let mut next = self.clone();
        next.claim = None;
        // The claim's; what is due now is for the next plan to say.
        next.due = None;
        for (channel, claimed) in &claim.sends {
            let line = next.lines.entry(channel.clone()).or_default();
            match given.deliveries.get(channel) {
                Some(Delivery::Done { thread }) => line.delivered(claimed, thread.clone(), now),
                Some(Delivery::Later { why, retry_after }) => {
                    line.failing =
                        Some(Failing::again(line.failing.as_ref(), why.clone(), *retry_after, false, now));
                }
                Some(Delivery::Refused { why }) => {
                    line.failing = Some(Failing::again(line.failing.as_ref(), why.clone(), None, true, now));
                }
                // It was not tried.
                None => {}
            }
        }
        next.appoint(policy);
        Some(next)
    }

    /// Appoints who stands in for channels that cannot be told, where nobody does, or somebody who cannot be told either.
    fn appoint(&mut self, policy: &Policy) {
        let failing: BTreeSet<ChannelName> = self
            .lines
            .iter()
            .filter(|(_, line)| line.failing.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for (channel, line) in &mut self.lines {
            if let Some(line) = &mut line.failing
                && line.stand_in.as_ref().is_none_or(|stand_in| failing.contains(stand_in))
            {
                line.stand_in = policy.stand_in(channel, &failing);
            }
        }
    }
}

impl Line {
    /// The channel has a message.
    fn delivered(&mut self, claimed: &Claimed, thread: Option<String>, now: Timestamp) {
        let notice = &claimed.notice;
        self.failing = None;
        self.last = Some(now);
        match &notice.kind {
            NoticeKind::Resolved => return self.close(),
            NoticeKind::Acknowledged { .. } => self.told_acknowledged = true,
            NoticeKind::Folded => self.folded = true,
            NoticeKind::Firing => self.folded = false,
        }
        self.first = self.first.or(Some(now));
        self.thread = thread.or_else(|| self.thread.take());
        self.told.clone_from(&claimed.tells);
        self.severity = self.severity.max(Some(notice.severity));
    }

    /// A message was given up: the channel is taken to know, so that it is not tried for ever.
    pub(super) fn given_up(&mut self, claimed: &Claimed, now: Timestamp) {
        let thread = self.thread.clone();
        self.delivered(claimed, thread, now);
    }
}
