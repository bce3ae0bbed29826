//! Alarms: which rollouts they are about, and how few calls it takes until the traffic is back.

use contract::{Alarm, ErrorName, Function, Rollback, RollbackNext as Next};
use rollout::Phase;

use super::machine::{back, baking, health_check, pipeline, request, start_deploy, turn, two_services};
use super::world::{Fault, World, at, run};

const ARN: &str = "arn:aws:states:us-east-1:123456789012:execution:rollout:one";

fn alarm(name: &str) -> Alarm {
    Alarm {
        name: name.to_owned(),
        state: "ALARM".to_owned(),
        changed_at: at(100),
        account: "123456789012".to_owned(),
        arn: Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:it".to_owned()),
        dimensions: Vec::new(),
    }
}

fn about(dimensions: &[(&str, &str)]) -> Alarm {
    let dimensions =
        dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Alarm { dimensions, ..alarm("Somebody's alarm") }
}

fn started_as(execution: &str) -> World {
    let world = World::new();
    let begin = request(pipeline("1", "SUCCEEDED"), execution);
    run(start_deploy(&world).call(begin)).unwrap().unwrap();
    world.advance(1);
    world.in_order();
    world
}

fn backs(world: &World) -> usize {
    world.with(|state| state.rollouts.values().filter(|rollout| rollout.phase.is_rollback()).count())
}

#[test]
fn it_takes_one_read_and_two_writes_until_the_traffic_is_back() {
    let world = World::new();
    baking(&world);
    world.in_order();
    back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    assert_eq!(world.log()[..3], ["active", "commit", "restore"]);
    assert_eq!(world.green(), 0);
    assert_eq!(world.log().iter().filter(|call| matches!(**call, "restore" | "set")).count(), 1);
    // Whatever is asked for besides comes after.
    assert_eq!(world.log()[3..], ["spent", "target", "read", "commit", "publish", "commit"]);
}

#[test]
fn an_alarm_rolls_back_the_active_rollout_it_guards_and_its_second_delivery_does_nothing_new() {
    let world = World::new();
    baking(&world);
    let reply = back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    assert_eq!((reply.next, world.green()), (Next::Settle, 0));
    let Phase::Settling { cause, .. } = world.only_rollout().phase else { panic!("not settling") };
    assert_eq!(cause.name(), "guardrail");
    let (epoch, version) = (world.only_rollout().epoch, world.only_rollout().version);
    assert_eq!(back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap().next, Next::Settle);
    assert_eq!((world.only_rollout().epoch, world.only_rollout().version), (epoch, version));
}

#[test]
fn an_alarm_is_about_a_rollout_by_its_name_or_its_dimensions() {
    let canary = ("TargetGroup", "green-tg");
    let baseline = ("TargetGroup", "blue-tg");
    for alarm in [
        alarm("High 5XX"),
        Alarm { dimensions: about(&[baseline]).dimensions, ..alarm("High 5XX") },
        about(&[canary]),
        about(&[("LoadBalancer", "lb"), canary]),
        // Metric math over both.
        about(&[baseline, canary]),
        about(&[("Service", "checkout")]),
        about(&[("Environment", "staging"), ("Service", "checkout")]),
    ] {
        let world = World::new();
        baking(&world);
        assert_eq!(
            back(&world, Rollback::Alarms(vec![alarm.clone()])).unwrap().next,
            Next::Settle,
            "{alarm:?}"
        );
        let Phase::Settling { cause, .. } = world.only_rollout().phase else { panic!("not settling") };
        assert_eq!(cause, rollout::Cause::Guardrail(alarm.name.parse().unwrap()));
    }
}

#[test]
fn alarms_that_are_not_about_the_rollout_change_nothing() {
    let nobody = "no alarm of an active rollout";
    let before = "alarm Somebody's alarm is about the version that was live before";
    let foreign = Alarm { account: "210987654321".to_owned(), ..alarm("High 5XX") };
    for (alarms, says) in [
        (vec![Alarm { changed_at: at(-1), ..alarm("High 5XX") }], "changed at "),
        (vec![Alarm { changed_at: at(-1), ..about(&[("Service", "checkout")]) }], "before rollout checkout-"),
        (vec![Alarm { state: "OK".to_owned(), ..alarm("High 5XX") }], nobody),
        (vec![Alarm { state: "INSUFFICIENT_DATA".to_owned(), ..alarm("High 5XX") }], nobody),
        (vec![foreign.clone()], "alarm High 5XX belongs to account 210987654321"),
        (vec![alarm("Other")], nobody),
        (vec![about(&[("TargetGroup", "blue-tg")])], before),
        (vec![about(&[("TargetGroup", "blue-tg"), ("Service", "checkout")])], before),
        (vec![about(&[("TargetGroup", "g2")])], nobody),
        (vec![about(&[("Service", "search")])], nobody),
        (vec![about(&[("LoadBalancer", "lb")])], nobody),
        (vec![], nobody),
    ] {
        let world = started_as(ARN);
        let before = world.snapshot();
        let reply = back(&world, Rollback::Alarms(alarms.clone())).unwrap();
        assert_eq!(reply.next, Next::Nothing, "{alarms:?}");
        assert!(reply.reason.contains(says), "{}", reply.reason);
        assert_eq!(world.snapshot(), before);
    }
    // One that counts among others that do not.
    let world = started_as(ARN);
    let older = Alarm { changed_at: at(-1), ..about(&[("Service", "checkout")]) };
    let reply =
        back(&world, Rollback::Alarms(vec![alarm("Other"), alarm("High 5XX"), older, foreign])).unwrap();
    assert_eq!(reply.next, Next::Settle);
}

#[test]
fn an_alarm_that_counts_is_not_hidden_by_one_that_does_not() {
    let older = Alarm { changed_at: at(-1), ..alarm("High 5XX") };
    let foreign = Alarm { account: "210987654321".to_owned(), ..alarm("High 5XX") };
    let baseline = about(&[("TargetGroup", "blue-tg")]);
    for idle in [older, foreign, baseline] {
        let world = started_as(ARN);
        let reply = back(&world, Rollback::Alarms(vec![idle.clone(), alarm("High 5XX")])).unwrap();
        assert_eq!(reply.next, Next::Settle, "{idle:?}");
    }
}

#[test]
fn no_alarm_in_the_message_asks_no_store() {
    let world = started_as(ARN);
    back(&world, Rollback::Alarms(vec![Alarm { state: "OK".to_owned(), ..alarm("High 5XX") }])).unwrap();
    assert!(world.log().is_empty());
}

#[test]
fn one_alarm_rolls_back_every_rollout_that_it_is_about_and_no_other() {
    let world = World::new();
    two_services(&world);
    back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    assert_eq!(backs(&world), 2);
    assert_eq!(world.log().iter().filter(|call| **call == "active").count(), 1);
    for (alarm, service) in [
        (about(&[("Service", "search")]), "search"),
        (about(&[("TargetGroup", "g2")]), "search"),
        (about(&[("TargetGroup", "green-tg")]), "checkout"),
    ] {
        let world = World::new();
        two_services(&world);
        let reply = back(&world, Rollback::Alarms(vec![alarm])).unwrap();
        assert_eq!((reply.service.as_str(), backs(&world)), (service, 1));
    }
}

#[test]
fn one_service_that_cannot_be_rolled_back_does_not_keep_the_others_from_it() {
    let undisturbed = World::new();
    two_services(&undisturbed);
    back(&undisturbed, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
    for number in 2..=undisturbed.calls() {
        let world = World::new();
        two_services(&world);
        world.fail(number, Fault::Refused);
        let result = back(&world, Rollback::Alarms(vec![alarm("High 5XX")]));
        assert!(backs(&world) >= 1, "call {number}");
        // Lambda delivers an event again whose handler failed.
        if let Err(failure) = result {
            assert_eq!(failure.name, ErrorName::TransientError);
            back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap();
        }
        assert_eq!(backs(&world), 2, "call {number}");
    }
}

#[test]
fn a_list_that_lags_behind_is_put_right_by_the_commit() {
    let world = World::new();
    baking(&world);
    world.advance(120);
    // health-check commits between the list and the alarm's own commit.
    world.before(2, |world| {
        run(health_check(world).call(turn(world))).unwrap().unwrap();
    });
    let version = world.only_rollout().version;
    assert_eq!(back(&world, Rollback::Alarms(vec![alarm("High 5XX")])).unwrap().next, Next::Settle);
    assert!(world.happened() && world.only_rollout().version > version + 1);
    assert_eq!((world.green(), world.only_rollout().epoch.0), (0, 2));
}

const SERVICE: (&str, &str) = ("ace-flow:service", "checkout");

/// A rollout of checkout bakes, and an alarm of which only its tags say something.
fn tagged(world: &World, tags: &[(&str, &str)]) -> Vec<Alarm> {
    let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    world.with(|state| state.tags = tags);
    world.in_order();
    vec![alarm("Any of checkout's")]
}

#[test]
fn an_alarm_is_about_a_rollout_by_its_tag_in_the_end() {
    for tags in [
        vec![SERVICE],
        vec![("team", "tax"), SERVICE],
        vec![("environment", "staging"), SERVICE],
        vec![SERVICE, ("ace-flow:environment", "staging"), ("environment", "staging")],
    ] {
        let world = World::new();
        baking(&world);
        let alarms = tagged(&world, &tags);
        assert_eq!(back(&world, Rollback::Alarms(alarms.clone())).unwrap().next, Next::Settle, "{tags:?}");
        assert_eq!(world.log()[..4], ["active", "tags", "commit", "restore"]);
        let Phase::Settling { cause, .. } = world.only_rollout().phase else { panic!("not settling") };
        assert_eq!(cause, rollout::Cause::Guardrail("Any of checkout's".parse().unwrap()));
        // Delivered again, while nothing but the rollback is active.
        assert_eq!(back(&world, Rollback::Alarms(alarms)).unwrap().next, Next::Settle);
    }
}

#[test]
fn tags_of_another_service_or_environment_change_nothing() {
    for tags in [
        vec![],
        vec![("ace-flow:service", "search")],
        vec![("service", "checkout")],
        vec![SERVICE, ("environment", "production")],
        vec![SERVICE, ("environment", "staging"), ("ace-flow:environment", "production")],
    ] {
        let world = World::new();
        baking(&world);
        let alarms = tagged(&world, &tags);
        let before = world.snapshot();
        assert_eq!(back(&world, Rollback::Alarms(alarms)).unwrap().next, Next::Nothing, "{tags:?}");
        assert_eq!((world.snapshot(), world.log()), (before, vec!["active", "tags"]));
    }
}

#[test]
fn tags_are_asked_for_only_when_nothing_else_says_what_an_alarm_is_about() {
    let elsewhere = Alarm { arn: None, ..alarm("Other") };
    let older = Alarm { changed_at: at(-1), ..alarm("Other") };
    let foreign = Alarm { account: "210987654321".to_owned(), ..alarm("Other") };
    for alarms in [
        vec![alarm("High 5XX")],
        vec![about(&[("TargetGroup", "green-tg")])],
        vec![about(&[("TargetGroup", "blue-tg")])],
        vec![about(&[("Service", "checkout")])],
        vec![Alarm { state: "OK".to_owned(), ..alarm("Other") }],
        vec![elsewhere],
        vec![older],
        vec![foreign],
        // The first has rolled back all that is active.
        vec![alarm("High 5XX"), alarm("Other")],
    ] {
        let world = started_as(ARN);
        tagged(&world, &[SERVICE]);
        back(&world, Rollback::Alarms(alarms.clone())).unwrap();
        assert!(!world.log().contains(&"tags"), "{alarms:?}");
    }
    // Nothing is active.
    let world = World::new();
    back(&world, Rollback::Alarms(vec![alarm("Other")])).unwrap();
    assert_eq!(world.log(), ["active"]);
}

#[test]
fn tags_that_cannot_be_read_keep_nothing_from_being_rolled_back_and_are_asked_for_again() {
    let world = World::new();
    two_services(&world);
    let alarms = || Rollback::Alarms(vec![alarm("Any"), about(&[("Service", "search")])]);
    world.with(|state| state.tags = vec![("ace-flow:service".to_owned(), "checkout".to_owned())]);
    back(&world, alarms()).unwrap();
    let asked = world.log().iter().position(|call| *call == "tags").unwrap();
    let refused = World::new();
    two_services(&refused);
    refused.with(|state| state.tags = vec![("ace-flow:service".to_owned(), "checkout".to_owned())]);
    refused.fail(u32::try_from(asked + 1).unwrap(), Fault::Refused);
    let failure = back(&refused, alarms()).unwrap_err();
    assert!(refused.happened());
    assert_eq!(failure.name, ErrorName::TransientError);
    assert!(failure.message.starts_with("the tags of alarm Any cannot be read: "), "{failure}");
    assert_eq!(backs(&refused), 1, "search is rolled back all the same");
    assert_eq!(back(&refused, alarms()).unwrap().next, Next::Settle);
    assert_eq!((backs(&refused), backs(&world)), (2, 2));
}

#[test]
fn one_tagged_alarm_rolls_back_no_other_service() {
    let world = World::new();
    two_services(&world);
    let alarms = tagged(&world, &[("ace-flow:service", "search")]);
    let reply = back(&world, Rollback::Alarms(alarms)).unwrap();
    assert_eq!((reply.service.as_str(), backs(&world)), ("search", 1));
}
