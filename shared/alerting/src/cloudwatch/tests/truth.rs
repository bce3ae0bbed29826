//! The alarm of a rule rings exactly where its condition holds, as far as CloudWatch knows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::model::{State, states};
use super::sky::{self, Seeing, Sky};
use crate::cloudwatch::{AlarmSet, Plan, Reason, wanted};
use crate::condition::{Expr, Picture, Truth};
use crate::metric::Missing;
use crate::{Policy, Subject, managed};

const NAME: &str = "A rule";

fn plan(text: &str, missing: Missing) -> (Policy, Plan) {
    let policy = sky::policy(missing, vec![sky::rule(NAME, text)]);
    let plan = wanted(&"production".parse().unwrap(), &policy, &sky::services(), None);
    assert_eq!(plan.sets.len() + plan.without.len(), 3);
    (policy, plan)
}

fn rings(
    set: &AlarmSet,
    policy: &Policy,
    sky: &Sky,
    before: &BTreeMap<String, State>,
) -> (bool, BTreeMap<String, State>) {
    let states = states(&set.alarms, &|alarm| sky.datapoint(policy, alarm), before);
    (states[&set.alarms.last().unwrap().name] == State::Alarm, states)
}

fn subjects(environment: &str) -> Vec<Subject> {
    sky::subjects().into_iter().filter(|subject| subject.environment.as_str() == environment).collect()
}

/// Whether a condition holds of any subject of an environment.
fn holds(text: &str, environment: &str, sky: &Sky) -> bool {
    let condition = sky::condition(text);
    subjects(environment).iter().any(|subject| condition.holds(&Seeing { sky, subject }) == Truth::Holds)
}

/// Whether a condition, or its opposite, holds where every comparison with nothing does: what `breaching` means.
fn breached(expr: &Expr, sky: &Sky, subject: &Subject, holds: bool) -> bool {
    match expr {
        Expr::All(parts) if holds => parts.iter().all(|part| breached(part, sky, subject, true)),
        Expr::Any(parts) if !holds => parts.iter().all(|part| breached(part, sky, subject, false)),
        Expr::All(parts) | Expr::Any(parts) => parts.iter().any(|part| breached(part, sky, subject, holds)),
        Expr::Not(part) => breached(part, sky, subject, !holds),
        Expr::Term(term) => {
            let is_its_own = match term.field() {
                "environment" | "service" => false,
                field if sky::OF_SERVICES.contains(&field) => subject.service.is_some(),
                _ => subject.service.is_none(),
            };
            match term.holds(&Seeing { sky, subject }.see(term.field())) {
                Truth::Holds => holds,
                Truth::Fails => !holds,
                // A status that there cannot be is no comparison.
                Truth::Unknown => is_its_own && !is_empty(term, holds),
            }
        }
    }
}

fn is_empty(term: &crate::condition::Term, holds: bool) -> bool {
    match term.test() {
        crate::condition::Test::Status(words) => words.accepted().len() == if holds { 0 } else { 4 },
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// What has no data is not known to the condition, and the alarm says so by not ringing.
    #[test]
    fn an_alarm_rings_where_the_condition_holds(text in sky::text(false), sky in sky::sky()) {
        for missing in [Missing::Missing, Missing::NotBreaching] {
            let (policy, plan) = plan(&text, missing);
            let sky = Sky { events: BTreeMap::new(), ..sky.clone() };
            for set in &plan.sets {
                let environment = set.environment.as_str();
                let (rings, _) = rings(set, &policy, &sky, &BTreeMap::new());
                prop_assert_eq!(rings, holds(&text, environment, &sky), "{} in {}: {:#?}", text, environment, set);
            }
            for without in &plan.without {
                match &without.reason {
                    Reason::Elsewhere | Reason::NoService | Reason::Never | Reason::LeftOut(_) => {
                        prop_assert!(!holds(&text, without.environment.as_str(), &sky), "{} {:?}", text, without);
                    }
                    Reason::Always => prop_assert!(holds(&text, without.environment.as_str(), &sky)),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }

    /// Alert-router takes an alarm's word for the whole condition: whatever else is known, it must not ring without cause.
    #[test]
    fn an_alarm_never_rings_where_the_condition_does_not_hold(text in sky::text(true), sky in sky::sky()) {
        let (policy, plan) = plan(&text, Missing::Missing);
        for set in &plan.sets {
            let (rings, _) = rings(set, &policy, &sky, &BTreeMap::new());
            prop_assert!(!rings || holds(&text, set.environment.as_str(), &sky), "{}: {:#?}", text, set);
        }
    }

    #[test]
    fn breaching_makes_every_comparison_with_nothing_hold(text in sky::text(false), sky in sky::sky()) {
        let (policy, plan) = plan(&text, Missing::Breaching);
        let condition = sky::condition(&text);
        for set in &plan.sets {
            let (rings, _) = rings(set, &policy, &sky, &BTreeMap::new());
            let expected = subjects(set.environment.as_str())
                .iter()
                .any(|subject| breached(condition.expr().unwrap(), &sky, subject, true));
            prop_assert_eq!(rings, expected, "{}: {:#?}", text, set);
        }
    }

    /// A minute without data counts as the last one with it.
    #[test]
    fn ignore_leaves_every_comparison_as_it_was(text in sky::text(false), minutes in prop::collection::vec(sky::sky(), 1..4)) {
        let (policy, plan) = plan(&text, Missing::Ignore);
        for set in &plan.sets {
            let (mut before, mut known) = (BTreeMap::new(), Sky::default());
            for minute in &minutes {
                known.values.extend(minute.values.clone());
                let (rings, states) = rings(set, &policy, minute, &before);
                prop_assert_eq!(rings, holds(&text, set.environment.as_str(), &known), "{}: {:#?}", text, set);
                before = states;
            }
        }
    }

    #[test]
    fn every_name_says_what_the_alarm_is_for(text in sky::text(true)) {
        let (_, plan) = plan(&text, Missing::Missing);
        for set in &plan.sets {
            for (index, alarm) in set.alarms.iter().enumerate() {
                let managed = managed::read(&alarm.name).unwrap();
                prop_assert_eq!(managed.home.as_str(), "production");
                prop_assert_eq!(&managed.environment, &set.environment);
                prop_assert_eq!(managed.rule.as_str(), NAME);
                prop_assert_eq!(managed.is_part, index + 1 < set.alarms.len());
                prop_assert_eq!(alarm.is_composite(), index + 1 == set.alarms.len() && set.alarms.len() > 1);
                prop_assert!(alarm.name.len() <= 255 && alarm.description.chars().count() <= 1_024);
            }
        }
    }
}
