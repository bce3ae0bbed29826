use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    DescribeAlarms,
    ListTagsForResource,
    PutMetricAlarm,
    PutCompositeAlarm,
    TagResource,
    DeleteAlarms,
}

impl Action {
    /// As IAM calls it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::DescribeAlarms => "cloudwatch:DescribeAlarms",
            Self::ListTagsForResource => "cloudwatch:ListTagsForResource",
            Self::PutMetricAlarm => "cloudwatch:PutMetricAlarm",
            Self::PutCompositeAlarm => "cloudwatch:PutCompositeAlarm",
            Self::TagResource => "cloudwatch:TagResource",
            Self::DeleteAlarms => "cloudwatch:DeleteAlarms",
        }
    }

    /// How many CloudWatch takes a second of an account in a region ("Amazon CloudWatch endpoints and quotas", AWS
    /// General Reference).
    const fn quota(self) -> u32 {
        match self {
            Self::DescribeAlarms => 9,
            Self::ListTagsForResource => 10,
            Self::PutMetricAlarm | Self::PutCompositeAlarm | Self::DeleteAlarms => 3,
            Self::TagResource => 20,
        }
    }

    /// From one to the next. Half of the quota is left to others: the gate of a rollout asks for alarms as well.
    pub(super) fn gap(self) -> Duration {
        Duration::from_secs(2) / self.quota()
    }
}

/// When each call may be made next.
#[derive(Debug, Default)]
pub(super) struct Pace(BTreeMap<Action, Instant>);

impl Pace {
    /// Waits until a call may be made.
    pub(super) async fn wait(&mut self, action: Action) {
        let now = Instant::now();
        let due = self.0.get(&action).map_or(now, |due| *due.max(&now));
        sleep_until(due).await;
        self.0.insert(action, due + action.gap());
    }
}
