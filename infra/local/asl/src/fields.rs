//! Reads the fields of one object, and refuses the ones nobody read.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::definition_error::{DefinitionError, Place};
use crate::path::{RefPath, ValuePath};
use crate::template::Scope;

/// Fields that belong to `JSONata` or to variables.
const JSONATA: [&str; 5] = ["Arguments", "Assign", "Condition", "Items", "Output"];

/// The longest time that Step Functions takes in a field of seconds.
pub(crate) const MAX_SECONDS: u64 = 99_999_999;

pub(crate) struct Fields {
    place: Place,
    members: Map<String, Value>,
}

impl Fields {
    pub(crate) fn open(place: Place, value: Value) -> Result<Self, DefinitionError> {
        match value {
            Value::Object(members) => Ok(Self { place, members }),
            _ => Err(expected(place, "an object")),
        }
    }

    pub(crate) fn at(&self, field: &str) -> Place {
        self.place.member(field)
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.members.contains_key(field)
    }

    /// The field's value, `null` included.
    pub(crate) fn any(&mut self, field: &str) -> Option<Value> {
        self.members.remove(field)
    }

    pub(crate) fn take(&mut self, field: &str) -> Result<Option<Value>, DefinitionError> {
        match self.any(field) {
            Some(Value::Null) => Err(DefinitionError::Null { place: self.at(field) }),
            value => Ok(value),
        }
    }

    pub(crate) fn require(&mut self, field: &str) -> Result<Value, DefinitionError> {
        let value = self.take(field)?;
        value.ok_or_else(|| DefinitionError::Missing { place: self.at(field) })
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<Option<String>, DefinitionError> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(expected(self.at(field), "a string")),
        }
    }

    pub(crate) fn require_text(&mut self, field: &str) -> Result<String, DefinitionError> {
        let text = self.text(field)?;
        text.ok_or_else(|| DefinitionError::Missing { place: self.at(field) })
    }

    pub(crate) fn flag(&mut self, field: &str) -> Result<Option<bool>, DefinitionError> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(expected(self.at(field), "true or false")),
        }
    }

    pub(crate) fn list(&mut self, field: &str) -> Result<Option<Vec<Value>>, DefinitionError> {
        match self.take(field)? {
            None => Ok(None),
            Some(Value::Array(elements)) => Ok(Some(elements)),
            Some(_) => Err(expected(self.at(field), "an array")),
        }
    }

    /// An array that is not empty.
    pub(crate) fn require_list(&mut self, field: &str) -> Result<Vec<Value>, DefinitionError> {
        match self.list(field)? {
            None => Err(DefinitionError::Missing { place: self.at(field) }),
            Some(elements) if elements.is_empty() => Err(expected(self.at(field), "at least one entry")),
            Some(elements) => Ok(elements),
        }
    }

    /// An object.
    pub(crate) fn object(&mut self, field: &str) -> Result<Option<Value>, DefinitionError> {
        match self.take(field)? {
            Some(value) if !value.is_object() => Err(expected(self.at(field), "an object")),
            value => Ok(value),
        }
    }

    pub(crate) fn whole(&mut self, field: &str, min: u64, max: u64) -> Result<Option<u64>, DefinitionError> {
        let Some(value) = self.take(field)? else { return Ok(None) };
        match value.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(expected(self.at(field), &format!("a whole number from {min} to {max}"))),
        }
    }

    pub(crate) fn seconds(&mut self, field: &str, min: u64) -> Result<Option<Duration>, DefinitionError> {
        Ok(self.whole(field, min, MAX_SECONDS)?.map(Duration::from_secs))
    }

    pub(crate) fn path(&mut self, field: &str) -> Result<Option<ValuePath>, DefinitionError> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        ValuePath::parse_at(&text, self.at(field), Scope::Plain).map(Some)
    }

    /// A path into the input; the context is not for writing.
    pub(crate) fn reference(&mut self, field: &str) -> Result<Option<RefPath>, DefinitionError> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match RefPath::parse(&text) {
            Ok(path) => Ok(Some(path)),
            Err(source) => Err(DefinitionError::Path { place: self.at(field), found: text, source }),
        }
    }

    /// Refuses two of the fields together.
    pub(crate) fn at_most_one(&self, fields: &[&str]) -> Result<(), DefinitionError> {
        let mut present = fields.iter().filter(|field| self.has(field));
        match (present.next(), present.next()) {
            (Some(first), Some(second)) => {
                Err(DefinitionError::Conflict { place: self.at(second), other: (*first).to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses fields that nobody took.
    pub(crate) fn finish(self) -> Result<(), DefinitionError> {
        let Some(field) = self.members.keys().next() else { return Ok(()) };
        let place = self.at(field);
        if JSONATA.contains(&field.as_str()) {
            Err(DefinitionError::Jsonata { place })
        } else {
            Err(DefinitionError::UnknownField { place })
        }
    }
}

pub(crate) fn expected(place: Place, expected: &str) -> DefinitionError {
    DefinitionError::Value { place, expected: expected.to_owned() }
}
