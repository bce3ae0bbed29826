//! What holds of every plan, expression and text.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use proptest::prelude::*;

use super::reference::{Clock, states};
use super::*;

/// Zones with clock changes of all kinds: by an hour, by half an hour, at midnight, over midnight, none, one that ended.
const ZONES: [&str; 10] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "America/Havana",
    "America/Vancouver",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
];

fn zones() -> impl Strategy<Value = Zone> {
    prop::sample::select(&ZONES[..]).prop_map(zone)
}

/// A whole minute of the years 2025 and 2026, every second one near a change of the zone's clock.
fn instants(zone: &Zone) -> BoxedStrategy<Timestamp> {
    let begin = at("2025-01-01T00:00:00Z");
    let minutes = 2 * 365 * 24 * 60;
    let minute = move |minute| begin.checked_add(SignedDuration::from_mins(minute)).unwrap();
    let utc = super::zone("UTC");
    let any = (0..minutes).prop_map(minute);
    let day = |day: i64| minute(day * 24 * 60);
    let offset = |at: Timestamp| zone.wall(at).duration_since(utc.wall(at));
    let changes = (1..2 * 365).filter(|number| offset(day(*number)) != offset(day(number - 1)));
    let changes: Vec<i64> = changes.map(|day| day * 24 * 60).collect();
    if changes.is_empty() {
        return any.boxed();
    }
    let near = (prop::sample::select(changes), -2_000..2_000_i64);
    prop_oneof![any, near.prop_map(move |(change, around)| minute((change + around).clamp(0, minutes)))]
        .boxed()
}

fn zoned() -> impl Strategy<Value = (Zone, Timestamp)> {
    zones().prop_flat_map(|zone| (Just(zone.clone()), instants(&zone)))
}

/// One of the fields of five, from the lowest value to the highest.
fn field(least: u8, most: u8) -> impl Strategy<Value = String> {
    let item = (least..=most).prop_flat_map(move |from| {
        prop_oneof![
            3 => Just(from.to_string()),
            1 => (from..=most).prop_map(move |to| format!("{from}-{to}")),
        ]
    });
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (1..=(most - least)).prop_map(|step| format!("*/{step}")),
        4 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")),
    ]
}

/// Often at few times of a day, and often on days of the week.
fn crons() -> impl Strategy<Value = Cron> {
    let minute = prop_oneof![3 => Just("0".to_owned()), 2 => Just("30".to_owned()), 1 => field(0, 59)];
    let hour = prop_oneof![3 => (0..24_u8).prop_map(|hour| hour.to_string()), 1 => (0..5_u8).prop_map(|hour| hour.to_string()), 1 => field(0, 23)];
    let month = prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12)];
    let day = prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 31)];
    (minute, hour, day, month, field(0, 7))
        .prop_filter_map("never fires", |(minute, hour, day, month, week)| {
            format!("{minute} {hour} {day} {month} {week}").parse().ok()
        })
}

/// Expressions of EventBridge Scheduler's.
fn six() -> impl Strategy<Value = Cron> {
    let days = prop::sample::select(vec![
        "* * ?",
        "L * ?",
        "LW * ?",
        "15W * ?",
        "31W * ?",
        "1,15 2/3 ?",
        "? * MON-FRI",
        "? * FRI-MON",
        "? * 6L",
        "? * 1#5",
        "? 2-4 3#1",
        "? 2 5#5",
    ]);
    let years = prop::sample::select(vec!["*", "2025", "2025-2026", "1970/3"]);
    (field(0, 59), field(0, 23), days, years).prop_filter_map("never fires", |(minute, hour, days, years)| {
        format!("cron({minute} {hour} {days} {years})").parse().ok()
    })
}

fn states_of_people() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::On, State::Off])
}

fn moment(text: String) -> Moment {
    text.try_into().unwrap()
}

fn times() -> impl Strategy<Value = String> {
    let hour = prop_oneof![0..24_u8, 0..5_u8];
    (hour, prop::sample::select(vec![0_u8, 0, 15, 30, 59]))
        .prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"))
}

fn hours() -> impl Strategy<Value = WrittenHours> {
    let days = prop::sample::subsequence(Day::ALL.to_vec(), 1..=7);
    (days, times(), times()).prop_map(|(days, from, to)| WrittenHours {
        days,
        from: moment(from),
        to: moment(to),
    })
}

/// A plan, overrides, and a minute near to which they have something to say.
fn situations() -> impl Strategy<Value = (Plan, WrittenPlan, Vec<Override>, Timestamp)> {
    zoned().prop_flat_map(|(zone, now)| {
        let near = move |days: i64, minutes: i64| {
            now.checked_add(SignedDuration::from_mins(days * 24 * 60 + minutes)).unwrap()
        };
        let said = prop_oneof![
            prop::collection::vec(hours(), 1..4).prop_map(|on| (Some(on), None, None, None)),
            (prop::collection::vec(crons(), 1..3), prop::collection::vec(crons(), 1..3)).prop_map(
                |(start, stop)| {
                    let list = |crons: &Vec<Cron>| {
                        serde_json::from_value::<Crons>(serde_json::json!(crons)).unwrap()
                    };
                    (None, Some(list(&start)), Some(list(&stop)), None)
                }
            ),
            states_of_people().prop_map(|state| (None, None, None, Some(state))),
        ];
        let holidays = prop::collection::btree_set(-4..10_i64, 0..4);
        let span = |least: i64| (-4..8_i64, 0..24 * 60_i64, least..3_000_i64);
        let once = prop::collection::vec((span(1), states_of_people()), 0..2);
        let over = (span(1), states_of_people(), 0..1_000_i64);
        let overrides = prop::collection::vec(over, 0..4);
        (Just(zone), said, holidays, once, overrides).prop_filter_map(
            "refused",
            move |(zone, said, holidays, once, overrides)| {
                let (on, start, stop, always) = said;
                let text = |at: Timestamp| zone.wall(at).strftime("%Y-%m-%dT%H:%M").to_string();
                let once = once.into_iter().enumerate().map(|(index, ((day, minute, length), state))| {
                    WrittenOneOff {
                        name: index.to_string(),
                        state,
                        from: moment(text(near(day, minute))),
                        to: moment(text(near(day, minute + length))),
                    }
                });
                let holidays = holidays
                    .into_iter()
                    .map(|day| Holiday { date: zone.wall(near(day, 0)).date(), name: None });
                let mut holidays: Vec<Holiday> = holidays.collect();
                holidays.dedup();
                let holidays = if always.is_some() { Vec::new() } else { holidays };
                let written = WrittenPlan {
                    zone: zone.clone(),
                    on,
                    start,
                    stop,
                    always,
                    holidays,
                    calendars: Vec::new(),
                    once: once.collect(),
                };
                let overrides = overrides.into_iter().map(|((day, minute, length), state, made)| {
                    let (from, until) = (near(day, minute), near(day, minute + length));
                    let text = |at: Timestamp| at.to_string();
                    let asked = WrittenOverride {
                        state,
                        resources: text(now),
                        from: Some(from),
                        until: Some(until),
                        by: text(now),
                        reason: text(now),
                    };
                    Override::read(asked, near(-6, made)).unwrap()
                });
                Some((Plan::read(written.clone()).ok()?, written, overrides.collect(), now))
            },
        )
    })
}

fn back(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap()
}

const MOMENT: SignedDuration = SignedDuration::from_nanos(1);

proptest! {
    #[test]
    fn next_and_previous_are_each_others_inverse((zone, now) in zoned(), cron in prop_oneof![crons(), six()], second in 0..60_i64) {
        let now = now.checked_add(SignedDuration::from_secs(second)).unwrap();
        let next = cron.next(&zone, now);
        let previous = cron.previous(&zone, now);
        prop_assert!(previous.is_none_or(|previous| previous <= now));
        if let Some(next) = next {
            prop_assert!(next > now);
            prop_assert_eq!(cron.previous(&zone, next), Some(next));
            prop_assert_eq!(cron.previous(&zone, back(next, MOMENT)), previous);
            prop_assert_eq!(cron.next(&zone, back(next, MOMENT)), Some(next));
            // From anywhere in between it is the same.
            let half = next.duration_since(now) / 2;
            prop_assert_eq!(cron.next(&zone, now.checked_add(half).unwrap()), Some(next));
            prop_assert_eq!(cron.previous(&zone, now.checked_add(half).unwrap()), previous);
        }
        if let Some(previous) = previous {
            prop_assert_eq!(cron.next(&zone, previous), next);
            prop_assert_eq!(cron.next(&zone, back(previous, MOMENT)), Some(previous));
        }
    }

    #[test]
    fn a_later_instant_has_no_earlier_firing((zone, now) in zoned(), cron in prop_oneof![crons(), six()], minutes in 0..5_000_i64) {
        let later = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        // Nothing comes after what never comes.
        let next = |at| cron.next(&zone, at).unwrap_or(Timestamp::MAX);
        prop_assert!(next(now) <= next(later));
        prop_assert!(cron.previous(&zone, now) <= cron.previous(&zone, later));
    }

    #[test]
    fn what_is_skipped_on_a_day_is_what_its_clock_does_not_show((zone, now) in zoned(), cron in prop_oneof![crons(), six()]) {
        let (date, utc) = (zone.wall(now).date(), super::zone("UTC"));
        let (begin, end) = utc.day(date).unwrap();
        let minute = |minute| begin.checked_add(SignedDuration::from_mins(minute)).unwrap();
        let shown: BTreeSet<_> = (-15 * 60..39 * 60).map(|count| zone.wall(minute(count))).collect();
        let next = |after: &Timestamp| cron.next(&utc, *after).filter(|at| *at < end);
        let all = std::iter::successors(next(&back(begin, MOMENT)), next).map(|at| utc.wall(at));
        let expected: Vec<_> = all.filter(|wall| !shown.contains(wall)).map(DateTime::time).collect();
        prop_assert_eq!(cron.skipped(&zone, date).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_desired_is_so_until_it_changes((plan, _, overrides, now) in situations(), part in 0.0..1.0_f64) {
        let overrides: Vec<&Override> = overrides.iter().collect();
        let told = desired(&plan, &overrides, now);
        let state = |at: Timestamp| desired(&plan, &overrides, at).state;
        let first = explain(&plan, &overrides, now).into_iter().next().unwrap();
        prop_assert_eq!(first, Voice { state: told.state, reason: told.reason.clone() });
        if let Some(until) = told.until {
            prop_assert!(until > now);
            prop_assert_ne!(state(until), told.state);
            prop_assert_eq!(state(back(until, MOMENT)), told.state);
            let between = now.checked_add(until.duration_since(now).mul_f64(part)).unwrap();
            let same = desired(&plan, &overrides, between);
            prop_assert_eq!((same.state, same.until), (told.state, told.until));
            // From later on a change long ago may be out of sight.
            let sight = SignedDuration::from_hours(400 * 24);
            prop_assert_eq!(same.since, told.since.filter(|since| between.duration_since(*since) <= sight));
            // And at the change it has been so since then.
            prop_assert_eq!(desired(&plan, &overrides, until).since, Some(until));
        }
        if let Some(since) = told.since {
            prop_assert!(since <= now);
            prop_assert_eq!(state(since), told.state);
            prop_assert_ne!(state(back(since, MOMENT)), told.state);
        }
        let (change, after) = match told.state {
            State::On => (told.next_off, told.next_on),
            State::Off => (told.next_on, told.next_off),
        };
        prop_assert_eq!(change, told.until);
        if let (Some(change), Some(after)) = (change, after) {
            prop_assert_eq!(desired(&plan, &overrides, change).until, Some(after));
        }
    }

    #[test]
    fn a_week_is_told_without_a_gap((plan, _, overrides, now) in situations()) {
        let overrides: Vec<&Override> = overrides.iter().collect();
        let monday: Date = plan.zone().wall(now).date();
        let spans = week(&plan, &overrides, monday);
        let (begin, _) = plan.zone().day(monday).unwrap();
        let (end, _) = plan.zone().day(monday.checked_add(jiff::Span::new().days(7)).unwrap()).unwrap();
        prop_assert_eq!(spans.first().unwrap().from, begin);
        prop_assert_eq!(spans.last().unwrap().to, end);
        prop_assert!(spans.iter().all(|span| span.from < span.to));
        for (before, after) in spans.iter().zip(spans.iter().skip(1)) {
            prop_assert_eq!(before.to, after.from);
            prop_assert!((before.state, &before.reason) != (after.state, &after.reason));
        }
        for span in &spans {
            let middle = span.from.checked_add(span.length() / 2).unwrap();
            for at in [span.from, middle, back(span.to, MOMENT)] {
                let told = desired(&plan, &overrides, at);
                prop_assert_eq!((told.state, &told.reason), (span.state, &span.reason));
            }
        }
    }

    #[test]
    fn minutes_are_as_the_rules_have_them((plan, written, overrides, now) in situations()) {
        let overrides: Vec<&Override> = overrides.iter().collect();
        // What held before begins to matter no more with the first stop or start that is seen; so it is asked for.
        let begin = back(now, SignedDuration::from_hours(5 * 24));
        let minutes = 10 * 24 * 60;
        let clock = Clock::new(plan.zone(), begin, minutes);
        let hours_alone = Plan::read(WrittenPlan { once: Vec::new(), ..written.clone() }).unwrap();
        let before = desired(&hours_alone, &[], back(begin, MOMENT)).state;
        let expected = states(&written, &overrides, &clock, before);
        // Windows that begin before the minutes do are not seen by it, and ends after them neither.
        let margin = 2 * 24 * 60;
        let mut now = clock.at(margin);
        let last = clock.at(expected.len() - margin);
        while now < last {
            let told = desired(&plan, &overrides, now);
            let end = told.until.map_or(last, |until| until.min(last));
            let first = usize::try_from(now.duration_since(begin).as_mins()).unwrap();
            let after = usize::try_from(end.duration_since(begin).as_mins()).unwrap();
            prop_assert_eq!(end.as_second() % 60, 0);
            for (minute, expected) in expected.iter().enumerate().take(after).skip(first) {
                prop_assert_eq!(told.state, *expected, "{} {:?}", clock.at(minute), written);
            }
            now = end;
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,60}", line in "[A-Z]{3,8}[;:][A-Z=0-9;:,+-]{0,40}") {
        let _ = text.parse::<Cron>();
        let _ = format!("cron({text})").parse::<Cron>();
        let _ = Holiday::try_from(text.clone());
        let _ = Moment::try_from(text.clone());
        let utc = zone("UTC");
        let _ = Calendar::read(&text, &utc);
        let _ = Calendar::read(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n{line}\n{text}\nEND:VEVENT\nEND:VCALENDAR"), &utc);
    }

    #[test]
    fn no_expression_and_no_rule_makes_a_parser_panic(
        fields in prop::collection::vec("[0-9*,/?LW#A-Za-z-]{1,6}", 4..8),
        rule in prop::collection::vec("(FREQ|INTERVAL|COUNT|UNTIL|BYMONTH|BYMONTHDAY|BYDAY|EXDATE|DURATION|DTEND)[=:](YEARLY|[-+0-9A-Z,]{0,9})", 0..5),
        start in "(00000101|[0-9]{8})(T[0-9]{6}Z?)?",
    ) {
        let text = fields.join(" ");
        for text in [format!("cron({text})"), text] {
            if let Ok(cron) = text.parse::<Cron>() {
                let (zone, now) = (zone("Europe/Berlin"), at("2026-06-01T00:00:00Z"));
                prop_assert!(cron.next(&zone, now).or_else(|| cron.previous(&zone, now)).is_some());
            }
        }
        let event = format!("DTSTART:{start}\nRRULE:FREQ=YEARLY;{}\n{}", rule.join(";"), rule.join("\n"));
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR");
        if let Ok(Calendar { holidays: days, .. }) = Calendar::read(&text, &zone("Europe/Berlin")) {
            prop_assert!(days.iter().zip(days.iter().skip(1)).all(|(before, after)| before.date < after.date));
        }
    }
}
