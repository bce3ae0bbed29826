//! Who is told of what, when, and why. Pure: what was heard, what is configured and the time go in, what is to be
//! remembered and what is to be told come out.

mod across;
mod alert;
mod circuit;
pub mod cloudwatch;
pub mod condition;
mod credential;
mod explained;
mod facts;
pub mod group;
pub mod managed;
pub mod metric;
mod names;
mod notice;
mod policy;
mod severity;
mod signal;
mod silence;
mod tracked;
mod watch;

pub use across::{Across, Counted};
pub use alert::{Alert, AlertId, AlertKey, AlertState};
pub use circuit::{Circuit, Open};
pub use condition::{Condition, ConditionError, Field, Kind, Vocabulary};
pub use credential::Credential;
pub use explained::{Explained, Progress};
pub use group::Group;
pub use metric::{MetricSource, Missing};
pub use names::{ChannelName, GroupId, InvalidName, RuleName, SilenceId};
pub use notice::{AlertView, Notice, NoticeKind, Reason, RolloutView};
pub use policy::{
    ChannelTraits, Escalation, Flapping, Grouping, Inhibition, Label, Mute, Policy, RolloutRules, Rule,
};
pub use severity::{Deployment, Health, Severity, Unknown};
pub use signal::{AlarmNews, AlarmState, DeploymentNews, InvalidSubject, News, Signal, StatusNews, Subject};
pub use silence::{Silence, StoredSilence};
pub use watch::Watch;

#[cfg(test)]
mod tests;
