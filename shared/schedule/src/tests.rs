mod calendars;
mod crons;
mod days;
mod gaps;
mod hours;
mod people;
mod plans;
mod properties;
mod reference;
mod remedies;

use jiff::{SignedDuration, Timestamp};

use super::*;

fn window(text: &str) -> Window {
    let written: WrittenWindow = serde_saphyr::from_str(text).unwrap();
    Window::try_from(written).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    name.to_owned().try_into().unwrap()
}

fn plan(text: &str) -> Plan {
    let written: WrittenPlan = serde_saphyr::from_str(text).unwrap();
    Plan::read(written).unwrap()
}

/// The end of the windows at an instant, as text; `open` where there is none.
fn ends(windows: &[Window], now: &str) -> String {
    match standing(windows, at(now)) {
        Standing::Outside => "open".to_owned(),
        Standing::Inside { until: Some(until), windows } => format!("{until} {}", windows.join("+")),
        Standing::Inside { until: None, windows } => format!("never {}", windows.join("+")),
    }
}

const BLACK_FRIDAY: &str =
    "{ name: black-friday, from: 2026-11-27T00:00, to: 2026-12-01T06:00, zone: America/New_York }";
const WEEKENDS: &str = "{ name: weekends, days: [friday, saturday, sunday], from: \"18:00\", to: \"08:00\", zone: Europe/Berlin }";

#[test]
fn a_window_of_dates_holds_from_its_first_instant_to_before_its_last() {
    let windows = [window(BLACK_FRIDAY)];
    for (now, says) in [
        ("2026-11-27T04:59:59.999999999Z", "open"),
        ("2026-11-27T05:00:00Z", "2026-12-01T11:00:00Z black-friday"),
        ("2026-12-01T10:59:59.999999999Z", "2026-12-01T11:00:00Z black-friday"),
        ("2026-12-01T11:00:00Z", "open"),
    ] {
        assert_eq!(ends(&windows, now), says, "{now}");
    }
    assert_eq!(ends(&[], "2026-11-27T05:00:00Z"), "open");
}

#[test]
fn a_weekly_window_goes_over_midnight_and_ends_on_the_next_day() {
    let windows = [window(WEEKENDS)];
    // Berlin is two hours ahead in June; the 5th is a Friday.
    for (now, says) in [
        ("2026-06-05T15:59:59Z", "open"),
        ("2026-06-05T16:00:00Z", "2026-06-06T06:00:00Z weekends"),
        ("2026-06-06T05:59:59Z", "2026-06-06T06:00:00Z weekends"),
        ("2026-06-06T06:00:00Z", "open"),
        ("2026-06-07T22:30:00Z", "2026-06-08T06:00:00Z weekends"),
        ("2026-06-08T16:30:00Z", "open"),
    ] {
        assert_eq!(ends(&windows, now), says, "{now}");
    }
    let office = [window("{ name: lunch, days: [monday], from: 12:00, to: 13:30, zone: UTC }")];
    assert_eq!(ends(&office, "2026-06-08T12:00:00Z"), "2026-06-08T13:30:00Z lunch");
    assert_eq!(ends(&office, "2026-06-08T11:59:59Z"), "open");
    assert_eq!(ends(&office, "2026-06-09T12:00:00Z"), "open");
    let day = [window("{ name: sundays, days: [sunday], from: 00:00, to: 00:00, zone: UTC }")];
    assert_eq!(ends(&day, "2026-06-07T00:00:00Z"), "2026-06-08T00:00:00Z sundays");
    assert_eq!(ends(&day, "2026-06-08T00:00:00Z"), "open");
}

/// New York springs from 2:00 to 3:00 on 2026-03-08 (7:00 UTC), and falls from 2:00 to 1:00 on 2026-11-01 (6:00 UTC).
#[test]
fn a_clock_that_is_set_forward_makes_the_night_shorter() {
    let night = "{ name: night, days: [saturday], from: 22:00, to: 06:00, zone: America/New_York }";
    assert_eq!(ends(&[window(night)], "2026-03-08T03:00:00Z"), "2026-03-08T10:00:00Z night");
    assert_eq!(ends(&[window(night)], "2026-03-08T09:59:59Z"), "2026-03-08T10:00:00Z night");
    // What begins or ends in the missing hour does so at the jump.
    let until = "{ name: until, days: [sunday], from: 00:00, to: 02:30, zone: America/New_York }";
    assert_eq!(ends(&[window(until)], "2026-03-08T06:59:59Z"), "2026-03-08T07:00:00Z until");
    assert_eq!(ends(&[window(until)], "2026-03-08T07:00:00Z"), "open");
    let from = "{ name: from, days: [sunday], from: 02:30, to: 04:00, zone: America/New_York }";
    assert_eq!(ends(&[window(from)], "2026-03-08T06:59:59Z"), "open");
    assert_eq!(ends(&[window(from)], "2026-03-08T07:00:00Z"), "2026-03-08T08:00:00Z from");
    // What lies in it is not there on that day, and is a week later.
    let inside = "{ name: inside, days: [sunday], from: 02:10, to: 02:50, zone: America/New_York }";
    for minute in 0..120 {
        let now = SignedDuration::from_mins(minute);
        let now = at("2026-03-08T06:00:00Z").checked_add(now).unwrap();
        assert_eq!(standing(&[window(inside)], now), Standing::Outside);
    }
    assert_eq!(ends(&[window(inside)], "2026-03-15T06:10:00Z"), "2026-03-15T06:50:00Z inside");
}

#[test]
fn a_clock_that_is_set_back_makes_the_night_longer() {
    let night = "{ name: night, days: [saturday], from: 22:00, to: 06:00, zone: America/New_York }";
    assert_eq!(ends(&[window(night)], "2026-11-01T02:00:00Z"), "2026-11-01T11:00:00Z night");
    assert_eq!(ends(&[window(night)], "2026-11-01T10:59:59Z"), "2026-11-01T11:00:00Z night");
    // 1:30 is there twice: a beginning is the first, an end the second.
    let from = "{ name: from, days: [sunday], from: 01:30, to: 03:00, zone: America/New_York }";
    assert_eq!(ends(&[window(from)], "2026-11-01T05:29:59Z"), "open");
    assert_eq!(ends(&[window(from)], "2026-11-01T05:30:00Z"), "2026-11-01T08:00:00Z from");
    let to = "{ name: to, days: [sunday], from: 00:00, to: 01:30, zone: America/New_York }";
    assert_eq!(ends(&[window(to)], "2026-11-01T06:29:59Z"), "2026-11-01T06:30:00Z to");
    assert_eq!(ends(&[window(to)], "2026-11-01T06:30:00Z"), "open");
}

#[test]
fn a_day_that_a_zone_left_out_ends_what_goes_into_it() {
    // Samoa had no 2011-12-30, a Friday: its Thursday ended at 10:00 UTC of the 30th, and Saturday began.
    let window = window("{ name: night, days: [thursday], from: 20:00, to: 08:00, zone: Pacific/Apia }");
    assert_eq!(ends(std::slice::from_ref(&window), "2011-12-30T09:00:00Z"), "2011-12-30T10:00:00Z night");
    assert_eq!(ends(&[window], "2011-12-30T10:00:00Z"), "open");
}

#[test]
fn windows_that_overlap_or_touch_are_one_until_the_last_ends() {
    let once = |name: &str, from: &str, to: &str| {
        window(&format!("{{ name: {name}, from: {from}, to: {to}, zone: UTC }}"))
    };
    let chain = [
        once("c", "2026-06-01T04:00", "2026-06-01T05:00"),
        once("a", "2026-06-01T00:00", "2026-06-01T02:00"),
        once("b", "2026-06-01T01:00", "2026-06-01T04:00"),
        once("later", "2026-06-01T05:00:01", "2026-06-01T09:00"),
    ];
    assert_eq!(ends(&chain, "2026-06-01T00:30:00Z"), "2026-06-01T05:00:00Z a+b+c");
    assert_eq!(ends(&chain, "2026-06-01T04:30:00Z"), "2026-06-01T05:00:00Z c");
    assert_eq!(ends(&chain, "2026-06-01T05:00:00Z"), "open");
    // The one within another does not make it shorter.
    let within = [
        once("in", "2026-06-01T01:00", "2026-06-01T02:00"),
        once("out", "2026-06-01T00:00", "2026-06-01T09:00"),
    ];
    assert_eq!(ends(&within, "2026-06-01T01:30:00Z"), "2026-06-01T09:00:00Z in+out");
    // The chain of every day from 18:00 to 18:00 has no end.
    let days = "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]";
    let always =
        window(&format!("{{ name: always, days: {days}, from: 18:00, to: 18:00, zone: Asia/Tokyo }}"));
    assert_eq!(ends(&[always], "2026-06-01T04:30:00Z"), "never always");
}

#[test]
fn what_is_no_window_is_refused_with_a_remedy() {
    let refused = |text: &str| -> String {
        match serde_saphyr::from_str::<WrittenWindow>(text) {
            Err(error) => error.to_string(),
            Ok(written) => {
                let (key, why) = Window::try_from(written).unwrap_err();
                format!("{key}: {why}")
            }
        }
    };
    for (text, says) in [
        (
            "{ name: x, from: 2026-11-27T00:00, to: 2026-11-27T00:00, zone: UTC }",
            "to: the window ends at 2026-11-27T00:00:00 and",
        ),
        (
            "{ name: x, from: 2026-11-28T00:00, to: 2026-11-27T00:00, zone: UTC }",
            "write a `to` that is later",
        ),
        (
            "{ name: x, from: 2026-03-08T02:10, to: 2026-03-08T02:50, zone: America/New_York }",
            "to: the clock of America/New_York jumps over",
        ),
        (
            "{ name: x, from: 2026-11-27T00:00Z, to: 2026-11-28T00:00, zone: UTC }",
            "\"2026-11-27T00:00Z\" is no time",
        ),
        (
            "{ name: x, from: 2026-11-27T00:00-05:00, to: 2026-11-28T00:00, zone: UTC }",
            "is no time: write a date",
        ),
        (
            "{ name: x, from: 2026-11-31T00:00, to: 2026-12-28T00:00, zone: UTC }",
            "\"2026-11-31T00:00\" is no time",
        ),
        ("{ name: x, from: 2026-11-27, to: 2026-11-28, zone: UTC }", "is no time: write a date"),
        ("{ name: x, days: [friday], from: 25:00, to: 08:00, zone: UTC }", "\"25:00\" is no time"),
        (
            "{ name: x, days: [], from: 18:00, to: 08:00, zone: UTC }",
            "days: there is no day: write at least one",
        ),
        ("{ name: x, days: [fryday], from: 18:00, to: 08:00, zone: UTC }", "fryday"),
        (
            "{ name: x, from: 18:00, to: 08:00, zone: UTC }",
            "from: 18:00:00 is a time of the day: write a date",
        ),
        ("{ name: x, from: 2026-11-27T00:00, to: 08:00, zone: UTC }", "to: 08:00:00 is a time of the day"),
        (
            "{ name: x, days: [friday], from: 2026-11-27T00:00, to: 08:00, zone: UTC }",
            "from: 2026-11-27T00:00:00 has a date",
        ),
        (
            "{ name: x, days: [friday], from: 18:00, to: 2026-11-27T00:00, zone: UTC }",
            "to: 2026-11-27T00:00:00 has a date",
        ),
        (
            "{ name: \" \", days: [friday], from: 18:00, to: 08:00, zone: UTC }",
            "name: the window has no name: give it one",
        ),
        (
            "{ name: x, days: [friday], from: 18:00, to: 08:00, zone: Europe/Berln }",
            "write a name of the IANA database, like Europe/Berlin",
        ),
        ("{ name: x, days: [friday], from: 18:00, to: 08:00, zone: CET+1 }", "\"CET+1\" is no time zone"),
        (
            "{ name: x, days: [friday], from: 18:00, to: 08:00, zone: Etc/Unknown }",
            "\"Etc/Unknown\" is no time zone",
        ),
        ("{ name: x, days: [friday], from: 18:00, to: 08:00 }", "zone"),
    ] {
        let told = refused(text);
        assert!(told.contains(says), "{text}: {told}");
    }
}

#[test]
fn a_window_survives_storage() {
    for text in [BLACK_FRIDAY, WEEKENDS] {
        let window = window(text);
        let stored = serde_json::to_string(&WrittenWindow::from(window.clone())).unwrap();
        let read: WrittenWindow = serde_json::from_str(&stored).unwrap();
        assert_eq!(Window::try_from(read), Ok(window), "{stored}");
    }
}
