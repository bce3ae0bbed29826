//! One thing each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rollout::Seconds;

use crate::decide::{Act, Decision, Standing, Wish};
use crate::model::{Thing, shape};
use crate::plan::{Moment, Subject, plan};
use crate::record::{Lease, Ours, Power, Record};
use crate::resource::{Arn, Family, Kind, Shape, Snapshot, State, Tier};
use crate::savings::{Prices, savings};
use crate::select::{Choice, InvalidPattern, Rules, names};

fn at(text: &str) -> Timestamp {
    format!("2026-11-30T{text}:00Z").parse().unwrap()
}

fn moment() -> Moment {
    Moment { lease: Seconds(4 * 3600), snapshot: "ace-1".to_owned(), tick: Seconds(300), ..Moment::default() }
}

fn wish(power: Power, until: &str) -> Wish {
    Wish { power, why: "the hours".to_owned(), until: Some(at(until)), start_by: None }
}

fn subject(kind: Kind, state: State, wish: Wish) -> Subject {
    let mut thing = Thing::new(kind, "one", at("00:00"));
    thing.state = state;
    Subject { record: thing.record(), seen: thing.seen(), wish, woken: false }
}

fn only(subject: Subject, now: &str) -> Decision {
    plan(vec![subject], &moment(), at(now)).remove(0)
}

fn ours(mut subject: Subject, ours: Ours) -> Subject {
    subject.record.ours = ours;
    subject
}

#[test]
fn what_runs_in_the_evening_is_stopped_and_its_shape_known_before() {
    let decision = only(subject(Kind::Group, State::Running, wish(Power::Off, "23:00")), "18:00");
    assert_eq!(decision.act, Act::Stop);
    assert_eq!(decision.record.shape, Some(shape(Kind::Group, "one")));
    assert_eq!(decision.record.ours, Ours::Stop { at: at("18:00") });
}

#[test]
fn a_half_stopped_service_is_not_taken_for_what_it_was() {
    let mut subject = subject(Kind::Service, State::Running, wish(Power::Off, "23:00"));
    subject.record.shape = Some(shape(Kind::Service, "one"));
    subject.record.ours = Ours::Stop { at: at("18:00") };
    subject.seen.shape = Some(Shape::Service { desired: 4, scaling: Some((0, 0)) });
    let decision = only(subject, "18:05");
    assert_eq!((decision.act, decision.record.shape), (Act::Stop, Some(shape(Kind::Service, "one"))));
}

#[test]
fn a_start_by_hand_is_left_alone_for_the_length_of_a_lease_and_no_longer() {
    let subject = ours(
        subject(Kind::Instance, State::Running, wish(Power::Off, "23:59")),
        Ours::Stopped { at: at("18:05") },
    );
    let first = only(subject.clone(), "19:00");
    let until = at("23:00");
    assert_eq!((first.act, first.standing), (Act::Nothing, Standing::Left { power: Power::On, until }));
    let kept = only(Subject { record: first.record.clone(), ..subject.clone() }, "22:55");
    assert_eq!(kept.act, Act::Nothing);
    let ended = only(Subject { record: first.record, ..subject }, "23:00");
    assert_eq!(ended.act, Act::Stop);
}

#[test]
fn a_stop_by_hand_lasts_to_the_next_beginning_at_most() {
    let subject = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::On, "18:00")),
        Ours::Started { at: at("08:00") },
    );
    let first = only(subject.clone(), "16:00");
    assert_eq!(first.record.lease, Some(Lease { power: Power::Off, since: at("16:00"), until: at("18:00") }));
    let morning = Subject { record: first.record, wish: wish(Power::On, "23:00"), ..subject };
    assert_eq!(only(morning, "20:00").act, Act::Start(None));
}

#[test]
fn who_stops_again_what_they_started_has_ended_their_lease() {
    let mut subject = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::Off, "23:59")),
        Ours::Started { at: at("19:00") },
    );
    subject.record.lease = Some(Lease { power: Power::On, since: at("19:00"), until: at("23:00") });
    let decision = only(subject, "20:00");
    assert_eq!((decision.record.lease, decision.standing), (None, Standing::AsWanted));
}

#[test]
fn a_size_that_somebody_sets_is_a_start_or_a_stop_by_hand() {
    let until = at("23:00");
    let mut group = ours(
        subject(Kind::Group, State::Starting, wish(Power::Off, "23:59")),
        Ours::Stopped { at: at("18:05") },
    );
    for now in ["19:00", "19:05"] {
        let decision = only(group.clone(), now);
        assert_eq!(decision.standing, Standing::Underway, "{now}");
        assert_eq!(decision.record.lease, Some(Lease { power: Power::On, since: at("19:00"), until }));
        group.record = decision.record;
    }
    assert_eq!(only(group, "23:00").act, Act::Stop);

    let mut service = ours(
        subject(Kind::Service, State::Stopping, wish(Power::On, "18:00")),
        Ours::Started { at: at("08:05") },
    );
    service.seen.shape = Some(Shape::Service { desired: 0, scaling: None });
    let decision = only(service.clone(), "14:00");
    assert_eq!((decision.act, decision.standing), (Act::Nothing, Standing::Underway));
    assert_eq!(decision.record.lease.map(|lease| lease.power), Some(Power::Off));
    // Without a size of none, it is half a stop of ours.
    service.seen.shape = Some(Shape::Service { desired: 4, scaling: Some((0, 0)) });
    service.record.shape = Some(shape(Kind::Service, "one"));
    assert_eq!(only(service, "14:00").act, Act::Start(Some(shape(Kind::Service, "one"))));
}

#[test]
fn a_size_is_known_from_the_first_look_on() {
    let running = ours(subject(Kind::Group, State::Running, wish(Power::On, "18:00")), Ours::Nothing);
    let mut emptied = Subject { record: only(running.clone(), "10:00").record, ..running };
    (emptied.seen.state, emptied.wish) = (State::Stopped, wish(Power::On, "18:00"));
    emptied.seen.shape = Some(Shape::Group { min: 0, max: 0, desired: 0, instance_type: None });
    emptied.record = only(emptied.clone(), "14:00").record;
    assert_eq!(only(emptied, "18:00").act, Act::Start(Some(shape(Kind::Group, "one"))));
}

#[test]
fn an_order_that_was_never_given_is_nobodys_hand() {
    let starting = ours(
        subject(Kind::Group, State::Starting, wish(Power::Off, "23:00")),
        Ours::Stop { at: at("18:00") },
    );
    let again = only(starting, "18:05");
    assert_eq!((again.act, again.record.lease), (Act::Stop, None));
    let mut stopping = ours(
        subject(Kind::Group, State::Stopping, wish(Power::On, "18:00")),
        Ours::Start { at: at("08:00") },
    );
    stopping.record.shape = Some(shape(Kind::Group, "one"));
    let again = only(stopping, "08:05");
    assert_eq!((again.act, again.record.lease), (Act::Start(Some(shape(Kind::Group, "one"))), None));
}

#[test]
fn what_is_asked_in_vain_counts_once_each_time() {
    let mut subject = ours(
        subject(Kind::Database, State::Running, wish(Power::Off, "23:00")),
        Ours::Stop { at: at("18:00") },
    );
    let mut attempts = Vec::new();
    for now in ["18:10", "18:15", "18:20", "18:25", "18:30", "18:35"] {
        let decision = only(subject.clone(), now);
        attempts.push(decision.record.trouble.as_ref().map_or(0, |trouble| trouble.attempts));
        subject.record = decision.record;
    }
    assert_eq!(attempts, [0, 1, 1, 1, 2, 2]);
    // What it was for is not wanted any more.
    subject.wish = wish(Power::On, "23:00");
    assert_eq!(only(subject, "18:40").record.trouble, None);
}

#[test]
fn without_machines_every_type_has_its_turn_however_long_it_takes() {
    let moment = Moment { other_types: vec!["m6g.large".to_owned()], ..moment() };
    let mut subject = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::On, "18:00")),
        Ours::Stopped { at: at("01:00") },
    );
    subject.record.shape = subject.seen.shape.clone();
    let mut types = BTreeSet::new();
    for minute in (0..60).step_by(10) {
        let now = at(&format!("09:{minute:02}"));
        let mut decision = plan(vec![subject.clone()], &moment, now).remove(0);
        if minute >= 20 {
            types.insert(format!("{:?}", decision.act));
        }
        decision.record.failed("InsufficientInstanceCapacity".to_owned(), true, now);
        subject.record = decision.record;
    }
    assert_eq!(types.len(), 2, "{types:?}");
    assert_eq!(subject.record.trouble.unwrap().attempts, 6, "once for each");
}

#[test]
fn who_deletes_a_cache_by_hand_has_deleted_it() {
    let mut gone = subject(Kind::Cache, State::Gone, wish(Power::On, "18:00"));
    gone.record.shape = Some(shape(Kind::Cache, "one"));
    gone.seen.snapshots = vec![Snapshot { name: "ace-1-one-last".to_owned(), ready: true }];
    let stopped = only(ours(gone.clone(), Ours::Stopped { at: at("01:00") }), "08:00");
    assert!(matches!(stopped.act, Act::Restore { .. }));
    let deleted = only(ours(gone, Ours::Started { at: at("08:00") }), "11:00");
    assert_eq!(deleted.act, Act::Nothing);
    assert!(matches!(deleted.standing, Standing::Cannot(why) if why.contains("not deleted by ACE-Flow")));
}

#[test]
fn who_is_busy_for_hours_holds_nobody_up_for_ever() {
    let mut database = ours(
        subject(Kind::Database, State::Busy("storage-full".to_owned()), wish(Power::On, "18:00")),
        Ours::Started { at: at("01:00") },
    );
    database.seen.name = "orders".to_owned();
    let group = ours(
        subject(Kind::Group, State::Stopped, wish(Power::On, "18:00")),
        Ours::Stopped { at: at("01:00") },
    );
    let (mut database, mut group) = (database, group);
    group.record.shape = Some(shape(Kind::Group, "one"));
    let mut acts = Vec::new();
    for minute in (0..180).step_by(5) {
        let now = at("08:00") + SignedDuration::from_mins(minute);
        let decided = plan(vec![database.clone(), group.clone()], &moment(), now);
        if decided[1].act != Act::Nothing {
            acts.push((minute, decided[0].record.is_stuck(0)));
            break;
        }
        (database.record, group.record) = (decided[0].record.clone(), decided[1].record.clone());
    }
    assert_eq!(acts, [(135, true)], "two hours and three looks later");
}

#[test]
fn what_is_called_alike_is_told_apart() {
    let record =
        |kind, arn: &str, name: &str| Record::new(Arn(arn.to_owned()), kind, name.to_owned()).called();
    let instance = record(Kind::Instance, "arn:aws:ec2:eu-west-1:1:instance/i-1", "worker");
    assert_eq!(instance, "worker (i-1)");
    assert_eq!(record(Kind::Instance, "arn:aws:ec2:eu-west-1:1:instance/i-1", "i-1"), "i-1");
    let service = record(Kind::Service, "arn:aws:ecs:eu-west-1:1:service/main/api", "api");
    assert_eq!(service, "main/api");
    assert_eq!(record(Kind::Database, "arn:aws:rds:eu-west-1:1:db:orders", "orders"), "orders");
}

#[test]
fn what_aws_wakes_is_stopped_again() {
    let mut woken = ours(
        subject(Kind::Database, State::Running, wish(Power::Off, "23:59")),
        Ours::Stopped { at: at("00:00") },
    );
    assert!(
        matches!(only(woken.clone(), "19:00").standing, Standing::Left { .. }),
        "as far as anybody knows, by hand"
    );
    woken.woken = true;
    assert_eq!(only(woken.clone(), "19:00").act, Act::Stop, "its event was heard");
    woken.woken = false;
    woken.record.off_since = Some("2026-11-23T19:00:00Z".parse().unwrap());
    assert_eq!(only(woken, "19:00").act, Act::Stop, "it was off for seven days");
}

#[test]
fn nothing_is_stopped_during_a_rollout_but_things_are_started() {
    let waiting = Moment { stops_wait: Some("a rollout of web is active".to_owned()), ..moment() };
    for kind in Kind::ALL {
        let stop =
            plan(vec![subject(*kind, State::Running, wish(Power::Off, "23:00"))], &waiting, at("18:00"))
                .remove(0);
        assert_eq!(stop.act, Act::Nothing, "{kind}");
        assert_eq!(stop.standing, Standing::Waits("a rollout of web is active".to_owned()));
    }
    let start = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::On, "18:00")),
        Ours::Stopped { at: at("01:00") },
    );
    assert_eq!(plan(vec![start], &waiting, at("08:00")).remove(0).act, Act::Start(None));
}

#[test]
fn databases_start_first_and_stop_last() {
    let off = |kind| {
        ours(subject(kind, State::Stopped, wish(Power::On, "18:00")), Ours::Stopped { at: at("01:00") })
    };
    let known = |mut subject: Subject| {
        subject.record.shape = subject.seen.shape.clone();
        subject
    };
    let acts = |subjects: Vec<Subject>, now| -> Vec<bool> {
        plan(subjects, &moment(), at(now)).into_iter().map(|decision| decision.act != Act::Nothing).collect()
    };
    assert_eq!(acts(vec![known(off(Kind::Group)), off(Kind::Database)], "08:00"), [false, true]);
    let running = subject(Kind::Database, State::Running, wish(Power::On, "18:00"));
    assert_eq!(acts(vec![known(off(Kind::Group)), running], "08:10"), [true, false]);
    let on = |kind| subject(kind, State::Running, wish(Power::Off, "23:00"));
    assert_eq!(
        acts(vec![on(Kind::Group), on(Kind::Database), on(Kind::Cache)], "18:00"),
        [true, false, false]
    );
    assert_eq!(
        acts(vec![off(Kind::Group), on(Kind::Database), on(Kind::Cache)], "18:05")[1..],
        [false, true]
    );
}

#[test]
fn what_can_never_stop_holds_nothing_up() {
    let mut never = subject(Kind::Instance, State::Running, wish(Power::Off, "23:00"));
    never.seen.cannot = Some("its root device is an instance store: a stop would lose it".to_owned());
    let decisions = plan(
        vec![never, subject(Kind::Database, State::Running, wish(Power::Off, "23:00"))],
        &moment(),
        at("18:00"),
    );
    assert!(matches!(&decisions[0].standing, Standing::Cannot(why) if why.contains("instance store")));
    assert_eq!(decisions[1].act, Act::Stop);
}

#[test]
fn a_start_begins_as_much_earlier_as_it_and_what_waits_for_it_take() {
    let off = |kind, starts: &[u32]| {
        let mut subject =
            ours(subject(kind, State::Stopped, wish(Power::Off, "08:00")), Ours::Stopped { at: at("00:00") });
        subject.record.starts = starts.to_vec();
        subject.record.shape = subject.seen.shape.clone();
        subject
    };
    let both = || vec![off(Kind::Database, &[600, 600, 600]), off(Kind::Group, &[300, 300, 300])];
    // 10 and 5 minutes, and a tick for each to be seen.
    let acts = |now| -> Vec<bool> {
        plan(both(), &moment(), at(now)).into_iter().map(|decision| decision.act != Act::Nothing).collect()
    };
    assert_eq!(acts("07:34"), [false, false]);
    assert_eq!(acts("07:35"), [true, false]);
    assert_eq!(acts("07:50"), [true, false], "the group waits for the database");
}

#[test]
fn without_machines_of_its_own_type_an_instance_gets_another_for_the_day() {
    let moment = Moment { other_types: vec!["m6g.large".to_owned()], ..moment() };
    let mut subject = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::On, "18:00")),
        Ours::Stopped { at: at("01:00") },
    );
    subject.record.shape = subject.seen.shape.clone();
    let first = plan(vec![subject.clone()], &moment, at("08:00")).remove(0);
    assert_eq!(first.act, Act::Start(None));
    let mut record = first.record;
    record.failed("InsufficientInstanceCapacity".to_owned(), true, at("08:00"));
    let wait =
        plan(vec![Subject { record: record.clone(), ..subject.clone() }], &moment, at("08:00")).remove(0);
    assert!(matches!(wait.standing, Standing::Fails { .. }));
    let second =
        plan(vec![Subject { record: record.clone(), ..subject.clone() }], &moment, at("08:05")).remove(0);
    let other = Shape::Instance { instance_type: "m6g.large".to_owned() };
    assert_eq!(second.act, Act::Start(Some(other.clone())));
    record = second.record;
    record.failed("InsufficientInstanceCapacity".to_owned(), true, at("08:05"));
    assert!(!record.is_stuck(1));
    let third =
        plan(vec![Subject { record: record.clone(), ..subject.clone() }], &moment, at("08:10")).remove(0);
    assert_eq!(third.act, Act::Start(subject.seen.shape.clone()), "and its own again");
    record.failed("InsufficientInstanceCapacity".to_owned(), true, at("08:10"));
    assert!(record.is_stuck(1), "now people have to know");
    // In the evening its own type is still remembered.
    let mut evening = subject;
    evening.seen.state = State::Running;
    evening.seen.shape = Some(other);
    let stop =
        plan(vec![Subject { record, wish: wish(Power::Off, "23:00"), ..evening }], &moment, at("18:00"))
            .remove(0);
    assert_eq!((stop.act, stop.record.shape), (Act::Stop, Some(shape(Kind::Instance, "one"))));
}

#[test]
fn what_never_gets_there_is_told() {
    let starting = || {
        let subject = subject(Kind::Group, State::Starting, wish(Power::On, "18:00"));
        ours(subject, Ours::Start { at: at("08:00") })
    };
    assert_eq!(only(starting(), "08:14").standing, Standing::Underway);
    let mut late = only(starting(), "08:15");
    assert!(matches!(late.standing, Standing::Fails { .. }), "{:?}", late.standing);
    assert_eq!(late.act, Act::Nothing, "it goes on by itself");
    for now in ["08:20", "08:25"] {
        assert!(!late.record.is_stuck(0), "{now}");
        late = only(Subject { record: late.record, ..starting() }, now);
    }
    assert!(late.record.is_stuck(0));
    let why = &late.record.trouble.as_ref().unwrap().why;
    assert_eq!(
        why,
        "it was asked to start at 2026-11-30T08:00:00Z, and is starting ever since: look at the activity of the group"
    );
    let mut there = starting();
    (there.record, there.seen.state) = (late.record, State::Running);
    let there = only(there, "08:30");
    assert_eq!((there.record.trouble, there.standing), (None, Standing::AsWanted));
    assert_eq!(there.record.starts, [1_800], "the next one is asked for earlier");

    // A cache that could not be created is in no state that ends.
    let failed = subject(Kind::Cache, State::Busy("create-failed".to_owned()), wish(Power::On, "18:00"));
    let failed = ours(failed, Ours::Start { at: at("08:00") });
    assert!(matches!(only(failed.clone(), "08:44").standing, Standing::Waits(_)));
    assert!(matches!(only(failed, "08:45").standing, Standing::Fails { .. }));

    // Known to be slow, it has longer.
    let mut slow = starting();
    slow.record.starts = vec![1_800; 3];
    assert_eq!(only(slow, "09:29").standing, Standing::Underway);
    let stopping = |now: &str| {
        let subject = subject(Kind::Database, State::Stopping, wish(Power::Off, "23:00"));
        only(ours(subject, Ours::Stop { at: at("18:00") }), now).standing
    };
    assert_eq!(stopping("19:59"), Standing::Underway);
    assert!(matches!(stopping("20:00"), Standing::Fails { .. }));
}

#[test]
fn who_comes_back_at_another_address_is_known_by_both() {
    let mut cache = subject(Kind::Cache, State::Running, wish(Power::On, "18:00"));
    let endpoint = |address: &str| Some(address.to_owned());
    cache.seen.endpoint = endpoint("one.old:6379");
    let first = only(cache.clone(), "09:00").record;
    assert_eq!((&first.endpoint, &first.moved_from), (&endpoint("one.old:6379"), &None));
    cache.record = first;
    cache.seen.endpoint = None;
    cache.record = only(cache.clone(), "10:00").record;
    cache.seen.endpoint = endpoint("one.new:6379");
    for now in ["11:00", "12:00"] {
        cache.record = only(cache.clone(), now).record;
        assert_eq!(cache.record.endpoint, endpoint("one.new:6379"), "{now}");
        assert_eq!(cache.record.moved_from, endpoint("one.old:6379"), "{now}");
    }
}

#[test]
fn a_cache_is_deleted_only_when_a_snapshot_of_it_was_made() {
    let subject = subject(Kind::Cache, State::Running, wish(Power::Off, "23:00"));
    let first = only(subject.clone(), "18:00");
    assert_eq!(first.act, Act::Snapshot("ace-1-one".to_owned()));
    let later = |snapshots: Vec<Snapshot>, record: &Record| {
        let mut subject = Subject { record: record.clone(), ..subject.clone() };
        subject.seen.snapshots = snapshots;
        only(subject, "18:05")
    };
    let named = |name: &str, ready| Snapshot { name: name.to_owned(), ready };
    assert_eq!(later(vec![named("ace-1-one", false)], &first.record).act, Act::Nothing);
    assert_eq!(later(Vec::new(), &first.record).act, Act::Snapshot("ace-1-one".to_owned()));
    let second = later(vec![named("ace-1-one", true)], &first.record);
    assert_eq!(second.act, Act::Delete("ace-1-one-last".to_owned()));
    assert_eq!(second.record.shape, Some(shape(Kind::Cache, "one")));

    let mut gone = Subject { record: second.record, wish: wish(Power::On, "23:59"), ..subject };
    gone.seen.state = State::Gone;
    gone.seen.shape = None;
    gone.seen.snapshots = vec![named("ace-1-one", true), named("ace-1-one-last", false)];
    assert!(matches!(only(gone.clone(), "20:00").standing, Standing::Waits(_)));
    gone.seen.snapshots[1].ready = true;
    let restored = only(gone.clone(), "20:00");
    assert!(matches!(&restored.act, Act::Restore { snapshot, .. } if snapshot == "ace-1-one-last"));
    gone.record = restored.record;
    gone.seen.state = State::Running;
    assert_eq!(only(gone.clone(), "20:10").act, Act::Forget(vec!["ace-1-one".to_owned()]));
    gone.seen.snapshots.clear();
    gone.seen.state = State::Gone;
    assert!(matches!(only(gone, "20:20").standing, Standing::Cannot(_)));
}

#[test]
fn production_is_left_alone_whatever_the_rules_say() {
    let rules = Rules {
        tags: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
        families: BTreeSet::from([Family::Ec2]),
    };
    let choose = |kind, tags: &[(&str, &str)]| {
        let mut seen = Thing::new(kind, "one", at("00:00")).seen();
        seen.tags = tags.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned())).collect();
        rules.choose(&seen)
    };
    assert_eq!(choose(Kind::Instance, &[("team", "shop")]), Choice::Managed);
    assert_eq!(choose(Kind::Instance, &[("team", "shop"), ("env", "staging")]), Choice::Managed);
    assert_eq!(choose(Kind::Instance, &[("team", "other")]), Choice::Other);
    for (tag, value) in
        [("Environment", "Production"), ("stage", "prod"), ("ace-flow:environment", "prod-emea")]
    {
        let Choice::Left(why) = choose(Kind::Instance, &[("team", "shop"), (tag, value)]) else {
            panic!("{tag}")
        };
        assert!(why.contains(tag), "{why}");
    }
    assert!(matches!(
        choose(Kind::Instance, &[("team", "shop"), ("ace-flow:cost", "keep")]),
        Choice::Left(_)
    ));
    assert!(matches!(choose(Kind::Database, &[("team", "shop")]), Choice::Left(why) if why.contains("rds")));
}

#[test]
fn what_can_be_no_resource_is_refused_by_its_pattern() {
    let families = BTreeSet::from([Family::Ec2, Family::Autoscaling, Family::Rds]);
    let rules = Rules { tags: BTreeMap::new(), families };
    for pattern in [
        "*",
        "orders",
        "rds:*",
        "rds-cluster:orders",
        "r*:orders",
        "*:orders",
        "arn:aws:rds:eu-west-1:1:db:one",
    ] {
        assert_eq!(rules.check(pattern), Ok(()), "{pattern}");
    }
    for pattern in ["a,b", "a b", "rds:a, rds:b"] {
        assert_eq!(rules.check(pattern), Err(InvalidPattern::Several(pattern.to_owned())));
    }
    assert_eq!(rules.check("tag:team=orders"), Err(InvalidPattern::NoKind("tag".to_owned())));
    assert_eq!(rules.check("arn:aws:s3:::x"), Err(InvalidPattern::NoKind("s3".to_owned())));
    for pattern in ["ecs:web", "arn:aws:ecs:eu-west-1:1:service/main/web"] {
        assert_eq!(rules.check(pattern), Err(InvalidPattern::LeftOut(Family::Ecs)), "{pattern}");
    }
}

#[test]
fn savings_are_hours_off_at_what_an_hour_costs() {
    let prices = Prices {
        source: "made up".to_owned(),
        date: jiff::civil::date(2026, 11, 30),
        region: "eu-central-1".to_owned(),
        currency: "USD".to_owned(),
        hourly: BTreeMap::from([
            (Family::Ec2, BTreeMap::from([("m7g.large".to_owned(), 0.1)])),
            (Family::Elasticache, BTreeMap::from([("cache.t4g.micro".to_owned(), 0.02)])),
        ]),
    };
    let record = |kind| {
        let mut record = Thing::new(kind, "one", at("00:00")).record();
        record.shape = Some(shape(kind, "one"));
        record.off = BTreeMap::from([("2026-11".to_owned(), 50 * 3600)]);
        record
    };
    let records = [record(Kind::Instance), record(Kind::Cache), record(Kind::Database)];
    let saved = savings(&records, &prices, "2026-11", at("12:00"));
    let money: Vec<Option<String>> =
        saved.iter().map(|saved| saved.saved.map(|money| money.to_string())).collect();
    assert_eq!(money, [Some("5.00".to_owned()), Some("2.00".to_owned()), None], "two nodes of a cache");
    assert_eq!(saved[2].hourly, Err("no price for rds db.t4g.micro".to_owned()));
}

#[test]
fn a_group_costs_what_its_machines_do_and_the_example_says_that_it_is_one() {
    let example: Prices = serde_json::from_str(crate::savings::EXAMPLE_PRICES).unwrap();
    assert!(example.source.starts_with("an example, written from memory and not AWS's price list"));
    let mut record = Thing::new(Kind::Group, "web", at("00:00")).record();
    let of = |instance_type: Option<&str>| Shape::Group {
        min: 1,
        max: 4,
        desired: 3,
        instance_type: instance_type.map(str::to_owned),
    };
    record.shape = Some(of(Some("t3.micro")));
    assert_eq!(example.hourly(&record).unwrap().to_string(), "0.03");
    record.shape = Some(of(Some("x9.huge")));
    assert_eq!(example.hourly(&record), Err("no price for autoscaling x9.huge".to_owned()));
    record.shape = Some(of(None));
    assert_eq!(example.hourly(&record), Err("its instances are of several types".to_owned()));
    let undated = crate::savings::EXAMPLE_PRICES.replace("2026-11-30", "last week");
    let refused = serde_json::from_str::<Prices>(&undated).unwrap_err().to_string();
    assert!(refused.starts_with("\"last week\" is no day: write one like 2026-11-30"), "{refused}");
}

#[test]
fn a_resource_is_named_by_its_name_its_kind_or_its_arn() {
    let arn = Arn("arn:aws:rds:eu-central-1:1:db:orders-db".to_owned());
    let named = |pattern: &str| names(pattern, Kind::Database, "orders-db", &arn);
    for pattern in
        ["orders-db", "rds:orders-db", "rds:*", "*", "orders-*", "*-db", "o*d*b", arn.as_str(), "arn:*:db:*"]
    {
        assert!(named(pattern), "{pattern}");
    }
    for pattern in ["", "orders", "rds", "ec2:*", "orders-db*x", "o*x*b", "*orders"] {
        assert!(!named(pattern), "{pattern}");
    }
}

#[test]
fn what_could_not_be_looked_at_holds_the_order() {
    let unseen = BTreeMap::from([(Tier::Cache, "ElastiCache is not answering".to_owned())]);
    let moment = Moment { unseen, ..moment() };
    let one = |subject| plan(vec![subject], &moment, at("18:00")).remove(0).act;
    assert_eq!(one(subject(Kind::Group, State::Running, wish(Power::Off, "23:00"))), Act::Stop);
    assert_eq!(one(subject(Kind::Database, State::Running, wish(Power::Off, "23:00"))), Act::Nothing);
    let off = ours(
        subject(Kind::Instance, State::Stopped, wish(Power::On, "23:00")),
        Ours::Stopped { at: at("01:00") },
    );
    assert_eq!(one(off), Act::Nothing);
}
