use std::fmt;
use std::str::FromStr;

use analysis::Seconds;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Thousandths of a call.
type Milli = i64;

/// A token bucket of Elastic Load Balancing, which has one of each kind for an account and region ("Request throttling
/// for the Elastic Load Balancing API").
#[derive(Clone, Copy)]
struct Limit {
    /// Calls that it takes at once.
    capacity: Milli,
    /// Calls that come back each second.
    refill: Milli,
    /// The most calls that a [`Need`] takes.
    largest: Milli,
}

/// Modify actions.
const MODIFY: Limit = Limit { capacity: 20_000, refill: 3_000, largest: 1_000 };
/// All actions together. Describe actions have a bucket of this size too, which is never emptier.
const ALL: Limit = Limit { capacity: 40_000, refill: 10_000, largest: 3_000 };

impl Limit {
    fn shared(self, share: Share) -> Self {
        let part = |whole: Milli| whole * Milli::from(share.0) / 100;
        Self { capacity: part(self.capacity), refill: part(self.refill), ..self }
    }

    /// What is left for rollbacks: all but what comes back in a second, so that steps forward go at the bucket's pace
    /// and save nothing up.
    fn reserved(self) -> Milli {
        self.capacity - self.refill.max(self.largest)
    }

    fn refilled(self, left: Milli, millis: i64) -> Milli {
        left.saturating_add(millis.saturating_mul(self.refill) / 1000).min(self.capacity)
    }

    /// The whole seconds in which so much comes back.
    fn wait(self, short: Milli) -> u32 {
        let seconds = (short.max(0) + self.refill - 1) / self.refill;
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

/// The share of the account's and region's API budget that an environment may count on, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

/// A share that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share of the load balancer's API budget: use whole percent from 10 to 100")]
pub struct InvalidShare(String);

impl Share {
    /// Nobody else calls the API of the account and region.
    pub const ALL: Self = Self(100);
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        text.parse()
            .ok()
            .filter(|percent| (10..=100).contains(percent))
            .map(Self)
            .ok_or_else(|| InvalidShare(text.to_owned()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// What something other than a rollback asks of the load balancer's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Admission: the rule, and the health of the live colour.
    Start,
    /// A look at the rule or at a colour's targets.
    Look,
    /// A step forward: the rule is read, written, and read again.
    Step,
}

/// Calls that something takes.
struct Cost {
    modify: Milli,
    all: Milli,
}

impl Need {
    const fn cost(self) -> Cost {
        match self {
            Self::Start => Cost { modify: 0, all: 2_000 },
            Self::Look => Cost { modify: 0, all: 1_000 },
            Self::Step => Cost { modify: 1_000, all: 3_000 },
        }
    }
}

/// A rollback: the rule is written, and read.
const BACK: Cost = Cost { modify: 1_000, all: 2_000 };

/// Our copy of the load balancer's token buckets, in thousandths of a call; below 0 when rollbacks took what was not
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// How often it was changed; the optimistic lock of its stored state.
    pub version: u64,
    /// What is left for Modify actions.
    pub milli_modify: i64,
    /// What is left for all actions together.
    pub milli_all: i64,
    /// When that was so.
    pub at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub fn full(at: Timestamp, share: Share) -> Self {
        let (modify, all) = (MODIFY.shared(share), ALL.shared(share));
        Self { version: 0, milli_modify: modify.capacity, milli_all: all.capacity, at }
    }

    fn refilled(self, now: Timestamp, share: Share) -> Self {
        let millis = i64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(i64::MAX).max(0);
        Self {
            milli_modify: MODIFY.shared(share).refilled(self.milli_modify, millis),
            milli_all: ALL.shared(share).refilled(self.milli_all, millis),
            at: now.max(self.at),
            ..self
        }
    }

    /// After the calls of something that can wait.
    ///
    /// # Errors
    /// How long to wait until they are there and no rollback may need them; at least a second.
    pub fn forward(self, need: Need, now: Timestamp, share: Share) -> Result<Self, Seconds> {
        let bucket = self.refilled(now, share);
        let (modify, all, cost) = (MODIFY.shared(share), ALL.shared(share), need.cost());
        let wait = |limit: Limit, cost: Milli, left: Milli| match cost {
            0 => 0,
            _ => limit.wait(limit.reserved() + cost - left),
        };
        let wait = wait(modify, cost.modify, bucket.milli_modify).max(wait(all, cost.all, bucket.milli_all));
        if wait > 0 { Err(Seconds(wait)) } else { Ok(bucket.taken(&cost)) }
    }

    /// After the calls of a rollback, which does not ask.
    #[must_use]
    pub fn spent(self, now: Timestamp, share: Share) -> Self {
        self.refilled(now, share).taken(&BACK)
    }

    /// How long until the load balancer has the calls that were taken last, rounded down: who comes a moment too early
    /// is throttled and tries again, and no call that has come back is left lying.
    pub fn turn(self, now: Timestamp, share: Share) -> Seconds {
        let bucket = self.refilled(now, share);
        let wait = |limit: Limit, left: Milli| (-left).max(0) / limit.refill;
        let seconds =
            wait(MODIFY.shared(share), bucket.milli_modify).max(wait(ALL.shared(share), bucket.milli_all));
        Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    const fn taken(self, cost: &Cost) -> Self {
        Self {
            milli_modify: self.milli_modify - cost.modify,
            milli_all: self.milli_all - cost.all,
            version: self.version + 1,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_780_000_000_000 + millis).unwrap()
    }

    fn spent(times: usize, bucket: Bucket, now: Timestamp) -> Bucket {
        (0..times).fold(bucket, |bucket, _| bucket.spent(now, Share::ALL))
    }

    #[test]
    fn steps_forward_go_at_the_pace_of_the_bucket_and_leave_the_rest() {
        let mut bucket = Bucket::full(at(0), Share::ALL);
        for _ in 0..3 {
            bucket = bucket.forward(Need::Step, at(0), Share::ALL).unwrap();
        }
        assert_eq!((bucket.milli_modify, bucket.milli_all), (17_000, 31_000));
        assert_eq!(bucket.forward(Need::Step, at(0), Share::ALL), Err(Seconds(1)));
        assert_eq!(bucket.forward(Need::Step, at(333), Share::ALL), Err(Seconds(1)));
        assert!(bucket.forward(Need::Step, at(334), Share::ALL).is_ok());
    }

    #[test]
    fn looks_take_from_what_all_actions_share_and_steps_wait_for_them_too() {
        let mut bucket = Bucket::full(at(0), Share::ALL);
        for _ in 0..10 {
            bucket = bucket.forward(Need::Look, at(0), Share::ALL).unwrap();
        }
        assert_eq!((bucket.milli_modify, bucket.milli_all), (20_000, 30_000));
        for need in [Need::Look, Need::Start, Need::Step] {
            assert_eq!(bucket.forward(need, at(0), Share::ALL), Err(Seconds(1)), "{need:?}");
        }
        assert!(bucket.forward(Need::Look, at(100), Share::ALL).is_ok());
        assert!(bucket.forward(Need::Step, at(300), Share::ALL).is_ok());
    }

    #[test]
    fn rollbacks_never_wait_and_everything_else_waits_for_them() {
        let bucket = spent(50, Bucket::full(at(0), Share::ALL), at(0));
        assert_eq!((bucket.milli_modify, bucket.milli_all), (-30_000, -60_000));
        let wait = bucket.forward(Need::Step, at(0), Share::ALL).unwrap_err();
        assert_eq!(wait, Seconds(16), "48 calls at 3 a second");
        assert!(bucket.forward(Need::Step, at(16_000), Share::ALL).is_ok());
        assert_eq!(
            bucket.forward(Need::Look, at(0), Share::ALL),
            Err(Seconds(10)),
            "91 calls at 10 a second"
        );
    }

    #[test]
    fn each_rollback_beyond_the_bucket_has_a_turn_of_its_own() {
        let turns: Vec<_> = (1..=50)
            .map(|number| spent(number, Bucket::full(at(0), Share::ALL), at(0)).turn(at(0), Share::ALL).0)
            .collect();
        assert_eq!(turns[..26], [[0; 22].as_slice(), &[1, 1, 1, 2]].concat());
        assert_eq!(turns[49], 10, "30 calls at 3 a second");
        let later = spent(25, Bucket::full(at(0), Share::ALL), at(0));
        assert_eq!(later.turn(at(1_000), Share::ALL), Seconds(0));
    }

    #[test]
    fn it_is_never_more_than_full_and_a_clock_that_goes_back_gives_nothing() {
        let bucket = spent(1, spent(1, Bucket::full(at(0), Share::ALL), at(3_600_000)), at(0));
        assert_eq!((bucket.milli_modify, bucket.milli_all), (18_000, 36_000));
        assert_eq!(bucket.at, at(3_600_000));
    }

    #[test]
    fn any_share_lets_a_step_through_in_the_end() {
        for share in ["10", "33", "50", "100"] {
            let share: Share = share.parse().unwrap();
            let full = Bucket::full(at(0), share);
            for need in [Need::Start, Need::Look, Need::Step] {
                assert!(full.forward(need, at(0), share).is_ok(), "{need:?} with {share}");
            }
            let empty = spent(50, full, at(0));
            let wait = empty.forward(Need::Step, at(0), share).unwrap_err();
            assert!(empty.forward(Need::Step, wait.after(at(0)), share).is_ok(), "{share}");
        }
        let half = Bucket::full(at(0), "50".parse().unwrap());
        assert_eq!((half.milli_modify, half.milli_all), (10_000, 20_000));
    }

    #[test]
    fn a_share_is_whole_percent() {
        for text in ["", "0", "9", "101", "50%", "ten", "-1", "256"] {
            let error = text.parse::<Share>().unwrap_err();
            assert!(error.to_string().contains("from 10 to 100"), "{error}");
        }
        assert_eq!("10".parse::<Share>().unwrap().to_string(), "10 %");
        assert_eq!(Share::default(), Share::ALL);
    }
}
