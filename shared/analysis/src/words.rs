//! Numbers as a person reads them.

use std::fmt;

/// A count with its thousands apart: 16,560.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grouped(&self.0.to_string(), f)
    }
}

/// A share in percent, without the sign: one decimal from 1 % on, two significant digits below.
pub(crate) struct Percent(pub(crate) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let decimals = match percent {
            _ if percent >= 1.0 => 1,
            _ if percent >= 0.1 => 2,
            _ if percent >= 0.01 => 3,
            _ => 4,
        };
        let text = format!("{percent:.decimals$}");
        match text.trim_end_matches('0').trim_end_matches('.') {
            "0" if percent > 0.0 => f.write_str("<0.0001"),
            short => f.write_str(short),
        }
    }
}

/// A chance: in percent from 10 % on, as one in so many (two digits of it) below.
pub(crate) struct Chance(pub(crate) f64);

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_in = 1.0 / self.0;
        if self.0 >= 0.1 {
            write!(f, "{:.0} %", self.0 * 100.0)
        } else if one_in <= 1e9 {
            let unit = 10_f64.powf(one_in.log10().floor() - 1.0).max(1.0);
            f.write_str("1 in ")?;
            grouped(&format!("{:.0}", (one_in / unit).round() * unit), f)
        } else {
            f.write_str("1 in 1,000,000,000")
        }
    }
}

fn grouped(digits: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            f.write_str(",")?;
        }
        write!(f, "{digit}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (count, text) in [(0, "0"), (999, "999"), (1_840, "1,840"), (1_000_000, "1,000,000")] {
            assert_eq!(Count(count).to_string(), text);
        }
        for (share, text) in [
            (0.0, "0"),
            (0.021, "2.1"),
            (0.05, "5"),
            (1.0, "100"),
            (0.1234, "12.3"),
            (0.0041, "0.41"),
            (0.000_41, "0.041"),
            (0.000_041, "0.0041"),
            (1e-9, "<0.0001"),
        ] {
            assert_eq!(Percent(share).to_string(), text);
        }
        for (chance, text) in [
            (1.0, "100 %"),
            (0.24, "24 %"),
            (0.099, "1 in 10"),
            (0.04, "1 in 25"),
            (1.0 / 4_032.0, "1 in 4,000"),
            (1.0 / 999.9, "1 in 1,000"),
            (1e-9, "1 in 1,000,000,000"),
            (1e-100, "1 in 1,000,000,000"),
        ] {
            assert_eq!(Chance(chance).to_string(), text);
        }
    }
}
