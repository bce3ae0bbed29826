//! The conformance suite of what is stopped and started can fail: a memory that breaks one promise of the port does not
//! pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cost::{OverrideId, Record};
use e2e::cost_store_conformance;
use engine::ports::{CostStore, Kept, PortResult};
use local_stack::EmbeddedStore;
use rollout::EnvironmentName;

/// A promise of the port; the one that is given is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// None is broken.
    Every,
    ResourcesCompareTheVersion,
    ResourcesAreWhole,
    ResourcesAreComplete,
    ResourcesAreOfOneHome,
    ResourcesAreToldApart,
    WrittenAgainIsFine,
    WhatIsRefusedIsTold,
    WhatIsRefusedIsNotWritten,
    OverridesAreReplaced,
    OverridesThatEndedAreListed,
    OverridesAreComplete,
    OverridesAreOfOneHome,
    RemovedIsGone,
    RemovedTwiceIsTold,
    RemovedIsOfOneHome,
}

struct Broken {
    inner: EmbeddedStore,
    promise: Promise,
}

impl Broken {
    /// The home that is asked, where a promise about homes is broken: the one whose name is the beginning of it.
    fn home(&self, home: &EnvironmentName, promise: Promise) -> EnvironmentName {
        let first = home.as_str().strip_suffix("-2").filter(|_| self.promise == promise);
        first.map_or_else(|| home.clone(), |first| first.parse().unwrap())
    }

    /// The last writer wins.
    async fn overwrite(&self, home: &EnvironmentName, record: &Record) -> PortResult<bool> {
        let stored = self.inner.resources(home).await?;
        let stored = stored.iter().find(|stored| stored.arn == record.arn);
        let version = stored.map_or(0, |stored| stored.version) + 1;
        self.inner.put_resource(home, &Record { version, ..record.clone() }).await
    }
}

#[async_trait]
impl CostStore for Broken {
    async fn resources(&self, home: &EnvironmentName) -> PortResult<Vec<Record>> {
        let mut found = self.inner.resources(&self.home(home, Promise::ResourcesAreOfOneHome)).await?;
        match self.promise {
            Promise::ResourcesAreWhole => found.iter_mut().for_each(|record| record.off.clear()),
            // The first page only.
            Promise::ResourcesAreComplete => found.truncate(100),
            Promise::ResourcesAreToldApart => {
                let mut seen = BTreeSet::new();
                found.retain(|record| seen.insert(record.name.to_lowercase()));
            }
            _ => {}
        }
        Ok(found)
    }

    async fn put_resource(&self, home: &EnvironmentName, record: &Record) -> PortResult<bool> {
        let stored = self.inner.resources(home).await?.contains(record);
        match self.promise {
            Promise::ResourcesCompareTheVersion => self.overwrite(home, record).await,
            Promise::WrittenAgainIsFine if stored => Ok(false),
            Promise::WhatIsRefusedIsTold => self.inner.put_resource(home, record).await.map(|_| true),
            Promise::WhatIsRefusedIsNotWritten => {
                let written = self.inner.put_resource(home, record).await?;
                if !written {
                    self.overwrite(home, record).await?;
                }
                Ok(written)
            }
            _ => self.inner.put_resource(home, record).await,
        }
    }

    async fn overrides(&self, home: &EnvironmentName) -> PortResult<Vec<Kept>> {
        let mut found = self.inner.overrides(&self.home(home, Promise::OverridesAreOfOneHome)).await?;
        match self.promise {
            Promise::OverridesThatEndedAreListed => {
                let newest = found.iter().map(|(_, over)| over.until()).max();
                found.retain(|(_, over)| Some(over.until()) == newest);
            }
            Promise::OverridesAreComplete => found.truncate(10),
            _ => {}
        }
        Ok(found)
    }

    async fn put_override(&self, home: &EnvironmentName, kept: &Kept) -> PortResult<()> {
        let known = self.inner.overrides(home).await?.iter().any(|(id, _)| *id == kept.0);
        if known && self.promise == Promise::OverridesAreReplaced {
            return Ok(());
        }
        self.inner.put_override(home, kept).await
    }

    async fn remove_override(&self, home: &EnvironmentName, id: &OverrideId) -> PortResult<bool> {
        let home = self.home(home, Promise::RemovedIsOfOneHome);
        match self.promise {
            Promise::RemovedIsGone => Ok(self.inner.overrides(&home).await?.iter().any(|(one, _)| one == id)),
            Promise::RemovedTwiceIsTold => self.inner.remove_override(&home, id).await.map(|_| true),
            _ => self.inner.remove_override(&home, id).await,
        }
    }
}

async fn conforms(promise: Promise) -> bool {
    let store = Arc::new(Broken { inner: EmbeddedStore::in_memory().unwrap(), promise });
    tokio::spawn(cost_store_conformance(store, "broken")).await.is_ok()
}

#[tokio::test]
async fn the_suite_notices_every_broken_promise() {
    assert!(conforms(Promise::Every).await);
    for promise in [
        Promise::ResourcesCompareTheVersion,
        Promise::ResourcesAreWhole,
        Promise::ResourcesAreComplete,
        Promise::ResourcesAreOfOneHome,
        Promise::ResourcesAreToldApart,
        Promise::WrittenAgainIsFine,
        Promise::WhatIsRefusedIsTold,
        Promise::WhatIsRefusedIsNotWritten,
        Promise::OverridesAreReplaced,
        Promise::OverridesThatEndedAreListed,
        Promise::OverridesAreComplete,
        Promise::OverridesAreOfOneHome,
        Promise::RemovedIsGone,
        Promise::RemovedTwiceIsTold,
        Promise::RemovedIsOfOneHome,
    ] {
        assert!(!conforms(promise).await, "{promise:?} is broken, and the suite did not notice");
    }
}
