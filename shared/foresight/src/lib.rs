//! What a plan will notice, and what it would have done to past minutes. Pure: no clock, no I/O, and no random numbers
//! but those that a seed names.
//!
//! Everything is found by playing the judge itself, [`analysis`], minute by minute: [`figures()`] on synthetic minutes of
//! a traffic, [`backtest()`] on the past minutes of a service. Two simplifications: weights change exactly on the minute,
//! and guardrails and health checks say nothing.

mod advice;
mod backtest;
mod csv;
mod draw;
mod figures;
mod past;
mod plan;
mod play;
mod plot;
mod rule;
mod traffic;

pub use advice::{Advice, Change};
pub use backtest::{Backtest, BacktestError, Blame, Detection, EFFECTS, Effort, Row, backtest};
pub use csv::{CsvError, read_csv};
pub use figures::{Case, Figures, FiguresEffort, StepFigures, figures};
pub use past::{PastError, PastMinute, PastMinutes};
pub use plan::{Plan, PlanError, Step};
pub use plot::plot;
pub use rule::{Rule, RuleKind, peers};
pub use traffic::{Traffic, TrafficError};

/// A canary that is so many times as bad as the baseline, or fails every request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Badness {
    /// So many times the baseline's rate.
    Times(f64),
    /// Every request fails.
    Dead,
}

impl std::fmt::Display for Badness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Times(ratio) => write!(f, "{ratio}x"),
            Self::Dead => f.write_str("dead"),
        }
    }
}

impl serde::Serialize for Badness {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// The value below which this share of sorted values lies (nearest rank); `None` without values.
pub(crate) fn quantile(sorted: &[u32], share: f64) -> Option<u32> {
    let rank = usize::try_from(draw::rounded((float(sorted.len() as u64) * share).ceil())).ok()?;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.9), Some(7));
        let ten: Vec<u32> = (1..=10).collect();
        assert_eq!(
            (quantile(&ten, 0.5), quantile(&ten, 0.9), quantile(&ten, 0.0)),
            (Some(5), Some(9), Some(1))
        );
    }
}
