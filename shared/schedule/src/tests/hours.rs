//! What plans say of instants.

use super::*;

const PAIR: &str = "{ zone: Europe/Berlin, start: 0 8 * * 1-5, stop: 0 18 * * 1-5 }";
const HOURS: &str = "{ zone: Europe/Berlin, on: [{ days: [monday, tuesday, wednesday, thursday, friday], from: \"08:00\", to: \"18:00\" }] }";

/// What is desired, as one line: state, since, until, why.
fn says(plan: &Plan, now: &str) -> String {
    let Desired { state, reason, since, until, .. } = desired(plan, &[], at(now));
    let text = |instant: Option<Timestamp>| {
        instant.map_or("-".to_owned(), |at| plan.zone().wall(at).strftime("%a %d %H:%M").to_string())
    };
    format!("{state} {} to {}: {reason}", text(since), text(until))
}

#[test]
fn the_documents_pair_and_the_same_hours_have_resources_on_by_day() {
    let (pair, hours) = (plan(PAIR), plan(HOURS));
    // 2026-06-05 is a Friday; Berlin is two hours ahead.
    for (now, state, because, hour) in [
        (
            "2026-06-05T05:59:59.999Z",
            "off Thu 04 18:00 to Fri 05 08:00",
            "stopped by 0 18 * * 1-5",
            "outside its hours",
        ),
        ("2026-06-05T06:00:00Z", "on Fri 05 08:00 to Fri 05 18:00", "started by 0 8 * * 1-5", "in the hours"),
        ("2026-06-05T15:59:59Z", "on Fri 05 08:00 to Fri 05 18:00", "started by 0 8 * * 1-5", "in the hours"),
        (
            "2026-06-05T16:00:00Z",
            "off Fri 05 18:00 to Mon 08 08:00",
            "stopped by 0 18 * * 1-5",
            "outside its hours",
        ),
        (
            "2026-06-07T12:00:00Z",
            "off Fri 05 18:00 to Mon 08 08:00",
            "stopped by 0 18 * * 1-5",
            "outside its hours",
        ),
    ] {
        assert_eq!(says(&pair, now), format!("{state}: {because}"));
        let told = says(&hours, now);
        assert!(told.starts_with(&format!("{state}: {hour}")), "{told}");
    }
    let told = desired(&hours, &[], at("2026-06-05T12:00:00Z")).reason.to_string();
    assert_eq!(told, "in the hours monday, tuesday, wednesday, thursday, friday 08:00 to 18:00");
    let weekend = desired(&pair, &[], at("2026-06-06T12:00:00Z"));
    assert_eq!(weekend.next_on, Some(at("2026-06-08T06:00:00Z")));
    assert_eq!(weekend.next_off, Some(at("2026-06-08T16:00:00Z")));
    let friday = desired(&pair, &[], at("2026-06-05T12:00:00Z"));
    assert_eq!((friday.next_on, friday.next_off), (weekend.next_on, friday.until));
}

#[test]
fn hours_go_over_midnight_and_touch() {
    let night = plan(
        "{ zone: UTC, on: [{ days: [friday], from: 22:00, to: 06:00 }, { days: [saturday], from: 06:00, to: 06:00 }, { days: [sunday], from: 06:00, to: 07:30 }] }",
    );
    assert_eq!(says(&night, "2026-06-05T21:59:00Z"), "off Sun 31 07:30 to Fri 05 22:00: outside its hours");
    for now in
        ["2026-06-05T22:00:00Z", "2026-06-06T05:59:59Z", "2026-06-06T06:00:00Z", "2026-06-07T07:29:59Z"]
    {
        let told = says(&night, now);
        assert!(told.starts_with("on Fri 05 22:00 to Sun 07 07:30: in the hours"), "{told}");
    }
    // It begins on Sunday, and ends in the next week.
    let over = plan("{ zone: UTC, on: [{ days: [sunday], from: 20:00, to: 04:00 }] }");
    assert!(says(&over, "2026-06-08T03:59:59Z").starts_with("on Sun 07 20:00 to Mon 08 04:00"));
}

#[test]
fn on_a_holiday_nothing_begins_and_what_is_on_ends_as_ever() {
    let holidays = "holidays: [2026-06-04 Corpus Christi, 2026-06-05]";
    let pair = plan(&PAIR.replace(" }", &format!(", {holidays} }}")));
    let hours = plan(&HOURS.replace("}] }", &format!("}}], {holidays} }}")));
    for (now, because, state) in [
        ("2026-06-03T20:00:00Z", Some("stopped by 0 18 * * 1-5"), "off Wed 03 18:00 to Mon 08 08:00"),
        ("2026-06-04T05:59:59Z", Some("stopped by 0 18 * * 1-5"), "off Wed 03 18:00 to Mon 08 08:00"),
        (
            "2026-06-04T06:00:00Z",
            None,
            "off Wed 03 18:00 to Mon 08 08:00: nothing begins on the holiday 2026-06-04 Corpus Christi",
        ),
        (
            "2026-06-04T15:59:59Z",
            None,
            "off Wed 03 18:00 to Mon 08 08:00: nothing begins on the holiday 2026-06-04 Corpus Christi",
        ),
        ("2026-06-04T16:00:00Z", Some("stopped by 0 18 * * 1-5"), "off Wed 03 18:00 to Mon 08 08:00"),
        (
            "2026-06-05T10:00:00Z",
            None,
            "off Wed 03 18:00 to Mon 08 08:00: nothing begins on the holiday 2026-06-05",
        ),
        ("2026-06-08T10:00:00Z", Some("started by 0 8 * * 1-5"), "on Mon 08 08:00 to Mon 08 18:00"),
    ] {
        let expected = because.map_or(state.to_owned(), |because| format!("{state}: {because}"));
        assert_eq!(says(&pair, now), expected, "{now}");
        assert!(says(&hours, now).starts_with(state), "{now}: {}", says(&hours, now));
    }
    // A night that began before goes on into a holiday.
    let night = plan(
        "{ zone: UTC, on: [{ days: [wednesday, thursday], from: 20:00, to: 06:00 }], holidays: [2026-06-04] }",
    );
    assert!(says(&night, "2026-06-04T05:00:00Z").starts_with("on Wed 03 20:00 to Thu 04 06:00"));
    assert!(
        says(&night, "2026-06-05T05:00:00Z").starts_with("off Thu 04 06:00 to Wed 10 20:00: nothing begins")
    );
    // What is stopped on Saturday alone stays on over a holiday, and what no stop comes after is still off.
    let week =
        "{ zone: UTC, start: 0 8 * * 1-5, stop: 0 12 * * 6, holidays: [2026-06-03, 2026-06-08, 2026-06-09] }";
    assert_eq!(
        says(&plan(week), "2026-06-03T12:00:00Z"),
        "on Mon 01 08:00 to Sat 06 12:00: started by 0 8 * * 1-5"
    );
    let told = says(&plan(week), "2026-06-09T09:00:00Z");
    assert_eq!(told, "off Sat 06 12:00 to Wed 10 08:00: nothing begins on the holiday 2026-06-09");
}

/// New York springs from 2:00 to 3:00 on 2026-03-08, and falls from 2:00 to 1:00 on 2026-11-01.
#[test]
fn hours_and_expressions_are_exact_where_the_clock_changes() {
    let york = |rest: &str| plan(&format!("{{ zone: America/New_York, {rest} }}"));
    let hours = york("on: [{ days: [sunday], from: 02:30, to: 04:00 }]");
    let now = desired(&hours, &[], at("2026-03-08T07:00:00Z"));
    assert_eq!(
        (now.state, now.since, now.until),
        (State::On, Some(at("2026-03-08T07:00:00Z")), Some(at("2026-03-08T08:00:00Z")))
    );
    // What lies in the hour is not there.
    let inside = york("on: [{ days: [sunday], from: 02:10, to: 02:50 }]");
    let now = desired(&inside, &[], at("2026-03-08T06:59:00Z"));
    assert_eq!((now.since, now.until), (Some(at("2026-03-01T07:50:00Z")), Some(at("2026-03-15T06:10:00Z"))));
    // An expression that is jumped over does not fire: neither this start nor that stop.
    let pair = york("start: 30 2 * * *, stop: 0 4 * * *");
    let now = desired(&pair, &[], at("2026-03-08T07:30:00Z"));
    assert_eq!((now.state, now.until), (State::Off, Some(at("2026-03-09T06:30:00Z"))));
    let pair = york("start: 0 1 * * *, stop: 30 2 * * *");
    let now = desired(&pair, &[], at("2026-03-08T12:00:00Z"));
    assert_eq!(
        (now.state, now.since, now.until),
        (State::On, Some(at("2026-03-08T06:00:00Z")), Some(at("2026-03-09T06:30:00Z")))
    );
    // Hours end at the second 1:30, expressions stop at the first.
    let hours = york("on: [{ days: [sunday], from: 00:00, to: 01:30 }]");
    assert_eq!(desired(&hours, &[], at("2026-11-01T05:00:00Z")).until, Some(at("2026-11-01T06:30:00Z")));
    let pair = york("start: 0 0 * * 0, stop: 30 1 * * 0");
    assert_eq!(desired(&pair, &[], at("2026-11-01T05:00:00Z")).until, Some(at("2026-11-01T05:30:00Z")));
    assert_eq!(desired(&pair, &[], at("2026-11-01T06:29:00Z")).state, State::Off);
}

#[test]
fn of_several_expressions_what_fired_last_holds_and_of_two_at_once_the_stop() {
    let pair =
        plan("{ zone: UTC, start: [0 8 * * 1-5, 0 10 * * 6], stop: [0 18 * * 1-4, 0 16 * * 5, 0 12 * * 6] }");
    assert_eq!(
        says(&pair, "2026-06-05T17:00:00Z"),
        "off Fri 05 16:00 to Sat 06 10:00: stopped by 0 16 * * 5"
    );
    assert_eq!(says(&pair, "2026-06-06T11:00:00Z"), "on Sat 06 10:00 to Sat 06 12:00: started by 0 10 * * 6");
    let both = plan("{ zone: UTC, start: 0 8 * * *, stop: [0 18 * * *, 0 8 * * 3] }");
    assert_eq!(says(&both, "2026-06-03T08:00:00Z"), "off Tue 02 18:00 to Thu 04 08:00: stopped by 0 8 * * 3");
    // A start while it is on, and a stop while it is off, change nothing.
    let often = plan("{ zone: UTC, start: 0 8-12 * * *, stop: 0/30 20-23 ? * * * }");
    assert_eq!(
        says(&often, "2026-06-03T11:00:00Z"),
        "on Wed 03 08:00 to Wed 03 20:00: started by 0 8-12 * * *"
    );
    assert_eq!(
        says(&often, "2026-06-03T23:00:00Z"),
        "off Wed 03 20:00 to Thu 04 08:00: stopped by 0/30 20-23 ? * * *"
    );
}

#[test]
fn before_the_first_firing_it_is_left_on_and_after_the_last_it_stays() {
    let year = plan("{ zone: UTC, start: cron(0 8 ? * MON-FRI 2027), stop: cron(0 18 ? * MON-FRI 2027) }");
    assert_eq!(says(&year, "2026-06-03T08:00:00Z"), "on - to Fri 01 18:00: nothing has stopped it yet");
    let after = desired(&year, &[], at("2029-06-03T08:00:00Z"));
    assert_eq!((after.state, after.since, after.until, after.next_on), (State::Off, None, None, None));
    // Seen from nearer, it is known since when.
    assert_eq!(desired(&year, &[], at("2028-02-01T00:00:00Z")).since, Some(at("2027-12-31T18:00:00Z")));
}

#[test]
fn always_is_always_and_far_changes_are_not_told() {
    for state in [State::On, State::Off] {
        let plan = plan(&format!("{{ zone: UTC, always: {state} }}"));
        let now = desired(&plan, &[], at("2026-06-03T08:00:00Z"));
        let nothing = Desired {
            state,
            reason: Reason::Always,
            since: None,
            until: None,
            next_on: None,
            next_off: None,
        };
        assert_eq!(now, nothing);
        assert_eq!(now.start_by(SignedDuration::from_mins(5)), None);
    }
    let once = plan(
        "{ zone: UTC, always: on, once: [{ name: move, state: off, from: 2027-09-01T00:00, to: 2027-09-20T00:00 }] }",
    );
    assert_eq!(desired(&once, &[], at("2026-06-03T08:00:00Z")).until, None);
    let near = desired(&once, &[], at("2026-08-03T08:00:00Z"));
    assert_eq!(
        (near.until, near.next_off),
        (Some(at("2027-09-01T00:00:00Z")), Some(at("2027-09-01T00:00:00Z")))
    );
    assert_eq!(near.next_on, None, "more than 400 days away");
}

#[test]
fn a_start_that_takes_a_while_begins_before() {
    let pair = plan(PAIR);
    let night = desired(&pair, &[], at("2026-06-05T20:00:00Z"));
    assert_eq!(night.start_by(SignedDuration::from_mins(45)), Some(at("2026-06-08T05:15:00Z")));
    assert_eq!(night.start_by(SignedDuration::ZERO), night.next_on);
    assert_eq!(night.start_by(SignedDuration::from_hours(-1)), night.next_on);
    // By day it is about the morning after.
    let day = desired(&pair, &[], at("2026-06-04T12:00:00Z"));
    assert_eq!(
        day.start_by(SignedDuration::from_hours(20)),
        Some(at("2026-06-04T10:00:00Z")),
        "past: at once"
    );
}

#[test]
fn a_week_has_its_real_length() {
    let hours = |length: i64| SignedDuration::from_hours(length);
    for (monday, length) in [((2026, 3, 23), 167), ((2026, 6, 1), 168), ((2026, 10, 19), 169)] {
        let monday = jiff::civil::date(monday.0, monday.1, monday.2);
        for plan in [plan(PAIR), plan(HOURS)] {
            let spans = week(&plan, &[], monday);
            assert_eq!(spans.iter().map(Span::length).sum::<SignedDuration>(), hours(length));
            assert_eq!(spans.len(), 11);
            let on = spans.iter().filter(|span| span.state == State::On);
            assert_eq!(on.map(Span::length).sum::<SignedDuration>(), hours(50));
            let (begin, end) =
                plan.zone().day(monday.checked_add(jiff::Span::new().days(6)).unwrap()).unwrap();
            let sunday = hours(24 + length - 168);
            assert_eq!(end.duration_since(begin), sunday);
        }
    }
}
