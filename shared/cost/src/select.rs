//! Which resources are an environment's, and which of them are left alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::{Family, Seen};

/// The tag by which a resource is an environment's, unless others are set.
pub const ENVIRONMENT: &str = "ace-flow:environment";
/// With this tag at [`KEEP`], a resource is left alone.
pub const COST: &str = "ace-flow:cost";
/// The value for that.
pub const KEEP: &str = "keep";
/// The tags that say of which environment something is, as people use them.
const STAGES: [&str; 5] = [ENVIRONMENT, "environment", "env", "stage", "tier"];
/// What production is called, as people do.
const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// Which resources are stopped and started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The tags that it has to have, each with its value.
    pub tags: BTreeMap<String, String>,
    /// Of which services.
    pub families: BTreeSet<Family>,
    /// The environments that are never stopped, by name.
    pub never: BTreeSet<String>,
}

/// What is to be done with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is another environment's.
    Other,
    /// It is stopped and started.
    Managed,
    /// It is left alone, and why.
    Left(String),
}

impl Rules {
    /// What is to be done with it. Production is left alone whatever the rules say.
    pub fn choose(&self, seen: &Seen) -> Choice {
        if !self.tags.iter().all(|(tag, value)| seen.tags.get(tag) == Some(value)) {
            return Choice::Other;
        }
        if let Some((tag, value)) = seen.tags.iter().find(|(tag, value)| self.is_production(tag, value)) {
            return Choice::Left(format!(
                "its tag {tag} says {value}, which is never stopped: mend that tag if it is wrong"
            ));
        }
        if seen.tags.get(COST).is_some_and(|value| value == KEEP) {
            return Choice::Left(format!("its tag {COST} says {KEEP}"));
        }
        let family = seen.kind.family();
        if !self.families.contains(&family) {
            return Choice::Left(format!("{family} is not among `cost.resources`"));
        }
        Choice::Managed
    }

    fn is_production(&self, tag: &str, value: &str) -> bool {
        let (tag, value) = (tag.to_ascii_lowercase(), value.to_ascii_lowercase());
        STAGES.contains(&tag.as_str())
            && (PRODUCTION.contains(&value.as_str()) || self.never.contains(&value))
    }
}
