//! What people order.

use std::sync::Arc;

use alerting::group::{Delivery, Send};
use alerting::{
    AlertView, Condition, GroupId, Notice, NoticeKind, Reason, Severity, Silence, StoredSilence, Subject,
    Vocabulary,
};
use contract::{
    Acknowledge, AlertRouterReply, AlertRouterResult, ErrorName, Failure, SilenceOrder, TryChannel, Unsilence,
};
use jiff::SignedDuration;

use super::flush::{Told, Touch};
use super::setup::Setup;
use super::{AlertRouterFunction, Outcome};
use crate::failures;

/// The longest silence: what is not wanted any more is taken out of the configuration.
const LONGEST_SILENCE: SignedDuration = SignedDuration::from_hours(90 * 24);

impl AlertRouterFunction<'_> {
    pub(super) async fn acknowledge(
        &self,
        setup: &Arc<Setup>,
        order: Acknowledge,
    ) -> Result<AlertRouterReply, Failure> {
        let Acknowledge { group, by, reason } = order;
        let id = GroupId::from_text(&group);
        if self.group(&group).await?.is_none() {
            let why = format!("there is no group {group}: ace alerts list shows those that are open");
            return Ok(Outcome::default().reply(AlertRouterResult::Refused, why));
        }
        let touch = Touch::Acknowledge { by: &by, reason: &reason };
        Ok(match self.tell(setup, &id, None, &[], touch).await? {
            Told::Done(outcome) => {
                outcome.reply(AlertRouterResult::Applied, format!("{by} has group {group}"))
            }
            Told::Refused(why, outcome) => outcome.reply(AlertRouterResult::Refused, why),
        })
    }

    pub(super) async fn silence(&self, order: SilenceOrder) -> Result<AlertRouterReply, Failure> {
        let SilenceOrder { alerts, until, by, reason } = order;
        let now = self.clock.now();
        let refused = |message: String| Err(Failure::new(ErrorName::InvalidInput, message));
        let condition = match Condition::parse(&alerts, &Vocabulary::labels()) {
            Ok(condition) => condition,
            Err(error) => return refused(format!("silence.alerts: {error}")),
        };
        if until <= now {
            return refused(format!("silence.until is {until}, which has passed: write a later time"));
        }
        if until > now + LONGEST_SILENCE {
            return refused(format!(
                "silence.until is {until}, more than 90 days away: write an earlier time, or take the rule out"
            ));
        }
        if by.trim().is_empty() || reason.trim().is_empty() {
            return refused("silence.by and silence.reason are empty: say who, and why".to_owned());
        }
        // The same order, delivered again, is the same silence.
        let until_text = until.to_string();
        let parts = [("alerts", alerts.as_str()), ("by", by.as_str()), ("until", until_text.as_str())];
        let name: String = GroupId::of(parts).as_str().chars().take(12).collect();
        let Ok(id) = name.parse() else { return refused("the silence could not be named".to_owned()) };
        let silence = Silence { id, alerts: condition, by, reason, from: now, until };
        let stored = StoredSilence::from(silence);
        self.alerts.put_silence(&self.environment, &stored).await.map_err(failures::port)?;
        let reason = format!("silence {} until {until}: {}", stored.id, stored.alerts);
        Ok(Outcome::default().reply(AlertRouterResult::Applied, reason))
    }

    /// Ends a silence, and tells whoever was not told because of it.
    pub(super) async fn unsilence(
        &self,
        setup: &Arc<Setup>,
        order: Unsilence,
    ) -> Result<AlertRouterReply, Failure> {
        let Unsilence { silence: id, by } = order;
        let now = self.clock.now();
        let silences = self.alerts.silences(&self.environment).await.map_err(failures::port)?;
        let found = silences.into_iter().find(|silence| silence.id == id && silence.until > now);
        let Some(found) = found else {
            let why = format!("there is no silence {id} that holds: ace alerts silences shows those that do");
            return Ok(Outcome::default().reply(AlertRouterResult::Refused, why));
        };
        let ended = StoredSilence { until: now, ..found };
        self.alerts.put_silence(&self.environment, &ended).await.map_err(failures::port)?;
        let mut outcome = Outcome::default();
        for group in self.alerts.open_groups(&self.environment).await.map_err(failures::port)? {
            outcome.add(self.look(setup, group.id.as_str()).await?);
        }
        Ok(outcome.reply(AlertRouterResult::Applied, format!("{by} ended silence {id}")))
    }

    /// A message that says that it is a test; one that would page is taken back at once.
    pub(super) async fn try_channel(&self, setup: &Setup, order: TryChannel) -> AlertRouterReply {
        let TryChannel { channel, by } = order;
        let mut outcome = Outcome::default();
        for kind in [NoticeKind::Firing, NoticeKind::Resolved] {
            let notice = self.test_notice(&by, kind.clone());
            let send = Send { channel: channel.clone(), notice, thread: None, uncertain: false };
            let why = match self.deliver(setup, &send).await {
                Delivery::Done { .. } => {
                    outcome.delivered += 1;
                    continue;
                }
                Delivery::Later { why, .. } | Delivery::Refused { why } => why,
            };
            outcome.failed += 1;
            return outcome.reply(AlertRouterResult::Refused, format!("channel {channel}: {why}"));
        }
        outcome.reply(AlertRouterResult::Applied, format!("channel {channel} took a test and its end"))
    }

    fn test_notice(&self, by: &str, kind: NoticeKind) -> Notice {
        let now = self.clock.now();
        let firing = kind == NoticeKind::Firing;
        let alert = "Test".parse().ok().map(|rule| AlertView {
            rule,
            severity: Severity::Info,
            subject: Some(Subject::environment(self.environment.clone())),
            firing,
            since: now,
            ended: (!firing).then_some(now),
            because: format!("{by} tries the channel; nothing is wrong"),
            flapping: false,
            runbook: None,
            link: None,
        });
        let group = GroupId::of([("environment", self.environment.as_str()), ("test", by)]);
        Notice {
            id: format!("{group}-test-{}-{}", if firing { "begin" } else { "end" }, now.as_millisecond()),
            group,
            labels: vec![("environment".to_owned(), self.environment.to_string())],
            reason: if firing { Reason::First } else { Reason::AllEnded },
            kind,
            severity: Severity::Info,
            alerts: alert.into_iter().collect(),
            more: 0,
            rollout: None,
            instead_of: Vec::new(),
            since: now,
            at: now,
        }
    }
}
