use serde::Serialize;
use thiserror::Error;

use crate::{Arm, PerArm};

/// The greatest weight of one arm, as in a weighted forward action of an Application Load Balancer.
pub const MAX_WEIGHT: u16 = 999;

/// The relative weights of both arms: 0..=999 each and not both 0, as an Application Load Balancer has them.
///
/// They are relative: 10 and 90 mean the same as 1 and 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Weights(PerArm<u16>);

/// Why a pair of weights was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WeightsError {
    /// A weight is over [`MAX_WEIGHT`].
    #[error(
        "the weight {weight} of the {arm} arm is over {MAX_WEIGHT}: weights are relative, so scale both down"
    )]
    TooGreat {
        /// Whose weight it is.
        arm: Arm,
        /// The refused weight.
        weight: u16,
    },
    /// Neither arm would get a request.
    #[error("the weights of the blue and the green arm are both 0: give at least one of them 1 or more")]
    BothZero,
}

impl Weights {
    /// Every request goes to blue.
    pub const ALL_BLUE: Self = Self(PerArm { blue: 100, green: 0 });
    /// Every request goes to green.
    pub const ALL_GREEN: Self = Self(PerArm { blue: 0, green: 100 });

    /// Makes a pair of weights; refuses one over 999, and 0 for both.
    pub const fn new(blue: u16, green: u16) -> Result<Self, WeightsError> {
        if blue > MAX_WEIGHT {
            return Err(WeightsError::TooGreat { arm: Arm::Blue, weight: blue });
        }
        if green > MAX_WEIGHT {
            return Err(WeightsError::TooGreat { arm: Arm::Green, weight: green });
        }
        if blue == 0 && green == 0 {
            return Err(WeightsError::BothZero);
        }
        Ok(Self(PerArm { blue, green }))
    }

    /// The weight of `arm`.
    pub const fn get(&self, arm: Arm) -> u16 {
        *self.0.get(arm)
    }
}

/// Picks the arm of each request in proportion to the weights, by smooth weighted round robin.
///
/// Every arm earns its weight per request; the richer arm serves and pays the sum. For two arms, the number of
/// requests an arm got among any `n` in a row is within one of `n * weight / sum`: 10 % is exactly 10 of 100, so a
/// short step has the evidence that its weight promises, and a test needs no tolerance. A random choice would add
/// binomial noise (3 around 10 of 100). The price is that the choice is periodic: a client that alternates two
/// kinds of request at 50/50 sends each kind to one arm.
#[derive(Debug)]
pub(crate) struct Chooser {
    weights: Weights,
    /// Blue's credit; green's is its negative, because what is earned in a turn is paid in it.
    blue_credit: i32,
}

impl Chooser {
    pub(crate) const fn new(weights: Weights) -> Self {
        Self { weights, blue_credit: 0 }
    }

    pub(crate) const fn weights(&self) -> Weights {
        self.weights
    }

    /// Changes the weights. Setting the same ones again keeps the credit: else a caller that re-applies them every
    /// few requests would keep the lighter arm from ever being chosen.
    pub(crate) fn set(&mut self, weights: Weights) {
        if self.weights != weights {
            *self = Self::new(weights);
        }
    }

    pub(crate) fn choose(&mut self) -> Arm {
        let blue = i32::from(self.weights.get(Arm::Blue));
        let green = i32::from(self.weights.get(Arm::Green));
        if self.blue_credit + blue >= green - self.blue_credit {
            self.blue_credit -= green;
            Arm::Blue
        } else {
            self.blue_credit += blue;
            Arm::Green
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_that_a_load_balancer_refuses_are_refused() {
        assert_eq!(Weights::new(0, 0), Err(WeightsError::BothZero));
        assert_eq!(Weights::new(1000, 1), Err(WeightsError::TooGreat { arm: Arm::Blue, weight: 1000 }));
        assert_eq!(Weights::new(0, 1000), Err(WeightsError::TooGreat { arm: Arm::Green, weight: 1000 }));
        assert!(Weights::new(999, 999).is_ok());
    }

    #[test]
    fn setting_the_same_weights_again_does_not_starve_the_lighter_arm() {
        let weights = Weights::new(90, 10).unwrap();
        let mut chooser = Chooser::new(weights);
        let mut green = 0;
        for _ in 0..100 {
            chooser.set(weights);
            green += u32::from(chooser.choose() == Arm::Green);
        }
        assert_eq!(green, 10);
    }

    proptest! {
        #[test]
        fn every_run_of_requests_has_its_share_within_one(
            blue in 0_u16..=999, green in 0_u16..=999, skip in 0_u32..3000, run in 1_u32..3000,
        ) {
            prop_assume!(blue + green > 0);
            let mut chooser = Chooser::new(Weights::new(blue, green).unwrap());
            for _ in 0..skip {
                chooser.choose();
            }
            let mut got = 0_u32;
            for _ in 0..run {
                got += u32::from(chooser.choose() == Arm::Blue);
            }
            // |got - run * blue / sum| <= 1, in integers
            let sum = i64::from(blue) + i64::from(green);
            let off = (i64::from(got) * sum - i64::from(run) * i64::from(blue)).abs();
            prop_assert!(off <= sum, "{got} of {run} at {blue}:{green}");
            prop_assert!(blue > 0 || got == 0);
            prop_assert!(green > 0 || got == run);
        }
    }
}
