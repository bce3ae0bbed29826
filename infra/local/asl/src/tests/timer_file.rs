//! The machine of alert-router's timers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::{Reply, start_machine};
use crate::Machine;

const DEFINITION: &str = include_str!("../../../../alert-timer.asl.json");

fn machine() -> Machine {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:alert-router:live".to_owned();
    Machine::parse(DEFINITION, &BTreeMap::from([("AlertRouter".to_owned(), arn)])).unwrap()
}

fn due(at: &str) -> Value {
    json!({ "due": { "of": "group", "key": "g1", "at": at } })
}

#[test]
fn the_timer_is_in_the_subset() {
    let machine = machine();
    assert_eq!(machine.start_at(), "Wait");
    assert_eq!(machine.functions().into_iter().collect::<Vec<_>>(), ["alert-router"]);
}

/// The support's clock begins at 03:04:05.678.
#[tokio::test(start_paused = true)]
async fn it_waits_and_then_calls_with_what_it_was_started_for() {
    for (at, milliseconds) in
        [("2026-01-02T03:04:08.25Z", 2_572), ("2026-01-02T03:04:05.678Z", 0), ("2026-01-01T00:00:00Z", 0)]
    {
        let ran = start_machine(machine(), due(at), [Reply::Ok(json!({ "result": "routed" }))]).end().await;
        ran.output();
        assert_eq!(ran.states, ["Wait", "AlertRouter", "Done"]);
        assert_eq!(ran.calls, [due(at)]);
        assert_eq!(ran.elapsed.as_millis(), milliseconds, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_work_in_a_moment_is_tried_again_and_then_it_is_lost() {
    let failing = |error, times| (0..times).map(move |_| Reply::Err(error));
    let good = || Reply::Ok(json!({ "result": "routed" }));
    for (error, times) in [("TransientError", 6), ("States.Timeout", 6), ("ConflictError", 3)] {
        let replies = failing(error, times).chain([good()]);
        let ran = start_machine(machine(), due("2026-01-01T00:00:00Z"), replies).end().await;
        ran.output();
        assert_eq!((ran.calls.len(), ran.states.last().unwrap().as_str()), (times + 1, "Done"), "{error}");
        let ran =
            start_machine(machine(), due("2026-01-01T00:00:00Z"), failing(error, times + 1)).end().await;
        assert_eq!((ran.error(), ran.states.last().unwrap().as_str()), ("TimerLost", "Lost"), "{error}");
    }
    for error in ["PermanentError", "InvalidInput", "InvalidConfiguration"] {
        let ran = start_machine(machine(), due("2026-01-01T00:00:00Z"), failing(error, 1)).end().await;
        assert_eq!((ran.error(), ran.calls.len()), ("TimerLost", 1), "{error} helps nobody again");
    }
}
