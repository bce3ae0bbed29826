//! Laws of counts.

/// ln n!
pub fn ln_factorial(n: u64) -> f64 {
    libm::lgamma(n as f64 + 1.0)
}

/// The upper tail of the standard normal law.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// P(X = 0..=errors) of errors that fall on `canary` of `canary + baseline` requests, without replacement.
pub fn hypergeometric(canary: u64, baseline: u64, errors: u64) -> Vec<f64> {
    let (least, most) = (errors.saturating_sub(baseline), errors.min(canary));
    let mut law = vec![0.0; errors as usize + 1];
    let mode = ((errors as f64 + 1.0) * (canary as f64 + 1.0) / ((canary + baseline) as f64 + 2.0)) as u64;
    let mode = mode.clamp(least, most);
    let at_mode = (ln_choose(canary, mode) + ln_choose(baseline, errors - mode)
        - ln_choose(canary + baseline, errors))
    .exp();
    law[mode as usize] = at_mode;
    let up = |j: u64| {
        (canary - j) as f64 * (errors - j) as f64 / ((j + 1) as f64 * (baseline + j + 1 - errors) as f64)
    };
    let mut value = at_mode;
    for j in mode..most {
        value *= up(j);
        law[j as usize + 1] = value;
    }
    value = at_mode;
    for j in (least..mode).rev() {
        value /= up(j);
        law[j as usize] = value;
    }
    law
}

/// P(X >= from) of the hypergeometric law.
pub fn hypergeometric_tail(canary: u64, baseline: u64, errors: u64, from: u64) -> f64 {
    hypergeometric(canary, baseline, errors).iter().skip(from as usize).sum::<f64>().min(1.0)
}

/// ln P(X = k) of the negative binomial law that is a Poisson whose mean is Gamma(shape, rate 1/scale).
pub fn ln_negative_binomial(k: u64, shape: f64, scale: f64) -> f64 {
    libm::lgamma(shape + k as f64) - libm::lgamma(shape) - ln_factorial(k)
        + k as f64 * (scale / (1.0 + scale)).ln()
        - shape * scale.ln_1p()
}

/// P(X >= from) of the same law.
pub fn negative_binomial_tail(from: u64, shape: f64, scale: f64) -> f64 {
    if from == 0 {
        return 1.0;
    }
    let mean = shape * scale;
    let deviation = (mean * (1.0 + scale)).sqrt();
    if from as f64 > 2000.0 {
        return normal_tail((from as f64 - 0.5 - mean) / deviation);
    }
    let ratio = scale / (1.0 + scale);
    let mut term = (-shape * scale.ln_1p()).exp();
    let mut below = 0.0;
    for k in 0..from {
        below += term;
        term *= ratio * (shape + k as f64) / (k as f64 + 1.0);
    }
    (1.0 - below).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hypergeometric_law_is_the_counted_one() {
        // 3 errors over 4 + 6 requests: C(4,j) C(6,3-j) / C(10,3).
        let law = hypergeometric(4, 6, 3);
        for (got, want) in law.iter().zip([20.0, 60.0, 36.0, 4.0]) {
            assert!((got - want / 120.0).abs() < 1e-12, "{law:?}");
        }
        assert!((hypergeometric_tail(4, 6, 3, 2) - 40.0 / 120.0).abs() < 1e-12);
        assert!((hypergeometric(40_000, 60_000, 700).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_negative_binomial_law_adds_up() {
        let all: f64 = (0..400).map(|k| ln_negative_binomial(k, 2.5, 3.0).exp()).sum();
        assert!((all - 1.0).abs() < 1e-12, "{all}");
        let tail: f64 = (7..400).map(|k| ln_negative_binomial(k, 2.5, 3.0).exp()).sum();
        assert!((negative_binomial_tail(7, 2.5, 3.0) - tail).abs() < 1e-12);
    }
}
