//! Who is told of what, when and why: the block `alerts`, read to a policy.

mod check;
mod invalid;
mod metric;
mod written;

use std::collections::BTreeMap;

use alerting::{ChannelName, ChannelTraits, Field, Grouping, Inhibition, MetricSource, Mute, Policy, Rule};
use rollout::EnvironmentName;

use crate::notifications::Channel;

pub(crate) use check::read;
pub use invalid::InvalidAlerts;
pub use metric::InvalidMetric;
pub(crate) use written::WrittenAlerts;

/// The block, checked: as it is written, and as it is meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alerts {
    written: WrittenAlerts,
    rules: Vec<Rule>,
    inhibitions: Vec<Inhibition>,
    mutes: Vec<Mute>,
    fields: Vec<Field>,
    sources: BTreeMap<String, MetricSource>,
}

impl Alerts {
    /// As it is written.
    pub(crate) fn into_written(self) -> WrittenAlerts {
        self.written
    }

    /// Where CloudWatch has fields: those that are built in as well.
    fn sources(&self) -> BTreeMap<String, MetricSource> {
        let built_in = metric::MEASURED.into_iter();
        let built_in = built_in.filter_map(|field| Some((field.to_owned(), MetricSource::built_in(field)?)));
        built_in.chain(self.sources.clone()).collect()
    }

    /// What decides who is told, in an environment of this name with these channels.
    pub(crate) fn policy(&self, own: &EnvironmentName, channels: &BTreeMap<ChannelName, Channel>) -> Policy {
        let written = &self.written;
        let traits =
            |channel: &Channel| ChannelTraits { pages: channel.pages, fallback: channel.fallback.clone() };
        Policy {
            environments: written.environments.clone().unwrap_or_else(|| vec![own.clone()]),
            rules: self.rules.clone(),
            grouping: Grouping {
                by: written.group_by.clone(),
                wait: written.group_wait.seconds(),
                interval: written.group_interval.seconds(),
                repeat: written.repeat_interval.seconds(),
            },
            inhibitions: self.inhibitions.clone(),
            mutes: self.mutes.clone(),
            flapping: written.flapping.rules(),
            rollouts: written.rollouts.rules(),
            channels: channels.iter().map(|(name, channel)| (name.clone(), traits(channel))).collect(),
            fallback: written.fallback.clone(),
            last_resort: None,
            metrics: self.fields.clone(),
            sources: self.sources(),
        }
    }
}
