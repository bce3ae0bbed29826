//! Event patterns, as EventBridge matches events with them ("Amazon EventBridge event patterns" and "Comparison operators
//! for use in event patterns", Amazon EventBridge User Guide), as far as the template uses them.

use serde_json::{Map, Value, json};

/// Whether a rule's pattern matches an event.
///
/// # Panics
/// When the pattern uses an operator that is not known here.
pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    let fields = pattern.as_object().unwrap_or_else(|| panic!("{pattern} is no pattern"));
    all(fields, event)
}

/// Every field of the pattern has to match; of the patterns of a `$or`, one.
fn all(fields: &Map<String, Value>, event: &Value) -> bool {
    fields.iter().all(|(name, pattern)| match (name.as_str(), pattern) {
        ("$or", Value::Array(patterns)) => patterns.iter().any(|pattern| matches(pattern, event)),
        (_, Value::Object(inner)) => match event.get(name) {
            // Of a list of objects, any.
            Some(Value::Array(items)) => items.iter().any(|item| all(inner, item)),
            Some(value) => all(inner, value),
            None => all(inner, &Value::Null),
        },
        (_, Value::Array(any)) => any.iter().any(|one| leaf(one, event.get(name))),
        _ => panic!("{name}: {pattern} is neither a list nor a pattern"),
    })
}

fn leaf(wanted: &Value, value: Option<&Value>) -> bool {
    // Of a list of values, any.
    let values: Vec<&Value> = match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    let texts = || values.iter().filter_map(|value| value.as_str());
    let Value::Object(operator) = wanted else { return values.contains(&wanted) };
    match operator.iter().next().map(|(name, operand)| (name.as_str(), operand)) {
        // Only of leaves: an object is none.
        Some(("exists", Value::Bool(true))) => values.iter().any(|value| !value.is_object()),
        Some(("exists", Value::Bool(false))) => value.is_none(),
        Some(("prefix", Value::String(prefix))) => texts().any(|text| text.starts_with(prefix)),
        Some(("wildcard", Value::String(wildcard))) => texts().any(|text| is_like(wildcard, text)),
        _ => panic!("{wanted} is an operator that this test does not know"),
    }
}

/// Whether a text is like a wildcard, whose stars stand for any texts.
fn is_like(wildcard: &str, text: &str) -> bool {
    let Some((first, rest)) = wildcard.split_once('*') else { return wildcard == text };
    let Some(text) = text.strip_prefix(first) else { return false };
    (0..=text.len()).filter_map(|from| text.get(from..)).any(|text| is_like(rest, text))
}

#[test]
fn patterns_match_as_event_bridge_does() {
    let event = json!({
        "source": "ace-flow", "detail-type": "Rollout Promoted", "resources": ["a", "b"],
        "detail": { "milestone": "promoted", "weight": 100, "none": null, "list": [], "who": { "name": "ann" } },
    });
    for (pattern, matched) in [
        (json!({}), true),
        (json!({ "source": ["aws.cloudwatch", "ace-flow"] }), true),
        (json!({ "source": ["ACE-flow"] }), false),
        (json!({ "source": ["ace-flow"], "detail-type": ["Rollout Started"] }), false),
        // A list matches if one of it does.
        (json!({ "resources": ["b", "c"] }), true),
        (json!({ "resources": ["c"] }), false),
        // Null is a value, and what is not there has none.
        (json!({ "detail": { "none": [null] } }), true),
        (json!({ "detail": { "other": [null] } }), false),
        (json!({ "detail": { "weight": [100] } }), true),
        (json!({ "detail": { "weight": ["100"] } }), false),
        (json!({ "detail": { "milestone": [{ "exists": true }] } }), true),
        (json!({ "detail": { "other": [{ "exists": true }] } }), false),
        (json!({ "detail": { "other": [{ "exists": false }] } }), true),
        (json!({ "detail": { "none": [{ "exists": true }] } }), true),
        (json!({ "detail": { "none": [{ "exists": false }] } }), false),
        (json!({ "detail": { "who": [{ "exists": true }] } }), false),
        (json!({ "detail": { "who": { "name": [{ "exists": true }] } } }), true),
        (json!({ "other": { "deep": [{ "exists": false }] } }), true),
        (json!({ "other": { "deep": [{ "exists": true }] } }), false),
        (json!({ "detail-type": [{ "prefix": "Rollout " }] }), true),
        (json!({ "detail-type": [{ "prefix": "rollout " }] }), false),
        (json!({ "detail": { "weight": [{ "prefix": "1" }] } }), false),
        (json!({ "resources": [{ "prefix": "b" }] }), true),
        (json!({ "detail-type": [{ "wildcard": "*out*moted" }] }), true),
        (json!({ "detail-type": [{ "wildcard": "*out" }] }), false),
        (json!({ "$or": [{ "source": ["x"] }, { "detail": { "weight": [100] } }] }), true),
        (json!({ "$or": [{ "source": ["x"] }, { "source": ["y"] }] }), false),
        // Beside a `$or`, everything else has to match as well.
        (json!({ "detail-type": ["x"], "$or": [{ "source": ["ace-flow"] }] }), false),
        (json!({ "detail": { "$or": [{ "weight": [0] }, { "milestone": ["promoted"] }] } }), true),
    ] {
        assert_eq!(matches(&pattern, &event), matched, "{pattern}");
    }
}
