use proptest::prelude::*;

use super::support::*;
use crate::*;

fn everything() -> Policy {
    policy(vec![
        rule("Down", "status:unhealthy", Severity::Critical, &["pager"]),
        rule("Rings", "alarm:*", Severity::High, &["chat"]),
        rule("Failed", "deployment:failed", Severity::High, &["chat"]),
        rule("Slow", "response_time > 2s", Severity::Low, &["chat"]),
    ])
}

/// Which rules hold of a subject.
fn holding(watch: &Watch, policy: &Policy) -> Vec<String> {
    let alerts = watch.alerts(policy, at(10_000)).into_iter();
    alerts.filter(Alert::is_firing).map(|alert| alert.key.rule.to_string()).collect()
}

fn heard(signals: &[Signal], policy: &Policy) -> Watch {
    signals.iter().fold(Watch::new(subject("production/shop")), |watch, signal| {
        watch.hear(signal, policy, at(10_000)).unwrap_or(watch)
    })
}

fn signals() -> impl Strategy<Value = Vec<Signal>> {
    const OF: &str = "production/shop";
    let status = (0..4usize, 0..5_000u32, 0..20i64).prop_map(|(health, time, seconds)| {
        measured(OF, Health::ALL[health], &[("response_time", f64::from(time))], seconds)
    });
    let alarms = (0..3u8, any::<bool>(), 0..20i64)
        .prop_map(|(name, rings, seconds)| alarm(OF, &format!("alarm {name}"), rings, seconds));
    let deployments =
        (0..6usize, 0..20i64).prop_map(|(state, seconds)| deployment(OF, Deployment::ALL[state], seconds));
    prop::collection::vec(prop_oneof![status, alarms, deployments], 0..12)
}

proptest! {
    #[test]
    fn what_holds_in_the_end_is_the_same_in_whatever_order_and_however_often_it_is_heard(
        (signals, order) in signals().prop_flat_map(|signals| {
            let twice: Vec<Signal> = signals.iter().chain(&signals).cloned().collect();
            (Just(signals), Just(twice).prop_shuffle())
        })
    ) {
        // Measures that tie in time and status differ only in their values, which one message does not have twice.
        let mut distinct = signals.clone();
        distinct.dedup_by(|one, other| one.at == other.at);
        let policy = everything();
        let unambiguous: Vec<Signal> = signals
            .iter()
            .filter(|signal| match &signal.news {
                News::Status(_) => signals.iter().filter(|other| {
                    matches!(other.news, News::Status(_)) && other.at == signal.at
                }).count() == 1,
                News::Alarm(_) | News::Deployment(_) => true,
            })
            .cloned()
            .collect();
        let order: Vec<Signal> =
            order.into_iter().filter(|signal| unambiguous.contains(signal)).collect();
        prop_assert_eq!(holding(&heard(&unambiguous, &policy), &policy), holding(&heard(&order, &policy), &policy));
    }
}

#[test]
fn a_measure_of_an_alarm_counts_while_it_rings() {
    let policy = everything();
    let with = |rings, value, seconds| {
        let Signal { subject, at, news: News::Alarm(mut news) } =
            alarm("production/shop", "slow", rings, seconds)
        else {
            unreachable!()
        };
        news.measures = [("response_time".to_owned(), value)].into();
        Signal { subject, at, news: News::Alarm(news) }
    };
    let slow = heard(&[with(true, 3_200.0, 1)], &policy);
    assert_eq!(holding(&slow, &policy), ["Rings", "Slow"]);
    let ok = slow.hear(&with(false, 2_500.0, 2), &policy, at(10_000)).unwrap();
    assert_eq!(holding(&ok, &policy), Vec::<String>::new(), "what does not ring says nothing");
}

#[test]
fn a_number_that_is_none_says_nothing() {
    let policy = everything();
    let signal = measured("production/shop", Health::Healthy, &[("response_time", f64::NAN)], 1);
    assert_eq!(holding(&heard(&[signal], &policy), &policy), Vec::<String>::new());
}

#[test]
fn what_is_remembered_of_alarms_is_bounded_and_those_that_ring_are_kept_longest() {
    let policy = everything();
    let quiet = (0..300).map(|number| alarm("production/shop", &format!("quiet {number}"), false, number));
    let signals: Vec<Signal> =
        [alarm("production/shop", "rings", true, 0)].into_iter().chain(quiet).collect();
    let watch = heard(&signals, &policy);
    assert_eq!(holding(&watch, &policy), ["Rings"]);
    let size = serde_json::to_string(&watch).unwrap().len();
    assert!(size < 20_000, "{size}");
}

#[test]
fn a_rollout_that_goes_back_has_failed() {
    let policy = everything();
    for (state, fails) in [
        (Deployment::Running, false),
        (Deployment::RollingBack, true),
        (Deployment::Failed, true),
        (Deployment::Succeeded, false),
    ] {
        let watch = heard(&[deployment("production/shop", state, 1)], &policy);
        assert_eq!(holding(&watch, &policy) == ["Failed"], fails, "{state}");
    }
}
