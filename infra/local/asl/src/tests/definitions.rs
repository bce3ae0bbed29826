//! Every rejection, with the place it names.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::{FUNCTION, INVOKE, WAIT_FOR_TOKEN, one, parse, task, token_task, with};
use crate::{DefinitionError, Identity, IdentityError, Machine};

fn refused(definition: &Value) -> DefinitionError {
    Machine::parse(&definition.to_string(), &BTreeMap::new()).expect_err("a definition outside the subset")
}

/// The definition is refused with the variant, and the message begins with the place.
macro_rules! assert_refused {
    ($definition:expr, $variant:ident, $place:expr) => {
        let error = refused(&$definition);
        assert!(matches!(error, DefinitionError::$variant { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("{}: ", $place)), "{message}");
    };
}

fn in_state(field: &str) -> String {
    format!("state \"T\", field {field:?}")
}

fn wait(fields: &Value) -> Value {
    one(&with(json!({ "Type": "Wait", "End": true }), fields))
}

fn choice(rule: &Value) -> Value {
    one(&json!({ "Type": "Choice", "Choices": [rule], "Default": "After" }))
}

#[test]
fn text_that_is_no_json_is_refused() {
    let error = Machine::parse("{\"StartAt\": ", &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, DefinitionError::Json(_)));
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let text = r#"{"StartAt":"T","States":{"T":{"Type":"Succeed"},"T":{"Type":"Succeed"}}}"#;
    let DefinitionError::Json(source) = Machine::parse(text, &BTreeMap::new()).unwrap_err() else {
        panic!("another error");
    };
    assert!(source.to_string().contains("\"T\" stands twice"), "{source}");
}

#[test]
fn unknown_fields_are_refused_at_every_level() {
    let mut top = one(&json!({ "Type": "Succeed" }));
    top["Timeout"] = json!(3);
    assert_refused!(top, UnknownField, "the top level, field \"Timeout\"");
    assert_refused!(one(&task(&json!({ "Timeout": 3 }))), UnknownField, in_state("Timeout"));
    assert_refused!(one(&json!({ "Type": "Succeed", "End": true })), UnknownField, in_state("End"));
    assert_refused!(one(&json!({ "Type": "Fail", "InputPath": "$" })), UnknownField, in_state("InputPath"));
    assert_refused!(wait(&json!({ "Seconds": 1, "Retry": [] })), UnknownField, in_state("Retry"));
    let retry = json!({ "Retry": [{ "ErrorEquals": ["A"], "Interval": 3 }] });
    assert_refused!(one(&task(&retry)), UnknownField, in_state("Retry[0].Interval"));
    let catch = json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "After", "OutputPath": "$" }] });
    assert_refused!(one(&task(&catch)), UnknownField, in_state("Catch[0].OutputPath"));
    let rule = json!({ "Variable": "$.a", "StringMatches": "a*", "IsPresent": true, "Next": "After" });
    assert_refused!(choice(&rule), UnknownField, in_state("Choices[0].StringMatches"));
    let inner = json!({ "Not": { "Variable": "$.a", "IsPresent": true, "Next": "After" }, "Next": "After" });
    assert_refused!(choice(&inner), UnknownField, in_state("Choices[0].Not.Next"));
    let parameters = json!({ "FunctionName": "f", "Payload": {}, "InvocationType": "Event" });
    assert_refused!(
        one(&task(&json!({ "Resource": INVOKE, "Parameters": parameters }))),
        UnknownField,
        in_state("Parameters.InvocationType")
    );
}

#[test]
fn jsonata_is_refused() {
    let mut top = one(&json!({ "Type": "Succeed" }));
    top["QueryLanguage"] = json!("JSONata");
    assert_refused!(top, Jsonata, "the top level, field \"QueryLanguage\"");
    assert_refused!(
        one(&json!({ "Type": "Succeed", "QueryLanguage": "JSONata" })),
        Jsonata,
        in_state("QueryLanguage")
    );
    for field in ["Arguments", "Assign", "Output"] {
        let fields = json!({ field: {} });
        assert_refused!(one(&task(&fields)), Jsonata, in_state(field));
    }
    let expression = json!({ "Parameters": { "a": ["{% $states.input %}"] } });
    assert_refused!(one(&task(&expression)), Jsonata, in_state("Parameters.a[0]"));
}

#[test]
fn jsonpath_may_be_named() {
    let mut top = one(&json!({ "Type": "Succeed", "QueryLanguage": "JSONPath" }));
    top["QueryLanguage"] = json!("JSONPath");
    top["Version"] = json!("1.0");
    assert_eq!(parse(&top).start_at(), "T");
}

#[test]
fn other_state_types_are_refused() {
    for kind in ["Parallel", "Map", "task"] {
        assert_refused!(one(&json!({ "Type": kind })), StateType, in_state("Type"));
    }
}

#[test]
fn missing_fields_are_named() {
    assert_refused!(json!({ "States": {} }), Missing, "the top level, field \"StartAt\"");
    assert_refused!(json!({ "StartAt": "T" }), Missing, "the top level, field \"States\"");
    assert_refused!(one(&json!({})), Missing, in_state("Type"));
    assert_refused!(one(&json!({ "Type": "Task", "End": true })), Missing, in_state("Resource"));
    assert_refused!(one(&json!({ "Type": "Pass" })), Missing, in_state("Next"));
    assert_refused!(wait(&json!({})), Missing, in_state("Seconds"));
    assert_refused!(one(&json!({ "Type": "Choice" })), Missing, in_state("Choices"));
    assert_refused!(
        choice(&json!({ "Variable": "$.a", "IsPresent": true })),
        Missing,
        in_state("Choices[0].Next")
    );
    assert_refused!(
        choice(&json!({ "IsPresent": true, "Next": "After" })),
        Missing,
        in_state("Choices[0].Variable")
    );
    assert_refused!(one(&task(&json!({ "Retry": [{}] }))), Missing, in_state("Retry[0].ErrorEquals"));
    assert_refused!(
        one(&task(&json!({ "Catch": [{ "ErrorEquals": ["A"] }] }))),
        Missing,
        in_state("Catch[0].Next")
    );
    assert_refused!(one(&task(&json!({ "Resource": INVOKE }))), Missing, in_state("Parameters"));
    assert_refused!(
        one(&task(&json!({ "Resource": INVOKE, "Parameters": { "Payload": {} } }))),
        Missing,
        in_state("Parameters.FunctionName")
    );
    assert_refused!(
        one(&task(&json!({ "Resource": INVOKE, "Parameters": { "FunctionName": "f" } }))),
        Missing,
        in_state("Parameters.Payload")
    );
}

#[test]
fn null_is_refused() {
    for field in ["InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector"] {
        assert_refused!(one(&task(&json!({ field: null }))), Null, in_state(field));
    }
    let catch = json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "After", "ResultPath": null }] });
    assert_refused!(one(&task(&catch)), Null, in_state("Catch[0].ResultPath"));
}

#[test]
fn values_out_of_type_or_range_are_refused() {
    let mut top = one(&json!({ "Type": "Succeed" }));
    top["Version"] = json!("2.0");
    assert_refused!(top, Value, "the top level, field \"Version\"");
    let mut top = one(&json!({ "Type": "Succeed" }));
    top["TimeoutSeconds"] = json!(0);
    assert_refused!(top, Value, "the top level, field \"TimeoutSeconds\"");
    assert_refused!(json!([]), Value, "the top level");
    assert_refused!(json!({ "StartAt": "T", "States": [] }), Value, "the top level, field \"States\"");
    assert_refused!(json!({ "StartAt": "T", "States": { "T": 1 } }), Value, "state \"T\"");
    let long = "x".repeat(81);
    assert_refused!(
        json!({ "StartAt": long, "States": { &long: { "Type": "Succeed" } } }),
        Value,
        format!("state {long:?}")
    );
    for (field, value) in [
        ("Comment", json!(1)),
        ("End", json!("yes")),
        ("End", json!(false)),
        ("TimeoutSeconds", json!(0)),
        ("TimeoutSeconds", json!(1.5)),
        ("TimeoutSeconds", json!("60")),
        ("TimeoutSeconds", json!(100_000_000)),
        ("Parameters", json!("$.a")),
        ("ResultSelector", json!([])),
        ("Retry", json!({})),
        ("HeartbeatSeconds", json!(5)),
    ] {
        assert_refused!(one(&task(&json!({ field: value }))), Value, in_state(field));
    }
    for (field, value) in [
        ("IntervalSeconds", json!(0)),
        ("MaxAttempts", json!(-1)),
        ("BackoffRate", json!(0.5)),
        ("BackoffRate", json!("2")),
        ("MaxDelaySeconds", json!(0)),
        ("MaxDelaySeconds", json!(31_622_400)),
        ("JitterStrategy", json!("HALF")),
        ("ErrorEquals", json!([])),
    ] {
        let retry = json!({ "Retry": [with(json!({ "ErrorEquals": ["A"] }), &json!({ field: value }))] });
        assert_refused!(one(&task(&retry)), Value, in_state(&format!("Retry[0].{field}")));
    }
    let names = json!({ "Retry": [{ "ErrorEquals": ["A", 1] }] });
    assert_refused!(one(&task(&names)), Value, in_state("Retry[0].ErrorEquals[1]"));
    assert_refused!(wait(&json!({ "Seconds": -1 })), Value, in_state("Seconds"));
    assert_refused!(wait(&json!({ "Timestamp": "2026-01-02" })), Value, in_state("Timestamp"));
    assert_refused!(one(&json!({ "Type": "Choice", "Choices": [] })), Value, in_state("Choices"));
    for (field, value) in [
        ("StringEquals", json!(1)),
        ("BooleanEquals", json!("true")),
        ("NumericLessThan", json!("3")),
        ("IsPresent", json!(1)),
    ] {
        let rule = json!({ "Variable": "$.a", field: value, "Next": "After" });
        assert_refused!(choice(&rule), Value, in_state(&format!("Choices[0].{field}")));
    }
    let no_test = json!({ "Variable": "$.a", "Next": "After" });
    assert_refused!(choice(&no_test), Value, in_state("Choices[0].Variable"));
    let no_operand = json!({ "And": [], "Next": "After" });
    assert_refused!(choice(&no_operand), Value, in_state("Choices[0].And"));
    assert_refused!(one(&task(&json!({ "Parameters": { "a.$": 1 } }))), Value, in_state("Parameters.a.$"));
    let unnamed = json!({ "Resource": INVOKE, "Parameters": { "FunctionName": "", "Payload": {} } });
    assert_refused!(one(&task(&unnamed)), Value, in_state("Parameters.FunctionName"));
    let slow = json!({ "HeartbeatSeconds": 60, "TimeoutSeconds": 60 });
    assert_refused!(one(&token_task(&slow)), Value, in_state("HeartbeatSeconds"));
}

#[test]
fn fields_that_exclude_each_other_are_refused() {
    assert_refused!(one(&task(&json!({ "Next": "After" }))), Conflict, in_state("End"));
    assert_refused!(wait(&json!({ "Seconds": 1, "SecondsPath": "$.s" })), Conflict, in_state("SecondsPath"));
    assert_refused!(
        one(&task(&json!({ "TimeoutSeconds": 1, "TimeoutSecondsPath": "$.s" }))),
        Conflict,
        in_state("TimeoutSecondsPath")
    );
    assert_refused!(
        one(&json!({ "Type": "Fail", "Error": "E", "ErrorPath": "$.e" })),
        Conflict,
        in_state("ErrorPath")
    );
    assert_refused!(
        one(&json!({ "Type": "Fail", "Cause": "C", "CausePath": "$.c" })),
        Conflict,
        in_state("CausePath")
    );
    let two = json!({ "Variable": "$.a", "StringEquals": "a", "IsPresent": true, "Next": "After" });
    assert_refused!(choice(&two), Conflict, in_state("Choices[0].IsPresent"));
    let both = json!({ "Variable": "$.a", "And": [], "IsPresent": true, "Next": "After" });
    assert_refused!(choice(&both), Conflict, in_state("Choices[0].Variable"));
    let twice = json!({ "Parameters": { "a": 1, "a.$": "$.a" } });
    assert_refused!(one(&task(&twice)), Conflict, in_state("Parameters.a.$"));
    let payloads = json!({ "FunctionName": "f", "Payload": {}, "Payload.$": "$" });
    assert_refused!(
        one(&task(&json!({ "Resource": INVOKE, "Parameters": payloads }))),
        Conflict,
        in_state("Parameters.Payload.$")
    );
}

#[test]
fn paths_outside_the_subset_are_refused() {
    for field in ["InputPath", "OutputPath", "ResultPath", "TimeoutSecondsPath"] {
        assert_refused!(one(&task(&json!({ field: "$.a[*]" }))), Path, in_state(field));
    }
    assert_refused!(one(&task(&json!({ "ResultPath": "$$.State.Name" }))), Path, in_state("ResultPath"));
    assert_refused!(
        one(&task(&json!({ "Parameters": { "a": [{ "b.$": "$$.Execution.RoleArn" }] } }))),
        Path,
        in_state("Parameters.a[0].b.$")
    );
    assert_refused!(
        one(&task(&json!({ "Parameters": { "a.$": "States.UUID()" } }))),
        Intrinsic,
        in_state("Parameters.a.$")
    );
}

#[test]
fn a_token_is_passed_on_where_it_exists_and_only_there() {
    assert_refused!(
        one(&task(&json!({ "Parameters": { "token.$": "$$.Task.Token" } }))),
        TokenOutsideTask,
        in_state("Parameters.token.$")
    );
    assert_refused!(
        one(&token_task(&json!({ "ResultSelector": { "token.$": "$$.Task.Token" } }))),
        TokenOutsideTask,
        in_state("ResultSelector.token.$")
    );
    let without = json!({ "Parameters": { "FunctionName": "f", "Payload.$": "$" } });
    assert_refused!(one(&token_task(&without)), TokenNotPassed, in_state("Parameters.Payload"));
}

#[test]
fn other_resources_are_refused() {
    for resource in [
        "health-check",
        "arn:aws:states:::sns:publish",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:eu-west-1:123456789012:activity:a",
        "arn:aws:lambda:eu-west-1:123456789012:function:",
        "arn:other:lambda:eu-west-1:123456789012:function:f",
    ] {
        assert_refused!(one(&task(&json!({ "Resource": resource }))), Resource, in_state("Resource"));
    }
}

#[test]
fn error_names_are_checked() {
    let retry = |names: Value| one(&task(&json!({ "Retry": [{ "ErrorEquals": names }] })));
    assert_refused!(retry(json!(["States.ALL", "A"])), AllNotLast, in_state("Retry[0].ErrorEquals"));
    let first = json!({ "Catch": [
        { "ErrorEquals": ["States.ALL"], "Next": "After" },
        { "ErrorEquals": ["A"], "Next": "After" },
    ] });
    assert_refused!(one(&task(&first)), AllNotLast, in_state("Catch[0].ErrorEquals"));
    for name in
        ["States.Runtime", "States.NoChoiceMatched", "States.ParameterPathFailure", "States.Tiemout", ""]
    {
        assert_refused!(retry(json!([name])), NeverMatches, in_state("Retry[0].ErrorEquals[0]"));
    }
}

#[test]
fn ways_that_lead_nowhere_are_refused() {
    let mut top = one(&json!({ "Type": "Succeed" }));
    top["StartAt"] = json!("Missing");
    assert_refused!(top, Dangling, "the top level, field \"StartAt\"");
    assert_refused!(one(&json!({ "Type": "Pass", "Next": "Missing" })), Dangling, in_state("Next"));
    let catch = json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "Missing" }] });
    assert_refused!(one(&task(&catch)), Dangling, in_state("Catch[0].Next"));
    let rule = json!({ "Variable": "$.a", "IsPresent": true, "Next": "Missing" });
    assert_refused!(choice(&rule), Dangling, in_state("Choices[0].Next"));
    let mut default = choice(&json!({ "Variable": "$.a", "IsPresent": true, "Next": "After" }));
    default["States"]["T"]["Default"] = json!("Missing");
    assert_refused!(default, Dangling, in_state("Default"));
}

#[test]
fn a_state_that_nothing_leads_to_is_refused() {
    let mut island = one(&json!({ "Type": "Succeed" }));
    island["States"]["A"] = json!({ "Type": "Pass", "Next": "B" });
    island["States"]["B"] = json!({ "Type": "Pass", "Next": "A" });
    assert_refused!(island, Unreachable, "state \"A\"");
}

#[test]
fn placeholders_are_filled_in_strings() {
    let definition = one(&task(&json!({ "Resource": "${Prefix}:function:${Name}", "Comment": "costs $5" })));
    let substitutions = BTreeMap::from([
        ("Prefix".to_owned(), "arn:aws:lambda:eu-west-1:123456789012".to_owned()),
        ("Name".to_owned(), "promote-step:7".to_owned()),
    ]);
    let machine = Machine::parse(&definition.to_string(), &substitutions).unwrap();
    assert_eq!(machine.functions().into_iter().collect::<Vec<_>>(), ["promote-step"]);
}

#[test]
fn a_substitution_cannot_change_the_structure() {
    let definition = one(&with(task(&json!({ "Comment": "${Name}" })), &json!({ "Resource": FUNCTION })));
    let substitutions = BTreeMap::from([("Name".to_owned(), "\", \"Type\": \"Fail".to_owned())]);
    let filled = Machine::parse(&definition.to_string(), &substitutions).unwrap();
    assert_eq!(filled, parse(&one(&task(&json!({})))));
}

#[test]
fn placeholders_without_value_or_form_are_refused() {
    assert_refused!(one(&task(&json!({ "Resource": "${Missing}" }))), Placeholder, in_state("Resource"));
    for text in ["${", "${}", "${a b}", "${a:-b}"] {
        assert_refused!(
            one(&task(&json!({ "Parameters": { "a": text } }))),
            MalformedPlaceholder,
            in_state("Parameters.a")
        );
    }
}

#[test]
fn a_machine_names_its_states_and_functions() {
    let machine = parse(&json!({ "StartAt": "A", "States": {
        "A": { "Type": "Task", "Resource": format!("{FUNCTION}:live"), "Next": "B" },
        "B": { "Type": "Task", "Resource": WAIT_FOR_TOKEN, "End": true, "Parameters": {
            "FunctionName": "approve", "Payload": { "token.$": "$$.Task.Token" } } },
    } }));
    assert_eq!(machine.state_names().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(machine.functions().into_iter().collect::<Vec<_>>(), ["approve", "health-check"]);
}

#[test]
fn malformed_identities_are_refused() {
    for arn in ["rollout", "arn:aws:states:eu-west-1::stateMachine:rollout", "arn:aws:states:e:1:execution:r"]
    {
        assert_eq!(Identity::new(arn, "a"), Err(IdentityError::MachineArn { found: arn.to_owned() }));
    }
    let long = "x".repeat(81);
    for name in ["", "a b", "a:b", &long] {
        let refused = Identity::new(super::support::MACHINE_ARN, name);
        assert_eq!(refused, Err(IdentityError::Name { found: name.to_owned() }));
    }
}
