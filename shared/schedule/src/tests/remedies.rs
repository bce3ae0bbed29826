//! Expressions that were meant otherwise, and what is told to write instead.

use super::*;

fn told(text: &str) -> String {
    text.parse::<Cron>().unwrap_err().to_string()
}

#[test]
fn a_star_beside_a_day_gets_the_whole_text_with_names() {
    for (text, remedy) in [
        ("0 8 * * 1-5 *", "write 0 8 ? * MON-FRI *, or five fields: 0 8 * * 1-5"),
        ("0 8 * * mon-fri *", "write 0 8 ? * MON-FRI *, or five fields: 0 8 * * MON-FRI"),
        ("0 8 * * 0,6 *", "write 0 8 ? * SUN,SAT *, or five fields: 0 8 * * 0,6"),
        ("0 8 * * 5-7 *", "write 0 8 ? * FRI-SUN *, or five fields: 0 8 * * 5-7"),
        ("0 8 * * 0-7 *", "write 0 8 ? * SUN-SAT *, or five fields: 0 8 * * 0-7"),
        ("0 8 * * 1-5/2 *", "write 0 8 ? * MON,WED,FRI *, or five fields: 0 8 * * 1-5/2"),
        ("0 8 * * 6L *", "write 0 8 ? * FRIL *"),
        ("0 8 * * 1-5 2027", "write 0 8 ? * MON-FRI 2027"),
        ("0 22-2 * * 1-5 *", "write 0 22-2 ? * MON-FRI *"),
        ("0 18 * * * *", "write 0 18 * * ? *, or five fields: 0 18 * * *"),
        ("cron(0 18 1 * * *)", "write cron(0 18 1 * ? *), or five fields: 0 18 1 * *"),
        ("cron(0 8 * * MON-FRI *)", "write cron(0 8 ? * MON-FRI *), or five fields: 0 8 * * MON-FRI"),
        // Within cron(…) numbers are EventBridge Scheduler's.
        (
            "cron(0 8 * * 1-5 *)",
            "write cron(0 8 ? * SUN-THU *), where 1 is Sunday, or five fields, where 1 is Monday: 0 8 * * 1-5",
        ),
        (
            "cron(0 8 * * 1-5)",
            "write cron(0 8 ? * SUN-THU), where 1 is Sunday, or five fields, where 1 is Monday: 0 8 * * 1-5",
        ),
    ] {
        let told = told(text);
        assert!(told.contains(" beside a day of ") && told.ends_with(&format!(": {remedy}")), "{told}");
    }
}

/// When both fire next, from each day of a week on.
fn assert_same(one: &Cron, other: &Cron) {
    let utc = zone("UTC");
    let mut now = at("2026-06-01T00:00:00Z");
    for _ in 0..7 {
        assert_eq!(one.next(&utc, now), other.next(&utc, now), "{one} {other}");
        now = now.checked_add(SignedDuration::from_hours(24)).unwrap();
    }
}

#[test]
fn days_are_told_by_the_names_of_those_that_are_meant() {
    let ranges = (0..8).flat_map(|from| (from..8).map(move |to| (from, to)));
    let steps = |(from, to)| (1..=to - from).map(move |step| format!("{from}-{to}/{step}"));
    let mut days: Vec<String> = ranges.clone().flat_map(steps).collect();
    days.extend(
        ranges.clone().map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") }),
    );
    days.extend(ranges.map(|(from, to)| format!("{from},{to},{from}-{to}")));
    for days in days {
        let five: Cron = format!("0 8 * * {days}").parse().unwrap();
        let told = told(&format!("0 8 * * {days} *"));
        let (six, same) = told.split_once(": write ").unwrap().1.split_once(", or five fields: ").unwrap();
        assert_eq!(same, five.to_string());
        assert_same(&six.parse().unwrap(), &five);
    }
    for days in ["1", "7", "1-5", "2-6", "6-2", "1-7", "2,4,6", "7,1-3", "6L", "3#2", "1#5"] {
        let scheduler: Cron = format!("cron(0 8 ? * {days} *)").parse().unwrap();
        let told = told(&format!("0 8 ? * {days} *"));
        // The last of what is told.
        let names = told.split_once("write names: ").unwrap().1;
        assert_same(&names.rsplit(", or ").next().unwrap().parse().unwrap(), &scheduler);
    }
}

#[test]
fn weekdays_by_number_are_refused_in_six_fields_by_themselves() {
    for (text, remedy) in [
        ("0 8 ? * 1-5 *", "write names: 0 8 ? * MON-FRI *, or 0 8 ? * SUN-THU *"),
        ("0 8 ? * 2-6 *", "write names: 0 8 ? * TUE-SAT *, or 0 8 ? * MON-FRI *"),
        ("0 8 ? * 1,MON-3 2027", "write names: 0 8 ? * MON,MON-WED 2027, or 0 8 ? * SUN,MON-TUE 2027"),
        ("0 8 ? * 7 *", "write names: 0 8 ? * SUN *, or 0 8 ? * SAT *"),
        ("0 8 ? * 0 *", "write names: 0 8 ? * SUN *"),
        ("0 8 ? * 6L *", "write names: 0 8 ? * FRIL *"),
        ("0 8 ? * 3#2 *", "write names: 0 8 ? * TUE#2 *"),
        ("0 8 ? * 8 *", "write names, SUN to SAT"),
    ] {
        assert!(
            told(text).ends_with(&format!(
                "the day of week: numbers of weekdays mean SUN = 1 in six fields and MON = 1 in five: {remedy}"
            )),
            "{}",
            told(text)
        );
    }
    for text in
        ["0 8 ? * MON#2 *", "0 8 ? * L *", "cron(0 8 ? * 1-5 *)", "cron(0 8 ? * 1-5)", "0 8 1-5 * ? *"]
    {
        assert!(text.parse::<Cron>().is_ok(), "{text}");
    }
}

#[test]
fn seconds_are_told_to_be_left_out() {
    for (text, remedy) in [
        (
            "0 0 8 * * 1-5",
            "6 fields, the first of them for seconds: leave the seconds out: write 0 8 * * 1-5",
        ),
        ("0 0 8 ? * MON-FRI", "leave the seconds out: write 0 8 * * MON-FRI"),
        // What has a ? numbers days from Sunday on.
        ("0 0 8 ? * 2-6", "leave the seconds out: write 0 8 * * MON-FRI"),
        ("0 30 8 ? * 6L", "leave the seconds out: write 30 8 ? * FRIL *"),
        ("0 0 8 ? * 6-2", "leave the seconds out: write 0 8 ? * FRI-MON *"),
        ("0 0 8 * * ?", "leave the seconds out: write 0 8 * * *"),
        ("0 30 8 * * *", "leave the seconds out: write 30 8 * * *"),
        (
            "0 0 8 ? * MON-FRI *",
            "7 fields, the first of them for seconds: leave the seconds out: write 0 8 * * MON-FRI",
        ),
        ("0 0 8 * * 1-5 2027", "leave the seconds out: write 0 8 ? * MON-FRI 2027"),
        ("cron(0 0 8 ? * MON-FRI *)", "leave the seconds out: write 0 8 * * MON-FRI"),
        // It may be the 8th of every month.
        (
            "0 0 8 * * *",
            "write 0 0 8 * ? *, or five fields: 0 0 8 * *; or, if the first field is for seconds, leave them out: 0 8 * * *",
        ),
    ] {
        let told = told(text);
        assert!(told.ends_with(remedy), "{told}");
    }
    for text in ["0 8 * * 8 *", "0 25 * * MON *", "0 24 * * * *", "0 18 1 * ? 1969", "0 8 L * ? 26"] {
        assert!(!told(text).contains("seconds"), "{}", told(text));
    }
}

#[test]
fn numbers_within_brackets_are_shown_by_their_names() {
    let plan = plan("{ zone: UTC, start: cron(0 8 ? * 1-5 *), stop: 0 18 * * 1-5 }");
    let why = |now: &str| desired(&plan, &[], at(now)).reason.to_string();
    assert_eq!(why("2026-06-07T12:00:00Z"), "started by cron(0 8 ? * 1-5 *) (SUN-THU)", "a Sunday");
    assert_eq!(why("2026-06-08T20:00:00Z"), "stopped by 0 18 * * 1-5");
}
