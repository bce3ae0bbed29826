//! A resolved configuration as it is shown: every value, and who set it.

use serde_json::{Map, Value as Json};

use super::layers::SetBy;
use super::{Layer, Resolved};

/// A value of a resolved configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its dotted key, like `database.storage` or `rollout.canary.steps[0].weight`.
    pub key: String,
    /// The value.
    pub value: Json,
    /// Who set it; `None` where nobody did, so that it is what is built in.
    pub set_by: Option<SetBy>,
}

impl Resolved {
    /// The whole configuration, with everything that was left out as it is then. Secrets are not in it.
    pub fn to_json(&self) -> Json {
        let mut whole = Map::new();
        for part in [serde_json::to_value(&self.rollouts), serde_json::to_value(&self.sections)] {
            if let Ok(Json::Object(part)) = part {
                whole.extend(part);
            }
        }
        Json::Object(whole)
    }

    /// Every value of the configuration by its key, and who set it. Secrets are not among them.
    pub fn settings(&self) -> Vec<Setting> {
        let mut values = Vec::new();
        flatten(String::new(), &self.to_json(), &mut values);
        let mut settings: Vec<Setting> = values
            .into_iter()
            .map(|(key, value)| {
                let set_by = self.origins.get(&key).or_else(|| self.preset(&key)).cloned();
                Setting { key, value, set_by }
            })
            .collect();
        // A preset is written, but what is in force is what it stands for.
        let presets = self.origins.iter().filter(|(key, _)| key.ends_with(".preset"));
        settings.extend(presets.map(|(key, set_by)| {
            let value = Json::from(set_by.value.trim_matches('"'));
            Setting { key: key.clone(), value, set_by: Some(set_by.clone()) }
        }));
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        settings
    }

    /// The preset that a value comes from.
    fn preset(&self, key: &str) -> Option<&SetBy> {
        let (above, _) = key.rsplit_once('.')?;
        self.origins.get(&format!("{above}.preset"))
    }
}

impl SetBy {
    /// Where it was set, in words: `FILE:LINE`, the variable, or `default`.
    pub fn place(&self) -> String {
        match self.layer {
            Layer::Default => "default".to_owned(),
            Layer::Variable => self.file.clone(),
            Layer::Template | Layer::File => format!("{}:{}", self.file, self.line),
        }
    }
}

fn flatten(key: String, value: &Json, found: &mut Vec<(String, Json)>) {
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            for (name, below) in entries {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(key, below, found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, below) in items.iter().enumerate() {
                flatten(format!("{key}[{index}]"), below, found);
            }
        }
        leaf => found.push((key, leaf.clone())),
    }
}
