//! Plans as they are written, and what is refused.

use super::*;

/// Every mistake of a plan, one a line.
fn refused(text: &str) -> String {
    match serde_saphyr::from_str::<WrittenPlan>(text) {
        Err(error) => error.to_string(),
        Ok(written) => {
            let (first, more) = Plan::read(written).unwrap_err();
            let lines: Vec<String> =
                std::iter::once(first).chain(more).map(|mistake| mistake.to_string()).collect();
            lines.join("\n")
        }
    }
}

#[test]
fn a_plan_survives_storage() {
    for text in [
        "{ zone: Europe/Berlin, start: 0 8 * * 1-5, stop: 0 18 * * 1-5 }",
        "{ zone: Europe/Berlin, start: [0 8 * * 1-5, 0 9 * * 6], stop: [cron(0 18 ? * MON-SAT *)], holidays: [2026-12-25 Christmas Day, 2026-12-26] }",
        "{ zone: UTC, on: [{ days: [monday], from: \"08:00\", to: \"18:00\" }], once: [{ name: x, state: off, from: 2026-06-01T09:00, to: 2026-06-01T10:00 }] }",
        "{ zone: UTC, always: off }",
    ] {
        let valid = plan(text);
        let stored = serde_json::to_string(&valid).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), valid, "{stored}");
    }
    let stored = serde_json::to_string(&plan("{ zone: UTC, always: on }")).unwrap();
    assert_eq!(stored, r#"{"zone":"UTC","always":"on"}"#);
}

#[test]
fn what_is_no_plan_is_refused_with_the_key_to_blame_and_a_remedy() {
    let hours = "{ days: [monday], from: \"08:00\", to: \"18:00\" }";
    for (text, says) in [
        ("{ always: on }".to_owned(), "zone"),
        ("{ zone: Europe/Berln, always: on }".to_owned(), "write a name of the IANA database, like Europe/Berlin"),
        ("{ zone: UTC, alwais: on }".to_owned(), "alwais"),
        ("{ zone: UTC, always: maybe }".to_owned(), "maybe"),
        ("{ zone: UTC }".to_owned(), "nothing says when resources are on: write their hours as `on`"),
        (format!("{{ zone: UTC, on: [{hours}], always: off }}"), "always: `always` is there beside `on`: leave one of the two out"),
        (format!("{{ zone: UTC, on: [{hours}], start: 0 8 * * *, stop: 0 9 * * * }}"), "start: `start` is there beside `on`"),
        ("{ zone: UTC, stop: 0 9 * * *, always: on }".to_owned(), "always: `always` is there beside `stop`"),
        ("{ zone: UTC, start: 0 8 * * * }".to_owned(), "start: there is no `stop` to it: write both, or `always: on`"),
        ("{ zone: UTC, stop: 0 8 * * * }".to_owned(), "stop: there is no `start` to it: write both, or `always: off`"),
        ("{ zone: UTC, on: [] }".to_owned(), "on: there are no hours: write some, like { days: [monday]"),
        ("{ zone: UTC, on: [{ days: [], from: 08:00, to: 18:00 }] }".to_owned(), "on[0].days: there is no day: write at least one"),
        ("{ zone: UTC, on: [{ days: [friday, monday, friday], from: 08:00, to: 18:00 }] }".to_owned(), "on[0].days[2]: friday is there twice"),
        ("{ zone: UTC, on: [{ days: [fryday], from: 08:00, to: 18:00 }] }".to_owned(), "fryday"),
        ("{ zone: UTC, on: [{ days: [friday], from: 2026-06-01T08:00, to: 18:00 }] }".to_owned(), "on[0].from: 2026-06-01T08:00:00 has a date"),
        ("{ zone: UTC, on: [{ days: [friday], from: 08:00, to: 2026-06-01T08:00 }] }".to_owned(), "on[0].to: 2026-06-01T08:00:00 has a date"),
        ("{ zone: UTC, on: [{ days: [friday], from: 25:00, to: 18:00 }] }".to_owned(), "\"25:00\" is no time"),
        (format!("{{ zone: UTC, on: [{hours}, {{ days: [sunday, monday], from: 17:00, to: 20:00 }}] }}"), "on[1]: the hours overlap with those of item 0 of the list on a monday: let one end where"),
        (format!("{{ zone: UTC, on: [{hours}, {{ days: [sunday], from: 22:00, to: 08:01 }}] }}"), "on[1]: the hours overlap with those of item 0 of the list on a monday"),
        (format!("{{ zone: UTC, on: [{hours}, {hours}] }}"), "on[1]: the hours overlap"),
        ("{ zone: UTC, on: [{ days: [monday, tuesday], from: 08:00, to: 08:00 }, { days: [tuesday], from: 06:00, to: 07:00 }] }".to_owned(), "on[1]: the hours overlap with those of item 0 of the list on a tuesday"),
        ("{ zone: UTC, on: [{ days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: 06:00, to: 06:00 }] }".to_owned(), "on: the hours are the whole week: write `always: on` instead"),
        ("{ zone: UTC, start: 0 25 * * *, stop: 0 9 * * * }".to_owned(), "write 0 to 23"),
        ("{ zone: UTC, start: 0 8 31 2 *, stop: 0 9 * * * }".to_owned(), "never fires"),
        ("{ zone: UTC, start: [], stop: 0 9 * * * }".to_owned(), "there is no cron expression: write at least one"),
        ("{ zone: UTC, start: 8, stop: 0 9 * * * }".to_owned(), "a cron expression like 0 18 * * 1-5, or a list of them"),
        ("{ zone: UTC, start: [0 8 * * 1-5, 0 8 * * MON-FRI], stop: 0 9 * * 1-5 }".to_owned(), "start[1]: 0 8 * * MON-FRI is there already"),
        ("{ zone: UTC, start: 0 8 * * 1-5, stop: cron(0 8 ? * MON-FRI *) }".to_owned(), "stop[0]: cron(0 8 ? * MON-FRI *) starts and stops at the same times"),
        ("{ zone: UTC, start: 0 8 * * 1-5, stop: 0 * * * * }".to_owned(), "stop: a stop comes at the time of every start"),
        ("{ zone: UTC, start: 0 18 * * 1-5, stop: 0 8 * * 1-5 }".to_owned(), "stop: on each of its days 0 8 * * 1-5 comes before 0 18 * * 1-5"),
        ("{ zone: UTC, start: cron(0 8 ? * MON *), stop: cron(0 18 ? * MON 2020-2026) }".to_owned(), "stop: stops end with the year 2026, and starts go on until 2199"),
        ("{ zone: UTC, start: cron(0 8 ? 6 MON 2026), stop: cron(0 18 ? 5 MON 2026) }".to_owned(), "stop: no stop comes after a start"),
        ("{ zone: America/New_York, start: \"cron(30 2 ? 3 SUN#2 2010-2030)\", stop: 0 18 * * * }".to_owned(), "start[0]: the clock of America/New_York jumps over every time of cron(30 2"),
        ("{ zone: UTC, start: 0 8 * * *, stop: 0 9 * * *, holidays: [2026-13-01] }".to_owned(), "\"2026-13-01\" is no holiday: write its date"),
        ("{ zone: UTC, start: 0 8 * * *, stop: 0 9 * * *, holidays: [2026-12-25T00:00] }".to_owned(), "is no holiday"),
        ("{ zone: UTC, start: 0 8 * * *, stop: 0 9 * * *, holidays: [2026-12-25, 2026-12-26, 2026-12-25 Christmas] }".to_owned(), "holidays[2]: 2026-12-25 is there twice"),
        ("{ zone: UTC, start: 0 8 * * *, stop: 0 9 * * *, calendars: [x] }".to_owned(), "calendars[0]: in line 1 of the calendar \"x\" is no property"),
        ("{ zone: UTC, always: on, holidays: [2026-12-25] }".to_owned(), "holidays: with `always` nothing begins"),
        ("{ zone: UTC, always: on, once: [{ name: x, state: off, from: 09:00, to: 10:00 }] }".to_owned(), "once[0].from: 09:00:00 is a time of the day, and the window is once: write a date and time"),
        ("{ zone: UTC, always: on, once: [{ name: x, state: off, from: 2026-06-01T09:00, to: 10:00 }] }".to_owned(), "once[0].to: 10:00:00 is a time of the day"),
        ("{ zone: UTC, always: on, once: [{ name: x, state: off, from: 2026-06-01T09:00, to: 2026-06-01T09:00 }] }".to_owned(), "once[0].to: the window ends at"),
        ("{ zone: UTC, always: on, once: [{ name: \"\", state: off, from: 2026-06-01T09:00, to: 2026-06-01T10:00 }] }".to_owned(), "once[0].name: the window has no name"),
        ("{ zone: America/New_York, always: on, once: [{ name: x, state: off, from: 2026-03-08T02:10, to: 2026-03-08T02:50 }] }".to_owned(), "once[0].to: the clock of America/New_York jumps over the whole window"),
    ] {
        let told = refused(&text);
        assert!(told.contains(says), "{text}:\n{told}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let told = refused(
        "{ zone: UTC, on: [{ days: [], from: 2026-06-01T08:00, to: 18:00 }], holidays: [2026-12-25, 2026-12-25], calendars: [\"\"], once: [\
         { name: a, state: on, from: 2026-06-01T09:00, to: 2026-06-01T11:00 }, { name: a, state: off, from: 2026-06-01T10:00, to: 2026-06-01T12:00 }] }",
    );
    let keys: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        keys,
        ["on[0].days", "on[0].from", "holidays[1]", "calendars[0]", "once[1].name", "once[1]"],
        "{told}"
    );
}

#[test]
fn what_looks_odd_and_can_be_meant_is_let_in() {
    for text in [
        // Over night, on other days.
        "{ zone: UTC, start: 0 18 * * 1-5, stop: 0 8 * * 2-6 }",
        "{ zone: UTC, start: \"0 6,18 * * *\", stop: 0 8 * * * }",
        "{ zone: UTC, on: [{ days: [monday], from: 08:00, to: 12:00 }, { days: [monday], from: 12:00, to: 08:00 }] }",
        "{ zone: UTC, on: [{ days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: 06:00, to: 06:00 }], holidays: [2026-12-25] }",
        "{ zone: UTC, always: on, once: [{ name: a, state: off, from: 2026-06-01T09:00, to: 2026-06-01T10:00 }, { name: b, state: on, from: 2026-06-01T10:00, to: 2026-06-01T11:00 }] }",
    ] {
        plan(text);
    }
}

#[test]
fn the_schema_knows_every_key() {
    let schema = serde_json::to_value(schemars::schema_for!(Plan)).unwrap();
    let keys: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["always", "calendars", "holidays", "on", "once", "start", "stop", "zone"]);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["zone"]));
}
