//! Which rollouts an alarm is about, and whether it is one to obey.

use contract::{Alarm, Failure, Reply, RollbackNext as Next};
use rollout::{Cause, EnvironmentName, Rollout, ServiceName};

/// The tag that names the service which an alarm is about.
pub(crate) const SERVICE_TAG: &str = "ace-flow:service";

/// Tags that name an environment: where an alarm has one of them, it has to be ours. The first is what ACE-Flow's own
/// resources and most conventions have, the second what rules and target groups have.
pub(crate) const ENVIRONMENT_TAGS: [&str; 2] = ["environment", "ace-flow:environment"];

/// What is answered to several alarms and rollouts: the first rollback, else the first reason why there was none; an
/// error only when everything was tried.
pub(crate) struct Answers {
    pub(crate) answer: Reply<Next>,
    pub(crate) failed: Option<Failure>,
}

impl Answers {
    pub(crate) fn add(&mut self, answer: Result<Reply<Next>, Failure>) {
        match answer {
            Ok(reply) if self.answer.next == Next::Nothing => {
                if reply.next != Next::Nothing || self.answer.service.is_empty() {
                    self.answer = reply;
                }
            }
            Ok(_) => {}
            Err(failure) => self.failed = self.failed.take().or(Some(failure)),
        }
    }

    pub(crate) fn end(self) -> Result<Reply<Next>, Failure> {
        self.failed.map_or(Ok(self.answer), Err)
    }
}

/// Whether an alarm's message says of one of these rollouts that it is about it, even if it is not one to obey.
pub(crate) fn claimed(alarm: &Alarm, rollouts: &[Rollout]) -> bool {
    rollouts.iter().any(|rollout| concerns(alarm, rollout).is_some())
}

/// What these alarms say to a rollout: the first that has to be obeyed, else why the first of the others has not.
pub(crate) fn first_concern(alarms: &[&Alarm], rollout: &Rollout) -> Option<Result<Cause, String>> {
    let said = || alarms.iter().filter_map(|alarm| concerns(alarm, rollout));
    said().find(Result::is_ok).or_else(|| said().next())
}

/// Whether an alarm is about a rollout: by its name, which the plan has as a guardrail, or by a dimension, which names
/// the canary's target group or the service. `Err` says why it is not one to obey.
fn concerns(alarm: &Alarm, rollout: &Rollout) -> Option<Result<Cause, String>> {
    let plan = &rollout.plan;
    let named = plan.guardrails.iter().any(|guardrail| guardrail.as_str() == alarm.name);
    let has = |name: &str, value: &str| alarm.dimensions.iter().any(|(n, v)| n == name && v == value);
    // The dimension is the end of the ARN, from "targetgroup/" on.
    let of = |arn: &str| arn.rsplit(':').next().is_some_and(|name| has("TargetGroup", name));
    // Metric math may look at both groups: then it is about the canary too.
    if !named && !of(&plan.route.arm(rollout.canary).target_group) {
        if of(&plan.route.arm(rollout.canary.other()).target_group) {
            return Some(Err(format!("alarm {} is about the version that was live before", alarm.name)));
        }
        if !has("Service", plan.service.as_str()) {
            return None;
        }
    }
    Some(obeyed(alarm, rollout))
}

/// The cause that an alarm is for a rollout that it is about; `Err` says why it is none.
pub(crate) fn obeyed(alarm: &Alarm, rollout: &Rollout) -> Result<Cause, String> {
    if alarm.changed_at < rollout.started_at {
        return Err(format!(
            "alarm {} changed at {}, before rollout {} began",
            alarm.name, alarm.changed_at, rollout.id
        ));
    }
    let account = rollout.execution.as_str().split(':').nth(4);
    if account.is_some_and(|ours| ours != alarm.account) {
        return Err(format!("alarm {} belongs to account {}", alarm.name, alarm.account));
    }
    alarm.name.parse().map(Cause::Guardrail).map_err(|error: rollout::InvalidName| error.to_string())
}

/// Whether an alarm with these tags is about a service of this environment.
pub(crate) fn is_tagged(
    tags: &[(String, String)],
    environment: &EnvironmentName,
    service: &ServiceName,
) -> bool {
    let value = |tag: &str| tags.iter().find(|(name, _)| name == tag).map(|(_, value)| value.as_str());
    value(SERVICE_TAG) == Some(service.as_str())
        && ENVIRONMENT_TAGS.iter().all(|tag| value(tag).is_none_or(|found| found == environment.as_str()))
}
