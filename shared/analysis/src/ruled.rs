//! The judge of a policy that has another tool's rule.

use crate::course::Counted;
use crate::evidence::{Arm, Minute};
use crate::judge::{Case, minimum, silence};
use crate::peers::{Outcome, Peer, PeerMinute, Served};
use crate::verdict::{Basis, Reason, Ruling, Verdict};

/// Kayenta is not asked about fewer minutes of a rollout: with fewer than five against five its answer is one of chance
/// (see [`Kayenta`](crate::peers::Kayenta)).
const KAYENTA_MINUTES: usize = 5;

/// Judges by a rule on the errors of every counted minute of the rollout. Minutes in which the whole service was silent,
/// and those between two steps, are not counted and not shown to it.
///
/// - Fail: the rule fails, whatever the policy's minimums.
/// - No data: the canary served no requests in this step.
/// - Inconclusive: the rule stops for a person; Flagger's last check failed, so that it keeps the weight; or a minimum is
///   not reached in this step.
/// - Pass: none of these.
///
/// Kayenta, whose tool asks it at the end of an interval, is asked once the step's minimums are reached: set
/// `minimum_minutes` to the interval.
pub(crate) fn ruled(rule: &Peer, case: &Case<'_>) -> Verdict {
    let served = |arm: &Arm| Served { requests: arm.requests(), errors: arm.errors() };
    let peer_minute = |Counted(step, minute): &Counted| PeerMinute {
        step: u32::from(*step),
        canary: served(minute.canary()),
        baseline: served(minute.baseline()),
    };
    let minutes: Vec<PeerMinute> = case.course.iter().map(peer_minute).collect();
    let step: Vec<&Minute> = case.course.of(case.step).collect();
    let missing = silence(&step)
        .map(|kind| Verdict::NoData { kind })
        .or_else(|| minimum(case.policy, &step).map(|reason| Verdict::Inconclusive { reason }));
    let is_asked = match rule {
        Peer::Kayenta(_) => missing.is_none() && minutes.len() >= KAYENTA_MINUTES,
        Peer::Alarm(_) | Peer::Argo(_) | Peer::Flagger(_) => true,
    };
    let outcome = if is_asked { rule.judge(&minutes) } else { Outcome::KeepGoing };
    let ruling = |sentence: String| Ruling { tool: rule.tool(), sentence };
    let halted = |sentence| Verdict::Inconclusive { reason: Reason::Halted(ruling(sentence)) };
    match (outcome, rule) {
        (Outcome::Fail(failure), _) => Verdict::Fail(Basis::Rule(ruling(failure.sentence))),
        (Outcome::Pause(failure), _) => halted(failure.sentence),
        (Outcome::KeepGoing, Peer::Flagger(checks)) if missing.is_none() && checks.halts(&minutes) => {
            halted("checks: the last one failed, so that the weight stays".to_owned())
        }
        (Outcome::KeepGoing, _) => {
            let pass = || Verdict::Pass(Basis::Rule(ruling(rule.tool().content().to_owned())));
            missing.unwrap_or_else(pass)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Course, Histories, Minutes, NoData, Policy, judge};

    /// Each minute of the one step: canary requests, errors; baseline requests, errors.
    fn verdict(policy: &str, counts: &[[u64; 4]]) -> Verdict {
        let minute = |(number, [n, x, m, y]): (i64, &[u64; 4])| {
            let start = Timestamp::from_second(1_800_000_000 + 60 * number).unwrap();
            Minute::new(start, Arm::new(*n, *x, None).unwrap(), Arm::new(*m, *y, None).unwrap()).unwrap()
        };
        let minutes = Minutes::new((0..).zip(counts).map(minute).collect()).unwrap();
        let course = Course::default().followed_by(0, &minutes).unwrap();
        let policy: Policy = serde_json::from_str(policy).unwrap();
        let history = Histories::default();
        judge(&Case {
            policy: &policy,
            planned: 13,
            beside: true,
            history: &history,
            course: &course,
            step: 0,
        })
    }

    const GOOD: [u64; 4] = [100, 0, 900, 0];
    const BAD: [u64; 4] = [100, 2, 900, 18];

    #[test]
    fn the_rule_decides_and_not_the_test() {
        let alarm =
            r#"{"rule": {"alarm": {"threshold": 1, "datapoints_to_alarm": 2, "evaluation_periods": 3}}}"#;
        // As bad as the baseline, which this judge would never blame.
        let blamed = verdict(alarm, &[BAD, GOOD, BAD]);
        assert!(matches!(&blamed, Verdict::Fail(Basis::Rule(_))), "{blamed}");
        assert_eq!(
            blamed.to_string(),
            "alarm: 2 of the last 3 minutes were above 1 % errors; the last one had 2.0 %"
        );
        assert!(matches!(verdict("{}", &[BAD, GOOD, BAD]), Verdict::Pass(Basis::Test(_))));
        // And as good as the alarm allows, which this judge would blame.
        let [worse, passes] = ["{}", alarm].map(|policy| verdict(policy, &[[1_000, 10, 9_000, 0]]));
        assert!(matches!(worse, Verdict::Fail(Basis::Test(_))), "{worse}");
        assert_eq!(passes.to_string(), "nothing speaks against it: alarm: it has not gone off");
        assert!(!passes.is_sure());
        let text = serde_json::to_string(&blamed).unwrap();
        assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), blamed);
    }

    #[test]
    fn a_rule_passes_with_the_minimums_only_and_fails_without() {
        let argo = |policy: &str, counts: &[[u64; 4]]| {
            verdict(&format!(r#"{{"rule": {{"argo": {{"failure_limit": 0}}}}{policy}}}"#), counts)
        };
        assert!(matches!(argo("", &[GOOD]), Verdict::Pass(_)));
        let few = argo(r#", "minimum_requests": 500"#, &[GOOD]);
        assert!(matches!(few, Verdict::Inconclusive { reason: Reason::TooFewRequests { .. } }), "{few}");
        assert!(matches!(argo(r#", "minimum_requests": 500"#, &[[10, 5, 90, 0]]), Verdict::Fail(_)));
        let silent = argo("", &[[0, 0, 90, 0]]);
        assert!(matches!(silent, Verdict::NoData { kind: NoData::NoRequests { .. } }), "{silent}");
        assert!(matches!(argo("", &[]), Verdict::NoData { .. }));
    }

    #[test]
    fn a_rule_that_stops_for_a_person_or_keeps_the_weight_does_not_pass() {
        let argo = r#"{"rule": {"argo": {"no_traffic": "inconclusive"}}}"#;
        let paused = verdict(argo, &[GOOD, [0, 0, 90, 0]]);
        assert!(matches!(&paused, Verdict::Inconclusive { reason: Reason::Halted(_) }), "{paused}");
        assert!(paused.to_string().contains("inconclusive"), "{paused}");
        let flagger = r#"{"rule": {"flagger": {"threshold": 3}}}"#;
        let halted = verdict(flagger, &[GOOD, BAD]);
        assert_eq!(halted.to_string(), "checks: the last one failed, so that the weight stays");
        assert!(matches!(verdict(flagger, &[BAD, GOOD]), Verdict::Pass(_)));
        assert!(matches!(verdict(flagger, &[BAD; 3]), Verdict::Fail(Basis::Rule(_))));
    }

    #[test]
    fn kayenta_is_asked_about_five_minutes_once_the_step_has_its_minimums() {
        let kayenta =
            |minutes: u32| format!(r#"{{"minimum_minutes": {minutes}, "rule": {{"kayenta": {{}}}}}}"#);
        let worse: Vec<[u64; 4]> = (0..8).map(|minute| [100, 20 + minute, 900, 9 * (minute % 3)]).collect();
        assert!(matches!(verdict(&kayenta(1), &worse[..4]), Verdict::Pass(_)));
        assert!(matches!(verdict(&kayenta(8), &worse[..7]), Verdict::Inconclusive { .. }));
        let failed = verdict(&kayenta(8), &worse);
        assert!(matches!(&failed, Verdict::Fail(Basis::Rule(_))), "{failed}");
    }
}
