//! Which stack a command is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::ports::CostStore;
use feature_flags::FileShelf;
use jiff::Timestamp;
use local_stack::{EmbeddedStore, OpenError, Ports, StackClock};
use rollout::EnvironmentName;

use super::embedded::Embedded;
use super::remote::Remote;
use super::socket::beside;
use super::{Backend, BackendError, BackendResult, messenger};

/// How long a store is waited for that another command has open: one that reads it, or one that has just begun to play.
const IN_USE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(40);

/// Where a store of this machine is, unless it is said.
const STORE: &str = ".ace-flow/state/local.redb";

/// Which environment, and where its stack is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Where {
    /// The environment. `local` is on this machine, any other one on AWS.
    #[arg(long, env = "ACE_ENVIRONMENT", default_value = "local", value_name = "NAME")]
    pub(crate) environment: EnvironmentName,
    #[command(flatten)]
    pub(crate) at: At,
}

/// Where the stack of an environment is.
#[derive(Clone, Debug, Args)]
pub(crate) struct At {
    /// Rehearse the environment on this machine, on the embedded stack, which keeps environments apart.
    #[arg(long, help_heading = "Where the stack is")]
    pub(crate) embedded: bool,
    /// Where the embedded stack keeps its rollouts.
    #[arg(
        long,
        help_heading = "Where the stack is",
        default_value = STORE,
        value_name = "FILE"
    )]
    pub(crate) store: PathBuf,
    /// The table of the stack on AWS, instead of asking its functions for it.
    #[arg(long, help_heading = "Where the stack is", env = "ACE_TABLE", value_name = "NAME")]
    pub(crate) table: Option<String>,
}

impl Where {
    /// Whether the stack is one of this machine.
    pub(crate) fn is_here(&self) -> bool {
        is_here(&self.environment, self.at.embedded)
    }

    /// What another command about the same stack is called with, after a blank; nothing for what holds without it.
    pub(crate) fn flags(&self) -> String {
        let At { embedded, store, table } = &self.at;
        let environment = self.environment.as_str();
        let environment = (environment != "local").then(|| format!(" --environment {environment}"));
        let embedded = embedded.then(|| " --embedded".to_owned());
        let store = (store != Path::new(STORE)).then(|| format!(" --store {}", store.display()));
        let table = table.as_ref().map(|table| format!(" --table {table}"));
        [environment, embedded, store, table].into_iter().flatten().collect()
    }
}

/// Whether an environment is kept on this machine: `local` is, and any that is rehearsed here.
pub(crate) fn is_here(environment: &EnvironmentName, embedded: bool) -> bool {
    embedded || environment.as_str() == "local"
}

/// Who uses this machine.
pub(crate) fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "the terminal".to_owned())
}

/// The stack, or the store of a stack of this machine that nothing plays.
pub(crate) enum Reached {
    /// A stack that can be asked.
    Stack(Box<dyn Backend>),
    /// A store that no other process has open.
    Free(EmbeddedStore),
}

/// Finds the stack. A store of this machine is made if it is not there.
pub(crate) async fn reach(place: &Where) -> BackendResult<Reached> {
    if !place.is_here() {
        return aws(place).await.map(Reached::Stack);
    }
    let socket = beside(&place.at.store);
    let began = std::time::Instant::now();
    loop {
        if let Some(remote) =
            Remote::connect(place.environment.clone(), &place.at.store, socket.clone()).await
        {
            return Ok(Reached::Stack(Box::new(remote)));
        }
        match EmbeddedStore::open(&place.at.store) {
            Ok(store) => return Ok(Reached::Free(store)),
            Err(OpenError::InUse { .. }) if began.elapsed() < IN_USE => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The store, for this process to play over. A command that only reads is waited for.
pub(crate) async fn claim(store: &Path) -> BackendResult<EmbeddedStore> {
    let began = std::time::Instant::now();
    loop {
        match EmbeddedStore::open(store) {
            Err(OpenError::InUse { .. }) if began.elapsed() < IN_USE => tokio::time::sleep(AGAIN).await,
            opened => return Ok(opened?),
        }
    }
}

/// The stack as it can be asked and given orders, whether something is played there or not.
pub(crate) async fn ready(place: &Where) -> BackendResult<Box<dyn Backend>> {
    if place.is_here() && !place.at.store.exists() {
        return Err(BackendError::NoStore { store: place.at.store.display().to_string() });
    }
    Ok(match reach(place).await? {
        Reached::Stack(backend) => backend,
        Reached::Free(opened) => Box::new(at_rest(place, opened)?),
    })
}

/// The same; where nothing was ever rolled out, a stack in which nothing was.
pub(crate) async fn as_it_is(place: &Where) -> BackendResult<Box<dyn Backend>> {
    if place.is_here() && !place.at.store.exists() {
        return Ok(Box::new(at_rest(place, EmbeddedStore::in_memory()?)?));
    }
    ready(place).await
}

fn at_rest(place: &Where, store: EmbeddedStore) -> BackendResult<Embedded> {
    let clock = StackClock::new(store.time(Timestamp::now())?, std::num::NonZeroU32::MIN);
    let store = Arc::new(store);
    let (messenger, costs) =
        (messenger(&place.environment, Arc::clone(&store))?, Arc::clone(&store) as Arc<dyn CostStore>);
    let ports = Ports::at_rest(place.environment.clone(), store, Some(messenger), clock).with_costs(costs);
    Ok(Embedded::at_rest(place.environment.clone(), place.at.store.display().to_string(), ports))
}

/// The files of feature flags, beside a store.
pub(crate) fn shelf_beside(store: &Path) -> FileShelf {
    FileShelf::new(store.parent().unwrap_or_else(|| Path::new("")).to_owned())
}

#[cfg(feature = "aws")]
async fn aws(place: &Where) -> BackendResult<Box<dyn Backend>> {
    let stack = super::aws::AwsStack::connect(place.environment.clone(), place.at.table.clone()).await?;
    Ok(Box::new(stack))
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with AWS it asks")]
async fn aws(place: &Where) -> BackendResult<Box<dyn Backend>> {
    Err(BackendError::WithoutAws { environment: place.environment.clone() })
}
