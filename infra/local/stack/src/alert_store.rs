//! The memory of alerts on a file of this machine: the same conditions as on DynamoDB, in one redb transaction each.

use alerting::{Across, ChannelName, Circuit, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use async_trait::async_trait;
use contract::{Due, DueOf};
use engine::ports::{AlertStore, PortResult};
use jiff::Timestamp;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use rollout::EnvironmentName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{EmbeddedStore, broken, decode, encode, no_earlier};

/// By environment, kind and key.
pub(crate) const ALERTS: TableDefinition<'_, (&str, &str, &str), &[u8]> = TableDefinition::new("alerts");

const WATCH: &str = "watch";
const ACROSS: &str = "across";
const GROUP: &str = "group";
const SILENCE: &str = "silence";
const CIRCUIT: &str = "circuit";

impl EmbeddedStore {
    fn alert<T: DeserializeOwned>(
        &self,
        home: &EnvironmentName,
        kind: &str,
        key: &str,
    ) -> PortResult<Option<T>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(ALERTS).map_err(broken)?;
        let found = table.get((home.as_str(), kind, key)).map_err(broken)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    fn alerts_of<T: DeserializeOwned>(&self, home: &EnvironmentName, kind: &str) -> PortResult<Vec<T>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(ALERTS).map_err(broken)?;
        // No key begins with the last character that there is.
        let range = (home.as_str(), kind, "")..(home.as_str(), kind, "\u{10FFFF}");
        let entries = table.range(range).map_err(broken)?;
        entries.map(|entry| decode(entry.map_err(broken)?.1.value())).collect()
    }

    fn put_alert<T: Serialize>(
        &self,
        home: &EnvironmentName,
        kind: &str,
        key: &str,
        item: &T,
    ) -> PortResult<()> {
        let write = self.database.begin_write().map_err(broken)?;
        {
            let mut table = write.open_table(ALERTS).map_err(broken)?;
            table.insert((home.as_str(), kind, key), encode(item)?.as_slice()).map_err(broken)?;
        }
        write.commit().map_err(broken)
    }

    /// Writes an item if the stored one has the version before; the same one again is written already.
    fn put_version<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        home: &EnvironmentName,
        (kind, key): (&str, &str),
        item: &T,
        version: impl Fn(&T) -> u64,
        touched: Option<Timestamp>,
    ) -> PortResult<bool> {
        let write = self.database.begin_write().map_err(broken)?;
        let fits = {
            let mut table = write.open_table(ALERTS).map_err(broken)?;
            let place = (home.as_str(), kind, key);
            let stored: Option<T> =
                table.get(place).map_err(broken)?.map(|bytes| decode(bytes.value())).transpose()?;
            if stored.as_ref() == Some(item) {
                return Ok(true);
            }
            let fits = stored.as_ref().map_or(0, &version).checked_add(1) == Some(version(item));
            if fits {
                table.insert(place, encode(item)?.as_slice()).map_err(broken)?;
            }
            fits
        };
        if fits {
            if let Some(touched) = touched {
                no_earlier(&write, touched)?;
            }
            write.commit().map_err(broken)?;
        }
        Ok(fits)
    }
}

#[async_trait]
impl AlertStore for EmbeddedStore {
    async fn watch(&self, home: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        self.alert(home, WATCH, &subject.to_string())
    }

    async fn put_watch(&self, home: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        self.put_version(
            home,
            (WATCH, &watch.subject.to_string()),
            watch,
            |watch| watch.version,
            Some(watch.touched),
        )
    }

    async fn across(&self, home: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.alert(home, ACROSS, rule.as_str())
    }

    async fn put_across(&self, home: &EnvironmentName, across: &Across) -> PortResult<bool> {
        self.put_version(home, (ACROSS, across.rule.as_str()), across, |across| across.version, None)
    }

    async fn group(&self, home: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        self.alert(home, GROUP, id.as_str())
    }

    async fn put_group(&self, home: &EnvironmentName, group: &Group) -> PortResult<bool> {
        self.put_version(home, (GROUP, group.id.as_str()), group, |group| group.version, Some(group.touched))
    }

    async fn due(&self, home: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        let watches = self.alerts_of::<Watch>(home, WATCH)?.into_iter();
        let watches = watches.map(|watch| (DueOf::Watch, watch.subject.to_string(), watch.due));
        let across = self.alerts_of::<Across>(home, ACROSS)?.into_iter();
        let across = across.map(|across| (DueOf::Across, across.rule.to_string(), across.due));
        let groups = self.alerts_of::<Group>(home, GROUP)?.into_iter();
        let groups = groups.map(|group| (DueOf::Group, group.id.to_string(), group.due));
        let due = watches.chain(across).chain(groups);
        let due = due.filter_map(|(of, key, at)| Some(Due { of, key, at: at.filter(|at| *at <= until)? }));
        Ok(due.collect())
    }

    async fn open_groups(&self, home: &EnvironmentName) -> PortResult<Vec<Group>> {
        let groups = self.alerts_of::<Group>(home, GROUP)?;
        Ok(groups.into_iter().filter(|group| !group.is_closed()).collect())
    }

    async fn silences(&self, home: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        self.alerts_of(home, SILENCE)
    }

    async fn put_silence(&self, home: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        self.put_alert(home, SILENCE, silence.id.as_str(), silence)
    }

    async fn circuit(&self, home: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        Ok(self.alert(home, CIRCUIT, channel.as_str())?.unwrap_or_default())
    }

    async fn put_circuit(
        &self,
        home: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        self.put_alert(home, CIRCUIT, channel.as_str(), circuit)
    }
}
