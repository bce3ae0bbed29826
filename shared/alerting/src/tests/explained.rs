//! What is told of a rule to whoever asks why.

use super::support::*;
use crate::condition::Truth;
use crate::*;

fn slow(text: &str) -> Policy {
    policy(vec![rule("Slow", text, Severity::High, &["chat"])])
}

#[test]
fn a_rule_tells_how_far_it_has_got_with_a_subject() {
    let policy = slow("response_time > 2s for 5m clear after 10m");
    let told = |watch: &Watch, now| watch.explain(&policy.rules[0], &policy, at(now));
    let slow = |seconds| measured("staging", Health::Degraded, &[("response_time", 3_200.0)], seconds);
    let quick = |seconds| measured("staging", Health::Healthy, &[("response_time", 300.0)], seconds);
    let watch = Watch::new(subject("staging"));
    assert_eq!((told(&watch, 0).truth(), told(&watch, 0).progress), (Truth::Unknown, Progress::Idle));
    let watch = watch.hear(&slow(0), &policy, at(0)).unwrap();
    let pending = told(&watch, 0);
    assert_eq!(pending.progress, Progress::Pending { since: at(0), due: at(300) });
    assert_eq!(pending.condition.to_string(), "✓ response_time > 2s (3.2 s)");
    let watch = watch.pass(&policy, at(300)).unwrap();
    assert_eq!(told(&watch, 300).progress, Progress::Firing { since: at(0) });
    let watch = watch.hear(&quick(400), &policy, at(400)).unwrap();
    let clearing = told(&watch, 400);
    assert_eq!(clearing.progress, Progress::Clearing { since: at(0), due: at(1_000) });
    assert_eq!((clearing.truth(), clearing.by_alarm), (Truth::Fails, false));
}

#[test]
fn an_alarm_that_was_made_for_a_rule_makes_it_hold_whatever_its_condition_says() {
    let policy = slow("response_time > 2s");
    let mut signal = alarm("staging", "ace-flow/production/staging/Slow", true, 5);
    if let News::Alarm(news) = &mut signal.news {
        news.rule = Some(policy.rules[0].name.clone());
    }
    let watch = Watch::new(subject("staging")).hear(&signal, &policy, at(5)).unwrap();
    let told = watch.explain(&policy.rules[0], &policy, at(5));
    assert_eq!((told.truth(), told.condition.truth, told.by_alarm), (Truth::Holds, Truth::Unknown, true));
}

#[test]
fn a_rule_that_counts_over_environments_tells_what_it_has_counted() {
    let policy = slow("response_time > 2s AND affected_environments >= 2");
    let mut across = Across::new(policy.rules[0].name.clone());
    for (of, seconds) in [("staging", 1), ("production", 2)] {
        let slow = measured(of, Health::Degraded, &[("response_time", 3_200.0)], seconds);
        let watch = Watch::new(subject(of)).hear(&slow, &policy, at(seconds)).unwrap();
        let own = watch.explain(&policy.rules[0], &policy, at(seconds));
        assert_eq!(
            own.condition.expression, "response_time > 2s",
            "what makes the subject one that is counted"
        );
        across = across.count(&watch.counted(&policy)[0], &policy, at(seconds), at(seconds)).unwrap();
        let told = across.explain(&policy, at(seconds)).unwrap();
        assert_eq!(told.truth() == Truth::Holds, seconds == 2, "{}", told.condition);
    }
    let told = across.explain(&policy, at(2)).unwrap();
    assert_eq!(told.condition.to_string(), "✓ affected_environments >= 2 (2: production, staging)");
    assert_eq!(told.progress, Progress::Firing { since: at(2) });
    let other = slow("response_time > 2s");
    assert_eq!(across.explain(&other, at(2)), None, "it does not count any more");
}

#[test]
fn a_condition_tells_where_it_may_hold() {
    let may = |text: &str, environment: &str| condition(text).may_hold_in(&environment.parse().unwrap());
    for (text, production, staging) in [
        ("environment:production AND status:unhealthy", true, false),
        ("NOT environment:p* AND status:unhealthy", false, true),
        ("response_time > 2s AND affected_environments >= 2", true, true),
        ("worst_status:critical", true, true),
    ] {
        assert_eq!((may(text, "production"), may(text, "staging")), (production, staging), "{text}");
    }
}

#[test]
fn a_subject_is_read_as_it_is_displayed() {
    for text in ["production", "production/checkout"] {
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
    }
    for text in ["", "/", "production/", "/checkout", "a b", "production/a/b"] {
        let error = text.parse::<Subject>().unwrap_err().to_string();
        assert!(error.contains("write an environment, or environment/service"), "{error}");
    }
}

#[test]
fn a_group_is_untold_until_somebody_is_told_or_cannot_be() {
    let policy = policy(vec![rule("Down", "status:unhealthy", Severity::High, &["chat"])]);
    let watch = Watch::new(subject("production"));
    let watch = watch.hear(&status("production", Health::Unhealthy, 0), &policy, at(0)).unwrap();
    let alert = watch.alerts(&policy, at(0)).remove(0);
    let mut group = Group::of(&alert, &policy);
    assert!(!group.is_untold(), "there is nothing to tell");
    group.hear(&alert, at(0));
    assert!(group.is_untold());
    let told = |delivery: group::Delivery| {
        let plan = group.plan(&policy, group::Sight::default(), at(30));
        let deliveries = plan.sends.iter().map(|send| (send.channel.clone(), delivery.clone())).collect();
        let given = group::Given { planned: plan.at, deliveries };
        plan.group.record(&given, &policy, at(30)).unwrap()
    };
    assert!(!told(group::Delivery::Done { thread: None }).is_untold());
    let failed = told(group::Delivery::Refused { why: "no".to_owned() });
    assert!(!failed.is_untold(), "nobody knows when that will be");
    let line = &failed.lines()[&"chat".parse::<ChannelName>().unwrap()];
    assert_eq!(
        (line.tried_again(), line.stand_in().map(ChannelName::as_str)),
        (Some(at(3_630)), Some("last"))
    );
}
