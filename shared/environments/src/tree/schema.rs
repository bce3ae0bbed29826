//! The JSON Schema of the whole configuration file, for editors.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema as _, Schema, json_schema};
use serde_json::Value as Json;

use super::sections;
use crate::Written;

/// The JSON Schema of a config.yml that has no layer below or above it: the sections, and the blocks of rollouts. What
/// it refuses [`super::check`] refuses; the rules that look at several settings, or at several environments, are not in
/// it.
pub fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut properties = sections::properties(&mut generator);
    let rollouts = Written::json_schema(&mut generator);
    for (name, block) in rollouts.get("properties").and_then(Json::as_object).into_iter().flatten() {
        properties.entry(name).or_insert_with(|| block.clone());
    }
    let mut definitions = generator.take_definitions(true);
    // The sections' own has taken its place.
    definitions.remove("Identity");
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of an environment",
        "description": "A file .ace-flow/environments/<environment>/config.yml of ACE-Flow.",
        "type": "object",
        "additionalProperties": false,
        "required": ["environment"],
    });
    schema.insert("properties".to_owned(), Json::Object(properties));
    schema.insert("$defs".to_owned(), Json::Object(definitions));
    schema
}
