//! What is shown of resources, which only a stack on AWS has.

use cost::{Arn, Kind, Lease, Ours, OverrideId, Record, Shape, Trouble};
use environments::Environment;
use jiff::Timestamp;
use jiff::civil::date;
use schedule::{Override, State, WrittenOverride};

use super::days::days;
use super::known::{Known, Origin};
use super::{explain, next, resources, show};
use crate::backend::CostSight;

const CONFIGURATION: &str = "
environment: { name: shop, region: eu-central-1, stage: dev }
cost:
  schedule:
    zone: Europe/Berlin
    start: 0 8 * * 1-5
    stop: 0 18 * * 1-5
    holidays: [2026-12-25 Christmas Day]
";

fn at(text: &str) -> Timestamp {
    format!("2026-{text}:00Z").parse().unwrap()
}

fn record(kind: Kind, name: &str, ours: Ours, said: &str) -> Record {
    let arn = Arn(format!("arn:aws:{kind}:{name}"));
    Record { ours, said: said.to_owned(), ..Record::new(arn, kind, name.to_owned()) }
}

fn over(resources: &str, state: State, until: &str) -> (OverrideId, Override) {
    let written = WrittenOverride {
        state,
        resources: resources.to_owned(),
        from: None,
        until: Some(at(until)),
        by: "ann".to_owned(),
        reason: "a demo".to_owned(),
    };
    let over = Override::read(written, at("11-30T16:00")).unwrap();
    (OverrideId::of(&over), over)
}

/// An environment on a Monday evening at half past six.
fn known(records: Vec<Record>, overrides: Vec<(OverrideId, Override)>) -> Known {
    let now = at("11-30T17:30");
    let configuration = Environment::from_yaml(CONFIGURATION).unwrap();
    let from = Origin::Published {
        version: 3,
        by: "bob".to_owned(),
        at: at("11-29T09:00"),
        place: "account 123456789012".to_owned(),
        differs: true,
    };
    Known {
        environment: "development".parse().unwrap(),
        flags: " --environment development".to_owned(),
        region: "eu-central-1".to_owned(),
        cost: configuration.cost().unwrap().clone(),
        from,
        sight: Some(CostSight { now, has_resources: true, records, overrides }),
        now,
    }
}

/// One of each that a person asks about.
fn town() -> Known {
    let stopped = Ours::Stopped { at: at("11-30T17:10") };
    let mut database = record(Kind::Database, "orders", Ours::Started { at: at("11-30T07:00") }, "as wanted");
    database.starts = vec![300, 360, 330];
    database.shape = Some(Shape::Database { classes: vec!["db.t4g.micro".to_owned()] });
    let mut web = record(Kind::Service, "web", stopped, "as wanted");
    web.off_since = Some(at("11-30T17:05"));
    web.shape = Some(Shape::Service { desired: 4, scaling: Some((2, 6)) });
    let mut lab = record(
        Kind::Instance,
        "lab",
        Ours::Started { at: at("11-30T17:20") },
        "was started by hand: left on until 2026-11-30T21:20:00Z",
    );
    lab.lease = Some(Lease { power: State::On, since: at("11-30T17:20"), until: at("11-30T21:20") });
    let mut batch = record(Kind::Group, "batch", Ours::Stop { at: at("11-30T17:00") }, "failed");
    batch.trouble = Some(Trouble {
        since: at("11-30T17:00"),
        attempts: 2,
        next: at("11-30T17:34"),
        why: "AccessDenied".to_owned(),
        capacity: false,
        slow: false,
    });
    let cannot = record(
        Kind::Database,
        "replica",
        Ours::Started { at: at("11-30T07:00") },
        "cannot: it has a read replica: delete it first",
    );
    let left = record(Kind::Instance, "bastion", Ours::Nothing, "left out: its tag ace-flow:cost says keep");
    let waits = record(
        Kind::Database,
        "ledger",
        Ours::Started { at: at("11-30T07:00") },
        "waits: Auto Scaling group batch is running",
    );
    known(
        vec![database, waits, cannot, web, lab, batch, left],
        vec![over("rds:orders", State::On, "11-30T22:00")],
    )
}

#[test]
fn every_resource_is_shown_with_what_is_wanted_and_what_keeps_it_from_it() {
    let known = town();
    let named: Vec<&Override> = known.overrides().map(|(_, over)| over).collect();
    let days = days(known.cost.plan(), &[], &named, date(2026, 11, 30), 1);
    let told = show::lines(&known, &days);
    let id = &named.first().map(|over| OverrideId::of(over)).unwrap();
    let expected = format!(
        "\
development, by the clock of Europe/Berlin
from version 3, published by bob at Sun 2026-11-29 10:00, on account 123456789012
! the files say something else: `ace publish --environment development` takes it over
off until Tue 2026-12-01 08:00 as of Mon 2026-11-30 18:30: stopped by 0 18 * * 1-5
  Mon 2026-11-30  on 08:00 to 18:00
                  rds:orders on 17:00 to 23:00 (ann: a demo)
overrides
  {id}  rds:orders on until Mon 2026-11-30 23:00 (ann: a demo)
databases
  ● rds:orders is on since Mon 2026-11-30 08:00: as wanted
      wanted on until Mon 2026-11-30 23:00: ann wants it so: a demo
  ○ rds:ledger is on since Mon 2026-11-30 08:00: waits: Auto Scaling group batch is running
      wanted off until Tue 2026-12-01 08:00: stopped by 0 18 * * 1-5
  ✗ rds:replica is on since Mon 2026-11-30 08:00: cannot: it has a read replica: delete it first
      wanted off until Tue 2026-12-01 08:00: stopped by 0 18 * * 1-5
compute
  ○ ecs:web is off since Mon 2026-11-30 18:05: as wanted
      wanted off until Tue 2026-12-01 08:00: stopped by 0 18 * * 1-5
  ● ec2:lab is on since Mon 2026-11-30 18:20: was started by hand: left on until 2026-11-30T21:20:00Z
      wanted off until Tue 2026-12-01 08:00: stopped by 0 18 * * 1-5
  ✗ autoscaling:batch is asked to stop at Mon 2026-11-30 18:00: failed
      wanted off until Tue 2026-12-01 08:00: stopped by 0 18 * * 1-5
left alone
  - ec2:bastion: its tag ace-flow:cost says keep"
    );
    assert_eq!(told.join("\n"), expected);
    let entries: Vec<_> = known.records().iter().map(|record| resources::entry(&known, record)).collect();
    assert!(entries.iter().all(|entry| entry.get("why").is_some() && entry.get("stands").is_some()));
}

#[test]
fn starts_are_told_by_tier_as_long_as_they_take() {
    let known = town();
    let (changes, leads) = (next::changes(&known, 2), next::leads(&known));
    let told = next::lines(&known, &changes, &leads).join("\n");
    for part in [
        "  Tue 2026-12-01 08:00  on   started by 0 8 * * 1-5",
        // Databases of which nobody has seen a start take what is usual.
        "      databases asked at 07:36: takes 10m, as is usual",
        "      compute asked at 07:51: takes 4m, as is usual",
        "  Tue 2026-12-01 18:00  off  stopped by 0 18 * * 1-5",
        "      stopped one after the other: compute, databases",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let mut only = town();
    if let Some(sight) = &mut only.sight {
        sight.records.truncate(1);
    }
    let (changes, leads) = (next::changes(&only, 1), next::leads(&only));
    let told = next::lines(&only, &changes, &leads).join("\n");
    assert!(told.contains("databases asked at 07:49: takes 6m, as it was seen to"), "{told}");
    assert!(!told.contains("compute asked"), "{told}");
}

#[test]
fn all_that_is_remembered_of_a_resource_is_told() {
    let known = town();
    let facts = |name: &str| {
        let record = resources::one(&known, name).unwrap().unwrap();
        explain::facts(&known, record)
    };
    assert_eq!(
        facts("rds:orders"),
        [
            "RDS instance, on since Mon 2026-11-30 08:00",
            "stands: as wanted",
            "a start takes 6m; 3 were seen",
            "comes back as db.t4g.micro",
            "arn:aws:rds:orders",
        ]
    );
    assert!(facts("lab").contains(
        &"somebody started it by hand at Mon 2026-11-30 18:20: left so until Mon 2026-11-30 22:20".to_owned()
    ));
    let failed =
        "failed 2 times since Mon 2026-11-30 18:00, tried again at Mon 2026-11-30 18:34: AccessDenied";
    assert!(facts("batch").contains(&failed.to_owned()), "{:?}", facts("batch"));
    let start =
        "is asked to start at Tue 2026-12-01 07:51, for everything to be ready at Tue 2026-12-01 08:00";
    assert!(facts("lab").iter().all(|fact| fact != start), "somebody keeps it on");
    let start =
        "is asked to start at Tue 2026-12-01 07:52, for everything to be ready at Tue 2026-12-01 08:00";
    assert!(facts("web").contains(&start.to_owned()), "{:?}", facts("web"));
    assert!(facts("arn:aws:ecs:web").contains(&"comes back as 4 tasks, 2 to 6".to_owned()));
    assert_eq!(facts("bastion").last().unwrap(), "stands: left out: its tag ace-flow:cost says keep");
    let none = resources::one(&known, "rds:order").unwrap_err().to_string();
    assert!(none.starts_with("environment development has no resource \"rds:order\": there are rds:orders"));
}

#[test]
fn two_of_one_name_are_not_mixed_up() {
    let ours = || Ours::Nothing;
    let known = known(
        vec![record(Kind::Database, "orders", ours(), ""), record(Kind::Service, "orders", ours(), "")],
        Vec::new(),
    );
    let error = resources::one(&known, "orders").unwrap_err().to_string();
    assert!(error.contains("rds:orders  arn:aws:rds:orders"), "{error}");
    assert_eq!(resources::one(&known, "ecs:orders").unwrap().map(|record| record.kind), Some(Kind::Service));
}

#[test]
fn a_stop_at_a_time_that_does_not_exist_is_told_to_be_skipped() {
    let plan: schedule::Plan = serde_json::from_value(serde_json::json!({
        "zone": "Europe/Berlin", "start": "0 22 * * 6", "stop": "30 2 * * 0",
    }))
    .unwrap();
    let days = days(&plan, &[], &[], date(2026, 3, 28), 2);
    let lines: Vec<String> = days.iter().flat_map(super::days::Day::lines).collect();
    assert_eq!(
        lines,
        [
            "Sat 2026-03-28  on 22:00 to 24:00",
            "Sun 2026-03-29  on all day",
            "                the clock is set forward: the day has 23h",
            "                02:30 does not exist on this day: the stop by 30 2 * * 0 is skipped, as EventBridge Scheduler does",
        ]
    );
    let skipped: Vec<_> = days.iter().map(|day| day.entry().get("skipped").cloned().unwrap()).collect();
    assert_eq!(
        skipped,
        [
            serde_json::json!([]),
            serde_json::json!([{ "state": "off", "cron": "30 2 * * 0", "times": ["02:30"] }]),
        ]
    );
}

#[test]
fn days_tell_holidays_overrides_and_changes_of_the_clock() {
    let known = known(Vec::new(), Vec::new());
    let plan = known.cost.plan();
    let lines = |from, all: &[&Override]| -> Vec<String> {
        days(plan, all, &[], from, 7).iter().flat_map(super::days::Day::lines).collect()
    };
    let spring = lines(date(2026, 3, 29), &[]);
    assert_eq!(
        spring[..2],
        ["Sun 2026-03-29  off all day", "                the clock is set forward: the day has 23h"]
    );
    let autumn = lines(date(2026, 10, 25), &[]);
    assert_eq!(autumn[1], "                the clock is set back: the day has 25h");
    let christmas = lines(date(2026, 12, 25), &[]);
    assert_eq!(christmas[..2], ["Fri 2026-12-25  off all day", "                holiday: Christmas Day"]);
    let (_, everything) = over("*", State::On, "12-01T22:59");
    let kept = lines(date(2026, 11, 30), &[&everything]);
    assert_eq!(
        kept[..4],
        [
            "Mon 2026-11-30  on 08:00 to 24:00",
            "                everything on 17:00 to 24:00 (ann: a demo)",
            "Tue 2026-12-01  on 00:00 to 23:59",
            "                everything on 00:00 to 23:59 (ann: a demo)",
        ]
    );
    let none = resources::none(&known).unwrap();
    assert!(
        none.contains("ec2, autoscaling, ecs, rds with ace-flow:environment = development was seen yet"),
        "{none}"
    );
}
