//! What expressions mean, and when they fire.

use super::*;

fn cron(text: &str) -> Cron {
    text.parse().unwrap_or_else(|why| panic!("{why}"))
}

/// The next firings after an instant, as a clock on the wall of the zone shows them.
fn firings(text: &str, name: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, zone) = (cron(text), zone(name));
    let next = |after: &Timestamp| cron.next(&zone, *after);
    std::iter::successors(next(&at(after)), next).take(count).map(|at| zone.wall(at).to_string()).collect()
}

/// The days of a month on which an expression fires.
fn days(text: &str, month: &str) -> Vec<i8> {
    let (cron, zone) = (cron(text), zone("UTC"));
    let begin = at(&format!("{month}-01T00:00:00Z"));
    let this = zone.wall(begin).date();
    std::iter::successors(
        cron.next(&zone, begin.checked_sub(SignedDuration::from_secs(1)).unwrap()),
        |after| cron.next(&zone, *after),
    )
    .map(|at| zone.wall(at).date())
    .take_while(|date| (date.year(), date.month()) == (this.year(), this.month()))
    .map(jiff::civil::Date::day)
    .collect()
}

#[test]
fn the_documents_expressions_fire_on_weekdays() {
    let stop = firings("0 18 * * 1-5", "Europe/Berlin", "2026-06-05T00:00:00Z", 3);
    assert_eq!(stop, ["2026-06-05T18:00:00", "2026-06-08T18:00:00", "2026-06-09T18:00:00"]);
    let start = firings("0 8 * * 1-5", "America/New_York", "2026-06-05T12:00:00Z", 2);
    assert_eq!(start, ["2026-06-08T08:00:00", "2026-06-09T08:00:00"]);
    let now = at("2026-06-05T16:00:00Z");
    let (stop, berlin) = (cron("0 18 * * 1-5"), zone("Europe/Berlin"));
    assert_eq!(stop.previous(&berlin, now), Some(now), "what fires now has fired");
    assert!(stop.next(&berlin, now) > Some(now));
}

#[test]
fn five_fields_are_read_as_cron_does() {
    for (text, month, expected) in [
        ("0 0 1,15 * *", "2026-06", vec![1, 15]),
        ("0 0 1-9/4,30 * *", "2026-06", vec![1, 5, 9, 30]),
        ("0 0 * * 0", "2026-06", vec![7, 14, 21, 28]),
        ("0 0 * * 7", "2026-06", vec![7, 14, 21, 28]),
        ("0 0 * * sun", "2026-06", vec![7, 14, 21, 28]),
        ("0 0 * * Fri-Sun", "2026-06", vec![5, 6, 7, 12, 13, 14, 19, 20, 21, 26, 27, 28]),
        ("0 0 * * */2", "2026-06", vec![2, 4, 6, 7, 9, 11, 13, 14, 16, 18, 20, 21, 23, 25, 27, 28, 30]),
        ("0 0 * * 6-7", "2026-06", vec![6, 7, 13, 14, 20, 21, 27, 28]),
        // Either, where neither begins with a star; both, where one does.
        ("0 0 13 * 5", "2026-06", vec![5, 12, 13, 19, 26]),
        ("0 0 */10 * 1", "2026-06", vec![1]),
        ("0 0 */5 JUN 1-5", "2026-06", vec![1, 11, 16, 26]),
        ("0 0 1-31 * 1", "2026-06", (1..=30).collect()),
        ("0 0 31 * *", "2026-06", vec![]),
        ("0 0 29 feb *", "2028-02", vec![29]),
    ] {
        assert_eq!(days(text, month), expected, "{text}");
    }
    let minutes = firings("*/20 9,17-18 1 1 *", "UTC", "2026-01-01T00:00:00Z", 10);
    let minutes: Vec<&str> = minutes.iter().map(|at| &at[11..16]).collect();
    assert_eq!(
        minutes,
        ["09:00", "09:20", "09:40", "17:00", "17:20", "17:40", "18:00", "18:20", "18:40", "09:00"]
    );
}

/// The examples of its page among them.
#[test]
fn six_fields_are_read_as_eventbridge_scheduler_does() {
    for (text, month, expected) in [
        ("cron(0 10 1 * ? *)", "2026-06", vec![1]),
        ("cron(0 18 ? * MON-FRI *)", "2026-11", (2..=30).filter(|day| !matches!(day % 7, 0 | 1)).collect()),
        ("0 18 ? * MON-FRI 2026", "2026-11", (2..=30).filter(|day| !matches!(day % 7, 0 | 1)).collect()),
        ("cron(0 18 ? * 2-6)", "2026-11", (2..=30).filter(|day| !matches!(day % 7, 0 | 1)).collect()),
        (
            "cron(0 1 ? * FRI-MON *)",
            "2026-06",
            vec![1, 5, 6, 7, 8, 12, 13, 14, 15, 19, 20, 21, 22, 26, 27, 28, 29],
        ),
        ("cron(15 10 ? * 6L 2022-2023)", "2022-06", vec![24]),
        ("cron(15 10 ? * friL 2022-2023)", "2024-06", vec![]),
        ("cron(0 0 L * ? *)", "2028-02", vec![29]),
        ("cron(0 0 LW * ? *)", "2026-05", vec![29]),
        ("cron(0 0 LW * ? *)", "2026-06", vec![30]),
        ("cron(0 0 3W * ? *)", "2026-10", vec![2]),
        ("cron(0 0 1W * ? *)", "2026-08", vec![3]),
        ("cron(0 0 1W * ? *)", "2026-11", vec![2]),
        ("cron(0 0 31W * ? *)", "2026-05", vec![29]),
        ("cron(0 0 31W * ? *)", "2026-10", vec![30]),
        ("cron(0 0 31W * ? *)", "2026-06", vec![]),
        ("cron(0 0 30W * ? *)", "2027-01", vec![29]),
        ("cron(0 0 ? * 3#2 *)", "2026-06", vec![9]),
        ("cron(0 0 ? * mon#5 *)", "2026-06", vec![29]),
        ("cron(0 0 ? * MON#5 *)", "2026-07", vec![]),
        ("cron(0 0 ? * L *)", "2026-06", vec![6, 13, 20, 27]),
        ("cron(0 0 1/10 * ? *)", "2026-06", vec![1, 11, 21]),
        ("cron(0 0 1 1/6 ? *)", "2026-07", vec![1]),
        ("cron(0 0 28-2 * ? *)", "2026-06", vec![1, 2, 28, 29, 30]),
        ("CRON( 0  0 1 * ? 2026/2 )", "2027-01", vec![]),
        ("CRON( 0  0 1 * ? 2026/2 )", "2028-01", vec![1]),
    ] {
        assert_eq!(days(text, month), expected, "{text}");
    }
    let minutes = firings("cron(1/10 12 ? * * *)", "UTC", "2026-01-01T00:00:00Z", 6);
    assert_eq!(minutes.first().unwrap(), "2026-01-01T12:01:00");
    assert_eq!(minutes.last().unwrap(), "2026-01-01T12:51:00");
    // The 1st of June 2026 is a Monday.
    let night = firings("cron(0 20-2/2 ? * MON *)", "UTC", "2026-06-01T00:00:00Z", 4);
    assert_eq!(
        night,
        ["2026-06-01T02:00:00", "2026-06-01T20:00:00", "2026-06-01T22:00:00", "2026-06-08T00:00:00"]
    );
}

/// Its page has this very example: `cron(30 2 * * ? *)` where the clock jumps from 2:00 to 3:00 and back.
#[test]
fn a_time_that_is_jumped_over_is_left_out_and_one_that_comes_twice_fires_once_at_the_first() {
    for text in ["30 2 * * *", "cron(30 2 * * ? *)"] {
        let spring = firings(text, "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T02:30:00", "2026-03-30T02:30:00", "2026-03-31T02:30:00"]);
        let (cron, berlin) = (cron(text), zone("Europe/Berlin"));
        // The hour from 2:00 comes first from 0:00 UTC, and again from 1:00 UTC.
        let first = at("2026-10-25T00:30:00Z");
        assert_eq!(cron.next(&berlin, at("2026-10-25T00:00:00Z")), Some(first));
        for later in
            ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:29:59Z", "2026-10-25T01:30:00Z"]
        {
            assert_eq!(cron.next(&berlin, at(later)), Some(at("2026-10-26T01:30:00Z")), "{later}");
            assert_eq!(cron.previous(&berlin, at(later)), Some(first), "{later}");
        }
    }
    // A step of minutes pauses while the hour comes again.
    let (cron, berlin) = (cron("*/20 * * * *"), zone("Europe/Berlin"));
    assert_eq!(cron.next(&berlin, at("2026-10-25T00:40:00Z")), Some(at("2026-10-25T02:00:00Z")));
    assert_eq!(cron.previous(&berlin, at("2026-10-25T01:59:59Z")), Some(at("2026-10-25T00:40:00Z")));
    assert_eq!(cron.next(&berlin, at("2026-03-29T00:40:00Z")), Some(at("2026-03-29T01:00:00Z")));
    // Beirut sets its clock back from midnight to 23:00, so that the day before comes again.
    let beirut = zone("Asia/Beirut");
    assert_eq!(cron.next(&beirut, at("2026-10-24T20:40:00Z")), Some(at("2026-10-24T22:00:00Z")));
    assert_eq!(cron.previous(&beirut, at("2026-10-24T21:59:00Z")), Some(at("2026-10-24T20:40:00Z")));
}

#[test]
fn a_day_that_a_zone_left_out_has_no_firings() {
    // Samoa had no 2011-12-30.
    let days = firings("0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3);
    assert_eq!(days, ["2011-12-29T09:00:00", "2011-12-31T09:00:00", "2012-01-01T09:00:00"]);
    let apia = zone("Pacific/Apia");
    assert_eq!(cron("0 9 30 12 *").next(&apia, at("2011-06-01T00:00:00Z")), Some(at("2012-12-29T19:00:00Z")));
}

#[test]
fn rare_days_are_found_however_far_away_and_past_ones_are_not() {
    let utc = zone("UTC");
    let next = |text: &str, after: &str| cron(text).next(&utc, at(after)).map(|at| at.to_string());
    assert_eq!(next("0 0 29 2 *", "2096-03-01T00:00:00Z").unwrap(), "2104-02-29T00:00:00Z");
    // A leap day on a Thursday or Sunday, and on the one day of the week for which that is longest.
    assert_eq!(next("0 0 29 2 */4", "2072-03-01T00:00:00Z").unwrap(), "2080-02-29T00:00:00Z");
    assert_eq!(next("cron(0 0 ? 2 MON#5 *)", "2072-03-01T00:00:00Z").unwrap(), "2112-02-29T00:00:00Z");
    assert_eq!(next("cron(0 0 1 1 ? 2190)", "2026-01-01T00:00:00Z").unwrap(), "2190-01-01T00:00:00Z");
    assert_eq!(next("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00Z"), None);
    assert_eq!(cron("cron(0 0 1 1 ? 2030)").previous(&utc, at("2026-01-01T00:00:00Z")), None);
    let last = cron("0 0 29 2 *").previous(&utc, at("2104-02-28T00:00:00Z")).unwrap();
    assert_eq!(last.to_string(), "2096-02-29T00:00:00Z");
    // It names no time that the clock of New York shows.
    let (never, york) = (cron("cron(30 2 ? 3 SUN#2 *)"), zone("America/New_York"));
    assert_eq!(never.next(&york, at("2026-01-01T00:00:00Z")), None);
    // The ends of time are ends.
    assert_eq!(cron("* * * * *").next(&utc, Timestamp::MAX), None);
    assert_eq!(cron("* * * * *").previous(&utc, Timestamp::MIN), None);
    assert!(cron("* * * * *").next(&utc, Timestamp::MIN).is_some());
    assert!(cron("* * * * *").previous(&utc, Timestamp::MAX).is_some());
}

#[test]
fn what_is_no_expression_is_refused_with_a_remedy() {
    for (text, says) in [
        ("", "has 0 fields: write minute, hour"),
        ("0 18 * *", "has 4 fields"),
        ("0 0 1 1 1 1 1", "has 7 fields: write minute"),
        ("cron(0 18 * *)", "4 fields in cron(…)"),
        ("rate(5 minutes)", "has 2 fields"),
        ("@daily", "has 1 field:"),
        ("60 18 * * *", "the minute: \"60\" is no value of it: write 0 to 59"),
        ("0 24 * * *", "the hour: \"24\" is no value of it: write 0 to 23"),
        ("0 18 0 * *", "the day of month: \"0\" is no value of it: write 1 to 31"),
        ("0 18 * 13 *", "the month: \"13\" is no value of it: write 1 to 12 or JAN to DEC"),
        ("0 18 * JANUARY *", "\"JANUARY\" is no value of it"),
        (
            "0 18 * * 8",
            "the day of week: \"8\" is no value of it: write 0 to 7, where 0 and 7 are Sunday, or SUN to SAT",
        ),
        ("0 18 * * monday", "\"MONDAY\" is no value of it"),
        ("0 18 * * 5-1", "5-1 ends before it begins: write 5-7,0-1"),
        ("0 18 * * FRI-MON", "write FRI-7,0-MON"),
        ("0 22-2 * * *", "write 22-23,0-2"),
        ("0 23-0 * * *", "write 23,0"),
        ("5/15 * * * *", "5/15 has no range to step through: write 5-59/15"),
        ("*/0 * * * *", "\"0\" is no step within *: write a step of 1 to 59"),
        ("*/90 * * * *", "\"90\" is no step within *: write a step of 1 to 59"),
        ("1-5/9 * * * *", "write a step of 1 to 4"),
        ("1-1/2 * * * *", "leave the step out"),
        ("1,,2 * * * *", "a value is missing: write 0 to 59"),
        ("-5 * * * *", "a value is missing"),
        ("+5 * * * *", "\"+5\" is no value"),
        ("1-2-3 * * * *", "\"2-3\" is no value"),
        ("0 18 ? * 1-5", "the day of month: \"?\" is no value of it: write *"),
        ("0 18 L * *", "L, W and # are of EventBridge Scheduler's six fields"),
        ("0 18 * * 5#1", "L, W and # are of"),
        ("0 18 31 2 *", "never fires: no month and year that it names have such a day"),
        ("0 18 30-31 2 *", "never fires"),
        ("cron(0 18 31 4,6,9,11 ? *)", "never fires"),
        ("cron(0 18 29 2 ? 2026-2027)", "never fires"),
        ("cron(0 18 ? 2 MON#5 2026)", "never fires"),
        ("0 18 * * 8 *", "the day of month: it is * beside a day of week: write ?"),
        ("cron(0 18 1 * MON *)", "write ? for one of the two, and a second expression"),
        ("cron(0 18 ? * ? *)", "it is ? and the day of month too"),
        ("cron(0 ? ? * MON *)", "the hour: \"?\" is no value of it: write *"),
        ("cron(0 18 ? * 0 *)", "write 1 to 7, where 1 is Sunday, or SUN to SAT"),
        ("cron(0 18 ? * 2/2 *)", "a step, which EventBridge Scheduler does not have here: write the days"),
        ("cron(0 18 ? * 3#1,6#3 *)", "write one day and which of the month it is, 1 to 5, like MON#2, alone"),
        ("cron(0 18 ? * 3#6 *)", "1 to 5"),
        ("cron(0 18 ? * 9#1 *)", "write 1 to 7"),
        ("cron(0 18 ? * 2,6L *)", "write one day with L, like FRIL, alone"),
        ("cron(0 18 L,15 * ? *)", "write L, LW or one day with W, like 15W, alone"),
        ("cron(0 18 L-3 * ? *)", "write L, LW or one day with W"),
        ("cron(0 18 32W * ? *)", "write L, LW or one day with W"),
        ("cron(0 18 1 * ? 1969)", "the year: \"1969\" is no value of it: write 1970 to 2199"),
        ("cron(0 18 1 * ? 2027-2026)", "write 2026-2027"),
        ("cron(0 18 1 * ? *", "cron(0 18 1 * ? *"),
    ] {
        let told = text.parse::<Cron>().unwrap_err().to_string();
        assert!(told.contains(says), "{text}: {told}");
    }
    let long = "1,".repeat(200) + "1 * * * *";
    let told = long.parse::<Cron>().unwrap_err().to_string();
    assert!(told.contains("more than 200 characters") && told.len() < 300, "{told}");
}

#[test]
fn an_expression_survives_storage_as_it_was_written() {
    for text in ["0 18 * * 1-5", "CRON(0 18 ? * mon-FRI *)"] {
        let stored = serde_json::to_string(&cron(text)).unwrap();
        assert_eq!(stored, format!("{text:?}"));
        assert_eq!(serde_json::from_str::<Cron>(&stored).unwrap(), cron(text));
    }
    let told = serde_json::from_str::<Cron>("\"0 25 * * *\"").unwrap_err().to_string();
    assert!(told.contains("write 0 to 23"), "{told}");
}
