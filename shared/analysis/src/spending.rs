/// How much of the false-rollback budget may be spent up to a data minute (Lan and `DeMets` 1983: any function that was
/// fixed beforehand keeps the budget). Early minutes get more than their share: what a bad version costs grows with the
/// time it is not found out, and one that fails every request is found out in the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spending {
    /// The data minutes in which all but the reserve is spent.
    pub(crate) planned: u32,
}

/// What the first minute may spend.
const FIRST: f64 = 0.2;
/// What is kept for minutes beyond the plan (a step that was held, or extended).
const RESERVE: f64 = 0.05;
/// What is kept for the open-ended watch, and for minutes with nothing beside the canary: half of it each.
pub(crate) const OPEN_ENDED: f64 = 0.05;
/// After so many minutes beyond the plan half of it is spent.
const HALF: f64 = 10.0;
/// How spending falls behind time.
const POWER: f64 = 0.87;

impl Spending {
    /// The share of the budget that may be spent up to and including data minute `minute`, from 1.
    pub(crate) fn until(self, minute: u32) -> f64 {
        if minute == 0 {
            return 0.0;
        }
        let planned = self.planned.max(2);
        if minute <= planned {
            let passed = f64::from(minute.saturating_sub(1)) / f64::from(planned - 1);
            (1.0 - OPEN_ENDED - RESERVE) * (FIRST + (1.0 - FIRST) * passed.powf(POWER))
        } else {
            let beyond = f64::from(minute - planned);
            1.0 - OPEN_ENDED - RESERVE * HALF / (HALF + beyond)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spending_rises_to_the_budget_and_no_further() {
        for planned in [0, 1, 2, 13, 1_440] {
            let spending = Spending { planned };
            let spent: Vec<f64> = (0..5_000).map(|minute| spending.until(minute)).collect();
            assert!(spent.is_sorted(), "{planned}");
            assert!(spent.iter().all(|share| (0.0..=1.0 - OPEN_ENDED).contains(share)), "{planned}");
            assert!(spent.first().is_some_and(|first| *first <= 0.0));
            assert!(spent.last().is_some_and(|last| *last > 0.94), "{planned}");
        }
    }
}
