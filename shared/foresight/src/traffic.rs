use analysis::sequential::Tally;
use analysis::{History, Probability};
use serde::Serialize;

use crate::draw::{binomial, poisson, uniform};
use crate::float;

/// The most requests a minute, as the judge has it.
const MOST: f64 = 1e9;

/// What a service serves while nothing is wrong: requests that come independently of each other, of which a constant
/// share fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Traffic {
    requests_per_minute: f64,
    error_rate: Probability,
    history_minutes: u32,
}

/// Why traffic was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TrafficError {
    /// No number of requests.
    #[error("{0} requests per minute cannot be foreseen: write a number above 0, at most a billion")]
    Requests(f64),
    /// A rate that has no multiples.
    #[error(
        "an error rate of {0} has no multiples: write a share above 0 and at most 0.5, such as 0.001 for 0.1 %; for a \
         service without any error, the least that would not surprise you"
    )]
    ErrorRate(f64),
}

impl Traffic {
    /// So many requests a minute and such a share of them that fails, with a history of six hours.
    pub fn new(requests_per_minute: f64, error_rate: f64) -> Result<Self, TrafficError> {
        if !(requests_per_minute > 0.0 && requests_per_minute <= MOST) {
            return Err(TrafficError::Requests(requests_per_minute));
        }
        let usable = error_rate > 0.0 && error_rate <= 0.5;
        let rate = Probability::new(error_rate).ok().filter(|_| usable);
        let error_rate = rate.ok_or(TrafficError::ErrorRate(error_rate))?;
        Ok(Self { requests_per_minute, error_rate, history_minutes: 360 })
    }

    /// The same with so many minutes of history, 0 for none.
    #[must_use]
    pub const fn with_history(self, minutes: u32) -> Self {
        Self { history_minutes: minutes, ..self }
    }

    /// Requests per minute, on average.
    pub const fn requests_per_minute(self) -> f64 {
        self.requests_per_minute
    }

    /// The share that fails.
    pub const fn error_rate(self) -> Probability {
        self.error_rate
    }

    /// What was counted before the rollout of this number.
    pub(crate) fn history(self, seed: u64, run: u64) -> Option<History> {
        let minute = |at: u32| {
            let word = |which| uniform(&[seed, run, u64::from(at), which]);
            let requests = poisson(self.requests_per_minute, word(10));
            [Tally { requests, events: binomial(requests, self.error_rate.get(), word(11)) }]
        };
        let minutes: Vec<_> = (0..self.history_minutes).map(minute).collect();
        History::of(&minutes)
    }

    /// What the canary and the baseline serve in a minute of the rollout, when the canary fails this share.
    pub(crate) fn minute(
        self,
        seed: u64,
        run: u64,
        minute: usize,
        weight: u8,
        canary_rate: f64,
    ) -> (Tally, Tally) {
        let share = f64::from(weight) / 100.0;
        let arm = |which: u64, share: f64, rate: f64| {
            let word = |what| uniform(&[seed, run, minute as u64, which, what]);
            let requests = poisson(self.requests_per_minute * share, word(20));
            Tally { requests, events: binomial(requests, rate, word(21)) }
        };
        (arm(1, share, canary_rate), arm(2, 1.0 - share, self.error_rate.get()))
    }

    /// Errors that a canary with this rate causes in so many minutes of all traffic, beyond what the old version would.
    pub(crate) fn excess(self, canary_rate: f64, minutes: f64) -> f64 {
        (canary_rate - self.error_rate.get()).max(0.0) * self.requests_per_minute * minutes
    }

    /// Requests to a canary with this weight in so many minutes, on average.
    pub(crate) fn expected(self, weight: u8, minutes: u32) -> f64 {
        self.requests_per_minute * f64::from(weight) / 100.0 * f64::from(minutes)
    }
}

/// The share that fails at so many times the usual rate.
pub(crate) fn times(rate: Probability, ratio: f64) -> f64 {
    (rate.get() * ratio).min(1.0)
}

/// The least number of minutes in which `needed` requests are expected.
pub(crate) fn minutes_until(needed: u64, a_minute: f64) -> f64 {
    (float(needed) / a_minute).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_have_the_rates_they_should_and_the_same_name_has_the_same_minute() {
        let traffic = Traffic::new(600.0, 0.01).unwrap();
        let (mut canary, mut baseline) = ((0, 0), (0, 0));
        for run in 0..2_000 {
            let (new, old) = traffic.minute(1, run, 3, 25, 0.02);
            assert_eq!((new, old), traffic.minute(1, run, 3, 25, 0.02));
            canary = (canary.0 + new.requests, canary.1 + new.events);
            baseline = (baseline.0 + old.requests, baseline.1 + old.events);
        }
        assert!(
            (float(canary.0) / 2_000.0 - 150.0).abs() < 2.0
                && (float(baseline.0) / 2_000.0 - 450.0).abs() < 3.0
        );
        assert!((float(canary.1) / float(canary.0) - 0.02).abs() < 0.001, "{canary:?}");
        assert!((float(baseline.1) / float(baseline.0) - 0.01).abs() < 0.001, "{baseline:?}");
        let history = traffic.history(1, 0).unwrap();
        assert!((float(history.events) / float(history.requests) - 0.01).abs() < 0.001, "{history:?}");
        assert!(traffic.with_history(0).history(1, 0).is_none());
    }

    #[test]
    fn traffic_that_cannot_be_is_refused() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Traffic::new(wrong, 0.01).unwrap_err().to_string().contains("above 0"));
            assert!(Traffic::new(10.0, wrong).unwrap_err().to_string().contains("0.001 for 0.1 %"));
        }
        assert!(Traffic::new(10.0, 5.0).is_err());
    }
}
