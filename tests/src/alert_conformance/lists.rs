//! What is to be looked at, and what is open.

use contract::{Due, DueOf};
use jiff::{SignedDuration, Timestamp};

use super::drawer::{Drawer, due};

/// Times whose texts would sort wrongly without their fractions: 09:15:05, 05.25, 05.5 and 06.
const TIMES: [i64; 4] = [5_000, 5_250, 5_500, 6_000];

fn for_ever() -> Timestamp {
    "2999-01-01T00:00:00Z".parse().unwrap()
}

pub(super) async fn what_is_due_is_listed_once_from_its_instant_on(drawer: &Drawer) {
    let subjects = ["production", "production/checkout", "staging", "staging/checkout"];
    let mut all = Vec::new();
    // In no order of time.
    for index in [2, 0, 3, 1] {
        let (at, subject) = (Drawer::at(TIMES[index]), subjects[index]);
        drawer.put_watch(&drawer.watch_at(subject, 1, Some(at))).await;
        all.push(due(DueOf::Watch, subject, at));
        let group = drawer.group_at(subject, 1, Some(at));
        drawer.put_group(&group).await;
        all.push(due(DueOf::Group, group.id.to_string(), at));
    }
    let across = drawer.across_at(1, Some(Drawer::at(TIMES[2])));
    drawer.put_across(&across).await;
    all.push(due(DueOf::Across, across.rule.to_string(), Drawer::at(TIMES[2])));
    // What is not due at all.
    drawer.put_watch(&drawer.watch_at("development", 1, None)).await;
    drawer.put_group(&drawer.group_at("development", 1, None)).await;
    let mut never = drawer.across_at(1, None);
    never.rule = "Never".parse().unwrap();
    drawer.put_across(&never).await;

    let instant = SignedDuration::from_nanos(1);
    for time in TIMES {
        let time = Drawer::at(time);
        for until in [time - instant, time, time + instant] {
            let expected: Vec<_> = all.iter().filter(|due| due.at <= until).cloned().collect();
            drawer.is_due(until, &expected, &format!("by {until}")).await;
        }
    }
    drawer.is_due(for_ever(), &all, "all of it").await;
}

pub(super) async fn what_is_due_no_more_is_not_listed(drawer: &Drawer) {
    let (soon, later) = (Drawer::at(5_000), Drawer::at(65_000));
    let group = drawer.group("production").id.to_string();
    let rule = drawer.across().rule.to_string();
    for (version, at) in [(1, Some(soon)), (2, Some(later)), (3, None), (4, Some(soon))] {
        drawer.put_watch(&drawer.watch_at("production", version, at)).await;
        drawer.put_group(&drawer.group_at("production", version, at)).await;
        drawer.put_across(&drawer.across_at(version, at)).await;
        let all = |at| {
            vec![
                due(DueOf::Watch, "production", at),
                due(DueOf::Across, rule.clone(), at),
                due(DueOf::Group, group.clone(), at),
            ]
        };
        let expected = at.map(all).unwrap_or_default();
        drawer.is_due(for_ever(), &expected, &format!("version {version}")).await;
        let by_then = if at == Some(soon) { expected } else { Vec::new() };
        drawer.is_due(soon, &by_then, &format!("version {version}, by the first time")).await;
    }
}

pub(super) async fn a_group_is_listed_while_it_is_open(drawer: &Drawer) {
    let subject = "production/checkout";
    let first = drawer.group(subject);
    drawer.put_group(&first).await;
    drawer.are_open(&[&first], "it fires").await;
    let not_due = drawer.group_at(subject, 2, None);
    drawer.put_group(&not_due).await;
    drawer.are_open(&[&not_due], "as it is now, though nothing is due").await;
    let other = drawer.group("staging");
    drawer.put_group(&other).await;
    drawer.are_open(&[&not_due, &other], "two").await;
    drawer.put_group(&drawer.closed_at(subject, 3, None)).await;
    drawer.are_open(&[&other], "it is closed").await;
    drawer.put_group(&drawer.closed_at(subject, 4, Some(Drawer::at(90_000)))).await;
    drawer.are_open(&[&other], "it is closed, though something is due").await;
    let again = drawer.group_at(subject, 5, None);
    drawer.put_group(&again).await;
    drawer.are_open(&[&again, &other], "it fires again").await;
    drawer.put_watch(&drawer.watch("production")).await;
    drawer.put_across(&drawer.across()).await;
    drawer.are_open(&[&again, &other], "subjects and rules are no groups").await;
}

/// More than fit on a page that is cut short by size.
pub(super) async fn more_than_a_page_is_listed(drawer: &Drawer) {
    let (mut groups, mut all) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let (subject, at) = (format!("production/service-{number}"), Drawer::at(number));
        let mut group = drawer.group_at(&subject, 1, Some(at));
        for rule in 0..30 {
            let mut alert = drawer.alert(&subject);
            alert.key.rule = format!("rule {rule}").parse().unwrap();
            alert.because = "ü".repeat(600);
            group.hear(&alert, Drawer::at(0));
        }
        drawer.put_group(&group).await;
        all.push(due(DueOf::Group, group.id.to_string(), at));
        groups.push(group);
    }
    drawer.are_open(&groups.iter().collect::<Vec<_>>(), "all of them").await;
    drawer.is_due(Drawer::at(60), &all, "all of them").await;
}

pub(super) async fn silences_are_listed_those_that_have_ended_too(drawer: &Drawer) {
    let (ended, holds) =
        (Drawer::silence("s-1", Drawer::at(1)), Drawer::silence("s-2", Drawer::at(3_600_000)));
    for silence in [&ended, &holds] {
        drawer.store.put_silence(&drawer.home, silence).await.unwrap();
    }
    drawer.are_silenced(&[&ended, &holds], "whoever reads them knows the time").await;
}

/// What a home has, and only it.
async fn has_its_own(drawer: &Drawer, failures: usize) {
    let (watch, group, across) = (drawer.watch("production"), drawer.group("production"), drawer.across());
    let silence = Drawer::silence(drawer.home.as_str(), Drawer::at(1));
    let all = [
        due(DueOf::Watch, "production", watch.due.unwrap()),
        due(DueOf::Group, group.id.to_string(), group.due.unwrap()),
        due(DueOf::Across, across.rule.to_string(), across.due.unwrap()),
    ];
    let is_there = failures > 0;
    let there = |due: &[Due]| if is_there { due.to_vec() } else { Vec::new() };
    drawer.is_due(for_ever(), &there(&all), "its own").await;
    let (groups, silences) = ([&group], [&silence]);
    drawer.are_open(if is_there { &groups } else { &[] }, "its own").await;
    drawer.are_silenced(if is_there { &silences } else { &[] }, "its own").await;
    assert_eq!(drawer.stored_watch("production").await, is_there.then_some(watch));
    assert_eq!(drawer.stored_group(&group).await, is_there.then_some(group));
    assert_eq!(drawer.stored_across(&across).await, is_there.then_some(across));
    let circuit = drawer.store.circuit(&drawer.home, &"chat".parse().unwrap()).await.unwrap();
    assert_eq!(circuit, Drawer::circuit(failures));
}

/// The name of one home is the beginning of the other one's.
pub(super) async fn two_homes_do_not_see_each_other(one: &Drawer, other: &Drawer) {
    assert!(other.home.as_str().starts_with(one.home.as_str()));
    for (drawer, failures) in [(one, (3, 0)), (other, (3, 5))] {
        let own = if drawer.home == one.home { failures.0 } else { failures.1 };
        drawer.put_watch(&drawer.watch("production")).await;
        drawer.put_group(&drawer.group("production")).await;
        drawer.put_across(&drawer.across()).await;
        let silence = Drawer::silence(drawer.home.as_str(), Drawer::at(1));
        drawer.store.put_silence(&drawer.home, &silence).await.unwrap();
        let channel = "chat".parse().unwrap();
        drawer.store.put_circuit(&drawer.home, &channel, &Drawer::circuit(own)).await.unwrap();
        has_its_own(one, failures.0).await;
        has_its_own(other, failures.1).await;
    }
}
