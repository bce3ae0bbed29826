//! One thing each.

use contract::{CostOptimizerResult, ErrorName};
use cost::model::Thing;
use cost::{Family, Kind, Ours, State};
use rollout::{Freeze, Line};
use serde_json::json;

use super::borough::{Borough, Running};

/// A Monday afternoon, when everything runs.
const AFTERNOON: &str = "2026-11-30T16:00:00Z";

fn things() -> Vec<Thing> {
    let kinds = [
        (Kind::Database, "orders"),
        (Kind::Cache, "sessions"),
        (Kind::Instance, "bastion"),
        (Kind::Group, "web"),
        (Kind::Service, "api"),
    ];
    kinds.map(|(kind, name)| Thing::new(kind, name, AFTERNOON.parse().unwrap())).into()
}

fn borough() -> Borough {
    let borough = Borough::new(things());
    borough.pass_to(AFTERNOON);
    borough
}

fn states(borough: &Borough) -> Vec<State> {
    borough.with(|state| state.account.things.iter().map(|thing| thing.state.clone()).collect())
}

#[test]
fn the_evening_and_the_morning() {
    let borough = borough();
    borough.until("2026-11-30T16:55:00Z");
    assert_eq!(states(&borough), vec![State::Running; 5]);
    // 18:00 in Berlin.
    borough.until("2026-11-30T17:45:00Z");
    let off = [State::Stopped, State::Gone, State::Stopped, State::Stopped, State::Stopped];
    assert_eq!(states(&borough), off);
    let writes = borough.with(|state| state.writes);
    borough.until("2026-12-01T04:00:00Z");
    assert_eq!(borough.with(|state| state.writes), writes, "a tick that changes nothing writes nothing");
    // Five have been off since before midnight in UTC, when December began.
    let month = borough.with(|state| state.month.clone()).unwrap();
    assert!((month.hours - 20.0).abs() < 1e-9, "{month:?}");
    // Ready at 08:00.
    borough.until("2026-12-01T07:00:00Z");
    assert_eq!(states(&borough), vec![State::Running; 5]);
    borough.with(|state| state.account.things.iter().for_each(|thing| assert_eq!(thing.shape, thing.made)));
    assert!(borough.with(|state| state.told.is_empty()));
}

#[test]
fn what_is_there_no_more_is_remembered_since_when_until_it_is_there_again() {
    let borough = borough();
    borough.tick().unwrap();
    let gone = borough.with(|state| state.account.things.pop()).unwrap();
    borough.minutes(5);
    borough.tick().unwrap();
    let lost = borough.record(gone.name);
    assert_eq!(lost.lost, Some(borough.town.now()));
    borough.minutes(5);
    borough.tick().unwrap();
    assert_eq!(borough.record(gone.name), lost, "since then, and written once");
    borough.with(|state| state.account.things.push(gone));
    borough.tick().unwrap();
    assert_eq!(borough.record(&lost.name).lost, None);
}

#[test]
fn a_rollout_that_begins_between_the_look_and_the_act_keeps_everything_running() {
    let borough = borough();
    borough.until("2026-11-30T16:55:00Z");
    borough.minutes(5);
    let mut running = borough.start(json!({ "tick": {} }));
    // Until it is remembered what is going to be stopped: then a rollout takes its service.
    let is_asked = |record: &cost::Record| matches!(record.ours, Ours::Stop { .. });
    while borough.with(|state| state.account.records.values().filter(|record| is_asked(record)).count()) < 3 {
        assert!(running.go_on().is_none());
    }
    borough.rollout(true);
    (0..1_000).find_map(|_| running.go_on()).unwrap().unwrap();
    assert_eq!(states(&borough), vec![State::Running; 5]);
    borough.until("2026-11-30T18:00:00Z");
    let reply = borough.tick().unwrap();
    assert!(reply.reason.contains("rollout") && reply.waiting == 5, "{reply:?}");
    assert!(borough.record("api").said.contains("is active"), "{:?}", borough.record("api"));
    borough.rollout(false);
    borough.until("2026-11-30T19:00:00Z");
    assert_eq!(borough.record("web").said, "as wanted");
    assert!(borough.with(|state| state.broken.is_empty()));
}

/// Many workers, just before they are stopped.
fn workers() -> Borough {
    let names: Vec<String> = (0..250).map(|number| format!("worker-{number}")).collect();
    let things =
        names.into_iter().map(|name| Thing::new(Kind::Instance, name.leak(), AFTERNOON.parse().unwrap()));
    let borough = Borough::new(things.collect());
    borough.pass_to(AFTERNOON);
    borough.until("2026-11-30T16:55:00Z");
    borough.minutes(5);
    borough
}

fn running(borough: &Borough) -> usize {
    states(borough).iter().filter(|state| **state == State::Running).count()
}

/// A tick that has asked the first of them to stop.
fn until_some_are_asked(workers: &Borough) -> Running<'_> {
    let mut tick = workers.start(json!({ "tick": {} }));
    while running(workers) == 250 {
        assert!(tick.go_on().is_none());
    }
    tick
}

#[test]
fn a_tick_whose_time_runs_out_leaves_the_rest_to_the_next_one() {
    let borough = workers();
    let mut tick = until_some_are_asked(&borough);
    borough.minutes(2);
    let reply = (0..10_000).find_map(|_| tick.go_on()).unwrap().unwrap();
    assert_eq!((reply.asked, reply.waiting, running(&borough)), (100, 150, 150), "{reply:?}");
    drop(tick);
    borough.minutes(3);
    assert_eq!(borough.tick().unwrap().asked, 150);
    assert_eq!(running(&borough), 0);
}

#[test]
fn a_rollout_that_begins_among_many_stops_keeps_what_is_still_running() {
    let borough = workers();
    let mut tick = until_some_are_asked(&borough);
    borough.rollout(true);
    (0..10_000).find_map(|_| tick.go_on()).unwrap().unwrap();
    assert_eq!(running(&borough), 150, "those that were asked together before it began");
}

#[test]
fn an_incident_a_stopped_line_and_a_freeze_hold_everything_up() {
    let borough = borough();
    let down = json!({
        "source": "ace-flow", "detail-type": "Environment Status Changed", "time": AFTERNOON,
        "detail": { "environment": "staging", "status": "unhealthy", "reason": "nobody answers" },
    });
    borough.town.call(down).unwrap();
    borough.minutes(70);
    let reply = borough.tick().unwrap();
    assert!(reply.reason.contains("there is an incident") && reply.waiting == 5, "{reply:?}");

    let borough = self::borough();
    borough.town.world.with(|state| {
        let until = Some("2026-12-01T00:00:00Z".parse().unwrap());
        state.control.freeze =
            Freeze::Until { until, by: "ada".to_owned(), why: "a demo".to_owned(), since: state.now };
    });
    borough.minutes(70);
    let reply = borough.tick().unwrap();
    assert!(reply.reason.contains("ada") && reply.waiting == 5, "{reply:?}");

    let borough = self::borough();
    borough.town.world.with(|state| {
        let (by, why) = ("bob".to_owned(), "too many rollbacks".to_owned());
        state.control.line = Line::Stopped { by, why, since: state.now };
    });
    borough.minutes(70);
    let reply = borough.tick().unwrap();
    assert!(reply.reason.contains("too many rollbacks") && reply.waiting == 5, "{reply:?}");
}

#[test]
fn production_is_never_stopped() {
    let borough = borough();
    let mut function = borough.function();
    function.environment = "production".parse().unwrap();
    let call = contract::Function::call(&function, contract::CostOptimizer::Tick);
    let reply = super::super::world::run(call).unwrap().unwrap();
    assert_eq!(reply.result, CostOptimizerResult::Ignored);
    borough.with(|state| drop(state.tags.insert("Stage".to_owned(), "Production".to_owned())));
    borough.minutes(120);
    let reply = borough.tick().unwrap();
    assert_eq!((reply.kept, reply.asked), (5, 0));
    assert!(borough.record("orders").said.contains("Stage says Production"));
}

#[test]
fn an_override_counts_at_once_until_it_ends_or_is_ended() {
    let borough = borough();
    borough.until("2026-11-30T19:00:00Z");
    let order = |until: &str| json!({ "override": { "state": "on", "resources": "rds:orders", "until": until, "by": "ada", "reason": "a demo" } });
    let reply = borough.call(order("2026-11-30T22:00:00Z")).unwrap();
    assert_eq!((reply.result, reply.asked), (CostOptimizerResult::Applied, 1), "{reply:?}");
    assert_eq!(borough.call(order("2026-11-30T22:00:00Z")).unwrap().asked, 0, "the same order again");
    assert_eq!(borough.with(|state| state.overrides.len()), 1);
    borough.until("2026-11-30T21:00:00Z");
    assert_eq!(states(&borough)[0], State::Running);
    borough.until("2026-11-30T22:15:00Z");
    assert_eq!(states(&borough)[0], State::Stopped);

    let reply = borough.call(order("2026-11-30T23:00:00Z")).unwrap();
    let id = reply.reason.split([' ', ':']).nth(1).unwrap().to_owned();
    borough.minutes(10);
    let reply = borough.call(json!({ "end_override": { "override": id, "by": "bob" } })).unwrap();
    assert_eq!((reply.result, reply.asked), (CostOptimizerResult::Applied, 1), "{reply:?}");

    let refused = borough.call(json!({ "end_override": { "override": "x", "by": "bob" } })).unwrap();
    assert_eq!(refused.result, CostOptimizerResult::Refused);
    let none = json!({ "override": { "state": "on", "resources": "nothing", "until": "2026-12-01T00:00:00Z", "by": "ada", "reason": "a demo" } });
    let refused = borough.call(none).unwrap();
    assert!(refused.reason.contains("rds:orders"), "{}", refused.reason);
    let endless =
        json!({ "override": { "state": "on", "resources": "rds:orders", "by": "ada", "reason": "a demo" } });
    let error = borough.call(endless).unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidInput);
    assert!(
        error.message.contains("override.until") && error.message.contains("no end"),
        "{}",
        error.message
    );
}

#[test]
fn an_override_of_what_can_be_no_resource_is_refused() {
    let borough = Borough::new(Vec::new());
    for (resources, message) in [
        ("rds:orders,web", "order each resource by itself"),
        ("dev db", "order each resource by itself"),
        ("s3:bucket", "there are no resources of the kind s3: write one of ec2, autoscaling, ecs, rds,"),
        ("arn:aws:s3:::bucket", "there are no resources of the kind s3"),
    ] {
        let order = json!({ "override": { "state": "on", "resources": resources, "until": "2026-12-01T22:00:00Z", "by": "ada", "reason": "a demo" } });
        let error = borough.call(order).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidInput, "{resources}");
        assert!(error.message.contains(message), "{resources}: {}", error.message);
    }
    assert!(borough.with(|state| state.overrides.is_empty()));
}

#[test]
fn a_database_that_aws_wakes_is_stopped_again_when_that_is_heard() {
    let borough = borough();
    borough.until("2026-11-30T19:00:00Z");
    let now = borough.town.now();
    let arn = borough.with(|state| {
        let orders = &mut state.account.things[0];
        assert!(orders.by_hand(now));
        orders.arn()
    });
    borough.minutes(1);
    assert_eq!(states(&borough)[0], State::Starting, "it is heard of at its beginning");
    let woken = json!({ "detail-type": "RDS DB Instance Event", "source": "aws.rds", "detail": { "EventID": "RDS-EVENT-0154", "SourceArn": arn.as_str() } });
    borough.call(woken).unwrap();
    borough.minutes(10);
    let reply = borough.tick().unwrap();
    assert_eq!((reply.asked, borough.record("orders").lease), (1, None), "{reply:?}");
    let other = json!({ "detail-type": "RDS DB Instance Event", "source": "aws.rds", "detail": { "EventID": "RDS-EVENT-0087", "SourceArn": arn.as_str() } });
    assert_eq!(borough.call(other).unwrap().result, CostOptimizerResult::Ignored);
}

#[test]
fn what_is_stuck_is_told_once_and_once_when_it_is_not_any_more() {
    let borough = borough();
    borough.until("2026-11-30T19:00:00Z");
    borough.with(|state| state.account.things[0].scarce = true);
    borough.until("2026-12-01T08:00:00Z");
    let told = borough.with(|state| state.told.clone());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].stuck
            && told[0].resource == "orders"
            && told[0].reason.contains("InsufficientInstanceCapacity")
    );
    assert_eq!(states(&borough)[3], State::Running, "it does not hold the others up for ever");
    borough.with(|state| state.account.things[0].scarce = false);
    borough.until("2026-12-01T09:00:00Z");
    let told = borough.with(|state| state.told.clone());
    assert!(told.len() == 2 && !told[1].stuck, "{told:?}");
}

#[test]
fn who_dies_between_telling_and_noting_it_leaves_no_alert_open() {
    let (mut dies_after, mut told_before_it_died) = (1, 0);
    loop {
        let borough = borough();
        borough.until("2026-11-30T19:00:00Z");
        borough.with(|state| state.account.things[0].scarce = true);
        // The next tick fails for the third time, and tells.
        loop {
            borough.minutes(5);
            let now = borough.town.now();
            let trouble = borough.record("orders").trouble;
            if trouble.is_some_and(|trouble| trouble.attempts == 2 && trouble.next <= now) {
                break;
            }
            borough.tick().unwrap();
        }
        let mut tick = borough.start(json!({ "tick": {} }));
        let ends = (0..dies_after).any(|_| tick.go_on().is_some());
        drop(tick);
        let told = borough.with(|state| state.told.len());
        if ends {
            assert!(told == 1 && told_before_it_died > 0, "nobody died in between");
            return;
        }
        told_before_it_died += told;
        // Before the next tick sees it, somebody has helped.
        let now = borough.town.now();
        borough.with(|state| {
            state.account.things[0].scarce = false;
            state.account.things[0].by_hand(now);
        });
        borough.minutes(30);
        borough.until("2026-12-01T09:00:00Z");
        let last = borough.with(|state| state.told.last().map(|told| told.stuck));
        assert_ne!(last, Some(true), "killed after {dies_after} calls");
        dies_after += 1;
    }
}

#[test]
fn what_is_left_out_closes_its_alert() {
    let borough = borough();
    borough.until("2026-11-30T19:00:00Z");
    borough.with(|state| state.account.things[0].scarce = true);
    borough.until("2026-12-01T08:00:00Z");
    assert_eq!(borough.with(|state| state.told.len()), 1);
    borough.with(|state| drop(state.tags.insert("ace-flow:cost".to_owned(), "keep".to_owned())));
    borough.minutes(5);
    borough.tick().unwrap();
    let told = borough.with(|state| state.told.clone());
    assert!(told.len() == 2 && !told[1].stuck && told[1].reason.contains("ace-flow:cost"), "{told:?}");
    assert_eq!(borough.record("orders").off_since, None, "nothing of it is saved any more");
}

#[test]
fn a_group_that_gets_no_machines_is_told_though_no_order_fails() {
    let borough = borough();
    borough.until("2026-11-30T19:00:00Z");
    let group = borough.with(|state| {
        let mut things = state.account.things.iter_mut();
        let group = things.position(|thing| thing.kind == Kind::Group).unwrap();
        state.account.things[group].scarce = true;
        group
    });
    borough.until("2026-12-01T08:00:00Z");
    let told = borough.with(|state| state.told.clone());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].stuck && told[0].reason.contains("is starting ever since: look at the activity"),
        "{told:?}"
    );
    borough.with(|state| state.account.things[group].scarce = false);
    borough.until("2026-12-01T09:00:00Z");
    let told = borough.with(|state| state.told.clone());
    assert!(told.len() == 2 && !told[1].stuck, "{told:?}");
}

#[test]
fn a_service_that_does_not_answer_holds_only_the_order_up() {
    let borough = borough();
    borough.with(|state| state.silent = Some(Family::Elasticache));
    borough.minutes(120);
    let error = borough.tick().unwrap_err();
    assert_eq!(error.name, ErrorName::TransientError);
    assert_eq!(states(&borough)[2..], vec![State::Stopping; 3]);
    borough.minutes(10);
    borough.tick().unwrap_err();
    assert_eq!(states(&borough)[..2], vec![State::Running; 2], "whether the cache is off is not known");
    borough.with(|state| state.silent = None);
    for _ in 0..8 {
        borough.minutes(5);
        borough.tick().unwrap();
    }
    assert_eq!(states(&borough)[..2], [State::Stopped, State::Gone]);
}

#[test]
fn without_a_block_or_a_configuration_nothing_is_stopped() {
    let borough = borough();
    borough.town.world.with(|state| state.configurations.clear());
    let reply = borough.tick().unwrap();
    assert_eq!(reply.result, CostOptimizerResult::Ignored);
    assert!(reply.reason.contains("ace publish"), "{}", reply.reason);
}
