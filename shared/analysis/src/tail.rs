//! Upper tails of the canary's error count, given what both arms share.
//!
//! Given a minute's requests and its total errors, an equal version's share of the errors is hypergeometric (Fisher's
//! conditional test); with a margin above 1 it is taken as binomial, which is what Poisson counts give and what holds
//! the level for small p-values at any rate. Minutes are independent given their totals, so the law of the sum is the
//! convolution of theirs.

use crate::number::{Ratio, float};

/// Up to this many errors that chance could have dealt to either arm the sum's law is computed exactly, by convolution
/// (at most its square in multiplications); beyond it by [`binomial_bound`]. Where the bound takes over it is less than
/// a quarter above the exact value at an error rate of 1 %, and further above at higher rates.
const EXACT: u64 = 3_000;

/// No p-value is reported below this one: rounding up is safe, and stores refuse smaller numbers.
const FLOOR: f64 = 1e-100;

/// A term this small against the sum so far ends a sum whose terms fall: what is left out is under 1e-13 of the sum for
/// up to 1e13 trials.
const NEGLIGIBLE: f64 = 1e-20;

/// One comparison of two arms: requests of both, errors of both together, and the canary's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Table {
    canary: u64,
    baseline: u64,
    errors: u64,
    canary_errors: u64,
}

impl Table {
    /// The table of two arms, each as (requests, errors) with errors <= requests; `None` if an arm is idle, for then
    /// there is nothing to compare.
    pub(crate) fn new(canary: (u64, u64), baseline: (u64, u64)) -> Option<Self> {
        (canary.0 > 0 && baseline.0 > 0).then_some(Self {
            canary: canary.0,
            baseline: baseline.0,
            errors: canary.1 + baseline.1,
            canary_errors: canary.1,
        })
    }

    /// The same requests, had all of the canary's failed and none of the baseline's: the least p-value they can give.
    pub(crate) const fn at_worst(self) -> Self {
        Self { errors: self.canary, canary_errors: self.canary, ..self }
    }

    fn law(self, margin: Ratio) -> Law {
        if margin == Ratio::ONE {
            Law::Hypergeometric { canary: self.canary, baseline: self.baseline, errors: self.errors }
        } else {
            Law::Binomial {
                trials: self.errors,
                odds: margin.get() * float(self.canary) / float(self.baseline),
            }
        }
    }
}

/// The law of a count that falls off on both sides of its mode.
#[derive(Clone, Copy, Debug)]
enum Law {
    /// Errors that fall on the canary's requests, all requests being equal.
    Hypergeometric { canary: u64, baseline: u64, errors: u64 },
    /// Successes in independent trials; `odds` of a success, finite and above 0.
    Binomial { trials: u64, odds: f64 },
}

impl Law {
    fn least(self) -> u64 {
        match self {
            Self::Hypergeometric { baseline, errors, .. } => errors.saturating_sub(baseline),
            Self::Binomial { .. } => 0,
        }
    }

    fn most(self) -> u64 {
        match self {
            Self::Hypergeometric { canary, errors, .. } => errors.min(canary),
            Self::Binomial { trials, .. } => trials,
        }
    }

    fn mean(self) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                float(errors) * float(canary) / float(canary + baseline)
            }
            Self::Binomial { trials, odds } => float(trials) * (odds / (1.0 + odds)),
        }
    }

    /// A count at or next to the mode, where sums can start without underflow.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the mean is not negative, below 2^53, and wanted as a whole number"
    )]
    fn middle(self) -> u64 {
        (self.mean() as u64).clamp(self.least(), self.most())
    }

    /// P(count + 1) / P(count), for least <= count < most. Ratios need no factorials, so nothing cancels.
    fn ratio(self, count: u64) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                (float(errors - count) * float(canary - count))
                    / (float(count + 1) * float(baseline + count + 1 - errors))
            }
            Self::Binomial { trials, odds } => float(trials - count) / float(count + 1) * odds,
        }
    }

    /// The probabilities of least..=most; those too small for a float, far from the middle, are 0.
    fn probabilities(self) -> Vec<f64> {
        let middle = self.middle();
        let falling = |weight: &mut f64, ratio: f64| {
            *weight *= ratio;
            if *weight < f64::MIN_POSITIVE {
                *weight = 0.0;
            }
            Some(*weight)
        };
        let below =
            (self.least()..middle).rev().scan(1.0, |weight, count| falling(weight, 1.0 / self.ratio(count)));
        let mut weights: Vec<f64> = below.collect();
        weights.reverse();
        weights.push(1.0);
        weights.extend((middle..self.most()).scan(1.0, |weight, count| falling(weight, self.ratio(count))));
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / total).collect()
    }

    /// P(count >= `from`), in steps of the order of the standard deviation.
    fn upper_tail(self, from: u64) -> f64 {
        let (least, middle, most) = (self.least(), self.middle(), self.most());
        if from > most {
            return 0.0;
        }
        let mut total = 1.0;
        let mut tail = if middle >= from { 1.0 } else { 0.0 };
        let mut weight = 1.0;
        for count in middle..most {
            weight *= self.ratio(count);
            total += weight;
            if count + 1 >= from {
                tail += weight;
                if weight < NEGLIGIBLE * tail {
                    break;
                }
            }
            // Not `== 0.0`: the smallest float times a ratio over one half rounds to itself, for ever.
            if weight < f64::MIN_POSITIVE {
                break;
            }
        }
        weight = 1.0;
        for count in (least..middle).rev() {
            weight /= self.ratio(count);
            total += weight;
            if count >= from {
                tail += weight;
            }
            if weight < NEGLIGIBLE * total {
                break;
            }
        }
        tail / total
    }
}

/// The chance that a canary with at most `margin` times the baseline's rate has as many errors as were seen, or more;
/// 1 without tables. Exact, or an upper bound when errors are many. The order of the tables does not matter.
pub(crate) fn p_value(mut tables: Vec<Table>, margin: Ratio) -> f64 {
    tables.sort_unstable();
    let spread: u64 = tables.iter().map(|table| table.law(margin)).map(|law| law.most() - law.least()).sum();
    let p = if spread <= EXACT { exact(&tables, margin) } else { binomial_bound(&tables, margin) };
    p.clamp(FLOOR, 1.0)
}

/// The chance of `errors` or more in `requests` that each fail with a chance of at most `rate`: a binomial tail.
pub(crate) fn p_value_of_rate(requests: u64, errors: u64, rate: f64) -> f64 {
    let p = if errors == 0 || rate >= 1.0 {
        1.0
    } else {
        Law::Binomial { trials: requests, odds: rate / (1.0 - rate) }.upper_tail(errors)
    };
    p.clamp(FLOOR, 1.0)
}

fn exact(tables: &[Table], margin: Ratio) -> f64 {
    let mut law = vec![1.0];
    let mut least = 0;
    let mut seen = 0;
    for table in tables {
        let one = table.law(margin);
        least += one.least();
        seen += table.canary_errors;
        law = convolve(&law, &one.probabilities());
    }
    let below = usize::try_from(seen - least).unwrap_or(usize::MAX);
    // From the far end, so that small terms are added first.
    law.iter().skip(below).rev().sum()
}

fn convolve(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; left.len() + right.len() - 1];
    for (offset, weight) in left.iter().enumerate() {
        for (into, with) in sum.iter_mut().skip(offset).zip(right) {
            *into += weight * with;
        }
    }
    sum
}

/// An upper bound of the p-value. A hypergeometric count is a sum of independent trials with unequal chances (its
/// generating function has only real roots: Vatutin and Mikhailov 1982), so the total is one too, and the upper tail
/// of such a sum, from its mean plus 1 on, is at most that of equal chances with the same mean (Hoeffding, "On the
/// distribution of the number of successes in independent trials", 1956, theorem 4). The plain normal approximation is
/// no bound: at small canary weights it understates the far tail several times over.
fn binomial_bound(tables: &[Table], margin: Ratio) -> f64 {
    let mut trials = 0;
    let mut mean = 0.0;
    let mut seen = 0;
    for table in tables {
        let law = table.law(margin);
        trials += law.most() - law.least();
        mean += law.mean() - float(law.least());
        seen += table.canary_errors - law.least();
    }
    if float(seen) < mean + 1.0 {
        return 1.0;
    }
    Law::Binomial { trials, odds: mean / (float(trials) - mean) }.upper_tail(seen)
}

#[cfg(test)]
mod tests;
