//! What is kept of an environment under a kind and a key.

use engine::ports::PortResult;
use jiff::Timestamp;
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use rollout::EnvironmentName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{EmbeddedStore, broken, decode, encode, no_earlier};

/// By environment, kind and key.
pub(crate) type Entries = TableDefinition<'static, (&'static str, &'static str, &'static str), &'static [u8]>;

impl EmbeddedStore {
    pub(crate) fn entry<T: DeserializeOwned>(
        &self,
        table: Entries,
        home: &EnvironmentName,
        kind: &str,
        key: &str,
    ) -> PortResult<Option<T>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(table).map_err(broken)?;
        let found = table.get((home.as_str(), kind, key)).map_err(broken)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    pub(crate) fn entries<T: DeserializeOwned>(
        &self,
        table: Entries,
        home: &EnvironmentName,
        kind: &str,
    ) -> PortResult<Vec<T>> {
        let read = self.database.begin_read().map_err(broken)?;
        let table = read.open_table(table).map_err(broken)?;
        // No key begins with the last character that there is.
        let range = (home.as_str(), kind, "")..(home.as_str(), kind, "\u{10FFFF}");
        let entries = table.range(range).map_err(broken)?;
        entries.map(|entry| decode(entry.map_err(broken)?.1.value())).collect()
    }

    pub(crate) fn put_entry<T: Serialize>(
        &self,
        table: Entries,
        home: &EnvironmentName,
        kind: &str,
        key: &str,
        item: &T,
    ) -> PortResult<()> {
        let write = self.database.begin_write().map_err(broken)?;
        {
            let mut table = write.open_table(table).map_err(broken)?;
            table.insert((home.as_str(), kind, key), encode(item)?.as_slice()).map_err(broken)?;
        }
        write.commit().map_err(broken)
    }

    /// Writes an item if the stored one has the version before; the same one again is written already.
    pub(crate) fn put_version<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        table: Entries,
        home: &EnvironmentName,
        (kind, key): (&str, &str),
        item: &T,
        version: impl Fn(&T) -> u64,
        touched: Option<Timestamp>,
    ) -> PortResult<bool> {
        let write = self.database.begin_write().map_err(broken)?;
        let fits = {
            let mut table = write.open_table(table).map_err(broken)?;
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
