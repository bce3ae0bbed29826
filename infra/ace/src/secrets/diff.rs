//! `ace secrets diff`.

use std::collections::BTreeMap;

use environments::tree::{Secret as Written, Secrets as File, secrets_of};
use secrets::{Key, Secret, Stage, Values, VaultError};
use serde_json::json;

use super::Diff;
use super::error::SecretsError;
use super::fingerprint::{Fingerprint, Fingerprints};
use super::place::{self, Place};
use crate::Ending;
use crate::arguments::Output;

/// What is to be known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// secrets.yml has a value or a reference, and the stored secret has no such key.
    Missing { what: &'static str },
    /// The stored secret has it, secrets.yml does not speak of it.
    Extra,
    /// secrets.yml has another value.
    Differs,
    /// secrets.yml has the same value, or refers to what is there.
    Same,
    /// secrets.yml refers to another secret, which is not looked into.
    Elsewhere { secret: String },
    /// The other environment has it.
    OnlyThere,
    /// The other environment does not have it.
    OnlyHere,
    /// A key of the other environment has the same value.
    Shared { with: Key },
}

impl Finding {
    const fn word(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Extra => "extra",
            Self::Differs => "differs",
            Self::Same => "same",
            Self::Elsewhere { .. } => "elsewhere",
            Self::OnlyThere => "missing here",
            Self::OnlyHere => "missing there",
            Self::Shared { .. } => "shared",
        }
    }

    fn told(&self, stored: &str, other: &str) -> String {
        match self {
            Self::Missing { what } => format!("secrets.yml has {what}, {stored} has no such key"),
            Self::Extra => format!("{stored} has it, secrets.yml does not speak of it"),
            Self::Differs => format!("secrets.yml has another value than {stored}"),
            Self::Same => format!("as in {stored}"),
            Self::Elsewhere { secret } => format!("refers to {secret}, which is not looked into"),
            Self::OnlyThere => format!("only {other} has it"),
            Self::OnlyHere => format!("{other} does not have it"),
            Self::Shared { with } => {
                format!("the same value as {with} of {other}: give each environment one of its own")
            }
        }
    }

    const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::OnlyThere | Self::OnlyHere)
    }

    const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }
}

pub(crate) async fn diff(arguments: &Diff) -> Result<Ending, SecretsError> {
    let here = Place::open(&arguments.place)?;
    if here.is_file() && arguments.against.is_none() {
        return Err(SecretsError::NothingToCompare);
    }
    let values = stored(&here).await?;
    let mut findings = Vec::new();
    if !here.is_file() {
        let path = place::secrets_file(&arguments.place.tree, &arguments.place.environment);
        if let Some(text) = place::text(&path)? {
            let kind = place::kind(&arguments.place.tree, &arguments.place.environment);
            let written = secrets_of(&text, kind).map_err(|refused| SecretsError::Mistakes {
                place: text.name.clone(),
                mistakes: refused.to_string(),
            })?;
            findings.extend(with_file(&written, &values, here.name.as_str()));
        } else {
            eprintln!("there is no {}: only what is stored is compared", path.display());
        }
    }
    let mut other = String::new();
    if let Some(against) = &arguments.against {
        let there = Place::of(&arguments.place, against)?;
        other = format!("environment {against}");
        findings.extend(with_environment(&values, &stored(&there).await?, &here.fingerprints));
    }
    let width = findings.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, finding) in &findings {
        let (word, told) = (finding.word(), finding.told(&here.shown, &other));
        match arguments.output.output {
            Output::Human => println!("{word:13}  {key:width$}  {told}"),
            Output::Json => println!("{}", json!({ "key": key, "finding": word, "text": told })),
        }
    }
    let count = |which: fn(&Finding) -> bool| findings.iter().filter(|(_, finding)| which(finding)).count();
    let (missing, shared) = (count(Finding::is_missing), count(Finding::is_shared));
    if missing + shared > 0 {
        return Err(SecretsError::Differ { missing, shared });
    }
    Ok(Ending::Good)
}

async fn stored(place: &Place) -> Result<Values, SecretsError> {
    match place.vault.get(&place.name, Stage::Current).await {
        Ok(version) => Ok((*version.values).clone()),
        Err(VaultError::NotFound { .. }) => Ok(Values::default()),
        Err(error) => Err(error.into()),
    }
}

/// The keys of secrets.yml, and those that it does not speak of.
pub(crate) fn with_file(written: &File, stored: &Values, name: &str) -> Vec<(String, Finding)> {
    let mut spoken_of: Vec<String> = Vec::new();
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    for (key, written) in written {
        let finding = match written {
            Written::Value(value) => {
                spoken_of.push(key.clone());
                match stored.get(key) {
                    None => Finding::Missing { what: "a value" },
                    Some(there) if there.expose() == value.reveal() => Finding::Same,
                    Some(_) => Finding::Differs,
                }
            }
            Written::Reference(reference) => {
                let (secret, part) = target(reference);
                if is_named(&secret, name) {
                    let there = present(stored, key, part.as_deref());
                    spoken_of.extend(there.clone());
                    there.map_or(Finding::Missing { what: "a reference" }, |_| Finding::Same)
                } else {
                    Finding::Elsewhere { secret }
                }
            }
        };
        findings.insert(key.clone(), finding);
    }
    for key in stored.keys().filter(|key| !spoken_of.iter().any(|spoken| spoken == key.as_str())) {
        findings.entry(key.as_str().to_owned()).or_insert(Finding::Extra);
    }
    findings.into_iter().collect()
}

/// The key of the stored secret that a reference at `key` means: the one that it names, or, since `CloudFormation`
/// reaches only the top of a secret's JSON, the one at the same place with that name as its last part.
fn present(stored: &Values, key: &str, part: Option<&str>) -> Option<String> {
    let named = part.filter(|part| stored.get(part).is_some());
    let last = key.rsplit_once('.').map_or(key, |(_, last)| last);
    let placed = Some(key).filter(|key| stored.get(key).is_some() && part.is_none_or(|part| part == last));
    named.or(placed).map(str::to_owned)
}

/// The secret that a reference names, and the key in it.
pub(crate) fn target(reference: &str) -> (String, Option<String>) {
    let Some(inner) = reference.strip_prefix("{{resolve:secretsmanager:") else {
        return (reference.to_owned(), None);
    };
    let inner = inner.trim_end_matches('}');
    let (name, rest) = inner.split_once(":SecretString").unwrap_or((inner, ""));
    let part = rest.strip_prefix(':').and_then(|rest| rest.split(':').next());
    (name.to_owned(), part.filter(|part| !part.is_empty()).map(str::to_owned))
}

/// Whether a name or an ARN is that of this secret. An ARN ends with six characters of Secrets Manager's own.
fn is_named(secret: &str, name: &str) -> bool {
    const SUFFIX: usize = "-AbCdEf".len();
    let own = secret.rsplit_once(":secret:").map_or(secret, |(_, own)| own);
    let rest = own.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || (rest.len() == SUFFIX && rest.starts_with('-')))
}

/// Keys that only one of two environments has, and values that both have.
pub(crate) fn with_environment(
    here: &Values,
    there: &Values,
    fingerprints: &Fingerprints,
) -> Vec<(String, Finding)> {
    let of = |values: &Values, key: &Key| {
        let value = values.get(key.as_str()).map_or("", Secret::expose);
        fingerprints.of(value)
    };
    let theirs: BTreeMap<Fingerprint, &Key> = there.keys().map(|key| (of(there, key), key)).collect();
    let mut findings: Vec<(String, Finding)> = Vec::new();
    for key in here.keys() {
        if there.get(key.as_str()).is_none() {
            findings.push((key.to_string(), Finding::OnlyHere));
        }
        if let Some(with) = theirs.get(&of(here, key)) {
            findings.push((key.to_string(), Finding::Shared { with: (*with).clone() }));
        }
    }
    let only_there = there.keys().filter(|key| here.get(key.as_str()).is_none());
    findings.extend(only_there.map(|key| (key.to_string(), Finding::OnlyThere)));
    findings.sort_by(|a, b| a.0.cmp(&b.0));
    findings
}
