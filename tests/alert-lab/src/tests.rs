//! Figures of messages that are written down here, and alert-router's own: those that the document has.

use std::collections::BTreeSet;

use crate::report::{self, Row};
use crate::scenario::{Alarm, Channel, Kind, Scenario, Script, s};
use crate::told::{Figures, Told};
use crate::{ours, scenarios};

const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/alerting/alertmanager.md"));

fn told(at: i64, channel: Channel, firing: bool, says: &str) -> Told {
    Told {
        at: s(at),
        channel,
        unit: "production/checkout".to_owned(),
        firing,
        says: says.to_owned(),
        names: BTreeSet::from(["high-a".to_owned()]),
        again: false,
    }
}

fn script() -> Script {
    let alarm = |name| Alarm::of(Kind::High, name, "checkout", &[(s(10), s(100))]);
    Script::of(vec![alarm("a"), alarm("b")], s(1_000))
}

#[test]
fn figures_are_of_groups_and_of_what_each_channel_believes_in_the_end() {
    use Channel::{Chat, Pager};
    let messages = [
        told(40, Pager, true, "a"),
        told(45, Chat, true, "a"),
        told(130, Pager, false, "end"),
        told(180, Chat, false, "end"),
    ];
    let figures = Figures::of(&script(), &messages);
    assert_eq!((figures.pages, figures.messages[&Pager], figures.messages[&Chat]), (1, 2, 2));
    assert_eq!((figures.first, figures.end), (vec![30.0], vec![80.0]));
    assert_eq!((figures.named, figures.alarms, figures.never, figures.open), (1, 2, 0, 0));
    let open = Figures::of(&script(), &messages[..3]);
    assert_eq!((open.open, open.end), (1, vec![]), "chat believes that it goes on");
    let never = Figures::of(&script(), &[]);
    assert_eq!((never.never, never.named, never.first), (1, 0, vec![]));
}

#[test]
fn a_duplicate_says_the_same_to_the_same_channel_within_four_hours() {
    use Channel::{Chat, Pager};
    let duplicates = |messages: &[Told]| {
        let figures = Figures::of(&script(), messages);
        (figures.duplicates, figures.dropped)
    };
    assert_eq!(duplicates(&[told(0, Pager, true, "a"), told(60, Chat, true, "a")]), (0, 0));
    assert_eq!(duplicates(&[told(0, Pager, true, "a"), told(60, Pager, true, "a")]), (1, 0));
    assert_eq!(duplicates(&[told(0, Pager, true, "a"), told(14_400, Pager, true, "a")]), (0, 0));
    let more = [told(0, Pager, true, "a"), told(60, Pager, true, "a, b"), told(90, Pager, true, "a")];
    assert_eq!(duplicates(&more), (0, 0));
    let again = Told { again: true, ..told(60, Pager, true, "a") };
    assert_eq!(duplicates(&[told(0, Pager, true, "a"), again]), (1, 1));
}

fn scenario(key: &str) -> Scenario {
    scenarios::ALL.into_iter().find(|scenario| scenario.key == key).unwrap()
}

#[test]
fn a_table_keeps_what_was_not_played() {
    let (one, long) = (scenario("one"), scenario("long"));
    let line = |scenario, system, pages| {
        let runs = vec![Figures { pages, ..Figures::default() }];
        Row { scenario, system, runs, places: 0 }.line()
    };
    let before =
        [line(&one, "Alertmanager", 1), line(&one, "alert-router", 1), line(&long, "Alertmanager", 1)];
    let table = report::table(&scenarios::ALL, &before, "");
    let after = [line(&one, "alert-router", 2)];
    let table = report::table(&scenarios::ALL, &after, &table);
    let lines: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(lines, [&after[0], &before[0], &before[2]]);
}

#[test]
fn of_a_median_the_least_and_the_most_are_told() {
    let one = scenario("one");
    let runs = [1.0, 30.0, 2.0].map(|first| Figures { first: vec![first], pages: 1, ..Figures::default() });
    let line = Row { scenario: &one, system: "x", runs: runs.to_vec(), places: 7 }.line();
    assert!(
        line.contains("| x, before each of 7 calls | 0 (1) / 0 / 0 | 0 | 2.0 (1.0 to 30) | 30 | - | - |"),
        "{line}"
    );
}

/// Alertmanager's figures come of runs on the real clock, alert-router's are the same whenever they are played.
#[test]
fn the_document_says_of_alert_router_what_it_does() {
    let table = report::between_markers(DOCUMENT).expect("shared/alerting/alertmanager.md has the markers");
    let thorough = std::env::var_os("ACE_THOROUGH").is_some();
    for scenario in scenarios::ALL.iter().filter(|scenario| thorough || scenario.key != "storm") {
        let line = crate::of_ours(scenario, 3, false).unwrap().line();
        assert!(
            table.lines().any(|told| told == line),
            "{}: it is this now; write it there with `cargo run --release -p alert-lab -- --ours --markdown \
             shared/alerting/alertmanager.md`, and what the document says of it:\n{line}\n",
            scenario.key
        );
    }
}

#[test]
fn the_claims_of_the_document_hold() {
    let of = |key: &str| {
        let scenario = scenario(key);
        (0..3).flat_map(|run| ours::play(&(scenario.script)(run)).unwrap()).collect::<Vec<Figures>>()
    };
    for key in
        ["one", "cause", "late", "outage", "does-not", "killed-before", "killed-after", "long", "across"]
    {
        for figures in of(key) {
            assert_eq!((figures.never, figures.open), (0, 0), "{key}: all is told, and nothing stays open");
            assert_eq!(figures.duplicates, figures.dropped, "{key}: nothing comes twice where ids are known");
        }
    }
    assert!(of("cause").iter().all(|figures| figures.pages == 1), "symptoms page nobody");
    assert!(of("helps").iter().all(|figures| figures.pages == 0), "what a rollback ends pages nobody");
    assert!(of("does-not").iter().all(|figures| figures.pages == 1), "what it does not end does");
    assert!(of("outage").iter().all(|figures| figures.first[0] < 60.0), "whoever stands in is told soon");
}
