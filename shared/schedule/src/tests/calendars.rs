//! Holidays of calendar files.

use super::*;

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n{events}END:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\r\nUID:1\r\n{}\r\nEND:VEVENT\r\n", lines.replace('\n', "\r\n")))
}

/// The holidays between two years, as text.
fn dates(text: &str, zone_name: &str, years: std::ops::RangeInclusive<i16>) -> Vec<String> {
    let calendar = Calendar::read(text, &zone(zone_name)).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let within = calendar.holidays.iter().filter(|holiday| years.contains(&holiday.date.year()));
    within.map(ToString::to_string).collect()
}

#[test]
fn events_of_dates_are_holidays_until_the_day_before_their_end() {
    let one = event("SUMMARY:Christmas Day\nDTSTART;VALUE=DATE:20261225");
    assert_eq!(dates(&one, "UTC", 1970..=2199), ["2026-12-25 Christmas Day"]);
    let some = event(
        "DTSTART;VALUE=DATE:20261230\nDTEND;VALUE=DATE:20270102\nSUMMARY:Turn\\, of\\nthe y\n ear\\; \\\\",
    );
    assert_eq!(
        dates(&some, "UTC", 1970..=2199),
        [
            "2026-12-30 Turn, of the year; \\",
            "2026-12-31 Turn, of the year; \\",
            "2027-01-01 Turn, of the year; \\"
        ]
    );
    let weeks = event("DTSTART;VALUE=DATE:20261221\nDURATION:P1W");
    assert_eq!(dates(&weeks, "UTC", 1970..=2199).len(), 7);
    let small = "begin:vcalendar\nbegin:vevent\ndtstart;value=date:20261225\nend:vevent\nend:vcalendar";
    assert_eq!(dates(small, "UTC", 1970..=2199), ["2026-12-25"]);
}

#[test]
fn events_from_midnight_to_midnight_are_holidays_by_their_own_clock() {
    for own in ["Europe/Berlin", "America/New_York", "Pacific/Auckland"] {
        let berlin =
            event("DTSTART;TZID=Europe/Berlin:20261225T000000\nDTEND;TZID=Europe/Berlin:20261227T000000");
        assert_eq!(dates(&berlin, own, 1970..=2199), ["2026-12-25", "2026-12-26"], "{own}");
        let floating = event("DTSTART:20261225T000000\nDURATION:P1D");
        assert_eq!(dates(&floating, own, 1970..=2199), ["2026-12-25"], "{own}");
    }
    // A day is a day where the clock is changed on it.
    let yearly = event(
        "DTSTART;TZID=\"Europe/Berlin\":20250330T000000\nDTEND;TZID=Europe/Berlin:20250331T000000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    );
    assert_eq!(dates(&yearly, "Europe/Berlin", 2025..=2027), ["2025-03-30", "2026-03-29", "2027-03-28"]);
}

#[test]
fn events_with_times_are_no_holidays_and_are_counted() {
    let christmas = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\n";
    for timed in [
        "DTSTART:20261201T233000Z\nDTEND:20261201T234500Z",
        "DTSTART;TZID=America/New_York:20261224T200000\nDURATION:P3D",
        "DTSTART:20261223T100000",
        // From midnight on, and over days, but not to a midnight.
        "DTSTART:20261223T000000",
        "DTSTART:20261223T000000\nDURATION:PT15M",
        "DTSTART:20261222T000000\nDTEND:20261224T120000",
        // What would have to be understood of a holiday.
        "DTSTART;TZID=W. Europe Standard Time:20261201T090000\nRRULE:FREQ=WEEKLY\nRDATE:20261205T090000\nDTEND:x",
        "RECURRENCE-ID:20261201T090000Z\nDTSTART;VALUE=DATE-TIME:20261202T090000Z",
    ] {
        let meeting = format!("BEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\n", timed.replace('\n', "\r\n"));
        let both =
            Calendar::read(&calendar(&format!("{christmas}{meeting}{meeting}")), &zone("Europe/Berlin"));
        let Calendar { holidays, timed: counted } = both.unwrap_or_else(|why| panic!("{why}\n{timed}"));
        assert_eq!(holidays.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-12-25"], "{timed}");
        assert_eq!(counted, Some(Timed { events: 2, line: 7 }), "{timed}");
        let cancelled = meeting.replace("END:VEVENT", "STATUS:CANCELLED\r\nEND:VEVENT");
        let none = Calendar::read(&calendar(&format!("{christmas}{cancelled}")), &zone("UTC")).unwrap();
        assert_eq!(none.timed, None, "{timed}");
        let alone = Calendar::read(&calendar(&meeting), &zone("UTC")).unwrap_err().to_string();
        assert!(alone.starts_with("in line 4 of the calendar all events have times of the day"), "{alone}");
    }
}

#[test]
fn what_comes_every_year_is_spelled_out() {
    let every = |rule: &str, start: &str| {
        let text = event(&format!("DTSTART;VALUE=DATE:{start}\nRRULE:{rule}"));
        dates(&text, "UTC", 2026..=2029)
    };
    for (rule, start, expected) in [
        ("FREQ=YEARLY", "20201225", vec!["2026-12-25", "2027-12-25", "2028-12-25", "2029-12-25"]),
        ("FREQ=YEARLY;COUNT=8", "20201225", vec!["2026-12-25", "2027-12-25"]),
        ("FREQ=YEARLY;UNTIL=20271225", "20201225", vec!["2026-12-25", "2027-12-25"]),
        ("FREQ=YEARLY;UNTIL=20271224T235959Z", "20201225", vec!["2026-12-25"]),
        ("FREQ=YEARLY;INTERVAL=4", "20241105", vec!["2028-11-05"]),
        ("FREQ=YEARLY", "20240229", vec!["2028-02-29"]),
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "20201126",
            vec!["2026-11-26", "2027-11-25", "2028-11-23", "2029-11-22"],
        ),
        (
            "FREQ=YEARLY;BYDAY=-1MO;BYMONTH=5;WKST=SU",
            "20200525",
            vec!["2026-05-25", "2027-05-31", "2028-05-29", "2029-05-28"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "20201103",
            vec!["2028-11-07"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1",
            "20200229",
            vec!["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"],
        ),
        (
            "FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR",
            "20200313",
            vec![
                "2026-02-13",
                "2026-03-13",
                "2026-11-13",
                "2027-08-13",
                "2028-10-13",
                "2029-04-13",
                "2029-07-13",
            ],
        ),
        (
            "FREQ=YEARLY;BYMONTH=1,7",
            "20200104",
            vec![
                "2026-01-04",
                "2026-07-04",
                "2027-01-04",
                "2027-07-04",
                "2028-01-04",
                "2028-07-04",
                "2029-01-04",
                "2029-07-04",
            ],
        ),
    ] {
        assert_eq!(every(rule, start), expected, "{rule}");
    }
    let forever = event("DTSTART;VALUE=DATE:19601225\nRRULE:FREQ=YEARLY");
    assert_eq!(dates(&forever, "UTC", 1900..=2300).len(), 130, "1970 to 2099");
    let except =
        event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=4\nEXDATE;VALUE=DATE:20271225,20281225");
    assert_eq!(dates(&except, "UTC", 1970..=2199), ["2026-12-25", "2029-12-25"]);
    let times = event(
        "DTSTART;TZID=Europe/Berlin:20261225T000000\nDURATION:P1D\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE:20271224T230000Z,20281225T070000Z",
    );
    assert_eq!(
        dates(&times, "UTC", 1970..=2199),
        ["2026-12-25", "2028-12-25"],
        "the second is at another time"
    );
}

#[test]
fn what_is_no_event_and_what_was_cancelled_is_passed_over() {
    let text = calendar(
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n\
         BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY;LANGUAGE=en:Christmas\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nDURATION:x\r\nEND:VALARM\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261226\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Weihnachten\r\nEND:VEVENT\r\n\
         BEGIN:VTODO\r\nDTSTART:nonsense\r\nEND:VTODO\r\n",
    );
    assert_eq!(dates(&text, "UTC", 1970..=2199), ["2026-12-25 Christmas"], "by the name of the first");
    let marked = format!("\u{feff}{}", event("DTSTART;VALUE=DATE:20261225"));
    assert_eq!(dates(&marked, "UTC", 1970..=2199), ["2026-12-25"]);
}

#[test]
fn what_is_not_understood_is_refused_with_line_and_remedy() {
    let start = "DTSTART;VALUE=DATE:20261225\n";
    let of = |line: &str| event(&format!("{start}{line}"));
    for (text, says) in [
        (String::new(), "line 1 of the calendar there is no BEGIN:VCALENDAR: write the text of an ICS file"),
        ("<html>".to_owned(), "line 1 of the calendar \"<html>\" is no property: write NAME:VALUE"),
        ("VERSION:2.0".to_owned(), "line 1 of the calendar there is no BEGIN:VCALENDAR"),
        ("BEGIN:VEVENT\nEND:VEVENT".to_owned(), "line 1 of the calendar there is no BEGIN:VCALENDAR"),
        (calendar(""), "line 4 of the calendar the calendar ends without an event"),
        (
            calendar("BEGIN:VEVENT\r\nEND:VCALENDAR\r\n"),
            "line 5 of the calendar END:VCALENDAR ends what did not begin",
        ),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225".to_owned(),
            "line 2 of the calendar BEGIN:VEVENT has no end: the file is cut off",
        ),
        (event("SUMMARY:x"), "line 4 of the calendar an event has no DTSTART: add one"),
        (
            event("DTSTART;VALUE=DATE:20261225\nDTSTART;VALUE=DATE:20261226"),
            "line 7 of the calendar DTSTART is there a second time",
        ),
        (
            event("DTSTART;VALUE=DATE:2026-12-25"),
            "line 6 of the calendar \"2026-12-25\" is no date or time: write 20261225",
        ),
        (event("DTSTART;VALUE=DATE:20261332"), "\"20261332\" is no date"),
        (event("DTSTART;VALUE=DATE:20261225T000000"), "is no date or time"),
        (event("DTSTART;VALUE=DATE:20261225T090000"), "is no date or time"),
        (event("DTSTART:20261325T090000"), "is no date or time"),
        (event("DTSTART;VALUE=PERIOD:20261225T000000Z/PT1H"), "is no date or time"),
        (
            event("DTSTART;TZID=W. Europe Standard Time:20261225T000000"),
            "TZID \"W. Europe Standard Time\" is no time zone: write a name of the IANA database",
        ),
        (
            event("DTSTART VALUE=DATE 20261225"),
            "line 6 of the calendar \"DTSTART VALUE=DATE 20261225\" is no property",
        ),
        (
            of("DTEND:20261226T000000Z"),
            "line 7 of the calendar DTEND is a date and DTSTART a time, or the other way round",
        ),
        (of("DTEND;VALUE=DATE:20261225"), "line 7 of the calendar an event ends when it begins or before"),
        (of("DTEND;VALUE=DATE:20281225"), "lasts longer than a year"),
        (
            of("DTEND;VALUE=DATE:20261226\nDURATION:P1D"),
            "line 8 of the calendar DURATION is there beside DTEND",
        ),
        (of("DURATION:PT8H"), "\"PT8H\" is no duration"),
        (of("DURATION:1D"), "\"1D\" is no duration: write one like P1D"),
        (of("DURATION:P"), "\"P\" is no duration"),
        (of("DURATION:P99999999999999999D"), "is no duration"),
        (
            of("RRULE:FREQ=WEEKLY"),
            "line 7 of the calendar \"FREQ=WEEKLY\" is not understood of a rule: write FREQ=YEARLY, or an event for each time",
        ),
        (of("RRULE:BYMONTH=2"), "write FREQ=YEARLY"),
        (of("RRULE:FREQ=YEARLY;BYSETPOS=1"), "\"BYSETPOS=1\" is not understood of a rule: leave it out"),
        (of("RRULE:FREQ=YEARLY;COUNT=0"), "write a number from 1"),
        (of("RRULE:FREQ=YEARLY;COUNT=2;UNTIL=20300101"), "leave COUNT or UNTIL out"),
        (of("RRULE:FREQ=YEARLY;BYMONTH=13"), "write months, 1 to 12"),
        (of("RRULE:FREQ=YEARLY;BYMONTHDAY=0"), "write days, 1 to 31 or -31 to -1"),
        (of("RRULE:FREQ=YEARLY;BYDAY=XX;BYMONTH=1"), "write days of the week, like MO, 4TH or -1MO"),
        (of("RRULE:FREQ=YEARLY;BYDAY=20MO"), "write days of the week"),
        (of("RRULE:FREQ=YEARLY;BYDAY=2MO"), "add BYMONTH, in which BYDAY counts"),
        (of("RRULE:FREQ=YEARLY;"), "write KEY=VALUE"),
        (
            of("RDATE;VALUE=DATE:20271225"),
            "line 7 of the calendar RDATE is not understood: write an event for each of its dates",
        ),
        (
            of("RECURRENCE-ID;VALUE=DATE:20261225"),
            "RECURRENCE-ID is not understood: write it as an event of its own",
        ),
        (of("EXDATE:nonsense"), "\"nonsense\" is no date or time"),
    ] {
        let told = Calendar::read(&text, &zone("UTC")).unwrap_err().to_string();
        assert!(told.contains(says), "{text}\n{told}");
    }
    let many = event("DTSTART;VALUE=DATE:19700101\nDTEND;VALUE=DATE:19701231\nRRULE:FREQ=YEARLY");
    let told = Calendar::read(&many, &zone("UTC")).unwrap_err().to_string();
    assert!(told.contains("over 20000 dates"), "{told}");
}

#[test]
fn a_plan_takes_its_holidays_from_lists_and_calendars() {
    let text = serde_json::json!({
        "zone": "Europe/Berlin",
        "start": "0 8 * * 1-5",
        "stop": "0 18 * * 1-5",
        "holidays": ["2026-12-25 Our Christmas"],
        "calendars": [event("DTSTART;VALUE=DATE:20201225\nSUMMARY:Christmas\nRRULE:FREQ=YEARLY"), event("DTSTART;VALUE=DATE:20261224")],
    });
    let plan: Plan = serde_json::from_value(text).unwrap();
    let why = |now: &str| desired(&plan, &[], at(now)).reason.to_string();
    assert_eq!(why("2026-12-24T12:00:00Z"), "nothing begins on the holiday 2026-12-24");
    assert_eq!(why("2026-12-25T12:00:00Z"), "nothing begins on the holiday 2026-12-25 Our Christmas");
    assert_eq!(why("2028-12-25T12:00:00Z"), "nothing begins on the holiday 2028-12-25 Christmas");
}
