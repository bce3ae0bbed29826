//! Where there is no alarm, and what it says where there is one.

use super::sky;
use crate::cloudwatch::{AlarmSpec, Plan, Services, Watches, wanted};
use crate::metric::Missing;
use crate::{Policy, managed};

fn plan(policy: &Policy) -> Plan {
    wanted(&"production".parse().unwrap(), policy, &sky::services(), None)
}

fn of(name: &str, text: &str) -> Plan {
    plan(&sky::policy(Missing::Missing, vec![sky::rule(name, text)]))
}

/// Why the one rule has no alarm in an environment.
fn reason(plan: &Plan, environment: &str) -> String {
    let without = plan.without.iter().find(|without| without.environment.as_str() == environment);
    without.unwrap_or_else(|| panic!("{plan:#?}")).reason.to_string()
}

#[test]
fn a_rule_whose_name_reads_like_a_part_s_has_no_alarm() {
    let plan = of("CPU #2", "cpu > 90%");
    assert_eq!(
        reason(&plan, "staging"),
        "its name ends like that of a part of an alarm: leave the # out of it"
    );
    assert_eq!(plan.alarms().count(), 0);
    assert_eq!(of("CPU # 2", "cpu > 90%").alarms().count(), 3);
}

#[test]
fn a_name_with_a_quote_is_no_hindrance_where_nothing_has_to_quote_it() {
    assert_eq!(of("The \"big\" one", "cpu > 90%").alarms().count(), 3);
    let plan = of("The \"big\" one", "cpu > 90% OR requests > 1");
    assert!(reason(&plan, "staging").starts_with("its name has '\"', which"), "{plan:#?}");
    assert_eq!(plan.alarms().count(), 0);
}

/// 40 services are 40 children; their names make the rule long before they are too many.
#[test]
fn a_composite_alarm_that_cloudwatch_would_refuse_is_not_tried() {
    let services = |count: usize| -> Services {
        let names = (0..count).map(|number| format!("service-{number}").parse().unwrap()).collect();
        [("production".parse().unwrap(), names)].into()
    };
    let alarms = |name: &str, count| {
        let policy =
            sky::policy(Missing::Missing, vec![sky::rule(name, "environment:production AND carts > 2s")]);
        wanted(&"production".parse().unwrap(), &policy, &services(count), None)
    };
    assert_eq!(alarms("Slow", 100).alarms().count(), 101);
    let reason_of = |name: &str, count| reason(&alarms(name, count), "production");
    assert!(reason_of("Slow", 101).contains("would have 101 alarms, 101 elements and "));
    let long = "x".repeat(120);
    assert_eq!(alarms(&long, 60).alarms().count(), 61);
    assert!(reason_of(&long, 70).contains("70 alarms, 70 elements and 11"), "{}", reason_of(&long, 70));
}

#[test]
fn a_metric_that_is_the_same_everywhere_is_the_home_s_alone() {
    let mut policy = sky::policy(Missing::Missing, vec![sky::rule("Slow", "response_time > 2s")]);
    let source = policy.sources.get_mut("response_time").unwrap();
    source.dimensions = [("LoadBalancer".to_owned(), "app/shop/1".to_owned())].into();
    let plan = plan(&policy);
    assert_eq!(plan.alarms().count(), 1);
    assert_eq!(managed::read(&plan.sets[0].alarms[0].name).unwrap().environment.as_str(), "production");
    assert!(reason(&plan, "staging").contains("the same metric in every environment"));
}

#[test]
fn a_field_that_no_source_has_is_named() {
    let mut policy = sky::policy(Missing::Missing, vec![sky::rule("Slow", "cpu > 90%")]);
    policy.sources.remove("cpu");
    let reason = reason(&plan(&policy), "production");
    assert_eq!(reason, "`cpu > 90%`: nothing says where CloudWatch has cpu: add it to alerts.metrics");
}

#[test]
fn a_topic_is_told_of_what_is_the_whole_rule_and_of_nothing_else() {
    let rules = vec![
        sky::rule("One", "environment:production AND cpu > 90% AND requests > 1"),
        sky::rule("Many", "cpu > 90% AND affected_environments >= 2"),
    ];
    let policy = sky::policy(Missing::Missing, rules);
    let topic = "arn:aws:sns:eu-west-1:123456789012:people";
    let plan = wanted(&"production".parse().unwrap(), &policy, &sky::services(), Some(topic));
    let told: Vec<&AlarmSpec> = plan.alarms().filter(|alarm| !alarm.alarm_actions.is_empty()).collect();
    let [told] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!((told.name.as_str(), told.is_composite()), ("ace-flow/production/production/One", true));
    assert_eq!(
        (told.alarm_actions.as_slice(), &told.ok_actions),
        (&[topic.to_owned()][..], &told.alarm_actions)
    );
    assert_eq!(plan.alarms().count(), 6);
}

#[test]
fn a_description_says_what_it_is_for_and_is_never_too_long() {
    let text = (0..90).map(|number| format!("cpu > 9{number}%")).collect::<Vec<_>>().join(" OR ");
    let mut rule = sky::rule("Long", &format!("environment:production AND ({text})"));
    rule.runbook = Some("https://wiki.example.com/long".to_owned());
    let plan = plan(&sky::policy(Missing::Missing, vec![rule]));
    let alarms: Vec<&AlarmSpec> = plan.alarms().collect();
    assert_eq!(alarms.len(), 91);
    let whole = &alarms[90].description;
    assert_eq!(whole.chars().count(), 1_024);
    assert!(
        whole.starts_with("production: Long (high), while environment:production AND (cpu > 90%"),
        "{whole}"
    );
    let end = "…. What to do: https://wiki.example.com/long. Made by `ace alerts apply` from the configuration of production.";
    assert!(whole.ends_with(end), "{whole}");
    assert!(alarms[3].description.starts_with("production: cpu > 93%, a part of Long. Made by "));
    let Watches::Composite { rule } = &alarms[90].watches else { panic!() };
    assert!(rule.starts_with("ALARM(\"ace-flow/production/production/Long #1\") OR ALARM("), "{rule}");
}
