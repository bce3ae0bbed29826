//! Schedules on the embedded stack: it has nothing to stop, and shows what would be wanted.

use serde_json::json;

use crate::project::{HOURS, Project};

const NOTHING: &str =
    "the embedded stack has no resources that could be stopped: this is what would be wanted of yours\n";

/// A schedule that is always off, whatever day it is.
const OFF: &str = "cost:\n  schedule: { zone: Europe/Berlin, always: off }\n";

#[test]
fn an_override_holds_until_it_ends_or_is_ended() {
    let project = Project::published(OFF);
    let told = project.told(&["schedule", "show"]);
    assert!(told.contains("from version 1, published by ann at "), "{told}");
    assert!(told.contains("off as of ") && told.ends_with(NOTHING), "{told}");
    let because = ["--because", "a demo", "--by", "ann"];
    let keep = |more: &[&str]| project.order(&[&["schedule", "override"], more, &because].concat());
    let kept = keep(&["dev-db", "--on", "--for", "3h"]);
    let id = kept["override"].as_str().unwrap().to_owned();
    let says = kept["says"].as_str().unwrap();
    assert!(
        says.starts_with("dev-db is kept on until ") && says.contains(&format!("ace schedule end {id}")),
        "{says}"
    );
    assert_eq!(kept["reply"]["result"], "applied");
    // Whoever asks is told who wanted it and why; of what it is not about it says nothing.
    let told = project.told(&["schedule", "explain", "rds:dev-db"]);
    assert!(told.contains("rds:dev-db is to be on until "), "{told}");
    assert!(told.contains("\n  ann wants it so: a demo\n  otherwise off: always so\n"), "{told}");
    assert!(project.told(&["schedule", "explain", "other"]).contains("other is to be off, as of "));
    let lines = project.json(&["schedule", "show"]);
    let shown = lines.iter().find(|line| line["kind"] == "override").unwrap();
    assert_eq!(
        (&shown["override"], &shown["resources"], &shown["state"], &shown["by"], &shown["holds"]),
        (&json!(id), &json!("dev-db"), &json!("on"), &json!("ann"), &json!(true))
    );
    // Another one, later and about everything.
    let later = keep(&["*", "--on", "--from", "2099-12-01T10:00", "--until", "2099-12-01T16:00"]);
    assert_eq!(later["until"], "2099-12-01T15:00:00Z");
    let told = project.told(&["schedule", "show", "--from", "2099-12-01"]);
    assert!(
        told.contains(
            "Tue 2099-12-01  on 10:00 to 16:00\n                  everything on 10:00 to 16:00 (ann: a demo)"
        ),
        "{told}"
    );
    let told = project.told(&["schedule", "next"]);
    assert!(told.contains("nothing changes within 400 days"), "that is far away: {told}");
    assert!(told.contains(&format!("  {id}  dev-db on until ")), "{told}");
    // By its first digits.
    let ended = project.order(&["schedule", "end", &id[..6], "--by", "bob"]);
    assert_eq!(ended["says"], "dev-db is not kept on any more: its schedule holds again");
    let told = project.refused(&["schedule", "end", &id]);
    assert!(told.contains(&format!("no override of environment local begins with {id}")), "{told}");
    assert!(project.told(&["schedule", "explain", "dev-db"]).contains("dev-db is to be off, as of "));
}

#[test]
fn a_night_ends_in_the_morning_after_it_and_what_is_printed_can_be_typed() {
    let project = Project::published(OFF);
    let because = ["--because", "a demo", "--by", "ann"];
    // Whatever the time is now.
    let night = ["rds:*", "--on", "--from", "2099-12-01T22:00", "--until", "06:00"];
    let kept = project.order(&[&["schedule", "override"], &night[..], &because].concat());
    assert_eq!(kept["until"], "2099-12-02T05:00:00Z");
    let kept =
        project.order(&[&["schedule", "override", "dev-db", "--on", "--for", "1d"], &because[..]].concat());
    let says = kept["says"].as_str().unwrap();
    let (_, command) = says.split_once("`ace ").unwrap();
    let command: Vec<&str> = command.split_once('`').unwrap().0.split(' ').collect();
    project.order(&[&command[..], &["--by", "bob"]].concat());
    let told = project.refused(&["schedule", "explain", "dev-db", "--at", "soon"]);
    assert!(told.contains("\"soon\" is no time"), "{told}");
    let told = project.told(&["schedule", "explain", "dev-db", "--at", "2099-12-01T12:00"]);
    assert!(told.contains("as of Tue 2099-12-01 12:00"), "{told}");
    let told =
        project.refused(&[&["schedule", "override", "a,b", "--on", "--for", "1h"], &because[..]].concat());
    assert!(told.contains("order each resource by itself"), "{told}");
    let told =
        project.refused(&[&["schedule", "override", "a", "--on", "--for", "soon"], &because[..]].concat());
    assert!(told.contains("like 90s, 5m, 24h or 7d"), "{told}");
}

#[test]
fn an_order_that_cannot_be_meant_is_refused_with_the_remedy() {
    let project = Project::published(OFF);
    for (arguments, message, remedy) in [
        (
            &["dev-db", "--on", "--because", "x"][..],
            "the override has no end",
            "with --until 23:00 or --for 3h",
        ),
        (&["dev-db", "--on", "--for", "3h"], "--because", "required"),
        (&["dev-db", "--for", "3h", "--because", "x"], "--on", "--off"),
        (&["dev-db", "--on", "--off", "--for", "3h", "--because", "x"], "--off", "cannot be used with"),
        (
            &["dev-db", "--on", "--for", "3h", "--until", "23:00", "--because", "x"],
            "--until",
            "cannot be used with",
        ),
        (&["dev-db", "--on", "--until", "25:00", "--because", "x"], "\"25:00\" is no time", "write 23:00"),
        (
            &["dev-db", "--on", "--until", "tonight", "--because", "x"],
            "\"tonight\" is no time",
            "by the clock of the schedule",
        ),
        (
            &["dev-db", "--on", "--until", "2020-01-01T00:00", "--because", "x"],
            "is over",
            "name a later time",
        ),
        (
            &["dev-db", "--on", "--for", "9000h", "--because", "x"],
            "the override is refused",
            "belongs in the environment's configuration",
        ),
        (&["dev-db", "--on", "--for", "3h", "--because", " "], "`reason` is empty", "fill it in"),
        (&[" ", "--on", "--for", "3h", "--because", "x"], "`resources` is empty", "fill it in"),
        (
            &[
                "dev-db",
                "--on",
                "--from",
                "2099-01-02T00:00",
                "--until",
                "2099-01-01T00:00",
                "--because",
                "x",
            ],
            "begins at",
            "write an end that is later",
        ),
    ] {
        let told = project.refused(&[&["schedule", "override"], arguments].concat());
        assert!(told.contains(message) && told.contains(remedy), "{arguments:?}: {told}");
    }
    assert!(!project.told(&["schedule", "show"]).contains("overrides"));
    let unpublished = Project::new(OFF);
    let told = unpublished.refused(&["schedule", "override", "x", "--on", "--for", "3h", "--because", "x"]);
    assert!(told.contains("has no block cost that is published") && told.contains("ace publish"), "{told}");
}

#[test]
fn what_is_published_counts_and_files_that_differ_are_told_of() {
    let project = Project::published(HOURS);
    let config = std::fs::read_to_string(project.path(crate::project::CONFIG)).unwrap();
    assert!(!project.told(&["schedule", "show"]).contains("the files say something else"));
    project.write(crate::project::CONFIG, &config.replace("0 18 * * 1-5", "0 20 * * 1-5"));
    let week = ["schedule", "show", "--from", "2026-12-21"];
    let told = project.told(&week);
    assert!(told.contains("! the files say something else: `ace publish` takes it over"), "{told}");
    assert!(told.contains("Mon 2026-12-21  on 08:00 to 18:00\n"), "{told}");
    assert!(project.told(&[&week[..], &["--files"]].concat()).contains("on 08:00 to 20:00\n"));
    project.told(&["publish"]);
    assert!(project.told(&week).contains("on 08:00 to 20:00\n"));
    // The stack has one that is published and says nothing of a schedule.
    project.write(crate::project::CONFIG, config.split("cost:").next().unwrap());
    project.told(&["publish"]);
    let told = project.refused(&week);
    assert!(told.contains("environment local has no block cost"), "{told}");
}

#[test]
fn savings_tell_the_source_and_the_date_of_their_prices() {
    let project = Project::published(HOURS);
    let told = project.told(&["savings", "--month", "2026-11"]);
    for part in [
        "savings of local in 2026-11 (UTC), up to ",
        "no resource was seen yet that could be stopped",
        "prices: an example, written from memory and not AWS's price list",
        "(us-east-1, of 2026-11-30, USD an hour, on demand)",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    let prices = "{ \"source\": \"our bill\", \"date\": \"2026-10-01\", \"region\": \"eu-central-1\", \"currency\": \"EUR\", \"hourly\": {} }";
    project.write(".ace-flow/prices.json", prices);
    project.told(&["publish"]);
    let lines = project.json(&["savings", "--month", "2026-11"]);
    assert_eq!(
        lines[1],
        json!({
            "kind": "savings", "month": "2026-11", "hours": 0.0, "saved": 0.0, "without_price": 0,
            "prices": { "source": "our bill", "date": "2026-10-01", "region": "eu-central-1", "currency": "EUR" },
        })
    );
}

#[test]
fn a_running_stack_takes_orders_about_its_schedule() {
    let project = Project::new(OFF);
    let playing = project.playing();
    let told = project.told(&["schedule", "show"]);
    assert!(told.contains("on the embedded stack of a running ace"), "{told}");
    let kept =
        project.order(&["schedule", "override", "rds:*", "--on", "--for", "1h", "--because", "a demo"]);
    assert_eq!(kept["reply"]["result"], "applied");
    assert!(kept["reply"]["reason"].as_str().unwrap().contains("nothing is stopped now: "), "{kept}");
    assert!(project.told(&["schedule", "explain", "rds:orders"]).contains("tester wants it so: a demo"));
    drop(playing);
    // What was ordered there is still there.
    assert!(project.told(&["schedule", "explain", "rds:orders"]).contains("tester wants it so: a demo"));
}
