//! The conformance suite of alerts can fail: a memory that breaks one promise of the port does not pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alerting::{Across, ChannelName, Circuit, Group, GroupId, RuleName, StoredSilence, Subject, Watch};
use async_trait::async_trait;
use contract::{Due, DueOf};
use e2e::alert_store_conformance;
use engine::ports::{AlertStore, PortResult};
use jiff::Timestamp;
use local_stack::EmbeddedStore;
use rollout::EnvironmentName;

/// A promise of the port; the one that is given is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// None is broken.
    Every,
    WatchesAreStored,
    WatchesCompareTheVersion,
    WatchesOfServicesAreTheirOwn,
    WatchesAreOfOneHome,
    AcrossComparesTheVersion,
    AcrossIsOfOneHome,
    GroupsCompareTheVersion,
    GroupsAreOfOneHome,
    GroupsAreWhole,
    WrittenAgainIsFine,
    WhatIsRefusedIsTold,
    WhatIsRefusedIsNotWritten,
    DueIsOnlyWhatIsDue,
    DueHasItsInstant,
    DueIsListedOnce,
    DueHasEveryKind,
    DueForgets,
    DueIsToTheFraction,
    DueIsOfOneHome,
    DueIsComplete,
    OpenForgetsWhatIsClosed,
    OpenHasWhatIsNotDue,
    OpenIsAsItIsNow,
    OpenIsOfOneHome,
    SilencesAreReplaced,
    SilencesThatEndedAreListed,
    SilencesAreOfOneHome,
    CircuitsAreStored,
    CircuitsClose,
    CircuitsAreOfOneHome,
}

struct Broken {
    inner: EmbeddedStore,
    promise: Promise,
    /// What was ever due, and the groups as they were first.
    dues: Mutex<Vec<(EnvironmentName, Due)>>,
    first: Mutex<BTreeMap<String, Group>>,
}

impl Broken {
    /// The home that is asked, where a promise about homes is broken: the one whose name is the beginning of it.
    fn home(&self, home: &EnvironmentName, promise: Promise) -> EnvironmentName {
        let first = home.as_str().strip_suffix("-2").filter(|_| self.promise == promise);
        first.map_or_else(|| home.clone(), |first| first.parse().unwrap())
    }

    fn note(&self, home: &EnvironmentName, of: DueOf, key: &str, at: Option<Timestamp>) {
        let due = at.map(|at| (home.clone(), Due { of, key: key.to_owned(), at }));
        self.dues.lock().unwrap().extend(due);
    }
}

#[async_trait]
impl AlertStore for Broken {
    async fn watch(&self, home: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>> {
        let home = self.home(home, Promise::WatchesAreOfOneHome);
        match self.promise {
            Promise::WatchesAreStored => Ok(None),
            Promise::WatchesOfServicesAreTheirOwn => {
                let found = self.inner.watch(&home, subject).await?;
                let whole = Subject::environment(subject.environment.clone());
                Ok(found.or(self.inner.watch(&home, &whole).await?))
            }
            _ => self.inner.watch(&home, subject).await,
        }
    }

    async fn put_watch(&self, home: &EnvironmentName, watch: &Watch) -> PortResult<bool> {
        self.note(home, DueOf::Watch, &watch.subject.to_string(), watch.due);
        let stored = self.inner.watch(home, &watch.subject).await?;
        match self.promise {
            // Last writer wins.
            Promise::WatchesCompareTheVersion => {
                let mut next = watch.clone();
                next.version = stored.map_or(0, |stored| stored.version) + 1;
                self.inner.put_watch(home, &next).await
            }
            Promise::WrittenAgainIsFine if stored.as_ref() == Some(watch) => Ok(false),
            Promise::WhatIsRefusedIsTold => self.inner.put_watch(home, watch).await.map(|_| true),
            Promise::WhatIsRefusedIsNotWritten => {
                let written = self.inner.put_watch(home, watch).await?;
                if !written {
                    let mut next = watch.clone();
                    next.version = stored.map_or(0, |stored| stored.version) + 1;
                    self.inner.put_watch(home, &next).await?;
                }
                Ok(written)
            }
            _ => self.inner.put_watch(home, watch).await,
        }
    }

    async fn across(&self, home: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>> {
        self.inner.across(&self.home(home, Promise::AcrossIsOfOneHome), rule).await
    }

    async fn put_across(&self, home: &EnvironmentName, across: &Across) -> PortResult<bool> {
        self.note(home, DueOf::Across, across.rule.as_str(), across.due);
        if self.promise == Promise::AcrossComparesTheVersion {
            let mut next = across.clone();
            next.version =
                self.inner.across(home, &across.rule).await?.map_or(0, |stored| stored.version) + 1;
            return self.inner.put_across(home, &next).await;
        }
        self.inner.put_across(home, across).await
    }

    async fn group(&self, home: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>> {
        let found = self.inner.group(&self.home(home, Promise::GroupsAreOfOneHome), id).await?;
        Ok(found.map(|mut group| {
            if self.promise == Promise::GroupsAreWhole {
                group.due = None;
            }
            group
        }))
    }

    async fn put_group(&self, home: &EnvironmentName, group: &Group) -> PortResult<bool> {
        self.note(home, DueOf::Group, group.id.as_str(), group.due);
        self.first.lock().unwrap().entry(group.id.to_string()).or_insert_with(|| group.clone());
        if self.promise == Promise::GroupsCompareTheVersion {
            let mut next = group.clone();
            next.version = self.inner.group(home, &group.id).await?.map_or(0, |stored| stored.version) + 1;
            return self.inner.put_group(home, &next).await;
        }
        self.inner.put_group(home, group).await
    }

    async fn due(&self, home: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>> {
        let asked = self.home(home, Promise::DueIsOfOneHome);
        let mut due = self.inner.due(&asked, until).await?;
        match self.promise {
            Promise::DueIsOnlyWhatIsDue => return self.inner.due(home, Timestamp::MAX).await,
            Promise::DueHasItsInstant => due.retain(|due| due.at < until),
            Promise::DueIsListedOnce => due.extend(due.clone()),
            Promise::DueHasEveryKind => due.retain(|due| due.of != DueOf::Across),
            Promise::DueForgets => {
                let dues = self.dues.lock().unwrap();
                let old = dues.iter().filter(|(of, one)| of == home && one.at <= until);
                due = old.map(|(_, due)| due.clone()).collect();
                due.sort_by_key(|due| (due.of, due.key.clone(), due.at));
                due.dedup();
            }
            // By the texts of the times.
            Promise::DueIsToTheFraction => {
                let all = self.inner.due(home, Timestamp::MAX).await?;
                due = all.into_iter().filter(|due| due.at.to_string() <= until.to_string()).collect();
            }
            // The first page only.
            Promise::DueIsComplete => due.truncate(20),
            _ => {}
        }
        Ok(due)
    }

    async fn open_groups(&self, home: &EnvironmentName) -> PortResult<Vec<Group>> {
        let asked = self.home(home, Promise::OpenIsOfOneHome);
        let mut groups = self.inner.open_groups(&asked).await?;
        match self.promise {
            Promise::OpenForgetsWhatIsClosed => {
                let ids: Vec<String> = self.first.lock().unwrap().keys().cloned().collect();
                for id in ids {
                    groups.extend(self.inner.group(home, &GroupId::from_text(&id)).await?);
                }
                groups.sort_by(|one, other| one.id.cmp(&other.id));
                groups.dedup_by_key(|group| group.id.clone());
            }
            Promise::OpenHasWhatIsNotDue => groups.retain(|group| group.due.is_some()),
            Promise::OpenIsAsItIsNow => {
                let first = self.first.lock().unwrap();
                groups =
                    groups.into_iter().filter_map(|group| first.get(group.id.as_str()).cloned()).collect();
            }
            _ => {}
        }
        Ok(groups)
    }

    async fn silences(&self, home: &EnvironmentName) -> PortResult<Vec<StoredSilence>> {
        let mut silences = self.inner.silences(&self.home(home, Promise::SilencesAreOfOneHome)).await?;
        if self.promise == Promise::SilencesThatEndedAreListed {
            let newest = silences.iter().map(|silence| silence.until).max();
            silences.retain(|silence| Some(silence.until) == newest);
        }
        Ok(silences)
    }

    async fn put_silence(&self, home: &EnvironmentName, silence: &StoredSilence) -> PortResult<()> {
        let known = self.inner.silences(home).await?.iter().any(|known| known.id == silence.id);
        if known && self.promise == Promise::SilencesAreReplaced {
            return Ok(());
        }
        self.inner.put_silence(home, silence).await
    }

    async fn circuit(&self, home: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit> {
        if self.promise == Promise::CircuitsAreStored {
            return Ok(Circuit::default());
        }
        self.inner.circuit(&self.home(home, Promise::CircuitsAreOfOneHome), channel).await
    }

    async fn put_circuit(
        &self,
        home: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()> {
        if circuit.is_closed() && self.promise == Promise::CircuitsClose {
            return Ok(());
        }
        self.inner.put_circuit(home, channel, circuit).await
    }
}

async fn conforms(promise: Promise) -> bool {
    let inner = EmbeddedStore::in_memory().unwrap();
    let store = Arc::new(Broken { inner, promise, dues: Mutex::default(), first: Mutex::default() });
    tokio::spawn(alert_store_conformance(store, "broken")).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn the_suite_notices_every_broken_promise() {
    assert!(conforms(Promise::Every).await);
    for promise in [
        Promise::WatchesAreStored,
        Promise::WatchesCompareTheVersion,
        Promise::WatchesOfServicesAreTheirOwn,
        Promise::WatchesAreOfOneHome,
        Promise::AcrossComparesTheVersion,
        Promise::AcrossIsOfOneHome,
        Promise::GroupsCompareTheVersion,
        Promise::GroupsAreOfOneHome,
        Promise::GroupsAreWhole,
        Promise::WrittenAgainIsFine,
        Promise::WhatIsRefusedIsTold,
        Promise::WhatIsRefusedIsNotWritten,
        Promise::DueIsOnlyWhatIsDue,
        Promise::DueHasItsInstant,
        Promise::DueIsListedOnce,
        Promise::DueHasEveryKind,
        Promise::DueForgets,
        Promise::DueIsToTheFraction,
        Promise::DueIsOfOneHome,
        Promise::DueIsComplete,
        Promise::OpenForgetsWhatIsClosed,
        Promise::OpenHasWhatIsNotDue,
        Promise::OpenIsAsItIsNow,
        Promise::OpenIsOfOneHome,
        Promise::SilencesAreReplaced,
        Promise::SilencesThatEndedAreListed,
        Promise::SilencesAreOfOneHome,
        Promise::CircuitsAreStored,
        Promise::CircuitsClose,
        Promise::CircuitsAreOfOneHome,
    ] {
        assert!(!conforms(promise).await, "{promise:?} is broken, and the suite did not notice");
    }
}
