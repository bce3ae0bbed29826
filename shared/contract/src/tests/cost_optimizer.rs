use cost::{Arn, OverrideId};
use schedule::State;
use serde_json::{Value, json};

use crate::*;

fn read(value: Value) -> Result<CostOptimizer, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_samples_are_requests_of_cost_optimizer() {
    let tick = sample(include_str!("../../../../events/cost-tick.json"));
    assert_eq!(read(tick), Ok(CostOptimizer::Tick));
    let woken = |text: &str| match read(sample(text)) {
        Ok(CostOptimizer::Woken(Arn(arn))) => arn,
        other => panic!("{other:?}"),
    };
    assert!(woken(include_str!("../../../../events/rds-woken.json")).ends_with(":db:orders-db"));
    assert!(woken(include_str!("../../../../events/rds-cluster-woken.json")).ends_with(":cluster:billing"));
    let Ok(CostOptimizer::Override(over)) =
        read(sample(include_str!("../../../../events/cost-override.json")))
    else {
        panic!()
    };
    assert_eq!((over.state, over.resources.as_str()), (State::On, "rds:orders-*"));
    let ended = read(sample(include_str!("../../../../events/cost-end-override.json")));
    let id = OverrideId::from_text("0123456789ab");
    assert_eq!(ended, Ok(CostOptimizer::EndOverride(EndOverride { id, by: "dana@example.com".to_owned() })));
}

#[test]
fn what_else_rds_says_is_about_nothing_here() {
    let mut event = sample(include_str!("../../../../events/rds-woken.json"));
    event["detail"]["EventID"] = json!("RDS-EVENT-0088");
    assert_eq!(
        read(event),
        Ok(CostOptimizer::Other { what: "RDS DB Instance Event RDS-EVENT-0088".to_owned() })
    );
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_send() {
    let mut nameless = sample(include_str!("../../../../events/rds-woken.json"));
    nameless["detail"].as_object_mut().unwrap().remove("SourceArn");
    for (event, says) in [
        (nameless, "detail.SourceArn is missing"),
        (json!({}), "send {\"tick\": {}}"),
        (json!({ "tick": {}, "override": {} }), "send {\"tick\": {}}"),
        (json!({ "override": { "state": "on" } }), "override: "),
        (json!({ "end_override": { "override": "x", "by": "ann", "why": 1 } }), "unknown field `why`"),
    ] {
        let error = read(event).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}
