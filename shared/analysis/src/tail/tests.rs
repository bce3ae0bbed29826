use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    comparisons: Vec<Comparison>,
    rates: Vec<RateVector>,
}

#[derive(Deserialize)]
struct Comparison {
    margin: Ratio,
    tables: Vec<[u64; 4]>,
    p: f64,
}

#[derive(Deserialize)]
struct RateVector {
    requests: u64,
    errors: u64,
    rate: f64,
    p: f64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/vectors.json")).unwrap()
}

fn table([canary, canary_errors, baseline, baseline_errors]: [u64; 4]) -> Table {
    Table::new((canary, canary_errors), (baseline, baseline_errors)).unwrap()
}

fn relative(value: f64, expected: f64) -> f64 {
    (value - expected).abs() / expected
}

#[test]
fn p_values_are_those_of_the_vectors() {
    let vectors = vectors();
    assert!(vectors.comparisons.len() >= 60);
    for Comparison { margin, tables, p } in vectors.comparisons {
        let tables: Vec<Table> = tables.into_iter().map(table).collect();
        let off = relative(exact(&tables, margin), p);
        assert!(off < 1e-9, "margin {margin}, {tables:?}: off by {off:e} of {p:e}");
    }
}

#[test]
fn rate_p_values_are_those_of_the_vectors() {
    for RateVector { requests, errors, rate, p } in vectors().rates {
        let off = relative(p_value_of_rate(requests, errors, rate), p);
        assert!(off < 1e-9, "{errors} of {requests} at {rate}: off by {off:e} of {p:e}");
    }
}

#[test]
fn the_bound_is_never_below_the_exact_value() {
    for Comparison { margin, tables, p } in vectors().comparisons {
        let tables: Vec<Table> = tables.into_iter().map(table).collect();
        let bound = binomial_bound(&tables, margin);
        assert!(bound >= p * (1.0 - 1e-9), "margin {margin}, {tables:?}: {bound:e} is below {p:e}");
    }
}

/// Errors of the canary, over minutes of equal counts, at which the bound is near `p`.
fn tables_near(p: f64, minutes: u64, canary: u64, baseline: u64, errors: u64) -> Vec<Table> {
    let share = float(canary) / float(canary + baseline);
    let errors_of = |total: u64| {
        (0..minutes)
            .map(move |minute| total / minutes + u64::from(minute < total % minutes))
            .map(move |x| Table { canary, baseline, errors, canary_errors: x })
    };
    let most = errors.min(canary) * minutes;
    let (mut low, mut high) =
        (Law::Binomial { trials: errors * minutes, odds: share / (1.0 - share) }.middle(), most);
    while low + 1 < high {
        let half = u64::midpoint(low, high);
        if binomial_bound(&errors_of(half).collect::<Vec<_>>(), Ratio::ONE) > p {
            low = half;
        } else {
            high = half;
        }
    }
    errors_of(high).collect()
}

#[test]
fn where_the_bound_takes_over_it_is_close_to_the_exact_value() {
    for (canary, baseline) in [(6_000, 54_000), (30_000, 30_000), (54_000, 6_000)] {
        for p in [1e-2, 1e-4, 1e-8] {
            // Five minutes of 600 errors are the last that are summed exactly.
            let tables = tables_near(p, 5, canary, baseline, 600);
            let (exactly, bound) = (exact(&tables, Ratio::ONE), binomial_bound(&tables, Ratio::ONE));
            assert!(
                (exactly..exactly * 1.25).contains(&bound),
                "{canary}:{baseline}, {exactly:e} and {bound:e}"
            );
            let chosen = p_value(tables.clone(), Ratio::ONE);
            assert_eq!(chosen.to_bits(), exactly.to_bits());

            let mut more = tables;
            more.push(Table { canary: 1, baseline: 1, errors: 1, canary_errors: 1 });
            assert!(relative(p_value(more.clone(), Ratio::ONE), binomial_bound(&more, Ratio::ONE)) < 1e-9);
        }
    }
}

#[test]
fn the_bound_still_finds_out_a_canary_when_most_requests_fail() {
    // More errors than the baseline has requests: 1,100 of them are the canary's whatever happens.
    let table = table([3_000, 1_990, 2_000, 1_110]);
    let (exactly, bound) = (exact(&[table], Ratio::ONE), binomial_bound(&[table], Ratio::ONE));
    assert!(exactly < bound && bound < 1e-5, "{exactly:e} and {bound:e}");
}

#[test]
fn huge_counts_end_with_a_sane_answer() {
    let equal = Table::new((1_000_000_000, 10_000_000), (1_000_000_000, 10_000_000)).unwrap();
    assert!(p_value(vec![equal; 3], Ratio::ONE) > 0.4);
    let worse = Table::new((1_000_000_000, 10_100_000), (1_000_000_000, 10_000_000)).unwrap();
    let p = p_value(vec![worse; 3], Ratio::ONE);
    assert!((FLOOR..1e-50).contains(&p), "{p:e}");
    let dead = Table::new((1_000_000_000, 1_000_000_000), (1_000_000_000, 0)).unwrap();
    assert!((p_value(vec![dead], Ratio::ONE) - FLOOR).abs() < FLOOR);
}

#[test]
fn what_says_nothing_has_a_p_value_of_one() {
    assert_eq!(Table::new((0, 0), (9, 3)), None);
    assert_eq!(Table::new((9, 3), (0, 0)), None);
    for tables in [vec![], vec![table([9, 0, 9, 0])], vec![table([9, 9, 9, 9])], vec![table([9, 0, 9, 5])]] {
        assert!(relative(p_value(tables, Ratio::ONE), 1.0) < 1e-12);
    }
    assert!(relative(p_value_of_rate(9, 9, 1.0), 1.0) < 1e-12);
    assert!(p_value_of_rate(9, 1, 0.0) <= FLOOR);
}

/// With a margin the law is binomial, not the exact one: its level must hold all the same. Every outcome of two small
/// arms whose rates are at the margin, at every threshold up to 10 %.
#[test]
fn the_binomial_law_keeps_its_level_at_every_rate() {
    let chances = |requests: u64, rate: f64| {
        Law::Binomial { trials: requests, odds: rate / (1.0 - rate) }.probabilities()
    };
    let mut fired = false;
    for margin in [1.05, 1.5, 3.0] {
        let ratio = Ratio::new(margin).unwrap();
        for (canary, baseline) in [(1, 12), (3, 8), (6, 6), (12, 2)] {
            for rate in [0.01, 0.05, 0.2, 0.6, 0.95] {
                let of_canary = chances(canary, rate);
                let of_baseline = chances(baseline, rate / margin);
                let mut outcomes: Vec<(f64, f64)> = vec![];
                for (x, px) in of_canary.iter().enumerate() {
                    for (y, py) in of_baseline.iter().enumerate() {
                        let table = table([canary, x as u64, baseline, y as u64]);
                        outcomes.push((p_value(vec![table], ratio), px * py));
                    }
                }
                outcomes.sort_by(|left, right| left.0.total_cmp(&right.0));
                let mut level = 0.0;
                for (p, chance) in outcomes.into_iter().take_while(|(p, _)| *p <= 0.1) {
                    fired = true;
                    level += chance;
                    assert!(level <= p, "{margin} {canary}:{baseline} {rate}: {level} at {p}");
                }
            }
        }
    }
    assert!(fired);
}

fn any_table() -> impl Strategy<Value = Table> {
    (1u64..40, 1u64..400)
        .prop_flat_map(|(canary, baseline)| (Just(canary), 0..=canary, Just(baseline), 0..=baseline))
        .prop_map(|(canary, x, baseline, y)| table([canary, x, baseline, y]))
}

proptest! {
    #[test]
    fn order_changes_nothing(tables in prop::collection::vec(any_table(), 1..6), margin in 1.0f64..3.0) {
        let margin = Ratio::new(margin).unwrap();
        let mut turned = tables.clone();
        turned.reverse();
        prop_assert_eq!(p_value(tables, margin).to_bits(), p_value(turned, margin).to_bits());
    }

    #[test]
    fn one_more_error_on_the_canary_never_raises_p(
        tables in prop::collection::vec(any_table(), 1..6), margin in prop::sample::select(vec![1.0, 1.3]),
    ) {
        let margin = Ratio::new(margin).unwrap();
        let mut worse = tables.clone();
        let first = &mut worse[0];
        prop_assume!(first.canary_errors < first.canary);
        first.canary_errors += 1;
        first.errors += 1;
        prop_assert!(p_value(worse, margin) <= p_value(tables, margin) * (1.0 + 1e-12));
    }

    #[test]
    fn the_bound_bounds(tables in prop::collection::vec(any_table(), 1..6), margin in prop::sample::select(vec![1.0, 1.3])) {
        let margin = Ratio::new(margin).unwrap();
        prop_assert!(binomial_bound(&tables, margin) >= exact(&tables, margin) * (1.0 - 1e-12));
    }

    #[test]
    fn a_larger_margin_forgives_more(
        tables in prop::collection::vec(any_table(), 1..6), margin in 1.01f64..3.0, more in 1.0f64..2.0,
    ) {
        let p = |margin| p_value(tables.clone(), Ratio::new(margin).unwrap());
        prop_assert!(p(margin * more) >= p(margin) * (1.0 - 1e-12));
    }
}
