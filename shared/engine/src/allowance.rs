//! Asking for the load balancer's calls: what can wait, waits until they are there.

use jiff::Timestamp;
use rollout::{EnvironmentName, Need, RolloutId, Seconds};

use crate::ports::{Budget, Clock, PortResult};

/// Those who wait come back within so many seconds of each other, so that few of them ask in vain again.
const SPREAD: u64 = 8;

/// The budget, as one rollout asks it.
#[derive(Clone, Copy)]
pub(crate) struct Allowance<'a> {
    pub(crate) budget: &'a dyn Budget,
    pub(crate) clock: &'a dyn Clock,
}

impl Allowance<'_> {
    /// How long a rollout has to wait until it may make these calls; zero when they are granted.
    pub(crate) async fn wait(
        self,
        environment: &EnvironmentName,
        id: &RolloutId,
        need: Need,
    ) -> PortResult<Seconds> {
        let now = self.clock.now();
        let wait = self.budget.forward(environment, need, now).await?;
        Ok(if wait == Seconds(0) { wait } else { Seconds(wait.0.saturating_add(late(id, now))) })
    }

    /// The same for calls that are made all the same when the budget cannot be asked.
    pub(crate) async fn wait_if_told(
        self,
        environment: &EnvironmentName,
        id: &RolloutId,
        need: Need,
    ) -> Seconds {
        self.wait(environment, id, need).await.unwrap_or_else(|error| {
            tracing::warn!(rollout.id = %id, %error, "the API budget does not answer: calls are made without it");
            Seconds(0)
        })
    }
}

/// How much later than asked for: another part of the spread for each rollout, and for each time (the hash FNV-1a).
pub(crate) fn late(id: &RolloutId, now: Timestamp) -> u32 {
    let bytes = id.as_str().bytes().chain(now.as_second().to_be_bytes());
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    u32::try_from((hash >> 32) % SPREAD).unwrap_or_default()
}
