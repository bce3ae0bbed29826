//! Random numbers by name: the same words give the same number, on every machine, whatever was drawn before. Counts are
//! quantiles of one number each, so that a worse rate with the same number never has fewer errors.

use crate::float;

/// Up to this mean a count is drawn from its law term by term; above it from the normal law, corrected for skewness
/// (Cornish and Fisher), which is within a thousandth of the law.
const TERMS: f64 = 64.0;

/// Between 0 and 1, neither of them.
pub(crate) fn uniform(words: &[u64]) -> f64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for word in words {
        // The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
        state = state.wrapping_add(*word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    (float(state >> 12) + 0.5) / float(1 << 52)
}

/// A count with a Poisson law.
pub(crate) fn poisson(mean: f64, at: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > TERMS {
        return skewed(mean, mean.sqrt(), 1.0 / mean.sqrt(), at);
    }
    first_over(at, (-mean).exp(), u64::MAX, |count| mean / float(count + 1))
}

/// Successes of `trials`, each with this chance.
pub(crate) fn binomial(trials: u64, chance: f64, at: f64) -> u64 {
    if chance <= 0.0 || trials == 0 {
        return 0;
    }
    if chance >= 1.0 {
        return trials;
    }
    if chance > 0.5 {
        return trials - binomial(trials, 1.0 - chance, 1.0 - at);
    }
    let mean = float(trials) * chance;
    if mean > TERMS {
        let sd = (mean * (1.0 - chance)).sqrt();
        return skewed(mean, sd, (1.0 - 2.0 * chance) / sd, at).min(trials);
    }
    let odds = chance / (1.0 - chance);
    let none = (float(trials) * (-chance).ln_1p()).exp();
    first_over(at, none, trials, |count| float(trials - count) / float(count + 1) * odds)
}

/// How many of `drawn` balls are among the `marked` of an urn of `all`.
pub(crate) fn hypergeometric(all: u64, marked: u64, drawn: u64, at: f64) -> u64 {
    if drawn > all / 2 {
        return marked - hypergeometric(all, marked, all - drawn, 1.0 - at);
    }
    if marked > all / 2 {
        return drawn - hypergeometric(all, all - marked, drawn, 1.0 - at);
    }
    if marked == 0 || drawn == 0 {
        return 0;
    }
    let (share, most) = (float(drawn) / float(all), marked.min(drawn));
    let mean = float(marked) * share;
    if mean > TERMS || marked.min(drawn) > 100_000 {
        let part = float(marked) / float(all);
        let sd = (mean * (1.0 - part) * (1.0 - share) * float(all) / float(all - 1)).sqrt();
        return skewed(mean, sd, (1.0 - 2.0 * part) * (1.0 - 2.0 * share) / sd, at).min(most);
    }
    // The chance of none, over the shorter of both: it is symmetric in them.
    let (few, many) = (marked.min(drawn), marked.max(drawn));
    let none: f64 = (0..few).map(|ball| float(all - many - ball) / float(all - ball)).product();
    first_over(at, none, most, |count| {
        float(marked - count) * float(drawn - count)
            / (float(count + 1) * float(all - marked - drawn + count + 1))
    })
}

/// The quantile of a law that begins at 0 with the chance `none` and goes on by ratios of neighbours.
fn first_over(at: f64, none: f64, most: u64, ratio: impl Fn(u64) -> f64) -> u64 {
    let (mut count, mut term, mut sum) = (0, none, none);
    // Beyond 40 standard deviations there is only rounding.
    while sum < at && count < most && count < 512 {
        term *= ratio(count);
        sum += term;
        count += 1;
    }
    count
}

fn skewed(mean: f64, sd: f64, skewness: f64, at: f64) -> u64 {
    let z = normal_quantile(at);
    rounded(mean + sd * (z + skewness * (z * z - 1.0) / 6.0))
}

/// The nearest whole number, none below 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts far below 2^53")]
pub(crate) fn rounded(count: f64) -> u64 {
    count.round().max(0.0) as u64
}

/// The quantile of the normal law, to nine digits (P. J. Acklam's rational approximation).
fn normal_quantile(at: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const LOW: f64 = 0.024_25;
    let row = |of: &[f64], x: f64| of.iter().fold(0.0, |sum, term| sum * x + term);
    if at < LOW {
        let q = (-2.0 * at.ln()).sqrt();
        row(&C, q) / row(&D, q)
    } else if at > 1.0 - LOW {
        -normal_quantile(1.0 - at)
    } else {
        let q = at - 0.5;
        row(&A, q * q) * q / row(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moments(draw: impl Fn(f64) -> u64) -> (f64, f64) {
        let drawn: Vec<f64> = (0..40_000).map(|run| float(draw(uniform(&[7, run])))).collect();
        let mean = drawn.iter().sum::<f64>() / 40_000.0;
        (mean, drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 40_000.0)
    }

    #[test]
    fn the_normal_quantiles_are_those_of_the_tables() {
        for (at, z) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.999, 3.090_232_306), (0.01, -2.326_347_874)] {
            assert!((normal_quantile(at) - z).abs() < 1e-8, "{at}");
        }
    }

    #[test]
    fn counts_have_the_mean_and_the_variance_of_their_laws() {
        type Draw = fn(f64) -> u64;
        let cases: [(&str, Draw, f64, f64); 9] = [
            ("few", |at| poisson(0.3, at), 0.3, 0.3),
            ("some", |at| poisson(40.0, at), 40.0, 40.0),
            ("many", |at| poisson(900.0, at), 900.0, 900.0),
            ("rare", |at| binomial(3_000, 0.001, at), 3.0, 2.997),
            ("often", |at| binomial(100, 0.9, at), 90.0, 9.0),
            ("much", |at| binomial(30_000, 0.01, at), 300.0, 297.0),
            ("urn", |at| hypergeometric(100, 30, 20, at), 6.0, 20.0 * 0.3 * 0.7 * 80.0 / 99.0),
            ("full urn", |at| hypergeometric(100, 90, 80, at), 72.0, 80.0 * 0.9 * 0.1 * 20.0 / 99.0),
            (
                "wide urn",
                |at| hypergeometric(9_000, 3_000, 900, at),
                300.0,
                900.0 / 3.0 * 2.0 / 3.0 * 8_100.0 / 8_999.0,
            ),
        ];
        for (name, draw, mean, variance) in cases {
            let (seen, spread) = moments(draw);
            assert!(
                (seen - mean).abs() < 5.0 * (variance / 40_000.0).sqrt(),
                "{name}: mean {seen}, not {mean}"
            );
            assert!((spread / variance - 1.0).abs() < 0.05, "{name}: variance {spread}, not {variance}");
        }
    }

    proptest! {
        #[test]
        fn a_worse_rate_never_has_fewer_errors(
            trials in 0u64..20_000, low in 0.0f64..1.0, high in 0.0f64..1.0, at in 1e-9f64..1.0
        ) {
            let (low, high) = (low.min(high), low.max(high));
            let (fewer, more) = (binomial(trials, low, at), binomial(trials, high, at));
            // Where the law is taken term by term on one side and as normal on the other, one may be off by one.
            prop_assert!(fewer <= more + 1 && more <= trials, "{fewer} {more}");
        }

        #[test]
        fn an_urn_has_no_more_than_is_in_it(all in 1u64..5_000, marked in 0.0f64..=1.0, drawn in 0.0f64..=1.0, at in 1e-9f64..1.0) {
            let (marked, drawn) = (rounded(float(all) * marked), rounded(float(all) * drawn));
            let count = hypergeometric(all, marked, drawn, at);
            prop_assert!(count <= marked.min(drawn) && count + all >= marked + drawn, "{count}");
        }
    }
}
