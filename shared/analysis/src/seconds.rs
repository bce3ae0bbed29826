use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of whole seconds, as configuration and replies carry it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The same span as a signed duration.
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.0 as i64)
    }

    /// The instant this span after `at`; the end of time if there is none.
    pub fn after(self, at: Timestamp) -> Timestamp {
        at.checked_add(self.duration()).unwrap_or(Timestamp::MAX)
    }

    /// The whole seconds from `now` until `then`, rounded up; zero when `then` has passed.
    pub fn until(now: Timestamp, then: Timestamp) -> Self {
        let span = then.duration_since(now);
        let up = span.as_secs() + i64::from(span.subsec_nanos() > 0);
        Self(u32::try_from(up.max(0)).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (0, s) => write!(f, "{s} s"),
            (m, 0) => write!(f, "{m} min"),
            (m, s) => write!(f, "{m} min {s} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_up_and_stop_at_the_ends_of_time() {
        let at = |nanos| Timestamp::from_nanosecond(nanos).unwrap();
        assert_eq!(Seconds::until(at(0), at(1)), Seconds(1));
        assert_eq!(Seconds::until(at(0), at(2_000_000_000)), Seconds(2));
        assert_eq!(Seconds::until(at(1), at(0)), Seconds(0));
        assert_eq!(Seconds::until(Timestamp::MIN, Timestamp::MAX), Seconds(u32::MAX));
        assert_eq!(Seconds(1).after(at(0)), at(1_000_000_000));
        assert_eq!(Seconds(1).after(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn spans_read_well() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (120, "2 min"), (330, "5 min 30 s")] {
            assert_eq!(Seconds(seconds).to_string(), text);
        }
    }
}
