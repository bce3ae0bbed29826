//! Time, as the functions see it: now is always the same instant, and what happened before moves away from it.

use analysis::Seconds;
use jiff::Timestamp;

/// The length of a tick.
pub const TICK: Seconds = Seconds(60);

/// Now, on the minute: 2026-05-28 20:27 UTC.
const NOW: i64 = 1_780_000_020;

/// The instant so many ticks ago.
pub fn ago(ticks: u8) -> Timestamp {
    Timestamp::from_second(NOW - i64::from(TICK.0) * i64::from(ticks)).unwrap_or_default()
}

/// How many ticks ago an instant is, at most `most`; the future keeps its distance.
fn age(at: Timestamp, most: u8) -> i64 {
    ((NOW - at.as_second()) / i64::from(TICK.0)).min(i64::from(most))
}

/// An instant `ticks` further in the past than it was, but not further than `most`: nothing that is decided depends on
/// how much longer ago it is.
pub fn aged(at: Timestamp, ticks: u8, most: u8) -> Timestamp {
    let age = (age(at, u8::MAX) + i64::from(ticks)).min(i64::from(most));
    Timestamp::from_second(NOW - i64::from(TICK.0) * age).unwrap_or_default()
}

/// A wait of so many seconds in ticks; less than half a tick is none.
pub fn ticks(seconds: u32) -> u8 {
    u8::try_from((seconds + TICK.0 / 2) / TICK.0).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_on_a_minute() {
        assert_eq!(ago(0).as_second() % 60, 0);
    }

    #[test]
    fn the_past_moves_away_until_it_is_long_ago() {
        let mut at = ago(0);
        for past in [1, 2, 3, 3, 3] {
            at = aged(at, 1, 3);
            assert_eq!(at, ago(past));
        }
        let soon = TICK.after(ago(0));
        assert_eq!(aged(soon, 1, 3), ago(0));
    }

    #[test]
    fn waits_are_whole_ticks() {
        assert_eq!([0, 1, 29, 30, 60, 89, 120].map(ticks), [0, 0, 0, 1, 1, 1, 2]);
    }
}
