use analysis::Seconds;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Thousandths of a call.
type Milli = i64;

/// Modify calls that Elastic Load Balancing takes at once, for an account and region ("Request throttling for the
/// Elastic Load Balancing API": Modify actions, bucket of 20).
const CAPACITY: Milli = 20_000;
/// Modify calls that come back each second (the same table: refill 3).
const REFILL_PER_SECOND: Milli = 3_000;
/// Calls that steps forward leave for rollbacks.
const RESERVED: Milli = 10_000;
const CALL: Milli = 1_000;

/// Our copy of the load balancer's token bucket for Modify calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// How often it was changed; the optimistic lock of its stored state.
    pub version: u64,
    /// Thousandths of a call that are left; below 0 when rollbacks took what was not there.
    pub milli_tokens: i64,
    /// When that was so.
    pub at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub const fn full(at: Timestamp) -> Self {
        Self { version: 0, milli_tokens: CAPACITY, at }
    }

    fn refilled(self, now: Timestamp) -> Self {
        let millis = i64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(i64::MAX).max(0);
        let back = millis.saturating_mul(REFILL_PER_SECOND) / 1000;
        let milli_tokens = self.milli_tokens.saturating_add(back).min(CAPACITY);
        Self { milli_tokens, at: now.max(self.at), ..self }
    }

    /// After one call of a step forward.
    ///
    /// # Errors
    /// How long to wait until a call is there that no rollback may need; at least a second.
    pub fn forward(self, now: Timestamp) -> Result<Self, Seconds> {
        let bucket = self.refilled(now);
        let short = RESERVED + CALL - bucket.milli_tokens;
        if short > 0 {
            let seconds = (short + REFILL_PER_SECOND - 1) / REFILL_PER_SECOND;
            return Err(Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        Ok(bucket.taken())
    }

    /// After one call of a rollback, which does not ask.
    #[must_use]
    pub fn spent(self, now: Timestamp) -> Self {
        self.refilled(now).taken()
    }

    const fn taken(self) -> Self {
        Self { milli_tokens: self.milli_tokens - CALL, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_000 + millis).unwrap()
    }

    #[test]
    fn steps_forward_leave_half_of_it_and_wait_for_the_rest() {
        let mut bucket = Bucket::full(at(0));
        for _ in 0..10 {
            bucket = bucket.forward(at(0)).unwrap();
        }
        assert_eq!(bucket.forward(at(0)), Err(Seconds(1)));
        assert_eq!(bucket.forward(at(333)), Err(Seconds(1)));
        assert!(bucket.forward(at(334)).is_ok());
    }

    #[test]
    fn rollbacks_never_wait_and_steps_forward_wait_for_them() {
        let mut bucket = Bucket::full(at(0));
        for _ in 0..50 {
            bucket = bucket.spent(at(0));
        }
        assert_eq!(bucket.milli_tokens, -30_000);
        let wait = bucket.forward(at(0)).unwrap_err();
        assert_eq!(wait, Seconds(14), "41 calls at 3 a second");
        assert!(bucket.forward(at(i64::from(wait.0) * 1000)).is_ok());
    }

    #[test]
    fn it_is_never_more_than_full_and_a_clock_that_goes_back_gives_nothing() {
        let bucket = Bucket::full(at(0)).spent(at(3_600_000)).spent(at(0));
        assert_eq!((bucket.milli_tokens, bucket.at), (18_000, at(3_600_000)));
    }
}
