use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cron::Cron;

/// One cron expression or several, written as a text or as a list. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crons(Vec<Cron>);

impl Crons {
    /// The expressions, in their order.
    pub fn as_slice(&self) -> &[Cron] {
        &self.0
    }
}

impl From<Cron> for Crons {
    fn from(cron: Cron) -> Self {
        Self(vec![cron])
    }
}

impl Serialize for Crons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Crons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Crons;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cron expression like 0 18 * * 1-5, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Crons, E> {
        text.parse::<Cron>().map(Crons::from).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Crons, A::Error> {
        let mut crons = Vec::new();
        while let Some(cron) = list.next_element()? {
            crons.push(cron);
        }
        if crons.is_empty() {
            return Err(A::Error::custom(
                "there is no cron expression: write at least one, like 0 18 * * 1-5",
            ));
        }
        Ok(Crons(crons))
    }
}

impl JsonSchema for Crons {
    fn schema_name() -> Cow<'static, str> {
        "Crons".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let cron = generator.subschema_for::<Cron>();
        json_schema!({ "anyOf": [cron, { "type": "array", "items": cron, "minItems": 1 }] })
    }
}
