//! What happens in the stack, for whoever watches.

use alerting::group::Delivery;
use alerting::{ChannelName, Notice};
use engine::history::Record;
use engine::outcome::Outcome;
use jiff::Timestamp;
use rollout::Rollout;
use tokio::sync::mpsc;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Update {
    /// The state machine did something.
    Machine(asl::HistoryEvent),
    /// A rollout was stored.
    Stored {
        /// When.
        at: Timestamp,
        /// The rollout as it is now.
        rollout: Box<Rollout>,
        /// The decision that led to it.
        record: Box<Record>,
    },
    /// A milestone was published.
    Published(Box<Outcome>),
    /// Somebody was told of alerts, or could not be.
    Told {
        /// Who.
        channel: ChannelName,
        /// What.
        notice: Box<Notice>,
        /// What came of it.
        delivery: Delivery,
    },
    /// Somebody could not be told of alerts for so long that it is given up.
    GivenUp {
        /// Who.
        channel: ChannelName,
        /// What.
        notice: Box<Notice>,
        /// Why.
        why: String,
    },
}

/// Where updates go. Nobody has to listen.
#[derive(Clone, Debug)]
pub struct Updates(mpsc::UnboundedSender<Update>);

impl Updates {
    /// A sender and its receiver.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Update>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn send(&self, update: Update) {
        // Whoever watched may have gone; the rollout goes on.
        drop(self.0.send(update));
    }
}

impl asl::Observer for Updates {
    fn record(&self, event: &asl::HistoryEvent) {
        self.send(Update::Machine(event.clone()));
    }
}
