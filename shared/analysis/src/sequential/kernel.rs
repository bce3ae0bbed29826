//! Laws of one minute's canary errors under equality, as arrays.

use crate::number::float;

/// Terms below this share of the largest are left out.
const NEGLIGIBLE: f64 = 1e-15;

/// From this standard deviation on a law is taken as normal, corrected for its skewness (Edgeworth's first term).
const WIDE: f64 = 24.0;

/// The law of a whole number: `mass[i]` is the probability of `least + i`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kernel {
    pub(crate) least: u64,
    pub(crate) mass: Vec<f64>,
}

/// A law that is computed from its mode outwards by ratios of neighbours, so that no factorial is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Law {
    /// Errors that fall on the canary's requests, all requests being equal (Fisher's conditional test).
    Hypergeometric { canary: u64, baseline: u64, errors: u64 },
    /// Errors that fall on the canary, each by itself with this chance, strictly between 0 and 1.
    Binomial { errors: u64, share: f64 },
}

impl Law {
    const fn range(self) -> (u64, u64) {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                (errors.saturating_sub(baseline), if errors < canary { errors } else { canary })
            }
            Self::Binomial { errors, .. } => (0, errors),
        }
    }

    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                float(errors) * float(canary) / float(canary + baseline)
            }
            Self::Binomial { errors, share } => float(errors) * share,
        }
    }

    pub(crate) fn variance(self) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                let all = float(canary + baseline);
                let share = float(canary) / all;
                float(errors) * share * (1.0 - share) * (all - float(errors)) / (all - 1.0).max(1.0)
            }
            Self::Binomial { errors, share } => float(errors) * share * (1.0 - share),
        }
    }

    fn skewness(self) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                let (of_canary, all, events) = (float(canary), float(canary + baseline), float(errors));
                let spread = of_canary * events * (all - of_canary) * (all - events);
                (all - 2.0 * of_canary) * (all - 2.0 * events) * (all - 1.0).sqrt()
                    / ((all - 2.0) * spread.sqrt())
            }
            Self::Binomial { share, .. } => (1.0 - 2.0 * share) / self.variance().sqrt(),
        }
    }

    /// P(count + 1) / P(count) within the range.
    fn ratio(self, count: u64) -> f64 {
        match self {
            Self::Hypergeometric { canary, baseline, errors } => {
                (float(errors - count) * float(canary - count))
                    / (float(count + 1) * float(baseline + count + 1 - errors))
            }
            Self::Binomial { errors, share } => {
                float(errors - count) / float(count + 1) * (share / (1.0 - share))
            }
        }
    }

    /// Whether the law is computed term by term; otherwise only [`Self::normal`] is affordable.
    pub(crate) fn is_narrow(self) -> bool {
        self.variance() < WIDE * WIDE
    }

    /// The law, term by term.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the mean is not negative and far below 2^53"
    )]
    pub(crate) fn exact(self) -> Kernel {
        let (least, most) = self.range();
        let mode = (self.mean() as u64).clamp(least, most);
        let mut below = Vec::new();
        let mut weight = 1.0;
        for count in (least..mode).rev() {
            weight /= self.ratio(count);
            if weight < NEGLIGIBLE {
                break;
            }
            below.push(weight);
        }
        let least = mode - below.len() as u64;
        below.reverse();
        let mut mass = below;
        mass.push(1.0);
        weight = 1.0;
        for count in mode..most {
            weight *= self.ratio(count);
            if weight < NEGLIGIBLE {
                break;
            }
            mass.push(weight);
        }
        normalise(&mut mass);
        Kernel { least, mass }
    }

    /// The law on multiples of `spacing`, in units of it: exact terms shared between their two neighbours so that the
    /// mean stays, or the normal law of the same mean and variance where that is too long.
    pub(crate) fn on_lattice(self, spacing: u64) -> Kernel {
        if !self.is_narrow() {
            let (mean, sd) = (self.mean() / float(spacing), self.variance().sqrt() / float(spacing));
            return normal(mean, sd, self.skewness());
        }
        let exact = self.exact();
        if spacing == 1 {
            return exact;
        }
        let least = exact.least / spacing;
        let places = (exact.least + exact.mass.len() as u64) / spacing - least + 2;
        let mut mass = vec![0.0; usize::try_from(places).unwrap_or(usize::MAX)];
        let mut widened = 0.0;
        for (count, weight) in (exact.least..).zip(exact.mass) {
            spread(&mut mass, count - least * spacing, spacing, weight);
            let part = float(count % spacing) / float(spacing);
            widened += weight * part * (1.0 - part);
        }
        narrow(&mut mass, widened);
        Kernel { least, mass }
    }
}

/// Shares `weight` at `place` between the two multiples of `spacing` around it.
pub(crate) fn spread(mass: &mut [f64], place: u64, spacing: u64, weight: f64) {
    let (index, rest) = (usize::try_from(place / spacing).unwrap_or(usize::MAX), place % spacing);
    let upper = float(rest) / float(spacing);
    if let Some(low) = mass.get_mut(index) {
        *low += weight * (1.0 - upper);
    }
    if rest > 0
        && let Some(high) = mass.get_mut(index + 1)
    {
        *high += weight * upper;
    }
}

/// Takes back the variance that sharing between neighbours has added, in squares of the spacing; the mean stays.
fn narrow(mass: &mut [f64], variance: f64) {
    let mut before = 0.0;
    for place in 0..mass.len() {
        let (here, after) =
            (mass.get(place).copied().unwrap_or(0.0), mass.get(place + 1).copied().unwrap_or(0.0));
        if let Some(to) = mass.get_mut(place) {
            *to = (here - 0.5 * variance * (before - 2.0 * here + after)).max(0.0);
        }
        before = here;
    }
    normalise(mass);
}

fn normalise(mass: &mut [f64]) {
    let sum: f64 = mass.iter().sum();
    for weight in mass {
        *weight /= sum;
    }
}

/// The normal law at whole numbers from 0 on, corrected for a small skewness. `sd` is above 1 where this is used.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a lattice is some hundred points long"
)]
fn normal(mean: f64, sd: f64, skewness: f64) -> Kernel {
    let reach = 8.0 * sd;
    let least = (mean - reach).max(0.0) as u64;
    let most = (mean + reach).ceil() as u64;
    let mut mass: Vec<f64> = (least..=most)
        .map(|place| {
            let z = (place as f64 - mean) / sd;
            (-0.5 * z * z).exp() * (1.0 + skewness / 6.0 * (z * z * z - 3.0 * z)).max(0.0)
        })
        .collect();
    normalise(&mut mass);
    Kernel { least, mass }
}
