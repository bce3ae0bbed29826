use std::fmt;

use thiserror::Error;

/// A share in percent, 0..=100, to the ten-thousandth of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(
    /// Millionths of the whole, so that counting with it is exact.
    u32,
);

/// Why a number is no [`Percent`].
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("the rate {percent} is not a percentage: give a number from 0 to 100")]
pub struct PercentError {
    /// What was given.
    percent: f64,
}

impl Percent {
    /// How many parts the whole has.
    pub(crate) const WHOLE: u32 = 1_000_000;

    /// Takes a number in percent, 0..=100, rounded to four decimals.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked before, and a million fits"
    )]
    pub fn new(percent: f64) -> Result<Self, PercentError> {
        if (0.0..=100.0).contains(&percent) {
            Ok(Self((percent * 10_000.0).round() as u32))
        } else {
            Err(PercentError { percent })
        }
    }

    /// The number in percent.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// Millionths of the whole.
    pub(crate) const fn millionths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.get())
    }
}

/// What is wrong with a [`crate::Sample`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// This share of the requests (not of `/health`) is answered with 500, evenly spread: 5 % is 5 of any 100.
    Errors {
        /// The share that fails.
        rate: Percent,
    },
    /// Every request (not `/health`) takes longer.
    Latency {
        /// How much longer, in milliseconds.
        added_ms: u32,
    },
    /// `/health` answers 503 and `{"status":"unhealthy"}`; other paths still work.
    Unhealthy,
    /// The process is dead: its connections are closed, and new ones are refused.
    Crash,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Errors { rate } => write!(f, "errors:{rate}"),
            Self::Latency { added_ms } => write!(f, "latency:{added_ms}ms"),
            Self::Unhealthy => f.write_str("unhealthy"),
            Self::Crash => f.write_str("crash"),
        }
    }
}
