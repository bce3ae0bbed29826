//! Key B: the canary against the rate that is usual, corrected by the baseline of the same minute.

use super::concurrent::{Standing, Tally};
use super::walk::Walk;
use crate::history::History;
use crate::number::float;

/// The least and the most that history may weigh, in events.
const SHAPE: (f64, f64) = (0.5, 50.0);

/// When the events of a minute vary so many standard deviations more than they would at a steady rate, history says
/// nothing.
const UNSTEADY: f64 = 3.0;

/// A baseline minute so high that it has at most this chance is one of an outage: history says nothing about it.
const OUTAGE: f64 = 0.05;

/// From so many expected in one minute on, the baseline of that minute says all that history could.
const MANY: f64 = 150.0;

/// At this chance it is one for sure.
const NO_CHANCE: f64 = 1e-4;

/// So many events of a whole rollout are followed where nothing serves beside the canary.
const FOLLOWED: f64 = 150.0;

/// A group-sequential test whose law is the Pólya urn that starts from a gamma law of the baseline's rate.
#[derive(Clone, Debug)]
pub(crate) struct Historical {
    margin: f64,
    dispersion: f64,
    prior: Gamma,
    now: Gamma,
    /// Whether a baseline serves beside the canary.
    beside: bool,
    walk: Walk,
    spent: f64,
    canary: f64,
    told: u64,
    last: [(f64, f64); 3],
    off: bool,
}

/// A gamma law of a rate: `shape` events in `requests`.
#[derive(Clone, Copy, Debug)]
struct Gamma {
    shape: f64,
    requests: f64,
}

impl Historical {
    /// `None` where history is too short or too unsteady to tell a usual rate.
    pub(crate) fn new(history: &History, margin: f64, dispersion: f64) -> Option<Self> {
        if history.minutes < 30 || history.requests == 0 {
            return None;
        }
        let ratio = history.minute_variance / history.minute_mean.max(f64::MIN_POSITIVE);
        let deviation = (2.0 / f64::from(history.minutes.saturating_sub(1))).sqrt();
        if history.minute_mean > 0.0 && ratio > dispersion * (1.0 + UNSTEADY * deviation) {
            return None;
        }
        Some(Self::from(Gamma::usual(history, dispersion), margin, dispersion, true))
    }

    /// The same without a baseline beside the canary: any history is better than none. Many events are thinned to so
    /// few that they can be followed number by number; that the rate is known no better than [`SHAPE`] says costs more.
    pub(crate) fn alone(history: &History, margin: f64, dispersion: f64, planned: u32) -> Option<Self> {
        let expected = history.minute_mean * f64::from(planned) / dispersion;
        let dispersion = dispersion * (expected / FOLLOWED).max(1.0);
        let usual = Gamma::usual(history, dispersion);
        (history.requests > 0).then(|| Self::from(usual, margin, dispersion, false))
    }

    fn from(prior: Gamma, margin: f64, dispersion: f64, beside: bool) -> Self {
        Self {
            margin,
            dispersion,
            prior,
            now: prior,
            beside,
            walk: Walk::new(),
            spent: 0.0,
            canary: 0.0,
            told: 0,
            last: [(0.0, 0.0); 3],
            off: false,
        }
    }

    /// Adds a minute; up to `allowance` may have been spent after it.
    pub(crate) fn add(&mut self, canary: Tally, baseline: Tally, allowance: f64) -> Standing {
        if self.off || canary.requests == 0 || self.beside && baseline.requests == 0 {
            return self.unchanged();
        }
        let dispersion = self.dispersion;
        let thin = |count: u64| float(count) / dispersion;
        if self.beside && self.is_outage(thin(baseline.requests), thin(baseline.events)) {
            return self.unchanged();
        }
        let expected = thin(canary.requests) * self.margin;
        if self.now.shape * expected / self.now.requests > MANY {
            self.off = true;
            return self.unchanged();
        }
        self.walk.add_urn(self.now.shape, expected / (self.now.requests + expected));
        self.now.requests += expected;
        self.canary += thin(canary.events);
        self.told = floor(self.canary);
        if !self.walk.is_exact() && self.beside {
            self.off = true;
            return self.unchanged();
        }
        let (spent, tail) = (self.spent, self.walk.tail(self.told));
        let (boundary, more) = self.walk.absorb((allowance - spent).max(0.0));
        self.spent += more;
        Standing { p: (spent + tail).min(1.0), threshold: self.spent, crossed: self.told >= boundary }
    }

    /// Whether the baseline's minute is too high to be usual, alone or with the two before. One that is only so by
    /// chance is learned from all the same: leaving out the high ones would make the rate seem low.
    fn is_outage(&mut self, requests: f64, events: f64) -> bool {
        self.last.rotate_left(1);
        self.last[2] = (requests, events);
        let three = self.last.iter().fold((0.0, 0.0), |sum, minute| (sum.0 + minute.0, sum.1 + minute.1));
        let chance = self.prior.tail(requests, events).min(self.prior.tail(three.0, three.1));
        if chance > NO_CHANCE {
            self.now.shape += events;
            self.now.requests += requests;
        }
        chance <= OUTAGE
    }

    fn unchanged(&self) -> Standing {
        let p = if self.off { 1.0 } else { (self.spent + self.walk.tail(self.told)).min(1.0) };
        Standing { p, threshold: self.spent, crossed: false }
    }

    /// What was spent, once nothing more will be.
    pub(crate) fn spent(&self) -> Option<f64> {
        self.off.then_some(self.spent)
    }
}

impl Gamma {
    /// The rate that was usual, no surer than it was steady from one ten minutes to the next.
    fn usual(history: &History, dispersion: f64) -> Self {
        let (events, requests) = (float(history.events) / dispersion, float(history.requests) / dispersion);
        let excess = history.window_variance - history.window_mean * dispersion;
        let steady = if excess > 0.0 { history.window_mean.powi(2) / excess } else { f64::INFINITY };
        let shape = (0.5 + events).min(steady).clamp(SHAPE.0, SHAPE.1);
        Self { shape, requests: shape / ((events + 0.5) / requests) }
    }

    /// The chance of at least so many events among so many requests (negative binomial law).
    fn tail(self, requests: f64, events: f64) -> f64 {
        let events = floor(events + 1e-9);
        if events == 0 {
            return 1.0;
        }
        let chance = requests / (self.requests + requests);
        let mut term = (self.shape * (1.0 - chance).ln()).exp();
        let mut below = 0.0;
        for count in 0..events {
            below += term;
            term *= (self.shape + float(count)) / float(count + 1) * chance;
            if count > 1_000 && term < 1e-12 {
                break;
            }
        }
        (1.0 - below).max(0.0)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts below 2^53")]
fn floor(count: f64) -> u64 {
    (count + 1e-9).floor() as u64
}
