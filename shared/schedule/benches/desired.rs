//! What it costs to decide for many resources at one instant, by their number (the cost of one, `items/s`, is to stay the
//! same), and to find when expressions fire, rare ones too. The bar is 1 s for 5,000 resources.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a bench ends when its input is wrong")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::{SignedDuration, Timestamp};
use schedule::{Calendar, Cron, Override, Plan, WrittenOverride, Zone, desired, week};
use serde_json::json;

fn main() {
    divan::main();
}

/// A Saturday afternoon: back to Friday, and ahead to Monday.
const NOW: &str = "2026-06-06T15:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A public calendar of ten holidays that come every year.
fn calendar() -> String {
    let events = (1..=10).map(|month| {
        format!(
            "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:2020{month:02}01\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Day {month}\r\nEND:VEVENT\r\n"
        )
    });
    format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", events.collect::<String>())
}

const PLANS: [&str; 5] = ["pair", "hours", "calendar", "often", "whole days"];

fn plan(name: &str) -> Plan {
    let week = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let (work, zone) = (&week[..5], "Europe/Berlin");
    serde_json::from_value(match name {
        "pair" => json!({ "zone": zone, "start": "0 8 * * 1-5", "stop": "0 18 * * 1-5" }),
        "hours" => json!({ "zone": zone, "on": [{ "days": work, "from": "08:00", "to": "18:00" }] }),
        "calendar" => json!({ "zone": zone, "start": "0 8 * * 1-5", "stop": "0 18 * * 1-5", "calendars": [calendar()] }),
        "often" => json!({ "zone": zone, "start": "*/5 8-17 * * 1-5", "stop": "*/5 18-23 * * *" }),
        // Nothing changes on it for months.
        _ => json!({ "zone": zone, "on": [{ "days": week, "from": "08:00", "to": "08:00" }], "holidays": ["2027-12-25"] }),
    })
    .unwrap()
}

/// Overrides of every hundredth resource.
fn over(number: usize) -> Option<Override> {
    let asked = WrittenOverride {
        state: schedule::State::On,
        resources: number.to_string(),
        from: None,
        until: Some(at("2026-06-12T15:00:00Z")),
        by: "ann".to_owned(),
        reason: "migration".to_owned(),
    };
    number.is_multiple_of(100).then(|| Override::read(asked, at(NOW)).unwrap())
}

#[divan::bench(args = [10, 100, 1_000, 5_000], sample_count = 20)]
fn resources_at_one_instant(bencher: Bencher<'_, '_>, count: usize) {
    let plans = PLANS.map(plan);
    // Plans that hardly change are there as well, one in twenty.
    let plan = |number: usize| &plans[if number.is_multiple_of(20) { 4 } else { number % 4 }];
    let overrides: Vec<Option<Override>> = (0..count).map(over).collect();
    let now = at(NOW);
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let each = overrides.iter().enumerate().map(|(number, over)| {
            let over: Vec<&Override> = over.iter().collect();
            desired(plan(number), &over, black_box(now)).until
        });
        each.flatten().count()
    });
}

#[divan::bench(args = PLANS)]
fn one_resource(bencher: Bencher<'_, '_>, name: &str) {
    let (plan, now) = (plan(name), at(NOW));
    bencher.bench_local(|| desired(&plan, &[], black_box(now)));
}

/// By the number of overrides that are about it.
#[divan::bench(args = [0, 10, 100, 1_000])]
fn one_resource_with_overrides(bencher: Bencher<'_, '_>, count: usize) {
    let (plan, now) = (plan("pair"), at(NOW));
    let overrides: Vec<Override> = (0..count).filter_map(|number| over(number * 100)).collect();
    let overrides: Vec<&Override> = overrides.iter().collect();
    bencher.bench_local(|| desired(&plan, &overrides, black_box(now)));
}

#[divan::bench]
fn one_week(bencher: Bencher<'_, '_>) {
    let (plan, monday) = (plan("calendar"), jiff::civil::date(2026, 6, 1));
    bencher.bench_local(|| week(&plan, &[], black_box(monday)));
}

const CRONS: [&str; 7] = [
    "0 18 * * 1-5",
    "*/15 * * * *",
    "cron(0 9 LW * ? *)",
    "0 0 29 2 *",
    // Fires on 2032-02-29 for the first time after 2004.
    "cron(0 0 ? 2 SUN#5 *)",
    "cron(0 0 1 1 ? 2199)",
    // Never shown by the clock of Berlin since 1996, every year looked at: the worst.
    "cron(* 2 ? 3 SUNL *)",
];

#[divan::bench(args = CRONS)]
fn next(bencher: Bencher<'_, '_>, text: &str) {
    let (cron, zone) = (text.parse::<Cron>().unwrap(), Zone::try_from("Europe/Berlin".to_owned()).unwrap());
    let now = at(NOW);
    bencher.bench_local(|| cron.next(&zone, black_box(now)));
}

#[divan::bench(args = CRONS)]
fn previous(bencher: Bencher<'_, '_>, text: &str) {
    let (cron, zone) = (text.parse::<Cron>().unwrap(), Zone::try_from("Europe/Berlin".to_owned()).unwrap());
    let now = at(NOW);
    bencher.bench_local(|| cron.previous(&zone, black_box(now)));
}

/// All firings of so many days.
#[divan::bench(args = [10, 100, 1_000])]
fn firings(bencher: Bencher<'_, '_>, days: i64) {
    let (cron, zone) =
        ("0 18 * * 1-5".parse::<Cron>().unwrap(), Zone::try_from("Europe/Berlin".to_owned()).unwrap());
    let end = at(NOW).checked_add(SignedDuration::from_hours(days * 24)).unwrap();
    bencher.bench_local(|| {
        let next = |after: &Timestamp| cron.next(&zone, *after);
        std::iter::successors(next(&at(NOW)), next).take_while(|at| *at < end).count()
    });
}

#[divan::bench(args = CRONS)]
fn read(bencher: Bencher<'_, '_>, text: &str) {
    bencher.bench_local(|| black_box(text).parse::<Cron>().is_ok());
}

/// A calendar of ten holidays, and of so many times as many.
#[divan::bench(args = [1, 10, 100])]
fn read_calendar(bencher: Bencher<'_, '_>, times: usize) {
    let utc = Zone::try_from("UTC".to_owned()).unwrap();
    let text = calendar();
    let events = text.strip_prefix("BEGIN:VCALENDAR\r\n").unwrap().strip_suffix("END:VCALENDAR\r\n").unwrap();
    let text = format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", events.repeat(times));
    let text = text.replace("RRULE:FREQ=YEARLY\r\n", "RRULE:FREQ=YEARLY;COUNT=20\r\n");
    assert!(Calendar::read(&text, &utc).is_ok());
    bencher.bench_local(|| Calendar::read(black_box(&text), &utc).is_ok());
}
