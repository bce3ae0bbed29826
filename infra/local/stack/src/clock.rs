//! One clock for everything in the stack, possibly faster than real time.

use std::num::NonZeroU32;
use std::time::Duration;

use asl::{ScaledTimer, Timer};
use async_trait::async_trait;
use jiff::Timestamp;
use rollout::Seconds;

/// The stack's clock: tokio's time, so that tests can pause it, times a speed.
#[derive(Clone, Debug)]
pub struct StackClock(ScaledTimer);

impl StackClock {
    /// A clock that shows `now` now and runs `speed` times as fast as the machine's.
    pub fn new(now: Timestamp, speed: NonZeroU32) -> Self {
        Self(ScaledTimer::new(now, speed))
    }

    /// Waits for this long on this clock.
    pub async fn wait(&self, seconds: Seconds) {
        self.0.sleep(Duration::from_secs(u64::from(seconds.0))).await;
    }
}

#[async_trait]
impl engine::ports::Clock for StackClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn pause(&self, span: Seconds) {
        self.wait(span).await;
    }
}

#[async_trait]
impl Timer for StackClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

impl weighted_proxy::Clock for StackClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
