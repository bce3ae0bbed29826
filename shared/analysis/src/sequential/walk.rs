//! The law of a running sum of canary errors under equality, over the paths that have not crossed the boundary.

use super::kernel::{Law, spread};
use crate::number::float;

/// A walk longer than this is put on a lattice of twice the spacing: at least sixteen points for each standard
/// deviation are left.
const LONGEST: usize = 256;

/// More errors of one minute are not followed number by number.
const MOST_ERRORS: u32 = 4_096;

/// Paths so low that they make up less than this are taken as a little higher than they are, which is on the safe side.
const LOW: f64 = 1e-9;

/// `mass[i]` is the chance that the sum is `(first + i) * spacing` and no boundary was crossed before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Walk {
    spacing: u64,
    first: u64,
    mass: Vec<f64>,
}

impl Walk {
    /// A sum that is 0.
    pub(crate) fn new() -> Self {
        Self { spacing: 1, first: 0, mass: vec![1.0] }
    }

    /// Adds a minute.
    pub(crate) fn add(&mut self, law: Law) {
        let sd = law.variance().sqrt();
        while sd / float(self.spacing) > float(LONGEST as u64) / 16.0 {
            self.coarsen();
        }
        let kernel = law.on_lattice(self.spacing);
        let mut sum = vec![0.0; self.mass.len() + kernel.mass.len() - 1];
        // The shorter law outside: the loop inside is what a processor does several at a time.
        let (outer, inner) = if self.mass.len() < kernel.mass.len() {
            (&self.mass, &kernel.mass)
        } else {
            (&kernel.mass, &self.mass)
        };
        for (place, weight) in outer.iter().enumerate() {
            if let Some(to) = sum.get_mut(place..place + inner.len()) {
                for (to, from) in to.iter_mut().zip(inner) {
                    *to += weight * from;
                }
            }
        }
        self.first += kernel.least;
        self.mass = sum;
        self.tidy();
        if self.mass.len() > LONGEST {
            self.coarsen();
        }
    }

    /// Adds a minute whose law depends on where the walk is: `law(s)` is the negative binomial law (number of
    /// successes `shape + s`, chance `chance`) of that minute's errors (the Pólya urn: what was seen so far tells of
    /// the rate). Only while [`Self::is_exact`].
    pub(crate) fn add_urn(&mut self, shape: f64, chance: f64) {
        let rows = self.mass.len();
        // P(0) = (1 - chance)^(shape + s); the terms after it by their ratios, for all rows at once.
        let log = (1.0 - chance).ln();
        let start = shape + float(self.first);
        let sizes: Vec<f64> = (0..rows).map(|row| start + float(row as u64)).collect();
        let mut weights: Vec<f64> =
            self.mass.iter().zip(&sizes).map(|(mass, size)| mass * (size * log).exp()).collect();
        let all: f64 = self.mass.iter().sum();
        // Beyond the mean of the highest row the terms only fall.
        let highest = (start + float(rows as u64)) * chance / (1.0 - chance);
        let mut sum = vec![0.0; rows];
        for count in 0_u32..MOST_ERRORS {
            let place = count as usize;
            sum.resize(rows + place, 0.0);
            let mut added = 0.0;
            let factor = chance / f64::from(count + 1);
            if let Some(to) = sum.get_mut(place..) {
                for ((to, weight), size) in to.iter_mut().zip(&mut weights).zip(&sizes) {
                    *to += *weight;
                    added += *weight;
                    *weight *= (size + f64::from(count)) * factor;
                }
            }
            if added < all * 1e-15 && f64::from(count) > highest {
                break;
            }
        }
        self.mass = sum;
        self.tidy();
    }

    /// The chance to be at `sum` or above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred points")]
    pub(crate) fn tail(&self, sum: u64) -> f64 {
        // A point stands for what is nearer to it than to any other; between two of them the tail is taken as straight.
        let spacing = float(self.spacing);
        let place = ((float(sum) - 0.5) / spacing + 0.5 - float(self.first)).max(0.0);
        let (low, part) = (place.floor() as usize, place.fract());
        // Smallest first.
        let above: f64 = self.mass.get(low + 1..).map_or(0.0, |tail| tail.iter().rev().sum());
        above + self.mass.get(low).copied().unwrap_or(0.0) * (1.0 - part)
    }

    /// Takes the paths out that are at or above the lowest boundary whose crossing has at most this chance, and answers
    /// with that boundary and the chance.
    pub(crate) fn absorb(&mut self, allowance: f64) -> (u64, f64) {
        let (mut spent, mut from) = (0.0, self.mass.len());
        for (index, mass) in self.mass.iter().enumerate().rev() {
            if spent + mass > allowance {
                break;
            }
            spent += mass;
            from = index;
        }
        self.mass.truncate(from);
        if self.mass.is_empty() {
            // An allowance of the whole mass is no test.
            self.mass.push(0.0);
        }
        // On a lattice a point stands for what is nearer to it than to any other.
        let boundary = (self.first + from as u64) * self.spacing;
        (boundary.saturating_sub((self.spacing - 1) / 2), spent)
    }

    /// Whether the walk is short enough to be followed number by number.
    pub(crate) fn is_exact(&self) -> bool {
        self.spacing == 1 && self.mass.len() <= LONGEST
    }

    fn tidy(&mut self) {
        let (mut low, mut cut) = (0.0, 0);
        for mass in &self.mass {
            if low + mass > LOW {
                break;
            }
            low += mass;
            cut += 1;
        }
        if cut > 0 && cut < self.mass.len() {
            self.mass.drain(..cut);
            self.first += cut as u64;
            if let Some(lowest) = self.mass.first_mut() {
                *lowest += low;
            }
        }
        while self.mass.last().is_some_and(|mass| *mass < 1e-18) && self.mass.len() > 1 {
            self.mass.pop();
        }
    }

    /// Doubles the spacing; the mean stays.
    fn coarsen(&mut self) {
        let first = self.first / 2;
        let mut mass = vec![0.0; self.mass.len() / 2 + 2];
        for (place, weight) in (self.first..).zip(&self.mass) {
            spread(&mut mass, place - first * 2, 2, *weight);
        }
        *self = Self { spacing: self.spacing * 2, first, mass };
    }
}
