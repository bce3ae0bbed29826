//! The clock on tokio's time.

use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::ports::Timer;

/// A clock on tokio's time that starts at a given instant and runs `speed` times as fast.
#[derive(Debug, Clone)]
pub struct ScaledTimer {
    epoch: Timestamp,
    origin: Instant,
    speed: NonZeroU32,
}

impl ScaledTimer {
    /// A clock that shows `epoch` now. Its resolution is tokio's millisecond times `speed`.
    pub fn new(epoch: Timestamp, speed: NonZeroU32) -> Self {
        Self { epoch, origin: Instant::now(), speed }
    }
}

#[async_trait]
impl Timer for ScaledTimer {
    fn now(&self) -> Timestamp {
        let elapsed = self.origin.elapsed().saturating_mul(self.speed.get());
        SignedDuration::try_from(elapsed)
            .ok()
            .and_then(|elapsed| self.epoch.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration.checked_div(self.speed.get()).unwrap_or(duration)).await;
    }
}
