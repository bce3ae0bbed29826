use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Whether a resource runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// Without quotes, YAML readers take `on` and `off` for flags.
impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = State;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("on or off")
    }

    fn visit_bool<E: Error>(self, is_on: bool) -> Result<State, E> {
        Ok(if is_on { State::On } else { State::Off })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<State, E> {
        match text {
            "on" => Ok(State::On),
            "off" => Ok(State::Off),
            other => Err(E::custom(format!("{other:?} is no state: write on or off"))),
        }
    }
}

impl JsonSchema for State {
    fn schema_name() -> Cow<'static, str> {
        "State".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whether a resource runs. Without quotes, YAML readers take `on` and `off` for flags.",
            "enum": ["on", "off", true, false],
        })
    }
}
