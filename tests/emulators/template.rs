//! `infra/template.yaml` as the test stack uses it: what it says is created, and not said again here.

use std::collections::BTreeMap;

use e2e::files;
use serde_json::{Map, Value};

/// The template with what its references stand for.
pub struct Template {
    whole: Value,
    names: BTreeMap<String, String>,
}

impl Template {
    /// The template; `given` has a value for each reference that is used: a parameter or resource (`Table`), an
    /// attribute (`CleanUpRole.Arn`), a pseudo parameter (`AWS::Region`). Other parameters are as by default.
    pub fn new(given: BTreeMap<String, String>) -> Self {
        // Tags like !Ref are not kept: a reference is its text.
        let whole: Value = serde_saphyr::from_str(&files::text("infra/template.yaml")).unwrap();
        let default = |parameter: &Value| match &parameter["Default"] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let parameters = whole["Parameters"].as_object().into_iter().flatten();
        let mut names: BTreeMap<String, String> =
            parameters.filter_map(|(name, parameter)| Some((name.clone(), default(parameter)?))).collect();
        names.extend(given);
        Self { whole, names }
    }

    /// Adds what a reference stands for.
    pub fn name(&mut self, reference: &str, value: impl Into<String>) {
        self.names.insert(reference.to_owned(), value.into());
    }

    /// What a reference stands for.
    pub fn of(&self, reference: &str) -> &str {
        self.names.get(reference).unwrap_or_else(|| panic!("{reference} stands for nothing"))
    }

    /// The properties of a resource, unresolved.
    pub fn properties(&self, resource: &str) -> &Value {
        &self.whole["Resources"][resource]["Properties"]
    }

    /// The environment variables of a function.
    pub fn variables(&self, function: &str) -> Map<String, Value> {
        let shared = &self.whole["Globals"]["Function"]["Environment"]["Variables"];
        let own = &self.properties(function)["Environment"]["Variables"];
        let both = shared.as_object().into_iter().chain(own.as_object()).flatten();
        both.map(|(name, value)| (name.clone(), self.resolved(value))).collect()
    }

    /// A property that a function has, or all functions have.
    pub fn of_function(&self, function: &str, property: &str) -> &Value {
        let shared = &self.whole["Globals"]["Function"][property];
        self.properties(function).get(property).unwrap_or(shared)
    }

    /// A value with its references replaced.
    pub fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.resolved(value)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.resolved(value))).collect()
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        if let Some(value) = self.names.get(text) {
            return value.clone();
        }
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (reference, after) = after.split_once('}').unwrap();
            resolved.push_str(before);
            resolved.push_str(self.of(reference));
            rest = after;
        }
        resolved + rest
    }
}
