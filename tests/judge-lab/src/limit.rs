//! Tests that know the true rates, with at most 1 % false rollbacks over the plan: nobody can do much better.
//!
//! Sequential likelihood-ratio tests, their boundary the best of several shapes for each cell, calibrated on simulated
//! null rollouts of other seeds than those that are judged.

use crate::{
    cells::{Cell, Noise},
    play::undisturbed,
    protocol::{Action, Counts, History, Judge, Minute, Run},
    random::random,
};

const LOOKS: usize = 12;
/// False rollbacks over the plan.
const ALPHA: f64 = 0.01;

/// What the test knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// Both error rates.
    Rates,
    /// Their ratio, but not the rate that both arms share.
    Ratio,
}

type Path = [(Counts, Counts); LOOKS];

/// Rollouts for calibration: null ones, and ones with the cell's canary.
fn simulate(cell: &Cell, p1: f64, count: usize, word: u64) -> Vec<Path> {
    let plan = undisturbed();
    let mut rng =
        random(&[0xCA11_B8A7E, word, (cell.rate * 1e3) as u64, (cell.p0 * 1e9) as u64, (p1 * 1e9) as u64]);
    (0..count)
        .map(|_| {
            let mut path = [(Counts::default(), Counts::default()); LOOKS];
            for (look, (_, weight)) in path.iter_mut().zip(&plan) {
                let share = f64::from(*weight) / 100.0;
                let mut arm = |share: f64, rate: f64| {
                    let requests = if share > 0.0 { rng.poisson(cell.rate * 60.0 * share) } else { 0 };
                    Counts { requests, errors: rng.binomial(requests, rate) }
                };
                *look = (arm(share, p1), arm(1.0 - share, cell.p0));
            }
            path
        })
        .collect()
}

/// The logarithm of the likelihood ratio of one minute.
fn increment(knows: Knows, p0: f64, p1: f64, canary: Counts, baseline: Counts) -> f64 {
    let times = |count: u64, ln: f64| if count == 0 { 0.0 } else { count as f64 * ln };
    match knows {
        Knows::Rates => {
            times(canary.errors, (p1 / p0).ln())
                + times(canary.requests - canary.errors, ((1.0 - p1) / (1.0 - p0)).ln().max(-1e12))
        }
        Knows::Ratio => {
            if canary.requests == 0 || baseline.requests == 0 {
                return 0.0;
            }
            let (c, b, r) = (canary.requests as f64, baseline.requests as f64, p1 / p0);
            let (even, worse) = (c / (c + b), r * c / (r * c + b));
            times(canary.errors, (worse / even).ln())
                + times(baseline.errors, ((1.0 - worse) / (1.0 - even)).ln())
        }
    }
}

fn statistics(knows: Knows, p0: f64, p1: f64, paths: &[Path]) -> Vec<[f64; LOOKS]> {
    let cumulate = |path: &Path| {
        let mut sum = 0.0;
        path.map(|(canary, baseline)| {
            sum += increment(knows, p0, p1, canary, baseline);
            sum
        })
    };
    paths.iter().map(cumulate).collect()
}

/// Thresholds that spend the budget as the shape says.
fn by_spending(null: &[[f64; LOOKS]], shape: &[f64; LOOKS]) -> [f64; LOOKS] {
    let mut alive: Vec<&[f64; LOOKS]> = null.iter().collect();
    let mut spent = 0usize;
    let mut thresholds = [f64::INFINITY; LOOKS];
    for look in 0..LOOKS {
        let allowed = ((ALPHA * shape[look]) * null.len() as f64).floor() as usize;
        let may = allowed.saturating_sub(spent);
        if may == 0 || alive.len() <= may {
            continue;
        }
        let mut values: Vec<f64> = alive.iter().map(|path| path[look]).collect();
        let (above, next, _) = values.select_nth_unstable_by(may, |a, b| b.total_cmp(a));
        let next = *next;
        // The least value above the first one that must not cross; a ratio of 1 is no evidence.
        let least =
            above.iter().copied().filter(|value| *value > next && *value > 0.0).fold(f64::INFINITY, f64::min);
        thresholds[look] = least;
        let before = alive.len();
        alive.retain(|path| path[look] < least);
        spent += before - alive.len();
    }
    thresholds
}

/// Thresholds `k - offset`, with the least `k` that keeps the budget.
fn by_offset(null: &[[f64; LOOKS]], offset: &[f64; LOOKS]) -> [f64; LOOKS] {
    let mut greatest: Vec<f64> = null
        .iter()
        .map(|path| path.iter().zip(offset).map(|(s, o)| s + o).fold(f64::NEG_INFINITY, f64::max))
        .collect();
    let may = (ALPHA * null.len() as f64).floor() as usize;
    let (above, next, _) = greatest.select_nth_unstable_by(may, |a, b| b.total_cmp(a));
    let next = *next;
    let k = above.iter().copied().filter(|value| *value > next).fold(f64::INFINITY, f64::min);
    offset.map(|offset| k - offset)
}

/// Minutes of full traffic that a canary has had when it is rolled back at each look, and when it never is.
fn exposures(horizon: u32) -> ([f64; LOOKS], f64) {
    let plan = undisturbed();
    let mut sum = 0.0;
    let all: Vec<f64> = plan
        .iter()
        .map(|(_, weight)| {
            sum += f64::from(*weight) / 100.0;
            sum
        })
        .collect();
    let mut at = [0.0; LOOKS];
    for (look, at) in at.iter_mut().enumerate() {
        *at = all[look + 1];
    }
    (at, sum + f64::from(horizon) - plan.len() as f64)
}

fn cost(paths: &[[f64; LOOKS]], thresholds: &[f64; LOOKS], horizon: u32) -> f64 {
    let (at, never) = exposures(horizon);
    let one = |path: &[f64; LOOKS]| {
        path.iter().zip(thresholds).position(|(s, c)| s >= c).map_or(never, |look| at[look])
    };
    paths.iter().map(one).sum::<f64>() / paths.len() as f64
}

fn spending_shapes(horizon: u32) -> Vec<[f64; LOOKS]> {
    let published = [0.20, 0.30, 0.38, 0.46, 0.54, 0.62, 0.70, 0.76, 0.82, 0.88, 0.94, 1.0];
    let mut shapes = vec![published, [1.0; LOOKS]];
    let (at, _) = exposures(horizon);
    for power in [0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0] {
        let mut by_look = [0.0; LOOKS];
        for (look, part) in by_look.iter_mut().enumerate() {
            *part = ((look + 1) as f64 / LOOKS as f64).powf(power);
        }
        shapes.push(by_look);
        shapes.push(at.map(|exposure| (exposure / at[LOOKS - 1]).powf(power)));
    }
    // Nothing until a look, everything there and later.
    for first in 1..LOOKS {
        let mut late = [1.0; LOOKS];
        late.iter_mut().take(first).for_each(|part| *part = 0.0);
        shapes.push(late);
        let mut half = [1.0; LOOKS];
        half.iter_mut().take(first).for_each(|part| *part = 0.5);
        shapes.push(half);
    }
    shapes
}

/// A shape of Bayes: the more a further minute costs, the lower the bar.
fn offsets(horizon: u32) -> Vec<[f64; LOOKS]> {
    let (at, never) = exposures(horizon);
    let mut all = Vec::new();
    for power in [0.0, 0.15, 0.3, 0.5, 0.7, 1.0, 1.3] {
        for last in [1.0, 0.3, 0.1] {
            let mut offset = [0.0; LOOKS];
            for look in 0..LOOKS {
                let next = if look + 1 < LOOKS { at[look + 1] - at[look] } else { (never - at[look]) * last };
                offset[look] = power * next.ln();
            }
            all.push(offset);
        }
    }
    all
}

/// A test that knows too much.
pub struct Limit {
    name: &'static str,
    knows: Knows,
    p0: f64,
    p1: f64,
    thresholds: [f64; LOOKS],
}

impl Limit {
    /// The test for this cell; `paths` null rollouts calibrate it.
    pub fn new(knows: Knows, cell: &Cell, paths: usize, horizon: u32) -> Self {
        let cell = Cell { noise: Noise::Independent, ..*cell };
        let (p0, p1) = (cell.p0, cell.p1(u32::MAX / 2));
        let null = statistics(knows, p0, p1, &simulate(&cell, p0, paths, 0));
        let worse = statistics(knows, p0, p1, &simulate(&cell, p1, paths / 5, 1));
        let spending = spending_shapes(horizon).into_iter().map(|shape| by_spending(&null, &shape));
        let offset = offsets(horizon).into_iter().map(|offset| by_offset(&null, &offset));
        let thresholds = spending
            .chain(offset)
            .map(|thresholds| (cost(&worse, &thresholds, horizon), thresholds))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map_or([f64::INFINITY; LOOKS], |(_, thresholds)| thresholds);
        let name = match knows {
            Knows::Rates => "limit-rates",
            Knows::Ratio => "limit-ratio",
        };
        Self { name, knows, p0, p1, thresholds }
    }
}

impl Judge for Limit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn begin(&self, _: &History) -> Box<dyn Run> {
        Box::new(Walk { knows: self.knows, rates: (self.p0, self.p1), thresholds: self.thresholds, sum: 0.0 })
    }
}

struct Walk {
    knows: Knows,
    rates: (f64, f64),
    thresholds: [f64; LOOKS],
    sum: f64,
}

impl Run for Walk {
    fn minute(&mut self, minute: &Minute) -> Action {
        self.sum += increment(self.knows, self.rates.0, self.rates.1, minute.canary, minute.baseline);
        let threshold = self.thresholds.get(minute.minute as usize).copied().unwrap_or(f64::INFINITY);
        if self.sum >= threshold { Action::RollBack } else { Action::Continue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Canary;

    #[test]
    fn boundaries_keep_the_budget_on_rollouts_they_were_not_made_of() {
        for knows in [Knows::Rates, Knows::Ratio] {
            let cell = Cell { rate: 5.0, p0: 0.01, canary: Canary::Times(2.0), noise: Noise::Independent };
            let limit = Limit::new(knows, &cell, 40_000, 60);
            let fresh = statistics(knows, 0.01, 0.02, &simulate(&cell, 0.01, 40_000, 9));
            let crossed =
                fresh.iter().filter(|path| path.iter().zip(limit.thresholds).any(|(s, c)| *s >= c)).count();
            assert!((300..460).contains(&crossed), "{knows:?}: {crossed}");
        }
    }

    #[test]
    fn a_dead_canary_is_seen_in_its_first_minute() {
        let cell = Cell { rate: 50.0, p0: 0.01, canary: Canary::Dead, noise: Noise::Independent };
        let limit = Limit::new(Knows::Rates, &cell, 5_000, 60);
        let dead = statistics(Knows::Rates, 0.01, 1.0, &simulate(&cell, 1.0, 100, 9));
        assert!((cost(&dead, &limit.thresholds, 60) - 0.2).abs() < 1e-9);
    }
}
