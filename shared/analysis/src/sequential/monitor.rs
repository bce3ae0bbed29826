//! The open-ended watch: how bad a canary must be by now, however long and often it is looked at.

use super::concurrent::{Standing, Tally};
use crate::number::float;

/// Ratios that are looked for, and the weight of each (they add up to 1).
const RATIOS: [(f64, f64); 8] = [
    (1.5, 0.15),
    (2.0, 0.15),
    (3.0, 0.1),
    (5.0, 0.1),
    (10.0, 0.1),
    (30.0, 0.1),
    (100.0, 0.1),
    (1_000.0, 0.2),
];

/// A mixture of likelihood ratios of the conditional law (given a minute's requests and events, each event is the
/// canary's with odds ratio * canary requests / baseline requests). Under equality its mean is 1 at every time, so that
/// it is ever above 1 / a with a chance of at most a (Ville 1939): for all times, where a spending function is for some.
#[derive(Clone, Debug)]
pub(crate) struct Monitor {
    margin: f64,
    dispersion: f64,
    /// The logarithm of each ratio's likelihood against the margin's.
    logs: [f64; RATIOS.len()],
}

impl Monitor {
    pub(crate) const fn new(margin: f64, dispersion: f64) -> Self {
        Self { margin, dispersion, logs: [0.0; RATIOS.len()] }
    }

    /// Adds a minute; the whole watch may spend `budget`.
    pub(crate) fn add(&mut self, canary: Tally, baseline: Tally, budget: f64) -> Standing {
        if canary.requests > 0 && baseline.requests > 0 {
            let odds = float(canary.requests) / float(baseline.requests);
            let share = |ratio: f64| ratio * odds / (1.0 + ratio * odds);
            let equal = share(self.margin);
            for (log, (ratio, _)) in self.logs.iter_mut().zip(RATIOS) {
                let worse = share(self.margin * ratio);
                let here = float(canary.events) * (worse / equal).ln()
                    + float(baseline.events) * ((1.0 - worse) / (1.0 - equal)).ln();
                *log += here / self.dispersion;
            }
        }
        let most = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 =
            self.logs.iter().zip(RATIOS).map(|(log, (_, weight))| weight * (log - most).exp()).sum();
        let p = (-(most + sum.ln())).exp().min(1.0);
        Standing { p, threshold: budget, crossed: p <= budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(requests: u64, events: u64) -> Tally {
        Tally { requests, events }
    }

    #[test]
    fn a_lasting_difference_is_found_and_an_outage_of_both_is_not() {
        let mut watch = Monitor::new(1.0, 1.0);
        assert!((0..1_000).all(|_| !watch.add(tally(9_500, 95), tally(500, 5), 0.000_5).crossed));
        assert!((0..5).all(|_| !watch.add(tally(9_500, 4_750), tally(500, 250), 0.000_5).crossed));
        let mut watch = Monitor::new(1.0, 1.0);
        assert!((0..60).any(|_| watch.add(tally(9_500, 285), tally(500, 5), 0.000_5).crossed));
    }

    /// Every way in which 12 events can fall, one a minute, on arms of equal weight.
    #[test]
    fn its_budget_holds_at_every_time_together() {
        let budget = 0.1;
        let mut blamed = 0_u32;
        for way in 0..1_u32 << 12 {
            let mut watch = Monitor::new(1.0, 1.0);
            blamed += u32::from((0..12).any(|minute| {
                let canary = u64::from(way >> minute & 1);
                watch.add(tally(100, canary), tally(100, 1 - canary), budget).crossed
            }));
        }
        let chance = f64::from(blamed) / f64::from(1_u32 << 12);
        assert!(chance > 0.0 && chance <= budget, "{chance}");
    }
}
