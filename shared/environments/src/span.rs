use std::fmt;
use std::str::FromStr;

use rollout::Seconds;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A span of time as people write it: `90s`, `5m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(s|m|h|d)$", "examples" = ["90s", "5m", "24h"]))]
pub struct Span(Seconds);

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a span of time: write a whole number and a unit, like 90s, 5m, 24h or 7d")]
pub struct InvalidSpan(String);

impl Span {
    /// A span of so many seconds.
    pub const fn of(seconds: u32) -> Self {
        Self(Seconds(seconds))
    }

    /// The span in seconds.
    pub const fn seconds(self) -> Seconds {
        self.0
    }
}

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let refuse = || InvalidSpan(text.to_owned());
        UNITS
            .iter()
            .find_map(|(unit, seconds)| text.strip_suffix(*unit).map(|number| (number, *seconds)))
            .filter(|(number, _)| number.chars().all(|c| c.is_ascii_digit()))
            .and_then(|(number, seconds)| number.parse::<u32>().ok()?.checked_mul(seconds))
            .map(|seconds| Self(Seconds(seconds)))
            .ok_or_else(refuse)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

/// A number without its unit is refused as a span, with the remedy, not as something that is no text.
struct Written;

impl Visitor<'_> for Written {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span of time, like 90s, 5m, 24h or 7d")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Span, E> {
        Err(E::custom(InvalidSpan(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Span, E> {
        Err(E::custom(InvalidSpan(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Span, E> {
        Err(E::custom(InvalidSpan(number.to_string())))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seconds(total) = self.0;
        let (unit, size) =
            UNITS.iter().find(|(_, size)| total >= *size && total % size == 0).copied().unwrap_or(('s', 1));
        write!(f, "{}{unit}", total / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_they_are_written() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("0s", 0)] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.seconds(), Seconds(seconds));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn everything_else_is_refused_with_an_example() {
        for text in ["", "5", "m", "-5m", "+5m", "5 m", "5min", "1.5h", "99999999999s", "9999999d"] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("5m"), "{error}");
        }
    }
}
