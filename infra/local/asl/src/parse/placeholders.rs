//! `${Name}` in the strings of a definition.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition_error::{DefinitionError, Place};

/// Fills every string of the document, and refuses `JSONata` expressions (`{% ... %}`), which a `JSONPath`
/// machine would take for plain text.
pub(super) fn fill(
    value: &mut Value,
    place: &Place,
    substitutions: &BTreeMap<String, String>,
) -> Result<(), DefinitionError> {
    match value {
        Value::String(text) => {
            if text.trim_start().starts_with("{%") {
                return Err(DefinitionError::Jsonata { place: place.clone() });
            }
            if text.contains("${") {
                *text = fill_text(text, place, substitutions)?;
            }
            Ok(())
        }
        Value::Array(elements) => elements
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, element)| fill(element, &place.element(index), substitutions)),
        Value::Object(members) => {
            members.iter_mut().try_for_each(|(name, member)| fill(member, &place.member(name), substitutions))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn fill_text(
    text: &str,
    place: &Place,
    substitutions: &BTreeMap<String, String>,
) -> Result<String, DefinitionError> {
    let malformed = || DefinitionError::MalformedPlaceholder { place: place.clone(), found: text.to_owned() };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or_else(malformed)?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
            return Err(malformed());
        }
        let Some(value) = substitutions.get(name) else {
            return Err(DefinitionError::Placeholder { place: place.clone(), name: name.to_owned() });
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = tail;
    }
    filled.push_str(rest);
    Ok(filled)
}
