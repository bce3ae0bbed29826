//! Random numbers by name: the same words give the same stream, on every machine.

use rand::{Rng, SeedableRng};
use rand_distr::{Binomial, Distribution, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// A stream of random numbers.
pub struct Random(Pcg64Mcg);

/// The stream that these words name.
pub fn random(words: &[u64]) -> Random {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for word in words {
        // SplitMix64's finalizer (Steele, Lea and Flood 2014).
        state = state.wrapping_add(*word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    Random(Pcg64Mcg::seed_from_u64(state))
}

impl Random {
    /// Between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    pub fn below(&mut self, end: u32) -> u32 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Mean 1; the logarithm has this standard deviation.
    pub fn log_normal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }

    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean < 12.0 {
            let (mut count, mut term) = (0u64, (-mean).exp());
            let mut rest = self.uniform();
            while rest > term && count < 200 {
                rest -= term;
                count += 1;
                term *= mean / count as f64;
            }
            return count;
        }
        if mean > 1e4 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        Poisson::new(mean).map_or(0, |law| law.sample(&mut self.0) as u64)
    }

    pub fn binomial(&mut self, trials: u64, chance: f64) -> u64 {
        if chance >= 1.0 {
            return trials;
        }
        if chance <= 0.0 || trials == 0 {
            return 0;
        }
        let mean = trials as f64 * chance;
        if mean < 12.0 && chance < 0.2 {
            // Inversion: term by term.
            let odds = chance / (1.0 - chance);
            let mut term = (trials as f64 * (-chance).ln_1p()).exp();
            let (mut count, mut rest) = (0u64, self.uniform());
            while rest > term && count < trials {
                rest -= term;
                count += 1;
                term *= odds * (trials - count + 1) as f64 / count as f64;
            }
            return count;
        }
        Binomial::new(trials, chance).map_or(0, |law| law.sample(&mut self.0))
    }

    /// 1, 2, 3, ... with this mean.
    pub fn geometric(&mut self, mean: f64) -> u64 {
        if mean <= 1.0 {
            return 1;
        }
        1 + (self.uniform().ln() / (1.0 - 1.0 / mean).ln()).floor() as u64
    }
}
