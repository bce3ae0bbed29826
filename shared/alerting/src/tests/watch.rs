use super::support::*;
use crate::*;

fn down() -> Policy {
    policy(vec![rule("Down", "status:unhealthy", Severity::Critical, &["pager"])])
}

/// The alerts of a watch: rule, since when, until when.
fn alerts(watch: &Watch, policy: &Policy, now: i64) -> Vec<(String, i64, Option<i64>)> {
    let told = |alert: Alert| (alert.key.rule.to_string(), second(alert.since()), alert.ended().map(second));
    watch.alerts(policy, at(now)).into_iter().map(told).collect()
}

fn after(signals: &[Signal], policy: &Policy) -> Watch {
    let mut watch = Watch::new(signals[0].subject.clone());
    for signal in signals {
        watch = watch.hear(signal, policy, signal.at).unwrap_or(watch);
    }
    watch
}

#[test]
fn a_rule_fires_as_soon_as_its_condition_holds_and_ends_as_soon_as_it_does_not() {
    let policy = down();
    let watch = after(&[status("production", Health::Unhealthy, 10)], &policy);
    assert_eq!(alerts(&watch, &policy, 10), [("Down".to_owned(), 10, None)]);
    assert_eq!((watch.version, watch.due), (1, None));
    let watch = watch.hear(&status("production", Health::Healthy, 70), &policy, at(71)).unwrap();
    assert_eq!(alerts(&watch, &policy, 71), [("Down".to_owned(), 10, Some(70))]);
    assert!(watch.is_quiet());
}

#[test]
fn what_is_critical_is_unhealthy_as_well() {
    let watch = after(&[status("production", Health::Critical, 10)], &down());
    assert_eq!(alerts(&watch, &down(), 10).len(), 1);
}

#[test]
fn what_was_heard_before_changes_nothing_and_neither_does_what_is_older() {
    let policy = down();
    let watch = after(&[status("production", Health::Unhealthy, 10)], &policy);
    assert_eq!(watch.hear(&status("production", Health::Unhealthy, 10), &policy, at(50)), None);
    assert_eq!(watch.hear(&status("production", Health::Healthy, 9), &policy, at(50)), None);
    assert_eq!(
        watch.hear(&status("production", Health::Healthy, 10), &policy, at(50)),
        None,
        "the worse counts"
    );
}

#[test]
fn a_condition_with_a_time_fires_once_it_has_held_for_so_long() {
    let lasting = rule("Slow", "response_time > 2s for 5m clear after 10m", Severity::High, &["chat"]);
    let policy = policy(vec![lasting]);
    let slow = |seconds| measured("staging", Health::Degraded, &[("response_time", 3_200.0)], seconds);
    let quick = |seconds| measured("staging", Health::Healthy, &[("response_time", 300.0)], seconds);
    let watch = after(&[slow(0)], &policy);
    assert_eq!((alerts(&watch, &policy, 0), watch.due), (vec![], Some(at(300))));
    assert_eq!(watch.pass(&policy, at(299)), None);
    let fires = watch.pass(&policy, at(300)).unwrap();
    assert_eq!((alerts(&fires, &policy, 300), fires.due), (vec![("Slow".to_owned(), 0, None)], None));
    // It recovers for less than ten minutes, which is no end.
    let clearing = fires.hear(&quick(400), &policy, at(400)).unwrap();
    assert_eq!((alerts(&clearing, &policy, 400).len(), clearing.due), (1, Some(at(1_000))));
    let again = clearing.hear(&slow(500), &policy, at(500)).unwrap();
    assert_eq!((alerts(&again, &policy, 500), again.due), (vec![("Slow".to_owned(), 0, None)], None));
    let clearing = again.hear(&quick(600), &policy, at(600)).unwrap();
    let ended = clearing.pass(&policy, at(1_200)).unwrap();
    assert_eq!(alerts(&ended, &policy, 1_200), [("Slow".to_owned(), 0, Some(600))]);
}

#[test]
fn a_condition_that_held_too_shortly_never_fires() {
    let lasting = rule("Slow", "status:degraded for 5m", Severity::High, &["chat"]);
    let policy = policy(vec![lasting]);
    let watch =
        after(&[status("staging", Health::Degraded, 0), status("staging", Health::Healthy, 299)], &policy);
    assert_eq!((alerts(&watch, &policy, 400), watch.due), (vec![], None));
}

#[test]
fn a_signal_that_comes_late_counts_from_when_it_happened() {
    let policy = policy(vec![rule("Slow", "status:degraded for 5m", Severity::High, &["chat"])]);
    let watch = Watch::new(subject("staging"));
    let watch = watch.hear(&status("staging", Health::Degraded, 0), &policy, at(420)).unwrap();
    assert_eq!(alerts(&watch, &policy, 420), [("Slow".to_owned(), 0, None)]);
}

#[test]
fn a_time_in_the_future_is_taken_for_now() {
    let policy = down();
    let watch = Watch::new(subject("production"));
    let watch = watch.hear(&status("production", Health::Unhealthy, 900), &policy, at(10)).unwrap();
    assert_eq!(alerts(&watch, &policy, 10), [("Down".to_owned(), 10, None)]);
    assert!(watch.hear(&status("production", Health::Healthy, 11), &policy, at(11)).is_some());
}

#[test]
fn an_alert_that_comes_and_goes_too_often_stays() {
    let policy = down();
    let mut watch = Watch::new(subject("production"));
    let mut now = 0;
    for _ in 0..3 {
        for health in [Health::Unhealthy, Health::Healthy] {
            watch = watch.hear(&status("production", health, now), &policy, at(now)).unwrap();
            now += 30;
        }
        assert_eq!(alerts(&watch, &policy, now)[0].2, Some(now - 30));
    }
    // The fourth time within half an hour.
    watch = watch.hear(&status("production", Health::Unhealthy, now), &policy, at(now)).unwrap();
    watch = watch.hear(&status("production", Health::Healthy, now + 30), &policy, at(now + 30)).unwrap();
    let flapping = watch.alerts(&policy, at(now + 30)).remove(0);
    assert!(flapping.is_firing() && flapping.flapping);
    assert_eq!(watch.due, Some(at(now + 30 + 600)));
    let away = watch.pass(&policy, at(now + 630)).unwrap();
    assert_eq!(alerts(&away, &policy, now + 630)[0].2, Some(now + 30));
}

#[test]
fn a_rule_that_is_taken_out_ends() {
    let watch = after(&[status("production", Health::Unhealthy, 10)], &down());
    let policy = policy(Vec::new());
    let watch = watch.pass(&policy, at(60)).unwrap();
    let ended = watch.alerts(&policy, at(60)).remove(0);
    assert_eq!(
        (ended.ended(), ended.because.as_str()),
        (Some(at(60)), "the rule is not configured any more")
    );
}

#[test]
fn every_decision_is_later_than_the_one_before_whatever_the_clock_says() {
    let policy = down();
    let watch = after(&[status("production", Health::Unhealthy, 100)], &policy);
    let fired = watch.alerts(&policy, at(100)).remove(0).decided;
    let watch = watch.hear(&status("production", Health::Healthy, 101), &policy, at(50)).unwrap_or(watch);
    let signal = status("production", Health::Healthy, 200);
    let ended = watch.hear(&signal, &policy, at(60)).map(|watch| watch.alerts(&policy, at(60)).remove(0));
    assert!(ended.is_none_or(|ended| ended.decided > fired));
}

#[test]
fn an_alarm_that_was_made_for_a_rule_stands_for_its_condition() {
    let policy = down();
    let Signal { subject, at: when, news: News::Alarm(mut news) } = alarm("production", "ours", true, 10)
    else {
        unreachable!()
    };
    news.rule = Some("Down".parse().unwrap());
    let rings = Signal { subject, at: when, news: News::Alarm(news) };
    let watch = after(&[rings], &policy);
    let alert = watch.alerts(&policy, at(10)).remove(0);
    assert!(alert.is_firing());
    assert_eq!(alert.because, "ours: threshold crossed");
    let watch = watch.hear(&alarm("production", "ours", false, 20), &policy, at(20)).unwrap();
    assert!(!watch.alerts(&policy, at(20)).remove(0).is_firing());
}

#[test]
fn what_was_seen_and_said_is_told() {
    let policy = policy(vec![rule("Any", "status:unhealthy OR alarm:shop*", Severity::Low, &["chat"])]);
    let watch = after(
        &[status("production/shop", Health::Unhealthy, 10), alarm("production/shop", "shop-5xx", true, 11)],
        &policy,
    );
    let because = watch.alerts(&policy, at(11)).remove(0).because;
    assert!(because.contains("status is unhealthy") && because.contains("HTTP 503"), "{because}");
    assert!(because.contains("shop-5xx: threshold crossed"), "{because}");
}

#[test]
fn what_is_stored_reads_back_as_the_same() {
    let policy = policy(vec![rule("Any", "status:unhealthy or alarm:* for 5m", Severity::Low, &["chat"])]);
    let watch = after(
        &[
            measured("production/shop", Health::Unhealthy, &[("cpu", 91.5)], 10),
            alarm("production/shop", "shop-5xx", true, 11),
            deployment("production/shop", Deployment::RollingBack, 12),
        ],
        &policy,
    );
    let stored = serde_json::to_string(&watch).unwrap();
    assert_eq!(serde_json::from_str::<Watch>(&stored).unwrap(), watch);
}
