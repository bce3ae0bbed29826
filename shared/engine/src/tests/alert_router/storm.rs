//! Ten thousand alarms in a minute.

use std::collections::BTreeMap;

use serde_json::json;

use super::town::*;

const ALARMS: i64 = 10_000;
const SERVICES: i64 = 200;

/// So many invocations run at the same time.
const AT_ONCE: usize = 50;

/// Fifty alarms of each service change within a minute, those of one service after each other and of all services mixed.
fn outage(town: &Town, state: &str, from: i64) {
    let mut running: Vec<Running<'_>> = Vec::new();
    let go_on = |running: &mut Vec<Running<'_>>, most: usize| {
        while running.len() > most {
            running.retain_mut(|one| one.go_on().map(|answer| answer.unwrap()).is_none());
        }
    };
    for number in 0..ALARMS {
        let second = from + number * 60 / ALARMS;
        if town.next_timer().is_some_and(|next| seconds(next) <= second) {
            go_on(&mut running, 0);
            town.until(second);
        }
        // Two alarms of one service come right after each other, and meet.
        let (service, alarm) = ((number / 2) % SERVICES, 2 * (number / 2 / SERVICES) + number % 2);
        let service = format!("service-{service}");
        let dimensions = json!({ "Environment": "production", "Service": service });
        running.push(town.start(alarm_of(&format!("{service}: {alarm}"), state, &dimensions, second), 1));
        if number % 2 == 1 {
            go_on(&mut running, AT_ONCE);
        }
    }
    go_on(&mut running, 0);
}

/// A zone is gone: fifty alarms of each of two hundred services ring within a minute.
#[test]
fn after_a_zone_outage_each_group_is_one_page_and_each_alarm_less_than_two_writes() {
    let configuration = CONFIGURATION.replacen("channels: [chat] }", "channels: [pager] }", 1);
    let town = Town::of(&configuration);
    outage(&town, "ALARM", 0);
    town.until(100);
    let (writes, refused, timers, largest, got) = town.with(|state| {
        (state.writes, state.refused_writes, state.timers_started, state.largest, state.got.clone())
    });
    let mut pages: BTreeMap<String, usize> = BTreeMap::new();
    for got in &got {
        *pages.entry(got.notice.group.to_string()).or_default() += 1;
    }
    assert_eq!((pages.len(), pages.values().max()), (200, Some(&1)), "one page for each group");
    #[expect(clippy::cast_precision_loss, reason = "the figures are small")]
    let per_alarm = f64::from(writes) / ALARMS as f64;
    println!(
        "{ALARMS} alarms, {SERVICES} services: {} pages, {writes} writes = {per_alarm:.3} an alarm ({refused} refused), \
         {timers} timers, the largest item {largest} bytes",
        got.len()
    );
    assert!(per_alarm < 2.0, "{per_alarm}");
    assert!(largest < 20_000, "{largest}");
    // The zone is back.
    outage(&town, "OK", 600);
    town.until(4_000);
    assert!(town.is_at_rest());
    assert_eq!(town.with(|state| state.got.len()), 400, "and one end");
}
