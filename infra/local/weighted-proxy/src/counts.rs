use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{Arm, PerArm};

/// Seven days, in minutes: how much is kept unless the options say otherwise.
pub const SEVEN_DAYS_OF_MINUTES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7 * 24 * 60 - 1);

/// What one arm did, in one minute or since the start.
///
/// Latency is real wall time from the head of the request reaching the proxy to the head of the response being
/// ready, like `TargetResponseTime` of an Application Load Balancer (which leaves out the way of the request's body).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ArmCounts {
    /// Requests that got an answer from the target, or a 502 or 504 from the proxy in its place.
    pub requests: u64,
    /// Those of `requests` that ended with a 5xx of the target, with a 502 or 504 of the proxy, or with a response
    /// body that broke off.
    pub errors: u64,
    /// Those of `requests` whose latency was over the objective in force when they ended.
    pub slow: u64,
    /// Requests whose client went away, or stopped sending, before there was a response; not in `requests`, as an
    /// Application Load Balancer's 460 and 408 are no responses of the target.
    pub abandoned: u64,
    /// Sum of the latencies of `requests`, in microseconds.
    pub latency_sum_micros: u64,
    /// The greatest latency of `requests`, in microseconds.
    pub latency_max_micros: u64,
}

impl ArmCounts {
    /// The mean latency, or `None` without requests.
    pub fn mean_latency(&self) -> Option<Duration> {
        self.latency_sum_micros.checked_div(self.requests).map(Duration::from_micros)
    }

    fn add(&mut self, ending: Ending) {
        match ending {
            Ending::Abandoned => self.abandoned += 1,
            Ending::Answered { latency, failed, slow } => {
                let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.requests += 1;
                self.errors += u64::from(failed);
                self.slow += u64::from(slow);
                self.latency_sum_micros = self.latency_sum_micros.saturating_add(micros);
                self.latency_max_micros = self.latency_max_micros.max(micros);
            }
        }
    }
}

/// What both arms did in one minute of the caller's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MinuteCounts {
    /// The first instant of the minute (UTC, whole minute).
    pub minute: Timestamp,
    /// The counts of the requests that ended in it.
    pub arms: PerArm<ArmCounts>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// The client left before there was a response.
    Abandoned,
    /// There was a response.
    Answered { latency: Duration, failed: bool, slow: bool },
}

/// Counts per minute, of the newest minutes only, and in total.
#[derive(Debug)]
pub(crate) struct Counters {
    kept: NonZeroUsize,
    minutes: BTreeMap<Timestamp, PerArm<ArmCounts>>,
    totals: PerArm<ArmCounts>,
}

impl Counters {
    pub(crate) const fn new(kept: NonZeroUsize) -> Self {
        let none = ArmCounts {
            requests: 0,
            errors: 0,
            slow: 0,
            abandoned: 0,
            latency_sum_micros: 0,
            latency_max_micros: 0,
        };
        Self { kept, minutes: BTreeMap::new(), totals: PerArm { blue: none, green: none } }
    }

    pub(crate) fn record(&mut self, at: Timestamp, arm: Arm, ending: Ending) {
        self.totals.get_mut(arm).add(ending);
        self.minutes.entry(minute_of(at)).or_default().get_mut(arm).add(ending);
        while self.minutes.len() > self.kept.get() {
            self.minutes.pop_first();
        }
    }

    pub(crate) const fn totals(&self) -> PerArm<ArmCounts> {
        self.totals
    }

    pub(crate) fn minutes(&self, first: Timestamp, end: Timestamp) -> Vec<MinuteCounts> {
        if first >= end {
            return Vec::new();
        }
        self.minutes
            .range(first..end)
            .map(|(minute, arms)| MinuteCounts { minute: *minute, arms: *arms })
            .collect()
    }
}

/// The first instant of the minute that `at` lies in.
fn minute_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    // Before 1970 as_second rounds towards zero, so a fraction below a whole minute belongs to the minute before.
    let second = if at.subsec_nanosecond() < 0 { second - 1 } else { second };
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn answered(millis: u64, failed: bool, slow: bool) -> Ending {
        Ending::Answered { latency: Duration::from_millis(millis), failed, slow }
    }

    #[test]
    fn an_instant_lies_in_the_minute_that_began_before_it() {
        for (instant, minute) in [
            ("2026-01-02T03:04:00Z", "2026-01-02T03:04:00Z"),
            ("2026-01-02T03:04:59.999999999Z", "2026-01-02T03:04:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:00Z"),
            ("1969-12-31T23:58:59.5Z", "1969-12-31T23:58:00Z"),
        ] {
            assert_eq!(minute_of(at(instant)), at(minute), "{instant}");
        }
    }

    #[test]
    fn minutes_hold_what_ended_in_them_and_totals_hold_all() {
        let mut counters = Counters::new(SEVEN_DAYS_OF_MINUTES);
        counters.record(at("2026-01-02T03:04:59.999Z"), Arm::Blue, answered(10, false, false));
        counters.record(at("2026-01-02T03:05:00Z"), Arm::Blue, answered(700, true, true));
        counters.record(at("2026-01-02T03:05:01Z"), Arm::Green, answered(30, false, false));
        counters.record(at("2026-01-02T03:05:02Z"), Arm::Green, Ending::Abandoned);

        let minutes = counters.minutes(at("2026-01-02T03:05:00Z"), at("2026-01-02T03:06:00Z"));
        assert_eq!(minutes.len(), 1);
        assert_eq!(minutes[0].minute, at("2026-01-02T03:05:00Z"));
        assert_eq!(
            minutes[0].arms.blue,
            ArmCounts {
                requests: 1,
                errors: 1,
                slow: 1,
                abandoned: 0,
                latency_sum_micros: 700_000,
                latency_max_micros: 700_000,
            }
        );
        assert_eq!((minutes[0].arms.green.requests, minutes[0].arms.green.abandoned), (1, 1));
        assert_eq!(counters.totals().blue.requests, 2);
        assert_eq!(counters.totals().blue.mean_latency(), Some(Duration::from_millis(355)));
        assert_eq!(ArmCounts::default().mean_latency(), None);
        assert_eq!(counters.minutes(at("2026-01-02T03:05:00Z"), at("2026-01-02T03:05:00Z")), []);
        assert_eq!(counters.minutes(at("2026-01-02T03:06:00Z"), at("2026-01-02T03:05:00Z")), []);
    }

    #[test]
    fn only_the_newest_minutes_are_kept() {
        assert_eq!(SEVEN_DAYS_OF_MINUTES.get(), 10_080);
        let mut counters = Counters::new(NonZeroUsize::new(3).unwrap());
        for minute in 0..10 {
            counters.record(
                Timestamp::from_second(minute * 60).unwrap(),
                Arm::Blue,
                answered(1, false, false),
            );
        }
        let kept: Vec<i64> = counters
            .minutes(Timestamp::MIN, Timestamp::MAX)
            .iter()
            .map(|counts| counts.minute.as_second() / 60)
            .collect();
        assert_eq!(kept, [7, 8, 9]);
        assert_eq!(counters.totals().blue.requests, 10);
    }
}
