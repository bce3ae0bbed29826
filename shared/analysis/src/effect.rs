use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::float;
use crate::sequential::Tally;

/// How many times as bad the canary is as the baseline of the same minutes, with its 95 % confidence bounds: the ratio
/// of the two rates that all minutes have in common, by the score of the conditional law (given a minute's requests and
/// events, each event is the canary's with odds ratio * canary requests / baseline requests). There to be read; of the
/// verdicts only an early promotion depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The ratio; 0 when only the baseline had events.
    pub ratio: f64,
    /// Its lower bound.
    pub low: f64,
    /// Its upper bound; at most a million.
    pub high: f64,
}

/// The 97.5 % point of the normal law.
const Z: f64 = 1.959_963_984_540_054;
/// The 99.9 % point.
const SURE: f64 = 3.090_232_306_167_813;
const MOST: f64 = 1e6;

/// Minutes in which both arms served and one of them had events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared(Vec<(f64, f64)>, f64);

impl Compared {
    pub(crate) fn add(&mut self, canary: Tally, baseline: Tally) {
        let events = canary.events + baseline.events;
        if events > 0 && canary.requests > 0 && baseline.requests > 0 {
            self.0.push((float(events), float(canary.requests) / float(baseline.requests)));
            self.1 += float(canary.events);
        }
    }

    /// `None` without events.
    pub(crate) fn effect(&self) -> Option<Effect> {
        (!self.0.is_empty()).then(|| Effect {
            ratio: self.ratio(0.0),
            low: self.ratio(Z),
            high: self.ratio(-Z),
        })
    }

    /// Whether the ratio is surely under `margin`.
    pub(crate) fn is_surely_under(&self, margin: f64) -> bool {
        !self.0.is_empty() && self.ratio(-SURE) < margin
    }

    /// The ratio under which the canary has `z` standard deviations more events than expected.
    fn ratio(&self, z: f64) -> f64 {
        let excess = |ratio: f64| {
            let (mut expected, mut variance) = (0.0, 0.0);
            for (events, odds) in &self.0 {
                let share = ratio * odds / (1.0 + ratio * odds);
                expected += events * share;
                variance += events * share * (1.0 - share);
            }
            self.1 - expected - z * variance.sqrt()
        };
        let (mut low, mut high) = (1.0 / MOST, MOST);
        if excess(low) <= 0.0 {
            return 0.0;
        }
        if excess(high) >= 0.0 {
            return MOST;
        }
        for _ in 0..60 {
            let middle = (low * high).sqrt();
            if excess(middle) > 0.0 { low = middle } else { high = middle }
        }
        (low * high).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(requests: u64, events: u64) -> Tally {
        Tally { requests, events }
    }

    #[test]
    fn the_ratio_is_what_the_minutes_have_in_common() {
        let mut compared = Compared::default();
        compared.add(tally(100, 20), tally(900, 90));
        compared.add(tally(500, 30), tally(500, 15));
        let effect = compared.effect().unwrap();
        assert!((effect.ratio - 2.0).abs() < 1e-9, "{effect:?}");
        assert!(effect.low < 2.0 && effect.low > 1.2 && effect.high > 2.0 && effect.high < 3.5, "{effect:?}");
    }

    #[test]
    fn bounds_are_wilsons_for_one_minute_of_equal_arms() {
        // Share of 10 of 30: Wilson's interval is 0.1923..0.5122, as odds.
        let mut compared = Compared::default();
        compared.add(tally(100, 10), tally(100, 20));
        let effect = compared.effect().unwrap();
        assert!((effect.low - 0.192_30 / 0.807_70).abs() < 1e-3, "{effect:?}");
        assert!((effect.high - 0.512_2 / 0.487_8).abs() < 1e-3, "{effect:?}");
    }

    #[test]
    fn without_events_nothing_is_known_and_none_of_the_canary_is_a_ratio_of_nought() {
        assert!(Compared::default().effect().is_none());
        let mut compared = Compared::default();
        compared.add(tally(100, 0), tally(100, 20));
        assert_eq!(compared.effect().unwrap().ratio.to_bits(), 0.0_f64.to_bits());
        assert!(compared.is_surely_under(1.2) && !compared.is_surely_under(0.1));
    }
}
