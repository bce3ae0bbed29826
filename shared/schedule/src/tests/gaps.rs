//! What is skipped where the clock is set forward.

use jiff::civil::Date;

use super::*;

fn told(text: &str, date: Date) -> Vec<String> {
    skipped(&plan(text), date).iter().map(ToString::to_string).collect()
}

fn date(day: i8) -> Date {
    jiff::civil::date(2026, 3, day)
}

#[test]
fn starts_and_stops_in_the_gap_are_told_on_its_day_alone() {
    let weekend = "{ zone: Europe/Berlin, start: 0 22 * * 6, stop: 30 2 * * 0 }";
    assert_eq!(
        told(weekend, date(29)),
        [
            "02:30 does not exist on this day: the stop by 30 2 * * 0 is skipped, as EventBridge Scheduler does"
        ]
    );
    for day in [28, 30, 22] {
        assert!(told(weekend, date(day)).is_empty(), "{day}");
    }
    let elsewhere = weekend.replace("Berlin", "London");
    assert!(told(&elsewhere, date(29)).is_empty(), "its gap is from 01:00 to 02:00");
    let often = "{ zone: Europe/Berlin, start: ['0,30 2 * * *', 0 3 * * *], stop: '*/10 2,4 * * *' }";
    assert_eq!(
        told(often, date(29)),
        [
            "02:00 and 02:30 do not exist on this day: the starts by 0,30 2 * * * are skipped, as EventBridge Scheduler does",
            "6 times from 02:00 to 02:50 do not exist on this day: the stops by */10 2,4 * * * are skipped, as EventBridge \
             Scheduler does",
        ]
    );
}

#[test]
fn a_holiday_skips_its_starts_itself_and_hours_skip_nothing() {
    let holiday = "{ zone: Europe/Berlin, start: 15 2 * * *, stop: 45 2 * * *, holidays: [2026-03-29] }";
    assert_eq!(
        told(holiday, date(29)),
        [
            "02:45 does not exist on this day: the stop by 45 2 * * * is skipped, as EventBridge Scheduler does"
        ]
    );
    let hours = "{ zone: Europe/Berlin, on: [{ days: [sunday], from: \"02:15\", to: \"02:45\" }] }";
    assert!(told(hours, date(29)).is_empty());
    assert!(told("{ zone: Europe/Berlin, always: on }", date(29)).is_empty());
}

#[test]
fn a_day_that_a_zone_left_out_has_all_of_its_times_skipped() {
    let samoa = "{ zone: Pacific/Apia, start: 0 9 * * *, stop: 0 17 * * * }";
    let left_out = skipped(&plan(samoa), jiff::civil::date(2011, 12, 30));
    assert_eq!(left_out.iter().map(|skipped| skipped.state).collect::<Vec<_>>(), [State::On, State::Off]);
    assert!(skipped(&plan(samoa), jiff::civil::date(2011, 12, 31)).is_empty());
}
