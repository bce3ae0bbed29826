use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a number was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NumberError {
    /// Not a probability.
    #[error("{0} is not between 0 and 1: write one percent as 0.01")]
    NotAProbability(f64),
    /// Not a margin.
    #[error("{0} is not between 1 and 1000: write a margin of 20 % as 1.2")]
    NotARatio(f64),
}

/// A share or a chance, from 0 to 1, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 0, "maximum" = 1))]
pub struct Probability(f64);

impl Eq for Probability {}

impl Probability {
    /// Never.
    pub const ZERO: Self = Self(0.0);
    /// Always.
    pub const ONE: Self = Self(1.0);
    /// One percent.
    pub(crate) const HUNDREDTH: Self = Self(0.01);
    /// One in a thousand.
    pub(crate) const THOUSANDTH: Self = Self(0.001);

    /// So many times as much, at most 1.
    pub(crate) const fn times(self, times: u32) -> Self {
        Self((self.0 * times as f64).min(1.0))
    }

    /// A probability, if `value` is one.
    pub fn new(value: f64) -> Result<Self, NumberError> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value.abs()))
        } else {
            Err(NumberError::NotAProbability(value))
        }
    }

    /// The nearest probability to the result of a computation that can leave 0..=1 by rounding only.
    pub(crate) fn rounded(value: f64) -> Self {
        Self(value.clamp(0.0, 1.0))
    }

    /// The number, 0 to 1.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Probability {
    type Error = NumberError;

    fn try_from(value: f64) -> Result<Self, NumberError> {
        Self::new(value)
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many times as bad something may be: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 1, "maximum" = 1000))]
pub struct Ratio(f64);

impl Eq for Ratio {}

impl Ratio {
    /// Equal.
    pub const ONE: Self = Self(1.0);

    /// A ratio, if `value` is one.
    pub fn new(value: f64) -> Result<Self, NumberError> {
        if (1.0..=1000.0).contains(&value) { Ok(Self(value)) } else { Err(NumberError::NotARatio(value)) }
    }

    /// The number, 1 to 1000.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = NumberError;

    fn try_from(value: f64) -> Result<Self, NumberError> {
        Self::new(value)
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A count as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "validated counts stay below 2^53, where every integer is a float"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_between_zero_and_one() {
        for good in [0.0, -0.0, 1e-300, 0.5, 1.0] {
            assert!(Probability::new(good).unwrap().get().is_sign_positive());
        }
        for bad in [-1e-300, 1.000_000_1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Probability::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Probability>("1").is_ok());
        let refused = serde_json::from_str::<Probability>("5").unwrap_err().to_string();
        assert!(refused.contains("5 is not between 0 and 1: write one percent as 0.01"), "{refused}");
    }

    #[test]
    fn a_ratio_is_between_one_and_a_thousand() {
        for good in [1.0, 1.2, 1e3] {
            assert!((Ratio::new(good).unwrap().get() - good).abs() < f64::EPSILON);
        }
        for bad in [0.999, -1.0, 1_000.1, f64::NAN, f64::INFINITY] {
            assert!(Ratio::new(bad).is_err(), "{bad}");
        }
    }
}
