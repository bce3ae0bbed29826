//! A group: what is due for it is stored, then sent, then recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alerting::group::{Delivery, Given, Ordered, Plan};
use alerting::{Alert, Group, GroupId, Subject};
use contract::{DueOf, Failure};
use futures_util::future::join_all;

use super::setup::Setup;
use super::{ATTEMPTS, AlertRouterFunction, Outcome, contended};
use crate::failures;

/// The most rounds of messages in one invocation: the channels, those that stand in for them, and theirs.
const ROUNDS: usize = 5;
/// The most subjects of one group that are looked at again when its time has come.
const MOST_SUBJECTS: usize = 50;

/// What happens to a group before it is looked at.
#[derive(Clone, Copy)]
pub(super) enum Touch<'a> {
    /// It is told of the alerts.
    Hear,
    /// The same, and alerts that are not among them and belong elsewhere have moved out.
    Sync,
    /// A person takes it.
    Acknowledge { by: &'a str, reason: &'a str },
}

impl AlertRouterFunction<'_> {
    /// Takes alerts of one group to it, and tells whoever has to be told now.
    pub(super) async fn flush(
        &self,
        setup: &Arc<Setup>,
        alerts: &[Alert],
        touch: Touch<'_>,
    ) -> Result<Outcome, Failure> {
        let Some(first) = alerts.first() else { return Ok(Outcome::default()) };
        let empty = Group::of(first, &setup.policy);
        self.tell(setup, &empty.id.clone(), Some(empty), alerts, touch).await.map(|told| match told {
            Told::Done(outcome) | Told::Refused(_, outcome) => outcome,
        })
    }

    /// Looks at a group whose time has come, with its alerts as they are known now.
    pub(super) async fn look(&self, setup: &Arc<Setup>, key: &str) -> Result<Outcome, Failure> {
        let Some(group) = self.group(key).await? else { return Ok(Outcome::default()) };
        let alerts = self.as_known(setup, &group).await?;
        match self.tell(setup, &group.id, None, &alerts, Touch::Sync).await? {
            Told::Done(outcome) | Told::Refused(_, outcome) => Ok(outcome),
        }
    }

    pub(super) async fn group(&self, key: &str) -> Result<Option<Group>, Failure> {
        let id = GroupId::from_text(key);
        self.alerts.group(&self.environment, &id).await.map_err(failures::port)
    }

    /// The alerts of a group's subjects as they are known now: what the group has not heard of is made up for.
    async fn as_known(&self, setup: &Setup, group: &Group) -> Result<Vec<Alert>, Failure> {
        let (policy, now) = (&setup.policy, self.clock.now());
        let firing: Vec<_> = group.alerts().filter(|alert| alert.is_firing()).collect();
        let subjects: BTreeSet<&Subject> =
            firing.iter().filter_map(|alert| alert.key.subject.as_ref()).collect();
        let mut alerts = Vec::new();
        for subject in subjects.into_iter().take(MOST_SUBJECTS) {
            let watch = self.alerts.watch(&self.environment, subject).await.map_err(failures::port)?;
            alerts.extend(watch.map(|watch| watch.alerts(policy, now)).unwrap_or_default());
        }
        for alert in firing.iter().filter(|alert| alert.key.subject.is_none()) {
            let across = self.across(&alert.key.rule).await?;
            alerts.extend(across.alert(policy, now));
        }
        Ok(alerts)
    }

    pub(super) async fn tell(
        &self,
        setup: &Arc<Setup>,
        id: &GroupId,
        empty: Option<Group>,
        alerts: &[Alert],
        touch: Touch<'_>,
    ) -> Result<Told, Failure> {
        let mut outcome = Outcome::default();
        let mut given: Option<Given> = None;
        let (mut conflicts, mut rounds, mut touched) = (0, 0, false);
        while conflicts < ATTEMPTS {
            let stored = self.alerts.group(&self.environment, id).await.map_err(failures::port)?;
            let Some(stored) = stored.or_else(|| empty.clone()) else { return Ok(Told::Done(outcome)) };
            let now = self.clock.now();
            let mut group = match &given {
                Some(given) => stored.record(given, &setup.policy, now).unwrap_or_else(|| stored.clone()),
                None => stored.clone(),
            };
            match touch {
                Touch::Hear => hear(&mut group, alerts, setup, now),
                Touch::Sync => sync(&mut group, alerts, setup, now),
                Touch::Acknowledge { by, reason } if !touched => match group.acknowledge(by, reason, now) {
                    Ordered::Applied(next) => group = *next,
                    Ordered::Refused(why) => return Ok(Told::Refused(why, outcome)),
                },
                Touch::Acknowledge { .. } => {}
            }
            let seen = self.lookout(now).look_around(&setup.policy, &group).await.map_err(failures::port)?;
            let plan = group.plan(&setup.policy, seen.sight(), now);
            for (send, why) in &plan.given_up {
                self.letters.put(&send.channel, &send.notice, why).await.map_err(failures::port)?;
            }
            let due = plan.group.due;
            if let Some(next) = plan.group.clone().after(&stored, now)
                && !self.alerts.put_group(&self.environment, &next).await.map_err(failures::port)?
            {
                conflicts += 1;
                continue;
            }
            touched = true;
            if plan.group.is_firing() || stored.version > 0 {
                outcome.groups.insert(id.to_string());
            }
            if plan.sends.is_empty() || rounds == ROUNDS {
                self.timer(DueOf::Group, id.to_string(), due).await?;
                return Ok(Told::Done(outcome));
            }
            rounds += 1;
            given = Some(self.send(setup, plan, &mut outcome).await);
        }
        Err(contended(&format!("group {id}")))
    }

    /// Sends the messages of a plan, all at the same time.
    async fn send(&self, setup: &Setup, plan: Plan, outcome: &mut Outcome) -> Given {
        let deliveries = plan.sends.iter().map(|send| self.deliver(setup, send));
        let deliveries: Vec<Delivery> = join_all(deliveries).await;
        for delivery in &deliveries {
            match delivery {
                Delivery::Done { .. } => outcome.delivered += 1,
                Delivery::Later { .. } | Delivery::Refused { .. } => outcome.failed += 1,
            }
        }
        let channels = plan.sends.into_iter().map(|send| send.channel);
        let deliveries: BTreeMap<_, _> = channels.zip(deliveries).collect();
        Given { planned: plan.at, deliveries }
    }
}

/// What came of telling.
pub(super) enum Told {
    /// It is done.
    Done(Outcome),
    /// The order was refused, and why.
    Refused(String, Outcome),
}

fn hear(group: &mut Group, alerts: &[Alert], setup: &Setup, now: jiff::Timestamp) {
    let id = group.id.clone();
    for alert in alerts.iter().filter(|alert| Group::id_of(alert, &setup.policy) == id) {
        group.hear(alert, now);
        group.explain(alert);
    }
}

fn sync(group: &mut Group, alerts: &[Alert], setup: &Setup, now: jiff::Timestamp) {
    hear(group, alerts, setup, now);
    let strangers: Vec<Alert> =
        group.alerts().filter(|alert| Group::id_of(alert, &setup.policy) != group.id).cloned().collect();
    for alert in strangers {
        group.moved_out(&alert, now);
    }
}
