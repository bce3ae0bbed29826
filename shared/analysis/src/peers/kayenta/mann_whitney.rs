/// The shift of one sample against another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// Hodges and Lehmann's estimate.
    pub(super) estimate: f64,
}

/// The interval in which the shift from `control` to `experiment` lies, by the normal approximation of the Mann-Whitney
/// test, as R's `wilcox.test(exact = FALSE, correct = TRUE, conf.int = TRUE)` finds it.
pub(super) fn mann_whitney(experiment: &[f64], control: &[f64], confidence: f64) -> Interval {
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = (least(experiment) - most(control), most(experiment) - least(control));
    let shift = |quantile: f64| {
        let at = |mu: f64| statistic(experiment, control, mu) - quantile;
        let (at_low, at_high) = (at(low), at(high));
        if at_low <= 0.0 {
            low
        } else if at_high >= 0.0 {
            high
        } else {
            root((low, at_low), (high, at_high), at)
        }
    };
    let quantile = normal_quantile(f64::midpoint(1.0, confidence));
    Interval { lower: shift(quantile), upper: shift(-quantile), estimate: shift(0.0) }
}

/// The standardised rank sum of `experiment` when it is moved down by `mu`; it falls with `mu`.
fn statistic(experiment: &[f64], control: &[f64], mu: f64) -> f64 {
    let (m, n) = (count(experiment), count(control));
    let mut all: Vec<(f64, bool)> = experiment.iter().map(|value| (value - mu, true)).collect();
    all.extend(control.iter().map(|value| (*value, false)));
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut ranks, mut ties, mut before) = (0.0, 0.0, 0.0);
    // -0.0 and 0.0 are a tie.
    #[expect(clippy::float_cmp, reason = "values are tied when they are the same, as in R's rank()")]
    for group in all.chunk_by(|(a, _), (b, _)| a == b) {
        let size = count(group);
        let rank = before + f64::midpoint(size, 1.0);
        ranks += rank * count(&group.iter().filter(|(_, ours)| *ours).collect::<Vec<_>>());
        ties += size.powi(3) - size;
        before += size;
    }
    let over = ranks - m * (m + 1.0) / 2.0 - m * n / 2.0;
    let correction = if over == 0.0 { 0.0 } else { 0.5f64.copysign(over) };
    let deviation = (m * n / 12.0 * (m + n + 1.0 - ties / ((m + n) * (m + n - 1.0)))).sqrt();
    (over - correction) / deviation
}

#[expect(clippy::cast_precision_loss, reason = "a rollout has far fewer than 2^53 minutes")]
fn count<T>(values: &[T]) -> f64 {
    values.len() as f64
}

/// Where Kayenta's root finder stops looking, absolutely: values are percent so that this is small.
const TOLERANCE: f64 = 1e-4;
const ITERATIONS: usize = 1001;

/// A zero between two points of different sign, within [`TOLERANCE`]: Brent's method ("Algorithms for Minimization
/// Without Derivatives", 1973, chapter 4), which on a step function stops where Kayenta's and R's do.
fn root(left: (f64, f64), right: (f64, f64), f: impl Fn(f64) -> f64) -> f64 {
    let (mut previous, mut best, mut other) = (left, right, left);
    for _ in 0..ITERATIONS {
        let last_step = best.0 - previous.0;
        if other.1.abs() < best.1.abs() {
            (previous, best, other) = (best, other, best);
        }
        let tolerance = 2.0 * f64::EPSILON * best.0.abs() + TOLERANCE / 2.0;
        let half = (other.0 - best.0) / 2.0;
        if half.abs() <= tolerance || best.1.abs() <= f64::MIN_POSITIVE {
            return best.0;
        }
        let mut step = half;
        if last_step.abs() >= tolerance && previous.1.abs() > best.1.abs() {
            step = interpolated(previous, best, other, tolerance, last_step).unwrap_or(half);
        }
        if step.abs() < tolerance {
            step = tolerance.copysign(step);
        }
        previous = best;
        best = (best.0 + step, f(best.0 + step));
        if best.1 * other.1 > 0.0 {
            other = previous;
        }
    }
    best.0
}

/// A step from `best` by interpolation through the points, unless it leaves the bracket or shrinks too slowly.
#[expect(clippy::float_cmp, reason = "whether two of the three points are the same one")]
fn interpolated(
    previous: (f64, f64),
    best: (f64, f64),
    other: (f64, f64),
    tolerance: f64,
    last_step: f64,
) -> Option<f64> {
    let width = other.0 - best.0;
    let s = best.1 / previous.1;
    let (p, q) = if previous.0 == other.0 {
        (width * s, 1.0 - s)
    } else {
        let (r, t) = (previous.1 / other.1, best.1 / other.1);
        let p = s * (width * r * (r - t) - (best.0 - previous.0) * (t - 1.0));
        (p, (r - 1.0) * (t - 1.0) * (s - 1.0))
    };
    let (p, q) = if p > 0.0 { (p, -q) } else { (-p, q) };
    let inside = p < 0.75 * width * q - (tolerance * q).abs() / 2.0;
    (inside && p < (last_step * q / 2.0).abs()).then(|| p / q)
}

/// Distinct values around a constant, within 1e-5 of it.
pub(super) fn spread(constant: &[f64]) -> Vec<f64> {
    let half = f64::midpoint(count(constant), 1.0);
    let mut rank = 0.0;
    constant
        .iter()
        .map(|value| {
            rank += 1.0;
            value + value * 1e-5 * (rank - half) / half
        })
        .collect()
}

/// The quantile of the standard normal law for `probability` in 0.5..=0.9999995, to 1e-15: Wichura's algorithm AS 241
/// (Applied Statistics 37, 1988).
fn normal_quantile(probability: f64) -> f64 {
    const CENTRAL: ([f64; 8], [f64; 8]) = (
        [
            3.387_132_872_796_366_5,
            1.331_416_678_917_843_8e2,
            1.971_590_950_306_551_3e3,
            1.373_169_376_550_946e4,
            4.592_195_393_154_987e4,
            6.726_577_092_700_87e4,
            3.343_057_558_358_813e4,
            2.509_080_928_730_122_7e3,
        ],
        [
            1.0,
            4.231_333_070_160_091e1,
            6.871_870_074_920_579e2,
            5.394_196_021_424_751e3,
            2.121_379_430_158_659_7e4,
            3.930_789_580_009_271e4,
            2.872_908_573_572_194_3e4,
            5.226_495_278_852_854e3,
        ],
    );
    const TAIL: ([f64; 8], [f64; 8]) = (
        [
            1.423_437_110_749_683_5,
            4.630_337_846_156_546,
            5.769_497_221_460_691,
            3.647_848_324_763_204_5,
            1.270_458_252_452_368_4,
            2.417_807_251_774_506e-1,
            2.272_384_498_926_918_4e-2,
            7.745_450_142_783_414e-4,
        ],
        [
            1.0,
            2.053_191_626_637_759,
            1.676_384_830_183_803_8,
            6.897_673_349_851e-1,
            1.481_039_764_274_800_8e-1,
            1.519_866_656_361_645_7e-2,
            5.475_938_084_995_345e-4,
            1.050_750_071_644_416_9e-9,
        ],
    );
    let ratio = |(above, below): ([f64; 8], [f64; 8]), at: f64| {
        let value = |terms: [f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * at + term);
        value(above) / value(below)
    };
    let q = probability - 0.5;
    if q <= 0.425 {
        return q * ratio(CENTRAL, 0.180_625 - q * q);
    }
    ratio(TAIL, (-(1.0 - probability).ln()).sqrt() - 1.6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        quantiles: Vec<(f64, f64)>,
        statistics: Vec<Statistic>,
        intervals: Vec<Shift>,
    }

    #[derive(serde::Deserialize)]
    struct Statistic {
        experiment: Vec<f64>,
        control: Vec<f64>,
        mu: f64,
        z: f64,
    }

    #[derive(serde::Deserialize)]
    struct Shift {
        experiment: Vec<f64>,
        control: Vec<f64>,
        confidence: f64,
        lower: f64,
        upper: f64,
        estimate: f64,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../../vectors/mann_whitney.json")).unwrap()
    }

    #[test]
    fn quantiles_and_statistics_are_scipys() {
        let vectors = vectors();
        assert!(vectors.quantiles.len() >= 10 && vectors.statistics.len() >= 30);
        for (probability, quantile) in vectors.quantiles {
            let got = normal_quantile(probability);
            assert!((got - quantile).abs() < 1e-12, "{probability}: {got} {quantile}");
        }
        for Statistic { experiment, control, mu, z } in vectors.statistics {
            let got = statistic(&experiment, &control, mu);
            assert!((got - z).abs() < 1e-9, "{experiment:?} {control:?} {mu}: {got} {z}");
        }
    }

    /// The statistic is a step function of the shift, so its zeros are jumps: found exactly by the script, and within
    /// the tolerance of Kayenta's root finder here.
    #[test]
    fn intervals_are_where_the_statistic_crosses() {
        let vectors = vectors();
        assert!(vectors.intervals.len() >= 30);
        for Shift { experiment, control, confidence, lower, upper, estimate } in vectors.intervals {
            let got = mann_whitney(&experiment, &control, confidence);
            for (got, wanted) in [(got.lower, lower), (got.upper, upper), (got.estimate, estimate)] {
                assert!(
                    (got - wanted).abs() <= 1.1 * TOLERANCE,
                    "{experiment:?} {control:?}: {got} {wanted}"
                );
            }
        }
    }

    #[test]
    fn the_intervals_of_kayentas_own_test_are_found() {
        let interval = mann_whitney(&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0], 0.95);
        assert!((interval.lower - 6.0).abs() < 2e-4 && (interval.upper - 39.0).abs() < 2e-4, "{interval:?}");
        assert!((interval.estimate - 22.5).abs() < 1.0, "{interval:?}");
    }

    #[test]
    fn a_spread_is_distinct_and_narrow() {
        let values = spread(&[50.0; 5]);
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
        assert!(values.iter().all(|value| (value - 50.0).abs() < 5e-4));
        assert_eq!(spread(&[0.0; 2]), [0.0; 2]);
    }
}
