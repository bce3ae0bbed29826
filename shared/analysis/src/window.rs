use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Seconds;

const MINUTE: i128 = 60_000_000_000;

/// Whole minutes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The start of the first minute.
    pub first: Timestamp,
    /// The end of the last minute, exclusive; `first` if there is none.
    pub end: Timestamp,
}

impl Window {
    /// How many minutes there are.
    pub fn len(&self) -> u64 {
        let minutes = (self.end.as_nanosecond() - self.first.as_nanosecond()) / MINUTE;
        u64::try_from(minutes).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The minutes that count at `now`: those that began at or after `since` and ended at least `delay` ago, by when their
/// metrics have arrived. `since` is when the weight was read back, plus the plan's settle time.
pub fn closed_minutes(since: Timestamp, now: Timestamp, delay: Seconds) -> Window {
    let first = on_minute(-(-since.as_nanosecond()).div_euclid(MINUTE));
    let end = on_minute((now.as_nanosecond() - span(delay)).div_euclid(MINUTE));
    Window { first, end: end.max(first) }
}

/// The earliest instant after `now` at which one more minute counts.
pub fn next_closing(since: Timestamp, now: Timestamp, delay: Seconds) -> Timestamp {
    delay.after(Seconds(60).after(closed_minutes(since, now, delay).end))
}

/// Whether `at` is the start of a minute.
pub(crate) fn is_on_minute(at: Timestamp) -> bool {
    at.as_nanosecond().rem_euclid(MINUTE) == 0
}

fn span(seconds: Seconds) -> i128 {
    i128::from(seconds.0) * 1_000_000_000
}

/// The start of the minute with this number since 1970, or the end of time that is nearer to it.
fn on_minute(number: i128) -> Timestamp {
    let end_of_time = if number < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_nanosecond(number * MINUTE).unwrap_or(end_of_time)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_minute_counts_when_it_began_after_since_and_its_delay_is_over() {
        let cases = [
            // since, now, delay, first, minutes, next closing
            ("00:00:00", "00:00:00", 0, "00:00:00", 0, "00:01:00"),
            ("00:00:00", "00:00:59.999999999", 0, "00:00:00", 0, "00:01:00"),
            ("00:00:00", "00:01:00", 0, "00:00:00", 1, "00:02:00"),
            ("00:00:00.000000001", "00:02:00", 0, "00:01:00", 1, "00:03:00"),
            ("00:00:30", "00:03:59", 60, "00:01:00", 1, "00:04:00"),
            ("00:00:30", "00:04:00", 60, "00:01:00", 2, "00:05:00"),
            ("00:00:30", "00:00:31", 45, "00:01:00", 0, "00:02:45"),
            ("00:10:00", "00:00:00", 0, "00:10:00", 0, "00:11:00"),
        ];
        for (since, now, delay, first, minutes, next) in cases {
            let [since, now, first, next] =
                [since, now, first, next].map(|time| at(&format!("2026-03-01T{time}Z")));
            let window = closed_minutes(since, now, Seconds(delay));
            assert_eq!((window.first, window.len()), (first, minutes), "{since} {now} {delay}");
            assert_eq!(window.is_empty(), minutes == 0);
            assert_eq!(next_closing(since, now, Seconds(delay)), next, "{since} {now} {delay}");
        }
    }

    #[test]
    fn minutes_before_1970_and_at_the_ends_of_time_are_whole_too() {
        let window = closed_minutes(at("1969-12-31T23:58:30Z"), at("1970-01-01T00:01:30Z"), Seconds(0));
        assert_eq!((window.first, window.len()), (at("1969-12-31T23:59:00Z"), 2));
        assert!(closed_minutes(Timestamp::MAX, Timestamp::MAX, Seconds(0)).is_empty());
        assert!(closed_minutes(Timestamp::MIN, Timestamp::MIN, Seconds(u32::MAX)).is_empty());
    }

    proptest! {
        #[test]
        fn the_window_is_the_definition(since in 0i64..2_000_000_000, ahead in 0i64..2_000_000_000, delay in 0u32..300) {
            let since = Timestamp::from_millisecond(since).unwrap();
            let now = since + SignedDuration::from_millis(ahead / 1000);
            let window = closed_minutes(since, now, Seconds(delay));
            let counts = |start: Timestamp| start >= since && Seconds(60 + delay).after(start) <= now;
            let minute = SignedDuration::from_mins(1);
            prop_assert!(is_on_minute(window.first) && is_on_minute(window.end));
            prop_assert!(!counts(window.first - minute) && !counts(window.end));
            prop_assert!(window.is_empty() || (counts(window.first) && counts(window.end - minute)));

            let next = next_closing(since, now, Seconds(delay));
            let just_before = next - SignedDuration::from_nanos(1);
            prop_assert!(next > now);
            prop_assert_eq!(closed_minutes(since, next, Seconds(delay)).len(), window.len() + 1);
            prop_assert_eq!(closed_minutes(since, just_before, Seconds(delay)).len(), window.len());
        }
    }
}
