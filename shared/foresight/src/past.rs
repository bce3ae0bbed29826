use analysis::MAX_REQUESTS;
use jiff::Timestamp;

/// What a service served in one minute, both colours together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastMinute {
    /// The start of the minute.
    pub start: Timestamp,
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Requests slower than the objective, where they were counted.
    pub slow: Option<u64>,
}

/// Why past minutes were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// More events than requests.
    #[error("{events} {what} in {requests} requests: count them among the requests of the same minute")]
    MoreThanRequests {
        /// Errors, or slow requests.
        what: &'static str,
        /// How many.
        events: u64,
        /// Requests.
        requests: u64,
    },
    /// More requests than can be judged.
    #[error("{0} requests in a minute are more than can be judged: check the unit")]
    TooManyRequests(u64),
    /// Not the start of a minute.
    #[error("{0} is not the start of a minute: give counts per minute, each with the minute's start")]
    NotOnMinute(Timestamp),
    /// Out of order, or twice.
    #[error("{next} follows {before}: sort the minutes by time and give each once")]
    NotAscending {
        /// The minute before.
        before: Timestamp,
        /// The one that should be later.
        next: Timestamp,
    },
    /// More than can be played.
    #[error("{0} minutes are more than the 527040 of a year: leave some out")]
    TooMany(u64),
}

/// A year of them, leap day included.
const MOST: u64 = 527_040;

/// The minutes of one service in a row. One that was not given had no requests: load balancers publish nothing then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastMinutes {
    all: Vec<PastMinute>,
    filled: usize,
}

impl PastMinutes {
    /// No minutes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a later minute.
    pub fn push(&mut self, minute: PastMinute) -> Result<(), PastError> {
        let PastMinute { start, requests, errors, slow } = minute;
        if start.as_nanosecond().rem_euclid(60_000_000_000) != 0 {
            return Err(PastError::NotOnMinute(start));
        }
        if requests > MAX_REQUESTS {
            return Err(PastError::TooManyRequests(requests));
        }
        for (what, events) in [("errors", errors), ("slow requests", slow.unwrap_or(0))] {
            if events > requests {
                return Err(PastError::MoreThanRequests { what, events, requests });
            }
        }
        if let (Some(first), Some(last)) = (self.all.first(), self.all.last()) {
            if start <= last.start {
                return Err(PastError::NotAscending { before: last.start, next: start });
            }
            let span = u64::try_from((start.as_second() - first.start.as_second()) / 60).unwrap_or(0);
            if span >= MOST {
                return Err(PastError::TooMany(span + 1));
            }
            let from = last.start.as_second() + 60;
            for second in (from..start.as_second()).step_by(60) {
                let Ok(start) = Timestamp::from_second(second) else { continue };
                self.all.push(PastMinute { start, requests: 0, errors: 0, slow: Some(0) });
                self.filled += 1;
            }
        }
        self.all.push(minute);
        Ok(())
    }

    /// The minutes, each one after the other.
    pub fn all(&self) -> &[PastMinute] {
        &self.all
    }

    /// How many were not given, and had no requests for all one knows.
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// All requests and errors.
    pub fn totals(&self) -> (u64, u64) {
        self.all.iter().fold((0, 0), |sum, minute| (sum.0 + minute.requests, sum.1 + minute.errors))
    }

    /// Whether slow requests were counted in every minute.
    pub fn has_slow(&self) -> bool {
        !self.all.is_empty() && self.all.iter().all(|minute| minute.requests == 0 || minute.slow.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(second: i64, requests: u64, errors: u64) -> PastMinute {
        PastMinute { start: Timestamp::from_second(second).unwrap(), requests, errors, slow: None }
    }

    #[test]
    fn minutes_follow_each_other_and_gaps_had_no_requests() {
        let mut past = PastMinutes::new();
        past.push(minute(60, 10, 1)).unwrap();
        past.push(minute(240, 10, 2)).unwrap();
        assert_eq!((past.all().len(), past.filled(), past.totals()), (4, 2, (20, 3)));
        assert!(!past.has_slow());
        assert_eq!(past.all()[2], PastMinute { slow: Some(0), ..minute(180, 0, 0) });
        for (wrong, says) in [
            (minute(240, 1, 0), "give each once"),
            (minute(301, 1, 0), "not the start of a minute"),
            (minute(300, 1, 2), "2 errors in 1 requests"),
            (PastMinute { slow: Some(3), ..minute(300, 1, 0) }, "3 slow requests in 1"),
            (minute(300, u64::MAX, 0), "check the unit"),
            (minute(60 * 600_000, 1, 0), "of a year"),
        ] {
            let refused = past.push(wrong).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert_eq!(past.all().len(), 4);
    }
}
