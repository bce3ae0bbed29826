//! Key B: the canary's errors, given what history and baseline say of the rate.

use super::concurrent::boundary;
use crate::{
    math::{ln_negative_binomial, negative_binomial_tail, normal_tail},
    protocol::History,
};

/// States up to which counts are kept one by one.
const EXACT: usize = 500;
/// The length of the lattice.
const CELLS: usize = 700;

pub struct Historical {
    alpha: f64,
    spent: f64,
    prior: (f64, f64),
    a: f64,
    b: f64,
    s: u64,
    /// The last minutes of the baseline: errors and requests.
    last: Vec<(u64, f64)>,
    /// One cell per `h` errors: all paths, and those that have not crossed.
    h: f64,
    all: Vec<f64>,
    kept: Vec<f64>,
}

impl Historical {
    pub fn new(history: &History, alpha: f64) -> Self {
        let (x, n) = (history.errors as f64, (history.requests as f64).max(1.0));
        let (mean, variance) = (history.window_mean, history.window_variance);
        let by_windows = if variance > mean { mean * mean / (variance - mean) } else { f64::INFINITY };
        let a = (0.5 + x).min(by_windows).clamp(0.5, 50.0);
        let b = a / ((x + 0.5) / n);
        let (all, kept) = (vec![1.0], vec![1.0]);
        Self { alpha, spent: 0.0, prior: (a, b), a, b, s: 0, last: Vec::new(), h: 1.0, all, kept }
    }

    pub fn minute(&mut self, (nc, nb): (f64, f64), xc: u64, xb: u64, part: f64) -> bool {
        self.last.push((xb, nb));
        let recent = self.last.iter().rev().take(3).fold((0, 0.0), |sum, m| (sum.0 + m.0, sum.1 + m.1));
        let high = |(x, n): (u64, f64)| negative_binomial_tail(x, self.prior.0, n / self.prior.1) <= 0.05;
        if high((xb, nb)) || high(recent) {
            return false;
        }
        self.a += xb as f64;
        self.b += nb;
        self.s += xc;
        let scale = nc / self.b;
        self.widen(scale);
        (self.all, self.kept) = self.moved(scale);
        self.b += nc;
        let (bound, tail) = boundary(&self.kept, self.alpha * part - self.spent);
        self.spent += tail;
        self.kept.iter_mut().skip(bound).for_each(|f| *f = 0.0);
        (self.s as f64 / self.h).round() >= bound as f64
    }

    /// Chooses a coarser lattice when counts are too many.
    fn widen(&mut self, scale: f64) {
        let moments = self.all.iter().enumerate().fold((0.0, 0.0, 0.0), |(m0, m1, m2), (i, f)| {
            let s = i as f64 * self.h;
            (m0 + f, m1 + f * s, m2 + f * s * s)
        });
        let mean = moments.1 / moments.0;
        let variance = (moments.2 / moments.0 - mean * mean).max(0.0);
        let step = (self.a + mean) * scale;
        let step_variance = step * (1.0 + scale);
        let total = variance * (1.0 + scale).powi(2) + step_variance;
        if mean + step + 8.0 * total.sqrt() < EXACT as f64 * self.h {
            return;
        }
        let h = (step_variance.sqrt() / 4.0)
            .max(total.sqrt() / 30.0)
            .max((mean + step + 8.0 * total.sqrt()) / CELLS as f64)
            .max(self.h);
        let factor = self.h / h;
        for law in [&mut self.all, &mut self.kept] {
            let mut wide = vec![0.0; (law.len() as f64 * factor) as usize + 2];
            for (index, f) in law.iter().enumerate() {
                let at = index as f64 * factor;
                let (low, part) = (at.floor() as usize, at - at.floor());
                wide[low] += f * (1.0 - part);
                wide[low + 1] += f * part;
            }
            *law = wide;
        }
        self.h = h;
    }

    fn moved(&self, scale: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut all, mut kept) = (Vec::new(), Vec::new());
        let mut law = Vec::new();
        for (index, (u, f)) in self.all.iter().zip(&self.kept).enumerate() {
            if *u < 1e-15 {
                continue;
            }
            let first = self.law(self.a + index as f64 * self.h, scale, &mut law);
            let end = index + first + law.len();
            if all.len() < end {
                all.resize(end, 0.0);
                kept.resize(end, 0.0);
            }
            for (offset, q) in law.iter().enumerate() {
                all[index + first + offset] += u * q;
                kept[index + first + offset] += f * q;
            }
        }
        (all, kept)
    }

    /// The law of one minute's errors in cells, from the returned one on.
    fn law(&self, shape: f64, scale: f64, law: &mut Vec<f64>) -> usize {
        law.clear();
        let mean = shape * scale;
        if self.h <= 1.0 && mean < 500.0 {
            let ratio = scale / (1.0 + scale);
            let mut term = ln_negative_binomial(0, shape, scale).exp();
            let mut k = 0.0;
            loop {
                law.push(term);
                term *= ratio * (shape + k) / (k + 1.0);
                k += 1.0;
                if k > mean && term < 1e-12 {
                    return 0;
                }
            }
        }
        let deviation = (mean * (1.0 + scale)).sqrt().max(1e-9);
        let first = ((mean - 6.0 * deviation) / self.h).floor().max(0.0);
        let last = ((mean + 7.0 * deviation) / self.h).ceil();
        let mut cell = first;
        while cell <= last {
            let edge = |at: f64| normal_tail((at * self.h - mean) / deviation);
            let low = if cell <= 0.0 { 1.0 } else { edge(cell - 0.5) };
            law.push(low - edge(cell + 0.5));
            cell += 1.0;
        }
        first as usize
    }
}
