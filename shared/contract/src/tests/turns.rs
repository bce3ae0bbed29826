use async_trait::async_trait;
use serde_json::{Value, json};

use crate::*;

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:rollout:1";

fn turn() -> Value {
    json!({ "rollout_id": "checkout-1", "epoch": 3, "execution_arn": EXECUTION })
}

#[test]
fn promote_step_is_given_a_turn_a_clean_up_or_a_sweep() {
    let read = |value: Value| serde_json::from_value::<PromoteStep>(value).map_err(|error| error.to_string());
    let expected = Turn {
        rollout_id: "checkout-1".parse().unwrap(),
        epoch: 3,
        execution_arn: EXECUTION.parse().unwrap(),
    };
    assert_eq!(read(turn()), Ok(PromoteStep::Advance(expected)));
    let due = CleanUpDue { rollout_id: "checkout-1".parse().unwrap(), attempt: 2 };
    assert_eq!(read(PromoteStep::clean_up_payload(&due)), Ok(PromoteStep::CleanUp(due)));
    assert_eq!(read(json!({ "sweep": {} })), Ok(PromoteStep::Sweep));
    for (value, says) in [
        (json!({ "sweep": { "all": true } }), "sweep: unknown field `all`"),
        (json!({ "sweep": null }), "sweep: invalid type: null"),
        (json!({ "clean_up": { "rollout_id": "checkout-1" } }), "clean_up: missing field `attempt`"),
        (
            json!({ "clean_up": { "rollout_id": "a b", "attempt": 1 } }),
            "clean_up: rollout id \"a b\" is not valid",
        ),
        (json!({ "rollout_id": "checkout-1", "epoch": 3 }), "missing field `execution_arn`"),
        (
            json!({ "rollout_id": "checkout-1", "epoch": "3", "execution_arn": EXECUTION }),
            "invalid type: string \"3\"",
        ),
    ] {
        let error = read(value).unwrap_err();
        assert!(error.starts_with(says), "{error}");
    }
    let mut more = turn();
    more["why"] = json!(1);
    assert!(read(more).unwrap_err().starts_with("unknown field `why`"));
}

#[test]
fn promote_step_is_given_a_persons_order() {
    let read = |value: Value| serde_json::from_value::<PromoteStep>(value).map_err(|error| error.to_string());
    let given = |order: &str, step: Option<u16>| {
        let mut command = json!({
            "rollout_id": "checkout-1", "epoch": 3, "order": order, "by": "alice", "reason": "release train",
        });
        if let Some(step) = step {
            command["step"] = step.into();
        }
        json!({ "command": command })
    };
    let step = rollout::StepIndex(1);
    for (name, number, order) in [
        ("hold", None, rollout::Order::Hold),
        ("resume", None, rollout::Order::Resume),
        ("advance", Some(2), rollout::Order::Advance { step }),
        ("approve", Some(2), rollout::Order::Approve { step }),
    ] {
        let expected = Command {
            rollout_id: "checkout-1".parse().unwrap(),
            epoch: 3,
            order,
            by: "alice".to_owned(),
            reason: "release train".to_owned(),
        };
        assert_eq!(read(given(name, number)), Ok(PromoteStep::Order(expected.clone())));
        assert_eq!(json!({ "command": expected }), given(name, number));
        // Who always says the step may.
        assert_eq!(read(given(name, Some(2))), Ok(PromoteStep::Order(expected)));
    }
    for order in ["advance", "approve"] {
        let says =
            format!("command: missing field `step`: {order} needs the number of the step that you saw");
        let error = read(given(order, None)).unwrap_err();
        assert!(error.starts_with(&says), "{error}");
        let error = read(given(order, Some(0))).unwrap_err();
        assert!(error.starts_with("command: invalid value: integer `0`, expected a nonzero u16"), "{error}");
    }
    assert!(read(given("abort", None)).unwrap_err().starts_with("command: unknown variant `abort`"));
    for field in ["rollout_id", "epoch", "order", "by", "reason"] {
        let mut less = given("hold", None);
        less["command"].as_object_mut().unwrap().remove(field);
        assert_eq!(read(less), Err(format!("command: missing field `{field}`")));
    }
    let mut more = given("hold", None);
    more["command"]["force"] = json!(true);
    assert!(read(more).unwrap_err().starts_with("command: unknown field `force`"));
}

struct Echo;

#[async_trait]
impl Function for Echo {
    const NAME: &'static str = "echo";
    type Request = Turn;
    type Reply = Turn;

    async fn call(&self, turn: Turn) -> Result<Turn, Failure> {
        if turn.epoch == 0 {
            return Err(Failure::new(ErrorName::ConflictError, "again"));
        }
        Ok(turn)
    }
}

#[tokio::test]
async fn a_function_is_called_with_json() {
    assert_eq!(invoke(&Echo, turn()).await, Ok(turn()));
    let mut lost = turn();
    lost["epoch"] = json!(0);
    assert_eq!(invoke(&Echo, lost).await, Err(Failure::new(ErrorName::ConflictError, "again")));
    let failure = invoke(&Echo, json!({})).await.unwrap_err();
    assert_eq!(
        (failure.name, failure.message.as_str()),
        (ErrorName::InvalidInput, "missing field `rollout_id`")
    );
}
