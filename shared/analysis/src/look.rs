use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which look at a rollout's evidence this is, counted from 1 over the whole rollout, and how many its plan expects.
///
/// Each look may spend a fixed share of the false-rollback budget: the planned looks nine tenths in equal parts, the
/// j-th look beyond them 1/(10 j (j + 1)).
///
/// Proof that the budget holds: let k be a look's number. When versions are equal, the p-value that look k computes
/// falls to its threshold with at most that threshold's probability, because it is conditional on each minute's
/// requests and total errors. Which minutes look k sees depends on time, request counts and earlier steps' data alone,
/// unless an earlier look has failed already. The shares add up to 9/10 + 1/10 * (1/(1*2) + 1/(2*3) + ...) = 1. So by
/// the union bound some look fails with at most the budget's probability, however many there are and however they
/// depend on each other.
///
/// The one exception to its premise: a step that is held up because its error rate is above `max_error_rate` by too
/// little to be sure. Each look for which it is held up can add its own threshold once more. The same holds for a
/// caller who prolongs a step because of its errors.
///
/// A number is used for one set of evidence: judging the same minutes again under the same number (a retry) spends
/// nothing, new minutes need the next number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Which look, from 1.
    pub number: NonZeroU32,
    /// How many looks the plan takes over the whole rollout; fixed when the rollout starts.
    pub planned: NonZeroU32,
}

impl Look {
    /// The look that follows `earlier` looks, in a rollout that plans `planned` of them (none counts as one).
    pub fn after(earlier: u32, planned: u32) -> Self {
        Self {
            number: NonZeroU32::MIN.saturating_add(earlier),
            planned: NonZeroU32::new(planned).unwrap_or(NonZeroU32::MIN),
        }
    }

    /// The share of the budget that this look may spend.
    pub(crate) fn share(self) -> f64 {
        let (number, planned) = (self.number.get(), self.planned.get());
        if number <= planned {
            0.9 / f64::from(planned)
        } else {
            let beyond = f64::from(number - planned);
            0.1 / (beyond * (beyond + 1.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_looks_add_up_to_the_budget_and_no_more() {
        for planned in [0, 1, 2, 13, 500] {
            let spent: f64 = (0..100_000).map(|earlier| Look::after(earlier, planned).share()).sum();
            assert!((0.999_99..=1.0 + 1e-12).contains(&spent), "{planned}: {spent}");
            let in_plan: f64 = (0..planned.max(1)).map(|earlier| Look::after(earlier, planned).share()).sum();
            assert!((in_plan - 0.9).abs() < 1e-12, "{planned}: {in_plan}");
        }
    }

    #[test]
    fn looks_are_counted_from_one_and_never_overflow() {
        assert_eq!(Look::after(0, 13).number.get(), 1);
        assert_eq!(Look::after(u32::MAX, 0).number.get(), u32::MAX);
        assert_eq!(Look::after(0, 0).planned.get(), 1);
    }
}
