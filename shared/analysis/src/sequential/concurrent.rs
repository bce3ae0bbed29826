//! Key A: the canary against the baseline of the same minute, whatever both arms share.

use super::dispersion::Thinned;
use super::kernel::Law;
use super::walk::Walk;
use crate::number::float;

/// A group-sequential exact conditional test: given each minute's requests and events, an equal version's events are
/// hypergeometric (with a margin above 1, binomial).
#[derive(Clone, Debug)]
pub(crate) struct Concurrent {
    margin: f64,
    dispersion: f64,
    walk: Walk,
    spent: f64,
    all: Thinned,
    canary: Thinned,
}

/// One arm's requests, and the events among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Events among them.
    pub events: u64,
}

/// Where a test stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// An upper bound of the chance that an equal version came so far, or was stopped before.
    pub(crate) p: f64,
    /// What was spent so far: the chance of all that is at or over the boundary.
    pub(crate) threshold: f64,
    /// Whether it is at or over its boundary.
    pub(crate) crossed: bool,
}

impl Standing {
    pub(crate) const NOTHING: Self = Self { p: 1.0, threshold: 0.0, crossed: false };
}

impl Concurrent {
    pub(crate) fn new(margin: f64, dispersion: f64) -> Self {
        let (all, canary) = (Thinned::default(), Thinned::default());
        Self { margin, dispersion, walk: Walk::new(), spent: 0.0, all, canary }
    }

    /// Adds a minute; up to `allowance` may have been spent after it.
    pub(crate) fn add(&mut self, canary: Tally, baseline: Tally, allowance: f64) -> Standing {
        let together = canary.events + baseline.events;
        if together == 0 || canary.requests == 0 || baseline.requests == 0 {
            return self.unchanged();
        }
        self.canary.add(float(canary.events) / self.dispersion, f64::floor);
        let errors = self.all.add(float(together) / self.dispersion, f64::round);
        if errors == 0 {
            return self.unchanged();
        }
        self.walk.add(self.law(canary.requests, baseline.requests, errors));
        let (spent, sum) = (self.spent, self.canary.total());
        let tail = self.walk.tail(sum);
        let (boundary, more) = self.walk.absorb((allowance - spent).max(0.0));
        self.spent += more;
        Standing { p: (spent + tail).min(1.0), threshold: self.spent, crossed: sum >= boundary }
    }

    fn unchanged(&self) -> Standing {
        let p = (self.spent + self.walk.tail(self.canary.total())).min(1.0);
        Standing { p, threshold: self.spent, crossed: false }
    }

    fn law(&self, canary: u64, baseline: u64, errors: u64) -> Law {
        let thin = |requests: u64| float(requests) / self.dispersion;
        if self.margin > 1.0 || self.dispersion > 1.0 {
            let odds = self.margin * thin(canary) / thin(baseline);
            return Law::Binomial { errors, share: odds / (1.0 + odds) };
        }
        Law::Hypergeometric { canary, baseline, errors }
    }
}
