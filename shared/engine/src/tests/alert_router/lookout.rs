//! Whoever only looks.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use alerting::GroupId;
use alerting::group::Held;
use serde_json::{Value, json};

use super::super::world::at;
use super::town::*;
use crate::Lookout;
use crate::ports::AlertStore;

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

fn signal(town: &Town, event: Value) -> Result<String, String> {
    let contract::AlertRouter::Heard(heard) = serde_json::from_value(event).unwrap() else {
        panic!("an event")
    };
    let [heard] = <[_; 1]>::try_from(heard).unwrap();
    run(town.function().signal_of(heard)).unwrap().map(|signal| signal.subject.to_string())
}

#[test]
fn a_lookout_tells_what_is_due_and_what_is_held_and_changes_nothing() {
    let town = Town::new();
    town.call(json!({ "silence": {
        "alerts": "rule:Rings", "until": at(3_600).to_string(), "by": "ann", "reason": "known",
    } }))
    .unwrap();
    let groups = town.call(alarm("checkout 5xx", "ALARM", 0)).unwrap().groups;
    let home = HOME.parse().unwrap();
    let id = GroupId::from_text(&groups[0]);
    let writes = town.with(|state| state.writes);
    let look = |now| {
        let lookout = Lookout { environment: &home, store: &town.world, alerts: &town, now };
        run(async {
            let policy = lookout.policy().await.unwrap().unwrap();
            let group = town.group(&home, &id).await.unwrap().unwrap();
            lookout.plan(&policy, &group).await.unwrap()
        })
    };
    let plan = look(at(60));
    assert_eq!(plan.sends, []);
    let [(key, Held::Silenced { until, .. })] = plan.held.as_slice() else { panic!("{:?}", plan.held) };
    assert_eq!((key.to_string().as_str(), *until), ("Rings of staging/checkout", at(3_600)));
    let plan = look(at(3_600));
    assert_eq!((plan.sends.len(), plan.held.len()), (1, 0));
    assert_eq!((town.with(|state| state.writes), town.take()), (writes, vec![]));
}

#[test]
fn what_an_event_comes_to_is_told_without_anything_being_done() {
    let town = Town::new();
    assert_eq!(signal(&town, alarm("checkout 5xx", "ALARM", 0)), Ok("staging/checkout".to_owned()));
    assert_eq!(signal(&town, status("production", "unhealthy", &json!({}), 0)), Ok("production".to_owned()));
    for (event, why) in [
        (status("qa", "unhealthy", &json!({}), 0), "environment qa is not routed here"),
        (status("production", "unhealthy", &json!({}), -90_000), "longer than a day ago"),
        (json!({ "detail-type": "Scheduled Event" }), "Scheduled Event is nothing that alerts are about"),
        (json!({ "what": "is this" }), "compare it with the samples in events/"),
    ] {
        let told = signal(&town, event).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
    assert_eq!((town.with(|state| (state.writes, state.timers_started)), town.take()), ((0, 0), vec![]));
}
