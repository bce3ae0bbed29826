use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::evidence::Minutes;
use crate::policy::FurtherMetric;
use crate::{Basis, Key};

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

/// Judges step 0 of a canary beside a baseline, on a plan of 13 data minutes.
fn verdict(policy: &Policy, counts: &[Counts]) -> Verdict {
    verdict_of(policy, &minutes_of(counts), &Histories::default(), true)
}

fn verdict_of(policy: &Policy, minutes: &Minutes, history: &Histories, beside: bool) -> Verdict {
    let course = Course::default().followed_by(0, minutes).unwrap();
    judge(&Case { policy, planned: 13, beside, history, course: &course, step: 0 })
}

/// All traffic at once, after an old version that served steadily.
fn verdict_after(policy: &Policy, counts: &[Counts], before: Option<History>) -> Verdict {
    let history = Histories { errors: before, slow: None };
    verdict_of(policy, &minutes_of(counts), &history, false)
}

/// 20 minutes of 1,000 requests and 3 errors each.
const STEADY: History = History {
    minutes: 20,
    requests: 20_000,
    events: 60,
    minute_mean: 3.0,
    minute_variance: 3.0,
    window_mean: 30.0,
    window_variance: 30.0,
    split: None,
};

fn limited(rate: f64) -> Policy {
    Policy { max_error_rate: Some(Probability::new(rate).unwrap()), ..Policy::default() }
}

fn with_latency() -> Policy {
    Policy { latency_objective_ms: Some(300), ..Policy::default() }
}

#[test]
fn a_bad_canary_fails_and_an_equal_one_passes() {
    let policy = Policy::default();
    let Verdict::Fail(Basis::Test(finding)) = verdict(&policy, &[[100, 8, 900, 4]]) else {
        panic!("must fail")
    };
    assert_eq!((finding.name(), finding.canary.events, finding.canary.requests), ("errors", 8, 100));
    assert!(finding.p_value < finding.threshold);
    // The first of 13 minutes may spend a little under a fifth of 1 %.
    assert!(finding.threshold.get() > 0.000_3 && finding.threshold.get() <= 0.002, "{finding:?}");
    assert!(finding.effect.unwrap().ratio > 10.0);
    let Verdict::Pass(Basis::Test(finding)) = verdict(&policy, &[[100, 1, 900, 4]]) else {
        panic!("must pass")
    };
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

    let blind = Verdict::blind("GetMetricData was throttled".into());
    assert!(blind.is_blind());
    assert_eq!(blind.to_string(), "the evidence cannot be read: GetMetricData was throttled");

    // Requests without errors are zero errors: evidence, and good one.
    assert!(matches!(verdict(&policy, &[[500, 0, 500, 0]]), Verdict::Pass(_)));
}

#[test]
fn all_at_once_what_was_usual_before_is_the_measure() {
    let policy = Policy::default();
    let Verdict::Fail(Basis::Test(finding)) = verdict_after(&policy, &[[400, 12, 0, 0]; 2], Some(STEADY))
    else {
        panic!("must fail")
    };
    let Standard::Baseline { usual: Some(usual), key: Key::Historical, .. } = finding.standard else {
        panic!("has no usual rate")
    };
    assert_eq!((usual.events, usual.requests), (60, 20_000));
    assert!(matches!(verdict_after(&policy, &[[400, 1, 0, 0]; 2], Some(STEADY)), Verdict::Pass(_)));
    // A straggler on the old version does not take the place of the comparison.
    let straggler = [[400, 12, 0, 0], [400, 0, 1, 0], [400, 12, 0, 0]];
    assert!(matches!(verdict_after(&policy, &straggler, Some(STEADY)), Verdict::Fail(_)));
    // Many errors are thinned, and found all the same.
    let many =
        History { requests: 2_000_000, events: 6_000, minute_mean: 300.0, minute_variance: 300.0, ..STEADY };
    let many = History { window_mean: 3_000.0, window_variance: 3_000.0, ..many };
    assert!(matches!(verdict_after(&policy, &[[100_000, 900, 0, 0]; 3], Some(many)), Verdict::Fail(_)));
    assert!(matches!(verdict_after(&policy, &[[100_000, 300, 0, 0]; 3], Some(many)), Verdict::Pass(_)));
}

#[test]
fn a_canary_that_breaks_with_all_traffic_on_it_is_held_against_the_earlier_steps() {
    let policy = Policy::default();
    let beside = minutes_of(&[[500, 1, 4_500, 9]; 5]);
    let judged = |errors: u64| {
        let arm = |requests, errors| Arm::new(requests, errors, None).unwrap();
        let full = Minute::new(start(5), arm(5_000, errors), Arm::IDLE).unwrap();
        let course = Course::default().followed_by(0, &beside).unwrap();
        let course = course.followed_by(1, &Minutes::new(vec![full]).unwrap()).unwrap();
        let history = Histories::default();
        judge(&Case {
            policy: &policy,
            planned: 5,
            beside: true,
            history: &history,
            course: &course,
            step: 1,
        })
    };
    let Verdict::Fail(Basis::Test(finding)) = judged(500) else { panic!("must fail") };
    assert!(finding.to_string().contains("0.2 % (0.15..0.27) of 22,500 before"), "{finding}");
    assert!(matches!(judged(12), Verdict::Pass(_)));
}

#[test]
fn the_usual_rate_finds_what_a_small_baseline_cannot() {
    let history = Histories { errors: Some(History { minutes: 360, ..STEADY }), slow: None };
    let counts = [[900, 14, 300, 0]];
    let alone = verdict(&Policy::default(), &counts);
    assert!(!matches!(alone, Verdict::Fail(_)), "{alone}");
    let Verdict::Fail(Basis::Test(finding)) =
        verdict_of(&Policy::default(), &minutes_of(&counts), &history, true)
    else {
        panic!("must fail")
    };
    assert!(finding.to_string().contains("before"), "{finding}");
    // An outage that both arms share is nobody's fault, whatever was usual.
    let outage = minutes_of(&[[900, 300, 300, 100]]);
    assert!(!matches!(verdict_of(&Policy::default(), &outage, &history, true), Verdict::Fail(_)));
}

#[test]
fn a_canary_that_looks_bad_is_suspect_before_it_fails() {
    let Verdict::Suspect(finding) = verdict(&Policy::default(), &[[100, 2, 900, 1]]) else {
        panic!("not suspect")
    };
    assert!(finding.p_value.get() < 0.1 && finding.p_value > finding.threshold, "{finding:?}");
}

#[test]
fn with_a_margin_a_good_canary_is_soon_sure() {
    let policy = Policy { margin: Ratio::new(2.0).unwrap(), ..Policy::default() };
    assert!(verdict(&policy, &[[1_000, 50, 9_000, 450]]).is_sure());
    assert!(!verdict(&policy, &[[100, 5, 900, 45]]).is_sure());
    assert!(!verdict(&Policy::default(), &[[1_000, 10, 9_000, 450]]).is_sure());
}

#[test]
fn further_metrics_are_compared_by_their_counts_or_their_signs() {
    let metric = |kind, worse| FurtherMetric { name: "orders".into(), kind, worse, margin: None };
    let judged = |metric: FurtherMetric, canary: Sample, baseline: Sample| {
        let policy = Policy { metrics: vec![metric], ..Policy::default() };
        let arm = |sample| Arm::new(500, 0, None).unwrap().with(vec![sample]).unwrap();
        let minute = |number| Minute::new(start(number), arm(canary), arm(baseline)).unwrap();
        let minutes = Minutes::new((0..12).map(minute).collect()).unwrap();
        verdict_of(&policy, &minutes, &Histories::default(), true)
    };
    let count = |events| Sample::Count { events, of: 100 };
    let Verdict::Fail(Basis::Test(finding)) =
        judged(metric(Kind::Counts, Direction::Lower), count(40), count(90))
    else {
        panic!("must fail")
    };
    assert_eq!((finding.name(), finding.metric.to_string().as_str()), ("further", "orders"));
    assert!(!matches!(
        judged(metric(Kind::Counts, Direction::Higher), count(40), count(90)),
        Verdict::Fail(_)
    ));
    let slower = judged(metric(Kind::Values, Direction::Higher), Sample::Value(310.0), Sample::Value(290.0));
    assert!(matches!(slower, Verdict::Fail(_)), "{slower}");
    let faster = judged(metric(Kind::Values, Direction::Higher), Sample::Value(290.0), Sample::Value(310.0));
    assert!(matches!(faster, Verdict::Pass(_)), "{faster}");
    assert_eq!(
        judged(metric(Kind::Values, Direction::Higher), Sample::Missing, Sample::Value(310.0)),
        Verdict::Inconclusive {
            reason: Reason::NothingToCompare { metric: Metric::Further { name: "orders".into() } }
        }
    );
}

#[test]
fn without_any_baseline_only_the_limit_decides() {
    let nothing = Reason::NothingToCompare { metric: Metric::Errors };
    assert_eq!(verdict(&Policy::default(), &[[500, 500, 0, 0]]), Verdict::Inconclusive { reason: nothing });
    let Verdict::Fail(Basis::Test(finding)) = verdict(&limited(0.05), &[[500, 60, 0, 0]]) else {
        panic!("must fail")
    };
    assert_eq!(finding.name(), "max_error_rate");
    assert!(matches!(verdict(&limited(0.05), &[[500, 20, 0, 0]]), Verdict::Pass(_)));
    assert!(matches!(
        verdict(&limited(0.05), &[[49, 0, 0, 0]]),
        Verdict::Inconclusive { reason: Reason::TooFewRequests { seen: 49, needed: 50 } }
    ));
    // A limit that nothing can exceed is no test.
    assert!(matches!(
        verdict(&limited(1.0), &[[500, 500, 0, 0]]),
        Verdict::Inconclusive { reason: Reason::NothingToCompare { .. } }
    ));
}

#[test]
fn the_limit_holds_beside_an_equally_bad_baseline() {
    let Verdict::Fail(Basis::Test(finding)) = verdict(&limited(0.05), &[[500, 60, 500, 60]]) else {
        panic!("must fail")
    };
    assert_eq!(finding.name(), "max_error_rate");
    // Above the limit, but perhaps by chance: neither promoted nor rolled back.
    assert!(matches!(
        verdict(&limited(0.05), &[[500, 26, 500, 26]]),
        Verdict::Inconclusive { reason: Reason::AboveMaxErrorRate { .. } }
    ));
    assert!(matches!(verdict(&limited(0.05), &[[500, 25, 500, 25]]), Verdict::Pass(_)));
    let Verdict::Fail(Basis::Test(finding)) = verdict(&limited(0.0), &[[500, 1, 500, 1]]) else {
        panic!("must fail")
    };
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
    // The first two minutes say nothing of latency.
    let slow = |canary, baseline| {
        let arm = |slow| Arm::new(200, 0, slow).unwrap();
        let minute = |number| Minute::new(start(number), arm(canary), arm(baseline)).unwrap();
        Minutes::new((0..3).map(minute).collect()).unwrap()
    };
    let judged =
        |policy: &Policy, minutes: &Minutes| verdict_of(policy, minutes, &Histories::default(), true);
    let Verdict::Fail(Basis::Test(finding)) = judged(&with_latency(), &slow(Some(40), Some(5))) else {
        panic!("must fail")
    };
    assert_eq!((finding.name(), finding.canary.requests), ("slow_requests", 200));
    let hot = Policy { cold_minutes: 3, ..with_latency() };
    assert!(!matches!(judged(&hot, &slow(Some(40), Some(5))), Verdict::Fail(_)));
    assert!(matches!(judged(&with_latency(), &slow(Some(5), Some(5))), Verdict::Pass(_)));
    assert!(matches!(judged(&Policy::default(), &slow(Some(40), Some(5))), Verdict::Pass(_)));
    assert!(judged(&with_latency(), &slow(Some(5), None)).is_blind());
    assert!(judged(&with_latency(), &slow(None, Some(5))).is_blind());
    assert!(matches!(judged(&Policy::default(), &slow(None, None)), Verdict::Pass(_)));

    // The errors of a canary are found even while its latency cannot be seen.
    let arm = |errors| Arm::new(200, errors, None).unwrap();
    let blind = Minutes::new(vec![Minute::new(start(0), arm(40), arm(5)).unwrap()]).unwrap();
    assert!(matches!(judged(&with_latency(), &blind), Verdict::Fail(_)));
}

#[test]
fn a_minute_that_the_canary_sat_out_need_not_know_its_latency() {
    let arm = |requests, slow| Arm::new(requests, 0, slow).unwrap();
    let served = |number| Minute::new(start(number), arm(200, Some(5)), arm(200, Some(5))).unwrap();
    let sat_out = Minute::new(start(3), Arm::IDLE, arm(200, None)).unwrap();
    let minutes = Minutes::new(vec![served(0), served(1), served(2), sat_out]).unwrap();
    assert!(matches!(verdict_of(&with_latency(), &minutes, &Histories::default(), true), Verdict::Pass(_)));
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
    for _ in 0..minutes {
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
                // Two minutes are planned, so that the later one is beyond the plan.
                let course = Course::default().followed_by(0, &minutes_of(&counts)).unwrap();
                let history = Histories::default();
                let case =
                    Case { policy, planned: 2, beside: true, history: &history, course: &course, step: 0 };
                if let Verdict::Fail(_) = judge(&case) {
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
    let latency = Policy { latency_objective_ms: Some(300), cold_minutes: 1, ..plain.clone() };
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
        Verdict::Suspect(_) => 1,
        Verdict::Inconclusive { .. } | Verdict::NoData { .. } => 2,
        Verdict::Fail(_) => 3,
    }
}

fn any_history() -> impl Strategy<Value = Option<History>> {
    prop::option::of(Just(History { minutes: 360, ..STEADY }))
}

proptest! {
    #[test]
    fn more_canary_errors_never_make_the_verdict_better(
        counts in prop::collection::vec(any_counts(60), 1..6), policy in any_policy(),
        errors in any_history(), beside: bool,
        more in prop::collection::vec(0u64..20, 6),
    ) {
        let history = Histories { errors, slow: errors };
        let worse: Vec<Counts> =
            counts.iter().zip(more).map(|([n, x, m, y], more)| [*n, (x + more).min(*n), *m, *y]).collect();
        let judged = |counts: &[Counts]| verdict_of(&policy, &minutes_of(counts), &history, beside);
        let (before, after) = (judged(&counts), judged(&worse));
        prop_assert!(badness(&after) >= badness(&before), "{before} became {after}");
    }

    #[test]
    fn the_same_course_gives_the_same_verdict_after_the_wire(
        counts in prop::collection::vec(any_counts(600), 1..20), policy in any_policy(), errors in any_history(),
    ) {
        let history = Histories { errors, slow: None };
        let minutes = minutes_of(&counts);
        let copy: Minutes = serde_json::from_str(&serde_json::to_string(&minutes).unwrap()).unwrap();
        let again = verdict_of(&policy, &copy, &history, true);
        prop_assert_eq!(verdict_of(&policy, &minutes, &history, true), again);
    }

    #[test]
    fn zero_requests_never_pass(
        baseline in prop::collection::vec((0u64..500, 0u64..500), 0..6), policy in any_policy(),
        errors in any_history(), beside: bool,
    ) {
        let policy = Policy { minimum_requests: 0, minimum_minutes: 0, ..policy };
        let counts: Vec<Counts> = baseline.into_iter().map(|(m, y)| [0, 0, m, y.min(m)]).collect();
        let history = Histories { errors, slow: errors };
        let judged = verdict_of(&policy, &minutes_of(&counts), &history, beside);
        let no_data = matches!(judged, Verdict::NoData { kind: NoData::NoRequests { .. } });
        prop_assert!(no_data, "{}", judged);
    }
}
