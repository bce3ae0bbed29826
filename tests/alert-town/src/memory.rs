//! The memory of alerts: the same conditions as on DynamoDB.

use std::collections::BTreeMap;

use alerting::{Across, ChannelName, Circuit, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use async_trait::async_trait;
use contract::{Due, DueOf};
use engine::ports::{AlertStore, PortResult};
use jiff::Timestamp;
use rollout::EnvironmentName;

use crate::Town;

/// Writes an item if the stored one has the version before.
fn put<K: Ord, T: Clone>(stored: &mut BTreeMap<K, T>, key: K, item: &T, version: impl Fn(&T) -> u64) -> bool {
    let before = stored.get(&key).map_or(0, &version);
    let fits = before + 1 == version(item);
    if fits {
        stored.insert(key, item.clone());
    }
    fits
}

#[async_trait]
impl AlertStore for Town {
    async fn watch(&self, _: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        self.read(|state| state.watches.get(subject).cloned()).await
    }

    async fn put_watch(&self, _: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        self.write(|state| put(&mut state.watches, watch.subject.clone(), watch, |watch| watch.version)).await
    }

    async fn across(&self, _: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.read(|state| state.across.get(rule).cloned()).await
    }

    async fn put_across(&self, _: &EnvironmentName, across: &Across) -> PortResult<bool> {
        self.write(|state| put(&mut state.across, across.rule.clone(), across, |across| across.version)).await
    }

    async fn group(&self, _: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        self.read(|state| state.groups.get(id).cloned()).await
    }

    async fn put_group(&self, _: &EnvironmentName, group: &Group) -> PortResult<bool> {
        self.write(|state| put(&mut state.groups, group.id.clone(), group, |group| group.version)).await
    }

    async fn due(&self, _: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        self.read(|state| {
            let watches = state.watches.values();
            let watches = watches.filter_map(|one| Some((DueOf::Watch, one.subject.to_string(), one.due?)));
            let across = state.across.values();
            let across = across.filter_map(|one| Some((DueOf::Across, one.rule.to_string(), one.due?)));
            let groups = state.groups.values();
            let groups = groups.filter_map(|one| Some((DueOf::Group, one.id.to_string(), one.due?)));
            let all = watches.chain(across).chain(groups).filter(|(.., at)| *at <= until);
            all.map(|(of, key, at)| Due { of, key, at }).collect()
        })
        .await
    }

    async fn open_groups(&self, _: &EnvironmentName) -> PortResult<Vec<Group>> {
        self.read(|state| state.groups.values().filter(|group| !group.is_closed()).cloned().collect()).await
    }

    async fn silences(&self, _: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        self.read(|state| state.silences.values().cloned().collect()).await
    }

    async fn put_silence(&self, _: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        let put = |state: &mut crate::town::State| {
            state.silences.insert(silence.id.to_string(), silence.clone());
            true
        };
        self.write(put).await.map(drop)
    }

    async fn circuit(&self, _: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        self.read(|state| state.circuits.get(channel).cloned().unwrap_or_default()).await
    }

    async fn put_circuit(
        &self,
        _: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        let put = |state: &mut crate::town::State| {
            state.circuits.insert(channel.clone(), circuit.clone());
            true
        };
        self.write(put).await.map(drop)
    }
}
