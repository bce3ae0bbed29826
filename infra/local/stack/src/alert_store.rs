//! The memory of alerts on a file of this machine: the same conditions as on DynamoDB, in one redb transaction each.

use alerting::{Across, ChannelName, Circuit, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use async_trait::async_trait;
use contract::{Due, DueOf};
use engine::ports::{AlertStore, PortResult};
use jiff::Timestamp;
use redb::TableDefinition;
use rollout::EnvironmentName;

use crate::entries::Entries;
use crate::store::EmbeddedStore;

pub(crate) const ALERTS: Entries = TableDefinition::new("alerts");

const WATCH: &str = "watch";
const ACROSS: &str = "across";
const GROUP: &str = "group";
const SILENCE: &str = "silence";
const CIRCUIT: &str = "circuit";

#[async_trait]
impl AlertStore for EmbeddedStore {
    async fn watch(&self, home: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        self.entry(ALERTS, home, WATCH, &subject.to_string())
    }

    async fn put_watch(&self, home: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        self.put_version(
            ALERTS,
            home,
            (WATCH, &watch.subject.to_string()),
            watch,
            |watch| watch.version,
            Some(watch.touched),
        )
    }

    async fn across(&self, home: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.entry(ALERTS, home, ACROSS, rule.as_str())
    }

    async fn put_across(&self, home: &EnvironmentName, across: &Across) -> PortResult<bool> {
        self.put_version(ALERTS, home, (ACROSS, across.rule.as_str()), across, |across| across.version, None)
    }

    async fn group(&self, home: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        self.entry(ALERTS, home, GROUP, id.as_str())
    }

    async fn put_group(&self, home: &EnvironmentName, group: &Group) -> PortResult<bool> {
        self.put_version(
            ALERTS,
            home,
            (GROUP, group.id.as_str()),
            group,
            |group| group.version,
            Some(group.touched),
        )
    }

    async fn due(&self, home: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        let watches = self.entries::<Watch>(ALERTS, home, WATCH)?.into_iter();
        let watches = watches.map(|watch| (DueOf::Watch, watch.subject.to_string(), watch.due));
        let across = self.entries::<Across>(ALERTS, home, ACROSS)?.into_iter();
        let across = across.map(|across| (DueOf::Across, across.rule.to_string(), across.due));
        let groups = self.entries::<Group>(ALERTS, home, GROUP)?.into_iter();
        let groups = groups.map(|group| (DueOf::Group, group.id.to_string(), group.due));
        let due = watches.chain(across).chain(groups);
        let due = due.filter_map(|(of, key, at)| Some(Due { of, key, at: at.filter(|at| *at <= until)? }));
        Ok(due.collect())
    }

    async fn open_groups(&self, home: &EnvironmentName) -> PortResult<Vec<Group>> {
        let groups = self.entries::<Group>(ALERTS, home, GROUP)?;
        Ok(groups.into_iter().filter(|group| !group.is_closed()).collect())
    }

    async fn silences(&self, home: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        self.entries(ALERTS, home, SILENCE)
    }

    async fn put_silence(&self, home: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        self.put_entry(ALERTS, home, SILENCE, silence.id.as_str(), silence)
    }

    async fn circuit(&self, home: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        Ok(self.entry(ALERTS, home, CIRCUIT, channel.as_str())?.unwrap_or_default())
    }

    async fn put_circuit(
        &self,
        home: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        self.put_entry(ALERTS, home, CIRCUIT, channel.as_str(), circuit)
    }
}
