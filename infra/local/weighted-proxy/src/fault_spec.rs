use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{Fault, Percent};

/// A fault that begins at a weight, as the command line gives it: `kind[:amount][@weight]`.
///
/// `errors:5%@25`, `latency:800ms`, `unhealthy@0`, `crash@50`. Without a weight it begins at the first step's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultSpec {
    fault: Fault,
    from_weight: Option<u8>,
}

/// Why a text is no [`FaultSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultSpecError {
    /// The kind is not known.
    #[error(
        "fault {kind:?} is unknown: use errors:5%, latency:800ms, unhealthy or crash, with @25 for from weight 25 on"
    )]
    UnknownKind {
        /// The word before the colon.
        kind: String,
    },
    /// The kind needs an amount.
    #[error("fault {kind} has no amount: write {example}")]
    MissingAmount {
        /// The kind.
        kind: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// The kind takes no amount.
    #[error(
        "fault {kind} takes no amount, but has {amount:?}: write {kind}, or {kind}@25 for from weight 25 on"
    )]
    UnexpectedAmount {
        /// The kind.
        kind: &'static str,
        /// What stands behind the colon.
        amount: String,
    },
    /// The amount of `errors` is no percentage.
    #[error(
        "the rate {amount:?} of fault errors is not 0% to 100% with at most four decimals: write it as errors:5%"
    )]
    Rate {
        /// What stands behind the colon.
        amount: String,
    },
    /// The amount of `latency` is no number of milliseconds.
    #[error(
        "the amount {amount:?} of fault latency is not a whole number of milliseconds: write it as latency:800ms"
    )]
    Latency {
        /// What stands behind the colon.
        amount: String,
    },
    /// The weight is not one of a step.
    #[error("the weight {weight:?} behind @ is not a whole number from 0 to 100: write it as in crash@50")]
    Weight {
        /// What stands behind the `@`.
        weight: String,
    },
}

impl FaultSpec {
    /// What goes wrong; never [`Fault::None`].
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// The canary's weight in percent from which on it goes wrong; `None` is the first step's.
    pub const fn from_weight(&self) -> Option<u8> {
        self.from_weight
    }

    /// The fault at a canary weight of `weight` percent, in a rollout whose first step has `first_step` percent:
    /// the weight is reached or passed. Both `@0` and a first step of 0 mean before any traffic.
    pub fn at(&self, weight: u8, first_step: u8) -> Fault {
        if weight >= self.from_weight.unwrap_or(first_step) { self.fault } else { Fault::None }
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)?;
        match self.from_weight {
            Some(weight) => write!(f, "@{weight}"),
            None => Ok(()),
        }
    }
}

impl FromStr for FaultSpec {
    type Err = FaultSpecError;

    fn from_str(text: &str) -> Result<Self, FaultSpecError> {
        let (what, weight) = match text.split_once('@') {
            Some((what, weight)) => (what, Some(weight)),
            None => (text, None),
        };
        let (kind, amount) = match what.split_once(':') {
            Some((kind, amount)) => (kind, Some(amount)),
            None => (what, None),
        };
        let fault = match kind {
            "errors" => Fault::Errors { rate: rate(needed("errors", "errors:5%", amount)?)? },
            "latency" => Fault::Latency { added_ms: millis(needed("latency", "latency:800ms", amount)?)? },
            "unhealthy" => plain("unhealthy", amount, Fault::Unhealthy)?,
            "crash" => plain("crash", amount, Fault::Crash)?,
            _ => return Err(FaultSpecError::UnknownKind { kind: kind.to_owned() }),
        };
        Ok(Self { fault, from_weight: weight.map(step_weight).transpose()? })
    }
}

fn needed<'a>(
    kind: &'static str,
    example: &'static str,
    amount: Option<&'a str>,
) -> Result<&'a str, FaultSpecError> {
    amount.filter(|amount| !amount.is_empty()).ok_or(FaultSpecError::MissingAmount { kind, example })
}

fn plain(kind: &'static str, amount: Option<&str>, fault: Fault) -> Result<Fault, FaultSpecError> {
    match amount {
        None => Ok(fault),
        Some(amount) => Err(FaultSpecError::UnexpectedAmount { kind, amount: amount.to_owned() }),
    }
}

fn rate(amount: &str) -> Result<Percent, FaultSpecError> {
    let refused = || FaultSpecError::Rate { amount: amount.to_owned() };
    let number = amount.strip_suffix('%').ok_or_else(refused)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    // f64's parser also knows "inf", "1e1" and "+5".
    if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 4 {
        return Err(refused());
    }
    number.parse().ok().and_then(|percent| Percent::new(percent).ok()).ok_or_else(refused)
}

fn millis(amount: &str) -> Result<u32, FaultSpecError> {
    amount
        .strip_suffix("ms")
        .filter(|number| is_digits(number))
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| FaultSpecError::Latency { amount: amount.to_owned() })
}

fn step_weight(weight: &str) -> Result<u8, FaultSpecError> {
    Some(weight)
        .filter(|number| is_digits(number))
        .and_then(|number| number.parse().ok())
        .filter(|weight| *weight <= 100)
        .ok_or_else(|| FaultSpecError::Weight { weight: weight.to_owned() })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn errors(percent: f64) -> Fault {
        Fault::Errors { rate: Percent::new(percent).unwrap() }
    }

    #[test]
    fn what_the_command_line_may_say() {
        for (text, fault, from_weight) in [
            ("errors:5%@25", errors(5.0), Some(25)),
            ("errors:0.5%", errors(0.5), None),
            ("errors:100%@0", errors(100.0), Some(0)),
            ("latency:800ms@25", Fault::Latency { added_ms: 800 }, Some(25)),
            ("unhealthy", Fault::Unhealthy, None),
            ("unhealthy@0", Fault::Unhealthy, Some(0)),
            ("crash@50", Fault::Crash, Some(50)),
            ("crash@100", Fault::Crash, Some(100)),
        ] {
            assert_eq!(text.parse(), Ok(FaultSpec { fault, from_weight }), "{text}");
        }
    }

    #[test]
    fn what_it_may_not_say_is_told_with_the_place_and_the_remedy() {
        let unknown = |kind: &str| {
            format!(
                "fault {kind:?} is unknown: use errors:5%, latency:800ms, unhealthy or crash, with @25 for from weight 25 on"
            )
        };
        let rate = |amount: &str| {
            format!(
                "the rate {amount:?} of fault errors is not 0% to 100% with at most four decimals: write it as errors:5%"
            )
        };
        let latency = |amount: &str| {
            format!(
                "the amount {amount:?} of fault latency is not a whole number of milliseconds: write it as latency:800ms"
            )
        };
        let weight = |weight: &str| {
            format!(
                "the weight {weight:?} behind @ is not a whole number from 0 to 100: write it as in crash@50"
            )
        };
        for (text, message) in [
            ("", unknown("")),
            ("none", unknown("none")),
            ("Errors:5%", unknown("Errors")),
            (" crash", unknown(" crash")),
            ("errors", "fault errors has no amount: write errors:5%".to_owned()),
            ("errors:@25", "fault errors has no amount: write errors:5%".to_owned()),
            ("latency@25", "fault latency has no amount: write latency:800ms".to_owned()),
            (
                "crash:now",
                r#"fault crash takes no amount, but has "now": write crash, or crash@25 for from weight 25 on"#.to_owned(),
            ),
            ("errors:5", rate("5")),
            ("errors:101%", rate("101%")),
            ("errors:-1%", rate("-1%")),
            ("errors:+1%", rate("+1%")),
            ("errors:1e1%", rate("1e1%")),
            ("errors:inf%", rate("inf%")),
            ("errors:.5%", rate(".5%")),
            ("errors:5.%", rate("5.%")),
            ("errors:0.00001%", rate("0.00001%")),
            ("latency:800", latency("800")),
            ("latency:1.5ms", latency("1.5ms")),
            ("latency:+1ms", latency("+1ms")),
            ("latency:4294967296ms", latency("4294967296ms")),
            ("crash@", weight("")),
            ("crash@101", weight("101")),
            ("crash@+5", weight("+5")),
            ("crash@25@50", weight("25@50")),
            ("crash@25%", weight("25%")),
        ] {
            assert_eq!(text.parse::<FaultSpec>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn a_fault_begins_when_its_weight_is_reached_or_passed() {
        let crash: FaultSpec = "crash@50".parse().unwrap();
        for (weight, fault) in
            [(0, Fault::None), (25, Fault::None), (50, Fault::Crash), (75, Fault::Crash), (100, Fault::Crash)]
        {
            assert_eq!(crash.at(weight, 10), fault, "{weight}");
        }
        let by_default: FaultSpec = "crash".parse().unwrap();
        assert_eq!(by_default.at(0, 10), Fault::None);
        assert_eq!(by_default.at(10, 10), Fault::Crash);
        let before_traffic: FaultSpec = "unhealthy@0".parse().unwrap();
        assert_eq!(before_traffic.at(0, 10), Fault::Unhealthy);
    }

    fn any_fault() -> impl Strategy<Value = Fault> {
        prop_oneof![
            (0_u32..=1_000_000).prop_map(|parts| errors(f64::from(parts) / 10_000.0)),
            any::<u32>().prop_map(|added_ms| Fault::Latency { added_ms }),
            Just(Fault::Unhealthy),
            Just(Fault::Crash),
        ]
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back_the_same(
            fault in any_fault(), from_weight in proptest::option::of(0_u8..=100),
        ) {
            let spec = FaultSpec { fault, from_weight };
            prop_assert_eq!(spec.to_string().parse(), Ok(spec));
        }

        #[test]
        fn no_text_breaks_the_parser_and_what_it_takes_it_shows_in_one_way(text in "[a-z]{0,9}:?[0-9.+%ms]{0,8}@?[0-9%]{0,4}") {
            if let Ok(spec) = text.parse::<FaultSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
