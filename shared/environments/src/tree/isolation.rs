use std::collections::BTreeMap;

use super::Resolved;
use super::mistake::Notes;
use super::node::{Entry, Origin};
use super::rules::place;
use super::secrets::{Placed, Secret};

/// An environment that is valid alone.
pub(crate) struct Valid {
    pub(crate) resolved: Resolved,
    pub(crate) entries: Vec<Entry>,
    pub(crate) secrets: BTreeMap<String, Placed>,
}

/// What only one environment may have: what kind of thing, and its identity, which is not shown.
type Owned = (&'static str, String);

/// Notes what two environments share: a fault in one would reach the other's data.
pub(crate) fn check(environments: &[Valid], notes: &mut Notes) {
    let mut owners: BTreeMap<Owned, (&str, String)> = BTreeMap::new();
    let mut values: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for valid in environments {
        let name = valid.resolved.name.as_str();
        for (owned, setting, at) in owned(valid) {
            let (what, _) = owned;
            match owners.get(&owned) {
                Some((owner, other)) if *owner != name => notes.error(
                    at,
                    format!("{setting} is also {other} of environment {owner}: data isolation is broken"),
                    format!("give each environment a {what} of its own"),
                ),
                Some(_) => {}
                None => {
                    owners.insert(owned, (name, setting));
                }
            }
        }
        for (key, Placed { secret, at }) in &valid.secrets {
            let Secret::Value(value) = secret else { continue };
            match values.get(value.reveal()) {
                Some((owner, other)) if *owner != name => notes.warning(
                    at,
                    format!("secrets.{key} has the same value as secrets.{other} of environment {owner}"),
                    "give each environment a value of its own",
                ),
                Some(_) => {}
                None => {
                    values.insert(value.reveal(), (name, key));
                }
            }
        }
    }
}

fn owned(valid: &Valid) -> Vec<(Owned, String, &Origin)> {
    let sections = &valid.resolved.sections;
    let identity = &sections.environment;
    // Two accounts may use one name; where an account is not given, it may be the same.
    let local = |name: &str| format!("{}/{name}", identity.region);
    let mut found = Vec::new();
    let mut add = |what: &'static str, identity: String, section: &str, key: &str| {
        if let Some(at) = place(&valid.entries, section, key) {
            found.push(((what, identity), format!("{section}.{key}"), at));
        }
    };
    add("name", identity.name.clone(), "environment", "name");
    if let Some(storage) = &sections.storage {
        add("bucket", storage.bucket_name.clone(), "storage", "bucket_name");
        if let Some(table) = &storage.table_name {
            add("table", local(table), "storage", "table_name");
        }
    }
    if let Some(identifier) = sections.database.as_ref().and_then(|database| database.identifier.as_ref()) {
        add("database", local(&identifier.to_ascii_lowercase()), "database", "identifier");
    }
    for (key, Placed { secret, at }) in &valid.secrets {
        let setting = format!("secrets.{key}");
        match secret {
            Secret::Reference(reference) => {
                found.push((("secret", secret_of(reference)), setting, at));
            }
            Secret::Value(value) => {
                if let Some(database) = database_of(value.reveal()) {
                    found.push((("database", database), setting, at));
                }
            }
        }
    }
    found
}

/// The secret that a reference names, without the key inside it.
fn secret_of(reference: &str) -> String {
    let Some(inner) = reference.strip_prefix("{{resolve:secretsmanager:") else {
        return reference.to_owned();
    };
    let inner = inner.trim_end_matches('}');
    inner.split_once(":SecretString").map_or(inner, |(name, _)| name).to_owned()
}

/// The server and database of a connection string, without who connects.
fn database_of(connection: &str) -> Option<String> {
    let (scheme, rest) = connection.split_once("://")?;
    if scheme.starts_with("http") {
        return None;
    }
    let (server, path) = rest.split_once('/')?;
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let database = path.split_once('?').map_or(path, |(database, _)| database);
    // A database on the own machine is another one on each machine.
    let here = ["localhost", "127.0.0.1"].iter().any(|here| server.starts_with(here));
    (!server.is_empty() && !here).then(|| format!("{}/{database}", server.to_ascii_lowercase()))
}
