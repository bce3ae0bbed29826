//! Tests from books: Fisher's without correction, mSPRT, and a mixture of likelihood ratios.

use crate::{
    math::hypergeometric_tail,
    protocol::{Action, Counts, History, Judge, Minute, Run},
};

const ALPHA: f64 = 0.01;

pub fn all() -> Vec<Box<dyn Judge>> {
    vec![
        Box::new(Textbook("fisher", || Box::new(Fisher::default()))),
        Box::new(Textbook("msprt", || Box::new(Msprt::default()))),
        Box::new(Textbook("mixture", || Box::new(Mixture::default()))),
    ]
}

struct Textbook(&'static str, fn() -> Box<dyn Run>);

impl Judge for Textbook {
    fn name(&self) -> &'static str {
        self.0
    }

    fn begin(&self, _: &History) -> Box<dyn Run> {
        self.1()
    }
}

/// Fisher's exact test of the pooled counts in every minute, one-sided, at 1 % each time.
#[derive(Default)]
struct Fisher {
    canary: Counts,
    baseline: Counts,
}

fn add(sum: &mut Counts, more: Counts) {
    sum.requests += more.requests;
    sum.errors += more.errors;
}

fn verdict(bad: bool) -> Action {
    if bad { Action::RollBack } else { Action::Continue }
}

impl Run for Fisher {
    fn minute(&mut self, minute: &Minute) -> Action {
        add(&mut self.canary, minute.canary);
        add(&mut self.baseline, minute.baseline);
        let (c, b) = (self.canary, self.baseline);
        if c.errors as f64 * b.requests as f64 <= b.errors as f64 * c.requests as f64 {
            return Action::Continue;
        }
        verdict(hypergeometric_tail(c.requests, b.requests, c.errors + b.errors, c.errors) <= ALPHA)
    }
}

/// The mixture's standard deviation: differences of one percentage point.
const MIXTURE: f64 = 0.01;

/// Johari et al.: always-valid p-value of the difference of two proportions, normal mixture.
#[derive(Default)]
struct Msprt {
    canary: Counts,
    baseline: Counts,
}

impl Run for Msprt {
    fn minute(&mut self, minute: &Minute) -> Action {
        add(&mut self.canary, minute.canary);
        add(&mut self.baseline, minute.baseline);
        let (c, b) = (self.canary, self.baseline);
        if c.requests == 0 || b.requests == 0 || c.errors + b.errors == 0 {
            return Action::Continue;
        }
        let (nc, nb) = (c.requests as f64, b.requests as f64);
        let pooled = (c.errors + b.errors) as f64 / (nc + nb);
        let difference = c.errors as f64 / nc - b.errors as f64 / nb;
        let variance = pooled * (1.0 - pooled) * (1.0 / nc + 1.0 / nb);
        if difference <= 0.0 || variance <= 0.0 {
            return Action::Continue;
        }
        let mixture = MIXTURE * MIXTURE;
        let ln = 0.5 * (variance / (variance + mixture)).ln()
            + mixture * difference * difference / (2.0 * variance * (variance + mixture));
        verdict(ln >= (1.0 / ALPHA).ln())
    }
}

/// The mixture of likelihood ratios of judge.md, minute by minute given each minute's errors.
struct Mixture {
    ln: [f64; 8],
}

const RATIOS: [f64; 8] = [1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0];
const WEIGHTS: [f64; 8] = [0.15, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2];

impl Default for Mixture {
    fn default() -> Self {
        Self { ln: WEIGHTS.map(f64::ln) }
    }
}

impl Run for Mixture {
    fn minute(&mut self, minute: &Minute) -> Action {
        let (c, b) = (minute.canary, minute.baseline);
        if c.requests == 0 || b.requests == 0 {
            return Action::Continue;
        }
        let (nc, nb) = (c.requests as f64, b.requests as f64);
        let share = |ratio: f64| ratio * nc / (ratio * nc + nb);
        for (ln, ratio) in self.ln.iter_mut().zip(RATIOS) {
            *ln += c.errors as f64 * (share(ratio) / share(1.0)).ln()
                + b.errors as f64 * ((1.0 - share(ratio)) / (1.0 - share(1.0))).ln();
        }
        let greatest = self.ln.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.ln.iter().map(|ln| (ln - greatest).exp()).sum();
        verdict(greatest + sum.ln() >= (1.0 / ALPHA).ln())
    }
}
