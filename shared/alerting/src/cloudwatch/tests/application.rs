//! What differs is mended, once, in an order that CloudWatch takes, and nothing of anybody else is touched.

use proptest::prelude::*;
use rollout::EnvironmentName;

use super::model::CloudWatch;
use super::sky;
use crate::cloudwatch::{
    AlarmSpec, Application, Changes, Existing, MetricAlarm, Plan, Step, Watches, diff, tags, wanted,
};
use crate::managed;
use crate::metric::Missing;

fn home() -> EnvironmentName {
    "production".parse().unwrap()
}

fn plan(rules: &[(&str, &str)]) -> Plan {
    let rules = rules.iter().map(|(name, text)| sky::rule(name, text)).collect();
    wanted(&home(), &sky::policy(Missing::Missing, rules), &sky::services(), None)
}

fn difference(cloud: &CloudWatch, plan: &Plan) -> Changes {
    diff(&home(), &cloud.list(), plan)
}

/// Applies changes; the calls of which `fails` says so are not answered, and nothing is done.
fn apply(cloud: &mut CloudWatch, changes: &Changes, mut fails: impl FnMut() -> bool) -> Application {
    let mut application = Application::new(changes);
    while let Some(step) = application.next() {
        let result = if fails() {
            Err("throttled".to_owned())
        } else {
            // What CloudWatch refuses is a mistake of the order.
            cloud.perform(&step).unwrap_or_else(|why| panic!("{step:#?}: {why}"));
            Ok(())
        };
        application.record(step, result);
    }
    application
}

fn applied(cloud: &mut CloudWatch, plan: &Plan) -> Application {
    let changes = difference(cloud, plan);
    apply(cloud, &changes, || false)
}

/// An alarm that is not ours: the tag is missing, is another's, or the name is none of ours.
fn foreign(name: &str, owner: Option<&str>) -> Existing {
    let mut own = plan(&[("Any", "environment:production AND status:unhealthy")]).sets[0].alarms[0].clone();
    own.name = name.to_owned();
    own.description = "somebody's".to_owned();
    match owner {
        None => own.tags.clear(),
        Some(owner) => drop(own.tags.insert(tags::HOME.to_owned(), owner.to_owned())),
    }
    Existing { alarm: own, arn: format!("arn:{name}"), further: [].into() }
}

/// What somebody does to our alarms in the console.
#[derive(Clone, Copy, Debug)]
enum Drift {
    Threshold,
    Description,
    Tag,
    Further,
    Gone,
}

fn drift(existing: &mut Existing, drift: Drift) -> bool {
    match drift {
        Drift::Threshold => {
            if let Watches::Metric(MetricAlarm { threshold, .. }) = &mut existing.alarm.watches {
                *threshold += 1.0;
            }
        }
        Drift::Description => existing.alarm.description.push('!'),
        Drift::Tag => drop(existing.alarm.tags.insert("environment".to_owned(), "x".to_owned())),
        Drift::Further => drop(existing.further.insert("unit", "Seconds".to_owned())),
        Drift::Gone => return false,
    }
    true
}

fn rules() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = prop::sample::subsequence(vec!["One", "Two two", "Three/3"], 0..=3);
    (names, prop::collection::vec(sky::text(true), 3))
        .prop_map(|(names, texts)| names.into_iter().zip(texts).collect())
}

fn planned(rules: &[(&'static str, String)]) -> Plan {
    plan(&rules.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn once_applied_nothing_is_left_to_do(
        (before, after) in (rules(), rules()),
        drifts in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(&[
                Drift::Threshold, Drift::Description, Drift::Tag, Drift::Further, Drift::Gone,
            ][..])),
            0..4,
        ),
        failures in prop::collection::vec(prop::bool::weighted(0.3), 0..40),
    ) {
        let mut cloud = CloudWatch::default();
        let others = [foreign("checkout 5xx", None), foreign("ace-flow/staging/staging/One", Some("staging"))];
        cloud.alarms.extend(others.clone().map(|other| (other.alarm.name.clone(), other)));
        applied(&mut cloud, &planned(&before));
        let ours: Vec<String> = cloud.list().iter().filter(|alarm| alarm.is_of(&home())).map(|alarm| alarm.alarm.name.clone()).collect();
        for (index, how) in drifts {
            if ours.is_empty() {
                continue;
            }
            let name = index.get(&ours);
            // A part that a composite alarm needs cannot be deleted by anybody.
            let is_needed = managed::read(name).unwrap().is_part;
            if let Some(alarm) = cloud.alarms.get_mut(name)
                && !(drift(alarm, how) || is_needed)
            {
                cloud.alarms.remove(name);
            }
        }
        let after = planned(&after);
        let mut failures = failures.into_iter();
        let changes = difference(&cloud, &after);
        let first = apply(&mut cloud, &changes, || failures.next().unwrap_or(false));
        if first.failed.is_empty() {
            prop_assert!(first.skipped.is_empty() && difference(&cloud, &after).is_empty());
        }

        let second = applied(&mut cloud, &after);
        prop_assert!(second.failed.is_empty() && second.skipped.is_empty());
        let last = difference(&cloud, &after);
        prop_assert!(last.is_empty() && last.conflicts.is_empty(), "{:#?}", last);
        prop_assert_eq!(last.unchanged.len(), after.alarms().count());
        prop_assert_eq!(cloud.alarms.len(), after.alarms().count() + others.len());
        for other in others {
            prop_assert_eq!(cloud.alarms.get(&other.alarm.name), Some(&other));
        }
    }
}

#[test]
fn nothing_is_done_for_a_rule_whose_alarm_s_name_somebody_else_has() {
    let mut cloud = CloudWatch::default();
    let (one, two) =
        ("environment:production AND (cpu > 90% OR requests > 100)", "environment:production AND cpu > 50%");
    applied(&mut cloud, &plan(&[("One", one), ("Two", two)]));
    assert_eq!(cloud.alarms.len(), 4);
    // Somebody takes a part over, and removes the tag.
    let part = "ace-flow/production/production/One #2";
    cloud.alarms.get_mut(part).unwrap().alarm.tags.remove(tags::MANAGED_BY);
    let before = cloud.clone();

    let next =
        plan(&[("One", "environment:production AND (cpu > 91% OR requests > 100)"), ("Two", "cpu > 60%")]);
    let changes = difference(&cloud, &next);
    let [conflict] = changes.conflicts.as_slice() else { panic!("{:#?}", changes.conflicts) };
    assert_eq!(conflict.name, part);
    assert_eq!(conflict.held_back.len(), 3);
    apply(&mut cloud, &changes, || false);
    for name in &conflict.held_back {
        assert_eq!(cloud.alarms[name], before.alarms[name], "{name}");
    }
    let Watches::Metric(two) = &cloud.alarms["ace-flow/production/production/Two"].alarm.watches else {
        panic!()
    };
    assert_eq!(two.threshold.to_string(), "60");
    // Without the rule, what is ours of it goes, as far as CloudWatch lets it go.
    let changes = difference(&cloud, &plan(&[]));
    let deleted: Vec<&str> = changes.delete.iter().map(|deletion| deletion.name.as_str()).collect();
    assert!(
        deleted.contains(&"ace-flow/production/production/One") && !deleted.contains(&part),
        "{deleted:?}"
    );
}

#[test]
fn an_alarm_becomes_one_of_the_other_kind_and_back() {
    let mut cloud = CloudWatch::default();
    let (one, two) =
        ("environment:production AND cpu > 90%", "environment:production AND cpu > 90% AND requests > 100");
    applied(&mut cloud, &plan(&[("One", one)]));
    let changes = difference(&cloud, &plan(&[("One", two)]));
    let [update] = changes.update.as_slice() else { panic!("{changes:#?}") };
    assert!(update.replaces && changes.create.len() == 2);
    let steps = apply(&mut cloud, &changes, || false).done;
    let told: Vec<String> = steps.iter().map(told).collect();
    let name = |end: &str| format!("ace-flow/production/production/One{end}");
    assert_eq!(
        told,
        [
            format!("put {}", name(" #1")),
            format!("put {}", name(" #2")),
            format!("delete {}", name("")),
            format!("put {}", name("")),
        ]
    );
    let back = applied(&mut cloud, &plan(&[("One", one)])).done;
    let told: Vec<String> = back.iter().map(self::told).collect();
    assert_eq!(
        told,
        [
            format!("delete {}", name("")),
            format!("put {}", name("")),
            format!("delete {}, {}", name(" #1"), name(" #2")),
        ]
    );
    assert_eq!(cloud.alarms.len(), 1);
}

fn told(step: &Step) -> String {
    let verb = match step {
        Step::Put(_) => "put",
        Step::Tag { .. } => "tag",
        Step::Delete(_) => "delete",
    };
    format!("{verb} {}", step.names().join(", "))
}

#[test]
fn an_update_says_what_differs() {
    let mut cloud = CloudWatch::default();
    let text = "environment:production AND cpu > 90%";
    let plan = plan(&[("One", text)]);
    applied(&mut cloud, &plan);
    let alarm = cloud.alarms.values_mut().next().unwrap();
    for how in [Drift::Threshold, Drift::Tag, Drift::Further] {
        drift(alarm, how);
    }
    let changes = difference(&cloud, &plan);
    let told: Vec<String> = changes.update[0]
        .differences
        .iter()
        .map(|one| {
            format!(
                "{}: {} -> {}",
                one.setting,
                one.before.as_deref().unwrap_or("-"),
                one.after.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(told, ["threshold: > 91 -> > 90", "unit: Seconds -> -", "tag environment: x -> production"]);
    let steps = applied(&mut cloud, &plan).done;
    assert!(matches!(steps.as_slice(), [Step::Put(_), Step::Tag { .. }]), "{steps:#?}");
    // Tags alone are no reason to put an alarm.
    drift(cloud.alarms.values_mut().next().unwrap(), Drift::Tag);
    let steps = applied(&mut cloud, &plan).done;
    assert!(matches!(steps.as_slice(), [Step::Tag { .. }]), "{steps:#?}");
}

/// 120 rules that are gone, and one alarm that a composite alarm of somebody else needs.
#[test]
fn many_are_deleted_in_few_calls_and_one_that_is_needed_keeps_no_other() {
    let mut cloud = CloudWatch::default();
    let names: Vec<String> = (0..120).map(|number| format!("Rule {number:03}")).collect();
    let rules: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "environment:production AND cpu > 90%")).collect();
    applied(&mut cloud, &plan(&rules));
    let changes = difference(&cloud, &plan(&[]));
    let mut calls = 0;
    let mut application = Application::new(&changes);
    let needed = "ace-flow/production/production/Rule 050";
    let composite = AlarmSpec {
        watches: Watches::Composite { rule: format!("ALARM(\"{needed}\")") },
        ..foreign("somebody's", None).alarm
    };
    cloud.perform(&Step::Put(composite)).unwrap();
    while let Some(step) = application.next() {
        let result = cloud.perform(&step);
        application.record(step, result);
        calls += 1;
    }
    let [failed] = application.failed.as_slice() else { panic!("{:#?}", application.failed) };
    assert_eq!(failed.step.names(), [needed]);
    assert!(failed.why.contains("depending on it"), "{}", failed.why);
    assert_eq!(cloud.alarms.keys().map(String::as_str).collect::<Vec<_>>(), [needed, "somebody's"]);
    assert_eq!(calls, 2 + 2 * 7, "100 and 20, and the halves of those 100 in which the needed one is");
}

#[test]
fn what_depends_on_a_failed_call_is_not_tried_and_others_are() {
    let mut cloud = CloudWatch::default();
    let (one, two) =
        ("environment:production AND cpu > 90% AND requests > 100", "environment:production AND cpu > 50%");
    let changes = difference(&cloud, &plan(&[("One", one), ("Two", two)]));
    let mut call = 0;
    let application = apply(&mut cloud, &changes, || {
        call += 1;
        call == 1
    });
    let name = |end: &str| format!("ace-flow/production/production/{end}");
    assert_eq!(application.failed[0].step.names(), [name("One #1")]);
    assert_eq!(application.skipped.into_iter().collect::<Vec<_>>(), [name("One"), name("One #2")]);
    assert_eq!(cloud.alarms.keys().cloned().collect::<Vec<_>>(), [name("Two")]);

    let mut application = Application::new(&changes);
    let first = application.next().unwrap();
    application.record(first, Ok(()));
    application.stop();
    assert_eq!((application.next(), application.done.len(), application.skipped.len()), (None, 1, 3));
}
