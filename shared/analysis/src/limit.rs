//! The test of the canary's error rate against the greatest allowed.

use crate::number::float;

/// A term this small against the sum so far ends a sum whose terms fall.
const NEGLIGIBLE: f64 = 1e-20;

/// No p-value is reported below this one: rounding up is safe, and stores refuse smaller numbers.
const FLOOR: f64 = 1e-100;

/// The chance of `errors` or more in `requests` that each fail with a chance of at most `rate`: a binomial tail, summed
/// from its mode outwards by ratios of neighbours, in steps of the order of the standard deviation.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the mean of a count is one")]
pub(crate) fn p_value_of_rate(requests: u64, errors: u64, rate: f64) -> f64 {
    if errors == 0 || rate >= 1.0 {
        return 1.0;
    }
    if errors > requests || rate <= 0.0 {
        return FLOOR;
    }
    let odds = rate / (1.0 - rate);
    let ratio = |count: u64| float(requests - count) / float(count + 1) * odds;
    let middle = ((float(requests) * rate) as u64).min(requests);
    let (mut total, mut tail) = (1.0, if middle >= errors { 1.0 } else { 0.0 });
    let mut weight = 1.0;
    for count in middle..requests {
        weight *= ratio(count);
        total += weight;
        if count + 1 >= errors {
            tail += weight;
            if weight < NEGLIGIBLE * tail {
                break;
            }
        }
        // Not `== 0.0`: the smallest float times a ratio over one half rounds to itself, for ever.
        if weight < f64::MIN_POSITIVE {
            break;
        }
    }
    weight = 1.0;
    for count in (0..middle).rev() {
        weight /= ratio(count);
        total += weight;
        if count >= errors {
            tail += weight;
        }
        if weight < NEGLIGIBLE * total {
            break;
        }
    }
    (tail / total).clamp(FLOOR, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tails_are_counted_out() {
        // 2 or more of 3 at a half: 4 of 8; 1 or more of 2 at a tenth: 19 of 100.
        assert!((p_value_of_rate(3, 2, 0.5) - 0.5).abs() < 1e-12);
        assert!((p_value_of_rate(2, 1, 0.1) - 0.19).abs() < 1e-12);
        assert!((p_value_of_rate(2, 2, 0.1) - 0.01).abs() < 1e-12);
        assert!((p_value_of_rate(1_000_000_000, 10_000_000, 0.01) - 0.5).abs() < 1e-4);
        assert!(p_value_of_rate(1_000, 1_000, 0.001) <= 1e-99);
    }
}
