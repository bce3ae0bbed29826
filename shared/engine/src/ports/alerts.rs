//! What alert-router needs from the world.

use alerting::group::Delivery;
use alerting::{
    Across, ChannelName, Circuit, Credential, Group, GroupId, Notice, RuleName, StoredSilence, Subject, Watch,
};
use async_trait::async_trait;
use contract::Due;
use environments::{Channel, SecretKey};
use jiff::Timestamp;
use rollout::EnvironmentName;

use super::PortResult;

/// The memory of alerts, one for the environment whose stack it is. Every read by key is consistent; what has a version
/// is written if the stored one has the version before, 0 for none. `false`, and nothing is changed, when it has not.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// What is known of a subject.
    async fn watch(&self, home: &EnvironmentName, subject: &Subject) -> PortResult<Option<Watch>>;

    /// Writes what is known of a subject.
    async fn put_watch(&self, home: &EnvironmentName, watch: &Watch) -> PortResult<bool>;

    /// What a rule that counts over environments has counted.
    async fn across(&self, home: &EnvironmentName, rule: &RuleName) -> PortResult<Option<Across>>;

    /// Writes what such a rule has counted.
    async fn put_across(&self, home: &EnvironmentName, across: &Across) -> PortResult<bool>;

    /// A group.
    async fn group(&self, home: &EnvironmentName, id: &GroupId) -> PortResult<Option<Group>>;

    /// Writes a group.
    async fn put_group(&self, home: &EnvironmentName, group: &Group) -> PortResult<bool>;

    /// Everything that was to be looked at by `until`. The list may lag behind by a moment.
    async fn due(&self, home: &EnvironmentName, until: Timestamp) -> PortResult<Vec<Due>>;

    /// The groups that are not [closed](Group::is_closed), as far behind.
    async fn open_groups(&self, home: &EnvironmentName) -> PortResult<Vec<Group>>;

    /// The silences, those that have ended among them for a while.
    async fn silences(&self, home: &EnvironmentName) -> PortResult<Vec<StoredSilence>>;

    /// Writes a silence, whatever is stored.
    async fn put_silence(&self, home: &EnvironmentName, silence: &StoredSilence) -> PortResult<()>;

    /// How a channel has fared; closed where nothing is stored.
    async fn circuit(&self, home: &EnvironmentName, channel: &ChannelName) -> PortResult<Circuit>;

    /// Writes how a channel has fared, whatever is stored.
    async fn put_circuit(
        &self,
        home: &EnvironmentName,
        channel: &ChannelName,
        circuit: &Circuit,
    ) -> PortResult<()>;
}

/// Calls alert-router back.
#[async_trait]
pub trait Timers: Send + Sync {
    /// Calls alert-router with this at its time. Asked twice for the same, it calls once.
    async fn start(&self, due: &Due) -> PortResult<()>;
}

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// What the channel is called.
    pub name: &'a ChannelName,
    /// Where to.
    pub channel: &'a Channel,
    /// Its secret, where it has one.
    pub credential: Option<&'a Credential>,
    /// What.
    pub notice: &'a Notice,
    /// What it is attached to, where the channel can do that.
    pub thread: Option<&'a str>,
    /// Whether the same message may have arrived already.
    pub uncertain: bool,
    /// A title of the user's own, a template.
    pub title: Option<&'a str>,
}

/// Those who deliver messages.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Tries once to deliver a message, within ten seconds.
    async fn deliver(&self, parcel: Parcel<'_>) -> Delivery;

    /// A message that it was not given, and why: there is no such channel, its secret is missing, or it is left alone for a
    /// while. For whoever watches.
    fn passed_over(&self, _channel: &ChannelName, _notice: &Notice, _why: &Delivery) {}
}

/// The secrets of channels.
#[async_trait]
pub trait ChannelSecrets: Send + Sync {
    /// The secret of this key.
    async fn credential(&self, key: &SecretKey) -> PortResult<Credential>;

    /// A newer one than [`credential`](Self::credential) gave, if there is any: the channel refused that.
    async fn newer(&self, key: &SecretKey) -> PortResult<Option<Credential>>;
}

/// Where messages go that nobody could be told.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Keeps a message for a person to find.
    async fn put(&self, channel: &ChannelName, notice: &Notice, why: &str) -> PortResult<()>;
}
