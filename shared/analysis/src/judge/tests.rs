use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

/// Canary requests, errors; baseline requests, errors. Slow requests are as many as errors.
type Counts = [u64; 4];

fn start(minute: usize) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * i64::try_from(minute).unwrap()).unwrap()
}

fn minutes_of(counts: &[Counts]) -> Minutes {
    let arm = |requests, errors| Arm::new(requests, errors, Some(errors)).unwrap();
    let minute = |(number, [n, x, m, y]): (usize, &Counts)| {
        Minute::new(start(number), arm(*n, *x), arm(*m, *y)).unwrap()
    };
    Minutes::new(counts.iter().enumerate().map(minute).collect()).unwrap()
}

fn verdict(policy: &Policy, counts: &[Counts]) -> Verdict {
    judge(policy, &Evidence::Minutes(minutes_of(counts)), Look::after(0, 13))
}

fn verdict_after(policy: &Policy, counts: &[Counts], reference: Option<Reference>) -> Verdict {
    judge(policy, &Evidence::Minutes(minutes_of(counts).with_reference(reference)), Look::after(0, 13))
}

fn limited(rate: f64) -> Policy {
    Policy { max_error_rate: Some(Probability::new(rate).unwrap()), ..Policy::default() }
}

fn with_latency() -> Policy {
    Policy { latency_objective_ms: Some(300), ..Policy::default() }
}

#[test]
fn a_bad_canary_fails_and_an_equal_one_passes() {
    let policy = Policy::default();
    let Verdict::Fail(finding) = verdict(&policy, &[[100, 8, 900, 4]]) else { panic!("must fail") };
    assert_eq!((finding.name(), finding.canary.events, finding.canary.requests), ("errors", 8, 100));
    assert!(finding.p_value < finding.threshold);
    // 9/10 of 1 % over 13 planned looks.
    assert!((finding.threshold.get() - 0.009 / 13.0).abs() < 1e-15);
    let Verdict::Pass(finding) = verdict(&policy, &[[100, 1, 900, 4]]) else { panic!("must pass") };
    assert!(finding.p_value > finding.threshold);
    assert!(matches!(verdict(&policy, &[[100, 0, 900, 0]]), Verdict::Pass(_)));
}

#[test]
fn an_outage_that_both_arms_share_blames_nobody() {
    let counts = [[100, 0, 900, 0], [100, 90, 900, 810], [100, 0, 900, 0]];
    assert!(matches!(verdict(&Policy::default(), &counts), Verdict::Pass(_)));
    // Minute by minute, not in total: the canary served more of the bad minute than of the good ones.
    let shifted = [[10, 0, 990, 0], [100, 90, 100, 90]];
    assert!(matches!(verdict(&Policy::default(), &shifted), Verdict::Pass(_)));
}

#[test]
fn a_failure_does_not_wait_for_the_minimums_and_a_pass_does() {
    let policy = Policy { minimum_requests: 1_000, minimum_minutes: 3, ..Policy::default() };
    assert!(matches!(verdict(&policy, &[[10, 10, 90, 0]]), Verdict::Fail(_)));
    let few_minutes = verdict(&policy, &[[2_000, 0, 9_000, 0], [0, 0, 10, 0], [3, 0, 10, 0]]);
    assert_eq!(few_minutes, Verdict::Inconclusive { reason: Reason::TooFewMinutes { seen: 2, needed: 3 } });
    let few_requests = verdict(&policy, &[[333, 0, 900, 0]; 3]);
    assert_eq!(
        few_requests,
        Verdict::Inconclusive { reason: Reason::TooFewRequests { seen: 999, needed: 1_000 } }
    );
    assert!(matches!(verdict(&policy, &[[334, 0, 900, 0]; 3]), Verdict::Pass(_)));
}

#[test]
fn the_three_kinds_of_missing_data_stay_apart() {
    let policy = Policy::default();
    let silent = |arm| Verdict::NoData { kind: NoData::NoRequests { arm } };
    assert_eq!(verdict(&policy, &[]), silent(SilentArm::Both));
    assert_eq!(verdict(&policy, &[[0, 0, 0, 0]]), silent(SilentArm::Both));
    assert_eq!(verdict(&policy, &[[0, 0, 500, 3]]), silent(SilentArm::Canary));
    assert!(!verdict(&policy, &[[0, 0, 500, 3]]).is_blind());

    let down = Evidence::SourceDown { reason: "GetMetricData was throttled".into() };
    let blind = judge(&policy, &down, Look::after(0, 13));
    assert!(blind.is_blind());
    assert_eq!(blind.to_string(), "the evidence cannot be read: GetMetricData was throttled");

    // Requests without errors are zero errors: evidence, and good one.
    assert!(matches!(verdict(&policy, &[[500, 0, 500, 0]]), Verdict::Pass(_)));
}

#[test]
fn without_a_baseline_the_earlier_steps_are_the_measure() {
    let policy = Policy::default();
    let earlier = Reference::new(20_000, 60, None).unwrap();
    let Verdict::Fail(finding) = verdict_after(&policy, &[[400, 12, 0, 0]; 2], Some(earlier)) else {
        panic!("must fail")
    };
    let Standard::Baseline { seen, earlier_requests, .. } = finding.standard else {
        panic!("has a baseline")
    };
    assert_eq!((seen.events, seen.requests, earlier_requests), (60, 20_000, 20_000));
    assert!(matches!(verdict_after(&policy, &[[400, 1, 0, 0]; 2], Some(earlier)), Verdict::Pass(_)));
    // A straggler on the old version does not take the place of the comparison.
    let straggler = [[400, 12, 0, 0], [400, 0, 1, 0], [400, 12, 0, 0]];
    assert!(matches!(verdict_after(&policy, &straggler, Some(earlier)), Verdict::Fail(_)));
    // With a baseline in every minute the reference is not used.
    let beside = [[400, 12, 400, 12]];
    assert_eq!(verdict_after(&policy, &beside, Some(earlier)), verdict(&policy, &beside));
}

#[test]
fn without_any_baseline_only_the_limit_decides() {
    let nothing = Reason::NothingToCompare { metric: Metric::Errors };
    assert_eq!(verdict(&Policy::default(), &[[500, 500, 0, 0]]), Verdict::Inconclusive { reason: nothing });
    let Verdict::Fail(finding) = verdict(&limited(0.05), &[[500, 60, 0, 0]]) else { panic!("must fail") };
    assert_eq!(finding.name(), "max_error_rate");
    assert!(matches!(verdict(&limited(0.05), &[[500, 20, 0, 0]]), Verdict::Pass(_)));
    assert!(matches!(
        verdict(&limited(0.05), &[[49, 0, 0, 0]]),
        Verdict::Inconclusive { reason: Reason::TooFewRequests { seen: 49, needed: 50 } }
    ));
    // A limit that nothing can exceed is no test.
    assert!(matches!(
        verdict(&limited(1.0), &[[500, 500, 0, 0]]),
        Verdict::Inconclusive { reason: Reason::NotTestable { .. } }
    ));
}

#[test]
fn the_limit_holds_beside_an_equally_bad_baseline() {
    let Verdict::Fail(finding) = verdict(&limited(0.05), &[[500, 60, 500, 60]]) else { panic!("must fail") };
    assert_eq!(finding.name(), "max_error_rate");
    // Above the limit, but perhaps by chance: neither promoted nor rolled back.
    assert!(matches!(
        verdict(&limited(0.05), &[[500, 26, 500, 26]]),
        Verdict::Inconclusive { reason: Reason::AboveMaxErrorRate { .. } }
    ));
    assert!(matches!(verdict(&limited(0.05), &[[500, 25, 500, 25]]), Verdict::Pass(_)));
    let Verdict::Fail(finding) = verdict(&limited(0.0), &[[500, 1, 500, 1]]) else { panic!("must fail") };
    assert_eq!(finding.name(), "max_error_rate");
}

#[test]
fn too_little_traffic_is_not_testable_rather_than_passed() {
    let policy = Policy { minimum_requests: 0, ..Policy::default() };
    for counts in [[1, 0, 9, 0], [1, 0, 9, 9], [200, 0, 1, 0]] {
        let reason = Reason::NotTestable { metric: Metric::Errors };
        assert_eq!(verdict(&policy, &[counts]), Verdict::Inconclusive { reason }, "{counts:?}");
    }
    // Traffic decides that, not errors: a baseline that fails does not hold the canary up.
    for counts in [[5, 0, 45, 0], [5, 0, 45, 45]] {
        assert!(matches!(verdict(&policy, &[counts]), Verdict::Pass(_)), "{counts:?}");
    }
}

#[test]
fn latency_is_judged_when_it_has_an_objective() {
    let slow = |canary, baseline| {
        let arm = |slow| Arm::new(200, 0, slow).unwrap();
        Minutes::new(vec![Minute::new(start(0), arm(canary), arm(baseline)).unwrap()]).unwrap()
    };
    let look = Look::after(0, 13);
    let judged = |policy: &Policy, minutes| judge(policy, &Evidence::Minutes(minutes), look);
    let Verdict::Fail(finding) = judged(&with_latency(), slow(Some(40), Some(5))) else {
        panic!("must fail")
    };
    assert_eq!(finding.name(), "slow_requests");
    assert!(matches!(judged(&with_latency(), slow(Some(5), Some(5))), Verdict::Pass(_)));
    assert!(matches!(judged(&Policy::default(), slow(Some(40), Some(5))), Verdict::Pass(_)));
    assert!(judged(&with_latency(), slow(Some(5), None)).is_blind());
    assert!(judged(&with_latency(), slow(None, Some(5))).is_blind());
    assert!(matches!(judged(&Policy::default(), slow(None, None)), Verdict::Pass(_)));

    // The errors of a canary are found even while its latency cannot be seen.
    let arm = |errors| Arm::new(200, errors, None).unwrap();
    let blind = Minutes::new(vec![Minute::new(start(0), arm(40), arm(5)).unwrap()]).unwrap();
    assert!(matches!(judged(&with_latency(), blind), Verdict::Fail(_)));

    // A reference without latency is a measure for errors only.
    let earlier = Some(Reference::new(2_000, 3, None).unwrap());
    assert_eq!(
        verdict_after(&with_latency(), &[[200, 0, 0, 0]], earlier),
        Verdict::Inconclusive {
            reason: Reason::NothingToCompare { metric: Metric::SlowRequests { objective_ms: 300 } }
        }
    );
}

#[test]
fn a_minute_that_the_canary_sat_out_need_not_know_its_latency() {
    let arm = |requests, slow| Arm::new(requests, 0, slow).unwrap();
    let served = Minute::new(start(0), arm(200, Some(5)), arm(200, Some(5))).unwrap();
    let sat_out = Minute::new(start(1), Arm::IDLE, arm(200, None)).unwrap();
    let minutes = Evidence::Minutes(Minutes::new(vec![served, sat_out]).unwrap());
    assert!(matches!(judge(&with_latency(), &minutes, Look::after(0, 13)), Verdict::Pass(_)));
}

#[test]
fn the_metrics_in_use_divide_the_budget_of_a_look() {
    let policy = Policy { latency_objective_ms: Some(300), ..limited(0.1) };
    let arm = |errors, slow| Arm::new(500, errors, Some(slow)).unwrap();
    let threshold = |canary, baseline, name| {
        let minutes = Minutes::new(vec![Minute::new(start(0), canary, baseline).unwrap()]).unwrap();
        let verdict = judge(&policy, &Evidence::Minutes(minutes), Look::after(0, 13));
        let Verdict::Fail(finding) = verdict else { panic!("must fail") };
        assert_eq!(finding.name(), name);
        finding.threshold.get()
    };
    let errors = threshold(arm(40, 0), arm(0, 0), "errors");
    let slow = threshold(arm(0, 40), arm(0, 0), "slow_requests");
    let limit = threshold(arm(120, 0), arm(120, 0), "max_error_rate");
    assert!((errors + slow + limit - 0.009 / 13.0).abs() < 1e-15, "{errors} {slow} {limit}");
    assert!(limit < errors && slow < limit);
}

#[test]
fn a_margin_forgives_a_lasting_difference() {
    let counts = [[10_000, 130, 10_000, 75]];
    assert!(matches!(verdict(&Policy::default(), &counts), Verdict::Fail(_)));
    let tolerant = Policy { margin: Ratio::new(1.5).unwrap(), ..Policy::default() };
    assert!(matches!(verdict(&tolerant, &counts), Verdict::Pass(_)));
}

#[test]
fn verdicts_survive_the_wire() {
    for counts in [[100, 8, 900, 4], [100, 1, 900, 4], [10, 0, 90, 0], [0, 0, 9, 0]] {
        for policy in [Policy::default(), limited(0.001), with_latency()] {
            let verdict = verdict(&policy, &[counts]);
            let text = serde_json::to_string(&verdict).unwrap();
            assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict, "{text}");
            assert!(text.starts_with(&format!("{{\"{}\":", verdict.name())), "{text}");
        }
    }
}

/// The chance that some look fails a canary whose requests fail at `canary_rate` beside a baseline at `baseline_rate`,
/// summed over every outcome. Looks follow each minute; the window grows for `minutes` minutes.
fn chance_of_failure(
    policy: &Policy,
    requests: (u64, u64),
    rates: &[(f64, f64)],
    minutes: usize,
) -> Vec<f64> {
    fn choose(n: u64, k: u64) -> f64 {
        (0..k).fold(1.0, |ways, i| ways * float(n - i) / float(i + 1))
    }
    let outcome = |n: u64, x: u64, rate: f64| {
        choose(n, x) * (float(x) * rate.ln() + float(n - x) * (1.0 - rate).ln()).exp()
    };
    let (canary, baseline) = requests;
    let mut failed = vec![0.0; rates.len()];
    let mut open: Vec<(Vec<Counts>, Vec<f64>)> = vec![(vec![], vec![1.0; rates.len()])];
    for minute in 0..minutes {
        // Two looks are planned, so that the later ones are beyond the plan.
        let look = Look::after(u32::try_from(minute).unwrap(), 2);
        let mut next = vec![];
        for (seen, chances) in &open {
            for (x, y) in (0..=canary).flat_map(|x| (0..=baseline).map(move |y| (x, y))) {
                let mut counts = seen.clone();
                counts.push([canary, x, baseline, y]);
                let chances: Vec<f64> = chances
                    .iter()
                    .zip(rates)
                    .map(|(chance, (c, b))| chance * outcome(canary, x, *c) * outcome(baseline, y, *b))
                    .collect();
                let evidence = Evidence::Minutes(minutes_of(&counts));
                if let Verdict::Fail(_) = judge(policy, &evidence, look) {
                    failed.iter_mut().zip(chances).for_each(|(sum, chance)| *sum += chance);
                } else {
                    next.push((counts, chances));
                }
            }
        }
        open = next;
    }
    failed
}

#[test]
fn an_equal_version_is_blamed_within_the_budget_over_all_looks() {
    let budget = Probability::new(0.3).unwrap();
    let plain = Policy { false_rollback_budget: budget, ..Policy::default() };
    let margin = Policy { margin: Ratio::new(1.5).unwrap(), ..plain.clone() };
    let latency = Policy { latency_objective_ms: Some(300), ..plain.clone() };
    let limit = Policy { max_error_rate: Some(Probability::new(0.4).unwrap()), ..plain.clone() };
    let all_rates = [0.02, 0.1, 0.25, 0.4, 0.6];
    for (policy, ratio, greatest) in
        [(plain, 1.0, 0.6), (margin, 1.5, 0.6), (latency, 1.0, 0.6), (limit, 1.0, 0.4)]
    {
        let rates: Vec<(f64, f64)> =
            all_rates.iter().filter(|rate| **rate <= greatest).map(|rate| (*rate, rate / ratio)).collect();
        for requests in [(2, 5), (4, 3)] {
            let failed = chance_of_failure(&policy, requests, &rates, 3);
            for (chance, rate) in failed.iter().zip(&rates) {
                assert!(*chance <= budget.get(), "{policy:?} {requests:?} {rate:?}: {chance}");
            }
            assert!(failed.iter().any(|chance| *chance > 0.01), "the judge never fails anything: {failed:?}");
        }
    }
}

#[test]
fn a_worse_version_is_blamed_more_often_than_an_equal_one() {
    let policy = Policy { false_rollback_budget: Probability::new(0.3).unwrap(), ..Policy::default() };
    let failed = chance_of_failure(&policy, (3, 4), &[(0.1, 0.1), (0.9, 0.1)], 3);
    assert!(matches!(failed.as_slice(), [equal, worse] if *equal < 0.1 && *worse > 0.9), "{failed:?}");
}

fn any_counts(most: u64) -> impl Strategy<Value = Counts> {
    (0..=most, 0..=most * 5)
        .prop_flat_map(|(canary, baseline)| (Just(canary), 0..=canary, Just(baseline), 0..=baseline / 4))
        .prop_map(|(canary, x, baseline, y)| [canary, x.min(1 + canary / 5), baseline, y])
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rate = prop::option::of((0.0..0.3f64).prop_map(|rate| Probability::new(rate).unwrap()));
    let margin = prop::sample::select(vec![1.0, 1.2, 2.0]).prop_map(|margin| Ratio::new(margin).unwrap());
    (rate, margin, prop::option::of(1u32..500), 0u64..200, 0u32..4).prop_map(
        |(max_error_rate, margin, latency_objective_ms, minimum_requests, minimum_minutes)| Policy {
            margin,
            minimum_requests,
            minimum_minutes,
            latency_objective_ms,
            max_error_rate,
            ..Policy::default()
        },
    )
}

fn badness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Pass(_) => 0,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => 1,
        Verdict::Fail(_) => 2,
    }
}

proptest! {
    #[test]
    fn more_canary_errors_never_make_the_verdict_better(
        counts in prop::collection::vec(any_counts(60), 1..6), policy in any_policy(),
        reference in prop::option::of((1u64..500).prop_map(|n| Reference::new(n, n / 50, Some(n / 50)).unwrap())),
        more in prop::collection::vec(0u64..20, 6),
    ) {
        let worse: Vec<Counts> =
            counts.iter().zip(more).map(|([n, x, m, y], more)| [*n, (x + more).min(*n), *m, *y]).collect();
        let (before, after) = (verdict_after(&policy, &counts, reference), verdict_after(&policy, &worse, reference));
        prop_assert!(badness(&after) >= badness(&before), "{before} became {after}");
    }

    #[test]
    fn the_order_of_minutes_changes_nothing(
        (counts, turned) in prop::collection::vec(any_counts(60), 1..6)
            .prop_flat_map(|counts| (Just(counts.clone()), Just(counts).prop_shuffle())),
        policy in any_policy(),
    ) {
        prop_assert_eq!(verdict(&policy, &counts), verdict(&policy, &turned));
    }

    #[test]
    fn minutes_without_requests_change_nothing(
        counts in prop::collection::vec(any_counts(60), 1..6), policy in any_policy(), idle in 0usize..6,
    ) {
        let mut with_idle = counts.clone();
        with_idle.insert(idle.min(counts.len()), [0; 4]);
        prop_assert_eq!(verdict(&policy, &counts), verdict(&policy, &with_idle));
    }

    #[test]
    fn zero_requests_never_pass(
        baseline in prop::collection::vec((0u64..500, 0u64..500), 0..6), policy in any_policy(),
        reference in prop::option::of(Just(Reference::new(500, 1, Some(1)).unwrap())),
    ) {
        let policy = Policy { minimum_requests: 0, minimum_minutes: 0, ..policy };
        let counts: Vec<Counts> = baseline.into_iter().map(|(m, y)| [0, 0, m, y.min(m)]).collect();
        let judged = verdict_after(&policy, &counts, reference);
        let no_data = matches!(judged, Verdict::NoData { kind: NoData::NoRequests { .. } });
        prop_assert!(no_data, "{}", judged);
    }
}
