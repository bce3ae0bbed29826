//! Key A: the canary's share of each minute's errors, given their number.

use crate::math::{hypergeometric, normal_tail};

/// Cumulated errors up to which counts are kept one by one.
const EXACT: u64 = 300;
/// Half the length of the lattice.
const HALF: usize = 270;

pub struct Concurrent {
    alpha: f64,
    spent: f64,
    s: u64,
    k: u64,
    mean: f64,
    variance: f64,
    law: Law,
    p: f64,
}

enum Law {
    /// Over the sum of the canary's errors: all paths, and those that have not crossed.
    Exact { all: Vec<f64>, kept: Vec<f64> },
    /// Over (sum - mean) / h.
    Lattice { h: f64, kept: Vec<f64> },
}

impl Concurrent {
    pub fn new(alpha: f64) -> Self {
        let law = Law::Exact { all: vec![1.0], kept: vec![1.0] };
        Self { alpha, spent: 0.0, s: 0, k: 0, mean: 0.0, variance: 0.0, law, p: 1.0 }
    }

    /// The chance of as many errors on the canary, at any one look.
    pub const fn p(&self) -> f64 {
        self.p
    }

    /// Whether the boundary is crossed with `s` of `k` more errors, when `part` of the budget may have been spent.
    pub fn minute(&mut self, canary: u64, baseline: u64, k: u64, s: u64, part: f64) -> bool {
        let (nc, n) = (canary as f64, (canary + baseline) as f64);
        let share = nc / n;
        let before = self.mean;
        let more = k as f64 * share * (1.0 - share) * (n - k as f64) / (n - 1.0).max(1.0);
        self.mean += k as f64 * share;
        self.variance += more;
        self.s += s;
        self.k += k;
        let may = self.alpha * part - self.spent;
        if self.k > EXACT {
            return self.on_lattice(before, more, may);
        }
        let Law::Exact { all, kept } = &mut self.law else { return false };
        let kernel = hypergeometric(canary, baseline, k);
        *all = convolve(all, &kernel);
        *kept = convolve(kept, &kernel);
        self.p = all.iter().skip(self.s as usize).sum::<f64>().min(1.0);
        let (bound, tail) = boundary(kept, may);
        self.spent += tail;
        kept.iter_mut().skip(bound).for_each(|f| *f = 0.0);
        self.s as usize >= bound
    }

    fn on_lattice(&mut self, before: f64, more: f64, may: f64) -> bool {
        let h = (more.sqrt() / 4.0).max(self.variance.sqrt() / 30.0).max(1e-9);
        let mut kept = vec![0.0; 2 * HALF + 1];
        match &self.law {
            Law::Exact { kept: old, .. } => {
                for (s, f) in old.iter().enumerate() {
                    place(&mut kept, (s as f64 - before) / h, *f);
                }
            }
            Law::Lattice { h: old, kept: cells } => {
                for (index, f) in cells.iter().enumerate() {
                    place(&mut kept, (index as f64 - HALF as f64) * old / h, *f);
                }
            }
        }
        let deviation = more.sqrt();
        if deviation > 0.0 {
            let reach = ((6.0 * deviation / h).ceil() as usize).min(HALF);
            let kernel: Vec<f64> = (0..=2 * reach)
                .map(|index| {
                    let z = (index as f64 - reach as f64) * h;
                    normal_tail((z - h / 2.0) / deviation) - normal_tail((z + h / 2.0) / deviation)
                })
                .collect();
            let long = convolve(&kept, &kernel);
            kept = long[reach..=reach + 2 * HALF].to_vec();
        }
        let z = self.s as f64 - self.mean;
        self.p = normal_tail((z - 0.5) / self.variance.sqrt().max(1e-9));
        let (bound, tail) = boundary(&kept, may);
        self.spent += tail;
        kept.iter_mut().skip(bound).for_each(|f| *f = 0.0);
        self.law = Law::Lattice { h, kept };
        (z / h).round() + HALF as f64 >= bound as f64
    }
}

fn place(cells: &mut [f64], at: f64, mass: f64) {
    let at = (at + HALF as f64).clamp(0.0, 2.0 * HALF as f64);
    let low = at.floor() as usize;
    let part = at - at.floor();
    cells[low] += mass * (1.0 - part);
    if part > 0.0 {
        cells[low + 1] += mass * part;
    }
}

pub fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate().filter(|(_, a)| **a > 1e-18) {
        for (sum, b) in sum[i..].iter_mut().zip(b) {
            *sum += a * b;
        }
    }
    sum
}

/// The smallest index whose tail is within `may`, and that tail.
pub fn boundary(law: &[f64], may: f64) -> (usize, f64) {
    let mut tail = 0.0;
    let mut bound = law.len();
    for f in law.iter().rev() {
        if tail + f > may {
            break;
        }
        tail += f;
        bound -= 1;
    }
    (bound, tail)
}
