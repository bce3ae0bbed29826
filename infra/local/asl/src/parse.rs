//! From text to [`Machine`].

mod placeholders;
mod recovery;
mod rules;
mod states;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::definition_error::{DefinitionError, Place};
use crate::fields::{Fields, expected};
use crate::machine::{Machine, State};

/// The most characters of a state's name (Amazon States Language).
const MAX_STATE_NAME: usize = 80;

pub(crate) fn machine(
    definition: &str,
    substitutions: &BTreeMap<String, String>,
) -> Result<Machine, DefinitionError> {
    let mut document = crate::json::parse(definition).map_err(DefinitionError::Json)?;
    placeholders::fill(&mut document, &Place::top(), substitutions)?;

    let mut fields = Fields::open(Place::top(), document)?;
    fields.text("Comment")?;
    if fields.text("Version")?.is_some_and(|version| version != "1.0") {
        return Err(expected(fields.at("Version"), "\"1.0\""));
    }
    query_language(&mut fields)?;
    let timeout = fields.seconds("TimeoutSeconds", 1)?;
    let start_at = fields.require_text("StartAt")?;
    let states_place = fields.at("States");
    let states = fields.require("States")?;
    fields.finish()?;

    let Value::Object(members) = states else { return Err(expected(states_place, "an object")) };
    let mut states = BTreeMap::new();
    for (name, value) in members {
        let place = Place::state(&name);
        if name.is_empty() || name.chars().count() > MAX_STATE_NAME {
            return Err(expected(place, "a name of 1 to 80 characters"));
        }
        states.insert(name, states::state(place, value)?);
    }
    check_ways(&start_at, &states)?;
    Ok(Machine { start_at, states, timeout })
}

/// `QueryLanguage`, where only `JSONPath` is in the subset.
fn query_language(fields: &mut Fields) -> Result<(), DefinitionError> {
    match fields.text("QueryLanguage")?.as_deref() {
        None | Some("JSONPath") => Ok(()),
        Some(_) => Err(DefinitionError::Jsonata { place: fields.at("QueryLanguage") }),
    }
}

fn check_ways(start_at: &str, states: &BTreeMap<String, State>) -> Result<(), DefinitionError> {
    let check = |place: Place, target: &str| {
        if states.contains_key(target) {
            Ok(())
        } else {
            Err(DefinitionError::Dangling { place, target: target.to_owned() })
        }
    };
    check(Place::top().member("StartAt"), start_at)?;
    for (name, state) in states {
        for (field, target) in state.targets() {
            check(Place::state(name).member(&field), target)?;
        }
    }

    let mut reached = BTreeSet::from([start_at]);
    let mut open = vec![start_at];
    while let Some(state) = open.pop().and_then(|name| states.get(name)) {
        for (_, target) in state.targets() {
            if reached.insert(target) {
                open.push(target);
            }
        }
    }
    match states.keys().find(|name| !reached.contains(name.as_str())) {
        Some(name) => Err(DefinitionError::Unreachable { place: Place::state(name) }),
        None => Ok(()),
    }
}
