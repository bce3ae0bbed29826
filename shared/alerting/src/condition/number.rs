//! Numbers with their units: how they are written, and how they are shown.

use super::comparison::Comparison;
use super::field::Kind;

/// What a number is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds, of a [`Kind::Duration`].
    Milliseconds,
    /// Percent, of a [`Kind::Percent`].
    Percent,
    /// Nothing, of a [`Kind::Count`].
    One,
}

/// A comparison with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// How.
    pub comparison: Comparison,
    /// With what, in `unit`. `2s` and `2000ms` are equal.
    pub value: f64,
    /// The unit.
    pub unit: Unit,
}

/// Why a text is no number of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    /// It is none at all.
    NoNumber,
    /// It has a sign.
    Sign,
    /// It has more than one point, or one without digits on both sides.
    Point,
    /// It has more digits than [`Unit::DIGITS`].
    Digits,
    /// It has no unit, and needs one.
    NoUnit,
    /// It has the unit of another kind.
    Other(Kind),
    /// It has a unit that is none. What is probably meant.
    NoSuchUnit(Option<String>),
    /// It is greater than [`Unit::greatest`].
    TooGreat,
}

const DURATIONS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const COUNTS: &[(&str, u64)] = &[("M", 1_000_000), ("k", 1_000), ("", 1)];
const PERCENTS: &[(&str, u64)] = &[("%", 1)];

/// What people write for a unit, in lower case.
const SLIPS: &[(Kind, &str, &[&str])] = &[
    (Kind::Duration, "ms", &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    (Kind::Duration, "s", &["s", "sec", "secs", "second", "seconds"]),
    (Kind::Duration, "m", &["m", "min", "mins", "minute", "minutes"]),
    (Kind::Duration, "h", &["h", "hr", "hrs", "hour", "hours"]),
    (Kind::Duration, "d", &["d", "day", "days"]),
    (Kind::Percent, "%", &["%", "pct", "percent"]),
    (Kind::Count, "k", &["k", "thousand"]),
    (Kind::Count, "M", &["m", "mio", "million", "millions"]),
];

impl Unit {
    /// The most digits that a number may have.
    pub(super) const DIGITS: usize = 20;

    /// The unit of a kind, if it holds numbers.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Duration => Some(Self::Milliseconds),
            Kind::Percent => Some(Self::Percent),
            Kind::Count => Some(Self::One),
            Kind::Text | Kind::Status | Kind::Deployment | Kind::Severity => None,
        }
    }

    /// The kind whose unit it is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Milliseconds => Kind::Duration,
            Self::Percent => Kind::Percent,
            Self::One => Kind::Count,
        }
    }

    /// How it is written, and what that is a multiple of; from the greatest to the least.
    const fn written(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Milliseconds => DURATIONS,
            Self::Percent => PERCENTS,
            Self::One => COUNTS,
        }
    }

    /// The greatest number of it, as it is written and as it is.
    pub(super) const fn greatest(self) -> (&'static str, f64) {
        match self {
            Self::Milliseconds => ("365d", 365.0 * 86_400_000.0),
            Self::Percent => ("1000000%", 1_000_000.0),
            Self::One => ("1000000M", 1_000_000_000_000.0),
        }
    }

    /// Reads a number with its unit, to the nearest number that there is.
    pub(super) fn read(self, text: &str) -> Result<f64, Misread> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at_checked(end).unwrap_or((text, ""));
        if number.is_empty() {
            let has_sign = text
                .strip_prefix(['-', '+'])
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            return Err(if has_sign { Misread::Sign } else { Misread::NoNumber });
        }
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) if whole.is_empty() || fraction.is_empty() || fraction.contains('.') => {
                return Err(Misread::Point);
            }
            Some(parts) => parts,
            None => (number, ""),
        };
        if whole.len() + fraction.len() > Self::DIGITS {
            return Err(Misread::Digits);
        }
        let multiple = self.written().iter().find(|(unit, _)| *unit == suffix).map(|(_, multiple)| *multiple);
        let multiple = multiple.ok_or_else(|| self.other(number, suffix))?;
        // A whole number of the least unit, with its point moved: what is read is the nearest number, whatever the unit.
        let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| Misread::Digits)?;
        let value = format!("{}e-{}", digits * u128::from(multiple), fraction.len());
        let value: f64 = value.parse().map_err(|_| Misread::NoNumber)?;
        if value > self.greatest().1 { Err(Misread::TooGreat) } else { Ok(value) }
    }

    /// What is wrong with a unit that is none of this.
    fn other(self, number: &str, suffix: &str) -> Misread {
        if suffix.is_empty() {
            return Misread::NoUnit;
        }
        let lower = suffix.to_lowercase();
        let slip = |kind: Kind| {
            let slip = SLIPS.iter().find(|(of, _, slips)| *of == kind && slips.contains(&lower.as_str()));
            slip.map(|(_, unit, _)| *unit)
        };
        if let Some(unit) = slip(self.kind()) {
            return Misread::NoSuchUnit(Some(format!("{number}{unit}")));
        }
        [Kind::Duration, Kind::Percent, Kind::Count]
            .into_iter()
            .find(|kind| slip(*kind).is_some())
            .map_or(Misread::NoSuchUnit(None), Misread::Other)
    }

    /// The number as a condition has it: in the greatest unit of which it is a whole number.
    pub(super) fn write(self, value: f64) -> String {
        let written = self.written();
        let whole = if value.fract() == 0.0 { format!("{value}").parse::<u64>().ok() } else { None };
        let fits = |multiple: u64| whole.is_some_and(|whole| whole >= multiple && whole % multiple == 0);
        match (whole, written.iter().find(|(_, multiple)| fits(*multiple))) {
            (Some(whole), Some((unit, multiple))) => format!("{}{unit}", whole / multiple),
            _ => format!("{value}{}", written.last().map_or("", |(unit, _)| unit)),
        }
    }

    /// The number as people read it: `3.2 s`, `7.5 %`.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{} %", rounded(value)),
            Self::One => rounded(value),
            Self::Milliseconds => {
                let (size, unit) = match value.abs() {
                    ms if ms < 1_000.0 => (1.0, "ms"),
                    ms if ms < 120_000.0 => (1_000.0, "s"),
                    ms if ms < 7_200_000.0 => (60_000.0, "min"),
                    ms if ms < 172_800_000.0 => (3_600_000.0, "h"),
                    _ => (86_400_000.0, "d"),
                };
                format!("{} {unit}", rounded(value / size))
            }
        }
    }
}

/// A number with four digits that mean something; all of those before the point.
fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        size if size >= 0.1 => 4,
        _ => 6,
    };
    let text = format!("{value:.decimals$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_in_whatever_unit_it_is_written() {
        for (text, value) in
            [("2s", 2_000.0), ("2000ms", 2_000.0), ("1.5s", 1_500.0), ("0.1m", 6_000.0), ("1.001s", 1_001.0)]
        {
            assert_eq!(Unit::Milliseconds.read(text), Ok(value), "{text}");
        }
        assert_eq!(Unit::Milliseconds.read("1d"), Unit::Milliseconds.read("24h"));
        assert_eq!(Unit::One.read("10k"), Ok(10_000.0));
        assert_eq!(Unit::One.read("2M"), Unit::One.read("2000k"));
        assert_eq!(Unit::One.read("0.5k"), Ok(500.0));
        assert_eq!(Unit::Percent.read("7.25%"), Ok(7.25));
    }

    #[test]
    fn a_number_is_written_in_the_greatest_unit_that_leaves_it_whole() {
        for (text, written) in [
            ("2000ms", "2s"),
            ("90s", "90s"),
            ("120s", "2m"),
            ("24h", "1d"),
            ("1.5h", "90m"),
            ("0.5ms", "0.5ms"),
            ("0ms", "0ms"),
        ] {
            assert_eq!(Unit::Milliseconds.write(Unit::Milliseconds.read(text).unwrap()), written, "{text}");
        }
        for (text, written) in
            [("1500", "1500"), ("2000", "2k"), ("5000k", "5M"), ("0", "0"), ("1.25", "1.25")]
        {
            assert_eq!(Unit::One.write(Unit::One.read(text).unwrap()), written, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_the_unit_says_why() {
        for (text, misread) in [
            ("fast", Misread::NoNumber),
            ("-2s", Misread::Sign),
            ("1.2.3s", Misread::Point),
            (".5s", Misread::Point),
            ("5.s", Misread::Point),
            ("123456789012345678901s", Misread::Digits),
            ("2", Misread::NoUnit),
            ("5%", Misread::Other(Kind::Percent)),
            ("5k", Misread::Other(Kind::Count)),
            ("2min", Misread::NoSuchUnit(Some("2m".to_owned()))),
            ("2S", Misread::NoSuchUnit(Some("2s".to_owned()))),
            ("2w", Misread::NoSuchUnit(None)),
            ("366d", Misread::TooGreat),
        ] {
            assert_eq!(Unit::Milliseconds.read(text), Err(misread), "{text}");
        }
    }

    #[test]
    fn numbers_are_shown_with_four_digits_and_a_unit_that_suits_them() {
        for (ms, shown) in [
            (3_200.0, "3.2 s"),
            (2_004.4, "2.004 s"),
            (850.0, "850 ms"),
            (0.25, "0.25 ms"),
            (180_000.0, "3 min"),
            (9_000_000.0, "2.5 h"),
        ] {
            assert_eq!(Unit::Milliseconds.show(ms), shown);
        }
        assert_eq!(Unit::Percent.show(7.5), "7.5 %");
        assert_eq!(Unit::Percent.show(0.0123), "0.0123 %");
        assert_eq!(Unit::One.show(12_345.6), "12346");
        assert_eq!(Unit::One.show(-0.000_000_1), "0");
    }
}
