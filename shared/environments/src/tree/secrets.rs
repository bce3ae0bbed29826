use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use super::mistake::{Notes, nearest};
use super::node::{Entry, Node, Origin, Value};
use super::rules::Kind;

/// A secret's value, which Debug does not show, and which is overwritten in memory when it is dropped. There is no Display.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One entry of secrets.yml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The value itself: only in local and development.
    Value(SecretText),
    /// A reference to Secrets Manager: an ARN, or `{{resolve:secretsmanager:NAME:SecretString:KEY}}` as
    /// `CloudFormation` writes it.
    Reference(String),
}

/// The secrets of an environment, by `group.name`.
pub type Secrets = BTreeMap<String, Secret>;

/// A secret and where it stands.
pub(crate) struct Placed {
    pub(crate) secret: Secret,
    pub(crate) at: Origin,
}

/// What secrets.yml holds, by `group.name`; whatever is wrong is noted, without values.
pub(crate) fn secrets(root: &Node, kind: Kind, notes: &mut Notes) -> BTreeMap<String, Placed> {
    let mut found = BTreeMap::new();
    let top = match &root.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        _ => {
            notes.error(&root.at, "the file has no block `secrets`", "begin it with `secrets:`");
            &[]
        }
    };
    for entry in top {
        if entry.key != "secrets" {
            let message = format!("unknown key `{}` in the file of secrets", entry.key);
            notes.error(&entry.at, message, nearest(&entry.key, &["secrets"]));
            continue;
        }
        for group in block(entry, "secrets", notes) {
            let path = format!("secrets.{}", group.key);
            for secret in block(group, &path, notes) {
                if let Some(placed) = one(secret, &format!("{path}.{}", secret.key), kind, notes) {
                    found.insert(format!("{}.{}", group.key, secret.key), placed);
                }
            }
        }
    }
    found
}

fn block<'a>(entry: &'a Entry, path: &str, notes: &mut Notes) -> &'a [Entry] {
    match &entry.node.value {
        Value::Map(entries) => entries,
        Value::Null if path == "secrets" => &[],
        _ => {
            let remedy =
                "write secrets in groups: `secrets:`, below it a group, below that `name: \"value\"`";
            notes.error(&entry.at, format!("{path} is not a block"), remedy);
            &[]
        }
    }
}

fn one(entry: &Entry, path: &str, kind: Kind, notes: &mut Notes) -> Option<Placed> {
    let (Value::Text(text) | Value::Loose(text)) = &entry.node.value else {
        if !matches!(entry.node.value, Value::Unfilled(_)) {
            notes.error(&entry.at, format!("{path} is no text"), "write the secret in quotes");
        }
        return None;
    };
    let at = entry.at.clone();
    if is_reference(text) {
        return Some(Placed { secret: Secret::Reference(text.clone()), at });
    }
    if text.is_empty() {
        notes.error(&at, format!("{path} is empty"), "write the secret, or leave the line out");
        return None;
    }
    if !kind.may_hold_secrets() {
        let example = path.strip_prefix("secrets.").unwrap_or(path);
        notes.error(
            &at,
            format!("{path} holds a value: only local and development may have secrets in a file"),
            format!(
                "put it into Secrets Manager and refer to it: \
                 \"{{{{resolve:secretsmanager:ace-flow/ENVIRONMENT/secrets:SecretString:{example}}}}}\"; \
                 rotate it if the file was ever committed"
            ),
        );
        return None;
    }
    Some(Placed { secret: Secret::Value(SecretText(Zeroizing::new(text.clone()))), at })
}

fn is_reference(text: &str) -> bool {
    let dynamic = text
        .strip_prefix("{{resolve:secretsmanager:")
        .and_then(|rest| rest.strip_suffix("}}"))
        .is_some_and(|rest| !rest.is_empty() && !rest.contains(['{', '}', ' ']));
    let parts: Vec<&str> = text.splitn(7, ':').collect();
    let arn = matches!(parts.as_slice(), ["arn", partition, "secretsmanager", region, account, "secret", name]
        if partition.starts_with("aws") && !region.is_empty() && account.len() == 12 && !name.is_empty());
    dynamic || arn
}
