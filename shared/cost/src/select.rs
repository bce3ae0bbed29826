//! Which resources are an environment's, and which of them are left alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::{Arn, Family, Kind, Seen};

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

/// What such a name is no production with.
const NOT: [&str; 3] = ["pre", "non", "not"];

/// Which resources are stopped and started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The tags that it has to have, each with its value.
    pub tags: BTreeMap<String, String>,
    /// Of which services.
    pub families: BTreeSet<Family>,
}

/// Whether a pattern names a resource: its name, its ARN, or its kind and its name (`rds:orders`), each with `*` for anything.
pub fn names(pattern: &str, kind: Kind, name: &str, arn: &Arn) -> bool {
    let with_kind = format!("{kind}:{name}");
    [name, with_kind.as_str(), arn.as_str()].into_iter().any(|text| globbed(pattern, text))
}

/// Why a pattern names no resource, whatever resources there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// No name has a blank or a comma.
    #[error("{0:?} is no name: order each resource by itself, or write * for any part of a name")]
    Several(String),
    /// There is no such kind.
    #[error("there are no resources of the kind {0}: write one of {known}", known = Kind::known())]
    NoKind(String),
    /// Nothing of it is stopped.
    #[error(
        "{0} is not among `cost.resources`, so that nothing of it is stopped or started: write it there first"
    )]
    LeftOut(Family),
}

fn globbed(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pattern.contains('*').then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
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
    /// Checks what somebody wrote to name resources.
    pub fn check(&self, pattern: &str) -> Result<(), InvalidPattern> {
        if pattern.contains(|c: char| c == ',' || c.is_whitespace()) {
            return Err(InvalidPattern::Several(pattern.to_owned()));
        }
        let Some((kind, rest)) = pattern.split_once(':') else { return Ok(()) };
        let kind = if kind == "arn" { rest.split(':').nth(1).unwrap_or_default() } else { kind };
        let families: BTreeSet<Family> = Kind::ALL
            .iter()
            .filter(|one| globbed(kind, one.as_str()) || globbed(kind, &one.family().to_string()))
            .map(|one| one.family())
            .collect();
        match families.first() {
            None => Err(InvalidPattern::NoKind(kind.to_owned())),
            Some(one) if families.is_disjoint(&self.families) => Err(InvalidPattern::LeftOut(*one)),
            Some(_) => Ok(()),
        }
    }

    /// What is to be done with it. Production is left alone whatever the rules say.
    pub fn choose(&self, seen: &Seen) -> Choice {
        if !self.tags.iter().all(|(tag, value)| seen.tags.get(tag) == Some(value)) {
            return Choice::Other;
        }
        if let Some((tag, value)) = seen.tags.iter().find(|(tag, value)| says_production(tag, value)) {
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
}

/// Whether that is what production is called: `prod`, `production-eu`, but not `pre-prod`. Its resources are never stopped.
pub fn is_production(environment: &str) -> bool {
    let words = || environment.split(|c: char| !c.is_ascii_alphanumeric());
    let has = |names: &[&str]| words().any(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)));
    has(&PRODUCTION) && !has(&NOT)
}

/// Whether a tag says of what has it that it is production.
pub fn says_production(tag: &str, value: &str) -> bool {
    STAGES.iter().any(|stage| tag.eq_ignore_ascii_case(stage)) && is_production(value)
}
