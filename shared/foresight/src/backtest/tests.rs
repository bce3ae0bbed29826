use analysis::Policy;

use super::*;
use crate::draw::poisson;
use crate::rule::peers;

fn seed() -> Plan {
    "10:5,25:2,50:2,75:2,100:2".parse().unwrap()
}

fn past(minutes: u64, requests: f64, rate: impl Fn(u64) -> f64) -> PastMinutes {
    let mut past = PastMinutes::new();
    for at in 0..minutes {
        let start = Timestamp::from_second(1_772_366_400 + i64::try_from(at).unwrap() * 60).unwrap();
        let requests = poisson(requests, uniform(&[at, 1]));
        let errors = binomial(requests, rate(at), uniform(&[at, 2]));
        let slow = Some(binomial(requests, 0.05, uniform(&[at, 3])));
        past.push(PastMinute { start, requests, errors, slow }).unwrap();
    }
    past
}

fn ours(policy: Policy) -> Rule {
    Rule { name: "ace-flow".to_owned(), kind: RuleKind::Policy(policy) }
}

const EFFORT: Effort = Effort { seed: 1, unchanged: 60, worse: 15 };

#[test]
fn an_unchanged_service_passes_and_a_bad_one_does_not() {
    let past = past(900, 600.0, |_| 0.01);
    let mut rules = vec![ours(Policy::default())];
    rules.extend(peers());
    let result = backtest(&past, &seed(), &rules, EFFORT).unwrap();
    assert_eq!((result.rows.len(), result.minutes, result.gaps), (6, 900, 0));
    let row = &result.rows[0];
    assert!(row.false_rollbacks.events <= 2 && row.undecided == 0, "{row:?}");
    let of = |badness| row.detections.iter().find(|detection| detection.badness == badness).unwrap();
    let (five, dead) = (of(Badness::Times(5.0)), of(Badness::Dead));
    assert!(five.found > 0.99 && dead.found > 0.99, "{row:?}");
    assert_eq!(dead.minutes_p90, Some(2));
    // 10 % of two minutes of 600 requests, of which 99 % would have been good.
    assert!((dead.bad_requests - 118.8).abs() < 6.0, "{dead:?}");
    let alarm = &result.rows[1];
    assert!(alarm.false_rollbacks.events > 30, "an alarm at the usual rate blames: {alarm:?}");
    assert_eq!(alarm.blames.len(), TOLD);
    assert!(alarm.blames[0].why.contains("alarm: 2 of the last 3 minutes"), "{:?}", alarm.blames[0]);
    assert_eq!(result, backtest(&past, &seed(), &rules, EFFORT).unwrap());
}

#[test]
fn an_outage_of_both_arms_blames_nobody() {
    let past = past(900, 600.0, |at| if at % 20 < 3 { 0.3 } else { 0.001 });
    let rules = [ours(Policy::default()), peers().remove(0)];
    let result = backtest(&past, &seed(), &rules, EFFORT).unwrap();
    assert!(result.rows[0].false_rollbacks.events <= 2, "{:?}", result.rows[0]);
    assert!(result.rows[1].false_rollbacks.events > 40, "{:?}", result.rows[1].false_rollbacks.events);
}

#[test]
fn both_arms_together_are_the_minute_and_the_canary_has_its_share() {
    let past = past(400, 900.0, |_| 0.02);
    let (mut canary, mut slow, mut all) = (0, 0, 0);
    for run in 0..300 {
        let cut = Cut { past: &past, start: 380, seed: 1, run, badness: None };
        let (minute, counts) = (cut.minute(7), cut.counts(7, 25));
        assert_eq!(counts.canary.requests + counts.baseline.requests, minute.requests);
        assert_eq!(counts.canary.errors + counts.baseline.errors, minute.errors);
        assert_eq!(counts.canary.slow.unwrap() + counts.baseline.slow.unwrap(), minute.slow.unwrap());
        canary += counts.canary.requests;
        slow += counts.canary.slow.unwrap();
        all += minute.requests;
    }
    assert!((float(canary) / float(all) - 0.25).abs() < 0.005, "{canary} of {all}");
    assert!((float(slow) / float(canary) - 0.05).abs() < 0.015, "{slow} of {canary}");
}

#[test]
fn an_injected_ratio_is_a_multiple_of_the_usual_rate() {
    let past = past(400, 5_000.0, |_| 0.02);
    let (mut requests, mut errors) = (0, 0);
    for run in 0..200 {
        let cut = Cut { past: &past, start: 380, seed: 1, run, badness: Some(Badness::Times(3.0)) };
        let counts = cut.counts(3, 50);
        requests += counts.canary.requests;
        errors += counts.canary.errors;
    }
    assert!((float(errors) / float(requests) - 0.06).abs() < 0.004, "{errors} of {requests}");
    let cut = Cut { past: &past, start: 380, seed: 1, run: 1, badness: Some(Badness::Dead) };
    let dead = cut.counts(3, 50).canary;
    assert_eq!(dead.requests, dead.errors);
}

#[test]
fn too_little_traffic_is_told_apart_from_blame() {
    let past = past(900, 5.0, |_| 0.01);
    let result = backtest(&past, &seed(), &[ours(Policy::default())], EFFORT).unwrap();
    let row = &result.rows[0];
    assert_eq!((row.false_rollbacks.events, row.undecided), (0, EFFORT.unchanged), "{row:?}");
}

#[test]
fn what_cannot_be_played_is_refused() {
    let policy = |text: &str| ours(serde_json::from_str(text).unwrap());
    let plain = [policy("{}")];
    let refused =
        |past: &PastMinutes, rules: &[Rule]| backtest(past, &seed(), rules, EFFORT).unwrap_err().to_string();
    assert!(refused(&past(40, 10.0, |_| 0.1), &plain).contains("40 minutes are too few: 59 are needed"));
    assert!(refused(&past(600, 0.0, |_| 0.1), &plain).contains("no requests"));
    let further = policy(r#"{"metrics": [{"name": "orders"}]}"#);
    assert!(refused(&past(600, 10.0, |_| 0.1), &[further]).contains("metrics of its own"));
    let objective = policy(r#"{"latency_objective_ms": 300}"#);
    let mut uncounted = PastMinutes::new();
    for minute in past(600, 10.0, |_| 0.1).all() {
        uncounted.push(PastMinute { slow: None, ..*minute }).unwrap();
    }
    assert!(refused(&uncounted, &[objective]).contains("add the column slow (requests over 300 ms)"));
}
