//! The prototype of judge.md, as it is written there.

mod concurrent;
mod historical;

use crate::protocol::{Action, History, Judge, Minute, Run};
use concurrent::Concurrent;
use historical::Historical;

const ALPHA: f64 = 0.01;
/// The part of the budget that may be spent by each data minute.
const SPENDING: [f64; 13] = [0.20, 0.30, 0.38, 0.46, 0.54, 0.62, 0.70, 0.76, 0.82, 0.88, 0.94, 1.0, 1.0];
/// Minutes that a rollout may be held.
const HOLDS: u32 = 5;

fn spending(minute: usize) -> f64 {
    SPENDING.get(minute).copied().unwrap_or(1.0)
}

pub struct Prototype;

impl Judge for Prototype {
    fn name(&self) -> &'static str {
        "prototype"
    }

    fn begin(&self, history: &History) -> Box<dyn Run> {
        let df = history.chi2_df as f64;
        let raw = if df > 0.0 { history.chi2_sum / df } else { 1.0 };
        let phi = if (raw - 1.0) * (df / 2.0).sqrt() > 2.0 { raw } else { 1.0 };
        let spread = history.minute_variance / history.minute_mean / phi;
        let steady = spread.is_nan() || spread <= 1.0 + 3.0 * (2.0 / f64::from(history.minutes - 1)).sqrt();
        let historical = steady.then(|| Historical::new(history, 0.7 * ALPHA));
        let share = if steady { 0.3 } else { 1.0 };
        Box::new(Rollout {
            phi,
            raw: (0, 0),
            reduced: (0, 0),
            minute: 0,
            held: 0,
            concurrent: Concurrent::new(share * ALPHA),
            historical,
        })
    }
}

struct Rollout {
    phi: f64,
    /// Errors of the canary and of both arms so far, as counted and divided by the dispersion.
    raw: (u64, u64),
    reduced: (u64, u64),
    minute: usize,
    held: u32,
    concurrent: Concurrent,
    historical: Option<Historical>,
}

impl Run for Rollout {
    fn minute(&mut self, minute: &Minute) -> Action {
        let part = spending(self.minute);
        self.minute += 1;
        let (canary, baseline) = (minute.canary, minute.baseline);
        if canary.requests == 0 || baseline.requests == 0 {
            return Action::Continue;
        }
        self.raw.0 += canary.errors;
        self.raw.1 += canary.errors + baseline.errors;
        let reduced =
            ((self.raw.0 as f64 / self.phi).floor() as u64, (self.raw.1 as f64 / self.phi).round() as u64);
        let k = reduced.1.saturating_sub(self.reduced.1);
        let s = reduced.0.saturating_sub(self.reduced.0).min(k);
        self.reduced = (self.reduced.0 + s, self.reduced.1 + k);

        if k > 0 && self.concurrent.minute(canary.requests, baseline.requests, k, s, part) {
            return Action::RollBack;
        }
        let p = self.concurrent.p();
        if let Some(historical) = &mut self.historical {
            let requests = (canary.requests as f64 / self.phi, baseline.requests as f64 / self.phi);
            if historical.minute(requests, s, k - s, part) && p <= 0.5 {
                return Action::RollBack;
            }
        }
        if p <= 0.1 && self.held < HOLDS {
            self.held += 1;
            return Action::Hold;
        }
        Action::Continue
    }
}
