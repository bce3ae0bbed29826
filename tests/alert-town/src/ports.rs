//! Timers, channels, secrets, dead letters, tags, and the clock.

use alerting::group::Delivery;
use alerting::{ChannelName, Credential, Notice};
use async_trait::async_trait;
use contract::Due;
use engine::ports::{AlarmTags, ChannelSecrets, Clock, Courier, DeadLetters, Parcel, PortResult, Timers};
use environments::SecretKey;
use jiff::Timestamp;
use rollout::Seconds;

use crate::{Received, Town};

#[async_trait]
impl Timers for Town {
    async fn start(&self, due: &Due) -> PortResult<()> {
        self.call(|state| {
            let timer = (due.at, due.of, due.key.clone());
            if state.named.insert(timer.clone()) {
                state.counts.timers += 1;
                state.timers.insert(timer);
            }
        })
        .await;
        Ok(())
    }
}

#[async_trait]
impl Courier for Town {
    async fn deliver(&self, parcel: Parcel<'_>) -> Delivery {
        let (channel, notice) = (parcel.name.clone(), parcel.notice.clone());
        self.call(|state| {
            let at = state.now;
            let out =
                |outage: &crate::Outage| outage.channel == channel && outage.from <= at && at < outage.until;
            if state.outages.iter().any(out) {
                return Delivery::Later { why: "503 Service Unavailable".to_owned(), retry_after: None };
            }
            let again = !state.ids.insert((channel.clone(), notice.id.clone()));
            state.received.push(Received { at, channel, notice, again });
            Delivery::Done { thread: None }
        })
        .await
    }
}

#[async_trait]
impl ChannelSecrets for Town {
    async fn credential(&self, _: &SecretKey) -> PortResult<Credential> {
        Ok(self.call(|_| Self::credential()).await)
    }

    async fn newer(&self, _: &SecretKey) -> PortResult<Option<Credential>> {
        Ok(None)
    }
}

#[async_trait]
impl DeadLetters for Town {
    async fn put(&self, _: &ChannelName, notice: &Notice, _: &str) -> PortResult<()> {
        self.call(|state| state.letters.push(notice.clone())).await;
        Ok(())
    }
}

/// Alarms say in their dimensions what they are about: none has a tag.
#[async_trait]
impl AlarmTags for Town {
    async fn of(&self, _: &str) -> PortResult<Vec<(String, String)>> {
        Ok(self.call(|_| Vec::new()).await)
    }
}

#[async_trait]
impl Clock for Town {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    async fn pause(&self, span: Seconds) {
        self.wait(span.after(Self::now(self))).await;
    }
}
