use crate::history::History;

/// How much more the events of one arm vary than independent ones would, at least 1.
///
/// From the history's split over zones: Pearson's statistic by its degrees of freedom, taken for real when it is more
/// than `DOUBT` standard deviations above 1.
pub(crate) fn dispersion(history: Option<&History>) -> f64 {
    const DOUBT: f64 = 2.0;
    const SKEWED: f64 = 1.5;
    let Some(split) = history.and_then(|history| history.split) else { return 1.0 };
    if split.degrees <= 0.0 {
        return 1.0;
    }
    let factor = split.chi_squared / split.degrees;
    if (factor - 1.0) * (split.degrees / 2.0).sqrt() > DOUBT {
        1.0 + SKEWED * (factor - 1.0).max(0.0)
    } else {
        1.0
    }
}

/// Running totals divided by the dispersion, as whole numbers: what is rounded away in one minute comes back in a later.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Thinned {
    exact: f64,
    told: u64,
}

impl Thinned {
    /// Adds, and answers with the whole part that was not told before.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts below 2^53")]
    pub(crate) fn add(&mut self, count: f64, round: fn(f64) -> f64) -> u64 {
        self.exact += count;
        let whole = round(self.exact + 1e-9) as u64;
        let more = whole.saturating_sub(self.told);
        self.told = whole.max(self.told);
        more
    }

    pub(crate) const fn total(&self) -> u64 {
        self.told
    }
}
