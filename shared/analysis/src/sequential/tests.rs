use proptest::prelude::*;

use super::concurrent::Concurrent;
use super::kernel::Law;
use super::walk::Walk;
use super::*;

fn tally(requests: u64, events: u64) -> Tally {
    Tally { requests, events }
}

/// A minute of which the requests and the total of the events are known, and not who had them.
#[derive(Clone, Copy, Debug)]
struct Margins {
    canary: u64,
    baseline: u64,
    events: u64,
}

/// The chance, by counting every way in which the events of each minute can fall, that an equal version crosses.
fn crossing(settings: Settings, minutes: &[Margins]) -> f64 {
    fn walk(sequence: &Sequence, minutes: &[Margins]) -> f64 {
        let Some((minute, rest)) = minutes.split_first() else { return 0.0 };
        let law =
            Law::Hypergeometric { canary: minute.canary, baseline: minute.baseline, errors: minute.events };
        let kernel = law.exact();
        (kernel.least..)
            .zip(&kernel.mass)
            .map(|(events, chance)| {
                let mut sequence = sequence.clone();
                let reading = sequence
                    .add(tally(minute.canary, events), tally(minute.baseline, minute.events - events));
                chance * if reading.crossed { 1.0 } else { walk(&sequence, rest) }
            })
            .sum()
    }
    walk(&Sequence::new(settings, None), minutes)
}

fn margins() -> impl Strategy<Value = Margins> {
    (1_u64..40, 1_u64..40, 0_u64..6).prop_map(|(canary, baseline, events)| Margins {
        canary,
        baseline,
        events: events.min(canary + baseline),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The budget holds exactly, not on average over seeds: every way of falling is counted.
    #[test]
    fn an_equal_version_is_blamed_within_the_budget(
        minutes in prop::collection::vec(margins(), 1..6),
        budget in prop::sample::select(vec![0.001, 0.01, 0.05, 0.3]),
        planned in 1_u32..8,
    ) {
        let settings = Settings { budget, margin: 1.0, planned };
        let blamed = crossing(settings, &minutes);
        prop_assert!(blamed <= budget * (1.0 + 1e-9), "{blamed} of {budget}");
    }

    /// One more failed request of the canary never helps it.
    #[test]
    fn more_canary_errors_never_look_better(
        minutes in prop::collection::vec((1_u64..2_000, 1_u64..2_000, 0_u64..30, 0_u64..30), 1..12),
        worse in 0_usize..12,
    ) {
        let settings = Settings { budget: 0.01, margin: 1.0, planned: 12 };
        let play = |more: u64| {
            let mut sequence = Sequence::new(settings, None);
            let mut last = None;
            let mut ever = false;
            for (place, (canary, baseline, on_canary, on_baseline)) in minutes.iter().copied().enumerate() {
                let on_canary = (on_canary + if place == worse { more } else { 0 }).min(canary);
                let reading = sequence.add(tally(canary, on_canary), tally(baseline, on_baseline.min(baseline)));
                ever |= reading.crossed;
                last = Some(reading);
            }
            (ever, last)
        };
        let ((before, _), (after, _)) = (play(0), play(1));
        prop_assert!(after || !before);
    }
}

#[test]
fn a_budget_is_used_and_not_only_kept() {
    let minute = Margins { canary: 30, baseline: 30, events: 5 };
    let blamed = crossing(Settings { budget: 0.05, margin: 1.0, planned: 5 }, &[minute; 5]);
    assert!(blamed > 0.02, "{blamed}");
}

/// What the lattice costs: the same walk, followed number by number and on the lattice, spends the same within a
/// twentieth at the same boundary.
#[test]
fn the_lattice_continues_the_exact_walk() {
    let mut on_lattice = Walk::new();
    let mut exact = vec![1.0];
    for _ in 0..40 {
        let law = Law::Binomial { errors: 300, share: 0.1 };
        on_lattice.add(law);
        let kernel = law.exact();
        let mut sum = vec![0.0; exact.len() + 300];
        for (place, weight) in exact.iter().enumerate() {
            for (count, chance) in (kernel.least..).zip(&kernel.mass) {
                sum[place + usize::try_from(count).unwrap()] += weight * chance;
            }
        }
        exact = sum;
    }
    // Mean 1200, standard deviation 32.9.
    for sum in [1_200, 1_240, 1_280, 1_300, 1_320] {
        let (seen, right) =
            (on_lattice.tail(sum), exact[usize::try_from(sum).unwrap()..].iter().sum::<f64>());
        assert!((seen / right - 1.0).abs() < 0.05, "{sum}: {seen} {right}");
    }
}

#[test]
fn the_urn_is_the_negative_binomial_law() {
    let mut walk = Walk::new();
    walk.add_urn(2.5, 0.25);
    let none = 0.75_f64.powf(2.5);
    for (sum, right) in [1.0, 1.0 - none, 1.0 - none - 2.5 * 0.25 * none].into_iter().enumerate() {
        assert!((walk.tail(sum as u64) - right).abs() < 1e-9, "{sum}: {}", walk.tail(sum as u64));
    }
    // Rate gamma(2.5, 3): a first minute of 1, a second of 1, is one minute of 2.
    let mut two = Walk::new();
    two.add_urn(2.5, 1.0 / 4.0);
    two.add_urn(2.5, 1.0 / 5.0);
    let mut one = Walk::new();
    one.add_urn(2.5, 2.0 / 5.0);
    for sum in 0..30 {
        assert!((two.tail(sum) - one.tail(sum)).abs() < 1e-8, "{sum}");
    }
}

#[test]
fn a_dead_canary_is_found_in_the_first_minute() {
    let mut key = Concurrent::new(1.0, 1.0);
    assert!(key.add(tally(30, 30), tally(270, 0), 0.0006).crossed);
}

/// p-values of scipy (tests/vectors/generate.py): a walk from which nothing is absorbed is the exact conditional test.
#[test]
fn an_undisturbed_walk_has_the_p_values_of_the_vectors() {
    #[derive(serde::Deserialize)]
    struct Vectors {
        comparisons: Vec<Comparison>,
        rates: Vec<RateVector>,
    }
    #[derive(serde::Deserialize)]
    struct Comparison {
        margin: f64,
        tables: Vec<[u64; 4]>,
        p: f64,
    }
    #[derive(serde::Deserialize)]
    struct RateVector {
        requests: u64,
        errors: u64,
        rate: f64,
        p: f64,
    }
    let vectors: Vectors = serde_json::from_str(include_str!("../../tests/vectors/vectors.json")).unwrap();
    let mut exact = 0;
    for Comparison { margin, tables, p } in vectors.comparisons {
        let mut walk = Walk::new();
        let mut seen = 0;
        for [canary, canary_errors, baseline, baseline_errors] in &tables {
            let errors = canary_errors + baseline_errors;
            let odds = margin * crate::number::float(*canary) / crate::number::float(*baseline);
            let law = if margin > 1.0 {
                Law::Binomial { errors, share: odds / (1.0 + odds) }
            } else {
                Law::Hypergeometric { canary: *canary, baseline: *baseline, errors }
            };
            if errors > 0 {
                walk.add(law);
            }
            seen += canary_errors;
        }
        exact += u32::from(walk.is_exact());
        // What the lattice costs where the walk is too long to be exact: a hundredth.
        let tolerance = if walk.is_exact() { 2e-9 } else { 0.01 * p.max(1e-4) };
        assert!(
            (walk.tail(seen) - p).abs() < tolerance,
            "margin {margin}, {tables:?}: {} {p}",
            walk.tail(seen)
        );
    }
    assert!(exact >= 50, "{exact}");
    for RateVector { requests, errors, rate, p } in vectors.rates {
        let off = (crate::limit::p_value_of_rate(requests, errors, rate) - p).abs() / p;
        assert!(off < 1e-9, "{errors} of {requests} at {rate}: off by {off:e} of {p:e}");
    }
}

/// Beyond fifty events a history is no surer by being longer, so that requests and events times ten change nothing; a
/// rate that varied from one ten minutes to the next is trusted less, and needs more to speak.
#[test]
fn a_history_counts_by_its_rate_and_its_steadiness_not_by_its_length() {
    let steady = History {
        minutes: 360,
        requests: 100_000,
        events: 100,
        minute_mean: 0.28,
        minute_variance: 0.28,
        window_mean: 2.8,
        window_variance: 2.8,
        split: None,
    };
    let longer = History { requests: 1_000_000, events: 1_004, ..steady };
    let unsteady = History { window_variance: 2.8 + 2.8 * 2.8, ..steady };
    let settings = Settings { budget: 0.01, margin: 1.0, planned: 11 };
    let p = |history: &History| {
        let mut sequence = Sequence::new(settings, Some(history));
        sequence.add(tally(500, 4), tally(500, 0)).p
    };
    assert!((p(&steady) / p(&longer) - 1.0).abs() < 0.01, "{} {}", p(&steady), p(&longer));
    assert!(p(&unsteady) > 1.5 * p(&steady), "{} {}", p(&unsteady), p(&steady));
}
